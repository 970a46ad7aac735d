package web_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// Six implementations of this registry exist on other stacks. TestConformance walks what each of them shows, by
// the name of its stack, so that anyone can see that ours does what theirs does: three on the pages, three on
// the API.
func TestConformance(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	for system, offers := range map[string][]offer{
		"Laravel": {
			{"the list has the 50 active organizations that come first by display name", r.listsFiftyByName},
			{"the detail page has the 20 latest interactions", r.detailHasTwentyLatest},
			{"each page checks its own permission", r.pagesCheckPermissions},
			{"fields are validated, with limits of length", r.fieldsAreValidated},
			{"a flash says that an interaction was logged", r.loggingFlashes},
		},
		"Django": {
			{"logging has a page of its own, whose time defaults to now", r.logPageDefaultsToNow},
			{"a channel is one of four choices", r.channelIsAChoice},
			{"a website must be a web address", r.websiteIsAnAddress},
			{"an admin can edit every entity", r.adminEditsEverything},
		},
		"Drupal": {
			{"pages are gated by permissions", r.pagesCheckPermissions},
			{"a user configures the list in the browser", r.listIsConfigured},
			{"the full view embeds the 20 latest interactions", r.detailHasTwentyLatest},
		},
		"Spring Boot": {
			{"the API is JSON under /api/crm, its list a bare array", r.apiLists},
			{"each endpoint needs its authority", r.apiNeedsAuthorities},
			{"what does not exist is 404", r.apiMissingIs404},
			{"the detail is {organization, interactions}", r.apiDetail},
			{"a change leaves its row in the audit log", r.apiAudits},
		},
		"ASP.NET Core": {
			{"callers carry a bearer token; nobody else is let in", r.apiNeedsBearer},
			{"policies guard the endpoints", r.apiNeedsAuthorities},
			{"the caller becomes the interaction's user_id", r.apiLogsAsCaller},
		},
		"Node/Express": {
			{"creating answers 201", r.apiCreates},
			{`a refusal is 403 {"error":"Missing permission: …"}`, r.apiNamesMissing},
		},
	} {
		t.Run(system, func(t *testing.T) {
			for _, o := range offers {
				t.Run(o.what, func(t *testing.T) { o.check(t) })
			}
		})
	}
}

// offer is one thing that another implementation shows.
type offer struct {
	what  string
	check func(*testing.T)
}

// registry is a register with enough in it to page through: 60 active organizations, some archived ones, and one
// with 25 interactions.
type registry struct {
	site    *site
	manager *browser
	viewer  *browser // ViewClient and ViewInteraction
	nobody  *browser // signed in, without a permission
	org     string   // path of the organization with the interactions
	contact string   // path of its contact
	latest  []string // paths of its interactions, the latest first
}

func newRegistry(t *testing.T) *registry {
	t.Helper()
	s := newSite(t)
	r := &registry{site: s, manager: s.role(t, "manager"), viewer: s.role(t, "viewer"), nobody: s.as(t, "nobody", uuid.NullUUID{})}
	for i := range 60 { // made in an order that is not the names'
		postgrestest.Organization(t, s.db, fmt.Sprintf("Firm %02d", i*7%60), uuid.NullUUID{})
	}
	for i := range 3 {
		id := postgrestest.Organization(t, s.db, fmt.Sprintf("Aa archived %d", i), uuid.NullUUID{})
		r.manager.post("/organizations/" + id.String() + "/archive").wants(http.StatusSeeOther)
	}
	r.org = "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	r.contact = "/contacts/" + postgrestest.Contact(t, s.db, "Lars", "Lindqvist", uuid.NullUUID{}).String()
	r.manager.post(r.org+"/contacts", "contact_id", idIn(r.contact), "role_label", "CFO").wants(http.StatusSeeOther)
	for i := range 25 {
		at := time.Date(2026, 10, 1+i, 9, 0, 0, 0, time.UTC).Format(time.RFC3339)
		r.manager.post(r.org+"/interactions", "channel", "call", "subject", fmt.Sprintf("Call %02d", i), "happened_at", at).wants(http.StatusSeeOther)
	}
	all := r.manager.get("/interactions?organization=" + idIn(r.org)).wants(http.StatusOK)
	r.latest = hrefs(all.doc.Selection, "/interactions/")
	if len(r.latest) != 25 {
		t.Fatalf("%d interactions, want 25:\n%s", len(r.latest), all.text())
	}
	return r
}

func idIn(path string) string { return path[strings.LastIndex(path, "/")+1:] }

var recordPath = regexp.MustCompile(`^/[a-z]+/[0-9a-f]{8}-[0-9a-f-]{27}$`)

// hrefs returns the records under prefix that a page links to, each once, in order.
func hrefs(in *goquery.Selection, prefix string) []string {
	var found []string
	in.Find(`a[href^="` + prefix + `"]`).Each(func(_ int, a *goquery.Selection) {
		if href := a.AttrOr("href", ""); recordPath.MatchString(href) && !slices.Contains(found, href) {
			found = append(found, href)
		}
	})
	return found
}

func (r *registry) listsFiftyByName(t *testing.T) {
	page := r.viewer.on(t).get("/organizations").wants(http.StatusOK)
	rows := page.doc.Find("tbody tr")
	if rows.Length() != 50 {
		t.Errorf("%d rows, want 50", rows.Length())
	}
	for i := range 50 {
		if want := fmt.Sprintf("Firm %02d", i); !strings.Contains(rows.Eq(i).Text(), want) {
			t.Errorf("row %d is %q, want %s", i, spaces.ReplaceAllString(rows.Eq(i).Text(), " "), want)
		}
	}
	page.lacks("archived 1")
	if len(hrefs(rows, "/organizations/")) != 50 {
		t.Error("not every row leads to its organization")
	}
	next := page.doc.Find(`a[rel="next"]`).AttrOr("href", "")
	if rest := r.viewer.on(t).get(next).wants(http.StatusOK).doc.Find("tbody tr").Length(); rest != 11 {
		t.Errorf("the next page has %d rows, want 11", rest)
	}
}

func (r *registry) detailHasTwentyLatest(t *testing.T) {
	page := r.viewer.on(t).get(r.org).wants(http.StatusOK).has("Granvik").has("Lars Lindqvist").has("CFO")
	if got := hrefs(page.doc.Selection, "/interactions/"); !slices.Equal(got, r.latest[:20]) {
		t.Errorf("the page links to %v, want the 20 latest, %v", got, r.latest[:20])
	}
}

func (r *registry) pagesCheckPermissions(t *testing.T) {
	for path, missing := range map[string]string{
		"/organizations": "ViewClient", r.org: "ViewClient", r.org + "/edit": "ViewClient", "/organizations/new": "EditClient",
		"/contacts": "ViewClient", r.contact: "ViewClient", "/interactions": "ViewInteraction", r.latest[0]: "ViewInteraction",
		r.org + "/interactions/new": "ViewClient", "/admin/users": "ManageUsers", "/admin/audit": "ViewAudit",
	} {
		r.nobody.on(t).get(path).wants(http.StatusForbidden).has("Missing permission: " + missing).lacks("Granvik")
		if to := r.site.browser(t).get(path).wants(http.StatusSeeOther).to(); !strings.HasPrefix(to, "/login?next=") {
			t.Errorf("%s leads somebody who is not signed in to %s", path, to)
		}
	}
	viewer := r.viewer.on(t)
	viewer.get(r.org + "/edit").wants(http.StatusForbidden).has("Missing permission: EditClient")
	viewer.post(r.org+"/interactions", "channel", "call", "subject", "x").wants(http.StatusForbidden).has("Missing permission: EditInteraction")
}

func (r *registry) fieldsAreValidated(t *testing.T) {
	for field, longest := range map[string]int{"legal_name": 200, "display_name": 160, "sector": 80, "size_band": 40, "tax_id": 50} {
		form := map[string]string{"legal_name": "Long", "display_name": "Long"}
		form[field] = strings.Repeat("é", longest+1)
		a := r.manager.on(t).post("/organizations", flat(form)...).wants(http.StatusUnprocessableEntity)
		if a.value(field) != form[field] {
			t.Errorf("%s did not come back as typed", field)
		}
		form[field] = strings.Repeat("é", longest)
		r.manager.on(t).post("/organizations", flat(form)...).follow().has(strings.Repeat("é", longest))
	}
	r.manager.on(t).post("/organizations", "legal_name", "", "display_name", " ").wants(http.StatusUnprocessableEntity).has("Enter the legal name.")
	r.manager.on(t).post(r.org+"/interactions", "channel", "call", "subject", strings.Repeat("x", 201)).wants(http.StatusUnprocessableEntity)
	r.archiveAll(t, "é", "Long")
}

// archiveAll takes what a check made off the list of active organizations.
func (r *registry) archiveAll(t *testing.T, queries ...string) {
	t.Helper()
	for _, q := range queries {
		for _, path := range hrefs(r.manager.on(t).get("/organizations?q="+q).doc.Find("tbody"), "/organizations/") {
			if path != r.org {
				r.manager.on(t).post(path + "/archive").wants(http.StatusSeeOther)
			}
		}
	}
}

func flat(form map[string]string) []string {
	var fields []string
	for name, value := range form {
		fields = append(fields, name, value)
	}
	return fields
}

func (r *registry) loggingFlashes(t *testing.T) {
	a := r.manager.on(t).post(r.contact+"/interactions", "channel", "email", "subject", "Offer sent").follow().has("Interaction logged.").has("Offer sent")
	if strings.Contains(r.manager.on(t).get(a.requested).text(), "Interaction logged.") {
		t.Error("the flash is shown twice")
	}
}

func (r *registry) logPageDefaultsToNow(t *testing.T) {
	for _, path := range []string{r.org, r.contact} {
		page := r.manager.on(t).get(path + "/interactions/new").wants(http.StatusOK)
		at, err := time.Parse("2006-01-02T15:04", page.value("happened_at"))
		if off := time.Since(at); err != nil || off < -2*time.Minute || off > 2*time.Minute {
			t.Errorf("%s: the time is %q (%v), want now", path, page.value("happened_at"), err)
		}
	}
}

func (r *registry) channelIsAChoice(t *testing.T) {
	page := r.manager.on(t).get(r.org + "/interactions/new").wants(http.StatusOK)
	for _, channel := range []string{"call", "email", "meeting", "note"} {
		if page.doc.Find(`[name="channel"][value="`+channel+`"], [name="channel"] option[value="`+channel+`"]`).Length() == 0 {
			t.Errorf("no choice for %s", channel)
		}
	}
	for _, wrong := range []string{"", "fax", "CALL"} {
		r.manager.on(t).post(r.org+"/interactions", "channel", wrong, "subject", "Wrong channel").wants(http.StatusUnprocessableEntity)
	}
	r.manager.on(t).get("/interactions?q=Wrong").lacks("Wrong channel</a>")
}

func (r *registry) websiteIsAnAddress(t *testing.T) {
	for _, wrong := range []string{"javascript:alert(1)", "http://", "data:text/html,x", "not a website"} {
		r.manager.on(t).post("/organizations", "legal_name", "Site", "display_name", "Site", "website", wrong).wants(http.StatusUnprocessableEntity)
	}
	r.manager.on(t).post("/organizations", "legal_name", "Site", "display_name", "Site", "website", "https://granvik.example/a").follow().has("granvik.example")
	r.archiveAll(t, "Site")
}

func (r *registry) adminEditsEverything(t *testing.T) {
	admin := r.site.role(t, "admin")
	pages := []string{r.org + "/edit", r.contact + "/edit", r.latest[0] + "/edit", r.org + "/contacts/" + idIn(r.contact) + "/edit"}
	for _, list := range []string{"/admin/users", "/admin/roles"} {
		pages = append(pages, hrefs(admin.get(list).wants(http.StatusOK).doc.Find("tbody"), list+"/")...)
	}
	admin.post("/admin/teams", "name", "North").wants(http.StatusSeeOther)
	pages = append(pages, admin.get("/admin/teams").doc.Find(`a[href^="/admin/teams/"]`).First().AttrOr("href", ""))
	for _, path := range pages {
		if admin.get(path).wants(http.StatusOK).doc.Find(`main form[method="post"] [name="version"]`).Length() == 0 {
			t.Errorf("%s has no form to edit it", path)
		}
	}
}

func (r *registry) listIsConfigured(t *testing.T) {
	b := r.viewer.on(t)
	page := b.get("/organizations").wants(http.StatusOK)
	open := b.get(page.href("main", "Filter")).wants(http.StatusOK)
	for _, name := range []string{"q", "sector", "size", "owner", "status"} {
		if open.doc.Find(`form [name="`+name+`"], a[href*="`+name+`="]`).Length() == 0 {
			t.Errorf("the list has no control for %s", name)
		}
	}
	b.get("/organizations?status=archived").has("Aa archived 1").lacks("Firm 01")
	if first := b.get("/organizations?sort=-name").wants(http.StatusOK).doc.Find("tbody tr").First().Text(); !strings.Contains(first, "Granvik") {
		t.Errorf("sorted backwards the list begins with %q", first)
	}
}

// on returns the browser for a sub-test of its own.
func (b *browser) on(t testing.TB) *browser {
	c := *b
	c.t = t
	return &c
}

// The rest speaks to the API.

func (r *registry) program(t *testing.T, permissions ...authz.Permission) *program {
	t.Helper()
	return r.site.program(t, "all", permissions...)
}

func (r *registry) apiLists(t *testing.T) {
	first := r.program(t, authz.ViewClient).get("/organizations").wants(http.StatusOK)
	list, _ := first.json.([]any)
	if len(list) != 50 || first.at(0, "display_name") != "Firm 00" || first.at(49, "display_name") != "Firm 49" || first.at(0, "is_active") != true {
		t.Errorf("%d organizations: %s", len(list), first.raw)
	}
	if !strings.Contains(first.header.Get("Link"), `rel="next"`) {
		t.Errorf("Link: %q leads no further", first.header.Get("Link"))
	}
}

func (r *registry) apiNeedsAuthorities(t *testing.T) {
	none, org, contact, talk := r.program(t), "/organizations/"+idIn(r.org), "/contacts/"+idIn(r.contact), "/interactions/"+idIn(r.latest[0])
	none.t = t
	for call, missing := range map[[2]string]string{
		{"GET", "/organizations"}: "ViewClient", {"GET", org}: "ViewClient", {"POST", "/organizations"}: "EditClient", {"PATCH", org}: "ViewClient",
		{"POST", "/contacts"}: "EditClient", {"PATCH", contact}: "ViewClient", {"POST", org + "/contacts"}: "ViewClient",
		{"POST", org + "/interactions"}: "ViewClient", {"POST", contact + "/interactions"}: "ViewClient", {"GET", talk}: "ViewInteraction",
	} {
		body := ""
		if call[0] != http.MethodGet {
			body = `{}`
		}
		if got := none.call(call[0], call[1], body).wants(http.StatusForbidden).at("error"); got != "Missing permission: "+missing {
			t.Errorf("%v: %v, want %s", call, got, missing)
		}
	}
}

func (r *registry) apiMissingIs404(t *testing.T) {
	p := r.program(t, four...)
	for _, path := range []string{"/organizations/" + uuid.NewString(), "/interactions/" + uuid.NewString(), "/nothing"} {
		p.get(path).wants(http.StatusNotFound)
	}
}

func (r *registry) apiDetail(t *testing.T) {
	d := r.program(t, authz.ViewClient, authz.ViewInteraction).get("/organizations/" + idIn(r.org)).wants(http.StatusOK)
	if d.at("organization", "display_name") != "Granvik" || d.at("contacts", 0, "role_label") != "CFO" || d.at("interactions", 20) != nil {
		t.Fatalf("got %s", d.raw)
	}
	for i, path := range r.latest[:20] {
		if d.at("interactions", i, "id") != idIn(path) {
			t.Errorf("interaction %d is %v, want %s", i, d.at("interactions", i, "id"), path)
		}
	}
}

func (r *registry) apiAudits(t *testing.T) {
	p := r.program(t, four...)
	made := p.call("POST", "/organizations", `{"legal_name": "Zz audited", "display_name": "Zz audited"}`).wants(http.StatusCreated)
	var n int
	err := postgrestest.Connect(t, r.site.url).QueryRow(t.Context(), `SELECT count(*) FROM audit_logs WHERE action = 'create_org' AND target_id = $1 AND user_id = $2
		AND metadata->>'via' = 'api' AND metadata->>'token' = $3 AND after IS NOT NULL`, made.text("id"), p.user.ID, p.token.Name).Scan(&n)
	if err != nil || n != 1 {
		t.Errorf("%d audit rows, %v", n, err)
	}
	r.archiveAll(t, "Zz")
}

func (r *registry) apiNeedsBearer(t *testing.T) {
	for _, header := range []string{"", "Bearer crm_pat_wrong", "Bearer x", "Basic eDp5"} {
		p := &program{t: t, site: r.site, header: http.Header{}}
		if header != "" {
			p.header.Set("Authorization", header)
		}
		if a := p.get("/organizations").wants(http.StatusUnauthorized); !strings.HasPrefix(a.header.Get("Www-Authenticate"), "Bearer") {
			t.Errorf("%q: WWW-Authenticate is %q", header, a.header.Get("Www-Authenticate"))
		}
	}
	r.manager.on(t).get("/api/crm/organizations").wants(http.StatusUnauthorized) // a cookie is no token
}

func (r *registry) apiLogsAsCaller(t *testing.T) {
	p := r.program(t, four...)
	made := p.call("POST", "/contacts/"+idIn(r.contact)+"/interactions", `{"channel": "note", "subject": "By a program"}`).wants(http.StatusCreated)
	if made.text("user_id") != p.user.ID.String() || made.text("contact_id") != idIn(r.contact) {
		t.Errorf("got %s", made.raw)
	}
	if read := p.get("/interactions/" + made.text("id")).wants(http.StatusOK); read.text("subject") != "By a program" {
		t.Errorf("read back %s", read.raw)
	}
}

func (r *registry) apiCreates(t *testing.T) {
	p := r.program(t, four...)
	p.call("POST", "/organizations", `{"legal_name": "Zz created", "display_name": "Zz created"}`).wants(http.StatusCreated)
	p.call("POST", "/contacts", `{"first_name": "Zoe", "last_name": "Created"}`).wants(http.StatusCreated)
	made := p.call("POST", "/contacts/"+idIn(r.contact)+"/interactions", `{"channel": "call", "subject": "Created"}`).wants(http.StatusCreated)
	if made.text("subject") != "Created" || made.text("channel") != "call" || made.text("happened_at") == "" {
		t.Errorf("got %s", made.raw)
	}
	r.archiveAll(t, "Zz")
}

func (r *registry) apiNamesMissing(t *testing.T) {
	p := r.program(t, authz.ViewClient)
	a := p.call("POST", "/organizations/"+idIn(r.org)+"/interactions", `{"channel": "call", "subject": "x"}`).wants(http.StatusForbidden)
	if got := a.text("error"); got != "Missing permission: EditInteraction" {
		t.Errorf(`"error" is %q`, got)
	}
}
