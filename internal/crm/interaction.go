package crm

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// Channel is how an interaction happened.
type Channel string

// The four channels.
const (
	Call    Channel = "call"
	Meeting Channel = "meeting"
	Email   Channel = "email"
	Note    Channel = "note"
)

// Channels lists the channels in the order in which forms offer them.
var Channels = []Channel{Call, Meeting, Email, Note}

// HasDuration reports whether an interaction of this channel takes a while.
func (c Channel) HasDuration() bool { return c == Call || c == Meeting }

// HasDirection reports whether somebody began an interaction of this channel.
func (c Channel) HasDirection() bool { return c == Call || c == Email }

// Direction says who called or wrote; "" when that is not known.
type Direction string

// The two directions.
const (
	Incoming Direction = "in"
	Outgoing Direction = "out"
)

// Directions lists the directions in the order in which forms offer them.
var Directions = []Direction{Incoming, Outgoing}

// MaxMinutes is the longest duration, a day.
const MaxMinutes = 24 * 60

// MaxAttendees bounds the people of one interaction besides its contact.
const MaxAttendees = 50

// Attendee is somebody who was at an interaction besides its contact.
type Attendee struct {
	ContactID uuid.UUID
	Name      string // read only
}

// Outcomes are suggestions; others are accepted.
var Outcomes = []string{
	"Follow-up scheduled", "Information sent", "Meeting booked", "Waiting for customer",
	"No answer", "Resolved", "Closed won", "Closed lost",
}

// MaxBody is the longest text of an interaction, in characters. The column has no limit of its
// own; the full-text index has one of 1 MB per row.
const MaxBody = 50_000

// Interaction is one call, e-mail, meeting or note.
type Interaction struct {
	ID             uuid.UUID
	OrganizationID uuid.NullUUID
	ContactID      uuid.NullUUID
	UserID         uuid.NullUUID // the author
	Channel        Channel
	Subject        string
	Body           string
	Outcome        string
	HappenedAt     time.Time
	// DurationMinutes is nil when nobody said how long it took. Only calls and meetings have one, only calls and
	// e-mails a Direction.
	DurationMinutes *int
	Direction       Direction
	// Attendees are the people besides the contact. A reader gets those within reach; those they do not get stay when
	// they save an edit.
	Attendees []Attendee
	CreatedAt time.Time
	Version   int

	// Read only. Names are "" without ViewClient or out of reach; then no link is shown either.
	OrganizationName string
	ContactName      string
	AuthorName       string
	MayEdit          bool // within the reader's reach for editing
}

// Clean brings every text field into its stored form. Nobody attends twice, and the contact is there anyway.
func (i *Interaction) Clean() {
	i.Subject, i.Body, i.Outcome = Clean(i.Subject), Clean(i.Body), Clean(i.Outcome)
	var once []Attendee
	for _, a := range i.Attendees {
		if a.ContactID != i.ContactID.UUID && !attends(once, a.ContactID) {
			once = append(once, a)
		}
	}
	i.Attendees = once
}

func attends(all []Attendee, contact uuid.UUID) bool {
	return slices.ContainsFunc(all, func(a Attendee) bool { return a.ContactID == contact })
}

// AttendeeIDs returns the contacts who attended.
func (i Interaction) AttendeeIDs() []uuid.UUID {
	ids := make([]uuid.UUID, len(i.Attendees))
	for n, a := range i.Attendees {
		ids[n] = a.ContactID
	}
	return ids
}

// AttendeesOf returns contacts as the attendees of an interaction about to be saved.
func AttendeesOf(contacts ...uuid.UUID) []Attendee {
	var all []Attendee
	for _, id := range contacts {
		all = append(all, Attendee{ContactID: id})
	}
	return all
}

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (i Interaction) Validate() error {
	v := Invalid{}
	if !slices.Contains(Channels, i.Channel) {
		v.Add("channel", "Choose call, meeting, e-mail or note.")
	}
	v.require("subject", i.Subject, "Enter what it was about.")
	v.checkText("subject", i.Subject, 200)
	v.checkText("body", i.Body, MaxBody)
	v.checkText("outcome", i.Outcome, 80)
	if i.HappenedAt.IsZero() {
		v.Add("happened_at", "Enter a date and time like 2026-11-22T15:04.")
	} else if y := i.HappenedAt.Year(); y < 1900 || y > 2200 {
		v.Add("happened_at", "Enter a year between 1900 and 2200.")
	}
	i.checkTalk(v)
	if !i.OrganizationID.Valid && !i.ContactID.Valid {
		v.Add("", "An interaction belongs to an organization, a contact, or both.")
	}
	return v.Err()
}

// checkTalk adds what is wrong with how long it took, which way it went and who was there.
func (i Interaction) checkTalk(v Invalid) {
	switch {
	case i.DurationMinutes == nil:
	case *i.DurationMinutes < 0 || *i.DurationMinutes > MaxMinutes:
		v.Add("duration_minutes", "Enter minutes, such as 15 or 1:30, up to a day.")
	case !i.Channel.HasDuration():
		v.Add("duration_minutes", "Only calls and meetings have a duration.")
	}
	switch {
	case i.Direction == "":
	case !slices.Contains(Directions, i.Direction):
		v.Add("direction", "Choose incoming or outgoing.")
	case !i.Channel.HasDirection():
		v.Add("direction", "Only calls and e-mails have a direction.")
	}
	if n := len(i.Attendees); n > MaxAttendees {
		v.Add("attendee_id", "At most %d people; these are %d.", MaxAttendees, n)
	}
}

// ParseTime reads a time as forms and the API send it: "2026-11-22T15:04" (seconds optional) in
// the given zone, or RFC 3339. It returns the zero time when s is neither.
func ParseTime(s string, zone *time.Location) time.Time {
	if t, err := time.Parse(time.RFC3339, s); err == nil {
		return t
	}
	for _, layout := range []string{"2006-01-02T15:04", "2006-01-02T15:04:05", "2006-01-02 15:04"} {
		if t, err := time.ParseInLocation(layout, s, zone); err == nil {
			return t
		}
	}
	return time.Time{}
}

// InteractionFilter says which interactions a list shows.
type InteractionFilter struct {
	Query          string // words of the subject or the body
	Channel        Channel
	Author         OwnerFilter
	Outcome        string
	OrganizationID uuid.NullUUID
	ContactID      uuid.NullUUID
	From           time.Time // inclusive; zero for no limit
	To             time.Time // exclusive; zero for no limit
	Sort           Sort      // newest first, unless said otherwise
	Page           Page
}

// InteractionSorts are what the list can be sorted by.
var InteractionSorts = []SortKey{ByNewest, BySubject, ByOutcome, ByAuthor, ByChannel, ByDirection, ByMinutes, ByLogged, ByWith, ByAttendees}
