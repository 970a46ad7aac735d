package web_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// cookie returns the session cookie that the browser holds, nil when it has none.
func (b *browser) cookie() *http.Cookie {
	b.t.Helper()
	u, err := url.Parse(b.site.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	for _, c := range b.http.Jar.Cookies(u) {
		if strings.HasSuffix(c.Name, "session") {
			return c
		}
	}
	return nil
}

// with makes the browser hold another token.
func (b *browser) with(token string) *browser {
	b.t.Helper()
	u, err := url.Parse(b.site.server.URL)
	if err != nil {
		b.t.Fatal(err)
	}
	b.http.Jar.SetCookies(u, []*http.Cookie{{Name: "session", Value: token}})
	return b
}

func TestTheCookie(t *testing.T) {
	t.Parallel()
	for name, secure := range map[string]bool{"session": false, "__Host-session": true} {
		s := newSite(t, func(o *web.Options) { o.Secure = secure })
		u := s.user(t, "ada")
		b := s.browser(t)
		for _, path := range []string{"/", "/login", "/nowhere", "/organizations", "/healthz", "/login?next=/x"} {
			if c := b.get(path).header.Values("Set-Cookie"); len(c) > 0 {
				t.Errorf("%s sets %q before sign-in", path, c)
			}
		}
		a := b.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
		set := a.header.Values("Set-Cookie")
		if len(set) != 1 {
			t.Fatalf("sign-in sets %d cookies", len(set))
		}
		parsed, err := http.ParseSetCookie(set[0])
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Name != name || !parsed.HttpOnly || parsed.SameSite != http.SameSiteLaxMode || parsed.Secure != secure || parsed.Path != "/" || parsed.Domain != "" {
			t.Errorf("secure %v: %s", secure, set[0])
		}
		if hsts := a.header.Get("Strict-Transport-Security"); (hsts != "") != secure {
			t.Errorf("secure %v: HSTS %q", secure, hsts)
		}
		raw := query[string](t, s, `SELECT string_agg(s::text, '') FROM sessions s`)
		if strings.Contains(raw, parsed.Value) {
			t.Error("the token stands in the database")
		}
		sum := sha256.Sum256([]byte(parsed.Value))
		if !strings.Contains(raw, hex.EncodeToString(sum[:])) && !strings.Contains(raw, base64.RawURLEncoding.EncodeToString(sum[:])) {
			t.Errorf("the token is not stored as its hash: %s", raw)
		}
	}
}

func TestSignInMakesANewToken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ada, ben := s.user(t, "ada"), s.user(t, "ben")
	fixed := strings.Repeat("A", 43)
	b := s.browser(t).with(fixed)
	b.signIn(ada.Email, testPassword).wants(http.StatusSeeOther)
	first := b.cookie().Value
	if first == fixed {
		t.Fatal("sign-in took the token that was planted")
	}
	b.signIn(ben.Email, testPassword).wants(http.StatusSeeOther)
	if b.cookie().Value == first {
		t.Error("signing in again keeps the token")
	}
	b.get("/account").has("ben")
	s.browser(t).with(first).get("/account").wants(http.StatusSeeOther)
	s.browser(t).with(fixed).get("/account").wants(http.StatusSeeOther)
	for _, junk := range []string{"", "x", strings.Repeat("x", 8000), "%00", "a b"} {
		s.browser(t).with(junk).get("/account").wants(http.StatusSeeOther)
	}
}

func TestSignOutEndsTheSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	token := b.cookie().Value
	b.get("/logout").wants(http.StatusMethodNotAllowed)
	b.get("/account").wants(http.StatusOK)
	out := b.post("/logout").wants(http.StatusSeeOther)
	if out.to() != "/login" || out.header.Get("Clear-Site-Data") == "" {
		t.Errorf("sign-out leads to %q with Clear-Site-Data %q", out.to(), out.header.Get("Clear-Site-Data"))
	}
	s.browser(t).with(token).get("/account").wants(http.StatusSeeOther)
	s.browser(t).with(token).post("/organizations", "legal_name", "A", "display_name", "A").wants(http.StatusSeeOther)
	if n := query[int](t, s, `SELECT count(*) FROM organizations`); n != 0 {
		t.Error("a signed-out browser made an organization")
	}
}

// A request that began before the sign-out and ends after it saves its session: that must not bring it back.
func TestASlowRequestDoesNotReviveASession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	created := b.post("/organizations", "legal_name", "Slow", "display_name", "Slow").wants(http.StatusSeeOther).to()
	conn := postgrestest.Connect(t, s.url)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM organizations FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	token := b.cookie().Value
	slow := make(chan *answer)
	go func() { slow <- s.browser(t).with(token).post(created + "/archive") }() // will put a flash into the session
	for query[int](t, s, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	b.post("/logout").wants(http.StatusSeeOther)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	<-slow
	s.browser(t).with(token).get("/account").wants(http.StatusSeeOther)
}

func TestSessionsEndWithTime(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *web.Options) { o.SessionIdle, o.SessionMax = time.Hour, 12*time.Hour })
	b := s.role(t, "viewer")
	alter(t, s, `UPDATE sessions SET last_seen_at = now() - interval '59 minutes'`)
	b.get("/account").wants(http.StatusOK)
	if !query[bool](t, s, `SELECT last_seen_at > now() - interval '1 minute' FROM sessions`) {
		t.Error("a request does not keep the session awake")
	}
	alter(t, s, `UPDATE sessions SET last_seen_at = now() - interval '61 minutes'`)
	b.get("/account").wants(http.StatusSeeOther)

	b = s.role(t, "manager")
	if !query[bool](t, s, `SELECT expires_at BETWEEN now() + interval '11 hours 59 minutes' AND now() + interval '12 hours' FROM sessions WHERE last_seen_at > now() - interval '1 minute'`) {
		t.Error("a session does not end after 12 hours")
	}
	alter(t, s, `UPDATE sessions SET expires_at = now() + interval '2 minutes'`)
	b.post("/organizations", "legal_name", "A", "display_name", "A").follow().has("Organization created.") // saves the session twice
	if query[bool](t, s, `SELECT bool_or(expires_at > now() + interval '12 hours') FROM sessions`) {
		t.Error("use made a session longer than its absolute limit")
	}
	alter(t, s, `UPDATE sessions SET expires_at = now() - interval '1 second'`)
	b.get("/account").wants(http.StatusSeeOther)
}

func TestWhatAnAdminTakesIsGoneWithTheNextRequest(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.role(t, "admin")
	target := func() (*browser, string) {
		b := s.role(t, "manager")
		b.get("/organizations").wants(http.StatusOK)
		return b, "/admin/users/" + b.user.ID.String()
	}
	b, path := target()
	admin.post(path, "name", b.user.Name, "email", b.user.Email, "version", "1", "role_ids", postgrestest.Seeded(t, s.db, "viewer").String()).wants(http.StatusSeeOther)
	b.get("/organizations").wants(http.StatusOK)
	b.post("/organizations", "legal_name", "A", "display_name", "A").wants(http.StatusForbidden).has("Missing permission: EditClient")
	admin.post(path, "name", b.user.Name, "email", b.user.Email, "version", "2").wants(http.StatusSeeOther)
	b.get("/organizations").wants(http.StatusForbidden).has("Missing permission: ViewClient")

	b, path = target()
	role := postgrestest.Role(t, s.db, "own", authz.ViewClient)
	store := postgrestest.System(s.db)
	u, err := store.User(t.Context(), b.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	u.RoleIDs = []uuid.UUID{role}
	if _, err := store.UpdateUser(t.Context(), u); err != nil {
		t.Fatal(err)
	}
	org := postgrestest.Organization(t, s.db, "Foreign", uuid.NullUUID{})
	b.get("/organizations/" + org.String()).wants(http.StatusNotFound)
	r, err := store.Role(t.Context(), role)
	if err != nil {
		t.Fatal(err)
	}
	admin.post("/admin/roles/"+role.String(), "name", r.Name, "reach", "all", "permissions", "ViewClient", "version", "1").wants(http.StatusSeeOther)
	b.get("/organizations/" + org.String()).wants(http.StatusOK)
	admin.post(path + "/deactivate").wants(http.StatusSeeOther)
	b.get("/organizations").wants(http.StatusSeeOther)
	admin.post(path + "/reactivate").wants(http.StatusSeeOther)
	b.get("/organizations").wants(http.StatusSeeOther) // the old session stays ended

	b, path = target()
	admin.post(path + "/password").wants(http.StatusOK)
	b.get("/organizations").wants(http.StatusSeeOther)

	b, _ = target()
	second := s.browser(t)
	second.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
	b.post("/account/password", "current_password", testPassword, "new_password", "seven tall purple lamps").wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusOK)
	second.get("/account").wants(http.StatusSeeOther)
}

// A password that is replaced while an old one is being checked lets nobody in.
func TestAReplacedPasswordDoesNotWinARace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := s.user(t, "ada")
	g, err := s.db.CountGuess(t.Context(), u.Email, netip.MustParseAddr("127.0.0.1"))
	if err != nil {
		t.Fatal(err)
	}
	if err := postgrestest.System(s.db).ResetPassword(t.Context(), u.ID, "another", true); err != nil {
		t.Fatal(err)
	}
	if still, err := s.db.Signed(t.Context(), g, ""); still || err != nil {
		t.Errorf("the old password signed in after the reset: %v %v", still, err)
	}
}

func TestSweep(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	b.post("/organizations", "legal_name", "A", "display_name", "A", "form_token", uuid.NewString()).wants(http.StatusSeeOther)
	if err := s.db.Sweep(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	const left = `SELECT (SELECT count(*) FROM sessions) || ' ' || (SELECT count(*) FROM sign_in_attempts) || ' ' || (SELECT count(*) FROM form_tokens)`
	if got := query[string](t, s, left); got != "1 1 1" {
		t.Errorf("a sweep of a fresh register leaves %s", got)
	}
	alter(t, s, `UPDATE sessions SET expires_at = now() - interval '1 second'`)
	alter(t, s, `UPDATE sign_in_attempts SET created_at = now() - interval '25 hours'`)
	alter(t, s, `UPDATE form_tokens SET created_at = now() - interval '3 days'`)
	if err := s.db.Sweep(context.Background(), time.Now()); err != nil {
		t.Fatal(err)
	}
	if got := query[string](t, s, left); got != "0 0 0" {
		t.Errorf("a sweep leaves %s", got)
	}
}

// A browser whose name is no text signs in like any other.
func TestAnyUserAgentSignsIn(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	u := s.user(t, "ada")
	for _, ua := range []string{"\xff\xfe\xfd", strings.Repeat("x", 399) + "é", strings.Repeat("ü", 3000), ""} {
		b := s.browser(t)
		req := b.request(http.MethodPost, "/login", bytes.NewBufferString(url.Values{"email": {u.Email}, "password": {testPassword}}.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header["User-Agent"] = []string{ua}
		b.do(req).wants(http.StatusSeeOther)
		b.get("/account").wants(http.StatusOK)
	}
}

func TestABorrowedSessionCannotGuessThePassword(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "viewer")
	change := func(current string) *answer {
		return b.post("/account/password", "current_password", current, "new_password", "seven loud orange gulls", "new_password_again", "seven loud orange gulls")
	}
	for range 5 {
		change("wrong wrong wrong").wants(http.StatusUnprocessableEntity)
	}
	change(testPassword).wants(http.StatusUnprocessableEntity) // right, but not looked at any more
	b.get("/").wants(http.StatusOK)                            // the session itself lives on
}

// Whoever signs in where somebody else was signed in sees nothing of theirs.
func TestSignInForgetsWhoWasHereBefore(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, other := s.role(t, "manager"), s.user(t, "other", postgrestest.Seeded(t, s.db, "viewer"))
	b.post("/organizations", "legal_name", "Granvik Shipping AB", "display_name", "Granvik").wants(http.StatusSeeOther) // the flash is not shown yet
	b.signIn(other.Email, testPassword).wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusOK).lacks("Granvik").lacks("/undo")
}

// However an account goes, its sessions go with it: brought back, by whatever way, it has none.
func TestAnUndoRevivesNoSession(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin, b := s.role(t, "admin"), s.role(t, "viewer")
	path, last := "/admin/users/"+b.user.ID.String(), func() string {
		return query[string](t, s, `SELECT id::text FROM change_sets ORDER BY created_at DESC LIMIT 1`)
	}
	admin.post(path + "/deactivate").wants(http.StatusSeeOther)
	admin.post(path + "/reactivate").wants(http.StatusSeeOther)
	reactivated := last()
	b.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusOK)
	admin.post("/changes/" + reactivated + "/undo").wants(http.StatusSeeOther)
	b.get("/account").wants(http.StatusSeeOther)
	admin.post("/changes/" + last() + "/undo").wants(http.StatusSeeOther)
	if !query[bool](t, s, `SELECT is_active FROM users WHERE id = $1`, b.user.ID) {
		t.Fatal("the account did not come back")
	}
	b.get("/account").wants(http.StatusSeeOther)
}
