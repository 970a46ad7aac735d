package web_test

import (
	"net/http"
	"strings"
	"testing"
)

// speaking returns what a page is written in: its lang attribute and its heading.
func speaking(a *answer) string {
	lang, _ := a.doc.Find("html").Attr("lang")
	return lang + " " + strings.TrimSpace(a.doc.Find("h1").First().Text())
}

// TestPagesSpeakTheReadersLanguage is about which language a page is in: the profile's, else the browser's.
func TestPagesSpeakTheReadersLanguage(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	open := func(path, accepted string) string {
		t.Helper()
		req := b.request(http.MethodGet, path, nil)
		if accepted != "" {
			req.Header.Set("Accept-Language", accepted)
		}
		return speaking(b.do(req).wants(http.StatusOK))
	}
	for accepted, want := range map[string]string{
		"": "en Organizations", "it": "it Organizzazioni", "it-CH;q=0.9, de;q=0.8, en;q=0.1": "it Organizzazioni", "fr": "en Organizations",
		"de, en-GB;q=0.9, it;q=0.8": "en Organizations", "*": "en Organizations", ";;q=x": "en Organizations", strings.Repeat("it,", 500): "it Organizzazioni",
	} {
		if got := open("/organizations", accepted); got != want {
			t.Errorf("asked for %.40q the list says %q, want %q", accepted, got, want)
		}
	}
	b.post("/account", "name", "Mia", "language", "it").wants(http.StatusSeeOther)
	if got := open("/organizations", "en"); got != "it Organizzazioni" {
		t.Errorf("Italian chosen, the list says %q", got)
	}
	refused := b.post("/organizations", "legal_name", "", "display_name", "A").wants(http.StatusUnprocessableEntity)
	if got := refused.doc.Find(".error").Text(); !strings.Contains(got, "Inserisci") {
		t.Errorf("the faults of a form are told in another language: %q", got)
	}
	b.post("/account", "name", "Mia", "language", "en").wants(http.StatusSeeOther)
	if got := open("/organizations", "it"); got != "en Organizations" {
		t.Errorf("English chosen, the list says %q", got)
	}
	wrong := b.post("/account", "name", "Mia", "language", "xx").wants(http.StatusUnprocessableEntity)
	if got := wrong.doc.Find("#f-language-error").Text(); got == "" {
		t.Error("an unknown language is no fault of its field")
	}
}

// TestSignInSpeaksTheBrowsersLanguage is about pages that nobody is signed in to.
func TestSignInSpeaksTheBrowsersLanguage(t *testing.T) {
	t.Parallel()
	b := newSite(t).browser(t)
	req := b.request(http.MethodGet, "/login", nil)
	req.Header.Set("Accept-Language", "it-IT,it;q=0.9,en;q=0.8")
	if got := speaking(b.do(req).wants(http.StatusOK)); !strings.HasPrefix(got, "it ") || strings.Contains(got, "Sign in") {
		t.Errorf("an Italian browser is shown %q", got)
	}
}
