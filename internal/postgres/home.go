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
	FirstSteps    []crm.FirstSteps  // one, or none for who has put them aside
}

// recentlyTouched are the records of one type that the actor's latest changes and interactions concern, with
// the moment of the last one.
func recentlyTouched(types, column string) string {
	return `(SELECT id, max(at) AS at FROM (
			(SELECT a.target_id AS id, a.created_at AS at, a.target_type FROM audit_logs a WHERE a.user_id = (SELECT @me::uuid) ORDER BY a.id DESC LIMIT 200)
			UNION ALL
			(SELECT i.` + column + `, i.created_at, 'interaction of' FROM interactions i WHERE i.user_id = (SELECT @me::uuid) AND i.happened_at <= now()
				ORDER BY i.happened_at DESC, i.id DESC LIMIT 50)) t
		WHERE target_type IN (` + types + `, 'interaction of') AND id IS NOT NULL GROUP BY id)`
}

// queueRecent reads the actor's own latest records.
func (s *Store) queueRecent(b *batch, r *Recent) {
	queueMany(b, &r.FirstSteps, firstStepsQuery, s.args(nil))
	if s.actor.May(authz.ViewClient) {
		queueMany(b, &r.Organizations, `SELECT `+organizationColumns+`, coalesce(u.name, '') AS owner_name FROM `+recentlyTouched(`'organization', 'relationship'`, "organization_id")+` k
			JOIN organizations o ON o.id = k.id LEFT JOIN users u ON u.id = o.owner_user_id
			WHERE `+s.organizationScope(authz.ViewClient, "o")+` ORDER BY k.at DESC, k.id LIMIT 8`, s.args(nil))
		queueMany(b, &r.Contacts, `SELECT `+contactColumns+` FROM `+recentlyTouched(`'contact'`, "contact_id")+` k JOIN contacts c ON c.id = k.id
			WHERE `+s.contactScope(authz.ViewClient, "c")+` ORDER BY k.at DESC, k.id LIMIT 8`, s.args(nil))
	}
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &r.Interactions, `SELECT `+interactionColumns+s.interactionNames()+` FROM interactions i`+s.interactionJoins()+`
			WHERE i.user_id = @me ORDER BY i.happened_at DESC, i.id DESC LIMIT 10`, s.args(nil))
	}
}

// firstStepsQuery asks for each step no more than whether a row stands in an index; for somebody who has put
// them aside, nothing but that.
const firstStepsQuery = `
	SELECT u.zone IS NOT NULL AS profile, EXISTS (SELECT 1 FROM user_credentials c WHERE c.user_id = u.id AND c.totp_secret IS NOT NULL) AS mfa,
		EXISTS (SELECT 1 FROM organizations o WHERE o.owner_user_id = u.id) OR EXISTS (SELECT 1 FROM contacts c WHERE c.owner_user_id = u.id)
			OR EXISTS (SELECT 1 FROM (SELECT a.action FROM audit_logs a WHERE a.user_id = u.id ORDER BY a.id DESC LIMIT 200) a WHERE a.action IN ('create_org', 'create_contact')) AS client,
		EXISTS (SELECT 1 FROM interactions i WHERE i.user_id = u.id) AS call
	FROM users u WHERE u.id = @me AND NOT EXISTS (SELECT 1 FROM user_welcomes w WHERE w.user_id = u.id)`

// PutFirstStepsAside lets the first steps be shown to the signed-in user no more. It changes no record.
func (s *Store) PutFirstStepsAside(ctx context.Context) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	_, err := s.db.pool.Exec(ctx, `INSERT INTO user_welcomes (user_id) VALUES (@me) ON CONFLICT DO NOTHING`, s.args(nil))
	return err
}
