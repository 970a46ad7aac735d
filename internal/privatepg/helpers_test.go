package privatepg

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// busyURL makes the test binary play a client that keeps its backend busy.
const busyURL = "PRIVATEPG_TEST_BUSY_URL"

func beBusy(url string) int {
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return 1
	}
	_, _ = conn.Exec(context.Background(), `SELECT count(*) FROM generate_series(1, 100000000000)`) // until killed
	return 0
}

// dataDir is not t.TempDir, whose parent the server's account could not enter
// when root runs the tests, and whose paths are long for a socket.
func dataDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("", "crm-pg-")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o711); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			logs, _ := filepath.Glob(filepath.Join(dir, "postgres", "log", "*"))
			for _, name := range append(logs, filepath.Join(dir, "postgres.startup.log")) {
				text, _ := os.ReadFile(name)
				t.Logf("%s:\n%s", name, text)
			}
		}
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	return dir
}

// original is a data directory from which most tests copy their cluster: making one costs more than all else they do.
var original struct {
	sync.Mutex
	dir string
}

// withCluster is dataDir with a cluster in it, made in earnest and stopped in good order.
func withCluster(t *testing.T) string {
	t.Helper()
	needsPostgres(t)
	dir := dataDir(t)
	original.Lock()
	defer original.Unlock()
	if original.dir == "" {
		stop(t, start(t, Options{DataDir: dir}))
		kept, err := os.MkdirTemp("", "crm-pg-")
		if err != nil {
			t.Fatal(err)
		}
		copyCluster(t, dir, kept)
		original.dir = kept
		return dir
	}
	copyCluster(t, original.dir, dir)
	return dir
}

// copyCluster keeps owners and modes, which the server looks at.
func copyCluster(t *testing.T, from, to string) {
	t.Helper()
	if out, err := exec.Command("cp", "-Rp", filepath.Join(from, "postgres"), to).CombinedOutput(); err != nil {
		t.Fatalf("cp: %v: %s", err, out)
	}
}

func start(t *testing.T, o Options) *Server {
	t.Helper()
	needsPostgres(t)
	began := time.Now()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	server, err := Start(ctx, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("started in %v", time.Since(began).Round(time.Millisecond))
	t.Cleanup(func() { stop(t, server) })
	return server
}

func stop(t *testing.T, s *Server) {
	t.Helper()
	if err := s.Stop(); err != nil {
		t.Error(err)
	}
}

// locate is a Server that was never started, to look at another process's.
func locate(t *testing.T, dir string) *Server {
	t.Helper()
	s, err := prepare(Options{DataDir: dir})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func needsPostgres(t *testing.T) {
	t.Helper()
	if _, err := FindBinaries(os.Getenv("CRM_PG_BIN")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
}

func needsDeathSignal(t *testing.T) {
	t.Helper()
	if runtime.GOOS != "linux" {
		t.Skip("only Linux signals a child when its parent dies")
	}
}

func ask[T any](t *testing.T, url, query string) T {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), query)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
	if err != nil {
		t.Fatalf("%s: %v", query, err)
	}
	return answer
}

func run(t *testing.T, url, statement string) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	if _, err := conn.Exec(t.Context(), statement); err != nil {
		t.Fatalf("%s: %v", statement, err)
	}
}

func kill(t *testing.T, pid int) {
	t.Helper()
	if pid <= 0 {
		t.Fatalf("no process to kill: %d", pid)
	}
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
}

func until(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(30 * time.Second); !done(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

func wantShutDown(t *testing.T, s *Server) {
	t.Helper()
	cmd := exec.Command(filepath.Join(s.binaries, "pg_controldata"), s.cluster())
	cmd.Env = []string{"LC_ALL=C"}
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		if state, ok := strings.CutPrefix(line, "Database cluster state:"); ok {
			if got := strings.TrimSpace(state); got != "shut down" {
				t.Errorf("cluster state %q, want \"shut down\"", got)
			}
			return
		}
	}
	t.Errorf("pg_controldata says %q", out)
}

func wantRefusal(t *testing.T, dir, sentence string) {
	t.Helper()
	server, err := Start(t.Context(), Options{DataDir: dir, NoSync: true})
	if err == nil {
		stop(t, server)
		t.Errorf("%q was accepted", dir)
	} else if !strings.Contains(err.Error(), sentence) {
		t.Errorf("%q: %v, want %q", dir, err, sentence)
	}
}

func fakeBinaries(t *testing.T, dir string) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"postgres", "initdb"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o755); err != nil {
			t.Fatal(err)
		}
	}
}
