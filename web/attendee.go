package web

import (
	"context"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/templates"
)

// fieldAttendee repeats: who was there besides the contact.
const fieldAttendee = "attendee_id"

// nameOf is the name of somebody at an interaction, "" where it does not carry it.
func nameOf(i crm.Interaction, contact uuid.UUID) string {
	if i.ContactID.UUID == contact {
		return i.ContactName
	}
	for _, a := range i.Attendees {
		if a.ContactID == contact {
			return a.Name
		}
	}
	return ""
}

// attendees reads who was there; a malformed id is a fault of the field.
func (v *visit) attendees() []uuid.UUID {
	var ids []uuid.UUID
	for _, text := range v.form[fieldAttendee] {
		id, err := uuid.Parse(text)
		if err != nil || len(text) != 36 {
			v.faults.Add(fieldAttendee, "There is no such contact.")
			continue
		}
		ids = append(ids, id)
	}
	return ids
}

// offerAttendees lists the people around in a log box on a page of its own, those ticked among them.
func (v *visit) offerAttendees(ctx context.Context, log *templates.LogForm, organization, contact uuid.NullUUID) error {
	people, err := v.store.Attendable(ctx, organization, contact, ticked(log.Many[fieldAttendee])...)
	log.Attendees, log.MorePeople = attendeeOptions(people), true
	return err
}

// ticked are the ids among texts, at most as many as may attend.
func ticked(texts []string) []uuid.UUID {
	var ids []uuid.UUID
	for _, text := range texts[:min(len(texts), crm.MaxAttendees)] {
		if id, err := uuid.Parse(text); err == nil {
			ids = append(ids, id)
		}
	}
	return ids
}

func attendeeOptions(people []crm.Attendee) []templates.Option {
	options := make([]templates.Option, len(people))
	for n, a := range people {
		options[n] = templates.Option{Value: a.ContactID.String(), Label: a.Name}
	}
	return options
}
