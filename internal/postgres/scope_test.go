package postgres_test

import (
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

// tree is a firm with teams: north and south below europe; one user in each, and one in none. Each owns an
// organization with a contact and an interaction by the system, all named after their owner.
type tree struct {
	*firm
	users map[string]crm.User
	teams map[string]uuid.UUID
	orgs  map[string]uuid.UUID
	calls map[string]uuid.UUID
}

func newTree(t *testing.T) *tree {
	t.Helper()
	tr := &tree{users: map[string]crm.User{}, teams: map[string]uuid.UUID{}, orgs: map[string]uuid.UUID{}, calls: map[string]uuid.UUID{}}
	tr.firm = &firm{}
	tr.db, tr.conn = openRaw(t)
	tr.sys = postgrestest.System(tr.db)
	team := func(name string, parent uuid.NullUUID) uuid.NullUUID {
		tr.teams[name] = must(tr.sys.CreateTeam(ctx, crm.Team{Name: name, ParentID: parent}, none))(t).ID
		return idOf(tr.teams[name])
	}
	europe := team("europe", none)
	for name, in := range map[string]uuid.NullUUID{"eva": europe, "nils": team("north", europe), "sara": team("south", europe), "lone": none} {
		u := postgrestest.User(t, tr.db, name, in, "x")
		tr.users[name] = u
		tr.orgs[name] = postgrestest.Organization(t, tr.db, "Org of "+name, idOf(u.ID))
		tr.link(t, tr.orgs[name], tr.contact(t, "Friend-of-"+name, none), "")
		tr.calls[name] = tr.log(t, tr.sys, idOf(tr.orgs[name]), none, "Call about "+name).ID
	}
	return tr
}

// actor loads a user as the next request would, through a session.
func (tr *tree) actor(t *testing.T, u crm.User) authz.Actor {
	t.Helper()
	token := uuid.NewString()
	run(t, tr.conn, `INSERT INTO sessions (token, user_id, data, expires_at) VALUES ($1, $2, '{}', now() + interval '1 hour')`, token, u.ID)
	s, found, err := tr.db.FindSession(ctx, token, 1e12)
	if err != nil || !found {
		t.Fatalf("session: %v %v", found, err)
	}
	return s.Actor
}

func (tr *tree) give(t *testing.T, name string, roles ...uuid.UUID) *postgres.Store {
	t.Helper()
	u := must(tr.sys.User(ctx, tr.users[name].ID))(t)
	u.RoleIDs = roles
	must(tr.sys.UpdateUser(ctx, u))(t)
	return tr.db.As(tr.actor(t, u), postgres.Origin{})
}

// seen lists whose records a store shows, by every way there is; each way must agree.
func (tr *tree) seen(t *testing.T, s *postgres.Store) string {
	t.Helper()
	ways := map[string][]string{}
	add := func(way, text string) {
		for name := range tr.users {
			if strings.Contains(text, name) && !slices.Contains(ways[way], name) {
				ways[way] = append(ways[way], name)
			}
		}
	}
	for _, way := range []string{"organizations", "contacts", "interactions", "search", "page", "contact page", "interaction", "history", "change set", "candidates", "audit", "filtered"} {
		ways[way] = nil
	}
	l := must(s.Organizations(ctx, crm.OrganizationFilter{}))(t)
	for _, o := range l.Rows {
		add("organizations", o.DisplayName)
	}
	c := must(s.Contacts(ctx, crm.ContactFilter{}))(t)
	for _, r := range c.Rows {
		add("contacts", r.FirstName)
	}
	i := must(s.Interactions(ctx, crm.InteractionFilter{}))(t)
	for _, r := range i.Rows {
		add("interactions", r.Subject)
		add("interactions", r.OrganizationName)
	}
	if l.Count != len(l.Rows) || c.Count != len(c.Rows) || i.Count != len(i.Rows) {
		t.Errorf("counts %d, %d, %d of lists of %d, %d, %d", l.Count, c.Count, i.Count, len(l.Rows), len(c.Rows), len(i.Rows))
	}
	add("search", fmt.Sprint(must(s.Search(ctx, "of"))(t), must(s.Search(ctx, "call"))(t)))
	add("filtered", fmt.Sprint(must(s.Organizations(ctx, crm.OrganizationFilter{Query: "org", Status: crm.StatusAll, Sort: crm.Sort{By: crm.ByNewest}}))(t).Rows))
	for name, id := range tr.orgs {
		p, err := s.OrganizationPage(ctx, id, crm.TimelineView{})
		if err == nil {
			add("page", p.Organization.DisplayName)
			if len(p.Timeline.Interactions) != 1 || len(p.People) != 1 {
				t.Errorf("page of %s: %d interactions, %d people", name, len(p.Timeline.Interactions), len(p.People))
			}
		} else if !isNotFound(err) {
			t.Error(err)
		}
		for _, h := range must(s.History(ctx, audit.Organization, id, crm.Page{}))(t).Rows {
			add("history", h.TargetName)
		}
		cs := read[uuid.UUID](t, tr.conn, `SELECT change_set_id FROM audit_logs WHERE target_id = $1 AND action = 'create_org'`, id)
		if set, err := s.ChangeSet(ctx, cs); err == nil {
			add("change set", set.Changes[0].TargetName)
		} else if !isNotFound(err) {
			t.Error(err)
		}
		contact := read[uuid.UUID](t, tr.conn, `SELECT contact_id FROM organization_contact WHERE organization_id = $1`, id)
		if p, err := s.ContactPage(ctx, contact, crm.TimelineView{}); err == nil {
			add("contact page", p.Contact.FirstName)
		} else if !isNotFound(err) {
			t.Error(err)
		}
		if p, err := s.InteractionPage(ctx, tr.calls[name]); err == nil {
			i := p.Interaction
			add("interaction", i.Subject)
		} else if !isNotFound(err) {
			t.Error(err)
		}
	}
	host := must(tr.sys.CreateOrganization(ctx, crm.Organization{LegalName: "Host", DisplayName: "Host", OwnerUserID: idOf(tr.users["nils"].ID)}, none))(t)
	if _, found, err := s.LinkCandidates(ctx, host.ID, ""); err == nil {
		add("candidates", fmt.Sprint(found))
	} else if isNotFound(err) {
		delete(ways, "candidates")
	} else {
		t.Error(err)
	}
	_, err := tr.sys.Undo(ctx, host.ChangeSet)
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range tr.audit(t, s) {
		if r.TargetType == audit.Organization || r.TargetType == audit.Relationship || r.TargetType == audit.Contact || r.TargetType == audit.Interaction {
			add("audit", r.TargetName+r.LinkedName+string(r.Before)+string(r.After))
		}
	}
	var want string
	for way, names := range ways {
		slices.Sort(names)
		got := strings.Join(names, " ")
		if way == "organizations" {
			want = got
		}
	}
	for way, names := range ways {
		if got := strings.Join(names, " "); got != want {
			t.Errorf("%s shows %q, the list of organizations %q", way, got, want)
		}
	}
	return want
}

// audit walks the whole audit log.
func (tr *tree) audit(t *testing.T, s *postgres.Store) []crm.Change {
	t.Helper()
	var rows []crm.Change
	for page := (crm.Page{}); ; {
		l := must(s.Audit(ctx, crm.AuditFilter{Page: page}))(t)
		rows = append(rows, l.Rows...)
		if page = l.Next; page.First() {
			return rows
		}
	}
}

func TestReach(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	all := append(slices.Clone(four), authz.ViewAudit)
	own := postgrestest.Role(t, tr.db, "own", all...)
	team := postgrestest.Role(t, tr.db, "team", all...)
	whole := postgrestest.Role(t, tr.db, "all", all...)
	for _, tt := range []struct {
		who   string
		roles []uuid.UUID
		want  string
	}{
		{"nils", []uuid.UUID{own}, "nils"},
		{"nils", []uuid.UUID{team}, "nils"},
		{"eva", []uuid.UUID{team}, "eva nils sara"}, // a parent's members reach their children's
		{"lone", []uuid.UUID{team}, "lone"},
		{"eva", []uuid.UUID{own, team}, "eva nils sara"}, // the widest of several roles
		{"eva", []uuid.UUID{own, whole}, "eva lone nils sara"},
	} {
		if got := tr.seen(t, tr.give(t, tt.who, tt.roles...)); got != tt.want {
			t.Errorf("%s with %d roles sees %q, want %q", tt.who, len(tt.roles), got, tt.want)
		}
	}
	// moving a team moves its reach
	north := must(tr.sys.Team(ctx, tr.teams["north"]))(t)
	north.ParentID = none
	must(tr.sys.UpdateTeam(ctx, north))(t)
	if got := tr.seen(t, tr.give(t, "eva", team)); got != "eva sara" {
		t.Errorf("after north left europe eva sees %q", got)
	}
}

func TestReachIsPerPermission(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	viewAll := postgrestest.Role(t, tr.db, "all", authz.ViewClient, authz.ViewInteraction)
	editOwn := postgrestest.Role(t, tr.db, "own", authz.EditClient, authz.EditInteraction)
	editAll := postgrestest.Role(t, tr.db, "all", authz.EditClient, authz.EditInteraction)
	viewOwn := postgrestest.Role(t, tr.db, "own", authz.ViewClient, authz.ViewInteraction)
	for name, s := range map[string]*postgres.Store{"view all, edit own": tr.give(t, "nils", viewAll, editOwn), "view own, edit all": tr.give(t, "sara", viewOwn, editAll)} {
		mine := map[string]string{"view all, edit own": "nils", "view own, edit all": "sara"}[name]
		if _, err := s.SetOrganizationActive(ctx, tr.orgs[mine], false); err != nil {
			t.Errorf("%s: own: %v", name, err)
		}
		if _, err := s.SetOrganizationActive(ctx, tr.orgs["eva"], false); !isNotFound(err) {
			t.Errorf("%s: a foreign organization was archived: %v", name, err)
		}
		if _, err := s.DeleteInteraction(ctx, tr.calls["eva"]); !isNotFound(err) {
			t.Errorf("%s: a foreign interaction: %v", name, err)
		}
	}
}

func TestWaysToReachAContactAndAnInteraction(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	owned, linked, foreign := f.contact(t, "Owned", idOf(f.mia.ID)), f.contact(t, "Linked", idOf(f.tom.ID)), f.contact(t, "Foreign", idOf(f.tom.ID))
	f.link(t, f.hers, linked, "")
	for name, c := range map[string]struct {
		id   uuid.UUID
		want bool
	}{"owner": {owned, true}, "organization": {linked, true}, "neither": {foreign, false}} {
		if _, err := mia.Contact(ctx, c.id); (err == nil) != c.want {
			t.Errorf("contact by %s: %v", name, err)
		}
	}
	tom := f.all(f.tom)
	for name, c := range map[string]struct {
		id   uuid.UUID
		want bool
	}{
		"organization":                 {f.log(t, tom, idOf(f.hers), none, "a").ID, true},
		"contact":                      {f.log(t, tom, none, idOf(owned), "b").ID, true},
		"contact through organization": {f.log(t, tom, none, idOf(linked), "c").ID, true},
		"author":                       {f.log(t, f.all(f.mia), idOf(f.his), none, "d").ID, true},
		"none":                         {f.log(t, tom, idOf(f.his), idOf(foreign), "e").ID, false},
	} {
		i, err := mia.Interaction(ctx, c.id)
		if (err == nil) != c.want {
			t.Errorf("interaction by %s: %v", name, err)
		}
		if name == "author" && (i.OrganizationName != "" || i.ContactName != "") {
			t.Errorf("an interaction of mia's on a foreign organization names it: %q", i.OrganizationName)
		}
	}
	// no owner is nobody's
	loose := postgrestest.Organization(t, f.db, "Loose", none)
	if _, err := mia.Organization(ctx, loose); !isNotFound(err) {
		t.Errorf("an organization without owner: %v", err)
	}
}

// A record that lost its owner is out of everyone's narrow reach; what it once was gives no way back in.
func TestARecordWithoutOwnerIsNotReachedThroughItsPast(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	person := f.contact(t, "Lars", idOf(f.mia.ID))
	org := f.edit(t, mia, f.hers, func(o *crm.Organization) { o.Sector = "Secret" })
	c := must(mia.Contact(ctx, person))(t)
	c.JobTitle = "Secret"
	con := must(mia.UpdateContact(ctx, c))(t)
	f.edit(t, f.sys, f.hers, func(o *crm.Organization) { o.OwnerUserID = none })
	c = must(f.sys.Contact(ctx, person))(t)
	c.OwnerUserID = none
	must(f.sys.UpdateContact(ctx, c))(t)
	for name, cs := range map[string]uuid.UUID{"organization": org.ChangeSet, "contact": con.ChangeSet} {
		if set, err := mia.ChangeSet(ctx, cs); !isNotFound(err) {
			t.Errorf("%s: mia still reads the change: %v %v", name, set.Changes, err)
		}
		if r, err := mia.Undo(ctx, cs); !isNotFound(err) {
			t.Errorf("%s: mia could still undo: %+v %v", name, r, err)
		}
	}
	for typ, id := range map[string]uuid.UUID{audit.Organization: f.hers, audit.Contact: person} {
		if h := must(mia.History(ctx, typ, id, crm.Page{}))(t); len(h.Rows) != 0 {
			t.Errorf("mia reads %d changes of a %s out of her reach", len(h.Rows), typ)
		}
	}
}

func TestAWriteStaysWithinReach(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	for what, owner := range map[string]uuid.NullUUID{"tom": idOf(f.tom.ID), "an unknown user": idOf(uuid.New())} {
		if _, err := mia.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A", OwnerUserID: owner}, none); faultOf(err) != "owner_user_id" {
			t.Errorf("create for %s: %v", what, err)
		}
		o := must(mia.Organization(ctx, f.hers))(t)
		o.OwnerUserID = owner
		if _, err := mia.UpdateOrganization(ctx, o); faultOf(err) != "owner_user_id" {
			t.Errorf("give to %s: %v", what, err)
		}
	}
	o := must(mia.Organization(ctx, f.hers))(t)
	o.OwnerUserID = none
	if _, err := mia.UpdateOrganization(ctx, o); faultOf(err) != "owner_user_id" {
		t.Errorf("give to nobody: %v", err)
	}
	created := must(mia.CreateContact(ctx, crm.Contact{FirstName: "A", LastName: "B"}, none))(t)
	if c := must(mia.Contact(ctx, created.ID))(t); c.OwnerUserID != idOf(f.mia.ID) {
		t.Errorf("an empty owner became %v, want the creator", c.OwnerUserID)
	}
	if saved := must(f.all(f.mia).CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A"}, none))(t); must(f.sys.Organization(ctx, saved.ID))(t).OwnerUserID.Valid {
		t.Error("with reach all an empty owner does not stay empty")
	}
	linked := f.contact(t, "Linked", idOf(f.tom.ID))
	f.link(t, f.hers, linked, "")
	if _, err := mia.UnlinkContact(ctx, f.hers, linked); faultOf(err) != "contact_id" {
		t.Errorf("unlinking the only way to a person: %v", err)
	}
	if _, err := mia.LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: f.contact(t, "Foreign", idOf(f.tom.ID))}, none); faultOf(err) != "contact_id" {
		t.Errorf("linking a foreign contact: %v", err)
	}
	if _, err := mia.LinkContact(ctx, crm.Relationship{OrganizationID: f.his, ContactID: linked}, none); !isNotFound(err) {
		t.Errorf("linking to a foreign organization: %v", err)
	}
}

// Someone who reaches a person through an organization may hand them on, but not to somebody who has left.
func TestANewOwnerWorksHere(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	gone := postgrestest.User(t, f.db, "gone", none, "x")
	must(f.sys.SetUserActive(ctx, gone.ID, false))(t)
	person := f.contact(t, "Lars", idOf(f.tom.ID))
	f.link(t, f.hers, person, "")
	for name, s := range map[string]*postgres.Store{"own": f.own(f.mia), "all": f.all(f.mia)} {
		c := must(s.Contact(ctx, person))(t)
		c.OwnerUserID = idOf(gone.ID)
		if _, err := s.UpdateContact(ctx, c); faultOf(err) != "owner_user_id" {
			t.Errorf("%s: gave a contact to a deactivated user: %v", name, err)
		}
	}
}

func TestWithoutViewClientNothingNamesAClient(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	person := f.contact(t, "Larsperson", none)
	logged := f.log(t, f.sys, idOf(f.hers), idOf(person), "Renewal")
	s := f.db.As(postgrestest.Actor(f.mia, authz.All, authz.ViewInteraction, authz.EditInteraction, authz.ViewAudit), postgres.Origin{})
	p, err := s.InteractionPage(ctx, logged.ID)
	i, history := p.Interaction, p.History
	if err != nil || i.Subject != "Renewal" {
		t.Fatalf("%+v %v", i, err)
	}
	everything := fmt.Sprint(i, history, must(s.Interactions(ctx, crm.InteractionFilter{}))(t), must(s.Search(ctx, "hers"))(t), must(s.Search(ctx, "renewal"))(t),
		must(s.ChangeSet(ctx, logged.ChangeSet))(t), must(s.Today(ctx, utcNow()))(t), must(s.Choices(ctx))(t).Sectors)
	for _, r := range must(s.Audit(ctx, crm.AuditFilter{}))(t).Rows {
		everything += r.TargetName + r.LinkedName + string(r.Before) + string(r.After)
	}
	for _, name := range []string{"Hers", "Larsperson", "His"} {
		if strings.Contains(everything, name) {
			t.Errorf("%s is named to someone without ViewClient", name)
		}
	}
}

// TestNoOrderTellsOfNamesOutOfReach: whom interactions were with, and who else was there, decides no order for someone who
// sees all interactions and not all clients.
func TestNoOrderTellsOfNamesOutOfReach(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	var newest []uuid.UUID
	for _, name := range []string{"Zorn", "Adams", "Moss"} { // the last one logged comes first
		person := f.contact(t, name, none)
		i := crm.Interaction{OrganizationID: idOf(postgrestest.Organization(t, f.db, name, none)), Channel: crm.Meeting, Subject: name, HappenedAt: time.Now(), Attendees: []crm.Attendee{{ContactID: person}}}
		newest = append([]uuid.UUID{must(f.sys.LogInteraction(ctx, i, audit.Organization, none))(t).ID}, newest...)
	}
	talks := authz.Grant{Permission: authz.ViewInteraction, Reach: authz.All}
	for what, clients := range map[string]authz.Actor{
		"own clients": postgrestest.Actor(f.mia, authz.Own).WithGrants(authz.Grant{Permission: authz.ViewClient, Reach: authz.Own}, talks),
		"no clients":  postgrestest.Actor(f.mia, authz.Own).WithGrants(talks),
	} {
		s := f.db.As(clients, postgres.Origin{})
		for _, order := range []string{"with", "-with", "attendees", "-attendees"} {
			var got []uuid.UUID
			l := must(s.Interactions(ctx, crm.InteractionFilter{Sort: crm.ParseSort(order)}))(t)
			for _, i := range l.Rows {
				got = append(got, i.ID)
			}
			if !slices.Equal(got, newest) || !l.Wide {
				t.Errorf("%s, sort %s: %v, want the newest first: %v", what, order, got, newest)
			}
		}
	}
}

func TestWithoutViewInteractionNoSubject(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	person := f.contact(t, "Lars", none)
	f.link(t, f.hers, person, "")
	logged := f.log(t, f.sys, idOf(f.hers), idOf(person), "Hushhush")
	s := f.db.As(postgrestest.Actor(f.mia, authz.All, authz.ViewClient, authz.EditClient, authz.EditInteraction, authz.ViewAudit), postgres.Origin{})
	o := must(s.OrganizationPage(ctx, f.hers, crm.TimelineView{}))(t)
	c := must(s.ContactPage(ctx, person, crm.TimelineView{}))(t)
	everything := fmt.Sprint(o, c, must(s.Search(ctx, "hushhush"))(t), must(s.Today(ctx, utcNow()))(t))
	for _, typ := range []string{audit.Organization, audit.Contact} {
		for _, id := range []uuid.UUID{f.hers, person, logged.ID} {
			everything += fmt.Sprint(must(s.History(ctx, typ, id, crm.Page{}))(t))
		}
	}
	for _, r := range must(s.Audit(ctx, crm.AuditFilter{}))(t).Rows {
		everything += r.TargetName + string(r.Before) + string(r.After)
	}
	if strings.Contains(everything, "Hushhush") {
		t.Error("the subject shows to someone without ViewInteraction")
	}
	for what, err := range map[string]error{
		"list": second(s.Interactions(ctx, crm.InteractionFilter{})), "one": second(s.Interaction(ctx, logged.ID)),
		"history": second(s.History(ctx, audit.Interaction, logged.ID, crm.Page{})), "change set": second(s.ChangeSet(ctx, logged.ChangeSet)), "undo": second(s.Undo(ctx, logged.ChangeSet)),
	} {
		if err != (postgres.Forbidden{Permission: authz.ViewInteraction}) {
			t.Errorf("%s: got %v, want ViewInteraction missing", what, err)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestNobodyMayNothing(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.db.As(authz.Actor{}, postgres.Origin{})
	cs := read[uuid.UUID](t, f.conn, `SELECT change_set_id FROM audit_logs WHERE target_id = $1`, f.hers)
	for what, err := range map[string]error{
		"organizations": second(s.Organizations(ctx, crm.OrganizationFilter{})), "contacts": second(s.Contacts(ctx, crm.ContactFilter{})),
		"interactions": second(s.Interactions(ctx, crm.InteractionFilter{})), "organization": second(s.OrganizationPage(ctx, f.hers, crm.TimelineView{})),
		"choices": second(s.Choices(ctx)), "users": second(s.Users(ctx)), "roles": second(s.Roles(ctx)), "teams": second(s.Teams(ctx)),
		"audit": second(s.Audit(ctx, crm.AuditFilter{})), "auditees": second(s.Auditees(ctx)), "verify": second(s.Verify(ctx)), "me": second(s.Me(ctx)),
		"change set": second(s.ChangeSet(ctx, cs)), "undo": second(s.Undo(ctx, cs)), "archive": second(s.SetOrganizationActive(ctx, f.hers, false)),
		"create": second(s.CreateOrganization(ctx, crm.Organization{LegalName: "x", DisplayName: "x"}, none)), "password": s.ChangeMyPassword(ctx, "x"),
		"import": second(s.ImportOrganizations(ctx, []crm.Organization{{LegalName: "x", DisplayName: "x"}}, "f")), "load": second(s.Load(ctx, postgres.Register{})),
		"reset": s.ResetPassword(ctx, f.mia.ID, "x", true), "unlock": s.UnlockUser(ctx, f.mia.ID),
	} {
		if err == nil {
			t.Errorf("nobody may: %s", what)
		}
	}
	if found, err := s.Search(ctx, "hers"); err == nil || len(found.Organizations) != 0 {
		t.Error("nobody finds something")
	}
}

func TestWildcardsAreText(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	f.contact(t, "Lars", none)
	for _, q := range []string{"%", "_", "%%", `\`, `\%`, "％", "＿", "＼", "h_rs", "h％s", "' OR 1=1 --", "\u202e", "🦄"} {
		if l := must(f.sys.Organizations(ctx, crm.OrganizationFilter{Query: q}))(t); len(l.Rows) != 0 {
			t.Errorf("%q finds %d organizations", q, len(l.Rows))
		}
		if l := must(f.sys.Contacts(ctx, crm.ContactFilter{Query: q}))(t); len(l.Rows) != 0 {
			t.Errorf("%q finds %d contacts", q, len(l.Rows))
		}
		found := must(f.sys.Search(ctx, q))(t)
		if len(found.Organizations)+len(found.Contacts)+len(found.Interactions) != 0 {
			t.Errorf("%q finds %+v", q, found)
		}
		if _, c, err := f.sys.LinkCandidates(ctx, f.hers, q); err != nil || len(c) != 0 {
			t.Errorf("%q offers %d candidates, %v", q, len(c), err)
		}
	}
}

// A relationship that ended names both of its ends, but only to who still reaches them.
func TestThePastKeepsToReach(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	mine, theirs := tr.orgs["sara"], tr.orgs["nils"]
	person := postgrestest.Contact(t, tr.db, "Gone", "Elsewhere", idOf(tr.users["nils"].ID))
	shared := postgrestest.Contact(t, tr.db, "Both", "Sides", idOf(tr.users["sara"].ID))
	for organization, contact := range map[uuid.UUID]uuid.UUID{mine: person, theirs: shared} {
		tr.link(t, organization, contact, "Advisor")
		must(tr.sys.UnlinkContact(ctx, organization, contact))(t)
	}
	tr.link(t, theirs, shared, "CFO") // and a present one, of my contact at their organization
	s := tr.db.As(postgrestest.Actor(tr.users["sara"], authz.Own, authz.Permissions...), postgres.Origin{})

	org := must(s.OrganizationPage(ctx, mine, crm.TimelineView{}))(t)
	if len(org.Past) != 0 {
		t.Errorf("my organization's past names somebody out of my reach: %+v", org.Past)
	}
	contact := must(s.ContactPage(ctx, shared, crm.TimelineView{}))(t)
	if len(contact.Past) != 0 || len(contact.Organizations) != 0 {
		t.Errorf("my contact's page names an organization out of my reach: %+v %+v", contact.Past, contact.Organizations)
	}
	all := must(tr.sys.OrganizationPage(ctx, mine, crm.TimelineView{}))(t)
	if len(all.Past) != 1 || all.Past[0].ContactName != "Gone Elsewhere" {
		t.Errorf("with reach all the past is %+v, want the one who left", all.Past)
	}
	if all := must(tr.sys.ContactPage(ctx, shared, crm.TimelineView{}))(t); len(all.Past) != 1 || len(all.Organizations) != 1 {
		t.Errorf("with reach all the contact's organizations are %+v, past %+v", all.Organizations, all.Past)
	}
	for name, rows := range map[string][]crm.ContactRow{
		"list": must(s.Contacts(ctx, crm.ContactFilter{Query: "both"}))(t).Rows, "search": must(s.Search(ctx, "both sides"))(t).Contacts,
	} {
		if len(rows) != 1 || rows[0].OrganizationName != "" || rows[0].OrganizationID.Valid {
			t.Errorf("%s: my contact's row names an organization out of my reach: %+v", name, rows)
		}
	}
}

// Who sees every client but only their own interactions reads no others on a client's page; who reads all but
// edits their own is not offered to edit others'.
func TestATimelineKeepsToItsOwnReach(t *testing.T) {
	t.Parallel()
	tr := newTree(t)
	me := authz.Actor{UserID: tr.users["sara"].ID}
	reads := tr.db.As(me.WithGrants(authz.Grant{Permission: authz.ViewClient, Reach: authz.All},
		authz.Grant{Permission: authz.ViewInteraction, Reach: authz.Own}), postgres.Origin{})
	if p := must(reads.OrganizationPage(ctx, tr.orgs["nils"], crm.TimelineView{}))(t); len(p.Timeline.Interactions) != 0 {
		t.Errorf("the page of a colleague's client shows interactions out of reach: %+v", p.Timeline.Interactions)
	}
	if p := must(reads.OrganizationPage(ctx, tr.orgs["sara"], crm.TimelineView{}))(t); len(p.Timeline.Interactions) != 1 {
		t.Errorf("the page of my own client shows %d interactions, want 1", len(p.Timeline.Interactions))
	}
	edits := tr.db.As(me.WithGrants(authz.Grant{Permission: authz.ViewInteraction, Reach: authz.All},
		authz.Grant{Permission: authz.EditInteraction, Reach: authz.Own}), postgres.Origin{})
	for whose, want := range map[string]bool{"nils": false, "sara": true} {
		if i := must(edits.Interaction(ctx, tr.calls[whose]))(t); i.MayEdit != want {
			t.Errorf("%s's interaction: may edit %v, want %v", whose, i.MayEdit, want)
		}
	}
}
