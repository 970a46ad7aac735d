package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// behindProxy lets tests choose the address they come from.
func behindProxy(o *web.Options) {
	o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}
}

// query returns the single value of a query behind the application's back.
func query[T any](t testing.TB, s *site, sql string, args ...any) T {
	t.Helper()
	conn := postgrestest.Connect(t, s.url)
	defer func() { _ = conn.Close(t.Context()) }() // its answer is read
	var v T
	if err := conn.QueryRow(t.Context(), sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// alter changes what the application cannot see coming, such as time that has passed.
func alter(t testing.TB, s *site, sql string, args ...any) {
	t.Helper()
	conn := postgrestest.Connect(t, s.url)
	defer func() { _ = conn.Close(t.Context()) }() // one statement, already answered
	if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

func (s *site) user(t testing.TB, name string, roles ...uuid.UUID) crm.User {
	t.Helper()
	return postgrestest.User(t, s.db, name, uuid.NullUUID{}, s.hash, roles...)
}

// signInFrom tries a password from an address.
func (b *browser) signInFrom(address, email, pw string) *answer {
	b.t.Helper()
	form := url.Values{"email": {email}, "password": {pw}}
	req := b.request(http.MethodPost, "/login", strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("X-Forwarded-For", address)
	return b.do(req)
}

func address(n int) string { return fmt.Sprintf("198.51.%d.%d", n/250, n%250+1) }

func TestEveryFailedSignInLooksTheSame(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	known, gone, locked := s.user(t, "known"), s.user(t, "gone"), s.user(t, "locked")
	admin := s.role(t, "admin")
	admin.post("/admin/users/" + gone.ID.String() + "/deactivate").wants(http.StatusSeeOther)
	b := s.browser(t)
	for n := range 5 {
		b.signInFrom(address(n), locked.Email, "wrong wrong wrong")
	}
	want := ""
	for n, try := range []struct{ name, email, pw string }{
		{"wrong", known.Email, "wrong wrong wrong"},
		{"unknown", "nobody@example.test", testPassword},
		{"deactivated", gone.Email, testPassword},
		{"locked", locked.Email, testPassword},
		{"empty", "", ""},
		{"NUL", "a\x00b", "x"},
		{"not UTF-8", "\xff", "\xff"},
		{"long", strings.Repeat("x", 9000), "x"},
		{"long password", known.Email, strings.Repeat("x", 9000)},
		{"spaces", "   ", testPassword},
	} {
		a := b.signInFrom(address(100+n), try.email, try.pw)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, want 422", try.name, a.status)
		}
		if len(a.header.Values("Set-Cookie")) > 0 {
			t.Errorf("%s: a cookie before sign-in", try.name)
		}
		body := a.body
		if try.email != "" {
			if got := a.value("email"); try.name != "NUL" && try.name != "not UTF-8" && got != try.email {
				t.Errorf("%s: the address came back as %q", try.name, got)
			}
			a.doc.Find(`input[name="email"]`).SetAttr("value", "")
		} else {
			a.doc.Find(`input[name="email"]`).SetAttr("value", "")
		}
		html, err := a.doc.Html()
		if err != nil {
			t.Fatal(err)
		}
		if want == "" {
			want = html
		}
		if html != want {
			t.Errorf("%s: another answer than for a wrong password:\n%s", try.name, body)
		}
	}
}

// However many try at once, and from wherever, five guesses at an account are looked at in a quarter of an hour.
func TestABurstIsHeldToFiveGuesses(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	u := s.user(t, "target")
	var wg sync.WaitGroup
	for n := range 40 {
		b := s.browser(t)
		wg.Go(func() {
			b.signInFrom(address(n), []string{u.Email, strings.ToUpper(u.Email), " " + u.Email}[n%3], "wrong wrong wrong")
		})
	}
	wg.Wait()
	n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts WHERE evaluated`)
	t.Logf("%d of 40 guesses at once were looked at", n)
	if n != 5 {
		t.Errorf("%d of 40 guesses were looked at, want 5", n)
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'lockout' AND target_id = $1`, u.ID); n != 1 {
		t.Errorf("%d lockout rows, want 1", n)
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'login_failed' AND target_id = $1 AND ip IS NOT NULL`, u.ID); n != 40 {
		t.Errorf("%d login_failed rows, want 40", n)
	}
	// the right password does not open a locked account, an admin does
	s.browser(t).signInFrom(address(50), u.Email, testPassword).wants(http.StatusUnprocessableEntity)
	admin := s.role(t, "admin")
	admin.get("/admin/users/" + u.ID.String()).wants(http.StatusOK)
	admin.post("/admin/users/" + u.ID.String() + "/unlock").wants(http.StatusSeeOther)
	s.browser(t).signInFrom(address(51), u.Email, testPassword).wants(http.StatusSeeOther)
}

func TestTheLockEndsByItselfButTheHourHolds(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	u := s.user(t, "target")
	b := s.browser(t)
	n := 0
	spend := func() {
		for range 5 {
			n++
			b.signInFrom(address(n), u.Email, "wrong wrong wrong")
		}
		alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at - interval '15 minutes'`)
	}
	for range 3 {
		spend()
	}
	s.browser(t).signInFrom(address(200), u.Email, testPassword).wants(http.StatusSeeOther) // after the pause, before the hour's budget
	spend()
	alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at + interval '14 minutes'`) // 20 wrong ones within the hour, 5 older than 15 minutes… none fresh
	alter(t, s, `UPDATE sign_in_attempts SET created_at = clock_timestamp() - interval '16 minutes' WHERE created_at > clock_timestamp() - interval '16 minutes'`)
	s.browser(t).signInFrom(address(201), u.Email, testPassword).wants(http.StatusUnprocessableEntity)
	alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at - interval '1 hour'`)
	s.browser(t).signInFrom(address(202), u.Email, testPassword).wants(http.StatusSeeOther)
}

func TestStrangersDoNotLockOutAKnownAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	u := s.user(t, "target")
	home := "203.0.113.5"
	live := s.browser(t)
	live.signInFrom(home, u.Email, testPassword).wants(http.StatusSeeOther)
	for n := range 6 {
		s.browser(t).signInFrom(address(n), u.Email, "wrong wrong wrong")
	}
	s.browser(t).signInFrom(address(9), u.Email, testPassword).wants(http.StatusUnprocessableEntity)
	s.browser(t).signInFrom(home, u.Email, testPassword).wants(http.StatusSeeOther)
	live.get("/account").wants(http.StatusOK)
	// the known address has a budget of its own
	for range 5 {
		s.browser(t).signInFrom(home, u.Email, "wrong wrong wrong")
	}
	s.browser(t).signInFrom(home, u.Email, testPassword).wants(http.StatusUnprocessableEntity)
	live.get("/account").wants(http.StatusOK)
	// and being known at one account says nothing about another
	other := s.user(t, "other")
	for range 5 {
		s.browser(t).signInFrom(home, other.Email, "wrong wrong wrong")
	}
	if n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts WHERE known AND account = sha256(convert_to($1, 'UTF8'))`, other.Email); n != 0 {
		t.Errorf("%d guesses at a stranger's account counted as known", n)
	}
}

func TestThirtyTriesAMinutePerAddress(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		from func(int) string
		want int // tries counted of 34
	}{
		"one address":       {func(int) string { return "203.0.113.9" }, 30},
		"mapped":            {func(n int) string { return []string{"203.0.113.9", "::ffff:203.0.113.9"}[n%2] }, 30},
		"one IPv6 /64":      {func(n int) string { return fmt.Sprintf("2001:db8:1:2::%x", n) }, 30},
		"many /64":          {func(n int) string { return fmt.Sprintf("2001:db8:1:%x::1", n) }, 34},
		"forged before":     {func(n int) string { return address(n) + ", 203.0.113.9" }, 30},
		"garbage":           {func(n int) string { return fmt.Sprintf("x%d", n) }, 30},
		"trusted hop after": {func(n int) string { return address(n) + ", 203.0.113.9, 127.0.0.1" }, 30},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, behindProxy)
			b := s.browser(t)
			var last *answer
			for n := range 34 {
				last = b.signInFrom(tt.from(n), fmt.Sprintf("u%d@example.test", n), "wrong wrong wrong")
			}
			if n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts`); n != tt.want {
				t.Errorf("%d tries were counted, want %d", n, tt.want)
			}
			if tt.want == 30 {
				if last.wants(http.StatusTooManyRequests).header.Get("Retry-After") == "" {
					t.Error("429 without Retry-After")
				}
			}
		})
	}
}

func TestWithoutATrustedProxyHeadersMakeNoAddress(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.browser(t)
	for n := range 31 {
		form := url.Values{"email": {fmt.Sprintf("u%d@example.test", n)}, "password": {"x"}}
		req := b.request(http.MethodPost, "/login", strings.NewReader(form.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		for _, h := range []string{"X-Forwarded-For", "X-Real-IP", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"} {
			req.Header.Set(h, address(n))
		}
		req.Header.Set("Forwarded", "for="+address(n))
		if a := b.do(req); n == 30 {
			a.wants(http.StatusTooManyRequests)
		}
	}
	if n := query[int](t, s, `SELECT count(DISTINCT address) FROM sign_in_attempts`); n != 1 {
		t.Errorf("%d addresses, want 1", n)
	}
}

func TestSignInLeadsOnlyToThisSite(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := s.user(t, "ada")
	for _, next := range []string{
		"https://evil.example", "//evil.example", "///evil.example", "////evil.example", `/\evil.example`, `\/evil.example`, `\\evil.example`, "/\t/evil.example", "/\n/evil.example",
		"/%09/evil.example\t", "http:evil.example", "https:/evil.example", "javascript:alert(1)", "data:text/html,x", "//evil.example@localhost", "/%2F/evil.example", "/%2f%2fevil.example",
		"evil.example", " //evil.example", " /organizations", "\x00/organizations", "/login?next=/x", "/logout", "?x", "#x", "", "/\x7f/evil", "http://localhost:8080@evil.example/", "/..//evil.example", "/.//evil.example",
	} {
		b := s.browser(t)
		a := b.post("/login", "email", u.Email, "password", testPassword, "next", next)
		if strings.ContainsRune(next, 0) {
			a.wants(http.StatusUnprocessableEntity)
			continue
		}
		to, err := url.Parse(a.wants(http.StatusSeeOther).to())
		if err != nil || to.Host != "" || to.Scheme != "" || !strings.HasPrefix(a.to(), "/") || strings.HasPrefix(a.to(), "//") || strings.Contains(a.to(), `\`) {
			t.Errorf("next %q leads to %q", next, a.to())
		}
		shown := s.browser(t).get("/login?next=" + url.QueryEscape(next)).wants(http.StatusOK)
		if f := shown.doc.Find(`[name="next"]`); f.Length() > 0 && strings.Contains(f.AttrOr("value", ""), "evil") && !strings.HasPrefix(f.AttrOr("value", ""), "/.") {
			t.Errorf("next %q stands on the form as %q", next, f.AttrOr("value", ""))
		}
		if again := b.get("/login?next=" + url.QueryEscape(next)); again.status != http.StatusSeeOther || strings.HasPrefix(again.to(), "//") || strings.Contains(again.to(), "://") {
			t.Errorf("next %q of someone signed in leads to %d %q", next, again.status, again.to())
		}
	}
	alter(t, s, `DELETE FROM sign_in_attempts`) // so many from one address would be held back
	b := s.browser(t)
	to := b.get("/organizations?q=a%26b&sort=newest").wants(http.StatusSeeOther).to()
	form := s.browser(t).get(to)
	if got := b.post("/login", "email", u.Email, "password", testPassword, "next", form.value("next")).to(); got != "/organizations?q=a%26b&sort=newest" {
		t.Errorf("sign-in led to %q", got)
	}
}

// The Host header is an attacker's to choose: no answer uses it.
func TestHostIsNotUsed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	for _, path := range []string{"/", "/login", "/organizations", "/nowhere", "/account", "/admin/users"} {
		req := b.request(http.MethodGet, path, nil)
		req.Host = "evil.example"
		a := b.do(req).lacks("evil.example")
		if strings.Contains(fmt.Sprint(a.header), "evil.example") {
			t.Errorf("%s: headers %v", path, a.header)
		}
	}
}

func TestSignInLeavesItsRows(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	u := s.user(t, "ada", postgrestest.Seeded(t, s.db, "viewer"))
	b := s.browser(t)
	since := query[int64](t, s, `SELECT max(id) FROM audit_logs`)
	b.signInFrom("203.0.113.7", "nobody@example.test", "x")
	b.signInFrom("203.0.113.7", u.Email, "x")
	b.signInFrom("203.0.113.7", u.Email, testPassword).wants(http.StatusSeeOther)
	b.post("/logout").wants(http.StatusSeeOther)
	conn := postgrestest.Connect(t, s.url)
	rows, err := conn.Query(t.Context(), `SELECT concat_ws(' ', action, coalesce(user_id::text, '-'), coalesce(target_id::text, '-'), ua IS NOT NULL) FROM audit_logs WHERE id > $1 ORDER BY id`, since)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	id := u.ID.String()
	want := []string{"login_failed - - t", "login_failed - " + id + " t", "login " + id + " " + id + " t", "logout " + id + " " + id + " t"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got rows %q, want %q", got, want)
	}
	if text := query[string](t, s, `SELECT string_agg(a::text, '') FROM sign_in_attempts a`); strings.Contains(text, "nobody") {
		t.Error("the address typed is stored; it may be a password in the wrong field")
	}
}

func TestNothingOfAPasswordIsKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.role(t, "admin")
	made := admin.post("/admin/users", "name", "New", "email", "new@example.test", "sign_in", "password").wants(http.StatusOK)
	secret := strings.TrimSpace(made.doc.Find("code, .secret, output").First().Text())
	if len(secret) < 12 {
		t.Fatalf("no one-time password on\n%s", made.text())
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Error("a page with a secret may be stored")
	}
	dump := query[string](t, s, `SELECT (SELECT string_agg(a::text, '') FROM audit_logs a) || (SELECT string_agg(c::text, '') FROM user_credentials c) || (SELECT string_agg(convert_from(data, 'UTF8') || token, '') FROM sessions)`)
	if strings.Contains(dump, secret) || strings.Contains(dump, testPassword) {
		t.Error("a password stands in the database")
	}
	b := s.browser(t)
	b.signIn("new@example.test", secret).wants(http.StatusSeeOther)
	for _, path := range []string{"/", "/account", "/organizations", "/admin/users", "/search?q=x", "/changes/" + uuid.NewString()} {
		if to := b.get(path).wants(http.StatusSeeOther).to(); to != "/account/password" {
			t.Errorf("%s with a one-time password leads to %q", path, to)
		}
	}
	b.post("/account", "name", "Evil").wants(http.StatusSeeOther)
	b.post("/account/password", "current_password", secret, "new_password", secret).wants(http.StatusUnprocessableEntity)
	b.post("/account/password", "current_password", "wrong wrong", "new_password", "seven tall purple lamps").wants(http.StatusUnprocessableEntity)
	b.post("/account/password", "current_password", secret, "new_password", "seven tall purple lamps", "new_password_again", "differs").wants(http.StatusUnprocessableEntity)
	b.post("/account/password", "current_password", secret, "new_password", "password1234").wants(http.StatusUnprocessableEntity)
	b.post("/account/password", "current_password", secret, "new_password", "seven tall purple lamps", "new_password_again", "seven tall purple lamps").wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusOK)
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'change_password'`); n != 1 {
		t.Errorf("%d change_password rows", n)
	}
	s.browser(t).signIn("new@example.test", secret).wants(http.StatusUnprocessableEntity)
}

func TestHalfARequestIsNoSignIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	r := httptest.NewRecorder()
	req := httptest.NewRequest(http.MethodPost, "/login", strings.NewReader("%zz"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	s.web.Handler().ServeHTTP(r, req)
	if r.Code != http.StatusUnprocessableEntity {
		t.Errorf("a body that is no form: %d", r.Code)
	}
}
