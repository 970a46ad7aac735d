package privatepg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// predecessorPatience bounds the wait for what is left of a killed server: busy
// backends took up to 11 seconds without client_connection_check_interval.
const predecessorPatience = 30 * time.Second

var errPredecessor = errors.New("an earlier PostgreSQL has not quite ended")

// postmaster is the server process that is our child.
type postmaster struct {
	cmd     *exec.Cmd
	startup string // what it said before its own log was open
	log     string
	ended   chan struct{} // closed when the process has been reaped
	err     error         // how it ended; read after ended
}

// serve makes the cluster if need be and starts its server. The caller holds
// the lock; supervise's thread runs this.
func (s *Server) serve(ctx context.Context) (*postmaster, error) {
	if err := s.ensureCluster(ctx); err != nil {
		return nil, err
	}
	if err := s.writeAccess(); err != nil {
		return nil, err
	}
	for end := time.Now().Add(predecessorPatience); ; {
		if err := s.clearPredecessor(ctx); err != nil {
			return nil, err
		}
		server, err := s.launch(ctx)
		if err == nil || !errors.Is(err, errPredecessor) || time.Now().After(end) {
			return server, err
		}
		if err := sleep(ctx, 100*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// launch returns when the server answers and the database is there; on failure
// no server is left running.
func (s *Server) launch(ctx context.Context) (*postmaster, error) {
	server, err := s.fork()
	if err != nil {
		return nil, err
	}
	if err := s.untilReady(ctx, server); err != nil {
		return nil, errors.Join(err, server.stop())
	}
	return server, nil
}

func (s *Server) fork() (*postmaster, error) {
	// A file, not a pipe: backends that outlive a killed server would keep a
	// pipe open, and a killed app would leave them one that nobody reads.
	startup, err := os.OpenFile(s.path("postgres.startup.log"), os.O_CREATE|os.O_RDWR|os.O_TRUNC|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := s.account.own(startup.Name()); err != nil {
		return nil, errors.Join(err, startup.Close())
	}
	defer startup.Close() // only the child writes to it
	cmd := exec.Command(filepath.Join(s.binaries, "postgres"), s.arguments()...)
	cmd.Env, cmd.Dir = environment(), s.cluster()
	cmd.Stdout, cmd.Stderr = startup, startup
	cmd.SysProcAttr = childAttr(s.account, syscall.SIGINT)
	if err := cmd.Start(); err != nil {
		return nil, s.explain(err)
	}
	p := &postmaster{cmd: cmd, startup: startup.Name(), log: filepath.Join(s.cluster(), "log"), ended: make(chan struct{})}
	go func() {
		p.err = cmd.Wait()
		close(p.ended)
	}()
	return p, nil
}

// arguments pass every setting on the command line, so that a cluster made by
// an older release runs with this one's.
func (s *Server) arguments() []string {
	settings := map[string]string{
		"listen_addresses":        "",
		"port":                    port,
		"unix_socket_directories": `"` + s.socketDir() + `"`,
		"unix_socket_permissions": "0700",
		"hba_file":                s.path("postgres.hba.conf"),
		"ident_file":              s.path("postgres.ident.conf"),
		"cluster_name":            "archpilot-crm",
		"timezone":                "UTC",

		"shared_buffers": "128MB",
		"jit":            "off", // compiling costs more than it saves on short queries
		// List pages walk indexes only, which needs a fresh visibility map.
		"autovacuum_vacuum_scale_factor":        "0.02",
		"autovacuum_vacuum_insert_scale_factor": "0.02",

		// One file per weekday, overwritten a week later: bounded without a tool.
		"logging_collector":        "on",
		"log_directory":            "log",
		"log_filename":             "postgresql-%a.log",
		"log_rotation_age":         "1d",
		"log_rotation_size":        "0",
		"log_truncate_on_rotation": "on",
		"log_timezone":             "UTC",
		"log_line_prefix":          "%m [%p] %q%u@%d ",
	}
	maps.Copy(settings, platformSettings)
	if s.options.NoSync {
		maps.Copy(settings, map[string]string{"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"})
	}
	maps.Copy(settings, s.options.Settings)
	args := []string{"-D", s.cluster()}
	for _, name := range slices.Sorted(maps.Keys(settings)) {
		args = append(args, "-c", name+"="+settings[name])
	}
	return args
}

// environment leaves out PG*, LANG and LC_*, which would change what the server
// does, and the app's secrets, which are none of its business.
func environment() []string {
	var env []string
	for _, name := range []string{"PATH", "HOME", "TMPDIR", "LD_LIBRARY_PATH"} {
		if value, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+value)
		}
	}
	return env
}

// untilReady waits as long as the server lives: recovery after a crash may take
// minutes, and ending it early would only start it over.
func (s *Server) untilReady(ctx context.Context, server *postmaster) error {
	for {
		err := s.ensureDatabase(ctx)
		if err == nil || !worthWaiting(err) {
			return err
		}
		select {
		case <-server.ended:
			return server.failure()
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// worthWaiting tells a server that is coming up (no socket yet, or "the
// database system is starting up") from one that refuses us, and from a PG*
// variable in our own environment that makes no sense.
func worthWaiting(err error) bool {
	const cannotConnectNow = "57P03"
	if refusal, ok := errors.AsType[*pgconn.PgError](err); ok {
		return refusal.Code == cannotConnectNow
	}
	_, nonsense := errors.AsType[*pgconn.ParseConfigError](err)
	return !nonsense
}

func (s *Server) ping(ctx context.Context, url string) error {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// failure tells in one sentence why the process ended by itself.
func (p *postmaster) failure() error {
	said, _ := os.ReadFile(p.startup) // unreadable is as good as empty
	for _, left := range []string{"pre-existing shared memory block", `lock file "postmaster.pid" already exists`} {
		if bytes.Contains(said, []byte(left)) {
			return errPredecessor
		}
	}
	if bytes.Contains(said, []byte("FATAL: ")) {
		return fmt.Errorf("it did not start: %s", complaint(said))
	}
	if p.err == nil {
		return errors.New("somebody else stopped it")
	}
	return fmt.Errorf("it ended (%w), see the log files in %s", p.err, p.log)
}

// stop asks for an orderly end, which SIGINT is: it rolls back what clients are
// at and writes a checkpoint (SIGTERM would wait for the clients to leave).
// SIGQUIT after that leaves a recovery to the next start, but loses nothing.
func (p *postmaster) stop() error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		_ = p.cmd.Process.Signal(signal) // it may have ended already
		select {
		case <-p.ended:
			return nil
		case <-time.After(stopPatience):
		}
	}
	return fmt.Errorf("PostgreSQL (process %d) does not end", p.cmd.Process.Pid)
}
