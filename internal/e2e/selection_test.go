//go:build e2e

package e2e

import (
	"testing"

	"github.com/archpilot/crm/internal/paths"
)

// TestRangeOfRows picks rows with Shift, as people do in a list, and archives them.
func TestRangeOfRows(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Organizations)
	b.open(paths.Organizations)
	if shown := script[bool](b, `document.querySelector(".selection-acts").checkVisibility()`); shown {
		t.Error("with nothing picked the page offers what to do with it")
	}
	const rows = `[...document.querySelectorAll('#selection tbody [name="id"]')]`
	script[bool](b, rows+`[1].click(), `+rows+`[4].dispatchEvent(new MouseEvent("click", {shiftKey: true, bubbles: true, cancelable: true}))`)
	if picked := script[string](b, rows+`.map((b, i) => b.checked ? i : "").join("")`); picked != "1234" {
		t.Errorf("picked are the rows %s, want 1234", picked)
	}
	b.follow(button("Archive"))
	b.says(".toast", "4 records archived.")
}
