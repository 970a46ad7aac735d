package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// process is a server under measurement: the program, or the bare handler.
type process struct {
	cmd     *exec.Cmd
	address string // http://127.0.0.1:1234
}

// startPatience is for the program to bring the schema up to date and for the first connection.
const startPatience = 30 * time.Second

// startApp starts the program as people do.
func (r *register) startApp(ctx context.Context) (*process, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	cmd := r.command(ctx, "serve", "--listen", listen)
	return start(ctx, cmd, listen, "/readyz")
}

// startBare starts this program again, as the bare handler, as the role that serves.
func (r *register) startBare(ctx context.Context) (*process, error) {
	listen, err := freePort()
	if err != nil {
		return nil, err
	}
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.CommandContext(ctx, self, bareArgument) //nolint:gosec // ourselves
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.Env = append(os.Environ(), bareListen+"="+listen, bareDatabase+"="+r.server.URL())
	return start(ctx, cmd, listen, "/ready")
}

// start returns when the server answers at path.
func start(ctx context.Context, cmd *exec.Cmd, listen, path string) (*process, error) {
	cmd.Stderr = os.Stderr
	p := &process{cmd: cmd, address: "http://" + listen}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	var err error
	for end := time.Now().Add(startPatience); time.Now().Before(end) && ctx.Err() == nil; time.Sleep(50 * time.Millisecond) {
		request, bad := http.NewRequestWithContext(ctx, http.MethodGet, p.address+path, nil)
		if bad != nil {
			return nil, bad
		}
		if _, err = fetch(browser, request, http.StatusOK); err == nil {
			return p, nil
		}
	}
	return nil, errors.Join(fmt.Errorf("%s does not answer: %w", filepath.Base(cmd.Path), err), p.stop())
}

// stop asks the process to end and waits for it. How it ends is its own affair: the figures are taken.
func (p *process) stop() error {
	_ = p.cmd.Process.Signal(os.Interrupt) // it may have ended
	var ended *exec.ExitError
	if err := p.cmd.Wait(); err != nil && !errors.As(err, &ended) && !errors.Is(err, context.Canceled) {
		return err
	}
	return nil
}

// freePort returns an address that nobody listens on; the kernel goes through all others before it gives it away again.
func freePort() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	return l.Addr().String(), l.Close()
}

// memory is how much the process holds of its own, and how much of its program file is mapped beside that, which the
// kernel takes back when somebody else needs it. Both are 0 where /proc does not say.
func (p *process) memory() (own, mapped int) {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.cmd.Process.Pid))
	if err != nil {
		return 0, 0
	}
	for line := range bytes.Lines(status) {
		fields := strings.Fields(string(line))
		if len(fields) < 2 {
			continue
		}
		kib, _ := strconv.Atoi(fields[1]) // the kernel's own
		switch fields[0] {
		case "RssAnon:":
			own = kib << 10
		case "RssFile:":
			mapped = kib << 10
		}
	}
	return own, mapped
}

// cpu is the CPU time the process has had.
func (p *process) cpu() time.Duration {
	own, _, _ := cpuOf(p.cmd.Process.Pid)
	return own
}

// tick is the unit of times in /proc: USER_HZ is 100 on every Linux.
const tick = 10 * time.Millisecond

// cpuOf reads what a process has used, what its reaped children had used, and who its parent is. All are 0 where
// /proc does not say.
func cpuOf(pid int) (own, children time.Duration, parent int) {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, 0
	}
	// The second field, a name in brackets, may hold anything; the parent is the second after it.
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+1:]))
	if len(fields) < 15 {
		return 0, 0, 0
	}
	ticks := func(i int) time.Duration {
		n, _ := strconv.Atoi(fields[i]) // the kernel's own
		return time.Duration(n) * tick
	}
	parent, _ = strconv.Atoi(fields[1])
	return ticks(11) + ticks(12), ticks(13) + ticks(14), parent
}

// databaseCPU is the CPU time of a PostgreSQL: its first process, those that have ended, and those that live. What
// it does besides answering, checkpoints and vacuum, is in it.
func databaseCPU(postmaster int) time.Duration {
	own, reaped, _ := cpuOf(postmaster)
	sum := own + reaped
	all, _ := filepath.Glob("/proc/[0-9]*") // the pattern is well-formed
	for _, dir := range all {
		pid, _ := strconv.Atoi(filepath.Base(dir)) // digits begin it; anything else is nobody's parent
		if used, below, parent := cpuOf(pid); parent == postmaster {
			sum += used + below
		}
	}
	return sum
}
