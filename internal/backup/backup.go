// Package backup writes a whole database to one file and reads it back, in
// pg_dump's own format: a file can be looked into and restored with PostgreSQL's
// tools alone. It is not for copying parts of a register, nor for moving data
// between formats; and it knows nothing of what the tables mean.
package backup

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
)

// Errors that tell the caller to choose another file or database.
var (
	ErrFileExists = errors.New("a file of that name is already there, and a backup never overwrites one")
	ErrNotEmpty   = errors.New("the database is not empty, and a restore only goes into an empty one")
)

// Backup writes the database at url to file, which only its owner may read. The
// programs are those in binDir, or on PATH when it is empty. The file appears
// under its name when it is complete and on the disk, or not at all.
func Backup(ctx context.Context, url, binDir, file string) error {
	if _, err := os.Lstat(file); err == nil {
		return fmt.Errorf("%s: %w", file, ErrFileExists)
	} else if !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	partial := file + ".partial"
	if err := dump(ctx, url, binDir, partial); err != nil {
		return err
	}
	if err := os.Rename(partial, file); err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return syncDir(filepath.Dir(file))
}

// dump removes the file again when it could not be finished.
func dump(ctx context.Context, url, binDir, partial string) error {
	// What an interrupted backup left is worth nothing, and may not be private.
	if err := os.Remove(partial); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	f, err := os.OpenFile(partial, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	err = run(ctx, program{dir: binDir, name: "pg_dump", url: url, stdout: f}, "--format=custom")
	err = errors.Join(err, f.Sync(), f.Close())
	if err != nil {
		return errors.Join(err, os.Remove(partial))
	}
	return nil
}

// Restore reads a file of Backup's into the database at url, which must be
// empty: all of it or nothing. Everything then belongs to the role in url. The
// grants in the file are kept where the roles they name exist, and left out
// altogether where one does not.
func Restore(ctx context.Context, url, binDir, file string) error {
	if _, err := os.Stat(file); err != nil {
		return err
	}
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	defer conn.Close(context.WithoutCancel(ctx)) // nothing is left to lose
	if err := checkEmpty(ctx, conn); err != nil {
		return err
	}
	args := []string{"--no-owner", "--exit-on-error", "--single-transaction"}
	roles, err := rolesIn(ctx, binDir, file)
	if err != nil {
		return err
	}
	if known, err := allKnown(ctx, conn, roles); err != nil {
		return err
	} else if !known {
		args = append(args, "--no-privileges")
	}
	return run(ctx, program{dir: binDir, name: "pg_restore", url: url}, append(args, "--", file)...)
}

func checkEmpty(ctx context.Context, conn *pgx.Conn) error {
	var used bool
	err := conn.QueryRow(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_tables
			WHERE schemaname NOT IN ('pg_catalog', 'information_schema')
		)`).Scan(&used)
	if err == nil && used {
		err = ErrNotEmpty
	}
	return err
}

// grantee finds the roles in the statements pg_dump writes for privileges. A
// line of a function's text may look like one; that costs the grants, not data.
var grantee = regexp.MustCompile(`(?m)^(?:GRANT|REVOKE|ALTER DEFAULT PRIVILEGES)\b.*\b(?:TO|FROM) ("(?:[^"]|"")+"|\w+)(?: WITH GRANT OPTION)?;$`)

// definer finds whose default privileges the file sets.
var definer = regexp.MustCompile(`(?m)^ALTER DEFAULT PRIVILEGES FOR ROLE ("(?:[^"]|"")+"|\w+) `)

// rolesIn returns the roles that the file's grants name.
func rolesIn(ctx context.Context, binDir, file string) ([]string, error) {
	var script strings.Builder
	err := run(ctx, program{dir: binDir, name: "pg_restore", stdout: &script}, "--schema-only", "--no-owner", "--file=-", "--", file)
	if err != nil {
		return nil, err
	}
	var roles []string
	for _, expression := range []*regexp.Regexp{grantee, definer} {
		for _, match := range expression.FindAllStringSubmatch(script.String(), -1) {
			roles = append(roles, unquote(match[1]))
		}
	}
	slices.Sort(roles)
	return slices.DeleteFunc(slices.Compact(roles), func(role string) bool { return role == "PUBLIC" }), nil
}

func allKnown(ctx context.Context, conn *pgx.Conn, roles []string) (bool, error) {
	var known int
	err := conn.QueryRow(ctx, `SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = ANY ($1)`, roles).Scan(&known)
	return known == len(roles), err
}

func syncDir(dir string) error {
	f, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(f.Sync(), f.Close())
}
