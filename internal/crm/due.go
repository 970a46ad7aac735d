package crm

import (
	"encoding/json"
	"fmt"
	"time"
)

// Clock is the moment at which, and the zone in which, somebody acts: what is past and what is today depends on both.
type Clock struct {
	Now  time.Time
	Zone *time.Location
}

// clockText is a Clock as it waits in a job: a zone goes by its name.
type clockText struct {
	Now  time.Time
	Zone string
}

// MarshalJSON writes the moment and the zone's name, UTC for none.
func (c Clock) MarshalJSON() ([]byte, error) {
	text := clockText{c.Now, "UTC"}
	if c.Zone != nil {
		text.Zone = c.Zone.String()
	}
	return json.Marshal(text)
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Clock) UnmarshalJSON(b []byte) error {
	var text clockText
	if err := json.Unmarshal(b, &text); err != nil {
		return err
	}
	zone, err := time.LoadLocation(text.Zone)
	*c = Clock{text.Now, zone}
	return err
}

// Today returns the day it is.
func (c Clock) Today() Day { return DayOf(c.Now, c.Zone) }

// Day is a day of the calendar like "2026-12-04". It has no zone: on Friday is on Friday for whoever reads it. Days
// compare as they sort; "" is none.
type Day string

// DayOf returns the day on which t falls in zone.
func DayOf(t time.Time, zone *time.Location) Day { return Day(t.In(zone).Format(time.DateOnly)) }

// Start returns when the day begins in zone, the zero time for no day. Where the clocks skip midnight that is an hour later.
func (d Day) Start(zone *time.Location) time.Time {
	t, err := time.ParseInLocation(time.DateOnly, string(d), zone)
	if err != nil {
		return time.Time{}
	}
	if DayOf(t, zone) < d { // a midnight that does not exist may be read as the hour before
		return t.Add(time.Hour)
	}
	return t
}

// Plus returns the day n days later.
func (d Day) Plus(n int) Day { return DayOf(d.Start(time.UTC).AddDate(0, 0, n), time.UTC) }

// nextMonth returns the same day of the next month, or the last one where that month is shorter.
func (d Day) nextMonth() Day {
	t := d.Start(time.UTC)
	next := t.AddDate(0, 1, 0)
	if next.Day() != t.Day() {
		next = next.AddDate(0, 0, -next.Day())
	}
	return DayOf(next, time.UTC)
}

// Due is when something is to be done: on a day or at a moment, one of the two. The zero Due is never.
type Due struct {
	Day Day
	At  time.Time
}

// ParseDue reads a due as forms and the API send it: a day like "2026-12-04", or a moment as ParseTime reads it. It
// returns the zero Due when s is neither.
func ParseDue(s string, zone *time.Location) Due {
	if len(s) == len(time.DateOnly) {
		t, err := time.Parse(time.DateOnly, s)
		if err != nil || t.Year() == 0 { // there is no year 0
			return Due{}
		}
		return Due{Day: Day(s)}
	}
	at := ParseTime(s, zone).UTC().Truncate(time.Second)
	if y := at.Year(); at.IsZero() || y < 1 || y > 9999 { // what cannot be written cannot be read back
		return Due{}
	}
	return Due{At: at}
}

// DueChoices are the words of DueIn, in the order in which forms offer them.
var DueChoices = []string{"1d", "2d", "1w", "2w", "1m"}

// DueIn returns the day that is a quick choice from today: "1d", "2d", "1w", "2w" or "1m". Anything else is the zero Due.
func DueIn(choice string, c Clock) Due {
	today := c.Today()
	switch choice {
	case "1d":
		return Due{Day: today.Plus(1)}
	case "2d":
		return Due{Day: today.Plus(2)}
	case "1w":
		return Due{Day: today.Plus(7)}
	case "2w":
		return Due{Day: today.Plus(14)}
	case "1m":
		return Due{Day: today.nextMonth()}
	}
	return Due{}
}

// IsZero reports whether d is never.
func (d Due) IsZero() bool { return d.Day == "" && d.At.IsZero() }

// Equal reports whether d and e are the same day or the same moment.
func (d Due) Equal(e Due) bool { return d.Day == e.Day && d.At.Equal(e.At) }

// String returns d as ParseDue reads it in any zone, "" for never.
func (d Due) String() string {
	if d.Day != "" || d.At.IsZero() {
		return string(d.Day)
	}
	return d.At.UTC().Format(time.RFC3339)
}

// MarshalText writes String.
func (d Due) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads what String writes.
func (d *Due) UnmarshalText(text []byte) error { return d.Scan(string(text)) }

// Scan reads what String writes from a database; NULL is never.
func (d *Due) Scan(from any) error {
	text, isText := from.(string)
	if from != nil && !isText {
		return fmt.Errorf("due: cannot read a %T", from)
	}
	if text == "" {
		*d = Due{}
		return nil
	}
	if *d = ParseDue(text, time.UTC); d.IsZero() {
		return fmt.Errorf("due: cannot read %q", text)
	}
	return nil
}

// DayIn returns the day on which d falls for somebody in zone: the day itself, whatever the zone, or that of the moment.
func (d Due) DayIn(zone *time.Location) Day {
	if d.Day != "" {
		return d.Day
	}
	return DayOf(d.At, zone)
}

// MaxDueYears is how far ahead something may be due.
const MaxDueYears = 10

// checkDue adds a fault when d cannot be chosen now: never, past, or too far ahead. A moment of the running minute is
// not past yet: forms know minutes only.
func (v Invalid) checkDue(field string, d Due, c Clock) {
	switch last := c.Now.AddDate(MaxDueYears, 0, 0); {
	case d.IsZero():
		v.Add(field, "Choose a day like 2026-12-04, or a day and time like 2026-12-04T09:00.")
	case d.Day != "" && d.Day < c.Today():
		v.Add(field, "This day is past.")
	case d.Day == "" && d.At.Before(c.Now.Truncate(time.Minute)):
		v.Add(field, "This time is past.")
	case d.DayIn(c.Zone) > DayOf(last, c.Zone):
		v.Add(field, "Choose a day within the next %d years.", MaxDueYears)
	}
}

// DueSpan is a stretch of time before or after now in which something is due. "" is any.
type DueSpan string

// The four spans. They leave nothing out and do not overlap.
const (
	DueOverdue DueSpan = "overdue" // a day before today, a moment before now
	DueToday   DueSpan = "today"   // what is left of it
	DueWeek    DueSpan = "week"    // the seven days after today
	DueLater   DueSpan = "later"
)

// DueSpans are the spans in their order.
var DueSpans = []DueSpan{DueOverdue, DueToday, DueWeek, DueLater}

// Span returns the span in which d is for whoever reads the clock c.
func (d Due) Span(c Clock) DueSpan {
	today := c.Today()
	day := d.DayIn(c.Zone)
	switch {
	case d.Day == "" && d.At.Before(c.Now), day < today:
		return DueOverdue
	case day == today:
		return DueToday
	case day <= today.Plus(7):
		return DueWeek
	}
	return DueLater
}

// DueRange is a span as a database asks for it: from each first inclusive to each last exclusive, of days and of moments.
type DueRange struct {
	FirstDay, LastDay Day
	First, Last       time.Time
}

// The ends of time, as far as a database and a calendar of four digits go.
const (
	firstDay Day = "0001-01-01"
	lastDay  Day = "9999-12-31"
)

// Range returns the dues of a span by the clock c.
func (s DueSpan) Range(c Clock) DueRange {
	today := c.Today()
	tomorrow, later := today.Plus(1), today.Plus(8)
	switch s {
	case DueOverdue:
		return DueRange{firstDay, today, firstDay.Start(time.UTC), c.Now}
	case DueToday:
		return DueRange{today, tomorrow, c.Now, tomorrow.Start(c.Zone)}
	case DueWeek:
		return DueRange{tomorrow, later, tomorrow.Start(c.Zone), later.Start(c.Zone)}
	case DueLater:
		return DueRange{later, lastDay, later.Start(c.Zone), lastDay.Start(time.UTC)}
	}
	return DueRange{firstDay, lastDay, firstDay.Start(time.UTC), lastDay.Start(time.UTC)}
}
