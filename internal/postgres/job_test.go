package postgres_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// archiving is a firm with n more organizations of mia's, and her job to archive all that are called Client.
func archiving(t *testing.T, n int) (*firm, uuid.UUID) {
	t.Helper()
	f := newFirm(t)
	f.many(t, n, f.mia)
	return f, must(f.all(f.mia).Enqueue(ctx, allOf(crm.BulkArchive, crm.OrganizationFilter{Query: "client"}), none))(t)
}

func (f *firm) archived(t *testing.T) int {
	t.Helper()
	return read[int](t, f.conn, `SELECT count(*) FROM organizations WHERE NOT is_active`)
}

// bulkSets are how many change sets of actions on many records there are.
func (f *firm) bulkSets(t *testing.T) int {
	t.Helper()
	return read[int](t, f.conn, `SELECT count(*) FROM change_sets WHERE kind LIKE '%_clients'`)
}

func TestAJobIsDoneAsWhoLeftIt(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 30)
	waiting := must(f.all(f.mia).Job(ctx, id))(t)
	if waiting.Finished() || !waiting.StartedAt.IsZero() || waiting.Kind != "archive_clients" {
		t.Errorf("before anybody works on it the job is %+v", waiting)
	}
	if got := must(f.db.Jobs().Waiting(ctx))(t); len(got) != 1 || got[0] != id {
		t.Errorf("waiting are %v, want %s", got, id)
	}
	fatal(t, f.db.Jobs().Do(ctx, id))
	j := must(f.all(f.mia).Job(ctx, id))(t)
	if !j.Finished() || j.Result.Done != 30 || j.Done != 30 || j.Total != 30 || j.Result.ChangeSet == uuid.Nil {
		t.Errorf("the job ended as %+v", j)
	}
	if diff := cmp.Diff(map[string]int{"archive_clients archive_org": 30}, f.trail(t, j.Result.ChangeSet)); diff != "" {
		t.Errorf("its audit rows (- want, + got):\n%s", diff)
	}
	if by := read[uuid.UUID](t, f.conn, `SELECT user_id FROM change_sets WHERE id = $1`, j.Result.ChangeSet); by != f.mia.ID {
		t.Errorf("the change set is by %s, want mia", by)
	}
	if got := must(f.db.Jobs().Waiting(ctx))(t); len(got) != 0 {
		t.Errorf("still waiting: %v", got)
	}
	if _, err := f.all(f.tom).Job(ctx, id); !isNotFound(err) {
		t.Errorf("tom, who may everything else, sees mia's job: %v", err)
	}
	fatal(t, f.db.Jobs().Do(ctx, id))
	if n := f.bulkSets(t); n != 1 {
		t.Errorf("done again, it made %d change sets", n)
	}
	if undone := must(f.all(f.mia).Undo(ctx, j.Result.ChangeSet))(t); undone.Undone != 30 {
		t.Errorf("the undo took back %d of 30", undone.Undone)
	}
}

// TestAJobIsDoneOnce lets several workers at the same jobs, as several servers would be.
func TestAJobIsDoneOnce(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 30)
	var wg sync.WaitGroup
	failed := make(chan error, 6)
	for range 6 {
		wg.Go(func() { failed <- f.db.Jobs().Do(ctx, id) })
	}
	wg.Wait()
	close(failed)
	for err := range failed {
		fatal(t, err)
	}
	if n := f.bulkSets(t); n != 1 {
		t.Errorf("six workers made %d change sets", n)
	}
}

// TestAJobUnderWayIsPassedOver: whoever works on it holds its lock for as long as they do.
func TestAJobUnderWayIsPassedOver(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 3)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SELECT pg_advisory_xact_lock(6, hashtext($1::text))`, id)
	fatal(t, f.db.Jobs().Do(ctx, id))
	if j := must(f.all(f.mia).Job(ctx, id))(t); j.Finished() || !j.StartedAt.IsZero() || f.archived(t) != 0 {
		t.Errorf("a second worker began with it: %+v", j)
	}
	run(t, f.conn, `ROLLBACK`)
	fatal(t, f.db.Jobs().Do(ctx, id))
	if n := f.archived(t); n != 3 {
		t.Errorf("once the lock is free %d of 3 are archived", n)
	}
}

// killer cuts the connection of whoever does a job the first time a statement begins with what it is told.
type killer struct {
	at   string
	once sync.Once
	kill func()
}

func (k *killer) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	if len(q.SQL) >= len(k.at) && q.SQL[:len(k.at)] == k.at {
		k.once.Do(k.kill)
	}
	return ctx
}

func (*killer) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// TestAJobThatIsCutOffLeavesNothing kills the work after it has changed every record, just before it is marked
// done; a second worker, as after a restart of the server, then finds the job as if nobody had begun.
func TestAJobThatIsCutOffLeavesNothing(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 30)
	k := &killer{at: "UPDATE jobs SET finished_at"}
	k.kill = func() {
		conn := postgrestest.Connect(t, f.conn.Config().ConnString())
		run(t, conn, `SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = current_database() AND state = 'idle in transaction'`)
	}
	dying := postgrestest.OpenURL(t, f.conn.Config().ConnString(), postgres.Options{Tracer: k})
	if err := dying.Jobs().Do(ctx, id); err == nil {
		t.Fatal("the worker was not cut off")
	}
	if n := f.archived(t); n != 0 {
		t.Errorf("%d records stay archived by half a job", n)
	}
	if j := must(f.all(f.mia).Job(ctx, id))(t); j.Finished() {
		t.Errorf("half a job says it ended: %+v", j.Result)
	}
	run(t, f.conn, `UPDATE jobs SET due_at = now()`) // it waits a moment before it is tried again
	for _, waiting := range must(f.db.Jobs().Waiting(ctx))(t) {
		fatal(t, f.db.Jobs().Do(ctx, waiting))
	}
	if n := f.archived(t); n != 30 {
		t.Errorf("the second worker archived %d of 30", n)
	}
	if n := f.bulkSets(t); n != 1 {
		t.Errorf("%d change sets, want 1", n)
	}
}

func TestAJobThatKeepsFailingIsGivenUp(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 3)
	run(t, f.conn, `CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'broken'; END $$`)
	run(t, f.conn, `CREATE TRIGGER broken BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION broken()`)
	for try := 1; try <= 5; try++ {
		if err := f.db.Jobs().Do(ctx, id); err == nil {
			t.Fatalf("try %d did not fail", try)
		}
		if due := read[bool](t, f.conn, `SELECT finished_at IS NULL AND due_at > now() FROM jobs`); due != (try < 5) {
			t.Errorf("after try %d: waits for another try: %v", try, due)
		}
	}
	if j := must(f.all(f.mia).Job(ctx, id))(t); !j.Finished() || j.Result.Fault == nil || f.archived(t) != 0 {
		t.Errorf("given up, the job says %+v and %d records are archived", j, f.archived(t))
	}
}

func TestAJobIsDoneWithTheRightsOfTheMoment(t *testing.T) {
	t.Parallel()
	role := func(t *testing.T, f *firm, reach string, permissions ...authz.Permission) {
		t.Helper()
		id := postgrestest.Role(t, f.db, reach, permissions...)
		u := must(f.sys.User(ctx, f.mia.ID))(t)
		u.RoleIDs = []uuid.UUID{id}
		must(f.sys.UpdateUser(ctx, u))(t)
	}
	for name, c := range map[string]struct {
		meanwhile func(*testing.T, *firm)
		fault     string
		done      int
	}{
		"deactivated": {func(t *testing.T, f *firm) { must(f.sys.SetUserActive(ctx, f.mia.ID, false))(t) }, "This account was deactivated before it could be done.", 0},
		"may not edit any more": {
			func(t *testing.T, f *firm) { role(t, f, "all", authz.ViewClient) },
			"You lost a permission before it could be done: EditClient", 0,
		},
		"reach own by now": {func(t *testing.T, f *firm) { role(t, f, "own", authz.ViewClient, authz.EditClient) }, "", 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFirm(t)
			id := must(f.all(f.mia).Enqueue(ctx, allOf(crm.BulkArchive, crm.OrganizationFilter{}), none))(t)
			c.meanwhile(t, f)
			fatal(t, f.db.Jobs().Do(ctx, id))
			j := must(f.all(f.mia).Job(ctx, id))(t)
			told := ""
			if j.Result.Fault != nil {
				told = j.Result.Fault.String()
			}
			if !j.Finished() || told != c.fault || j.Result.Done != c.done || f.archived(t) != c.done {
				t.Errorf("the job says %q and %d done, %d records are archived; want %q and %d", told, j.Result.Done, f.archived(t), c.fault, c.done)
			}
		})
	}
}

// TestAJobOfANewerProgramIsLeftAlone: what an older one does not know of its filter may be what narrows it.
func TestAJobOfANewerProgramIsLeftAlone(t *testing.T) {
	t.Parallel()
	f, id := archiving(t, 3)
	run(t, f.conn, `UPDATE jobs SET task = jsonb_set(task, '{Bulk,Organizations,Region}', '"North"')`)
	if err := f.db.Jobs().Do(ctx, id); err == nil {
		t.Error("a job with a filter that nobody knows was done")
	}
	if j := must(f.all(f.mia).Job(ctx, id))(t); j.Finished() || f.archived(t) != 0 {
		t.Errorf("the job is %+v and %d records are archived", j, f.archived(t))
	}
}

func TestAJobIsLeftOncePerFormAndInModeration(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, b, token := f.all(f.mia), allOf(crm.BulkArchive, crm.OrganizationFilter{}), idOf(uuid.New())
	first := must(mia.Enqueue(ctx, b, token))(t)
	if second := must(mia.Enqueue(ctx, b, token))(t); second != first {
		t.Errorf("the form sent twice made jobs %s and %s", first, second)
	}
	if id, err := f.all(f.tom).Enqueue(ctx, b, token); err == nil {
		t.Errorf("tom got %s for a token that is mia's job", id)
	}
	for range 4 {
		must(mia.Enqueue(ctx, b, none))(t)
	}
	var invalid crm.Invalid
	if _, err := mia.Enqueue(ctx, b, none); !errors.As(err, &invalid) {
		t.Errorf("a sixth job that waits: %v, want an Invalid", err)
	}
	if again := must(mia.Enqueue(ctx, b, token))(t); again != first {
		t.Errorf("the form sent again made job %s, want %s", again, first)
	}
}

// TestALargeUndoIsAJob takes back what is too much for somebody who waits.
func TestALargeUndoIsAJob(t *testing.T) {
	t.Parallel()
	const n = 5001
	f := newFirm(t)
	ids := f.many(t, n, f.mia)
	mia := f.all(f.mia)
	archived := must(mia.ChangeSelected(ctx, allOf(crm.BulkArchive, crm.OrganizationFilter{Query: "client"})))(t)
	if _, err := mia.Undo(ctx, archived.ChangeSet); !errors.Is(err, postgres.ErrLarge) || f.archived(t) != n {
		t.Fatalf("the undo of %d changes answered %v, and %d are archived", n, err, f.archived(t))
	}
	if id, err := f.own(f.tom).EnqueueUndo(ctx, archived.ChangeSet); !isNotFound(err) {
		t.Errorf("tom, who reaches none of them, got job %s and %v", id, err)
	}
	id := must(mia.EnqueueUndo(ctx, archived.ChangeSet))(t)
	if again := must(mia.EnqueueUndo(ctx, archived.ChangeSet))(t); again != id {
		t.Errorf("asked for twice, the undo is jobs %s and %s", id, again)
	}
	must(f.sys.SetOrganizationActive(ctx, ids[0], true))(t)
	fatal(t, f.db.Jobs().Do(ctx, id))
	j := must(mia.Job(ctx, id))(t)
	if !j.Finished() || j.Result.Done != n-1 || len(j.Result.Kept) != 0 || f.archived(t) != 0 {
		t.Errorf("the job ended as %+v, and %d are archived", j, f.archived(t))
	}
	if got := read[string](t, f.conn, `SELECT kind FROM change_sets WHERE id = $1 AND undoes = $2`, j.Result.ChangeSet, archived.ChangeSet); got != "undo" {
		t.Errorf("its change set is of kind %q", got)
	}
	if report := must(f.sys.Verify(ctx))(t); len(report.Problems) > 0 {
		t.Errorf("the log does not join up: %v", report.Problems)
	}
}
