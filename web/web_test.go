package web_test

import (
	"context"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// site is a running server on a database of the test's own.
type site struct {
	db     *postgres.DB
	url    string // of the database
	server *httptest.Server
	web    *web.Server
	hash   string // of testPassword
}

const testPassword = "four quiet green herons"

// hasher is as cheap as argon2id gets: the tests are not about guessing hashes.
var hasher = password.New(password.Params{MemoryKiB: 64, Time: 1, Threads: 1}, 4)

func newSite(t testing.TB, adjust ...func(*web.Options)) *site {
	t.Helper()
	return newSiteOn(t, postgrestest.URL(t), postgres.Options{}, adjust...)
}

func newSiteOn(t testing.TB, databaseURL string, pool postgres.Options, adjust ...func(*web.Options)) *site {
	t.Helper()
	db := postgrestest.OpenURL(t, databaseURL, pool)
	hash, err := hasher.Hash(context.Background(), testPassword)
	if err != nil {
		t.Fatal(err)
	}
	log := slog.New(slog.DiscardHandler)
	if os.Getenv("CRM_TEST_LOG") != "" {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	o := web.Options{
		DB: db, Hasher: hasher, Log: log, Firm: "Northgate", Zone: time.UTC,
		SessionIdle: time.Hour, SessionMax: 12 * time.Hour, NewestSchema: 1,
	}
	for _, a := range adjust {
		a(&o)
	}
	w := web.New(o)
	s := &site{db: db, url: databaseURL, web: w, server: httptest.NewServer(w.Handler()), hash: hash}
	t.Cleanup(s.server.Close)
	return s
}

// browser is one person's browser: cookies, no redirects followed, same-origin headers sent.
type browser struct {
	t    testing.TB
	site *site
	http *http.Client
	user crm.User
	also http.Header // sent with each request
}

func (s *site) browser(t testing.TB) *browser {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &browser{t: t, site: s, http: &http.Client{
		Jar: jar, Transport: s.server.Client().Transport, Timeout: 20 * time.Second,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}}
}

// as returns the browser of a new user with these roles, signed in.
func (s *site) as(t testing.TB, name string, team uuid.NullUUID, roles ...uuid.UUID) *browser {
	t.Helper()
	u := postgrestest.User(t, s.db, name, team, s.hash, roles...)
	b := s.browser(t)
	b.user = u
	b.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
	return b
}

// role returns the browser of a new user with a seeded role, signed in.
func (s *site) role(t testing.TB, slug string) *browser {
	t.Helper()
	return s.as(t, slug+"-"+uuid.NewString()[:8], uuid.NullUUID{}, postgrestest.Seeded(t, s.db, slug))
}

func (b *browser) signIn(email, pw string) *answer {
	b.t.Helper()
	return b.post("/login", "email", email, "password", pw)
}

// answer is what came back.
type answer struct {
	b         *browser
	requested string // path and query
	status    int
	header    http.Header
	body      string
	doc       *goquery.Document
}

func (b *browser) do(req *http.Request) *answer {
	b.t.Helper()
	resp, err := b.http.Do(req)
	if err != nil {
		b.t.Fatalf("%s %s: %v", req.Method, req.URL, err)
	}
	defer func() { _ = resp.Body.Close() }() // read to its end below
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return &answer{b, req.URL.RequestURI(), resp.StatusCode, resp.Header, string(body), doc}
}

func (b *browser) request(method, path string, body io.Reader) *http.Request {
	b.t.Helper()
	req, err := http.NewRequest(method, b.site.server.URL+path, body)
	if err != nil {
		b.t.Fatal(err)
	}
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	maps.Copy(req.Header, b.also)
	return req
}

func (b *browser) get(path string) *answer {
	b.t.Helper()
	return b.do(b.request(http.MethodGet, path, nil))
}

// post sends a form given as name, value, name, value…
func (b *browser) post(path string, fields ...string) *answer {
	b.t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	req := b.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return b.do(req)
}

// wants fails the test unless the answer has the status.
func (a *answer) wants(status int) *answer {
	a.b.t.Helper()
	if a.status != status {
		a.b.t.Fatalf("got status %d, want %d\n%s", a.status, status, a.text())
	}
	return a
}

// text returns what a person reads on the page.
func (a *answer) text() string {
	return strings.TrimSpace(spaces.ReplaceAllString(a.doc.Find("body").Text(), " "))
}

var spaces = regexp.MustCompile(`\s+`)

// has fails the test unless the page says text.
func (a *answer) has(text string) *answer {
	a.b.t.Helper()
	if !strings.Contains(a.text(), text) {
		a.b.t.Fatalf("the page does not say %q:\n%s", text, a.text())
	}
	return a
}

// lacks fails the test if text stands anywhere in the answer, markup included.
func (a *answer) lacks(text string) *answer {
	a.b.t.Helper()
	if strings.Contains(a.body, text) {
		a.b.t.Fatalf("the answer gives away %q:\n%s", text, a.text())
	}
	return a
}

// to returns where a redirect leads.
func (a *answer) to() string { return a.header.Get("Location") }

// follow opens the page that a redirect leads to.
func (a *answer) follow() *answer {
	a.b.t.Helper()
	a.wants(http.StatusSeeOther)
	return a.b.get(a.to())
}

// value returns what the named field of the page holds.
func (a *answer) value(name string) string {
	a.b.t.Helper()
	f := a.doc.Find(`[name="` + name + `"]`).First()
	if f.Length() == 0 {
		a.b.t.Fatalf("no field %q on the page:\n%s", name, a.text())
	}
	if f.Is("textarea") {
		return f.Text()
	}
	v, _ := f.Attr("value")
	return v
}
