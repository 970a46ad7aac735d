//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"
)

// tab is one tab of one person's browser. What its page writes to the console, a refusal by the content
// security policy included, fails the test.
type tab struct {
	t    testing.TB
	site *site
	ctx  context.Context

	mu      sync.Mutex
	console []chromedp.ConsoleMessage
	refused map[string]bool // addresses answered 4xx, which Chromium logs as errors
	asked   int             // how often the browser asked whether to leave a page
	away    bool            // the connection is cut off on purpose, of which htmx logs
}

// newTab opens a tab in a profile of its own: nobody is signed in.
func (s *site) newTab(t testing.TB) *tab {
	t.Helper()
	return s.tabIn(t, browser(t), chromedp.WithNewBrowserContext())
}

// another opens a second tab of the same person.
func (b *tab) another() *tab {
	b.t.Helper()
	return b.site.tabIn(b.t, b.ctx)
}

func (s *site) tabIn(t testing.TB, parent context.Context, options ...chromedp.ContextOption) *tab {
	t.Helper()
	ctx, cancel := chromedp.NewContext(parent, options...)
	t.Cleanup(cancel)
	b := &tab{t: t, site: s, ctx: ctx, refused: map[string]bool{}}
	messages := chromedp.Console(ctx)
	go func() {
		for m, err := range messages {
			if err != nil {
				return
			}
			b.mu.Lock()
			b.console = append(b.console, m)
			b.mu.Unlock()
		}
	}()
	t.Cleanup(b.look)
	questions := chromedp.Events(ctx, page.JavascriptDialogOpening)
	go func() {
		for _, err := range questions {
			if err != nil {
				return
			}
			b.answered()
		}
	}()
	// A tab behind another has the focus too, as if it were the only one.
	b.do(func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
		return chromedp.Void{}, err
	}, chromedp.EmulateViewport(1280, 800))
	return b
}

// answered leaves the page that asks whether to: whoever types an address means to go there.
func (b *tab) answered() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.asked++
	_ = chromedp.Do(b.ctx, func(ctx context.Context, t *chromedp.Target) (chromedp.Void, error) { // the page may be gone
		_, err := chromedp.Call(ctx, page.HandleJavaScriptDialog, page.HandleJavaScriptDialogParams{Accept: true})
		return chromedp.Void{}, err
	})
}

// look is the last look at a page: at its console and, if the test failed, at its face.
func (b *tab) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, m := range b.console {
		expected := b.refused[m.URL] && m.Source == "network" || b.away && strings.Contains(m.String(), "htmx:error")
		if (m.Type == chromedp.ConsoleError || m.Type == chromedp.ConsoleException) && !expected {
			b.t.Errorf("console: %s (%s:%d)", m, m.URL, m.Line+1)
		}
	}
	if b.t.Failed() {
		b.screenshot()
	}
}

func (b *tab) screenshot() {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	where, _ := chromedp.Run(ctx, chromedp.Location())
	picture, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Logf("no screenshot of %s: %v", where, err)
		return
	}
	file, err := os.CreateTemp("", "crm-e2e-*.png")
	if err != nil {
		b.t.Logf("no screenshot: %v", err)
		return
	}
	_, err = file.Write(picture)
	b.t.Logf("screenshot of %s: %s (%v)", where, file.Name(), firstError(err, file.Close()))
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// do runs steps that must succeed.
func (b *tab) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, steps...); err != nil {
		b.t.Fatal(err)
	}
}

// ask runs an action that must succeed and returns its value.
func ask[T any](b *tab, a chromedp.Action[T]) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	v, err := chromedp.Run(ctx, a)
	if err != nil {
		b.t.Fatal(err)
	}
	return v
}

// script returns the value of a JavaScript expression; it works with scripts of pages off, too.
func script[T any](b *tab, expression string) T {
	b.t.Helper()
	return ask(b, chromedp.Evaluate[T](expression, chromedp.EvalAwaitPromise))
}

// open goes to a path, as if typed into the address bar.
func (b *tab) open(path string) { b.t.Helper(); b.openAs(path, http.StatusOK) }

func (b *tab) openAs(path string, status int) {
	b.t.Helper()
	b.arrive("opening "+path, status, chromedp.Navigate(b.site.url+path))
}

// follow clicks what leads to another page and waits for that.
func (b *tab) follow(what selector) { b.t.Helper(); b.followAs(what, http.StatusOK) }

func (b *tab) followAs(what selector, status int) {
	b.t.Helper()
	b.arrive("following "+string(what), status, chromedp.Click(what, chromedp.NodeVisible))
}

// arrive runs steps that lead to another page, or to another main part of this one, which must have the status.
func (b *tab) arrive(how string, status int, steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	b.tryScript(watch)
	b.do(steps...)
	got := 0
	for end := time.Now().Add(patience); got == 0; time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			b.t.Fatalf("%s: nothing came within %v", how, patience)
		}
		got, _ = b.tryScript(arrived) // between two pages there is nobody to ask
	}
	if got >= 400 {
		from := script[string](b, `window.swapped ? window.swappedFrom : location.href`)
		b.mu.Lock()
		b.refused[from] = true
		b.mu.Unlock()
	}
	if got != status {
		b.t.Fatalf("%s: got status %d, want %d\n%s", how, got, status, b.text("body"))
	}
}

// watch marks the present document, and notes the status of what is swapped into it.
const watch = `window.left = true; window.swapped = 0; if (!window.watched) { window.watched = true;
	document.addEventListener("htmx:after:swap", (event) => { const response = event.detail.ctx.response;
		window.swappedFrom = response?.raw.url; window.swapped = response?.status ?? 200; }); } 0`

// arrived is the status of the page that came after watch, 0 while none has.
const arrived = `!window.left ? document.readyState === "complete" && performance.getEntriesByType("navigation")[0]?.responseStatus || 0
	: window.swapped && !document.querySelector(".htmx-swapping") ? window.swapped : 0`

// tryScript is script for a document that may be gone.
func (b *tab) tryScript(expression string) (int, error) {
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, chromedp.Evaluate[int](expression))
}

// click is follow for what stays on the page.
func (b *tab) click(what selector) {
	b.t.Helper()
	b.do(chromedp.Click(what, chromedp.NodeVisible))
}

// fill replaces what the named field of the main part holds, by typing.
func (b *tab) fill(name, value string) {
	b.t.Helper()
	field := `main [name="` + name + `"]`
	b.do(chromedp.Click(chromedp.CSS(field), chromedp.NodeVisible))
	script[bool](b, `document.querySelector('`+field+`').select(), true`)
	if value == "" {
		value = kb.Delete
	}
	b.do(chromedp.KeyEvent(value))
}

// choose picks an option of a select by its label, or by what stands before the day in it.
func (b *tab) choose(name, label string) {
	b.t.Helper()
	found := script[bool](b, fmt.Sprintf(`(() => {
		const select = document.querySelector('main select[name="%s"]');
		const option = [...select.options].find((o) => o.label.trim().split(" · ")[0] === %q);
		if (option) { select.value = option.value; select.dispatchEvent(new Event("change", {bubbles: true})); }
		return !!option;
	})()`, name, label))
	if !found {
		b.t.Fatalf("the field %s does not offer %q: %s", name, label, b.text(`main select[name="`+name+`"]`))
	}
}

// text returns what a person reads there.
func (b *tab) text(css string) string {
	b.t.Helper()
	return strings.Join(strings.Fields(script[string](b, fmt.Sprintf(`document.querySelector(%q)?.innerText ?? "(nothing there)"`, css))), " ")
}

// says fails the test unless a part of the page says text.
func (b *tab) says(css, text string) {
	b.t.Helper()
	if got := b.text(css); !strings.Contains(got, text) {
		b.t.Fatalf("%s says %q, not %q", css, got, text)
	}
}

// path is where the tab is.
func (b *tab) path() string {
	b.t.Helper()
	return strings.TrimPrefix(ask(b, chromedp.Location()), b.site.url)
}

// signIn signs in, from the page of the site that one wanted.
func (b *tab) signIn(name, path string) {
	b.t.Helper()
	b.open(path)
	b.fill("email", address(name))
	b.fill("password", testPassword)
	b.follow(button("Sign in"))
	if got := b.path(); got != path {
		b.t.Fatalf("signing in to see %s led to %s", path, got)
	}
}

// selector finds by what a person reads, in the main part of the page or a toast.
type selector = chromedp.Search

func link(label string) selector    { return readable("a", label) }
func button(label string) selector  { return readable("button", label) }
func summary(label string) selector { return readable("summary", label) }

func readable(element, label string) selector {
	return selector(fmt.Sprintf(`(//*[self::main or contains(@class,"toast")]//%s[normalize-space()=%q])[1]`, element, label))
}

// menu is a link of the rail.
func menu(label string) selector {
	return selector(fmt.Sprintf(`(//header[@class="rail"]//a[normalize-space()=%q])[1]`, label))
}
