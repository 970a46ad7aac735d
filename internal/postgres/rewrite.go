package postgres

import (
	"context"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
)

// Very many rows of one table are changed by few statements, in the order in which most of the table's indexes stand. A row
// that changes is entered anew in every index of its table, twenty of an organization's. Gone through by id, each entry
// is on a page of its own: 50,000 organizations of a million read three million pages and wrote two, most of them time and
// again.

// rewrittenAtOnce is how many rows a statement changes: all that an action may. What hangs on them is gone through once for
// each statement, so that 10,000 at a time cost a third more.
const rewrittenAtOnce = crm.MaxSelected

// rewrite is one change of many rows of a table, all locked. Its SQL is constant and calls the row t.
type rewrite struct {
	table            imagedTable
	set              string            // what is set,
	given            map[string]string // from arrays besides the ids, by their column of p, with their type
	action           audit.Action      // of each row
	parent, metadata string            // of the audit row, of the changed row n; "" for none
	args             pgx.NamedArgs     // of all of these
}

// rewriteTimeout replaces the statement timeout: 50,000 rows of a million take most of a minute.
const rewriteTimeout = "5min"

// prepareForMany makes the statements of the transaction fit for many rows. However many a list of ids has, its rows are
// looked up by key, one after the other in the order given, and never by a walk through the table; and what is sorted
// on the way fits into memory.
func prepareForMany(ctx context.Context, w *work) error {
	_, err := w.Exec(ctx, `SELECT set_config('plan_cache_mode', 'force_generic_plan', TRUE), set_config('enable_hashjoin', 'off', TRUE),
		set_config('enable_mergejoin', 'off', TRUE), set_config('enable_material', 'off', TRUE), set_config('work_mem', '32MB', TRUE), set_config('statement_timeout', '`+rewriteTimeout+`', TRUE)`)
	return err
}

// inOrder returns the ids of rows in the order in which they are rewritten.
func inOrder(ctx context.Context, w *work, table imagedTable, ids []uuid.UUID) ([]uuid.UUID, error) {
	return column[uuid.UUID](ctx, w, `SELECT t.id FROM `+table.name+` t WHERE t.id = ANY(@ids) ORDER BY `+otherwise(table.order, "t.id"), pgx.NamedArgs{"ids": ids})
}

// rewrite changes rows, given in order, with an audit row each, in one statement, and returns how many.
func (s *Store) rewrite(ctx context.Context, w *work, r rewrite, ids []uuid.UUID, more pgx.NamedArgs) (int, error) {
	arrays, columns, returned := "@ids::uuid[]", "id", ""
	for _, c := range slices.Sorted(maps.Keys(r.given)) {
		arrays, columns, returned = arrays+", @"+c+"::"+r.given[c]+"[]", columns+", "+c, returned+", p."+c
	}
	args := s.args(r.args)
	maps.Copy(args, more)
	maps.Copy(args, pgx.NamedArgs{
		"ids": ids, "changeSet": w.changeSet, "user": s.userID(), "auditAction": r.action, "type": r.table.targetType, "table": r.table.name, "ip": s.ip(), "ua": s.ua(),
	})
	// the image before is looked up row by row, in the order of the ids, and the row with it
	tag, err := w.Exec(ctx, `
		WITH n AS (UPDATE `+r.table.name+` t SET `+r.set+`, version = t.version + 1, updated_at = now()
			FROM unnest(`+arrays+`) p(`+columns+`), LATERAL (SELECT w.id, audit_image(to_jsonb(w)) AS image FROM `+r.table.name+` w WHERE w.id = p.id OFFSET 0) was
			WHERE t.id = was.id RETURNING t.id, was.image AS before, audit_image(to_jsonb(t)) AS after`+returned+`)
		INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, parent_id, table_name, metadata, before, after, ip, ua)
		SELECT @changeSet, @user, @auditAction, @type, n.id, `+otherwise(r.parent, "NULL::uuid")+`, @table, `+otherwise(r.metadata, "'{}'::jsonb")+`,
			n.before, n.after, @ip, @ua FROM n ORDER BY n.id`, args)
	w.logged += int(tag.RowsAffected())
	return int(tag.RowsAffected()), err
}
