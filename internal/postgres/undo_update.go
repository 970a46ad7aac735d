package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// restoreUpdated puts back, field by field, what the change set changed and nobody changed since.
func (u *undo) restoreUpdated(ctx context.Context, table imagedTable) error {
	ready, err := u.mergeBack(ctx, table)
	if err != nil || len(ready) == 0 {
		return err
	}
	return u.patch(ctx, table, ready)
}

// mergeBack returns the records of which something goes back, with what that is, and keeps the rest.
func (u *undo) mergeBack(ctx context.Context, table imagedTable) ([]*touched, error) {
	var ready []*touched
	for _, r := range u.records[table.name] {
		if r.before == nil || r.after == nil {
			continue
		}
		if r.now == nil {
			u.keep(r, nil, "it was removed since")
			continue
		}
		m := audit.MergeBack(r.before, r.after, r.now)
		for _, columns := range table.together {
			m.Together(columns...)
		}
		if len(m.Kept) > 0 {
			u.keep(r, m.Kept, "changed since")
		}
		r.patch = m.Patch
		u.keepOwnerOutOfReach(table, r)
		if len(r.patch) > 0 {
			ready = append(ready, r)
		}
	}
	for _, keep := range []func(context.Context, imagedTable, []*touched) error{u.keepTaken, u.keepGone, u.keepTree, u.keepForWhom} {
		if err := keep(ctx, table, ready); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(ready, func(r *touched) bool { return len(r.patch) == 0 }), nil
}

// keepOwnerOutOfReach drops an earlier owner with whom the record would leave the actor's reach.
func (u *undo) keepOwnerOutOfReach(table imagedTable, r *touched) {
	raw, patched := r.patch["owner_user_id"]
	if !table.owned || !patched {
		return
	}
	var owner uuid.NullUUID
	if err := json.Unmarshal(raw, &owner); err != nil || !u.store.actor.Covers(authz.EditClient, owner) {
		delete(r.patch, "owner_user_id")
		u.keep(r, []string{"owner_user_id"}, "with its earlier owner it would be out of your reach")
	}
}

// keepTaken drops, and names, earlier values that another record has taken since, such as an e-mail address.
func (u *undo) keepTaken(ctx context.Context, table imagedTable, records []*touched) error {
	for _, unique := range table.unique {
		taken, err := u.taken(ctx, table, unique, records, func(r *touched) audit.Image { return r.patch })
		if err != nil {
			return err
		}
		for _, r := range taken {
			delete(r.patch, unique)
			u.keep(r, []string{unique}, "another record has taken the earlier value since")
		}
	}
	return nil
}

// taken returns the records whose value of a unique column, in the image that of gives, another record has.
func (u *undo) taken(ctx context.Context, table imagedTable, unique string, records []*touched, of func(*touched) audit.Image) ([]*touched, error) {
	var places []int
	var values []string
	var ids []uuid.UUID
	var images []json.RawMessage
	for i, r := range records {
		var v string
		if raw, has := of(r)[unique]; has && json.Unmarshal(raw, &v) == nil && v != "" {
			image, err := json.Marshal(r.before)
			if err != nil {
				return nil, err
			}
			places, values, ids, images = append(places, i), append(values, v), append(ids, r.key[0]), append(images, image)
		}
	}
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // none is taken
	}
	sql := `SELECT p.i FROM unnest(@places::int[], @values::text[], @ids::uuid[], @images::jsonb[]) p(i, v, id, image)
		JOIN ` + table.name + ` t ON t.` + unique + ` = p.v AND t.id <> p.id`
	for _, c := range table.within {
		sql += ` AND t.` + c + `::text = p.image->>'` + c + `'`
	}
	found, err := column[int](ctx, u.work, sql, pgx.NamedArgs{"places": places, "values": values, "ids": ids, "images": images})
	return pick(records, found), err
}

// keepGone drops, and names, earlier values that refer to a record that is gone.
func (u *undo) keepGone(ctx context.Context, table imagedTable, records []*touched) error {
	for _, ref := range table.refers {
		gone, err := u.gone(ctx, ref, records, nil, func(r *touched) audit.Image { return r.patch })
		if err != nil {
			return err
		}
		for _, r := range gone {
			delete(r.patch, ref.column)
			u.keep(r, []string{ref.column}, "what it referred to is gone")
		}
	}
	return nil
}

// gone returns the records that refer, in the image that of gives, to a row that is neither there nor among
// those about to come.
func (u *undo) gone(ctx context.Context, ref reference, records []*touched, coming []uuid.UUID, of func(*touched) audit.Image) ([]*touched, error) {
	var places []int
	var ids []uuid.UUID
	for i, r := range records {
		var id uuid.NullUUID
		if raw, has := of(r)[ref.column]; has && json.Unmarshal(raw, &id) == nil && id.Valid && !slices.Contains(coming, id.UUID) {
			places, ids = append(places, i), append(ids, id.UUID)
		}
	}
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // none is gone
	}
	found, err := column[int](ctx, u.work, `SELECT p.i FROM unnest(@places::int[], @ids::uuid[]) p(i, id)
		WHERE NOT EXISTS (SELECT 1 FROM `+ref.table+` t WHERE t.id = p.id)`, pgx.NamedArgs{"places": places, "ids": ids})
	return pick(records, found), err
}

func pick(records []*touched, places []int) []*touched {
	out := make([]*touched, len(places))
	for i, n := range places {
		out[i] = records[n]
	}
	return out
}

// keepTree drops an earlier parent below which its team would stand below itself. Changes of the tree wait for
// each other, here as in UpdateTeam.
func (u *undo) keepTree(ctx context.Context, table imagedTable, records []*touched) error {
	if table.name != "teams" {
		return nil
	}
	if _, err := u.work.Exec(ctx, lockTree); err != nil {
		return err
	}
	for _, r := range records {
		t := crm.Team{ID: r.key[0]}
		if raw, patched := r.patch["parent_id"]; !patched || json.Unmarshal(raw, &t.ParentID) != nil || !t.ParentID.Valid {
			continue
		}
		err := checkTree(ctx, u.work, t)
		var circle crm.Invalid
		if errors.As(err, &circle) {
			delete(r.patch, "parent_id")
			u.keep(r, []string{"parent_id"}, "it would stand below itself")
		} else if err != nil {
			return err
		}
	}
	return nil
}

// keepForWhom drops an earlier person with whom a follow-up would leave the actor's reach.
func (u *undo) keepForWhom(ctx context.Context, table imagedTable, records []*touched) error {
	if table.name != "follow_ups" {
		return nil
	}
	for _, r := range records {
		raw, patched := r.patch["user_id"]
		if !patched {
			continue
		}
		var person uuid.NullUUID
		if err := json.Unmarshal(raw, &person); err != nil {
			return err
		}
		if reached, err := u.store.reachesFor(ctx, u.work, r.key[0], person); err != nil {
			return err
		} else if !reached {
			delete(r.patch, "user_id")
			u.keep(r, []string{"user_id"}, "for its earlier person it would be out of your reach")
		}
	}
	return nil
}

// patch writes earlier values back, all records of a table in one statement.
func (u *undo) patch(ctx context.Context, table imagedTable, records []*touched) error {
	args := keyArgs(table, records)
	patches := make([]json.RawMessage, len(records))
	for i, r := range records {
		raw, err := json.Marshal(r.patch)
		if err != nil {
			return err
		}
		patches[i] = raw
	}
	args["patch"] = patches
	set := table.patching(table.patched(records))
	if table.versioned {
		set += `, version = t.version + 1`
	}
	if table.stamped {
		set += `, updated_at = now()`
	}
	rows, err := many[keyedImage](ctx, u.work, `UPDATE `+table.name+` t SET `+set+` FROM `+table.keysFrom("patch")+` WHERE `+table.matches()+` `+table.returning(), args)
	if err != nil {
		return err
	}
	after := byKey(rows)
	for _, r := range records {
		u.done(table, r, r.nowRaw, after[fmt.Sprint(r.key)])
	}
	return nil
}

// patching is the SQL that sets columns of t to what p.patch has of them; the others stay as they are, unmentioned, so that
// the database knows which indexes hold nothing new.
func (t imagedTable) patching(columns []string) string {
	return `(` + strings.Join(columns, ", ") + `) = (SELECT ` + prefix("r.", columns) + ` FROM jsonb_populate_record(t, p.patch) r)`
}

// patched returns the columns of which something goes back, in the order of the table's.
func (t imagedTable) patched(records []*touched) []string {
	return slices.DeleteFunc(slices.Clone(t.columns), func(c string) bool {
		return !slices.ContainsFunc(records, func(r *touched) bool { _, patched := r.patch[c]; return patched })
	})
}

func prefix(p string, columns []string) string { return p + strings.Join(columns, ", "+p) }
