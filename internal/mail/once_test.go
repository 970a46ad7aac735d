package mail_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/mail"
	"github.com/archpilot/crm/internal/mail/mailtest"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// desk is an office where people have follow-ups, at nine in the morning of a Friday in Rome.
type desk struct {
	*office
	mia, tom     crm.User
	organization uuid.UUID // tom's
}

var friday = time.Date(2026, 11, 27, 8, 0, 0, 0, time.UTC)

func newDesk(t *testing.T) *desk {
	t.Helper()
	d := &desk{office: newOffice(t)}
	d.courier = d.another()
	admin := postgrestest.Seeded(t, d.db, "admin")
	d.mia = postgrestest.User(t, d.db, "mia", uuid.NullUUID{}, "x", admin)
	d.tom = postgrestest.User(t, d.db, "tom", uuid.NullUUID{}, "x", admin)
	d.organization = postgrestest.Organization(t, d.db, "Granvik", postgrestest.ID(d.tom.ID))
	return d
}

// another returns one more courier whose clock stands.
func (d *desk) another() *mail.Courier {
	c := d.office.another()
	c.Writer.Now = func() time.Time { return friday }
	c.Writer.Zone, _ = time.LoadLocation("Europe/Rome")
	return c
}

func (d *desk) as(u crm.User) *postgres.Store {
	return d.db.As(postgrestest.Actor(u, authz.All, authz.Permissions...), postgres.Origin{})
}

// plan lets tom plan something about his client for mia.
func (d *desk) plan(title string, due crm.Due) uuid.UUID {
	d.t.Helper()
	f := crm.FollowUp{Title: title, Due: due, OrganizationID: postgrestest.ID(d.organization), UserID: postgrestest.ID(d.mia.ID)}
	saved, err := d.as(d.tom).CreateFollowUp(d.t.Context(), f, audit.Organization, crm.Clock{Now: friday, Zone: time.UTC}, uuid.NullUUID{})
	if err != nil {
		d.t.Fatal(err)
	}
	return saved.ID
}

// tell looks at a time at which no digest is due, but that what came into inboxes is mailed.
func (d *desk) tell() {
	d.t.Helper()
	if _, err := d.db.Reminders(everywhere(time.UTC)).Tell(d.t.Context(), friday.Add(-6*time.Hour)); err != nil {
		d.t.Fatal(err)
	}
}

// digest leaves mia the digest of the day, worth sending for some hours.
func (d *desk) digest() {
	d.t.Helper()
	d.run(`INSERT INTO outbox (id, kind, user_id, key, expires_at) VALUES (gen_random_uuid(), 'digest', $1, 'digest:2026-11-27', now() + interval '10 hours')`, d.mia.ID)
}

func (d *desk) sets(u crm.User, n crm.NotificationSettings) {
	d.t.Helper()
	if err := d.as(u).SaveNotificationSettings(d.t.Context(), n); err != nil {
		d.t.Fatal(err)
	}
}

// restrict gives mia one role of reach own with these permissions.
func (d *desk) restrict(permissions ...authz.Permission) {
	d.t.Helper()
	u := d.user(d.mia)
	u.RoleIDs = []uuid.UUID{postgrestest.Role(d.t, d.db, "own", permissions...)}
	if _, err := postgrestest.System(d.db).UpdateUser(d.t.Context(), u); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) outcome() string {
	d.t.Helper()
	return d.read(`SELECT coalesce(string_agg(CASE WHEN sent_at IS NOT NULL THEN 'sent' WHEN dropped_at IS NOT NULL THEN 'dropped' ELSE 'waiting' END, ' ' ORDER BY created_at), 'none')
		FROM outbox WHERE kind IN ('digest', 'notices')`)
}

var today = crm.Due{Day: "2026-11-27"}

// A courier that is killed before it hands a mail over leaves it to another; one that is killed after leaves it unsent: the
// inbox holds what it said, and a second mail would be worse than none.
func TestAKilledCourierSendsNothingTwice(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.digest()
	taken := func() postgres.Mail {
		t.Helper()
		m, found, err := d.db.Outbox().Next(t.Context())
		if err != nil || !found {
			t.Fatal(found, err)
		}
		return m
	}
	taken() // and dies
	d.deliver()
	d.wants(0) // it is the other's
	d.run(`UPDATE outbox SET due_at = due_at - interval '5 minutes'`)
	d.deliver()
	d.wants(1)

	d.tell() // a mail of the notice
	m := taken()
	if err := d.db.Outbox().HandOver(t.Context(), m); err != nil { // and dies
		t.Fatal(err)
	}
	for range 3 {
		d.run(`UPDATE outbox SET due_at = now() - interval '5 minutes'`)
		d.deliver()
	}
	d.wants(1)
	if got := d.outcome(); got != "sent dropped" {
		t.Errorf("the mails are %s", got)
	}
	if fault := d.read(`SELECT fault FROM outbox WHERE kind = 'notices'`); !strings.Contains(fault, "may have arrived") {
		t.Errorf("its fault is %q", fault)
	}
}

// A courier that was held up for longer than its lease, between taking a mail and handing it over, finds that another has it,
// and spoils nothing of the other's.
func TestACourierThatWakesUpTooLateSendsNothing(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.digest()
	slept, _, err := d.db.Outbox().Next(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	d.run(`UPDATE outbox SET due_at = now()`)
	other, found, err := d.db.Outbox().Next(t.Context())
	if err != nil || !found {
		t.Fatal(found, err)
	}
	if err := d.db.Outbox().HandOver(t.Context(), slept); !errors.Is(err, postgres.ErrUnwanted) {
		t.Errorf("who slept may send: %v", err)
	}
	if err := d.db.Outbox().HandOver(t.Context(), other); err != nil {
		t.Errorf("the other may not: %v", err)
	}
	if err := d.db.Outbox().HandOver(t.Context(), other); !errors.Is(err, postgres.ErrUnwanted) {
		t.Errorf("the other may twice: %v", err)
	}
	if err := d.db.Outbox().Failed(t.Context(), slept, "no server", false); err != nil {
		t.Fatal(err)
	}
	d.run(`UPDATE outbox SET due_at = now()`)
	d.deliver()
	d.wants(0) // the other may have sent it
}

// However many couriers and instances work at once, each mail leaves once.
func TestManyCouriersSendEachDigestOnce(t *testing.T) {
	t.Parallel()
	const people = 12
	d := newDesk(t)
	admin := postgrestest.Seeded(t, d.db, "admin")
	for n := range people {
		u := postgrestest.User(t, d.db, fmt.Sprintf("user%d", n), uuid.NullUUID{}, "x", admin)
		f := crm.FollowUp{Title: "Call", Due: today, OrganizationID: postgrestest.ID(d.organization), UserID: postgrestest.ID(u.ID)}
		if _, err := d.as(u).CreateFollowUp(t.Context(), f, audit.Organization, crm.Clock{Now: friday, Zone: time.UTC}, uuid.NullUUID{}); err != nil {
			t.Fatal(err)
		}
	}
	d.run(`INSERT INTO notification_settings (user_id, digest, digest_hour, due, assigned) SELECT id, 'daily', 7, 'mail', 'mail' FROM users`) // it may be Sunday
	var wg sync.WaitGroup
	for range 4 {
		c := d.another()
		reminders := d.db.Reminders(everywhere(place(t, morningSomewhere())))
		wg.Go(func() {
			for range 5 {
				if _, err := reminders.Tell(t.Context(), time.Now()); err != nil {
					t.Error(err)
				}
				c.Deliver(t.Context())
			}
		})
	}
	wg.Wait()
	d.courier.Deliver(t.Context())
	to := map[string]int{}
	for _, l := range d.server.Letters() {
		to[l.To]++
	}
	if len(to) != people || len(d.server.Letters()) != people {
		t.Errorf("letters by recipient: %v", to)
	}
}

// morningSomewhere is a zone where it is about eight at this moment: what is worth sending until the end of the day the
// database decides by its own clock.
func morningSomewhere() string {
	ahead := (8 - time.Now().UTC().Hour() + 24) % 24
	if ahead > 12 {
		return fmt.Sprintf("Etc/GMT+%d", 24-ahead)
	}
	return fmt.Sprintf("Etc/GMT-%d", ahead)
}

// everywhere is one zone for all.
func everywhere(zone *time.Location) func(string) *time.Location {
	return func(string) *time.Location { return zone }
}

func place(t *testing.T, name string) *time.Location {
	t.Helper()
	zone, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return zone
}

// A mail server that is down for hours delays a mail and loses none; down for longer than a mail is worth sending it loses
// that one.
func TestAServerThatIsDownForADay(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.tell()
	d.digest()
	d.server.Down()
	for range 12 { // the pauses double to an hour
		d.due()
		d.deliver()
	}
	if got := d.outcome(); got != "waiting waiting" {
		t.Errorf("after hours: %s", got)
	}
	d.run(`UPDATE outbox SET expires_at = now() + interval '10 minutes' WHERE kind = 'digest'`) // the evening
	d.due()
	d.deliver()
	if got := d.outcome(); got != "waiting dropped" {
		t.Errorf("in the evening: %s", got)
	}
	d.server.Up()
	d.due()
	d.deliver()
	if l := d.wants(1)[0]; l.Subject != "For you: Call Ann" {
		t.Errorf("%q came", l.Subject)
	}
	d.due()
	d.deliver()
	d.wants(1)
}

// What the server says no to it does not have: it is tried again, whenever in the conversation that was. What it has said
// nothing to, it may have.
func TestARefusalIsTriedAgainAndSilenceIsNot(t *testing.T) {
	t.Parallel()
	busy := &smtp.SMTPError{Code: 451, Message: "try again later"}
	for what, tt := range map[string]struct {
		breaks  func(*mailtest.Server)
		mend    func(*mailtest.Server)
		letters int
		end     string
	}{
		"no to the recipient, for now": {func(s *mailtest.Server) { s.Refuse(busy) }, func(s *mailtest.Server) { s.Refuse(nil) }, 1, "sent"},
		"no to the letter, for now":    {func(s *mailtest.Server) { s.RefuseData(busy) }, func(s *mailtest.Server) { s.RefuseData(nil) }, 1, "sent"},
		"no to the recipient for ever": {func(s *mailtest.Server) {
			s.Refuse(&smtp.SMTPError{Code: 550, Message: "no such user here"})
		}, func(s *mailtest.Server) { s.Refuse(nil) }, 0, "dropped"},
		"nothing at all": {func(s *mailtest.Server) { s.OnData(s.Down) }, func(s *mailtest.Server) { s.OnData(nil); s.Up() }, 1, "dropped"},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			d.plan("Call Ann", today)
			d.digest()
			tt.breaks(d.server)
			d.deliver()
			tt.mend(d.server)
			for range 2 {
				d.due()
				d.deliver()
			}
			d.wants(tt.letters)
			if got := d.outcome(); got != tt.end {
				t.Errorf("the mail is %s, want %s", got, tt.end)
			}
		})
	}
}

// A database that goes away in the moment of handing over keeps the letter here.
func TestWhatCannotBeNotedIsNotHandedOver(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	away := errors.New("the database is away")
	err := sender(t, options(server)).Send(t.Context(), letter("mia@example.test"), func(context.Context) error { return away })
	if !errors.Is(err, away) || len(server.Letters()) != 0 {
		t.Errorf("got %v, and %d letters arrived", err, len(server.Letters()))
	}
}

// Who waits for a link to come in does not wait for a morning's digests.
func TestALinkOvertakesDigests(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.digest()
	d.invite("Late")
	d.deliver()
	if l := d.wants(2)[0]; l.To != "late@example.test" {
		t.Errorf("first came %q to %s", l.Subject, l.To)
	}
}
