// Package web turns requests into calls of the store and what comes back into pages.
//
// Read routes.go first: it is the table of everything that can be asked, with who may ask. serve.go is the
// one way from a request to a handler; a handler is a function of a visit and returns a response. It is not
// for rules about records (package crm), SQL (package postgres) or markup (package templates).
package web

import (
	"context"
	"log/slog"
	"net/http"
	"net/netip"
	"strings"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/static"
	"github.com/archpilot/crm/web/api"
)

// Options are what a Server needs to know.
type Options struct {
	DB             *postgres.DB
	Hasher         *password.Hasher
	Log            *slog.Logger
	Firm           string
	BaseURL        string         // under which people open the product, without a slash at its end; links sent to them begin with it
	Zone           *time.Location // for people who chose none
	Secure         bool           // people open the product over https
	TrustedProxies []netip.Prefix
	SessionIdle    time.Duration
	SessionMax     time.Duration
	NewestSchema   int64            // the migration this binary was built for; readiness asks for it
	Now            func() time.Time // the clock; nil for time.Now
	Development    bool             // shows what is for developers only
	Observe        Observer         // told of each answered request; nil for nobody
}

// Observer is told the route pattern, method, status and duration of each answered request.
type Observer func(method, pattern string, status int, took time.Duration)

// Server answers requests. Make one with New.
type Server struct {
	Options
	sessions   *scs.SessionManager
	linkPolicy string // see referrerPolicyOfLinks
	routes     []route
	api        *api.Server
	exports    exports
	deadFeeds  *api.Brake
	gzips      compressors
	draining   chan struct{} // closed when the server is about to stop
}

// New returns a Server. It panics on a route without an access rule: broken wiring shows at start.
func New(o Options) *Server {
	if o.Now == nil {
		o.Now = time.Now
	}
	s := &Server{Options: o, draining: make(chan struct{}), gzips: newCompressors(), linkPolicy: referrerPolicyOfLinks(o.BaseURL)}
	s.sessions = newSessions(s)
	s.deadFeeds = api.NewBrake(o.Now)
	s.api = api.New(api.Options{DB: o.DB, Log: o.Log, Zone: o.Zone, Now: o.Now})
	s.routes = s.table()
	for _, r := range s.routes {
		if r.needs == nil {
			panic("web: " + r.method + " " + r.pattern + " says nothing about who may call it")
		}
	}
	return s
}

// Drain makes readiness refuse, so that a proxy sends new requests elsewhere before the server stops.
func (s *Server) Drain() { close(s.draining) }

// Handler returns the whole site. The order of the layers matters and is explained line by line.
func (s *Server) Handler() http.Handler {
	r := chi.NewRouter()
	r.Use(
		requestID,          // first: every answer and log line names the request
		s.clientIP(),       // never middleware.RealIP: anyone can forge those headers
		s.logged,           // outside recovery, so that a panic is logged with its 500
		s.recovered,        // a panic becomes a plain 500 page
		s.securityHeaders,  // on every answer, errors and assets too
		middleware.GetHead, // HEAD is GET without a body
		limitURL,           // before anything reads the path
	)
	r.Get("/healthz", s.healthz)
	r.Get("/readyz", s.readyz)
	r.Handle(static.Prefix+"*", static.Handler()) // outside sessions: assets cost no query
	r.Group(func(r chi.Router) {
		r.Use(deadline)                   // as for pages
		r.Mount(api.Root, s.api.Router()) // outside sessions and what protects them from forgery: it ignores cookies
	})
	r.Group(func(r chi.Router) {
		r.Use(
			deadline,     // inside the server's write timeout, so that a database that hangs still gets its 503
			s.sameOrigin, // before the session is loaded: a forged request costs no query
			s.withHolder, // where the session store leaves the actor
			s.sessions.LoadAndSave,
		)
		for _, rt := range s.routes {
			r.Method(rt.method, rt.pattern, s.serve(rt))
		}
	})
	inSession := chi.Chain(s.withHolder, s.sessions.LoadAndSave)
	r.NotFound(inSession.HandlerFunc(s.serveProblem(http.StatusNotFound)).ServeHTTP)
	r.MethodNotAllowed(func(w http.ResponseWriter, req *http.Request) {
		if strings.HasPrefix(req.URL.Path, api.Root+"/") {
			s.api.MethodNotAllowed(w, req)
			return
		}
		w.Header().Set("Allow", s.allowed(r, req.URL.Path))
		inSession.HandlerFunc(s.serveProblem(http.StatusMethodNotAllowed)).ServeHTTP(w, req)
	})
	return r
}

// allowed lists the methods that a path answers to.
func (s *Server) allowed(r *chi.Mux, path string) string {
	out := ""
	for _, m := range []string{http.MethodGet, http.MethodPost} {
		if r.Match(chi.NewRouteContext(), m, path) {
			if out != "" {
				out += ", "
			}
			out += m
		}
	}
	return out
}

func (s *Server) clientIP() func(http.Handler) http.Handler {
	if len(s.TrustedProxies) == 0 {
		return middleware.ClientIPFromRemoteAddr
	}
	trusted := make([]string, len(s.TrustedProxies))
	for i, p := range s.TrustedProxies {
		trusted[i] = p.String()
	}
	return middleware.ClientIPFromXFF(trusted...)
}

// healthz says that the process answers; it does not ask the database.
func (s *Server) healthz(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok\n") }

// readyz says whether requests should be sent here.
func (s *Server) readyz(w http.ResponseWriter, r *http.Request) {
	select {
	case <-s.draining:
		plain(w, http.StatusServiceUnavailable, "shutting down\n")
		return
	default:
	}
	ctx, cancel := context.WithTimeout(r.Context(), 2*time.Second)
	defer cancel()
	if err := s.DB.Ready(ctx, s.NewestSchema); err != nil {
		s.Log.WarnContext(r.Context(), "not ready", "error", err)
		plain(w, http.StatusServiceUnavailable, "the database does not answer, or its schema is not current\n")
		return
	}
	plain(w, http.StatusOK, "ready\n")
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text)) // the client may be gone
}
