package web_test

import (
	"maps"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// business counts everything that a request may not have written. Wrong passwords leave their rows wherever they are given.
func business(t *testing.T, s *site) string {
	t.Helper()
	return query[string](t, s, `SELECT (SELECT count(*) FROM change_sets) || ' ' || (SELECT count(*) FROM audit_logs WHERE action NOT IN ('login_failed', 'lockout')) || ' ' || (SELECT count(*) FROM sessions WHERE revoked_at IS NULL)
		|| ' ' || (SELECT count(*) FROM form_tokens) || ' ' || (SELECT count(*) FROM interactions) || (SELECT string_agg(password_hash, '') FROM user_credentials)`)
}

// fill puts ids into a route's pattern.
func fill(pattern string, id uuid.UUID) string {
	return strings.NewReplacer("{id}", id.String(), "{contactID}", id.String()).Replace(pattern)
}

func TestNoOtherSiteChangesAnything(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	forged := map[string]map[string]string{
		"cross-site":             {"Sec-Fetch-Site": "cross-site"},
		"same-site":              {"Sec-Fetch-Site": "same-site"},
		"cross-site, own origin": {"Sec-Fetch-Site": "cross-site", "Origin": s.server.URL},
		"other origin":           {"Origin": "https://evil.example"},
		"null origin":            {"Origin": "null"},
		"no headers":             {},
		"other port":             {"Origin": "http://127.0.0.1:1"},
		"suffix":                 {"Origin": s.server.URL + ".evil.example"},
		"nonsense":               {"Sec-Fetch-Site": "same-origin-not"},
		"referer only":           {"Referer": s.server.URL + "/"},
	}
	before := business(t, s)
	for _, r := range s.web.Routes() {
		if r.Method == http.MethodGet {
			continue
		}
		for _, kind := range slices.Sorted(maps.Keys(forged)) {
			body := url.Values{"name": {"x"}, "email": {b.user.Email}, "password": {testPassword}, "legal_name": {"x"}, "display_name": {"x"}, "version": {"1"}, "channel": {"call"}, "subject": {"x"}}
			req := b.request(r.Method, fill(r.Pattern, org), strings.NewReader(body.Encode()))
			req.Header = http.Header{"Content-Type": {"application/x-www-form-urlencoded"}}
			for k, v := range forged[kind] {
				req.Header.Set(k, v)
			}
			if a := b.do(req); a.status != http.StatusForbidden {
				t.Errorf("%s %s, %s: status %d, want 403", r.Method, r.Pattern, kind, a.status)
			}
		}
	}
	if after := business(t, s); after != before {
		t.Errorf("a forged request wrote something:\n%s\n%s", before, after)
	}
	b.get("/account").wants(http.StatusOK)
}

var wanted = map[string]string{
	"Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
	"X-Content-Type-Options":  "nosniff", "Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin",
}

func (a *answer) guarded(what string) *answer {
	a.b.t.Helper()
	for name, value := range wanted {
		if got := a.header.Get(name); got != value {
			a.b.t.Errorf("%s (%d): %s is %q", what, a.status, name, got)
		}
	}
	if a.header.Get("Permissions-Policy") == "" {
		a.b.t.Errorf("%s (%d): no Permissions-Policy", what, a.status)
	}
	if strings.Contains(a.header.Get("Content-Type"), "html") && a.status != http.StatusSeeOther && a.header.Get("Cache-Control") != "no-store" {
		a.b.t.Errorf("%s (%d): Cache-Control %q", what, a.status, a.header.Get("Cache-Control"))
	}
	return a
}

func TestEveryAnswerIsGuarded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, viewer := s.role(t, "manager"), s.role(t, "viewer")
	b.get("/").guarded("home").wants(http.StatusOK)
	b.get("/nowhere").guarded("404").wants(http.StatusNotFound)
	b.get("/organizations/nothing").guarded("no id").wants(http.StatusNotFound)
	s.browser(t).get("/").guarded("303").wants(http.StatusSeeOther)
	viewer.get("/organizations/new").guarded("403").wants(http.StatusForbidden)
	b.post("/organizations").guarded("422").wants(http.StatusUnprocessableEntity)
	b.get("/organizations?limit=-1").guarded("422").wants(http.StatusUnprocessableEntity)
	b.post("/organizations", "legal_name", strings.Repeat("x", 2<<20)).guarded("413").wants(http.StatusRequestEntityTooLarge)
	b.get("/organizations?q=" + strings.Repeat("x", 17<<10)).guarded("414").wants(http.StatusRequestURITooLong)
	b.get("/healthz").guarded("healthz").wants(http.StatusOK)
	b.get("/static/nothing.css").guarded("no asset").wants(http.StatusNotFound)
	asset, _ := b.get("/").doc.Find(`link[rel="stylesheet"]`).First().Attr("href")
	b.get(asset).guarded("asset").wants(http.StatusOK)
	b.do(b.request(http.MethodPost, asset, nil)).guarded("POST of an asset")
	for path, allow := range map[string]string{"/": "GET", "/logout": "POST", "/organizations": "GET, POST", "/organizations/" + uuid.NewString() + "/archive": "POST", "/search": "GET"} {
		for _, method := range []string{http.MethodPut, http.MethodDelete, http.MethodPatch, "TRACE", "FOO"} {
			if a := b.do(b.request(method, path, nil)).guarded(method + " " + path).wants(http.StatusMethodNotAllowed); a.header.Get("Allow") != allow {
				t.Errorf("%s %s: Allow %q, want %q", method, path, a.header.Get("Allow"), allow)
			}
		}
	}
	if a := b.post("/search").guarded("405"); a.status != http.StatusMethodNotAllowed {
		t.Errorf("POST /search: %d", a.status)
	}
	if a := b.do(b.request(http.MethodHead, "/organizations", nil)).guarded("HEAD"); a.status != http.StatusOK || a.body != "" {
		t.Errorf("HEAD: %d %q", a.status, a.body)
	}
}

// An id out of reach and one that does not exist get the same answer, to the byte.
func TestOutOfReachIsLikeMissing(t *testing.T) {
	t.Parallel()
	w := newReachSite(t)
	missing := uuid.New()
	for _, r := range w.Routes() {
		if !strings.Contains(r.Pattern, "{id}") || strings.HasPrefix(r.Pattern, "/admin") {
			continue
		}
		foreign := map[string]uuid.UUID{"/organi": w.org, "/contac": w.contact, "/intera": w.interaction, "/change": w.change}[r.Pattern[:7]]
		for _, fields := range [][]string{nil, {
			"legal_name", "x", "display_name", "x", "first_name", "x", "last_name", "x", "version", "1", "channel", "call", "subject", "x", "contact_id", w.mineContact.String(), "role_label", "x",
		}} {
			ask := func(id uuid.UUID) *answer {
				if r.Method == http.MethodGet {
					return w.b.get(fill(r.Pattern, id))
				}
				return w.b.post(fill(r.Pattern, id), fields...)
			}
			a, m := ask(foreign), ask(missing)
			same := func(a *answer, id uuid.UUID) string {
				return requestID.ReplaceAllString(strings.ReplaceAll(a.body, id.String(), "ID"), "REQUEST")
			}
			if a.status != http.StatusNotFound || m.status != http.StatusNotFound {
				t.Errorf("%s %s: foreign %d, missing %d, want 404 twice\n%s", r.Method, r.Pattern, a.status, m.status, a.text())
			} else if diff := cmp.Diff(strings.Split(same(m, missing), "<"), strings.Split(same(a, foreign), "<")); diff != "" {
				t.Errorf("%s %s: a foreign record's page (+) differs from a missing one's (-):\n%s", r.Method, r.Pattern, diff)
			}
		}
	}
}

// requestID is what names a request on error pages.
var requestID = regexp.MustCompile(`Request [a-z0-9]{12}<`)

// reachSite is a site with a browser of reach own and records of somebody else.
type reachSite struct {
	*site
	b                                              *browser
	org, contact, interaction, change, mineContact uuid.UUID
}

func (w *reachSite) Routes() []routeLine {
	var all []routeLine
	for _, r := range w.web.Routes() {
		all = append(all, routeLine{r.Method, r.Pattern})
	}
	return all
}

type routeLine struct{ Method, Pattern string }

func newReachSite(t *testing.T) *reachSite {
	t.Helper()
	s := newSite(t)
	own := postgrestest.Role(t, s.db, "own", "ViewClient", "EditClient", "ViewInteraction", "EditInteraction")
	b := s.as(t, "mia", uuid.NullUUID{}, own)
	other := s.as(t, "tom", uuid.NullUUID{}, own)
	at := func(a *answer) uuid.UUID {
		path := a.wants(http.StatusSeeOther).to()
		return uuid.MustParse(path[strings.LastIndex(path, "/")+1:])
	}
	w := &reachSite{site: s, b: b}
	w.org = at(other.post("/organizations", "legal_name", "Foreign", "display_name", "Foreign"))
	w.contact = at(other.post("/contacts", "first_name", "Foreign", "last_name", "Person"))
	w.mineContact = at(b.post("/contacts", "first_name", "Mine", "last_name", "Person"))
	other.post("/organizations/"+w.org.String()+"/interactions", "channel", "call", "subject", "Foreign call").wants(http.StatusSeeOther)
	w.interaction = query[uuid.UUID](t, s, `SELECT id FROM interactions`)
	w.change = query[uuid.UUID](t, s, `SELECT change_set_id FROM audit_logs WHERE target_id = $1`, w.org)
	return w
}

func TestForeignIDsInFormsAreLikeMissing(t *testing.T) {
	t.Parallel()
	w := newReachSite(t)
	mine := w.b.post("/organizations", "legal_name", "Mine", "display_name", "Mine").wants(http.StatusSeeOther).to()
	w.b.get(mine).wants(http.StatusOK) // takes the flash
	for _, tt := range []struct {
		path, field string
		foreign     uuid.UUID
	}{
		{mine + "/contacts", "contact_id", w.contact},
		{mine + "/interactions", "contact_id", w.contact},
		{"/contacts/" + w.mineContact.String() + "/interactions", "organization_id", w.org},
	} {
		ask := func(id string) string {
			a := w.b.post(tt.path, tt.field, id, "channel", "call", "subject", "x", "form_token", uuid.Nil.String()).wants(http.StatusUnprocessableEntity)
			return strings.ReplaceAll(a.body, id, "ID")
		}
		if diff := cmp.Diff(strings.Split(ask(uuid.NewString()), "<"), strings.Split(ask(tt.foreign.String()), "<")); diff != "" {
			t.Errorf("%s: a foreign %s (+) is answered unlike a missing one (-):\n%s", tt.path, tt.field, diff)
		}
	}
	w.b.get("/interactions?organization=" + w.org.String()).wants(http.StatusOK).lacks("Foreign call")
	w.b.get("/search?q=foreign").wants(http.StatusOK).lacks("Foreign call").lacks("Foreign Person")
	w.b.get(mine + "/contacts?q_contact=person").wants(http.StatusOK).lacks("Foreign")
}

// The database may go away and come back: an honest 503 meanwhile, no restart after.
func TestTheDatabaseGoesAway(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	edit := b.get("/organizations/" + org.String() + "/edit").wants(http.StatusOK)
	server := postgrestest.Connect(t, postgrestest.Server(t))
	name := query[string](t, s, `SELECT current_database()`)
	down := func(not string) {
		if _, err := server.Exec(t.Context(), `ALTER DATABASE `+name+` ALLOW_CONNECTIONS `+not); err != nil {
			t.Fatal(err)
		}
		if _, err := server.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name); err != nil {
			t.Fatal(err)
		}
	}
	down("false")
	for range 2 {
		for _, a := range []*answer{
			b.get("/organizations"), b.get("/nowhere"), b.get("/organizations/" + org.String()), b.get("/search?q=x"),
			b.post("/organizations/"+org.String(), "legal_name", "New", "display_name", "New", "version", edit.value("version")), b.signIn("a@b.test", "x"), b.post("/logout"),
		} {
			if a.guarded("outage").status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" || a.doc.Find("h1").Length() == 0 || a.doc.Find(".problem .actions").Text() != "Try again" {
				t.Errorf("during the outage: %d, Retry-After %q\n%s", a.status, a.header.Get("Retry-After"), a.text())
			}
			if len(a.header.Values("Set-Cookie")) > 0 {
				t.Errorf("the outage costs the session: %v", a.header.Values("Set-Cookie"))
			}
		}
		if got := b.get("//elsewhere.example/organizations").doc.Find(".problem .actions a").AttrOr("href", ""); got != "/" {
			t.Errorf("an address that looks like another site's is tried again at %q", got)
		}
		b.get("/healthz").wants(http.StatusOK)
		b.get("/readyz").guarded("readyz").wants(http.StatusServiceUnavailable)
	}
	down("true")
	b.get("/organizations").wants(http.StatusOK).has("Granvik")
	b.get("/readyz").wants(http.StatusOK)
	b.post("/organizations/"+org.String(), "legal_name", "New", "display_name", "New", "version", edit.value("version")).wants(http.StatusSeeOther)
	// cut connections: whatever the pool still holds is dead, and the next answers are whole
	if _, err := server.Exec(t.Context(), `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1`, name); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if a := b.get("/organizations"); a.status != http.StatusOK && a.status != http.StatusServiceUnavailable {
			t.Errorf("after cut connections: %d", a.status)
		}
	}
	b.get("/organizations").wants(http.StatusOK)
}

// A record locked for too long is 503, not a hang and not a 500.
func TestALockedRecord(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	conn := postgrestest.Connect(t, s.url)
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `SELECT 1 FROM organizations FOR UPDATE`); err != nil {
		t.Fatal(err)
	}
	alter(t, s, `ALTER ROLE CURRENT_USER IN DATABASE `+query[string](t, s, `SELECT current_database()`)+` SET lock_timeout = 0`)
	b.post("/organizations/" + org.String() + "/archive").guarded("locked").wants(http.StatusServiceUnavailable)
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	b.post("/organizations/" + org.String() + "/archive").wants(http.StatusSeeOther)
}

func TestADatabaseThatIsGoneIsUnavailable(t *testing.T) {
	t.Parallel()
	u, err := url.Parse(postgrestest.Server(t))
	if err != nil {
		t.Fatal(err)
	}
	u.Path = "/never_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	db := postgrestest.OpenURL(t, u.String(), postgres.Options{})
	if err := db.Ready(t.Context(), 1); !postgres.Unavailable(err) {
		t.Errorf("a missing database: %v", err)
	}
	u.Host = "127.0.0.1:1"
	db = postgrestest.OpenURL(t, u.String(), postgres.Options{})
	if err := db.Ready(t.Context(), 1); !postgres.Unavailable(err) {
		t.Errorf("nothing listens: %v", err)
	}
}

// TestSearchEnginesFindNothing: what they can see tells them to forget it, and behind sign-in they see nothing.
func TestSearchEnginesFindNothing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	crawler := s.browser(t)
	for _, path := range []string{"/login", "/reset", "/invitations/abc", "/nowhere"} {
		if crawler.get(path).doc.Find(`head meta[name="robots"][content="noindex"]`).Length() != 1 {
			t.Errorf("%s may be indexed", path)
		}
	}
	for _, path := range []string{"/", "/organizations", "/search?q=a"} {
		crawler.get(path).wants(http.StatusSeeOther)
	}
	if got := s.role(t, "viewer").get("/organizations").doc.Find(`head meta[name="description"]`).AttrOr("content", ""); got != "The client register of Northgate" {
		t.Errorf("a page describes itself as %q", got)
	}
}
