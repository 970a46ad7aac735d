package web_test

import (
	"fmt"
	"net/http"
	"net/netip"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

var tokenText = regexp.MustCompile(`crm_pat_[a-z2-7]{32}`)

func TestATokensLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "account_manager")
	b.get("/account/tokens").wants(200).lacks("ManageUsers")

	made := b.post("/account/tokens", "name", " Nightly sync ", "scopes", "ViewClient", "scopes", "EditClient", "expires", "").wants(200).has("It is shown only now.")
	secret := tokenText.FindString(made.body)
	if secret == "" {
		t.Fatalf("no token on the page:\n%s", made.text())
	}
	if made.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the token may be cached: %v", made.header)
	}
	list := b.get("/account/tokens").wants(200).has("Nightly sync").has("EditClient").has("…" + secret[len(secret)-4:]).lacks(secret)
	p := &program{t: t, site: s, user: b.user, secret: secret, header: http.Header{"Authorization": {"Bearer " + secret}}}
	p.get("/me").wants(200).has("ViewClient", "permissions", 0, "permission").has("EditClient", "permissions", 1, "permission").has(nil, "permissions", 2).has(nil, "token", "expires_at")
	p.get("/interactions").wants(403).has("Missing permission: ViewInteraction", "error")
	b.get("/account/tokens").wants(200).has("127.0.0.1")

	// the token stands in no table, and in no audit row
	dump := query[string](t, s, `SELECT string_agg(x, ' ') FROM (SELECT t::text AS x FROM api_tokens t UNION ALL SELECT a::text FROM audit_logs a UNION ALL SELECT encode(s.data, 'escape') FROM sessions s) y`)
	if strings.Contains(dump, secret) || strings.Contains(dump, secret[len("crm_pat_"):]) {
		t.Error("the token is kept in clear")
	}
	event := query[string](t, s, `SELECT concat_ws(' ', metadata->>'name', metadata->>'scopes', target_type, target_id = user_id) FROM audit_logs WHERE action = 'create_token'`)
	if want := `Nightly sync ["ViewClient", "EditClient"] user t`; event != want {
		t.Errorf("the audit log says %q, want %q", event, want)
	}

	action, _ := list.doc.Find(`form[action$="/revoke"]`).Attr("action")
	stranger := s.role(t, "account_manager")
	stranger.post(action).wants(404)
	p.get("/me").wants(200)
	b.post(action).follow().has("Token revoked.").has("Revoked")
	p.get("/me").wants(401)
	b.post(action).follow().has("Nothing changed")
	if n := query[int](t, s, `SELECT count(*)::int FROM audit_logs WHERE action = 'revoke_token' AND metadata->>'name' = 'Nightly sync'`); n != 1 {
		t.Errorf("revoking left %d rows", n)
	}
}

func TestATokenFormThatIsWrong(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	b := s.role(t, "viewer")
	day := func(n int) string { return now.UTC().AddDate(0, 0, n).Format(time.DateOnly) }
	for _, tt := range []struct{ name, scope, expires, says string }{
		{"", "ViewClient", "", "Enter what the token is for."},
		{"a", "", "", "Choose at least one permission."},
		{"a", "EditClient", "", "A token can only have permissions that you have yourself."},
		{"a", "Everything", "", "A token can only have permissions that you have yourself."},
		{"a", "ViewClient", "tomorrow", "Enter a date like 2026-11-22."},
		{"a", "ViewClient", day(-1), "Choose a day that has not passed."},
		{"a", "ViewClient", day(6 * 366), "Choose a day within the next five years."},
		{strings.Repeat("a", 81), "ViewClient", "", "At most 80 characters; this has 81."},
		{"a\x00", "ViewClient", "", "This text has characters that cannot be stored."},
	} {
		fields := []string{"name", tt.name, "expires", tt.expires}
		if tt.scope != "" {
			fields = append(fields, "scopes", tt.scope)
		}
		a := b.post("/account/tokens", fields...).wants(422).has(tt.says)
		if got := a.value("expires"); got != tt.expires {
			t.Errorf("expires is shown as %q, typed as %q", got, tt.expires)
		}
	}
	if n := query[int](t, s, `SELECT count(*)::int FROM api_tokens`); n != 0 {
		t.Errorf("wrong forms made %d tokens", n)
	}
	b.post("/account/tokens", "name", "a", "scopes", "ViewClient", "expires", day(0)).wants(200) // today is not over
}

// TestATokenNeedsThePassword: a session left open on a desk makes no token.
func TestATokenNeedsThePassword(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	b := s.role(t, "viewer")
	now = now.Add(11 * time.Minute)
	b.post("/account/tokens", "name", "a", "scopes", "ViewClient").wants(422).has("password")
	if n := query[int](t, s, `SELECT count(*)::int FROM api_tokens`); n != 0 {
		t.Error("a token was made without the password")
	}
	b.post("/account/tokens", "name", "a", "scopes", "ViewClient", "scopes", "ViewInteraction", "confirm_password", testPassword).wants(200)
	if scopes := query[string](t, s, `SELECT scopes::text FROM api_tokens`); scopes != "{ViewClient,ViewInteraction}" {
		t.Errorf("scopes %s", scopes)
	}
}

func TestAnAdminRevokesTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	admin := s.role(t, "admin")
	path := "/admin/users/" + p.user.ID.String() + "/tokens"
	list := admin.get(path).wants(200).has("Nightly sync").lacks(p.secret)
	s.role(t, "manager").get(path).wants(403)
	action, _ := list.doc.Find(`form[action$="/revoke"]`).Attr("action")
	admin.post("/admin/users/" + admin.user.ID.String() + "/tokens/" + p.token.ID.String() + "/revoke").wants(404) // whose it is not
	s.role(t, "manager").post(action).wants(403)
	p.get("/me").wants(200)
	admin.post(action).follow().has("Token revoked.")
	p.get("/me").wants(401)
}

// TestALostRightBitesOnTheNextCall changes what stands behind a live token.
func TestALostRightBitesOnTheNextCall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	anonymous := (&program{t: t, site: s, header: http.Header{}}).get("/organizations").wants(401)
	for what, change := range map[string]struct {
		sql    string
		status int
	}{
		"revoked":                 {`UPDATE api_tokens SET revoked_at = now() WHERE user_id = $1`, 401},
		"expired":                 {`UPDATE api_tokens SET expires_at = now() WHERE user_id = $1`, 401},
		"deactivated":             {`UPDATE users SET is_active = FALSE WHERE id = $1`, 401},
		"without the role":        {`DELETE FROM user_roles WHERE user_id = $1`, 403},
		"without the scope":       {`UPDATE api_tokens SET scopes = '{EditClient}' WHERE user_id = $1`, 403},
		"with an old password":    {`UPDATE user_credentials SET must_change = TRUE WHERE user_id = $1`, 403},
		"without a second factor": {`UPDATE roles SET requires_mfa = TRUE WHERE id IN (SELECT role_id FROM user_roles WHERE user_id = $1)`, 403},
		"with reach own":          {`UPDATE roles SET reach = 'own' WHERE id IN (SELECT role_id FROM user_roles WHERE user_id = $1)`, 200},
	} {
		p := s.program(t, "all", four...)
		postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
		p.get("/organizations").wants(200).has("Granvik", 0, "display_name")
		conn := postgrestest.Connect(t, s.url)
		for _, sql := range []string{"SET session_replication_role = replica", change.sql} { // behind the guards' back
			var args []any
			if sql == change.sql {
				args = append(args, p.user.ID)
			}
			if _, err := conn.Exec(t.Context(), sql, args...); err != nil {
				t.Fatal(err)
			}
		}
		r := p.get("/organizations").wants(change.status)
		if change.status == 401 && (r.raw != anonymous.raw || r.header.Get("Www-Authenticate") != anonymous.header.Get("Www-Authenticate")) {
			t.Errorf("%s: %s, without any token %s", what, r.raw, anonymous.raw)
		}
		if strings.Contains(r.raw, "Granvik") {
			t.Errorf("%s: %s", what, r.raw)
		}
	}
}

// TestDoorsAreApart: a cookie opens nothing below /api, and a token nothing else.
func TestDoorsAreApart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	for _, path := range []string{"/api/crm/organizations", "/api/crm/me", "/api/crm/organizations/" + org.String()} {
		if a := b.get(path); a.status != 401 || a.header.Get("Set-Cookie") != "" || a.header.Get("Www-Authenticate") == "" {
			t.Errorf("%s with a cookie: %d %v", path, a.status, a.header)
		}
	}
	b.post("/api/crm/organizations", "legal_name", "A").wants(401)
	p := s.programOf(t, b.user, authz.Permissions...)
	for _, path := range []string{"/", "/organizations", "/organizations/" + org.String(), "/admin/users", "/account/tokens"} {
		req := s.browser(t).request("GET", path, nil)
		req.Header.Set("Authorization", "Bearer "+p.secret)
		if a := s.browser(t).do(req); a.status != http.StatusSeeOther || !strings.HasPrefix(a.to(), "/login") {
			t.Errorf("%s with a token: %d to %s", path, a.status, a.to())
		}
	}
	for _, wrong := range []string{"", p.secret, "Basic " + p.secret, "Bearer", "Bearer ", "Bearer " + p.secret + "x", "Bearer " + strings.ToUpper(p.secret), "Bearer " + p.secret[:39], "Bearer " + p.secret + ", Bearer " + p.secret, "Bearer " + tokenText.ReplaceAllString(p.secret, "crm_pat_"+strings.Repeat("a", 32))} {
		p.call("GET", "/me", "", "Authorization", wrong).wants(401)
	}
	p.call("GET", "/me?access_token="+p.secret, "", "Authorization", "").wants(401)
	p.call("GET", "/me", "", "Authorization", "bearer  "+p.secret).wants(200)
	// the document is for everyone
	r := (&program{t: t, site: s, header: http.Header{}}).get("/openapi.json").wants(200)
	r.has("3.1.0", "openapi")
}

// TestDeadTokensAreSlowedDown: after 30 in a minute an address has to wait, but a live token never.
func TestDeadTokensAreSlowedDown(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSite(t, func(o *web.Options) {
		o.Now = func() time.Time { return now }
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	p := s.program(t, "all", four...)
	dead := "Bearer crm_pat_" + strings.Repeat("a", 32)
	try := func(from, authorization string) *reply {
		return p.call("GET", "/me", "", "Authorization", authorization, "X-Forwarded-For", from)
	}
	for n := range 30 {
		try(fmt.Sprintf("2001:db8::%x", n), dead).wants(401)
	}
	r := try("2001:db8::ffff:0:0:1", dead).wants(429)
	if wait := r.header.Get("Retry-After"); wait != "60" {
		t.Errorf("Retry-After %q", wait)
	}
	try("2001:db8::1", "Bearer "+p.secret).wants(200)
	try("2001:db8:0:1::1", dead).wants(401)
	try("1.2.3.4, 2001:db8::1", dead).wants(429) // what a caller says of themselves makes no other address
	now = now.Add(time.Minute)
	try("2001:db8::1", dead).wants(401)
	for range 40 {
		p.call("GET", "/me", "", "X-Forwarded-For", "192.0.2.9").wants(200)
	}
}

// A new password does not stop programs, and whoever sets one is told: a laptop may have had tokens on it as well.
func TestANewPasswordTellsOfTokens(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin, u := s.role(t, "admin"), s.user(t, "mia", postgrestest.Seeded(t, s.db, "viewer"))
	path := "/admin/users/" + u.ID.String()
	admin.post(path + "/password").wants(200).lacks("API token")
	p := s.programOf(t, u, authz.ViewClient)
	secret := admin.post(path + "/password").wants(200).has("1 API token of this user will work again").doc.Find(".secret").Text()
	p.get("/me").wants(403)
	b := s.browser(t)
	b.signIn(u.Email, secret).wants(303)
	b.post("/account/password", "current_password", secret, "new_password", "seven tall purple lamps").wants(303)
	p.get("/me").wants(200)
	b.get("/account/password").wants(200).has("API tokens go on working until you revoke them.")
}
