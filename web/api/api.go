// Package api is the door for programs: JSON under /api/crm, described by OpenAPI 3.1, for callers with a bearer
// token.
//
// Read operations.go first: it is the table of everything that can be asked, with the permissions it takes.
// serve.go is the one way from a request to an operation: who calls, whether they may, what they sent. It is not
// for rules about records (package crm) nor SQL (package postgres): an operation asks the same Store as the pages
// do, so rights, reach, rules and audit are theirs. Cookies mean nothing here, and tokens mean nothing elsewhere.
package api

import (
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Options are what a Server needs to know.
type Options struct {
	DB   *postgres.DB
	Log  *slog.Logger
	Zone *time.Location // for users who chose none
	Now  func() time.Time
}

// Server answers programs. Make one with New.
type Server struct {
	Options
	router     *chi.Mux
	operations []operation
	document   []byte // OpenAPI, as served
	failures   *Brake
}

// New returns a Server. It panics on an operation without an access rule: broken wiring shows at start.
func New(o Options) *Server {
	s := &Server{Options: o, failures: NewBrake(o.Now)}
	s.operations = s.table()
	crm := chi.NewRouter()
	document := huma.NewAPI(config(), humachi.NewAdapter(crm))
	for _, op := range s.operations {
		if op.needs == nil {
			panic("api: " + op.method + " " + op.path + " says nothing about who may call it")
		}
		op.register(s, document, op)
	}
	s.document = describe(document.OpenAPI())
	crm.Get(documentPath, s.serveDocument)

	s.router = chi.NewRouter()
	s.router.Use(s.recovered, uncached)
	s.router.NotFound(func(w http.ResponseWriter, _ *http.Request) { write(w, newProblem(http.StatusNotFound)) })
	s.router.MethodNotAllowed(s.MethodNotAllowed)
	s.router.Mount(strings.TrimPrefix(paths.API, Root), crm)
	return s
}

// Root is the path below which everything is answered in JSON, errors included.
const Root = "/api"

// Router returns the API, to be mounted at Root behind the layers that all requests pass.
func (s *Server) Router() chi.Router { return s.router }

// TooLong answers 414; package web asks for it before any path is read.
func TooLong(w http.ResponseWriter) { write(w, newProblem(http.StatusRequestURITooLong)) }

// uncached keeps what a token opens out of every cache.
func uncached(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		next.ServeHTTP(w, r)
	})
}

// MethodNotAllowed answers 405; package web asks for it where a method is one that no router knows.
func (s *Server) MethodNotAllowed(w http.ResponseWriter, r *http.Request) {
	var allowed []string
	path := strings.TrimPrefix(r.URL.Path, Root)
	for _, m := range []string{http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete} {
		if s.router.Match(chi.NewRouteContext(), m, path) {
			allowed = append(allowed, m)
		}
	}
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	w.Header().Set("Cache-Control", "no-store")
	write(w, newProblem(http.StatusMethodNotAllowed))
}

// recovered turns a panic into a problem. Package web has the same for pages, outside of this one.
func (s *Server) recovered(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if fault := recover(); fault != nil {
				if fault == http.ErrAbortHandler {
					panic(fault) // the standard way to give up on a connection
				}
				id := middleware.GetReqID(r.Context())
				s.Log.ErrorContext(r.Context(), "panic", "fault", fault, "request_id", id, "stack", string(debug.Stack()))
				p := newProblem(http.StatusInternalServerError)
				p.RequestID = id
				write(w, p)
			}
		}()
		next.ServeHTTP(w, r)
	})
}
