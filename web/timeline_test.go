package web_test

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/google/uuid"
)

// TestTimelineHasParts is about the chips of a record's timeline: addresses that show a part, each to its end.
func TestTimelineHasParts(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	path := "/organizations/" + org
	for n := range 25 {
		b.post(path+"/interactions", "channel", []string{"call", "email", "call"}[n%3], "subject", fmt.Sprintf("talk %02d", n), "happened_at", fmt.Sprintf("2026-05-%02dT10:00", n+1)).wants(http.StatusSeeOther)
	}
	b.post(path, "version", "1", "legal_name", "Granvik", "display_name", "Granvik", "sector", "Ships", "tax_id", "1").wants(http.StatusSeeOther)

	all := b.get(path).wants(http.StatusOK)
	if n := all.doc.Find(`#timeline a[href^="/interactions/"]`).Length(); n != 20 {
		t.Errorf("%d interactions, want 20", n)
	}
	if got := strings.Join(strings.Fields(all.doc.Find("#timeline .folded summary").First().Text()), " "); !strings.Contains(got, "1 change by ") || !strings.Contains(got, "Sector, Tax ID") {
		t.Errorf("the changes of a day fold into %q", got)
	}
	if got := all.doc.Find("#timeline .kinds [aria-current]").Text(); got != "All" {
		t.Errorf("the part in force is %q", got)
	}
	calls := b.get(path + "?timeline=calls").wants(http.StatusOK)
	if n := calls.doc.Find(`#timeline .feed li`).Length(); n != 17 || calls.doc.Find("#timeline .folded").Length() > 0 || calls.doc.Find(".kinds [aria-current]").Text() != "Calls" {
		t.Errorf("%d calls, want 17 and nothing else", n)
	}
	if got := b.get(path + "?timeline=meetings").wants(http.StatusOK).doc.Find("#timeline").Text(); !strings.Contains(got, "No meetings logged yet") {
		t.Errorf("a part of nothing says %q", got)
	}
	if got := b.get(path + "?timeline=changes").wants(http.StatusOK).doc.Find("#timeline .feed").Text(); !strings.Contains(got, "Ships") || strings.Contains(got, "talk") {
		t.Errorf("the changes are %q", got)
	}
	older := all.doc.Find(`#timeline [rel="next"]`).AttrOr("href", "")
	second := b.get(older).wants(http.StatusOK)
	if n := second.doc.Find(`#timeline a[href^="/interactions/"]`).Length(); n != 5 || second.doc.Find(`#timeline [rel="next"]`).Length() > 0 {
		t.Errorf("the second page has %d interactions, want the last 5", n)
	}
	for _, wrong := range []string{"?timeline=x", "?timeline=call", "?timeline=calls&after=x", "?after=eyJsIjoiIn0", strings.Replace(older, path, "", 1)[:40]} {
		b.get(path + wrong).wants(http.StatusUnprocessableEntity)
	}
	other := postgrestest.Organization(t, s.db, "Zeta", uuid.NullUUID{}).String()
	b.get(strings.Replace(older, org, other, 1)).wants(http.StatusUnprocessableEntity) // a place in another timeline
	b.get("/contacts/" + postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{}).String() + "?timeline=notes").wants(http.StatusOK).has("No notes logged yet")
}

// TestTimelineWithoutInteractions is for who sees clients, but not what was said.
func TestTimelineWithoutInteractions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	org := "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	s.role(t, "manager").post(org+"/interactions", "channel", "call", "subject", "Secret", "next_title", "Hush", "next_in", "1w").wants(http.StatusSeeOther)
	b := s.as(t, "vera", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient))
	for _, path := range []string{org, org + "?timeline=changes"} {
		a := b.get(path).wants(http.StatusOK).has("Created the organization")
		if got := a.doc.Find(".kinds a").Text(); got != "Changes" || strings.Contains(a.doc.Text(), "Secret") || strings.Contains(a.doc.Text(), "Hush") {
			t.Errorf("%s offers %q", path, got)
		}
	}
	b.get(org + "?timeline=calls").wants(http.StatusForbidden).has("Missing permission: ViewInteraction")
}

// TestLogBoxIsFolded until it holds something: nothing that was sent is out of sight.
func TestLogBoxIsFolded(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	if n := b.get(org).doc.Find(`#log details:not([open]) [name="outcome"]`).Length(); n != 1 {
		t.Errorf("the box of a record is not folded")
	}
	for _, sent := range [][]string{{"outcome", "Resolved"}, {"duration_minutes", "soon"}, {"direction", "in"}, {"done_follow_up", "x"}, {"attendee_id", "x"}} {
		a := b.post(org+"/interactions", append([]string{"channel", "call", "subject", ""}, sent...)...).wants(http.StatusUnprocessableEntity)
		if a.doc.Find("#log .box-more[open]").Length() != 1 {
			t.Errorf("%s is out of sight", sent[0])
		}
	}
}

// TestWhoSees leads from the head of a record to who sees it and why.
func TestWhoSees(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", postgrestest.ID(b.user.ID)).String()
	b.get(b.get(org).doc.Find(".who-sees").AttrOr("href", "")).wants(http.StatusOK).has(b.user.Name).has("(you)").has("Owns the record")
	stranger := s.as(t, "stranger", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient))
	stranger.get(org + "/access").wants(http.StatusNotFound)
}

// TestOurWordsAreStoredInEnglish is about suggested words in Italian: shown so, understood so, stored as for everyone.
func TestOurWordsAreStoredInEnglish(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	ugo, ann := s.role(t, "manager"), s.role(t, "account_manager")
	ugo.post("/account", "name", "Ugo", "language", "it").wants(http.StatusSeeOther)
	id := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}).String()
	org, ada := "/organizations/"+id, postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{}).String()
	ugo.post(org+"/interactions", "channel", "call", "subject", "A", "outcome", "Risolto").wants(http.StatusSeeOther)
	ugo.post(org+"/interactions", "channel", "call", "subject", "B", "outcome", "Forse domani").wants(http.StatusSeeOther)
	ugo.post(org+"/contacts", "contact_id", ada, "role_label", "Titolare", "relationship_status", "Ex").wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT string_agg(outcome, ', ' ORDER BY subject) || ' ' || (SELECT role_label || ' ' || relationship_status FROM organization_contact) FROM interactions`); got != "Resolved, Forse domani Owner Former" {
		t.Errorf("stored is %q", got)
	}
	ugo.get(org).has("Risolto").has("Forse domani").has("Titolare")
	ann.get(org).has("Resolved").has("Forse domani").has("Owner")
	for _, b := range []*browser{ugo, ann} {
		for _, word := range []string{"Risolto", "Resolved"} {
			if got := b.get("/interactions?outcome=" + word).wants(http.StatusOK).rows(); !strings.Contains(got, "A") || strings.Contains(got, "B") {
				t.Errorf("?outcome=%s finds %q", word, got)
			}
		}
	}
	form := ugo.get(org + "/contacts/" + ada + "/edit")
	if role, status := form.value("role_label"), form.value("relationship_status"); role != "Titolare" || status != "Ex" {
		t.Errorf("the form shows %q and %q", role, status)
	}
	ugo.post(org+"/contacts/"+ada, "version", form.value("version"), "role_label", "Titolare", "relationship_status", "Ex").wants(http.StatusSeeOther)
	if n := query[int](t, s, `SELECT version FROM organization_contact`); n != 1 {
		t.Error("a form sent back as it was shown changed something")
	}
	refused := ugo.post(org+"/interactions", "channel", "call", "subject", "", "outcome", "Nessuna risposta").wants(http.StatusUnprocessableEntity)
	if got := refused.value("outcome"); got != "Nessuna risposta" {
		t.Errorf("refused, the outcome came back as %q", got)
	}
}
