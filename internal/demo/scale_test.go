package demo

import (
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
)

// large is a scaled firm, small enough to look at every record.
type large struct {
	*Scaled
	organizations []crm.Organization
	contacts      []crm.Contact
	relationships []crm.Relationship
	interactions  []crm.Interaction
	followUps     []crm.FollowUp
}

func scaled(at time.Time, clients int) large {
	s := Scale(at, clients)
	return large{
		s, slices.Collect(s.Organizations()), slices.Collect(s.Contacts()), slices.Collect(s.Relationships()), slices.Collect(s.Interactions()),
		slices.Collect(s.FollowUps()),
	}
}

var thousands = sync.OnceValue(func() large { return scaled(now, 3000) })

func TestScaledIsTheSameEveryTime(t *testing.T) {
	t.Parallel()
	a, b := scaled(now, 200), scaled(now.In(time.FixedZone("", 3600)), 200)
	for _, pair := range [][2]any{
		{a.Users, b.Users},
		{a.organizations, b.organizations},
		{a.contacts, b.contacts},
		{a.relationships, b.relationships},
		{a.interactions, b.interactions},
		{a.followUps, b.followUps},
	} {
		if diff := cmp.Diff(pair[0], pair[1]); diff != "" {
			t.Errorf("two runs differ:\n%s", diff)
		}
	}
	if half := slices.Collect(a.Interactions())[:5]; !cmp.Equal(half, a.interactions[:5]) {
		t.Error("a second run of one stream differs")
	}
}

// A register that is loaded again next month holds the same clients and texts: figures can be compared.
func TestOnlyScaledDatesDependOnNow(t *testing.T) {
	t.Parallel()
	later, f := scaled(now.AddDate(0, 3, 3), 200), scaled(now, 200)
	for i, o := range later.organizations {
		o.CreatedAt, o.UpdatedAt = f.organizations[i].CreatedAt, f.organizations[i].UpdatedAt
		if diff := cmp.Diff(f.organizations[i], o); diff != "" {
			t.Fatal(diff)
		}
	}
	for i, x := range later.interactions {
		x.HappenedAt, x.CreatedAt = f.interactions[i].HappenedAt, f.interactions[i].CreatedAt
		if diff := cmp.Diff(f.interactions[i], x); diff != "" {
			t.Fatalf("-want +got:\n%s", diff)
		}
	}
}

func TestScaledCounts(t *testing.T) {
	t.Parallel()
	for _, clients := range []int{100, 300, 3000} {
		f := scaled(now, clients)
		o, c, r, i := f.Counts()
		got, want := []int{len(f.organizations), len(f.contacts), len(f.relationships), len(f.interactions)}, []int{o, c, r, i}
		if !slices.Equal(got, want) || o != clients || c != 3*clients || i != 10*clients || r != clients*297/100 {
			t.Errorf("%d clients: got %v, announced %v", clients, got, want)
		}
	}
	for clients, want := range map[int]int{1000: 12, 10_000: 20, 1_000_000: 200} {
		if got := len(Scale(now, clients).Users); got != want {
			t.Errorf("%d clients: %d users, want %d", clients, got, want)
		}
	}
}

func TestScaledRecordsAreValidAndClean(t *testing.T) {
	t.Parallel()
	f := thousands()
	checkAll(t, f.Teams, (*crm.Team).Clean)
	checkAll(t, f.organizations, (*crm.Organization).Clean)
	checkAll(t, f.contacts, (*crm.Contact).Clean)
	checkAll(t, f.relationships, (*crm.Relationship).Clean)
	checkAll(t, f.interactions, (*crm.Interaction).Clean)
	checkFollowUps(t, f)
	for _, u := range f.Users {
		checkAll(t, []crm.User{u.User}, (*crm.User).Clean)
	}
}

// Some are still to be done, those of each owner among them, and none was planned before its client was one.
func checkFollowUps(t *testing.T, f large) {
	t.Helper()
	born := map[uuid.UUID]time.Time{}
	for _, o := range f.organizations {
		born[o.ID] = o.CreatedAt
	}
	open, owners := 0, map[uuid.UUID]bool{}
	for _, p := range f.followUps {
		if err := p.Validate(crm.Clock{Now: now, Zone: time.UTC}, p.Due); err != nil {
			t.Errorf("%+v: %v", p, err)
		}
		if p.CreatedAt.Before(born[p.OrganizationID.UUID]) || p.Open() != p.DoneAt.IsZero() {
			t.Errorf("%+v, of a client since %v", p, born[p.OrganizationID.UUID])
		}
		if p.Open() {
			open++
			owners[p.UserID.UUID] = true
		}
	}
	if n := len(f.followUps); open < n/4 || open > n/2 || len(owners) < 5 {
		t.Errorf("%d of %d follow-ups are open, for %d people", open, n, len(owners))
	}
}

func TestNothingScaledIsThereTwice(t *testing.T) {
	t.Parallel()
	f := thousands()
	seen := map[string]bool{}
	once := func(kind, value string) {
		t.Helper()
		if value != "" && seen[kind+value] {
			t.Errorf("%s %q twice", kind, value)
		}
		seen[kind+value] = true
	}
	for _, o := range f.organizations {
		once("id", o.ID.String())
		once("website", o.Website)
	}
	for _, c := range f.contacts {
		once("id", c.ID.String())
		once("email", c.Email)
		if c.Email != strings.ToLower(c.Email) || c.Email != "" && !strings.HasSuffix(c.Email, ".example") {
			t.Errorf("address %q", c.Email)
		}
	}
	for _, r := range f.relationships {
		once("link", r.OrganizationID.String()+r.ContactID.String())
	}
	for _, i := range f.interactions {
		once("id", i.ID.String())
	}
	for _, u := range f.Users {
		once("id", u.ID.String())
		once("user", u.Email)
	}
	names := map[string]bool{}
	for _, o := range f.organizations {
		names[o.DisplayName] = true
	}
	if len(names) < len(f.organizations)*95/100 {
		t.Errorf("only %d names for %d clients", len(names), len(f.organizations))
	}
}

// Whom a record refers to is there, and was already there at that time.
func TestScaledRecordsReferToEachOther(t *testing.T) {
	t.Parallel()
	f := thousands()
	born := map[uuid.UUID]time.Time{}
	for _, o := range f.organizations {
		born[o.ID] = o.CreatedAt
	}
	for _, c := range f.contacts {
		born[c.ID] = c.CreatedAt
	}
	users := map[uuid.UUID]bool{}
	for _, u := range f.Users {
		users[u.ID] = true
	}
	linked := map[[2]uuid.UUID]bool{}
	for _, r := range f.relationships {
		linked[[2]uuid.UUID{r.OrganizationID, r.ContactID}] = true
		for _, end := range []uuid.UUID{r.OrganizationID, r.ContactID} {
			if at, known := born[end]; !known || r.Since.Before(at) || r.Since.After(now) {
				t.Fatalf("since %s, known from %s: %+v", r.Since, at, r)
			}
		}
	}
	for _, o := range f.organizations {
		if o.OwnerUserID.Valid && !users[o.OwnerUserID.UUID] {
			t.Fatalf("%+v", o)
		}
	}
	for _, i := range f.interactions {
		if !users[i.UserID.UUID] || !i.OrganizationID.Valid && !i.ContactID.Valid {
			t.Fatalf("%+v", i)
		}
		for _, end := range []uuid.NullUUID{i.OrganizationID, i.ContactID} {
			if at, known := born[end.UUID]; end.Valid && (!known || i.HappenedAt.Before(at)) {
				t.Fatalf("known from %s: %+v", at, i)
			}
		}
		if i.OrganizationID.Valid && i.ContactID.Valid && !linked[[2]uuid.UUID{i.OrganizationID.UUID, i.ContactID.UUID}] {
			t.Fatalf("not linked: %+v", i)
		}
	}
}

// Days come in order, as a live register would have written them.
func TestScaledHistoryIsInOrder(t *testing.T) {
	t.Parallel()
	var last time.Time
	for n, i := range thousands().interactions {
		at := i.HappenedAt
		if at.After(now) || i.CreatedAt.Before(at) || i.CreatedAt.After(now) || at.Before(now.AddDate(0, 0, -historyDays-4)) {
			t.Fatalf("interaction %d happened %s, logged %s", n, at, i.CreatedAt)
		}
		if at.Before(last.AddDate(0, 0, -5)) { // a weekend is moved to its Friday
			t.Fatalf("interaction %d happened %s, the one before it %s", n, at, last)
		}
		last = at
	}
}

func TestScaledSkew(t *testing.T) {
	t.Parallel()
	f := thousands()
	byOrg, byOwner, bySector, archived, alone := map[uuid.UUID]int{}, map[uuid.UUID]int{}, map[string]int{}, 0, 0
	for _, o := range f.organizations {
		byOwner[o.OwnerUserID.UUID]++
		bySector[o.Sector]++
		if !o.IsActive {
			archived++
		}
	}
	for _, i := range f.interactions {
		byOrg[i.OrganizationID.UUID]++
		if !i.OrganizationID.Valid {
			alone++
		}
	}
	delete(byOrg, uuid.Nil)
	perOrg := sorted(byOrg)
	// (1/3000)^0.4 of all belong to the first: 4 %.
	if most, median := perOrg[len(perOrg)-1], perOrg[len(perOrg)/2]; most < 800 || most > 1800 || median < 4 || median > 8 {
		t.Errorf("interactions per client: median %d, most %d", median, most)
	}
	if archived < 100 || archived > 200 || alone == 0 || len(bySector) != 20 {
		t.Errorf("%d archived, %d interactions of nobody's, %d sectors", archived, alone, len(bySector))
	}
	for n, want := range map[int]int{smallOwner: 3, midOwner: 2, largeOwner: 150} {
		if got := byOwner[f.Users[n].ID]; got != want && got != want-1 { // a client of two goes to the one with less
			t.Errorf("%s owns %d clients, want %d", f.Users[n].Name, got, want)
		}
	}
	if byOwner[f.Users[1].ID] < 2*byOwner[f.Users[11].ID] || byOwner[uuid.Nil] == 0 {
		t.Errorf("clients per owner: %v", sorted(byOwner))
	}
}

func BenchmarkScaledInteractions(b *testing.B) {
	s := Scale(now, 100_000)
	for b.Loop() {
		n := 0
		for range s.Interactions() {
			if n++; n == 1000 {
				break
			}
		}
	}
}
