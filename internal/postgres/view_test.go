package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// named is a view of the organizations.
func named(name string, shared crm.Sharing, team uuid.NullUUID) crm.SavedView {
	return crm.SavedView{List: crm.OrganizationList, Name: name, Query: "owner=me", Shared: shared, TeamID: team}
}

// offered lists the names of the views in the actor's tabs.
func offered(t *testing.T, s *postgres.Store, list crm.List) string {
	t.Helper()
	var all []string
	for _, v := range must(s.ListFrame(ctx, list, postgres.FrameQuery{}))(t).Views {
		all = append(all, v.Name)
	}
	return strings.Join(all, " ")
}

// works returns the register as a user who works with clients, and with more where given, sees it.
func (tr *tree) works(name string, more ...authz.Permission) *postgres.Store {
	return tr.db.As(postgrestest.Actor(tr.users[name], authz.Own, slices.Concat(four, more)...), postgres.Origin{})
}

func TestAViewIsOfferedToThoseItIsSharedWith(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	eva := tr.works("eva", authz.ManageUsers)
	ids := map[string]uuid.UUID{}
	for name, v := range map[string]crm.SavedView{
		"private": named("private", crm.Private, none), "everyone": named("everyone", crm.WithEveryone, none),
		"europe": named("europe", crm.WithTeam, idOf(tr.teams["europe"])), "north": named("north", crm.WithTeam, idOf(tr.teams["north"])),
	} {
		ids[name] = must(eva.CreateView(ctx, v, false, none))(t).ID
	}
	must(tr.works("nils").CreateView(ctx, named("nils's", crm.Private, none), false, none))(t)
	for who, want := range map[string]string{
		"eva": "europe everyone north private", "nils": "nils's europe everyone north", "sara": "europe everyone", "lone": "everyone",
	} {
		s := tr.works(who)
		if got := offered(t, s, crm.OrganizationList); got != want {
			t.Errorf("%s is offered %q, want %q", who, got, want)
		}
		for name, id := range ids {
			_, err := s.View(ctx, id)
			if shown := strings.Contains(want, name); shown != (err == nil) || !shown && !isNotFound(err) {
				t.Errorf("%s opens %s: %v; it is among the offered: %v", who, name, err, shown)
			}
			f := must(s.ListFrame(ctx, crm.OrganizationList, postgres.FrameQuery{Named: idOf(id)}))(t)
			if (f.Named != nil) != strings.Contains(want, name) {
				t.Errorf("%s names %s and gets %v", who, name, f.Named)
			}
		}
	}
	if got := offered(t, tr.works("eva"), crm.ContactList); got != "" {
		t.Errorf("the list of contacts offers views of organizations: %q", got)
	}
	talks := tr.db.As(postgrestest.Actor(tr.users["eva"], authz.All, authz.ViewInteraction), postgres.Origin{})
	var f postgres.Forbidden
	if _, err := talks.View(ctx, ids["private"]); !errors.As(err, &f) || f.Permission != authz.ViewClient {
		t.Errorf("a view of organizations without ViewClient: %v", err)
	}
}

func TestOnlyItsOwnerOrWhoManagesUsersChangesASharedView(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	nils, sara, eva := tr.works("nils"), tr.works("sara"), tr.works("eva", authz.ManageUsers)
	shared := must(nils.CreateView(ctx, named("Ours", crm.WithEveryone, none), false, none))(t).ID
	private := must(nils.CreateView(ctx, named("Mine", crm.Private, none), false, none))(t).ID
	v := named("Hers", crm.WithEveryone, none)
	v.Version = 1
	for id, want := range map[uuid.UUID]string{shared: "forbidden", private: "not found"} {
		v.ID = id
		_, update := sara.UpdateView(ctx, v)
		_, remove := sara.DeleteView(ctx, id)
		_, _, edit := sara.ViewToEdit(ctx, id)
		for _, err := range []error{update, remove, edit} {
			var f postgres.Forbidden
			if errors.As(err, &f) != (want == "forbidden") || isNotFound(err) != (want == "not found") {
				t.Errorf("somebody else's view: got %v, want %s", err, want)
			}
		}
	}
	v.ID = private
	if _, err := eva.UpdateView(ctx, v); !isNotFound(err) {
		t.Errorf("a manager of users and somebody's private view: %v", err)
	}
	v.ID, v.Shared = shared, crm.Private
	if _, err := eva.UpdateView(ctx, v); faultOf(err) != "shared" {
		t.Errorf("a manager made somebody's view private: %v", err)
	}
	v.Shared = crm.WithEveryone
	must(eva.UpdateView(ctx, v))(t)
	if got := must(nils.View(ctx, shared))(t); got.Name != "Hers" || !got.Mine || got.Version != 2 {
		t.Errorf("after the manager's change: %+v", got)
	}
	if _, err := nils.UpdateView(ctx, v); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a stale save: %v", err)
	}
	v.Version = 2
	if _, err := nils.UpdateView(ctx, v); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("a save that changes nothing: %v", err)
	}
	verify(t, tr.sys)
}

func TestAViewIsSharedWithOnesOwnTeam(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	north, south := idOf(tr.teams["north"]), idOf(tr.teams["south"])
	nils := tr.works("nils")
	if _, err := nils.CreateView(ctx, named("South", crm.WithTeam, south), false, none); faultOf(err) != "team_id" {
		t.Errorf("shared with another team: %v", err)
	}
	if _, err := nils.CreateView(ctx, named("None", crm.WithTeam, none), false, none); faultOf(err) != "team_id" {
		t.Errorf("shared with no team: %v", err)
	}
	if _, err := nils.CreateView(ctx, named("Gone", crm.WithTeam, idOf(uuid.New())), false, none); faultOf(err) != "team_id" {
		t.Errorf("shared with a team that does not exist: %v", err)
	}
	must(nils.CreateView(ctx, named("North", crm.WithTeam, north), false, none))(t)
	must(tr.works("nils", authz.ManageUsers).CreateView(ctx, named("South", crm.WithTeam, south), false, none))(t)
	if got := len(must(nils.ViewTeams(ctx, crm.OrganizationList))(t)); got != 1 {
		t.Errorf("nils may share with %d teams, want his own", got)
	}
	if got := len(must(tr.works("lone").ViewTeams(ctx, crm.OrganizationList))(t)); got != 0 {
		t.Errorf("without a team one may share with %d", got)
	}
	if got := len(must(tr.works("nils", authz.ManageUsers).ViewTeams(ctx, crm.OrganizationList))(t)); got != 3 {
		t.Errorf("who manages users may share with %d teams, want all 3", got)
	}
}

func TestAViewHasANameOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	token := idOf(uuid.New())
	first := must(mia.CreateView(ctx, named("Mine", crm.Private, none), false, token))(t)
	if again := must(mia.CreateView(ctx, named("Mine", crm.Private, none), false, token))(t); again.ID != first.ID {
		t.Errorf("a form sent twice made two views")
	}
	if _, err := mia.CreateView(ctx, named(" Mine ", crm.Private, none), false, none); faultOf(err) != "name" {
		t.Errorf("a second view of this name: %v", err)
	}
	must(tom.CreateView(ctx, named("Mine", crm.Private, none), false, none))(t)
	contacts := named("Mine", crm.Private, none)
	contacts.List = crm.ContactList
	must(mia.CreateView(ctx, contacts, false, none))(t)
	bad := map[string]crm.SavedView{
		"name":    named(strings.Repeat("ä", 81), crm.Private, none),
		"shared":  named("a", "all", none),
		"query":   {List: crm.ContactList, Name: "a", Query: strings.Repeat("a", 4001)},
		"columns": {List: crm.ContactList, Name: "a", Columns: "owner,<b>"},
	}
	for field, v := range bad {
		if _, err := mia.CreateView(ctx, v, false, none); faultOf(err) != field {
			t.Errorf("%+v: got %v, want a fault of %s", v, err, field)
		}
	}
	if _, err := mia.CreateView(ctx, named("", crm.Private, none), false, none); faultOf(err) != "name" {
		t.Errorf("no name: %v", err)
	}
}

func TestUndoOfViews(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.own(f.tom)
	made := must(mia.CreateView(ctx, named("Ours", crm.WithEveryone, none), true, none))(t)
	fatal(t, tom.PinView(ctx, made.ID, true))
	v := must(mia.View(ctx, made.ID))(t)
	v.Query, v.Columns = "sector=Energy", "sector"
	changed := must(mia.UpdateView(ctx, v))(t)
	gone := must(mia.DeleteView(ctx, made.ID))(t)
	if _, err := mia.View(ctx, made.ID); !isNotFound(err) {
		t.Fatalf("a deleted view: %v", err)
	}
	for _, cs := range []uuid.UUID{made.ChangeSet, changed.ChangeSet, gone.ChangeSet} {
		if _, err := tom.Undo(ctx, cs); !isNotFound(err) {
			t.Errorf("tom, who only saw the view, undid a change of it: %v", err)
		}
		if _, err := tom.ChangeSet(ctx, cs); !isNotFound(err) {
			t.Errorf("tom reads its history: %v", err)
		}
	}
	undoes(t, mia, gone.ChangeSet, 1)
	if got := must(mia.View(ctx, made.ID))(t); got.Query != "sector=Energy" || !got.Pinned {
		t.Errorf("brought back as %+v", got)
	}
	if got := must(tom.View(ctx, made.ID))(t); !got.Pinned {
		t.Errorf("brought back, it is no longer in tom's rail")
	}
	undoes(t, mia, changed.ChangeSet, 1)
	if got := must(mia.View(ctx, made.ID))(t); got.Query != "owner=me" || got.Columns != "" {
		t.Errorf("its change taken back, it is %+v", got)
	}
	gone = must(mia.DeleteView(ctx, made.ID))(t)
	must(mia.CreateView(ctx, named("Ours", crm.Private, none), false, none))(t)
	must(f.all(f.tom).CreateView(ctx, named("Theirs", crm.Private, none), false, none))(t)
	undoes(t, mia, gone.ChangeSet, 0, "Ours") // its name was taken meanwhile
	other := must(mia.CreateView(ctx, named("Theirs", crm.Private, none), false, none))(t)
	gone = must(mia.DeleteView(ctx, other.ID))(t)
	undoes(t, mia, gone.ChangeSet, 1) // the same name of somebody else's is no obstacle
	verify(t, f.sys)
}

func TestUndoOfSharingKeepsTheTeamChosenSince(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	eva := tr.works("eva", authz.ManageUsers)
	v := named("Ours", crm.Private, none)
	v.ID = must(eva.CreateView(ctx, v, false, none))(t).ID
	v.Version, v.Shared, v.TeamID = 1, crm.WithTeam, idOf(tr.teams["north"])
	shared := must(eva.UpdateView(ctx, v))(t)
	v.Version, v.TeamID = 2, idOf(tr.teams["south"])
	must(eva.UpdateView(ctx, v))(t)
	undoes(t, eva, shared.ChangeSet, 1, "Ours: team_id")
	for _, who := range []string{"nils", "sara"} {
		if got := offered(t, tr.works(who), crm.OrganizationList); got != "" {
			t.Errorf("%s is still offered %q", who, got)
		}
	}
	verify(t, tr.sys)
}

// TestThePastOfAPrivateViewIsItsOwners: sharing it later does not show what it was.
func TestThePastOfAPrivateViewIsItsOwners(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	v := named("Granvik", crm.Private, none)
	made := must(mia.CreateView(ctx, v, false, none))(t)
	v.ID, v.Version, v.Name, v.Shared = made.ID, 1, "All", crm.WithEveryone
	opened := must(mia.UpdateView(ctx, v))(t)
	v.Version, v.Name = 2, "Everything"
	later := must(mia.UpdateView(ctx, v))(t)
	for _, cs := range []uuid.UUID{made.ChangeSet, opened.ChangeSet} {
		if _, err := tom.ChangeSet(ctx, cs); !isNotFound(err) {
			t.Errorf("a manager of users reads what was private: %v", err)
		}
	}
	must(tom.ChangeSet(ctx, later.ChangeSet))(t)
	log := asJSON(t, must(tom.Audit(ctx, crm.AuditFilter{TargetID: idOf(made.ID)}))(t))
	if strings.Contains(log, "Granvik") || !strings.Contains(log, "Everything") {
		t.Errorf("the audit log as a manager of users reads it: %s", log)
	}
}

func TestTheRailComesWithTheSession(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	nils, sara := tr.works("nils"), tr.works("sara")
	mine := must(nils.CreateView(ctx, named("Mine all mine", crm.Private, none), true, none))(t).ID
	ours := must(nils.CreateView(ctx, named("Ours", crm.WithEveryone, none), false, none))(t)
	rail := func(who string) []crm.Pin {
		token := uuid.NewString()
		run(t, tr.conn, `INSERT INTO sessions (token, user_id, data, expires_at) VALUES ($1, $2, '{}', now() + interval '1 hour')`, token, tr.users[who].ID)
		s, _, err := tr.db.FindSession(ctx, token, 1e12)
		fatal(t, err)
		return s.Pins
	}
	wants := func(who, when string, want ...crm.Pin) {
		t.Helper()
		if diff := cmp.Diff(want, rail(who), cmp.Transformer("", func(p []crm.Pin) string { return asJSON(t, slices.Clip(p)) })); len(want)+len(rail(who)) > 0 && diff != "" {
			t.Errorf("%s's rail, %s (- want, + got):\n%s", who, when, diff)
		}
	}
	fatal(t, sara.PinView(ctx, ours.ID, true))
	fatal(t, sara.PinView(ctx, ours.ID, true))
	if err := sara.PinView(ctx, mine, true); !isNotFound(err) {
		t.Errorf("sara pinned nils's private view: %v", err)
	}
	wants("nils", "after saving", crm.Pin{ID: mine, List: crm.OrganizationList, Name: "Mine all mine", Mine: true})
	wants("sara", "pinned", crm.Pin{ID: ours.ID, List: crm.OrganizationList, Name: "Ours"})
	v := must(nils.View(ctx, ours.ID))(t)
	v.Shared = crm.Private
	must(nils.UpdateView(ctx, v))(t)
	wants("sara", "no longer shared with her")
	fatal(t, nils.PinView(ctx, mine, false))
	wants("nils", "unpinned")
	for i := range crm.MaxPins {
		must(sara.CreateView(ctx, named(strings.Repeat("x", i+1), crm.Private, none), true, none))(t)
	}
	if _, err := sara.CreateView(ctx, named("one more", crm.Private, none), true, none); faultOf(err) != "pinned" {
		t.Errorf("one pin more than the rail holds: %v", err)
	}
}

func TestEachKeepsTheirOwnListSettings(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	view := must(mia.CreateView(ctx, named("Ours", crm.WithEveryone, none), false, none))(t).ID
	fatal(t, mia.SetColumns(ctx, crm.OrganizationList, "sector,owner"))
	fatal(t, mia.DefaultView(ctx, view, true))
	first := func(s *postgres.Store) string {
		l := must(s.ListFrame(ctx, crm.OrganizationList, postgres.FrameQuery{}))(t)
		text := l.Columns
		for _, v := range l.Views {
			if v.IsDefault {
				text += " opens with " + v.Name
			}
		}
		return text
	}
	if got, want := first(mia), "sector,owner opens with Ours"; got != want {
		t.Errorf("mia's list: %q, want %q", got, want)
	}
	if got := first(tom); got != "" {
		t.Errorf("tom's list: %q, want nothing of mia's", got)
	}
	fatal(t, mia.DefaultView(ctx, view, false))
	fatal(t, mia.SetColumns(ctx, crm.OrganizationList, ""))
	if got := first(mia); got != "" {
		t.Errorf("mia's list after taking both back: %q", got)
	}
	if err := mia.SetColumns(ctx, crm.OrganizationList, "a b"); faultOf(err) != "columns" {
		t.Errorf("columns that are no names: %v", err)
	}
}
