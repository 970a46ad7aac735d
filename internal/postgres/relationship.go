package postgres

import (
	"context"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const linkColumns = `l.organization_id, l.contact_id, coalesce(l.role_label, '') AS role_label,
	coalesce(l.relationship_status, '') AS relationship_status, l.version, ` + linkTouchColumns

// sinceWhen is when the present period of link l began. It is looked up for each row that is shown: as a join, planned
// for an average organization of three people, it compared each with each, 70 ms for one of a thousand.
const sinceWhen = `(SELECT p."from" FROM relationship_periods p WHERE p.organization_id = l.organization_id AND p.contact_id = l.contact_id AND p."to" IS NULL)`

// MaxPeople bounds the people shown on an organization's page, and the candidates offered for a link.
const MaxPeople = 200

// peopleQuery lists who is linked to organization @id, those who have left last.
func (s *Store) peopleQuery() string {
	return `SELECT ` + linkColumns + `, c.first_name || ' ' || c.last_name AS contact_name, c.is_active AS contact_active,
			coalesce(c.email, '') AS contact_email, coalesce(c.phone, c.mobile, '') AS contact_phone, coalesce(c.job_title, '') AS job_title,
			coalesce(` + sinceWhen + `, c.created_at) AS since, ` + s.nextLinkTouch() + ` AS next_touch_at
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id` + linkTouchJoins + `
		WHERE l.organization_id = @id AND ` + s.organizationScope(authz.ViewClient, "o") + `
		ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', NOT c.is_active, l.role_label IS NULL,
			c.last_name` + icu + `, c.first_name` + icu + `, c.id LIMIT 200`
}

// organizationsOfContactQuery lists the organizations in reach that contact @id is linked to.
func (s *Store) organizationsOfContactQuery() string {
	return `SELECT ` + linkColumns + `, o.display_name AS organization_name, coalesce(` + sinceWhen + `, o.created_at) AS since, ` + s.nextLinkTouch() + ` AS next_touch_at
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
		JOIN contacts c ON c.id = l.contact_id` + linkTouchJoins + `
		WHERE l.contact_id = @id AND ` + s.organizationScope(authz.ViewClient, "o") + ` AND ` + s.contactScope(authz.ViewClient, "c") + `
		ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', o.display_name` + icu + `, o.id LIMIT 200`
}

const periodColumns = `p.organization_id, p.contact_id, coalesce(p.role_label, '') AS role_label,
	coalesce(p.relationship_status, '') AS relationship_status, p."from", p."to"`

// pastPeopleQuery lists the periods that ended at organization @id. A person who has left it since may be
// out of reach; then the period has no name.
func (s *Store) pastPeopleQuery() string {
	return `SELECT ` + periodColumns + `, c.first_name || ' ' || c.last_name AS contact_name
		FROM relationship_periods p JOIN organizations o ON o.id = p.organization_id JOIN contacts c ON c.id = p.contact_id
		WHERE p.organization_id = @id AND p."to" IS NOT NULL AND ` + s.organizationScope(authz.ViewClient, "o") + `
			AND ` + s.contactScope(authz.ViewClient, "c") + `
		ORDER BY p."to" DESC, p.id DESC LIMIT 50`
}

func (s *Store) pastOrganizationsQuery() string {
	return `SELECT ` + periodColumns + `, o.display_name AS organization_name
		FROM relationship_periods p JOIN organizations o ON o.id = p.organization_id JOIN contacts c ON c.id = p.contact_id
		WHERE p.contact_id = @id AND p."to" IS NOT NULL AND ` + s.organizationScope(authz.ViewClient, "o") + `
			AND ` + s.contactScope(authz.ViewClient, "c") + `
		ORDER BY p."to" DESC, p.id DESC LIMIT 50`
}

// LinkCandidates returns the organization and the contacts that may be linked to it and match query, by
// name, at most MaxPeople.
func (s *Store) LinkCandidates(ctx context.Context, organization uuid.UUID, query string) (crm.Organization, []crm.Contact, error) {
	var o crm.Organization
	var found []crm.Contact
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return o, nil, err
	}
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": organization})
	match := "TRUE"
	if query != "" {
		match = matchContacts("c.search_text", crm.ParseQuery(query), args)
	}
	queueOne(b, &o, `SELECT `+organizationColumns+` FROM organizations o WHERE o.id = @id AND `+s.organizationScope(authz.EditClient, "o"), args)
	queueMany(b, &found, `SELECT `+contactColumns+` FROM contacts c
		WHERE c.is_active AND `+match+` AND `+s.contactScope(authz.EditClient, "c")+`
			AND NOT EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = @id AND l.contact_id = c.id)
		ORDER BY c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT 200`, args)
	err := b.send(ctx, s.db)
	return o, found, notFound(err)
}

// Relationship returns the link of a contact to an organization, both in reach.
func (s *Store) Relationship(ctx context.Context, organization, contact uuid.UUID) (crm.Relationship, error) {
	if err := s.require(authz.ViewClient); err != nil {
		return crm.Relationship{}, err
	}
	r, err := one[crm.Relationship](ctx, s.db.pool, `SELECT `+linkColumns+`, o.display_name AS organization_name,
			c.first_name || ' ' || c.last_name AS contact_name, `+s.nextLinkTouch()+` AS next_touch_at
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id`+linkTouchJoins+`
		WHERE l.organization_id = @organization AND l.contact_id = @contact AND `+s.organizationScope(authz.ViewClient, "o"),
		s.args(pgx.NamedArgs{"organization": organization, "contact": contact}))
	return r, notFound(err)
}

func linkChange(a audit.Action, organization, contact uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{
		Action: a, TargetType: audit.Relationship, TargetID: organization, ParentID: uuid.NullUUID{UUID: contact, Valid: true},
		Table: "organization_contact", Before: before, After: after,
		Metadata: map[string]any{"organization_id": organization, "contact_id": contact},
	}
}

func linkArgs(r crm.Relationship) pgx.NamedArgs {
	return pgx.NamedArgs{
		"organization": r.OrganizationID, "contact": r.ContactID, "role": r.RoleLabel, "status": r.RelationshipStatus,
		"touchGiven": r.TouchGiven, "touchEvery": r.TouchEveryDays, "touchUntil": r.TouchSnoozedUntil, "touchReason": r.TouchSnoozeReason,
	}
}

// LinkContact links a contact to an organization, once per form token. Both must lie within edit reach:
// a link opens the contact to everyone who reaches the organization. A contact out of reach is Invalid,
// in the same words as one that does not exist.
func (s *Store) LinkContact(ctx context.Context, r crm.Relationship, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	r.Clean()
	return s.create(ctx, audit.LinkContact, token, r.OrganizationID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if _, err := s.lockOrganization(ctx, w, r.OrganizationID); err != nil {
			return nil, err
		}
		if err := r.Validate(); err != nil {
			return nil, err
		}
		if _, err := s.lockContact(ctx, w, r.ContactID); noRows(err) || err == crm.ErrNotFound {
			return nil, crm.Fault("contact_id", "There is no such contact.")
		} else if err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, `
			INSERT INTO organization_contact AS l (organization_id, contact_id, role_label, relationship_status, touch_every_days, touch_snoozed_until, touch_snooze_reason, version)
			VALUES (@organization, @contact, nullif(@role, ''), nullif(@status, ''), @touchEvery, nullif(@touchUntil, '')::date, nullif(@touchReason, ''), -- linked again, its version goes on from the earlier link's
				(SELECT count(*) + 1 FROM audit_logs a WHERE a.parent_id = @contact AND a.target_id = @organization))
			RETURNING audit_image(to_jsonb(l))`, linkArgs(r))
		return []audit.Change{linkChange(audit.LinkContact, r.OrganizationID, r.ContactID, nil, after)}, err
	})
}

func (s *Store) lockLink(ctx context.Context, w *work, organization, contact uuid.UUID) (imaged[crm.Relationship], error) {
	if _, err := s.lockOrganization(ctx, w, organization); err != nil {
		return imaged[crm.Relationship]{}, err
	}
	type row struct {
		crm.Relationship
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+linkColumns+`, audit_image(to_jsonb(l)) AS image FROM organization_contact l
		WHERE l.organization_id = @organization AND l.contact_id = @contact FOR UPDATE`,
		pgx.NamedArgs{"organization": organization, "contact": contact})
	return imaged[crm.Relationship]{r.Relationship, r.Image}, notFound(err)
}

// UpdateLink changes role and status of a link that was read at r.Version; a zero version skips that check.
func (s *Store) UpdateLink(ctx context.Context, r crm.Relationship) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	r.Clean()
	invalid := r.Validate()
	cs, err := s.write(ctx, audit.UpdateLink, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockLink(ctx, w, r.OrganizationID, r.ContactID)
		switch {
		case err != nil:
			return nil, err
		case invalid != nil:
			return nil, invalid
		case r.Version != 0 && was.Record.Version != r.Version:
			return nil, crm.ErrConflict
		}
		return saveLink(ctx, w, was, r)
	})
	return Saved{r.OrganizationID, cs}, err
}

// saveLink saves a link that is locked as it was.
func saveLink(ctx context.Context, w *work, was imaged[crm.Relationship], r crm.Relationship) ([]audit.Change, error) {
	after, err := scalar[json.RawMessage](ctx, w, `
		UPDATE organization_contact l SET role_label = nullif(@role, ''), relationship_status = nullif(@status, ''), `+saveTouch+` version = version + 1
		WHERE organization_id = @organization AND contact_id = @contact RETURNING audit_image(to_jsonb(l))`, linkArgs(r))
	if err == nil {
		err = unchanged(was.Image, after)
	}
	return []audit.Change{linkChange(audit.UpdateLink, r.OrganizationID, r.ContactID, was.Image, after)}, err
}

// UnlinkContact ends a relationship; its period stays in the past. It is Invalid where the organization is
// the only way in which the writer reaches the person: they could not take it back.
func (s *Store) UnlinkContact(ctx context.Context, organization, contact uuid.UUID) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UnlinkContact, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockLink(ctx, w, organization, contact)
		if err != nil {
			return nil, err
		}
		if err := s.stands(was.Record.Version); err != nil {
			return nil, err
		}
		person, err := s.lockContact(ctx, w, contact)
		if err != nil {
			return nil, err
		}
		if !s.actor.Covers(authz.EditClient, person.Record.OwnerUserID) {
			linked, err := s.reachedThroughOrganization(ctx, w, contact, organization)
			if err != nil {
				return nil, err
			}
			if !linked {
				return nil, crm.Fault("contact_id", "You reach this person only through this organization; someone with a wider reach can unlink them.")
			}
		}
		_, err = w.Exec(ctx, `DELETE FROM organization_contact WHERE organization_id = @organization AND contact_id = @contact`,
			pgx.NamedArgs{"organization": organization, "contact": contact})
		return []audit.Change{linkChange(audit.UnlinkContact, organization, contact, was.Image, nil)}, err
	})
	return Saved{organization, cs}, err
}
