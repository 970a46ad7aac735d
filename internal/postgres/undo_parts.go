package postgres

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
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

// inParts takes such a change set back. Part by part, in the order of their ids, its records are locked and compared; of
// each only what goes back is kept in mind. When all are locked they are rewritten, as the change set did it.
func (u *undo) inParts(ctx context.Context, table imagedTable) error {
	if err := prepareForMany(ctx, u.work); err != nil {
		return err
	}
	p, err := u.patchesOf(ctx, table)
	switch {
	case err != nil:
		return err
	case !p.within:
		return crm.ErrNotFound
	case len(p.ids) == 0:
		u.result.Target = u.firstThere()
		return errNothingUndone
	}
	u.records = nil
	return u.putBack(ctx, table, p)
}

// patches are what goes back, by record.
type patches struct {
	within  bool // some record is in reach
	ids     []uuid.UUID
	columns []string // that any record gets back, each many times
	images  map[uuid.UUID]json.RawMessage
	actions map[uuid.UUID]string // which are undone
}

// patchesOf locks and compares all records.
func (u *undo) patchesOf(ctx context.Context, table imagedTable) (patches, error) {
	found := patches{images: map[uuid.UUID]json.RawMessage{}, actions: map[uuid.UUID]string{}}
	for p := (part{size: undoPart}); ; p.after = u.last {
		if err := u.load(ctx, p); err != nil {
			return found, err
		}
		found.within = found.within || len(u.records[table.name]) > 0
		if err := u.lock(ctx, table); err != nil {
			return found, err
		}
		ready, err := u.mergeBack(ctx, table)
		if err != nil {
			return found, err
		}
		found.columns = append(found.columns, table.patched(ready)...)
		for _, r := range ready {
			if len(found.ids) == 0 {
				u.result.Target = u.landing(table, r, true)
			}
			id := r.key[0]
			if found.images[id], err = json.Marshal(r.patch); err != nil {
				return found, err
			}
			found.ids, found.actions[id] = append(found.ids, id), r.action
		}
		if u.loaded < undoPart {
			return found, nil
		}
	}
}

// putBack rewrites the records.
func (u *undo) putBack(ctx context.Context, table imagedTable, p patches) error {
	slices.Sort(p.columns)
	args, err := u.store.auditArgs(uuid.NullUUID{}, audit.Change{Metadata: map[string]any{"undoes": u.of}})
	if err != nil {
		return err
	}
	back := rewrite{
		table: table, set: table.patching(slices.Compact(p.columns)), given: map[string]string{"patch": "jsonb", "done": "text"}, action: audit.Undo,
		metadata: "@metadata::jsonb || jsonb_build_object('action', n.done)", args: pgx.NamedArgs{"metadata": args["metadata"]},
	}
	ids, err := inOrder(ctx, u.work, table, p.ids)
	if err != nil {
		return err
	}
	if err := u.job.tell(ctx, 0, len(ids)); err != nil {
		return err
	}
	for chunk := range slices.Chunk(ids, rewrittenAtOnce) {
		images, actions := make([]json.RawMessage, len(chunk)), make([]string, len(chunk))
		for i, id := range chunk {
			images[i], actions[i] = p.images[id], p.actions[id]
		}
		n, err := u.store.rewrite(ctx, u.work, back, chunk, pgx.NamedArgs{"patch": images, "done": actions})
		if err != nil {
			return err
		}
		u.result.Undone += n
		if err := u.job.tell(ctx, u.result.Undone, len(ids)); err != nil {
			return err
		}
	}
	u.tellOutside()
	return nil
}
