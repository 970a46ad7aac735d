package l10n

import (
	"strings"
	"time"
)

// Relative returns how long ago t was, in the words a person would use: "just now", "12 minutes ago",
// "yesterday", "3 weeks ago"; for the future "in 2 days". Beyond a year it is the date.
func (l *Localizer) Relative(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	d := l.now.Sub(t)
	if d < 0 {
		return l.ahead(t, -d)
	}
	switch days := l.daysBetween(t); {
	case d < time.Minute:
		return l.T("just now")
	case d < time.Hour:
		return l.N(int(d/time.Minute), "%d minute ago", "%d minutes ago")
	case days == 0:
		return l.N(int(d/time.Hour), "%d hour ago", "%d hours ago")
	case days == 1:
		return l.T("yesterday")
	case days < 14:
		return l.N(days, "%d day ago", "%d days ago")
	case days < 60:
		return l.N(days/7, "%d week ago", "%d weeks ago")
	case days < 365:
		return l.N(days/30, "%d month ago", "%d months ago")
	}
	return l.Date(t)
}

// RelativeDay is Relative for a day: "today", "tomorrow", "3 days ago", "in 5 days", whatever the time of day.
func (l *Localizer) RelativeDay(t time.Time) string {
	days := l.daysBetween(t)
	switch {
	case days == 0:
		return l.T("today")
	case days == -1:
		return l.T("tomorrow")
	case days < 0 && days > -60:
		return l.N(-days, "in %d day", "in %d days")
	case days < 0, days >= 365:
		return l.Date(t)
	case days == 1:
		return l.T("yesterday")
	case days < 14:
		return l.N(days, "%d day ago", "%d days ago")
	case days < 60:
		return l.N(days/7, "%d week ago", "%d weeks ago")
	}
	return l.N(days/30, "%d month ago", "%d months ago")
}

func (l *Localizer) ahead(t time.Time, d time.Duration) string {
	switch days := -l.daysBetween(t); {
	case d < time.Minute:
		return l.T("now")
	case days == 0 && d < time.Hour:
		return l.N(int(d/time.Minute), "in %d minute", "in %d minutes")
	case days == 0:
		return l.N(int(d/time.Hour), "in %d hour", "in %d hours")
	case days == 1:
		return l.T("tomorrow")
	case days < 60:
		return l.N(days, "in %d day", "in %d days")
	}
	return l.Date(t)
}

// Day returns the heading of a day in a timeline: "Today", "Yesterday", "Thursday 19 November",
// with the year when it is not this one.
func (l *Localizer) Day(t time.Time) string {
	t = t.In(l.zone)
	switch l.daysBetween(t) {
	case 0:
		return l.T("Today")
	case 1:
		return l.T("Yesterday")
	case -1:
		return l.T("Tomorrow")
	}
	if t.Year() == l.now.Year() {
		return l.dayOfYear(t)
	}
	return l.LongDate(t)
}

// SameDay reports whether a and b fall on one day of the reader's calendar.
func (l *Localizer) SameDay(a, b time.Time) bool {
	a, b = a.In(l.zone), b.In(l.zone)
	return a.Year() == b.Year() && a.YearDay() == b.YearDay()
}

// daysBetween counts calendar days from t to now in the reader's zone; negative when t lies ahead.
func (l *Localizer) daysBetween(t time.Time) int {
	day := func(t time.Time) time.Time {
		t = t.In(l.zone)
		return time.Date(t.Year(), t.Month(), t.Day(), 0, 0, 0, 0, time.UTC)
	}
	return int(day(l.now).Sub(day(t)) / (24 * time.Hour))
}

func replaceD(s string) string { return strings.ReplaceAll(s, "%d", "%s") }
