//go:build e2e

package e2e

import (
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/archpilot/crm/internal/paths"
)

var screenshots = flag.String("screenshots", "", "take pictures of the main pages into this directory of the repository")

// TestScreenshots takes the pictures of docs/screenshots: see make screenshots.
func TestScreenshots(t *testing.T) {
	if *screenshots == "" {
		t.Skip("make screenshots takes them")
	}
	into := filepath.Join(repository, *screenshots)
	if err := os.MkdirAll(into, 0o755); err != nil {
		t.Fatal(err)
	}
	s := newDemo(t, func(s *site) { s.addUser(t, "Ada", "admin") })
	id := row[struct{ Organization, Contact, Interaction string }](t, s, `SELECT
		(SELECT organization_id::text FROM interactions WHERE organization_id IN (SELECT organization_id FROM organization_contact)
			GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1),
		(SELECT contact_id::text FROM interactions WHERE contact_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1),
		(SELECT id::text FROM interactions WHERE body <> '' AND outcome <> '' ORDER BY id LIMIT 1)`)
	b := s.newTab(t)
	b.signIn("Ada", paths.Organizations)
	for n, page := range []struct{ name, path string }{
		{"today", paths.Home},
		{"organizations", paths.Organizations},
		{"organization", paths.Organizations + "/" + id.Organization},
		{"contacts", paths.Contacts},
		{"contact", paths.Contacts + "/" + id.Contact},
		{"interactions", paths.Interactions},
		{"follow-ups", paths.FollowUps + "?who=all"},
		{"log", paths.LogLine("call @adeyemi 15m yesterday 15:00: renewal agreed #held >fri send contract")},
		{"roles", paths.Roles},
		{"audit", paths.Audit},
	} {
		for name, l := range map[string]look{"light": {1280, "light"}, "dark": {1280, "dark"}, "phone": {390, "light"}} {
			b.view(l)
			b.open(page.path)
			picture := ask(b, chromedp.CaptureScreenshot())
			if err := os.WriteFile(filepath.Join(into, fmt.Sprintf("%02d-%s-%s.png", n+1, page.name, name)), picture, 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
}
