package web_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"

	"github.com/archpilot/crm/internal/demo"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// demoFirm is a site of the demo firm, and its administrator: fifty clients with names as people and companies have them,
// in whose lists there is everything to do.
func demoFirm(t *testing.T) *browser {
	t.Helper()
	s := newSite(t)
	firm := demo.Firm(time.Now())
	r := postgres.Register{
		Teams: firm.Teams, Roles: firm.Roles, Organizations: firm.Organizations, Contacts: firm.Contacts,
		Relationships: firm.Relationships, Interactions: firm.Interactions, FollowUps: firm.FollowUps, TouchDefaults: firm.TouchDefaults,
	}
	for _, u := range firm.Users {
		r.Users = append(r.Users, postgres.RegisterUser{User: u.User, RoleSlugs: u.RoleSlugs})
	}
	_, err := postgrestest.System(s.db).Load(context.Background(), r)
	fatal(t, err)
	return s.role(t, "admin")
}

// TestListsStayLight holds a page of fifty rows to what it may weigh, as it is and as it travels. Contacts and interactions
// name a second record in each row, whose 16 random bytes nothing compresses.
func TestListsStayLight(t *testing.T) {
	t.Parallel()
	b := demoFirm(t)
	for path, budget := range map[string]struct{ raw, wire int }{
		"/organizations": {45 << 10, 9 << 10},
		"/contacts":      {46 << 10, 10<<10 + 512},
		"/interactions":  {46 << 10, 10<<10 + 512},
	} {
		res := b.ask(path, "Accept-Encoding", "gzip")
		wire, err := io.ReadAll(res.Body)
		fatal(t, err)
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Encoding") != "gzip" {
			t.Fatalf("%s: %d, encoded as %q", path, res.StatusCode, res.Header.Get("Content-Encoding"))
		}
		unzipped, err := gzip.NewReader(bytes.NewReader(wire))
		fatal(t, err)
		raw, err := io.ReadAll(unzipped)
		fatal(t, err)
		doc, err := goquery.NewDocumentFromReader(bytes.NewReader(raw))
		fatal(t, err)
		t.Logf("%s: %d bytes of %d, %d of %d on the wire", path, len(raw), budget.raw, len(wire), budget.wire)
		if n := doc.Find("main tbody tr").Length(); n != 50 {
			t.Errorf("%s has %d rows, want 50", path, n)
		}
		if len(raw) > budget.raw || len(wire) > budget.wire {
			t.Errorf("%s weighs %d bytes, %d on the wire; the budget is %d and %d", path, len(raw), len(wire), budget.raw, budget.wire)
		}
		if got := asked(doc); got != "1 style sheet, 2 scripts, 0 in the way" {
			t.Errorf("%s asks for %s", path, got)
		}
	}
}

// asked says what a page needs besides itself, and how many scripts stand in the way of its first paint.
func asked(doc *goquery.Document) string {
	return fmt.Sprintf("%d style sheet, %d scripts, %d in the way", doc.Find(`link[rel="stylesheet"]`).Length(), doc.Find("script").Length(),
		doc.Find(`script:not([defer], [type="module"]), style, img, iframe`).Length())
}
