package api

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// FollowUp is something to be done about a client, as programs get it.
type FollowUp struct {
	ID                uuid.UUID  `json:"id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c10"`
	Title             string     `json:"title" doc:"What is to be done" example:"Send the contract"`
	Due               string     `json:"due" doc:"A day like 2026-12-04, which is that day everywhere, or a moment, RFC 3339 in UTC" example:"2026-12-04"`
	UserID            *uuid.UUID `json:"user_id" format:"uuid" doc:"For whom; null for nobody in particular" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	OrganizationID    *uuid.UUID `json:"organization_id" format:"uuid" doc:"null too where it is out of the caller's reach" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
	ContactID         *uuid.UUID `json:"contact_id" format:"uuid" doc:"null too where it is out of the caller's reach" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
	InteractionID     *uuid.UUID `json:"interaction_id" format:"uuid" doc:"That it follows from; the interaction may be gone" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0f"`
	State             string     `json:"state" enum:"open,done,cancelled" example:"open"`
	Outcome           *string    `json:"outcome" doc:"Of one that is done" example:"Resolved"`
	DoneAt            *time.Time `json:"done_at" doc:"When it was done or cancelled" example:"2026-12-04T15:10:00Z"`
	DoneBy            *uuid.UUID `json:"done_by" format:"uuid" doc:"By whom" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	DoneInteractionID *uuid.UUID `json:"done_interaction_id" format:"uuid" doc:"That it led to; the interaction may be gone" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c11"`
	CreatedBy         *uuid.UUID `json:"created_by" format:"uuid" doc:"Who planned it" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	CreatedAt         time.Time  `json:"created_at" example:"2026-11-22T15:10:00Z"`
	Version           int        `json:"version" doc:"Counts the changes; If-Match takes it, in quotes" example:"1"`
}

// followUpOf shows a record it is about only where the reader may see its name, as interactionOf does.
func followUpOf(f crm.FollowUp) FollowUp {
	out := FollowUp{
		ID: f.ID, Title: f.Title, Due: f.Due.String(), UserID: orNullID(f.UserID), InteractionID: orNullID(f.InteractionID), State: string(f.State),
		Outcome: orNull(f.Outcome), DoneBy: orNullID(f.DoneBy), DoneInteractionID: orNullID(f.DoneInteractionID), CreatedBy: orNullID(f.CreatedBy),
		CreatedAt: f.CreatedAt.UTC(), Version: f.Version,
	}
	if !f.Open() {
		at := f.DoneAt.UTC()
		out.DoneAt = &at
	}
	if f.OrganizationName != "" {
		out.OrganizationID = orNullID(f.OrganizationID)
	}
	if f.ContactName != "" {
		out.ContactID = orNullID(f.ContactID)
	}
	return out
}

// FollowUpFields are the fields that can be sent; what a follow-up is about does not change.
type FollowUpFields struct {
	Title  string  `json:"title" maxLength:"200" doc:"What is to be done" example:"Send the contract"`
	Due    string  `json:"due" doc:"A day like 2026-12-04, which is that day everywhere, or a moment, RFC 3339 or in the user's zone: not past, within ten years. Another one puts the follow-up off" example:"2026-12-04"`
	UserID *string `json:"user_id,omitempty" nullable:"true" format:"uuid" doc:"For whom: another one gives it on, null leaves it to nobody in particular. The user of the token when left out on create" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
}

func (FollowUpFields) apply(f *fields, c *call, into *crm.FollowUp) {
	f.text("title", &into.Title)
	f.due("due", c.zone, &into.Due)
	f.reference("user_id", "There is no such user.", &into.UserID)
}

// due is text for when something is due; an empty one is never.
func (f *fields) due(name string, zone *time.Location, into *crm.Due) {
	text, given := f.given[name]
	if !given {
		return
	}
	*into = crm.Due{}
	if text = strings.TrimSpace(text); text == "" {
		return
	}
	if *into = crm.ParseDue(text, zone); into.IsZero() {
		f.faults.Add(name, "Choose a day like 2026-12-04, or a day and time like 2026-12-04T09:00.")
	}
}

type organizationPlan struct {
	FollowUpFields
	ContactID *string `json:"contact_id,omitempty" nullable:"true" format:"uuid" doc:"With whom" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
}

type contactPlan struct {
	FollowUpFields
	OrganizationID *string `json:"organization_id,omitempty" nullable:"true" format:"uuid" doc:"On whose behalf" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
}

func (c *call) clock() crm.Clock { return crm.Clock{Now: c.now, Zone: c.zone} }

type followUpsInput struct {
	Place
	Who          string `query:"who" maxLength:"36" doc:"For whom: a user's id, me, team (the user's own, with the teams below it), or nobody. Whoever they are for when left out"`
	State        string `query:"state" enum:"open,done,cancelled,all" doc:"open when left out"`
	Due          string `query:"due" enum:"overdue,today,week,later" doc:"By the days of the user's zone; week is the seven days after today"`
	Organization string `query:"organization" maxLength:"36" doc:"An organization's id"`
	Contact      string `query:"contact" maxLength:"36" doc:"A contact's id"`
}

func listFollowUps(ctx context.Context, c *call, in *followUpsInput) (*listed[FollowUp], error) {
	read := c.filters()
	f := crm.FollowUpFilter{
		State: crm.FollowUpState(in.State), Due: crm.DueSpan(in.Due), Clock: c.clock(), MyTeam: in.Who == "team",
		OrganizationID: read.record("organization", in.Organization, "There is no such organization."),
		ContactID:      read.record("contact", in.Contact, "There is no such contact."),
	}
	if !f.MyTeam {
		f.For = read.person("who", in.Who)
	}
	_ = read.faults.Join("", f.Validate()) // which are Invalid, if any
	var err error
	if f.Page, err = read.read(in.Place); err != nil {
		return nil, err
	}
	list, err := c.store.FollowUps(ctx, f)
	if err != nil {
		return nil, at("query", err)
	}
	out := &listed[FollowUp]{Link: c.next(list.Next), Body: make([]FollowUp, len(list.Rows))}
	for i, row := range list.Rows {
		out.Body[i] = followUpOf(row)
	}
	return out, nil
}

func followUpAnswer(f crm.FollowUp, err error) (*shown[FollowUp], error) {
	if err != nil {
		return nil, err
	}
	return &shown[FollowUp]{ETag: etag(f.Version), Body: followUpOf(f)}, nil
}

func showFollowUp(ctx context.Context, c *call, in *Record) (*shown[FollowUp], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return followUpAnswer(c.store.FollowUp(ctx, id))
}

func planOnOrganization(ctx context.Context, c *call, in *creationAt, f *fields) (*made[FollowUp], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	plan := crm.FollowUp{OrganizationID: uuid.NullUUID{UUID: id, Valid: true}}
	f.reference("contact_id", "There is no such contact.", &plan.ContactID)
	return c.plan(ctx, plan, f, audit.Organization)
}

func planOnContact(ctx context.Context, c *call, in *creationAt, f *fields) (*made[FollowUp], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	plan := crm.FollowUp{ContactID: uuid.NullUUID{UUID: id, Valid: true}}
	f.reference("organization_id", "There is no such organization.", &plan.OrganizationID)
	return c.plan(ctx, plan, f, audit.Contact)
}

func (c *call) plan(ctx context.Context, plan crm.FollowUp, f *fields, on string) (*made[FollowUp], error) {
	FollowUpFields{}.apply(f, c, &plan)
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	saved, err := c.store.CreateFollowUp(ctx, plan, on, c.clock(), c.key)
	if err != nil {
		return nil, err
	}
	out, err := followUpAnswer(c.plannedFollowUp(ctx, saved.ID, plan))
	if err != nil {
		return nil, err
	}
	return &made[FollowUp]{paths.APIFollowUp(saved.ID), out.ETag, out.Body}, nil
}

// plannedFollowUp is madeOrganization for a follow-up.
func (c *call) plannedFollowUp(ctx context.Context, id uuid.UUID, sent crm.FollowUp) (crm.FollowUp, error) {
	if c.actor.Missing(viewInteraction.permissions...) == "" {
		return c.store.FollowUp(ctx, id)
	}
	sent.Clean()
	sent.ID, sent.State, sent.CreatedBy, sent.CreatedAt, sent.Version = id, crm.FollowUpOpen, uuid.NullUUID{UUID: c.actor.UserID, Valid: true}, madeAt(id), 1
	if !sent.UserID.Valid {
		sent.UserID = sent.CreatedBy
	}
	sent.OrganizationName, sent.ContactName = "in view", "in view" // the store has seen to it
	return sent, nil
}

func updateFollowUp(ctx context.Context, c *call, in *recordUpdate, f *fields) (*shown[FollowUp], error) {
	return c.reviseFollowUp(ctx, in.RecordChange, func(plan crm.FollowUp) (postgres.Saved, error) {
		FollowUpFields{}.apply(f, c, &plan)
		if err := f.faults.Err(); err != nil {
			return postgres.Saved{}, err
		}
		return c.store.UpdateFollowUp(ctx, plan, c.clock())
	})
}

// OutcomeFields say how a follow-up was done. What it led to is logged with done_follow_up.
type OutcomeFields struct {
	Outcome *string `json:"outcome,omitempty" nullable:"true" maxLength:"80" doc:"Such as Resolved, No answer; any text is taken" example:"Resolved"`
}

func finishFollowUp(ctx context.Context, c *call, in *recordUpdate, f *fields) (*shown[FollowUp], error) {
	done := crm.Finish{}
	f.text("outcome", &done.Outcome)
	return c.reviseFollowUp(ctx, in.RecordChange, func(plan crm.FollowUp) (postgres.Saved, error) {
		done.ID = plan.ID
		return c.store.At(plan.Version).FinishFollowUp(ctx, done, uuid.NullUUID{})
	})
}

func cancelFollowUp(ctx context.Context, c *call, in *RecordChange) (*shown[FollowUp], error) {
	return c.reviseFollowUp(ctx, *in, func(plan crm.FollowUp) (postgres.Saved, error) {
		return c.store.At(plan.Version).CancelFollowUp(ctx, plan.ID)
	})
}

func reopenFollowUp(ctx context.Context, c *call, in *RecordChange) (*shown[FollowUp], error) {
	return c.reviseFollowUp(ctx, *in, func(plan crm.FollowUp) (postgres.Saved, error) {
		return c.store.At(plan.Version).ReopenFollowUp(ctx, plan.ID)
	})
}

func (c *call) reviseFollowUp(ctx context.Context, in RecordChange, save func(crm.FollowUp) (postgres.Saved, error)) (*shown[FollowUp], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return followUpAnswer(revise(in.IfMatch, func() (crm.FollowUp, int, error) {
		f, err := c.store.FollowUp(ctx, id)
		return f, f.Version, editable(f.MayEdit, err)
	}, save))
}
