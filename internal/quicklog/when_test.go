package quicklog_test

import (
	"testing"
	"time"

	"github.com/archpilot/crm/internal/quicklog"
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	z, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z
}

const minutes = "2006-01-02 15:04 -0700"

// TestWhenItHappened reads texts at moments given as a clock in the zone shows them.
func TestWhenItHappened(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, now, text, want string }{
		// a Friday morning
		{"UTC", "2026-11-27 10:20", "today", "2026-11-27 10:20 +0000"},
		{"UTC", "2026-11-27 10:20", "oggi 9:05", "2026-11-27 09:05 +0000"},
		{"UTC", "2026-11-27 10:20", "today 15:00", "2026-11-27 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "yesterday", "2026-11-26 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "Ieri alle 15", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "ieri alle ore 15", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "15:00 yesterday", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "at 3pm on yesterday", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "yesterday at 3:30 pm", "2026-11-26 15:30 +0000"},
		{"UTC", "2026-11-27 10:20", "yesterday @ 15", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "yesterday noon", "2026-11-26 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "ieri, 15.30,", "2026-11-26 15:30 +0000"},
		{"UTC", "2026-11-27 10:20", "ieri h 15", "2026-11-26 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "day before yesterday", "2026-11-25 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "l'altro ieri 8:00", "2026-11-25 08:00 +0000"},
		{"UTC", "2026-11-27 10:20", "tomorrow 9am", "2026-11-28 09:00 +0000"},
		{"UTC", "2026-11-27 10:20", "12am", "2026-11-27 00:00 +0000"},
		{"UTC", "2026-11-27 10:20", "12pm", "2026-11-27 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "9.30", "2026-11-27 09:30 +0000"},
		{"UTC", "2026-11-27 10:20", "10 minutes ago", "2026-11-27 10:10 +0000"},
		{"UTC", "2026-11-27 10:20", "mezz'ora fa", "2026-11-27 09:50 +0000"},
		{"UTC", "2026-11-27 10:20", "an hour ago", "2026-11-27 09:20 +0000"},
		{"UTC", "2026-11-27 10:20", "un'ora fa", "2026-11-27 09:20 +0000"},
		{"UTC", "2026-11-27 10:20", "3 days ago 15:00", "2026-11-24 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "3 giorni fa alle 15", "2026-11-24 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "una settimana fa", "2026-11-20 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "two weeks ago", "2026-11-13 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "un mese fa", "2026-10-27 12:00 +0000"},
		// weekdays, on a Friday: the last one, today if it can be
		{"UTC", "2026-11-27 10:20", "fri", "2026-11-27 10:20 +0000"},
		{"UTC", "2026-11-27 10:20", "fri 9:00", "2026-11-27 09:00 +0000"},
		{"UTC", "2026-11-27 10:20", "fri 11:00", "2026-11-20 11:00 +0000"},
		{"UTC", "2026-11-27 10:20", "venerdi", "2026-11-27 10:20 +0000"},
		{"UTC", "2026-11-27 10:20", "venerdì scorso", "2026-11-20 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "last friday", "2026-11-20 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "on thursday", "2026-11-26 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "sat", "2026-11-21 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "mar", "2026-11-24 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "mercoledì 9:00", "2026-11-25 09:00 +0000"},
		{"UTC", "2026-11-27 10:20", "Dom.", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "next friday 9:00", "2026-12-04 09:00 +0000"},
		// dates
		{"UTC", "2026-11-27 10:20", "2026-11-22", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22/11 15:00", "2026-11-22 15:00 +0000"},
		{"UTC", "2026-11-27 10:20", "27/11", "2026-11-27 10:20 +0000"},
		{"UTC", "2026-11-27 10:20", "28/11", "2025-11-28 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22.11.2026", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22.11.", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22.11", "2026-11-27 22:11 +0000"}, // a time
		{"UTC", "2026-11-27 10:20", "22-11-26", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22/11/25", "2025-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "il 22 novembre", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "22 nov 2024 9:00", "2024-11-22 09:00 +0000"},
		{"UTC", "2026-11-27 10:20", "Nov 22nd", "2026-11-22 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "1° mar", "2026-03-01 12:00 +0000"},
		// ends of years, and a leap day
		{"UTC", "2027-01-01 00:10", "yesterday", "2026-12-31 12:00 +0000"},
		{"UTC", "2027-01-02 09:00", "31/12", "2026-12-31 12:00 +0000"},
		{"UTC", "2027-01-02 09:00", "thu", "2026-12-31 12:00 +0000"},
		{"UTC", "2026-12-31 09:00", "1/1", "2026-01-01 12:00 +0000"},
		{"UTC", "2028-03-01 09:00", "yesterday", "2028-02-29 12:00 +0000"},
		{"UTC", "2026-11-27 10:20", "29/2", "2024-02-29 12:00 +0000"},
		{"UTC", "2028-02-29 10:20", "29/2", "2028-02-29 10:20 +0000"},
		{"UTC", "2027-03-31 10:20", "a month ago", "2027-02-28 12:00 +0000"},
		// midnight
		{"UTC", "2026-11-27 00:00", "today", "2026-11-27 00:00 +0000"},
		{"UTC", "2026-11-27 00:10", "23:50", "2026-11-26 23:50 +0000"},
		{"UTC", "2026-11-27 00:10", "midnight", "2026-11-27 00:00 +0000"},
		{"UTC", "2026-11-27 00:10", "10 minutes ago", "2026-11-27 00:00 +0000"},
		{"UTC", "2026-11-27 00:10", "fri 23:50", "2026-11-20 23:50 +0000"},
		{"UTC", "2026-11-27 23:59", "0:01", "2026-11-27 00:01 +0000"},
		{"UTC", "2026-11-27 10:20", "22:20", "2026-11-27 22:20 +0000"}, // twelve hours ahead, and no more
		{"UTC", "2026-11-27 10:20", "22:21", "2026-11-26 22:21 +0000"},
		// the day is the reader's own
		{"Europe/Rome", "2026-11-27 00:30", "yesterday 23:00", "2026-11-26 23:00 +0100"},
		{"America/New_York", "2026-11-26 18:30", "today 9am", "2026-11-26 09:00 -0500"},
		{"Pacific/Auckland", "2026-11-27 12:30", "ieri", "2026-11-26 12:00 +1300"},
		// Rome puts its clocks forward on 29 March 2026 at 2:00, back on 25 October at 3:00
		{"Europe/Rome", "2026-03-29 12:00", "yesterday 15:00", "2026-03-28 15:00 +0100"},
		{"Europe/Rome", "2026-03-29 12:00", "2:30", "2026-03-29 03:30 +0200"}, // there was no such time
		{"Europe/Rome", "2026-03-29 04:00", "2 hours ago", "2026-03-29 01:00 +0100"},
		{"Europe/Rome", "2026-03-30 09:00", "ieri 1:30", "2026-03-29 01:30 +0100"},
		{"Europe/Rome", "2026-10-25 12:00", "2:30", "2026-10-25 02:30 +0200"}, // there were two
		{"Europe/Rome", "2026-10-26 09:00", "yesterday 3:00", "2026-10-25 03:00 +0100"},
		{"Europe/Rome", "2026-10-25 03:30", "2 ore fa", "2026-10-25 02:30 +0200"},
		{"Europe/Rome", "2026-10-26 09:00", "3 days ago", "2026-10-23 12:00 +0200"},
		// New York on 8 March 2026 at 2:00, and on 1 November at 2:00
		{"America/New_York", "2026-03-08 12:00", "2:30am", "2026-03-08 03:30 -0400"},
		{"America/New_York", "2026-03-09 09:00", "yesterday 1:30", "2026-03-08 01:30 -0500"},
		{"America/New_York", "2026-11-01 12:00", "1:30", "2026-11-01 01:30 -0400"},
		{"America/New_York", "2026-11-02 09:00", "sun 1pm", "2026-11-01 13:00 -0500"},
		// Cairo has days without a midnight
		{"Africa/Cairo", "2026-04-24 12:00", "midnight", "2026-04-24 01:00 +0300"},
		{"Africa/Cairo", "2026-04-25 12:00", "yesterday", "2026-04-24 12:00 +0300"},
	} {
		z := zone(t, c.zone)
		now, err := time.ParseInLocation("2006-01-02 15:04", c.now, z)
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"call anna " + c.text + ": hello", "call " + c.text + " anna: hello", "call " + c.text + " hello"} {
			l := quicklog.Parse(line, now.Add(31*time.Second))
			if got := l.When.Format(minutes); got != c.want || l.Subject != "hello" || l.Body != "" {
				t.Errorf("%s at %s in %s: got %s, want %s; %+v", line, c.now, c.zone, got, c.want, l)
			}
		}
	}
}

// TestWhenNextIsDue reads what follows the sign of a next step.
func TestWhenNextIsDue(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ zone, now, text, want string }{
		{"UTC", "2026-11-27 10:20", "fri", "2026-12-04"}, // on a Friday the next one
		{"UTC", "2026-11-27 10:20", "ven", "2026-12-04"},
		{"UTC", "2026-11-27 10:20", "fri 17:00", "2026-12-04T17:00"},
		{"UTC", "2026-11-27 10:20", "sat", "2026-11-28"},
		{"UTC", "2026-11-27 10:20", "thursday", "2026-12-03"},
		{"UTC", "2026-11-27 10:20", "by thursday", "2026-12-03"},
		{"UTC", "2026-11-27 10:20", "entro giovedì", "2026-12-03"},
		{"UTC", "2026-11-27 10:20", "next monday", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "lunedì prossimo alle 9", "2026-11-30T09:00"},
		{"UTC", "2026-11-27 10:20", "prossimo lunedì", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "today", "2026-11-27"},
		{"UTC", "2026-11-27 10:20", "oggi alle 17", "2026-11-27T17:00"},
		{"UTC", "2026-11-27 10:20", "tomorrow", "2026-11-28"},
		{"UTC", "2026-11-27 10:20", "tomorrow at 9", "2026-11-28T09:00"},
		{"UTC", "2026-11-27 10:20", "domani alle 9.30", "2026-11-28T09:30"},
		{"UTC", "2026-11-27 10:20", "dopodomani", "2026-11-29"},
		{"UTC", "2026-11-27 10:20", "9am tomorrow", "2026-11-28T09:00"},
		{"UTC", "2026-11-27 10:20", "17:00", "2026-11-27T17:00"},
		{"UTC", "2026-11-27 10:20", "9:00", "2026-11-28T09:00"}, // the next such time
		{"UTC", "2026-11-27 10:20", "next week", "2026-11-30"},
		{"UTC", "2026-11-30 10:20", "next week", "2026-12-07"},
		{"UTC", "2026-11-29 10:20", "la settimana prossima", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "settimana prossima", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "prossima settimana", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "next month", "2026-12-01"},
		{"UTC", "2026-12-27 10:20", "il mese prossimo", "2027-01-01"},
		{"UTC", "2026-11-27 10:20", "in 3 days", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "tra 3 giorni", "2026-11-30"},
		{"UTC", "2026-11-27 10:20", "fra tre giorni alle 15", "2026-11-30T15:00"},
		{"UTC", "2026-11-27 10:20", "in a week", "2026-12-04"},
		{"UTC", "2026-11-27 10:20", "tra due settimane", "2026-12-11"},
		{"UTC", "2027-01-31 10:20", "in a month", "2027-02-28"},
		{"UTC", "2026-11-27 10:20", "tra un'ora", "2026-11-27T11:20"},
		{"UTC", "2026-11-27 10:20", "in 2 hours", "2026-11-27T12:20"},
		{"UTC", "2026-11-27 10:20", "4/12", "2026-12-04"},
		{"UTC", "2026-11-27 10:20", "26/11", "2027-11-26"},
		{"UTC", "2026-11-27 10:20", "27/11", "2026-11-27"},
		{"UTC", "2026-12-30 10:20", "2/1", "2027-01-02"},
		{"UTC", "2026-11-27 10:20", "29/2", "2028-02-29"},
		{"UTC", "2026-11-27 10:20", "2020-01-01", "2020-01-01"}, // past, which the form says
		{"UTC", "2026-11-27 10:20", "4 dic 2026", "2026-12-04"},
		{"UTC", "2026-11-27 10:20", "Dec 4", "2026-12-04"},
		{"Europe/Rome", "2026-03-28 10:00", "tomorrow at 9", "2026-03-29T09:00"},
		{"Europe/Rome", "2026-10-24 10:00", "domani alle 9", "2026-10-25T09:00"},
		{"Europe/Rome", "2026-03-28 10:00", "domani alle 2:30", "2026-03-29T03:30"},
		{"America/New_York", "2026-03-07 22:00", "tomorrow at 9", "2026-03-08T09:00"},
		{"America/New_York", "2026-10-31 22:00", "tomorrow", "2026-11-01"},
		{"Africa/Cairo", "2026-04-23 12:00", "tomorrow", "2026-04-24"},
		{"Europe/Rome", "2026-12-31 23:59", "tomorrow", "2027-01-01"},
	} {
		now, err := time.ParseInLocation("2006-01-02 15:04", c.now, zone(t, c.zone))
		if err != nil {
			t.Fatal(err)
		}
		l := quicklog.Parse("call anna: hello >"+c.text+" send it", now)
		if got := l.Next.DueText(); got != c.want || l.Next.Title != "send it" || l.Subject != "hello" {
			t.Errorf(">%s at %s in %s: got %s, want %s; %+v", c.text, c.now, c.zone, got, c.want, l)
		}
		l = quicklog.Parse("call anna: hello > send it "+c.text+" #held", now)
		if got := l.Next.DueText(); got != c.want || l.Next.Title != "send it "+c.text || l.Outcome != "held" {
			t.Errorf("> send it %s at %s in %s: got %s, want %s; %+v", c.text, c.now, c.zone, got, c.want, l)
		}
	}
}

func TestWhatIsNoTimeStays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"25:00", "12:60", "13pm", "0pm", "1:5", "123:00", "31/4", "30/2", "29/2/2027", "0/1", "32/1", "22/13", "11/22", "2026-13-01", "2026-02-30", "1899-01-01", "2201-01-01", "22/11/999", "1/2/3/4", "22/11/20261", "٢٢/١١", "-1/2", "15", "0", "99999999999999999999",
	} {
		l := quicklog.Parse("call anna "+text+": hello >"+text+" z", quicklog.ExampleNow)
		if !l.When.IsZero() || l.Body != text {
			t.Errorf("%s: %+v", text, l)
		}
	}
	for _, text := range []string{"yesterday", "last friday", "venerdì scorso", "ieri", "31/4", "whenever"} {
		l := quicklog.Parse("call anna: hello > "+text+" z", quicklog.ExampleNow)
		if l.Next.Title != text+" z" || !l.Next.Due.IsZero() {
			t.Errorf("next %s: %+v", text, l)
		}
	}
	// only the first day and the first time count
	l := quicklog.Parse("call anna yesterday monday 9:00: hello", quicklog.ExampleNow)
	if l.When.Format(minutes) != "2026-11-26 12:00 +0000" || l.Contact != "anna monday" || l.Body != "9:00" {
		t.Errorf("two days: %+v", l)
	}
	// without a colon a day further on is part of the text
	l = quicklog.Parse("note the offer stands till friday", quicklog.ExampleNow)
	if !l.When.IsZero() || l.Subject != "the offer stands till friday" {
		t.Errorf("a day in the text: %+v", l)
	}
}
