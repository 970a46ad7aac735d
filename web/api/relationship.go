package api

import (
	"context"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Relationship is a contact's place at an organization.
type Relationship struct {
	OrganizationID     uuid.UUID `json:"organization_id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
	ContactID          uuid.UUID `json:"contact_id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
	RoleLabel          *string   `json:"role_label" doc:"What they do there" example:"Treasurer"`
	RelationshipStatus *string   `json:"relationship_status" doc:"Such as Active, Prospect, Former" example:"Active"`
	Version            int       `json:"version" doc:"Counts the changes; If-Match takes it, in quotes" example:"1"`
	Touch
}

type LinkChange struct {
	RoleLabel          *string `json:"role_label,omitempty" nullable:"true" maxLength:"120" example:"Treasurer"`
	RelationshipStatus *string `json:"relationship_status,omitempty" nullable:"true" maxLength:"40" doc:"Such as Active, Prospect, Former; any text is taken" example:"Active"`
	TouchChange
}

type newLink struct {
	ContactID string `json:"contact_id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
	LinkChange
}

func (LinkChange) apply(f *fields, c *call, r *crm.Relationship) {
	f.text("role_label", &r.RoleLabel)
	f.text("relationship_status", &r.RelationshipStatus)
	TouchChange{}.apply(f, c, &r.Touch)
}

func linkAnswer(r crm.Relationship, err error) (*shown[Relationship], error) {
	if err != nil {
		return nil, err
	}
	return &shown[Relationship]{ETag: etag(r.Version), Body: Relationship{r.OrganizationID, r.ContactID, orNull(r.RoleLabel), orNull(r.RelationshipStatus), r.Version, touchOf(r.Touch)}}, nil
}

// creationAt is creation below a record.
type creationAt struct {
	Record
	Creation
}

func linkContact(ctx context.Context, c *call, in *creationAt, f *fields) (*made[Relationship], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	r, contact := crm.Relationship{OrganizationID: id}, uuid.NullUUID{}
	f.reference("contact_id", "There is no such contact.", &contact)
	if !contact.Valid {
		f.faults.Add("contact_id", "Choose a contact.")
	}
	LinkChange{}.apply(f, c, &r)
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	r.ContactID = contact.UUID
	if _, err := c.store.LinkContact(ctx, r, c.key); err != nil {
		return nil, err
	}
	out, err := linkAnswer(c.store.Relationship(ctx, r.OrganizationID, r.ContactID))
	if err != nil {
		return nil, err
	}
	return &made[Relationship]{paths.APILink(r.OrganizationID, r.ContactID), out.ETag, out.Body}, nil
}

// Link names a relationship by its path.
type Link struct {
	Record
	ContactID string `path:"contact_id" doc:"The contact's id" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
}

func (l Link) ids() (organization, contact uuid.UUID, err error) {
	if organization, err = l.id(); err != nil {
		return organization, contact, err
	}
	contact, err = Record{l.ContactID}.id()
	return organization, contact, err
}

func showLink(ctx context.Context, c *call, in *Link) (*shown[Relationship], error) {
	organization, contact, err := in.ids()
	if err != nil {
		return nil, err
	}
	return linkAnswer(c.store.Relationship(ctx, organization, contact))
}

type linkUpdate struct {
	Link
	Condition
	Sent
}

func updateLink(ctx context.Context, c *call, in *linkUpdate, f *fields) (*shown[Relationship], error) {
	return linkAnswer(c.reviseLink(ctx, in.Link, in.IfMatch, func(r crm.Relationship) (postgres.Saved, error) {
		LinkChange{}.apply(f, c, &r)
		return c.store.UpdateLink(ctx, r)
	}))
}

type linkEnd struct {
	Link
	Condition
}

func unlinkContact(ctx context.Context, c *call, in *linkEnd) (*nothing, error) {
	organization, contact, err := in.ids()
	if err != nil {
		return nil, err
	}
	now, err := c.store.Relationship(ctx, organization, contact)
	if err != nil {
		return nil, err
	}
	if !matches(in.IfMatch, now.Version) {
		return nil, errStale
	}
	_, err = c.at(in.IfMatch, now.Version).UnlinkContact(ctx, organization, contact)
	return &nothing{}, stale(err)
}

func (c *call) reviseLink(ctx context.Context, at Link, ifMatch string, save func(crm.Relationship) (postgres.Saved, error)) (crm.Relationship, error) {
	organization, contact, err := at.ids()
	if err != nil {
		return crm.Relationship{}, err
	}
	return revise(ifMatch, func() (crm.Relationship, int, error) {
		r, err := c.store.Relationship(ctx, organization, contact)
		return r, r.Version, err
	}, save)
}
