package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Organization is an organization as programs get it: its columns by their names, empty ones null.
type Organization struct {
	ID          uuid.UUID  `json:"id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
	LegalName   string     `json:"legal_name" example:"Granvik Shipping AB"`
	DisplayName string     `json:"display_name" example:"Granvik"`
	Website     *string    `json:"website" example:"granvik.example"`
	Sector      *string    `json:"sector" example:"Shipping"`
	SizeBand    *string    `json:"size_band" example:"51-200"`
	TaxID       *string    `json:"tax_id" example:"SE556012345601"`
	OwnerUserID *uuid.UUID `json:"owner_user_id" format:"uuid" doc:"The account manager" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	IsActive    bool       `json:"is_active" doc:"false while archived" example:"true"`
	Version     int        `json:"version" doc:"Counts the changes; If-Match takes it, in quotes" example:"3"`
	CreatedAt   time.Time  `json:"created_at" example:"2026-11-22T15:04:05Z"`
	UpdatedAt   time.Time  `json:"updated_at" example:"2026-11-22T15:04:05Z"`
	Touch
}

func organizationOf(o crm.Organization) Organization {
	return Organization{
		ID: o.ID, LegalName: o.LegalName, DisplayName: o.DisplayName, Website: orNull(o.Website), Sector: orNull(o.Sector), SizeBand: orNull(o.SizeBand),
		TaxID: orNull(o.TaxID), OwnerUserID: orNullID(o.OwnerUserID), IsActive: o.IsActive, Version: o.Version, CreatedAt: o.CreatedAt.UTC(), UpdatedAt: o.UpdatedAt.UTC(),
		Touch: touchOf(o.Touch),
	}
}

// newOrganization are the fields that can be sent.
type newOrganization struct {
	LegalName   string  `json:"legal_name" maxLength:"200" example:"Granvik Shipping AB"`
	DisplayName string  `json:"display_name" maxLength:"160" doc:"The name to show, by which lists are sorted" example:"Granvik"`
	Website     *string `json:"website,omitempty" nullable:"true" maxLength:"200" doc:"A web address, with or without https://" example:"granvik.example"`
	Sector      *string `json:"sector,omitempty" nullable:"true" maxLength:"80" example:"Shipping"`
	SizeBand    *string `json:"size_band,omitempty" nullable:"true" maxLength:"40" doc:"Such as 1-10, 11-50, 51-200; any text is taken" example:"51-200"`
	TaxID       *string `json:"tax_id,omitempty" nullable:"true" maxLength:"50" example:"SE556012345601"`
	OwnerUserID *string `json:"owner_user_id,omitempty" nullable:"true" format:"uuid" doc:"An active user within reach. Left out on create: the token's user, unless their reach is all" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	TouchChange
}

// apply puts the fields that were sent into o.
func (newOrganization) apply(f *fields, c *call, o *crm.Organization) {
	f.text("legal_name", &o.LegalName)
	f.text("display_name", &o.DisplayName)
	f.text("website", &o.Website)
	f.text("sector", &o.Sector)
	f.text("size_band", &o.SizeBand)
	f.text("tax_id", &o.TaxID)
	f.reference("owner_user_id", "There is no such user.", &o.OwnerUserID)
	TouchChange{}.apply(f, c, &o.Touch)
}

type organizationsInput struct {
	Place
	Touching
	Query  string `query:"q" maxLength:"200" doc:"Any part of either name, the website or the tax id"`
	Status string `query:"status" enum:"active,archived,all" doc:"active when left out"`
	Sector string `query:"sector" maxLength:"80" doc:"This very sector"`
	Size   string `query:"size" maxLength:"40" doc:"This very size band"`
	Owner  string `query:"owner" maxLength:"36" doc:"A user's id, me, or nobody"`
	Sort   string `query:"sort" enum:"name,newest" doc:"name, as people sort, when left out"`
}

func listOrganizations(ctx context.Context, c *call, in *organizationsInput) (*listed[Organization], error) {
	read := c.filters()
	f := crm.OrganizationFilter{
		Query: searchText(in.Query), Sector: crm.Clean(in.Sector), Size: crm.Clean(in.Size),
		Status: read.status(in.Status), Owner: read.person("owner", in.Owner), Touch: read.touch(in.Touching),
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
	list, err := c.store.Organizations(ctx, f)
	if err != nil {
		return nil, at("query", err)
	}
	out := &listed[Organization]{Link: c.next(list.Next), Body: make([]Organization, len(list.Rows))}
	for i, o := range list.Rows {
		out.Body[i] = organizationOf(o.Organization)
	}
	return out, nil
}

// Record names a record by its path. Anything that is no id is simply not found.
type Record struct {
	ID string `path:"id" doc:"The record's id" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
}

func (r Record) id() (uuid.UUID, error) {
	id, ok := parseID(r.ID)
	if !ok {
		return id, crm.ErrNotFound
	}
	return id, nil
}

// Condition is the header by which a change says what it was made of.
type Condition struct {
	IfMatch string `header:"If-Match" maxLength:"200" doc:"The ETag that the change was made of. A record that has changed since answers 412. Left out, the fields sent are changed whatever else has" example:"\"3\""`
}

type OrganizationPage struct {
	Organization Organization    `json:"organization"`
	Contacts     []LinkedContact `json:"contacts" nullable:"false" maxItems:"200" doc:"Its people, at most 200, those who have left last"`
	Interactions []Interaction   `json:"interactions" nullable:"false" maxItems:"20" doc:"The 20 latest; empty without ViewInteraction"`
}

func showOrganization(ctx context.Context, c *call, in *Record) (*shown[OrganizationPage], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	r, err := c.store.OrganizationRecord(ctx, id)
	if err != nil {
		return nil, err
	}
	page := OrganizationPage{Organization: organizationOf(r.Organization), Contacts: []LinkedContact{}, Interactions: interactionsOf(r.Interactions)}
	for _, l := range r.Contacts {
		page.Contacts = append(page.Contacts, LinkedContact{contactOf(l.Contact), orNull(l.RoleLabel), orNull(l.RelationshipStatus)})
	}
	return &shown[OrganizationPage]{ETag: etag(r.Organization.Version), Body: page}, nil
}

func organizationAnswer(o crm.Organization, err error) (*shown[Organization], error) {
	if err != nil {
		return nil, err
	}
	return &shown[Organization]{ETag: etag(o.Version), Body: organizationOf(o)}, nil
}

func createOrganization(ctx context.Context, c *call, _ *Creation, f *fields) (*made[Organization], error) {
	var o crm.Organization
	newOrganization{}.apply(f, c, &o)
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	saved, err := c.store.CreateOrganization(ctx, o, c.key)
	if err != nil {
		return nil, err
	}
	o, err = c.madeOrganization(ctx, saved.ID, o)
	if err != nil {
		return nil, err
	}
	return &made[Organization]{paths.APIOrganization(saved.ID), etag(o.Version), organizationOf(o)}, nil
}

// madeOrganization reads what was made. To a caller who may not view clients it tells what they sent and what
// making it added.
func (c *call) madeOrganization(ctx context.Context, id uuid.UUID, sent crm.Organization) (crm.Organization, error) {
	if c.actor.Missing(viewClient.permissions...) == "" {
		return c.store.Organization(ctx, id)
	}
	sent.Clean()
	sent.ID, sent.IsActive, sent.Version, sent.OwnerUserID = id, true, 1, c.ownerMade(sent.OwnerUserID)
	sent.CreatedAt = madeAt(id)
	sent.UpdatedAt = sent.CreatedAt
	return sent, nil
}

type RecordChange struct {
	Record
	Condition
}

type recordUpdate struct {
	RecordChange
	Sent
}

func updateOrganization(ctx context.Context, c *call, in *recordUpdate, f *fields) (*shown[Organization], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return organizationAnswer(c.reviseOrganization(ctx, id, in.IfMatch, func(o crm.Organization) (postgres.Saved, error) {
		newOrganization{}.apply(f, c, &o)
		if err := f.faults.Err(); err != nil {
			return postgres.Saved{}, err
		}
		return c.store.UpdateOrganization(ctx, o)
	}))
}

func archiveOrganization(ctx context.Context, c *call, in *RecordChange) (*shown[Organization], error) {
	return c.setOrganizationActive(ctx, in, false)
}

func restoreOrganization(ctx context.Context, c *call, in *RecordChange) (*shown[Organization], error) {
	return c.setOrganizationActive(ctx, in, true)
}

func (c *call) setOrganizationActive(ctx context.Context, in *RecordChange, active bool) (*shown[Organization], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return organizationAnswer(c.reviseOrganization(ctx, id, in.IfMatch, func(o crm.Organization) (postgres.Saved, error) {
		return c.store.At(o.Version).SetOrganizationActive(ctx, id, active)
	}))
}

func (c *call) reviseOrganization(ctx context.Context, id uuid.UUID, ifMatch string, save func(crm.Organization) (postgres.Saved, error)) (crm.Organization, error) {
	return revise(ifMatch, func() (crm.Organization, int, error) {
		o, err := c.store.Organization(ctx, id)
		return o, o.Version, editable(o.MayEdit, err)
	}, save)
}
