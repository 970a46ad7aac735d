package privatepg

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

// helperDir makes the test binary play an app with a private PostgreSQL in that
// directory, since some tests have to kill one.
const helperDir = "PRIVATEPG_TEST_HELPER_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(helperDir); dir != "" {
		os.Exit(helper(dir))
	}
	if url := os.Getenv(busyURL); url != "" {
		os.Exit(beBusy(url))
	}
	status := m.Run()
	if err := os.RemoveAll(original.dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func helper(dir string) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer stop()
	server, err := Start(ctx, Options{DataDir: dir})
	if err != nil {
		fmt.Println(err)
		return 1
	}
	fmt.Println("ready")
	<-ctx.Done()
	if err := server.Stop(); err != nil {
		fmt.Println(err)
		return 1
	}
	return 0
}

func TestFirstStartMakesEverything(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	server := start(t, Options{DataDir: dir}) // with NoSync off, as in earnest

	if got := ask[string](t, server.URL(), `SELECT current_user || ' ' || current_database()`); got != "crm_app crm" {
		t.Errorf("URL leads to %q", got)
	}
	if got := ask[string](t, server.OwnerURL(), `SELECT current_user || ' ' || current_database()`); got != "crm_owner crm" {
		t.Errorf("OwnerURL leads to %q", got)
	}
	if ask[bool](t, server.URL(), `SELECT rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls FROM pg_roles WHERE rolname = current_user`) {
		t.Error("the serving role has rights of its own")
	}
	if ask[bool](t, server.URL(), `SELECT has_schema_privilege('public', 'CREATE')`) {
		t.Error("the serving role may create tables")
	}
	got := ask[string](t, server.URL(), `SELECT concat_ws(' ', pg_encoding_to_char(encoding), datcollate, current_setting('listen_addresses'), current_setting('fsync')) FROM pg_database WHERE datname = 'crm'`)
	if want := "UTF8 C.UTF-8  on"; got != want {
		t.Errorf("encoding, collation, addresses, fsync: got %q, want %q", got, want)
	}
	for _, name := range []string{"postgres", "run"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if got := info.Mode().Perm(); got != 0o700 {
			t.Errorf("%s has mode %v, want 0700", name, got)
		}
	}
	stop(t, server)
	wantShutDown(t, server)
}

func TestSecondStartKeepsData(t *testing.T) {
	t.Parallel()
	o := Options{DataDir: withCluster(t), NoSync: true}
	first := start(t, o)
	run(t, first.OwnerURL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	stop(t, first)

	second := start(t, o)
	if got := ask[int](t, second.OwnerURL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
}

func TestStopWhileClientsAreBusy(t *testing.T) {
	t.Parallel()
	server := start(t, Options{DataDir: withCluster(t), NoSync: true})
	busy := make(chan error, 1)
	go func() {
		conn, err := pgx.Connect(context.Background(), server.URL())
		if err == nil {
			_, err = conn.Exec(context.Background(), `SELECT pg_sleep(60)`)
		}
		busy <- err
	}()
	until(t, "a busy client", func() bool {
		return ask[int](t, server.OwnerURL(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)' AND state = 'active'`) == 1
	})
	began := time.Now()
	stop(t, server)
	if took := time.Since(began); took > 10*time.Second {
		t.Errorf("the stop took %v", took)
	}
	if err := <-busy; err == nil {
		t.Error("the client was not cut off")
	}
	wantShutDown(t, server)
}

func TestTwoStartAtOnce(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := dataDir(t)
	servers, errs := make([]*Server, 2), make([]error, 2)
	var wait sync.WaitGroup
	for i := range servers {
		wait.Go(func() { servers[i], errs[i] = Start(t.Context(), Options{DataDir: dir, NoSync: true}) })
	}
	wait.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	for _, server := range servers {
		t.Cleanup(func() { stop(t, server) })
		ask[int](t, server.URL(), `SELECT 1`)
	}
}

// The second attaches to the first, and takes over when that one leaves.
func TestTwoShareOneServer(t *testing.T) {
	t.Parallel()
	dir := withCluster(t)
	serving := start(t, Options{DataDir: dir, NoSync: true})
	attached := start(t, Options{DataDir: dir, NoSync: true})
	pid := postmasterPID(serving.cluster())
	run(t, attached.OwnerURL(), `CREATE TABLE shared AS SELECT 1 AS n`)

	third := start(t, Options{DataDir: dir, NoSync: true})
	stop(t, third)
	if got := postmasterPID(serving.cluster()); got != pid {
		t.Errorf("the server changed from process %d to %d when an attached one left", pid, got)
	}
	stop(t, serving)
	until(t, "the attached process to take over", func() bool {
		return attached.ping(t.Context(), attached.URL()) == nil
	})
	if got := ask[int](t, attached.OwnerURL(), `SELECT n FROM shared`); got != 1 {
		t.Errorf("got %d, want 1", got)
	}
	stop(t, attached)
	wantShutDown(t, attached)
}

func TestTerminatedAppStopsItInGoodOrder(t *testing.T) {
	t.Parallel()
	dir := withCluster(t)
	app := startApp(t, dir)
	if err := app.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := app.Wait(); err != nil {
		t.Errorf("the app ended with %v", err)
	}
	wantShutDown(t, locate(t, dir))
}

func TestKilledAppTakesItsServerAlong(t *testing.T) {
	t.Parallel()
	needsDeathSignal(t)
	dir := withCluster(t)
	app := startApp(t, dir)
	server := locate(t, dir)
	pid := postmasterPID(server.cluster())
	kill(t, app.Process.Pid)
	until(t, "the orphan to end", func() bool { return !alive(pid, server.cluster()) })
	wantShutDown(t, server)
}

func TestStartRightAfterTheAppWasKilled(t *testing.T) {
	t.Parallel()
	dir := withCluster(t)
	app := startApp(t, dir)
	server := locate(t, dir)
	run(t, server.OwnerURL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	kill(t, app.Process.Pid)

	began := time.Now()
	again := start(t, Options{DataDir: dir})
	t.Logf("ready %v after the kill", time.Since(began).Round(time.Millisecond))
	if got := ask[int](t, again.OwnerURL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
}

// The busy backend goes on for a while after its postmaster has been killed, and
// PostgreSQL refuses to start beside it.
func TestStartAfterAppAndServerWereKilled(t *testing.T) {
	t.Parallel()
	dir := withCluster(t)
	app := startApp(t, dir)
	server := locate(t, dir)
	run(t, server.OwnerURL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	client := exec.Command(os.Args[0]) // only its death matters to the backend
	client.Env = append(os.Environ(), busyURL+"="+server.URL())
	if err := client.Start(); err != nil {
		t.Fatal(err)
	}
	defer client.Wait() // killed below
	until(t, "a busy client", func() bool {
		return ask[int](t, server.OwnerURL(), `SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%generate_series%' AND state = 'active' AND pid <> pg_backend_pid()`) == 1
	})
	pid := postmasterPID(server.cluster())
	kill(t, pid)
	kill(t, app.Process.Pid)
	kill(t, client.Process.Pid)

	began := time.Now()
	again := start(t, Options{DataDir: dir})
	t.Logf("ready %v after the kill", time.Since(began).Round(time.Millisecond))
	if got := ask[int](t, again.OwnerURL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
}

func TestKilledServerIsStartedAgain(t *testing.T) {
	t.Parallel()
	server := start(t, Options{DataDir: withCluster(t)})
	run(t, server.OwnerURL(), `CREATE TABLE kept AS SELECT 42 AS n`)
	pid := postmasterPID(server.cluster())
	kill(t, pid)
	began := time.Now()
	until(t, "the server to answer again", func() bool {
		return postmasterPID(server.cluster()) != pid && server.ping(t.Context(), server.URL()) == nil
	})
	t.Logf("back after %v", time.Since(began).Round(time.Millisecond))
	if got := ask[int](t, server.OwnerURL(), `SELECT n FROM kept`); got != 42 {
		t.Errorf("got %d, want 42", got)
	}
	stop(t, server)
	wantShutDown(t, server)
}

// A number in postmaster.pid that a stranger has got since must not keep the
// database down, nor get the stranger killed.
func TestStaleProcessFileWithAReusedNumber(t *testing.T) {
	t.Parallel()
	needsDeathSignal(t) // elsewhere nothing tells the stranger from the server
	o := Options{DataDir: withCluster(t), NoSync: true}
	first := start(t, o)
	file := filepath.Join(first.cluster(), "postmaster.pid")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	stop(t, first)
	stranger := exec.Command("sleep", "60")
	if err := stranger.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := stranger.Process.Kill(); err != nil {
			t.Errorf("the stranger is gone: %v", err)
		}
		_ = stranger.Wait() // killed
	}()
	_, rest, _ := strings.Cut(string(text), "\n")
	if err := os.WriteFile(file, []byte(strconv.Itoa(stranger.Process.Pid)+"\n"+rest), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := first.account.own(file); err != nil {
		t.Fatal(err)
	}
	start(t, o)
}

func TestHalfMadeClusterIsMadeAnew(t *testing.T) {
	t.Parallel()
	dir := dataDir(t)
	if err := os.MkdirAll(filepath.Join(dir, "postgres.new", "base"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, Options{DataDir: dir, NoSync: true})
	if _, err := os.Stat(filepath.Join(dir, "postgres.new")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("postgres.new: %v, want it gone", err)
	}
}

func TestCancelledStartLeavesNothingRunning(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := dataDir(t)
	for _, patience := range []time.Duration{0, 100 * time.Millisecond, 500 * time.Millisecond} {
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		server, err := Start(ctx, Options{DataDir: dir, NoSync: true})
		cancel()
		if err == nil {
			stop(t, server) // a fast machine
		} else if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("after %v: %v, want the context's error", patience, err)
		}
	}
	start(t, Options{DataDir: dir, NoSync: true})
}

func TestDataOfAnotherVersionIsLeftAlone(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := dataDir(t)
	cluster := filepath.Join(dir, "postgres")
	if err := os.Mkdir(cluster, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(cluster, "PG_VERSION"), []byte("8\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	// As root the owner has to be somebody else, or that would be the complaint.
	if a, err := serverAccount(filepath.Join(dir, "absent")); err != nil {
		t.Fatal(err)
	} else if err := a.own(cluster); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, dir, "is of PostgreSQL 8, but only")
	entries, err := os.ReadDir(cluster)
	if err != nil || len(entries) != 1 {
		t.Errorf("the directory holds %v (%v), want it untouched", entries, err)
	}
}

func TestRefusals(t *testing.T) {
	t.Parallel()
	needsPostgres(t)
	dir := dataDir(t)
	foreign := filepath.Join(dir, "foreign")
	if err := os.MkdirAll(filepath.Join(foreign, "postgres", "photos"), 0o700); err != nil {
		t.Fatal(err)
	}
	if a, err := serverAccount(filepath.Join(dir, "absent")); err != nil {
		t.Fatal(err)
	} else if err := a.own(filepath.Join(foreign, "postgres")); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, "", "no data directory is named")
	wantRefusal(t, filepath.Join(dir, strings.Repeat("long", 30)), "too long for a unix socket")
	wantRefusal(t, filepath.Join(dir, "a,b"), "holds a comma")
	wantRefusal(t, foreign, "holds no PostgreSQL data")

	if os.Geteuid() != 0 {
		return
	}
	private := filepath.Join(dir, "private") // unlike dir
	if err := os.Mkdir(private, 0o700); err != nil {
		t.Fatal(err)
	}
	wantRefusal(t, filepath.Join(private, "data"), "cannot reach")
}

func TestPathWithOddCharacters(t *testing.T) {
	t.Parallel()
	server := start(t, Options{DataDir: filepath.Join(dataDir(t), "a b+c%d'é"), NoSync: true})
	if got := ask[int](t, server.URL(), `SELECT 1`); got != 1 {
		t.Errorf("got %d", got)
	}
	out, err := exec.Command(filepath.Join(server.Binaries(), "psql"), "-XAtc", "SELECT current_user", server.URL()).CombinedOutput()
	if got := strings.TrimSpace(string(out)); err != nil || got != "crm_app" {
		t.Errorf("psql says %q (%v), want crm_app", got, err)
	}
}

// The caller's environment must not lead us, or the server, anywhere else.
func TestEnvironmentIsIgnored(t *testing.T) {
	for name, value := range map[string]string{
		"PGHOST": "/nowhere", "PGPORT": "1", "PGDATA": "/nowhere", "PGDATABASE": "nothing", "PGUSER": "nobody",
		"LC_ALL": "xx_XX", "LANG": "xx_XX",
	} {
		t.Setenv(name, value)
	}
	server := start(t, Options{DataDir: dataDir(t), NoSync: true})
	if got := ask[string](t, server.URL(), `SELECT current_user || current_setting('lc_messages')`); got != "crm_appC.UTF-8" {
		t.Errorf("got %q", got)
	}
}

func TestFindBinaries(t *testing.T) {
	places := binaryPlaces
	defer func() { binaryPlaces = places }()
	t.Setenv("PATH", "")
	root := t.TempDir()
	binaryPlaces = []string{filepath.Join(root, "*", "bin")}
	if _, err := FindBinaries(""); !errors.Is(err, ErrNoBinaries) {
		t.Errorf("nothing installed: %v, want ErrNoBinaries", err)
	}
	for _, version := range []string{"9.6", "15", "17"} {
		fakeBinaries(t, filepath.Join(root, version, "bin"))
	}
	if err := os.Remove(filepath.Join(root, "17", "bin", "initdb")); err != nil {
		t.Fatal(err) // a client-only package of 17
	}
	binaryPlaces = []string{filepath.Join(root, "*", "bin")}
	if got, err := FindBinaries(""); err != nil || got != filepath.Join(root, "15", "bin") {
		t.Errorf("got %s, %v; want version 15", got, err)
	}
	named := filepath.Join(root, "9.6", "bin")
	if got, err := FindBinaries(named); err != nil || got != named {
		t.Errorf("got %s, %v; want %s", got, err, named)
	}
	if _, err := FindBinaries(root); err == nil || !strings.Contains(err.Error(), "CRM_PG_BIN") {
		t.Errorf("got %v, want a word on CRM_PG_BIN", err)
	}
}

func TestDefaultDataDir(t *testing.T) {
	t.Setenv("XDG_DATA_HOME", "/data/of/mine")
	want := "/data/of/mine/archpilot-crm"
	if os.Geteuid() == 0 {
		want = "/var/lib/archpilot-crm"
	}
	if got := DefaultDataDir(); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func startApp(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	needsPostgres(t)
	app := exec.Command(os.Args[0])
	app.Env = append(os.Environ(), helperDir+"="+dir)
	out, err := app.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := app.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = app.Process.Signal(syscall.SIGTERM) // most have ended, as the test wanted
		_ = app.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil || line != "ready\n" {
		t.Fatalf("the app says %q (%v)", line, err)
	}
	return app
}
