package postgres_test

import (
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// wrongTouch is the SQL that counts the records whose next contact is not due when their rhythm, their last contact and
// their snooze say, or that their owners' reach has otherwise: all worked out anew, in other words than the triggers'.
const wrongTouch = `(
	WITH last AS (SELECT organization_id, contact_id, happened_at AS at FROM interactions),
	rhythms AS (
		SELECT l.contact_id, extract(epoch FROM coalesce((SELECT max(at) FROM last WHERE last.contact_id = l.contact_id), c.created_at)) / 86400 + n.days AS due,
			extract(epoch FROM l.touch_snoozed_until::timestamp) / 86400 AS snoozed
		FROM organization_contact l JOIN contacts c ON c.id = l.contact_id AND c.is_active JOIN organizations o ON o.id = l.organization_id AND o.is_active
		CROSS JOIN LATERAL (SELECT coalesce(l.touch_every_days, (SELECT d.every_days FROM touch_defaults d WHERE regexp_replace(lower(d.role_label), '\s', '', 'g') = regexp_replace(lower(l.role_label), '\s', '', 'g'))) AS days) n
		WHERE n.days > 0 AND coalesce(l.relationship_status, '') NOT ILIKE 'former'),
	people AS (SELECT c.id, coalesce(to_timestamp(min(CASE WHEN snoozed > due THEN snoozed ELSE due END) * 86400), 'infinity') AS due FROM contacts c LEFT JOIN rhythms r ON r.contact_id = c.id GROUP BY 1),
	firms AS (SELECT o.id, CASE WHEN o.is_active AND o.touch_every_days IS NOT NULL THEN greatest(
			to_timestamp(extract(epoch FROM coalesce((SELECT max(at) FROM last WHERE last.organization_id = o.id), o.created_at)) + 86400 * o.touch_every_days),
			to_timestamp(extract(epoch FROM o.touch_snoozed_until::timestamp))) ELSE 'infinity' END AS due FROM organizations o)
	SELECT (SELECT count(*) FROM firms f JOIN organization_activity a ON a.organization_id = f.id WHERE NOT (a.next_touch_at = f.due OR abs(extract(epoch FROM a.next_touch_at - f.due)) < 0.001))
		+ (SELECT count(*) FROM people p JOIN contact_activity a ON a.contact_id = p.id WHERE NOT (a.next_touch_at = p.due OR abs(extract(epoch FROM a.next_touch_at - p.due)) < 0.001))
		+ (SELECT count(*) FROM contact_reach r JOIN contact_activity a USING (contact_id) WHERE r.next_touch_at <> a.next_touch_at))`

// role is written as people write roles.
func (l *life) role() string {
	return oneOf(l, []string{"CFO", "cfo", "Billing  contact", "billing contact", ""})
}

func (l *life) rhythm() *int {
	return oneOf(l, []*int{nil, nil, new(crm.NeverTouch), new(1), new(30), new(1095)})
}

// snoozedUntil is a day on which a snooze may end, or none.
func (l *life) snoozedUntil() string {
	return oneOf(l, []string{"", time.Now().AddDate(0, 0, 2).Format(time.DateOnly), time.Now().AddDate(1, 0, 0).Format(time.DateOnly)})
}

// touchSomething sets, ends or snoozes a rhythm.
func (l *life) touchSomething(s *postgres.Store) {
	organization, contact := oneOf(l, l.organizations), oneOf(l, l.contacts)
	if o, err := s.Organization(ctx, organization); err == nil {
		every := l.rhythm()
		if every != nil && *every == crm.NeverTouch {
			every = new(60)
		}
		saved, err := s.SetOrganizationTouch(ctx, organization, o.Version, every)
		l.noted(saved, err, nil)
		saved, err = s.SnoozeOrganization(ctx, organization, o.Version+1, l.snoozedUntil(), "Later", time.Now())
		l.noted(saved, err, nil)
	}
	if r, err := s.Relationship(ctx, organization, contact); err == nil {
		saved, err := s.SetLinkTouch(ctx, organization, contact, r.Version, l.rhythm())
		l.noted(saved, err, nil)
		saved, err = s.SnoozeLink(ctx, organization, contact, r.Version+1, l.snoozedUntil(), "Later", time.Now())
		l.noted(saved, err, nil)
	}
}

// changeRole changes a role of somebody, or what is usual in one.
func (l *life) changeRole(s *postgres.Store) {
	switch l.IntN(4) {
	case 0:
		saved, err := s.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: oneOf(l, []string{"CFO", "Billing Contact"}), EveryDays: 1 + l.IntN(90)}, none)
		l.noted(saved, err, &l.usual)
	case 1:
		if len(l.usual) > 0 {
			saved, err := s.UpdateTouchDefault(ctx, crm.TouchDefault{ID: oneOf(l, l.usual), EveryDays: 1 + l.IntN(90), Version: 1})
			l.noted(saved, err, nil)
		}
	case 2:
		if len(l.usual) > 0 {
			saved, err := s.DeleteTouchDefault(ctx, oneOf(l, l.usual))
			l.noted(saved, err, nil)
		}
	}
	for _, organization := range l.organizations {
		r := crm.Relationship{OrganizationID: organization, ContactID: oneOf(l, l.contacts), RoleLabel: l.role(), RelationshipStatus: oneOf(l, []string{"Active", "Former", "former"})}
		saved, err := s.UpdateLink(ctx, r)
		l.noted(saved, err, nil)
	}
}
