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
