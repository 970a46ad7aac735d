package privatepg

import (
	"bytes"
	"fmt"
	"os"
	"syscall"
)

// childAttr makes the kernel stop the child when we die, even by kill -9. The
// signal is tied to the *thread* that forked: see Server.supervise. The process
// group is the child's own, or a terminal's Ctrl-C would stop the database
// before the app has finished its requests.
func childAttr(a account, onDeath syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Pdeathsig: onDeath, Credential: a.drop}
}

// alive reports whether pid runs and works in dir, as every server process
// works in its cluster. Asking with kill(pid, 0) would not do: it also says yes
// to a dead process nobody has reaped, and to a stranger that got the number.
func alive(pid int, dir string) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return false
	}
	// The state follows the program's name, which is in parentheses and may hold any character.
	after := bytes.TrimSpace(stat[bytes.LastIndexByte(stat, ')')+1:])
	if len(after) == 0 || after[0] == 'Z' || after[0] == 'X' {
		return false
	}
	works, err := os.Stat(fmt.Sprintf("/proc/%d/cwd", pid))
	if err != nil {
		return false
	}
	cluster, err := os.Stat(dir)
	return err == nil && os.SameFile(works, cluster)
}

// platformSettings are those that only this system's kernel supports: a busy
// backend notices within a second that its client has gone, which bounds how
// long a killed server's last backends delay the next start.
var platformSettings = map[string]string{"client_connection_check_interval": "1s"}

// localeFlags for initdb: sorting by code point, letters by Unicode.
var localeFlags = []string{"--locale=C.UTF-8"}
