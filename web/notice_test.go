package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// given lets somebody else plan something for a person, tomorrow, and returns its id.
func (s *site) given(t *testing.T, to crm.User, title string) uuid.UUID {
	t.Helper()
	ctx := context.Background()
	giver, err := postgrestest.System(s.db).UserByEmail(ctx, "giver@example.test")
	if err != nil {
		giver = postgrestest.User(t, s.db, "giver", uuid.NullUUID{}, s.hash)
	}
	f := crm.FollowUp{Title: title, Due: crm.Due{Day: crm.DayOf(time.Now().AddDate(0, 0, 1), time.UTC)}, UserID: postgrestest.ID(to.ID)}
	f.OrganizationID = postgrestest.ID(postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}))
	saved, err := s.db.As(postgrestest.Actor(giver, authz.All, authz.Permissions...), postgres.Origin{}).
		CreateFollowUp(ctx, f, audit.Organization, crm.Clock{Now: time.Now(), Zone: time.UTC}, uuid.NullUUID{})
	fatal(t, err)
	return saved.ID
}

func TestTheInboxTellsAndIsCountedEverywhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	b.get(paths.Inbox).wants(http.StatusOK).has("Nothing in your inbox")
	first := s.given(t, b.user, "Call Ann")
	s.given(t, b.user, "Call Ben")
	if count := b.get(paths.Organizations).doc.Find(".rail .badge").Text(); count != "2 unread" {
		t.Errorf("the rail says %q", count)
	}
	a := b.get(paths.Inbox).wants(http.StatusOK).has("giver gave it to you").has("Granvik")
	if got := a.doc.Find("section .told .grow > a").First().Text(); got != "Call Ben" {
		t.Errorf("the latest is %q", got)
	}
	if href := a.doc.Find("section .told .grow > a").Last().AttrOr("href", ""); href != paths.FollowUp(first) {
		t.Errorf("it leads to %s", href)
	}
	form := a.doc.Find(`form[action$="/read"]`).Last().AttrOr("action", "")
	a = b.post(form).follow()
	if unread, read := a.doc.Find("section[aria-labelledby=unread] .told").Text(), a.doc.Find("section[aria-labelledby=read] .told").Text(); !strings.Contains(unread, "Call Ben") || !strings.Contains(read, "Call Ann") {
		t.Errorf("unread %q, read %q", unread, read)
	}
	b.post(strings.Replace(form, "/read", "/unread", 1)).follow()
	if count := b.get(paths.Home).doc.Find(".top .badge").Text(); count != "2" {
		t.Errorf("the phone's bar says %q", count)
	}
	until := b.get(paths.Inbox).value("until")
	s.given(t, b.user, "Came meanwhile")
	b.post(paths.ReadNotices, "until", until).follow().has("2 notices marked as read.")
	b.post(paths.ReadNotices, "until", "yesterday").follow().has("1 notice marked as read.")
	b.post(paths.ReadNotices).follow().has("Nothing changed")
	if badge := b.get(paths.Inbox).doc.Find(".badge").Length(); badge != 0 {
		t.Errorf("%d counts of nothing", badge)
	}
}

func TestTheCountEndsSomewhere(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "viewer")
	_, err := postgrestest.Connect(t, s.url).Exec(context.Background(), `INSERT INTO notices (id, user_id, kind, follow_up_id, key)
		SELECT gen_random_uuid(), $1, 'due', gen_random_uuid(), n::text FROM generate_series(1, 120) n`, b.user.ID)
	fatal(t, err)
	a := b.get(paths.Inbox).wants(http.StatusOK).has("A follow-up that you cannot see, or no longer")
	if count := a.doc.Find(".top .badge").Text(); count != "99+" {
		t.Errorf("the bar says %q", count)
	}
	rows := 0
	for pages := 0; ; pages++ {
		rows += a.doc.Find(".told").Length()
		next, more := a.doc.Find("a[rel=next]").Attr("href")
		if !more {
			break
		}
		a = b.get(next).wants(http.StatusOK)
	}
	if rows != 120 {
		t.Errorf("%d notices on all pages, want 120", rows)
	}
	a = b.get(a.doc.Find("a[rel=prev]").AttrOr("href", "")).wants(http.StatusOK)
	if n := a.doc.Find(".told").Length(); n != 50 {
		t.Errorf("%d notices on the page before the last", n)
	}
	for _, bad := range []string{"?after=x", "?limit=0", "?before=" + strings.Repeat("A", 300), "?limit=1000"} {
		b.get(paths.Inbox + bad).wants(http.StatusUnprocessableEntity)
	}
}

func TestOnesInboxIsNobodyElses(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, other := s.role(t, "manager"), s.role(t, "admin")
	s.given(t, b.user, "Call Ann")
	form := b.get(paths.Inbox).doc.Find(`.told form[action$="/read"]`).AttrOr("action", "")
	other.get(paths.Inbox).wants(http.StatusOK).lacks("Call Ann")
	other.post(form).wants(http.StatusNotFound)
	other.post(paths.ReadNotices).wants(http.StatusSeeOther)
	b.get(paths.Inbox).has("1 unread")
	for _, bad := range []string{"/inbox/x/read", paths.ReadNotice(uuid.New()), "/inbox/" + strings.Repeat("a", 200) + "/unread"} {
		b.post(bad).wants(http.StatusNotFound)
	}
}

func TestTheInboxShowsNoMoreThanItsReaderMaySee(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	const evil = `<img src=x onerror=alert(1)>`
	b := s.role(t, "manager")
	s.given(t, b.user, evil)
	if a := b.get(paths.Inbox).wants(http.StatusOK).has(evil); a.doc.Find(".told img").Length() > 0 {
		t.Error("a title became markup")
	}
	blind := s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient))
	id := s.given(t, blind.user, "Call Ann")
	blind.get(paths.Inbox).wants(http.StatusOK).has("1 unread").lacks("Call Ann").lacks("Granvik").lacks(id.String())
	own := s.as(t, "own", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.ViewInteraction))
	s.given(t, own.user, "Call Ben")
	a := own.get(paths.Inbox).wants(http.StatusOK).has("Call Ben").lacks("Granvik")
	if a.doc.Find(`form[action$="/done"]`).Length() > 0 {
		t.Error("who may not edit is offered to")
	}
}

func TestTheInboxAsksTheDatabaseTwice(t *testing.T) {
	t.Parallel()
	sent := &trips{}
	s := newSiteOn(t, postgrestest.URL(t), postgres.Options{Tracer: sent, MaxConns: 1})
	b := s.role(t, "manager")
	for n := range 5 {
		s.given(t, b.user, fmt.Sprint(n))
	}
	b.get(paths.Inbox).wants(http.StatusOK)
	sent.take()
	b.get(paths.Inbox).wants(http.StatusOK)
	if session, other := sent.take(); len(session) != 1 || len(other) > 2 {
		t.Errorf("%d queries for the session and %d besides\n%s", len(session), len(other), strings.Join(other, "\n"))
	}
}

func TestNotificationsAreChosen(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	chosen := func(a *answer) string {
		var all []string
		for _, name := range []string{"digest", "digest_hour", "due", "assigned"} {
			all = append(all, a.doc.Find(`[name=`+name+`] [selected]`).AttrOr("value", ""))
		}
		return strings.Join(all, " ")
	}
	a := b.get(paths.Notifications).wants(http.StatusOK).has("No mail is sent yet")
	if got := chosen(a); got != "weekdays 7 inbox mail" {
		t.Errorf("at first: %s", got)
	}
	a = b.post(paths.Notifications, "digest", "daily", "digest_hour", "5", "due", "off", "assigned", "inbox").follow().has("Notifications saved.")
	if got := chosen(a); got != "daily 5 off inbox" {
		t.Errorf("saved: %s", got)
	}
	for _, bad := range [][4]string{
		{"hourly", "7", "off", "inbox"},
		{"off", "4", "off", "inbox"},
		{"off", "11", "off", "inbox"},
		{"off", "seven", "off", "inbox"},
		{"off", "99999999999999999999", "off", "inbox"},
		{"off", "7", "", "inbox"},
		{"off", "7", "off", "pigeon\x00"},
		{"\xff", "7", "off", "inbox"},
	} {
		a := b.post(paths.Notifications, "digest", bad[0], "digest_hour", bad[1], "due", bad[2], "assigned", bad[3]).wants(http.StatusUnprocessableEntity)
		if a.doc.Find(".summary[role=alert]").Length() != 1 || a.doc.Find(".error").Length() == 0 {
			t.Errorf("%q: what is wrong is not said:\n%s", bad, a.text())
		}
	}
	if got := chosen(b.get(paths.Notifications)); got != "daily 5 off inbox" {
		t.Errorf("after the refusals: %s", got)
	}
}
