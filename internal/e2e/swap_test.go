//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/paths"
)

// stays fails the test unless the document is the one that mark saw: nothing but its parts came.
func (b *tab) stays(how string) {
	b.t.Helper()
	if !script[bool](b, `window.marked === true`) {
		b.t.Errorf("%s: the whole page was loaded again", how)
	}
}

func (b *tab) mark() { b.t.Helper(); script[bool](b, `window.marked = true`) }

// focus says where the focus is: the tag, and what it says.
func (b *tab) focus() string {
	b.t.Helper()
	return script[string](b, `document.activeElement.tagName + " " + (document.activeElement.name ?? document.activeElement.textContent.trim())`)
}

// TestPagesSwapTheirMainPart goes about the site as people do: only what differs is put in place, and a reader who
// cannot see learns where they are.
func TestPagesSwapTheirMainPart(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Home)
	mara.mark()

	mara.follow(menu("Organizations"))
	mara.stays("a link of the rail")
	if got := mara.path(); got != paths.Organizations {
		t.Errorf("the address is %s", got)
	}
	if got := mara.focus(); got != "H1 Organizations" {
		t.Errorf("the focus is on %q", got)
	}
	mara.says("#say", "1 organization")
	if got := script[string](mara, `document.title`); got != "Organizations · Northgate" {
		t.Errorf("the window is called %q", got)
	}
	if got := script[string](mara, `document.querySelector("#rail [aria-current]").textContent.trim()`); got != "Organizations" {
		t.Errorf("the rail marks %q", got)
	}

	mara.follow("tbody a.name")
	mara.stays("a row")
	mara.caretIn("subject") // the page asks for the focus there
	mara.keys("Swapped call")
	mara.follow(button("Log"))
	mara.stays("a saved form")
	mara.says(".toast", "Interaction logged.")
	mara.says("#timeline", "Swapped call")
	mara.fill("body", "Not to be lost")
	mara.follow("#timeline-calls")
	mara.stays("a part of the timeline")
	if got := mara.path(); got != paths.Organization(id)+"?timeline=calls" {
		t.Errorf("the calls are at %s", got)
	}
	if got := script[string](mara, `document.activeElement.id`) + ": " + mara.text("#say"); got != "timeline-calls: Calls, 1 interaction" {
		t.Errorf("the focus, and what is said, is %q", got)
	}
	mara.says("#timeline .kinds [aria-current]", "Calls")
	mara.follow("#timeline-changes")
	mara.says("#timeline", "Created the organization")
	if got := mara.value("body"); got != "Not to be lost" {
		t.Errorf("what was being written is %q", got)
	}
	mara.fill("body", "")
	mara.followAs(button("Log"), http.StatusUnprocessableEntity) // without a subject
	mara.stays("a refused form")
	if got := mara.path(); got != paths.Organization(id)+"?timeline=changes" {
		t.Errorf("a refused form stands at %s", got)
	}
	if got := mara.focus(); !strings.Contains(got, "Enter what it was about.") {
		t.Errorf("after a refusal the focus is on %q", got)
	}
}

// TestBackReturnsToThePlace goes back through swapped pages.
func TestBackReturnsToThePlace(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Organizations)
	b.mark()
	first := b.text("tbody tr:first-child a.name")
	script[bool](b, `document.querySelector("tbody tr:nth-child(30)").scrollIntoView(), true`)
	at := script[float64](b, `scrollY`)
	if at < 200 {
		t.Fatalf("the list scrolls only to %v", at)
	}
	b.follow("tbody tr:nth-child(30) a.name")
	if got := script[float64](b, `scrollY`); got != 0 {
		t.Errorf("a record opens at %v, not at its top", got)
	}
	b.follow(link("Edit"))
	for _, want := range []string{"the record", "Organizations"} {
		before := b.text("h1")
		script[bool](b, `history.back(), true`)
		b.until("back to "+want, fmt.Sprintf(`document.querySelector("h1").textContent.trim() !== %q`, before))
	}
	b.says("h1", "Organizations")
	if got := b.text("tbody tr:first-child a.name"); got != first {
		t.Errorf("back on the list the first is %q, not %q", got, first)
	}
	b.until("the list stands where it stood", fmt.Sprintf(`Math.abs(scrollY - %v) < 3`, at))
	b.stays("Back")
}

// TestALostConnectionIsTriedAgain types a form while the server is away.
func TestALostConnectionIsTriedAgain(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organization(id))
	mara.caretIn("subject")
	mara.keys("Said in a tunnel")
	mara.away = true
	script[bool](mara, `window.away = window.fetch, window.fetch = () => Promise.reject(new TypeError("away")), true`)
	mara.click(button("Log"))
	mara.until("it is said", `!!document.querySelector(".toast-offline")`)
	if got := mara.value("subject"); got != "Said in a tunnel" {
		t.Errorf("the subject is %q now", got)
	}
	script[bool](mara, `window.fetch = window.away, true`)
	mara.follow(link("Try again"))
	mara.says(".toast", "Interaction logged.")
	if n := row[int](t, s, `SELECT count(*) FROM interactions`); n != 1 {
		t.Errorf("got %d interactions, want 1", n)
	}
}

// TestASessionThatEndsLeadsToSignIn and back to the page that one was on.
func TestASessionThatEndsLeadsToSignIn(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organization(id))
	for _, c := range []struct {
		click selector
		path  string // where signing in again leads
	}{{menu("Contacts"), paths.Contacts}, {button("Log"), paths.Organization(id)}} {
		mara.open(paths.Organization(id))
		row[int](t, s, `WITH gone AS (UPDATE sessions SET revoked_at = now() RETURNING 1) SELECT count(*) FROM gone`)
		mara.refused[s.url+paths.Contacts], mara.refused[s.url+paths.LogOnOrganization(id)] = true, true
		mara.click(c.click)
		mara.until("sign-in is asked for", `location.pathname === "/login" && document.readyState === "complete"`)
		mara.fill("email", address("Mara"))
		mara.fill("password", testPassword)
		mara.follow(button("Sign in"))
		if got := mara.path(); got != c.path {
			t.Errorf("after %s signing in again led to %s", c.click, got)
		}
	}
}

// until waits for a JavaScript expression to hold.
func (b *tab) until(what, expression string) {
	b.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		if held, _ := b.tryScript("Number(" + expression + ")"); held != 0 {
			return
		}
		if time.Now().After(end) {
			b.t.Fatalf("%s: not within %v", what, patience)
		}
	}
}
