package postgres_test

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// many makes n organizations of an owner's, named Client 1 and so on, and returns their ids.
func (f *firm) many(t testing.TB, n int, owner crm.User) []uuid.UUID {
	t.Helper()
	organizations := make([]crm.Organization, n)
	for i := range organizations {
		name := fmt.Sprintf("Client %d", i+1)
		organizations[i] = crm.Organization{LegalName: name, DisplayName: name, OwnerUserID: idOf(owner.ID)}
	}
	must(f.sys.ImportOrganizations(ctx, organizations, "clients.csv"))(t)
	return read[[]uuid.UUID](t, f.conn, `SELECT array_agg(id ORDER BY id) FROM organizations WHERE display_name LIKE 'Client %'`)
}

func picked(action crm.BulkAction, ids ...uuid.UUID) crm.Bulk {
	return crm.Bulk{Action: action, Picked: ids, Organizations: &crm.OrganizationFilter{}}
}

func allOf(action crm.BulkAction, f crm.OrganizationFilter) crm.Bulk {
	return crm.Bulk{Action: action, All: true, Organizations: &f}
}

// trail lists action, version and audit rows' actions of a change set, with how many of each.
func (f *firm) trail(t *testing.T, changeSet uuid.UUID) map[string]int {
	t.Helper()
	rows, err := f.conn.Query(ctx, `SELECT c.kind || ' ' || a.action, count(*) FROM change_sets c JOIN audit_logs a ON a.change_set_id = c.id WHERE c.id = $1 GROUP BY 1`, changeSet)
	fatal(t, err)
	defer rows.Close()
	counts := map[string]int{}
	for rows.Next() {
		var what string
		var n int
		fatal(t, rows.Scan(&what, &n))
		counts[what] = n
	}
	return counts
}

func TestAnActionChangesWhatTheActorMayEditAndTellsTheRest(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	archived := postgrestest.Organization(t, f.db, "Gone quiet", idOf(f.mia.ID))
	must(f.sys.SetOrganizationActive(ctx, archived, false))(t)
	second := postgrestest.Organization(t, f.db, "Hers too", idOf(f.mia.ID))
	// mia sees all, edits her own
	sees := f.db.As(postgrestest.Actor(f.mia, authz.Own, authz.EditClient).WithGrants(authz.Grant{Permission: authz.ViewClient, Reach: authz.All},
		authz.Grant{Permission: authz.EditClient, Reach: authz.Own}), postgres.Origin{})
	foreign := uuid.New()
	got := must(sees.ChangeSelected(ctx, picked(crm.BulkArchive, f.hers, f.his, archived, foreign, second, f.hers)))(t)
	want := crm.BulkResult{ChangeSet: got.ChangeSet, Done: 2, Skipped: map[crm.SkipReason]crm.Skipped{
		crm.SkippedReach: {Count: 1, Names: []string{"His"}}, crm.SkippedSame: {Count: 1, Names: []string{"Gone quiet"}}, crm.SkippedGone: {Count: 1},
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("archiving (- want, + got):\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{"archive_clients archive_org": 2}, f.trail(t, got.ChangeSet)); diff != "" {
		t.Errorf("its audit rows (- want, + got):\n%s", diff)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM organizations WHERE version = 2 AND NOT is_active AND id = ANY($1)`, []uuid.UUID{f.hers, second}); n != 2 {
		t.Errorf("%d of 2 records are archived and moved their version", n)
	}

	// to whom his is out of reach altogether it is as if it were not there
	own := must(f.own(f.mia).ChangeSelected(ctx, picked(crm.BulkArchive, f.his, foreign)))(t)
	if diff := cmp.Diff(crm.BulkResult{Skipped: map[crm.SkipReason]crm.Skipped{crm.SkippedGone: {Count: 2}}}, own); diff != "" {
		t.Errorf("records out of reach (- want, + got):\n%s", diff)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM change_sets WHERE kind = 'archive_clients'`); n != 1 {
		t.Errorf("there are %d change sets, want 1: an action that skips everything writes nothing", n)
	}
}

func TestOneUndoTakesAnActionBack(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ids := f.many(t, 30, f.mia)
	mia := f.all(f.mia)
	for _, b := range []crm.Bulk{
		{Action: crm.BulkAssign, Owner: idOf(f.tom.ID), All: true, Organizations: &crm.OrganizationFilter{Query: "client"}},
		allOf(crm.BulkArchive, crm.OrganizationFilter{Query: "client"}),
	} {
		got := must(mia.ChangeSelected(ctx, b))(t)
		if got.Done != 30 {
			t.Fatalf("%s changed %d records, want 30", b.Action, got.Done)
		}
		f.edit(t, f.sys, ids[0], func(o *crm.Organization) { o.Sector = "Edited since " + string(b.Action) })
		undone := must(mia.Undo(ctx, got.ChangeSet))(t)
		if undone.Undone != 30 || len(undone.Kept) != 0 {
			t.Errorf("the undo of %s took back %d of 30 and kept %v", b.Action, undone.Undone, undone.Kept)
		}
		if n := read[int](t, f.conn, `SELECT count(*) FROM organizations WHERE id = ANY($1) AND is_active AND owner_user_id = $2`, ids, f.mia.ID); n != 30 {
			t.Errorf("after the undo of %s %d of 30 records are as they were", b.Action, n)
		}
	}
	if got := read[string](t, f.conn, `SELECT sector FROM organizations WHERE id = $1`, ids[0]); got != "Edited since archive" {
		t.Errorf("the undo did not keep what was edited since: sector %q", got)
	}
}

// TestManyAreRewrittenInTheOrderOfMostIndexes looks at where the new rows stand: one behind the other, as they were written.
func TestManyAreRewrittenInTheOrderOfMostIndexes(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	f.many(t, 300, f.tom) // Client 10 comes before Client 2 by name, and after it by id
	give := allOf(crm.BulkAssign, crm.OrganizationFilter{Query: "Client"})
	give.Owner = idOf(f.mia.ID)
	must(f.all(f.mia).ChangeSelected(ctx, give))(t)
	const inOrder = `SELECT array_agg(display_name::text ORDER BY ctid) = array_agg(display_name::text ORDER BY display_name COLLATE "und-x-icu", id) FROM organizations WHERE display_name LIKE 'Client %'`
	if !read[bool](t, f.conn, inOrder) {
		t.Error("the rows are not in the order of their names")
	}
}

func TestAnActionOnContacts(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	hers, his, linked := f.contact(t, "Ada", idOf(f.mia.ID)), f.contact(t, "Bob", idOf(f.tom.ID)), f.contact(t, "Cyd", idOf(f.tom.ID))
	f.link(t, f.hers, linked, "")
	got := must(f.own(f.mia).ChangeSelected(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Contacts: &crm.ContactFilter{}}))(t)
	if got.Done != 2 || len(got.Skipped) != 0 {
		t.Errorf("archived %d, skipped %v; want hers and the one linked to hers", got.Done, got.Skipped)
	}
	if diff := cmp.Diff(map[string]int{"archive_clients archive_contact": 2}, f.trail(t, got.ChangeSet)); diff != "" {
		t.Errorf("its audit rows (- want, + got):\n%s", diff)
	}
	if got := read[[]bool](t, f.conn, `SELECT array_agg(is_active ORDER BY first_name) FROM contacts WHERE id = ANY($1)`, []uuid.UUID{hers, his, linked}); !slices.Equal(got, []bool{false, true, false}) {
		t.Errorf("active afterwards: %v", got)
	}
	back := must(f.own(f.mia).ChangeSelected(ctx, crm.Bulk{Action: crm.BulkRestore, Picked: []uuid.UUID{hers, linked}, Contacts: &crm.ContactFilter{}}))(t)
	if back.Done != 2 {
		t.Errorf("restored %d, want 2", back.Done)
	}
}

func TestAnOwnerOutOfReachIsRefused(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	b := picked(crm.BulkAssign, f.hers)
	for name, owner := range map[string]uuid.NullUUID{"somebody out of reach": idOf(f.tom.ID), "nobody": none} {
		b.Owner = owner
		if _, err := f.own(f.mia).ChangeSelected(ctx, b); faultOf(err) != "owner_user_id" {
			t.Errorf("giving to %s: %v, want a fault of the owner", name, err)
		}
	}
	b.Owner = idOf(uuid.New())
	if _, err := f.all(f.mia).ChangeSelected(ctx, b); faultOf(err) != "owner_user_id" {
		t.Errorf("giving to a user who does not exist: %v", err)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM change_sets WHERE kind = 'assign_clients'`); n != 0 {
		t.Errorf("%d change sets of refused actions", n)
	}
}

func TestWhatCannotBeDoneIsRefused(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	for name, b := range map[string]crm.Bulk{
		"an unknown action": {Action: "delete", All: true, Organizations: &crm.OrganizationFilter{}},
		"no list":           {Action: crm.BulkArchive, All: true},
		"two lists":         {Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{}, Contacts: &crm.ContactFilter{}},
		"no record":         picked(crm.BulkArchive),
		"too many":          picked(crm.BulkArchive, make([]uuid.UUID, crm.MaxPicked+1)...),
		"both":              {Action: crm.BulkArchive, All: true, Picked: []uuid.UUID{f.hers}, Organizations: &crm.OrganizationFilter{}},
	} {
		var invalid crm.Invalid
		if _, err := f.all(f.mia).ChangeSelected(ctx, b); !errors.As(err, &invalid) {
			t.Errorf("%s: got %v, want an Invalid", name, err)
		}
		if _, err := f.all(f.mia).Enqueue(ctx, b, none); !errors.As(err, &invalid) {
			t.Errorf("%s as a job: got %v, want an Invalid", name, err)
		}
	}
}

// TestALockedRecordIsSkipped lets somebody hold a record for longer than anyone waits.
func TestALockedRecordIsSkipped(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SELECT 1 FROM organizations WHERE id = $1 FOR UPDATE`, f.his)
	got := must(f.all(f.mia).ChangeSelected(ctx, picked(crm.BulkArchive, f.hers, f.his)))(t)
	run(t, f.conn, `ROLLBACK`)
	want := crm.BulkResult{ChangeSet: got.ChangeSet, Done: 1, Skipped: map[crm.SkipReason]crm.Skipped{crm.SkippedLocked: {Count: 1, Names: []string{"His"}}}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("archiving (- want, + got):\n%s", diff)
	}
}

// TestManyAtOnceEnd runs actions, single saves and undos on the same records: all come to an end, none of them
// by an error, and the log is whole.
func TestManyAtOnceEnd(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ids := f.many(t, 60, f.mia)
	mia := f.all(f.mia)
	var wg sync.WaitGroup
	failed := make(chan error, 100)
	for i := range 4 {
		wg.Go(func() {
			for range 4 {
				b := picked([]crm.BulkAction{crm.BulkArchive, crm.BulkRestore, crm.BulkAssign}[i%3], ids...)
				b.Owner = idOf(f.tom.ID)
				if i%2 == 1 {
					slices.Reverse(b.Picked)
				}
				r, err := mia.ChangeSelected(ctx, b)
				if err == nil && r.ChangeSet != uuid.Nil && i == 0 {
					_, err = mia.Undo(ctx, r.ChangeSet)
				}
				failed <- err
			}
		})
	}
	wg.Go(func() {
		for _, id := range ids[:20] {
			i := crm.Interaction{OrganizationID: idOf(id), Channel: crm.Call, Subject: "Meanwhile", HappenedAt: time.Now()}
			_, err := mia.LogInteraction(ctx, i, audit.Organization, none)
			failed <- err
		}
	})
	wg.Wait()
	close(failed)
	for err := range failed {
		fatal(t, err)
	}
	if report := must(f.sys.Verify(ctx))(t); len(report.Problems) > 0 {
		t.Errorf("the log does not join up: %v", report.Problems)
	}
}

// TestAnExportThatIsCutOffSaysSo: what left the house is noted, however it ended.
func TestAnExportThatIsCutOffSaysSo(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	f.many(t, 450, f.mia)
	gone := errors.New("the reader is gone")
	pages := 0
	err := f.all(f.mia).ExportOrganizations(ctx, crm.OrganizationFilter{Query: "client"}, "q=client", func([]crm.OrganizationRow) error {
		if pages++; pages == 2 {
			return gone
		}
		return nil
	})
	if !errors.Is(err, gone) {
		t.Errorf("the export answered %v", err)
	}
	if got := read[string](t, f.conn, `SELECT user_id || ' ' || metadata::text FROM audit_logs WHERE action = 'export'`); got != f.mia.ID.String()+` {"list": "organizations", "rows": 400, "filter": "q=client", "aborted": true}` {
		t.Errorf("it is noted as %s", got)
	}
	var rows []string
	whole := f.all(f.mia).ExportOrganizations(ctx, crm.OrganizationFilter{Query: "client", Sort: crm.Sort{By: crm.ByOwner}}, "", func(page []crm.OrganizationRow) error {
		for _, o := range page {
			rows = append(rows, o.DisplayName)
		}
		return nil
	})
	slices.Sort(rows)
	if fatal(t, whole); len(slices.Compact(rows)) != 450 {
		t.Errorf("an export over three pages has %d different rows, want 450", len(slices.Compact(rows)))
	}
}
