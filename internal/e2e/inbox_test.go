//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestWhatOneIsGivenIsDoneFromTheInbox: done and put off where it is told, with a mouse and with a thumb; then all that
// is left at once.
func TestWhatOneIsGivenIsDoneFromTheInbox(t *testing.T) {
	s := newSite(t, func(s *site) {
		s.addUser(t, "Mara", "manager")
		s.addUser(t, "Gil", "manager")
		gives(t, s, "Gil", "Mara", "Call Ann", "Call Ben", "Call Cyd")
	})
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Inbox)
	mara.says(".rail .badge", "3")

	mara.follow(button("Done: Call Ann"))
	mara.says(".toast", "Follow-up done.")
	if got := mara.path(); got != paths.Inbox {
		t.Errorf("Done led to %s", got)
	}
	mara.says("section[aria-labelledby=read]", "Call Ann")
	mara.says(".rail .badge", "2")

	week := time.Now().UTC().AddDate(0, 0, 7)
	mara.click(summary("Snooze: Call Ben"))
	mara.says("details[open] .panel", "In a week "+week.Format("Mon 2 Jan"))
	mara.follow(`details[open] button[name="in"][value="1w"]`)
	mara.says(".toast", "Follow-up put off.")
	due := func(title string) string {
		return row[string](t, s, `SELECT state || ' ' || due_on FROM follow_ups WHERE title = $1`, title)
	}
	if got, want := due("Call Ben"), "open "+week.Format(time.DateOnly); got != want {
		t.Errorf("put off it is %s, want %s", got, want)
	}
	mara.follow(button("Undo"))
	mara.says(".toast", "Taken back.")

	mara.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	mara.open(paths.Inbox)
	mara.do(chromedp.Tap(summary("Snooze: Call Cyd"), chromedp.NodeVisible))
	tomorrow := selector(`details[open] button[name="in"][value="2d"]`)
	mara.fitsThumb(tomorrow)
	mara.tap(tomorrow)
	mara.says(".toast", "Follow-up put off.")
	done := button("Done: Call Cyd")
	mara.fitsThumb(done)
	mara.tap(done)
	if got := due("Call Cyd"); got != "done "+time.Now().UTC().AddDate(0, 0, 2).Format(time.DateOnly) {
		t.Errorf("on the phone it came to %s", got)
	}

	// what is left in the list, all at once
	gives(t, s, "Gil", "Mara", "Call Dan")
	mara.do(chromedp.EmulateViewport(1280, 800))
	mara.open(paths.FollowUps)
	mara.follow(link("Select all: 2 follow-ups"))
	mara.says("#selection", "All are selected: 2 follow-ups.")
	mara.arrive("finishing all", http.StatusOK, chromedp.Click(chromedp.CSS(`#selection [value="done"]`), chromedp.NodeVisible))
	mara.says("h1", "Mark 2 follow-ups as done?")
	mara.follow(button("Go on"))
	mara.says(".toast", "2 follow-ups done.")
	mara.follow(button("Undo"))
	if n := row[int](t, s, `SELECT count(*) FROM follow_ups WHERE state = 'open'`); n != 2 {
		t.Errorf("after the one Undo %d are open, want 2", n)
	}
}

// gives lets one person plan something for another with a client, for tomorrow each.
func gives(t *testing.T, s *site, from, to string, titles ...string) {
	t.Helper()
	ctx, db := context.Background(), postgrestest.OpenURL(t, s.database, postgres.Options{})
	var people [2]crm.User
	for i, name := range []string{from, to} {
		var err error
		if people[i], err = postgrestest.System(db).UserByEmail(ctx, address(name)); err != nil {
			t.Fatal(err)
		}
	}
	client := postgrestest.ID(postgrestest.Organization(t, db, fmt.Sprint("Mill of ", titles[0]), uuid.NullUUID{}))
	clock := crm.Clock{Now: time.Now(), Zone: time.UTC}
	giver := db.As(postgrestest.Actor(people[0], authz.All, authz.Permissions...), postgres.Origin{})
	for _, title := range titles {
		f := crm.FollowUp{Title: title, Due: crm.DueIn("1d", clock), UserID: postgrestest.ID(people[1].ID), OrganizationID: client}
		if _, err := giver.CreateFollowUp(ctx, f, "", clock, uuid.NullUUID{}); err != nil {
			t.Fatal(err)
		}
	}
}
