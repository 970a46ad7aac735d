package web_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// outsiders are addresses of accounts by what keeps them from coming in, all tried with a wrong password.
func outsiders(t *testing.T, s *site) map[string]string {
	t.Helper()
	invited, err := postgrestest.System(s.db).CreateInvited(context.Background(), crm.User{Name: "Invited", Email: "invited@example.test"}, uuid.NullUUID{})
	fatal(t, err)
	if n := query[int](t, s, `SELECT count(*) FROM users u LEFT JOIN user_credentials c ON c.user_id = u.id WHERE c.user_id IS NULL`); n != 1 {
		t.Fatalf("%d users without a password, want the invited one (%v)", n, invited)
	}
	gone, locked, mfa := s.user(t, "gone"), s.user(t, "locked"), s.user(t, "mfa")
	_, err = postgrestest.System(s.db).SetUserActive(context.Background(), gone.ID, false)
	fatal(t, err)
	for n := range 5 {
		s.browser(t).signInFrom(address(1000+n), locked.Email, "wrong wrong wrong").wants(http.StatusUnprocessableEntity)
	}
	alter(t, s, `UPDATE user_credentials SET totp_secret = 'x' WHERE user_id = $1`, mfa.ID)
	return map[string]string{
		"known": s.user(t, "known").Email, "unknown": "nobody@example.test", "invited": "invited@example.test",
		"deactivated": gone.Email, "locked": locked.Email, "with a second factor": mfa.Email,
	}
}

// Every try costs one hash, whoever is asked for: while the hasher takes no more, all are sent away alike. What
// were answered otherwise would not have been hashed, and so be told by its time.
func TestEveryTryIsHashed(t *testing.T) {
	t.Parallel()
	slow := password.New(password.Params{MemoryKiB: 64, Time: 1 << 15, Threads: 1}, 1) // seconds for an account without a hash
	s := newSite(t, behindProxy, func(o *web.Options) { o.Hasher = slow })
	all := outsiders(t, s)
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	for range 9 { // one that runs and eight in line
		go func() {
			for ctx.Err() == nil { // again where the look below took its place
				_ = slow.VerifyDummy(ctx, "x")
			}
		}()
	}
	for !errors.Is(slow.VerifyDummy(timeout(ctx, 10*time.Millisecond), "x"), password.ErrBusy) {
		fatal(t, ctx.Err())
	}
	n := 0
	for what, email := range all {
		n++
		if a := s.browser(t).signInFrom(address(n), email, "wrong wrong wrong"); a.status != http.StatusServiceUnavailable {
			t.Errorf("%s: answered %d without a hash", what, a.status)
		}
	}
}

// timeout is a context for one short wait.
func timeout(ctx context.Context, d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(ctx, d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

// TestTimeTellsNothing prints how well the time of an answer tells an account from none: 0.5 is not at all. It
// asserts nothing about time; the shape of the answers is held here and by TestEveryFailedSignInLooksTheSame.
func TestTimeTellsNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy, func(o *web.Options) {
		o.Hasher = password.New(password.Params{MemoryKiB: 4096, Time: 1, Threads: 1}, 2)
	})
	all := outsiders(t, s)
	unknown := all["unknown"]
	delete(all, "unknown")
	const rounds = 25
	took := map[string][]time.Duration{}
	b := s.browser(t)
	for n := range rounds {
		for what, email := range map[string]string{"known": all["known"], "unknown": fmt.Sprint(n, unknown), "invited": all["invited"]} {
			began := time.Now()
			b.signInFrom(address(10+n), email, "wrong wrong wrong").wants(http.StatusUnprocessableEntity)
			took[what] = append(took[what], time.Since(began))
		}
	}
	for _, what := range []string{"known", "invited"} {
		t.Logf("AUC of %s against unknown accounts over %d tries each: %.2f", what, rounds, auc(took[what], took["unknown"]))
	}
}

// auc is how often one of a is longer than one of b.
func auc(a, b []time.Duration) float64 {
	sum := 0.0
	for _, x := range a {
		for _, y := range b {
			switch {
			case x > y:
				sum++
			case x == y:
				sum += 0.5
			}
		}
	}
	return sum / float64(len(a)*len(b))
}

// Every secret that opens something opens nothing once it was used up: here those of this package; invitations,
// resets, codes and tokens are held beside their own pages.
func TestUsedSecretsOpenNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := s.user(t, "ada")
	b := s.browser(t)
	b.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
	first := b.cookie().Value
	b.signIn(u.Email, testPassword).wants(http.StatusSeeOther) // the token rotates: the first is used up
	second := b.cookie().Value
	b.post("/logout").wants(http.StatusSeeOther)
	for what, token := range map[string]string{"rotated": first, "signed out": second} {
		if s.browser(t).with(token).signedIn() {
			t.Errorf("a token that was %s opens the account", what)
		}
	}
	if n := query[int](t, s, `SELECT count(*) FROM sessions WHERE revoked_at IS NULL OR data <> ''`); n != 0 {
		t.Errorf("%d sessions hold something", n)
	}
}
