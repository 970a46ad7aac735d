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

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// rows are the names in a list, in order.
func (a *answer) rows() string {
	return strings.Join(a.doc.Find(".list tbody .name .clip").Map(textOf), ", ")
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
	if got := page.doc.Find(`select[name="last"] option[selected]`).AttrOr("value", ""); got != "over-90" {
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
			for _, sort := range []string{"last", "-last", "nonsense"} {
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
