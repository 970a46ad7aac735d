//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/archpilot/crm/internal/paths"
)

// drafts counts what is kept on the device.
func (b *tab) drafts() int {
	b.t.Helper()
	return script[int](b, `Object.keys(localStorage).filter((k) => k.startsWith("draft ")).length`)
}

// TestWhatWasWrittenIsKept leaves a half-written note in every way there is.
func TestWhatWasWrittenIsKept(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organization(id))
	mara.mark()
	mara.caretIn("subject")
	mara.keys("Half of it" + kb.Tab + "The rest")
	mara.click(menu("Contacts"))
	const asked = `document.querySelector("crm-guard dialog").open`
	mara.until("it is asked", asked)
	mara.keys(kb.Enter) // stay
	if mara.value("subject") != "Half of it" || mara.path() != paths.Organization(id) {
		t.Error("staying lost the note")
	}
	mara.click(menu("Contacts"))
	mara.until("it is asked", asked)
	mara.keys(kb.Tab)
	mara.follows(kb.Enter) // leave
	mara.says("h1", "Contacts")
	mara.stays("leaving")

	mara.open(paths.NewLogOnOrganization(id)) // the same note, on the page of its own
	mara.says(".draft", "A draft from")
	mara.click(`//button[normalize-space()="Restore"]`)
	if mara.value("subject") != "Half of it" || mara.value("body") != "The rest" {
		t.Errorf("restored: %q, %q", mara.value("subject"), mara.value("body"))
	}
	mara.caretIn("subject")
	mara.follow(button("Log"))
	mara.says(".toast", "Interaction logged.")
	if n := mara.drafts(); n != 0 {
		t.Errorf("saved, %d drafts are left", n)
	}

	mara.open(paths.EditOrganization(id))
	mara.fill("sector", "Wrought iron")
	mara.open(paths.Home) // the browser asks
	mara.mu.Lock()
	if mara.asked != 1 {
		t.Errorf("the browser asked %d times", mara.asked)
	}
	mara.mu.Unlock()
	mara.open(paths.EditOrganization(id))
	mara.click(`//button[normalize-space()="Discard"]`)
	if n := mara.drafts(); n != 0 || mara.value("sector") != "" {
		t.Errorf("discarded, %d drafts are left", n)
	}

	mara.open(paths.Organization(id))
	mara.caretIn("subject")
	mara.keys("Too late")
	row[int](t, s, `WITH gone AS (UPDATE sessions SET revoked_at = now() RETURNING 1) SELECT count(*) FROM gone`)
	mara.refused[s.url+paths.LogOnOrganization(id)] = true
	mara.click(button("Log"))
	mara.until("sign-in is asked for", `location.pathname === "/login" && document.readyState === "complete"`)
	mara.fill("email", address("Mara"))
	mara.fill("password", testPassword)
	mara.follow(button("Sign in"))
	mara.says(".draft", "A draft from")
	mara.click(`//button[normalize-space()="Restore"]`)
	mara.follow(button("Log"))
	mara.says("#timeline", "Too late")

	mara.caretIn("subject")
	mara.keys("Not for the next one")
	mara.follow(`//header[@id="rail"]//button[normalize-space()="Sign out"]`)
	if n := mara.drafts(); n != 0 {
		t.Errorf("signed out, %d drafts are left", n)
	}
}

// TestFactIsEditedByKeyboard changes a fact where it stands, while a note is being written beside it.
func TestFactIsEditedByKeyboard(t *testing.T) {
	s, id := newFirm(t)
	mara := s.newTab(t)
	mara.signIn("Mara", paths.Organization(id))
	mara.mark()
	mara.caretIn("subject")
	mara.keys("Meanwhile")
	value := func(name string) {
		script[bool](mara, fmt.Sprintf(`document.querySelector("#fact-%s a").focus(), true`, name))
	}
	edit := func(name, text string) {
		value(name)
		mara.keys(kb.Enter)
		mara.caretIn(name)
		mara.keys(text)
	}
	edit("sector", "Textiles"+kb.Enter)
	mara.until("it is saved", `!document.querySelector("#fact-sector form")`)
	mara.says("#fact-sector", "Textiles")
	mara.says(".toast", "Organization saved.")
	mara.says("#history", "Sector")
	if got := script[string](mara, `document.activeElement.closest(".fact")?.id ?? ""`); got != "fact-sector" {
		t.Errorf("the focus is in %q", got)
	}
	if mara.value("subject") != "Meanwhile" {
		t.Error("the note is lost")
	}
	edit("sector", "Not this"+kb.Escape)
	mara.until("it is left", `!document.querySelector("#fact-sector form")`)
	mara.says("#fact-sector", "Textiles")

	mara.refused[s.url+paths.Organization(id)] = true
	edit("legal_name", kb.Delete+kb.Enter)
	mara.until("it is refused", `!!document.querySelector("#fact-legal_name .error")`)
	mara.caretIn("legal_name")
	mara.keys(kb.Escape)
	mara.until("it is left", `!document.querySelector("#fact-legal_name form")`)

	edit("tax_id", "IT-1")
	other := mara.another()
	other.open(paths.EditOrganization(id))
	other.fill("website", "mill.example")
	other.follow(button("Save"))
	mara.arrive("a stale save", http.StatusConflict, chromedp.KeyEvent(kb.Enter))
	mara.says("main", "Changed meanwhile")
	mara.stays("all of it")
	mara.follow(button("Save mine"))

	script[bool](mara, `navigator.clipboard.writeText = (text) => { window.copied = text; return Promise.resolve(); }, true`)
	script[bool](mara, `document.querySelector("#fact-tax_id [data-copy]").focus(), true`)
	mara.keys(kb.Enter)
	mara.until("it says so", `document.querySelector("#say").textContent === "Copied"`)
	if got := script[string](mara, `window.copied`); got != "IT-1" {
		t.Errorf("copied %q", got)
	}
}

// TestChoiceOfManyIsTyped finds an owner among fifteen by typing.
func TestChoiceOfManyIsTyped(t *testing.T) {
	s, id := newFirm(t)
	for i := range 14 {
		s.addUser(t, fmt.Sprintf("Number%d", i), "manager")
	}
	mara := s.newTab(t)
	mara.signIn("Mara", paths.EditOrganization(id))
	script[bool](mara, `document.querySelector("#f-owner_user_id").focus(), true`)
	mara.keys("NUMBER12")
	mara.until("one is left", `document.querySelectorAll("crm-combobox [role=option]").length === 1`)
	mara.keys(kb.Enter)
	if got := script[string](mara, `document.activeElement.value + " " + document.activeElement.ariaExpanded`); got != "Number12 false" {
		t.Errorf("chosen is %q", got)
	}
	mara.keys(kb.ArrowDown + kb.ArrowDown + kb.Escape + "nobody at all" + kb.Tab)
	if got := script[string](mara, `document.querySelector("#f-owner_user_id").value`); got != "Number12" {
		t.Errorf("what is no choice makes it %q", got)
	}
	mara.follow(button("Save"))
	mara.says("#details", "Number12")
	script[bool](mara, `document.querySelector("#fact-owner_user_id a").focus(), true`)
	mara.keys(kb.Enter)
	mara.until("it has the focus", `document.activeElement.role === "combobox"`)
	mara.keys("Number3" + kb.Enter + kb.Enter)
	mara.until("it is saved", `document.querySelector("#meta").textContent.includes("Number3")`)

	script[bool](mara, `(() => { const time = document.querySelector("#details time[data-ago]"); time.dateTime = new Date(Date.now() - 125e3).toISOString(); document.querySelector("crm-ago").refresh(); return true; })()`)
	mara.says("#details", "2 minutes ago")
}
