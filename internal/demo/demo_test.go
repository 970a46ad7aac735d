package demo

import (
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

var now = time.Date(2026, 11, 22, 15, 4, 5, 6, time.UTC) // a Sunday

var firm = sync.OnceValue(func() Data { return Firm(now) })

func TestFirmIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	if diff := cmp.Diff(Firm(now.In(time.FixedZone("", 3600))), firm()); diff != "" {
		t.Errorf("two runs differ:\n%s", diff)
	}
}

// On another day only dates differ: people who come back find the same clients and the same texts.
func TestOnlyDatesDependOnNow(t *testing.T) {
	t.Parallel()
	later := Firm(now.AddDate(0, 3, 3))
	if !cmp.Equal(texts(later), texts(firm())) {
		t.Error("texts change with the date")
	}
	for i, o := range later.Organizations {
		before := firm().Organizations[i]
		o.CreatedAt, o.UpdatedAt = before.CreatedAt, before.UpdatedAt
		if o.TouchSnoozedUntil != "" && before.TouchSnoozedUntil != "" {
			o.TouchSnoozedUntil = before.TouchSnoozedUntil
		}
		if diff := cmp.Diff(before, o); diff != "" {
			t.Fatal(diff)
		}
	}
}

func texts(d Data) map[uuid.UUID]string {
	out := map[uuid.UUID]string{}
	for _, i := range d.Interactions {
		out[i.ID] = i.Subject + "\n" + i.Body
	}
	return out
}

func TestCounts(t *testing.T) {
	t.Parallel()
	d := firm()
	sectors := map[string]bool{}
	for _, o := range d.Organizations {
		sectors[o.Sector] = true
	}
	got := []int{len(d.Teams), len(d.Roles), len(d.Users), len(d.Organizations), len(sectors), len(d.Contacts), len(d.Relationships), len(d.Interactions)}
	want := []int{4, 2, 8, 400, 20, 1200, 1200 + secondLinks, 8000}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestEveryRecordIsValidAndClean(t *testing.T) {
	t.Parallel()
	d := firm()
	checkAll(t, d.Teams, (*crm.Team).Clean)
	checkAll(t, d.Organizations, (*crm.Organization).Clean)
	checkAll(t, d.Contacts, (*crm.Contact).Clean)
	checkAll(t, d.Relationships, (*crm.Relationship).Clean)
	checkAll(t, d.Interactions, (*crm.Interaction).Clean)
	for _, u := range d.Users {
		checkAll(t, []crm.User{u.User}, (*crm.User).Clean)
	}
}

func checkAll[T interface{ Validate() error }](t *testing.T, records []T, clean func(*T)) {
	t.Helper()
	for _, r := range records {
		cleaned := r
		if clean(&cleaned); !reflect.DeepEqual(cleaned, r) {
			t.Errorf("not clean: %s", cmp.Diff(r, cleaned))
		}
		if err := r.Validate(); err != nil {
			t.Errorf("%+v: %v", r, err)
		}
	}
}

func TestNothingIsThereTwice(t *testing.T) {
	t.Parallel()
	d := firm()
	seen := map[string]bool{}
	once := func(kind, value string) {
		t.Helper()
		if seen[kind+value] {
			t.Errorf("%s %q twice", kind, value)
		}
		seen[kind+value] = true
	}
	for _, o := range d.Organizations {
		once("id", o.ID.String())
		once("name", strings.ToLower(o.DisplayName))
		if o.Website != "" {
			once("website", o.Website)
		}
		if o.TaxID != "" {
			once("tax id", o.TaxID)
		}
	}
	for _, c := range d.Contacts {
		once("id", c.ID.String())
		once("email", c.Email)
		if c.Email != strings.ToLower(c.Email) || !strings.HasSuffix(c.Email, ".example") {
			t.Errorf("address %q", c.Email)
		}
	}
	for _, r := range d.Relationships {
		once("link", r.OrganizationID.String()+r.ContactID.String())
	}
	for _, i := range d.Interactions {
		once("id", i.ID.String())
		once("subject at "+i.OrganizationID.UUID.String(), i.Subject)
	}
	for _, u := range d.Users {
		once("id", u.ID.String())
		once("email", u.Email)
	}
}

func TestNoSubjectTwiceOnAPageOfAll(t *testing.T) {
	t.Parallel()
	all := firm().Interactions
	for i := range all {
		for j := i + 1; j < min(len(all), i+100); j++ {
			if all[i].Subject == all[j].Subject {
				t.Errorf("%q at %d and %d", all[i].Subject, i, j)
			}
		}
	}
}

func TestRecordsReferToEachOther(t *testing.T) {
	t.Parallel()
	d := firm()
	known := map[uuid.UUID]bool{}
	for _, o := range d.Organizations {
		known[o.ID] = true
	}
	for _, c := range d.Contacts {
		known[c.ID] = true
	}
	for _, u := range d.Users {
		known[u.ID] = true
	}
	linked := map[[2]uuid.UUID]bool{}
	for _, r := range d.Relationships {
		linked[[2]uuid.UUID{r.OrganizationID, r.ContactID}] = true
		if !known[r.OrganizationID] || !known[r.ContactID] || r.Since.IsZero() || r.Since.After(now) {
			t.Errorf("%+v", r)
		}
	}
	for _, i := range d.Interactions {
		if !known[i.OrganizationID.UUID] || !known[i.UserID.UUID] || i.ContactID.Valid && !linked[[2]uuid.UUID{i.OrganizationID.UUID, i.ContactID.UUID}] {
			t.Errorf("%+v", i)
		}
	}
}

func TestTeamsAndRolesOfUsers(t *testing.T) {
	t.Parallel()
	d := firm()
	teams := map[uuid.UUID]bool{}
	for _, team := range d.Teams {
		if team.ParentID.Valid && !teams[team.ParentID.UUID] {
			t.Errorf("%s stands before its parent", team.Name)
		}
		teams[team.ID] = true
	}
	missing := map[string]bool{"admin": true, "manager": true, "account_manager": true, "viewer": true, "regional_manager": true, "consultant": true}
	for _, u := range d.Users {
		if !teams[u.TeamID.UUID] || len(u.RoleSlugs) == 0 || !strings.HasSuffix(u.Email, "@northgate.example") {
			t.Errorf("%+v", u)
		}
		for _, slug := range u.RoleSlugs {
			delete(missing, slug)
		}
	}
	if len(missing) > 0 {
		t.Errorf("nobody has %v", missing)
	}
}

func TestHoursOfWork(t *testing.T) {
	t.Parallel()
	var last time.Time
	for _, i := range firm().Interactions {
		at := i.HappenedAt
		if at.After(now) || at.Before(now.AddDate(0, 0, -historyDays-4)) || at.Before(last) {
			t.Errorf("%s is out of place", at)
		}
		if d := at.Weekday(); d == time.Saturday || d == time.Sunday || at.Hour() < 7 || at.Hour() > 17 {
			t.Errorf("%s is no working hour", at.Format(time.RFC1123))
		}
		if i.CreatedAt.Before(at) || i.CreatedAt.After(now) {
			t.Errorf("happened %s, logged %s", at, i.CreatedAt)
		}
		last = at
	}
}

func TestNothingHappensBeforeTheClientIsKnown(t *testing.T) {
	t.Parallel()
	d := firm()
	born := map[uuid.UUID]time.Time{}
	for _, o := range d.Organizations {
		born[o.ID] = o.CreatedAt
	}
	for _, c := range d.Contacts {
		born[c.ID] = c.CreatedAt
	}
	for _, i := range d.Interactions {
		if i.HappenedAt.Before(born[i.OrganizationID.UUID]) || i.HappenedAt.Before(born[i.ContactID.UUID]) {
			t.Errorf("%+v", i)
		}
	}
}

func TestSkew(t *testing.T) {
	t.Parallel()
	d := firm()
	byOrg, byOwner, byBand := map[uuid.UUID]int{}, map[uuid.UUID]int{}, map[string]int{}
	for _, i := range d.Interactions {
		byOrg[i.OrganizationID.UUID]++
	}
	archived := 0
	for _, o := range d.Organizations {
		byOwner[o.OwnerUserID.UUID]++
		byBand[o.SizeBand]++
		if !o.IsActive {
			archived++
		}
	}
	perOrg := sorted(byOrg)
	if most, median := perOrg[len(perOrg)-1], perOrg[len(perOrg)/2]; most < 150 || most > 1000 || median < 6 || median > 14 {
		t.Errorf("interactions per client: median %d, most %d", median, most)
	}
	if archived != 20 {
		t.Errorf("%d archived", archived)
	}
	if owners := sorted(byOwner); owners[len(owners)-1] < 4*owners[0] || byOwner[uuid.Nil] == 0 {
		t.Errorf("clients per owner: %v", byOwner)
	}
	if byBand["11-50"] < 10*byBand["5000+"] || byBand["5000+"] == 0 {
		t.Errorf("size bands: %v", byBand)
	}
	t.Logf("interactions per client: median %d, five most %v; archived %d; owners %v; bands %v",
		perOrg[len(perOrg)/2], perOrg[len(perOrg)-5:], archived, sorted(byOwner), byBand)
}

func sorted[K comparable](m map[K]int) []int {
	var out []int
	for _, n := range m {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func TestPhraseBanksAreRich(t *testing.T) {
	t.Parallel()
	for _, channel := range crm.Channels {
		bank := slices.Compact(slices.Sorted(slices.Values(subjects[channel])))
		if len(bank) < 40 {
			t.Errorf("%s: %d subjects", channel, len(bank))
		}
	}
	for sector, names := range sectorWords {
		if len(names) != len(countries) || len(sectorTopics[sector]) == 0 {
			t.Errorf("%s: %d countries, %d topics", sector, len(names), len(sectorTopics[sector]))
		}
	}
	distinct := map[string]bool{}
	for _, i := range firm().Interactions {
		distinct[i.Body] = true
		if strings.ContainsAny(i.Subject+i.Body, "{}") || strings.Contains(i.Subject+i.Body, "the the") {
			t.Errorf("slip in %q: %q", i.Subject, i.Body)
		}
	}
	if len(distinct) < 7500 {
		t.Errorf("only %d different bodies", len(distinct))
	}
}

func TestSlug(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"Bergström Logistik": "bergstrom-logistik", "Calder & Wyn": "calder-wyn", "Łódź": "lodz", "Müller-Straße": "muller-strasse", "--A--": "a",
	} {
		if got := slug(in); got != want {
			t.Errorf("%s: got %s, want %s", in, got, want)
		}
	}
	if got := mailbox("Seán O'Donnell"); got != "sean.odonnell" {
		t.Errorf("got %s", got)
	}
}

func BenchmarkFirm(b *testing.B) {
	for b.Loop() {
		Firm(now)
	}
}

func TestThereIsSomethingToDo(t *testing.T) {
	t.Parallel()
	clock := crm.Clock{Now: now, Zone: time.UTC}
	known := map[uuid.UUID]bool{}
	for _, i := range firm().Interactions {
		known[i.ID] = true
	}
	spans, states := map[crm.DueSpan]int{}, map[crm.FollowUpState]int{}
	for _, f := range firm().FollowUps {
		states[f.State]++
		if f.Open() {
			spans[f.Due.Span(clock)]++
		}
		if err := f.Validate(clock, f.Due); err != nil {
			t.Errorf("%+v: %v", f, err)
		}
		if f.InteractionID.Valid && !known[f.InteractionID.UUID] || !f.UserID.Valid || f.Open() != f.DoneAt.IsZero() || f.CreatedAt.After(now) {
			t.Errorf("%+v does not hold together", f)
		}
	}
	for _, span := range crm.DueSpans {
		if spans[span] < 5 {
			t.Errorf("%d follow-ups are %s, want a few", spans[span], span)
		}
	}
	if states[crm.FollowUpDone] < 50 || states[crm.FollowUpCancelled] < 3 {
		t.Errorf("states: %v", states)
	}
}
