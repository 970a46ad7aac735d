package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// friday is the morning of a working day.
var friday = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)

// task makes a follow-up about the organization, seen by a clock at friday.
func (f *firm) task(t testing.TB, s *postgres.Store, organization uuid.UUID, title string, due crm.Due, person uuid.UUID) postgres.Saved {
	t.Helper()
	u := crm.FollowUp{Title: title, Due: due, OrganizationID: idOf(organization), UserID: idOf(person)}
	return must(s.CreateFollowUp(ctx, u, audit.Organization, crm.Clock{Now: friday, Zone: time.UTC}, none))(t)
}

// give gives a follow-up to somebody else.
func (f *firm) give(t testing.TB, s *postgres.Store, id, person uuid.UUID) postgres.Saved {
	t.Helper()
	u := must(s.FollowUp(ctx, id))(t)
	u.UserID = idOf(person)
	return must(s.UpdateFollowUp(ctx, u, crm.Clock{Now: friday, Zone: time.UTC}))(t)
}

// told returns what somebody's inbox holds, in words: unread ones are marked with a star.
func (f *firm) told(t testing.TB, s *postgres.Store) []string {
	t.Helper()
	var words []string
	for _, n := range must(s.Notices(ctx, crm.Page{}))(t).Rows {
		text := fmt.Sprintf("%s %q by %q", n.Kind, n.FollowUp.Title, n.GivenBy)
		if n.Unread() {
			text += " *"
		}
		words = append(words, text)
	}
	return words
}

func (f *firm) wantTold(t testing.TB, s *postgres.Store, what string, want ...string) {
	t.Helper()
	if got := f.told(t, s); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s: the inbox holds %q, want %q", what, got, want)
	}
}

var saturday = crm.Due{Day: "2026-11-28"}

func TestWhoIsGivenAFollowUpIsTold(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	f.task(t, mia, f.hers, "My own", saturday, f.mia.ID)
	f.wantTold(t, mia, "one's own work")
	created := f.task(t, mia, f.hers, "Call Ann", saturday, f.tom.ID)
	f.wantTold(t, tom, "created for somebody", `assigned "Call Ann" by "mia" *`)
	f.give(t, tom, created.ID, f.mia.ID)
	f.wantTold(t, tom, "given away, unread", `assigned "Call Ann" by "mia"`)
	f.wantTold(t, mia, "given on", `assigned "Call Ann" by "tom" *`)
	logged := must(mia.LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(f.hers), Channel: crm.Call, Subject: "Spoke", HappenedAt: friday}, audit.Organization, none,
		crm.Next{Title: "Send it", Due: saturday, UserID: idOf(f.tom.ID), Clock: crm.Clock{Now: friday, Zone: time.UTC}}))(t)
	f.wantTold(t, tom, "born from a call", `assigned "Send it" by "mia" *`, `assigned "Call Ann" by "mia"`)
	must(mia.Undo(ctx, logged.ChangeSet))(t)
	f.wantTold(t, tom, "taken back", `assigned "" by "mia"`, `assigned "Call Ann" by "mia"`)
	f.task(t, f.sys, f.hers, "By nobody", saturday, f.tom.ID)
	f.wantTold(t, tom, "by a command", `assigned "" by "mia"`, `assigned "Call Ann" by "mia"`)
}

// An undo that gives a follow-up back tells whoever has it again; one that takes it away takes the notice back, and says
// nothing of one that was read.
func TestAnUndoIsTold(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	id := f.task(t, tom, f.hers, "Call Ann", saturday, f.tom.ID).ID
	given := f.give(t, tom, id, f.mia.ID)
	f.wantTold(t, mia, "given", `assigned "Call Ann" by "tom" *`)
	back := must(f.all(f.mia).Undo(ctx, given.ChangeSet))(t)
	f.wantTold(t, mia, "undone", `assigned "Call Ann" by "tom"`)
	f.wantTold(t, tom, "undone", `assigned "Call Ann" by "mia" *`)
	must(tom.Undo(ctx, back.ChangeSetID))(t)
	f.wantTold(t, mia, "and again", `assigned "Call Ann" by "tom" *`, `assigned "Call Ann" by "tom"`)
	if n := must(mia.Notices(ctx, crm.Page{}))(t).Rows[0]; n.FollowUp.UserID != idOf(f.mia.ID) {
		t.Errorf("for %v", n.FollowUp.UserID)
	}
}

func TestWhatIsSettledNeedsNoReading(t *testing.T) {
	t.Parallel()
	for what, settle := range map[string]func(*postgres.Store, uuid.UUID) error{
		"done": func(s *postgres.Store, id uuid.UUID) error {
			_, err := s.FinishFollowUp(ctx, crm.Finish{ID: id}, none)
			return err
		},
		"cancelled": func(s *postgres.Store, id uuid.UUID) error { _, err := s.CancelFollowUp(ctx, id); return err },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			f := newFirm(t)
			id := f.task(t, f.all(f.mia), f.hers, "Call Ann", saturday, f.tom.ID).ID
			if err := settle(f.all(f.tom), id); err != nil {
				t.Fatal(err)
			}
			f.wantTold(t, f.all(f.tom), what, `assigned "Call Ann" by "mia"`)
		})
	}
	f := newFirm(t)
	tom := f.all(f.tom)
	id := f.task(t, f.all(f.mia), f.hers, "Call Ann", saturday, f.tom.ID).ID
	if _, err := tom.SnoozeFollowUp(ctx, id, crm.Due{Day: "2026-12-01"}, crm.Clock{Now: friday, Zone: time.UTC}); err != nil {
		t.Fatal(err)
	}
	f.wantTold(t, tom, "put off: that it is theirs is still news", `assigned "Call Ann" by "mia" *`)
}

func TestANoticeIsReadByItsReaderOnly(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia, tom := f.all(f.mia), f.all(f.tom)
	f.task(t, mia, f.hers, "Call Ann", saturday, f.tom.ID)
	f.task(t, mia, f.hers, "Call Ben", saturday, f.tom.ID)
	rows := must(tom.Notices(ctx, crm.Page{}))(t).Rows
	if err := mia.ReadNotice(ctx, rows[0].ID, true); !isNotFound(err) {
		t.Errorf("another's notice: %v", err)
	}
	if err := tom.ReadNotice(ctx, rows[0].ID, true); err != nil {
		t.Error(err)
	}
	f.wantTold(t, tom, "one is read: unread ones stand first", `assigned "Call Ann" by "mia" *`, `assigned "Call Ben" by "mia"`)
	if err := tom.ReadNotice(ctx, rows[0].ID, false); err != nil {
		t.Error(err)
	}
	f.wantTold(t, tom, "and unread again", `assigned "Call Ben" by "mia" *`, `assigned "Call Ann" by "mia" *`)
	if n, err := tom.ReadNotices(ctx, rows[1].CreatedAt); n != 1 || err != nil {
		t.Errorf("what came until the first: %d %v, want 1", n, err)
	}
	if n, err := mia.ReadNotices(ctx, time.Now()); n != 0 || err != nil {
		t.Errorf("by somebody else: %d %v, want none", n, err)
	}
	if n, err := tom.ReadNotices(ctx, time.Now().Add(time.Hour)); n != 1 || err != nil {
		t.Errorf("the rest: %d %v, want 1", n, err)
	}
}

// What is out of reach by now, and what the reader may not read at all, has no words in the inbox, nor has a name that
// they may not see.
func TestTheInboxSaysWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mia := f.all(f.mia)
	id := f.task(t, mia, f.hers, "Call Ann", saturday, f.tom.ID).ID
	tom := f.own(f.tom) // the organization is not his, the follow-up is
	n := must(tom.Notices(ctx, crm.Page{}))(t).Rows[0]
	if !n.Seen || n.FollowUp.Title != "Call Ann" || n.FollowUp.OrganizationName != "" {
		t.Errorf("for him about a client out of his reach: %+v", n)
	}
	if n := must(f.all(f.tom).Notices(ctx, crm.Page{}))(t).Rows[0]; n.FollowUp.OrganizationName != "Hers" {
		t.Errorf("within reach: %+v", n)
	}
	blind := f.db.As(postgrestest.Actor(f.tom, authz.All, authz.ViewClient, authz.EditClient), postgres.Origin{})
	if n := must(blind.Notices(ctx, crm.Page{}))(t).Rows[0]; n.Seen || n.FollowUp.Title != "" || n.FollowUp.OrganizationName != "" {
		t.Errorf("without ViewInteraction: %+v", n)
	}
	f.give(t, mia, id, f.mia.ID)
	if n := must(tom.Notices(ctx, crm.Page{}))(t).Rows[0]; n.Seen || n.FollowUp.Title != "" || n.Unread() {
		t.Errorf("given to somebody else, out of his reach: %+v", n)
	}
}

func TestTheInboxGoesOn(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	tom := f.all(f.tom)
	for n := range 7 {
		f.task(t, f.all(f.mia), f.hers, fmt.Sprint(n), saturday, f.tom.ID)
	}
	rows := must(tom.Notices(ctx, crm.Page{}))(t).Rows
	for _, n := range []int{1, 3, 4} {
		if err := tom.ReadNotice(ctx, rows[n].ID, true); err != nil {
			t.Fatal(err)
		}
	}
	const want = "6 4 1 0 5 3 2 "
	got, p := "", crm.Page{Size: 2}
	var back crm.Page
	for more := true; more; more = !p.First() {
		l := must(tom.Notices(ctx, p))(t)
		for _, n := range l.Rows {
			got += n.FollowUp.Title + " "
		}
		p, back = l.Next, l.Prev
	}
	if got != want {
		t.Errorf("page by page: %s, want %s", got, want)
	}
	if l := must(tom.Notices(ctx, back))(t); l.Rows[0].FollowUp.Title != "5" || l.Rows[1].FollowUp.Title != "3" {
		t.Errorf("the page before the last begins with %s", l.Rows[0].FollowUp.Title)
	}
}

// The session brings the count along, and no more than it shows.
func TestTheSessionCountsWhatIsUnread(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	if err := f.db.SaveSession(ctx, "hash", []byte("{}"), time.Now().Add(time.Hour), postgres.SessionUser{ID: idOf(f.tom.ID)}, postgres.Origin{}); err != nil {
		t.Fatal(err)
	}
	count := func() int {
		t.Helper()
		s, found, err := f.db.FindSession(ctx, "hash", time.Hour)
		if err != nil || !found {
			t.Fatal(found, err)
		}
		return s.Unread
	}
	if n := count(); n != 0 {
		t.Errorf("%d unread, want none", n)
	}
	f.task(t, f.all(f.mia), f.hers, "Call Ann", saturday, f.tom.ID)
	if n := count(); n != 1 {
		t.Errorf("%d unread, want 1", n)
	}
	run(t, f.conn, `INSERT INTO notices (id, user_id, kind, follow_up_id, key) SELECT gen_random_uuid(), $1, 'due', gen_random_uuid(), n::text FROM generate_series(1, 300) n`, f.tom.ID)
	if n := count(); n != crm.UnreadCap+1 {
		t.Errorf("%d unread, want %d for more than the cap", n, crm.UnreadCap+1)
	}
}

func TestWhoWantsNoNoticeGetsNone(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	tom := f.all(f.tom)
	if err := tom.SaveNotificationSettings(ctx, crm.NotificationSettings{Digest: crm.DigestDaily, DigestHour: 5, Due: crm.TellByMail, Assigned: crm.TellNever}); err != nil {
		t.Fatal(err)
	}
	f.task(t, f.all(f.mia), f.hers, "Call Ann", saturday, f.tom.ID)
	f.wantTold(t, tom, "switched off")
	want := crm.NotificationSettings{Digest: crm.DigestWeekdays, DigestHour: 7, Due: crm.TellInbox, Assigned: crm.TellByMail}
	if got := must(f.all(f.mia).NotificationSettings(ctx))(t); got != want {
		t.Errorf("never chosen: %+v", got)
	}
	if got := must(tom.NotificationSettings(ctx))(t); got.Digest != crm.DigestDaily || got.DigestHour != 5 || got.Assigned != crm.TellNever {
		t.Errorf("chosen: %+v", got)
	}
	if err := tom.SaveNotificationSettings(ctx, crm.NotificationSettings{}); faultOf(err) == "-" {
		t.Errorf("nothing chosen: %v, want an Invalid", err)
	}
}

func TestOldNoticesAreSwept(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	came := time.Date(2026, 1, 31, 9, 0, 0, 0, time.UTC)
	for key, read := range map[string]any{"read": came.AddDate(0, 0, 60), "unread": nil} {
		run(t, f.conn, `INSERT INTO notices (id, user_id, kind, follow_up_id, key, created_at, read_at) VALUES (gen_random_uuid(), $1, 'due', gen_random_uuid(), $2, $3, $4)`, f.tom.ID, key, came, read)
	}
	for _, tt := range []struct {
		days int
		left string
	}{{149, "read unread"}, {151, "unread"}, {179, "unread"}, {181, ""}} {
		if err := f.db.Sweep(ctx, came.AddDate(0, 0, tt.days)); err != nil {
			t.Fatal(err)
		}
		if left := read[string](t, f.conn, `SELECT coalesce(string_agg(key, ' ' ORDER BY key), '') FROM notices`); left != tt.left {
			t.Errorf("after %d days left are %q, want %q", tt.days, left, tt.left)
		}
	}
}
