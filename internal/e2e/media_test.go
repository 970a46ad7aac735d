//go:build e2e

package e2e

import (
	"context"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"

	"github.com/archpilot/crm/internal/paths"
)

// on shows the page on a medium, "" for the screen, with a preference of the reader.
func (b *tab) on(medium, preference, value string) {
	b.t.Helper()
	b.do(func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Media: medium, Features: []*emulation.MediaFeature{{Name: preference, Value: value}},
		})
		return chromedp.Void{}, err
	})
}

// TestOtherMedia is about paper, and about colours that the system chooses.
func TestOtherMedia(t *testing.T) {
	s := newDemo(t, func(s *site) {
		s.addUser(t, "Adam", "admin")
	})
	b := s.newTab(t)
	b.signIn("Adam", paths.Organizations)
	b.holdsOnPaper()
	b.tellsStates()
}

// holdsOnPaper fails the test unless paper has what the page says: no chrome, nothing to click, black on white, whatever the screen looks like.
func (b *tab) holdsOnPaper() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(718, 1000)) // A4 between margins of a centimetre
	for _, path := range []string{paths.Organizations + "?sector=Energy", b.site.busiest(b.t), paths.FollowUps + "?who=all", paths.Home} {
		b.on("print", "prefers-color-scheme", "dark")
		b.open(path)
		if left := script[[]string](b, `[...document.querySelectorAll(".rail, .top, nav a, button, input, select, textarea, summary, .btn")].filter((e) => e.checkVisibility() && e.getClientRects().length).map((e) => e.outerHTML.slice(0, 80))`); len(left) > 0 {
			b.t.Errorf("on paper %s has %s", path, strings.Join(left, "\n"))
		}
		if got := script[string](b, `getComputedStyle(document.documentElement).backgroundColor + getComputedStyle(document.querySelector("h1")).color`); got != "rgb(255, 255, 255)rgb(0, 0, 0)" {
			b.t.Errorf("on paper %s is %s", path, got)
		}
		b.fits(path+" on paper", 718)
	}
	b.open(paths.Organizations + "?sector=Energy")
	for _, text := range []string{"Last contact", "17 organizations", "Sector: Energy", "Winkler Solartechnik"} {
		b.says("main", text)
	}
	if n := script[int](b, `[...document.querySelectorAll("tbody tr:first-child td")].filter((e) => e.checkVisibility()).length`); n < 6 {
		b.t.Errorf("on paper a list has %d columns", n)
	}
}

// tellsStates where the system chooses the colours: what is chosen, present or first looks different still.
func (b *tab) tellsStates() {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(1280, 800))
	b.on("", "forced-colors", "active")
	for _, c := range []struct{ path, one, other, pseudo string }{
		{paths.Organizations, `#rail [aria-current]`, `#rail .nav:not([aria-current])`, ""},
		{paths.Organizations, `.tabs [aria-current]`, `.tabs a:not([aria-current])`, ""},
		{paths.Organizations, `.btn.primary`, `.tools .btn`, ""},
		{b.site.busiest(b.t), `.seg > :has(:checked)`, `.seg > :not(:has(:checked))`, ""},
		{paths.Showcase, `.dot.good`, `.dot:not(.good, .warn, .bad, .cool)`, "::before"},
		{paths.Showcase, `.dot.good`, `.dot.warn`, "::before"},
		{paths.Showcase, `.dot.warn`, `.dot.bad`, "::before"},
		{paths.Showcase, `.bars .part-0 rect, .bars rect.part-0`, `.bars .part-2 rect, .bars rect.part-2`, ""},
	} {
		if b.path() != c.path {
			b.open(c.path)
		}
		look := func(css string) string {
			return script[string](b, `(() => { const s = getComputedStyle(document.querySelector('main '+`+"`"+css+"`"+`) ?? document.querySelector(`+"`"+css+"`"+`), "`+c.pseudo+`"); return [s.backgroundColor, s.borderBottomWidth, s.borderRadius, s.rotate, s.fill].join(); })()`)
		}
		if one, other := look(c.one), look(c.other); one == other {
			b.t.Errorf("%s: %s looks like %s: %s", c.path, c.one, c.other, one)
		}
	}
	b.open(b.site.busiest(b.t))
	b.caretIn("subject")
	if got := script[string](b, `getComputedStyle(document.activeElement).outlineStyle`); got != "solid" {
		b.t.Errorf("the focus is shown by an outline that is %s", got)
	}
}
