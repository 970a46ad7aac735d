// Package static holds the style sheet, the scripts, the icon and the fonts. They are embedded in
// the binary and addressed by a hash of their content, so that browsers may keep them for good.
package static

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// Prefix is where Handler expects to be mounted.
const Prefix = "/static/"

//go:embed app.css page.js elements vendor chevron.svg icon.svg fonts
var files embed.FS

// ours are the scripts that are written here, in the order in which they run. They travel as one module, app.js: one
// request instead of many, and two thirds of the bytes. In it each is a block, so that its names are its own.
var ours = []string{
	"page.js", "elements/guard.js", "elements/combobox.js", "elements/rows.js", "elements/tasks.js", "elements/toast.js",
	"elements/keys.js", "elements/palette.js", "elements/ago.js",
}

// contentTypes also decides what is served at all: the fonts' licence, for one, is only embedded.
var contentTypes = map[string]string{
	".css":   "text/css; charset=utf-8",
	".js":    "text/javascript; charset=utf-8",
	".svg":   "image/svg+xml",
	".woff2": "font/woff2",
}

type asset struct {
	url         string
	contentType string
	body        []byte
	gzipped     []byte // nil where compressing gains nothing
}

var byName, byURL = load()

// URL returns the address of a file by its name here, such as "app.css".
// It panics on a name that does not exist: that is a mistake in a template.
func URL(name string) string {
	a, ok := byName[name]
	if !ok {
		panic("static: no file " + name)
	}
	return a.url
}

// Handler serves the files under Prefix.
func Handler() http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		a, ok := byURL[r.URL.Path]
		if !ok {
			http.NotFound(w, r)
			return
		}
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			w.Header().Set("Allow", "GET, HEAD")
			http.Error(w, "Method not allowed", http.StatusMethodNotAllowed)
			return
		}
		a.serve(w, r)
	})
}

func (a asset) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Type", a.contentType)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	body := a.body
	if a.gzipped != nil {
		h.Set("Vary", "Accept-Encoding")
		if AcceptsGzip(r.Header.Get("Accept-Encoding")) {
			h.Set("Content-Encoding", "gzip")
			body = a.gzipped
		}
	}
	h.Set("Content-Length", strconv.Itoa(len(body)))
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // the client is gone; nobody to tell
	}
}

// AcceptsGzip reports whether an Accept-Encoding header takes gzip; "gzip;q=0" refuses.
func AcceptsGzip(header string) bool {
	for part := range strings.SplitSeq(header, ",") {
		name, params, _ := strings.Cut(strings.TrimSpace(part), ";")
		if name != "gzip" && name != "*" {
			continue
		}
		q, found := strings.CutPrefix(strings.ReplaceAll(params, " ", ""), "q=")
		weight, err := strconv.ParseFloat(q, 64)
		return !found || err != nil || weight > 0
	}
	return false
}

// load reads every file once. Style sheets come last: they name fonts and drawings, which become hashed addresses.
func load() (names, urls map[string]asset) {
	names, urls = map[string]asset{}, map[string]asset{}
	add := func(name string, body []byte) {
		sum := sha256.Sum256(body)
		ext := path.Ext(name)
		a := asset{
			url:         Prefix + hex.EncodeToString(sum[:8]) + "/" + path.Base(name),
			contentType: contentTypes[ext],
			body:        body,
		}
		if ext != ".woff2" {
			a.gzipped = compress(body)
		}
		names[name], urls[a.url] = a, a
	}
	var sheets []string
	err := fs.WalkDir(files, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || contentTypes[path.Ext(name)] == "" || slices.Contains(ours, name) {
			return err
		}
		if path.Ext(name) == ".css" {
			sheets = append(sheets, name)
			return nil
		}
		body, err := files.ReadFile(name)
		add(name, body)
		return err
	})
	add("app.js", together(ours))
	for _, name := range sheets {
		body, readErr := files.ReadFile(name)
		if err == nil {
			err = readErr
		}
		add(name, linkFiles(body, names))
	}
	if err != nil {
		panic(err) // an embedded file system cannot fail
	}
	return names, urls
}

// together returns scripts as one. A block cannot export or import: a test sees to it that none does.
func together(names []string) []byte {
	var all bytes.Buffer
	for _, name := range names {
		body, err := files.ReadFile(name)
		if err != nil {
			panic(err) // the name is a constant
		}
		all.WriteString("{\n")
		all.Write(body)
		all.WriteString("}\n")
	}
	return all.Bytes()
}

var cssURL = regexp.MustCompile(`url\("([^"]+)"\)`)

func linkFiles(css []byte, names map[string]asset) []byte {
	return cssURL.ReplaceAllFunc(css, func(match []byte) []byte {
		name := string(cssURL.FindSubmatch(match)[1])
		a, ok := names[name]
		if !ok {
			panic("static: app.css names " + name + ", which does not exist")
		}
		return []byte(`url("` + a.url + `")`)
	})
}

func compress(body []byte) []byte {
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		panic(err) // the level is a constant
	}
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return buf.Bytes()
}
