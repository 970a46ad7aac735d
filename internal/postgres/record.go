package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Programs get records whole, where pages get what they show: this file reads a record with everything that
// belongs to it, all columns of each, in one round trip.

// OrganizationRecord is an organization with its people and its 20 latest interactions.
type OrganizationRecord struct {
	Organization crm.Organization
	Contacts     []crm.LinkedContact
	Interactions []crm.Interaction // empty without ViewInteraction
}

// OrganizationRecord returns an organization in reach with what belongs to it.
func (s *Store) OrganizationRecord(ctx context.Context, id uuid.UUID) (OrganizationRecord, error) {
	var r OrganizationRecord
	if err := s.require(authz.ViewClient); err != nil {
		return r, err
	}
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &r.Organization, s.organizationQuery(), args)
	queueMany(b, &r.Contacts, `SELECT `+contactColumns+`, coalesce(l.role_label, '') AS role_label, coalesce(l.relationship_status, '') AS relationship_status
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
		WHERE l.organization_id = @id AND `+s.organizationScope(authz.ViewClient, "o")+`
		ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', NOT c.is_active, l.role_label IS NULL,
			c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT 200`, args)
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &r.Interactions, s.latestInteractions(audit.Organization), args)
	}
	return r, notFound(b.send(ctx, s.db))
}

// ContactRecord is a contact with the organizations in reach and the 20 latest interactions.
type ContactRecord struct {
	Contact       crm.Contact
	Organizations []crm.LinkedOrganization
	Interactions  []crm.Interaction // empty without ViewInteraction
}

// ContactRecord returns a contact in reach with what belongs to it.
func (s *Store) ContactRecord(ctx context.Context, id uuid.UUID) (ContactRecord, error) {
	var r ContactRecord
	if err := s.require(authz.ViewClient); err != nil {
		return r, err
	}
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &r.Contact, s.contactQuery(), args)
	queueMany(b, &r.Organizations, `SELECT `+organizationColumns+`, coalesce(l.role_label, '') AS role_label, coalesce(l.relationship_status, '') AS relationship_status
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
		WHERE l.contact_id = @id AND `+s.organizationScope(authz.ViewClient, "o")+` AND `+s.contactScope(authz.ViewClient, "c")+`
		ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', o.display_name`+icu+`, o.id LIMIT 200`, args)
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &r.Interactions, s.latestInteractions(audit.Contact), args)
	}
	return r, notFound(b.send(ctx, s.db))
}
