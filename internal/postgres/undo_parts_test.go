package postgres_test

import (
	"fmt"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestLargeUndosGoPartByPart and come to the same: all of it goes back, but for what is so already.
func TestLargeUndosGoPartByPart(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	s := postgrestest.System(db)
	const many = 2*postgres.UndoPart + 1
	clients := make([]crm.Organization, many)
	for i := range clients {
		name := fmt.Sprint("Client ", i)
		clients[i] = crm.Organization{LegalName: name, DisplayName: name}
	}
	must(s.ImportOrganizations(ctx, clients, "clients.csv"))(t)
	archived := must(s.ChangeSelected(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{}}))(t)
	back := read[uuid.UUID](t, conn, `SELECT id FROM organizations ORDER BY id DESC LIMIT 1`)
	must(s.SetOrganizationActive(ctx, back, true))(t)

	r := must(s.Undo(ctx, archived.ChangeSet))(t)
	if r.Undone != many-1 || len(r.Kept) != 0 { // one is as it was already
		t.Errorf("%d went back and %d stayed, want %d and none", r.Undone, len(r.Kept), many-1)
	}
	if n := read[int](t, conn, `SELECT count(*) FROM organizations WHERE NOT is_active`); n != 0 {
		t.Errorf("%d stay archived", n)
	}
	if n := read[int](t, conn, `SELECT count(*) FROM audit_logs WHERE change_set_id = $1`, r.ChangeSetID); n != many-1 {
		t.Errorf("%d audit rows", n)
	}
	verify(t, s)
	if r := must(s.Undo(ctx, r.ChangeSetID))(t); r.Undone != many-1 { // and the undo is taken back as well
		t.Errorf("taken back again: %d", r.Undone)
	}
	if r := must(s.Undo(ctx, archived.ChangeSet))(t); r.Undone != many-1 {
		t.Errorf("once more: %d", r.Undone)
	}
	if r := must(s.Undo(ctx, archived.ChangeSet))(t); r.Undone != 0 || r.ChangeSetID != uuid.Nil {
		t.Errorf("with nothing left: %d", r.Undone)
	}
}

// TestPeopleGoWithManyClientsAndComeBack has people at one client, at several that move, at one that moves and one of either
// owner: whoever reaches them is told anew by each change, and as before by its undo.
func TestPeopleGoWithManyClientsAndComeBack(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ids := f.many(t, postgres.UndoPart+1, f.tom)
	give := picked(crm.BulkAssign, ids[10:20]...)
	must(s.ChangeSelected(ctx, give))(t) // to nobody
	zoe := postgrestest.User(t, f.db, "zoe", none, "x")
	give.Picked, give.Owner = ids[20:30], idOf(zoe.ID)
	must(s.ChangeSelected(ctx, give))(t)
	for i, at := range [][]uuid.UUID{
		{ids[0]}, {ids[10]}, {f.hers, ids[1]}, {f.his, ids[2]}, {ids[3], ids[4]}, {ids[5], ids[11]}, {ids[6], ids[20]}, {ids[7], ids[21], f.hers}, {ids[12], ids[13]},
	} {
		person := f.contact(t, fmt.Sprint("Person ", i), none)
		for _, organization := range at {
			must(s.LinkContact(ctx, crm.Relationship{OrganizationID: organization, ContactID: person}, none))(t)
		}
	}
	owners := func() string {
		return read[string](t, f.conn, `SELECT md5(string_agg(id || coalesce(owner_user_id::text, ''), ' ' ORDER BY id)) FROM organizations`)
	}
	reach := func() string {
		return read[string](t, f.conn, `SELECT string_agg(contact_id || ' ' || owner_user_id, ' ' ORDER BY contact_id, owner_user_id) FROM contact_reach`)
	}
	right := func(when string) {
		t.Helper()
		if wrong := read[int](t, f.conn, wrongActivity); wrong > 0 {
			t.Errorf("%s: %d records have a wrong owner or reach", when, wrong)
		}
	}
	ownersBefore, reachBefore := owners(), reach()
	for _, to := range []uuid.NullUUID{idOf(f.mia.ID), idOf(zoe.ID), none} {
		all := allOf(crm.BulkAssign, crm.OrganizationFilter{Query: "Client"})
		all.Owner = to
		given := must(s.ChangeSelected(ctx, all))(t)
		right("given")
		undone := must(s.Undo(ctx, given.ChangeSet))(t)
		right("taken back")
		if undone.Undone != given.Done || owners() != ownersBefore || reach() != reachBefore {
			t.Errorf("%d of %d went back; owners and reach are not as they were", undone.Undone, given.Done)
		}
	}
	verify(t, s)
}
