package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// undoes takes a change set back and checks how many rows went back and what was kept: "name: fields", each.
func undoes(t *testing.T, s *postgres.Store, cs uuid.UUID, undone int, kept ...string) crm.UndoResult {
	t.Helper()
	r, err := s.Undo(ctx, cs)
	if err != nil {
		t.Fatalf("undo: %v", err)
	}
	var got []string
	for _, k := range r.Kept {
		got = append(got, strings.TrimSuffix(k.Name+": "+strings.Join(k.Fields, ","), ": "))
	}
	if r.Undone != undone || !slices.Equal(got, kept) {
		t.Errorf("undone %d, kept %q (%v); want %d, kept %q", r.Undone, got, r.Kept, undone, kept)
	}
	if (r.ChangeSetID == uuid.Nil) != (undone == 0) {
		t.Errorf("undone %d with change set %v", r.Undone, r.ChangeSetID)
	}
	return r
}

func TestUndoKeepsWhatWasCreatedAndIsInUse(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	org := func(name string) postgres.Saved {
		return must(s.CreateOrganization(ctx, crm.Organization{LegalName: name, DisplayName: name}, none))(t)
	}
	busy, changed, plain := org("Busy"), org("Changed"), org("Plain")
	f.log(t, s, idOf(busy.ID), none, "call")
	f.edit(t, s, changed.ID, func(o *crm.Organization) { o.Sector = "x" })
	undoes(t, s, busy.ChangeSet, 0, "Busy")
	undoes(t, s, changed.ChangeSet, 0, "Changed")
	undoes(t, s, plain.ChangeSet, 1)
	if _, err := s.Organization(ctx, plain.ID); !isNotFound(err) {
		t.Errorf("the created organization is still there: %v", err)
	}
	undoes(t, s, plain.ChangeSet, 0)
	// somebody who was linked once is referred to by the past
	person := must(s.CreateContact(ctx, crm.Contact{FirstName: "Once", LastName: "There"}, none))(t)
	f.link(t, f.hers, person.ID, "")
	must(s.UnlinkContact(ctx, f.hers, person.ID))(t)
	undoes(t, s, person.ChangeSet, 0, "Once There")
	verify(t, f.sys)
}

func TestUndoBringsBackADeletedInteraction(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.all(f.mia)
	logged := f.log(t, mia, idOf(f.hers), none, "Renewal")
	read := must(mia.Interaction(ctx, logged.ID))(t)
	for range 2 {
		i := must(mia.Interaction(ctx, logged.ID))(t)
		i.Body += "more"
		must(mia.UpdateInteraction(ctx, i))(t)
	}
	stale := must(mia.Interaction(ctx, logged.ID))(t)
	gone := must(mia.DeleteInteraction(ctx, logged.ID))(t)
	tom := f.own(f.tom)
	if _, err := tom.Undo(ctx, gone.ChangeSet); !isNotFound(err) {
		t.Errorf("tom, out of reach, undid mia's delete: %v", err)
	}
	// in reach, but neither author nor a manager of users
	colleague := f.db.As(postgrestest.Actor(f.tom, authz.All, four...), postgres.Origin{})
	undoes(t, colleague, gone.ChangeSet, 0, "Renewal")
	undoes(t, mia, gone.ChangeSet, 1)
	if i := must(mia.Interaction(ctx, logged.ID))(t); i.Body != "moremore" || !i.HappenedAt.Equal(read.HappenedAt) || !i.CreatedAt.Equal(read.CreatedAt) {
		t.Errorf("brought back as %+v", i)
	}
	for _, form := range []crm.Interaction{read, stale} {
		form.Subject = "Stale"
		if _, err := mia.UpdateInteraction(ctx, form); !errors.Is(err, crm.ErrConflict) {
			t.Errorf("a form read at version %d before the delete: %v", form.Version, err)
		}
	}
	undoes(t, mia, gone.ChangeSet, 0, "Renewal")
	verify(t, f.sys)
}

// periods is the past and the present of all relationships.
func periods(t *testing.T, f *firm) string {
	t.Helper()
	return read[string](t, f.conn, `SELECT coalesce(string_agg(concat_ws(' ', organization_id, contact_id, role_label, relationship_status, "from", "to"), E'\n' ORDER BY "from", "to" NULLS LAST), '') ||
		(SELECT coalesce(string_agg(concat_ws(' ', organization_id, contact_id, role_label, relationship_status), E'\n'), '') FROM organization_contact) FROM relationship_periods`)
}

func TestUndoOfLinksLeavesThePastAsItWas(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	person := f.contact(t, "Lars", none)
	link := func() postgres.Saved {
		return must(s.LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: person, RoleLabel: "CFO", RelationshipStatus: "Active"}, none))(t)
	}
	change := func(role string) postgres.Saved {
		return must(s.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: person, RoleLabel: role, RelationshipStatus: "Active"}))(t)
	}
	steps := map[string]func() postgres.Saved{
		"link":   link,
		"update": func() postgres.Saved { return change("CEO") },
		"unlink": func() postgres.Saved { return must(s.UnlinkContact(ctx, f.hers, person))(t) },
	}
	for _, name := range []string{"link", "update", "unlink"} {
		before := periods(t, f)
		did := steps[name]()
		after := periods(t, f)
		cs := did.ChangeSet
		for n := range 5 { // undo, undo of the undo, and so on
			cs = undoes(t, s, cs, 1).ChangeSetID
			want := before
			if n%2 == 1 {
				want = after
			}
			if got := periods(t, f); got != want {
				t.Errorf("%s, undo %d: got\n%s\nwant\n%s", name, n+1, got, want)
			}
		}
		steps[name]()
	}
	verify(t, f.sys)
}

// Where somebody changed the link meanwhile, undo moves the present and leaves the past alone.
func TestUndoOfALinkChangedSince(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	person := f.contact(t, "Lars", none)
	linked := f.link(t, f.hers, person, "CFO")
	first := must(s.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: person, RoleLabel: "CEO"}))(t)
	must(s.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: person, RoleLabel: "CEO", RelationshipStatus: "Former"}))(t)
	undoes(t, s, linked.ChangeSet, 0, "")
	undo := undoes(t, s, first.ChangeSet, 1)
	if n := read[int](t, f.conn, `SELECT count(*) FROM relationship_periods`); n != 4 {
		t.Errorf("%d periods, want CFO, CEO, CEO former and CFO former", n)
	}
	undoes(t, s, undo.ChangeSetID, 1)
	if n := read[int](t, f.conn, `SELECT count(*) FROM relationship_periods`); n != 3 {
		t.Errorf("%d periods after the undo of the undo, want 3", n)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM relationship_periods WHERE "to" IS NULL`); n != 1 {
		t.Errorf("%d present periods", n)
	}
	verify(t, f.sys)
}

func TestALinkMadeAgainIsNotTheOldOne(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	person := f.contact(t, "Lars", none)
	f.link(t, f.hers, person, "CFO")
	form := must(s.Relationship(ctx, f.hers, person))(t)
	must(s.UnlinkContact(ctx, f.hers, person))(t)
	f.link(t, f.hers, person, "CEO")
	form.RoleLabel = "CTO"
	if _, err := s.UpdateLink(ctx, form); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a form of the link that was removed: %v, want a conflict", err)
	}
}

// Who reaches a person only through a link keeps it, by undo as by unlinking.
func TestUndoDoesNotCutTheOnlyWay(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	person := f.contact(t, "Lars", idOf(f.tom.ID))
	linked := f.link(t, f.hers, person, "CFO")
	undoes(t, f.own(f.mia), linked.ChangeSet, 0, "")
	undoes(t, f.all(f.mia), linked.ChangeSet, 1)
}

func TestUndoKeepsATakenAddress(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	make1 := func(first, email string) postgres.Saved {
		return must(s.CreateContact(ctx, crm.Contact{FirstName: first, LastName: "P", Email: email}, none))(t)
	}
	a := make1("Ann", "ann@example.test")
	c := must(s.Contact(ctx, a.ID))(t)
	c.Email, c.JobTitle = "new@example.test", "CFO"
	changed := must(s.UpdateContact(ctx, c))(t)
	b := make1("Bob", "Ann@Example.test")
	undoes(t, s, changed.ChangeSet, 1, "Ann P: email")
	if c := must(s.Contact(ctx, a.ID))(t); c.Email != "new@example.test" || c.JobTitle != "" {
		t.Errorf("after undo %q %q", c.Email, c.JobTitle)
	}
	// a created contact that undo removed comes back, unless its address was taken meanwhile
	removed := undoes(t, s, b.ChangeSet, 1)
	taken := make1("Cid", "ann@example.test")
	undoes(t, s, removed.ChangeSetID, 0, "Bob P")
	undoes(t, s, taken.ChangeSet, 1)
	undoes(t, s, removed.ChangeSetID, 1)
	if c := must(s.Contact(ctx, b.ID))(t); c.Email != "ann@example.test" {
		t.Errorf("brought back with address %q", c.Email)
	}
	verify(t, f.sys)
}

// What an old value refers to may itself have been taken back since.
func TestUndoKeepsWhatReferredToSomethingGone(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	user := must(s.CreateUser(ctx, crm.User{Name: "Temp", Email: "temp@example.test"}, "x", false, none))(t)
	org := must(s.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "Org", OwnerUserID: idOf(user.ID)}, none))(t)
	moved := f.edit(t, s, org.ID, func(o *crm.Organization) { o.OwnerUserID, o.Sector = none, "x" })
	logged := f.log(t, s, idOf(org.ID), none, "Renewal")
	deleted := must(s.DeleteInteraction(ctx, logged.ID))(t)
	undoes(t, s, user.ChangeSet, 1)
	undoes(t, s, moved.ChangeSet, 1, "Org: owner_user_id")
	o := must(s.Organization(ctx, org.ID))(t)
	if o.Sector != "" || o.OwnerUserID.Valid {
		t.Errorf("after undo %+v", o)
	}
	other := must(s.CreateOrganization(ctx, crm.Organization{LegalName: "B", DisplayName: "Other"}, none))(t)
	gone := f.log(t, s, idOf(other.ID), none, "Call")
	goneDeleted := must(s.DeleteInteraction(ctx, gone.ID))(t)
	undoes(t, s, other.ChangeSet, 1)
	undoes(t, s, goneDeleted.ChangeSet, 0, "Call")
	undoes(t, s, deleted.ChangeSet, 1)
	verify(t, f.sys)
}

func TestUndoOfUndo(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	saved := f.edit(t, s, f.hers, func(o *crm.Organization) { o.Sector, o.TaxID = "Robotics", "77" })
	cs := saved.ChangeSet
	for n := range 4 {
		cs = undoes(t, s, cs, 1).ChangeSetID
		if got, want := must(s.Organization(ctx, f.hers))(t).Sector, []string{"", "Robotics"}[n%2]; got != want {
			t.Errorf("undo %d: sector %q, want %q", n+1, got, want)
		}
	}
	role := must(s.CreateRole(ctx, crm.Role{Name: "Clerk", Reach: "own", Permissions: []string{"ViewClient", "ViewAudit"}}, none))(t)
	user := must(s.CreateUser(ctx, crm.User{Name: "Temp", Email: "temp@example.test", RoleIDs: []uuid.UUID{role.ID}}, "x", false, none))(t)
	undone := undoes(t, s, user.ChangeSet, 2)
	undoneRole := undoes(t, s, role.ChangeSet, 3)
	undoes(t, s, undone.ChangeSetID, 1, "") // the user comes back, the role is gone
	undoes(t, s, undoneRole.ChangeSetID, 3)
	if r := must(s.Role(ctx, role.ID))(t); len(r.Permissions) != 2 {
		t.Errorf("the role came back with %v", r.Permissions)
	}
	if u := must(s.User(ctx, user.ID))(t); u.Name != "Temp" {
		t.Errorf("the user came back as %+v", u)
	}
	verify(t, f.sys)
}

func TestUndoOfAnImport(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	var rows []crm.Organization
	for n := range 30 {
		rows = append(rows, crm.Organization{LegalName: fmt.Sprintf("Import %02d", n), DisplayName: fmt.Sprintf("Import %02d", n)})
	}
	imported := must(s.ImportOrganizations(ctx, rows, "clients.csv"))(t)
	id := read[uuid.UUID](t, f.conn, `SELECT id FROM organizations WHERE display_name = 'Import 07'`)
	f.edit(t, s, id, func(o *crm.Organization) { o.Sector = "x" })
	// who may not import may not take an import back
	clerk := f.db.As(postgrestest.Actor(f.tom, authz.All, four...), postgres.Origin{})
	if _, err := clerk.Undo(ctx, imported.ChangeSet); err != (postgres.Forbidden{Permission: authz.ImportClient}) {
		t.Errorf("undo without ImportClient: %v", err)
	}
	if set := must(clerk.ChangeSet(ctx, imported.ChangeSet))(t); set.CanUndo || set.Total != 30 {
		t.Errorf("change set of %d that offers undo: %v", set.Total, set.CanUndo)
	}
	undone := undoes(t, s, imported.ChangeSet, 29, "Import 07")
	if n := read[int](t, f.conn, `SELECT count(*) FROM organizations WHERE display_name LIKE 'Import%'`); n != 1 {
		t.Errorf("%d imported organizations are left, want 1", n)
	}
	if _, err := clerk.Undo(ctx, undone.ChangeSetID); err != (postgres.Forbidden{Permission: authz.ImportClient}) {
		t.Errorf("undo of the undo without ImportClient: %v", err)
	}
	undoes(t, s, undone.ChangeSetID, 29)
	if l := must(s.Audit(ctx, crm.AuditFilter{Action: string(audit.Import)}))(t); len(l.Rows) != 1 {
		t.Errorf("%d import rows in the audit log", len(l.Rows))
	}
	verify(t, f.sys)
}

// A role in use stays whole: its permissions are part of it.
func TestUndoOfARoleInUseTakesNothing(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	role := must(s.CreateRole(ctx, crm.Role{Name: "Clerk", Reach: "own", Permissions: []string{"ViewClient", "ViewAudit"}}, none))(t)
	user := must(s.CreateUser(ctx, crm.User{Name: "Temp", Email: "temp@example.test", RoleIDs: []uuid.UUID{role.ID}}, "x", false, none))(t)
	undoes(t, s, role.ChangeSet, 0, "Clerk")
	if r := must(s.Role(ctx, role.ID))(t); len(r.Permissions) != 2 {
		t.Errorf("the role in use has %v left", r.Permissions)
	}
	must(s.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A", OwnerUserID: idOf(user.ID)}, none))(t)
	undoes(t, s, user.ChangeSet, 0, "Temp")
	if u := must(s.User(ctx, user.ID))(t); len(u.RoleIDs) != 1 {
		t.Errorf("the user in use has %d roles left", len(u.RoleIDs))
	}
	verify(t, f.sys)
}

func TestUndoOfRolesMeetsOpenForms(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	u := must(s.User(ctx, f.tom.ID))(t)
	u.RoleIDs = append(u.RoleIDs, postgrestest.Seeded(t, f.db, "viewer"))
	given := must(s.UpdateUser(ctx, u))(t)
	form := must(s.User(ctx, f.tom.ID))(t) // with the role that is about to go
	undoes(t, s, given.ChangeSet, 1)
	form.Name = "Thomas"
	if _, err := s.UpdateUser(ctx, form); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a form that still has the role taken back: %v, want a conflict", err)
	}
	if u := must(s.User(ctx, f.tom.ID))(t); len(u.RoleIDs) != 1 {
		t.Errorf("%d roles", len(u.RoleIDs))
	}
}

func TestUndoKeepsTheLastAdmin(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	given := must(s.CreateUser(ctx, crm.User{Name: "Admin", Email: "admin@example.test"}, "x", false, none))(t)
	u := must(s.User(ctx, given.ID))(t)
	u.RoleIDs = []uuid.UUID{postgrestest.Seeded(t, f.db, "admin")}
	made := must(s.UpdateUser(ctx, u))(t)
	for _, other := range []uuid.UUID{f.mia.ID, f.tom.ID} {
		must(s.SetUserActive(ctx, other, false))(t)
	}
	if _, err := s.Undo(ctx, made.ChangeSet); faultOf(err) != "" {
		t.Errorf("undo took the last admin: %v", err)
	}
	if u := must(s.User(ctx, given.ID))(t); len(u.RoleIDs) != 1 {
		t.Error("the last admin is none any more")
	}
}

func TestUndoDoesNotCloseACircleOfTeams(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	a := must(s.CreateTeam(ctx, crm.Team{Name: "A"}, none))(t)
	b := must(s.CreateTeam(ctx, crm.Team{Name: "B", ParentID: idOf(a.ID)}, none))(t)
	move := func(id uuid.UUID, name string, parent uuid.NullUUID) postgres.Saved {
		team := must(s.Team(ctx, id))(t)
		team.ParentID, team.Name = parent, name
		return must(s.UpdateTeam(ctx, team))(t)
	}
	out := move(b.ID, "B2", none)
	move(a.ID, "A", idOf(b.ID))
	undoes(t, s, out.ChangeSet, 1, "B2: parent_id")
	if teams := must(s.Teams(ctx))(t); len(teams) != 2 {
		t.Errorf("%d of 2 teams are left in the tree", len(teams))
	}
}

// One's own profile may be taken back without ManageUsers; what took ManageUsers still takes it.
func TestUndoOfOnesOwnProfile(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	plain := f.db.As(postgrestest.Actor(f.mia, authz.Own, four...), postgres.Origin{})
	renamed := must(plain.UpdateMe(ctx, crm.User{Name: "Mia M", Preferences: crm.Preferences{Zone: "Europe/Rome", Theme: "dark", Density: "compact", Language: "it", KeysOff: true}}))(t)
	undone := undoes(t, plain, renamed.ChangeSet, 1)
	undoes(t, plain, undone.ChangeSetID, 1)
	tom := f.db.As(postgrestest.Actor(f.tom, authz.All, four...), postgres.Origin{})
	if _, err := tom.Undo(ctx, renamed.ChangeSet); err != (postgres.Forbidden{Permission: authz.ManageUsers}) {
		t.Errorf("tom undid mia's profile: %v", err)
	}
	team := must(f.sys.CreateTeam(ctx, crm.Team{Name: "North"}, none))(t)
	me := must(f.sys.User(ctx, f.mia.ID))(t)
	me.TeamID, me.RoleIDs = idOf(team.ID), nil
	asAdmin := must(f.all(f.mia).UpdateUser(ctx, me))(t) // mia, as an admin, moved herself and gave up her role
	me = must(f.sys.User(ctx, f.mia.ID))(t)
	me.TeamID = none
	moved := must(f.all(f.mia).UpdateUser(ctx, me))(t)
	for _, cs := range []uuid.UUID{asAdmin.ChangeSet, moved.ChangeSet} {
		if _, err := plain.Undo(ctx, cs); err != (postgres.Forbidden{Permission: authz.ManageUsers}) {
			t.Errorf("mia took back her own team without ManageUsers: %v", err)
		}
	}
}

func TestTwoUndosAtOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	saved := f.edit(t, s, f.hers, func(o *crm.Organization) { o.Sector = "Robotics" })
	undone := make([]int, 4)
	for _, err := range atOnce(4, func(n int) error {
		r, err := s.Undo(ctx, saved.ChangeSet)
		undone[n] = r.Undone
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := undone[0] + undone[1] + undone[2] + undone[3]; n != 1 {
		t.Errorf("4 undos at once took back %v", undone)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM change_sets WHERE undoes = $1`, saved.ChangeSet); n != 1 {
		t.Errorf("%d undos are recorded", n)
	}
	verify(t, f.sys)
}

func TestUndoOnlyWithinReach(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	saved := f.edit(t, f.sys, f.his, func(o *crm.Organization) { o.Sector = "x" })
	mia := f.own(f.mia)
	for what, cs := range map[string]uuid.UUID{"foreign": saved.ChangeSet, "missing": uuid.New()} {
		if _, err := mia.Undo(ctx, cs); !isNotFound(err) {
			t.Errorf("%s change set: %v", what, err)
		}
		if _, err := mia.ChangeSet(ctx, cs); !isNotFound(err) {
			t.Errorf("reading a %s change set: %v", what, err)
		}
	}
	// undo may not give the record away either
	toMia := f.edit(t, f.sys, f.his, func(o *crm.Organization) { o.OwnerUserID, o.TaxID = idOf(f.mia.ID), "7" })
	undoes(t, mia, toMia.ChangeSet, 1, "His: owner_user_id")
	viewer := f.db.As(postgrestest.Actor(f.mia, authz.All, authz.ViewClient), postgres.Origin{})
	if _, err := viewer.Undo(ctx, toMia.ChangeSet); err != (postgres.Forbidden{Permission: authz.EditClient}) {
		t.Errorf("undo without EditClient: %v", err)
	}
	if set := must(viewer.ChangeSet(ctx, toMia.ChangeSet))(t); set.CanUndo {
		t.Error("undo is offered without EditClient")
	}
}

func TestUndoIsQuickEnough(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	rows := make([]crm.Organization, 3000)
	for n := range rows {
		rows[n] = crm.Organization{LegalName: fmt.Sprintf("Import %04d", n), DisplayName: fmt.Sprintf("Import %04d", n)}
	}
	imported := must(s.ImportOrganizations(ctx, rows, "clients.csv"))(t)
	start := time.Now()
	undone := undoes(t, s, imported.ChangeSet, 3000)
	undoes(t, s, undone.ChangeSetID, 3000)
	t.Logf("undo of 3000, twice: %v", time.Since(start))
}
