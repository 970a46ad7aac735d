package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// plan makes a follow-up on an organization, due in two days.
func (f *firm) plan(t testing.TB, s *postgres.Store, organization uuid.UUID, title string) postgres.Saved {
	t.Helper()
	return must(s.CreateFollowUp(ctx, crm.FollowUp{Title: title, Due: crm.DueIn("2d", clock), OrganizationID: idOf(organization)}, audit.Organization, clock, none))(t)
}

func titles(list []crm.FollowUp) []string {
	var all []string
	for _, f := range list {
		all = append(all, f.Title)
	}
	return all
}

// call is an interaction about to be logged on an organization.
func call(organization uuid.UUID) crm.Interaction {
	return crm.Interaction{OrganizationID: idOf(organization), Channel: crm.Call, Subject: "Called", Outcome: "Resolved", HappenedAt: time.Now()}
}

func TestAFollowUpLives(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	made := f.plan(t, mia, f.hers, "  Send the offer ")
	read := func() crm.FollowUp { return must(mia.FollowUp(ctx, made.ID))(t) }
	if got := read(); got.Title != "Send the offer" || got.Due != crm.DueIn("2d", clock) || got.UserName != "mia" || got.CreatorName != "mia" ||
		got.OrganizationName != "Hers" || !got.Open() || !got.MayEdit || !got.DoneAt.IsZero() {
		t.Errorf("planned: got %+v", got)
	}
	edited := read()
	edited.Title, edited.Due = "Send both offers", crm.Due{At: clock.Now.Add(72 * time.Hour).Truncate(time.Second)}
	must(mia.UpdateFollowUp(ctx, edited, clock))(t)
	if got := read(); got.Title != "Send both offers" || !got.Due.Equal(edited.Due) {
		t.Errorf("edited: got %+v", got)
	}
	if _, err := mia.UpdateFollowUp(ctx, edited, clock); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a stale edit: got %v, want ErrConflict", err)
	}
	must(mia.SnoozeFollowUp(ctx, made.ID, crm.DueIn("1w", clock), clock))(t)
	if _, err := mia.SnoozeFollowUp(ctx, made.ID, crm.DueIn("1w", clock), clock); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("the same day again: got %v, want ErrUnchanged", err)
	}
	done := must(mia.FinishFollowUp(ctx, crm.Finish{ID: made.ID, Outcome: " Sent "}, none))(t)
	if got := read(); got.State != crm.FollowUpDone || got.Outcome != "Sent" || got.DoneAt.IsZero() || got.DoneByName != "mia" {
		t.Errorf("done: got %+v", got)
	}
	if _, err := mia.FinishFollowUp(ctx, crm.Finish{ID: made.ID}, none); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("done again: got %v, want ErrUnchanged", err)
	}
	for what, err := range map[string]error{
		"cancel": second(mia.CancelFollowUp(ctx, made.ID)), "snooze": second(mia.SnoozeFollowUp(ctx, made.ID, crm.DueIn("1m", clock), clock)),
	} {
		if field := faultOf(err); field != "" {
			t.Errorf("%s of a done one: got %v, want a fault of the whole", what, err)
		}
	}
	must(mia.ReopenFollowUp(ctx, made.ID))(t)
	if got := read(); !got.Open() || got.Outcome != "" || !got.DoneAt.IsZero() || got.DoneBy.Valid {
		t.Errorf("opened again: got %+v", got)
	}
	must(mia.CancelFollowUp(ctx, made.ID))(t)
	if got := read(); got.State != crm.FollowUpCancelled || got.DoneAt.IsZero() {
		t.Errorf("cancelled: got %+v", got)
	}
	undoes(t, mia, done.ChangeSet, 0, "Send both offers: done_at,done_by,state")
	history := must(mia.FollowUpPage(ctx, made.ID))(t).History
	var actions []string
	for _, c := range history {
		actions = append(actions, c.Action)
	}
	want := []string{"cancel_follow_up", "reopen_follow_up", "done_follow_up", "update_follow_up", "update_follow_up", "create_follow_up"}
	if !slices.Equal(actions, want) {
		t.Errorf("its history: got %q, want %q", actions, want)
	}
	verify(t, f.sys)
}

func TestWhatFollowsFromACallIsOneChange(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	before := f.plan(t, mia, f.hers, "Call them")
	next := crm.Next{Title: "Send the contract", Due: crm.DueIn("1w", clock), UserID: idOf(f.tom.ID), Done: []uuid.UUID{before.ID}, Clock: clock}
	logged := must(mia.LogInteraction(ctx, call(f.hers), audit.Organization, none, next))(t)
	open := must(mia.OpenFollowUpsOf(ctx, crm.Target{Type: audit.Organization, ID: f.hers}))(t)
	if len(open) != 1 || open[0].Title != "Send the contract" || open[0].UserName != "tom" || open[0].InteractionID != idOf(logged.ID) {
		t.Errorf("open after the call: got %+v", open)
	}
	if was := must(mia.FollowUp(ctx, before.ID))(t); was.State != crm.FollowUpDone || was.DoneInteractionID != idOf(logged.ID) || was.Outcome != "Resolved" {
		t.Errorf("done with the call: got %+v", was)
	}
	if set := must(mia.ChangeSet(ctx, logged.ChangeSet))(t); set.Total != 3 || set.Kind != "create_interaction" {
		t.Errorf("the change set: got %d changes of kind %s, want 3 of create_interaction", set.Total, set.Kind)
	}
	undoes(t, mia, logged.ChangeSet, 3)
	if open := must(mia.OpenFollowUpsOf(ctx, crm.Target{Type: audit.Organization, ID: f.hers}))(t); !slices.Equal(titles(open), []string{"Call them"}) {
		t.Errorf("open after the undo: got %q, want Call them", titles(open))
	}
	if _, err := mia.Interaction(ctx, logged.ID); !isNotFound(err) {
		t.Errorf("the call is still there: %v", err)
	}
	verify(t, f.sys)
}

func TestWhatCannotFollowKeepsTheCallFromBeingLogged(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	gone := postgrestest.User(t, f.db, "gone", none, "x", postgrestest.Seeded(t, f.db, "viewer"))
	must(f.sys.SetUserActive(ctx, gone.ID, false))(t)
	done, elsewhere, his := f.plan(t, mia, f.hers, "Done"), f.plan(t, mia, postgrestest.Organization(t, f.db, "Also hers", idOf(f.mia.ID)), "Elsewhere"), f.plan(t, f.all(f.tom), f.his, "His")
	must(mia.FinishFollowUp(ctx, crm.Finish{ID: done.ID}, none))(t)
	archived := postgrestest.Organization(t, f.db, "Archived", idOf(f.mia.ID))
	must(f.sys.SetOrganizationActive(ctx, archived, false))(t)
	soon := crm.DueIn("2d", clock)
	for name, c := range map[string]struct {
		next  crm.Next
		on    uuid.UUID
		field string
	}{
		"when without what":       {crm.Next{Due: soon}, f.hers, "next_title"},
		"what without when":       {crm.Next{Title: "Call"}, f.hers, "next_due"},
		"past":                    {crm.Next{Title: "Call", Due: crm.Due{Day: clock.Today().Plus(-1)}}, f.hers, "next_due"},
		"far":                     {crm.Next{Title: "Call", Due: crm.Due{Day: clock.Today().Plus(4000)}}, f.hers, "next_due"},
		"for nobody there is":     {crm.Next{Title: "Call", Due: soon, UserID: idOf(uuid.New())}, f.hers, "next_user_id"},
		"for somebody who left":   {crm.Next{Title: "Call", Due: soon, UserID: idOf(gone.ID)}, f.hers, "next_user_id"},
		"with an archived record": {crm.Next{Title: "Call", Due: soon}, archived, "next_title"},
		"done already":            {crm.Next{Done: []uuid.UUID{done.ID}}, f.hers, "done_follow_up"},
		"of another record":       {crm.Next{Done: []uuid.UUID{elsewhere.ID}}, f.hers, "done_follow_up"},
		"out of reach":            {crm.Next{Done: []uuid.UUID{his.ID}}, f.hers, "done_follow_up"},
		"that does not exist":     {crm.Next{Done: []uuid.UUID{uuid.New()}}, f.hers, "done_follow_up"},
	} {
		c.next.Clock = clock
		_, err := mia.LogInteraction(ctx, call(c.on), audit.Organization, none, c.next)
		if got := faultOf(err); got != c.field {
			t.Errorf("%s: got %v, want a fault of %s", name, err, c.field)
		}
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM interactions`); n != 0 {
		t.Errorf("%d calls were logged, want none", n)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM follow_ups WHERE state = 'done'`); n != 1 {
		t.Errorf("%d follow-ups are done, want the one that was", n)
	}
	_, err := mia.LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(f.hers), HappenedAt: time.Now()}, audit.Organization, none, crm.Next{Due: soon, Clock: clock})
	var v crm.Invalid
	if !errors.As(err, &v) || len(v) != 3 {
		t.Errorf("faults of the call and of what follows come together: got %v, want channel, subject and next_title", err)
	}
}

func TestDoneLogsWhatItLedTo(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	made := f.plan(t, mia, f.hers, "Call them")
	i := call(f.his) // whatever it says: it is about what the follow-up is about
	token := idOf(uuid.New())
	finish := crm.Finish{ID: made.ID, Outcome: "Reached", Interaction: &i, Next: crm.Next{Title: "Call again", Due: crm.DueIn("1m", clock), Clock: clock}}
	done := must(mia.FinishFollowUp(ctx, finish, token))(t)
	if again := must(mia.FinishFollowUp(ctx, finish, token))(t); again.ID != made.ID || again.ChangeSet != uuid.Nil {
		t.Errorf("the form sent twice: got %+v, want the same record and no change set", again)
	}
	page := must(mia.FollowUpPage(ctx, made.ID))(t)
	if len(page.Interactions) != 1 || page.Interactions[0].OrganizationID != idOf(f.hers) || page.FollowUp.DoneInteractionID != idOf(page.Interactions[0].ID) {
		t.Errorf("what it led to: got %+v", page.Interactions)
	}
	undoes(t, mia, done.ChangeSet, 3)
	if got := must(mia.FollowUp(ctx, made.ID))(t); !got.Open() || got.DoneInteractionID.Valid {
		t.Errorf("after the undo: got %+v, want it open", got)
	}
	bad := crm.Interaction{Channel: "smoke"}
	finish.Interaction = &bad
	if _, err := mia.FinishFollowUp(ctx, finish, none); faultOf(err) == "-" {
		t.Errorf("with a bad call: got %v, want faults", err)
	}
	verify(t, f.sys)
}

func TestReachOfFollowUps(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom, boss := f.own(f.mia), f.own(f.tom), f.all(f.mia)
	hers := f.plan(t, boss, f.hers, "Hers")
	given := must(boss.CreateFollowUp(ctx, crm.FollowUp{Title: "Given to tom", Due: crm.DueIn("1d", clock), OrganizationID: idOf(f.hers), UserID: idOf(f.tom.ID)}, "", clock, none))(t)
	his := f.plan(t, f.all(f.tom), f.his, "His")
	person := f.contact(t, "Anna", none)
	f.link(t, f.hers, person, "")
	about := must(f.sys.CreateFollowUp(ctx, crm.FollowUp{Title: "About Anna", Due: crm.DueIn("1d", clock), ContactID: idOf(person)}, audit.Contact, clock, none))(t)
	for name, c := range map[string]struct {
		s    *postgres.Store
		want []string
	}{
		"mia": {mia, []string{"About Anna", "Given to tom", "Hers"}},
		"tom": {tom, []string{"Given to tom", "His"}},
		"all": {boss, []string{"About Anna", "Given to tom", "Hers", "His"}},
	} {
		list := must(c.s.FollowUps(ctx, crm.FollowUpFilter{Clock: clock}))(t)
		got := titles(list.Rows)
		if slices.Sort(got); !slices.Equal(got, c.want) || list.Count != len(c.want) {
			t.Errorf("%s sees %q and a count of %d, want %q", name, got, list.Count, c.want)
		}
	}
	if got := must(tom.FollowUp(ctx, given.ID))(t); got.OrganizationName != "" || !got.MayEdit {
		t.Errorf("tom sees %+v, want no name of her client, and a follow-up he may edit", got)
	}
	for _, id := range []uuid.UUID{hers.ID, about.ID} {
		if _, err := tom.FinishFollowUp(ctx, crm.Finish{ID: id}, none); !isNotFound(err) {
			t.Errorf("tom did one of hers: %v, want ErrNotFound", err)
		}
	}
	if _, err := mia.CancelFollowUp(ctx, his.ID); !isNotFound(err) {
		t.Errorf("mia cancelled his: %v, want ErrNotFound", err)
	}
	away := must(tom.FollowUp(ctx, given.ID))(t)
	away.UserID = idOf(f.mia.ID)
	if _, err := tom.UpdateFollowUp(ctx, away, clock); faultOf(err) != "user_id" {
		t.Errorf("tom gave away what he reaches only because it is his: got %v, want a fault of user_id", err)
	}
	back := must(mia.FollowUp(ctx, given.ID))(t)
	back.UserID = idOf(f.mia.ID)
	moved := must(mia.UpdateFollowUp(ctx, back, clock))(t)
	if _, err := tom.Undo(ctx, moved.ChangeSet); !isNotFound(err) {
		t.Errorf("tom undid it though it is no longer his: %v", err)
	}
	undoes(t, mia, moved.ChangeSet, 1)
	i := call(f.hers)
	if _, err := tom.FinishFollowUp(ctx, crm.Finish{ID: given.ID, Interaction: &i}, none); faultOf(err) != "organization_id" {
		t.Errorf("tom logged a call on her client: got %v, want a fault of organization_id", err)
	}
	verify(t, f.sys)
}

// TestEveryWayToFollowUpsFindsTheSame compares all plans with the scope predicate itself.
func TestEveryWayToFollowUpsFindsTheSame(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	team := must(f.sys.CreateTeam(ctx, crm.Team{Name: "North"}, none))(t)
	kim := postgrestest.User(t, f.db, "kim", idOf(team.ID), "x", postgrestest.Seeded(t, f.db, "admin"))
	theirs := postgrestest.Organization(t, f.db, "Theirs", idOf(kim.ID))
	boss := f.all(f.mia)
	for n, org := range []uuid.UUID{f.hers, f.his, theirs, f.hers, theirs} {
		due := crm.Due{Day: clock.Today().Plus(n)}
		made := must(f.sys.CreateFollowUp(ctx, crm.FollowUp{Title: string(rune('a' + n)), Due: due, OrganizationID: idOf(org), UserID: idOf([]uuid.UUID{f.mia.ID, f.tom.ID, kim.ID}[n%3])}, "", clock, none))(t)
		switch n {
		case 3:
			must(boss.FinishFollowUp(ctx, crm.Finish{ID: made.ID}, none))(t)
		case 4:
			must(boss.CancelFollowUp(ctx, made.ID))(t)
		}
	}
	actor := postgrestest.Actor(f.mia, authz.Team, four...)
	actor.Owners = []uuid.UUID{f.mia.ID, kim.ID}
	asTeam := f.db.As(actor, postgres.Origin{})
	for name, c := range map[string]struct {
		s    *postgres.Store
		f    crm.FollowUpFilter
		want string
	}{
		"open":               {boss, crm.FollowUpFilter{}, "abc"},
		"done":               {boss, crm.FollowUpFilter{State: crm.FollowUpDone}, "d"},
		"cancelled":          {boss, crm.FollowUpFilter{State: crm.FollowUpCancelled}, "e"},
		"any state":          {boss, crm.FollowUpFilter{State: crm.FollowUpAny}, "abcde"},
		"mine":               {boss, crm.FollowUpFilter{For: crm.OwnerFilter{UserID: idOf(f.mia.ID)}, State: crm.FollowUpAny}, "ad"},
		"nobody's":           {boss, crm.FollowUpFilter{For: crm.OwnerFilter{Nobody: true}}, ""},
		"of a team":          {boss, crm.FollowUpFilter{For: crm.OwnerFilter{TeamID: idOf(team.ID)}, State: crm.FollowUpAny}, "c"},
		"of an organization": {boss, crm.FollowUpFilter{OrganizationID: idOf(theirs), State: crm.FollowUpAny}, "ce"},
		"today":              {boss, crm.FollowUpFilter{Due: crm.DueToday}, "a"},
		"this week":          {boss, crm.FollowUpFilter{Due: crm.DueWeek}, "bc"},
		"overdue":            {boss, crm.FollowUpFilter{Due: crm.DueOverdue}, ""},
		"overdue in a week":  {boss, crm.FollowUpFilter{Due: crm.DueOverdue, Clock: crm.Clock{Now: clock.Now.AddDate(0, 0, 2), Zone: time.UTC}}, "ab"},
		"reach team":         {asTeam, crm.FollowUpFilter{State: crm.FollowUpAny}, "acde"},
		"reach own":          {f.own(f.tom), crm.FollowUpFilter{State: crm.FollowUpAny}, "be"},
	} {
		if c.f.Clock.Zone == nil {
			c.f.Clock = clock
		}
		for _, size := range []int{2, 50} {
			if got := walkFollowUps(t, c.s, c.f, size); got != c.want {
				t.Errorf("%s, by %d: got %q, want %q", name, size, got, c.want)
			}
		}
	}
	if _, err := boss.FollowUps(ctx, crm.FollowUpFilter{State: "lost"}); faultOf(err) != "state" {
		t.Errorf("an unknown state: got %v, want a fault", err)
	}
}

// walkFollowUps reads a list page by page and returns the titles.
func walkFollowUps(t *testing.T, s *postgres.Store, f crm.FollowUpFilter, size int) string {
	t.Helper()
	all := ""
	for f.Page.Size = size; ; {
		list := must(s.FollowUps(ctx, f))(t)
		for _, row := range list.Rows {
			all += row.Title
		}
		if list.Next.First() || len(all) > 100 {
			return all
		}
		f.Page = list.Next
	}
}

// TestUndoOfADuePutsBothColumnsBackOrNone: a day and a moment exclude each other.
func TestUndoOfADuePutsBothColumnsBackOrNone(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	made := f.plan(t, mia, f.hers, "Call")
	at := func(h int) crm.Due {
		return crm.Due{At: clock.Now.Add(time.Duration(h) * time.Hour).Truncate(time.Second)}
	}
	timed := must(mia.SnoozeFollowUp(ctx, made.ID, at(30), clock))(t)
	must(mia.SnoozeFollowUp(ctx, made.ID, at(40), clock))(t)
	undoes(t, mia, timed.ChangeSet, 0, "Call: due_at,due_on")
	again := must(mia.SnoozeFollowUp(ctx, made.ID, crm.DueIn("1w", clock), clock))(t)
	undoes(t, mia, again.ChangeSet, 1)
	if got := must(mia.FollowUp(ctx, made.ID))(t).Due; !got.Equal(at(40)) {
		t.Errorf("after the undo it is due %v, want %v", got, at(40))
	}
	verify(t, f.sys)
}

func TestHistoriesOfClientsTellOfTheirFollowUps(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	person := f.contact(t, "Anna", idOf(f.mia.ID))
	made := must(mia.CreateFollowUp(ctx, crm.FollowUp{Title: "Call", Due: crm.DueIn("2d", clock), OrganizationID: idOf(f.hers), ContactID: idOf(person)}, "", clock, none))(t)
	must(mia.FinishFollowUp(ctx, crm.Finish{ID: made.ID}, none))(t)
	for target, id := range map[string]uuid.UUID{audit.Organization: f.hers, audit.Contact: person} {
		list := must(mia.History(ctx, target, id, crm.Page{}))(t)
		var got []string
		for _, c := range list.Rows {
			if c.TargetType == audit.FollowUp {
				got = append(got, c.Action+" "+c.TargetName)
			}
		}
		if want := []string{"done_follow_up Call", "create_follow_up Call"}; !slices.Equal(got, want) {
			t.Errorf("the history of the %s: got %q, want %q", target, got, want)
		}
	}
	blind := f.db.As(postgrestest.Actor(f.mia, authz.Own, authz.ViewClient), postgres.Origin{})
	for _, c := range must(blind.History(ctx, audit.Organization, f.hers, crm.Page{}))(t).Rows {
		if c.TargetType == audit.FollowUp {
			t.Errorf("without ViewInteraction the history tells of %q", c.TargetName)
		}
	}
}

func TestAnUnauditedFollowUpIsRefused(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	_, err := f.conn.Exec(ctx, `INSERT INTO follow_ups (id, title, due_on, organization_id) VALUES (gen_random_uuid(), 'x', '2026-12-04', $1)`, f.hers)
	refusedByAudit(t, "a follow-up without an audit row", err)
}

func TestManyFollowUpsAtOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.own(f.mia), f.own(f.tom)
	one, two, closed, his := f.plan(t, mia, f.hers, "One"), f.plan(t, mia, f.hers, "Two"), f.plan(t, mia, f.hers, "Closed"), f.plan(t, tom, f.his, "His")
	must(mia.FinishFollowUp(ctx, crm.Finish{ID: closed.ID}, none))(t)
	picked := []uuid.UUID{two.ID, one.ID, closed.ID, his.ID, one.ID}
	skipped := func(r crm.BulkResult, reason crm.SkipReason) int { return r.Skipped[reason].Count }
	week := crm.FollowUpBulk{Action: crm.SnoozeFollowUps, Picked: picked, Due: crm.DueIn("1w", clock), Clock: clock}
	r := mustBulk(t, mia, week)
	if r.Done != 2 || skipped(r, crm.SkippedClosed) != 1 || skipped(r, crm.SkippedGone) != 1 {
		t.Errorf("snooze: got %+v, want two done, one closed, one gone", r)
	}
	if again := mustBulk(t, mia, week); again.Done != 0 || again.ChangeSet != uuid.Nil || skipped(again, crm.SkippedSame) != 2 {
		t.Errorf("snooze again: got %+v, want nothing done and no change set", again)
	}
	if v := must(mia.FollowUp(ctx, one.ID))(t).Version; v != 2 {
		t.Errorf("a skipped one is at version %d, want 2", v)
	}
	undoes(t, mia, r.ChangeSet, 2)
	r = mustBulk(t, mia, crm.FollowUpBulk{Action: crm.AssignFollowUps, Picked: picked, UserID: idOf(f.tom.ID)})
	if r.Done != 2 {
		t.Errorf("assign: got %+v, want two done", r)
	}
	given := mustBulk(t, tom, crm.FollowUpBulk{Action: crm.AssignFollowUps, Picked: []uuid.UUID{one.ID, his.ID}, UserID: idOf(f.mia.ID)})
	if given.Done != 1 || skipped(given, crm.SkippedReach) != 1 {
		t.Errorf("tom gives away: got %+v, want his own given and hers, which he would no longer reach, kept", given)
	}
	r = mustBulk(t, mia, crm.FollowUpBulk{Action: crm.FinishFollowUps, Picked: picked})
	if r.Done != 3 || skipped(r, crm.SkippedClosed) != 1 {
		t.Errorf("done: got %+v, want three, one of them his that she has now", r)
	}
	undoes(t, mia, r.ChangeSet, 3)
	for name, b := range map[string]crm.FollowUpBulk{
		"action":  {Action: "lose", Picked: picked},
		"id":      {Action: crm.FinishFollowUps},
		"until":   {Action: crm.SnoozeFollowUps, Picked: picked, Due: crm.Due{Day: "2020-01-01"}, Clock: clock},
		"user_id": {Action: crm.AssignFollowUps, Picked: picked, UserID: idOf(uuid.New())},
	} {
		if _, err := mia.ChangeFollowUps(ctx, b); faultOf(err) != name {
			t.Errorf("got %v, want a fault of %s", err, name)
		}
	}
	verify(t, f.sys)
}

// TestAllFollowUpsThatAListFinds: by its filter and within reach, at once and as a job, each with one undo.
func TestAllFollowUpsThatAListFinds(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.own(f.mia), f.own(f.tom)
	hers := f.plan(t, mia, f.hers, "Hers")
	later := must(mia.CreateFollowUp(ctx, crm.FollowUp{Title: "Later", Due: crm.DueIn("1m", clock), OrganizationID: idOf(f.hers)}, "", clock, none))(t).ID
	closed, his := f.plan(t, mia, f.hers, "Closed"), f.plan(t, tom, f.his, "His")
	must(mia.CancelFollowUp(ctx, closed.ID))(t)
	all := func(filter crm.FollowUpFilter) crm.FollowUpBulk {
		filter.Clock = clock
		return crm.FollowUpBulk{Action: crm.FinishFollowUps, All: &filter, Clock: clock}
	}
	any := all(crm.FollowUpFilter{State: crm.FollowUpAny})
	if n := must(mia.SelectedFollowUps(ctx, any))(t); n != 3 {
		t.Errorf("%d would be gone through, want her three and not his", n)
	}
	r := mustBulk(t, mia, any)
	if r.Done != 2 || r.Skipped[crm.SkippedClosed].Count != 1 {
		t.Errorf("done: got %+v, want hers and the later one, and the closed one told", r)
	}
	if diff := cmp.Diff(map[string]int{"done_follow_ups done_follow_up": 2}, f.trail(t, r.ChangeSet)); diff != "" {
		t.Errorf("its audit rows (- want, + got):\n%s", diff)
	}
	if h := must(mia.OrganizationPage(ctx, f.hers, crm.TimelineView{}))(t).History; len(h) == 0 || h[0].Action != string(audit.FinishFollowUp) {
		t.Errorf("the organization's history does not begin with it: %+v", h)
	}
	undoes(t, mia, r.ChangeSet, 2)

	// as a job it keeps the clock of whoever asked: in Kiritimati it is tomorrow already
	early := crm.Clock{Now: clock.Now, Zone: time.FixedZone("", 0)}
	early.Zone, _ = time.LoadLocation("Pacific/Kiritimati")
	week := crm.FollowUpBulk{Action: crm.SnoozeFollowUps, Due: crm.DueIn("2w", early), Clock: early, All: &crm.FollowUpFilter{Due: crm.DueLater, Clock: early}}
	id := must(mia.EnqueueFollowUps(ctx, week, none))(t)
	fatal(t, f.db.Jobs().Do(ctx, id))
	j := must(mia.Job(ctx, id))(t)
	if j.Result.Done != 1 || j.Task.FollowUps.Clock.Zone.String() != "Pacific/Kiritimati" || !j.Task.FollowUps.Due.Equal(week.Due) {
		t.Errorf("the job did %+v of %+v", j.Result, j.Task.FollowUps)
	}
	if due := must(mia.FollowUp(ctx, later))(t).Due; !due.Equal(week.Due) {
		t.Errorf("the later one is due %v, want %v", due, week.Due)
	}
	undoes(t, mia, j.Result.ChangeSet, 1)
	for _, one := range []uuid.UUID{hers.ID, his.ID} {
		if got := must(f.sys.FollowUp(ctx, one))(t); !got.Open() || got.Due.Equal(week.Due) {
			t.Errorf("%s is %s, due %v", got.Title, got.State, got.Due)
		}
	}
	both := any
	both.Picked = []uuid.UUID{hers.ID}
	if _, err := mia.ChangeFollowUps(ctx, both); faultOf(err) != "id" {
		t.Errorf("picked and all: %v", err)
	}
	verify(t, f.sys)
}

func mustBulk(t *testing.T, s *postgres.Store, b crm.FollowUpBulk) crm.BulkResult {
	t.Helper()
	r, err := s.ChangeFollowUps(ctx, b)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestListsOfClientsSayWhatIsNext(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.own(f.mia)
	person := f.contact(t, "Anna", idOf(f.mia.ID))
	for title, in := range map[string]string{"Later": "1m", "First": "1d"} {
		must(mia.CreateFollowUp(ctx, crm.FollowUp{Title: title, Due: crm.DueIn(in, clock), OrganizationID: idOf(f.hers), ContactID: idOf(person)}, "", clock, none))(t)
	}
	organizations := must(mia.Organizations(ctx, crm.OrganizationFilter{}))(t).Rows
	contacts := must(mia.Contacts(ctx, crm.ContactFilter{}))(t).Rows
	if o, c := organizations[0], contacts[0]; o.NextFollowUp != "First" || c.NextFollowUp != "First" || o.NextDue != crm.DueIn("1d", clock) {
		t.Errorf("next: got %q and %q, want First", o.NextFollowUp, c.NextFollowUp)
	}
	blind := f.db.As(postgrestest.Actor(f.mia, authz.Own, authz.ViewClient), postgres.Origin{})
	if o := must(blind.Organizations(ctx, crm.OrganizationFilter{}))(t).Rows[0]; o.NextFollowUp != "" || !o.NextDue.IsZero() {
		t.Errorf("without ViewInteraction: got %q, want nothing", o.NextFollowUp)
	}
}
