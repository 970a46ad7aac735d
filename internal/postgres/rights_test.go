package postgres_test

import (
	"errors"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// leaders is a firm in which mia leads the team North with team reach and manages users, and tom, of the team
// South, is an administrator.
type leaders struct {
	*firm
	mine               *postgres.Store // the register as mia sees it
	lead, more, admin  uuid.UUID       // roles: mia's, one that permits more, the administrator's
	north, south, away uuid.UUID       // teams: mia's, tom's, one without members
}

func newLeaders(t *testing.T) *leaders {
	t.Helper()
	l := &leaders{firm: newFirm(t)}
	l.lead = postgrestest.Role(t, l.db, "team", authz.ManageUsers, authz.ViewClient)
	l.more = postgrestest.Role(t, l.db, "team", authz.ViewAudit)
	l.admin = postgrestest.Seeded(t, l.db, "admin")
	for name, id := range map[string]*uuid.UUID{"North": &l.north, "South": &l.south, "Away": &l.away} {
		*id = must(l.sys.CreateTeam(ctx, crm.Team{Name: name}, none))(t).ID
	}
	l.place(t, l.mia.ID, l.north, l.lead)
	l.place(t, l.tom.ID, l.south, l.admin)
	l.mine = l.db.As(postgrestest.Actor(l.mia, authz.Team, authz.ManageUsers, authz.ViewClient), postgres.Origin{})
	return l
}

// place gives a user a team and roles, past every rule.
func (l *leaders) place(t *testing.T, id, team uuid.UUID, roles ...uuid.UUID) {
	t.Helper()
	must(l.assign(l.sys, id, team, roles...))(t)
}

func (l *leaders) assign(s *postgres.Store, id, team uuid.UUID, roles ...uuid.UUID) (postgres.Saved, error) {
	u, err := l.sys.User(ctx, id)
	if err != nil {
		return postgres.Saved{}, err
	}
	u.TeamID, u.RoleIDs = idOf(team), roles
	return s.UpdateUser(ctx, u)
}

func (l *leaders) role(s *postgres.Store, id uuid.UUID, change func(*crm.Role)) (postgres.Saved, error) {
	r, err := l.sys.Role(ctx, id)
	if err != nil {
		return postgres.Saved{}, err
	}
	change(&r)
	return s.UpdateRole(ctx, r)
}

func (l *leaders) move(s *postgres.Store, id uuid.UUID, below uuid.NullUUID) (postgres.Saved, error) {
	team, err := l.sys.Team(ctx, id)
	if err != nil {
		return postgres.Saved{}, err
	}
	team.ParentID = below
	return s.UpdateTeam(ctx, team)
}

// Whatever way leads to more rights of one's own, it is closed: roles, their permissions and reach, teams.
func TestNobodyRaisesTheirOwnRights(t *testing.T) {
	t.Parallel()
	l := newLeaders(t)
	before := must(l.sys.User(ctx, l.mia.ID))(t)
	for what, try := range map[string]func() (postgres.Saved, error){
		"a role for oneself":        func() (postgres.Saved, error) { return l.assign(l.mine, l.mia.ID, l.north, l.lead, l.more) },
		"another role instead":      func() (postgres.Saved, error) { return l.assign(l.mine, l.mia.ID, l.north, l.admin) },
		"a permission for the role": func() (postgres.Saved, error) { return l.role(l.mine, l.lead, allow(authz.EditClient)) },
		"a wider reach":             func() (postgres.Saved, error) { return l.role(l.mine, l.lead, reach("all")) },
		"another team":              func() (postgres.Saved, error) { return l.assign(l.mine, l.mia.ID, l.south, l.lead) },
		"a colleague into the team": func() (postgres.Saved, error) { return l.assign(l.mine, l.tom.ID, l.north, l.admin) },
		"a team below one's own":    func() (postgres.Saved, error) { return l.move(l.mine, l.south, idOf(l.north)) },
	} {
		if _, err := try(); faultOf(err) != "" {
			t.Errorf("%s: %v, want a refusal", what, err)
		}
	}
	if after := must(l.sys.User(ctx, l.mia.ID))(t); after.Version != before.Version {
		t.Errorf("a refusal left mia as %+v", after)
	}
	verify(t, l.sys)
}

// What was taken from somebody they cannot bring back by undoing it, nor by undoing the undo of a gift.
func TestUndoDoesNotRaiseOnesOwnRights(t *testing.T) {
	t.Parallel()
	l := newLeaders(t)
	tom := l.all(l.tom)
	taken := []postgres.Saved{must(l.assign(tom, l.mia.ID, l.north, l.lead, l.more))(t), must(l.assign(tom, l.mia.ID, l.north, l.lead))(t)}
	gift := must(tom.Undo(ctx, must(l.role(tom, l.lead, allow(authz.EditClient)))(t).ChangeSet))(t)
	out := must(l.assign(l.sys, l.tom.ID, l.north, l.admin))(t)
	back := must(l.sys.Undo(ctx, out.ChangeSet))(t)
	must(l.move(l.sys, l.south, idOf(l.north)))(t)
	apart := must(l.move(l.sys, l.south, none))(t)
	for what, id := range map[string]uuid.UUID{
		"a role taken": taken[1].ChangeSet, "a permission's undo": gift.ChangeSetID, "a move's undo": back.ChangeSetID, "a team moved away": apart.ChangeSet,
	} {
		if _, err := l.mine.Undo(ctx, id); faultOf(err) != "" {
			t.Errorf("mia took back %s: %v, want a refusal", what, err)
		}
	}
	undoes(t, tom, gift.ChangeSetID, 1) // another may
	verify(t, l.sys)
}

// The rule stops nobody from doing their work: raising others, lowering oneself, and what changes no right.
func TestRightsOfOthersMayGrow(t *testing.T) {
	t.Parallel()
	l := newLeaders(t)
	must(l.mine.CreateUser(ctx, crm.User{Name: "New", Email: "new@example.test", TeamID: idOf(l.north), RoleIDs: []uuid.UUID{l.admin}}, "x", true, none))(t)
	must(l.assign(l.mine, l.tom.ID, l.south, l.admin, l.more))(t)
	must(l.role(l.mine, l.more, allow(authz.EditClient)))(t)
	must(l.role(l.mine, l.lead, func(r *crm.Role) { r.Name = "Lead" }))(t)
	must(l.move(l.mine, l.away, idOf(l.north)))(t) // nobody is in it
	must(l.role(l.mine, l.lead, func(r *crm.Role) { r.Permissions = []string{"ManageUsers"} }))(t)
	must(l.assign(l.mine, l.mia.ID, l.away, l.lead))(t)
	l.place(t, l.mia.ID, l.south, l.lead, l.more) // the command line stands above the rule

	// who reaches all by other roles gains nothing by a team
	l.place(t, l.mia.ID, l.north, l.admin, l.lead)
	must(l.assign(l.mine, l.tom.ID, l.north, l.admin))(t)
	verify(t, l.sys)
}

func allow(p authz.Permission) func(*crm.Role) {
	return func(r *crm.Role) { r.Permissions = append(r.Permissions, string(p)) }
}

func reach(to string) func(*crm.Role) { return func(r *crm.Role) { r.Reach = to } }

// Eight administrators who all take each other's role, or deactivate each other, leave one.
func TestEightAdminsDemoteEachOther(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	admin := postgrestest.Seeded(t, f.db, "admin")
	users := []crm.User{must(f.sys.User(ctx, f.mia.ID))(t), must(f.sys.User(ctx, f.tom.ID))(t)}
	for _, name := range []string{"a", "b", "c", "d", "e", "g"} {
		u := postgrestest.User(t, f.db, name, none, "x", admin)
		users = append(users, must(f.sys.User(ctx, u.ID))(t))
	}
	for _, err := range atOnce(2*len(users), func(n int) error {
		by, other := users[n%len(users)], users[(n+1)%len(users)]
		if n < len(users) {
			other.RoleIDs = nil
			return second(f.all(by).UpdateUser(ctx, other))
		}
		return second(f.all(by).SetUserActive(ctx, other.ID, false))
	}) {
		if err != nil && faultOf(err) != "" && !errors.Is(err, crm.ErrConflict) {
			t.Error(err)
		}
	}
	left := read[int](t, f.conn, `SELECT count(*) FROM users u JOIN user_roles ur ON ur.user_id = u.id WHERE u.is_active AND ur.role_id = $1`, admin)
	if left != 1 {
		t.Errorf("%d administrators are left, want 1", left)
	}
	verify(t, f.sys)
}

// An undo of clients waits for no change of rights; an undo of users does.
func TestOnlyUndosOfRightsWait(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	edited := f.edit(t, f.all(f.mia), f.hers, func(o *crm.Organization) { o.Sector = "Robotics" })
	tom := must(f.sys.User(ctx, f.tom.ID))(t)
	tom.Name = "Thomas"
	renamed := must(f.all(f.mia).UpdateUser(ctx, tom))(t)
	err := f.meanwhile(t, "3, 0", func() {}, func() error {
		undoes(t, f.all(f.mia), edited.ChangeSet, 1)
		return second(f.all(f.mia).Undo(ctx, renamed.ChangeSet))
	})
	if err != nil {
		t.Error(err)
	}
}
