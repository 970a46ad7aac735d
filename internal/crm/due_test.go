package crm

import (
	"errors"
	"testing"
	"time"

	_ "time/tzdata" // the zones of these tests wherever they run
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

func moment(t testing.TB, s string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339, s)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

func TestParseDue(t *testing.T) {
	t.Parallel()
	rome, york := zone(t, "Europe/Rome"), zone(t, "America/New_York")
	for _, c := range []struct {
		text string
		zone *time.Location
		want string
	}{
		{"2026-12-04", rome, "2026-12-04"},
		{"2026-12-04", york, "2026-12-04"}, // a day is that day everywhere
		{"2026-12-04T09:00", rome, "2026-12-04T08:00:00Z"},
		{"2026-12-04T09:00", york, "2026-12-04T14:00:00Z"},
		{"2026-12-04T09:00:30", york, "2026-12-04T14:00:30Z"},
		{"2026-07-04T09:00", rome, "2026-07-04T07:00:00Z"}, // summer time
		{"2026-12-04T09:00:00+05:30", rome, "2026-12-04T03:30:00Z"},
		{"2027-03-28T09:00", rome, "2027-03-28T07:00:00Z"}, // the day on which the clocks went forward
		{"2026-10-25T09:00", rome, "2026-10-25T08:00:00Z"}, // and back
		{"2027-02-29", rome, ""},
		{"2026-13-01", rome, ""},
		{"0000-01-01", rome, ""},
		{"04.12.2026", rome, ""},
		{"tomorrow", rome, ""},
		{"2026-12-04 ", rome, ""},
		{"", rome, ""},
	} {
		if got := ParseDue(c.text, c.zone).String(); got != c.want {
			t.Errorf("ParseDue(%q, %s) = %q, want %q", c.text, c.zone, got, c.want)
		}
	}
}

// TestATimeThatNoClockShows pins what is made of half past two on the night in which it does not exist.
func TestATimeThatNoClockShows(t *testing.T) {
	t.Parallel()
	got := ParseDue("2027-03-28T02:30", zone(t, "Europe/Rome"))
	if day := got.DayIn(zone(t, "Europe/Rome")); got.IsZero() || day != "2027-03-28" {
		t.Errorf("half past two in the night of the clock change is due %v, want a moment of that night", got)
	}
}

func FuzzParseDue(f *testing.F) {
	for _, seed := range []string{"2026-12-04", "2026-12-04T09:00", "2026-12-04T09:00:00+02:00", "0000-12-31T23:59:59Z", "9999-12-31T23:59:59-14:00", "", "x"} {
		f.Add(seed)
	}
	rome := zone(f, "Europe/Rome")
	f.Fuzz(func(t *testing.T, s string) {
		d := ParseDue(s, rome)
		if d.Day != "" && !d.At.IsZero() {
			t.Errorf("ParseDue(%q) is a day and a moment", s)
		}
		if again := ParseDue(d.String(), time.UTC); !again.Equal(d) {
			t.Errorf("ParseDue(%q) = %v, which reads back as %v", s, d, again)
		}
		var scanned Due
		if err := scanned.Scan(d.String()); err != nil || !scanned.Equal(d) {
			t.Errorf("ParseDue(%q) = %v, which scans as %v: %v", s, d, scanned, err)
		}
	})
}

func TestDueIn(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ now, zone, choice, want string }{
		{"2026-11-28T12:00:00Z", "Europe/Rome", "1d", "2026-11-29"},
		{"2026-11-28T23:30:00Z", "Europe/Rome", "1d", "2026-11-30"},      // there it is the 29th already
		{"2026-11-29T03:00:00Z", "America/New_York", "1d", "2026-11-29"}, // and there still the 28th
		{"2026-11-28T12:00:00Z", "Europe/Rome", "2d", "2026-11-30"},
		{"2026-11-28T12:00:00Z", "Europe/Rome", "1w", "2026-12-05"},
		{"2026-11-28T12:00:00Z", "Europe/Rome", "2w", "2026-12-12"},
		{"2026-11-28T12:00:00Z", "Europe/Rome", "1m", "2026-12-28"},
		{"2027-01-31T12:00:00Z", "Europe/Rome", "1m", "2027-02-28"}, // no day is made up
		{"2027-03-27T23:30:00Z", "Europe/Rome", "1d", "2027-03-29"}, // today has 23 hours
		{"2026-11-28T12:00:00Z", "Europe/Rome", "3y", ""},
		{"2026-11-28T12:00:00Z", "Europe/Rome", "", ""},
	} {
		clock := Clock{moment(t, c.now), zone(t, c.zone)}
		if got := DueIn(c.choice, clock).String(); got != c.want {
			t.Errorf("DueIn(%q) at %s in %s = %q, want %q", c.choice, c.now, c.zone, got, c.want)
		}
	}
}

func TestWhatIsPastOrFarCannotBeDue(t *testing.T) {
	t.Parallel()
	clock := Clock{moment(t, "2026-11-28T23:30:40Z"), zone(t, "Europe/Rome")} // there it is half past midnight on the 29th
	for due, want := range map[string]string{
		"":                     "Choose a day like 2026-12-04, or a day and time like 2026-12-04T09:00.",
		"2026-11-28":           "This day is past.",
		"2026-11-29":           "",
		"2026-11-28T23:29:59Z": "This time is past.",
		"2026-11-28T23:30:00Z": "", // the running minute
		"2036-11-29":           "",
		"2036-11-30":           "Choose a day within the next 10 years.",
		"9999-12-31T00:00:00Z": "Choose a day within the next 10 years.",
	} {
		f := FollowUp{Title: "Send the offer", Due: ParseDue(due, time.UTC)}
		f.ContactID.Valid = true
		var v Invalid
		if err := f.Validate(clock, Due{}); err != nil && !errors.As(err, &v) {
			t.Fatal(err)
		}
		if got := v["due"].String(); got != want {
			t.Errorf("due %q: the fault is %q, want %q", due, got, want)
		}
		if err := f.Validate(clock, f.Due); due != "" && err != nil {
			t.Errorf("due %q, unchanged: %v, want no fault", due, err)
		}
	}
}

func TestSpans(t *testing.T) {
	t.Parallel()
	now := moment(t, "2026-11-28T23:30:00Z")
	for _, c := range []struct{ due, rome, york string }{ // the 29th there, the 28th here
		{"2026-11-27", "overdue", "overdue"},
		{"2026-11-28", "overdue", "today"},
		{"2026-11-29", "today", "week"},
		{"2026-12-05", "week", "week"},
		{"2026-12-06", "week", "later"},
		{"2026-12-07", "later", "later"},
		{"2026-11-28T23:29:00Z", "overdue", "overdue"},
		{"2026-11-28T23:31:00Z", "today", "today"},
		{"2026-11-29T05:00:00Z", "today", "week"}, // midnight in New York
		{"2026-11-29T04:59:59Z", "today", "today"},
		{"2026-11-29T23:00:00Z", "week", "week"}, // midnight in Rome
	} {
		due := ParseDue(c.due, time.UTC)
		for name, want := range map[string]string{"Europe/Rome": c.rome, "America/New_York": c.york} {
			clock := Clock{now, zone(t, name)}
			if got := due.Span(clock); string(got) != want {
				t.Errorf("%s is %s in %s, want %s", c.due, got, name, want)
			}
			for _, span := range DueSpans {
				if in := within(due, span.Range(clock)); in != (string(span) == want) {
					t.Errorf("%s in %s lies within the range of %s: %v, want %v", c.due, name, span, in, !in)
				}
			}
		}
	}
}

func within(d Due, r DueRange) bool {
	if d.Day != "" {
		return r.FirstDay <= d.Day && d.Day < r.LastDay
	}
	return !d.At.Before(r.First) && d.At.Before(r.Last)
}

// A day begins in that day, also where midnight is skipped, and a second after the one before ends.
func TestADayBegins(t *testing.T) {
	t.Parallel()
	for name, days := range map[string]map[Day]string{
		"America/Santiago": {"2026-09-06": "2026-09-06T01:00:00-03:00", "2026-09-07": "2026-09-07T00:00:00-03:00"},
		"Africa/Cairo":     {"2026-04-24": "2026-04-24T01:00:00+03:00"},
		"Asia/Beirut":      {"2026-03-29": "2026-03-29T01:00:00+03:00"},
		"Europe/Rome":      {"2026-03-29": "2026-03-29T00:00:00+01:00", "": "0001-01-01T00:00:00Z"},
	} {
		zone, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		for day, want := range days {
			if got := day.Start(zone); got.Format(time.RFC3339) != want || day > "2" && DayOf(got.Add(-time.Second), zone) != day.Plus(-1) {
				t.Errorf("%s in %s begins at %v, want %s", day, name, got, want)
			}
		}
	}
}
