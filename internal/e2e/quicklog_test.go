//go:build e2e

package e2e

import (
	"net/http"
	"testing"

	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"github.com/archpilot/crm/internal/paths"
)

// TestALineByKeyboard logs a call by one line and Enter twice, with scripts and without.
func TestALineByKeyboard(t *testing.T) {
	for name, scripts := range map[string]bool{"with JavaScript": true, "without JavaScript": false} {
		t.Run(name, func(t *testing.T) {
			s, id := newFirm(t)
			mara := s.newTab(t)
			if !scripts {
				mara.withoutScripts()
			}
			mara.signIn("Mara", paths.Home)
			script[bool](mara, `document.querySelector("#line").focus(), true`)
			mara.keys("call @harbour 15m yesterday 15:00: renewal agreed #held")
			mara.arrive("Enter", http.StatusOK, chromedp.KeyEvent(kb.Enter))
			mara.caretIn("subject")
			if got := mara.value("subject"); got != "renewal agreed" {
				t.Errorf("the subject is %q", got)
			}
			mara.arrive("Enter again", http.StatusOK, chromedp.KeyEvent(kb.Enter))
			if got := mara.path(); got != paths.Organization(id) {
				t.Errorf("it led to %s", got)
			}
			mara.says(".toast", "Interaction logged.")
			mara.says("#timeline .feed li", "Call: renewal agreed")
			got := row[string](t, s, `SELECT concat_ws('|', channel, subject, outcome, (SELECT display_name FROM organizations o WHERE o.id = organization_id)) FROM interactions`)
			if want := "call|renewal agreed|held|Harbour Mill"; got != want {
				t.Errorf("saved is %s, want %s", got, want)
			}
		})
	}
}
