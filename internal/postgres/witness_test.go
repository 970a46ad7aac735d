package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestWitnessesAreThoseWhoSee compares who is said to see a record with who does: everybody opens it with the rights that
// their session would load.
func TestWitnessesAreThoseWhoSee(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	s := postgrestest.System(db)
	upper := must(s.CreateTeam(ctx, crm.Team{Name: "Upper"}, none))(t).ID
	lower := must(s.CreateTeam(ctx, crm.Team{Name: "Lower", ParentID: idOf(upper)}, none))(t).ID
	other := must(s.CreateTeam(ctx, crm.Team{Name: "Other"}, none))(t).ID
	roles := map[authz.Reach]uuid.UUID{}
	for _, reach := range []authz.Reach{authz.Own, authz.Team, authz.All} {
		roles[reach] = postgrestest.Role(t, db, []string{"", "own", "team", "all"}[reach], authz.ViewClient)
	}
	blind := postgrestest.Role(t, db, "all", authz.ManageUsers)
	actors := map[string]authz.Actor{}
	var people []crm.User
	for n, team := range []uuid.NullUUID{none, idOf(upper), idOf(lower), idOf(other)} {
		for reach, role := range roles {
			name := fmt.Sprint("u", int(reach), "-", n)
			u := postgrestest.User(t, db, name, team, "x", role, blind)
			a := postgrestest.Actor(u, reach, authz.ViewClient)
			actors[name], people = a, append(people, u)
		}
	}
	for name, a := range actors { // as sessions load it
		if a.Reach(authz.ViewClient) == authz.Team {
			a.Owners = read[[]uuid.UUID](t, conn, `WITH RECURSIVE below AS (SELECT team_id AS id FROM users WHERE id = $1 UNION SELECT t.id FROM teams t JOIN below b ON t.parent_id = b.id)
				SELECT array_agg(u.id) FROM users u WHERE u.id = $1 OR u.team_id IN (SELECT id FROM below)`, a.UserID)
			actors[name] = a
		}
	}
	postgrestest.User(t, db, "blind", idOf(upper), "x", blind)
	var records []crm.Target
	for i, u := range append(people, crm.User{}) {
		owner := uuid.NullUUID{UUID: u.ID, Valid: u.ID != uuid.Nil}
		org, contact := postgrestest.Organization(t, db, fmt.Sprint("Firm ", i), owner), postgrestest.Contact(t, db, "Ada", fmt.Sprint(i), owner)
		records = append(records, crm.Target{Type: audit.Organization, ID: org}, crm.Target{Type: audit.Contact, ID: contact})
		linked := postgrestest.Contact(t, db, "Ben", fmt.Sprint(i), idOf(people[(i+5)%len(people)].ID))
		must(s.LinkContact(ctx, crm.Relationship{OrganizationID: org, ContactID: linked}, none))(t)
		records = append(records, crm.Target{Type: audit.Contact, ID: linked})
	}
	for _, r := range records {
		var want []string
		for name, a := range actors {
			as := db.As(a, postgres.Origin{})
			_, err := as.Organization(ctx, r.ID)
			if r.Type == audit.Contact {
				_, err = as.Contact(ctx, r.ID)
			}
			if err == nil {
				want = append(want, name)
			}
			told, denied := as.Witnesses(ctx, r.Type, r.ID)
			if errors.Is(err, crm.ErrNotFound) != errors.Is(denied, crm.ErrNotFound) || denied != nil && told != nil {
				t.Errorf("%s asks who sees %s: %v", name, r.ID, denied)
			}
		}
		var got []string
		for _, w := range must(s.Witnesses(ctx, r.Type, r.ID))(t) {
			got = append(got, w.Name)
		}
		slices.Sort(want)
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("who sees the %s %s: got %v, want %v", r.Type, r.ID, got, want)
		}
	}
}

// Who sees a contact only through an organization out of the reader's reach is not named to them.
func TestWitnessesDoNotTellOfOtherOrganizations(t *testing.T) {
	t.Parallel()
	db, _ := openRaw(t)
	s := postgrestest.System(db)
	own := postgrestest.Role(t, db, "own", authz.ViewClient)
	mia, sam := postgrestest.User(t, db, "mia", none, "x", own), postgrestest.User(t, db, "sam", none, "x", own)
	ada := postgrestest.Contact(t, db, "Ada", "Lind", idOf(mia.ID))
	must(s.LinkContact(ctx, crm.Relationship{OrganizationID: postgrestest.Organization(t, db, "His", idOf(sam.ID)), ContactID: ada}, none))(t)
	told := must(db.As(postgrestest.Actor(mia, authz.Own, authz.ViewClient), postgres.Origin{}).Witnesses(ctx, audit.Contact, ada))(t)
	if len(told) != 1 || told[0].Name != "mia" || told[0].ReachesBy != crm.ReachedAsOwner {
		t.Errorf("mia is told of %+v", told)
	}
}
