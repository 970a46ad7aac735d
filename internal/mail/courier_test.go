package mail_test

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/mail"
	"github.com/archpilot/crm/internal/mail/mailtest"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// office is a register that sends mail, with a mail server and a courier that delivers when told to.
type office struct {
	t       *testing.T
	db      *postgres.DB
	conn    *pgx.Conn
	server  *mailtest.Server
	courier *mail.Courier
	role    uuid.UUID
	rung    int // how often mail was left
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{t: t, server: mailtest.Start(t)}
	url := postgrestest.URL(t)
	o.db = postgrestest.OpenURL(t, url, postgres.Options{Mail: func() { o.rung++ }})
	o.conn = postgrestest.Connect(t, url)
	o.role = postgrestest.Seeded(t, o.db, "viewer")
	o.courier = o.another()
	return o
}

// another returns one more courier, as a second instance has.
func (o *office) another() *mail.Courier {
	return &mail.Courier{
		Outbox: o.db.Outbox(), Sender: sender(o.t, options(o.server)), Log: slog.New(slog.DiscardHandler),
		Writer: mail.Writer{Firm: "Northgate", BaseURL: "https://crm.northgate.example", Zone: time.UTC},
	}
}

// invite makes a user who is invited.
func (o *office) invite(name string) crm.User {
	o.t.Helper()
	u := crm.User{Name: name, Email: strings.ToLower(name) + "@example.test", RoleIDs: []uuid.UUID{o.role}}
	invited, err := postgrestest.System(o.db).CreateInvited(o.t.Context(), u, uuid.NullUUID{})
	if err != nil {
		o.t.Fatal(err)
	}
	if invited.Secret != "" {
		o.t.Error("a secret was handed out though mail is sent")
	}
	u.ID = invited.ID
	return u
}

func (o *office) deliver() { o.courier.Deliver(o.t.Context()) }

func (o *office) run(sql string, args ...any) {
	o.t.Helper()
	if _, err := o.conn.Exec(o.t.Context(), sql, args...); err != nil {
		o.t.Fatal(err)
	}
}

func (o *office) read(sql string, args ...any) (text string) {
	o.t.Helper()
	if err := o.conn.QueryRow(o.t.Context(), sql, args...).Scan(&text); err != nil {
		o.t.Fatalf("%s: %v", sql, err)
	}
	return text
}

// due brings every mail's next try forward, as time would.
func (o *office) due() {
	o.t.Helper()
	o.run(`UPDATE outbox SET due_at = now() WHERE sent_at IS NULL AND dropped_at IS NULL`)
}

func (o *office) wants(letters int) []mailtest.Letter {
	o.t.Helper()
	got := o.server.Letters()
	if len(got) != letters {
		o.t.Fatalf("%d letters arrived, want %d", len(got), letters)
	}
	return got
}

func (o *office) user(u crm.User) crm.User {
	o.t.Helper()
	now, err := postgrestest.System(o.db).User(o.t.Context(), u.ID)
	if err != nil {
		o.t.Fatal(err)
	}
	return now
}

func TestAnInvitationGoesOutOnceWithItsLink(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	u := o.invite("Mia")
	if o.rung != 1 {
		t.Errorf("the courier was told %d times, want once", o.rung)
	}
	if got := o.user(u); got.State != crm.UserInvited || got.InvitedUntil.IsZero() || !got.MailSentAt.IsZero() {
		t.Errorf("before the mail: %+v", got)
	}
	o.deliver()
	o.deliver()
	got := o.wants(1)[0]
	secret := strings.TrimPrefix(got.Link(), "/invitations/")
	if !strings.Contains(got.Text, "https://crm.northgate.example/invitations/"+secret) || !strings.Contains(got.Text, "Hello Mia,") {
		t.Errorf("the letter says\n%s", got.Text)
	}
	sum := sha256.Sum256([]byte(secret))
	if kept := o.read(`SELECT encode(hash, 'hex') FROM user_secrets WHERE user_id = $1 AND expires_at BETWEEN now() + interval '71 hours' AND now() + interval '72 hours'`, u.ID); kept != hex.EncodeToString(sum[:]) {
		t.Error("what is kept is not the hash of what was sent")
	}
	dump := o.read(`SELECT (SELECT string_agg(o::text, '') FROM outbox o) || (SELECT string_agg(x::text, '') FROM user_secrets x) || (SELECT string_agg(a::text, '') FROM audit_logs a)`)
	if strings.Contains(dump, secret) {
		t.Error("the secret stands in the database")
	}
	holder, err := o.db.LinkHolder(t.Context(), crm.MailInvitation, secret)
	if err != nil || holder.ID != u.ID {
		t.Errorf("the link is %+v's: %v", holder, err)
	}
	if got := o.user(u); got.State != crm.UserInvited || got.MailSentAt.IsZero() || got.MailKind != crm.MailInvitation {
		t.Errorf("after the mail: %+v", got)
	}
}

func TestAServerThatIsDownGetsTheMailWhenItIsUp(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.Down()
	u := o.invite("Mia")
	o.deliver()
	got := o.user(u)
	if got.State != crm.UserInvited || got.MailFault == "" || got.MailDropped {
		t.Errorf("while the server is down: %+v", got)
	}
	pause := func() string {
		return o.read(`SELECT (round(extract(epoch FROM due_at - now()) / 15) * 15)::text FROM outbox`)
	}
	if first := pause(); first != "15" {
		t.Errorf("tried again after %s s, want 15", first)
	}
	o.due()
	o.deliver()
	if second := pause(); second != "30" {
		t.Errorf("tried a third time after %s s, want 30", second)
	}
	o.server.Up()
	o.deliver() // not due yet
	o.wants(0)
	o.due()
	o.deliver()
	letters := o.wants(1)
	if got := o.user(u); got.MailFault != "" || got.MailSentAt.IsZero() {
		t.Errorf("after it was sent: %+v", got)
	}
	if _, err := o.db.LinkHolder(t.Context(), crm.MailInvitation, strings.TrimPrefix(letters[0].Link(), "/invitations/")); err != nil {
		t.Errorf("its link: %v", err)
	}
}

func TestItIsGivenUpWhenItIsNotWorthSending(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.server.Refuse(&smtp.SMTPError{Code: 550, EnhancedCode: smtp.EnhancedCode{5, 1, 1}, Message: "no such user here"})
	u := o.invite("Nobody")
	o.deliver()
	if got := o.user(u); !got.MailDropped || !strings.Contains(got.MailFault, "no such user here") {
		t.Errorf("a refused address: %+v", got)
	}
	o.server.Down()
	late := o.invite("Late")
	o.deliver()
	o.run(`UPDATE outbox SET expires_at = now() + interval '1 second', due_at = now() WHERE user_id = $1`, late.ID)
	o.deliver()
	if got := o.user(late); !got.MailDropped || got.MailFault == "" {
		t.Errorf("a mail whose next try comes too late: %+v", got)
	}
	o.run(`UPDATE outbox SET expires_at = now() - interval '1 second', due_at = now(), dropped_at = NULL`)
	o.server.Up()
	o.server.Refuse(nil)
	o.deliver()
	o.wants(0)
	if got := o.user(late); !got.MailDropped {
		t.Errorf("a mail that is too late: %+v", got)
	}
}

// What is no longer wanted when its turn comes is not sent.
func TestTheUnwantedIsDropped(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	s := postgrestest.System(o.db)
	for name, change := range map[string]func(crm.User) error{
		"Deactivated": func(u crm.User) error { _, err := s.SetUserActive(t.Context(), u.ID, false); return err },
		"Revoked":     func(u crm.User) error { return s.RevokeInvitation(t.Context(), u.ID) },
		"Password":    func(u crm.User) error { return s.ResetPassword(t.Context(), u.ID, "hash", false) },
		"Told": func(u crm.User) error { // a notice
			if err := s.ResetPassword(t.Context(), u.ID, "hash", false); err != nil {
				return err
			}
			_, err := s.SetUserActive(t.Context(), u.ID, false)
			return err
		},
		"Moved": func(u crm.User) error {
			u = o.user(u)
			u.Email = "elsewhere@example.test"
			_, err := s.UpdateUser(t.Context(), u)
			return err
		},
	} {
		u := o.invite(name)
		if err := change(u); err != nil {
			t.Fatal(name, err)
		}
	}
	o.run(`INSERT INTO outbox (id, kind, expires_at) VALUES (gen_random_uuid(), 'reset', now() + interval '1 hour')`) // for an unknown address
	o.deliver()
	for _, l := range o.server.Letters() {
		if l.To != "password@example.test" || !strings.Contains(l.Subject, "password was changed") {
			t.Errorf("sent %q to %s", l.Subject, l.To)
		}
	}
	if left := o.read(`SELECT count(*)::text FROM outbox WHERE sent_at IS NULL AND dropped_at IS NULL`); left != "0" {
		t.Errorf("%s mails are left", left)
	}
}

// A courier that is killed between taking a mail and noting that it was sent leaves it to another, after its lease;
// who gets it twice sees by its id that it is one mail.
func TestAKilledCourierLosesNothing(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.invite("Mia")
	taken, found, err := o.db.Outbox().Next(t.Context()) // and dies
	if err != nil || !found {
		t.Fatal(found, err)
	}
	o.deliver()
	o.wants(0) // it is the other's
	o.run(`UPDATE outbox SET due_at = due_at - interval '5 minutes'`)
	o.deliver()
	got := o.wants(1)[0]
	if id := got.Header.Get("Message-Id"); id != "<"+taken.ID.String()+"@northgate.example>" {
		t.Errorf("another id: %s", id)
	}
	for _, secret := range []string{taken.Secret, strings.TrimPrefix(got.Link(), "/invitations/")} {
		if _, err := o.db.LinkHolder(t.Context(), crm.MailInvitation, secret); err != nil {
			t.Errorf("a link that may have arrived does not work: %v", err)
		}
	}
}

func TestTwoCouriersSendEachMailOnce(t *testing.T) {
	t.Parallel()
	const mails = 12
	o := newOffice(t)
	for n := range mails {
		o.invite(fmt.Sprintf("User%d", n))
	}
	var wg sync.WaitGroup
	for range 4 {
		c := o.another()
		wg.Go(func() { c.Deliver(t.Context()) })
	}
	wg.Wait()
	to := map[string]int{}
	for _, l := range o.wants(mails) {
		to[l.To]++
	}
	if len(to) != mails {
		t.Errorf("letters by recipient: %v", to)
	}
}

// What another courier is taking at this very moment is passed over, not waited for and taken again.
func TestACourierPassesOverWhatAnotherTakes(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.invite("Mia")
	o.run(`BEGIN`)
	o.run(`SELECT FROM outbox FOR UPDATE`)
	if _, found, err := o.db.Outbox().Next(t.Context()); found || err != nil {
		t.Errorf("got %v %v, want nothing", found, err)
	}
	o.run(`COMMIT`)
	if _, found, err := o.db.Outbox().Next(t.Context()); !found || err != nil {
		t.Errorf("afterwards: got %v %v, want the mail", found, err)
	}
}

// A revocation that has begun when a courier makes the link is waited for: the link it did not see would outlive it.
func TestALinkIsNotMadeDuringARevocation(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	u := o.invite("Mia")
	o.run(`BEGIN`)
	o.run(`SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE`, u.ID)
	o.run(`UPDATE user_secrets SET used_at = now() WHERE user_id = $1`, u.ID) // as end_links does; there is none yet
	done := make(chan bool)
	go func() {
		_, found, err := o.db.Outbox().Next(context.Background())
		done <- found || err != nil
	}()
	watch, err := pgx.Connect(t.Context(), o.conn.Config().ConnString())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = watch.Close(context.Background()) }() // the test is over
	for waiting := false; !waiting; {
		if err := watch.QueryRow(t.Context(), `SELECT EXISTS (SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock')`).Scan(&waiting); err != nil {
			t.Fatal(err)
		}
		select {
		case <-done:
			t.Fatal("it did not wait")
		case <-time.After(5 * time.Millisecond):
		}
	}
	o.run(`UPDATE outbox SET dropped_at = now() WHERE user_id = $1`, u.ID)
	o.run(`COMMIT`)
	if <-done {
		t.Error("a revoked invitation was taken all the same")
	}
	if n := o.read(`SELECT count(*)::text FROM user_secrets`); n != "0" {
		t.Errorf("%s links were made", n)
	}
}

// A revocation that comes while a mail is on its way ends the link in it.
func TestARevocationOvertakesTheMail(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	u := o.invite("Mia")
	o.server.OnData(func() {
		if err := postgrestest.System(o.db).RevokeInvitation(context.Background(), u.ID); err != nil {
			t.Error(err)
		}
	})
	o.deliver()
	if _, err := o.db.LinkHolder(t.Context(), crm.MailInvitation, strings.TrimPrefix(o.wants(1)[0].Link(), "/invitations/")); err == nil {
		t.Error("the link of a revoked invitation works")
	}
}

func TestRunDeliversWhenTheBellRingsAndEndsWithItsContext(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	bell := make(chan struct{}, 1)
	o.courier.Bell = bell
	ctx, stop := context.WithCancel(t.Context())
	arrived := make(chan struct{}, 1)
	finish := make(chan struct{})
	o.server.OnData(func() {
		arrived <- struct{}{}
		<-finish
	})
	ended := make(chan struct{})
	go func() { o.courier.Run(ctx); close(ended) }()
	u := o.invite("Mia")
	bell <- struct{}{}
	<-arrived
	stop() // with a letter under way: it is finished, and noted
	close(finish)
	<-ended
	if got := o.user(u); got.MailSentAt.IsZero() {
		t.Errorf("a letter under way was not noted: %+v", got)
	}
}

func TestEveryKindHasALetterAndNamesStayInTheText(t *testing.T) {
	t.Parallel()
	w := mail.Writer{Firm: "Northgate\r\nBcc: x@example.test", BaseURL: "https://crm.northgate.example", Zone: time.UTC}
	for _, kind := range crm.MailKinds {
		m := postgres.Mail{ID: uuid.New(), Kind: kind, Email: "mia@example.test", Name: "Mia\r\nBcc: x@example.test", Zone: "Europe/Rome", ExpiresAt: time.Date(2026, 7, 1, 10, 0, 0, 0, time.UTC)}
		if kind.HasLink() {
			m.Secret = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		}
		l := w.Write(m)
		if l.Subject == "" || strings.ContainsAny(l.Subject, "\r\n") || strings.Contains(l.Text, "\r") || !strings.HasPrefix(l.Text, "Hello Mia Bcc: x@example.test,\n\n") {
			t.Errorf("%s: %q\n%s", kind, l.Subject, l.Text)
		}
		if kind.HasLink() && !strings.Contains(l.Text, m.Secret) {
			t.Errorf("%s: no link in\n%s", kind, l.Text)
		}
		if kind.HasLink() && !strings.Contains(l.Text, "1 Jul 2026, 12:00") {
			t.Errorf("%s: the end of the link is not in the reader's zone:\n%s", kind, l.Text)
		}
	}
}

// A mail that cannot be written is a failed try, not the end of the server.
func TestAPanicIsAFailedTry(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	o.courier.Writer.Zone = nil // which no Writer can work with
	u := o.invite("Mia")
	o.deliver()
	if got := o.user(u); !strings.Contains(got.MailFault, "internal fault") {
		t.Errorf("%+v", got)
	}
}

func TestLettersSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := mail.Writer{Firm: "Northgate", BaseURL: "https://crm.northgate.example", Zone: time.UTC}
	letter := w.Write(postgres.Mail{Kind: crm.MailPassword, Email: "ada@example.test", Name: "Ada", Language: "it"})
	if letter.Subject != "La tua password è stata cambiata" || !strings.HasPrefix(letter.Text, "Ciao Ada,") {
		t.Errorf("an Italian reader is written %q: %s", letter.Subject, letter.Text)
	}
}
