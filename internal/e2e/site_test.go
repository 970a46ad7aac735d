//go:build e2e

package e2e

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

const testPassword = "four quiet green herons"

// site is a running `crm serve` on a database of the test's own.
type site struct {
	database string // URL
	url      string // of the site
	log      safeBuffer
}

// migrated is a database as an administrator makes it, by `crm migrate up`; demo has the demo firm in it as well.
var migrated, demo postgrestest.Original

// newSite makes a migrated database and calls prepare before the program serves it. When the test ends the program
// must stop in order, having logged no error.
func newSite(t testing.TB, prepare ...func(*site)) *site {
	t.Helper()
	return served(t, migrated.Copy(t, func(url string) { migrate(t, url) }), prepare)
}

// newDemo is newSite with the demo firm.
func newDemo(t testing.TB, prepare ...func(*site)) *site {
	t.Helper()
	return served(t, demo.Copy(t, func(url string) { migrate(t, url).crm(t, "", "demo", "load") }), prepare)
}

func migrate(t testing.TB, url string) *site {
	t.Helper()
	s := &site{database: url}
	s.crm(t, "", "migrate", "up")
	return s
}

func served(t testing.TB, database string, prepare []func(*site)) *site {
	t.Helper()
	s := &site{database: database}
	for _, p := range prepare {
		p(s)
	}
	s.serve(t)
	return s
}

// environment is ours less other settings of crm, with the database and the cheapest password hashes.
func (s *site) environment() []string {
	own := slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, "CRM_") })
	return append(own, "CRM_DATABASE_URL="+s.database, "CRM_LISTEN=127.0.0.1:0", "CRM_DEVELOPMENT=true",
		"CRM_ARGON2_MEMORY_KIB=64", "CRM_ARGON2_TIME=1", "CRM_FIRM=Northgate")
}

func (s *site) serve(t testing.TB) {
	t.Helper()
	cmd := exec.Command(program, "serve")
	cmd.Env, cmd.Stderr = s.environment(), &s.log
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { s.stop(t, cmd) })
	// The kernel chose the port. 127.0.0.1, because "localhost" may mean ::1 to the browser.
	port := make(chan string, 1)
	go func() {
		defer close(port)
		for lines := bufio.NewScanner(io.TeeReader(out, &s.log)); lines.Scan(); {
			if found := servesAt.FindStringSubmatch(lines.Text()); found != nil {
				port <- found[1]
			}
		}
	}()
	select {
	case p := <-port:
		s.url = "http://127.0.0.1:" + p
	case <-time.After(patience):
	}
	if len(s.url) <= len("http://127.0.0.1:") {
		t.Fatalf("crm serve said no address:\n%s", s.log.String())
	}
}

var servesAt = regexp.MustCompile(` is at http://localhost:(\d+);`)

func (s *site) stop(t testing.TB, cmd *exec.Cmd) {
	_ = cmd.Process.Signal(syscall.SIGTERM) // Wait tells if it has gone already
	if err := cmd.Wait(); err != nil {
		t.Errorf("crm serve did not stop in order: %v", err)
	}
	log := s.log.String()
	if strings.Contains(log, "level=ERROR") || t.Failed() {
		t.Errorf("log of crm serve:\n%s", log)
	}
}

// crm runs a command that must succeed and returns what it printed.
func (s *site) crm(t testing.TB, stdin string, args ...string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env, cmd.Stdin = s.environment(), strings.NewReader(stdin)
	out, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("crm %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// addUser adds NAME@example.test with a seeded role and testPassword.
func (s *site) addUser(t testing.TB, name, role string) {
	t.Helper()
	s.crm(t, testPassword, "user", "add", "--email", address(name), "--name", name, "--role", role, "--password-stdin")
}

func address(name string) string { return strings.ToLower(name) + "@example.test" }

// row reads one row behind the program's back.
func row[T any](t testing.TB, s *site, sql string, args ...any) T {
	t.Helper()
	rows, _ := postgrestest.Connect(t, s.database).Query(context.Background(), sql, args...) // CollectOneRow has the error
	v, err := pgx.CollectOneRow(rows, func(r pgx.CollectableRow) (T, error) {
		var v T
		if fields := len(r.FieldDescriptions()); fields > 1 {
			return pgx.RowToStructByPos[T](r)
		}
		err := r.Scan(&v)
		return v, err
	})
	if err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

// safeBuffer is written by the program and read by the test.
type safeBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *safeBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *safeBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}
