//go:build e2e

package e2e

import (
	"net/http"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// newFirm is a site with one client, Harbour Mill, and one manager, Mara.
func newFirm(t testing.TB) (*site, uuid.UUID) {
	t.Helper()
	var id uuid.UUID
	s := newSite(t, func(s *site) {
		s.addUser(t, "Mara", "manager")
		id = postgrestest.Organization(t, postgrestest.OpenURL(t, s.database, postgres.Options{}), "Harbour Mill", uuid.NullUUID{})
	})
	return s, id
}

// TestKeyboardCall finds a client in the list, logs a meeting with them and plans what follows without touching a mouse: in
// twelve key actions at most, besides what is typed.
func TestKeyboardCall(t *testing.T) {
	s, _ := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organizations)
	mara.mark()

	hand := counted{tab: mara}
	hand.press("/")
	script[bool](mara, `document.activeElement.select(), true`) // DevTools types the key as well
	mara.keys("harb")
	mara.until("the list is narrowed", `location.search.includes("q=harb") && !document.querySelector("[data-busy]")`)
	hand.press(kb.Escape)
	hand.press("j")
	hand.leads(kb.Enter)
	mara.says("h1", "Harbour Mill")
	mara.caretIn("subject")
	mara.keys("Kick-off")
	hand.press(kb.Tab, chromedp.ModifierShift)
	mara.caretIn("channel")
	hand.press(kb.ArrowRight)
	hand.press(kb.Tab)
	hand.press(kb.Tab)
	mara.keys("Agreed on the first three months.")
	hand.press(kb.Tab)
	mara.caretIn("next_title")
	mara.keys("Send the contract")
	hand.press(kb.Tab)
	mara.caretIn("next_in")
	hand.press(kb.ArrowDown)
	hand.leads(kb.Enter, chromedp.ModifierCtrl)
	hand.within(12)

	mara.says(".toast", "Interaction logged.")
	mara.says("#timeline .feed li", "Kick-off")
	mara.stays("a call")
	mara.planned("Kick-off", "Send the contract")
	channel := row[string](t, s, `SELECT channel FROM interactions WHERE body = 'Agreed on the first three months.'`)
	if channel == "call" {
		t.Error("the arrow key did not change the channel")
	}
	if n := row[int](t, s, `SELECT count(*) FROM interactions`); n != 1 {
		t.Errorf("got %d interactions, want 1", n)
	}
}

// planned fails the test unless an interaction and what follows from it were saved, in one change.
func (b *tab) planned(subject, title string) {
	b.t.Helper()
	n := row[int](b.t, b.site, `SELECT count(*) FROM follow_ups f JOIN interactions i ON i.id = f.interaction_id
		WHERE i.subject = $1 AND f.title = $2 AND f.state = 'open' AND (SELECT count(DISTINCT a.change_set_id) FROM audit_logs a WHERE a.target_id IN (f.id, i.id)) = 1`, subject, title)
	if n != 1 {
		b.t.Errorf("%q with %q was saved %d times, want once", subject, title, n)
	}
}

// counted counts what somebody does in a tab besides typing text: keys with what is held down beside them, and taps.
type counted struct {
	*tab
	done int
}

func (c *counted) press(key string, held ...chromedp.Modifier) {
	c.t.Helper()
	c.done++
	c.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(held...)))
}

// leads presses a key that leads to another page.
func (c *counted) leads(key string, held ...chromedp.Modifier) {
	c.t.Helper()
	c.done++
	c.arrive("pressing "+key, http.StatusOK, chromedp.KeyEvent(key, chromedp.KeyModifiers(held...)))
}

// touch taps what stays on the page.
func (c *counted) touch(what selector) {
	c.t.Helper()
	c.done++
	c.do(chromedp.Tap(what, chromedp.NodeVisible))
}

func (c *counted) tap(what selector) {
	c.t.Helper()
	c.done++
	c.tab.tap(what)
}

func (c *counted) within(most int) {
	c.t.Helper()
	c.t.Logf("%d actions, of %d at most", c.done, most)
	if c.done > most {
		c.t.Errorf("it takes %d actions, want %d at most", c.done, most)
	}
}

// keys types into whatever has the focus.
func (b *tab) keys(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// caretIn waits for the caret to stand in the named field: a browser sets it when it first draws the page, which
// may be after the page has loaded.
func (b *tab) caretIn(name string) {
	b.t.Helper()
	got := ""
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		if got = script[string](b, `document.activeElement.name ?? document.activeElement.tagName`); got == name {
			return
		}
	}
	b.t.Fatalf("the caret stands in %q, not in %q", got, name)
}

// TestConflictInTwoTabs saves the same organization from two tabs: the second sees what the first saved beside
// its own, and neither is lost.
func TestConflictInTwoTabs(t *testing.T) {
	s, id := newFirm(t)
	first := s.newTab(t)
	first.signIn("Mara", paths.EditOrganization(id))
	second := first.another()
	second.open(paths.EditOrganization(id))

	first.fill("sector", "Shipping")
	first.fill("tax_id", "GB 100")
	first.follow(button("Save"))
	first.says("#details", "Shipping")

	second.fill("sector", "Milling")
	second.followAs(button("Save"), http.StatusConflict)
	second.says("h1", "Changed meanwhile")
	second.says(".notice", "Mara changed Harbour Mill while you were editing")
	second.says("tbody tr", "Sector")
	second.says("tbody tr td", "Shipping")
	if got := second.value("sector"); got != "Milling" {
		t.Errorf("my sector came back as %q", got)
	}
	second.follow(button("Save mine"))

	// the tax ID that I never touched is theirs still
	for _, text := range []string{"Milling", "GB 100"} {
		second.says("#details", text)
	}
	saved := row[string](t, s, `SELECT sector || ' ' || tax_id || ' ' || version FROM organizations`)
	if saved != "Milling GB 100 3" {
		t.Errorf("saved is %q", saved)
	}
}

// value is what the named field of the main part holds.
func (b *tab) value(name string) string {
	b.t.Helper()
	return script[string](b, `document.querySelector('main [name="`+name+`"]').value`)
}

// TestPhoneCall logs a call and plans what follows with a thumb: six taps from the list, the one on the choice of a day
// counted twice, since a phone opens its own list for it.
func TestPhoneCall(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	mara.signIn("Mara", paths.Organizations)

	thumb := counted{tab: mara}
	mara.fitsThumb("tbody tr:first-child a.name")
	thumb.tap("tbody tr:first-child a.name")
	if got := mara.path(); got != paths.Organization(id) {
		t.Fatalf("the row led to %s", got)
	}
	mara.fitsThumb("nav.bottom a.plus")
	thumb.tap("nav.bottom a.plus")
	mara.caretIn("subject")
	mara.keys("Called back")
	thumb.touch(`main [name="next_title"]`)
	mara.keys("Send the contract")
	thumb.done += 2
	mara.choose("next_in", "Tomorrow")
	mara.fitsThumb(button("Log"))
	thumb.tap(button("Log"))
	thumb.within(6)
	mara.says(".toast", "Interaction logged.")
	mara.says("#timeline .feed li", "Called back")
	mara.planned("Called back", "Send the contract")

	// what was said stands above the bar and may be taken back from there
	mara.fitsThumb(button("Undo"))
	mara.tap(button("Undo"))
	mara.says(".toast", "Taken back")
	if n := row[int](t, s, `SELECT count(*) FROM interactions`); n != 0 {
		t.Errorf("got %d interactions after the undo, want 0", n)
	}
}

// tap is follow with a finger.
func (b *tab) tap(what selector) {
	b.t.Helper()
	b.arrive("tapping "+string(what), http.StatusOK, chromedp.Tap(what, chromedp.NodeVisible))
}

// fitsThumb fails the test unless a main action is large enough; axe sees to it that no target is under 24 px.
func (b *tab) fitsThumb(what selector) {
	b.t.Helper()
	const thumb = 44
	if box := ask(b, chromedp.Dimensions(what, chromedp.NodeVisible)); box.Height < thumb || box.Width < thumb {
		b.t.Errorf("%s is %d×%d px, too small for a thumb", what, box.Width, box.Height)
	}
}
