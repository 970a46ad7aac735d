package privatepg

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
)

// ErrNoBinaries says that no PostgreSQL server is installed, and how to get one.
var ErrNoBinaries = errors.New("no PostgreSQL server is installed: run `sudo apt-get install --no-install-recommends postgresql` (Debian, Ubuntu), " +
	"`sudo dnf install postgresql-server postgresql-contrib` (Fedora, RHEL) or `brew install postgresql@17` (macOS), " +
	"or name a database of your own in CRM_DATABASE_URL")

// binaryPlaces are the directories in which distributions put the server's
// programs, mostly outside PATH and with the major version in the path.
var binaryPlaces = []string{
	"/usr/lib/postgresql/*/bin",
	"/usr/pgsql-*/bin",
	"/usr/lib/postgresql*/bin",
	"/opt/homebrew/opt/postgresql*/bin",
	"/usr/local/opt/postgresql*/bin",
	"/Applications/Postgres.app/Contents/Versions/*/bin",
	"/usr/local/pgsql/bin",
}

// FindBinaries returns the directory that holds PostgreSQL's server programs,
// the newest version first. An override is the only place looked at. The error
// is ErrNoBinaries when there is nothing to be found.
func FindBinaries(override string) (string, error) {
	dirs, err := binaryDirs(override)
	if err != nil {
		return "", err
	}
	return dirs[0], nil
}

// binaryDirs returns every installed version, newest first, never an empty list.
func binaryDirs(override string) ([]string, error) {
	if override != "" {
		if !holdsServer(override) {
			return nil, fmt.Errorf("CRM_PG_BIN names %s, which does not hold PostgreSQL's programs postgres and initdb", override)
		}
		return []string{override}, nil
	}
	var dirs []string
	for _, place := range binaryPlaces {
		found, _ := filepath.Glob(place) // the only error is a malformed pattern, and these are constants
		slices.SortStableFunc(found, newestFirst)
		dirs = append(dirs, found...)
	}
	if found := onPath(); found != "" {
		dirs = append(dirs, found)
	}
	dirs = slices.DeleteFunc(dirs, func(dir string) bool { return !holdsServer(dir) })
	if len(dirs) == 0 {
		return nil, ErrNoBinaries
	}
	return dirs, nil
}

// onPath looks behind a link on PATH, since initdb looks for its sister
// programs beside itself.
func onPath() string {
	file, err := exec.LookPath("postgres")
	if err != nil {
		return ""
	}
	if real, err := filepath.EvalSymlinks(file); err == nil {
		file = real
	}
	return filepath.Dir(file)
}

func holdsServer(dir string) bool {
	for _, name := range []string{"postgres", "initdb"} {
		info, err := os.Stat(filepath.Join(dir, name))
		if err != nil || info.IsDir() || info.Mode()&0o111 == 0 {
			return false
		}
	}
	return true
}

var digits = regexp.MustCompile(`\d+`)

// newestFirst compares by the first number in the path, so that 15 comes
// before 9.6, which it would not as text.
func newestFirst(a, b string) int { return firstNumber(b) - firstNumber(a) }

func firstNumber(text string) int {
	n, _ := strconv.Atoi(digits.FindString(text)) // no number counts as version 0
	return n
}
