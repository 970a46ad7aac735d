package web_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// TestATimeIsTheReadersEverywhere: what is three in the afternoon in Rome is two in London and this or that in New York,
// which puts its clocks forward weeks before Europe does. Half past midnight is another day elsewhere.
func TestATimeIsTheReadersEverywhere(t *testing.T) {
	t.Parallel()
	now := time.Date(2027, 4, 2, 10, 0, 0, 0, time.UTC)
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	rome, london, york := s.role(t, "admin").lives("Europe/Rome"), s.role(t, "admin").lives("Europe/London"), s.role(t, "admin").lives("America/New_York")
	org := "/organizations/" + postgrestest.Organization(t, s.db, "Granvik", postgrestest.ID(rome.user.ID)).String()
	feed := rome.subscribe()
	for _, m := range []struct{ typed, utc, london, york string }{
		{"2027-02-10T15:00", "20270210T140000Z", "10 Feb 2027, 14:00", "10 Feb 2027, 09:00"},
		{"2027-03-20T15:00", "20270320T140000Z", "20 Mar 2027, 14:00", "20 Mar 2027, 10:00"},
		{"2027-03-28T15:00", "20270328T130000Z", "28 Mar 2027, 14:00", "28 Mar 2027, 09:00"},
		{"2027-03-29T00:30", "20270328T223000Z", "28 Mar 2027, 23:30", "28 Mar 2027, 18:30"},
	} {
		subject := "Board of " + m.typed
		rome.post(org+"/interactions", "channel", "meeting", "subject", subject, "happened_at", m.typed).wants(http.StatusSeeOther)
		path := "/interactions/" + query[string](t, s, `SELECT id::text FROM interactions WHERE subject = $1`, subject)
		if got := rome.get(path+"/edit").doc.Find("[name=happened_at]").AttrOr("value", ""); got != m.typed {
			t.Errorf("in Rome the form says %q, typed was %q", got, m.typed)
		}
		for who, want := range map[*browser]string{london: m.london, york: m.york} {
			clock := want[len(want)-5:]
			who.get(path).has(want)
			if got := who.get(path+"/edit").doc.Find("[name=happened_at]").AttrOr("value", ""); !strings.HasSuffix(got, "T"+clock) {
				t.Errorf("where it is %s, the form says %q", want, got)
			}
			found := who.get(org).doc.Find(`.feed li:contains("` + subject + `") time`)
			if got := found.Text() + " " + found.AttrOr("title", ""); !strings.Contains(got, want) {
				t.Errorf("where it is %s, the timeline says %q", want, got)
			}
			// A row of a list leaves the words to the pointer's script, which knows the reader's zone.
			list := who.get("/interactions").doc
			at, err := time.Parse(time.RFC3339, list.Find(`tbody tr:contains("`+subject+`") time`).AttrOr("datetime", ""))
			if got := at.UTC().Format("20060102T150405Z"); err != nil || got != m.utc {
				t.Errorf("where it is %s, the list says %s, %v", want, got, err)
			}
			if zone := list.Find("crm-ago").AttrOr("data-zone", ""); zone != map[*browser]string{london: "Europe/London", york: "America/New_York"}[who] {
				t.Errorf("where it is %s, the list is in the zone %q", want, zone)
			}
		}
		if got := s.browser(t).get(feed).events()[subject].Start; got != m.utc {
			t.Errorf("in the calendar %s begins at %s, want %s", subject, got, m.utc)
		}
	}
	// A day of a filter is the reader's day, too.
	for who, want := range map[*browser]int{rome: 1, london: 0, york: 0} {
		if got := who.get("/interactions?from=2027-03-29&to=2027-03-29").doc.Find("tbody tr").Length(); got != want {
			t.Errorf("on the 29th %s finds %d meetings, want %d", who.user.Email, got, want)
		}
	}
}
