package postgres

import (
	"context"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Recent is what a person worked on lately, within what they may still see.
type Recent struct {
	Organizations []crm.Organization
	Contacts      []crm.Contact
	Interactions  []crm.Interaction // by the person, newest first
}

// recentlyTouched are the records of one type that the actor's latest changes and interactions concern, with
// the moment of the last one.
func recentlyTouched(types, column string) string {
	return `(SELECT id, max(at) AS at FROM (
			(SELECT a.target_id AS id, a.created_at AS at, a.target_type FROM audit_logs a WHERE a.user_id = @me ORDER BY a.id DESC LIMIT 200)
			UNION ALL
			(SELECT i.` + column + `, i.created_at, 'interaction of' FROM interactions i WHERE i.user_id = @me AND i.happened_at <= now()
				ORDER BY i.happened_at DESC, i.id DESC LIMIT 50)) t
		WHERE target_type IN (` + types + `, 'interaction of') AND id IS NOT NULL GROUP BY id)`
}

// Recent returns the actor's own latest records, in one round trip.
func (s *Store) Recent(ctx context.Context) (Recent, error) {
	var r Recent
	if err := s.require(); err != nil {
		return r, err
	}
	b := &batch{}
	if s.actor.May(authz.ViewClient) {
		queueMany(b, &r.Organizations, `SELECT `+organizationColumns+`, coalesce(u.name, '') AS owner_name FROM `+recentlyTouched(`'organization', 'relationship'`, "organization_id")+` k
			JOIN organizations o ON o.id = k.id LEFT JOIN users u ON u.id = o.owner_user_id
			WHERE `+s.organizationScope(authz.ViewClient, "o")+` ORDER BY k.at DESC, k.id LIMIT 8`, s.args(nil))
		queueMany(b, &r.Contacts, `SELECT `+contactColumns+` FROM `+recentlyTouched(`'contact'`, "contact_id")+` k JOIN contacts c ON c.id = k.id
			WHERE `+s.contactScope(authz.ViewClient, "c")+` ORDER BY k.at DESC, k.id LIMIT 8`, s.args(nil))
	}
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &r.Interactions, `SELECT `+interactionColumns+interactionNames+` FROM interactions i`+s.interactionJoins()+`
			WHERE i.user_id = @me ORDER BY i.happened_at DESC, i.id DESC LIMIT 10`, s.args(nil))
	}
	if b.Len() == 0 {
		return r, nil
	}
	return r, b.send(ctx, s.db)
}
