package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const touchDefaultColumns = `t.id, t.role_label, t.every_days, t.version`

// TouchDefaults returns how often to be in touch with people in each role that has a default, by role.
func (s *Store) TouchDefaults(ctx context.Context) ([]crm.TouchDefault, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return nil, err
	}
	return many[crm.TouchDefault](ctx, s.db.pool, `SELECT `+touchDefaultColumns+` FROM touch_defaults t ORDER BY t.role_label`+icu+`, t.id`)
}

func touchDefaultChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.TouchDefault, TargetID: id, Table: "touch_defaults", Before: before, After: after}
}

// CreateTouchDefault saves what is usual in a role that has no default yet, once per form token. The people it
// concerns are due by it at once where they are few, and else within seconds, in the background.
func (s *Store) CreateTouchDefault(ctx context.Context, d crm.TouchDefault, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	d.Clean()
	if err := d.Validate(); err != nil {
		return Saved{}, err
	}
	d.ID = newID()
	return s.create(ctx, audit.CreateTouchDefault, token, d.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		after, err := scalar[json.RawMessage](ctx, w, `INSERT INTO touch_defaults AS t (id, role_label, role_key, every_days)
			VALUES (@id, @role::text, role_key(@role::text), @days) RETURNING audit_image(to_jsonb(t))`, pgx.NamedArgs{"id": d.ID, "role": d.RoleLabel, "days": d.EveryDays})
		return []audit.Change{touchDefaultChange(audit.CreateTouchDefault, d.ID, nil, after)}, err
	})
}

func lockTouchDefault(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.TouchDefault], error) {
	type row struct {
		crm.TouchDefault
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+touchDefaultColumns+`, audit_image(to_jsonb(t)) AS image FROM touch_defaults t WHERE t.id = @id FOR UPDATE`, pgx.NamedArgs{"id": id})
	return imaged[crm.TouchDefault]{r.TouchDefault, r.Image}, notFound(err)
}

// UpdateTouchDefault saves the days of a default that was read at d.Version; its role stays. It returns ErrConflict
// when it was changed since, ErrUnchanged when there is nothing to save.
func (s *Store) UpdateTouchDefault(ctx context.Context, d crm.TouchDefault) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateTouchDefault, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := lockTouchDefault(ctx, w, d.ID)
		if err != nil {
			return nil, err
		}
		d.RoleLabel = was.Record.RoleLabel
		if err := d.Validate(); err != nil {
			return nil, err
		}
		if was.Record.Version != d.Version {
			return nil, crm.ErrConflict
		}
		after, err := scalar[json.RawMessage](ctx, w, `UPDATE touch_defaults t SET every_days = @days, version = version + 1
			WHERE id = @id RETURNING audit_image(to_jsonb(t))`, pgx.NamedArgs{"id": d.ID, "days": d.EveryDays})
		if err == nil {
			err = unchanged(was.Image, after)
		}
		return []audit.Change{touchDefaultChange(audit.UpdateTouchDefault, d.ID, was.Image, after)}, err
	})
	return Saved{d.ID, cs}, err
}

// DeleteTouchDefault lets a role have no default any more; relationships with a rhythm of their own keep it.
func (s *Store) DeleteTouchDefault(ctx context.Context, id uuid.UUID) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.DeleteTouchDefault, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := lockTouchDefault(ctx, w, id)
		if err != nil {
			return nil, err
		}
		if err := s.stands(was.Record.Version); err != nil {
			return nil, err
		}
		_, err = w.Exec(ctx, `DELETE FROM touch_defaults WHERE id = @id`, pgx.NamedArgs{"id": id})
		return []audit.Change{touchDefaultChange(audit.DeleteTouchDefault, id, was.Image, nil)}, err
	})
	return Saved{id, cs}, err
}

// settledChunk is how many people are put right in one transaction: some 50 ms, and as long are their rows locked.
const settledChunk = 1000

// SettleTouch goes on putting right when the people in roles are due whose default has changed, a part at a time, until
// there is nothing left to do, and returns how many it went through. Several may do so at once, each at a role of its
// own; cut off, it goes on where it was.
func (q Jobs) SettleTouch(ctx context.Context) (int, error) {
	for total := 0; ; {
		n, err := scalar[*int](ctx, q.db.pool, `SELECT settle_role_touch(@most)`, pgx.NamedArgs{"most": settledChunk})
		if err != nil || n == nil {
			return total, err
		}
		total += *n
	}
}
