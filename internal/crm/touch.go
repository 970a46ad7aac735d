package crm

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// MaxTouchDays is the longest rhythm, in days: three years.
const MaxTouchDays = 1095

// NeverTouch is the rhythm of a relationship that is to have none, whatever is usual in its role.
const NeverTouch = 0

// Touch is how often to be in touch with a record, and until when not. An organization has one, and a relationship.
type Touch struct {
	TouchEveryDays    *int // nil for no rhythm; of a relationship, for what is usual in its role
	TouchSnoozedUntil Day  // "" for not snoozed
	TouchSnoozeReason string

	TouchGiven bool // write only: a save of the record saves these too, else they stay as they are

	TouchDefaultDays *int       // read only, of a relationship: what is usual in its role
	NextTouchAt      *time.Time // read only: when the next contact is due; nil for never, and without the right to see interactions
}

// Every returns the rhythm in force, in days; 0 for none.
func (t Touch) Every() int {
	switch {
	case t.TouchEveryDays != nil:
		return *t.TouchEveryDays
	case t.TouchDefaultDays != nil:
		return *t.TouchDefaultDays
	}
	return NeverTouch
}

// Overdue reports whether the next contact should have been before now.
func (t Touch) Overdue(now time.Time) bool { return t.NextTouchAt != nil && !t.NextTouchAt.After(now) }

// Snoozed reports whether the record is snoozed on a day.
func (t Touch) Snoozed(on Day) bool { return t.TouchSnoozedUntil > on }

// Clean brings the text fields into their stored form. A reason without a day is of no snooze.
func (t *Touch) Clean() {
	t.TouchSnoozedUntil, t.TouchSnoozeReason = Day(strings.TrimSpace(string(t.TouchSnoozedUntil))), Clean(t.TouchSnoozeReason)
	if t.TouchSnoozedUntil == "" {
		t.TouchSnoozeReason = ""
	}
}

// ValidateTouch returns an Invalid naming each field that cannot be saved, or nil; least is the shortest rhythm.
func (t Touch) ValidateTouch(least int) error {
	v := Invalid{}
	t.check(v, least)
	return v.Err()
}

// check adds a fault for each field that cannot be saved; least is the shortest rhythm.
func (t Touch) check(v Invalid, least int) {
	if n := t.TouchEveryDays; n != nil && (*n < least || *n > MaxTouchDays) {
		v.Add("touch_every_days", "Enter a number of days from %d to %d.", least, MaxTouchDays)
	}
	if d := t.TouchSnoozedUntil; d != "" && !isDay(d) {
		v.Add("touch_snoozed_until", "Enter a date like 2026-11-22.")
	}
	v.checkText("touch_snooze_reason", t.TouchSnoozeReason, 200)
}

// CheckSnooze returns an Invalid for a day until which nothing can be snoozed by the clock c: one that is past, today,
// or more than two years away. It is a rule for who sets a day, not for who saves something else of a record whose
// day has passed.
func (t Touch) CheckSnooze(c Clock) error {
	switch {
	case !isDay(t.TouchSnoozedUntil):
		return Fault("touch_snoozed_until", "Enter a date like 2026-11-22.")
	case !t.Snoozed(c.Today()):
		return Fault("touch_snoozed_until", "Choose a day after today.")
	case t.TouchSnoozedUntil > DayOf(c.Now.AddDate(2, 0, 0), c.Zone):
		return Fault("touch_snoozed_until", "Choose a day within the next two years.")
	}
	return nil
}

// isDay reports whether d is a day, of a year of four digits, so that days compare as texts.
func isDay(d Day) bool {
	t := d.Start(time.UTC)
	return t.Year() >= 1 && !t.IsZero() && DayOf(t, time.UTC) == d
}

// TouchFilter narrows a list by when the next contact with its records is due. The zero value means whenever.
type TouchFilter string

// The filters by the next contact.
const (
	TouchOverdue TouchFilter = "overdue"
	TouchWeek    TouchFilter = "week" // due within seven days, and not overdue yet
	TouchAny     TouchFilter = "any"  // there is a rhythm
	TouchNone    TouchFilter = "none" // there is none, or the record is archived
)

// TouchFilters lists the filters in the order in which pages offer them.
var TouchFilters = []TouchFilter{TouchOverdue, TouchWeek, TouchAny, TouchNone}

// TouchDefault is how often to be in touch with people in a role, unless their relationship says otherwise. Roles
// compare regardless of case and of blanks.
type TouchDefault struct {
	ID        uuid.UUID
	RoleLabel string
	EveryDays int
	Version   int
}

// Clean brings the role into its stored form.
func (d *TouchDefault) Clean() { d.RoleLabel = Clean(d.RoleLabel) }

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (d TouchDefault) Validate() error {
	v := Invalid{}
	v.require("role_label", d.RoleLabel, "Enter the role.")
	v.checkText("role_label", d.RoleLabel, 120)
	if d.EveryDays < 1 || d.EveryDays > MaxTouchDays {
		v.Add("every_days", "Enter a number of days from %d to %d.", 1, MaxTouchDays)
	}
	return v.Err()
}

// QuietCap is where quiet clients are no longer counted, of either kind.
const QuietCap = 100

// QuietClient is an organization or a person with whom contact is overdue.
type QuietClient struct {
	ID            uuid.UUID
	IsContact     bool
	Name          string
	Organization  string // of a person: the first organization in reach with them, if any
	OwnerUserID   uuid.NullUUID
	OwnerName     string
	LastContactAt time.Time // zero for never
	NextTouchAt   time.Time // when contact was due
}

// Quiet are the clients with whom contact is overdue.
type Quiet struct {
	Clients       []QuietClient // the most overdue first
	Organizations int           // how many there are, at most QuietCap
	Contacts      int
	More          bool // there are more than these: counting stopped there
}

// QuietCount is how many clients of one person are overdue.
type QuietCount struct {
	UserID        uuid.UUID
	Organizations int // at most QuietCap
	Contacts      int
	More          bool // there are more than these
}
