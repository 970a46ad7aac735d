//go:build e2e

package e2e

import (
	"context"
	_ "embed"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/archpilot/crm/internal/paths"
)

// axe is Deque's checker of accessibility; its licence lies beside it.
//
//go:embed testdata/axe/axe.min.js
var axe string

// TestAccessible looks at every page on a desk and on a phone, in the light and in the dark.
func TestAccessible(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
		s.addUser(t, "Vera", "viewer")
		s.addUser(t, "Ida", "manager")
	})
	stranger, vera, adam := s.newTab(t), s.newTab(t), s.newTab(t)
	stranger.examine("sign-in", func() { stranger.open(paths.Login) })
	stranger.examine("sign-in refused", func() { stranger.followAs(button("Sign in"), http.StatusUnprocessableEntity) })
	vera.signIn("Vera", paths.Organizations)
	vera.examine("403", func() { vera.openAs(paths.NewOrganization, http.StatusForbidden) })
	vera.examine("404", func() { vera.openAs("/nowhere", http.StatusNotFound) })
	adam.signIn("Adam", paths.Organizations)
	for _, p := range s.pages(t) {
		adam.examine(p, func() { adam.open(p) })
	}
	adam.examineAnswers(s)
	ida := s.newTab(t)
	ida.signIn("Ida", paths.Account)
	ida.choose("language", "Italiano")
	ida.follow(button("Save"))
	for _, p := range []string{paths.Home, paths.Organizations + "?limit=5", s.busiest(t)} {
		ida.examine(p+" in Italian", func() { ida.open(p) })
	}
}

// busiest is the page of the organization with the most to show.
func (s *site) busiest(t testing.TB) string {
	t.Helper()
	return row[string](t, s, `SELECT '/organizations/' || organization_id FROM interactions
		WHERE organization_id IN (SELECT organization_id FROM organization_contact) GROUP BY organization_id ORDER BY count(*) DESC, 1 LIMIT 1`)
}

// pages are the addresses of all pages, of records that have much to show.
// Those of a list are long once, and short where something else is looked at.
func (s *site) pages(t testing.TB) []string {
	t.Helper()
	id := row[struct{ Contact, Interaction, User, Role, Team, FollowUp, Done string }](t, s, `SELECT
		(SELECT contact_id::text FROM interactions WHERE contact_id IS NOT NULL GROUP BY 1 ORDER BY count(*) DESC, 1 LIMIT 1),
		(SELECT id::text FROM interactions WHERE body <> '' AND outcome <> '' ORDER BY id LIMIT 1),
		(SELECT id::text FROM users ORDER BY email LIMIT 1), (SELECT id::text FROM roles WHERE slug = 'manager'),
		(SELECT id::text FROM teams ORDER BY name LIMIT 1),
		(SELECT id::text FROM follow_ups WHERE state = 'open' ORDER BY id LIMIT 1), (SELECT id::text FROM follow_ups WHERE outcome <> '' ORDER BY id LIMIT 1)`)
	organization, contact := s.busiest(t), paths.Contacts+"/"+id.Contact
	interaction, followUp := paths.Interactions+"/"+id.Interaction, paths.FollowUps+"/"+id.FollowUp
	link := row[string](t, s, `SELECT organization_id || '/contacts/' || contact_id FROM organization_contact ORDER BY 1 LIMIT 1`)
	return []string{
		paths.Home, paths.Workload, paths.Search + "?q=be", paths.Search + "?q=zzzz",
		paths.QuickLog, paths.QuickLogHelp, paths.LogLine("call ann @a 15m yesterday: renewal #held >fri send"), paths.LogLine("call zzzz: renewal"), paths.Search + "?q=call+ann",
		paths.Organizations, paths.Organizations + "?sector=Energy&owner=nobody", paths.Organizations + "?q=zzzz", paths.Organizations + "?q=belluci", paths.NewOrganization,
		paths.Organizations + "?select=page&limit=5", paths.Contacts + "?select=all&limit=5", paths.Organizations + "?panel=filter&limit=5",
		organization, organization + "/edit", organization + "/history", organization + "/interactions/new",
		organization + "?timeline=changes", organization + "/access",
		organization + "/contacts?q_contact=ann", organization + "/contacts?q_contact=zzzz", paths.Organizations + "/" + link + "/edit",
		paths.Contacts, paths.NewContact, contact, contact + "/edit", contact + "/history", contact + "/interactions/new",
		paths.FollowUps + "?who=all&limit=20", paths.FollowUps, paths.FollowUps + "?who=all&select=page&limit=5", paths.FollowUps + "?who=all&state=done&limit=5", followUp, followUp + "/edit", followUp + "/history",
		paths.FollowUps + "/" + id.Done, organization + "/follow-ups/new", contact + "/follow-ups/new",
		paths.Interactions, interaction, interaction + "/edit", interaction + "/history",
		paths.SaveView("organizations", "sector=Energy", ""), paths.Account, paths.AccountPassword, paths.AccountCalendar, paths.Inbox, paths.Notifications,
		paths.Users, paths.NewUser, paths.Users + "/" + id.User, paths.Roles, paths.NewRole, paths.Roles + "/" + id.Role,
		organization + "/touch", paths.Organizations + "/" + link + "/touch", paths.TouchDefaults, paths.Organizations + "?touch=overdue&sort=touch&cols=name,last,touch&limit=5",
		paths.Teams, paths.Teams + "/" + id.Team, paths.Audit, paths.Audit + "?action=login", paths.Showcase,
	}
}

// examineAnswers looks at what only a form brings up: a toast, a refusal, a conflict.
func (b *tab) examineAnswers(s *site) {
	b.t.Helper()
	b.examine("an open filter", func() {
		b.open(paths.Organizations + "?q=zzzz&panel=filter")
	})
	b.examine("the columns to choose from", func() {
		b.open(paths.Organizations + "?q=zzzz")
		b.follow(link("Columns"))
	})
	b.examine("the palette", func() {
		b.open(paths.Home)
		b.ctrl("k")
	})
	b.examine("the keys of a page", func() {
		b.open(paths.Organizations + "?q=zzzz")
		script[bool](b, `document.activeElement.blur(), true`)
		b.keys("?")
	})
	b.examine("a fact being edited", func() {
		b.open(paths.Organizations)
		b.follow("tbody a.name")
		script[bool](b, `document.querySelector("#fact-sector a").click(), true`)
		b.until("its form is there", `!!document.querySelector("#fact-sector form")`)
	})
	b.examine("the other menus open", func() {
		b.open(paths.Organizations + "?q=zzzz")
		script[bool](b, `document.querySelectorAll("nav.bottom details, .tools > details").forEach((d) => d.open = true), true`)
	})
	b.examine("a refused filter", func() { b.openAs(paths.Interactions+"?from=x&q=zzzz", http.StatusUnprocessableEntity) })
	b.examine("follow-ups with their menus open", func() {
		b.open(paths.FollowUps + "?who=all&limit=1") // of one, since one menu may cover what is below it
		script[bool](b, `document.querySelectorAll("main details").forEach((d) => d.open = true), true`)
	})
	b.examine("follow-ups that cannot be given", func() {
		b.open(paths.FollowUps + "?who=all&select=page&limit=5")
		b.followAs(button("Reassign"), http.StatusUnprocessableEntity)
	})
	b.examine("a refused form", func() {
		b.open(paths.NewOrganization)
		b.fill("website", "javascript:alert(1)")
		b.followAs(button("Create organization"), http.StatusUnprocessableEntity)
	})
	b.examine("a saved view with its menus open", func() {
		b.open(paths.SaveView("organizations", "sector=Energy", ""))
		b.fill("name", "Energy")
		b.follow(button("Save view"))
		script[bool](b, `document.querySelectorAll(".tools > details").forEach((d) => d.open = true), true`)
	})
	b.examine("a view to rename", func() { b.open("/views/" + row[string](b.t, s, `SELECT id::text FROM saved_views LIMIT 1`)) })
	b.examine("an action on all of a list", func() {
		b.open(paths.Organizations + "?select=all&limit=5")
		b.follow(button("Archive"))
	})
	b.examine("an action that cannot be done", func() {
		b.open(paths.Organizations + "?select=page&limit=5")
		b.follow(button("Assign…"))
		b.followAs(button("Go on"), http.StatusUnprocessableEntity)
	})
	id := row[string](b.t, s, `SELECT id::text FROM organizations WHERE is_active ORDER BY id LIMIT 1`)
	b.examine("a logged call", func() {
		b.open(paths.Organizations + "/" + id)
		b.fill("subject", "Examined")
		b.follow(button("Log"))
	})
	b.examine("more people in the log box", func() {
		b.open(paths.Organizations + "/" + row[string](b.t, s, `SELECT organization_id::text FROM organization_contact GROUP BY 1 HAVING count(*) BETWEEN 2 AND 20 ORDER BY 1 LIMIT 1`))
		script[bool](b, `document.querySelectorAll(".box-more, .more-people, .folded").forEach((d) => d.open = true), true`)
		b.fill("next_title", "Examined")
	})
	meeting := paths.Interactions + "/" + row[string](b.t, s, `SELECT interaction_id::text FROM interaction_contacts ORDER BY 1 LIMIT 1`)
	for _, path := range []string{meeting, meeting + "/edit"} {
		b.examine("a meeting of several", func() { b.open(path) })
	}
	b.examine("a calendar's address", func() {
		b.open(paths.AccountCalendar)
		b.follow(button("Make an address"))
	})
	b.examine("a conflict", func() {
		b.open(paths.Organizations + "/" + id + "/edit")
		other := b.another()
		other.open(paths.Organizations + "/" + id + "/edit")
		other.fill("sector", "Theirs")
		other.follow(button("Save"))
		b.fill("sector", "Mine")
		b.followAs(button("Save"), http.StatusConflict)
	})
	change := row[string](b.t, s, `SELECT change_set_id::text FROM audit_logs WHERE action = 'update_org'`)
	b.examine("a change", func() { b.open("/changes/" + change) })
	b.examine("a change taken back", func() {
		b.follow(button("Undo"))
		b.open("/changes/" + change)
	})
	b.examine("folds and menus of a record", func() {
		b.open(row[string](b.t, s, `SELECT '/organizations/' || organization_id FROM relationship_periods GROUP BY organization_id ORDER BY count(*) DESC LIMIT 1`))
		script[bool](b, `document.querySelectorAll(".fold, .person:first-child .menu").forEach((d) => d.open = true), true`)
	})
	b.examine("a refused rhythm", func() {
		b.open(paths.Organizations + "/" + id + "/touch")
		b.choose("touch_every_days", "Other …")
		b.fill("touch_other_days", "often")
		b.followAs(button("Save"), http.StatusUnprocessableEntity)
	})
	b.examine("what is usual in a role, refused", func() {
		b.open(paths.TouchDefaults)
		b.fill("every_days", "often")
		b.followAs(button("Add role"), http.StatusUnprocessableEntity)
	})
	b.examine("Today with something to do, and the numbers of its charts", func() {
		b.open(paths.Organizations + "/" + id + "/follow-ups/new")
		b.fill("title", "Examined")
		b.choose("in", "Tomorrow")
		b.follow(button("Plan"))
		b.open(paths.Home)
		script[bool](b, `document.querySelectorAll(".figures").forEach((d) => d.open = true), true`)
	})
	b.examine("a history", func() { b.open(paths.Organizations + "/" + id + "/history") })
}

// look is how a page is looked at.
type look struct {
	width  int64
	scheme string
}

// looks are of both widths in both lights.
var looks = []look{{1280, "light"}, {1280, "dark"}, {390, "dark"}, {390, "light"}}

// examine goes to a page and looks at it.
func (b *tab) examine(name string, arrive func()) {
	b.t.Helper()
	start := time.Now()
	b.view(looks[0])
	arrive()
	script[bool](b, axe+";true")
	for _, l := range looks {
		b.view(l)
		for _, v := range b.violations(rules[l.scheme]) {
			b.t.Errorf("%s, %d px, %s: %s", name, l.width, l.scheme, v)
		}
		if l.scheme == "light" {
			b.fits(name, l.width)
		}
	}
	narrowest := look{320, "light"} // WCAG 1.4.10
	b.view(narrowest)
	b.fits(name, narrowest.width)
	b.t.Logf("%-60s %v", name, time.Since(start).Round(time.Millisecond))
}

// view sets the width of the window and the reader's preferences. Motion is reduced, so that no colour is
// looked at half-way.
func (b *tab) view(l look) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(l.width, 844), func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{
			{Name: "prefers-color-scheme", Value: l.scheme}, {Name: "prefers-reduced-motion", Value: "reduce"},
		}})
		return chromedp.Void{}, err
	})
}

// violation is one rule that the page breaks, and where.
type violation struct {
	ID, Help string
	Where    []string
}

func (v violation) String() string {
	return fmt.Sprintf("%s (%s): %s", v.ID, v.Help, strings.Join(v.Where, "; "))
}

// rules are options of axe: all of WCAG 2.2 AA and its best practices, and in the dark those that look at
// colours, since nothing else is different there.
var rules = map[string]string{
	"light": `{resultTypes: ["violations"], preload: false, rules: {"target-size": {enabled: true}}}`,
	"dark":  `{resultTypes: ["violations"], preload: false, runOnly: ["color-contrast", "link-in-text-block"]}`,
}

func (b *tab) violations(options string) []violation {
	b.t.Helper()
	return script[[]violation](b, `new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))
		.then(() => axe.run(`+options+`))
		.then((r) => r.violations.map((v) => ({ID: v.id, Help: v.help, Where: v.nodes.map((n) => n.target.join(" ") + " " + n.failureSummary)})))`)
}

// fits fails the test if one had to scroll sideways to read the page, and names what sticks out.
func (b *tab) fits(name string, width int64) {
	b.t.Helper()
	out := script[[]string](b, `(() => {
		const root = document.documentElement;
		if (root.scrollWidth <= root.clientWidth) return [];
		return ["by " + (root.scrollWidth - root.clientWidth) + " px"].concat([...document.querySelectorAll("body *")]
			.filter((e) => e.getBoundingClientRect().right > root.clientWidth + 1)
			.map((e) => e.tagName.toLowerCase() + "." + e.className).slice(0, 8));
	})()`)
	if len(out) > 0 {
		b.t.Errorf("%s sticks out at %d px: %s", name, width, strings.Join(out, ", "))
	}
}
