package postgres

import (
	"bytes"
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// One action on many records of a table: which ones, and what is done to each, say selection.go for clients and
// followup_bulk.go for follow-ups.

// lockedAtOnce is how many rows one action locks at a time. Whoever saves one of them is waited for, and then the others
// of that many go without waiting.
const lockedAtOnce = 2000

// bulk is an action on many records of one table under way in its transaction. Its SQL is constant and calls the
// record t.
type bulk struct {
	store      *Store
	work       *work
	rewrite    rewrite // what is done to each; its arguments are those of the following, too
	name       string  // what a record is called
	scope      func(authz.Permission, string) string
	view, edit authz.Permission // what seeing and changing a record take
	same       string           // whether what is to be set is so already,
	closed     string           // whether a record cannot be changed any more, "" for never,
	keeps      string           // and whether the changed record is within the actor's reach for editing, "" for always
	result     crm.BulkResult
}

// selected returns the SQL of the ids of all that a list finds, in no order, with its arguments: at most one more than
// an action may change.
func (s *Store) selected(l list, args pgx.NamedArgs) (string, []any) {
	return l.ids(l.count, crm.MaxSelected+1), []any{pgx.QueryExecModeCacheDescribe, s.args(args)}
}

func (s *Store) countSelected(ctx context.Context, sql string, args []any) (int, error) {
	n, err := scalar[int](ctx, s.db.pool, `SELECT count(*) FROM (`+sql+`) n`, args...)
	return n, translate(err)
}

// errAllSkipped leaves the transaction of an action that found nothing to change.
var errAllSkipped = errors.New("every record was skipped")

// changeMany does an action on the records that begin names, as a change set of its own or as the job j. Where nothing is
// left to change, nothing is written, and the result has no change set.
func (s *Store) changeMany(ctx context.Context, kind audit.Action, j *job, begin func(context.Context, *work) (*bulk, []uuid.UUID, error)) (crm.BulkResult, error) {
	var run *bulk
	cs, err := s.write(ctx, kind, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := j.claim(ctx, w); err != nil {
			return nil, err
		}
		var ids []uuid.UUID
		var err error
		if run, ids, err = begin(ctx, w); err != nil {
			return nil, err
		}
		if err := run.all(ctx, ids, j); err != nil {
			return nil, err
		}
		if w.logged == 0 {
			return nil, errAllSkipped
		}
		return nil, j.finish(ctx, w, crm.JobResult{BulkResult: run.result})
	})
	switch {
	case errors.Is(err, errAllSkipped):
		return run.result, j.close(ctx, crm.JobResult{BulkResult: run.result})
	case err != nil:
		return crm.BulkResult{}, err
	}
	run.result.ChangeSet = cs
	return run.result, nil
}

// all locks the records in the order of their ids, in which everything that locks many locks: two at once wait for each
// other, and never in a circle. Then it changes those that are to be changed.
func (b *bulk) all(ctx context.Context, ids []uuid.UUID, j *job) error {
	if len(ids) > crm.MaxSelected {
		return crm.Fault("", "These are more than %d records: narrow the list and go through it in parts.", crm.MaxSelected)
	}
	if err := prepareForMany(ctx, b.work); err != nil {
		return err
	}
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	ids = slices.Compact(ids)
	var ready []uuid.UUID
	for chunk := range slices.Chunk(ids, lockedAtOnce) {
		locked, err := b.lock(ctx, chunk)
		if err != nil {
			return err
		}
		some, err := b.sort(ctx, chunk, locked)
		if err != nil {
			return err
		}
		ready = append(ready, some...)
	}
	skipped := len(ids) - len(ready)
	if err := j.tell(ctx, skipped, len(ids)); err != nil {
		return err
	}
	ready, err := inOrder(ctx, b.work, b.rewrite.table, ready)
	if err != nil {
		return err
	}
	for chunk := range slices.Chunk(ready, rewrittenAtOnce) {
		n, err := b.store.rewrite(ctx, b.work, b.rewrite, chunk, nil)
		if err != nil {
			return err
		}
		b.result.Done += n
		if err := j.tell(ctx, skipped+b.result.Done, len(ids)); err != nil {
			return err
		}
	}
	return nil
}

// arguments are those of the action and the given ones.
func (b *bulk) arguments(more pgx.NamedArgs) pgx.NamedArgs {
	args := b.store.args(b.rewrite.args)
	maps.Copy(args, more)
	return args
}

// otherwise returns sql, or what stands for none.
func otherwise(sql, none string) string {
	if sql == "" {
		return none
	}
	return sql
}

// lock locks those of the records that the actor may edit. It waits for whoever is saving one of them; for somebody
// who does not finish within the lock timeout it does not wait again, and goes without their records.
func (b *bulk) lock(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	if _, err := b.work.Exec(ctx, `SAVEPOINT unlocked`); err != nil {
		return nil, err
	}
	sql := `SELECT t.id FROM ` + b.rewrite.table.name + ` t WHERE t.id = ANY(@ids) AND ` + b.scope(b.edit, "t") + ` ORDER BY t.id FOR NO KEY UPDATE OF t`
	args := b.store.args(pgx.NamedArgs{"ids": ids})
	found, err := column[uuid.UUID](ctx, b.work, sql, args)
	if refused, ok := errors.AsType[*pgconn.PgError](err); ok && refused.Code == codeLockTimeout {
		if _, err := b.work.Exec(ctx, `ROLLBACK TO SAVEPOINT unlocked`); err != nil {
			return nil, err
		}
		found, err = column[uuid.UUID](ctx, b.work, sql+` SKIP LOCKED`, args)
	}
	locked := make(map[uuid.UUID]bool, len(found))
	for _, id := range found {
		locked[id] = true
	}
	return locked, err
}

// sort returns the records that are to be changed and counts the others by reason. It reads them after they were
// locked, as whoever had them before left them.
func (b *bulk) sort(ctx context.Context, ids []uuid.UUID, locked map[uuid.UUID]bool) ([]uuid.UUID, error) {
	type row struct {
		ID                        uuid.UUID
		Name                      string
		Open, Closed, Same, Keeps bool
	}
	rows, err := many[row](ctx, b.work, `SELECT t.id, `+b.name+` AS name, coalesce(`+b.scope(b.edit, "t")+`, FALSE) AS open,
			`+otherwise(b.closed, "FALSE")+` AS closed, `+b.same+` AS same, `+otherwise(b.keeps, "TRUE")+` AS keeps
		FROM `+b.rewrite.table.name+` t WHERE t.id = ANY(@ids) AND `+b.scope(b.view, "t")+` ORDER BY t.id`, b.arguments(pgx.NamedArgs{"ids": ids}))
	if err != nil {
		return nil, err
	}
	var ready []uuid.UUID
	for _, r := range rows {
		switch {
		case !r.Open:
			b.skip(crm.SkippedReach, r.Name)
		case r.Closed:
			b.skip(crm.SkippedClosed, r.Name)
		case r.Same:
			b.skip(crm.SkippedSame, r.Name)
		case !locked[r.ID]:
			b.skip(crm.SkippedLocked, r.Name)
		case !r.Keeps:
			b.skip(crm.SkippedReach, r.Name)
		default:
			ready = append(ready, r.ID)
		}
	}
	for range len(ids) - len(rows) {
		b.skip(crm.SkippedGone, "")
	}
	return ready, nil
}

// namedSkips is how many records a report names for each reason.
const namedSkips = 5

func (b *bulk) skip(reason crm.SkipReason, name string) {
	s := b.result.Skipped[reason]
	s.Count++
	if name != "" && len(s.Names) < namedSkips {
		s.Names = append(s.Names, name)
	}
	b.result.Skipped[reason] = s
}
