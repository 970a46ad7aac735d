package privatepg

import (
	"fmt"
	"os"
	"os/user"
	"path/filepath"
	"strconv"
	"syscall"
)

// account is the operating-system user the server runs as.
type account struct {
	name     string
	uid, gid int
	// drop is nil where the server runs as whoever runs the app.
	drop *syscall.Credential
}

// serverAccount decides who runs the server. PostgreSQL refuses to run as root,
// so root hands an existing cluster to its owner and a new one to postgres or
// nobody.
func serverAccount(cluster string) (account, error) {
	if os.Geteuid() != 0 {
		return namedAccount(os.Geteuid())
	}
	if info, err := os.Stat(cluster); err == nil {
		a, err := namedAccount(ownerOf(info))
		if err == nil && a.uid == 0 {
			err = fmt.Errorf("%s belongs to root, and PostgreSQL does not run as root: give the directory to another user with chown -R", cluster)
		}
		return a, err
	}
	for _, name := range []string{"postgres", "nobody"} {
		if u, err := user.Lookup(name); err == nil {
			uid, err := strconv.Atoi(u.Uid)
			if err != nil {
				return account{}, fmt.Errorf("user %s: %w", name, err)
			}
			return namedAccount(uid)
		}
	}
	return account{}, fmt.Errorf("PostgreSQL does not run as root, and there is neither a user postgres nor a user nobody to run it as")
}

// namedAccount needs the name because peer authentication compares names.
func namedAccount(uid int) (account, error) {
	u, err := user.LookupId(strconv.Itoa(uid))
	if err != nil {
		return account{}, fmt.Errorf("user id %d has no name, which PostgreSQL needs: add the user to the password file, or name a database in CRM_DATABASE_URL", uid)
	}
	gid, err := strconv.Atoi(u.Gid)
	if err != nil {
		return account{}, fmt.Errorf("group of user %s: %w", u.Username, err)
	}
	a := account{name: u.Username, uid: uid, gid: gid}
	if os.Geteuid() == 0 {
		a.drop = &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
	}
	return a, nil
}

// own gives a file to the server's account, which only root can and need do.
func (a account) own(path string) error {
	if a.drop == nil {
		return nil
	}
	return os.Lchown(path, a.uid, a.gid)
}

// DefaultDataDir is where the product keeps its data when CRM_DATA_DIR is not
// set: /var/lib for root, whose home the server's account could not enter, and
// the XDG data home for everybody else.
func DefaultDataDir() string {
	const app = "archpilot-crm"
	if os.Geteuid() == 0 {
		return filepath.Join("/var/lib", app)
	}
	// The XDG specification says to ignore a relative path.
	if home := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(home) {
		return filepath.Join(home, app)
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "." // no HOME: beside where the app was started is better than not at all
	}
	return filepath.Join(home, ".local", "share", app)
}
