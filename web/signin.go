package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func (s *Server) showLogin(_ context.Context, v *visit) (response, error) {
	if v.actor.SignedIn() {
		return redirect{to: localPath(v.query.Get("next"))}, nil
	}
	return show(loginPage(v, v.query.Get("next"), nil)), nil
}

// loginPage is the sign-in form, fresh or refused.
func loginPage(v *visit, next string, errs crm.Invalid) templ.Component {
	if next = localPath(next); next == paths.Home {
		next = ""
	}
	notice := ""
	if v.query.Get("notice") == "reset" { // not in a session: there is none before sign-in
		notice = v.t("Your password is changed. Sign in with the new one.")
	}
	return templates.Login(templates.LoginPage{
		Page: v.page, Next: next, Notice: notice, Form: templates.Form{Action: paths.Login, Values: v.typed("email"), Errors: errs},
	})
}

// login checks a password. An unknown, a deactivated and a locked account, and a wrong password, get the same
// answer after the same work; a guess is counted before it is looked at.
func (s *Server) login(ctx context.Context, v *visit) (response, error) {
	email, pw := strings.TrimSpace(v.form.Get("email")), v.form.Get("password")
	if len(v.faults) > 0 || len(email) > 400 || len(pw) > 1024 {
		email, pw = "-", "-" // cannot be right; counted and answered like any other wrong one
	}
	guess, err := s.DB.CountGuess(ctx, email, v.origin.IP)
	if err != nil {
		return nil, err
	}
	if guess.Throttled {
		return tooMany{seconds: int(guess.RetryAfter.Seconds())}, nil
	}
	right, rehash, err := s.checkGuess(ctx, guess, pw)
	if err != nil {
		return nil, err
	}
	if !right {
		return s.refuseLogin(ctx, v, guess)
	}
	rehashed := ""
	if rehash {
		if rehashed, err = s.Hasher.Hash(ctx, pw); err != nil {
			return nil, err
		}
	}
	if right, err = s.DB.Signed(ctx, guess, rehashed); err != nil {
		return nil, err
	}
	if !right {
		return s.refuseLogin(ctx, v, guess)
	}
	next := localPath(v.form.Get("next"))
	if guess.MFA {
		return entrance{user: guess.UserID, half: true, to: paths.LoginCode, then: next, proof: guess.Proof}, nil
	}
	return s.comeIn(ctx, v, entrance{user: guess.UserID, to: next, proof: guess.Proof}, guess.Name, nil)
}

// comeIn signs a user in who has given all they owe; how, beyond a password, stands in the audit row.
func (s *Server) comeIn(ctx context.Context, v *visit, e entrance, name string, how map[string]any) (response, error) {
	store := s.DB.As(authz.Actor{UserID: e.user, Name: name}, v.origin)
	if err := store.Event(ctx, audit.Login, audit.User, e.user, how); err != nil {
		return nil, err
	}
	return e, nil
}

// checkGuess does the same work whether or not there is a hash to compare with.
func (s *Server) checkGuess(ctx context.Context, g postgres.Guess, pw string) (right, rehash bool, err error) {
	if g.Evaluate && g.Hash != "" {
		return s.Hasher.Verify(ctx, pw, g.Hash)
	}
	return false, false, s.Hasher.VerifyDummy(ctx, pw)
}

// rightPassword reports whether pw is right for a guess at the visitor's own password that was counted, and counts
// it as right. A wrong one leaves its rows like one at sign-in: somebody may have borrowed the session.
func (s *Server) rightPassword(ctx context.Context, v *visit, g postgres.Guess, pw string) (bool, error) {
	right, _, err := s.checkGuess(ctx, g, pw)
	if err == nil && right {
		right, err = s.DB.Signed(ctx, g, "")
	}
	if err == nil && !right {
		err = tellWrong(ctx, v.store, g, map[string]any{"step": "password again"})
	}
	return right, err
}

// tellWrong writes that a password was wrong and, with the last of its budget, that no more are looked at.
func tellWrong(ctx context.Context, store *postgres.Store, g postgres.Guess, details map[string]any) error {
	if err := store.Event(ctx, audit.LoginFailed, audit.User, g.UserID, details); err != nil || !g.Last {
		return err
	}
	return store.Event(ctx, audit.Lockout, audit.User, g.UserID, details)
}

func (s *Server) refuseLogin(ctx context.Context, v *visit, g postgres.Guess) (response, error) {
	if err := tellWrong(ctx, s.DB.As(authz.Actor{}, v.origin), g, nil); err != nil {
		return nil, err
	}
	return refuse(loginPage(v, v.form.Get("next"), crm.Invalid{
		"": crm.Msg("E-mail address or password is wrong. After several wrong passwords sign-in pauses for 15 minutes."),
	})), nil
}

func (s *Server) logout(ctx context.Context, v *visit) (response, error) {
	if err := v.store.Event(ctx, audit.Logout, audit.User, v.actor.UserID, nil); err != nil {
		return nil, err
	}
	return exit{}, nil
}

// tooMany is 429: this address tried too often.
type tooMany struct{ seconds int }

func (tooMany) isResponse() {}

func (s *Server) writeTooMany(w http.ResponseWriter, r *http.Request, t tooMany) {
	s.writeProblem(w, r, problem{status: http.StatusTooManyRequests, retryAfter: max(1, t.seconds)})
}

// localPath returns next if it is a path of this site, else the start page. Browsers read "//host", "/\host"
// and control characters as another site, or drop them first.
func localPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") ||
		strings.ContainsAny(next, "\\\x7f") || strings.ContainsFunc(next, func(r rune) bool { return r < ' ' }) {
		return paths.Home
	}
	if p := u.Path; p == paths.Login || p == paths.Logout || strings.HasPrefix(p, "//") {
		return paths.Home
	}
	return next
}
