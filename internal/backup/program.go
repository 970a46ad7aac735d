package backup

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

// program is one of PostgreSQL's client programs and what it works on.
type program struct {
	dir, name string
	url       string // empty: it works on files only
	stdout    io.Writer
}

// run returns what the program says on failure, in its own words.
func run(ctx context.Context, p program, args ...string) error {
	path, err := p.path()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	if p.url != "" {
		name, password, err := withoutPassword(p.url)
		if err != nil {
			return err
		}
		cmd.Args = slices.Insert(cmd.Args, 1, "--no-password", "--dbname="+name)
		if password != "" {
			cmd.Env = append(cmd.Env, "PGPASSWORD="+password)
		}
	}
	var said bytes.Buffer
	cmd.Stdout, cmd.Stderr = p.stdout, &said
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) } // lets it cancel its query
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return errors.New(sentence(p.name, said.String(), err))
	}
	return nil
}

func (p program) path() (string, error) {
	path := filepath.Join(p.dir, p.name)
	if p.dir == "" {
		path = p.name
	}
	found, err := exec.LookPath(path)
	if errors.Is(err, exec.ErrNotFound) || errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("PostgreSQL's program %s is not installed: it comes with the package postgresql-client (Debian, Ubuntu) or postgresql (Fedora, RHEL, macOS)", path)
	}
	return found, err
}

// sentence is the program's first complaint with its name before it.
func sentence(name, said string, err error) string {
	for line := range strings.Lines(said) {
		if _, reason, ok := strings.Cut(line, "error: "); ok {
			return name + ": " + strings.TrimSpace(reason)
		}
	}
	if said = strings.TrimSpace(said); said != "" {
		return name + ": " + said
	}
	return name + ": " + err.Error()
}

// libpqWords are the parameters that PostgreSQL's programs know. A URL for pgx
// may hold others (pool_max_conns, statement_timeout …), which they refuse.
var libpqWords = []string{
	"host", "hostaddr", "port", "dbname", "user", "passfile", "channel_binding", "connect_timeout",
	"application_name", "keepalives", "keepalives_idle", "keepalives_interval", "keepalives_count",
	"sslmode", "sslcert", "sslkey", "sslrootcert", "sslcrl", "sslsni", "ssl_min_protocol_version",
	"ssl_max_protocol_version", "gssencmode", "krbsrvname", "target_session_attrs", "service",
}

var passwordWord = regexp.MustCompile(`\bpassword\s*=\s*('(?:[^'\\]|\\.)*'|\S+)`)

// withoutPassword parts the database's name from the password, since every user
// of the machine can read a program's arguments.
func withoutPassword(database string) (name, password string, err error) {
	config, err := pgx.ParseConfig(database)
	if err != nil {
		return "", "", err // pgx leaves the password out of its message
	}
	if !strings.HasPrefix(database, "postgres://") && !strings.HasPrefix(database, "postgresql://") {
		return passwordWord.ReplaceAllString(database, ""), config.Password, nil
	}
	u, err := url.Parse(database)
	if err != nil {
		return "", "", errors.New("the database's URL cannot be read")
	}
	if u.User != nil {
		u.User = url.User(u.User.Username())
	}
	query := u.Query()
	for word := range query {
		if !slices.Contains(libpqWords, word) {
			query.Del(word)
		}
	}
	// libpq takes a plus sign for itself, not for a blank.
	u.RawQuery = strings.ReplaceAll(query.Encode(), "+", "%20")
	return u.String(), config.Password, nil
}

// unquote turns a name as it stands in SQL into the name itself.
func unquote(name string) string {
	if inner, ok := strings.CutPrefix(name, `"`); ok {
		return strings.ReplaceAll(strings.TrimSuffix(inner, `"`), `""`, `"`)
	}
	return name
}
