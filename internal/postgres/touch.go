package postgres

import (
	"context"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// How often to be in touch is a fact of an organization or of a relationship, which ViewClient shows. When the next
// contact is due follows from the last one, and is told, sorted and filtered by under the same right as that
// (Actor.SeesLastContact). The migration 00017 says what due means, and keeps it.

const (
	organizationTouchColumns = `o.touch_every_days, coalesce(to_char(o.touch_snoozed_until, 'YYYY-MM-DD'), '') AS touch_snoozed_until,
	coalesce(o.touch_snooze_reason, '') AS touch_snooze_reason`
	linkTouchColumns = `l.touch_every_days, coalesce(to_char(l.touch_snoozed_until, 'YYYY-MM-DD'), '') AS touch_snoozed_until,
	coalesce(l.touch_snooze_reason, '') AS touch_snooze_reason,
	(SELECT td.every_days FROM touch_defaults td WHERE td.role_key = role_key(l.role_label)) AS touch_default_days`
)

// saveTouch is the part of an UPDATE that saves a Touch where one is given, and leaves it as it is elsewhere.
const saveTouch = `touch_every_days = CASE WHEN @touchGiven THEN @touchEvery::int ELSE touch_every_days END,
	touch_snoozed_until = CASE WHEN @touchGiven THEN nullif(@touchUntil, '')::date ELSE touch_snoozed_until END,
	touch_snooze_reason = CASE WHEN @touchGiven THEN nullif(@touchReason, '') ELSE touch_snooze_reason END,`

// nextTouch is the SQL of when the next contact is due, for who may know it.
func (s *Store) nextTouch(alias string) string {
	if !s.actor.SeesLastContact() {
		return "NULL::timestamptz"
	}
	return "nullif(" + alias + ".next_touch_at, 'infinity')"
}

// linkTouchJoins and nextLinkTouch are when relationship l of organization o and contact c is due by itself.
const linkTouchJoins = ` LEFT JOIN contact_activity lt ON lt.contact_id = l.contact_id
		LEFT JOIN relationship_touches rt ON rt.organization_id = l.organization_id AND rt.contact_id = l.contact_id`

func (s *Store) nextLinkTouch() string {
	if !s.actor.SeesLastContact() {
		return "NULL::timestamptz"
	}
	return "nullif(touch_due(c.is_active, lt.last_contact_at, c.created_at, rt.every_days, rt.touch_snoozed_until), 'infinity')"
}

// due returns the condition of a filter by the next contact.
func due(f crm.TouchFilter, at string) string {
	switch f {
	case crm.TouchOverdue:
		return at + " <= now()"
	case crm.TouchWeek:
		return at + " > now() AND " + at + " <= now() + interval '7 days'"
	case crm.TouchAny:
		return at + " < 'infinity'"
	case crm.TouchNone:
		return at + " = 'infinity'"
	}
	return "FALSE" // no such filter
}

// bounded is due for the activity that a list walks, beside the condition on its records: without it a walk through
// few overdue ones would go on to the end of the register.
func bounded(f crm.TouchFilter) string {
	if f == "" {
		return ""
	}
	return " AND " + due(f, "a.next_touch_at")
}

// touched counts a list that is filtered by the next contact: by the activity, whose index holds those few together.
func (s *Store) touched(l list, f crm.OwnerFilter) arm {
	a := arm{from: l.activity, where: l.scope}
	if f.UserID.Valid {
		a.where += " AND a.owner_user_id = @owner::uuid"
	}
	return a
}

// SetOrganizationTouch saves how often to be in touch with an organization read at version; nil ends it. It returns
// what UpdateOrganization does.
func (s *Store) SetOrganizationTouch(ctx context.Context, id uuid.UUID, version int, everyDays *int) (Saved, error) {
	return s.touchOrganization(ctx, id, version, func(t *crm.Touch) error { t.TouchEveryDays = everyDays; return nil })
}

// SnoozeOrganization lets contact with an organization read at version not be due before a day, which is checked by the
// clock c, and says why. No day ends the snooze. It returns what UpdateOrganization does.
func (s *Store) SnoozeOrganization(ctx context.Context, id uuid.UUID, version int, until crm.Day, reason string, c crm.Clock) (Saved, error) {
	return s.touchOrganization(ctx, id, version, snooze(until, reason, c))
}

// snooze changes until when a Touch is snoozed. What has no rhythm has nothing to snooze.
func snooze(until crm.Day, reason string, c crm.Clock) func(*crm.Touch) error {
	return func(t *crm.Touch) error {
		t.TouchSnoozedUntil, t.TouchSnoozeReason = until, reason
		t.Clean()
		switch {
		case t.TouchSnoozedUntil == "":
			return nil
		case t.Every() == crm.NeverTouch:
			return crm.Fault("touch_snoozed_until", "Say first how often to be in touch.")
		}
		return t.CheckSnooze(c)
	}
}

func (s *Store) touchOrganization(ctx context.Context, id uuid.UUID, version int, change func(*crm.Touch) error) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateOrganization, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockOrganization(ctx, w, id)
		if err != nil {
			return nil, err
		}
		o := was.Record
		o.TouchGiven = true
		if err := change(&o.Touch); err != nil {
			return nil, err
		}
		if err := o.ValidateTouch(1); err != nil {
			return nil, err
		}
		if o.Version != version {
			return nil, crm.ErrConflict
		}
		return saveOrganization(ctx, w, was, o)
	})
	return Saved{id, cs}, err
}

// SetLinkTouch saves how often to be in touch with a contact at an organization, by a link read at version: nil for
// what is usual in the role, 0 for never. It returns what UpdateLink does.
func (s *Store) SetLinkTouch(ctx context.Context, organization, contact uuid.UUID, version int, everyDays *int) (Saved, error) {
	return s.touchLink(ctx, organization, contact, version, func(t *crm.Touch) error { t.TouchEveryDays = everyDays; return nil })
}

// SnoozeLink is SnoozeOrganization for a link.
func (s *Store) SnoozeLink(ctx context.Context, organization, contact uuid.UUID, version int, until crm.Day, reason string, c crm.Clock) (Saved, error) {
	return s.touchLink(ctx, organization, contact, version, snooze(until, reason, c))
}

func (s *Store) touchLink(ctx context.Context, organization, contact uuid.UUID, version int, change func(*crm.Touch) error) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateLink, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockLink(ctx, w, organization, contact)
		if err != nil {
			return nil, err
		}
		r := was.Record
		r.TouchGiven = true
		if err := change(&r.Touch); err != nil {
			return nil, err
		}
		if err := r.ValidateTouch(crm.NeverTouch); err != nil {
			return nil, err
		}
		if r.Version != version {
			return nil, crm.ErrConflict
		}
		return saveLink(ctx, w, was, r)
	})
	return Saved{organization, cs}, err
}
