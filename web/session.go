package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"time"

	"github.com/alexedwards/scs/v2"
	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// A session holds who is signed in, how far and since when, and the flash, nothing else. Keys of its values:
const (
	sessionUser      = "user"
	sessionHalf      = "half"   // the second factor is still to come
	sessionNext      = "next"   // where to go on to after it
	sessionProved    = "proved" // when the password was last given, in seconds of Unix time
	sessionFlash     = "flash"
	sessionFlashUndo = "undo"
	sessionFlashBad  = "bad"
)

// newSessions returns the session manager. Tokens are hashed before they reach our store; over https the
// cookie is bound to this very host.
func newSessions(s *Server) *scs.SessionManager {
	m := scs.New()
	m.Store = sessionStore{db: s.DB, idle: s.SessionIdle}
	m.HashTokenInStore = true
	m.Lifetime = s.SessionMax
	m.Codec = sessionCodec{}
	m.Cookie.Name = "session"
	m.Cookie.HttpOnly = true
	m.Cookie.SameSite = http.SameSiteLaxMode
	if s.Secure {
		m.Cookie.Name = "__Host-session"
		m.Cookie.Secure = true
	}
	m.ErrorFunc = func(w http.ResponseWriter, r *http.Request, err error) { s.fail(w, r, err) }
	return m
}

// holder is where the session store leaves what it loaded with the session, in the same query; only serve.go
// reads it.
type holder struct {
	actor  authz.Actor
	half   authz.Actor // who gave a password and owes the second factor; actor is nobody then
	pins   []crm.Pin   // the views in the actor's rail
	unread int         // notices in their inbox
	token  string      // hashed
	origin postgres.Origin

	proof postgres.Proof // what a new session is opened with; of a half one that was loaded, what it was
}

type holderKey struct{}

func (s *Server) withHolder(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := &holder{origin: postgres.Origin{IP: middleware.GetClientIPAddr(r.Context()), UserAgent: r.UserAgent()}}
		next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), holderKey{}, h)))
	})
}

func held(ctx context.Context) *holder {
	h, ok := ctx.Value(holderKey{}).(*holder)
	if !ok {
		panic("web: a session outside withHolder")
	}
	return h
}

// enter writes into a fresh session who has come in. What the session held before goes: the browser may have been
// somebody else's, and a flash tells of what they did.
func (s *Server) enter(ctx context.Context, e entrance) error {
	if err := s.sessions.Clear(ctx); err != nil {
		return err
	}
	held(ctx).proof = e.proof
	s.sessions.Put(ctx, sessionUser, e.user.String())
	s.prove(ctx)
	if e.half {
		s.sessions.Put(ctx, sessionHalf, true)
		s.sessions.Put(ctx, sessionNext, e.then)
	}
	return nil
}

// proofLasts is how long a password that was given opens sensitive actions.
const proofLasts = 10 * time.Minute

// prove notes that the password was given just now.
func (s *Server) prove(ctx context.Context) { s.sessions.Put(ctx, sessionProved, s.Now().Unix()) }

// proved reports whether the password was given lately.
func (s *Server) proved(ctx context.Context) bool {
	at, _ := s.sessions.Get(ctx, sessionProved).(float64) // as JSON has it
	if fresh, ok := s.sessions.Get(ctx, sessionProved).(int64); ok {
		at = float64(fresh) // put by this very request
	}
	since := s.Now().Sub(time.Unix(int64(at), 0))
	return since >= -time.Minute && since < proofLasts
}

// sessionStore is an scs store over our sessions table. Unlike scs's own it honours the request's context,
// knows whose session it is, and keeps an ended session ended.
type sessionStore struct {
	db   *postgres.DB
	idle time.Duration
}

var _ scs.CtxStore = sessionStore{}

// FindCtx loads a session and, in the same query, whoever is signed in.
func (st sessionStore) FindCtx(ctx context.Context, token string) ([]byte, bool, error) {
	session, found, err := st.db.FindSession(ctx, token, st.idle)
	if err != nil || !found {
		return nil, false, err
	}
	h := held(ctx)
	if h.token = token; session.Half {
		h.half, h.proof = session.Actor, postgres.Proof{PasswordAt: session.PasswordAt, MFA: true}
	} else {
		h.actor, h.pins, h.unread = session.Actor, session.Pins, session.Unread
	}
	h.origin.Session = token
	return session.Data, true, nil
}

// CommitCtx saves a changed session; scs calls it only when something in it changed.
func (st sessionStore) CommitCtx(ctx context.Context, token string, data []byte, expiry time.Time) error {
	var c sessionContent
	if err := json.Unmarshal(data, &c); err != nil {
		return err
	}
	var user postgres.SessionUser
	if id, ok := c.Values[sessionUser].(string); ok {
		if err := user.ID.Scan(id); err != nil {
			return err
		}
	}
	user.Half, _ = c.Values[sessionHalf].(bool)
	user.Proof = held(ctx).proof
	return st.db.SaveSession(ctx, token, data, expiry, user, held(ctx).origin)
}

// DeleteCtx ends a session.
func (st sessionStore) DeleteCtx(ctx context.Context, token string) error {
	return st.db.EndSession(ctx, token)
}

var errNoContext = errors.New("web: session store used without a context")

// Find, Commit and Delete belong to scs's older interface; scs uses the ones with a context.
func (sessionStore) Find(string) ([]byte, bool, error)      { return nil, false, errNoContext }
func (sessionStore) Commit(string, []byte, time.Time) error { return errNoContext }
func (sessionStore) Delete(string) error                    { return errNoContext }

// sessionCodec stores sessions as JSON: readable, and the same bytes for the same content, which gob's are not.
type sessionCodec struct{}

type sessionContent struct {
	Deadline time.Time      `json:"deadline"`
	Values   map[string]any `json:"values"`
}

// Encode returns a session's content as JSON.
func (sessionCodec) Encode(deadline time.Time, values map[string]any) ([]byte, error) {
	return json.Marshal(sessionContent{deadline, values})
}

// Decode reads what Encode wrote.
func (sessionCodec) Decode(data []byte) (time.Time, map[string]any, error) {
	var c sessionContent
	err := json.Unmarshal(data, &c)
	if c.Values == nil {
		c.Values = map[string]any{}
	}
	return c.Deadline, c.Values, err
}
