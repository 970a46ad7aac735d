package crm_test

import (
	"testing"
	"time"

	"github.com/archpilot/crm/internal/crm"
)

// TestWeeksBeginOnMonday in the reader's zone, also where the clocks change in between or half-hours count.
func TestWeeksBeginOnMonday(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		zone, now    string
		first, last  string // when the first of four weeks begins and the last one ends, in UTC
		longest      time.Duration
		shortest     time.Duration
		monday       crm.Day
		number, prev int
	}{
		{"Europe/Rome", "2026-03-31T08:00:00Z", "2026-03-08T23:00:00Z", "2026-04-05T22:00:00Z", 168 * time.Hour, 167 * time.Hour, "2026-03-30", 14, 13},
		{"Europe/Rome", "2026-10-26T08:00:00Z", "2026-10-04T22:00:00Z", "2026-11-01T23:00:00Z", 169 * time.Hour, 168 * time.Hour, "2026-10-26", 44, 43},
		{"America/New_York", "2026-03-09T03:30:00Z", "2026-02-09T05:00:00Z", "2026-03-09T04:00:00Z", 168 * time.Hour, 167 * time.Hour, "2026-03-02", 10, 9}, // still Sunday there
		{"America/New_York", "2026-11-02T12:00:00Z", "2026-10-12T04:00:00Z", "2026-11-09T05:00:00Z", 169 * time.Hour, 168 * time.Hour, "2026-11-02", 45, 44},
		{"Asia/Kathmandu", "2026-11-22T20:00:00Z", "2026-11-01T18:15:00Z", "2026-11-29T18:15:00Z", 168 * time.Hour, 168 * time.Hour, "2026-11-23", 48, 47}, // Monday already
		{"UTC", "2027-01-03T23:59:59Z", "2026-12-07T00:00:00Z", "2027-01-04T00:00:00Z", 168 * time.Hour, 168 * time.Hour, "2026-12-28", 53, 52},
		{"America/Santiago", "2026-09-07T12:00:00Z", "2026-08-17T04:00:00Z", "2026-09-14T03:00:00Z", 168 * time.Hour, 167 * time.Hour, "2026-09-07", 37, 36}, // no midnight on the 6th
	} {
		zone, err := time.LoadLocation(c.zone)
		if err != nil {
			t.Fatal(err)
		}
		now, err := time.Parse(time.RFC3339, c.now)
		if err != nil {
			t.Fatal(err)
		}
		weeks := crm.Weeks(crm.Clock{Now: now, Zone: zone}, 4)
		at := func(when time.Time) string { return when.UTC().Format(time.RFC3339) }
		if got := at(weeks[0].From); got != c.first {
			t.Errorf("%s at %s: the first week begins at %s, want %s", c.zone, c.now, got, c.first)
		}
		if got := at(weeks[3].To); got != c.last {
			t.Errorf("%s at %s: the last week ends at %s, want %s", c.zone, c.now, got, c.last)
		}
		longest, shortest := weeks[0].To.Sub(weeks[0].From), weeks[0].To.Sub(weeks[0].From)
		for i, w := range weeks {
			longest, shortest = max(longest, w.To.Sub(w.From)), min(shortest, w.To.Sub(w.From))
			if i > 0 && !w.From.Equal(weeks[i-1].To) {
				t.Errorf("%s at %s: week %d begins at %s, when the one before has ended at %s", c.zone, c.now, i, at(w.From), at(weeks[i-1].To))
			}
		}
		if longest != c.longest || shortest != c.shortest {
			t.Errorf("%s at %s: weeks of %s to %s, want %s to %s", c.zone, c.now, shortest, longest, c.shortest, c.longest)
		}
		if w := weeks[3]; w.Monday != c.monday || w.Number() != c.number || weeks[2].Number() != c.prev || w.Sunday() != c.monday.Plus(6) {
			t.Errorf("%s at %s: week %d from %s after week %d, want week %d from %s after week %d", c.zone, c.now, w.Number(), w.Monday, weeks[2].Number(), c.number, c.monday, c.prev)
		}
	}
}

// TestDaysBeginWithTheirFirstMoment also where there is no midnight: else they would begin the evening before.
func TestDaysBeginWithTheirFirstMoment(t *testing.T) {
	t.Parallel()
	for zone, day := range map[string]crm.Day{"America/Santiago": "2026-09-06", "America/Havana": "2026-03-08", "Atlantic/Azores": "2026-03-29", "Africa/Cairo": "2026-04-24", "Asia/Beirut": "2026-03-29"} {
		location, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		start := day.Start(location)
		if got, before := crm.DayOf(start, location), crm.DayOf(start.Add(-time.Nanosecond), location); got != day || before != day.Plus(-1) {
			t.Errorf("%s: %s begins at %s, which is on %s, after %s", zone, day, start, got, before)
		}
	}
}
