package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// problem is an error page about to be written.
type problem struct {
	status     int
	permission authz.Permission
	detail     crm.Message
	retryAfter int // seconds, 0 where that would not help
}

// problemOf maps an error to its page: the one place where errors become statuses.
func problemOf(err error) problem {
	var invalid crm.Invalid
	var forbidden postgres.Forbidden
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &forbidden):
		return problem{status: http.StatusForbidden, permission: forbidden.Permission}
	case errors.Is(err, crm.ErrNotFound):
		return problem{status: http.StatusNotFound}
	case errors.Is(err, crm.ErrConflict):
		return problem{status: http.StatusConflict}
	case errors.Is(err, postgres.ErrNotAuthor):
		return problem{status: http.StatusForbidden, detail: crm.Msg("Only its author, or someone who manages users, may delete an interaction.")}
	case errors.As(err, &tooLarge):
		return problem{status: http.StatusRequestEntityTooLarge}
	case errors.As(err, &invalid):
		return problem{status: http.StatusUnprocessableEntity, detail: firstOf(invalid)}
	case errors.Is(err, errBody):
		return problem{status: http.StatusUnprocessableEntity}
	case errors.Is(err, password.ErrBusy), postgres.Unavailable(err), errors.Is(err, context.Canceled):
		return problem{status: http.StatusServiceUnavailable, retryAfter: 2}
	}
	return problem{status: http.StatusInternalServerError}
}

func firstOf(v crm.Invalid) crm.Message {
	if m, has := v[""]; has {
		return m
	}
	for _, m := range v {
		return m
	}
	return crm.Message{}
}

// fail answers an error with its page. A refusal leaves its row in the audit log; what is not the visitor's
// doing is logged, once, here.
func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	p := problemOf(err)
	if p.status == http.StatusForbidden {
		s.deny(w, r, p)
		return
	}
	if p.status >= http.StatusInternalServerError && r.Context().Err() == nil {
		s.Log.ErrorContext(r.Context(), "request failed", "error", err, "status", p.status, "request_id", middleware.GetReqID(r.Context()))
	}
	s.writeProblem(w, r, p)
}

// again is where to try again what was asked for: the same page, without what could not be understood of its address, or
// the one whose form was sent.
func again(r *http.Request, status int) string {
	switch {
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		return shown(r)
	case strings.HasPrefix(r.URL.Path, "//"): // which a browser reads as another site
		return paths.Home
	case status == http.StatusUnprocessableEntity:
		return r.URL.EscapedPath()
	}
	return r.URL.RequestURI()
}

// serveProblem answers every request with one problem, such as 404 where no route matches.
func (s *Server) serveProblem(status int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { s.writeProblem(w, r, problem{status: status}) }
}

// writeProblem writes an error page. It asks nothing of the database, which may be what failed.
func (s *Server) writeProblem(w http.ResponseWriter, r *http.Request, p problem) {
	var actor authz.Actor
	if h, ok := r.Context().Value(holderKey{}).(*holder); ok {
		actor = h.actor
	}
	view := templates.ProblemPage{
		Page: s.newPage(r, actor), Status: p.status, Permission: string(p.permission), RequestID: middleware.GetReqID(r.Context()),
		AgainURL: again(r, p.status), Minutes: (p.retryAfter + 59) / 60,
	}
	if p.detail.Text != "" {
		view.Detail = view.M(p.detail)
	}
	var body bytes.Buffer
	if err := templates.Problem(view).Render(r.Context(), &body); err != nil && r.Context().Err() == nil { // else nobody waits for it
		s.Log.ErrorContext(r.Context(), "error page", "error", err)
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	if p.retryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	w.WriteHeader(p.status)
	_, _ = w.Write(body.Bytes()) // the client may be gone
}
