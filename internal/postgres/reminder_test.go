package postgres_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

func place(t testing.TB, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// zones are those of the world, with zone for who chose none.
func zones(zone *time.Location) func(string) *time.Location {
	return func(name string) *time.Location {
		if own, err := time.LoadLocation(name); name != "" && err == nil {
			return own
		}
		return zone
	}
}

// morning is a firm in Rome that sends mail, with people elsewhere, and a clock.
type morning struct {
	*firm
	mailing   *postgres.DB
	reminders postgres.Reminders
	rung      int
}

func newMorning(t testing.TB) *morning {
	t.Helper()
	m := &morning{firm: newFirm(t)}
	m.mailing = postgrestest.OpenURL(t, m.conn.Config().ConnString(), postgres.Options{Mail: func() { m.rung++ }})
	m.reminders = m.mailing.Reminders(zones(place(t, "Europe/Rome")))
	return m
}

// lives says where somebody lives.
func (m *morning) lives(t testing.TB, u crm.User, zone string) {
	t.Helper()
	if _, err := m.db.As(everyone(u), postgres.Origin{}).UpdateMe(ctx, crm.User{Name: u.Name, Preferences: crm.Preferences{Zone: zone}}); err != nil {
		t.Fatal(err)
	}
}

func (m *morning) wants(t testing.TB, u crm.User, change func(*crm.NotificationSettings)) {
	t.Helper()
	s := m.mailing.As(everyone(u), postgres.Origin{})
	n := must(s.NotificationSettings(ctx))(t)
	change(&n)
	if err := s.SaveNotificationSettings(ctx, n); err != nil {
		t.Fatal(err)
	}
}

func (m *morning) tell(t testing.TB, at time.Time) postgres.Told {
	t.Helper()
	return must(m.reminders.Tell(ctx, at))(t)
}

// watch looks at the time again and again from one moment to another, and returns who was left what when, by the clock of zone.
func (m *morning) watch(t testing.TB, from, to time.Time, zone *time.Location) []string {
	t.Helper()
	var got []string
	step := time.Minute
	if to.Sub(from) > time.Hour {
		step = 15 * time.Minute
	}
	known := m.left(t)
	for now := from; !now.After(to); now = now.Add(step) {
		m.tell(t, now)
		left := m.left(t)
		for _, key := range slices.Sorted(maps.Keys(left)) {
			if !known[key] {
				got = append(got, now.In(zone).Format("Mon 15:04 ")+key)
			}
		}
		known = left
	}
	return got
}

func (m *morning) left(t testing.TB) map[string]bool {
	t.Helper()
	all := map[string]bool{}
	for _, line := range strings.Split(read[string](t, m.conn, `SELECT coalesce(string_agg(line, E'\n'), '') FROM (
		SELECT u.name || ' ' || f.title FROM notices n JOIN users u ON u.id = n.user_id JOIN follow_ups f ON f.id = n.follow_up_id WHERE n.kind = 'due'
		UNION ALL SELECT u.name || ' ' || o.key FROM outbox o JOIN users u ON u.id = o.user_id WHERE o.kind = 'digest') x(line)`), "\n") {
		if line != "" {
			all[line] = true
		}
	}
	return all
}

func wantLines(t testing.TB, what string, got []string, want ...string) {
	t.Helper()
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%s:\ngot  %q\nwant %q", what, got, want)
	}
}

// What is due at a moment is told of at that moment, what is due on a day at eight where one lives, and each digest comes
// at the hour that its reader chose there: around the world, within one night and morning.
func TestWhatIsDueIsToldWhereOneLives(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	rome := place(t, "Europe/Rome")
	ann := postgrestest.User(t, m.db, "ann", uuid.NullUUID{}, "x", postgrestest.Seeded(t, m.db, "admin"))
	ben := postgrestest.User(t, m.db, "ben", uuid.NullUUID{}, "x", postgrestest.Seeded(t, m.db, "admin"))
	m.lives(t, m.tom, "America/New_York")
	m.lives(t, ann, "Asia/Kathmandu")
	m.lives(t, ben, "Australia/Lord_Howe")
	m.wants(t, ann, func(n *crm.NotificationSettings) { n.DigestHour = 5 })
	m.wants(t, ben, func(n *crm.NotificationSettings) { n.Digest, n.Due = crm.DigestOff, crm.TellNever })
	start := time.Date(2026, 11, 27, 0, 0, 0, 0, rome)
	m.tell(t, start.AddDate(0, 0, -1)) // the first look of all
	m.tell(t, start.Add(-time.Hour))
	mia := m.all(m.mia)
	for _, u := range []crm.User{m.mia, m.tom, ann, ben} {
		m.task(t, mia, m.hers, "Friday", crm.Due{Day: "2026-11-27"}, u.ID)
		m.task(t, mia, m.hers, "Saturday", saturday, u.ID)
		m.task(t, mia, m.hers, "At ten", crm.Due{At: time.Date(2026, 11, 27, 10, 0, 0, 0, rome)}, u.ID)
	}
	wantLines(t, "from midnight to midnight in Rome", m.watch(t, start, start.AddDate(0, 0, 1), rome),
		"Fri 00:15 ann digest:2026-11-27", "Fri 03:15 ann Friday",
		"Fri 07:00 mia digest:2026-11-27", "Fri 08:00 mia Friday",
		"Fri 10:00 ann At ten", "Fri 10:00 mia At ten", "Fri 10:00 tom At ten",
		"Fri 13:00 tom digest:2026-11-27", "Fri 14:00 tom Friday")
}

// On the days on which the clocks change everybody is told once, at the same hour by their clock as ever.
func TestClocksThatChangeTellOnce(t *testing.T) {
	t.Parallel()
	for name, days := range map[string][]string{
		"Europe/Rome":         {"2026-03-29", "2026-10-25"},
		"America/New_York":    {"2026-03-08", "2026-11-01"},
		"Australia/Lord_Howe": {"2026-04-05", "2026-10-04"},
		"Asia/Kathmandu":      {"2026-03-29"}, // never changes
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m, zone := newMorning(t), place(t, name)
			m.lives(t, m.mia, name)
			m.lives(t, m.tom, name)
			m.wants(t, m.mia, func(n *crm.NotificationSettings) { n.Digest = crm.DigestDaily })
			m.wants(t, m.tom, func(n *crm.NotificationSettings) { n.Digest = crm.DigestOff })
			for _, day := range days {
				start := crm.Day(day).Start(zone)
				m.tell(t, start.AddDate(0, 0, -1))
				u := crm.FollowUp{Title: day, Due: crm.Due{Day: crm.Day(day)}, OrganizationID: idOf(m.hers), UserID: idOf(m.tom.ID)}
				must(m.all(m.mia).CreateFollowUp(ctx, u, "organization", crm.Clock{Now: start, Zone: zone}, none))(t)
				wantLines(t, day, m.watch(t, start, crm.Day(day).Plus(1).Start(zone), zone), "Sun 07:00 mia digest:"+day, "Sun 08:00 tom "+day)
			}
		})
	}
}

// Who goes to another zone gets no second digest of a day they had one of, whichever way they go.
func TestADayHasOneDigestWhereverOneGoes(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	rome := place(t, "Europe/Rome")
	m.wants(t, m.tom, func(n *crm.NotificationSettings) { n.Digest = crm.DigestOff })
	start := time.Date(2026, 11, 27, 0, 0, 0, 0, rome)
	wantLines(t, "at home", m.watch(t, start.Add(7*time.Hour-time.Minute), start.Add(7*time.Hour+time.Minute), rome), "Fri 07:00 mia digest:2026-11-27")
	m.lives(t, m.mia, "America/New_York")
	m.wants(t, m.mia, func(n *crm.NotificationSettings) { n.DigestHour = 9 })
	wantLines(t, "then over there", m.watch(t, start.Add(14*time.Hour), start.Add(16*time.Hour), rome))
	m.lives(t, m.mia, "Pacific/Kiritimati") // where Saturday has begun
	m.wants(t, m.mia, func(n *crm.NotificationSettings) { n.Digest = crm.DigestDaily })
	wantLines(t, "then where it is tomorrow", m.watch(t, start.Add(19*time.Hour+50*time.Minute), start.Add(20*time.Hour+10*time.Minute), rome), "Fri 20:00 mia digest:2026-11-28")
	m.lives(t, m.mia, "Europe/Rome")
	wantLines(t, "and home again", m.watch(t, start.Add(33*time.Hour-time.Minute), start.Add(33*time.Hour+time.Minute), rome))
}

// An instance that was down in the morning sends the digest until noon; what came due meanwhile it tells of, for a week
// back, and what was due before it ever looked it does not.
func TestAPauseIsMadeUpFor(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	rome := place(t, "Europe/Rome")
	at := func(day, hour, minute int) time.Time { return time.Date(2026, 11, day, hour, minute, 0, 0, rome) }
	create := func(title string, due crm.Due, now time.Time) {
		u := crm.FollowUp{Title: title, Due: due, OrganizationID: idOf(m.hers), UserID: idOf(m.mia.ID)}
		must(m.all(m.mia).CreateFollowUp(ctx, u, "organization", crm.Clock{Now: now, Zone: rome}, none))(t)
	}
	m.wants(t, m.tom, func(n *crm.NotificationSettings) { n.Digest = crm.DigestOff })
	create("Before all", crm.Due{At: at(2, 12, 0)}, at(2, 9, 0))
	wantLines(t, "the first look of all", m.watch(t, at(2, 13, 0), at(2, 13, 0), rome))
	create("Long ago", crm.Due{At: at(3, 12, 0)}, at(2, 13, 0))
	create("On Thursday", crm.Due{At: at(12, 12, 0)}, at(2, 13, 0))
	create("All Friday", crm.Due{Day: "2026-11-13"}, at(2, 13, 0))
	wantLines(t, "after eleven days, before noon", m.watch(t, at(13, 11, 59), at(13, 11, 59), rome),
		"Fri 11:59 mia All Friday", "Fri 11:59 mia On Thursday", "Fri 11:59 mia digest:2026-11-13")
	wantLines(t, "after a weekend, at noon", m.watch(t, at(16, 12, 0), at(16, 12, 1), rome))
	create("Soon", crm.Due{At: at(16, 12, 5)}, at(16, 12, 1))
	wantLines(t, "and on", m.watch(t, at(16, 12, 2), at(16, 12, 10), rome), "Mon 12:05 mia Soon")
}

// A follow-up that is moved is told of anew, one that is moved back is not told of twice for the same moment, and one that is
// given to somebody else is told of to them.
func TestAnotherMomentIsAnotherNotice(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	mia, clock := m.all(m.mia), crm.Clock{Now: friday, Zone: time.UTC}
	m.tell(t, friday)
	ten, noon := crm.Due{At: friday.Add(time.Hour)}, crm.Due{At: friday.Add(3 * time.Hour)}
	id := m.task(t, mia, m.hers, "Call", ten, m.mia.ID).ID
	m.tell(t, ten.At)
	m.wantTold(t, mia, "due", `due "Call" by "" *`)
	put := must(mia.SnoozeFollowUp(ctx, id, noon, clock))(t)
	m.wantTold(t, mia, "put off", `due "Call" by ""`)
	must(mia.Undo(ctx, put.ChangeSet))(t)
	m.tell(t, ten.At.Add(time.Minute))
	m.wantTold(t, mia, "put back", `due "Call" by ""`)
	must(mia.SnoozeFollowUp(ctx, id, noon, clock))(t)
	m.give(t, mia, id, m.tom.ID)
	m.tell(t, noon.At)
	m.wantTold(t, m.all(m.tom), "given on, and due", `due "Call" by "" *`, `assigned "Call" by "mia" *`)
	m.wantTold(t, mia, "of hers no more", `due "Call" by ""`)
}

func TestNobodyIsRemindedOfWhatIsNotTheirsToDo(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	mia := m.all(m.mia)
	m.tell(t, friday)
	at := crm.Due{At: friday.Add(time.Hour)}
	done := m.task(t, mia, m.hers, "Done", at, m.mia.ID).ID
	must(mia.FinishFollowUp(ctx, crm.Finish{ID: done}, none))(t)
	gone := postgrestest.User(t, m.db, "gone", uuid.NullUUID{}, "x", postgrestest.Seeded(t, m.db, "admin"))
	m.task(t, mia, m.hers, "Gone", at, gone.ID)
	must(m.sys.SetUserActive(ctx, gone.ID, false))(t)
	m.wants(t, m.tom, func(n *crm.NotificationSettings) { n.Due = crm.TellNever })
	m.task(t, mia, m.hers, "Off", at, m.tom.ID)
	if told := m.tell(t, at.At); told.Notices != 0 {
		t.Errorf("%d were told", told.Notices)
	}
}

// However many look at once, and however often, each is told once.
func TestManyWhoLookTellOnce(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	m.wants(t, m.mia, func(n *crm.NotificationSettings) { n.Due = crm.TellByMail })
	at := time.Date(2026, 11, 27, 6, 30, 0, 0, time.UTC) // half past seven in Rome
	m.tell(t, at.Add(-time.Hour))
	for n := range 40 {
		m.taskAt(t, fmt.Sprint(n), crm.Due{At: at.Add(time.Duration(n) * time.Second)}, at.Add(-time.Hour))
	}
	var others [4]postgres.Reminders
	for n := range others {
		others[n] = postgrestest.OpenURL(t, m.conn.Config().ConnString(), postgres.Options{Mail: func() {}}).Reminders(zones(place(t, "Europe/Rome")))
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	var sum postgres.Told
	for _, r := range others {
		wg.Go(func() {
			for n := range 60 {
				told, err := r.Tell(ctx, at.Add(time.Duration(n)*time.Second))
				if err != nil {
					t.Error(err)
				}
				mu.Lock()
				sum.Notices, sum.Digests, sum.Mails = sum.Notices+told.Notices, sum.Digests+told.Digests, sum.Mails+told.Mails
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	notices := read[int](t, m.conn, `SELECT count(*) FROM notices`)
	digests := read[int](t, m.conn, `SELECT count(*) FROM outbox WHERE kind = 'digest'`)
	mails := read[int](t, m.conn, `SELECT count(*) FROM outbox WHERE kind = 'notices'`)
	unmailed := read[int](t, m.conn, `SELECT count(*) FROM notices n WHERE NOT EXISTS (SELECT FROM outbox o WHERE o.id = n.mail_id)`)
	if notices != 40 || digests != 2 || unmailed != 0 || sum != (postgres.Told{Notices: notices, Digests: digests, Mails: mails}) {
		t.Errorf("%d notices, %d digests, %d without a mail, told of %+v", notices, digests, unmailed, sum)
	}
}

// taskAt is task for mia by another clock.
func (m *morning) taskAt(t testing.TB, title string, due crm.Due, now time.Time) {
	t.Helper()
	u := crm.FollowUp{Title: title, Due: due, OrganizationID: idOf(m.hers), UserID: idOf(m.mia.ID)}
	must(m.all(m.mia).CreateFollowUp(ctx, u, "organization", crm.Clock{Now: now, Zone: time.UTC}, none))(t)
}

// One that is killed while it looks leaves nothing, and keeps nobody from looking.
func TestOneWhoIsKilledLeavesTheTellingToOthers(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	m.tell(t, friday)
	m.task(t, m.all(m.mia), m.hers, "Call", crm.Due{At: friday.Add(time.Minute)}, m.mia.ID)
	killed := postgrestest.Connect(t, m.conn.Config().ConnString())
	run(t, killed, `BEGIN`)
	run(t, killed, `SELECT pg_advisory_xact_lock(7, 0)`)
	run(t, killed, `UPDATE reminder_clock SET reached_at = reached_at + interval '1 day'`)
	if told := m.tell(t, friday.Add(time.Minute)); told != (postgres.Told{}) {
		t.Errorf("while another looks: %+v, want nothing", told)
	}
	if err := killed.Close(ctx); err != nil {
		t.Fatal(err)
	}
	for told := (postgres.Told{}); told.Notices == 0; told = m.tell(t, friday.Add(2*time.Minute)) { // until the server has seen that it is gone
		time.Sleep(5 * time.Millisecond)
	}
	m.wantTold(t, m.all(m.mia), "once the other is gone", `due "Call" by "" *`)
}

// A clock that was wrong for a while must not keep everybody from being told.
func TestAClockThatWasAhead(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	m.tell(t, friday.AddDate(50, 0, 0))
	m.tell(t, friday)
	m.task(t, m.all(m.mia), m.hers, "Call", crm.Due{At: friday.Add(time.Minute)}, m.mia.ID)
	if told := m.tell(t, friday.Add(time.Minute)); told.Notices != 1 {
		t.Errorf("told %+v, want one notice", told)
	}
}

// More than one look takes is told in several.
func TestALookTakesNoMoreThanABatch(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	m.tell(t, friday)
	run(t, m.conn, `SET session_replication_role = replica`) // the follow-ups are not under test: no audit rows
	run(t, m.conn, `INSERT INTO follow_ups (id, title, due_at, user_id, organization_id) SELECT gen_random_uuid(), n::text, $1, $2, $3 FROM generate_series(1, 2100) n`, friday.Add(time.Minute), m.mia.ID, m.hers)
	for n, want := range []postgres.Told{{Notices: 1000, More: true}, {Notices: 1000, More: true}, {Notices: 100}, {}} {
		if got := m.tell(t, friday.Add(time.Duration(2+n)*time.Minute)); got != want {
			t.Errorf("look %d: %+v, want %+v", n, got, want)
		}
	}
}

// TestThousandsGivenAtOnceAreOneMail to each person: giving on all that somebody had must not fill a mailbox.
func TestThousandsGivenAtOnceAreOneMail(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	for _, u := range []crm.User{m.mia, m.tom} {
		run(t, m.conn, `INSERT INTO user_credentials (user_id, password_hash) VALUES ($1, 'x') ON CONFLICT DO NOTHING`, u.ID)
		run(t, m.conn, `INSERT INTO notices (id, user_id, kind, follow_up_id, key, by_mail) SELECT gen_random_uuid(), $1, 'due', gen_random_uuid(), n::text, TRUE FROM generate_series(1, 1500) n`, u.ID)
	}
	mails := 0
	for range 4 {
		mails += m.tell(t, time.Now()).Mails
	}
	if unmailed := read[int](t, m.conn, `SELECT count(*) FROM notices WHERE mail_id IS NULL`); mails != 2 || unmailed != 0 {
		t.Errorf("3,000 notices of two people came to %d mails, and %d to none", mails, unmailed)
	}
}
