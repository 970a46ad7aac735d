package crm

import (
	"testing"
	"time"
)

func mustZone(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// morningZones are zones of all sorts: north and south, half and quarter hours, a clock that is put forward by half an hour, at
// midnight, or never, and both ends of the calendar's day.
var morningZones = []string{
	"Europe/Rome", "America/New_York", "Asia/Kathmandu", "Australia/Lord_Howe", "Africa/Cairo", "America/Santiago", "Pacific/Kiritimati",
	"Pacific/Pago_Pago", "Africa/Casablanca", "Antarctica/Troll", "UTC",
}

// A year of looking every half hour finds one digest a day, on its day, at its hour or right after, wherever one is and
// whatever the clocks do.
func TestADigestADay(t *testing.T) {
	t.Parallel()
	for _, name := range morningZones {
		for _, hour := range []int{EarliestDigest, LatestDigest} {
			zone := mustZone(t, name)
			first := map[Day]time.Time{}
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, zone)
			for now := start; now.Before(start.AddDate(1, 0, 0)); now = now.Add(30 * time.Minute) {
				day, end := DigestDay(now, zone, DigestDaily, hour)
				if day == "" {
					continue
				}
				if _, again := first[day]; !again {
					first[day] = now.In(zone)
				}
				if want := DayOf(now, zone); day != want || !end.After(now) || DayOf(end, zone) != day.Plus(1) || end.Sub(now) > 25*time.Hour {
					t.Fatalf("%s at %v: the digest of %s ends at %v", name, now, day, end)
				}
			}
			if len(first) != 365 {
				t.Errorf("%s at %d: %d digests in a year, want 365", name, hour, len(first))
			}
			for day, at := range first {
				if at.Hour() != hour || at.Minute() >= 30 {
					t.Errorf("%s: the digest of %s is due from %v, want %d:00", name, day, at, hour)
				}
			}
		}
	}
}

func TestWhenADigestIsDue(t *testing.T) {
	t.Parallel()
	rome, york, kathmandu := mustZone(t, "Europe/Rome"), mustZone(t, "America/New_York"), mustZone(t, "Asia/Kathmandu")
	friday := func(zone *time.Location, hour, minute int) time.Time {
		return time.Date(2026, 11, 27, hour, minute, 0, 0, zone)
	}
	for name, tt := range map[string]struct {
		now  time.Time
		zone *time.Location
		days DigestDays
		want Day
	}{
		"in the morning":            {friday(rome, 7, 0), rome, DigestWeekdays, "2026-11-27"},
		"a moment before":           {friday(rome, 6, 59), rome, DigestWeekdays, ""},
		"late, but before noon":     {friday(rome, 11, 59), rome, DigestWeekdays, "2026-11-27"},
		"from noon on":              {friday(rome, 12, 0), rome, DigestWeekdays, ""},
		"in the evening":            {friday(rome, 19, 0), rome, DigestDaily, ""},
		"elsewhere it is night":     {friday(rome, 7, 0), york, DigestDaily, ""},
		"elsewhere it is late":      {friday(rome, 7, 0), kathmandu, DigestDaily, "2026-11-27"},
		"on a Saturday":             {friday(rome, 7, 0).AddDate(0, 0, 1), rome, DigestWeekdays, ""},
		"on a Saturday, daily":      {friday(rome, 7, 0).AddDate(0, 0, 1), rome, DigestDaily, "2026-11-28"},
		"on a Monday":               {friday(rome, 7, 0).AddDate(0, 0, 3), rome, DigestWeekdays, "2026-11-30"},
		"Monday there, Sunday here": {time.Date(2026, 11, 29, 22, 0, 0, 0, time.UTC), mustZone(t, "Pacific/Auckland"), DigestWeekdays, "2026-11-30"},
		"switched off":              {friday(rome, 7, 0), rome, DigestOff, ""},
		"unheard of":                {friday(rome, 7, 0), rome, "hourly", ""},
	} {
		if got, _ := DigestDay(tt.now, tt.zone, tt.days, 7); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

// However often one looks, each day's reminder comes once, at eight.
func TestAReminderADay(t *testing.T) {
	t.Parallel()
	for _, name := range morningZones {
		zone := mustZone(t, name)
		told := map[Day]int{}
		start := time.Date(2026, 1, 1, 0, 0, 0, 0, zone)
		from := start
		for now := start; now.Before(start.AddDate(1, 0, 0)); now = now.Add(21 * time.Minute) {
			if day := RemindedDay(from, now, zone); day != "" {
				told[day]++
				if at := now.In(zone); at.Hour() != 8 || at.Minute() >= 21 || DayOf(now, zone) != day {
					t.Errorf("%s: of %s one is told at %v", name, day, at)
				}
			}
			from = now
		}
		if len(told) != 365 {
			t.Errorf("%s: %d days, want 365", name, len(told))
		}
		for day, n := range told {
			if n != 1 {
				t.Errorf("%s: %s is told of %d times", name, day, n)
			}
		}
	}
}

func TestALongPauseIsRemindedOfTheLatestDay(t *testing.T) {
	t.Parallel()
	rome := mustZone(t, "Europe/Rome")
	at := func(day, hour int) time.Time { return time.Date(2026, 11, day, hour, 0, 0, 0, rome) }
	for name, tt := range map[string]struct {
		from, to time.Time
		want     Day
	}{
		"over a weekend":         {at(20, 18), at(23, 9), "2026-11-23"},
		"until before the hour":  {at(20, 18), at(23, 7), "2026-11-22"},
		"through the night":      {at(20, 18), at(21, 7), ""},
		"from the hour on":       {at(20, 8), at(20, 9), ""},
		"to the hour":            {at(20, 7), at(20, 8), "2026-11-20"},
		"a clock that went back": {at(20, 9), at(20, 7), ""},
	} {
		if got := RemindedDay(tt.from, tt.to, rome); got != tt.want {
			t.Errorf("%s: got %q, want %q", name, got, tt.want)
		}
	}
}

func TestNotificationSettingsAreChecked(t *testing.T) {
	t.Parallel()
	if err := DefaultNotifications().Validate(); err != nil {
		t.Errorf("the defaults: %v", err)
	}
	for field, change := range map[string]func(*NotificationSettings){
		"digest":      func(s *NotificationSettings) { s.Digest = "hourly" },
		"digest_hour": func(s *NotificationSettings) { s.DigestHour = 4 },
		"due":         func(s *NotificationSettings) { s.Due = "" },
		"assigned":    func(s *NotificationSettings) { s.Assigned = "pigeon" },
	} {
		s := DefaultNotifications()
		change(&s)
		var v Invalid
		if v, _ = s.Validate().(Invalid); len(v) != 1 || v[field].Text == "" {
			t.Errorf("%s: got %v", field, v)
		}
	}
}
