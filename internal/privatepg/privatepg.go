package privatepg

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"time"
)

const (
	// The owner role migrates and may do anything; the app role serves and
	// owns nothing, so that a hole in the app cannot rewrite the audit log.
	ownerRole, appRole, database = "crm_owner", "crm_app", "crm"

	// port only names the socket file. It is fixed, and said in every URL,
	// because clients would otherwise take it from PGPORT.
	port = "5432"

	// socketPathLimit is a little below what the kernels' sun_path holds (104
	// bytes on macOS, 108 on Linux).
	socketPathLimit = 100

	stopPatience   = 20 * time.Second
	attachPatience = time.Minute
	attachInterval = 100 * time.Millisecond
)

// Options say where the private PostgreSQL lives and how it runs.
type Options struct {
	// DataDir is the app's data directory; the cluster is DataDir/postgres.
	DataDir string
	// Binaries is the directory of PostgreSQL's programs; empty means search.
	Binaries string
	// Log hears what happens; nil means nobody does.
	Log *slog.Logger
	// Settings are further PostgreSQL settings, which win over ours.
	Settings map[string]string
	// NoSync trades safety for speed: only for data that may be lost.
	NoSync bool
}

// Server is the private PostgreSQL as one process sees it: its own child, or
// that of another process to which it is attached.
type Server struct {
	options  Options
	log      *slog.Logger
	binaries string
	account  account
	lock     lock

	stop     chan struct{}
	stopOnce sync.Once
	// done closes when supervise has ended; stopErr may be read after that.
	done    chan struct{}
	stopErr error
}

// Start returns a server that answers, with the database and both roles in
// place. Where another live process serves the directory it attaches to that
// one, and takes over should that process end first. The context bounds the
// start only; the server runs until Stop or the end of this process.
func Start(ctx context.Context, o Options) (*Server, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, fmt.Errorf("private PostgreSQL: %w", err)
	}
	ready := make(chan error)
	go s.supervise(ctx, ready)
	if err := <-ready; err != nil {
		<-s.done
		return nil, fmt.Errorf("private PostgreSQL: %w", err)
	}
	return s, nil
}

// prepare checks all that can be checked without touching the cluster.
func prepare(o Options) (*Server, error) {
	dir, err := filepath.Abs(o.DataDir)
	if err != nil || o.DataDir == "" {
		return nil, errors.Join(errors.New("no data directory is named"), err)
	}
	o.DataDir = dir
	s := &Server{options: o, log: o.Log, stop: make(chan struct{}), done: make(chan struct{})}
	if s.log == nil {
		s.log = slog.New(slog.DiscardHandler)
	}
	s.lock.path = s.path("postgres.lock")
	if err := s.checkSocketPath(); err != nil {
		return nil, err
	}
	if s.account, err = serverAccount(s.cluster()); err != nil {
		return nil, err
	}
	if s.binaries, err = s.chooseBinaries(); err != nil {
		return nil, err
	}
	return s, s.makeDirs()
}

func (s *Server) checkSocketPath() error {
	// Both PostgreSQL and its clients take a comma for the start of another path.
	if strings.ContainsAny(s.options.DataDir, ",\"\n") {
		return fmt.Errorf("the data directory's path %q holds a comma, a quote or a line break: choose another with CRM_DATA_DIR", s.options.DataDir)
	}
	if n := len(filepath.Join(s.socketDir(), ".s.PGSQL."+port)); n > socketPathLimit {
		return fmt.Errorf("the data directory's path %s is %d characters too long for a unix socket: choose a shorter one with CRM_DATA_DIR",
			s.options.DataDir, n-socketPathLimit)
	}
	return nil
}

// URL names the database as the role that serves: it owns nothing and may do
// what migrations grant it.
func (s *Server) URL() string { return s.url(appRole, database) }

// OwnerURL names the database as the role that migrates, backs up and restores.
func (s *Server) OwnerURL() string { return s.url(ownerRole, database) }

// Binaries is the directory of the programs that fit the server's version,
// pg_dump and pg_restore among them where they are installed.
func (s *Server) Binaries() string { return s.binaries }

func (s *Server) url(role, database string) string {
	at := url.Values{"host": {s.socketDir()}, "port": {port}}
	// libpq takes a plus sign for itself, not for a blank.
	return "postgres://" + role + "@/" + database + "?" + strings.ReplaceAll(at.Encode(), "+", "%20")
}

func (s *Server) path(name string) string { return filepath.Join(s.options.DataDir, name) }
func (s *Server) cluster() string         { return s.path("postgres") }
func (s *Server) socketDir() string       { return s.path("run") }

// Stop ends the server in good order and returns when it has ended. To a
// process that is only attached it is a farewell without effect.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() { close(s.stop) })
	<-s.done
	return s.stopErr
}

// supervise is the server's whole life. It runs on one thread from first to
// last, because the kernel stops the database when the thread that forked it
// ends, which an unlocked goroutine's may do at any moment.
func (s *Server) supervise(ctx context.Context, ready chan<- error) {
	runtime.LockOSThread()
	defer close(s.done)
	defer s.lock.release()
	server, err := s.join(ctx)
	ready <- err
	if err != nil {
		return
	}
	for s.watch(server) {
		server = s.rejoin()
	}
}

// watch waits until the server needs starting again (true) or was told to stop.
func (s *Server) watch(server *postmaster) bool {
	if server == attached { // look now and then whether we have to take over
		select {
		case <-s.stop:
			return false
		case <-time.After(attachInterval):
			return true
		}
	}
	select {
	case <-s.stop:
		s.stopErr = server.stop()
		return false
	case <-server.ended:
		s.log.Error("PostgreSQL ended by itself and is started again", "error", server.failure())
		return true
	}
}

// rejoin starts a server that has gone, or notices that another process's still
// runs. It gives up only when told to stop.
func (s *Server) rejoin() *postmaster {
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	go func() {
		select {
		case <-s.stop:
			cancel()
		case <-ctx.Done():
		}
	}()
	for {
		held, err := s.hold()
		if err == nil && !held {
			return attached
		}
		if err == nil {
			var server *postmaster
			if server, err = s.serve(ctx); err == nil {
				s.log.Info("PostgreSQL answers again")
				return server
			}
		}
		if ctx.Err() != nil {
			return attached // to nothing: watch sees the stop
		}
		s.log.Error("PostgreSQL did not start and is tried again", "error", err)
		_ = sleep(ctx, time.Second) // the loop looks at ctx
	}
}

// attached stands for a server that is another process's child.
var attached *postmaster

// join serves the directory, or attaches to the process that does.
func (s *Server) join(ctx context.Context) (*postmaster, error) {
	for end := time.Now().Add(attachPatience); ; {
		held, err := s.hold()
		if err != nil {
			return nil, err
		}
		if held {
			return s.serve(ctx)
		}
		// The other one may still be making the cluster.
		if err = s.ping(ctx, s.OwnerURL()); err == nil {
			s.log.Info("attached to the PostgreSQL of another process", "dir", s.cluster())
			return attached, nil
		}
		if time.Now().After(end) {
			return nil, fmt.Errorf("another process holds %s and its database does not answer: %w", s.lock.path, err)
		}
		if err := sleep(ctx, attachInterval); err != nil {
			return nil, err
		}
	}
}

// hold reports whether this process is the one that serves the directory.
func (s *Server) hold() (bool, error) {
	if s.lock.file != nil {
		return true, nil
	}
	return s.lock.take(s.account)
}

// makeDirs makes what the server's account has to reach. In a data directory of
// root's that account may pass through, but not look around.
func (s *Server) makeDirs() error {
	mode := os.FileMode(0o700)
	if s.account.drop != nil {
		mode = 0o711
	}
	if err := os.MkdirAll(filepath.Dir(s.options.DataDir), 0o755); err != nil {
		return err
	}
	if err := os.Mkdir(s.options.DataDir, mode); err != nil && !os.IsExist(err) {
		return err
	}
	if err := s.letThrough(); err != nil {
		return err
	}
	if err := os.Mkdir(s.socketDir(), 0o700); err != nil && !os.IsExist(err) {
		return err
	}
	return s.account.own(s.socketDir())
}

// letThrough opens root's data directory, and no directory above it, for the
// server's account to pass.
func (s *Server) letThrough() error {
	if s.account.drop == nil {
		return nil
	}
	info, err := os.Stat(s.options.DataDir)
	if err != nil {
		return err
	}
	if ownerOf(info) == 0 && info.Mode()&0o001 == 0 {
		if err := os.Chmod(s.options.DataDir, info.Mode().Perm()|0o001); err != nil {
			return err
		}
	}
	return nil
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}
