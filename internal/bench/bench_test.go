package main

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/privatepg"
)

// The test binary becomes the bench or its bare handler, which starts itself again.
const asItself = "CRM_TEST_AS_BENCH"

func TestMain(m *testing.M) {
	if os.Getenv(asItself) != "" {
		main()
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// The whole way, small: a register is made, pages and the bare handler answer, the next run finds the register.
func TestBench(t *testing.T) {
	t.Parallel()
	if _, err := privatepg.FindBinaries(os.Getenv("CRM_PG_BIN")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "crm-bench-") // short enough for a socket, and the server's account may enter
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(dir) })  // of the test alone
	if err := os.Chmod(dir, 0o711); err != nil { //nolint:gosec // to pass through, not to look around
		t.Fatal(err)
	}
	program := filepath.Join(dir, "crm")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", program, "../../cmd/crm").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	var all []string
	for _, p := range pages {
		all = append(all, p.name)
	}
	for _, names := range []string{strings.Join(all, ","), "list"} {
		out := runBench(t, "BENCH_PROGRAM="+program, "BENCH_DATA_DIR="+dir, "BENCH_ORGANIZATIONS=1000", "BENCH_SECONDS=0.01", "BENCH_ROUNDS=1", "BENCH_CONNECTIONS=2", "BENCH_PAGES="+names)
		for _, page := range strings.Split(names, ",") {
			if got := strings.Count(out, "\n  "+page+" "); got != len(reaches) {
				t.Errorf("%d lines for %s in\n%s", got, page, out)
			}
		}
		if !strings.HasPrefix(out, "\n1000 organizations, PostgreSQL ") {
			t.Errorf("got\n%s", out)
		}
	}
}

func runBench(t *testing.T, env ...string) string {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(append(os.Environ(), asItself+"=1"), env...)
	var said strings.Builder
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v\n%s", err, said.String())
	}
	if reused := !strings.Contains(said.String(), "Loaded the demo firm"); reused != strings.HasSuffix(env[len(env)-1], "=list") {
		t.Errorf("register found again: %t\n%s", reused, said.String())
	}
	return string(out)
}

func TestOptions(t *testing.T) {
	t.Parallel()
	o, err := readOptions(func(name string) string {
		return map[string]string{"BENCH_DATA_DIR": "d", "BENCH_SECONDS": "0.5", "BENCH_PAGES": "log,list"}[name]
	})
	if err != nil || o.organizations != 1_000_000 || o.rounds != 3 || o.seconds != time.Second/2 || !slices.Equal(o.connections, []int{1, 16, 64}) || o.dir != filepath.Join("d", "1000000") ||
		!slices.Equal(o.pages, []string{"log", "list"}) {
		t.Errorf("got %+v, %v", o, err)
	}
	for name, bad := range map[string]string{"BENCH_ORGANIZATIONS": "0", "BENCH_CONNECTIONS": "1,", "BENCH_SECONDS": "NaN", "BENCH_ROUNDS": "x", "BENCH_PAGES": "lists"} {
		if _, err := readOptions(func(n string) string {
			if n == name {
				return bad
			}
			return ""
		}); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s=%s: got %v", name, bad, err)
		}
	}
}

func TestPercentiles(t *testing.T) {
	t.Parallel()
	var m measurement
	for n := range 200 {
		m.latencies = append(m.latencies, time.Duration(n))
	}
	for p, want := range map[int]time.Duration{50: 100, 95: 190, 99: 198, 100: 199} {
		if got := m.percentile(p); got != want {
			t.Errorf("%d: got %d, want %d", p, got, want)
		}
	}
	if got := (measurement{}).percentile(99); got != 0 {
		t.Errorf("of nothing: %d", got)
	}
}

// Ratios compare what was measured side by side: the middle of the rounds, not a lucky one.
func TestRatioIsTheMiddleRound(t *testing.T) {
	t.Parallel()
	c := &cell{}
	for _, requests := range []int{90, 10, 50} {
		c.app = append(c.app, measurement{requests: requests, took: time.Second})
		c.bare = append(c.bare, measurement{requests: 100, took: time.Second})
	}
	if got := c.ratio(func(app, bare measurement) float64 { return app.perSecond() / bare.perSecond() }); got != 0.5 {
		t.Errorf("got %v", got)
	}
}

func TestProcessesHaveTimes(t *testing.T) {
	t.Parallel()
	if _, err := os.Stat("/proc/self/stat"); err != nil {
		t.Skip("no /proc")
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if own, _, parent := cpuOf(os.Getpid()); own > 0 && parent == os.Getppid() {
			return
		}
	}
	t.Error("this process has used no time, or its parent is another")
}

func TestWrongAnswersEndTheBench(t *testing.T) {
	t.Parallel()
	v := &visitor{address: "http://127.0.0.1:1"} // nobody listens there
	c := &cell{page: pages[0], visitor: v, connections: 1}
	d := driver{client: browser, ask: c.request, want: c.page.want()}
	if _, err := d.drive(context.Background(), 4, time.Minute); err == nil {
		t.Error("went on without an answer")
	}
}

// A page that fails costs its own lines only, and the bench its good end.
func TestFaultyPagesAreTold(t *testing.T) {
	t.Parallel()
	v := &visitor{reach: "all", address: "http://127.0.0.1:1"}
	bad, good := &cell{page: pages[0], visitor: v, connections: 2, statements: unknown}, &cell{page: pages[1], visitor: v, connections: 2, statements: 3}
	good.app = []measurement{{requests: 10, took: time.Second, latencies: []time.Duration{time.Millisecond}}}
	r := &runner{options: options{rounds: 1, seconds: time.Millisecond}, app: &process{cmd: &exec.Cmd{Process: &os.Process{Pid: os.Getpid()}}}}
	if err := r.run(t.Context(), []*cell{bad}); err != nil {
		t.Fatal(err)
	}
	var out strings.Builder
	printTable(&out, []*cell{bad, good})
	if lines := strings.Split(out.String(), "\n"); !strings.Contains(lines[1], "failed") || !strings.Contains(lines[2], "10") {
		t.Errorf("got\n%s", out.String())
	}
	if err := faults([]*cell{bad, good}); err == nil || !strings.Contains(err.Error(), "list, reach all, 2 connections") || strings.Contains(err.Error(), pages[1].name) {
		t.Errorf("got %v", err)
	}
}
