package web_test

import (
	"errors"
	"fmt"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web/api"
)

const apiGolden = "testdata/api_access.golden"

// apiCallers are programs without a token, without a right, with all rights but one, and with each single one.
func apiCallers(t *testing.T, s *site) map[string]*program {
	t.Helper()
	anonymous := &program{t: t, site: s, header: http.Header{}}
	all := map[string]*program{"anonymous": anonymous, "none": s.program(t, "all"), "four": s.program(t, "all", four...)}
	for _, p := range authz.Permissions {
		all[string(p)] = s.program(t, "all", p)
	}
	for _, lacking := range four {
		but := slices.DeleteFunc(slices.Clone(four), func(p authz.Permission) bool { return p == lacking })
		all["four-but-"+string(lacking)] = s.program(t, "all", but...)
	}
	return all
}

// TestAPIAccess asks every operation as everybody and compares who is let in with a golden file. On the way it sees
// that a refusal names the first permission missing, leaves one row in the audit log and changes nothing else, and
// that no GET writes.
func TestAPIAccess(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	callers := apiCallers(t, w.site)
	for _, name := range slices.Sorted(maps.Keys(callers)) { // the first use of a token is noted, once a minute
		_, _ = callers[name].try("GET", "/me", "") // what it answers is not the question yet
	}
	var got strings.Builder
	for _, op := range w.site.web.APIOperations() {
		fmt.Fprintf(&got, "%s %s\n", op.Method, op.Path)
		who := map[string][]string{}
		for _, name := range slices.Sorted(maps.Keys(callers)) {
			outcome := w.askAPI(t, name, callers[name], op)
			who[outcome] = append(who[outcome], name)
		}
		for _, outcome := range slices.Sorted(maps.Keys(who)) {
			fmt.Fprintf(&got, "    %-20s %s\n", outcome, strings.Join(who[outcome], " "))
		}
	}
	if *update {
		fatal(t, os.WriteFile(apiGolden, []byte(got.String()), 0o644))
	}
	want, err := os.ReadFile(apiGolden)
	fatal(t, err)
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("who may do what has changed (- golden, + now); when each line is meant, run go test ./web -run TestAPIAccess -update:\n%s", diff)
	}
}

// askAPI asks one operation and returns what the golden file says of it.
func (w *accessWorld) askAPI(t *testing.T, name string, p *program, op api.Operation) string {
	t.Helper()
	path, body := w.apiCall(t, op)
	w.look(t)
	r := p.call(op.Method, path, body)
	changed := w.look(t)
	switch {
	case r.status == http.StatusUnauthorized:
		if len(changed) > 0 || name != "anonymous" {
			t.Errorf("%s as %s: 401, changed %v", r.what, name, changed)
		}
		return "401"
	case r.status == http.StatusForbidden:
		if want := []string{"audit_logs +1", "denials +1"}; !slices.Equal(changed, want) {
			t.Errorf("%s as %s: a refusal changed %v, want exactly one access_denied row", r.what, name, changed)
		}
		said, _ := r.at("error").(string)
		missing, is := strings.CutPrefix(said, "Missing permission: ")
		if !is && strings.Contains(r.raw, "Only its author") {
			return "403 author"
		}
		first := slices.IndexFunc(op.Needs, func(needed authz.Permission) bool { return !slices.Contains(p.token.Scopes, string(needed)) })
		if first < 0 || string(op.Needs[first]) != missing {
			t.Errorf("%s as %s: the refusal names %q, want the first one missing of %v", r.what, name, said, op.Needs)
		}
		return "403 " + missing
	case r.status >= 400:
		t.Errorf("%s as %s: %s", r.what, name, r.raw)
	case op.Method == http.MethodGet && len(changed) > 0:
		t.Errorf("%s as %s: a GET changed %v", r.what, name, changed)
	}
	return fmt.Sprint(r.status)
}

// apiCall fills an operation's path with records that exist, and its body with what it takes.
func (w *accessWorld) apiCall(t *testing.T, op api.Operation) (path, body string) {
	t.Helper()
	id, contact := w.organization, w.linked
	switch kind := strings.Split(strings.TrimPrefix(op.Path, "/api/crm/"), "/")[0]; kind {
	case "contacts":
		id = w.contact
	case "interactions":
		id = w.interaction
	case "follow-ups":
		id = w.plan(t, op.ID)
	}
	var fresh uuid.UUID
	if op.ID == "linkContact" || op.ID == "unlinkContact" {
		fresh = postgrestest.Contact(t, w.site.db, "Fresh", "Person", uuid.NullUUID{})
	}
	switch op.ID {
	case "deleteInteraction":
		id = w.log(t)
	case "unlinkContact":
		_, err := postgrestest.System(w.site.db).LinkContact(t.Context(), crm.Relationship{OrganizationID: w.organization, ContactID: fresh}, uuid.NullUUID{})
		fatal(t, err)
		contact = fresh
	}
	soon := time.Now().UTC().AddDate(0, 1, 0).Format(time.DateOnly)
	body = map[string]string{
		"createOrganization": `{"legal_name": "A", "display_name": "A"}`, "createContact": `{"first_name": "A", "last_name": "A"}`,
		"linkContact":       `{"contact_id": "` + fresh.String() + `"}`,
		"logOnOrganization": `{"channel": "call", "subject": "A"}`, "logOnContact": `{"channel": "call", "subject": "A"}`,
		"updateOrganization": `{"sector": "` + uuid.NewString() + `"}`, "updateContact": `{"job_title": "` + uuid.NewString() + `"}`,
		"planOnOrganization": `{"title": "A", "due": "` + soon + `"}`, "planOnContact": `{"title": "A", "due": "` + soon + `"}`,
		"updateFollowUp": `{"title": "` + uuid.NewString() + `"}`, "finishFollowUp": `{"outcome": "A"}`,
		"updateLink": `{"role_label": "` + uuid.NewString() + `"}`, "updateInteraction": `{"outcome": "` + uuid.NewString() + `"}`,
	}[op.ID]
	return strings.NewReplacer("{id}", id.String(), "{contact_id}", contact.String()).Replace(op.Path), body
}

// plan returns a follow-up that an operation can be tried on.
func (w *accessWorld) plan(t *testing.T, operation string) uuid.UUID {
	t.Helper()
	system := postgrestest.System(w.site.db)
	var err error
	switch operation { // as it may have been left by whoever asked before
	case "finishFollowUp", "cancelFollowUp":
		_, err = system.ReopenFollowUp(t.Context(), w.followUp)
	case "reopenFollowUp":
		_, err = system.CancelFollowUp(t.Context(), w.followUp)
	}
	if !errors.Is(err, crm.ErrUnchanged) {
		fatal(t, err)
	}
	return w.followUp
}

// TestAPIReach shows that what is out of reach answers like what does not exist: status, length and all.
func TestAPIReach(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t) // whose records belong to nobody
	p := w.site.program(t, "own", four...)
	mine := postgrestest.Organization(t, w.site.db, "Mine", postgrestest.ID(p.user.ID))
	p.get("/me").wants(200)
	for _, op := range w.site.web.APIOperations() {
		if !strings.Contains(op.Path, "{") {
			continue
		}
		path, body := w.apiCall(t, op)
		w.look(t)
		foreign := p.call(op.Method, path, body).wants(404)
		for _, id := range []uuid.UUID{w.organization, w.contact, w.linked, w.interaction, w.followUp} {
			path = strings.ReplaceAll(path, id.String(), uuid.NewString())
		}
		missing := p.call(op.Method, path, body).wants(404)
		if foreign.raw != missing.raw || !cmp.Equal(strip(foreign.header), strip(missing.header)) {
			t.Errorf("%s: a foreign record answers %s %v, a missing one %s %v", op.ID, foreign.raw, foreign.header, missing.raw, missing.header)
		}
		if changed := w.look(t); len(changed) > 0 {
			t.Errorf("%s: 404 changed %v", op.ID, changed)
		}
	}
	for _, list := range []string{"/organizations?status=all", "/contacts?status=all", "/interactions", "/organizations?q=granvik", "/contacts?q=lars", "/interactions?q=renewal", "/interactions?organization=" + w.organization.String(), "/follow-ups?state=all", "/follow-ups?state=all&organization=" + w.organization.String()} {
		if r := p.get(list).wants(200); strings.Contains(r.raw, "contract") || strings.Contains(r.raw, "Granvik") || strings.Contains(r.raw, "Lars") || strings.Contains(r.raw, "Renewal") {
			t.Errorf("%s gives away what is out of reach: %s", list, r.raw)
		}
	}
	p.get("/organizations").wants(200).has("Mine", 0, "display_name").has(nil, 1)
	// a record named in a body is out of reach in the same words as one that does not exist
	for _, sent := range [][2]string{
		{"/organizations/" + mine.String() + "/contacts", `{"contact_id": "%s"}`},
		{"/organizations/" + mine.String() + "/interactions", `{"channel": "call", "subject": "A", "contact_id": "%s"}`},
		{"/organizations/" + mine.String() + "/follow-ups", `{"title": "A", "due": "` + time.Now().AddDate(0, 1, 0).Format(time.DateOnly) + `", "contact_id": "%s"}`},
	} {
		foreign := p.call("POST", sent[0], fmt.Sprintf(sent[1], w.contact)).faults("body.contact_id")
		if missing := p.call("POST", sent[0], fmt.Sprintf(sent[1], uuid.New())).faults("body.contact_id"); missing.raw != foreign.raw {
			t.Errorf("a foreign contact: %s\na missing one: %s", foreign.raw, missing.raw)
		}
	}
	p.call("POST", "/organizations", fmt.Sprintf(`{"legal_name": "A", "display_name": "A", "owner_user_id": %q}`, w.user)).faults("body.owner_user_id")
	p.call("POST", "/organizations", `{"legal_name": "A", "display_name": "A"}`).wants(201).has(p.user.ID.String(), "owner_user_id")
	p.call("PATCH", "/organizations/"+mine.String(), `{"owner_user_id": null}`).faults("body.owner_user_id")
}

// strip leaves out the headers that differ from answer to answer.
func strip(h http.Header) http.Header {
	h = h.Clone()
	h.Del("Date")
	return h
}

// TestAnInteractionNamesOnlyWhatIsInReach shows that an interaction reached by its author leaves out a client that
// is not, and that nobody without ViewClient learns which client it was.
func TestAnInteractionNamesOnlyWhatIsInReach(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	logged, err := postgrestest.System(s.db).LogInteraction(t.Context(), crm.Interaction{
		OrganizationID: postgrestest.ID(org), Channel: crm.Call, Subject: "Renewal agreed", HappenedAt: time.Now(),
	}, audit.Organization, uuid.NullUUID{})
	fatal(t, err)
	path := "/interactions/" + logged.ID.String()
	s.program(t, "all", four...).get(path).wants(200).has(org.String(), "organization_id")
	s.program(t, "all", authz.ViewInteraction).get(path).wants(200).has(nil, "organization_id").has("Renewal agreed", "subject")
	s.program(t, "all", authz.ViewInteraction).get("/interactions").wants(200).has(nil, 0, "organization_id").has("Renewal agreed", 0, "subject")
}

// TestWhoMayOnlyWriteLearnsWhatTheyWrote compares the answers to callers who may not view with the rows themselves.
func TestWhoMayOnlyWriteLearnsWhatTheyWrote(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	reader := s.program(t, "all", four...)
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	for _, tt := range []struct {
		reach, path, body string
		scopes            []authz.Permission
		under             []any // where the record stands on its page
	}{
		{"all", "/organizations", `{"legal_name": " A ", "display_name": "A", "website": "a.example"}`, []authz.Permission{authz.EditClient}, []any{"organization"}},
		{"own", "/organizations", `{"legal_name": "A", "display_name": "A"}`, []authz.Permission{authz.EditClient}, []any{"organization"}},
		{"team", "/contacts", `{"first_name": "A", "last_name": "A", "phone": "1"}`, []authz.Permission{authz.EditClient}, []any{"contact"}},
		{"all", "/organizations/" + org.String() + "/interactions", `{"channel": "call", "subject": " A ", "happened_at": "2026-11-22T15:04:05Z"}`, []authz.Permission{authz.ViewClient, authz.EditInteraction}, nil},
		{"all", "/organizations/" + org.String() + "/follow-ups", `{"title": " A ", "due": "` + time.Now().AddDate(0, 1, 0).Format(time.DateOnly) + `"}`, []authz.Permission{authz.ViewClient, authz.EditInteraction}, nil},
	} {
		p := s.program(t, tt.reach, tt.scopes...)
		told := p.call("POST", tt.path, tt.body).wants(201)
		stands := reader.get(told.header.Get("Location")).wants(200).at(tt.under...)
		without := func(v any) any {
			object, _ := v.(map[string]any)
			object = maps.Clone(object)
			delete(object, "created_at") // told by our clock, kept by the database's
			delete(object, "updated_at")
			return object
		}
		if diff := cmp.Diff(without(stands), without(told.json)); diff != "" {
			t.Errorf("%s with reach %s tells something else (+) than it saved (-):\n%s", tt.path, tt.reach, diff)
		}
	}
}

// TestAContactNamesOnlyOrganizationsInReach: one's own contact may work for somebody else's client too.
func TestAContactNamesOnlyOrganizationsInReach(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "own", four...)
	me := postgrestest.ID(p.user.ID)
	person := postgrestest.Contact(t, s.db, "Lars", "Lindqvist", me)
	for name, owner := range map[string]uuid.NullUUID{"Mine": me, "Foreign": {}} {
		_, err := postgrestest.System(s.db).LinkContact(t.Context(), crm.Relationship{OrganizationID: postgrestest.Organization(t, s.db, name, owner), ContactID: person}, uuid.NullUUID{})
		fatal(t, err)
	}
	r := p.get("/contacts/"+person.String()).wants(200).has("Mine", "organizations", 0, "display_name").has(nil, "organizations", 1)
	if strings.Contains(r.raw, "Foreign") {
		t.Errorf("a foreign client is named: %s", r.raw)
	}
}
