package postgres_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

var ctx = context.Background()

func TestSaveAndUndoAnOrganization(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	s := postgrestest.System(db)
	id := postgrestest.Organization(t, db, "Granvik", uuid.NullUUID{})

	o, err := s.Organization(ctx, id)
	if err != nil {
		t.Fatal(err)
	}
	o.Sector, o.SizeBand = "Robotics", "11-50"
	saved, err := s.UpdateOrganization(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.UpdateOrganization(ctx, o); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("saving version 1 again: got %v, want ErrConflict", err)
	}
	o.Version = 2
	if _, err := s.UpdateOrganization(ctx, o); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("saving the same: got %v, want ErrUnchanged", err)
	}
	// somebody changes one of the two fields; undo keeps that one
	o.SizeBand = "51-200"
	if _, err := s.UpdateOrganization(ctx, o); err != nil {
		t.Fatal(err)
	}
	result, err := s.Undo(ctx, saved.ChangeSet)
	if err != nil {
		t.Fatal(err)
	}
	if len(result.Kept) != 1 || len(result.Kept[0].Fields) != 1 || result.Kept[0].Fields[0] != "size_band" {
		t.Errorf("kept %+v, want size_band", result.Kept)
	}
	p, err := s.OrganizationPage(ctx, id, crm.TimelineView{})
	if err != nil {
		t.Fatal(err)
	}
	if p.Organization.Sector != "" || p.Organization.SizeBand != "51-200" {
		t.Errorf("after undo: sector %q size %q", p.Organization.Sector, p.Organization.SizeBand)
	}
	if len(p.History) != 4 {
		t.Errorf("history has %d rows, want create, two updates and the undo", len(p.History))
	}
	verify(t, s)
}

func verify(t *testing.T, s *postgres.Store) {
	t.Helper()
	v, err := s.Verify(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range v.Problems {
		t.Error("verify:", p)
	}
}

func TestListsPageBothWays(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	owner := postgrestest.User(t, db, "ada", uuid.NullUUID{}, "x")
	other := postgrestest.User(t, db, "ben", uuid.NullUUID{}, "x")
	for _, n := range []string{"Émile", "Eve", "adam", "Zoë", "Bo"} {
		postgrestest.Organization(t, db, n, postgrestest.ID(owner.ID))
	}
	postgrestest.Organization(t, db, "Not mine", postgrestest.ID(other.ID))
	team := postgrestest.Actor(owner, authz.Team, authz.ViewClient)
	team.Owners = []uuid.UUID{owner.ID}
	for name, actor := range map[string]authz.Actor{
		"own": postgrestest.Actor(owner, authz.Own, authz.ViewClient), "team": team,
	} {
		s := db.As(actor, postgres.Origin{})
		var seen []string
		page := crm.Page{Size: 2}
		var last crm.Listing[crm.OrganizationRow]
		for range 3 {
			l, err := s.Organizations(ctx, crm.OrganizationFilter{Page: page})
			if err != nil {
				t.Fatal(name, err)
			}
			for _, o := range l.Rows {
				seen = append(seen, o.DisplayName)
			}
			if l.Count != 5 {
				t.Errorf("%s: count %d, want 5", name, l.Count)
			}
			last, page = l, l.Next
		}
		if got, want := len(seen), 5; got != want || seen[0] != "adam" || seen[2] != "Émile" || seen[4] != "Zoë" {
			t.Errorf("%s: walked %v", name, seen)
		}
		if !last.Next.First() {
			t.Errorf("%s: the last page has a next", name)
		}
		back, err := s.Organizations(ctx, crm.OrganizationFilter{Page: last.Prev})
		if err != nil || len(back.Rows) != 2 || back.Rows[0].DisplayName != "Émile" {
			t.Errorf("%s: back %+v %v", name, back.Rows, err)
		}
	}
	if _, err := postgrestest.System(db).Organizations(ctx, crm.OrganizationFilter{Sort: crm.Sort{By: crm.ByNewest}, Page: crm.Page{Key: "x", ID: owner.ID}}); err == nil {
		t.Error("a malformed place in the list was taken")
	}
}

func TestEverythingOnce(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	role := postgrestest.Seeded(t, db, "manager")
	me := postgrestest.User(t, db, "ada", uuid.NullUUID{}, "x", role)
	actor := postgrestest.Actor(me, authz.All, authz.Permissions...)
	s := db.As(actor, postgres.Origin{})
	org := postgrestest.Organization(t, db, "Granvik", uuid.NullUUID{})
	person := postgrestest.Contact(t, db, "Lars", "Granvik", uuid.NullUUID{})
	link, err := s.LinkContact(ctx, crm.Relationship{OrganizationID: org, ContactID: person, RoleLabel: "CFO"}, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	logged, err := s.LogInteraction(ctx, crm.Interaction{OrganizationID: postgrestest.ID(org), ContactID: postgrestest.ID(person), Channel: crm.Call, Subject: "Renewal agreed", HappenedAt: time.Now()}, audit.Organization, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.OrganizationPage(ctx, org, crm.TimelineView{})
	if err != nil || len(p.People) != 1 || len(p.Timeline.Interactions) != 1 || p.Timeline.Interactions[0].ContactName != "Lars Granvik" {
		t.Fatalf("page %+v %v", p, err)
	}
	c, err := s.ContactPage(ctx, person, crm.TimelineView{})
	if err != nil || len(c.Organizations) != 1 || len(c.Timeline.Interactions) != 1 {
		t.Fatalf("page %+v %v", c, err)
	}
	if l, err := s.Contacts(ctx, crm.ContactFilter{Query: "lars gra"}); err != nil || len(l.Rows) != 1 {
		t.Errorf("contacts %+v %v", l, err)
	}
	if l, err := s.Interactions(ctx, crm.InteractionFilter{Query: "renew"}); err != nil || len(l.Rows) != 1 {
		t.Errorf("interactions %+v %v", l, err)
	}
	if f, err := s.Search(ctx, "gran"); err != nil || len(f.Organizations) != 1 || len(f.Contacts) != 1 {
		t.Errorf("search %+v %v", f, err)
	}
	if r, err := s.Today(ctx, utcNow()); err != nil || len(r.Interactions) != 1 {
		t.Errorf("recent %+v %v", r, err)
	}
	if l, err := s.Audit(ctx, crm.AuditFilter{}); err != nil || len(l.Rows) < 4 {
		t.Errorf("audit %+v %v", l, err)
	}
	if cs, err := s.ChangeSet(ctx, logged.ChangeSet); err != nil || len(cs.Changes) != 1 || !cs.CanUndo {
		t.Errorf("change set %+v %v", cs, err)
	}
	for _, cs := range []uuid.UUID{logged.ChangeSet, link.ChangeSet} {
		if r, err := s.Undo(ctx, cs); err != nil || r.Undone != 1 {
			t.Fatalf("undo %+v %v", r, err)
		}
	}
	p, err = s.OrganizationPage(ctx, org, crm.TimelineView{})
	if err != nil || len(p.People) != 0 || len(p.Timeline.Interactions) != 0 || len(p.Past) != 0 {
		t.Fatalf("page after undo %+v %v", p, err)
	}
	deleted, err := s.LogInteraction(ctx, crm.Interaction{OrganizationID: postgrestest.ID(org), Channel: crm.Note, Subject: "gone", HappenedAt: time.Now()}, audit.Organization, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	gone, err := s.DeleteInteraction(ctx, deleted.ID)
	if err != nil {
		t.Fatal(err)
	}
	if r, err := s.Undo(ctx, gone.ChangeSet); err != nil || r.Undone != 1 {
		t.Fatalf("undo delete %+v %v", r, err)
	}
	if i, err := s.Interaction(ctx, deleted.ID); err != nil || i.Version < 2 {
		t.Errorf("brought back %+v %v", i, err)
	}
	verify(t, s)
}
