package mail_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

func TestADigestSaysWhatThereIsToDo(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	late := d.plan("Chase the order", crm.Due{At: friday.Add(time.Minute)})
	d.run(`SET session_replication_role = replica`) // time passes: no audit row
	d.run(`UPDATE follow_ups SET due_on = '2026-11-25', due_at = NULL WHERE id = $1`, late)
	at := d.plan("Call Ann", crm.Due{At: friday.Add(7 * time.Hour)})
	d.plan("Send the contract", today)
	d.plan("Plan the visit", crm.Due{Day: "2026-12-04"})
	d.plan("Not yet", crm.Due{Day: "2026-12-05"})
	d.digest()
	d.deliver()
	l := d.wants(1)[0]
	const base = "https://crm.northgate.example"
	if l.Subject != "Today: 2 follow-ups, 1 overdue" || l.To != "mia@example.test" || l.Header.Get("List-Unsubscribe") != "<"+base+"/account/notifications>" {
		t.Errorf("%q to %s, %q", l.Subject, l.To, l.Header.Get("List-Unsubscribe"))
	}
	if kind, _, err := l.Header.ContentType(); kind != "text/plain" || err != nil {
		t.Errorf("it is %s: %v", kind, err)
	}
	for _, want := range []string{
		"Hello mia,\n\nFriday 27 November 2026\n\nOverdue\n\n- Chase the order · Granvik · 25 Nov 2026\n  " + base + "/follow-ups/" + late.String() + "\n\nToday\n\n",
		"\n- Call Ann · Granvik · 27 Nov 2026, 16:00\n  " + base + "/follow-ups/" + at.String() + "\n",
		"\n- Send the contract · Granvik · 27 Nov 2026\n", "\nThe next seven days\n\n- Plan the visit · Granvik · 4 Dec 2026\n",
		"\n5 new notices in your inbox:\n" + base + "/inbox\n", "\nHow you are told, and whether by mail: " + base + "/account/notifications\n",
	} {
		if !strings.Contains(l.Text, want) {
			t.Errorf("it does not say %q:\n%s", want, l.Text)
		}
	}
	if strings.Contains(l.Text, "Not yet") {
		t.Errorf("what is due later is in it:\n%s", l.Text)
	}
}

func TestADigestListsAFewAndCountsTheRest(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	for n := range 13 {
		d.plan(fmt.Sprintf("Call %d", n), today)
	}
	d.digest()
	d.deliver()
	l := d.wants(1)[0]
	if l.Subject != "Today: 13 follow-ups" || strings.Count(l.Text, "\n- Call ") != 10 || !strings.Contains(l.Text, "\nand 3 more:\nhttps://crm.northgate.example/follow-ups?due=today\n") {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
}

// Nothing is sent where there is nothing to say, to who may not read it, who wants none any more, or who is gone; and that
// is the end of the day's digest.
func TestADigestThatSaysNothingIsNotSent(t *testing.T) {
	t.Parallel()
	for what, before := range map[string]func(*desk){
		"nothing to do": func(*desk) {},
		"without ViewInteraction": func(d *desk) {
			d.plan("Call Ann", today)
			d.restrict(authz.ViewClient, authz.EditClient)
		},
		"switched off meanwhile": func(d *desk) {
			d.plan("Call Ann", today)
			d.sets(d.mia, crm.NotificationSettings{Digest: crm.DigestOff, DigestHour: 7, Due: crm.TellInbox, Assigned: crm.TellInbox})
		},
		"deactivated": func(d *desk) {
			d.plan("Call Ann", today)
			if _, err := postgrestest.System(d.db).SetUserActive(d.t.Context(), d.mia.ID, false); err != nil {
				d.t.Fatal(err)
			}
		},
		"of yesterday": func(d *desk) { d.plan("Call Ann", today) },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			d := newDesk(t)
			before(d)
			d.digest()
			d.run(`SET session_replication_role = replica`) // the changes below are not under test: no audit rows
			if what == "of yesterday" {
				d.run(`UPDATE outbox SET expires_at = now() - interval '1 second'`)
			}
			d.deliver()
			d.wants(0)
			if got := d.outcome(); got != "dropped" {
				t.Errorf("the mail is %s", got)
			}
			d.run(`UPDATE users SET is_active = TRUE`)
			d.plan("Later", today)
			d.due()
			d.deliver()
			d.wants(0)
		})
	}
}

// A mail says what its reader may see when it is written.
func TestMailSaysWhatItsReaderMaySee(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.tell()
	d.digest()
	d.restrict(authz.ViewClient, authz.ViewInteraction) // the client is tom's
	d.deliver()
	for _, l := range d.wants(2) {
		if !strings.Contains(l.Text, "Call Ann") || strings.Contains(l.Text, "Granvik") {
			t.Errorf("%q\n%s", l.Subject, l.Text)
		}
	}
	d.plan("Call Ben", today)
	d.tell()
	d.restrict(authz.ViewClient)
	d.deliver()
	d.wants(2)
}

func TestNoticesAreMailed(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	id := d.plan("Call Ann", today)
	d.tell()
	d.deliver()
	l := d.wants(1)[0]
	if l.Subject != "For you: Call Ann" || !strings.Contains(l.Text, "\ntom gave you a follow-up:\n\n- Call Ann · Granvik · 27 Nov 2026\n  https://crm.northgate.example/follow-ups/"+id.String()+"\n") {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
	for n := range 12 {
		d.plan(fmt.Sprintf("Task %d", n), today)
	}
	done := d.plan("Done meanwhile", today)
	d.tell()
	if _, err := d.as(d.mia).FinishFollowUp(t.Context(), crm.Finish{ID: done}, uuid.NullUUID{}); err != nil {
		t.Fatal(err)
	}
	d.deliver()
	l = d.wants(2)[1]
	if l.Subject != "12 new notices in your inbox" || strings.Count(l.Text, "\n- Task ") != 10 || !strings.Contains(l.Text, "\nGiven to you\n") ||
		!strings.Contains(l.Text, "\nand 2 more:\nhttps://crm.northgate.example/inbox\n") || strings.Contains(l.Text, "Done meanwhile") {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
	d.plan("Read", today)
	d.tell()
	if _, err := d.as(d.mia).ReadNotices(t.Context(), time.Now().Add(time.Hour)); err != nil {
		t.Fatal(err)
	}
	d.deliver()
	d.wants(2)
}

// A title and a name can neither begin a header nor a line, nor look like markup: the mail is plain text.
func TestTitlesStayInTheirLine(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	const title = "Hi\r\nBcc: evil@example.test\r\n\r\n<script>alert(1)</script>"
	id := d.plan("x", today)
	d.run(`SET session_replication_role = replica`) // the store would not take it
	d.run(`UPDATE follow_ups SET title = $1 WHERE id = $2`, title, id)
	d.run(`UPDATE organizations SET display_name = E'Acme\r\n- Fake\n  https://evil.example' WHERE id = $1`, d.organization)
	d.run(`UPDATE users SET name = E'Tom\r\nX-Evil: 1' WHERE id = $1`, d.tom.ID)
	d.tell()
	d.digest()
	d.deliver()
	for _, l := range d.wants(2) {
		kind, _, err := l.Header.ContentType()
		if l.Header.Has("Bcc") || l.Header.Has("X-Evil") || l.To != "mia@example.test" || kind != "text/plain" || err != nil {
			t.Errorf("a header was written: %+v", l)
		}
		for line := range strings.SplitSeq(l.Text, "\n") {
			if strings.HasPrefix(line, "Bcc") || strings.HasPrefix(line, "- Fake") || strings.HasPrefix(line, "X-Evil") || strings.HasPrefix(strings.TrimSpace(line), "https://evil") {
				t.Errorf("a line of somebody else's: %q in\n%s", line, l.Text)
			}
		}
	}
}

// Clients of one's own that have gone quiet are in a digest, with the right to see when one was in touch.
func TestADigestNamesQuietClients(t *testing.T) {
	t.Parallel()
	for what, permissions := range map[string][]authz.Permission{
		"Granvik": {authz.ViewClient, authz.ViewInteraction}, "": {authz.ViewClient},
	} {
		d := newDesk(t)
		mine := postgrestest.Organization(t, d.db, "Granvik & <Sons>", postgrestest.ID(d.mia.ID))
		every := 30
		if _, err := d.as(d.mia).SetOrganizationTouch(t.Context(), mine, 1, &every); err != nil {
			t.Fatal(err)
		}
		d.run(`UPDATE organization_activity SET next_touch_at = now() - interval '1 day' WHERE organization_id = $1`, mine)
		d.restrict(permissions...)
		d.digest()
		d.deliver()
		if what == "" {
			d.wants(0)
			continue
		}
		l := d.wants(1)[0]
		if l.Subject != "1 client to be in touch with" || !strings.Contains(l.Text, "\nTo be in touch with\n\n- Granvik & <Sons> · never in touch\n  https://crm.northgate.example/organizations/"+mine.String()+"\n") {
			t.Errorf("%q\n%s", l.Subject, l.Text)
		}
	}
}

func TestADigestSpeaksItsReadersLanguage(t *testing.T) {
	t.Parallel()
	d := newDesk(t)
	d.plan("Call Ann", today)
	d.run(`SET session_replication_role = replica`) // the choice is not under test: no audit row
	d.run(`UPDATE users SET language = 'it' WHERE id = $1`, d.mia.ID)
	d.digest()
	d.deliver()
	if l := d.wants(1)[0]; l.Subject != "Oggi: 1 follow-up" || !strings.Contains(l.Text, "\n- Call Ann · Granvik · 27 nov 2026\n") {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
}
