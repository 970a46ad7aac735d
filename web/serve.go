package web

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"

	"github.com/go-chi/chi/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
	"github.com/google/uuid"
)

// maxBody bounds a form: the longest text of an interaction takes 600 KB when every character is escaped.
const maxBody = 1 << 20

// handler answers one visit.
type handler func(context.Context, *visit) (response, error)

// serve is the one way from a request to a handler: who asks, whether they may, what they sent; then the
// answer, rendered whole before its first byte, so that an error can still become a page.
func (s *Server) serve(rt route) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		h := held(r.Context())
		if rt.needs.link {
			w.Header().Set("Referrer-Policy", s.linkPolicy)
		}
		if h.token != "" {
			w.Header().Set("Cache-Control", "no-store")
		}
		if rt.showsSecrets() {
			r.Header.Del("Accept-Encoding")
		}
		if stop := s.admit(w, r, rt, h); stop {
			return
		}
		if err := parseBody(w, r); err != nil {
			s.fail(w, r, err)
			return
		}
		v := s.newVisit(r)
		resp, err := s.confirmed(rt)(r.Context(), v)
		if err != nil {
			s.fail(w, r, err)
			return
		}
		s.answer(w, r, resp)
	}
}

// admit reports whether it has already answered: to somebody who is not signed in, who has something else to do
// first, or who lacks a permission.
func (s *Server) admit(w http.ResponseWriter, r *http.Request, rt route, h *holder) bool {
	if rt.needs.public || rt.needs.half && h.half.SignedIn() {
		return false
	}
	a := h.actor
	switch missing := a.Missing(rt.needs.permissions...); {
	case rt.needs.half && a.SignedIn():
		http.Redirect(w, r, paths.Home, http.StatusSeeOther)
	case rt.needs.half:
		http.Redirect(w, r, paths.Login, http.StatusSeeOther)
	case !a.SignedIn():
		next := shown(r)
		if r.Method == http.MethodGet || r.Method == http.MethodHead {
			next = r.URL.RequestURI()
		}
		if partial(r) { // sign-in is a page of its own: the whole window goes there
			w.Header().Set("HX-Redirect", paths.LoginThen(next))
			w.WriteHeader(http.StatusUnauthorized)
			return true
		}
		http.Redirect(w, r, paths.LoginThen(next), http.StatusSeeOther)
	case a.MustChangePassword && !rt.needs.beforePasswordChange:
		http.Redirect(w, r, paths.AccountPassword, http.StatusSeeOther)
	case a.MustEnrol && !a.MustChangePassword && !rt.needs.beforeEnrolment:
		http.Redirect(w, r, paths.AccountMFA, http.StatusSeeOther)
	case missing != "":
		s.deny(w, r, problem{status: http.StatusForbidden, permission: missing})
	default:
		return false
	}
	return true
}

// deny answers 403 and leaves one access_denied row. Where the row cannot be written the answer is an error:
// a refusal that leaves no trace would be worse.
func (s *Server) deny(w http.ResponseWriter, r *http.Request, p problem) {
	h := held(r.Context())
	pattern := chi.RouteContext(r.Context()).RoutePattern()
	target := uuid.Nil
	if id, err := uuid.Parse(chi.URLParam(r, "id")); err == nil {
		target = id
	}
	details := map[string]any{"method": r.Method, "route": pattern}
	if p.permission != "" {
		details["permission"] = p.permission
	}
	if err := s.DB.As(h.actor, h.origin).Event(r.Context(), audit.AccessDenied, "", target, details); err != nil {
		s.fail(w, r, err)
		return
	}
	s.writeProblem(w, r, p)
}

// errBody is a body that is no form.
var errBody = errors.New("the body is not a form")

// parseBody reads the form of a changing request, and only its body.
func parseBody(w http.ResponseWriter, r *http.Request) error {
	if r.Method != http.MethodPost {
		return nil
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxBody)
	kind, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	var err error
	switch strings.ToLower(strings.TrimSpace(kind)) {
	case "multipart/form-data":
		err = r.ParseMultipartForm(maxBody)
	default:
		err = r.ParseForm()
	}
	var tooLarge *http.MaxBytesError
	if err == nil || errors.As(err, &tooLarge) {
		return err
	}
	if gone := r.Context().Err(); gone != nil { // cut off while sending, not malformed
		return gone
	}
	return errBody
}

// answer writes a response.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, resp response) {
	ctx := r.Context()
	switch resp := resp.(type) {
	case page:
		s.render(w, r, resp)
	case file:
		w.Header().Set("Content-Type", resp.contentType)
		w.Header().Set("Cache-Control", "no-store")
		_, _ = w.Write(resp.body) // the client may be gone
	case subscription:
		serveSubscription(w, r, resp)
	case stream:
		s.send(w, r, resp)
	case tooMany:
		s.writeTooMany(w, r, resp)
	case redirect:
		if resp.flash.Text != "" {
			s.putFlash(ctx, resp.flash)
		}
		http.Redirect(w, r, resp.to, http.StatusSeeOther)
	case entrance:
		if err := s.sessions.RenewToken(ctx); err != nil {
			s.fail(w, r, err)
			return
		}
		if err := s.enter(ctx, resp); err != nil {
			s.fail(w, r, err)
			return
		}
		http.Redirect(w, r, resp.to, http.StatusSeeOther)
	case exit:
		if err := s.sessions.Destroy(ctx); err != nil {
			s.fail(w, r, err)
			return
		}
		w.Header().Set("Clear-Site-Data", `"cache", "storage"`)
		http.Redirect(w, r, paths.Login, http.StatusSeeOther)
	}
}

// bodies are buffers for whole pages, used again and again: growing one anew takes three times its page.
var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largestBody is up to how large a buffer is kept for another page: a list of two hundred rows fits.
const largestBody = 256 << 10

// render writes a page; the body is complete before the status is.
func (s *Server) render(w http.ResponseWriter, r *http.Request, p page) {
	body := bodies.Get().(*bytes.Buffer) //nolint:forcetypeassert // nothing else is put there
	defer func() {
		if body.Cap() <= largestBody {
			body.Reset()
			bodies.Put(body)
		}
	}()
	if err := p.body.Render(r.Context(), body); err != nil {
		s.fail(w, r, err)
		return
	}
	s.forgetFlash(r.Context())
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Vary", "Accept-Encoding, Accept-Language, HX-Request")
	if h.Get("Cache-Control") == "" {
		h.Set("Cache-Control", "no-store")
	}
	content, compressed := s.gzips.compress(r, body.Bytes())
	if compressed {
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Length", strconv.Itoa(len(content)))
	w.WriteHeader(p.status)
	_, _ = w.Write(content) // the client may be gone
}

func (s *Server) putFlash(ctx context.Context, f templates.Flash) {
	s.sessions.Put(ctx, sessionFlash, f.Text)
	s.sessions.Put(ctx, sessionFlashUndo, f.UndoPath)
	s.sessions.Put(ctx, sessionFlashBad, f.Error)
}

// flash returns the flash without forgetting it.
func (s *Server) flash(ctx context.Context) templates.Flash {
	return templates.Flash{
		Text: s.sessions.GetString(ctx, sessionFlash), UndoPath: s.sessions.GetString(ctx, sessionFlashUndo), Error: s.sessions.GetBool(ctx, sessionFlashBad),
	}
}

// forgetFlash drops the flash once a page has shown it. Without one it changes nothing, so that reading a page
// does not write the session.
func (s *Server) forgetFlash(ctx context.Context) {
	if s.sessions.Exists(ctx, sessionFlash) {
		for _, key := range []string{sessionFlash, sessionFlashUndo, sessionFlashBad} {
			s.sessions.Remove(ctx, key)
		}
	}
}
