package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/templates"
)

// rows are the names in a list, in order.
func (a *answer) rows() string {
	return strings.Join(a.doc.Find(".list tbody .name .clip, .list tbody .name[data-disc]").Map(textOf), ", ")
}

// TestFiltersCombineAndComeOff narrows the lists with several filters at once and takes one off again by its chip.
func TestFiltersCombineAndComeOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	team, err := postgrestest.System(s.db).CreateTeam(context.Background(), crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	mate := postgrestest.User(t, s.db, "mate", postgrestest.ID(team.ID), "x", postgrestest.Seeded(t, s.db, "manager"))
	quiet := postgrestest.Organization(t, s.db, "Quiet", postgrestest.ID(mate.ID))
	postgrestest.Organization(t, s.db, "Never", postgrestest.ID(mate.ID))
	busy := postgrestest.Organization(t, s.db, "Busy", postgrestest.ID(b.user.ID))
	ada := postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	postgrestest.Contact(t, s.db, "Ben", "Holm", uuid.NullUUID{})
	b.post("/organizations/"+quiet.String()+"/contacts", "contact_id", ada.String(), "role_label", "CFO", "relationship_status", "Active").wants(http.StatusSeeOther)
	for org, days := range map[uuid.UUID]int{quiet: 100, busy: 2} {
		_, err := postgrestest.System(s.db).LogInteraction(context.Background(), crm.Interaction{
			OrganizationID: postgrestest.ID(org), Channel: crm.Call, Subject: "Call", Outcome: fmt.Sprint("After ", days), HappenedAt: time.Now().AddDate(0, 0, -days),
		}, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
	}
	for path, want := range map[string]string{
		"/organizations?last=over-90": "Quiet", "/organizations?last=within-7": "Busy", "/organizations?last=never": "Never", "/organizations?has_contact=yes": "Quiet",
		"/organizations?owner=team:" + team.ID.String():                                  "Never, Quiet",
		"/organizations?has_contact=no&owner=team:" + team.ID.String() + "&last=never":   "Never",
		"/organizations?sort=last":                                                       "Never, Quiet, Busy",
		"/organizations?sort=-name":                                                      "Quiet, Never, Busy",
		"/organizations?from=" + time.Now().AddDate(0, 0, -1).Format("2006-01-02"):       "Busy, Never, Quiet",
		"/organizations?to=2001-01-01":                                                   "",
		"/contacts?organization=" + quiet.String() + "&role=CFO&relationship=Active":     "Ada Lind",
		"/contacts?organization=" + quiet.String() + "&role=Buyer":                       "",
		"/contacts?email=no&phone=no&last=never":                                         "Ben Holm, Ada Lind",
		"/interactions?outcome=After+2":                                                  "Call",
		"/interactions?sort=-newest&organization=" + quiet.String() + "&outcome=After+2": "",
	} {
		if got := b.get(path).wants(http.StatusOK).rows(); got != want {
			t.Errorf("%s shows %q, want %q", path, got, want)
		}
	}
	page := b.get("/organizations?last=over-90&has_contact=yes&sort=-name").has("Last contact: More than 90 days ago").has("Has a contact: Yes")
	off := page.doc.Find(`.chip a[aria-label*="Last contact"]`).AttrOr("href", "")
	if got := b.get(off).wants(http.StatusOK).rows(); got != "Quiet" || strings.Contains(off, "last=") || !strings.Contains(off, "has_contact=yes") || !strings.Contains(off, "sort=-name") {
		t.Errorf("without the chip %q shows %q", off, got)
	}
	if got := page.doc.Find(`th[aria-sort="descending"]`).Text(); strings.TrimSpace(got) != "Name" {
		t.Errorf("the column sorted by is %q", got)
	}
	if got := b.get(page.href("main", "Filter")).doc.Find(`select[name="last"] option[selected]`).AttrOr("value", ""); got != "over-90" {
		t.Errorf("the form shows last contact %q", got)
	}
}

// TestLastContactDoesNotExistWithoutInteractions: whoever may not see interactions of all their clients has no such
// column, order or filter; asking for them is asking for nothing, or for an order that does not exist.
func TestLastContactDoesNotExistWithoutInteractions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	talks := s.as(t, "talks", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient, authz.ViewInteraction))
	blind := map[string]*browser{
		"no interactions":       s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient)),
		"own interactions only": s.as(t, "short", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient), postgrestest.Role(t, s.db, "own", authz.ViewInteraction)),
	}
	postgrestest.Organization(t, s.db, "Never", uuid.NullUUID{})
	postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	for _, list := range []string{"/organizations", "/contacts"} {
		talks.get(list + "?last=within-7").wants(http.StatusOK).has("Last contact")
		talks.get(list + "?sort=-last").wants(http.StatusOK)
		for name, b := range blind {
			t.Log(name)
			a := b.get(list + "?last=within-7").wants(http.StatusOK).lacks("Last contact")
			if a.rows() == "" {
				t.Errorf("%s, %s: the filter has narrowed the list", name, list)
			}
			for _, sort := range []string{"last", "-last", "next", "nonsense"} {
				b.get(list + "?sort=" + sort).wants(http.StatusUnprocessableEntity)
			}
		}
	}
}

// TestAPlaceBelongsToItsList: a place of another list or order is refused; a record out of reach narrows a list like
// one that does not exist.
func TestAPlaceBelongsToItsList(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	for n := range 3 {
		postgrestest.Organization(t, s.db, fmt.Sprint("Firm ", n), uuid.NullUUID{})
	}
	page := b.get("/organizations?limit=1&sort=owner").wants(http.StatusOK).has("3 organizations")
	next, err := url.Parse(page.doc.Find(`[rel="next"]`).AttrOr("href", ""))
	fatal(t, err)
	after := next.Query().Get("after")
	b.get(next.String()).wants(http.StatusOK).has("3 organizations").has("Firm 1")
	for _, path := range []string{"/organizations?after=", "/organizations?sort=-owner&after=", "/contacts?sort=owner&after=", "/interactions?after="} {
		b.get(path + after).wants(http.StatusUnprocessableEntity)
	}
	mine := s.as(t, "mine", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.ViewInteraction))
	foreign := postgrestest.Organization(t, s.db, "Foreign", postgrestest.ID(b.user.ID))
	for _, path := range []string{"/contacts?organization=%s", "/interactions?organization=%s", "/organizations?owner=team:%s"} {
		there, not := mine.get(fmt.Sprintf(path, foreign)), mine.get(fmt.Sprintf(path, uuid.New()))
		there.wants(http.StatusOK).lacks("Foreign")
		if there.status != not.status || len(there.body) != len(not.body) {
			t.Errorf("%s: a record out of reach answers %d with %d bytes, a missing one %d with %d", path, there.status, len(there.body), not.status, len(not.body))
		}
	}
	for _, query := range []string{"last=over-0", "last=over-99999999999", "last=within", "last=Never", "has_contact=maybe", "owner=none", "owner=team:", "owner=team:x", "channel=fax", "sort=--name", "from=2026-02-30"} {
		list := "/organizations?"
		if strings.HasPrefix(query, "channel") {
			list = "/interactions?"
		}
		b.get(list + query).wants(http.StatusUnprocessableEntity)
	}
}

// TestAListBoxForgivesATypo: where nothing holds what was typed the list shows names written alike, says so, counts
// nothing and offers nothing to be done with rows; only within reach and the other filters.
func TestAListBoxForgivesATypo(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	postgrestest.Organization(t, s.db, "Granvik", postgrestest.ID(b.user.ID))
	postgrestest.Contact(t, s.db, "Anna", "Rossi", postgrestest.ID(b.user.ID))
	other := s.as(t, "other", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient))
	const notice = "No exact match; similar names:"
	for path, want := range map[string]string{"/organizations?q=granwik": "Granvik", "/contacts?q=anna+rozsi": "Anna Rossi"} {
		a := b.get(path).wants(http.StatusOK).has(notice)
		if got := a.rows(); got != want {
			t.Errorf("%s shows %q, want %q", path, got, want)
		}
		if n := a.doc.Find(".count, #selection, input[name=id]").Length(); n > 0 {
			t.Errorf("%s counts, or offers rows to pick", path)
		}
		for _, narrower := range []string{path + "&status=archived", path + "&owner=nobody"} {
			if got := b.get(narrower).wants(http.StatusOK).lacks(notice).rows(); got != "" {
				t.Errorf("%s shows %q", narrower, got)
			}
		}
		if got := other.get(path).wants(http.StatusOK).lacks(notice).rows(); got != "" {
			t.Errorf("%s shows %q to whom it is out of reach", path, got)
		}
	}
	b.get("/organizations?q=granvik").wants(http.StatusOK).lacks(notice)
}

// TestNoHeadLeadsToARefusal follows every head and every order of the menus, both ways, for readers of all reaches. Whoever
// reaches all has an order by every column. Within a wide reach no list is offered by what it would have to gather for, and
// asked for that all the same it says how it is sorted instead.
func TestNoHeadLeadsToARefusal(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	role := func(reach string) uuid.UUID {
		return postgrestest.Role(t, s.db, reach, authz.ViewClient, authz.ViewInteraction)
	}
	all, wide := s.as(t, "all", uuid.NullUUID{}, role("all")), s.as(t, "wide", uuid.NullUUID{}, role("own"))
	conn := postgrestest.Connect(t, s.url)
	for _, b := range []*browser{all, wide} {
		org := postgrestest.Organization(t, s.db, "Firm", postgrestest.ID(b.user.ID))
		postgrestest.Organization(t, s.db, "Another", postgrestest.ID(b.user.ID)) // else the planner takes all owners for rare
		postgrestest.Contact(t, s.db, "Ada", "Lind", postgrestest.ID(b.user.ID))
		_, err := postgrestest.System(s.db).LogInteraction(context.Background(), crm.Interaction{
			OrganizationID: postgrestest.ID(org), Channel: crm.Call, Subject: "Call", HappenedAt: time.Now(),
		}, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
	}
	for _, sql := range []string{`ANALYZE organizations`, `UPDATE pg_class SET reltuples = 1000000 WHERE oid = 'organizations'::regclass`} {
		_, err := conn.Exec(t.Context(), sql)
		fatal(t, err)
	}
	gathered := map[string][]string{"/organizations": nil, "/contacts": {"owner", "role"}, "/interactions": {"author", "with", "attendees"}}
	for list, orders := range gathered {
		for name, b := range map[string]*browser{"all": all, "wide": wide} {
			page := b.get(list + "?cols=" + strings.Join(columnNames(list), ",")).wants(http.StatusOK)
			links := page.doc.Find(`th a.sort, .menu-links a[href*="sort="]`).Map(func(_ int, a *goquery.Selection) string { return a.AttrOr("href", "") })
			still := page.doc.Find(`th:not(:has(a))`).Map(func(_ int, th *goquery.Selection) string { return strings.TrimSpace(th.Text()) })
			if name == "all" && len(still) > 0 || name == "wide" && len(still) != len(orders) {
				t.Errorf("%s of %s: no order by %q", list, name, still)
			}
			for _, link := range links {
				sorted := b.get(link).wants(http.StatusOK)
				head := sorted.doc.Find(`th[aria-sort]`)
				if head.Length() == 0 {
					continue // an order of the menu, by a column that is not shown
				}
				back := b.get(head.Find("a").AttrOr("href", "")).wants(http.StatusOK).doc.Find(`th[aria-sort]`)
				if up, down := head.AttrOr("aria-sort", ""), back.AttrOr("aria-sort", ""); head.Length() != 1 || up == down || back.Text() != head.Text() {
					t.Errorf("%s: %q is %s, and at a press %q is %s", link, head.Text(), up, back.Text(), down)
				}
			}
			for _, order := range orders {
				asked := b.get(list + "?sort=-" + order).wants(http.StatusOK)
				offered := slices.ContainsFunc(links, func(link string) bool { return strings.Contains(link, "sort="+order) })
				if said := strings.Contains(asked.body, "Within your reach this list is too long"); offered != (name == "all") || said != (name == "wide") {
					t.Errorf("%s of %s: sorting by %s is offered: %v, refused with a word: %v", list, name, order, offered, said)
				}
			}
		}
	}
}

// columnNames are the names of all columns of a list.
func columnNames(list string) []string {
	var names []string
	switch list {
	case "/contacts":
		for _, c := range templates.ContactColumns {
			names = append(names, c.Name)
		}
	case "/interactions":
		for _, c := range templates.InteractionColumns {
			names = append(names, c.Name)
		}
	default:
		for _, c := range templates.OrganizationColumns {
			names = append(names, c.Name)
		}
	}
	return names
}

// TestARowIsLight holds what a row of a list adds to a page: fifty of them travel on every visit.
func TestARowIsLight(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	for n := range 12 {
		postgrestest.Organization(t, s.db, fmt.Sprint("Granvik Robotics ", n), postgrestest.ID(b.user.ID))
		postgrestest.Contact(t, s.db, "Giulia", fmt.Sprint("Marchetti ", n), postgrestest.ID(b.user.ID))
	}
	for _, list := range []string{"/organizations", "/contacts"} {
		row := (len(b.get(list+"?limit=11").wants(http.StatusOK).body) - len(b.get(list+"?limit=1").wants(http.StatusOK).body)) / 10
		if row > 720 {
			t.Errorf("%s: a row takes %d bytes, want at most 720", list, row)
		}
	}
}
