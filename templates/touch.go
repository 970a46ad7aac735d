package templates

import (
	"slices"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/templates/ui"
)

// OtherTouch is the choice of a rhythm that is typed beside the usual ones.
const OtherTouch = "other"

// touchPresets are the usual rhythms, in days.
var touchPresets = []int{14, 30, 90, 180, 365}

// rhythm says how often to be in touch.
func rhythm(p Page, days int) string {
	switch days {
	case crm.NeverTouch:
		return p.T("never")
	case 7:
		return p.T("every week")
	case 14:
		return p.T("every two weeks")
	case 365:
		return p.T("every year")
	}
	return p.L.N(days, "every %d day", "every %d days")
}

// touchChoices are the choices of a rhythm: none, or what is usual in a role, first.
func touchChoices(p Page, t crm.Touch, ofLink bool) []Option {
	var options []Option
	switch {
	case !ofLink:
		options = append(options, Option{Label: p.T("No rhythm")})
	case t.TouchDefaultDays == nil:
		options = append(options, Option{Label: p.T("As usual in the role: no rhythm")})
	default:
		options = append(options, Option{Label: p.T("As usual in the role: %s", rhythm(p, *t.TouchDefaultDays))})
	}
	words := []string{p.T("Every two weeks"), p.T("Every month (30 days)"), p.T("Every quarter (90 days)"), p.T("Every half-year (180 days)"), p.T("Every year")}
	for i, days := range touchPresets {
		options = append(options, Option{Value: strconv.Itoa(days), Label: words[i]})
	}
	if ofLink {
		options = append(options, Option{Value: strconv.Itoa(crm.NeverTouch), Label: p.T("Never")})
	}
	return append(options, Option{Value: OtherTouch, Label: p.T("Other …")})
}

// TouchDays is a rhythm as a form sends it, "" for none of its own.
func TouchDays(t crm.Touch) string {
	if t.TouchEveryDays == nil {
		return ""
	}
	return strconv.Itoa(*t.TouchEveryDays)
}

// TouchValues is a rhythm as its form shows it: one that is none of the usual stands beside them.
func TouchValues(t crm.Touch) map[string]string {
	days := TouchDays(t)
	if n := t.TouchEveryDays; n == nil || *n == crm.NeverTouch || slices.Contains(touchPresets, *n) {
		return map[string]string{"touch_every_days": days}
	}
	return map[string]string{"touch_every_days": OtherTouch, "touch_other_days": days}
}

// SnoozeValues is a snooze as its form shows it.
func SnoozeValues(t crm.Touch) map[string]string {
	return map[string]string{"touch_snoozed_until": string(t.TouchSnoozedUntil), "touch_snooze_reason": t.TouchSnoozeReason}
}

// snoozed reports whether a record is snoozed as the page is read.
func (p Page) snoozed(t crm.Touch) bool { return t.Snoozed(crm.DayOf(p.L.Now(), p.L.Zone())) }

// dayOf is a day as it is stored, as a person writes it: the same day in every zone.
func dayOf(p Page, day string) string {
	t := crm.Day(day).Start(p.L.Zone())
	if t.IsZero() {
		return day
	}
	return p.L.Date(t.Add(12 * time.Hour)) // there is no midnight on every day
}

// overdue reports whether a next contact should have been by now, as the page is read.
func (p Page) overdue(due *time.Time) bool { return due != nil && !due.After(p.L.Now()) }

// touchWords says when the next contact is due, "" for never.
func touchWords(p Page, due *time.Time) string {
	if due == nil {
		return ""
	}
	return p.L.Due(*due)
}

// dueFile is when the next contact is due, in a file.
func dueFile(p Page, due *time.Time) string {
	if due == nil {
		return ""
	}
	return timeText(p, *due)
}

// touchFilters are the choices of the filter by the next contact.
func (p Page) touchFilters() []Option {
	return []Option{
		{Value: string(crm.TouchOverdue), Label: p.T("Overdue")},
		{Value: string(crm.TouchWeek), Label: p.T("Due in the next 7 days")},
		{Value: string(crm.TouchAny), Label: p.T("With a rhythm")},
		{Value: string(crm.TouchNone), Label: p.T("Without a rhythm")},
	}
}

// usualField is the control for the days of a default, whose id no other row has.
func (p TouchDefaultsPage) usualField(d crm.TouchDefault) ui.Field {
	form := Form{Values: map[string]string{"every_days": strconv.Itoa(d.EveryDays)}}
	if p.Of == d.ID {
		form = p.Edit
	}
	field := p.field(form, "every_days", p.T("Days"))
	field.ID += "-" + d.ID.String()
	return field
}

// usualVersion is the version that the form of a default carries.
func (p TouchDefaultsPage) usualVersion(d crm.TouchDefault) int {
	if p.Of == d.ID && p.Edit.Version != 0 {
		return p.Edit.Version
	}
	return d.Version
}

// usualFaults is what is wrong with the form of one default.
func (p TouchDefaultsPage) usualFaults() []ui.Fault {
	if p.Of == uuid.Nil {
		return nil
	}
	faults := p.faults(p.Edit, "every_days")
	for i := range faults {
		if faults[i].ID != "" {
			faults[i].ID += "-" + p.Of.String()
		}
	}
	return faults
}
