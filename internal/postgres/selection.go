package postgres

import (
	"bytes"
	"context"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// selectedChunk is how many rows one action goes through at a time: few enough for a statement to stay well
// below any timeout and for progress to be seen, many enough that a statement's own cost does not count.
const selectedChunk = 2000

// bulkKind is what an action on many records is called, as a whole and for each record. The records keep the names
// of single edits, so that their histories read alike.
type bulkKind struct {
	kind                  audit.Action
	organization, contact audit.Action
	set, same             string // SQL: what is set, and whether record t is so already
}

var bulkKinds = map[crm.BulkAction]bulkKind{
	crm.BulkAssign:  {audit.AssignClients, audit.UpdateOrganization, audit.UpdateContact, "owner_user_id = @owner::uuid", "t.owner_user_id IS NOT DISTINCT FROM @owner::uuid"},
	crm.BulkArchive: {audit.ArchiveClients, audit.ArchiveOrganization, audit.ArchiveContact, "is_active = FALSE", "NOT t.is_active"},
	crm.BulkRestore: {audit.RestoreClients, audit.RestoreOrganization, audit.RestoreContact, "is_active = TRUE", "t.is_active"},
}

// bulk is an action on many records under way in its transaction.
type bulk struct {
	crm.Bulk
	bulkKind
	store  *Store
	work   *work
	table  imagedTable
	name   string // SQL: what record t is called
	scope  func(authz.Permission, string) string
	edit   authz.Permission // what changing a record takes
	action audit.Action
	result crm.BulkResult
}

func (s *Store) newBulk(w *work, b crm.Bulk) *bulk {
	run := &bulk{Bulk: b, bulkKind: bulkKinds[b.Action], store: s, work: w, edit: authz.EditClient, result: crm.BulkResult{Skipped: map[crm.SkipReason]crm.Skipped{}}}
	if b.List() == crm.ContactList {
		run.table, run.scope, run.name, run.action = mustTable("contacts"), s.contactScope, "t.first_name || ' ' || t.last_name", run.contact
	} else {
		run.table, run.scope, run.name, run.action = mustTable("organizations"), s.organizationScope, "t.display_name", run.organization
	}
	return run
}

// Selected returns how many records an action on all that a list finds would go through, at most one more than
// are allowed.
func (s *Store) Selected(ctx context.Context, b crm.Bulk) (int, error) {
	if err := s.mayBulk(b); err != nil {
		return 0, err
	}
	if !b.All {
		return len(b.Picked), nil
	}
	sql, args, err := s.selection(ctx, b)
	if err != nil {
		return 0, err
	}
	n, err := scalar[int](ctx, s.db.pool, `SELECT count(*) FROM (`+sql+`) n`, args...)
	return n, translate(err)
}

func (s *Store) mayBulk(b crm.Bulk) error {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return err
	}
	return b.Validate()
}

// selection returns the SQL of the ids of all that the list finds. Its order does not matter and is left out.
func (s *Store) selection(ctx context.Context, b crm.Bulk) (string, []any, error) {
	var l list
	var args pgx.NamedArgs
	var err error
	if b.Contacts != nil {
		f := *b.Contacts
		f.Sort, f.Page = crm.Sort{}, crm.Page{}
		l, args, err = s.listContacts(ctx, f)
	} else {
		f := *b.Organizations
		f.Sort, f.Page = crm.Sort{}, crm.Page{}
		l, args, err = s.listOrganizations(ctx, f)
	}
	return l.ids(l.count, crm.MaxSelected+1), []any{pgx.QueryExecModeCacheDescribe, s.args(args)}, err
}

// ChangeSelected does an action on many records in one change set: all of those that the actor may edit and that
// are not so already. The rest is left as it is, and told. When nothing is left to change, nothing is written and
// the result has no change set. More than MaxSelected records, and an owner out of reach, are Invalid.
func (s *Store) ChangeSelected(ctx context.Context, b crm.Bulk) (crm.BulkResult, error) {
	return s.changeSelected(ctx, b, nil)
}

// errAllSkipped leaves the transaction of an action that found nothing to change.
var errAllSkipped = errors.New("every record was skipped")

// changeSelected is ChangeSelected for a job, or for somebody who waits where j is nil.
func (s *Store) changeSelected(ctx context.Context, b crm.Bulk, j *job) (crm.BulkResult, error) {
	if err := s.mayBulk(b); err != nil {
		return crm.BulkResult{}, err
	}
	var run *bulk
	cs, err := s.write(ctx, bulkKinds[b.Action].kind, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := j.claim(ctx, w); err != nil {
			return nil, err
		}
		run = s.newBulk(w, b)
		if err := run.all(ctx, j); err != nil {
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

// all goes through the records chunk by chunk in the order of their ids, in which everything that locks many locks:
// two at once wait for each other, and never in a circle.
func (b *bulk) all(ctx context.Context, j *job) error {
	if b.Action == crm.BulkAssign {
		if err := b.store.checkOwner(ctx, b.work, b.Owner); err != nil {
			return err
		}
	}
	ids, err := b.ids(ctx)
	if err != nil {
		return err
	}
	for done := 0; done < len(ids); {
		chunk := ids[done:min(done+selectedChunk, len(ids))]
		if err := b.change(ctx, chunk); err != nil {
			return err
		}
		done += len(chunk)
		if err := j.tell(ctx, done, len(ids)); err != nil {
			return err
		}
	}
	return nil
}

// ids returns the records that are meant, in order, each once.
func (b *bulk) ids(ctx context.Context) ([]uuid.UUID, error) {
	ids := slices.Clone(b.Picked)
	if b.All {
		sql, args, err := b.store.selection(ctx, b.Bulk)
		if err != nil {
			return nil, err
		}
		if ids, err = column[uuid.UUID](ctx, b.work, sql, args...); err != nil {
			return nil, err
		}
	}
	if len(ids) > crm.MaxSelected {
		return nil, crm.Fault("", "These are more than %d records: narrow the list and go through it in parts.", crm.MaxSelected)
	}
	slices.SortFunc(ids, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	return slices.Compact(ids), nil
}

// change locks the records of a chunk, leaves out what is not to be changed, and changes the rest with an audit row
// each, in one statement.
func (b *bulk) change(ctx context.Context, ids []uuid.UUID) error {
	locked, err := b.lock(ctx, ids)
	if err != nil {
		return err
	}
	ready, err := b.sort(ctx, ids, locked)
	if err != nil || len(ready) == 0 {
		return err
	}
	s := b.store
	tag, err := b.work.Exec(ctx, `
		WITH was AS (SELECT t.id, audit_image(to_jsonb(t)) AS image FROM `+b.table.name+` t WHERE t.id = ANY(@ids)),
			n AS (UPDATE `+b.table.name+` t SET `+b.set+`, version = t.version + 1, updated_at = now() FROM was WHERE t.id = was.id
				RETURNING t.id, was.image AS before, audit_image(to_jsonb(t)) AS after)
		INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, table_name, before, after, ip, ua)
		SELECT @changeSet, @user, @action, @type, n.id, @table, n.before, n.after, @ip, @ua FROM n ORDER BY n.id`,
		pgx.NamedArgs{
			"ids": ready, "owner": b.Owner, "changeSet": b.work.changeSet, "user": s.userID(), "action": b.action, "type": b.table.targetType,
			"table": b.table.name, "ip": s.ip(), "ua": s.ua(),
		})
	b.work.logged += int(tag.RowsAffected())
	b.result.Done += int(tag.RowsAffected())
	return err
}

// lock locks those of the records that the actor may edit. It waits for whoever is saving one of them; for somebody
// who does not finish within the lock timeout it does not wait again, and goes without their records.
func (b *bulk) lock(ctx context.Context, ids []uuid.UUID) (map[uuid.UUID]bool, error) {
	if _, err := b.work.Exec(ctx, `SAVEPOINT unlocked`); err != nil {
		return nil, err
	}
	sql := `SELECT t.id FROM ` + b.table.name + ` t WHERE t.id = ANY(@ids) AND ` + b.scope(b.edit, "t") + ` ORDER BY t.id FOR NO KEY UPDATE OF t`
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
		ID         uuid.UUID
		Name       string
		Open, Same bool
	}
	rows, err := many[row](ctx, b.work, `SELECT t.id, `+b.name+` AS name, coalesce(`+b.scope(authz.EditClient, "t")+`, FALSE) AS open, `+b.same+` AS same
		FROM `+b.table.name+` t WHERE t.id = ANY(@ids) AND `+b.scope(authz.ViewClient, "t")+` ORDER BY t.id`,
		b.store.args(pgx.NamedArgs{"ids": ids, "owner": b.Owner}))
	if err != nil {
		return nil, err
	}
	var ready []uuid.UUID
	for _, r := range rows {
		switch {
		case !r.Open:
			b.skip(crm.SkippedReach, r.Name)
		case r.Same:
			b.skip(crm.SkippedSame, r.Name)
		case !locked[r.ID]:
			b.skip(crm.SkippedLocked, r.Name)
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

func (b *bulk) skip(reason crm.SkipReason, name string) { skip(&b.result, reason, name) }

func skip(r *crm.BulkResult, reason crm.SkipReason, name string) {
	s := r.Skipped[reason]
	s.Count++
	if name != "" && len(s.Names) < namedSkips {
		s.Names = append(s.Names, name)
	}
	r.Skipped[reason] = s
}
