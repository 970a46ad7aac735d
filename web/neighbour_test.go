package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// from opens a page as a link on another page of the site does.
func (b *browser) from(page, path string) *answer {
	b.t.Helper()
	req := b.request(http.MethodGet, path, nil)
	req.Header.Set("Referer", b.site.server.URL+page)
	return b.do(req).wants(http.StatusOK)
}

// rel returns where the link of this relation leads, "" when there is none.
func (a *answer) rel(rel string) string { return a.doc.Find(`main [rel="`+rel+`"]`).AttrOr("href", "") }

func (a *answer) title() string { return strings.TrimSpace(a.doc.Find("h1").Text()) }

// walk follows a relation to its end and returns the titles of the records passed.
func (a *answer) walk(rel string) string {
	a.b.t.Helper()
	titles := []string{a.title()}
	for range 20 {
		next := a.rel(rel)
		if next == "" {
			break
		}
		a = a.b.get(next).wants(http.StatusOK)
		titles = append(titles, a.title())
	}
	return strings.Join(titles, " ")
}

func TestARecordLeadsToItsNeighboursInTheList(t *testing.T) {
	t.Parallel()
	s, mia := clients(t) // Alba, Brenta (Energy), Calder (Food)
	for _, name := range []string{"Dora", "Elbe"} {
		postgrestest.Organization(t, s.db, name, uuid.NullUUID{})
	}
	for _, tt := range []struct{ list, forth, back string }{
		{"/organizations", "Alba Brenta Calder Dora Elbe", "Elbe Dora Calder Brenta Alba"},
		{"/organizations?limit=2", "Alba Brenta Calder Dora Elbe", "Elbe Dora Calder Brenta Alba"},
		{"/organizations?limit=1", "Alba Brenta Calder Dora Elbe", "Elbe Dora Calder Brenta Alba"},
		{"/organizations?sector=Energy", "Alba Brenta", "Brenta Alba"},
		{"/organizations?sort=-name&limit=2", "Elbe Dora Calder Brenta Alba", "Alba Brenta Calder Dora Elbe"},
		{"/organizations?sort=owner&limit=2", "Alba Brenta Calder Dora Elbe", "Elbe Dora Calder Brenta Alba"}, // walked from person to person
		{"/organizations?q=bren", "Brenta", "Brenta"},
	} {
		list := mia.get(tt.list)
		first := list.doc.Find("td.k a").First().AttrOr("href", "")
		if strings.Contains(first, "?") {
			t.Errorf("a row links to %q, want the bare address", first)
		}
		if got := mia.from(tt.list, first).walk("next"); got != tt.forth {
			t.Errorf("%s: forth %q, want %q", tt.list, got, tt.forth)
		}
		page := tt.list
		for next := list.rel("next"); next != ""; next = mia.get(page).rel("next") {
			page = next
		}
		last := mia.get(page).doc.Find("td.k a").Last().AttrOr("href", "")
		record := mia.from(page, last)
		if got := record.walk("prev"); got != tt.back {
			t.Errorf("%s: back %q, want %q", tt.list, got, tt.back)
		}
		if got := mia.get(record.doc.Find(".crumbs a").AttrOr("href", "")).names(); !strings.Contains(got, record.title()) {
			t.Errorf("%s: the way back leads to %q, where %s is not", tt.list, got, record.title())
		}
	}
}

func TestARecordOpenedOtherwiseHasNoNeighbours(t *testing.T) {
	t.Parallel()
	_, mia := clients(t)
	alba := mia.get("/organizations").doc.Find("td.k a").First().AttrOr("href", "")
	for _, from := range []string{"/", "/contacts", "/search?q=alba", "/organizations/new", "/organizations?sector=Food", "/organizations?sort=charm", "/organizations?after=x", "/organizations?view=" + uuid.NewString()} {
		if a := mia.from(from, alba); a.rel("next")+a.rel("prev") != "" {
			t.Errorf("from %s the record has neighbours", from)
		}
	}
	req := mia.request(http.MethodGet, alba, nil)
	req.Header.Set("Referer", "https://elsewhere.example/organizations")
	if a := mia.do(req).wants(http.StatusOK); a.rel("next") != "" {
		t.Error("another site's page counts as our list")
	}
	for _, in := range []string{"%", "sort=charm", "owner=x", "after=x", "from=yesterday", "view=x", strings.Repeat("a", 5000), "q=%00", "limit=1000"} {
		mia.get(alba + "?in=" + url.QueryEscape(in)).wants(http.StatusOK)
	}
}

func TestNeighboursLieWithinReach(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	olga := s.as(t, "olga", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient))
	for _, name := range []string{"Arno", "Beta", "Zeta"} { // between and after mia's
		postgrestest.Organization(t, s.db, name, postgrestest.ID(olga.user.ID))
	}
	list := "/organizations?status=all"
	arno := olga.get(list).doc.Find("td.k a").First().AttrOr("href", "")
	if got := olga.from(list, arno).walk("next"); got != "Arno Beta Zeta" {
		t.Errorf("olga walks through %q, want her own", got)
	}
	mias := mia.get("/organizations").doc.Find("td.k a").First().AttrOr("href", "")
	olga.get(mias + "?in=").wants(http.StatusNotFound)
}

func TestNeighboursFromAViewAndThroughAForm(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	id := mia.get("/organizations?sector=Energy").saveView("Energy", "private")
	view := "/organizations?view=" + id
	alba := mia.get(view).doc.Find("td.k a").First().AttrOr("href", "")
	record := mia.from(view, alba)
	if got := record.walk("next"); got != "Alba Brenta" {
		t.Errorf("from a view one walks through %q", got)
	}
	if back := mia.get(record.doc.Find(".crumbs a").AttrOr("href", "")); back.tab() != "Energy" || back.offers("Update view") {
		t.Errorf("the way back leads to tab %q", back.tab())
	}
	here := record.rel("next") // carries the list; so does the page that a form on it leads to
	if got := mia.from(here, strings.Split(here, "?")[0]).walk("prev"); got != "Brenta Alba" {
		t.Errorf("after a form one walks through %q", got)
	}
	for i := range 3 {
		c := postgrestest.Contact(t, s.db, "Ann", fmt.Sprint("Person", i), uuid.NullUUID{})
		_, err := postgrestest.System(s.db).LogInteraction(context.Background(), crm.Interaction{
			ContactID: postgrestest.ID(c), Channel: crm.Call, Subject: fmt.Sprint("Call", i), HappenedAt: time.Now().Add(time.Duration(i-9) * time.Hour),
		}, "contact", uuid.NullUUID{})
		fatal(t, err)
	}
	for list, want := range map[string]string{"/contacts?limit=2": "Ann Person0 Ann Person1 Ann Person2", "/interactions?channel=call&limit=2": "Call2 Call1 Call0"} {
		first := mia.get(list).doc.Find("td.k a").First().AttrOr("href", "")
		if got := mia.from(list, first).walk("next"); got != want {
			t.Errorf("%s: %q, want %q", list, got, want)
		}
	}
}
