package web_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// program is a caller of the API with a token of one user.
type program struct {
	t      testing.TB
	site   *site
	user   crm.User
	secret string
	token  crm.Token
	header http.Header // sent with every call
}

// program returns the program of a new user with these permissions and reach.
func (s *site) program(t testing.TB, reach string, permissions ...authz.Permission) *program {
	t.Helper()
	u := postgrestest.User(t, s.db, "program-"+uuid.NewString()[:8], uuid.NullUUID{}, s.hash, postgrestest.Role(t, s.db, reach, permissions...))
	return s.programOf(t, u, permissions...)
}

// programOf returns a program of a user with these scopes.
func (s *site) programOf(t testing.TB, u crm.User, scopes ...authz.Permission) *program {
	t.Helper()
	p := &program{t: t, site: s, user: u, header: http.Header{}}
	store := s.db.As(postgrestest.Actor(u, authz.All, authz.Permissions...), postgres.Origin{})
	slugs := []string{}
	for _, p := range scopes {
		slugs = append(slugs, string(p))
	}
	if len(slugs) == 0 {
		slugs = []string{string(authz.ViewAudit)} // a token without any scope cannot be made; this one opens nothing here
	}
	var err error
	if p.token, p.secret, err = store.CreateToken(context.Background(), crm.Token{Name: "Nightly sync", Scopes: slugs}, time.Now()); err != nil {
		t.Fatal(err)
	}
	p.header.Set("Authorization", "Bearer "+p.secret)
	return p
}

var four = []authz.Permission{authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction}

// reply is what the API answers.
type reply struct {
	t      testing.TB
	what   string
	status int
	header http.Header
	raw    string
	json   any
}

// call sends a request; body is JSON, or "" for none; headers are name, value, name, value…
func (p *program) call(method, path, body string, headers ...string) *reply {
	p.t.Helper()
	r, err := p.try(method, path, body, headers...)
	if err != nil {
		p.t.Fatal(err)
	}
	return r
}

// try is call for goroutines, which may not end a test.
func (p *program) try(method, path, body string, headers ...string) (*reply, error) {
	if strings.HasPrefix(path, "/") && !strings.HasPrefix(path, "/api") {
		path = "/api/crm" + path
	}
	req, err := http.NewRequest(method, p.site.server.URL+path, strings.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header = p.header.Clone()
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := p.site.server.Client().Do(req)
	if err != nil {
		return nil, err
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	raw, err := io.ReadAll(resp.Body)
	r := &reply{t: p.t, what: method + " " + path, status: resp.StatusCode, header: resp.Header, raw: string(raw)}
	if len(raw) > 0 && err == nil {
		if jsonErr := json.Unmarshal(raw, &r.json); jsonErr != nil {
			return nil, fmt.Errorf("%s: %d %q is not JSON: %w", r.what, r.status, raw, jsonErr)
		}
	}
	return r, err
}

func (p *program) get(path string) *reply { p.t.Helper(); return p.call("GET", path, "") }

// wants fails the test unless the answer has the status, and is a problem where it is one.
func (r *reply) wants(status int) *reply {
	r.t.Helper()
	if r.status != status {
		r.t.Fatalf("%s: got status %d, want %d\n%s", r.what, r.status, status, r.raw)
	}
	kind := "application/json"
	switch {
	case status >= 400:
		kind = "application/problem+json"
		if r.at("status") != float64(status) || r.at("title") == nil {
			r.t.Fatalf("%s: the problem does not say its status: %s", r.what, r.raw)
		}
	case status == http.StatusNoContent:
		kind = ""
	}
	if got := r.header.Get("Content-Type"); got != kind {
		r.t.Fatalf("%s: Content-Type %q, want %q", r.what, got, kind)
	}
	if len(r.header.Values("Set-Cookie")) > 0 {
		r.t.Fatalf("%s sets a cookie", r.what)
	}
	return r
}

// at returns what stands in the answer at a path of names and numbers, nil for nothing.
func (r *reply) at(path ...any) any {
	v := r.json
	for _, step := range path {
		switch step := step.(type) {
		case string:
			object, _ := v.(map[string]any)
			v = object[step]
		case int:
			list, _ := v.([]any)
			if step >= len(list) {
				return nil
			}
			v = list[step]
		}
	}
	return v
}

// text is at for a text.
func (r *reply) text(path ...any) string {
	r.t.Helper()
	s, is := r.at(path...).(string)
	if !is {
		r.t.Fatalf("%s: no text at %v: %s", r.what, path, r.raw)
	}
	return s
}

// has fails the test unless the answer has a value at a path.
func (r *reply) has(want any, path ...any) *reply {
	r.t.Helper()
	if got := r.at(path...); got != want {
		r.t.Fatalf("%s: got %v at %v, want %v\n%s", r.what, got, path, want, r.raw)
	}
	return r
}

// faults fails the test unless the answer is a 422 that names these places, in this order.
func (r *reply) faults(locations ...string) *reply {
	r.t.Helper()
	r.wants(http.StatusUnprocessableEntity)
	list, _ := r.at("errors").([]any)
	for i, want := range locations {
		if got := r.at("errors", i, "location"); got != want {
			r.t.Fatalf("%s: fault %d is at %v, want %s\n%s", r.what, i, got, want, r.raw)
		}
	}
	if len(list) != len(locations) {
		r.t.Fatalf("%s: got %d faults, want %d\n%s", r.what, len(list), len(locations), r.raw)
	}
	return r
}

func TestAProgramsDay(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)

	me := p.get("/me").wants(200)
	me.has(p.user.Email, "user", "email").has("Nightly sync", "token", "name").has("ViewClient", "permissions", 0, "permission").has("all", "permissions", 0, "reach")

	o := p.call("POST", "/organizations", `{"legal_name": " Granvik Shipping AB ", "display_name": "Granvik", "website": null}`).wants(201)
	o.has("Granvik Shipping AB", "legal_name").has(nil, "website").has(nil, "owner_user_id").has(float64(1), "version").has(true, "is_active")
	id := o.text("id")
	if got, want := o.header.Get("Location"), "/api/crm/organizations/"+id; got != want {
		t.Errorf("Location %q, want %q", got, want)
	}
	if got := o.header.Get("ETag"); got != `"1"` {
		t.Errorf("ETag %q", got)
	}
	p.get(o.header.Get("Location")).wants(200).has("Granvik", "organization", "display_name")

	changed := p.call("PATCH", "/organizations/"+id, `{"sector": "Shipping", "owner_user_id": "`+p.user.ID.String()+`"}`).wants(200)
	changed.has("Shipping", "sector").has("Granvik", "display_name").has(p.user.ID.String(), "owner_user_id").has(float64(2), "version")
	p.call("PATCH", "/organizations/"+id, `{"sector": null}`).wants(200).has(nil, "sector")
	p.call("PATCH", "/organizations/"+id, `{"legal_name": null}`).faults("body.legal_name").has("Enter the legal name.", "errors", 0, "message")
	p.call("PATCH", "/organizations/"+id, `{}`).wants(200).has(float64(3), "version")

	c := p.call("POST", "/contacts", `{"first_name": "Lars", "last_name": "Lindqvist", "email": "Lars@Granvik.example"}`).wants(201)
	c.has("lars@granvik.example", "email")
	person := c.text("id")
	link := p.call("POST", "/organizations/"+id+"/contacts", `{"contact_id": "`+person+`", "role_label": "Treasurer"}`).wants(201)
	link.has("Treasurer", "role_label").has(nil, "relationship_status").has(id, "organization_id")
	p.get(link.header.Get("Location")).wants(200).has("Treasurer", "role_label")
	p.call("PATCH", "/organizations/"+id+"/contacts/"+person, `{"relationship_status": "Active"}`).wants(200).has("Treasurer", "role_label").has("Active", "relationship_status")

	i := p.call("POST", "/organizations/"+id+"/interactions", `{"channel": "call", "subject": "Renewal agreed", "contact_id": "`+person+`", "happened_at": "2026-11-22T15:04:05+01:00"}`).wants(201)
	i.has(p.user.ID.String(), "user_id").has("2026-11-22T14:04:05Z", "happened_at").has(person, "contact_id").has(id, "organization_id")
	p.call("POST", "/contacts/"+person+"/interactions", `{"channel": "note", "subject": "Likes sailing"}`).wants(201).has(nil, "organization_id").has(person, "contact_id")
	p.get(i.header.Get("Location")).wants(200).has("Renewal agreed", "subject")
	p.call("PATCH", "/interactions/"+i.text("id"), `{"outcome": "Resolved"}`).wants(200).has("Resolved", "outcome").has("Renewal agreed", "subject").has("2026-11-22T14:04:05Z", "happened_at")

	page := p.get("/organizations/" + id).wants(200)
	page.has("Lars", "contacts", 0, "first_name").has("Treasurer", "contacts", 0, "role_label").has("Active", "contacts", 0, "relationship_status").has("Renewal agreed", "interactions", 0, "subject")
	p.get("/contacts/"+person).wants(200).has("Granvik", "organizations", 0, "display_name").has("Treasurer", "organizations", 0, "role_label").has("Likes sailing", "interactions", 0, "subject")
	p.get("/interactions?organization="+id).wants(200).has("Renewal agreed", 0, "subject").has(nil, 1)
	p.get("/contacts?q=lindq").wants(200).has("Lars", 0, "first_name")

	p.call("POST", "/organizations/"+id+"/archive", "").wants(200).has(false, "is_active")
	p.call("POST", "/organizations/"+id+"/archive", "").wants(200).has(false, "is_active")
	p.get("/organizations").wants(200).has(nil, 0)
	p.get("/organizations?status=archived").wants(200).has("Granvik", 0, "display_name")
	p.call("POST", "/organizations/"+id+"/restore", "").wants(200).has(true, "is_active")
	p.call("POST", "/contacts/"+person+"/archive", "").wants(200)
	p.call("POST", "/contacts/"+person+"/restore", "").wants(200)
	p.call("DELETE", "/organizations/"+id+"/contacts/"+person, "").wants(204)
	p.call("DELETE", "/organizations/"+id+"/contacts/"+person, "").wants(404)
	p.call("DELETE", "/interactions/"+i.text("id"), "").wants(204)
	p.get("/interactions/" + i.text("id")).wants(404)

	said := query[string](t, s, `SELECT string_agg(DISTINCT concat_ws(' ', metadata->>'via', metadata->>'token', user_id = (SELECT id FROM users WHERE email = '`+p.user.Email+`')), ',')
		FROM audit_logs WHERE action NOT IN ('create_user', 'create_role', 'create_token', 'assign_role')`)
	if want := "api Nightly sync t"; said != want {
		t.Errorf("the audit rows say %q, want %q", said, want)
	}
	if n := query[int](t, s, `SELECT count(*)::int FROM audit_logs WHERE metadata->>'via' = 'api'`); n != 15 {
		t.Errorf("%d audit rows, want one per change: 15", n)
	}
}
