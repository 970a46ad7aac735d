package web

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/url"
	"runtime/debug"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/web/api"
)

// maxURL bounds path and query: no form of ours sends more, and no parser below should see it.
const maxURL = 16 << 10

// contentSecurityPolicy allows what we serve ourselves and nothing inline.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; " +
	"connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// requestID names the request. chi's own would take the name from a header anyone can send, and begins with the
// name of this machine, which pages have no business to tell.
func requestID(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		id := strings.ToLower(rand.Text()[:12])
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), middleware.RequestIDKey, id)))
	})
}

// securityHeaders sets, on every answer, what a browser must not do with it.
func (s *Server) securityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentSecurityPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Frame-Options", "DENY")
		h.Set("Referrer-Policy", "same-origin")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), microphone=(), geolocation=(), payment=(), usb=()")
		if s.Secure {
			h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
		}
		next.ServeHTTP(w, r)
	})
}

// sameOrigin refuses changes that another site's page sends. Browsers say where a request comes from
// (Sec-Fetch-Site, or Origin); a changing request that carries a session and says nothing is refused too.
func (s *Server) sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		forged := protection.Check(r) != nil
		if !forged && r.Method != http.MethodGet && r.Method != http.MethodHead && r.Method != http.MethodOptions {
			_, err := r.Cookie(s.sessions.Cookie.Name)
			forged = err == nil && r.Header.Get("Sec-Fetch-Site") == "" && r.Header.Get("Origin") == ""
		}
		if forged {
			s.Log.WarnContext(r.Context(), "refused a cross-site change", "route", chi.RouteContext(r.Context()).RoutePattern(), "origin", r.Header.Get("Origin"))
			s.writeProblem(w, r, problem{status: http.StatusForbidden, detail: crm.Msg("This change did not come from a page of this site.")})
			return
		}
		next.ServeHTTP(w, r)
	})
}

// referrerPolicyOfLinks keeps a secret that stands in the address of a page from every other page. Told to send no
// referrer, browsers send no Origin either, and without https nothing else says where a change comes from; there
// they are told to send the origin alone, which holds no secret.
func referrerPolicyOfLinks(baseURL string) string {
	u, err := url.Parse(baseURL)
	if err == nil && u.Scheme == "http" && u.Hostname() != "localhost" && u.Hostname() != "127.0.0.1" {
		return "strict-origin"
	}
	return "no-referrer"
}

// patience is how long a request may take. Statements have a limit of their own in the database; this one holds
// when the database does not answer at all.
const patience = 25 * time.Second

func deadline(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), patience)
		defer cancel()
		next.ServeHTTP(w, r.WithContext(ctx))
	})
}

// limitURL answers 414 to an address no page of ours makes.
func limitURL(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if len(r.URL.RequestURI()) > maxURL {
			if strings.HasPrefix(r.URL.Path, api.Root+"/") {
				api.TooLong(w)
				return
			}
			plain(w, http.StatusRequestURITooLong, "The address is too long.\n")
			return
		}
		next.ServeHTTP(w, r)
	})
}

// recovered turns a panic into a plain 500 page and logs where it happened.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					panic(fault) // the standard way to give up on a connection
				}
				s.Log.ErrorContext(r.Context(), "panic", "fault", fault, "request_id", middleware.GetReqID(r.Context()), "stack", string(debug.Stack()))
				s.writeProblem(w, r, problem{status: http.StatusInternalServerError})
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// logged writes one line per request: the route's pattern, never its query, its body or an id.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		ww := middleware.NewWrapResponseWriter(w, r.ProtoMajor)
		next.ServeHTTP(ww, r)
		took, pattern, status := time.Since(start), chi.RouteContext(r.Context()).RoutePattern(), ww.Status()
		if status == 0 {
			status = http.StatusOK
		}
		if s.Observe != nil {
			s.Observe(r.Method, pattern, status, took)
		}
		level := slog.LevelDebug
		if r.Method != http.MethodGet && r.Method != http.MethodHead || status >= http.StatusBadRequest {
			level = slog.LevelInfo
		}
		s.Log.Log(r.Context(), level, "request", "method", r.Method, "route", pattern, "status", status, "bytes", ww.BytesWritten(),
			"took", took, "ip", middleware.GetClientIP(r.Context()), "request_id", middleware.GetReqID(r.Context()))
	})
}
