package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Contact is a contact as programs get it: its columns by their names, empty ones null.
type Contact struct {
	ID          uuid.UUID  `json:"id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
	FirstName   string     `json:"first_name" example:"Lars"`
	LastName    string     `json:"last_name" example:"Lindqvist"`
	Email       *string    `json:"email" doc:"Lower case" example:"lars@granvik.example"`
	Phone       *string    `json:"phone" example:"+46 8 123 45 67"`
	Mobile      *string    `json:"mobile" example:"+46 70 123 45 67"`
	JobTitle    *string    `json:"job_title" example:"Treasurer"`
	OwnerUserID *uuid.UUID `json:"owner_user_id" format:"uuid" doc:"The account manager" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	IsActive    bool       `json:"is_active" doc:"false while archived" example:"true"`
	Version     int        `json:"version" doc:"Counts the changes; If-Match takes it, in quotes" example:"3"`
	CreatedAt   time.Time  `json:"created_at" example:"2026-11-22T15:04:05Z"`
	UpdatedAt   time.Time  `json:"updated_at" example:"2026-11-22T15:04:05Z"`
}

func contactOf(c crm.Contact) Contact {
	return Contact{
		ID: c.ID, FirstName: c.FirstName, LastName: c.LastName, Email: orNull(c.Email), Phone: orNull(c.Phone), Mobile: orNull(c.Mobile),
		JobTitle: orNull(c.JobTitle), OwnerUserID: orNullID(c.OwnerUserID), IsActive: c.IsActive, Version: c.Version, CreatedAt: c.CreatedAt.UTC(), UpdatedAt: c.UpdatedAt.UTC(),
	}
}

// LinkedContact is a contact with its place at an organization.
type LinkedContact struct {
	Contact
	RoleLabel          *string `json:"role_label" doc:"What they do there" example:"Treasurer"`
	RelationshipStatus *string `json:"relationship_status" doc:"Such as Active, Prospect, Former" example:"Active"`
}

// LinkedOrganization is an organization with the place a contact has there.
type LinkedOrganization struct {
	Organization
	RoleLabel          *string `json:"role_label" doc:"What the contact does there" example:"Treasurer"`
	RelationshipStatus *string `json:"relationship_status" doc:"Such as Active, Prospect, Former" example:"Active"`
}

// newContact are the fields that can be sent.
type newContact struct {
	FirstName   string  `json:"first_name" maxLength:"80" example:"Lars"`
	LastName    string  `json:"last_name" maxLength:"80" example:"Lindqvist"`
	Email       *string `json:"email,omitempty" nullable:"true" maxLength:"190" doc:"Unique regardless of case; kept in lower case" example:"lars@granvik.example"`
	Phone       *string `json:"phone,omitempty" nullable:"true" maxLength:"40" example:"+46 8 123 45 67"`
	Mobile      *string `json:"mobile,omitempty" nullable:"true" maxLength:"40" example:"+46 70 123 45 67"`
	JobTitle    *string `json:"job_title,omitempty" nullable:"true" maxLength:"120" example:"Treasurer"`
	OwnerUserID *string `json:"owner_user_id,omitempty" nullable:"true" format:"uuid" doc:"An active user within reach. Left out on create: the token's user, unless their reach is all" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
}

// apply puts the fields that were sent into c.
func (newContact) apply(f *fields, c *crm.Contact) {
	f.text("first_name", &c.FirstName)
	f.text("last_name", &c.LastName)
	f.text("email", &c.Email)
	f.text("phone", &c.Phone)
	f.text("mobile", &c.Mobile)
	f.text("job_title", &c.JobTitle)
	f.reference("owner_user_id", "There is no such user.", &c.OwnerUserID)
}

type contactsInput struct {
	Place
	Touching
	Query  string `query:"q" maxLength:"200" doc:"Words of the name or the e-mail address, in any order"`
	Status string `query:"status" enum:"active,archived,all" doc:"active when left out"`
	Owner  string `query:"owner" maxLength:"36" doc:"A user's id, me, or nobody"`
	Sort   string `query:"sort" enum:"name,newest" doc:"name, as people sort, when left out"`
}

func listContacts(ctx context.Context, c *call, in *contactsInput) (*listed[Contact], error) {
	read := c.filters()
	f := crm.ContactFilter{
		Query: searchText(in.Query), Status: read.status(in.Status), Owner: read.person("owner", in.Owner), Touch: read.touch(in.Touching),
		Sort: crm.ParseSort(in.Sort),
	}
	switch crm.SortKey(in.Sort) {
	case "", crm.ByName, crm.ByNewest:
	default:
		read.faults.Add("sort", "The list is sorted by name or newest.")
	}
	var err error
	if f.Page, err = read.read(in.Place); err != nil {
		return nil, err
	}
	list, err := c.store.Contacts(ctx, f)
	if err != nil {
		return nil, at("query", err)
	}
	out := &listed[Contact]{Link: c.next(list.Next), Body: make([]Contact, len(list.Rows))}
	for i, row := range list.Rows {
		out.Body[i] = contactOf(row.Contact)
	}
	return out, nil
}

type ContactPage struct {
	Contact       Contact              `json:"contact"`
	Organizations []LinkedOrganization `json:"organizations" nullable:"false" maxItems:"200" doc:"Those in reach, at most 200"`
	Interactions  []Interaction        `json:"interactions" nullable:"false" maxItems:"20" doc:"The 20 latest; empty without ViewInteraction"`
}

func showContact(ctx context.Context, c *call, in *Record) (*shown[ContactPage], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	r, err := c.store.ContactRecord(ctx, id)
	if err != nil {
		return nil, err
	}
	page := ContactPage{Contact: contactOf(r.Contact), Organizations: []LinkedOrganization{}, Interactions: interactionsOf(r.Interactions)}
	for _, l := range r.Organizations {
		page.Organizations = append(page.Organizations, LinkedOrganization{organizationOf(l.Organization), orNull(l.RoleLabel), orNull(l.RelationshipStatus)})
	}
	return &shown[ContactPage]{ETag: etag(r.Contact.Version), Body: page}, nil
}

func contactAnswer(c crm.Contact, err error) (*shown[Contact], error) {
	if err != nil {
		return nil, err
	}
	return &shown[Contact]{ETag: etag(c.Version), Body: contactOf(c)}, nil
}

func createContact(ctx context.Context, c *call, _ *Creation, f *fields) (*made[Contact], error) {
	var person crm.Contact
	newContact{}.apply(f, &person)
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	saved, err := c.store.CreateContact(ctx, person, c.key)
	if err != nil {
		return nil, err
	}
	person, err = c.madeContact(ctx, saved.ID, person)
	if err != nil {
		return nil, err
	}
	return &made[Contact]{paths.APIContact(saved.ID), etag(person.Version), contactOf(person)}, nil
}

// madeContact is madeOrganization for a contact.
func (c *call) madeContact(ctx context.Context, id uuid.UUID, sent crm.Contact) (crm.Contact, error) {
	if c.actor.Missing(viewClient.permissions...) == "" {
		return c.store.Contact(ctx, id)
	}
	sent.Clean()
	sent.ID, sent.IsActive, sent.Version, sent.OwnerUserID = id, true, 1, c.ownerMade(sent.OwnerUserID)
	sent.CreatedAt = madeAt(id)
	sent.UpdatedAt = sent.CreatedAt
	return sent, nil
}

func updateContact(ctx context.Context, c *call, in *recordUpdate, f *fields) (*shown[Contact], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return contactAnswer(c.reviseContact(ctx, id, in.IfMatch, func(person crm.Contact) (postgres.Saved, error) {
		newContact{}.apply(f, &person)
		if err := f.faults.Err(); err != nil {
			return postgres.Saved{}, err
		}
		return c.store.UpdateContact(ctx, person)
	}))
}

func archiveContact(ctx context.Context, c *call, in *RecordChange) (*shown[Contact], error) {
	return c.setContactActive(ctx, in, false)
}

func restoreContact(ctx context.Context, c *call, in *RecordChange) (*shown[Contact], error) {
	return c.setContactActive(ctx, in, true)
}

func (c *call) setContactActive(ctx context.Context, in *RecordChange, active bool) (*shown[Contact], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return contactAnswer(c.reviseContact(ctx, id, in.IfMatch, func(person crm.Contact) (postgres.Saved, error) {
		return c.store.At(person.Version).SetContactActive(ctx, id, active)
	}))
}

func (c *call) reviseContact(ctx context.Context, id uuid.UUID, ifMatch string, save func(crm.Contact) (postgres.Saved, error)) (crm.Contact, error) {
	return revise(ifMatch, func() (crm.Contact, int, error) {
		person, err := c.store.Contact(ctx, id)
		return person, person.Version, editable(person.MayEdit, err)
	}, save)
}
