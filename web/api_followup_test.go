package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// TestFollowUpsOverTheAPI: planned, put off, given on, done, each by the rules of the pages and by the user's days.
func TestFollowUpsOverTheAPI(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return evening } })
	p, colleague := s.program(t, "all", four...), s.user(t, "colleague")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	ada := postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{}).String()

	made := p.call("POST", "/organizations/"+org+"/follow-ups", `{"title": " Send the contract ", "due": "2026-12-04"}`).wants(201)
	made.has("Send the contract", "title").has("2026-12-04", "due").has("open", "state").has(p.user.ID.String(), "user_id").has(p.user.ID.String(), "created_by").
		has(org, "organization_id").has(nil, "contact_id").has(nil, "done_at").has(float64(1), "version")
	path := "/follow-ups/" + made.text("id")
	if got := made.header.Get("Location"); got != "/api/crm"+path {
		t.Errorf("Location %q", got)
	}
	p.get(path).wants(200).has("Send the contract", "title")
	p.call("PATCH", path, `{"due": "2026-12-11T09:00:00+01:00"}`, "If-Match", `"1"`).wants(200).has("2026-12-11T08:00:00Z", "due").has("Send the contract", "title").has(float64(2), "version")
	p.call("PATCH", path, `{"user_id": "`+colleague.ID.String()+`"}`, "If-Match", `"1"`).wants(http.StatusPreconditionFailed)
	p.call("PATCH", path, `{"user_id": "`+colleague.ID.String()+`"}`).wants(200).has(colleague.ID.String(), "user_id").has("2026-12-11T08:00:00Z", "due")
	p.call("PATCH", path, `{"user_id": null}`).wants(200).has(nil, "user_id")
	p.call("PATCH", path, `{}`).wants(200).has(float64(4), "version")
	for body, at := range map[string]string{
		`{"due": "2020-01-01"}`: "body.due", `{"due": "2099-01-01"}`: "body.due", `{"due": "soon"}`: "body.due", `{"due": null}`: "body.due", `{"title": ""}`: "body.title",
		`{"user_id": "` + uuid.NewString() + `"}`: "body.user_id", `{"state": "done"}`: "body.state", `{"organization_id": null}`: "body.organization_id",
	} {
		p.call("PATCH", path, body).faults(at)
	}

	p.call("POST", path+"/done", `{"outcome": "Resolved"}`, "If-Match", `"3"`).wants(http.StatusPreconditionFailed)
	p.call("POST", path+"/done", `{"outcome": "Resolved"}`, "If-Match", `"4"`).wants(200).has("done", "state").has("Resolved", "outcome").has(p.user.ID.String(), "done_by")
	p.call("POST", path+"/done", `{}`).wants(200).has("Resolved", "outcome").has(float64(5), "version")
	p.call("POST", path+"/cancel", "").wants(422)
	p.call("PATCH", path, `{"due": "2026-12-24"}`).wants(422)
	p.call("POST", path+"/reopen", "").wants(200).has("open", "state").has(nil, "outcome").has(nil, "done_at")
	p.call("POST", path+"/cancel", "").wants(200).has("cancelled", "state")
	p.call("POST", path+"/cancel", "").wants(200).has(float64(7), "version")

	// by the user's own days it is Saturday still
	for due, title := range map[string]string{"2026-11-29": "Sunday", "2026-12-24": "Christmas"} {
		p.call("POST", "/contacts/"+ada+"/follow-ups", `{"title": "`+title+`", "due": "`+due+`"}`).wants(201).has(ada, "contact_id")
	}
	p.call("POST", "/contacts/"+ada+"/follow-ups", `{"title": "Past", "due": "2026-11-28"}`).faults("body.due")
	p.get("/follow-ups").wants(200).has("Sunday", 0, "title").has("Christmas", 1, "title").has(nil, 2)
	p.get("/follow-ups?due=today&who=me").wants(200).has("Sunday", 0, "title").has(nil, 1)
	p.get("/follow-ups?due=later&contact="+ada).wants(200).has("Christmas", 0, "title").has(nil, 1)
	p.get("/follow-ups?state=cancelled&who=nobody").wants(200).has("Send the contract", 0, "title").has(nil, 1)
	p.get("/follow-ups?state=all&organization="+org).wants(200).has("Send the contract", 0, "title").has(nil, 1)
	p.get("/follow-ups?who="+colleague.ID.String()).wants(200).has(nil, 0)
	p.get("/follow-ups?who=team").wants(200)
	first := p.get("/follow-ups?limit=1").wants(200).has("Sunday", 0, "title")
	next, _, _ := strings.Cut(strings.TrimPrefix(first.header.Get("Link"), "<"), ">")
	p.get(next).wants(200).has("Christmas", 0, "title").has(nil, 1)
	p.get("/follow-ups?who=him&state=lost&due=soon&organization=1").faults("query.organization", "query.state", "query.who")
}

// TestALogOverTheAPIBringsFollowUpsToAnEnd: those of the same client, in one change, and nothing where one of them cannot.
func TestALogOverTheAPIBringsFollowUpsToAnEnd(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	org, other := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String(), postgrestest.Organization(t, s.db, "Other", uuid.NullUUID{}).String()
	soon := time.Now().AddDate(0, 1, 0).Format(time.DateOnly)
	plan := func(org string) string {
		return p.call("POST", "/organizations/"+org+"/follow-ups", `{"title": "Secret plan", "due": "`+soon+`"}`).wants(201).text("id")
	}
	one, two, elsewhere := plan(org), plan(org), plan(other)
	log := func(p *program, done string) *reply {
		return p.call("POST", "/organizations/"+org+"/interactions", `{"channel": "call", "subject": "Signed", "outcome": "Resolved", "next_title": "Invoice", "next_due": "`+soon+`", "done_follow_up": `+done+`}`)
	}
	interactions := func() int { return query[int](t, s, `SELECT count(*)::int FROM interactions`) }
	for _, wrong := range []string{`["` + one + `", "` + elsewhere + `"]`, `["` + one + `", "` + uuid.NewString() + `"]`, `["x"]`, `"` + one + `"`, `[1]`} {
		log(p, wrong).faults("body.done_follow_up")
	}
	// without ViewInteraction there are no follow-ups, open or not
	blind := s.program(t, "all", authz.ViewClient, authz.EditInteraction)
	if r := log(blind, `["`+one+`"]`).faults("body.done_follow_up"); strings.Contains(r.raw, "Secret") || interactions() != 0 {
		t.Errorf("to somebody who may not see it: %s; %d interactions", r.raw, interactions())
	}
	i := log(p, `["`+one+`", "`+two+`", "`+one+`"]`).wants(201)
	for _, id := range []string{one, two} {
		p.get("/follow-ups/"+id).wants(200).has("done", "state").has("Resolved", "outcome").has(i.text("id"), "done_interaction_id")
	}
	p.get("/follow-ups?organization="+org).wants(200).has("Invoice", 0, "title").has(i.text("id"), 0, "interaction_id").has(nil, 1)
	log(p, `["`+one+`"]`).faults("body.done_follow_up")
	log(p, `null`).wants(201)
	if n := interactions(); n != 2 {
		t.Errorf("%d interactions are logged, want two", n)
	}
}

// TestListsOverTheAPIByTheNextContact, which does not exist for a token that may not see interactions.
func TestListsOverTheAPIByTheNextContact(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	p := s.program(t, "all", four...)
	quiet, ada := postgrestest.Organization(t, s.db, "Quiet", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	postgrestest.Organization(t, s.db, "None", uuid.NullUUID{})
	p.call("PATCH", "/organizations/"+quiet.String(), `{"touch_every_days": 30}`).wants(200)
	p.call("POST", "/organizations/"+quiet.String()+"/contacts", `{"contact_id": "`+ada.String()+`", "touch_every_days": 30}`).wants(201)
	for _, list := range []string{"/organizations", "/contacts"} {
		p.call("POST", list+"/"+map[string]string{"/organizations": quiet.String(), "/contacts": ada.String()}[list]+"/interactions", `{"channel": "call", "subject": "Long ago", "happened_at": "2020-01-01T10:00:00Z"}`).wants(201)
		p.get(list+"?touch=any").wants(200).has(nil, 1)
		if id := p.get(list+"?touch=overdue").wants(200).has(nil, 1).text(0, "id"); id != quiet.String() && id != ada.String() {
			t.Errorf("%s: overdue is %s", list, id)
		}
		p.get(list+"?touch=week").wants(200).has(nil, 0)
		p.get(list + "?touch=often").faults("query.touch")
		s.program(t, "all", authz.ViewClient).get(list + "?touch=overdue").faults("query.touch")
	}
	p.get("/organizations?touch=none").wants(200).has("None", 0, "display_name").has(nil, 1)
}
