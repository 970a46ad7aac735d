package privatepg

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/jackc/pgx/v5"
)

// chooseBinaries takes the version the data was made with, or the newest for
// new data: a distribution's upgrade puts a new major version beside the old.
func (s *Server) chooseBinaries() (string, error) {
	dirs, err := binaryDirs(s.options.Binaries)
	if err != nil {
		return "", err
	}
	made, err := dataVersion(s.cluster())
	if err != nil || made == "" {
		return dirs[0], err
	}
	var found []string
	for _, dir := range dirs {
		version := binaryVersion(dir)
		if version == made {
			return dir, nil
		}
		found = append(found, version)
	}
	return "", fmt.Errorf("the data in %s is of PostgreSQL %s, but only %s is installed: install PostgreSQL %s again "+
		"(CRM_PG_BIN names its bin directory), `crm backup` there and restore the file into a new data directory; nothing was changed",
		s.cluster(), made, strings.Join(slices.Compact(found), ", "), made)
}

// dataVersion is the major version that made the cluster, "" if there is none.
func dataVersion(cluster string) (string, error) {
	text, err := os.ReadFile(filepath.Join(cluster, "PG_VERSION"))
	if err == nil {
		return string(bytes.TrimSpace(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	if entries, err := os.ReadDir(cluster); err == nil && len(entries) > 0 {
		return "", fmt.Errorf("%s is not empty and holds no PostgreSQL data: move it away, or choose another directory with CRM_DATA_DIR", cluster)
	}
	return "", nil
}

// binaryVersion is the major version of the programs in dir, "unknown" if they do not say.
func binaryVersion(dir string) string {
	out, _ := exec.Command(filepath.Join(dir, "postgres"), "--version").Output() // no output, no version
	words := strings.Fields(string(out))
	if len(words) < 3 {
		return "unknown"
	}
	return digits.FindString(words[2]) // postgres (PostgreSQL) 15.4 (Debian 15.4-1), or 17beta1
}

// ensureCluster makes the cluster unless it is there. A half-made one never
// gets its name, so what a crash leaves of it can go.
func (s *Server) ensureCluster(ctx context.Context) error {
	made, err := dataVersion(s.cluster())
	if err != nil || made != "" {
		return err
	}
	making := s.path("postgres.new")
	if err := os.RemoveAll(making); err != nil {
		return err
	}
	if err := os.Mkdir(making, 0o700); err != nil {
		return err
	}
	if err := s.account.own(making); err != nil {
		return err
	}
	s.log.Info("making a PostgreSQL cluster", "dir", s.cluster(), "programs", s.binaries, "user", s.account.name)
	if err := s.initdb(ctx, making); err != nil {
		return err
	}
	// An empty directory of that name may be there, which rename replaces.
	if err := os.Rename(making, s.cluster()); err != nil {
		return err
	}
	return syncDir(s.options.DataDir)
}

func (s *Server) initdb(ctx context.Context, dir string) error {
	args := append([]string{
		"-D", dir, "-U", ownerRole, "-E", "UTF8", "--no-instructions",
		// Our own access files rule; these are for a server started by hand without them.
		"--auth-local=peer", "--auth-host=reject",
	}, localeFlags...)
	if s.options.NoSync {
		args = append(args, "--no-sync")
	} else {
		args = append(args, "--data-checksums")
	}
	cmd := exec.CommandContext(ctx, filepath.Join(s.binaries, "initdb"), args...)
	cmd.Env, cmd.Dir = environment(), dir
	cmd.SysProcAttr = childAttr(s.account, syscall.SIGTERM)
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGTERM) } // lets it tidy up
	cmd.WaitDelay = stopPatience
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	if err != nil && len(out) > 0 {
		return fmt.Errorf("initdb: %s", complaint(out))
	}
	return s.explain(err)
}

// complaint picks the line that says what is wrong from a program's chatter.
func complaint(out []byte) string {
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		for _, mark := range []string{"error: ", "FATAL: "} {
			if _, reason, ok := strings.Cut(line, mark); ok {
				return strings.TrimSpace(reason)
			}
		}
	}
	return lines[len(lines)-1]
}

// explain puts the usual reason why a program cannot be started into words: the
// account it is to run as cannot enter the directory.
func (s *Server) explain(err error) error {
	if errors.Is(err, fs.ErrPermission) && s.account.drop != nil {
		return fmt.Errorf("user %s, whom PostgreSQL runs as because root is refused, cannot reach %s: "+
			"let others pass the directories above it (chmod o+x), or choose another with CRM_DATA_DIR", s.account.name, s.options.DataDir)
	}
	return err
}

// writeAccess says who may be whom: the server's account and root may be either
// role, nobody else may be anyone. The files lie beside the cluster because root
// should not write into a directory that another account commands.
func (s *Server) writeAccess() error {
	var ident strings.Builder
	for _, user := range slices.Compact([]string{s.account.name, "root"}) {
		for _, role := range []string{ownerRole, appRole} {
			fmt.Fprintf(&ident, "crm %s %s\n", quote(user), role)
		}
	}
	if err := s.writeFile("postgres.ident.conf", ident.String()); err != nil {
		return err
	}
	return s.writeFile("postgres.hba.conf", "local all all peer map=crm\n")
}

// quote keeps a name one word. PostgreSQL takes a leading slash for a regular
// expression even in quotes; no system lets a user name start with one.
func quote(name string) string { return `"` + strings.ReplaceAll(name, `"`, `""`) + `"` }

// writeFile replaces a file in the data directory that the server reads.
func (s *Server) writeFile(name, text string) error {
	f, err := os.CreateTemp(s.options.DataDir, name+".*")
	if err != nil {
		return err
	}
	_, err = f.WriteString(text)
	err = errors.Join(err, f.Close(), s.account.own(f.Name()))
	if err == nil {
		err = os.Rename(f.Name(), s.path(name))
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}

// ensureDatabase makes the serving role and the database where they are missing.
func (s *Server) ensureDatabase(ctx context.Context) error {
	conn, err := pgx.Connect(ctx, s.url(ownerRole, "postgres"))
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // nothing is left to lose
	for _, missing := range []struct{ query, statement string }{
		{`SELECT FROM pg_roles WHERE rolname = '` + appRole + `'`, `CREATE ROLE ` + appRole + ` LOGIN`},
		{`SELECT FROM pg_database WHERE datname = '` + database + `'`, `CREATE DATABASE ` + database},
	} {
		found, err := conn.Exec(ctx, missing.query)
		if err == nil && found.RowsAffected() == 0 {
			_, err = conn.Exec(ctx, missing.statement)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// ownerOf is the user id a file belongs to.
func ownerOf(info fs.FileInfo) int {
	return int(info.Sys().(*syscall.Stat_t).Uid) // every Unix gives a Stat_t
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
