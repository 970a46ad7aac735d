package privatepg

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// lock marks a data directory as served by this process. The kernel drops it
// when the process ends, however it ends, so it cannot go stale.
type lock struct {
	path string
	file *os.File
}

// take reports whether this process now holds the lock; false means that
// another live process does.
func (l *lock) take(a account) (bool, error) {
	// The descriptor is close-on-exec: a server that outlives us must not hold it.
	f, err := os.OpenFile(l.path, os.O_RDWR|os.O_CREATE|syscall.O_NOFOLLOW, 0o600)
	if err != nil {
		return false, err
	}
	if err := a.own(l.path); err != nil {
		return false, errors.Join(err, f.Close())
	}
	switch err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); {
	case errors.Is(err, syscall.EWOULDBLOCK):
		return false, f.Close()
	case err != nil:
		return false, errors.Join(fmt.Errorf("lock %s: %w", l.path, err), f.Close())
	}
	l.file = f
	return true, nil
}

func (l *lock) release() {
	if l.file != nil {
		_ = l.file.Close() // nothing was written to it
		l.file = nil
	}
}
