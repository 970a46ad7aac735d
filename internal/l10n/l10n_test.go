package l10n

import (
	"testing"
	"time"
)

func TestRelative(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, rome)
	l := New(rome, now)
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{now, "just now"},
		{now.Add(-time.Minute), "1 minute ago"},
		{now.Add(-8 * time.Hour), "8 hours ago"},
		{now.Add(-10 * time.Hour), "yesterday"}, // before midnight, though less than a day ago
		{now.AddDate(0, 0, -3), "3 days ago"},
		{now.AddDate(0, 0, -21), "3 weeks ago"},
		{now.AddDate(-2, 0, 0), "22 Nov 2024"},
		{now.Add(16 * time.Hour), "tomorrow"},
		{now.AddDate(0, 0, 5), "in 5 days"},
	} {
		if got := l.Relative(tc.at); got != tc.want {
			t.Errorf("Relative(%v) = %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	l := New(time.UTC, time.Now())
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := l.Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
}

func TestDay(t *testing.T) {
	t.Parallel()
	york, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 23, 30, 0, 0, york) // already Monday in UTC
	l := New(york, now)
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{now, "Today"},
		{now.Add(-24 * time.Hour), "Yesterday"},
		{now.Add(time.Hour), "Tomorrow"},
		{time.Date(2026, 11, 19, 3, 0, 0, 0, time.UTC), "Wednesday 18 November"}, // the reader's day, not UTC's
		{time.Date(2025, 3, 4, 12, 0, 0, 0, york), "Tuesday 4 March 2025"},
	} {
		if got := l.Day(tc.at); got != tc.want {
			t.Errorf("Day(%v) = %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestTimesAreTheReaders(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	l := New(rome, time.Now())
	summer, winter := time.Date(2026, 7, 1, 12, 0, 0, 0, time.UTC), time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)
	for got, want := range map[string]string{
		l.Clock(summer): "14:00", l.Clock(winter): "13:00",
		l.InputTime(summer): "2026-07-01T14:00", l.InputTime(time.Time{}): "",
		l.WeekdayDate(winter): "Tue 1 Dec", l.In(Italian).WeekdayDate(winter): "mar 1 dic", l.In(Italian).DayMonth(summer): "1 lug",
		l.DateTime(winter): "1 Dec 2026, 13:00", l.Machine(winter): "2026-12-01T12:00:00Z",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
	if !l.SameDay(time.Date(2026, 7, 1, 22, 30, 0, 0, time.UTC), time.Date(2026, 7, 2, 10, 0, 0, 0, time.UTC)) {
		t.Error("22:30 UTC and the next morning are one day in Rome in summer")
	}
}

// A date that stands for itself is the same one in every zone, in the reader's language.
func TestDatesWithoutAZone(t *testing.T) {
	t.Parallel()
	tokyo, err := time.LoadLocation("Asia/Tokyo")
	if err != nil {
		t.Fatal(err)
	}
	day := time.Date(2026, 12, 4, 23, 0, 0, 0, time.UTC)
	english := New(tokyo, time.Now())
	italian := english.In(Italian)
	for got, want := range map[string]string{
		english.DayMonth(day): "4 Dec", english.WeekdayDate(day): "Fri 4 Dec", italian.DayMonth(day): "4 dic", italian.WeekdayDate(day): "ven 4 dic",
	} {
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestZonesExist(t *testing.T) {
	t.Parallel()
	for _, name := range Zones {
		if _, err := time.LoadLocation(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestPlural(t *testing.T) {
	t.Parallel()
	l := New(time.UTC, time.Now())
	for n, want := range map[int]string{0: "0 rows", 1: "1 row", 1500: "1,500 rows"} {
		if got := l.N(n, "%d row", "%d rows"); got != want {
			t.Errorf("N(%d) = %q, want %q", n, got, want)
		}
	}
}
