package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// evening is half past eleven on a Saturday in New York, when in Rome it is Sunday already.
var evening = time.Date(2026, 11, 29, 4, 30, 0, 0, time.UTC)

// planner is a site at that hour, with one organization.
func planner(t *testing.T) (*site, *browser, string) {
	t.Helper()
	s := newSite(t, func(o *web.Options) { o.Now = func() time.Time { return evening } })
	b := s.role(t, "admin")
	return s, b, postgrestest.Organization(t, s.db, "Granvik", postgrestest.ID(b.user.ID)).String()
}

// lives lets a person live in a zone.
func (b *browser) lives(zone string) *browser {
	b.t.Helper()
	b.post("/account", "name", "N", "zone", zone).wants(http.StatusSeeOther)
	return b
}

// planned plans a follow-up on the organization and returns its path.
func (b *browser) planned(org string, fields ...string) string {
	b.t.Helper()
	b.post("/organizations/"+org+"/follow-ups", fields...).wants(http.StatusSeeOther)
	return "/follow-ups/" + query[string](b.t.(*testing.T), b.site, `SELECT id::text FROM follow_ups ORDER BY id DESC LIMIT 1`)
}

func TestDueOnADayIsThatDayEverywhere(t *testing.T) {
	t.Parallel()
	s, rome, org := planner(t)
	rome.lives("Europe/Rome")
	york := s.role(t, "admin").lives("America/New_York")
	path := rome.planned(org, "title", "Send the contract", "due", "2026-11-30")
	for name, b := range map[string]*browser{"Rome": rome, "New York": york} {
		a := b.get(path).wants(http.StatusOK).has("Monday 30 November 2026")
		if got := a.doc.Find("time").First().AttrOr("datetime", ""); got != "2026-11-30" {
			t.Errorf("in %s it is due %q, want the 30th", name, got)
		}
	}
	rome.get(path).has("Due tomorrow")
	york.get(path).has("Due in 2 days")
	// today has begun in Rome and not yet in New York
	rome.post("/organizations/"+org+"/follow-ups", "title", "T", "due", "2026-11-28").wants(http.StatusUnprocessableEntity).has("This day is past.")
	york.post("/organizations/"+org+"/follow-ups", "title", "T", "due", "2026-11-28").wants(http.StatusSeeOther)
}

func TestTomorrowAtNineIsNineForWhomItWasSaid(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	for zone, want := range map[string]string{"Europe/Rome": "2026-11-30T08:00:00Z", "America/New_York": "2026-11-29T14:00:00Z"} {
		day := evening.In(location(t, zone)).AddDate(0, 0, 1).Format(time.DateOnly)
		b.lives(zone)
		for _, fields := range [][]string{{"due", day, "due_time", "09:00"}, {"due", day + "T09:00"}, {"due", want}} {
			path := b.planned(org, append(fields, "title", "Call")...)
			if got := query[time.Time](t, s, `SELECT due_at FROM follow_ups ORDER BY id DESC LIMIT 1`).UTC().Format(time.RFC3339); got != want {
				t.Errorf("%v in %s is due at %s, want %s", fields, zone, got, want)
			}
			b.get(path).has("Due tomorrow, 09:00")
		}
		b.planned(org, "title", "Call", "in", "1d")
		if got := query[string](t, s, `SELECT due_on::text FROM follow_ups ORDER BY id DESC LIMIT 1`); got != day {
			t.Errorf("tomorrow in %s is %s, want %s", zone, got, day)
		}
	}
}

func location(t *testing.T, name string) *time.Location {
	t.Helper()
	l, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestTheLogBoxPlansWhatIsNext(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	first := b.planned(org, "title", "Call them", "in", "1d")
	id := strings.TrimPrefix(first, "/follow-ups/")
	page := b.get("/organizations/" + org).wants(http.StatusOK)
	if page.doc.Find(`[name="done_follow_up"][value="`+id+`"]`).Length() != 1 || page.doc.Find(`select[name="next_user_id"]`).Length() != 0 {
		t.Error("the box of a client's page offers its open follow-up, and no long list of colleagues")
	}
	full := b.get("/organizations/" + org + "/interactions/new").wants(http.StatusOK)
	if full.doc.Find(`select[name="next_user_id"] option`).Length() < 2 {
		t.Error("the box on a page of its own offers colleagues")
	}
	fields := []string{"channel", "call", "subject", "Renewal", "next_title", "Send the contract", "next_in", "1w", "done_follow_up", id, "form_token", uuid.NewString()}
	done := b.post("/organizations/"+org+"/interactions", fields...).follow().has("Interaction logged. Next: Send the contract").has("Undo")
	b.post("/organizations/"+org+"/interactions", fields...).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT string_agg(title || ' ' || state || ' ' || due_on, ', ' ORDER BY id) FROM follow_ups`); got != "Call them done 2026-11-30, Send the contract open 2026-12-06" {
		t.Errorf("sent twice, the follow-ups are %q", got)
	}
	if n := query[int](t, s, `SELECT count(*) FROM interactions`); n != 1 {
		t.Errorf("sent twice, %d interactions were logged", n)
	}
	b.get(first).has("It led to: Renewal")
	undo, _ := done.doc.Find(".toast form").Attr("action")
	b.post(undo).wants(http.StatusSeeOther)
	if got := query[string](t, s, `SELECT string_agg(title || ' ' || state, ', ') FROM follow_ups`); got != "Call them open" {
		t.Errorf("taken back, the follow-ups are %q", got)
	}
}

func TestAWrongNextKeepsEverythingTyped(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	gone := s.user(t, "gone")
	_, err := postgrestest.System(s.db).SetUserActive(context.Background(), gone.ID, false)
	fatal(t, err)
	base := []string{"channel", "meeting", "subject", "Renewal", "body", "All of it", "outcome", "Resolved"}
	for name, c := range map[string]struct {
		fields []string
		says   string
	}{
		"when without what":     {[]string{"next_due", "2026-12-04"}, "Enter what is to be done."},
		"a choice without what": {[]string{"next_in", "1w"}, "Enter what is to be done."},
		"what without when":     {[]string{"next_title", "Call"}, "Choose a day like 2026-12-04"},
		"an unknown choice":     {[]string{"next_title", "Call", "next_in", "3y"}, "Choose a day like 2026-12-04"},
		"past":                  {[]string{"next_title", "Call", "next_due", "2026-11-28"}, "This day is past."},
		"far":                   {[]string{"next_title", "Call", "next_due", "2036-11-30"}, "Choose a day within the next 10 years."},
		"somebody who left":     {[]string{"next_title", "Call", "next_in", "1w", "next_user_id", gone.ID.String()}, "This person no longer works here."},
		"a foreign follow-up":   {[]string{"done_follow_up", uuid.NewString()}, "There is no such follow-up here."},
		"no follow-up at all":   {[]string{"done_follow_up", "x"}, "There is no such follow-up here."},
	} {
		fields := append(append([]string{}, base...), c.fields...)
		a := b.post("/organizations/"+org+"/interactions", fields...).wants(http.StatusUnprocessableEntity).has(c.says)
		if a.doc.Find(`[aria-invalid="true"], .box-done .error`).Length() == 0 {
			t.Errorf("%s: no field is marked", name)
		}
		for i := 0; i < len(fields); i += 2 {
			if field := fields[i]; field == "subject" || field == "body" || field == "outcome" || field == "next_title" || field == "next_due" {
				if got := a.value(field); got != fields[i+1] {
					t.Errorf("%s: %s came back as %q, want %q", name, field, got, fields[i+1])
				}
			}
		}
	}
	if n := query[int](t, s, `SELECT (SELECT count(*) FROM interactions) + (SELECT count(*) FROM follow_ups)`); n != 0 {
		t.Errorf("%d records were written, want none", n)
	}
	_, err = postgrestest.System(s.db).SetOrganizationActive(context.Background(), uuid.MustParse(org), false)
	fatal(t, err)
	b.post("/organizations/"+org+"/interactions", append(base, "next_title", "Call", "next_in", "1w")...).wants(http.StatusUnprocessableEntity).has("This organization is archived")
	b.post("/organizations/"+org+"/follow-ups", "title", "Call", "in", "1w").wants(http.StatusUnprocessableEntity).has("This organization is archived")
}

func TestDoneInOneTapAndWithTheCall(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	path := b.planned(org, "title", "Call them", "in", "1d")
	req := b.request(http.MethodPost, path+"/done", strings.NewReader("version=1"))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Referer", s.server.URL+"/follow-ups?who=all")
	if to := b.do(req).wants(http.StatusSeeOther).to(); to != "/follow-ups?who=all" {
		t.Errorf("done in the list leads to %s, want back there", to)
	}
	b.post(path+"/done", "version", "1").follow().has("Nothing changed")
	b.post(path+"/reopen", "version", "1").wants(http.StatusConflict)
	b.post(path + "/reopen").follow().has("Follow-up opened again.")
	stale := b.post(path+"/done", "version", "1", "body", "They agreed", "channel", "call").wants(http.StatusConflict)
	if got := stale.value("body"); got != "They agreed" {
		t.Errorf("after a conflict the notes are %q", got)
	}
	b.post(path+"/done", "version", stale.value("version"), "outcome", "Resolved", "channel", "call", "body", "They agreed").follow().has("Follow-up done, interaction logged.").has("It led to: Call them")
	if got := query[string](t, s, `SELECT subject || '/' || body || '/' || outcome FROM interactions`); got != "Call them/They agreed/Resolved" {
		t.Errorf("logged: %q", got)
	}
	b.post(path + "/cancel").wants(http.StatusUnprocessableEntity).has("This follow-up is done: open it again first.")
	b.post(path+"/snooze", "in", "1w").wants(http.StatusUnprocessableEntity).has("open it again first")
	b.get(path + "/history").wants(http.StatusOK).has("Did a follow-up")
	b.get("/organizations/" + org).has("Did a follow-up: Call them")
}

func TestAStaleEditStandsBesideTheOther(t *testing.T) {
	t.Parallel()
	_, b, org := planner(t)
	path := b.planned(org, "title", "Call them", "due", "2026-12-04", "due_time", "09:00")
	form := b.get(path + "/edit").wants(http.StatusOK)
	if form.value("due") != "2026-12-04" || form.value("due_time") != "09:00" {
		t.Errorf("the form shows %s %s", form.value("due"), form.value("due_time"))
	}
	b.post(path, "version", "1", "title", "Call them", "due", "2026-12-04", "due_time", "09:00", "user_id", b.user.ID.String()).follow().has("Nothing changed")
	b.post(path, "version", "1", "title", "Theirs", "due", "2026-12-04", "due_time", "09:00", "user_id", b.user.ID.String()).follow().has("Follow-up saved.")
	a := b.post(path, "version", "1", "title", "Call them", "due", "2026-12-05", "due_time", "10:00", "user_id", b.user.ID.String()).wants(http.StatusConflict)
	if a.value("due") != "2026-12-05T10:00" || a.value("title") != "Theirs" {
		t.Errorf("the conflict carries %q due %q, want mine where I changed it and theirs elsewhere", a.value("title"), a.value("due"))
	}
	b.post(path, "version", a.value("version"), "title", a.value("title"), "due", a.value("due"), "user_id", b.user.ID.String()).follow().has("Follow-up saved.")
}

func TestSnoozeReassignAndFinishMany(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	colleague := s.user(t, "colleague")
	var ids []string
	for _, title := range []string{"One", "Two"} {
		ids = append(ids, strings.TrimPrefix(b.planned(org, "title", title, "in", "1d"), "/follow-ups/"))
	}
	list := url.Values{"who": {"all"}, "nonsense": {"x"}}.Encode()
	a := b.post("/follow-ups/bulk", "action", "snooze", "in", "1w", "id", ids[0], "id", ids[1], "id", uuid.NewString(), "list", list)
	if a.to() != "/follow-ups?who=all" {
		t.Errorf("led to %s, want the list without what it does not know", a.to())
	}
	a.follow().has("2 follow-ups put off. Left as they were: 1 is not there any more.").has("Undo")
	b.post("/follow-ups/bulk", "action", "assign", "user_id", colleague.ID.String(), "id", ids[0]).follow().has("1 follow-up given on.")
	b.post("/follow-ups/bulk", "action", "done", "id", ids[0], "id", ids[1]).follow().has("2 follow-ups done.")
	for says, fields := range map[string][]string{
		"Choose at least one row.":          {"action", "done"},
		"There is no such action.":          {"action", "lose", "id", ids[0]},
		"There is no such follow-up.":       {"action", "done", "id", "x"},
		"Choose for whom they shall be.":    {"action", "assign", "id", ids[0]},
		"There is no such user.":            {"action", "assign", "id", ids[0], "user_id", uuid.NewString()},
		"This day is past.":                 {"action", "snooze", "id", ids[0], "until", "2020-01-01"},
		"Choose a day like 2026-12-04, or ": {"action", "snooze", "id", ids[0]},
	} {
		b.post("/follow-ups/bulk", fields...).wants(http.StatusUnprocessableEntity).has(says)
	}
}

// TestAllFollowUpsOfAListAreConfirmedFirst, found by its filter and by nothing that got lost on the way.
func TestAllFollowUpsOfAListAreConfirmedFirst(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	colleague := s.user(t, "colleague")
	for _, in := range []string{"1d", "2d", "1m"} {
		b.planned(org, "title", "In "+in, "in", in)
	}
	list := b.get("/follow-ups?due=week")
	all := b.get(list.href("form#selection", "Select all: 2 follow-ups"))
	all.has("All are selected: 2 follow-ups.")
	if got := all.boxes(":not([disabled])"); len(got) != 0 {
		t.Errorf("with all picked %d boxes would be sent, too", len(got))
	}
	for action, asks := range map[string]string{"snooze": "Put 2 follow-ups off until", "done": "Mark 2 follow-ups as done?"} {
		all.act(action, "in", "2w").wants(http.StatusOK).has(asks)
	}
	all.act("assign", "user_id", "nobody").has("Leave 2 follow-ups to nobody in particular?")
	asked := all.act("assign", "user_id", colleague.ID.String()).wants(http.StatusOK)
	asked.has("Give 2 follow-ups to " + colleague.Name + "?")
	if n := query[int](t, s, `SELECT count(*) FROM follow_ups WHERE user_id = $1`, colleague.ID); n != 0 {
		t.Fatalf("%d are given before it is confirmed", n)
	}
	var sent []string
	for _, name := range []string{"action", "all", "list", "user_id", "until", "confirmed", "form_token"} {
		sent = append(sent, name, asked.value(name))
	}
	done := b.post("/follow-ups/bulk", sent...)
	if done.to() != "/follow-ups?due=week" {
		t.Errorf("it led to %q", done.to())
	}
	after := done.follow()
	after.has("2 follow-ups given on.")
	b.post(after.doc.Find(".toast form").AttrOr("action", "")).wants(http.StatusSeeOther)
	b.get("/follow-ups").has("In 1d").has("In 2d").has("In 1m")

	for name, fields := range map[string][]string{
		"no list":            {"all", "1"},
		"an unknown filter":  {"all", "1", "list", "who=me&ownr=x"},
		"a filter twice":     {"all", "1", "list", "due=week&due=later"},
		"all and a row":      {"all", "1", "list", "", "id", uuid.NewString()},
		"a wrong filter":     {"all", "1", "list", "state=lost"},
		"a wrong person":     {"all", "1", "list", "who=x"},
		"a row that is none": {"all", "1", "list", "", "id", "x"},
	} {
		a := b.post("/follow-ups/bulk", append([]string{"action", "done", "confirmed", "1"}, fields...)...)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: got %d, want 422", name, a.status)
		}
	}
}

// TestWhoLeavesLeavesNothingUndone: what they had to do is found by their name, put off as it is, and given on at once;
// nothing new is given to them.
func TestWhoLeavesLeavesNothingUndone(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	gone := s.user(t, "gone")
	path := b.planned(org, "title", "Left behind", "in", "1d", "user_id", gone.ID.String())
	other := b.planned(org, "title", "My own task", "in", "1d")
	b.post("/admin/users/" + gone.ID.String() + "/deactivate").wants(http.StatusSeeOther)
	list := b.get(b.get("/admin/users/"+gone.ID.String()).href("main", "What they had to do")).has("Left behind").lacks("My own task")
	if got := list.doc.Find(`.tabs [aria-current]`).Text(); !strings.Contains(got, gone.Name) {
		t.Errorf("the list is called %q, want by the name of who left", got)
	}
	b.post(path, "version", "1", "title", "Left behind still", "due", "2026-12-04", "user_id", gone.ID.String()).follow().has("Follow-up saved.")
	b.post(path+"/snooze", "in", "1w").follow().has("Follow-up put off.")
	b.post(other, "version", "1", "title", "My own task", "due", "2026-12-04", "user_id", gone.ID.String()).wants(http.StatusUnprocessableEntity).has("This person no longer works here.")
	b.post("/follow-ups/bulk", "action", "assign", "user_id", gone.ID.String(), "id", strings.TrimPrefix(other, "/follow-ups/")).wants(http.StatusUnprocessableEntity).has("This person no longer works here.")
	b.post("/follow-ups/bulk", "action", "assign", "user_id", b.user.ID.String(), "all", "1", "list", "who="+gone.ID.String(), "confirmed", "1").follow().has("1 follow-up given on.")
	b.get("/follow-ups").has("Left behind still")
}

// TestAnArchivedClientsFollowUpsComeToAnEnd: done, cancelled, put off, or with what was said; nothing more is planned.
func TestAnArchivedClientsFollowUpsComeToAnEnd(t *testing.T) {
	t.Parallel()
	_, b, org := planner(t)
	one, two, three := b.planned(org, "title", "One", "in", "1d"), b.planned(org, "title", "Two", "in", "1d"), b.planned(org, "title", "Three", "in", "1d")
	page := "/organizations/" + org
	if b.get(page).doc.Find(`form[action="`+page+`/follow-ups"]`).Length() != 1 {
		t.Error("a client in use offers no plan")
	}
	b.post(page + "/archive").wants(http.StatusSeeOther)
	if b.get(page).has("One").doc.Find(`form[action="`+page+`/follow-ups"]`).Length() != 0 {
		t.Error("an archived client offers a plan that would be refused")
	}
	b.post(page+"/follow-ups", "title", "Four", "in", "1d").wants(http.StatusUnprocessableEntity).has("This organization is archived")
	b.post(one+"/snooze", "in", "1w").follow().has("Follow-up put off.")
	b.post(one+"/done", "log", "1", "channel", "call", "subject", "Goodbye").follow().has("Follow-up done, interaction logged.")
	b.post(page+"/interactions", "channel", "call", "subject", "Last words", "done_follow_up", strings.TrimPrefix(two, "/follow-ups/")).follow().has("Interaction logged.")
	b.post(three + "/cancel").follow().has("Follow-up cancelled.")
	if got := b.get(three + "/edit").to(); got != three {
		t.Errorf("the form of one that is closed leads to %q, want its page, which opens it again", got)
	}
	b.get(page).has("Nothing is planned.")
}

// TestManyFollowUpsAreDoneInTheBackground, and the page of the job says what became of them.
func TestManyFollowUpsAreDoneInTheBackground(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	b.planned(org, "title", "One", "in", "1d")
	store := s.db.As(postgrestest.Actor(b.user, authz.All, authz.Permissions...), postgres.Origin{})
	clock := crm.Clock{Now: evening, Zone: time.UTC}
	for n := range crm.MaxAtOnce {
		f := crm.FollowUp{Title: fmt.Sprint("Call ", n), Due: crm.DueIn("1d", clock), OrganizationID: postgrestest.ID(uuid.MustParse(org))}
		_, err := store.CreateFollowUp(context.Background(), f, "", clock, uuid.NullUUID{})
		fatal(t, err)
	}
	left := b.post("/follow-ups/bulk", "action", "done", "all", "1", "list", "", "confirmed", "201", "form_token", uuid.NewString())
	left.follow().has("This is about to begin")
	queue := s.db.Jobs()
	jobs, err := queue.Waiting(context.Background())
	fatal(t, err)
	for _, id := range jobs {
		fatal(t, queue.Do(context.Background(), id))
	}
	done := b.get(left.to())
	done.has("201 follow-ups done.")
	if got := done.href("main", "Back to the list"); got != "/follow-ups" {
		t.Errorf("back leads to %q", got)
	}
	b.post(done.doc.Find("main .bar form").AttrOr("action", "")).wants(http.StatusSeeOther)
}

func TestFollowUpsOutOfReachAreNotThere(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	path := b.planned(org, "title", "Secret plan", "in", "1d")
	other := s.as(t, "other", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.ViewInteraction, authz.EditInteraction))
	other.get(path).wants(http.StatusNotFound).lacks("Secret")
	other.get(path + "/edit").wants(http.StatusNotFound)
	other.get(path + "/history").wants(http.StatusNotFound)
	for _, what := range []string{"", "/done", "/snooze", "/cancel", "/reopen"} {
		other.post(path+what, "version", "1", "title", "T", "due", "2026-12-04", "in", "1w").wants(http.StatusNotFound).lacks("Secret")
	}
	other.get("/follow-ups?who=all&state=all").wants(http.StatusOK).lacks("Secret")
	other.post("/organizations/"+org+"/follow-ups", "title", "T", "in", "1w").wants(http.StatusNotFound)
	b.get("/follow-ups/" + uuid.NewString()).wants(http.StatusNotFound)
	b.get("/follow-ups/x").wants(http.StatusNotFound)
	blind := s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewInteraction, authz.EditInteraction))
	blind.get(path).wants(http.StatusOK).has("Secret plan").lacks("Granvik")
	blind.get("/follow-ups?who=all").wants(http.StatusOK).has("Secret plan").lacks("Granvik")
	blind.post(path+"/done", "log", "1", "channel", "call").wants(http.StatusForbidden).has("Missing permission: ViewClient")
	blind.post(path + "/done").wants(http.StatusSeeOther)
}

func TestTheListIsParted(t *testing.T) {
	t.Parallel()
	s, b, org := planner(t)
	b.lives("Europe/Rome")
	for title, due := range map[string]string{"Now": "2026-11-29", "Soon": "2026-12-06", "Far": "2026-12-07", "Hour": "2026-11-29T06:00"} {
		b.planned(org, "title", title, "due", due)
	}
	a := b.get("/follow-ups").wants(http.StatusOK)
	if got := a.doc.Find(".todos h2").Text(); got != "Today 2Next 7 days 1Later 1" {
		t.Errorf("the parts are %q", got)
	}
	for due, want := range map[string]string{"today": "2 follow-ups", "week": "1 follow-up", "later": "1 follow-up", "overdue": "No follow-up matches"} {
		b.get("/follow-ups?due=" + due).wants(http.StatusOK).has(want)
	}
	b.get("/follow-ups?who=team").wants(http.StatusOK).has("Nothing to do")
	b.get("/follow-ups?who=" + s.user(t, "somebody").ID.String()).wants(http.StatusOK).has("somebody")
	b.get("/follow-ups?who=all&limit=2").wants(http.StatusOK).has("Next")
	for _, q := range []string{"state=lost", "due=never", "who=x", "organization=x", "limit=0", "after=x"} {
		b.get("/follow-ups?" + q).wants(http.StatusUnprocessableEntity)
	}
	b.get("/organizations").wants(http.StatusOK).has("Next follow-up")
}
