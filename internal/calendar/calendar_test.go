package calendar_test

import (
	"bytes"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	ics "github.com/arran4/golang-ical" // another hand's reading of the format
	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/calendar"
)

// read is an event as the other parser reads it.
type read struct {
	UID, Summary, Description, URL, Start, End, Stamp, Modified, Sequence, Transparency string
	Days                                                                                bool // Start and End are days
}

// parse reads a file with the other parser, after a look at what it would forgive.
func parse(t testing.TB, file []byte) (*ics.Calendar, []read) {
	t.Helper()
	lines := strings.SplitAfter(string(file), "\r\n")
	for n, line := range lines {
		body := strings.TrimSuffix(line, "\r\n")
		if line == body && (n != len(lines)-1 || body != "") || strings.ContainsAny(body, "\r\n") {
			t.Fatalf("line %d does not end in CRLF: %q", n, line)
		}
		if len(body) > 75 || !utf8.ValidString(body) {
			t.Fatalf("line %d has %d octets, or half a character: %q", n, len(body), line)
		}
	}
	c, err := ics.ParseCalendar(bytes.NewReader(file))
	if err != nil {
		t.Fatalf("%v in\n%s", err, file)
	}
	var all []read
	for _, e := range c.Events() {
		value := func(p ics.ComponentProperty) string {
			if got := e.GetProperty(p); got != nil {
				return got.Value
			}
			return ""
		}
		r := read{
			UID: e.Id(), Summary: value(ics.ComponentPropertySummary), Description: value(ics.ComponentPropertyDescription), URL: value(ics.ComponentPropertyUrl),
			Start: value(ics.ComponentPropertyDtStart), End: value(ics.ComponentPropertyDtEnd), Stamp: value(ics.ComponentPropertyDtstamp),
			Modified: value(ics.ComponentPropertyLastModified), Sequence: value(ics.ComponentPropertySequence), Transparency: value(ics.ComponentPropertyTransp),
		}
		if start := e.GetProperty(ics.ComponentPropertyDtStart); start != nil {
			r.Days = cmp.Equal(start.ICalParameters["VALUE"], []string{"DATE"})
		}
		all = append(all, r)
	}
	return c, all
}

func bytesOf(t testing.TB, c calendar.Calendar) []byte {
	t.Helper()
	file, err := c.Bytes()
	if err != nil {
		t.Fatal(err)
	}
	return file
}

var modified = time.Date(2026, 11, 22, 15, 4, 5, 600, time.UTC)

func TestACalendarIsReadAsItWasMeant(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	c := calendar.Calendar{Name: "Nørth; & Co., Ltd", Events: []calendar.Event{
		{UID: "1@crm.example", Summary: "Kick-off", Description: "With Ada; Ben, and Cyd\nhttps://crm.example/x", URL: "https://crm.example/interactions/1", Start: time.Date(2026, 10, 25, 1, 30, 0, 0, rome), Length: 90 * time.Minute, Sequence: 3, Modified: modified},
		{UID: "2@crm.example", Summary: "Send the offer", Day: "2026-12-31", Sequence: 1, Modified: modified.In(rome)},
		{UID: "3@crm.example", Summary: "Leap", Day: "2028-02-28", Sequence: 1, Modified: modified},
	}}
	file := bytesOf(t, c)
	parsed, got := parse(t, file)
	want := []read{
		// half past one in Rome, the night the clocks go back: an hour and a half later it is two there, on either clock
		{UID: "1@crm.example", Summary: "Kick-off", Description: "With Ada; Ben, and Cyd\nhttps://crm.example/x", URL: "https://crm.example/interactions/1", Start: "20261024T233000Z", End: "20261025T010000Z", Stamp: "20261122T150405Z", Modified: "20261122T150405Z", Sequence: "3"},
		{UID: "2@crm.example", Summary: "Send the offer", Start: "20261231", End: "20270101", Days: true, Stamp: "20261122T150405Z", Modified: "20261122T150405Z", Sequence: "1", Transparency: "TRANSPARENT"},
		{UID: "3@crm.example", Summary: "Leap", Start: "20280228", End: "20280229", Days: true, Stamp: "20261122T150405Z", Modified: "20261122T150405Z", Sequence: "1", Transparency: "TRANSPARENT"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	properties := map[string]string{}
	for _, p := range parsed.CalendarProperties {
		properties[p.IANAToken] = p.Value
	}
	if diff := cmp.Diff(map[string]string{
		"VERSION": "2.0", "PRODID": "-//ArchPilot//CRM//EN", "CALSCALE": "GREGORIAN", "NAME": c.Name, "X-WR-CALNAME": c.Name, "REFRESH-INTERVAL": "PT1H", "X-PUBLISHED-TTL": "PT1H",
	}, properties); diff != "" {
		t.Errorf("the calendar's own (-want +got)\n%s", diff)
	}
	if again := bytesOf(t, c); !bytes.Equal(file, again) {
		t.Error("the same events give other bytes")
	}
}

func TestACalendarOfNothingIsACalendar(t *testing.T) {
	t.Parallel()
	file := bytesOf(t, calendar.Calendar{Name: "Nobody"})
	c, events := parse(t, file)
	if len(events) != 0 || len(c.Components) != 1 {
		t.Errorf("%d events among %d components:\n%s", len(events), len(c.Components), file)
	}
}

func TestADayThatIsNoneIsRefused(t *testing.T) {
	t.Parallel()
	if file, err := (calendar.Calendar{Events: []calendar.Event{{UID: "x", Day: "2026-02-30"}}}).Bytes(); err == nil {
		t.Errorf("no error but\n%s", file)
	}
}

func FuzzTexts(f *testing.F) {
	for _, seed := range []string{
		"", "Plain", "Comma, semicolon; colon: and \\ backslash", "Two\nlines\r\nand\rmore", "\"quoted\"", strings.Repeat("x", 200), strings.Repeat("ü", 200),
		strings.Repeat("👩‍👩‍👧‍👦", 60), "\u202eעברית، مرحبا\u202c", strings.Repeat("שלום ", 40), "END:VEVENT\r\nBEGIN:VEVENT", "a\x00b\x07c\x7f\u0085d\u2028e", "\xff\xfe", "\\n is no line", "  blanks  ", "\t", ";VALUE=DATE:",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		file := bytesOf(t, calendar.Calendar{Name: text, Events: []calendar.Event{
			{UID: "1@crm.example", Summary: text, Description: text + " | " + text, Start: modified, Length: time.Hour, Modified: modified},
			{UID: "2@crm.example", Summary: "After it", Day: "2026-12-04", Modified: modified},
		}})
		_, got := parse(t, file)
		if len(got) != 2 || got[1].Summary != "After it" {
			t.Fatalf("%d events of two:\n%s", len(got), file)
		}
		want := plain(text)
		if got[0].Summary != want {
			t.Errorf("%q is read as %q, want %q", text, got[0].Summary, want)
		}
		if text != "" && got[0].Description != want+" | "+want {
			t.Errorf("%q twice is read as %q", text, got[0].Description)
		}
	})
}

// plain is a text as a calendar can show it.
func plain(text string) string {
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\r\n", "\n"), "\uFFFD")
	var b strings.Builder
	for _, r := range text {
		switch {
		case r == '\r' || r == 0x85 || r == 0x2028 || r == 0x2029:
			b.WriteByte('\n')
		case r < ' ' && r != '\n' && r != '\t' || r >= 0x7f && r < 0xa0:
		default:
			b.WriteRune(r)
		}
	}
	return b.String()
}
