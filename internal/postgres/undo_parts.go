package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// undoPart is how many records of a large undo are held at a time. All images of 50,000 took 600 MB.
const undoPart = 2000

// manyOfOne reports whether the change set edited very many records of one table, each once, and did nothing else, as
// bulk actions do. What it made or deleted may hang together, so that is taken back as a whole.
func (u *undo) manyOfOne(ctx context.Context) (imagedTable, bool, error) {
	type shape struct {
		Rows    int
		Records int
		Edited  bool
		Tables  []string
	}
	s, err := one[shape](ctx, u.work, `SELECT count(*) AS rows, count(DISTINCT target_id) AS records, coalesce(bool_and(before IS NOT NULL AND after IS NOT NULL), FALSE) AS edited,
			coalesce(array_agg(DISTINCT table_name::text), '{}') AS tables
		FROM audit_logs WHERE change_set_id = @id AND table_name IS NOT NULL`, pgx.NamedArgs{"id": u.of})
	if err != nil || s.Rows <= undoPart || s.Records != s.Rows || !s.Edited || len(s.Tables) != 1 || s.Tables[0] != "organizations" && s.Tables[0] != "contacts" {
		return imagedTable{}, false, err
	}
	table, known := tableNamed(s.Tables[0])
	return table, known, nil
}

// inParts takes such a change set back, part by part in the order of its records' ids, in which they are locked as
// ever. The audit rows of a part are written with it.
func (u *undo) inParts(ctx context.Context, table imagedTable) error {
	within := false
	for p := (part{size: undoPart}); ; p.after = u.last {
		u.changes = nil
		if err := u.load(ctx, p); err != nil {
			return err
		}
		within = within || len(u.records[table.name]) > 0
		for _, step := range []func(context.Context, imagedTable) error{u.lock, u.restoreUpdated} {
			if err := step(ctx, table); err != nil {
				return err
			}
		}
		if len(u.changes) > 0 {
			b := &pgx.Batch{}
			if err := u.store.queueManyAudits(b, uuid.NullUUID{UUID: u.work.changeSet, Valid: true}, u.changes); err != nil {
				return err
			}
			if err := u.work.send(ctx, b); err != nil {
				return err
			}
			u.work.logged += len(u.changes)
		}
		if u.loaded < undoPart {
			break
		}
	}
	u.changes = nil
	switch {
	case !within:
		return crm.ErrNotFound
	case u.work.logged == 0:
		u.result.Target = u.firstThere()
		return errNothingUndone
	}
	u.tellOutside()
	return nil
}
