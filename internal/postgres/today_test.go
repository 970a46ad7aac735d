package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// leads returns the register as mia sees it when she leads a team with tom.
func (f *firm) leads() *postgres.Store {
	a := postgrestest.Actor(f.mia, authz.Team, four...)
	a.Owners = []uuid.UUID{f.mia.ID, f.tom.ID}
	return f.db.As(a, postgres.Origin{})
}

// TestTodayHasWhatIsDue in its span, the first ones of many, with how many there are.
func TestTodayHasWhatIsDue(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	c := crm.Clock{Now: time.Date(2026, 11, 25, 15, 0, 0, 0, time.UTC), Zone: time.UTC}
	plan := func(title string, due crm.Due, whose crm.User) {
		t.Helper()
		early := crm.Clock{Now: c.Now.AddDate(0, 0, -60), Zone: time.UTC}
		_, err := f.all(f.mia).CreateFollowUp(ctx, crm.FollowUp{Title: title, Due: due, UserID: idOf(whose.ID), OrganizationID: idOf(f.hers)}, audit.Organization, early, none)
		fatal(t, err)
	}
	for n := range 12 {
		plan(fmt.Sprint("Late ", n), crm.Due{Day: crm.Day("2026-11-01").Plus(n)}, f.mia)
	}
	plan("An hour late", crm.Due{At: c.Now.Add(-time.Hour)}, f.mia)
	plan("At four", crm.Due{At: c.Now.Add(time.Hour)}, f.mia)
	plan("Some time today", crm.Due{Day: "2026-11-25"}, f.mia)
	plan("Tomorrow", crm.Due{Day: "2026-11-26"}, f.mia)
	plan("In a week", crm.Due{Day: "2026-12-02"}, f.mia)
	plan("In eight days", crm.Due{Day: "2026-12-03"}, f.mia)
	plan("For somebody else", crm.Due{Day: "2026-11-25"}, f.tom)
	today := must(f.all(f.mia).Today(ctx, c))(t)
	var got []string
	for _, d := range today.Due {
		titles := make([]string, len(d.Rows))
		for i, r := range d.Rows {
			titles[i] = r.Title
		}
		got = append(got, fmt.Sprintf("%s %d: %s", d.Span, d.Count, strings.Join(titles, ", ")))
	}
	want := []string{
		"overdue 13: Late 0, Late 1, Late 2, Late 3, Late 4, Late 5, Late 6, Late 7, Late 8, Late 9",
		"today 2: Some time today, At four", "week 2: Tomorrow, In a week",
	}
	if strings.Join(got, "\n") != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	for _, w := range today.Staff.People {
		if want := map[string][2]int{"mia": {18, 13}, "tom": {1, 0}}[w.Name]; w.FollowUps != want[0] || w.Overdue != want[1] {
			t.Errorf("%s has %d open, %d overdue, want %v", w.Name, w.FollowUps, w.Overdue, want)
		}
	}
}

// TestWithoutARhythmTheLongSilentAreShown until it is said for one client how often to be in touch.
func TestWithoutARhythmTheLongSilentAreShown(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	silent := postgrestest.Organization(t, f.db, "Silent", idOf(f.mia.ID))
	archived := postgrestest.Organization(t, f.db, "Archived", idOf(f.mia.ID))
	for _, org := range []uuid.UUID{silent, archived, f.his} {
		_, err := f.all(f.mia).LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(org), Channel: crm.Call, Subject: "Call", HappenedAt: time.Now().AddDate(0, 0, -100)}, audit.Organization, none)
		fatal(t, err)
	}
	f.log(t, f.all(f.mia), idOf(f.hers), none, "Just now")
	must(f.all(f.mia).SetOrganizationActive(ctx, archived, false))(t)
	s := f.own(f.mia)
	today := must(s.Today(ctx, utcNow()))(t)
	if today.Rhythm || today.Silent.Count != 1 || len(today.Silent.Rows) != 1 || today.Silent.Rows[0].ID != silent {
		t.Errorf("without a rhythm %v: %+v", today.Rhythm, today.Silent)
	}
	thirty := 30
	must(s.SetOrganizationTouch(ctx, silent, must(s.Organization(ctx, silent))(t).Version, &thirty))(t)
	today = must(s.Today(ctx, utcNow()))(t)
	if !today.Rhythm || today.Silent.Count != 0 || len(today.Silent.Rows) != 0 || today.Quiet.Organizations != 1 || today.Quiet.Clients[0].ID != silent {
		t.Errorf("with one %v: %+v, quiet %+v", today.Rhythm, today.Silent, today.Quiet)
	}
}

// TestATeamIsNotToldOfTalkOutsideIt, not even the number.
func TestATeamIsNotToldOfTalkOutsideIt(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	out := postgrestest.Organization(t, f.db, "Out", none)
	person := f.contact(t, "Ada", idOf(f.tom.ID))
	f.link(t, out, person, "")
	f.log(t, f.all(f.tom), idOf(out), none, "Out of reach")
	f.log(t, f.all(f.tom), idOf(out), idOf(person), "In reach through the person")
	f.log(t, f.all(f.tom), idOf(f.hers), none, "In reach")
	f.log(t, f.all(f.mia), idOf(out), none, "Mine, wherever")
	today := must(f.leads().Today(ctx, utcNow()))(t)
	if got := today.Staff.Talk[7].All(); got != 3 {
		t.Errorf("the team is shown %d interactions of this week, want 3", got)
	}
	for _, w := range today.Staff.People {
		if want := map[string]int{"mia": 1, "tom": 2}[w.Name]; w.Talk[crm.Call] != want {
			t.Errorf("%s: %d calls, want %d", w.Name, w.Talk[crm.Call], want)
		}
	}
	if got := must(f.all(f.mia).Today(ctx, utcNow()))(t).Staff.Talk[7].All(); got != 4 {
		t.Errorf("who reaches all is shown %d, want 4", got)
	}
}

// TestATeamThatTalkedTooMuch is shown the weeks that were counted whole, and numbers that say so where this week was not.
func TestATeamThatTalkedTooMuch(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	c := crm.Clock{Now: time.Date(2026, 11, 25, 15, 0, 0, 0, time.UTC), Zone: time.UTC}
	run(t, f.conn, `SET session_replication_role = replica`)
	talk := func(n, days int) {
		run(t, f.conn, `INSERT INTO interactions (organization_id, user_id, channel, subject, happened_at) SELECT $1, $2, 'call', 'Talk', $3::timestamptz + g * interval '1 second' FROM generate_series(1, $4) g`,
			f.hers, f.tom.ID, c.Now.AddDate(0, 0, -days), n)
	}
	shown := func(weeks, thisWeek int, more bool) {
		t.Helper()
		staff := must(f.leads().Today(ctx, c))(t).Staff
		if len(staff.Talk) != weeks {
			t.Errorf("%d weeks are shown, want %d", len(staff.Talk), weeks)
		}
		for _, w := range staff.People {
			if w.Name == "tom" && (w.Talk[crm.Call] != thisWeek || w.MoreTalk != more) {
				t.Errorf("tom made %d calls, more %v; want %d, %v", w.Talk[crm.Call], w.MoreTalk, thisWeek, more)
			}
		}
		page := must(f.leads().Workloads(ctx, none, c))(t)
		if w := page.People[1]; w.Talk[crm.Call] != thisWeek || w.MoreTalk != more {
			t.Errorf("on the page of the team tom made %d calls, more %v; want %d, %v", w.Talk[crm.Call], w.MoreTalk, thisWeek, more)
		}
	}
	shown(8, 0, false)
	talk(1000, 1)
	talk(400, 8)
	shown(8, 1000, false)
	talk(200, 15) // too many: 1500 are looked at for each of two
	shown(2, 1000, false)
	talk(600, 2)
	shown(0, 1500, true)
}

// TestPeopleComePageByPage by name, nobody twice and nobody left out.
func TestPeopleComePageByPage(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	role := postgrestest.Seeded(t, f.db, "viewer")
	for n := range 53 {
		postgrestest.User(t, f.db, fmt.Sprintf("person-%02d", n), none, "x", role)
	}
	must(f.sys.SetUserActive(ctx, postgrestest.User(t, f.db, "gone", none, "x", role).ID, false))(t)
	s := f.all(f.mia)
	first := must(s.Workloads(ctx, none, utcNow()))(t)
	if len(first.People) != 50 || !first.More {
		t.Fatalf("%d people, more %v", len(first.People), first.More)
	}
	next := must(s.Workloads(ctx, idOf(first.People[49].UserID), utcNow()))(t)
	seen := map[string]bool{}
	for _, w := range append(first.People, next.People...) {
		seen[w.Name] = true
	}
	if len(next.People) != 5 || next.More || len(seen) != 55 || seen["gone"] {
		t.Errorf("%d people follow, more %v; %d in all", len(next.People), next.More, len(seen))
	}
}
