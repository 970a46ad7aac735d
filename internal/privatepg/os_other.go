//go:build !linux

package privatepg

import "syscall"

// childAttr gives the child a process group of its own, or a terminal's Ctrl-C
// would stop the database before the app has finished its requests. There is no
// way to stop the child when we die: the next start finds and stops it.
func childAttr(a account, _ syscall.Signal) *syscall.SysProcAttr {
	return &syscall.SysProcAttr{Setpgid: true, Credential: a.drop}
}

// alive is a guess here: it also says yes to a stranger that got the number.
func alive(pid int, _ string) bool { return syscall.Kill(pid, 0) == nil }

var platformSettings = map[string]string{}

// localeFlags: C.UTF-8 is missing on older macOS, where UTF-8 names the same letters.
var localeFlags = []string{"--locale=C", "--lc-ctype=UTF-8"}
