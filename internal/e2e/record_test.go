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

// TestKeyboardCall logs a meeting without touching a mouse: the caret stands in the subject already.
func TestKeyboardCall(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organization(id))

	mara.caretIn("subject")
	mara.keys("Kick-off")
	mara.do(chromedp.KeyEvent(kb.Tab, chromedp.KeyModifiers(chromedp.ModifierShift)))
	mara.caretIn("channel")
	mara.keys(kb.ArrowRight)
	mara.keys(kb.Tab + kb.Tab)
	mara.keys("Agreed on the first three months.")
	mara.arrive("Ctrl+Enter", http.StatusOK, chromedp.KeyEvent(kb.Enter, chromedp.KeyModifiers(chromedp.ModifierCtrl)))

	mara.says(".toast", "Interaction logged.")
	mara.says("#timeline .feed li", "Kick-off")
	channel := row[string](t, s, `SELECT channel FROM interactions WHERE body = 'Agreed on the first three months.'`)
	if channel == "call" {
		t.Error("the arrow key did not change the channel")
	}
	if n := row[int](t, s, `SELECT count(*) FROM interactions`); n != 1 {
		t.Errorf("got %d interactions, want 1", n)
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
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
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

// TestPhoneCall logs a call with a thumb: from the list two taps to the box, one to save.
func TestPhoneCall(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	mara.signIn("Mara", paths.Organizations)

	mara.fitsThumb("tbody tr:first-child a.name")
	mara.tap("tbody tr:first-child a.name")
	if got := mara.path(); got != paths.Organization(id) {
		t.Fatalf("the row led to %s", got)
	}
	mara.fitsThumb("nav.bottom a.plus")
	mara.tap("nav.bottom a.plus")
	mara.caretIn("subject")
	mara.keys("Called back")
	mara.fitsThumb(button("Log"))
	mara.tap(button("Log"))
	mara.says(".toast", "Interaction logged.")
	mara.says("#timeline .feed li", "Called back")

	// what was said stands above the bar and may be taken back from there
	mara.fitsThumb(button("Undo"))
	mara.tap(button("Undo"))
	mara.says(".toast", "Taken back.")
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
