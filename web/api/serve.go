package api

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humachi"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// maxBody bounds a body: the longest text of an interaction takes 600 KB when every character is escaped.
const maxBody = 1 << 20

// call is one request as an operation sees it: who asks, with the store bound to them.
type call struct {
	actor  authz.Actor
	token  crm.Token
	origin postgres.Origin
	store  *postgres.Store
	key    uuid.NullUUID // of a request that makes a record, when its sender chose one
	path   string
	query  url.Values
	now    time.Time
	zone   *time.Location
}

// handler answers one call. I holds what path, query and headers said.
type handler[I, O any] func(context.Context, *call, *I) (*O, error)

// writer answers one call that brings a body; fields are what it says.
type writer[I, O any] func(context.Context, *call, *I, *fields) (*O, error)

// of registers an operation without a body.
func of[I, O any](h handler[I, O]) func(*Server, huma.API, operation) {
	return func(s *Server, a huma.API, op operation) {
		huma.Register(a, s.described(op, http.StatusOK), func(ctx context.Context, in *I) (*O, error) {
			c := called(ctx)
			out, err := h(ctx, c, in)
			return out, s.problem(ctx, c, op, err)
		})
	}
}

// taking registers an operation that changes a record by the fields of B, of which none is required.
func taking[B, I, O any](h writer[I, O]) func(*Server, huma.API, operation) {
	return func(s *Server, a huma.API, op operation) {
		registerBody[B](s, a, op, http.StatusOK, h)
	}
}

// making registers an operation that makes a record of the fields of B, once per Idempotency-Key.
func making[B, I, O any](h writer[I, O]) func(*Server, huma.API, operation) {
	return func(s *Server, a huma.API, op operation) {
		registerBody[B](s, a, op, http.StatusCreated, h)
	}
}

// registerBody leaves reading the body to fields.go: huma's own reading takes keys given twice or in other case,
// and answers with everything that was sent.
func registerBody[B, I, O any](s *Server, a huma.API, op operation, status int, h writer[I, O]) {
	o := s.described(op, status)
	o.Errors = append(o.Errors, http.StatusBadRequest, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	schema := bodySchema[B](a, status == http.StatusCreated)
	o.MaxBodyBytes = maxBody + 1 // huma refuses the last byte too
	o.SkipValidateBody = true
	huma.Register(a, o, func(ctx context.Context, in *I) (*O, error) {
		c, raw := called(ctx), any(in).(interface{ sent() []byte }).sent()
		if c.key.Valid {
			sum := sha256.Sum256(fmt.Appendf(nil, "%s %s\n%s", op.method, c.path, raw))
			c.origin.Fingerprint = sum[:]
			c.store = s.DB.As(c.actor, c.origin)
		}
		f, err := readFields(raw, schema)
		if err != nil {
			return nil, s.problem(ctx, c, op, err)
		}
		out, err := h(ctx, c, in, f)
		return out, s.problem(ctx, c, op, err)
	})
	for _, described := range []*huma.Operation{a.OpenAPI().Paths[op.path].Post, a.OpenAPI().Paths[op.path].Patch} {
		if described != nil && described.OperationID == op.id { // huma describes what it does not read as bytes
			described.RequestBody.Content["application/json"].Schema = schema
		}
	}
}

// Sent is embedded in the input of operations that take one.
type Sent struct {
	RawBody []byte `contentType:"application/json"`
}

func (b *Sent) sent() []byte { return b.RawBody }

type callKey struct{}

func called(ctx context.Context) *call {
	c, ok := ctx.Value(callKey{}).(*call)
	if !ok {
		panic("api: an operation outside admit")
	}
	return c
}

// admit lets a call through to its operation: with a live token, by somebody who may, and with a query and
// headers that can be read. It looks at no body before.
func (s *Server) admit(op operation, hctx huma.Context, next func(huma.Context)) {
	r, w := humachi.Unwrap(hctx)
	c, err := s.authenticate(r)
	if err == nil {
		err = s.permit(c, op)
	}
	if err == nil {
		err = c.readQuery(r, hctx.Operation())
	}
	if err == nil {
		err = c.readHeaders(r, hctx.Operation())
	}
	if err = s.problem(r.Context(), c, op, err); err != nil {
		write(w, err.(*Problem))
		return
	}
	next(huma.WithValue(hctx, callKey{}, c))
}

// permit names the first permission that the caller lacks.
func (s *Server) permit(c *call, op operation) error {
	switch missing := c.actor.Missing(op.needs.permissions...); {
	case c.actor.MustChangePassword:
		return refused{"Sign in and change your one-time password first."}
	case c.actor.MustEnrol:
		return refused{"Sign in and set up your second factor first."}
	case missing != "":
		return postgres.Forbidden{Permission: missing}
	}
	return nil
}

// refused is the error of a caller who has something else to do first.
type refused struct{ why string }

func (r refused) Error() string { return r.why }

// readQuery refuses a query that holds what the operation does not know: a misspelt filter must not answer with
// everything.
func (c *call) readQuery(r *http.Request, o *huma.Operation) error {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return located{"query", crm.Fault("", "The query cannot be read.")}
	}
	faults := crm.Invalid{}
	for name, values := range query {
		known := slices.ContainsFunc(o.Parameters, func(p *huma.Param) bool { return p.In == "query" && p.Name == name })
		switch {
		case !known && crm.Storable(name):
			faults.Add(name, "There is no such parameter.")
		case !known:
			faults.Add("", "The query cannot be read.")
		case len(values) > 1:
			faults.Add(name, "This parameter is given more than once.")
		case !crm.Storable(values[0]):
			faults.Add(name, "This text has characters that cannot be stored.")
		}
	}
	c.query = query
	return at("query", faults.Err())
}

// readHeaders reads how a body is written, what a change is made of, and the key of a request that makes a record.
func (c *call) readHeaders(r *http.Request, o *huma.Operation) error {
	if o.RequestBody != nil {
		kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
		if err != nil || kind != "application/json" {
			return errNotJSON
		}
	}
	if given := r.Header.Values("If-Match"); len(given) > 0 && strings.TrimSpace(strings.Join(given, "")) == "" {
		// a program that lost its ETag must not have its change made whatever the version
		return located{"header", crm.Fault("If-Match", "Send the ETag that the change was made of, or leave the header out.")}
	}
	keys := r.Header.Values(headerKey)
	if o.DefaultStatus != http.StatusCreated || len(keys) == 0 {
		return nil
	}
	visible := func(b byte) bool { return b > ' ' && b < 0x7f }
	if len(keys) > 1 || len(keys[0]) < 1 || len(keys[0]) > 255 || slices.ContainsFunc([]byte(keys[0]), func(b byte) bool { return !visible(b) }) {
		return located{"header", crm.Fault(headerKey, "A key has 1 to 255 visible ASCII characters.")}
	}
	// a key belongs to its token: two programs of one user do not meet
	c.key = uuid.NullUUID{UUID: uuid.NewSHA1(c.token.ID, []byte(keys[0])), Valid: true}
	return nil
}

const headerKey = "Idempotency-Key"

// problem turns an error into the problem that is answered, nil for none. A refusal leaves its row in the audit
// log; what is not the caller's doing is logged, once, here.
func (s *Server) problem(ctx context.Context, c *call, op operation, err error) error {
	if err == nil {
		return nil
	}
	p := problemOf(err)
	if p.Status == http.StatusForbidden {
		if failed := s.deny(ctx, c, op, err); failed != nil {
			p, err = problemOf(failed), failed // a refusal that leaves no trace would be worse
		}
	}
	if p.Status >= http.StatusInternalServerError {
		p.RequestID = middleware.GetReqID(ctx)
		if ctx.Err() == nil {
			s.Log.ErrorContext(ctx, "request failed", "error", err, "status", p.Status, "request_id", p.RequestID)
		}
	}
	return p
}

// deny leaves one access_denied row.
func (s *Server) deny(ctx context.Context, c *call, op operation, err error) error {
	details := map[string]any{"method": op.method, "route": chi.RouteContext(ctx).RoutePattern()}
	var forbidden postgres.Forbidden
	if errors.As(err, &forbidden) {
		details["permission"] = forbidden.Permission
	}
	target, parseErr := uuid.Parse(chi.URLParamFromCtx(ctx, "id"))
	if parseErr != nil {
		target = uuid.Nil
	}
	return c.store.Event(ctx, audit.AccessDenied, "", target, details)
}
