//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/archpilot/crm/internal/paths"
)

// ctrl presses a key with Ctrl.
func (b *tab) ctrl(key string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(key, chromedp.KeyModifiers(chromedp.ModifierCtrl)))
}

// follows presses keys that lead to another page.
func (b *tab) follows(keys string) {
	b.t.Helper()
	b.arrive("pressing "+keys, http.StatusOK, chromedp.KeyEvent(keys))
}

// current is what has the focus, as it reads.
func (b *tab) current() string {
	b.t.Helper()
	return script[string](b, `document.activeElement.innerText.trim()`)
}

// TestKeys goes about by single keys, and finds them switched off.
func TestKeys(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Home)
	b.mark()
	b.follows("gf")
	b.says("h1", "Follow-ups")
	b.follows("gc")
	b.says("h1", "Contacts")
	b.follows("go")
	b.says("h1", "Organizations")
	b.keys("jjjk")
	second := b.text("tbody tr:nth-child(2) a.name")
	if got := b.current(); got != second {
		t.Errorf("the current row is %q, not %q", got, second)
	}
	b.keys("x")
	if !script[bool](b, `document.querySelector("tbody tr:nth-child(2) [name=id]").checked`) {
		t.Error("x does not select the row")
	}
	b.keys("?")
	for _, text := range []string{"j k Next and previous row", "g o Organizations", "c New organization", "/ Search organizations", "] Next"} {
		b.says("#keys", text)
	}
	if got := b.text("#keys"); strings.Contains(got, "Edit") {
		t.Errorf("the sheet of a list offers to edit: %s", got)
	}
	b.keys("e" + kb.Escape)
	b.keys("/") // which DevTools types as well, whatever the page makes of the key
	if got := script[string](b, `document.activeElement.getAttribute("aria-label")`); got != "Search organizations" {
		t.Errorf("/ leads to %q", got)
	}
	b.keys(kb.Escape)
	b.keys("jj")
	b.follows(kb.Enter)
	b.says("h1", second)
	b.caretIn("subject")
	b.keys("c") // is text here
	if got := b.value("subject"); got != "c" {
		t.Errorf("the subject is %q", got)
	}
	b.keys(kb.Backspace + kb.Escape)
	b.follows("]")
	third := b.text("h1")
	b.keys(kb.Escape)
	b.follows("[")
	if b.says("h1", second); third == second {
		t.Error("] stays")
	}
	b.keys(kb.Escape + "l")
	b.caretIn("subject")
	b.keys(kb.Backspace + kb.Escape) // what DevTools typed
	b.follows("e")
	b.says("h1", "Edit "+second)
	b.stays("keys")
	if script[bool](b, `document.querySelector("crm-keys").targets().has("e")`) {
		t.Error("the form has a key to edit what is being edited")
	}

	b.open(paths.Account)
	b.click(`//input[@name="keys_off"]`)
	b.follow(button("Save"))
	b.keys("gc")
	if got := b.path(); got != paths.Account {
		t.Errorf("switched off, g c leads to %s", got)
	}
}

// TestPalette finds records and does what there is to do, within reach and rights.
func TestPalette(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
		s.addUser(t, "Vera", "viewer")
	})
	name := row[string](t, s, `SELECT display_name FROM organizations WHERE is_active ORDER BY id LIMIT 1`)
	b := s.newTab(t)
	b.signIn("Adam", paths.Home)
	b.mark()
	b.ctrl("k")
	b.keys(name)
	b.until("it is found", fmt.Sprintf(`document.querySelector('#palette-list [aria-selected="true"] span')?.textContent === %q`, name))
	b.keys(kb.ArrowDown + kb.ArrowUp)
	active := `document.getElementById(document.activeElement.getAttribute("aria-activedescendant"))?.textContent`
	if got := script[string](b, active); !strings.Contains(got, name) {
		t.Errorf("the active choice is %q", got)
	}
	b.follows(kb.Enter)
	b.says("h1", name)
	b.stays("the palette")

	b.ctrl("k")
	b.keys("NEW org")
	b.follows(kb.Enter)
	b.says("h1", "New organization")
	b.ctrl("k")
	b.keys("zzzz")
	b.says("#palette-list", "Search everything for “zzzz”")
	b.follows(kb.Enter)
	b.says("main", "Nothing found")
	b.ctrl("k")
	b.keys("sign out")
	b.follows(kb.Enter)
	b.says("h1", "Sign in")

	vera := s.newTab(t)
	vera.signIn("Vera", paths.Organizations)
	vera.click(`//header[@id="rail"]//button[@data-key="Ctrl K"]`)
	if got := vera.text("#palette-list"); !strings.Contains(got, "Contacts") || strings.Contains(got, "New") || strings.Contains(got, "Admin") {
		t.Errorf("a viewer is offered: %s", got)
	}
	vera.keys(kb.Escape)
	if got := vera.current(); !strings.HasPrefix(got, "Find or do") {
		t.Errorf("closed, the focus is on %q", got)
	}

	vera.do(chromedp.EmulateViewport(390, 844, chromedp.EmulateMobile, chromedp.EmulateTouch))
	vera.open(paths.Organizations)
	vera.fitsThumb("header.top [data-finds]")
	vera.do(chromedp.Tap("header.top [data-finds]", chromedp.NodeVisible))
	vera.keys(name)
	vera.until("it is found", fmt.Sprintf(`document.querySelector('#palette-list [aria-selected="true"] span')?.textContent === %q`, name))
	if script[bool](vera, `document.querySelector('crm-palette [data-key="?"]').checkVisibility()`) {
		t.Error("a phone is offered keys")
	}
	vera.fitsThumb(`#palette-list [aria-selected="true"]`)
	vera.tap(`#palette-list [aria-selected="true"]`)
	vera.says("h1", name)
}

// TestListFollowsWhatIsTyped narrows a list without leaving its box.
func TestListFollowsWhatIsTyped(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Organizations)
	b.mark()
	entries := script[int](b, `history.length`)
	b.keys("jx/")
	script[bool](b, `document.activeElement.select(), true`) // as above
	for _, part := range []string{"a", "g", "ri"} {
		b.keys(part)
	}
	b.until("it is narrowed", `location.search.includes("q=agri") && !document.querySelector("[data-busy]")`)
	n := row[int](t, s, `SELECT count(*) FROM organizations WHERE is_active AND display_name ILIKE '%agri%'`)
	b.until("it is said", fmt.Sprintf(`document.querySelector("#say").textContent.includes("%d organizations")`, n))
	b.says(".chips", "Text: agri")
	if got := script[string](b, `document.activeElement.value + " " + document.querySelectorAll("tbody :checked").length`); got != "agri 0" {
		t.Errorf("the box holds %q", got)
	}
	b.keys("col")
	b.until("it goes on", `location.search.includes("q=agricol")`)

	b.follow(link("Filter"))
	b.choose("size", "51-200")
	b.until("a choice applies itself", `location.search.includes("size=51-200") && document.querySelector(".chips").textContent.includes("51-200")`)
	if !script[bool](b, `document.querySelector(".tools form details").open`) {
		t.Error("the panel has closed")
	}
	b.stays("typing")
	b.click(summary("Filter"))
	script[bool](b, `document.querySelector('[name="panel"][type="submit"]').click(), true`)
	b.until("Apply closes it", `!document.querySelector(".tools form details") && location.search.includes("size=51-200")`)
	if n := script[int](b, `history.length`); n != entries+1 { // the panel was asked for
		t.Errorf("Back has %d pages of one list to go through", n-entries)
	}
}
