package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

func textOf(_ int, s *goquery.Selection) string { return strings.TrimSpace(s.Text()) }

// names lists the records that a list shows, in order.
func (a *answer) names() string {
	a.b.t.Helper()
	a.wants(http.StatusOK)
	return strings.Join(a.doc.Find("td.k .clip, td.k [data-disc]").Map(textOf), " ")
}

// heads lists the columns of a list, in order.
func (a *answer) heads() string { return strings.Join(a.doc.Find(".list th").Map(textOf), " ") }

// offers reports whether the page has a link or a button with these words.
func (a *answer) offers(words string) bool {
	return a.doc.Find("main a.btn, main button").FilterFunction(func(_ int, s *goquery.Selection) bool { return strings.TrimSpace(s.Text()) == words }).Length() > 0
}

// tab is the tab that the page is on.
func (a *answer) tab() string {
	return strings.TrimSpace(a.doc.Find(`.tabs [aria-current]`).Text())
}

// href is where the link with these words leads, "" when there is none.
func (a *answer) href(within, words string) string {
	link := a.doc.Find(within + " a").FilterFunction(func(_ int, s *goquery.Selection) bool { return strings.TrimSpace(s.Text()) == words })
	return link.AttrOr("href", "")
}

// clients is a site with a few organizations and mia, who works with all of them.
func clients(t *testing.T) (*site, *browser) {
	t.Helper()
	s := newSite(t)
	mia := s.role(t, "account_manager")
	for name, sector := range map[string]string{"Alba": "Energy", "Brenta": "Energy", "Calder": "Food"} {
		_, err := postgrestest.System(s.db).CreateOrganization(context.Background(),
			crm.Organization{LegalName: name, DisplayName: name, Sector: sector, OwnerUserID: postgrestest.ID(mia.user.ID)}, uuid.NullUUID{})
		fatal(t, err)
	}
	return s, mia
}

// saveView saves what the page shows by the form that it offers, and returns the view's id.
func (a *answer) saveView(name, shared string) string {
	a.b.t.Helper()
	link := a.href("main", "Save view")
	if link == "" {
		link = a.href("main", "Save as")
	}
	form := a.b.get(link).wants(http.StatusOK)
	saved := a.b.post("/views", "list", form.value("list"), "query", form.value("query"), "columns", form.value("columns"),
		"form_token", form.value("form_token"), "name", name, "shared", shared, "pinned", "1")
	saved.wants(http.StatusSeeOther)
	at, err := url.Parse(saved.to())
	if err != nil || at.Query().Get("view") == "" {
		a.b.t.Fatalf("saving led to %q", saved.to())
	}
	return at.Query().Get("view")
}

func TestSaveViewAppearsOnlyWhenTheListDiffers(t *testing.T) {
	t.Parallel()
	_, mia := clients(t)
	for _, path := range []string{"/organizations", "/organizations?owner=me", "/organizations?status=active", "/organizations?status=all", "/contacts", "/interactions?channel=call"} {
		if a := mia.get(path).wants(http.StatusOK); a.offers("Save view") || a.offers("Update view") {
			t.Errorf("%s offers to save what every list has", path)
		}
	}
	list := mia.get("/organizations?sector=Energy&limit=1")
	id := list.saveView("Energy", "private")
	view := mia.get("/organizations?view=" + id)
	if got := view.names(); got != "Alba Brenta" {
		t.Errorf("the view shows %q", got)
	}
	for _, offer := range []string{"Save view", "Save as", "Update view", "Reset"} {
		if view.offers(offer) {
			t.Errorf("the view as it was saved offers %q", offer)
		}
	}
	if got := view.tab(); got != "Energy" {
		t.Errorf("the tab is %q, want Energy", got)
	}
	if got := strings.TrimSpace(view.doc.Find(".rail .pins").Text()); !strings.HasPrefix(got, "My views") || !strings.HasSuffix(got, "Energy") {
		t.Errorf("the rail shows %q", got)
	}
	// take its one filter off: the list differs, and is not the view again
	off := mia.get(view.doc.Find(".chip a").AttrOr("href", ""))
	if got := off.names(); got != "Alba Brenta Calder" {
		t.Errorf("without its filter the list shows %q", got)
	}
	for _, offer := range []string{"Save as", "Update view", "Reset"} {
		if !off.offers(offer) {
			t.Errorf("a list that differs from its view does not offer %q", offer)
		}
	}
	if got := mia.get(off.href("main", "Reset")).names(); got != "Alba Brenta" {
		t.Errorf("Reset leads to %q", got)
	}
	if got := mia.get(off.href(".tabs", "All active")).tab(); got != "All active" {
		t.Errorf("the first tab leads to %q", got)
	}
}

func TestUpdateAndDeleteAView(t *testing.T) {
	t.Parallel()
	_, mia := clients(t)
	id := mia.get("/organizations?sector=Energy").saveView("Mine", "private")
	changed := mia.get("/organizations?sector=Food&base=" + id)
	form := changed.doc.Find(`form[action="/views/` + id + `"]`)
	var fields []string
	form.Find("input").Each(func(_ int, s *goquery.Selection) {
		fields = append(fields, s.AttrOr("name", ""), s.AttrOr("value", ""))
	})
	if got := mia.post("/views/"+id, fields...).follow().names(); got != "Calder" {
		t.Errorf("after the update the view shows %q", got)
	}
	if got := mia.post("/views/"+id, fields...).wants(http.StatusConflict); !strings.Contains(got.text(), "Mine") {
		t.Errorf("a second update from the same page: %s", got.text())
	}
	edit := mia.get("/views/" + id).wants(http.StatusOK)
	fields = []string{"version", edit.value("version"), "query", edit.value("query"), "columns", "", "shared", "everyone"}
	mia.post("/views/"+id, append(fields, "name", "")...).wants(http.StatusUnprocessableEntity).has("Enter a name for the view.")
	mia.post("/views/"+id, append(fields, "name", "Food & drink")...).follow().has("View saved.")
	gone := mia.post("/views/" + id + "/delete").follow().has("View deleted.")
	mia.get("/organizations?view=" + id).wants(http.StatusNotFound)
	undo := gone.doc.Find(".toast form").AttrOr("action", "")
	mia.post(undo).follow().has("Taken back.")
	if got := mia.get("/organizations?view=" + id).tab(); got != "Food & drink" {
		t.Errorf("undone, the tab is %q", got)
	}
}

func TestASharedViewRunsAsItsReader(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	own := s.as(t, "olga", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient))
	postgrestest.Organization(t, s.db, "Olga's", postgrestest.ID(own.user.ID))
	shared := mia.get("/organizations?owner=me&sort=newest").saveView("My newest", "everyone")
	private := mia.get("/organizations?sector=Food").saveView("Secret plans", "private")
	view := own.get("/organizations?view=" + shared)
	if got := view.names(); got != "Olga's" {
		t.Errorf("in a shared view olga sees %q, want her own", got)
	}
	if view.offers("Update view") || view.offers("Rename or share") || view.offers("Delete the view") {
		t.Error("somebody else's view offers to change it")
	}
	own.get("/organizations?view=" + private).wants(http.StatusNotFound).lacks("Secret")
	own.get("/views/" + private).wants(http.StatusNotFound)
	own.get("/organizations").lacks("Secret")
	for _, path := range []string{"", "/delete"} {
		own.post("/views/"+shared+path, "version", "1", "name", "x", "shared", "everyone").wants(http.StatusForbidden).has("Missing permission: ManageUsers")
		own.post("/views/"+private+path, "version", "1", "name", "x").wants(http.StatusNotFound)
	}
	for _, path := range []string{"/pin", "/unpin", "/default", "/default/drop"} {
		own.post("/views/" + private + path).wants(http.StatusNotFound)
	}
	own.post("/views/" + shared + "/pin").follow().has("Pinned.")
	if got := strings.TrimSpace(own.get("/").doc.Find(".rail .pins").Text()); !strings.HasPrefix(got, "Shared views") {
		t.Errorf("olga's rail shows %q", got)
	}
	own.post("/views", "list", "interactions", "name", "x", "shared", "private").wants(http.StatusForbidden).has("Missing permission: ViewInteraction")
	own.get("/views/new?list=users").wants(http.StatusNotFound)
}

func TestTheListOpensWithOnesDefaultView(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	id := mia.get("/organizations?sector=Energy").saveView("Energy", "everyone")
	if got := mia.get("/organizations").names(); got != "Alba Brenta Calder" {
		t.Errorf("without a default the list shows %q", got)
	}
	mia.post("/views/" + id + "/default").wants(http.StatusSeeOther)
	opened := mia.get("/organizations")
	if opened.status != http.StatusSeeOther || opened.to() != "/organizations?view="+id {
		t.Errorf("got status %d to %q", opened.status, opened.to())
	}
	all := mia.get(opened.follow().href(".tabs", "All active"))
	if got := all.names(); got != "Alba Brenta Calder" || all.tab() != "All active" || all.offers("Save view") {
		t.Errorf("the tab of all shows %q on tab %q", got, all.tab())
	}
	if got := mia.get(mia.get(all.href(".tabs", "Mine")).href(".tabs", "All active")).names(); got != "Alba Brenta Calder" {
		t.Errorf("from tab to tab the list is %q", got)
	}
	chipless := mia.get(mia.get("/organizations?view=all&sector=Food").doc.Find(".chip a").AttrOr("href", ""))
	if got := chipless.names(); got != "Alba Brenta Calder" {
		t.Errorf("without its last filter the list is %q: the default view again?", got)
	}
	if got := s.role(t, "viewer").get("/organizations").names(); got != "Alba Brenta Calder" {
		t.Errorf("somebody else's list opens with %q", got)
	}
	mia.post("/views/" + id + "/default/drop").wants(http.StatusSeeOther)
	mia.get("/organizations").wants(http.StatusOK)
	mia.post("/views/" + id + "/default").wants(http.StatusSeeOther)
	mia.post("/views/" + id + "/delete").follow().wants(http.StatusOK)
}

func TestAViewOpensWithWhatStillHolds(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	saved, err := s.db.As(postgrestest.Actor(mia.user, authz.All, authz.ViewClient, authz.ViewInteraction), postgres.Origin{}).CreateView(context.Background(),
		crm.SavedView{List: crm.OrganizationList, Name: "Old", Query: "owner=team-north&sector=Energy&sort=charm&%zz=1"}, false, uuid.NullUUID{})
	fatal(t, err)
	a := mia.get("/organizations?view=" + saved.ID.String())
	if got := a.names(); got != "Alba Brenta" {
		t.Errorf("it shows %q, want what sector still says", got)
	}
	a.has("which was left out").has("owner: team-north").has("sort: charm")
	mia.get("/organizations?sort=charm").wants(http.StatusUnprocessableEntity)
	for _, path := range []string{"?view=x", "?view=" + uuid.NewString(), "?view=%00"} {
		mia.get("/organizations" + path).wants(http.StatusNotFound)
	}
	for _, path := range []string{"?base=x", "?base=" + uuid.NewString(), "?cols=,,,", "?cols=name,name,nonsense,sector", "?cols=" + strings.Repeat("a,", 4000)} {
		mia.get("/organizations" + path).wants(http.StatusOK)
	}
}

func TestColumns(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	if got := mia.get("/organizations").heads(); !strings.HasPrefix(got, "Name Main contact Sector Size Owner") {
		t.Errorf("the usual columns are %q", got)
	}
	before := mia.get("/organizations").heads()
	if got := mia.get("/organizations?cols=sector,tax_id,nonsense,sector").heads(); got != "Name Sector Tax ID" {
		t.Errorf("asked for by the address: %q", got)
	}
	silent := s.as(t, "silent", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient))
	if got := silent.get("/organizations?cols=last,sector").heads(); got != "Name Sector" {
		t.Errorf("without ViewInteraction: %q, want no last contact", got)
	}
	if got := mia.get("/organizations?cols=last,sector").heads(); got != "Name Last contact Sector" {
		t.Errorf("with it: %q", got)
	}
	chosen := mia.post("/organizations/columns", "column", "owner", "column", "sector", "column", "nonsense",
		"place_owner", "2", "place_sector", "1", "state", "sector=Energy").follow()
	if got := chosen.heads(); got != "Name Sector Owner" || chosen.names() != "Alba Brenta" {
		t.Errorf("after choosing: %q of %q", got, chosen.names())
	}
	if got := mia.get("/organizations").heads(); got != "Name Sector Owner" {
		t.Errorf("remembered: %q", got)
	}
	if got := s.role(t, "viewer").get("/organizations").heads(); got != before {
		t.Errorf("somebody else's columns: %q", got)
	}
	if got := mia.post("/organizations/columns", "place_owner", "x").follow().heads(); got != "Name" {
		t.Errorf("all hidden: %q", got)
	}
	if got := mia.post("/organizations/columns", "usual", "1").follow().heads(); got != before {
		t.Errorf("the usual ones again: %q, want %q", got, before)
	}
	// in a view they make the list differ, and are not remembered beside it
	id := mia.get("/organizations?sector=Energy").saveView("Energy", "private")
	inView := mia.post("/organizations/columns", "column", "size", "state", "sector=Energy&base="+id).follow()
	if got := inView.heads(); got != "Name Size" || !inView.offers("Update view") {
		t.Errorf("columns in a view: %q; it can be updated: %v", got, inView.offers("Update view"))
	}
	if got := mia.get("/organizations").heads(); got != before {
		t.Errorf("columns of a view were remembered for the list: %q", got)
	}
	wide := inView.saveView("Sizes", "private")
	if got := mia.get("/organizations?view=" + wide).heads(); got != "Name Size" {
		t.Errorf("a view's own columns: %q", got)
	}
	s.role(t, "viewer").post("/interactions/columns", "column", "with").wants(http.StatusSeeOther)
	s.as(t, "nobody", uuid.NullUUID{}).post("/interactions/columns").wants(http.StatusForbidden)
}
