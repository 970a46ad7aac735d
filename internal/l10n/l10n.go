// Package l10n turns sentences, dates and numbers into what one reader sees: their language
// (English only for now) and their time zone. The English sentence is the key of the catalogue,
// so templates stay readable and a second language is a catalogue, not a rewrite.
package l10n

import (
	"fmt"
	"strconv"
	"time"
)

// Localizer speaks to one reader. The zero value is not usable; see New.
type Localizer struct {
	zone *time.Location
	now  time.Time
}

// New returns an English localizer for a reader in zone; now is the moment that "yesterday" counts from.
func New(zone *time.Location, now time.Time) *Localizer {
	return &Localizer{zone: zone, now: now.In(zone)}
}

// Language returns the BCP 47 tag for the page's lang attribute.
func (l *Localizer) Language() string { return "en" }

// Zone returns the reader's time zone.
func (l *Localizer) Zone() *time.Location { return l.zone }

// Now returns the moment the page is made, in the reader's zone.
func (l *Localizer) Now() time.Time { return l.now }

// T returns text in the reader's language, with args filled in as by fmt.Sprintf.
func (l *Localizer) T(text string, args ...any) string {
	if len(args) == 0 {
		return text
	}
	return fmt.Sprintf(text, args...)
}

// N returns one for n == 1, else other; %d in either stands for the number with separators.
func (l *Localizer) N(n int, one, other string) string {
	text := other
	if n == 1 {
		text = one
	}
	return fmt.Sprintf(replaceD(text), l.Number(n))
}

// Number returns n with thousands separators.
func (l *Localizer) Number(n int) string {
	s := strconv.Itoa(n)
	start := 0
	if n < 0 {
		start = 1
	}
	for i := len(s) - 3; i > start; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// Date returns a day such as "4 Mar 2024".
func (l *Localizer) Date(t time.Time) string { return t.In(l.zone).Format("2 Jan 2006") }

// Clock returns a time of day such as "15:04".
func (l *Localizer) Clock(t time.Time) string { return t.In(l.zone).Format("15:04") }

// DateTime returns a moment such as "4 Mar 2024, 15:04".
func (l *Localizer) DateTime(t time.Time) string { return t.In(l.zone).Format("2 Jan 2006, 15:04") }

// LongDate returns a day such as "Sunday 22 November 2026".
func (l *Localizer) LongDate(t time.Time) string {
	return t.In(l.zone).Format("Monday 2 January 2006")
}

// DayMonth returns a day without its year such as "4 Mar", and WeekdayDate with its weekday such as "Wed 4 Mar": of a date
// that stands for itself, in no zone.
func (l *Localizer) DayMonth(date time.Time) string    { return date.Format("2 Jan") }
func (l *Localizer) WeekdayDate(date time.Time) string { return date.Format("Mon 2 Jan") }

// Machine returns t for the datetime attribute of a time element.
func (l *Localizer) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// InputTime returns t for a datetime-local field, in the reader's zone.
func (l *Localizer) InputTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format("2006-01-02T15:04")
}
