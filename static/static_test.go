package static

import (
	"bytes"
	"compress/gzip"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"
)

func get(t *testing.T, method, url, encoding string) *http.Response {
	t.Helper()
	r := httptest.NewRequest(method, url, nil)
	r.Header.Set("Accept-Encoding", encoding)
	w := httptest.NewRecorder()
	Handler().ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, r io.Reader) string {
	t.Helper()
	b, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestEveryFileIsServedForGood(t *testing.T) {
	t.Parallel()
	for name, kind := range map[string]string{
		"app.css": "text/css; charset=utf-8", "app.js": "text/javascript; charset=utf-8", "icon.svg": "image/svg+xml",
		"chevron.svg": "image/svg+xml", "fonts/inter-latin.woff2": "font/woff2",
	} {
		res := get(t, http.MethodGet, URL(name), "")
		if res.StatusCode != http.StatusOK || res.Header.Get("Content-Type") != kind {
			t.Errorf("%s: %d %s", name, res.StatusCode, res.Header.Get("Content-Type"))
		}
		if !strings.Contains(res.Header.Get("Cache-Control"), "immutable") || res.Header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: headers %v", name, res.Header)
		}
		if body(t, res.Body) == "" {
			t.Errorf("%s is empty", name)
		}
	}
}

func TestTextIsCompressedWhenAsked(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accept string
		gzip   bool
	}{{"gzip, br", true}, {"br;q=1, gzip;q=0.5", true}, {"*", true}, {"gzip; q=0", false}, {"br", false}, {"", false}} {
		res := get(t, http.MethodGet, URL("app.css"), c.accept)
		if got := res.Header.Get("Content-Encoding") == "gzip"; got != c.gzip {
			t.Errorf("Accept-Encoding %q: gzip is %v", c.accept, got)
		}
		if res.Header.Get("Vary") != "Accept-Encoding" {
			t.Error("no Vary")
		}
	}
	plain := body(t, get(t, http.MethodGet, URL("app.css"), "").Body)
	unzipped, err := gzip.NewReader(get(t, http.MethodGet, URL("app.css"), "gzip").Body)
	if err != nil {
		t.Fatal(err)
	}
	if body(t, unzipped) != plain {
		t.Error("compressed and plain differ")
	}
	if get(t, http.MethodGet, URL("fonts/inter-latin.woff2"), "gzip").Header.Get("Content-Encoding") != "" {
		t.Error("a font is compressed twice")
	}
}

func TestTheStyleSheetNamesOnlyServedFiles(t *testing.T) {
	t.Parallel()
	css := body(t, get(t, http.MethodGet, URL("app.css"), "").Body)
	urls := regexp.MustCompile(`url\("?([^")]+)"?\)`).FindAllStringSubmatch(css, -1)
	if len(urls) < 3 {
		t.Fatalf("only %d addresses found", len(urls))
	}
	for _, u := range urls {
		if res := get(t, http.MethodGet, u[1], ""); res.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", u[1], res.StatusCode)
		}
	}
}

// TestWhatEveryPageLoadsStaysLight holds the files to what they may weigh as they travel. The elements have a budget of
// their own, together and compressed as they are in app.js; fonts are those of a page in any language of Europe.
func TestWhatEveryPageLoadsStaysLight(t *testing.T) {
	t.Parallel()
	sum := func(names ...string) (n int) {
		for _, name := range names {
			a := byName[name]
			if n += len(a.gzipped); a.gzipped == nil {
				n += len(a.body)
			}
		}
		return n
	}
	elements := slices.DeleteFunc(slices.Clone(ours), func(name string) bool { return !strings.HasPrefix(name, "elements/") })
	for what, c := range map[string]struct{ weight, budget int }{
		"the style sheet": {sum("app.css"), 14 << 10},
		"all scripts":     {sum("vendor/htmx.min.js", "app.js"), 28 << 10},
		"the elements":    {len(compress(together(elements))), 12 << 10},
		"the fonts":       {sum("fonts/inter-latin.woff2", "fonts/inter-latin-ext.woff2"), 60 << 10},
	} {
		t.Logf("%s: %d bytes of %d", what, c.weight, c.budget)
		if c.weight == 0 || c.weight > c.budget {
			t.Errorf("%s: %d bytes compressed, the budget is %d", what, c.weight, c.budget)
		}
	}
	for name := range byName { // a file beside those would be weighed by nobody
		if path.Ext(name) != ".svg" && !slices.Contains([]string{"app.css", "vendor/htmx.min.js", "app.js", "fonts/inter-latin.woff2", "fonts/inter-latin-ext.woff2"}, name) {
			t.Errorf("%s is served, and has no budget", name)
		}
	}
}

// TestOurScriptsTravelTogether sees that none is left out of app.js, and that none needs to be a module of its own.
func TestOurScriptsTravelTogether(t *testing.T) {
	t.Parallel()
	written, err := fs.Glob(files, "elements/*.js")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range append(written, "page.js") {
		body, err := files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(byName["app.js"].body, body) {
			t.Errorf("app.js lacks %s", name)
		}
		if regexp.MustCompile(`(?m)^\s*(import|export)\b`).Match(body) {
			t.Errorf("%s imports or exports, which no block can", name)
		}
	}
}

func TestAnythingElseIsNotFound(t *testing.T) {
	t.Parallel()
	for _, url := range []string{"/static/", "/static/app.css", "/static/0000000000000000/app.css", "/static/static.go", "/static/fonts/OFL.txt", "/static/../go.mod"} {
		if res := get(t, http.MethodGet, url, ""); res.StatusCode != http.StatusNotFound {
			t.Errorf("%s: %d", url, res.StatusCode)
		}
	}
	if res := get(t, http.MethodPost, URL("app.css"), ""); res.StatusCode != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", res.StatusCode)
	}
	if res := get(t, http.MethodHead, URL("app.css"), ""); res.StatusCode != http.StatusOK || body(t, res.Body) != "" {
		t.Errorf("HEAD: %d", res.StatusCode)
	}
}

// TestWidthsAreInLetters: a page for narrow windows is also the page for large letters, which only rem can tell.
func TestWidthsAreInLetters(t *testing.T) {
	t.Parallel()
	sheet, err := files.ReadFile("app.css")
	if err != nil {
		t.Fatal(err)
	}
	for _, query := range regexp.MustCompile(`@media[^{]*width[^{]*`).FindAllString(string(sheet), -1) {
		if strings.Contains(query, "px") {
			t.Errorf("%s: say it in rem, which is 16 px where nobody chose larger letters", query)
		}
	}
}
