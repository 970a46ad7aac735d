package web_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"maps"
	"mime/multipart"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// formSpec is a form: where it goes, good values for its fields, and which faults its fields know.
type formSpec struct {
	path   string
	good   map[string]string
	limits map[string]int // characters
	wanted []string       // required fields
	ids    []string       // fields that name a record
	times  []string
}

func formSpecs(t *testing.T, s *site, b *browser) map[string]formSpec {
	t.Helper()
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	con := postgrestest.Contact(t, s.db, "Lars", "G", uuid.NullUUID{}).String()
	b.post("/organizations/"+org+"/interactions", "channel", "call", "subject", "Renewal").wants(http.StatusSeeOther)
	call := query[string](t, s, `SELECT id::text FROM interactions`)
	b.post("/organizations/"+org+"/follow-ups", "title", "Call", "in", "1w").wants(http.StatusSeeOther)
	followUp := query[string](t, s, `SELECT id::text FROM follow_ups`)
	plan := formSpec{
		good:   map[string]string{"title": "T", "due": "2030-12-04", "due_time": "09:00", "user_id": ""},
		limits: map[string]int{"title": 200}, wanted: []string{"title"}, ids: []string{"user_id"}, times: []string{"due"},
	}
	role, user := postgrestest.Role(t, s.db, "own"), s.user(t, "target")
	b.post("/admin/teams", "name", "North").wants(http.StatusSeeOther)
	team := query[string](t, s, `SELECT id::text FROM teams`)
	b.post("/views", "name", "Mine").wants(http.StatusSeeOther)
	view := query[string](t, s, `SELECT id::text FROM saved_views`)
	organization := formSpec{
		path: "/organizations", good: map[string]string{"legal_name": "A", "display_name": "B", "website": "a.example", "sector": "S", "size_band": "1-10", "tax_id": "7", "owner_user_id": ""},
		limits: map[string]int{"legal_name": 200, "display_name": 160, "sector": 80, "size_band": 40, "tax_id": 50, "website": 200},
		wanted: []string{"legal_name", "display_name"}, ids: []string{"owner_user_id"},
	}
	contact := formSpec{
		path: "/contacts", good: map[string]string{"first_name": "A", "last_name": "B", "email": "", "phone": "1", "mobile": "2", "job_title": "CFO", "owner_user_id": ""},
		limits: map[string]int{"first_name": 80, "last_name": 80, "phone": 40, "mobile": 40, "job_title": 120, "email": 190}, wanted: []string{"first_name", "last_name"}, ids: []string{"owner_user_id"},
	}
	interaction := formSpec{
		good:   map[string]string{"channel": "call", "subject": "S", "body": "B", "outcome": "O", "happened_at": "2026-11-22T15:04", "duration_minutes": "15", "direction": "in"},
		limits: map[string]int{"subject": 200, "outcome": 80, "body": 50_000, "channel": 40, "duration_minutes": 4, "direction": 3}, wanted: []string{"channel", "subject"}, times: []string{"happened_at"},
	}
	to := func(f formSpec, path string, more ...string) formSpec {
		f.path, f.good = path, maps.Clone(f.good)
		for i := 0; i < len(more); i += 2 {
			f.good[more[i]] = more[i+1]
		}
		return f
	}
	onOrg, onCon := to(interaction, "/organizations/"+org+"/interactions", "contact_id", "", "next_title", "N", "next_due", "2030-12-04"), to(interaction, "/contacts/"+con+"/interactions", "organization_id", "")
	onOrg.ids, onCon.ids = []string{"contact_id", "next_user_id", "done_follow_up"}, []string{"organization_id"}
	onOrg.wanted, onOrg.times = append(slices.Clone(onOrg.wanted), "next_title", "next_due"), []string{"happened_at", "next_due"}
	done := to(interaction, "/follow-ups/"+followUp+"/done", "log", "1", "version", "1")
	done.wanted = []string{"channel"} // without a subject it is the follow-up's title
	quick := to(interaction, "/log", "organization_id", org, "contact_id", "", "text", "call lars @granvik: S", "client", "", "next_title", "N", "next_due", "2030-12-04")
	quick.ids, quick.wanted, quick.times = []string{"organization_id", "contact_id", "next_user_id"}, onOrg.wanted, onOrg.times
	return map[string]formSpec{
		"new organization": organization, "organization": to(organization, "/organizations/"+org, "version", "1"),
		"new contact": contact, "contact": to(contact, "/contacts/"+con, "version", "1"),
		"log by a line": quick, "log on organization": onOrg, "log on contact": onCon, "interaction": to(interaction, "/interactions/"+call, "version", "1"),
		"plan on organization": to(plan, "/organizations/"+org+"/follow-ups", "contact_id", ""), "plan on contact": to(plan, "/contacts/"+con+"/follow-ups", "organization_id", ""),
		"follow-up": to(plan, "/follow-ups/"+followUp, "version", "1"), "done": done,
		"link": {
			path: "/organizations/" + org + "/contacts", good: map[string]string{"contact_id": con, "role_label": "CFO", "relationship_status": "Active"},
			limits: map[string]int{"role_label": 120, "relationship_status": 40}, wanted: []string{"contact_id"}, ids: []string{"contact_id"},
		},
		"new user": {path: "/admin/users", good: map[string]string{"name": "N", "email": "n@example.test", "team_id": "", "role_ids": role.String()}, limits: map[string]int{"name": 120, "email": 190}, wanted: []string{"name", "email"}, ids: []string{"team_id", "role_ids"}},
		"user":     {path: "/admin/users/" + user.ID.String(), good: map[string]string{"name": "N", "email": "m@example.test", "team_id": "", "role_ids": role.String(), "version": "1"}, limits: map[string]int{"name": 120, "email": 190}, wanted: []string{"name", "email", "version"}, ids: []string{"team_id", "role_ids"}},
		"new role": {path: "/admin/roles", good: map[string]string{"name": "N", "slug": "n", "reach": "own", "permissions": "ViewClient"}, limits: map[string]int{"name": 120, "slug": 60, "reach": 10, "permissions": 30}, wanted: []string{"name", "reach"}},
		"role":     {path: "/admin/roles/" + role.String(), good: map[string]string{"name": "N", "reach": "own", "permissions": "ViewClient", "version": "1"}, limits: map[string]int{"name": 120, "reach": 10}, wanted: []string{"name", "reach", "version"}},
		"new team": {path: "/admin/teams", good: map[string]string{"name": "N", "parent_id": ""}, limits: map[string]int{"name": 120}, wanted: []string{"name"}, ids: []string{"parent_id"}},
		"team":     {path: "/admin/teams/" + team, good: map[string]string{"name": "N", "parent_id": "", "version": "1"}, limits: map[string]int{"name": 120}, wanted: []string{"name", "version"}, ids: []string{"parent_id"}},
		"new view": {path: "/views", good: map[string]string{"list": "organizations", "name": "N", "shared": "private", "query": "sector=S", "columns": "name,sector"}, limits: map[string]int{"name": 80, "columns": 400}, wanted: []string{"name"}, ids: []string{"shared"}},
		"view":     {path: "/views/" + view, good: map[string]string{"name": "N", "shared": "private", "query": "sector=S", "version": "1"}, limits: map[string]int{"name": 80, "columns": 400}, wanted: []string{"name", "version"}, ids: []string{"shared"}},
		"profile":  {path: "/account", good: map[string]string{"name": "N", "zone": "Europe/Rome", "theme": "dark", "density": "compact", "language": "it"}, limits: map[string]int{"name": 120, "zone": 60, "theme": 10, "density": 10, "language": 10}, wanted: []string{"name"}},
		"password": {path: "/account/password", good: map[string]string{"current_password": "wrong wrong wrong", "new_password": "seven tall purple lamps"}, wanted: []string{"current_password", "new_password"}},
	}
}

// Whatever a field holds, the answer is the form again with what was typed, and nothing is written.
func TestBadFieldsAreToldAndKept(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	specs := formSpecs(t, s, b)
	before := business(t, s)
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		f := specs[name]
		refused := func(kind, field, value string) {
			values := maps.Clone(f.good)
			values[field] = value
			var fields []string
			for k, v := range values {
				fields = append(fields, k, v)
			}
			a := b.post(f.path, fields...)
			what := fmt.Sprintf("%s, %s of %s", name, field, kind)
			if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: status %d, want 422\n%.300s", what, a.status, a.text())
				return
			}
			if a.doc.Find(`[role="alert"]`).Length() == 0 {
				t.Errorf("%s: no summary", what)
			}
			for k, v := range values {
				if k == field || strings.Contains(k, "password") || k == "version" {
					continue
				}
				in := a.doc.Find(fmt.Sprintf(`input[name=%q]:not([type=checkbox]):not([type=radio]), textarea[name=%q]`, k, k)).First()
				if got := in.AttrOr("value", in.Text()); in.Length() > 0 && got != v {
					t.Errorf("%s: %s came back as %q, typed was %q", what, k, got, v)
				}
			}
		}
		for _, field := range f.wanted {
			refused("nothing", field, "")
			refused("blanks", field, " \t ")
		}
		for field, limit := range f.limits {
			refused("too much", field, strings.Repeat("é", limit+1))
			refused("NUL", field, "a\x00b")
			refused("not UTF-8", field, "a\xff\xc0b")
		}
		for _, field := range f.ids {
			for kind, value := range map[string]string{"a missing id": uuid.NewString(), "garbage": "nobody", "SQL": "' OR 1=1 --", "long": strings.Repeat("9", 300), "nil id": uuid.Nil.String(), "NUL": "\x00"} {
				refused(kind, field, value)
			}
		}
		for _, field := range f.times {
			for _, value := range []string{"yesterday", "2026-13-01T00:00", "2026-02-30T10:00", "0000-00-00T00:00", "99999-01-01T00:00", "1899-01-01T00:00", "2201-01-01T00:00", "2026-11-22T25:00", "infinity", "now", "2026-11-22", "2026-11-22T15:04:05+99:00"} {
				refused(value, field, value)
			}
		}
		if _, versioned := f.good["version"]; versioned {
			for _, v := range []string{"0", "-1", "x", "99999999999999999999", "1.0", "1 OR 1"} {
				refused(v, "version", v)
			}
		}
	}
	refusedEmail := []string{"x", "a@b@c", "a b@c.d", "<a@b.c>", "A <a@b.c>", "a@b.c, d@e.f", "a@b.c\nBcc: x@y.z", strings.Repeat("(", 5000), "@", "a@"}
	for _, email := range refusedEmail {
		b.post("/contacts", "first_name", "A", "last_name", "B", "email", email).wants(http.StatusUnprocessableEntity)
	}
	for _, site := range []string{"javascript:alert(1)", "JaVaScRiPt:alert(1)//a.b", "data:text/html,a.b", "ftp://a.b", "http://", "http://user@a.b", "a b.c", "//a.b", "http://a.b\"onclick", "\x01javascript:a.b", "localhost"} {
		b.post("/organizations", "legal_name", "A", "display_name", "B", "website", site).wants(http.StatusUnprocessableEntity)
	}
	if after := business(t, s); after != before {
		t.Errorf("a refused form wrote something:\n%s\n%s", before, after)
	}
}

func TestOddBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	specs := formSpecs(t, s, b)
	delete(specs, "done") // it asks for nothing
	before := business(t, s)
	for _, name := range slices.Sorted(maps.Keys(specs)) {
		path := specs[name].path
		send := func(kind, contentType, body string, want int) {
			req := b.request(http.MethodPost, path, strings.NewReader(body))
			if contentType != "" {
				req.Header.Set("Content-Type", contentType)
			}
			if a := b.do(req).guarded(kind); a.status != want {
				t.Errorf("%s, %s: status %d, want %d", name, kind, a.status, want)
			}
		}
		send("JSON", "application/json", `{"legal_name":"A","display_name":"A","first_name":"A","last_name":"B","name":"N","email":"q@example.test","subject":"S","channel":"call"}`, 422)
		send("text", "text/plain", "legal_name=A&display_name=A", 422)
		send("no type", "", "legal_name=A&display_name=A", 422)
		send("bad escape", "application/x-www-form-urlencoded", "name=%zz&legal_name=A", 422)
		send("semicolons", "application/x-www-form-urlencoded", "name=a;legal_name=A", 422)
		send("no boundary", "multipart/form-data", "x", 422)
		send("cut multipart", "multipart/form-data; boundary=x", "--x\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\nA", 422)
		send("huge", "application/x-www-form-urlencoded", "name="+strings.Repeat("x", 2<<20), 413)
		send("many fields", "application/x-www-form-urlencoded", strings.Repeat("a=b&", 50_000), 422)
		var m bytes.Buffer
		w := multipart.NewWriter(&m)
		part, err := w.CreateFormField("name")
		if err != nil {
			t.Fatal(err)
		}
		_, _ = part.Write(bytes.Repeat([]byte("x"), 2<<20)) // a buffer takes all
		_ = w.Close()
		send("huge multipart", w.FormDataContentType(), m.String(), 413)
	}
	if after := business(t, s); after != before {
		t.Errorf("an odd body wrote something:\n%s\n%s", before, after)
	}
}

// Only the fields of a form are taken: not the key, not the state, not the author.
func TestUnknownFieldsAreNotTaken(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	other, id := s.user(t, "other"), uuid.NewString()
	evil := []string{
		"id", id, "is_active", "false", "version", "1", "user_id", other.ID.String(), "created_at", "2001-01-01T00:00:00Z", "updated_at", "2001-01-01T00:00:00Z",
		"search_text", "evil", "must_change", "false", "password_hash", "evil", "organization_id", id, "slug2", "x", "role", "admin", "is_admin", "true", "table_name", "users",
	}
	b.post("/organizations", append([]string{"legal_name", "A", "display_name", "A"}, evil...)...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT concat_ws(' ', id <> $1, is_active, version, created_at > now() - interval '1 minute') FROM organizations`, id); got != "t t 1 t" {
		t.Errorf("organization: %s", got)
	}
	org := "/organizations/" + query[string](t, s, `SELECT id::text FROM organizations`)
	b.post(org, append([]string{"legal_name", "B", "display_name", "B"}, evil...)...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT concat_ws(' ', id <> $1, is_active, version, legal_name, count(*) OVER ()) FROM organizations`, id); got != "t t 2 B 1" {
		t.Errorf("organization after an edit: %s", got)
	}
	b.post(org+"/interactions", append([]string{"channel", "call", "subject", "S"}, evil...)...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT concat_ws(' ', user_id = $1, organization_id <> $2, id <> $2, version) FROM interactions`, b.user.ID, id); got != "t t t 1" {
		t.Errorf("interaction: %s", got)
	}
	call := "/interactions/" + query[string](t, s, `SELECT id::text FROM interactions`)
	b.post(call, append([]string{"channel", "note", "subject", "T"}, evil...)...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT concat_ws(' ', user_id = $1, organization_id <> $2, subject) FROM interactions`, b.user.ID, id); got != "t t T" {
		t.Errorf("interaction after an edit: %s", got)
	}
	plain := s.role(t, "viewer")
	plain.post("/account", append([]string{"name", "Me", "email", "evil@example.test", "team_id", id, "role_ids", postgrestest.Seeded(t, s.db, "admin").String()}, evil...)...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT concat_ws(' ', email = $2, is_active, name, team_id IS NULL, (SELECT count(*) FROM user_roles r WHERE r.user_id = u.id)) FROM users u WHERE id = $1`, plain.user.ID, plain.user.Email); got != "t t Me t 1" {
		t.Errorf("profile: %s", got)
	}
	// the first of several values counts; the query is no form
	b.post("/organizations?legal_name=Q&display_name=Q").wants(http.StatusUnprocessableEntity)
	b.post("/organizations", "legal_name", "First", "legal_name", "Second", "display_name", "D").wants(http.StatusSeeOther)
	if n := query[int](t, s, `SELECT count(*) FROM organizations WHERE legal_name = 'First'`); n != 1 {
		t.Errorf("%d organizations called First", n)
	}
}

func TestNoParameterBreaksAPage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	cursor := func(json string) string { return base64.RawURLEncoding.EncodeToString([]byte(json)) }
	id := uuid.NewString()
	nasty := []string{
		"", " ", "%", "_", `\`, "'", `"`, "' OR 1=1 --", "'; DROP TABLE users; --", "<script>alert(1)</script>", "{{7*7}}", "${x}", "\x00", "a\x00b", "\xff", "\xc0\xaf", "🦄", "\u202e\u200f", "İ", "ﬃ", "(", "[", "*", "a|b", "!", "&", ":*", "a & | b",
		strings.Repeat("x", 10_000), strings.Repeat("% ", 3000), strings.Repeat("é", 2000), "-1", "0", "1", "99999999999999999999", "NaN", "1e9", "null", "undefined", "me", "none", id, strings.ToUpper(id), "{" + id + "}", "urn:uuid:" + id,
		"2026-11-22", "0000-00-00", "9999-12-31", "0001-01-01", "infinity", "2026-02-30", "newest", "name", "updated", "all", "archived", "../../etc/passwd",
		cursor(`{"k":"x","i":"` + id + `"}`), cursor(`{"k":"2026-11-22T00:00:00Z","i":"` + id + `"}`), cursor(`{"k":"\u0000","i":"` + id + `"}`), cursor(`{"k":"\ud800","i":"` + id + `"}`), cursor(`{"k":"a\u001fb\u001fc\u001fd","i":"` + id + `"}`),
		cursor(`{"k":"infinity","i":"` + id + `"}`), cursor(`{"k":"294277-01-01","i":"` + id + `"}`), cursor(`{"i":"` + id + `"}`), cursor(`[]`), cursor(`{"k":1}`), cursor(strings.Repeat("[", 5000)), "!!!",
	}
	place := []string{"after", "before", "unknown"}
	pages := map[string][]string{
		"/organizations": append([]string{"q", "sector", "size", "owner", "status", "has_contact", "last", "touch", "from", "to", "sort", "limit"}, place...), "/contacts": append([]string{"q", "organization", "role", "relationship", "owner", "status", "email", "phone", "last", "touch", "sort"}, place...),
		"/interactions": append([]string{"q", "channel", "author", "outcome", "sort", "from", "to", "organization", "contact"}, place...), "/search": {"q"}, "/log": {"text"},
		"/admin/audit": append([]string{"user", "action", "record", "from", "to"}, place...), "/organizations/" + org.String() + "/contacts": {"q_contact"},
		"/organizations/" + org.String() + "/history": place, "/login": {"next"}, "/": {"unknown"},
	}
	for path, params := range pages {
		for _, p := range params {
			for _, v := range nasty {
				a := b.get(path + "?" + p + "=" + url.QueryEscape(v))
				if a.status >= http.StatusInternalServerError {
					t.Errorf("%s?%s=%.60q: status %d", path, p, v, a.status)
				}
				if strings.Contains(a.body, "<script>alert") {
					t.Errorf("%s?%s: markup comes through", path, p)
				}
			}
		}
	}
	for _, path := range []string{"/organizations?sort=newest&after=", "/contacts?sort=newest&before=", "/contacts?after=", "/interactions?before=", "/interactions?after="} {
		for _, v := range nasty {
			if a := b.get(path + url.QueryEscape(v)); a.status >= http.StatusInternalServerError {
				t.Errorf("%s%.60q: status %d", path, v, a.status)
			}
		}
	}
	for _, path := range []string{"/organizations/%00", "/organizations/%ff", "/organizations/" + strings.Repeat("x", 5000), "/changes/" + id, "//organizations", "/organizations/", "/./organizations", "/organizations/../admin/users", "/static/../web.go", "/static/%2e%2e/%2e%2e/go.mod", "/;a=b", "/organizations?a;b", "/organizations?%zz"} {
		if a := b.get(path); a.status >= http.StatusInternalServerError {
			t.Errorf("%s: status %d", path, a.status)
		}
	}
	for _, tt := range []string{"/organizations?limit=-1", "/organizations?limit=201", "/organizations?sort=evil", "/organizations?status=evil", "/organizations?owner=evil", "/organizations?after=evil", "/contacts?sort=evil", "/interactions?organization=evil", "/interactions?from=evil", "/admin/audit?after=evil", "/admin/audit?record=evil"} {
		b.get(tt).wants(http.StatusUnprocessableEntity)
	}
	b.post("/changes/" + uuid.NewString() + "/undo").wants(http.StatusNotFound)
}

func FuzzListParameters(f *testing.F) {
	for _, seed := range []string{"q=%25", "text=call+anna+@acme+15m:+x+%23held+%3Efri+y", "after=x&limit=3", "sort=newest&after=eyJrIjoieCJ9", "owner=me&status=all", "from=2026-01-01"} {
		f.Add(seed)
	}
	s := newSite(f)
	b := s.role(f, "admin")
	f.Fuzz(func(t *testing.T, query string) {
		b := &browser{t: t, site: b.site, http: b.http, user: b.user}
		for _, path := range []string{"/organizations", "/contacts", "/interactions", "/admin/audit", "/search", "/log"} {
			u := url.URL{Path: path, RawQuery: url.QueryEscape(query)}
			if raw, err := url.ParseQuery(query); err == nil {
				u.RawQuery = raw.Encode()
			}
			if len(u.RawQuery) > 15_000 {
				return
			}
			if a := b.get(u.String()); a.status >= http.StatusInternalServerError {
				t.Errorf("%s: status %d", u.String(), a.status)
			}
		}
	})
}
