package crm

import "time"

// Span is a stretch of time: from its first moment to the one after its last.
type Span struct{ From, To time.Time }

// Week is a week of the calendar, from Monday to Sunday, as it passes in somebody's zone: an hour longer or shorter
// where the clocks change.
type Week struct {
	Monday Day
	Span
}

// Weeks returns the n weeks up to the one that it is, the earliest first.
func Weeks(c Clock, n int) []Week {
	today := c.Today()
	sinceMonday := (int(today.Start(time.UTC).Weekday()) + 6) % 7
	weeks := make([]Week, n)
	for i := range weeks {
		monday := today.Plus(-sinceMonday - 7*(n-1-i))
		weeks[i] = Week{monday, Span{monday.Start(c.Zone), monday.Plus(7).Start(c.Zone)}}
	}
	return weeks
}

// Sunday returns the last day of the week.
func (w Week) Sunday() Day { return w.Monday.Plus(6) }

// Number returns the number of the week in its year, from 1 to 53, as calendars print it (ISO 8601).
func (w Week) Number() int {
	_, n := w.Monday.Start(time.UTC).ISOWeek()
	return n
}

// WeekTalk is how many interactions there were in a week, through each channel.
type WeekTalk struct {
	Week
	Counts map[Channel]int
}

// All returns how many there were through any channel.
func (w WeekTalk) All() int {
	all := 0
	for _, n := range w.Counts {
		all += n
	}
	return all
}
