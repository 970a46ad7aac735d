package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Witnesses returns who may see an organization or a contact in reach: everybody active whose roles show clients as far
// as it, the closest first, at most one more than crm.MaxWitnesses. It says of others what scope.go would decide for
// them, and a test holds the two together. Who sees a contact only through an organization out of the reader's reach is
// left out: it would tell of that organization.
func (s *Store) Witnesses(ctx context.Context, targetType string, id uuid.UUID) ([]crm.Witness, error) {
	if err := s.require(authz.ViewClient); err != nil {
		return nil, err
	}
	table, scope, owners := "organizations", s.organizationScope, `SELECT o.owner_user_id AS id FROM organizations o WHERE o.id = @id`
	if targetType == audit.Contact {
		table, scope, owners = "contacts", s.contactScope, `SELECT c.owner_user_id AS id FROM contacts c WHERE c.id = @id
			UNION SELECT o.owner_user_id FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
				WHERE l.contact_id = @id AND `+s.organizationScope(authz.ViewClient, "o")
	}
	args := s.args(pgx.NamedArgs{"id": id, "permission": authz.ViewClient, "most": crm.MaxWitnesses + 1})
	var seen bool
	var all []crm.Witness
	b := &batch{}
	b.Queue(`SELECT EXISTS (SELECT 1 FROM `+table+` r WHERE r.id = @id AND `+scope(authz.ViewClient, "r")+`)`, args).QueryRow(func(row pgx.Row) error { return row.Scan(&seen) })
	queueMany(b, &all, `WITH RECURSIVE owners AS (`+owners+`),
		above AS (SELECT o.id AS owner, u.team_id AS team FROM owners o JOIN users u ON u.id = o.id WHERE u.team_id IS NOT NULL
			UNION SELECT a.owner, t.parent_id FROM above a JOIN teams t ON t.id = a.team WHERE t.parent_id IS NOT NULL)
		SELECT w.id AS user_id, w.name, w.by AS reaches_by, CASE WHEN w.by = 'team' THEN coalesce((SELECT min(u.name) FROM above a JOIN users u ON u.id = a.owner
				WHERE a.team = w.team_id), '') ELSE '' END AS owner_name
		FROM (SELECT u.id, u.name, u.team_id, CASE
				WHEN u.id IN (SELECT o.id FROM owners o) THEN 'own'
				WHEN g.reach <> 'own' AND u.team_id IN (SELECT a.team FROM above a) THEN 'team'
				WHEN g.reach = 'all' THEN 'all' END AS by
			FROM users u JOIN LATERAL (
				SELECT r.reach FROM user_roles ur JOIN roles r ON r.id = ur.role_id JOIN role_permissions rp ON rp.role_id = r.id
					JOIN permissions p ON p.id = rp.permission_id
				WHERE ur.user_id = u.id AND p.slug = @permission ORDER BY array_position(ARRAY['all', 'team', 'own'], r.reach::text) LIMIT 1) g ON TRUE
			WHERE u.is_active) w
		WHERE w.by IS NOT NULL
		ORDER BY array_position(ARRAY['own', 'team', 'all'], w.by), w.name`+icu+`, w.id LIMIT @most`, args)
	if err := b.send(ctx, s.db); err != nil {
		return nil, translate(err)
	}
	if !seen {
		return nil, crm.ErrNotFound
	}
	return all, nil
}
