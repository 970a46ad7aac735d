package web_test

import (
	"bytes"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestAPIRefusesWhatItDoesNotKnow sends every operation bodies, queries and headers that are wrong in some way: each
// is refused as a problem, and nothing is written.
func TestAPIRefusesWhatItDoesNotKnow(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	p := w.site.program(t, "all", four...)
	p.get("/me").wants(200)
	bodies := map[string]int{
		`{`: 400, `[]`: 400, `null`: 400, `{} {}`: 400, "{\"subject\":\"\xff\"}": 400, `{"a":` + strings.Repeat("[", 100_000): 400, " ": 400,
		`{"id":"` + uuid.NewString() + `"}`: 422, `{"version":7}`: 422, `{"is_active":"true"}`: 422, `{"created_at":"2020-01-01T00:00:00Z"}`: 422,
		`{"user_id":"` + w.user.String() + `"}`: 422, `{"search_text":"x"}`: 422, `{"\u0000":"x"}`: 422, `{"SUBJECT":"x","Legal_Name":"x"}`: 422,
		`{"role_label":"a","role_label":"b","subject":"a","subject":"b","sector":"a","sector":"b","phone":"a","phone":"b"}`: 422,
		`{"subject":1e400,"legal_name":-0,"first_name":12345678901234567890,"role_label":[]}`:                               422,
		`{"x":"` + strings.Repeat("a", 1<<20) + `"}`:                                                                        413,
	}
	for _, op := range w.site.web.APIOperations() {
		path, body := w.apiCall(t, op)
		w.look(t)
		ask := func(what string, want int, path, body string, headers ...string) {
			t.Helper()
			if r := p.call(op.Method, path, body, headers...); r.status != want || r.header.Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s with %.60s: %d %s %s, want %d", op.ID, what, r.status, r.header.Get("Content-Type"), r.raw, want)
			}
		}
		ask("an unknown parameter", 422, path+"?statsu=all", body)
		ask("a parameter twice", 422, path+"?limit=1&limit=2", body)
		ask("a broken query", 422, path+"?limit=%zz", body)
		ask("NUL in a name", 422, path+"?%00=1", body)
		if body != "" {
			for _, wrong := range slices.Sorted(maps.Keys(bodies)) {
				if op.ID == "updateFollowUp" && strings.HasPrefix(wrong, `{"user_id"`) {
					continue // whom it is for can be set, where who wrote something cannot
				}
				ask(wrong, bodies[wrong], path, wrong)
			}
			ask("a form", 415, path, body, "Content-Type", "application/x-www-form-urlencoded")
			ask("no type", 415, path, body, "Content-Type", "")
			ask("text", 415, path, body, "Content-Type", "text/plain")
			ask("XML", 415, path, body, "Content-Type", "application/xml+json")
		}
		if op.Method == http.MethodPost && body != "" && op.ID != "finishFollowUp" { // what is done is done: it takes no key
			ask("an empty key", 422, path, body, "Idempotency-Key", "")
			ask("a key with a space", 422, path, body, "Idempotency-Key", "a b")
			ask("a key beyond ASCII", 422, path, body, "Idempotency-Key", "é")
			ask("a long key", 422, path, body, "Idempotency-Key", strings.Repeat("k", 256))
		}
		if strings.Contains(op.Path, "{id}") {
			for _, id := range []string{"x", "0", "%00", "%ff", strings.Repeat("9", 400), "00000000-0000-0000-0000-000000000000", strings.ToUpper(uuid.NewString()) + "x", "urn:uuid:" + uuid.NewString(), "{" + uuid.NewString() + "}", "..%2f..", "'--"} {
				ask("id "+id, 404, strings.Replace(strings.Replace(op.Path, "{id}", id, 1), "{contact_id}", id, 1), body)
			}
		}
		if changed := w.look(t); len(changed) > 0 {
			t.Errorf("%s: refused requests changed %v", op.ID, changed)
		}
	}
}

// TestAPIListsTakeAnyText gives each parameter of each list what no parser likes.
func TestAPIListsTakeAnyText(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	hostile := []string{
		"\x00", "\xff", "\xed\xa0\x80", "'", `"`, `\`, "%", "_", "';--", "1e999", "-1", "0", "201", "9223372036854775808", "٣", "NaN", " ", "\u202e", "a\x1fb",
		strings.Repeat("x", 9000), "2026-02-30", "9999-12-31", "0000-01-01", "-0001-01-01", "me'", uuid.Nil.String(), "AAAA", strings.Repeat("A", 64), "!", "&", "|:*", "*", "true",
	}
	for path, names := range map[string][]string{
		"/organizations": {"q", "status", "sector", "size", "owner", "touch", "sort", "limit", "cursor"},
		"/contacts":      {"q", "status", "owner", "touch", "sort", "limit", "cursor"},
		"/follow-ups":    {"who", "state", "due", "organization", "contact", "limit", "cursor"},
		"/interactions":  {"q", "channel", "author", "from", "to", "organization", "contact", "limit", "cursor"},
	} {
		for _, name := range names {
			for _, text := range hostile {
				r := p.get(path + "?" + url.Values{name: {text}}.Encode())
				if r.status != 200 && (r.status != 422 || r.at("errors", 0, "location") != "query."+name) {
					t.Errorf("%s?%s=%.40q: %d %s", path, name, text, r.status, r.raw)
				}
			}
		}
	}
	p.get("/organizations?limit=x&status=gone&sort=up&owner=1").faults("query.limit") // what is no number is told first
	p.get("/organizations?limit=0&status=gone&sort=up&owner=1").faults("query.limit", "query.owner", "query.sort", "query.status")
}

func TestAPILists(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	for n := range 61 {
		postgrestest.Organization(t, s.db, fmt.Sprintf("Client %02d", n), uuid.NullUUID{})
	}
	first := p.get("/organizations").wants(200)
	if list := first.json.([]any); len(list) != 50 || first.text(0, "display_name") != "Client 00" || first.text(49, "display_name") != "Client 49" {
		t.Errorf("%d organizations, from %v", len(list), first.at(0))
	}
	next, found := strings.CutPrefix(first.header.Get("Link"), "<")
	next, rel, _ := strings.Cut(next, ">")
	if !found || rel != `; rel="next"` {
		t.Fatalf("Link %q", first.header.Get("Link"))
	}
	second := p.get(next).wants(200)
	if list := second.json.([]any); len(list) != 11 || second.text(0, "display_name") != "Client 50" || second.header.Get("Link") != "" {
		t.Errorf("%d organizations, from %v, Link %q", len(list), second.at(0), second.header.Get("Link"))
	}
	query, err := url.Parse(next)
	if err != nil {
		t.Fatal(err)
	}
	cursor := url.QueryEscape(query.Query().Get("cursor"))
	p.get("/organizations?q=client&cursor=" + cursor).faults("query.cursor")
	p.get("/contacts?cursor=" + cursor).faults("query.cursor")
	p.get("/organizations?cursor=A" + cursor).faults("query.cursor")
	seen := map[string]bool{}
	for at := "/organizations?limit=7&sort=newest&q=client"; at != ""; {
		r := p.get(at).wants(200)
		for i := range r.json.([]any) {
			seen[r.text(i, "id")] = true
		}
		at, _ = strings.CutPrefix(r.header.Get("Link"), "<")
		at, _, _ = strings.Cut(at, ">")
	}
	if len(seen) != 61 {
		t.Errorf("walking page by page saw %d organizations, want 61", len(seen))
	}
}

func TestIfMatch(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	p := w.site.program(t, "all", four...)
	for _, tt := range []struct{ path, body string }{
		{"/organizations/" + w.organization.String(), `{"sector": "%s"}`},
		{"/contacts/" + w.contact.String(), `{"job_title": "%s"}`},
		{"/interactions/" + w.interaction.String(), `{"outcome": "%s"}`},
		{"/organizations/" + w.organization.String() + "/contacts/" + w.linked.String(), `{"role_label": "%s"}`},
	} {
		old := p.get(tt.path).wants(200).header.Get("ETag")
		now := p.call("PATCH", tt.path, fmt.Sprintf(tt.body, "one"), "If-Match", old).wants(200).header.Get("ETag")
		if now == old || now == "" {
			t.Errorf("%s: ETag %s after %s", tt.path, now, old)
		}
		w.look(t)
		for _, stale := range []string{old, `"0"`, "1", `W/` + now, "x"} {
			p.call("PATCH", tt.path, fmt.Sprintf(tt.body, "two"), "If-Match", stale).wants(412)
		}
		if !strings.Contains(tt.path, "/contacts/"+w.linked.String()) {
			continue
		}
		p.call("DELETE", tt.path, "", "If-Match", old).wants(412)
	}
	p.call("DELETE", "/interactions/"+w.interaction.String(), "", "If-Match", `"1"`).wants(412)
	p.call("DELETE", "/interactions/"+w.interaction.String(), "", "If-Match", "").faults("header.If-Match")
	for _, record := range []string{"/organizations/" + w.organization.String(), "/contacts/" + w.contact.String()} {
		p.call("POST", record+"/archive", "", "If-Match", `"1"`).wants(412)
		p.call("POST", record+"/archive", "", "If-Match", "*").wants(200)
		p.call("POST", record+"/restore", "", "If-Match", `"1"`).wants(412)
	}
	if changed := w.look(t); !slices.Contains(changed, "organizations") {
		t.Error("nothing was archived")
	}
}

// TestPatchesOfDifferentFieldsDoNotMeet: without If-Match each change is made of what stands there.
func TestPatchesOfDifferentFieldsDoNotMeet(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	path := "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	fields := []string{"website", "sector", "size_band"}
	for range 5 {
		parallel(t, len(fields), func(i int) (*reply, error) {
			return p.try("PATCH", path, fmt.Sprintf(`{%q: "%s.example"}`, fields[i], uuid.NewString()[:8]))
		}, func(r *reply) {
			if r.status != 200 && r.status != 409 { // three in a row may lose to the others, and are told so
				t.Errorf("%s: %d %s", r.what, r.status, r.raw)
			}
		})
	}
	o := p.get(path).wants(200)
	for _, f := range fields {
		if o.at("organization", f) == nil {
			t.Errorf("no change of %s has come through: %s", f, o.raw)
		}
	}
}

// parallel runs n calls at once and gives their answers to check, one by one.
func parallel(t *testing.T, n int, call func(int) (*reply, error), check func(*reply)) {
	t.Helper()
	replies, errs := make([]*reply, n), make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { replies[i], errs[i] = call(i) })
	}
	wg.Wait()
	for i := range n {
		if errs[i] != nil {
			t.Fatal(errs[i])
		}
		check(replies[i])
	}
}

func TestIdempotencyKey(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	p := w.site.program(t, "all", four...)
	person := postgrestest.Contact(t, w.site.db, "Fresh", "Person", uuid.NullUUID{})
	for table, sent := range map[string][2]string{
		"organizations":        {"/organizations", `{"legal_name": "A", "display_name": "A"}`},
		"contacts":             {"/contacts", `{"first_name": "A", "last_name": "A", "email": "a@a.example"}`},
		"organization_contact": {"/organizations/" + w.organization.String() + "/contacts", `{"contact_id": "` + person.String() + `"}`},
		"interactions":         {"/organizations/" + w.organization.String() + "/interactions", `{"channel": "call", "subject": "A"}`},
		"follow_ups":           {"/organizations/" + w.organization.String() + "/follow-ups", `{"title": "A", "due": "` + time.Now().AddDate(0, 1, 0).Format(time.DateOnly) + `"}`},
	} {
		before := query[int](t, w.site, `SELECT count(*)::int FROM `+table)
		key := uuid.NewString()
		var answers []string
		parallel(t, 6, func(int) (*reply, error) { return p.try("POST", sent[0], sent[1], "Idempotency-Key", key) }, func(r *reply) {
			r.wants(201)
			answers = append(answers, r.header.Get("Location")+r.raw)
		})
		if answers = slices.Compact(answers); len(answers) != 1 {
			t.Errorf("%s: the same request got different answers: %v", table, answers)
		}
		if n := query[int](t, w.site, `SELECT count(*)::int FROM `+table); n != before+1 {
			t.Errorf("%s: six times the same request made %d records", table, n-before)
		}
		w.look(t)
		p.call("POST", sent[0], strings.Replace(sent[1], "}", ` }`, 1), "Idempotency-Key", key).faults("header.Idempotency-Key")
		p.call("POST", "/contacts", `{"first_name": "B", "last_name": "B"}`, "Idempotency-Key", key).faults("header.Idempotency-Key")
		if changed := w.look(t); len(changed) > 0 {
			t.Errorf("another request under the key changed %v", changed)
		}
	}
	// the same key of another token is another key
	other := w.site.programOf(t, p.user, four...)
	a := p.call("POST", "/organizations", `{"legal_name": "C", "display_name": "C"}`, "Idempotency-Key", "k").wants(201)
	b := other.call("POST", "/organizations", `{"legal_name": "C", "display_name": "C"}`, "Idempotency-Key", "k").wants(201)
	if a.text("id") == b.text("id") {
		t.Error("two tokens share a key")
	}
	// a refused request leaves its key free
	p.call("POST", "/organizations", `{"legal_name": ""}`, "Idempotency-Key", "again").faults("body.display_name", "body.legal_name")
	p.call("POST", "/organizations", `{"legal_name": "D", "display_name": "D"}`, "Idempotency-Key", "again").wants(201)
}

// TestAPIErrorsAreProblems asks below /api for what is not there.
func TestAPIErrorsAreProblems(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	for _, path := range []string{"/api", "/api/", "/api/crm", "/api/crm/", "/api/x", "/api/crm/x", "/api/crm/organizations/", "/api/crm/docs", "/api/crm/schemas/Organization.json", "/api/crm/openapi.yaml", "/api/crm/organizations//x"} {
		p.get(path).wants(404)
	}
	for method, allow := range map[string]string{"PUT": "GET, POST", "DELETE": "GET, POST", "OPTIONS": "GET, POST", "TRACE": "GET, POST", "BREW": "GET, POST"} {
		if r := p.call(method, "/organizations", "").wants(405); r.header.Get("Allow") != allow {
			t.Errorf("%s: Allow %q, want %q", method, r.header.Get("Allow"), allow)
		}
	}
	p.get("/organizations?q=" + strings.Repeat("x", 17<<10)).wants(414)
	r := p.call("HEAD", "/organizations", "")
	if r.status != 200 || r.raw != "" {
		t.Errorf("HEAD: %d %q", r.status, r.raw)
	}
	if r := p.call("GET", "/organizations", "", "Origin", "https://evil.example").wants(200); r.header.Get("Access-Control-Allow-Origin") != "" {
		t.Error("another site may read the answer")
	}
	for _, r := range []*reply{p.get("/organizations"), p.get("/organizations/x"), p.call("PUT", "/me", ""), p.call("BREW", "/me", ""), p.get("/organizations?q=" + strings.Repeat("x", 17<<10))} {
		for _, name := range []string{"Content-Security-Policy", "X-Content-Type-Options", "Cross-Origin-Resource-Policy", "Referrer-Policy"} {
			if r.header.Get(name) == "" {
				t.Errorf("%s: no %s on a %d", r.what, name, r.status)
			}
		}
		if r.header.Get("Cache-Control") != "no-store" && r.status != 414 {
			t.Errorf("%s: Cache-Control %q", r.what, r.header.Get("Cache-Control"))
		}
	}
	for _, accept := range []string{"text/html", "application/cbor", "", "*/*;q=x"} {
		p.call("GET", "/me", "", "Accept", accept).wants(200)
	}
}

// TestABodyThatEndsEarly is a caller who goes away: no error of ours.
func TestABodyThatEndsEarly(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	conn, err := net.Dial("tcp", strings.TrimPrefix(s.server.URL, "http://"))
	fatal(t, err)
	fmt.Fprintf(conn, "POST /api/crm/organizations HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{\"legal_name\": \"A\"", p.secret)
	fatal(t, conn.(*net.TCPConn).CloseWrite())
	raw, err := io.ReadAll(conn)
	fatal(t, err)
	if !bytes.HasPrefix(raw, []byte("HTTP/1.1 400 ")) {
		t.Errorf("got %.200s, want 400", raw)
	}
	if n := query[int](t, s, `SELECT count(*)::int FROM organizations`); n != 0 {
		t.Errorf("half a body made %d organizations", n)
	}
}

// TestAPIWithoutADatabase shows that an outage is told as one, and when to come back.
func TestAPIWithoutADatabase(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	s.db.Close()
	if r := p.get("/organizations").wants(503); r.header.Get("Retry-After") == "" || r.at("request_id") == nil {
		t.Errorf("%v %s", r.header, r.raw)
	}
}

func TestTimesWithoutAnOffsetAreTheUsers(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	alter(t, s, `ALTER TABLE users DISABLE TRIGGER ALL`)
	alter(t, s, `UPDATE users SET zone = 'Europe/Rome' WHERE email = '`+p.user.Email+`'`)
	log := func(at string) *reply {
		return p.call("POST", "/organizations/"+org+"/interactions", `{"channel": "call", "subject": "A"`+at+`}`)
	}
	log(`, "happened_at": "2026-07-22T15:04"`).wants(201).has("2026-07-22T13:04:00Z", "happened_at")
	log(`, "happened_at": "2026-07-22T15:04:05.5Z"`).wants(201).has("2026-07-22T15:04:05.5Z", "happened_at")
	for _, wrong := range []string{"2026-07-22", "yesterday", "2026-02-30T00:00", "1726000000", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z"} {
		log(`, "happened_at": "` + wrong + `"`).faults("body.happened_at")
	}
	now := log(`, "happened_at": null`).wants(201).text("happened_at")
	if at, err := time.Parse(time.RFC3339, now); err != nil || time.Since(at) > time.Hour || time.Since(at) < -time.Hour {
		t.Errorf("left out, the time is %s", now)
	}
	log(`, "contact_id": "x"`).faults("body.contact_id")
	p.call("POST", "/organizations/"+org+"/interactions", `{}`).faults("body.channel", "body.subject")
	p.get("/interactions?from=2026-07-22&to=2026-07-22").wants(200).has("2026-07-22T15:04:05.5Z", 0, "happened_at").has("2026-07-22T13:04:00Z", 1, "happened_at").has(nil, 2)
}

// TestARhythmOverTheAPI sets and snoozes an organization and a relationship; an edit of something else leaves both.
func TestARhythmOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	blind := s.program(t, "all", authz.ViewClient)
	o, ada := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	org := "/organizations/" + o.String()
	link := org + "/contacts/" + ada.String()
	p.call("POST", org+"/contacts", `{"contact_id": "`+ada.String()+`", "role_label": "CFO", "touch_every_days": 90}`).wants(http.StatusCreated)
	until := time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)
	p.call("PATCH", org, `{"touch_every_days": 30, "touch_snoozed_until": "`+until+`", "touch_snooze_reason": "On leave"}`).wants(http.StatusOK)
	p.call("PATCH", org, `{"sector": "Robotics"}`).wants(http.StatusOK)
	now := p.get(org).wants(http.StatusOK)
	if now.at("organization", "touch_every_days") != float64(30) || now.at("organization", "touch_snoozed_until") != until || now.at("organization", "touch_snooze_reason") != "On leave" || now.at("organization", "next_touch_at") == nil {
		t.Errorf("the organization is %s", now.raw)
	}
	if got := blind.get(org).wants(http.StatusOK); got.at("organization", "touch_every_days") != float64(30) || got.at("organization", "next_touch_at") != nil {
		t.Errorf("without interactions it is %s", got.raw)
	}
	if got := p.call("PATCH", link, `{"relationship_status": "Active"}`).wants(http.StatusOK); got.at("touch_every_days") != float64(90) {
		t.Errorf("the relationship is %s", got.raw)
	}
	if got := p.call("PATCH", link, `{"touch_every_days": 0}`).wants(http.StatusOK); got.at("touch_every_days") != float64(0) || got.at("next_touch_at") != nil {
		t.Errorf("never is %s", got.raw)
	}
	if got := p.call("PATCH", org, `{"touch_snoozed_until": null}`).wants(http.StatusOK); got.at("touch_snoozed_until") != nil || got.at("touch_snooze_reason") != nil || got.at("touch_every_days") != float64(30) {
		t.Errorf("no longer snoozed it is %s", got.raw)
	}
	for _, body := range []string{
		`{"touch_every_days": 0}`, `{"touch_every_days": 1096}`, `{"touch_every_days": 1.5}`, `{"touch_every_days": "often"}`, `{"touch_every_days": 1e99}`, `{"touch_every_days": true}`,
		`{"touch_snoozed_until": "2020-01-01"}`, `{"touch_snoozed_until": "2190-01-01"}`, `{"touch_snoozed_until": "soon"}`, `{"touch_snoozed_until": 5}`, `{"next_touch_at": null}`,
	} {
		p.call("PATCH", org, body).wants(http.StatusUnprocessableEntity)
	}
}
