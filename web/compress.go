package web

import (
	"bytes"
	"net/http"
	"runtime"
	"strings"

	"github.com/klauspost/compress/gzip"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/static"
)

// leastCompressed is the size from which compressing a page is worth its work: below it the answer is one packet anyway.
const leastCompressed = 1400

// level costs about what the least one of the standard library does, and makes an eighth less of it, which is why the
// library is another one.
const level = 6

// compressors are as many as can work at once: each holds more than a megabyte, so that one for every request would
// cost more memory than all the rest.
type compressors chan *gzip.Writer

func newCompressors() compressors {
	c := make(compressors, runtime.GOMAXPROCS(0))
	for range cap(c) {
		w, err := gzip.NewWriterLevel(nil, level)
		if err != nil {
			panic(err) // the level is a constant
		}
		c <- w
	}
	return c
}

// showsSecrets reports whether pages of a route may show a secret, such as a link's or a second factor's. They are not
// compressed: beside what somebody else may have chosen the length of the answer would tell of the secret.
func (rt route) showsSecrets() bool {
	return rt.needs.link || rt.method != http.MethodGet || strings.HasPrefix(rt.pattern, paths.Account)
}

// compress returns body compressed, and true, where that gains something and the visitor takes it.
func (c compressors) compress(r *http.Request, body []byte) ([]byte, bool) {
	if len(body) < leastCompressed || !static.AcceptsGzip(r.Header.Get("Accept-Encoding")) {
		return body, false
	}
	w := <-c
	defer func() { c <- w }()
	var small bytes.Buffer
	small.Grow(len(body) / 4)
	w.Reset(&small)
	_, _ = w.Write(body) // a bytes.Buffer takes everything
	_ = w.Close()
	return small.Bytes(), true
}
