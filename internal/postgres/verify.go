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

// table walks the images of one table in the order in which they were written, then its rows.
func (v *Verification) table(ctx context.Context, tx pgx.Tx, table imagedTable) error {
	last := map[string]audit.Image{} // nil: the record was deleted
	rows, err := tx.Query(ctx, `SELECT id, before, after FROM audit_logs WHERE table_name = $1 ORDER BY id`, table.name)
	if err != nil {
		return err
	}
	var id int64
	var before, after json.RawMessage
	if _, err := pgx.ForEachRow(rows, []any{&id, &before, &after}, func() error {
		v.Rows++
		t, err := newTouched(table, before, after)
		if err != nil {
			v.problem("audit row %d: %v", id, err)
			return nil
		}
		key := fmt.Sprint(t.key)
		if was, known := last[key]; known && !sameImage(was, t.before) {
			v.problem("audit row %d: %s %s was not as this change found it", id, table.name, key)
		}
		last[key] = t.after
		return nil
	}); err != nil {
		return err
	}
	return v.rows(ctx, tx, table, last)
}

// rows compares each record with its last image. A record without any image was loaded in bulk; that needs a
// change set that says so.
func (v *Verification) rows(ctx context.Context, tx pgx.Tx, table imagedTable, last map[string]audit.Image) error {
	bulk, err := scalar[bool](ctx, tx, `SELECT EXISTS (SELECT 1 FROM change_sets WHERE kind = 'bulk_load')`)
	if err != nil {
		return err
	}
	rows, err := tx.Query(ctx, `SELECT audit_image(to_jsonb(t)) FROM `+table.name+` t ORDER BY `+strings.Join(table.key, ", "))
	if err != nil {
		return err
	}
	var raw json.RawMessage
	if _, err := pgx.ForEachRow(rows, []any{&raw}, func() error {
		v.Records++
		img, err := audit.ParseImage(raw)
		if err != nil {
			return err
		}
		ids, err := keyOf(table, img)
		if err != nil {
			return err
		}
		key := fmt.Sprint(ids)
		switch was, known := last[key]; {
		case !known && !bulk:
			v.problem("%s %s has no image", table.name, key)
		case known && !sameImage(was, img):
			v.problem("%s %s is not as its last change left it", table.name, key)
		}
		delete(last, key)
		return nil
	}); err != nil {
		return err
	}
	for key, img := range last {
		if img != nil {
			v.problem("%s %s is gone without a change that removed it", table.name, key)
		}
	}
	return nil
}

func sameImage(a, b audit.Image) bool {
	return (a == nil) == (b == nil) && audit.Same(a, b)
}
