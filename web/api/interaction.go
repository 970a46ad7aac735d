package api

import (
	"context"
	"errors"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Interaction is an interaction as programs get it: its columns by their names, empty ones null.
type Interaction struct {
	ID             uuid.UUID   `json:"id" format:"uuid" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0f"`
	OrganizationID *uuid.UUID  `json:"organization_id" format:"uuid" doc:"null too where it is out of the caller's reach" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
	ContactID      *uuid.UUID  `json:"contact_id" format:"uuid" doc:"null too where it is out of the caller's reach" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
	UserID         *uuid.UUID  `json:"user_id" format:"uuid" doc:"The author: the user of the token that logged it" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	Channel        string      `json:"channel" enum:"call,meeting,email,note" example:"call"`
	Subject        string      `json:"subject" example:"Renewal agreed"`
	Body           *string     `json:"body" example:"Two more years, same terms."`
	Outcome        *string     `json:"outcome" example:"Resolved"`
	HappenedAt     time.Time   `json:"happened_at" example:"2026-11-22T15:04:05Z"`
	Duration       *int        `json:"duration_minutes" doc:"Of a call or a meeting" minimum:"0" maximum:"1440" example:"25"`
	Direction      *string     `json:"direction" pattern:"^(in|out)$" doc:"Who called or wrote: in or out" example:"out"`
	AttendeeIDs    []uuid.UUID `json:"attendee_ids" nullable:"false" format:"uuid" doc:"The contacts who were there besides contact_id, those within the caller's reach"`
	CreatedAt      time.Time   `json:"created_at" example:"2026-11-22T15:10:00Z"`
	Version        int         `json:"version" doc:"Counts the changes; If-Match takes it, in quotes" example:"1"`
}

// interactionOf shows a record it belongs to only where the reader may see its name, as the pages do.
func interactionOf(i crm.Interaction) Interaction {
	out := Interaction{
		ID: i.ID, UserID: orNullID(i.UserID), Channel: string(i.Channel), Subject: i.Subject, Body: orNull(i.Body), Outcome: orNull(i.Outcome),
		HappenedAt: i.HappenedAt.UTC(), Duration: i.DurationMinutes, Direction: orNull(string(i.Direction)), AttendeeIDs: i.AttendeeIDs(),
		CreatedAt: i.CreatedAt.UTC(), Version: i.Version,
	}
	if i.OrganizationName != "" {
		out.OrganizationID = orNullID(i.OrganizationID)
	}
	if i.ContactName != "" {
		out.ContactID = orNullID(i.ContactID)
	}
	return out
}

func interactionsOf(list []crm.Interaction) []Interaction {
	out := make([]Interaction, len(list))
	for n, i := range list {
		out[n] = interactionOf(i)
	}
	return out
}

// InteractionFields are the fields that can be sent; whom an interaction belongs to does not change.
type InteractionFields struct {
	Channel    string   `json:"channel" enum:"call,meeting,email,note" example:"call"`
	Subject    string   `json:"subject" maxLength:"200" example:"Renewal agreed"`
	Body       *string  `json:"body,omitempty" nullable:"true" maxLength:"50000" example:"Two more years, same terms."`
	Outcome    *string  `json:"outcome,omitempty" nullable:"true" maxLength:"80" doc:"Such as Resolved, No answer; any text is taken" example:"Resolved"`
	HappenedAt *string  `json:"happened_at,omitempty" nullable:"true" doc:"RFC 3339, or a time like 2026-11-22T15:04 in the user's zone; now when left out on create" example:"2026-11-22T15:04:05Z"`
	Duration   *int     `json:"duration_minutes,omitempty" nullable:"true" minimum:"0" maximum:"1440" doc:"Of a call or a meeting" example:"25"`
	Direction  *string  `json:"direction,omitempty" nullable:"true" pattern:"^(in|out)$" doc:"Who called or wrote, in or out; of a call or an e-mail" example:"out"`
	Attendees  []string `json:"attendee_ids,omitempty" nullable:"true" maxItems:"50" format:"uuid" doc:"The contacts who were there besides contact_id; those out of the caller's reach stay" example:"[\"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e\"]"`
}

func (InteractionFields) apply(f *fields, i *crm.Interaction, zone *time.Location, otherwise time.Time) {
	f.text("channel", (*string)(&i.Channel))
	f.text("subject", &i.Subject)
	f.text("body", &i.Body)
	f.text("outcome", &i.Outcome)
	f.moment("happened_at", zone, otherwise, &i.HappenedAt)
	f.minutes("duration_minutes", &i.DurationMinutes)
	f.text("direction", (*string)(&i.Direction))
	f.attendees("attendee_ids", &i.Attendees)
}

// NextFields are what follows from an interaction that is being logged: a follow-up, saved with it.
type NextFields struct {
	NextTitle  *string  `json:"next_title,omitempty" nullable:"true" maxLength:"200" doc:"What is to be done next: a follow-up of the same organization and contact, saved with the interaction" example:"Send the contract"`
	NextDue    *string  `json:"next_due,omitempty" nullable:"true" doc:"By when, with next_title: a day like 2026-12-04, which is that day everywhere, or a moment, RFC 3339 or in the user's zone" example:"2026-12-04"`
	NextUserID *string  `json:"next_user_id,omitempty" nullable:"true" format:"uuid" doc:"For whom; the user of the token when left out" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	Done       []string `json:"done_follow_up,omitempty" nullable:"true" maxItems:"100" format:"uuid" doc:"Open follow-ups of the same organization or contact that are done by this: they get its outcome, and name it. Takes ViewInteraction, too" example:"[\"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c10\"]"`
}

func (NextFields) read(f *fields, clock crm.Clock) crm.Next {
	n := crm.Next{Clock: clock}
	f.text("next_title", &n.Title)
	f.due("next_due", clock.Zone, &n.Due)
	f.reference("next_user_id", "There is no such user.", &n.UserID)
	n.Title = crm.Clean(n.Title)
	for _, text := range f.lists["done_follow_up"] {
		id, ok := parseID(text)
		if !ok {
			f.faults.Add("done_follow_up", "There is no such follow-up here.")
			break
		}
		n.Done = append(n.Done, id)
	}
	return n
}

type organizationLog struct {
	InteractionFields
	NextFields
	ContactID *string `json:"contact_id,omitempty" nullable:"true" format:"uuid" doc:"Whom it was with" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0e"`
}

type contactLog struct {
	InteractionFields
	NextFields
	OrganizationID *string `json:"organization_id,omitempty" nullable:"true" format:"uuid" doc:"On whose behalf" example:"0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
}

type interactionsInput struct {
	Place
	Query        string `query:"q" maxLength:"200" doc:"Words of the subject or the text, each as the beginning of a word"`
	Channel      string `query:"channel" enum:"call,meeting,email,note"`
	Author       string `query:"author" maxLength:"36" doc:"A user's id, me, or nobody"`
	From         string `query:"from" maxLength:"10" doc:"The first day, in the user's zone" example:"2026-11-01"`
	To           string `query:"to" maxLength:"10" doc:"The last day, in the user's zone" example:"2026-11-30"`
	Organization string `query:"organization" maxLength:"36" doc:"An organization's id"`
	Contact      string `query:"contact" maxLength:"36" doc:"A contact's id: what was with them, or where they were"`
}

func listInteractions(ctx context.Context, c *call, in *interactionsInput) (*listed[Interaction], error) {
	read := c.filters()
	f := crm.InteractionFilter{
		Query: searchText(in.Query), Channel: crm.Channel(in.Channel), Author: read.person("author", in.Author),
		OrganizationID: read.record("organization", in.Organization, "There is no such organization."),
		ContactID:      read.record("contact", in.Contact, "There is no such contact."),
		From:           read.day("from", in.From), To: read.day("to", in.To),
	}
	if !f.To.IsZero() {
		f.To = f.To.AddDate(0, 0, 1)
	}
	switch f.Channel {
	case "", crm.Call, crm.Meeting, crm.Email, crm.Note:
	default:
		read.faults.Add("channel", "The channel is call, meeting, email or note.")
	}
	var err error
	if f.Page, err = read.read(in.Place); err != nil {
		return nil, err
	}
	list, err := c.store.Interactions(ctx, f)
	if err != nil {
		return nil, at("query", err)
	}
	return &listed[Interaction]{Link: c.next(list.Next), Body: interactionsOf(list.Rows)}, nil
}

func interactionAnswer(i crm.Interaction, err error) (*shown[Interaction], error) {
	if err != nil {
		return nil, err
	}
	return &shown[Interaction]{ETag: etag(i.Version), Body: interactionOf(i)}, nil
}

func showInteraction(ctx context.Context, c *call, in *Record) (*shown[Interaction], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return interactionAnswer(c.store.Interaction(ctx, id))
}

func logOnOrganization(ctx context.Context, c *call, in *creationAt, f *fields) (*made[Interaction], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	i := crm.Interaction{OrganizationID: uuid.NullUUID{UUID: id, Valid: true}}
	f.reference("contact_id", "There is no such contact.", &i.ContactID)
	return c.log(ctx, i, f, audit.Organization)
}

func logOnContact(ctx context.Context, c *call, in *creationAt, f *fields) (*made[Interaction], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	i := crm.Interaction{ContactID: uuid.NullUUID{UUID: id, Valid: true}}
	f.reference("organization_id", "There is no such organization.", &i.OrganizationID)
	return c.log(ctx, i, f, audit.Contact)
}

func (c *call) log(ctx context.Context, i crm.Interaction, f *fields, on string) (*made[Interaction], error) {
	i.HappenedAt = c.now
	InteractionFields{}.apply(f, &i, c.zone, c.now)
	next := NextFields{}.read(f, c.clock())
	if err := f.faults.Err(); err != nil {
		return nil, err
	}
	saved, err := c.store.LogInteraction(ctx, i, on, c.key, next)
	if err != nil {
		return nil, attendeeFault(err)
	}
	out, err := interactionAnswer(c.loggedInteraction(ctx, saved.ID, i))
	if err != nil {
		return nil, err
	}
	return &made[Interaction]{paths.APIInteraction(saved.ID), out.ETag, out.Body}, nil
}

// loggedInteraction is madeOrganization for an interaction.
func (c *call) loggedInteraction(ctx context.Context, id uuid.UUID, sent crm.Interaction) (crm.Interaction, error) {
	if c.actor.Missing(viewInteraction.permissions...) == "" {
		return c.store.Interaction(ctx, id)
	}
	sent.Clean()
	sent.ID, sent.UserID, sent.CreatedAt, sent.Version = id, uuid.NullUUID{UUID: c.actor.UserID, Valid: true}, madeAt(id), 1
	sent.OrganizationName, sent.ContactName = "in view", "in view" // the store has seen to it
	return sent, nil
}

func updateInteraction(ctx context.Context, c *call, in *recordUpdate, f *fields) (*shown[Interaction], error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	return interactionAnswer(revise(in.IfMatch, func() (crm.Interaction, int, error) {
		i, err := c.store.Interaction(ctx, id)
		return i, i.Version, editable(i.MayEdit, err)
	}, func(i crm.Interaction) (postgres.Saved, error) {
		InteractionFields{}.apply(f, &i, c.zone, time.Time{})
		if err := f.faults.Err(); err != nil {
			return postgres.Saved{}, err
		}
		saved, err := c.store.UpdateInteraction(ctx, i)
		return saved, attendeeFault(err)
	}))
}

// attendeeFault names the field of a fault as the body does, which has one list where forms repeat a field.
func attendeeFault(err error) error {
	var invalid crm.Invalid
	if !errors.As(err, &invalid) {
		return err
	}
	named := maps.Clone(invalid)
	if fault, has := named["attendee_id"]; has {
		delete(named, "attendee_id")
		named["attendee_ids"] = fault
	}
	return named
}

func deleteInteraction(ctx context.Context, c *call, in *RecordChange) (*nothing, error) {
	id, err := in.id()
	if err != nil {
		return nil, err
	}
	i, err := c.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	if !matches(in.IfMatch, i.Version) {
		return nil, errStale
	}
	if _, err = c.at(in.IfMatch, i.Version).DeleteInteraction(ctx, id); errors.Is(err, crm.ErrUnchanged) {
		err = nil
	}
	return &nothing{}, stale(err)
}
