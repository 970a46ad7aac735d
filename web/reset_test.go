package web_test

import (
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// forgot asks for a link from an address.
func (b *browser) forgot(address, email string) *answer {
	b.t.Helper()
	req := b.request(http.MethodPost, "/forgot", strings.NewReader(url.Values{"email": {email}}.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", address)
	return b.do(req)
}

func (b *browser) choose(link string) *answer {
	b.t.Helper()
	return b.post(link, "new_password", chosenPassword, "new_password_again", chosenPassword)
}

func TestALostPasswordIsResetByMail(t *testing.T) {
	t.Parallel()
	s := newMailed(t, behindProxy)
	u := s.user(t, "ada")
	live := s.browser(t)
	live.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
	for n := range 5 { // locked, too
		s.browser(t).signInFrom(address(n), u.Email, "wrong wrong wrong")
	}
	b := s.browser(t)
	b.get("/login").wants(http.StatusOK).has("Forgot your password?")
	b.get("/forgot").wants(http.StatusOK)
	b.forgot(address(20), " "+strings.ToUpper(u.Email)).wants(http.StatusOK).has("a link is on its way").lacks(u.Email)
	link := s.link(t)
	live.get("/account").wants(http.StatusOK) // asking changes nothing
	page := b.get(link).wants(http.StatusOK).has(u.Email)
	if page.header.Get("Referrer-Policy") != "no-referrer" || len(page.header.Values("Set-Cookie")) > 0 {
		t.Errorf("headers %v", page.header)
	}
	b.post(link, "new_password", "short").wants(http.StatusUnprocessableEntity)
	b.post(link, "new_password", chosenPassword, "new_password_again", "other").wants(http.StatusUnprocessableEntity)
	b.post(link, "new_password", "ada@example.test").wants(http.StatusUnprocessableEntity)
	done := b.choose(link).wants(http.StatusSeeOther)
	if len(done.header.Values("Set-Cookie")) > 0 {
		t.Error("a cookie before sign-in")
	}
	b.get(done.to()).wants(http.StatusOK).has("Your password is changed.")
	live.get("/account").wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusSeeOther) // a reset signs nobody in
	b.signInFrom(address(21), u.Email, testPassword).wants(http.StatusUnprocessableEntity)
	b.signInFrom(address(22), u.Email, chosenPassword).wants(http.StatusSeeOther)
	s.browser(t).get(link).wants(http.StatusNotFound).has("Ask for a new link")
	s.browser(t).choose(link).wants(http.StatusNotFound)
	if got := query[string](t, s.site, `SELECT string_agg(concat_ws(' ', action, coalesce(user_id::text, '-')), ', ' ORDER BY id) FROM audit_logs WHERE target_id = $1 AND action IN ('request_reset', 'reset_password')`, u.ID); got != "request_reset -, reset_password "+u.ID.String() {
		t.Errorf("audit rows %s", got)
	}
	s.courier.Deliver(t.Context())
	if all := s.inbox.Letters(); all[len(all)-1].Subject != "Your password was changed" || all[len(all)-1].To != u.Email {
		t.Errorf("no notice of it: %+v", all[len(all)-1])
	}
	s.keepsNothing(t, strings.TrimPrefix(link, "/reset/"), chosenPassword)
}

// The answer, its length and what the database is asked are the same for everybody: nobody learns who has an
// account.
func TestForgottenPasswordsTellNothing(t *testing.T) {
	t.Parallel()
	for name, mailOn := range map[string]func(){"with mail": func() {}, "without": nil} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			sent := &trips{}
			s := newSiteOn(t, postgrestest.URL(t), postgres.Options{Tracer: sent, Mail: mailOn}, behindProxy, func(o *web.Options) { o.BaseURL = baseURL })
			known, gone, locked := s.user(t, "known"), s.user(t, "gone"), s.user(t, "locked")
			admin := s.role(t, "admin")
			admin.post("/admin/users/" + gone.ID.String() + "/deactivate").wants(http.StatusSeeOther)
			admin.post("/admin/users", "name", "Invited", "email", "invited@example.test")
			b := s.browser(t)
			for n := range 5 {
				b.signInFrom(address(n), locked.Email, "wrong wrong wrong")
			}
			want, wantSQL := "", ""
			emails := []string{known.Email, "nobody@example.test", gone.Email, "invited@example.test", locked.Email, "", "a\x00b", "\xff", strings.Repeat("x", 9000), known.Email, known.Email, known.Email, known.Email}
			for n, email := range emails {
				sent.take()
				a := b.forgot(address(100+n), email).wants(http.StatusOK)
				_, sql := sent.take()
				if want == "" {
					want, wantSQL = a.body, strings.Join(sql, "\n")
				}
				if a.body != want || len(a.header.Values("Set-Cookie")) > 0 {
					t.Errorf("%.30q: another answer:\n%s", email, a.text())
				}
				if got := strings.Join(sql, "\n"); got != wantSQL {
					t.Errorf("%.30q: other statements:\n%s\nwant\n%s", email, got, wantSQL)
				}
			}
			if mailOn == nil {
				return
			}
			if n := query[int](t, s, `SELECT count(*) FROM outbox WHERE kind = 'reset'`); n != len(emails) {
				t.Errorf("%d mails for %d requests: each leaves one", n, len(emails))
			}
			if n := query[int](t, s, `SELECT count(*) FROM outbox WHERE kind = 'reset' AND user_id = $1`, known.ID); n != 3 {
				t.Errorf("%d mails to one person within an hour, want 3", n)
			}
			if got := query[string](t, s, `SELECT string_agg(u.name, ' ' ORDER BY u.name) FROM users u WHERE EXISTS (SELECT 1 FROM outbox o WHERE o.user_id = u.id AND o.kind = 'reset')`); got != "known locked" {
				t.Errorf("mail to %s, want to known and locked only", got)
			}
		})
	}
}

func TestThirtyRequestsAMinutePerAddress(t *testing.T) {
	t.Parallel()
	s := newMailed(t, behindProxy)
	b := s.browser(t)
	if let := atOnce(40, func() bool { return b.forgot("203.0.113.9", uuid.NewString()+"@example.test").status == http.StatusOK }); let != 30 {
		t.Errorf("%d of 40 were taken, want 30", let)
	}
	b.forgot("203.0.113.9", "x").wants(http.StatusTooManyRequests)
	b.signInFrom("203.0.113.9", "x", "x").wants(http.StatusTooManyRequests) // one budget with sign-in
	b.forgot("203.0.113.10", "x").wants(http.StatusOK)
}

// However many ask at once, somebody's mailbox gets three.
func TestABurstOfRequestsSendsThreeMails(t *testing.T) {
	t.Parallel()
	s := newMailed(t, behindProxy)
	u := s.user(t, "ada")
	n := 0
	addresses := make(chan string, 12)
	for n = range 12 {
		addresses <- address(n)
	}
	atOnce(12, func() bool { return s.browser(t).forgot(<-addresses, u.Email).status == http.StatusOK })
	if n := query[int](t, s.site, `SELECT count(*) FROM outbox WHERE user_id = $1`, u.ID); n != 3 {
		t.Errorf("%d mails, want 3", n)
	}
}

func TestOfEightWhoResetOneSucceeds(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	u := s.user(t, "ada")
	s.browser(t).post("/forgot", "email", u.Email).wants(http.StatusOK)
	link := s.link(t)
	if done := atOnce(8, func() bool { return s.browser(t).choose(link).status == http.StatusSeeOther }); done != 1 {
		t.Errorf("%d of 8 changed the password, want 1", done)
	}
}

// Any password that is set ends every link sent before, and so do an address or an account that goes.
func TestResetLinksEnd(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	admin := s.role(t, "admin")
	for name, end := range map[string]func(id, email, link string){
		"expired":     func(_, _, _ string) { alter(t, s.site, `UPDATE user_secrets SET expires_at = now()`) },
		"deactivated": func(id, _, _ string) { admin.post("/admin/users/" + id + "/deactivate").wants(http.StatusSeeOther) },
		"by admin":    func(id, _, _ string) { admin.post("/admin/users/" + id + "/password").wants(http.StatusOK) },
		"changed": func(_, email, _ string) {
			b := s.browser(t)
			b.signIn(email, testPassword).wants(http.StatusSeeOther)
			b.post("/account/password", "current_password", testPassword, "new_password", chosenPassword).wants(http.StatusSeeOther)
		},
		"by another link": func(_, email, _ string) {
			s.browser(t).post("/forgot", "email", email).wants(http.StatusOK)
			s.browser(t).choose(s.link(t)).wants(http.StatusSeeOther)
		},
		"moved": func(id, _, _ string) {
			admin.post("/admin/users/"+id, "name", "X", "email", "elsewhere@example.test", "version", "1").wants(http.StatusSeeOther)
		},
	} {
		u := s.user(t, strings.ReplaceAll(name, " ", "-"))
		admin.post("/admin/users/" + u.ID.String() + "/reset-link").wants(http.StatusSeeOther)
		admin.get("/admin/users/" + u.ID.String()).has("The link is on its way.")
		link := s.link(t)
		s.browser(t).get(link).wants(http.StatusOK)
		end(u.ID.String(), u.Email, link)
		if a := s.browser(t).choose(link); a.status != http.StatusNotFound {
			t.Errorf("%s: the link still works: %d", name, a.status)
		}
	}
}

// Who can read somebody's mail has not got their second factor.
func TestAResetDoesNotSkipTheSecondFactor(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	u := s.user(t, "ada")
	alter(t, s.site, `UPDATE user_credentials SET totp_secret = 'JBSWY3DPEHPK3PXP', totp_since = now() WHERE user_id = $1`, u.ID)
	half := s.browser(t)
	half.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
	half.get("/login/code").wants(http.StatusOK)
	b := s.browser(t)
	b.post("/forgot", "email", u.Email).wants(http.StatusOK)
	b.choose(s.link(t)).wants(http.StatusSeeOther)
	if to := half.get("/login/code").wants(http.StatusSeeOther).to(); to != "/login" {
		t.Errorf("a half session outlived the reset: %q", to)
	}
	if to := b.signIn(u.Email, chosenPassword).wants(http.StatusSeeOther).to(); to != "/login/code" {
		t.Errorf("after a reset sign-in leads to %q", to)
	}
	b.get("/account").wants(http.StatusSeeOther)
	if kept := query[bool](t, s.site, `SELECT totp_secret IS NOT NULL FROM user_credentials WHERE user_id = $1`, u.ID); !kept {
		t.Error("the second factor is gone")
	}
}

// Over plain http a browser that sends no referrer sends no Origin either, and its form would be refused as forged.
func TestLinksKeepToThemselvesWithoutLockingOutPlainHTTP(t *testing.T) {
	t.Parallel()
	for base, want := range map[string]string{
		"https://crm.example.com": "no-referrer", "http://localhost:8080": "no-referrer", "http://127.0.0.1:8080": "no-referrer", "http://crm.lan": "strict-origin",
	} {
		s := newSite(t, func(o *web.Options) { o.BaseURL = base })
		for _, path := range []string{"/invitations/x", "/reset/x"} {
			if got := s.browser(t).get(path).header.Get("Referrer-Policy"); got != want {
				t.Errorf("%s%s: Referrer-Policy %q, want %q", base, path, got, want)
			}
		}
		if got := s.browser(t).get("/login").header.Get("Referrer-Policy"); got != "same-origin" {
			t.Errorf("/login: %q", got)
		}
	}
}

// kept is a log that a test reads, written by many requests at once.
type kept struct {
	mu   sync.Mutex
	text strings.Builder
}

func (k *kept) Write(p []byte) (int, error) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.Write(p)
}

func (k *kept) String() string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.text.String()
}

func TestNoLinkStandsInTheLog(t *testing.T) {
	t.Parallel()
	var log kept
	s := newMailed(t, func(o *web.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	u := s.user(t, "ada")
	s.browser(t).post("/forgot", "email", u.Email).wants(http.StatusOK)
	link := s.link(t)
	b := s.browser(t)
	b.get(link)
	forged := b.request(http.MethodPost, link, strings.NewReader("new_password=x"))
	forged.Header.Set("Sec-Fetch-Site", "cross-site")
	b.do(forged).wants(http.StatusForbidden)
	b.post(link, "new_password", "%zz").wants(http.StatusUnprocessableEntity)
	b.choose(link).wants(http.StatusSeeOther)
	b.choose(link).wants(http.StatusNotFound)
	text := log.String()
	if !strings.Contains(text, "/reset/{secret}") || strings.Contains(text, strings.TrimPrefix(link, "/reset/")) {
		t.Errorf("the log says\n%s", text)
	}
}
