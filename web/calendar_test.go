package web_test

import (
	"context"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	ics "github.com/arran4/golang-ical" // another hand's reading of the format
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

var calendarAddress = regexp.MustCompile(`(?:https?://[^\s<"]*)?(/calendar/crm_cal_[a-z2-7]{32})`)

// subscribe makes the address of a calendar and returns its path.
func (b *browser) subscribe() string {
	b.t.Helper()
	made := b.post("/account/calendar").wants(200).has("It is shown only now.")
	found := calendarAddress.FindStringSubmatch(made.body)
	if found == nil {
		b.t.Fatalf("no address on the page:\n%s", made.text())
	}
	return found[1]
}

// event is one of a calendar, as the other parser reads it.
type event struct{ UID, Summary, Description, URL, Start, End, Sequence, Stamp, Modified string }

// events reads a calendar whole.
func (a *answer) events() map[string]event {
	a.b.t.Helper()
	if got := a.header.Get("Content-Type"); got != "text/calendar; charset=utf-8" {
		a.b.t.Fatalf("Content-Type is %q:\n%s", got, a.body)
	}
	c, err := ics.ParseCalendar(strings.NewReader(a.body))
	if err != nil {
		a.b.t.Fatalf("%v in\n%s", err, a.body)
	}
	all := map[string]event{}
	for _, e := range c.Events() {
		value := func(p ics.ComponentProperty) string {
			if got := e.GetProperty(p); got != nil {
				return got.Value
			}
			return ""
		}
		all[value(ics.ComponentPropertySummary)] = event{
			UID: e.Id(), Summary: value(ics.ComponentPropertySummary), Description: value(ics.ComponentPropertyDescription), URL: value(ics.ComponentPropertyUrl),
			Start: value(ics.ComponentPropertyDtStart), End: value(ics.ComponentPropertyDtEnd), Sequence: value(ics.ComponentPropertySequence),
			Stamp: value(ics.ComponentPropertyDtstamp), Modified: value(ics.ComponentPropertyLastModified),
		}
	}
	return all
}

func (a *answer) subjects() []string {
	a.b.t.Helper()
	var all []string
	for subject := range a.events() {
		all = append(all, subject)
	}
	slices.Sort(all)
	return all
}

// TestACalendarsLife: made, read by a program without a session, replaced, revoked, and gone with the account.
func TestACalendarsLife(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, program := s.role(t, "account_manager"), s.browser(t)
	b.get("/account/calendar").wants(200).has("Make an address")
	first := b.subscribe()
	program.get(first).wants(200).events()
	b.get("/account/calendar").wants(200).has("Make another address").has("127.0.0.1").lacks(strings.TrimPrefix(first, "/calendar/"))
	second := b.subscribe()
	program.get(first).wants(404)
	program.get(second).wants(200)

	secret := strings.TrimPrefix(second, "/calendar/")
	dump := query[string](t, s, `SELECT string_agg(x, ' ') FROM (SELECT f::text AS x FROM calendar_feeds f UNION ALL SELECT a::text FROM audit_logs a UNION ALL SELECT encode(s.data, 'escape') FROM sessions s) y`)
	if strings.Contains(dump, secret) || strings.Contains(dump, secret[len("crm_cal_"):]) {
		t.Error("the secret is kept in clear")
	}
	if n := query[int](t, s, `SELECT count(*)::int FROM audit_logs WHERE action = 'make_calendar' AND change_set_id IS NULL AND target_id = user_id`); n != 2 {
		t.Errorf("making two addresses left %d rows", n)
	}
	b.post("/account/calendar/revoke").follow().has("The address is revoked.")
	program.get(second).wants(404)
	b.post("/account/calendar/revoke").follow().has("Nothing changed")
	if n := query[int](t, s, `SELECT count(*)::int FROM audit_logs WHERE action = 'revoke_calendar'`); n != 1 {
		t.Errorf("revoking left %d rows", n)
	}

	third := b.subscribe()
	admin := s.role(t, "admin")
	admin.post("/admin/users/" + b.user.ID.String() + "/deactivate").wants(303)
	program.get(third).wants(404)
	admin.post("/admin/users/" + b.user.ID.String() + "/reactivate").wants(303)
	program.get(third).wants(404) // for good
}

// TestDeadAddressesAreAlike, and few of them are tried.
func TestDeadAddressesAreAlike(t *testing.T) {
	t.Parallel()
	now := time.Now().Truncate(time.Minute)
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	b := s.role(t, "viewer")
	live := b.subscribe()
	program := s.browser(t)
	same := ""
	for n, path := range []string{"/calendar/x", "/calendar/crm_cal_" + strings.Repeat("a", 32), "/calendar/crm_pat_" + strings.TrimPrefix(live, "/calendar/crm_cal_"), live + "a", strings.ToUpper(live), "/calendar/%00"} {
		a := program.get(path).wants(404)
		body := regexp.MustCompile(`Request \w+`).ReplaceAllString(a.text(), "")
		if n == 0 {
			same = body
		} else if body != same {
			t.Errorf("%s is told from others:\n%s", path, body)
		}
		if a.header.Get("Set-Cookie") != "" {
			t.Errorf("%s: a session is opened", path)
		}
	}
	for range 30 {
		program.get("/calendar/wrong")
	}
	if a := program.get("/calendar/wrong").wants(429); a.header.Get("Retry-After") == "" {
		t.Error("no Retry-After")
	}
	program.get(live).wants(200) // a live one is never refused because of others
	now = now.Add(time.Minute)
	program.get("/calendar/wrong").wants(404)
}

// TestACalendarShowsWhatItsOwnerMaySee follows one person's calendar through their day.
func TestACalendarShowsWhatItsOwnerMaySee(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 25, 0, 45, 0, 0, time.UTC) // in Rome it is a quarter to three, for the first time
	s := newSite(t, func(o *web.Options) { o.Now, o.BaseURL = func() time.Time { return now }, "https://crm.example:8443" })
	ctx, all := context.Background(), []authz.Permission{authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction}
	b := s.as(t, "rosa", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", all...))
	me := s.db.As(postgrestest.Actor(b.user, authz.Own, all...), postgres.Origin{})
	mine := postgrestest.Organization(t, s.db, "Nørth, Ltd; & Sons", postgrestest.ID(b.user.ID))
	ada := postgrestest.Contact(t, s.db, "Ada", "Lind", postgrestest.ID(b.user.ID))
	ben := postgrestest.Contact(t, s.db, "Ben", "Rossi", uuid.NullUUID{}) // out of reach
	conn := postgrestest.Connect(t, s.url)
	log := func(i crm.Interaction) postgres.Saved { // by the system, which sees everybody, in the owner's name
		t.Helper()
		i.OrganizationID = postgrestest.ID(mine)
		saved, err := postgrestest.System(s.db).LogInteraction(ctx, i, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
		_, err = conn.Exec(ctx, `BEGIN; SET LOCAL session_replication_role = replica; UPDATE interactions SET user_id = '`+b.user.ID.String()+`' WHERE id = '`+saved.ID.String()+`'; COMMIT`)
		fatal(t, err)
		return saved
	}
	rome, err := time.LoadLocation("Europe/Rome")
	fatal(t, err)
	kickoff := log(crm.Interaction{
		Channel: crm.Meeting, Subject: "Kick-off: plan, budget; \"scope\" \\ risks 👩‍👩‍👧‍👦 " + strings.Repeat("שלום ", 25), Body: "Not for calendars", ContactID: postgrestest.ID(ada), Attendees: crm.AttendeesOf(ben),
		HappenedAt: time.Date(2027, 3, 28, 1, 30, 0, 0, rome), DurationMinutes: new(90), // the night the clocks go forward
	})
	log(crm.Interaction{Channel: crm.Call, Subject: "A call of a quarter", HappenedAt: now.AddDate(0, 0, -89), DurationMinutes: new(15)})
	log(crm.Interaction{Channel: crm.Call, Subject: "A call, nobody knows how long", HappenedAt: now})
	log(crm.Interaction{Channel: crm.Note, Subject: "A note", HappenedAt: now})
	log(crm.Interaction{Channel: crm.Meeting, Subject: "Long ago", HappenedAt: now.AddDate(0, 0, -91)})
	log(crm.Interaction{Channel: crm.Meeting, Subject: "Some meeting", HappenedAt: now})
	clock := crm.Clock{Now: now, Zone: rome}
	follow := func(title, due string) postgres.Saved {
		t.Helper()
		saved, err := me.CreateFollowUp(ctx, crm.FollowUp{Title: title, Due: crm.ParseDue(due, rome), OrganizationID: postgrestest.ID(mine)}, audit.Organization, clock, uuid.NullUUID{})
		fatal(t, err)
		return saved
	}
	offer := follow("Send the offer", "2026-12-31")
	follow("Call at nine", "2026-10-26T09:00")
	cancelled := follow("Cancelled", "2026-11-05")
	_, err = me.CancelFollowUp(ctx, cancelled.ID)
	fatal(t, err)

	feed := b.subscribe()
	program := s.browser(t)
	got := program.get(feed).wants(200).events()
	i := got[strings.TrimSpace("Kick-off: plan, budget; \"scope\" \\ risks 👩‍👩‍👧‍👦 "+strings.Repeat("שלום ", 25))]
	if diff := cmp.Diff(event{
		UID: kickoff.ID.String() + "@crm.example", Summary: i.Summary, Description: "With Nørth, Ltd; & Sons, Ada Lind\nhttps://crm.example:8443/interactions/" + kickoff.ID.String(),
		URL: "https://crm.example:8443/interactions/" + kickoff.ID.String(), Start: "20270328T003000Z", End: "20270328T020000Z", Sequence: "1", Stamp: i.Modified, Modified: i.Modified,
	}, i); diff != "" || i.Summary == "" {
		t.Errorf("the meeting (-want +got)\n%s", diff)
	}
	f := got["Send the offer"]
	if diff := cmp.Diff(event{
		UID: offer.ID.String() + "@crm.example", Summary: "Send the offer", Description: "With Nørth, Ltd; & Sons\nhttps://crm.example:8443/follow-ups/" + offer.ID.String(),
		URL: "https://crm.example:8443/follow-ups/" + offer.ID.String(), Start: "20261231", End: "20270101", Sequence: "1", Stamp: f.Modified, Modified: f.Modified,
	}, f); diff != "" {
		t.Errorf("the follow-up of a day (-want +got)\n%s", diff)
	}
	if nine := got["Call at nine"]; nine.Start != "20261026T080000Z" || nine.End != "20261026T083000Z" {
		t.Errorf("nine in Rome is %s to %s", nine.Start, nine.End)
	}
	if some := got["Some meeting"]; some.Start != "20261025T004500Z" || some.End != "20261025T011500Z" {
		t.Errorf("a meeting of which nobody said how long it took is %s to %s", some.Start, some.End)
	}
	if want := []string{"A call of a quarter", "Call at nine", i.Summary, "Send the offer", "Some meeting"}; !cmp.Equal(want, program.get(feed).subjects()) {
		t.Errorf("it shows %q, want %q", program.get(feed).subjects(), want)
	}

	// what changes moves on: its sequence, its time of change, the file's name
	first := program.get(feed)
	tag := first.header.Get("ETag")
	if again := program.get(feed); tag == "" || again.header.Get("ETag") != tag || again.body != first.body {
		t.Errorf("asked again without a change it is another file: %s, %s", tag, again.header.Get("ETag"))
	}
	for given, status := range map[string]int{tag: 304, strings.TrimPrefix(tag, "W/"): 304, `"other", ` + tag: 304, "*": 304, `"other"`: 200, "": 200} {
		req := program.request(http.MethodGet, feed, nil)
		req.Header.Set("If-None-Match", given)
		if a := program.do(req); a.status != status || status == 304 && a.body != "" {
			t.Errorf("If-None-Match %q: %d", given, a.status)
		}
	}
	interaction, err := me.Interaction(ctx, kickoff.ID)
	fatal(t, err)
	interaction.Subject = "Kick-off"
	_, err = me.UpdateInteraction(ctx, interaction)
	fatal(t, err)
	moved := program.get(feed).wants(200)
	e := moved.events()["Kick-off"]
	if moved.header.Get("ETag") == tag || e.UID != i.UID || e.Sequence != "2" || e.Modified < i.Modified {
		t.Errorf("after an edit it is %+v", e)
	}
	_, err = me.DeleteInteraction(ctx, kickoff.ID)
	fatal(t, err)
	_, err = me.FinishFollowUp(ctx, crm.Finish{ID: offer.ID}, uuid.NullUUID{})
	fatal(t, err)
	if want := []string{"A call of a quarter", "Call at nine", "Some meeting"}; !cmp.Equal(want, program.get(feed).subjects()) {
		t.Errorf("after a delete and a done it shows %q", program.get(feed).subjects())
	}

	// and so do the rights of its owner
	admin := postgrestest.System(s.db)
	change := func(permissions ...authz.Permission) {
		t.Helper()
		u, err := admin.User(ctx, b.user.ID)
		fatal(t, err)
		u.RoleIDs = []uuid.UUID{postgrestest.Role(t, s.db, "own", permissions...)}
		_, err = admin.UpdateUser(ctx, u)
		fatal(t, err)
	}
	change(authz.ViewInteraction)
	if a := program.get(feed); len(a.subjects()) != 3 || strings.Contains(a.body, "Nørth") {
		t.Errorf("without ViewClient it says\n%s", a.body)
	}
	change(authz.ViewClient)
	if a := program.get(feed).wants(200); len(a.subjects()) != 0 {
		t.Errorf("without ViewInteraction it shows %q", a.subjects())
	}
}

// TestOneMeetingAsAFile adds a meeting to a calendar.
func TestOneMeetingAsAFile(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, ctx := s.role(t, "manager"), context.Background()
	o := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	log := func(c crm.Channel, minutes *int) string {
		saved, err := postgrestest.System(s.db).LogInteraction(ctx, crm.Interaction{OrganizationID: postgrestest.ID(o), Channel: c, Subject: "Renewal", HappenedAt: time.Date(2026, 12, 4, 9, 0, 0, 0, time.UTC), DurationMinutes: minutes}, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
		return "/interactions/" + saved.ID.String()
	}
	call := log(crm.Call, new(45))
	href, _ := b.get(call).wants(200).doc.Find(`a[download]`).Attr("href")
	if href != call+"/calendar.ics" {
		t.Fatalf("the page leads to %q", href)
	}
	a := b.get(href).wants(200)
	if e := a.events()["Renewal"]; e.Start != "20261204T090000Z" || e.End != "20261204T094500Z" || !strings.Contains(a.body, "METHOD:PUBLISH\r\n") {
		t.Errorf("it is %+v in\n%s", e, a.body)
	}
	if got := a.header.Get("Content-Disposition"); got != `attachment; filename="call.ics"` {
		t.Errorf("saved as %q", got)
	}
	b.get(log(crm.Meeting, nil) + "/calendar.ics").wants(200)
	for _, none := range []string{log(crm.Call, nil), log(crm.Note, nil), log(crm.Email, nil)} {
		b.get(none).wants(200).lacks("Add to calendar")
		b.get(none + "/calendar.ics").wants(404)
	}
	stranger := s.as(t, "stranger", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewInteraction))
	stranger.get(href).wants(404)
	b.get(fmt.Sprintf("/interactions/%s/calendar.ics", uuid.New())).wants(404)
}

// TestMakingAnAddressAsksForThePassword, as making a token does.
func TestMakingAnAddressAsksForThePassword(t *testing.T) {
	t.Parallel()
	now := time.Now()
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return now } })
	b := s.role(t, "viewer")
	now = now.Add(time.Hour)
	b.post("/account/calendar").wants(422).has("password")
	if n := query[int](t, s, `SELECT count(*)::int FROM calendar_feeds`); n != 0 {
		t.Errorf("%d addresses were made before", n)
	}
	b.post("/account/calendar", "confirm_password", testPassword).wants(200).has("It is shown only now.")
}
