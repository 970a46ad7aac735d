package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// keepingRights runs a change of users, roles or teams and refuses its result in two cases: it would leave
// nobody with ManageUsers, or the actor more rights than before. All such changes wait for each other, so that
// two who demote each other cannot both succeed. It compares what is in force before and after, so no way to a
// right is forgotten: a role given, a role widened, a team moved, any of these taken back.
func (s *Store) keepingRights(ctx context.Context, w *work, fn func() ([]audit.Change, error)) ([]audit.Change, error) {
	if _, err := w.Exec(ctx, `SELECT pg_advisory_xact_lock(3, 0)`); err != nil {
		return nil, err
	}
	before, err := s.rights(ctx, w)
	if err != nil {
		return nil, err
	}
	changes, err := fn()
	if err != nil {
		return nil, err
	}
	after, err := s.rights(ctx, w)
	switch {
	case err != nil:
		return nil, err
	case before.admins > 0 && after.admins == 0:
		return nil, crm.Fault("", "This would leave nobody who may manage users.")
	case after.own.Exceeds(before.own):
		return nil, crm.Fault("", "This would give you more rights than you have. Only somebody else can do that.")
	}
	return changes, nil
}

// givesRights reports whether a change of such a record can change what somebody may do.
func givesRights(targetType string) bool {
	return targetType == audit.User || targetType == audit.Role || targetType == audit.Team
}

// rights are what keepingRights compares.
type rights struct {
	admins int         // active users with ManageUsers and a password: who was only invited cannot help yet
	own    authz.Actor // the actor as the database has them now; nobody for a job or the command line
}

func (s *Store) rights(ctx context.Context, w *work) (rights, error) {
	type row struct {
		Admins int
		Grants []string
		Owners []uuid.UUID
	}
	r, err := one[row](ctx, w, `SELECT (SELECT count(DISTINCT u.id) FROM users u JOIN user_roles ur ON ur.user_id = u.id
			JOIN role_permissions rp ON rp.role_id = ur.role_id JOIN permissions p ON p.id = rp.permission_id
			JOIN user_credentials c ON c.user_id = u.id WHERE u.is_active AND p.slug = 'ManageUsers') AS admins, `+rightsColumns+`
		FROM (SELECT @me::uuid AS id, (SELECT u.team_id FROM users u WHERE u.id = @me::uuid) AS team_id) u`, s.args(nil))
	own := authz.Actor{UserID: s.actor.UserID, Owners: r.Owners}.WithGrants(parseGrants(r.Grants)...)
	return rights{r.Admins, own}, err
}
