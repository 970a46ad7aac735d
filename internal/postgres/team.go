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

// Teams returns the tree of teams, each parent before its children, by name.
func (s *Store) Teams(ctx context.Context) ([]crm.Team, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return nil, err
	}
	return many[crm.Team](ctx, s.db.pool, `
		WITH RECURSIVE tree AS (
			SELECT t.id, t.name, t.parent_id, t.version, 0 AS depth, ARRAY[t.name::text, t.id::text] AS path FROM teams t WHERE t.parent_id IS NULL
			UNION ALL
			SELECT t.id, t.name, t.parent_id, t.version, p.depth + 1, p.path || ARRAY[t.name::text, t.id::text] FROM teams t JOIN tree p ON t.parent_id = p.id)
		SELECT t.id, t.name, t.parent_id, t.version, t.depth, coalesce(p.name, '') AS parent_name,
			(SELECT count(*) FROM users u WHERE u.team_id = t.id AND u.is_active) AS members
		FROM tree t LEFT JOIN teams p ON p.id = t.parent_id ORDER BY t.path`)
}

// Team returns one team.
func (s *Store) Team(ctx context.Context, id uuid.UUID) (crm.Team, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return crm.Team{}, err
	}
	t, err := one[crm.Team](ctx, s.db.pool, `SELECT t.id, t.name, t.parent_id, t.version, coalesce(p.name, '') AS parent_name
		FROM teams t LEFT JOIN teams p ON p.id = t.parent_id WHERE t.id = @id`, pgx.NamedArgs{"id": id})
	return t, notFound(err)
}

func teamChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.Team, TargetID: id, Table: "teams", Before: before, After: after}
}

func teamArgs(t crm.Team) pgx.NamedArgs {
	return pgx.NamedArgs{"id": t.ID, "name": t.Name, "parent": t.ParentID}
}

// CreateTeam saves a new team, once per form token.
func (s *Store) CreateTeam(ctx context.Context, t crm.Team, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	t.Clean()
	if err := t.Validate(); err != nil {
		return Saved{}, err
	}
	t.ID = newID()
	return s.create(ctx, audit.CreateTeam, token, t.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		after, err := scalar[json.RawMessage](ctx, w, `INSERT INTO teams AS t (id, name, parent_id) VALUES (@id, @name, @parent)
			RETURNING audit_image(to_jsonb(t))`, teamArgs(t))
		return []audit.Change{teamChange(audit.CreateTeam, t.ID, nil, after)}, err
	})
}

// UpdateTeam saves name and parent of a team read at t.Version. A team below itself is Invalid; changes of
// the tree wait for each other, so that two moves cannot close a circle together. Nobody's own reach grows by it.
func (s *Store) UpdateTeam(ctx context.Context, t crm.Team) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	t.Clean()
	if err := t.Validate(); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateTeam, func(ctx context.Context, w *work) ([]audit.Change, error) {
		return s.keepingRights(ctx, w, func() ([]audit.Change, error) { return saveTeam(ctx, w, t) })
	})
	return Saved{t.ID, cs}, err
}

func saveTeam(ctx context.Context, w *work, t crm.Team) ([]audit.Change, error) {
	if _, err := w.Exec(ctx, lockTree); err != nil {
		return nil, err
	}
	type row struct {
		Version int
		Image   json.RawMessage
	}
	was, err := one[row](ctx, w, `SELECT t.version, audit_image(to_jsonb(t)) AS image FROM teams t WHERE t.id = @id FOR UPDATE`, teamArgs(t))
	if err != nil {
		return nil, notFound(err)
	}
	if was.Version != t.Version {
		return nil, crm.ErrConflict
	}
	if err := checkTree(ctx, w, t); err != nil {
		return nil, err
	}
	after, err := scalar[json.RawMessage](ctx, w, `UPDATE teams t SET name = @name, parent_id = @parent, version = version + 1
		WHERE id = @id RETURNING audit_image(to_jsonb(t))`, teamArgs(t))
	if err == nil {
		err = unchanged(was.Image, after)
	}
	return []audit.Change{teamChange(audit.UpdateTeam, t.ID, was.Image, after)}, err
}

// lockTree makes changes of the tree of teams wait for each other.
const lockTree = `SELECT pg_advisory_xact_lock(4, 0)`

func checkTree(ctx context.Context, w *work, t crm.Team) error {
	circle, err := scalar[bool](ctx, w, `
		WITH RECURSIVE up AS (SELECT t.id, t.parent_id FROM teams t WHERE t.id = @parent
			UNION SELECT t.id, t.parent_id FROM teams t JOIN up ON t.id = up.parent_id)
		SELECT EXISTS (SELECT 1 FROM up WHERE id = @id)`, teamArgs(t))
	if err == nil && circle {
		err = crm.Fault("parent_id", "A team cannot stand below itself.")
	}
	return err
}
