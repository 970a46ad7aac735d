package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// firmOfThree is a site of several people, with one team.
func firmOfThree(t *testing.T) (s *site, mia *browser, team crm.Team, colleague crm.User) {
	t.Helper()
	s = newSite(t)
	saved, err := postgrestest.System(s.db).CreateTeam(context.Background(), crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	team = crm.Team{ID: saved.ID, Name: "North"}
	for n := range 3 {
		colleague = postgrestest.User(t, s.db, fmt.Sprintf("Colleague-%c", 'A'+n), postgrestest.ID(team.ID), "")
	}
	mia = s.role(t, "manager")
	for _, name := range []string{"Alba", "Brenta", "Calder"} {
		_, err := postgrestest.System(s.db).CreateOrganization(context.Background(),
			crm.Organization{LegalName: name, DisplayName: name, Sector: "Energy", OwnerUserID: postgrestest.ID(colleague.ID)}, uuid.NullUUID{})
		fatal(t, err)
	}
	return s, mia, team, colleague
}

// TestFiltersAndColumnsAreAskedFor: lists do not carry them along, and lose nothing by it.
func TestFiltersAndColumnsAreAskedFor(t *testing.T) {
	t.Parallel()
	_, mia, team, colleague := firmOfThree(t)
	for _, path := range []string{"/organizations", "/contacts", "/interactions"} {
		list := mia.get(path)
		if n := list.doc.Find("main option").Length(); n != 0 {
			t.Errorf("%s carries %d choices along", path, n)
		}
		open := mia.get(list.href("main", "Filter")).wants(http.StatusOK)
		if open.doc.Find("details[open] summary").Text() != "Filter" || !strings.Contains(open.doc.Find("details[open]").Text(), colleague.Name) || !strings.Contains(open.doc.Find("details[open]").Text(), "North") {
			t.Errorf("%s: the link leads to no open panel with everybody in it", path)
		}
		columns := mia.get(list.href("main", "Columns")).wants(http.StatusOK).doc.Find("details[open]")
		if strings.TrimSpace(columns.Find("summary").Text()) != "Columns" || columns.Find("[name=column]").Length() < 5 || columns.Find("form").AttrOr("action", "") != path+"/columns" {
			t.Errorf("%s: the link leads to no open panel of the columns: %s", path, columns.Text())
		}
	}
	for owner, name := range map[string]string{colleague.ID.String(): colleague.Name, "team:" + team.ID.String(): "North", "me": "Me"} {
		at := "/organizations?" + url.Values{"owner": {owner}, "sector": {"Energy"}, "limit": {"2"}}.Encode()
		list := mia.get(at)
		if got := list.doc.Find(".chips").Text(); !strings.Contains(got, "Owner: "+name) {
			t.Errorf("the chip of %s says %q", name, got)
		}
		var sent []string
		list.doc.Find(`main form[role="search"] input[type="hidden"]`).Each(func(_ int, n *goquery.Selection) {
			sent = append(sent, n.AttrOr("name", "")+"="+n.AttrOr("value", ""))
		})
		if got, want := strings.Join(sent, " "), "limit=2 owner="+owner+" sector=Energy"; got != want {
			t.Errorf("a search sends %q along, want %q", got, want)
		}
		open := mia.get(list.href("main", "Filter"))
		if got := open.doc.Find(`select[name="owner"] option[selected]`).AttrOr("value", ""); got != owner {
			t.Errorf("the panel chooses the owner %q, want %q", got, owner)
		}
		if next := open.doc.Find(`main [rel="next"]`).AttrOr("href", ""); strings.Contains(next, "panel") || strings.Contains(next, "2") != (name != "Me") {
			t.Errorf("the next page is %q", next)
		}
	}
	view := mia.get("/organizations?owner="+colleague.ID.String()).saveView("Theirs", "private")
	if got := mia.get("/organizations?view=" + view).doc.Find(".chips").Text(); !strings.Contains(got, "Owner: "+colleague.Name) {
		t.Errorf("opened with a view the chip says %q", got)
	}
}

// TestTheNewOwnerIsAskedFor where the list does not carry the choice along; what was picked is not lost by it.
func TestTheNewOwnerIsAskedFor(t *testing.T) {
	t.Parallel()
	_, mia, _, colleague := firmOfThree(t)
	again := func(a *answer, owner string) *answer {
		form := a.doc.Find(`main form[action="/organizations/bulk"]`)
		var sent []string
		form.Find("input").Each(func(_ int, n *goquery.Selection) { sent = append(sent, n.AttrOr("name", ""), n.AttrOr("value", "")) })
		return mia.post("/organizations/bulk", append(sent, "owner_user_id", owner)...)
	}
	list := mia.get("/organizations")
	asked := list.act("assign", ids(list.boxes("")[:2])...).wants(http.StatusOK)
	asked.has("Give 2 organizations to whom?").lacks("everything that the list finds")
	for owner, fault := range map[string]string{"": "Choose the new owner.", "x": "There is no such user.", uuid.NewString(): "There is no such user."} {
		refused := again(asked, owner).wants(http.StatusUnprocessableEntity)
		if got := strings.TrimSpace(refused.doc.Find("#f-owner_user_id-error").Text()); got != fault {
			t.Errorf("owner %q: the field says %q, want %q", owner, got, fault)
		}
		asked = refused // and goes on from there
	}
	again(asked, "nobody").follow().has("2 records have a new owner.")
	if got := mia.get("/organizations?owner=nobody").names(); got != "Alba Brenta" {
		t.Errorf("nobody owns %q", got)
	}
	all := mia.get("/organizations?select=all").act("assign").wants(http.StatusOK)
	all.has("Give 3 organizations to whom?").has("everything that the list finds")
	again(all, colleague.ID.String()).follow().has("2 records have a new owner.").has("1 was so already")
}
