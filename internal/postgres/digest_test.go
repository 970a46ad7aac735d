package postgres_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// What came into the inbox is mailed to who wants it, in one mail for all of a moment, unless it was read meanwhile.
func TestNoticesAreMailedToWhoWantsThem(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	mia, tom := m.all(m.mia), m.all(m.tom)
	evening := friday.Add(10 * time.Hour) // no digest is due
	m.tell(t, evening)
	for n := range 3 {
		m.task(t, mia, m.hers, fmt.Sprint(n), saturday, m.tom.ID)
	}
	m.wants(t, m.mia, func(n *crm.NotificationSettings) { n.Assigned = crm.TellInbox })
	m.task(t, tom, m.hers, "For the inbox", saturday, m.mia.ID)
	rung := m.rung
	if told := m.tell(t, evening); told != (postgres.Told{Mails: 1}) || m.rung != rung+1 {
		t.Errorf("%+v, and the courier was told %d times", told, m.rung-rung)
	}
	if told := m.tell(t, evening); told != (postgres.Told{}) {
		t.Errorf("again: %+v", told)
	}
	m.task(t, mia, m.hers, "Read at once", saturday, m.tom.ID)
	if _, err := tom.ReadNotices(ctx, time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	if told := m.tell(t, evening); told != (postgres.Told{}) {
		t.Errorf("read before it was mailed: %+v", told)
	}
	m.task(t, mia, m.hers, "Old", saturday, m.tom.ID)
	run(t, m.conn, `UPDATE notices SET created_at = now() - interval '25 hours' WHERE read_at IS NULL`)
	if told := m.tell(t, evening); told != (postgres.Told{}) {
		t.Errorf("a day old: %+v", told)
	}
	if left := read[int](t, m.conn, `SELECT count(*) FROM notices WHERE by_mail AND mail_id IS NULL`); left != 0 {
		t.Errorf("%d wait to be mailed for ever", left)
	}
}

// Where no mail is sent none is left, and nothing piles up.
func TestWithoutAMailServerTheInboxIsAll(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	r := f.db.Reminders(zones(time.UTC))
	f.task(t, f.all(f.mia), f.hers, "Call", saturday, f.tom.ID)
	for _, at := range []time.Time{friday, friday.Add(-2 * time.Hour)} {
		if told := must(r.Tell(ctx, at))(t); told != (postgres.Told{}) {
			t.Errorf("%+v", told)
		}
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM outbox`); n != 0 {
		t.Errorf("%d mails", n)
	}
}

// A digest is for who works here and has come in.
func TestWhoGetsADigest(t *testing.T) {
	t.Parallel()
	m := newMorning(t)
	role := postgrestest.Seeded(t, m.db, "viewer")
	gone := postgrestest.User(t, m.db, "gone", uuid.NullUUID{}, "x", role)
	must(m.sys.SetUserActive(ctx, gone.ID, false))(t)
	must(m.sys.CreateInvited(ctx, crm.User{Name: "invited", Email: "invited@example.test", RoleIDs: []uuid.UUID{role}}, none))(t)
	m.wants(t, m.tom, func(n *crm.NotificationSettings) { n.Digest = crm.DigestOff })
	rome := place(t, "Europe/Rome")
	at := time.Date(2026, 11, 27, 7, 0, 0, 0, rome)
	wantLines(t, "at seven", m.watch(t, at, at, rome), "Fri 07:00 mia digest:2026-11-27")
	if ends := read[time.Time](t, m.conn, `SELECT expires_at FROM outbox WHERE kind = 'digest'`); !ends.Equal(time.Date(2026, 11, 28, 0, 0, 0, 0, rome)) {
		t.Errorf("it is worth sending until %v", ends)
	}
}
