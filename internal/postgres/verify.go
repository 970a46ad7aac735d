package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
)

// Verification says what was checked, and what does not hold.
type Verification struct {
	ChangeSets, Rows, Records int
	Problems                  []string // at most MaxProblems
}

// MaxProblems bounds a verification's list; beyond it there is no point in naming more.
const MaxProblems = 100

// Verify checks that every change set has its audit rows, that the images of each record join up (each change
// begins where the one before ended), and that every record is as its last image says. It reads one snapshot.
func (s *Store) Verify(ctx context.Context) (Verification, error) {
	v := &Verification{}
	if err := s.require(authz.ViewAudit); err != nil {
		return *v, err
	}
	tx, err := s.db.pool.BeginTx(ctx, pgx.TxOptions{IsoLevel: pgx.RepeatableRead, AccessMode: pgx.ReadOnly})
	if err != nil {
		return *v, err
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, `SET LOCAL statement_timeout = 0`); err != nil {
		return *v, err
	}
	if v.ChangeSets, err = scalar[int](ctx, tx, `SELECT count(*) FROM change_sets`); err != nil {
		return *v, err
	}
	if err := v.changeSets(ctx, tx); err != nil {
		return *v, err
	}
	for _, table := range imagedTables {
		if err := v.table(ctx, tx, table); err != nil {
			return *v, err
		}
	}
	return *v, nil
}

func (v *Verification) problem(format string, args ...any) {
	if len(v.Problems) < MaxProblems {
		v.Problems = append(v.Problems, fmt.Sprintf(format, args...))
	}
}

func (v *Verification) changeSets(ctx context.Context, tx pgx.Tx) error {
	bare, err := column[uuid.UUID](ctx, tx, `SELECT cs.id FROM change_sets cs
		WHERE NOT EXISTS (SELECT 1 FROM audit_logs a WHERE a.change_set_id = cs.id) ORDER BY cs.created_at, cs.id LIMIT 100`)
	for _, id := range bare {
		v.problem("change set %s has no audit rows", id)
	}
	return err
}

// imageKey is the key of the record that audit row a tells of, as text; rowKey that of row t.
func (t imagedTable) imageKey() string {
	parts := make([]string, len(t.key))
	for i, c := range t.key {
		parts[i] = "(coalesce(a.after, a.before)->>'" + c + "')"
	}
	return strings.Join(parts, " || ' ' || ")
}

func (t imagedTable) rowKey() string {
	return "t." + strings.Join(t.key, "::text || ' ' || t.") + "::text"
}

// table checks the images of one table in the order in which they were written, then its rows. The database
// compares; only what differs comes here, to be looked at column by column.
func (v *Verification) table(ctx context.Context, tx pgx.Tx, table imagedTable) error {
	type size struct{ Rows, Records int }
	n, err := one[size](ctx, tx, `SELECT (SELECT count(*) FROM audit_logs WHERE table_name = @table) AS rows, (SELECT count(*) FROM `+table.name+`) AS records`,
		pgx.NamedArgs{"table": table.name})
	if err != nil {
		return err
	}
	v.Rows, v.Records = v.Rows+n.Rows, v.Records+n.Records
	if err := v.joins(ctx, tx, table); err != nil {
		return err
	}
	return v.presents(ctx, tx, table)
}

// joins checks that each change begins where the one before it ended, and the first with nothing, unless a bulk
// load says where records came from without one.
func (v *Verification) joins(ctx context.Context, tx pgx.Tx, table imagedTable) error {
	rows, err := tx.Query(ctx, `SELECT id, coalesce(key, ''), before, ended FROM (
			SELECT a.id, `+table.imageKey()+` AS key, a.before, lag(a.after) OVER w AS ended, row_number() OVER w AS n
			FROM audit_logs a WHERE a.table_name = $1 WINDOW w AS (PARTITION BY `+table.imageKey()+` ORDER BY a.id)) x
		WHERE key IS NULL OR n > 1 AND before IS DISTINCT FROM ended
			OR n = 1 AND before IS NOT NULL AND NOT EXISTS (SELECT 1 FROM change_sets WHERE kind = 'bulk_load') ORDER BY id`, table.name)
	if err != nil {
		return err
	}
	var id int64
	var key string
	var before, ended json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&id, &key, &before, &ended}, func() error {
		if same, err := sameImage(before, ended); key == "" || err != nil {
			v.problem("audit row %d: its image names no record of %s", id, table.name)
		} else if !same {
			v.problem("audit row %d: %s %s was not as this change found it", id, table.name, key)
		}
		return nil
	})
	return err
}

// presents compares each record with its last image. A record without any image was loaded in bulk; that needs a
// change set that says so, and then only records that have one are looked at.
func (v *Verification) presents(ctx context.Context, tx pgx.Tx, table imagedTable) error {
	bulk, err := scalar[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM change_sets WHERE kind = 'bulk_load')`)
	if err != nil {
		return err
	}
	join := "FULL"
	if bulk {
		join = "LEFT"
	}
	rows, err := tx.Query(ctx, `WITH l AS (SELECT DISTINCT ON (1) `+table.imageKey()+` AS key, a.id, a.after FROM audit_logs a WHERE a.table_name = $1 ORDER BY 1, a.id DESC)
		SELECT coalesce(l.key, t.key), coalesce(l.id, 0), l.after, t.image
		FROM l `+join+` JOIN (SELECT `+table.rowKey()+` AS key, audit_image(to_jsonb(t)) AS image FROM `+table.name+` t) t ON t.key = l.key
		WHERE l.after IS DISTINCT FROM t.image ORDER BY 1`, table.name)
	if err != nil {
		return err
	}
	var key *string
	var id int64
	var last, present json.RawMessage
	_, err = pgx.ForEachRow(rows, []any{&key, &id, &last, &present}, func() error {
		same, err := sameImage(last, present)
		switch {
		case key == nil: // an image that names no record: joins has told
		case id == 0:
			v.problem("%s %s has no image", table.name, *key)
		case present == nil:
			v.problem("%s %s is gone without a change that removed it", table.name, *key)
		case err != nil || !same:
			v.problem("%s %s is not as its last change left it", table.name, *key)
		}
		return nil
	})
	return err
}

// sameImage compares two images in the columns both have; a missing one equals only a missing one.
func sameImage(a, b json.RawMessage) (bool, error) {
	x, err := audit.ParseImage(a)
	if err != nil {
		return false, err
	}
	y, err := audit.ParseImage(b)
	return (x == nil) == (y == nil) && audit.Same(x, y), err
}
