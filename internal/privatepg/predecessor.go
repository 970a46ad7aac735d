package privatepg

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"
)

// clearPredecessor makes the cluster free for a new server: it waits for one
// that lost its app to end, and disarms what a killed one left behind. The
// caller holds the lock, so a server found running has no app.
func (s *Server) clearPredecessor(ctx context.Context) error {
	if pid := postmasterPID(s.cluster()); pid != 0 {
		if alive(pid, s.cluster()) {
			s.log.Info("waiting for a PostgreSQL that lost its app to end", "pid", pid)
			if err := endProcess(ctx, pid, s.cluster()); err != nil {
				return err
			}
		}
		if err := disarm(s.cluster()); err != nil {
			return err
		}
	}
	// The socket's lock file holds the same number and leads PostgreSQL into the
	// same error, but guards nothing: the directory is ours alone.
	err := os.Remove(filepath.Join(s.socketDir(), ".s.PGSQL."+port+".lock"))
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	return nil
}

// endProcess asks a server that is not our child to end.
func endProcess(ctx context.Context, pid int, cluster string) error {
	for _, signal := range []syscall.Signal{syscall.SIGINT, syscall.SIGQUIT} {
		_ = syscall.Kill(pid, signal) // it may just have gone, which is what we want
		for end := time.Now().Add(stopPatience); time.Now().Before(end); {
			if !alive(pid, cluster) {
				return nil
			}
			if err := sleep(ctx, 20*time.Millisecond); err != nil {
				return err
			}
		}
	}
	return fmt.Errorf("an earlier PostgreSQL (process %d) still runs in %s and does not end", pid, cluster)
}

// postmasterPID is the process that last served the cluster, 0 when it ended in
// good order (or wrote nothing we understand, which the server itself reports).
func postmasterPID(cluster string) int {
	text, err := os.ReadFile(filepath.Join(cluster, "postmaster.pid"))
	if err != nil {
		return 0
	}
	first, _, _ := bytes.Cut(text, []byte("\n"))
	pid, err := strconv.Atoi(string(bytes.TrimSpace(first)))
	if err != nil || pid <= 0 {
		return 0
	}
	return pid
}

// disarm puts our own process id into a dead server's postmaster.pid. The next
// server takes a file with its parent's id for stale, whoever has got the old
// number since. Deleting the file would be simpler but loses the key of the
// shared memory, by which PostgreSQL sees that old backends still write.
func disarm(cluster string) error {
	f, err := os.OpenFile(filepath.Join(cluster, "postmaster.pid"), os.O_RDWR|syscall.O_NOFOLLOW, 0)
	if os.IsNotExist(err) {
		return nil // it ended in good order after all
	} else if err != nil {
		return err
	}
	defer f.Close() // Sync has reported what matters
	text := make([]byte, 4096)
	n, err := f.Read(text)
	if err != nil {
		return fmt.Errorf("read postmaster.pid: %w", err)
	}
	_, rest, _ := bytes.Cut(text[:n], []byte("\n"))
	text = append([]byte(strconv.Itoa(os.Getpid())+"\n"), rest...)
	if _, err := f.WriteAt(text, 0); err != nil {
		return err
	}
	if err := f.Truncate(int64(len(text))); err != nil {
		return err
	}
	return f.Sync()
}
