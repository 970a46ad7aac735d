package web_test

import (
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"
)

// ask gets a page with headers, and returns the answer as it came.
func (b *browser) ask(path string, headers ...string) *http.Response {
	b.t.Helper()
	req := b.request(http.MethodGet, path, nil)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	res, err := b.http.Do(req)
	if err != nil {
		b.t.Fatal(err)
	}
	b.t.Cleanup(func() { _ = res.Body.Close() })
	return res
}

// TestAScriptGetsTheMainPart is about the same page asked for by a page of the site: no head, and what changes besides.
func TestAScriptGetsTheMainPart(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	whole, err := io.ReadAll(b.ask("/organizations").Body)
	fatal(t, err)
	part, err := io.ReadAll(b.ask("/organizations", "HX-Request", "true").Body)
	fatal(t, err)
	if !strings.Contains(string(whole), "<html") || strings.Contains(string(part), "<html") || strings.Contains(string(part), "<script") {
		t.Errorf("a whole page has a head, a part has none:\n%s", part)
	}
	for _, want := range []string{"<title>Organizations", `<main id="main"`, `id="rail" hx-swap-oob="true"`, `id="bottom"`, `id="toast" hx-swap-oob="true"`} {
		if !strings.Contains(string(part), want) {
			t.Errorf("the part lacks %s", want)
		}
	}
	if len(part) >= len(whole) {
		t.Errorf("the part has %d bytes, the whole %d", len(part), len(whole))
	}
}

// TestAScriptIsToldToSignIn instead of being handed the page for it, which would end up inside another.
func TestAScriptIsToldToSignIn(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser(t)
	for current, want := range map[string]string{
		"":                                       "/login?next=%2Fcontacts",
		b.site.server.URL + "/organizations?q=a": "/login?next=%2Fcontacts",
		"https://elsewhere.example/steal":        "/login?next=%2Fcontacts",
	} {
		res := b.ask("/contacts", "HX-Request", "true", "HX-Current-URL", current)
		if got := res.Header.Get("HX-Redirect"); res.StatusCode != http.StatusUnauthorized || got != want {
			t.Errorf("from %q: %d, HX-Redirect %q, want 401 and %q", current, res.StatusCode, got, want)
		}
	}
}

// TestPagesAreCompressed unless they may show a secret.
func TestPagesAreCompressed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "admin")
	for path, want := range map[string]string{"/organizations": "gzip", "/": "gzip", "/account": "", "/account/mfa": "", "/account/tokens": "", "/invitations/abc": ""} {
		res := b.ask(path, "Accept-Encoding", "gzip")
		if got := res.Header.Get("Content-Encoding"); got != want {
			t.Errorf("%s is encoded as %q, want %q", path, got, want)
		}
		if want == "" {
			continue
		}
		r, err := gzip.NewReader(res.Body)
		fatal(t, err)
		text, err := io.ReadAll(r)
		fatal(t, err)
		if !strings.HasSuffix(strings.TrimSpace(string(text)), "</html>") {
			t.Errorf("%s ends with %q", path, text[max(0, len(text)-40):])
		}
	}
}
