package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/config"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/migrations"
)

var background = context.Background()

func TestSentence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ err, want string }{
		{"no such file", "no such file."},
		{"Enter the name.", "Enter the name."},
		{`unknown flag, did you mean "--listen"?`, `unknown flag, did you mean "--listen"?`},
		{"first\nsecond\r\n", "first; second."},
	} {
		if got := sentence(errors.New(c.err)); got != c.want {
			t.Errorf("sentence(%q) = %q, want %q", c.err, got, c.want)
		}
	}
}

func TestNewestSchemaIsTheLastMigration(t *testing.T) {
	t.Parallel()
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		t.Fatal(err)
	}
	prefix := fmt.Sprintf("%05d_", newestSchema())
	var last string
	for _, f := range files {
		if strings.Contains(f.Name(), "_") {
			last = f.Name()
		}
	}
	if !strings.HasPrefix(last, prefix) {
		t.Errorf("newestSchema() = %d, the last migration is %s", newestSchema(), last)
	}
}

func TestCheckGiven(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		pw      string
		refused bool
	}{
		"short":               {strings.Repeat("x", password.MinBytes-1), true},
		"just long enough":    {strings.Repeat("x", password.MinBytes), false}, // guessable, but final
		"longest":             {strings.Repeat("x", password.MaxBytes), false},
		"too long":            {strings.Repeat("x", password.MaxBytes+1), true},
		"common, in any case": {"ScandInavian", true},
		"line break":          {"correct horse\nbattery", true},
		"NUL":                 {"correct horse\x00battery", true},
		"no text":             {"correct horse \xff\xfe", true},
		"accents":             {"è così perché sì", false},
	} {
		if err := checkGiven(c.pw); (err != nil) != c.refused {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestReadPasswordTakesOneLineBreakOff(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"correct horse ", "correct horse \n", "correct horse \r\n"} {
		got, err := readPassword(background, strings.NewReader(in))
		if err != nil || got != "correct horse " {
			t.Errorf("readPassword(%q) = %q, %v", in, got, err)
		}
	}
}

type never struct{}

func (never) Read([]byte) (int, error) { select {} }

func TestReadPasswordEndsWithTheContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(background)
	cancel()
	if _, err := readPassword(ctx, never{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want %v", err, context.Canceled)
	}
}

func TestReachWaitsForADatabaseThatIsNotThereYet(t *testing.T) {
	t.Parallel()
	began := time.Now()
	err := reach(background, "postgres://u:secret@127.0.0.1:1/x", 600*time.Millisecond)
	if took := time.Since(began); took < 600*time.Millisecond || took > 20*time.Second {
		t.Errorf("gave up after %v", took)
	}
	if err == nil || strings.Contains(err.Error(), "secret") || strings.Contains(err.Error(), "\n") {
		t.Errorf("got %v, want one line without the password", err)
	}
}

// A hung server accepts and says nothing.
func TestReachGivesUpOnAServerThatIsSilent(t *testing.T) {
	t.Parallel()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = silent.Close() }()
	began := time.Now()
	err = reach(background, config.DSN("postgres://u@"+silent.Addr().String()+"/x?sslmode=disable"), 0)
	if err == nil || !strings.Contains(err.Error(), "no answer within 2s") || time.Since(began) > 10*pingTimeout {
		t.Errorf("got %v after %v", err, time.Since(began))
	}
}

func TestAddressTellsWhereToPointABrowser(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ env, at, want string }{
		{"", "127.0.0.1:8080", "http://localhost:8080"},
		{"CRM_LISTEN=127.0.0.1:9000", "127.0.0.1:9000", "http://localhost:9000"},
		{"CRM_LISTEN=:9000", "[::]:9000", "http://localhost:9000"},
		{"CRM_LISTEN=192.0.2.7:9000", "192.0.2.7:9000", "http://192.0.2.7:9000"},
		{"CRM_BASE_URL=https://crm.example", "127.0.0.1:8080", "https://crm.example"},
		{"CRM_BASE_URL=https://crm.example CRM_LISTEN=:9000", "[::]:9000", "https://crm.example"},
	} {
		var g grammar
		if _, err := config.Load(&g, &g.Settings, nil, strings.Fields(c.env)); err != nil {
			t.Fatal(err)
		}
		if got := (&app{Settings: &g.Settings}).address(at(c.at)); got != c.want {
			t.Errorf("%s on %s: got %s, want %s", c.env, c.at, got, c.want)
		}
	}
}

// at is a listener of which only the address is asked.
type at string

func (at) Accept() (net.Conn, error) { return nil, net.ErrClosed }
func (at) Close() error              { return nil }
func (a at) Addr() net.Addr          { return a }
func (at) Network() string           { return "tcp" }
func (a at) String() string          { return string(a) }

func TestClosingEndsConnectionsOnceStopping(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(background)
	handler := closing(ctx, http.NotFoundHandler())
	header := func() string {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		return w.Header().Get("Connection")
	}
	if got := header(); got != "" {
		t.Errorf("before: Connection: %s", got)
	}
	stop()
	if got := header(); got != "close" {
		t.Errorf("after: Connection: %q, want close", got)
	}
}

func TestMetricsHaveFewLabels(t *testing.T) {
	t.Parallel()
	m := newMetrics()
	for i := range 100 {
		m.observe(fmt.Sprintf("METHOD%d", i), "", 405, time.Millisecond)
		m.observe(http.MethodGet, "/organizations/{id}", 200+i%100, time.Millisecond)
	}
	families, err := m.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if got := len(f.GetMetric()); strings.HasPrefix(f.GetName(), "crm_") && got != 2 {
			t.Errorf("%s has %d series, want 2", f.GetName(), got)
		}
	}
}
