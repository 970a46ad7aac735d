package api

import (
	"maps"
	"slices"
	"strconv"
	"time"

	"github.com/archpilot/crm/internal/crm"
)

// Touch is how often to be in touch with a record, as programs get it.
type Touch struct {
	TouchEveryDays    *int       `json:"touch_every_days" minimum:"0" maximum:"1095" doc:"How often to be in touch, in days after the last contact. Of a relationship null is what is usual in the role, and 0 is never" example:"30"`
	TouchSnoozedUntil *string    `json:"touch_snoozed_until" format:"date" doc:"The next contact is not due before this day begins in UTC" example:"2026-12-04"`
	TouchSnoozeReason *string    `json:"touch_snooze_reason" example:"On leave"`
	NextTouchAt       *time.Time `json:"next_touch_at" doc:"When the next contact is due; null for never, and where the token may not see interactions of every client in view" example:"2026-12-22T15:04:05Z"`
}

func touchOf(t crm.Touch) Touch {
	out := Touch{TouchEveryDays: t.TouchEveryDays, TouchSnoozedUntil: orNull(string(t.TouchSnoozedUntil)), TouchSnoozeReason: orNull(t.TouchSnoozeReason)}
	if t.NextTouchAt != nil {
		at := t.NextTouchAt.UTC()
		out.NextTouchAt = &at
	}
	return out
}

// TouchChange are the fields of a Touch that can be sent.
type TouchChange struct {
	TouchEveryDays    *int    `json:"touch_every_days,omitempty" nullable:"true" minimum:"0" maximum:"1095" doc:"How often to be in touch, in days. Of an organization 1 to 1095; of a relationship 0 is never, and null what is usual in the role" example:"30"`
	TouchSnoozedUntil *string `json:"touch_snoozed_until,omitempty" nullable:"true" format:"date" doc:"A day after today, within two years; null ends a snooze" example:"2026-12-04"`
	TouchSnoozeReason *string `json:"touch_snooze_reason,omitempty" nullable:"true" maxLength:"200" example:"On leave"`
}

// apply puts the fields that were sent into t. A day that was sent is checked by the clock of the call.
func (TouchChange) apply(f *fields, c *call, t *crm.Touch) {
	for _, name := range []string{"touch_every_days", "touch_snoozed_until", "touch_snooze_reason"} {
		_, given := f.given[name]
		t.TouchGiven = t.TouchGiven || given
	}
	f.days("touch_every_days", &t.TouchEveryDays)
	until := string(t.TouchSnoozedUntil)
	f.text("touch_snoozed_until", &until)
	f.text("touch_snooze_reason", &t.TouchSnoozeReason)
	t.TouchSnoozedUntil = crm.Day(until)
	if _, given := f.given["touch_snoozed_until"]; !given || until == "" {
		return
	}
	t.Clean()
	if wrong, is := t.CheckSnooze(c.clock()).(crm.Invalid); is {
		maps.Copy(f.faults, wrong)
	}
}

// Touching narrows a list by when the next contact is due.
type Touching struct {
	Touch string `query:"touch" enum:"overdue,week,any,none" doc:"When the next contact is due: overdue, within seven days, by some rhythm, or by none. For a token that may see interactions of every client in view"`
}

// touch reads what tells of interactions: for who may not see those of every client in view there is no such filter, as
// there is no such column.
func (f *filters) touch(in Touching) crm.TouchFilter {
	t := crm.TouchFilter(in.Touch)
	switch {
	case t == "":
	case !f.call.actor.SeesLastContact():
		f.faults.Add("touch", "There is no such parameter.")
	case !slices.Contains(crm.TouchFilters, t):
		f.faults.Add("touch", "The next contact is overdue, week, any or none.")
	}
	return t
}

// days is text for a number of days; null leaves none.
func (f *fields) days(name string, into **int) {
	text, given := f.given[name]
	if !given {
		return
	}
	if *into = nil; text == "" {
		return
	}
	n, err := strconv.Atoi(text)
	if err != nil { // a fraction, or too large for anything
		f.faults.Add(name, "Send a whole number, or null to empty the field.")
		return
	}
	*into = &n
}
