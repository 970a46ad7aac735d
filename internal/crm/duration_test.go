package crm_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

func TestDurationsAreReadAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"15": 15, " 15 min ": 15, "15min": 15, "15m": 15, "15'": 15, "0": 0, "1h": 60, "1 h 30": 90, "1h30m": 90, "1:30": 90, "2 hours": 120,
		"24:00": 1440, "1440": 1440, "007": 7,
		"": none, "  ": none,
		"-5": bad, "+5": bad, "1_0": bad, "1.5": bad, "1:60": bad, "1:": bad, ":30": bad, "h": bad, "min": bad, "15 s": bad, "soon": bad, "99999999999999999999": bad,
		"1:30:00": bad, "1h2h": bad, "٣": bad, "\x00": bad, "1h\u202e30": bad,
	} {
		got := crm.ParseMinutes(text)
		switch {
		case want == none && got == nil:
		case got == nil || want == none || *got != want:
			t.Errorf("%q is read as %v, want %d", text, got, want)
		}
	}
}

const (
	none = -2
	bad  = -1
)

func FuzzDurations(f *testing.F) {
	for _, seed := range []string{"15", "1:30", "1 h 30 min", "", "-1", strings.Repeat("9", 100)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		got := crm.ParseMinutes(text)
		if got != nil && (*got < -1 || *got > 60*9999+59) {
			t.Errorf("%q is read as %d minutes", text, *got)
		}
	})
}

func TestTalkFitsItsChannel(t *testing.T) {
	t.Parallel()
	minutes := func(n int) *int { return &n }
	for _, test := range []struct {
		name string
		with func(*crm.Interaction)
		want string // the field at fault
	}{
		{"a call of a quarter", func(i *crm.Interaction) { i.DurationMinutes, i.Direction = minutes(15), crm.Incoming }, ""},
		{"a call of no time", func(i *crm.Interaction) { i.DurationMinutes = minutes(0) }, ""},
		{"a day", func(i *crm.Interaction) { i.Channel, i.DurationMinutes = crm.Meeting, minutes(1440) }, ""},
		{"longer than a day", func(i *crm.Interaction) { i.DurationMinutes = minutes(1441) }, "duration_minutes"},
		{"not read", func(i *crm.Interaction) { i.DurationMinutes = crm.ParseMinutes("soon") }, "duration_minutes"},
		{"a note has no duration", func(i *crm.Interaction) { i.Channel, i.DurationMinutes = crm.Note, minutes(5) }, "duration_minutes"},
		{"an e-mail has none either", func(i *crm.Interaction) { i.Channel, i.DurationMinutes = crm.Email, minutes(5) }, "duration_minutes"},
		{"an e-mail sent", func(i *crm.Interaction) { i.Channel, i.Direction = crm.Email, crm.Outgoing }, ""},
		{"a meeting has no direction", func(i *crm.Interaction) { i.Channel, i.Direction = crm.Meeting, crm.Outgoing }, "direction"},
		{"no such direction", func(i *crm.Interaction) { i.Direction = "up" }, "direction"},
		{"a crowd", func(i *crm.Interaction) { i.Attendees = crowd(crm.MaxAttendees) }, ""},
		{"too large a crowd", func(i *crm.Interaction) { i.Attendees = crowd(crm.MaxAttendees + 1) }, "attendee_id"},
	} {
		i := crm.Interaction{
			OrganizationID: uuid.NullUUID{UUID: uuid.New(), Valid: true}, Channel: crm.Call, Subject: "A talk",
			HappenedAt: time.Date(2026, 11, 22, 15, 0, 0, 0, time.UTC),
		}
		test.with(&i)
		got := ""
		if faults, bad := i.Validate().(crm.Invalid); bad {
			for field := range faults {
				got += field
			}
		}
		if got != test.want {
			t.Errorf("%s: the fault is at %q, want %q", test.name, got, test.want)
		}
	}
}

func crowd(n int) []crm.Attendee {
	all := make([]crm.Attendee, n)
	for i := range all {
		all[i].ContactID = uuid.New()
	}
	return all
}

func TestNobodyAttendsTwiceAndTheContactIsThereAnyway(t *testing.T) {
	t.Parallel()
	a, b, contact := uuid.New(), uuid.New(), uuid.New()
	i := crm.Interaction{ContactID: uuid.NullUUID{UUID: contact, Valid: true}, Attendees: crm.AttendeesOf(a, contact, b, a)}
	i.Clean()
	if diff := cmp.Diff([]uuid.UUID{a, b}, i.AttendeeIDs()); diff != "" {
		t.Error(diff)
	}
}
