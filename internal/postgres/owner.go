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
		return errOwnerOutOfReach()
	}
	return s.checkWorksHere(ctx, w, "owner_user_id", owner)
}

func errOwnerOutOfReach() error {
	return crm.Fault("owner_user_id", "With this owner the record would be out of your reach.")
}

// checkWorksHere refuses, at a field, somebody who is not an active user.
func (s *Store) checkWorksHere(ctx context.Context, w *work, field string, person uuid.NullUUID) error {
	if !person.Valid || person == s.userID() {
		return nil
	}
	active, err := scalar[bool](ctx, w, `SELECT is_active FROM users WHERE id = @id`, pgx.NamedArgs{"id": person})
	switch {
	case noRows(err):
		return crm.Fault(field, "There is no such user.")
	case err != nil:
		return err
	case !active:
		return crm.Fault(field, "This person no longer works here.")
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

const ownersQuery = `SELECT u.id, u.name, u.email FROM users u WHERE u.is_active ORDER BY u.name COLLATE "und-x-icu", u.id LIMIT 200`

// Choices are what the selects of lists and forms offer.
type Choices struct {
	Owners  []crm.User // active users by name, at most 200
	Sectors []string   // in use within reach, at most 100
	Teams   []crm.Team // by name, at most 200; id and name only
}

// Choices returns the active users, the sectors in use within reach, and the teams, in one round trip.
func (s *Store) Choices(ctx context.Context) (Choices, error) {
	var c Choices
	if !s.actor.May(authz.ViewClient) && !s.actor.May(authz.EditClient) && !s.actor.May(authz.ViewInteraction) {
		return c, Forbidden{authz.ViewClient}
	}
	b := &batch{}
	s.queueChoices(b, &c)
	return c, b.send(ctx, s.db)
}

func (s *Store) queueChoices(b *batch, c *Choices) {
	queueMany(b, &c.Owners, ownersQuery, s.args(nil))
	queueColumn(b, &c.Sectors, s.sectorsQuery(), s.args(nil))
	queueMany(b, &c.Teams, `SELECT t.id, t.name FROM teams t ORDER BY t.name COLLATE "und-x-icu", t.id LIMIT 200`, s.args(nil))
}

// sectorsQuery walks the index from one sector to the next instead of reading every organization.
func (s *Store) sectorsQuery() string {
	walk := func(scope string) string {
		next := `SELECT coalesce(o.sector, '') FROM organizations o WHERE o.is_active AND ` + scope + ` AND ` + sectorKey + ` > `
		return `WITH RECURSIVE s(sector) AS ((` + next + `'' ORDER BY ` + sectorKey + ` LIMIT 1)
			UNION ALL SELECT (` + next + `s.sector ORDER BY ` + sectorKey + ` LIMIT 1) FROM s WHERE s.sector IS NOT NULL)
			SELECT sector FROM s WHERE sector IS NOT NULL LIMIT 100`
	}
	if s.actor.Reach(authz.ViewClient) != authz.Team {
		return walk(s.organizationScope(authz.ViewClient, "o"))
	}
	return `SELECT DISTINCT sector FROM unnest(@owners::uuid[]) u(id) CROSS JOIN LATERAL (` + walk("o.owner_user_id = u.id") + `) w ORDER BY sector LIMIT 100`
}
