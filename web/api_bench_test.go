package web_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// BenchmarkLists compares the first 50 organizations as JSON with the same list as a page, in requests per second of
// this program's own processor time, which other work on the machine does not dilute.
func BenchmarkLists(b *testing.B) {
	s := newSite(b)
	for n := range 60 {
		postgrestest.Organization(b, s.db, fmt.Sprintf("Client %02d", n), uuid.NullUUID{})
	}
	p := s.program(b, "all", four...)
	person := s.role(b, "account_manager")
	page := person.request(http.MethodGet, "/organizations", nil)
	for _, c := range person.http.Jar.Cookies(page.URL) {
		page.AddCookie(c)
	}
	list := person.request(http.MethodGet, "/api/crm/organizations", nil)
	list.Header = p.header
	handler := s.web.Handler()
	for name, req := range map[string]*http.Request{"page": page, "JSON": list} {
		b.Run(name, func(b *testing.B) {
			req.RequestURI, req.RemoteAddr = "", "127.0.0.1:1"
			before := processorTime(b)
			for b.Loop() {
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, req.Clone(b.Context()))
				if w.Code != http.StatusOK {
					b.Fatal(w.Code, w.Body)
				}
				b.SetBytes(int64(w.Body.Len()))
			}
			b.ReportMetric(float64(b.N)/(processorTime(b)-before).Seconds(), "requests/core-s")
		})
	}
}

// processorTime is what this process has used of all cores so far.
func processorTime(b *testing.B) time.Duration {
	b.Helper()
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		b.Fatal(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
