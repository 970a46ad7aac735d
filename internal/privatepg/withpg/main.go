// Withpg runs a command with a throw-away PostgreSQL and removes it afterwards:
//
//	go run ./internal/privatepg/withpg -- go test ./...
//
// The command finds the database in CRM_TEST_DATABASE_URL, as a superuser. All
// packages share the one server, since one for each would cost a second each.
// Where the variable is set already the command just runs. It is for tests
// only: the data is in memory, and no write is safe.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"github.com/archpilot/crm/internal/privatepg"
)

const (
	urlName   = "CRM_TEST_DATABASE_URL"
	dirPrefix = "crm-withpg-"
)

func main() {
	args := os.Args[1:]
	if len(args) > 0 && args[0] == "--" {
		args = args[1:]
	}
	if len(args) == 0 {
		fmt.Fprintln(os.Stderr, "usage: withpg -- COMMAND [ARGUMENT...]")
		os.Exit(2)
	}
	status, err := run(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, "withpg:", err)
		status = max(status, 1)
	}
	os.Exit(status)
}

func run(args []string) (int, error) {
	if os.Getenv(urlName) != "" {
		return 1, replace(args)
	}
	// From here on a signal is the command's to obey; we outlive it to tidy up.
	signals := make(chan os.Signal, 8)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	binaries, err := privatepg.FindBinaries(os.Getenv("CRM_PG_BIN"))
	if errors.Is(err, privatepg.ErrNoBinaries) && os.Getenv("CI") != "true" {
		fmt.Fprintf(os.Stderr, "withpg: %v.\nwithpg: tests that need a database are skipped.\n", err)
		return 1, replace(args)
	} else if err != nil {
		return 1, err
	}
	dir, err := os.MkdirTemp(memory(), dirPrefix)
	if err != nil {
		return 1, err
	}
	server, err := start(dir, binaries, signals)
	if err != nil {
		return 1, errors.Join(err, os.RemoveAll(dir))
	}
	status, err := command(args, server.OwnerURL(), signals)
	return status, errors.Join(err, server.Stop(), os.RemoveAll(dir))
}

// start gives up at the first signal.
func start(dir, binaries string, signals <-chan os.Signal) (*privatepg.Server, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	started := make(chan struct{})
	defer close(started)
	go func() {
		select {
		case <-signals:
			cancel()
		case <-started:
		}
	}()
	return privatepg.Start(ctx, privatepg.Options{
		DataDir: dir, Binaries: binaries, NoSync: true,
		Settings: map[string]string{"autovacuum": "off", "max_connections": "200"},
	})
}

// replace becomes the command.
func replace(args []string) error {
	file, err := exec.LookPath(args[0])
	if err != nil {
		return err
	}
	return syscall.Exec(file, args, os.Environ())
}

// command runs it to its end and returns its exit status as a shell would.
func command(args []string, url string, signals <-chan os.Signal) (int, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), urlName+"="+url)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := cmd.Start(); err != nil {
		return 1, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case s := <-signals:
			// A terminal's Ctrl-C reaches the whole process group, the command
			// included, and a second one often means "at once".
			if s != syscall.SIGINT {
				_ = cmd.Process.Signal(s) // it may just have ended
			}
		case err := <-ended:
			return exitStatus(err)
		}
	}
}

func exitStatus(err error) (int, error) {
	failed, ok := errors.AsType[*exec.ExitError](err)
	if !ok {
		return 0, err
	}
	if state, ok := failed.Sys().(syscall.WaitStatus); ok && state.Signaled() {
		return 128 + int(state.Signal()), nil
	}
	return failed.ExitCode(), nil
}

// memory is a directory that lies in memory, or "" for the usual place. It also
// removes what killed runs left there. Containers often have 64 MB of it, which
// a few test databases fill.
func memory() string {
	const dir, enough = "/dev/shm", 4 << 30
	var space syscall.Statfs_t
	if err := syscall.Statfs(dir, &space); err != nil || space.Bavail*uint64(space.Bsize) < enough {
		return ""
	}
	probe, err := os.MkdirTemp(dir, dirPrefix)
	if err != nil {
		return ""
	}
	_ = os.Remove(probe)                                        // empty
	left, _ := filepath.Glob(filepath.Join(dir, dirPrefix+"*")) // the pattern is well-formed
	for _, old := range slices.DeleteFunc(left, inUse) {
		_ = os.RemoveAll(old) // another user's stays, which is right
	}
	return dir
}

// inUse is true for a directory whose lock is held, or that is too young to
// have one, or that we may not look into.
func inUse(dir string) bool {
	info, err := os.Stat(dir)
	if err != nil || time.Since(info.ModTime()) < time.Minute {
		return true
	}
	f, err := os.Open(filepath.Join(dir, "postgres.lock"))
	if err != nil {
		return !errors.Is(err, os.ErrNotExist)
	}
	defer f.Close()
	return syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) != nil
}
