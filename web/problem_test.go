package web_test

import (
	"net/http"
	"regexp"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// leaks are words of the machinery, which nobody should read on a page.
var leaks = regexp.MustCompile(`(?i)goroutine|\.go:\d|pgx|sqlstate|relation|panic|127\.0\.0\.1:`)

// TestProblemsAreExplained provokes the error pages in both languages: what it is, under which name the log has it, and
// where to go from there. A change meanwhile has pages of its own, with theirs beside mine; an outage is another test's.
func TestProblemsAreExplained(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	mia, viewer := s.role(t, "manager"), s.role(t, "viewer")
	exec := func(sql string) {
		t.Helper()
		_, err := postgrestest.Connect(t, s.url).Exec(t.Context(), sql)
		fatal(t, err)
	}
	broken := func(table string, ask func(*browser) *answer) func(*browser) *answer {
		return func(b *browser) *answer {
			exec(`ALTER TABLE ` + table + ` RENAME TO mislaid`)
			defer exec(`ALTER TABLE mislaid RENAME TO ` + table)
			return ask(b)
		}
	}
	organizations := func(b *browser) *answer { return b.get("/organizations") }
	for name, c := range map[string]struct {
		by     *browser
		status int
		ask    func(*browser) *answer
		from   string // the page that asks
		ways   string // where the answer leads
	}{
		"no permission":        {viewer, 403, func(b *browser) *answer { return b.get("/organizations/new") }, "/", "/"},
		"no such page":         {viewer, 404, func(b *browser) *answer { return b.get("/nowhere") }, "/", "/"},
		"no such record":       {viewer, 404, func(b *browser) *answer { return b.get("/organizations/" + uuid.NewString()) }, "/", "/"},
		"nobody, no page":      {s.browser(t), 404, func(b *browser) *answer { return b.get("/nowhere") }, "/", "/login"},
		"no such method":       {viewer, 405, func(b *browser) *answer { return b.do(b.request(http.MethodDelete, "/organizations", nil)) }, "/", "/"},
		"too large":            {mia, 413, func(b *browser) *answer { return b.post("/organizations", "legal_name", strings.Repeat("x", 2<<20)) }, "/organizations/new", "/organizations/new /"},
		"not understood":       {viewer, 422, func(b *browser) *answer { return b.get("/organizations?limit=many") }, "/", "/organizations /"},
		"too many tries":       {s.browser(t), 429, tooManyTries, "/login", "/login"},
		"a fault of ours":      {viewer, 500, broken("organization_activity", organizations), "/", "/organizations /"},
		"sessions are mislaid": {viewer, 500, broken("sessions", organizations), "/", "/organizations"},
	} {
		for _, language := range []string{"en", "it"} {
			c.by.also = http.Header{"Accept-Language": {language}, "Referer": {s.server.URL + c.from}}
			a := c.ask(c.by).guarded(name).wants(c.status)
			a.explains(t, name, language)
			if got := strings.Join(a.doc.Find(".problem .actions a").Map(func(_ int, way *goquery.Selection) string { return way.AttrOr("href", "") }), " "); got != c.ways {
				t.Errorf("%s leads to %q, want %q", name, got, c.ways)
			}
			if retry := a.header.Get("Retry-After"); (retry != "") != (c.status == 429) {
				t.Errorf("%s: Retry-After %q", name, retry)
			}
		}
	}
}

// explains fails the test unless an error page says in the reader's language what happened, and no more.
func (a *answer) explains(t *testing.T, name, language string) {
	t.Helper()
	heading := strings.TrimSpace(a.doc.Find("main h1").Text())
	if got := a.doc.Find("html").AttrOr("lang", ""); got != language || heading == "" {
		t.Errorf("%s is called %q in %q, want %q", name, heading, got, language)
	}
	if want := map[string]string{"en": "Request ", "it": "Richiesta "}[language]; !regexp.MustCompile(want + `[0-9a-z]{6,}`).MatchString(a.doc.Find(".problem").Text()) {
		t.Errorf("%s does not say its name in the log: %s", name, a.doc.Find(".problem").Text())
	}
	if found := leaks.FindString(a.doc.Text()); found != "" {
		t.Errorf("%s says %q: %s", name, found, a.text())
	}
}

// tooManyTries guesses until no more guesses are taken from one address.
func tooManyTries(b *browser) (last *answer) {
	for range 40 {
		if last = b.signIn("nobody@example.test", "wrong wrong wrong"); last.status == http.StatusTooManyRequests {
			break
		}
	}
	return last
}
