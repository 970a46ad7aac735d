package crm

import (
	"time"

	"github.com/google/uuid"
)

// CalendarFeed is the address under which calendar programs read somebody's calendar. The secret in it is shown once,
// when it is made, and is no part of the record. The zero CalendarFeed is none.
type CalendarFeed struct {
	ID         uuid.UUID
	CreatedAt  time.Time
	LastUsedAt time.Time // zero: never; exact to the minute
	LastIP     string
}

// Calendar is what one person's calendar shows, within what they may see.
type Calendar struct {
	FollowUps []Dated[FollowUp]    // open ones for them, the first one due first
	Talks     []Dated[Interaction] // their meetings, and their calls that took a while, the latest first
}

// Dated is a record with when it was last changed.
type Dated[T any] struct {
	Record     T
	ModifiedAt time.Time
}

// InCalendar reports whether an interaction has a place in a calendar: a call of which nobody said how long it took has
// none.
func (i Interaction) InCalendar() bool {
	return i.Channel == Meeting || i.Channel == Call && i.DurationMinutes != nil
}
