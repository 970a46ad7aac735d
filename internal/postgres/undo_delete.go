package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
)

// insertDeleted brings back what the change set deleted.
func (u *undo) insertDeleted(ctx context.Context, table imagedTable) error {
	var ready []*touched
	for _, r := range u.records[table.name] {
		switch {
		case r.after != nil || r.before == nil: // not deleted
		case r.now != nil:
			u.keep(r, nil, "it is there again already")
		case !u.mayRemove(table, r.before):
			u.keep(r, nil, "only its author may bring it back")
		default:
			ready = append(ready, r)
		}
	}
	ready, err := u.insertable(ctx, table, ready)
	if err != nil || len(ready) == 0 {
		return err
	}
	return u.insert(ctx, table, ready)
}

// insertable keeps, and names, the deleted records that cannot come back: another has taken their address or
// name since, or what they referred to is gone.
func (u *undo) insertable(ctx context.Context, table imagedTable, records []*touched) ([]*touched, error) {
	before := func(r *touched) audit.Image { return r.before }
	without := func(kept []*touched, reason string) {
		named := make(map[*touched]bool, len(kept))
		for _, r := range kept {
			if !named[r] {
				u.keep(r, nil, reason)
			}
			named[r] = true
		}
		records = slices.DeleteFunc(records, func(r *touched) bool { return named[r] })
	}
	for _, unique := range table.unique {
		taken, err := u.taken(ctx, table, unique, records, before)
		if err != nil {
			return nil, err
		}
		without(taken, "another record has taken its place since")
	}
	for again := true; again; { // a team may go with the parent that cannot come back
		again = false
		for _, ref := range table.refers {
			var coming []uuid.UUID
			for _, r := range records {
				if ref.table == table.name {
					coming = append(coming, r.key[0])
				}
			}
			gone, err := u.gone(ctx, ref, records, coming, before)
			if err != nil {
				return nil, err
			}
			without(gone, "what it belonged to is gone")
			again = again || len(gone) > 0
		}
	}
	return records, nil
}

// insert writes deleted records back, all of a table in one statement. The version goes on from where it was:
// each earlier version has left an audit row, so their number is at least as high.
func (u *undo) insert(ctx context.Context, table imagedTable, records []*touched) error {
	images := make([]audit.Image, len(records))
	for i, r := range records {
		images[i] = r.before
	}
	raw, err := json.Marshal(images)
	if err != nil {
		return err
	}
	columns, values := strings.Join(table.columns, ", "), prefix("r.", table.columns)
	if table.versioned {
		columns += ", version"
		values += ", (SELECT count(*) + 1 FROM audit_logs a WHERE a.target_id = r." + table.target + ")"
	}
	rows, err := many[keyedImage](ctx, u.work, `INSERT INTO `+table.name+` AS t (`+columns+`) SELECT `+values+
		` FROM jsonb_populate_recordset(NULL::`+table.name+`, @images::jsonb) r `+table.returning(), pgx.NamedArgs{"images": json.RawMessage(raw)})
	if err != nil {
		return err
	}
	after := byKey(rows)
	for _, r := range records {
		u.done(table, r, nil, after[fmt.Sprint(r.key)])
	}
	return nil
}
