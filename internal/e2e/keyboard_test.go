//go:build e2e

package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// step is what somebody without a mouse does next: go on with Tab to what is called so, and press or type something
// there. Then the page says something, and what has the focus is called so.
type step struct {
	to, press string
	leads     bool // to another page, or to another main part of this one
	in, says  string
	focus     string
}

// TestTasksByKeyboard does the main tasks with Tab, Enter and letters alone. Whatever has the focus on the way shows
// it and is not covered.
func TestTasksByKeyboard(t *testing.T) {
	var id uuid.UUID
	s := newSite(t, func(s *site) {
		s.addUser(t, "Mara", "manager")
		db := postgrestest.OpenURL(t, s.database, postgres.Options{})
		id = postgrestest.Organization(t, db, "Harbour Mill", uuid.NullUUID{})
		postgrestest.Contact(t, db, "Ada", "Lind", uuid.NullUUID{})
	})
	b := s.newTab(t)
	b.signIn("Mara", paths.Home)
	for _, task := range []struct {
		name, from string
		steps      []step
	}{
		{"find a client", paths.Home, []step{
			{to: "Skip to content"},
			{to: "Search everything", press: "harb" + kb.Enter, leads: true, in: "h1", says: "Search", focus: "Search"},
			{to: "Harbour Mill", press: kb.Enter, leads: true, in: "h1", says: "Harbour Mill", focus: "Subject"},
		}},
		{"log a call, and what is next", paths.Organizations, []step{
			{to: "Harbour Mill", press: kb.Enter, leads: true, in: "h1", says: "Harbour Mill", focus: "Subject"},
			{press: "Renewal agreed"},
			{to: "Next step", press: "Send the contract"},
			{to: "When", press: "Tom"},
			{to: "Log", press: kb.Enter, leads: true, in: ".toast", says: "Interaction logged.", focus: "Subject"},
		}},
		{"plan more", paths.Organization(id), []step{
			{to: "Plan a follow-up", press: kb.Enter},
			{to: "What", press: "Send the price list"},
			{to: "When", press: "Tom"},
			{to: "Plan", press: kb.Enter, leads: true, in: "#follow-ups", says: "Send the price list", focus: "Subject"},
		}},
		{"edit a fact where it stands", paths.Organization(id), []step{
			{to: "Edit Sector:", press: kb.Enter, focus: "Sector"},
			{press: "Milling" + kb.Enter, in: "#fact-sector a", says: "Milling", focus: "Edit Sector:"},
		}},
		{"link a person", paths.Organization(id), []step{
			{to: "Find a contact to link", press: "lind" + kb.Enter, leads: true, in: "main", says: "Ada Lind"},
			{to: "Role", press: "Buyer"},
			{to: "Link", press: kb.Enter, leads: true, in: "#people", says: "Buyer", focus: "Subject"},
		}},
		{"do a follow-up, and undo", paths.Home, []step{
			{to: "Done: Send the contract", press: kb.Enter, leads: true, in: ".toast", says: "Follow-up done.", focus: "Send the price list"},
			{to: "Undo", press: kb.Enter, leads: true, in: ".toast", says: "Taken back.", focus: "Send the contract"},
		}},
	} {
		b.open(task.from)
		for _, next := range task.steps {
			b.take(task.name, next)
		}
	}
}

func (b *tab) take(task string, next step) {
	b.t.Helper()
	if next.to != "" {
		b.tabTo(task, next.to)
	}
	if next.leads {
		b.arrive(task, http.StatusOK, chromedp.KeyEvent(next.press))
	} else {
		b.keys(next.press)
	}
	if next.in != "" {
		b.until(fmt.Sprintf("%s: %s says %q", task, next.in, next.says), fmt.Sprintf(`document.querySelector(%q)?.innerText.includes(%q)`, next.in, next.says))
	}
	if next.focus != "" {
		b.until(fmt.Sprintf("%s: the focus is on %q", task, next.focus), fmt.Sprintf(`(%s).startsWith(%q)`, called, next.focus))
	}
}

const (
	// called is what a screen reader would call what has the focus.
	called = `document.activeElement === document.body ? "" : (({ariaLabel, labels, title, innerText}) => (ariaLabel || labels?.[0]?.innerText || innerText || title || "").trim())(document.activeElement)`

	// hidden says why one cannot see the focus, "" if one can. The calendar in a field for dates shows it by itself.
	hidden = `(() => {
		const e = document.activeElement, r = e.getBoundingClientRect();
		if (e === document.body || e.matches("[type^=date]:not(:focus-visible)")) return "";
		const around = [e, e.parentElement, e.parentElement?.parentElement].map((a) => a && getComputedStyle(a));
		if (!around.some((s, i) => s && (s.outlineStyle !== "none" && parseFloat(s.outlineWidth) >= 2 || i === 0 && s.boxShadow.includes("inset")))) return "has no outline";
		const [x, y] = [r.left + r.width / 2, r.top + r.height / 2];
		if (y < 0 || y > innerHeight) return "is out of sight";
		const top = document.elementFromPoint(Math.max(x, 0), y);
		return !top || e.contains(top) || top.contains(e) || top.closest("label")?.contains(e) ? "" : "is covered by " + top.outerHTML.slice(0, 80);
	})()`
)

// tabTo presses Tab until something called so has the focus.
func (b *tab) tabTo(task, name string) {
	b.t.Helper()
	const most = 120
	var passed []string
	for range most {
		b.keys(kb.Tab)
		at := script[string](b, called)
		if why := script[string](b, hidden); why != "" {
			b.t.Errorf("%s: the focus on %q %s", task, at, why)
		}
		if at == name || strings.HasPrefix(at, name+" ") || strings.HasPrefix(at, name+"\n") {
			return
		}
		passed = append(passed, at)
	}
	b.t.Fatalf("%s: Tab leads to no %q, but by %q", task, name, passed)
}
