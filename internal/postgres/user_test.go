package postgres_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// However the last admin could go, one stays.
func TestTwoAdminsDemoteEachOther(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	users := []crm.User{must(f.sys.User(ctx, f.mia.ID))(t), must(f.sys.User(ctx, f.tom.ID))(t)}
	lost := 0
	for _, err := range atOnce(2, func(n int) error {
		other := users[1-n]
		other.RoleIDs = nil
		_, err := f.all(users[n]).UpdateUser(ctx, other)
		return err
	}) {
		switch {
		case faultOf(err) == "":
			lost++
		case err != nil:
			t.Error(err)
		}
	}
	admins := read[int](t, f.conn, `SELECT count(*) FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE r.slug = 'admin'`)
	if lost != 1 || admins != 1 {
		t.Errorf("%d were refused and %d admins are left, want 1 and 1", lost, admins)
	}
	verify(t, f.sys)
}

func TestTheLastAdminStays(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	admin := postgrestest.Seeded(t, f.db, "admin")
	must(f.sys.SetUserActive(ctx, f.tom.ID, false))(t)
	s := f.all(f.mia)
	role := must(s.Role(ctx, admin))(t)
	role.Permissions = []string{"ViewClient"}
	me := must(s.User(ctx, f.mia.ID))(t)
	me.RoleIDs = nil
	for what, err := range map[string]error{
		"deactivate": second(s.SetUserActive(ctx, f.mia.ID, false)), "take the role": second(s.UpdateUser(ctx, me)), "empty the role": second(s.UpdateRole(ctx, role)),
	} {
		if faultOf(err) != "" {
			t.Errorf("%s: got %v, want a refusal", what, err)
		}
	}
	// one who is away does not count
	tom := must(s.User(ctx, f.tom.ID))(t)
	if tom.IsActive || len(tom.RoleIDs) != 1 {
		t.Fatalf("tom is %+v", tom)
	}
	must(s.SetUserActive(ctx, f.tom.ID, true))(t)
	must(s.SetUserActive(ctx, f.mia.ID, false))(t)
	verify(t, f.sys)
}

func TestTwoMovesDoNotCloseACircle(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ids := make([]uuid.UUID, 2)
	for n, name := range []string{"A", "B"} {
		ids[n] = must(f.sys.CreateTeam(ctx, crm.Team{Name: name}, none))(t).ID
	}
	refused := 0
	for _, err := range atOnce(2, func(n int) error {
		_, err := f.all(f.mia).UpdateTeam(ctx, crm.Team{ID: ids[n], Name: []string{"A", "B"}[n], ParentID: idOf(ids[1-n]), Version: 1})
		return err
	}) {
		if faultOf(err) == "parent_id" {
			refused++
		} else if err != nil {
			t.Error(err)
		}
	}
	if teams := must(f.sys.Teams(ctx))(t); refused != 1 || len(teams) != 2 {
		t.Errorf("%d moves were refused and %d teams stand in the tree, want 1 and 2", refused, len(teams))
	}
	self := must(f.sys.Team(ctx, ids[0]))(t)
	self.ParentID = idOf(ids[0])
	if _, err := f.sys.UpdateTeam(ctx, self); faultOf(err) != "parent_id" {
		t.Errorf("a team below itself: %v", err)
	}
}

func TestUserChangesLeaveTheirRows(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	viewer, manager := postgrestest.Seeded(t, f.db, "viewer"), postgrestest.Seeded(t, f.db, "manager")
	since := read[int64](t, f.conn, `SELECT max(id) FROM audit_logs`)
	saw := func(what, want string) {
		t.Helper()
		got := read[string](t, f.conn, `SELECT coalesce(string_agg(action, ' ' ORDER BY id), '') FROM audit_logs WHERE id > $1 AND user_id = $2`, since, f.mia.ID)
		if got != want {
			t.Errorf("%s left %q, want %q", what, got, want)
		}
		since = read[int64](t, f.conn, `SELECT max(id) FROM audit_logs`)
	}
	created := must(s.CreateUser(ctx, crm.User{Name: "New", Email: "New@Example.test", RoleIDs: []uuid.UUID{viewer, viewer, manager}}, "x", true, none))(t)
	saw("create", "create_user assign_role assign_role")
	u := must(s.User(ctx, created.ID))(t)
	if u.Email != "new@example.test" || len(u.RoleIDs) != 2 {
		t.Errorf("created %+v", u)
	}
	if _, err := s.UpdateUser(ctx, u); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("saving the same: %v", err)
	}
	saw("nothing changed", "")
	u.Name, u.RoleIDs = "Newer", []uuid.UUID{viewer}
	must(s.UpdateUser(ctx, u))(t)
	saw("update", "assign_role update_user")
	if _, err := s.UpdateUser(ctx, u); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a stale form: %v", err)
	}
	must(s.SetUserActive(ctx, u.ID, false))(t)
	saw("deactivate", string(audit.DeactivateUser))
	if err := s.ResetPassword(ctx, u.ID, "y", true); err != nil {
		t.Error(err)
	}
	saw("reset", string(audit.ResetPassword))
	if err := s.UnlockUser(ctx, u.ID); err != nil {
		t.Error(err)
	}
	saw("unlock", string(audit.Unlock))
	if _, err := s.CreateUser(ctx, crm.User{Name: "Other", Email: "NEW@example.test"}, "x", true, none); faultOf(err) != "email" {
		t.Errorf("the same address in other letters: %v", err)
	}
	saw("a refusal", "")
	verify(t, f.sys)
}

func TestRoleChangesLeaveTheirRows(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	created := must(s.CreateRole(ctx, crm.Role{Name: "Field sales", Reach: "own", Permissions: []string{"ViewClient", "ViewClient"}}, none))(t)
	r := must(s.Role(ctx, created.ID))(t)
	if r.Slug != "field_sales" || len(r.Permissions) != 1 {
		t.Errorf("created %+v", r)
	}
	if _, err := s.UpdateRole(ctx, r); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("saving the same: %v", err)
	}
	r.Permissions = []string{"ViewInteraction"}
	saved := must(s.UpdateRole(ctx, r))(t)
	if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE change_set_id = $1`, saved.ChangeSet); n != 2 {
		t.Errorf("%d rows for one permission given and one taken", n)
	}
	if _, err := s.UpdateRole(ctx, r); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a stale form: %v", err)
	}
	if _, err := s.CreateRole(ctx, crm.Role{Name: "Field  Sales!", Reach: "own"}, none); faultOf(err) != "slug" {
		t.Errorf("a second role of that short name: %v", err)
	}
	for _, bad := range []crm.Role{{Name: "x", Reach: "world"}, {Name: "x", Reach: "own", Permissions: []string{"Everything"}}, {Name: "営業", Reach: "own"}, {Name: "x", Slug: "A b", Reach: "own"}} {
		if _, err := s.CreateRole(ctx, bad, none); faultOf(err) == "-" {
			t.Errorf("%+v was taken: %v", bad, err)
		}
	}
	verify(t, f.sys)
}

// The same races, not left to chance: the second waits for the first and sees what it did.
func TestChangesOfAdminsAndTeamsWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	err := f.meanwhile(t, "3, 0",
		func() { run(t, f.conn, `UPDATE users SET is_active = FALSE WHERE id = $1`, f.tom.ID) },
		func() error { return second(s.SetUserActive(ctx, f.mia.ID, false)) })
	if faultOf(err) != "" {
		t.Errorf("the last admin was deactivated: %v", err)
	}
	a, b := must(s.CreateTeam(ctx, crm.Team{Name: "A"}, none))(t).ID, must(s.CreateTeam(ctx, crm.Team{Name: "B"}, none))(t).ID
	err = f.meanwhile(t, "4, 0",
		func() { run(t, f.conn, `UPDATE teams SET parent_id = $1 WHERE id = $2`, b, a) },
		func() error {
			return second(s.UpdateTeam(ctx, crm.Team{ID: b, Name: "B", ParentID: idOf(a), Version: 1}))
		})
	if faultOf(err) != "parent_id" {
		t.Errorf("two moves closed a circle: %v", err)
	}
}

// A user who is just saving something can be edited at the same time: the two do not wait for each other.
func TestAUserAtWorkCanBeChanged(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `INSERT INTO change_sets (id, kind, user_id) VALUES (gen_random_uuid(), 'update_org', $1)`, f.tom.ID)
	tom := must(s.User(ctx, f.tom.ID))(t)
	tom.Name = "Thomas"
	saved, err := s.UpdateUser(ctx, tom)
	if err != nil {
		t.Fatalf("tom cannot be changed while he writes: %v", err)
	}
	undoes(t, s, saved.ChangeSet, 1)
	run(t, f.conn, `ROLLBACK`)
	verify(t, f.sys)
}

// An admin sees whom any budget keeps out, and so can end it: of an hour or a day, too, and of an address the user
// is known at, which is where people mistype.
func TestLockedIsWhomABudgetKeepsOut(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	const password, code = `sha256(convert_to(u.email, 'UTF8'))`, `uuid_send(u.id)`
	for _, tt := range []struct {
		what, account, address, age string
		known                       bool
		wrong                       int
		want                        crm.UserState
	}{
		{"a quarter", password, "'192.0.2.1'", "1 minute", false, 5, crm.UserLocked},
		{"not yet", password, "'192.0.2.1'", "1 minute", false, 4, crm.UserActive},
		{"a quarter ago", password, "'192.0.2.1'", "16 minutes", false, 19, crm.UserActive},
		{"an hour", password, "'192.0.2.1'", "16 minutes", false, 20, crm.UserLocked},
		{"a known address", password, "'192.0.2.1'", "1 minute", true, 5, crm.UserLocked},
		{"known addresses, each its own", password, "'192.0.2.1'::inet + n", "1 minute", true, 9, crm.UserActive},
		{"codes of a quarter", code, "'::'", "1 minute", false, 5, crm.UserLocked},
		{"codes of a day", code, "'::'", "20 hours", false, 30, crm.UserLocked},
		{"codes, not yet", code, "'::'", "20 hours", false, 29, crm.UserActive},
		{"codes of yesterday", code, "'::'", "25 hours", false, 30, crm.UserActive},
	} {
		run(t, f.conn, `INSERT INTO sign_in_attempts (account, address, known, evaluated, created_at)
			SELECT `+tt.account+`, (`+tt.address+`)::inet, $2, TRUE, now() - $3::text::interval FROM users u, generate_series(1, $4::int) n WHERE u.id = $1`,
			f.mia.ID, tt.known, tt.age, tt.wrong)
		if got := must(f.sys.User(ctx, f.mia.ID))(t).State; got != tt.want {
			t.Errorf("%s: %d wrong ones make the user %s, want %s", tt.what, tt.wrong, got, tt.want)
		}
		if err := f.sys.UnlockUser(ctx, f.mia.ID); err != nil {
			t.Fatal(err)
		}
		if got := must(f.sys.User(ctx, f.mia.ID))(t).State; got != crm.UserActive {
			t.Errorf("%s: unlocked, the user is %s", tt.what, got)
		}
	}
}
