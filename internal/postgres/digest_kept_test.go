package postgres_test

import (
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// wrongNext is the SQL that counts the records whose next follow-up is not due when the first of their open ones is, or
// that their owners' reach has otherwise.
const wrongNext = `(
	WITH due AS (SELECT organization_id, contact_id, CASE WHEN due_on IS NULL THEN due_at ELSE timezone('UTC', due_on::timestamp) END AS at FROM follow_ups WHERE state NOT IN ('done', 'cancelled')),
	next AS (SELECT organization_id AS id, at FROM due UNION ALL SELECT contact_id, at FROM due)
	SELECT (SELECT count(*) FROM (SELECT organization_id AS id, next_follow_up_at AS at FROM organization_activity UNION ALL SELECT contact_id, next_follow_up_at FROM contact_activity) a
			WHERE nullif(a.at, 'infinity') IS DISTINCT FROM (SELECT min(n.at) FROM next n WHERE n.id = a.id))
		+ (SELECT count(*) FROM contact_reach r JOIN contact_activity a USING (contact_id) WHERE r.next_follow_up_at <> a.next_follow_up_at))`

// wrongMain is the SQL that counts the organizations of which another, or nobody, is kept as the main contact.
const wrongMain = `(
	WITH ranked AS (SELECT l.organization_id, c.id, c.last_name, c.first_name, l.role_label, row_number() OVER (PARTITION BY l.organization_id
			ORDER BY coalesce(l.relationship_status, '') = 'Former', l.role_label IS NULL, c.last_name, c.id) AS n
		FROM organization_contact l JOIN contacts c ON c.id = l.contact_id AND c.is_active)
	SELECT count(*) FROM organizations o LEFT JOIN ranked r ON r.organization_id = o.id AND r.n = 1 FULL JOIN main_contacts m ON m.organization_id = o.id
	WHERE (o.id, o.owner_user_id, r.id, coalesce(r.last_name, ''), coalesce(r.first_name, ''), coalesce(r.role_label, ''))
		IS DISTINCT FROM (m.organization_id, m.owner_user_id, m.contact_id, m.last_name, m.first_name, m.role_label))`

// wrongFirsts is the SQL that counts the people of whom another role is kept as the one to show, and the interactions of which
// another attendee is kept as the first.
const wrongFirsts = `((
	WITH ranked AS (SELECT l.contact_id, l.role_label, row_number() OVER (PARTITION BY l.contact_id
			ORDER BY coalesce(l.relationship_status, '') = 'Former', o.is_active DESC, o.display_name, o.id) AS n
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id)
	SELECT count(*) FROM contacts c LEFT JOIN ranked r ON r.contact_id = c.id AND r.n = 1 FULL JOIN first_roles f ON f.contact_id = c.id
	WHERE (c.id, c.owner_user_id, coalesce(r.role_label, c.job_title, ''), c.last_name, c.first_name) IS DISTINCT FROM (f.contact_id, f.owner_user_id, f.role, f.last_name, f.first_name)) + (
	WITH ranked AS (SELECT i.id, i.channel, i.happened_at, c.last_name, c.first_name, row_number() OVER (PARTITION BY i.id
			ORDER BY c.last_name COLLATE "und-x-icu", c.first_name COLLATE "und-x-icu", c.id) AS n
		FROM interactions i JOIN interaction_contacts x ON x.interaction_id = i.id AND (x.contact_id <> i.contact_id OR i.contact_id IS NULL) JOIN contacts c ON c.id = x.contact_id)
	SELECT count(*) FROM (SELECT * FROM ranked WHERE n = 1) r FULL JOIN first_attendees f ON f.interaction_id = r.id
	WHERE (r.id, r.channel, r.happened_at, r.last_name, r.first_name) IS DISTINCT FROM (f.interaction_id, f.channel, f.happened_at, f.last_name, f.first_name)))`

// dueSoon is a day or a moment, now and then the same one.
func (l *life) dueSoon() crm.Due {
	if l.IntN(2) == 0 {
		return crm.Due{Day: utc().Today().Plus(1 + l.IntN(5))}
	}
	return crm.Due{At: time.Now().Add(time.Duration(1+l.IntN(100)) * time.Hour).Truncate(time.Hour)}
}

// plan makes a follow-up or changes what is planned.
func (l *life) plan(s *postgres.Store) string {
	about := crm.FollowUp{Title: "Next", Due: l.dueSoon()}
	if l.IntN(3) > 0 {
		about.OrganizationID = idOf(oneOf(l, l.organizations))
	}
	if l.IntN(3) > 0 || !about.OrganizationID.Valid {
		about.ContactID = idOf(oneOf(l, l.contacts))
	}
	if len(l.planned) == 0 || l.IntN(3) == 0 {
		saved, err := s.CreateFollowUp(ctx, about, "", utc(), none)
		l.noted(saved, err, &l.planned)
		return "plan"
	}
	id := oneOf(l, l.planned)
	f, err := s.FollowUp(ctx, id)
	if err != nil {
		return "plan nothing" // undone
	}
	var saved postgres.Saved
	switch l.IntN(8) {
	case 0, 1:
		saved, err = s.FinishFollowUp(ctx, crm.Finish{ID: id}, none)
	case 2:
		saved, err = s.CancelFollowUp(ctx, id)
	case 3:
		saved, err = s.ReopenFollowUp(ctx, id)
	case 4:
		saved, err = s.SnoozeFollowUp(ctx, id, l.dueSoon(), utc())
	case 5:
		f.Title += "!"
		saved, err = s.UpdateFollowUp(ctx, f, utc())
	case 6:
		var done crm.BulkResult
		done, err = s.ChangeFollowUps(ctx, crm.FollowUpBulk{Action: crm.SnoozeFollowUps, Picked: l.some(l.planned), Due: l.dueSoon(), Clock: utc()})
		saved.ChangeSet = done.ChangeSet
	default: // ends it, and plans the next one
		i := crm.Interaction{Channel: crm.Call, Subject: "Talk", HappenedAt: l.moment(), OrganizationID: f.OrganizationID, ContactID: f.ContactID, Attendees: l.someone()}
		next := crm.Next{Done: []uuid.UUID{id}, Title: "Then", Due: l.dueSoon(), Clock: utc()}
		logged, err := s.LogInteraction(ctx, i, audit.Organization, none, next)
		l.noted(logged, err, &l.conversations)
		return "log what was planned"
	}
	l.noted(saved, err, nil)
	return "change a plan"
}

// some picks a few, and may pick one twice.
func (l *life) some(from []uuid.UUID) []uuid.UUID {
	return []uuid.UUID{oneOf(l, from), oneOf(l, from), oneOf(l, from)}
}
