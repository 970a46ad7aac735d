package postgres

import (
	"context"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const roleQuery = `SELECT r.id, r.slug, r.name, r.reach, r.requires_mfa, r.version,
	ARRAY(SELECT p.slug FROM role_permissions rp JOIN permissions p ON p.id = rp.permission_id WHERE rp.role_id = r.id) AS permissions,
	(SELECT count(*) FROM user_roles ur JOIN users u ON u.id = ur.user_id WHERE ur.role_id = r.id AND u.is_active) AS users
	FROM roles r`

// Roles returns all roles, by name.
func (s *Store) Roles(ctx context.Context) ([]crm.Role, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return nil, err
	}
	roles, err := many[crm.Role](ctx, s.db.pool, roleQuery+` ORDER BY r.name`+icu+`, r.id`)
	for _, r := range roles {
		sortedPermissions(r.Permissions)
	}
	return roles, err
}

// Role returns one role.
func (s *Store) Role(ctx context.Context, id uuid.UUID) (crm.Role, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return crm.Role{}, err
	}
	r, err := one[crm.Role](ctx, s.db.pool, roleQuery+` WHERE r.id = @id`, pgx.NamedArgs{"id": id})
	sortedPermissions(r.Permissions)
	return r, notFound(err)
}

var notSlug = regexp.MustCompile(`[^a-z0-9]+`)

// validateRole checks a role's fields; permissions and reach must be known ones.
func validateRole(r *crm.Role) error {
	r.Clean()
	if r.Slug == "" {
		r.Slug = strings.Trim(notSlug.ReplaceAllString(strings.ToLower(r.Name), "_"), "_")
	}
	v := crm.Invalid{}
	if r.Name == "" {
		v.Add("name", "Enter the role's name.")
	} else if !crm.Storable(r.Name) || len([]rune(r.Name)) > 120 {
		v.Add("name", "At most %d characters; this has %d.", 120, len([]rune(r.Name)))
	}
	if r.Name != "" && (r.Slug == "" || len(r.Slug) > 60 || notSlug.MatchString(strings.ReplaceAll(r.Slug, "_", ""))) {
		v.Add("slug", "Use up to 60 small letters, digits and underscores.")
	}
	if authz.ParseReach(r.Reach) == authz.None {
		v.Add("reach", "Choose own, team or all.")
	}
	for _, p := range r.Permissions {
		if !authz.Permission(p).Valid() {
			v.Add("permissions", "There is no permission called %s.", p)
		}
	}
	return v.Err()
}

func roleArgs(r crm.Role) pgx.NamedArgs {
	permissions := r.Permissions
	if permissions == nil {
		permissions = []string{}
	}
	return pgx.NamedArgs{"id": r.ID, "slug": r.Slug, "name": r.Name, "reach": r.Reach, "requiresMFA": r.RequiresMFA, "permissions": permissions}
}

func roleChange(a audit.Action, id uuid.UUID, table string, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.Role, TargetID: id, Table: table, Before: before, After: after}
}

// CreateRole saves a new role, once per form token. An empty slug is made from the name.
func (s *Store) CreateRole(ctx context.Context, r crm.Role, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	if err := validateRole(&r); err != nil {
		return Saved{}, err
	}
	r.ID = newID()
	return s.create(ctx, audit.CreateRole, token, r.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		after, err := scalar[json.RawMessage](ctx, w, `INSERT INTO roles AS r (id, slug, name, reach, requires_mfa) VALUES (@id, @slug, @name, @reach, @requiresMFA)
			RETURNING audit_image(to_jsonb(r))`, roleArgs(r))
		if err != nil {
			return nil, err
		}
		permissions, err := setPermissions(ctx, w, r, audit.CreateRole)
		return append([]audit.Change{roleChange(audit.CreateRole, r.ID, "roles", nil, after)}, permissions...), err
	})
}

// setPermissions gives a role exactly its permissions and returns a change per permission given or taken.
func setPermissions(ctx context.Context, w *work, r crm.Role, action audit.Action) ([]audit.Change, error) {
	args := roleArgs(r)
	gone, err := column[json.RawMessage](ctx, w, `DELETE FROM role_permissions rp USING permissions p
		WHERE rp.role_id = @id AND p.id = rp.permission_id AND p.slug <> ALL(@permissions::text[]) RETURNING audit_image(to_jsonb(rp))`, args)
	if err != nil {
		return nil, err
	}
	given, err := column[json.RawMessage](ctx, w, `INSERT INTO role_permissions AS rp (role_id, permission_id)
		SELECT @id, p.id FROM permissions p WHERE p.slug = ANY(@permissions::text[]) ON CONFLICT DO NOTHING RETURNING audit_image(to_jsonb(rp))`, args)
	if err != nil {
		return nil, err
	}
	var changes []audit.Change
	for _, image := range gone {
		changes = append(changes, roleChange(action, r.ID, "role_permissions", image, nil))
	}
	for _, image := range given {
		changes = append(changes, roleChange(action, r.ID, "role_permissions", nil, image))
	}
	return changes, nil
}

// UpdateRole saves name, reach, permissions and the need of a second factor of a role read at r.Version; the slug
// stays. One active user with ManageUsers always remains, and nobody raises their own rights.
func (s *Store) UpdateRole(ctx context.Context, r crm.Role) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	if err := validateRole(&r); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateRole, func(ctx context.Context, w *work) ([]audit.Change, error) {
		return s.keepingRights(ctx, w, func() ([]audit.Change, error) { return saveRole(ctx, w, r) })
	})
	return Saved{r.ID, cs}, err
}

func saveRole(ctx context.Context, w *work, r crm.Role) ([]audit.Change, error) {
	type row struct {
		Version int
		Image   json.RawMessage
	}
	was, err := one[row](ctx, w, `SELECT r.version, audit_image(to_jsonb(r)) AS image FROM roles r WHERE r.id = @id FOR UPDATE`, pgx.NamedArgs{"id": r.ID})
	if err != nil {
		return nil, notFound(err)
	}
	if was.Version != r.Version {
		return nil, crm.ErrConflict
	}
	changes, err := setPermissions(ctx, w, r, audit.UpdateRole)
	if err != nil {
		return nil, err
	}
	after, err := scalar[json.RawMessage](ctx, w, `UPDATE roles r SET name = @name, reach = @reach, requires_mfa = @requiresMFA, version = version + 1
		WHERE id = @id RETURNING audit_image(to_jsonb(r))`, roleArgs(r))
	if err != nil {
		return nil, err
	}
	if unchanged(was.Image, after) == nil {
		changes = append(changes, roleChange(audit.UpdateRole, r.ID, "roles", was.Image, after))
	}
	if len(changes) == 0 {
		return nil, crm.ErrUnchanged
	}
	return changes, nil
}
