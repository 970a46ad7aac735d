// Package l10n turns sentences, dates and numbers into what one reader sees: their language and their
// time zone. The English sentence is the key of the catalogue, so templates stay readable and another
// language is a catalogue, not a rewrite.
package l10n

import (
	"fmt"
	"strconv"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/go-playground/locales"
)

// Localizer speaks to one reader. The zero value is not usable; see New.
type Localizer struct {
	language Language
	said     map[string]string // nil in English
	names    locales.Translator
	zone     *time.Location
	now      time.Time
}

// New returns an English localizer for a reader in zone; now is the moment that "yesterday" counts from.
func New(zone *time.Location, now time.Time) *Localizer {
	return &Localizer{language: English, names: names[English], zone: zone, now: now.In(zone)}
}

// In returns a copy of l that speaks a language; see Match.
func (l Localizer) In(language Language) *Localizer {
	l.language, l.said, l.names = language, catalogues[language], names[language]
	return &l
}

// Language returns the BCP 47 tag for the page's lang attribute.
func (l *Localizer) Language() string { return string(l.language) }

// Zone returns the reader's time zone.
func (l *Localizer) Zone() *time.Location { return l.zone }

// Now returns the moment the page is made, in the reader's zone.
func (l *Localizer) Now() time.Time { return l.now }

// T returns text in the reader's language, with args filled in as by fmt.Sprintf. A text that the language's catalogue
// does not have, such as a typed word that stands in for a label, stays as it is.
func (l *Localizer) T(text string, args ...any) string {
	if len(args) == 0 {
		return l.translated(text)
	}
	return fmt.Sprintf(l.translated(text), args...)
}

func (l *Localizer) translated(text string) string {
	if translation, known := l.said[text]; known {
		return translation
	}
	return text
}

// N returns one for n == 1, else other; %d in either stands for the number with separators.
func (l *Localizer) N(n int, one, other string) string {
	text := other
	if n == 1 {
		text = one
	}
	return fmt.Sprintf(replaceD(l.translated(text)), l.Number(n))
}

// Number returns n with thousands separators.
func (l *Localizer) Number(n int) string {
	if -1000 < n && n < 1000 {
		return strconv.Itoa(n)
	}
	return l.names.FmtNumber(float64(n), 0)
}

// Date returns a day such as "4 Mar 2024".
func (l *Localizer) Date(t time.Time) string {
	t = t.In(l.zone)
	return strconv.Itoa(t.Day()) + " " + l.names.MonthAbbreviated(t.Month()) + " " + strconv.Itoa(t.Year())
}

// Clock returns a time of day such as "15:04".
func (l *Localizer) Clock(t time.Time) string { return t.In(l.zone).Format("15:04") }

// DateTime returns a moment such as "4 Mar 2024, 15:04".
func (l *Localizer) DateTime(t time.Time) string { return l.Date(t) + ", " + l.Clock(t) }

// LongDate returns a day such as "Sunday 22 November 2026".
func (l *Localizer) LongDate(t time.Time) string {
	return l.dayOfYear(t) + " " + strconv.Itoa(t.In(l.zone).Year())
}

// dayOfYear returns a day such as "Sunday 22 November". It stands by itself, so it begins with a capital in every language.
func (l *Localizer) dayOfYear(t time.Time) string {
	t = t.In(l.zone)
	return capital(l.names.WeekdayWide(t.Weekday())) + " " + strconv.Itoa(t.Day()) + " " + l.names.MonthWide(t.Month())
}

func capital(s string) string {
	first, n := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(first)) + s[n:]
}

// DayMonth returns a day without its year such as "4 Mar", and WeekdayDate with its weekday such as "Wed 4 Mar": of a date
// that stands for itself, in no zone.
func (l *Localizer) DayMonth(date time.Time) string {
	return strconv.Itoa(date.Day()) + " " + l.names.MonthAbbreviated(date.Month())
}

func (l *Localizer) WeekdayDate(date time.Time) string {
	return l.names.WeekdayAbbreviated(date.Weekday()) + " " + l.DayMonth(date)
}

// Machine returns t for the datetime attribute of a time element.
func (l *Localizer) Machine(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// InputTime returns t for a datetime-local field, in the reader's zone.
func (l *Localizer) InputTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.In(l.zone).Format("2006-01-02T15:04")
}
