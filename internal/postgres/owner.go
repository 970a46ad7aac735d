package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// ownerOnCreate makes the creator the owner where none is given, unless their reach is all.
func (s *Store) ownerOnCreate(owner uuid.NullUUID) uuid.NullUUID {
	if !owner.Valid && s.actor.SignedIn() && s.ownerReach() != authz.All {
		return s.userID()
	}
	return owner
}

// checkOwner refuses an owner who would put the record out of the writer's reach, or who is not an active user.
func (s *Store) checkOwner(ctx context.Context, w *work, owner uuid.NullUUID) error {
	if !s.actor.Within(s.ownerReach(), owner) {
		return crm.Fault("owner_user_id", "With this owner the record would be out of your reach.")
	}
	if !owner.Valid || owner == s.userID() {
		return nil
	}
	active, err := scalar[bool](ctx, w, `SELECT is_active FROM users WHERE id = @id`, pgx.NamedArgs{"id": owner})
	switch {
	case noRows(err):
		return crm.Fault("owner_user_id", "There is no such user.")
	case err != nil:
		return err
	case !active:
		return crm.Fault("owner_user_id", "This person no longer works here.")
	}
	return nil
}

// ownerReach is how far new owners may lie from the writer. Without ViewClient editing reaches nothing, but
// creating is still allowed: then the role's own reach bounds the owner.
func (s *Store) ownerReach() authz.Reach {
	if s.actor.May(authz.ViewClient) {
		return s.actor.Reach(authz.EditClient)
	}
	return s.actor.Granted(authz.EditClient)
}

// Owners returns the active users whom the actor may make owner of a record, by name, at most 200.
func (s *Store) Owners(ctx context.Context) ([]crm.User, error) {
	if err := s.require(); err != nil {
		return nil, err
	}
	if !s.actor.May(authz.ViewClient) && !s.actor.May(authz.EditClient) && !s.actor.May(authz.ViewInteraction) {
		return nil, Forbidden{authz.ViewClient}
	}
	return many[crm.User](ctx, s.db.pool, `SELECT u.id, u.name, u.email FROM users u WHERE u.is_active
		ORDER BY u.name COLLATE "und-x-icu", u.id LIMIT 200`)
}
