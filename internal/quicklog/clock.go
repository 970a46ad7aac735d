package quicklog

import (
	"strings"
	"time"
)

// clock is a time of day.
type clock struct{ hour, minute int }

// on returns the moment of a time of day. Where clocks are put forward there may be none: then the one an hour on;
// where they are put back there may be two: then the first. time.Date takes either, as the zone has it.
func (c clock) on(d time.Time) time.Time {
	t := time.Date(d.Year(), d.Month(), d.Day(), c.hour, c.minute, 0, 0, d.Location())
	if earlier := t.Add(-time.Hour); earlier.Hour() == c.hour && earlier.Minute() == c.minute {
		return earlier
	}
	wanted := time.Date(d.Year(), d.Month(), d.Day(), c.hour, c.minute, 0, 0, time.UTC)
	shown := time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	return t.Add(max(0, wanted.Sub(shown)))
}

// nearest returns a time of day without a day: today's or, of what has been, yesterday's where that is more than
// twelve hours ahead; of what is to come, the next.
func (c clock) nearest(now time.Time, s sense) time.Time {
	t := c.on(noon(now, 0))
	switch {
	case s == past && t.Sub(now) > 12*time.Hour:
		return c.on(noon(now, -1))
	case s == ahead && !t.After(now):
		return c.on(noon(now, 1))
	}
	return t
}

// clock reads a time of day: 15:00, 3pm, 3 pm, at 15, alle 15.30, noon.
func (r *reader) clock(i, end int) (*clock, int) {
	skip := 0
	for skip < 2 && ats[r.word(i+skip, end)] { // alle ore 15
		skip++
	}
	key := r.word(i+skip, end)
	if key == "h" && skip < 2 {
		skip++
		key = r.word(i+skip, end)
	}
	if c, is := clocks[key]; is {
		return &c, skip + 1
	}
	if half, is := halfDays[r.word(i+skip+1, end)]; is {
		if c, is := clockTime(key + half); is {
			return &c, skip + 2
		}
	}
	if c, is := clockTime(key); is {
		return &c, skip + 1
	}
	if hour, rest := leadingInt(key); skip > 0 && rest == "" && hour >= 0 && hour < 24 && len(key) <= 2 {
		return &clock{hour, 0}, skip + 1
	}
	return nil, 0
}

// clockTime reads 15:00, 15.30, 3pm, 3:30pm.
func clockTime(s string) (clock, bool) {
	half := ""
	for _, h := range []string{"am", "pm"} {
		if before, is := strings.CutSuffix(s, h); is {
			s, half = before, h
		}
	}
	hours, minutes, parted := strings.Cut(strings.Replace(s, ".", ":", 1), ":")
	h, restH := leadingInt(hours)
	m, restM := leadingInt(minutes)
	if !parted {
		m, restM = 0, ""
	}
	switch {
	case h < 0 || restH != "" || m < 0 || restM != "" || len(hours) > 2 || parted && len(minutes) != 2, !parted && half == "", h > 23, m > 59:
		return clock{}, false
	case half == "":
		return clock{h, m}, true
	case h < 1 || h > 12:
		return clock{}, false
	case half == "pm":
		return clock{h%12 + 12, m}, true
	}
	return clock{h % 12, m}, true
}
