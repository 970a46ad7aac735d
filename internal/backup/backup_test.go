package backup

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/privatepg"
)

const register = `
	CREATE EXTENSION IF NOT EXISTS pg_trgm;
	CREATE TABLE organizations (id int PRIMARY KEY, name text NOT NULL);
	CREATE INDEX ON organizations USING gin (name gin_trgm_ops);
	INSERT INTO organizations VALUES (1, 'Müller & Söhne'), (2, E'two\nlines');
	CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append-only'; END $$;
	CREATE TRIGGER append_only BEFORE INSERT OR UPDATE OR DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION refuse();
	GRANT SELECT ON organizations TO crm_app;`

// From one cluster into another, with the grants, the triggers and the text.
func TestBackupAndRestore(t *testing.T) {
	t.Parallel()
	from, to := server(t), server(t)
	execute(t, from.OwnerURL(), register)
	file := filepath.Join(t.TempDir(), "register.backup")
	if err := Backup(t.Context(), from.OwnerURL(), from.Binaries(), file); err != nil {
		t.Fatal(err)
	}
	wantPrivateFile(t, file)
	if err := Restore(t.Context(), to.OwnerURL(), to.Binaries(), file); err != nil {
		t.Fatal(err)
	}
	// The serving role can read it, so its grant has come along.
	got := names(t, to.URL())
	if diff := cmp.Diff([]string{"Müller & Söhne", "two\nlines"}, got); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
	if _, err := try(t, to.OwnerURL(), `DELETE FROM organizations`); err == nil || !strings.Contains(err.Error(), "append-only") {
		t.Errorf("delete: %v, want the trigger's refusal", err)
	}

	if err := Restore(t.Context(), to.OwnerURL(), to.Binaries(), file); !errors.Is(err, ErrNotEmpty) {
		t.Errorf("restore into a full database: %v, want ErrNotEmpty", err)
	}
	if err := Backup(t.Context(), from.OwnerURL(), from.Binaries(), file); !errors.Is(err, ErrFileExists) {
		t.Errorf("backup over a file: %v, want ErrFileExists", err)
	}
}

func TestRestoreWhereARoleIsMissing(t *testing.T) {
	t.Parallel()
	from, to := server(t), server(t)
	execute(t, from.OwnerURL(), register+`
		CREATE ROLE "the ""reader""";
		GRANT SELECT ON organizations TO "the ""reader""";`)
	file := filepath.Join(t.TempDir(), "register.backup")
	if err := Backup(t.Context(), from.OwnerURL(), from.Binaries(), file); err != nil {
		t.Fatal(err)
	}
	roles, err := rolesIn(t.Context(), from.Binaries(), file)
	if want := []string{"crm_app", `the "reader"`}; err != nil || !slices.Equal(roles, want) {
		t.Errorf("roles in the file: %q, %v; want %q", roles, err, want)
	}
	if err := Restore(t.Context(), to.OwnerURL(), to.Binaries(), file); err != nil {
		t.Fatal(err)
	}
	if got := names(t, to.OwnerURL()); len(got) != 2 {
		t.Errorf("got %q, want two names", got)
	}
}

func TestFailuresLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	s := server(t)
	dir := t.TempDir()
	file := filepath.Join(dir, "register.backup")

	absent := strings.Replace(s.OwnerURL(), "/crm?", "/absent?", 1)
	if err := Backup(t.Context(), absent, s.Binaries(), file); err == nil || !strings.Contains(err.Error(), `database "absent" does not exist`) {
		t.Errorf("backup of no database: %v", err)
	}
	if err := Backup(t.Context(), s.OwnerURL(), dir, file); err == nil || !strings.Contains(err.Error(), "is not installed") {
		t.Errorf("backup without pg_dump: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := Backup(ctx, s.OwnerURL(), s.Binaries(), file); !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled backup: %v", err)
	}
	if entries, err := os.ReadDir(dir); err != nil || len(entries) != 0 {
		t.Errorf("left behind: %v, %v", entries, err)
	}

	if err := Restore(t.Context(), s.OwnerURL(), s.Binaries(), file); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("restore of no file: %v", err)
	}
	// Cut off in the middle: what came before must not stay.
	execute(t, s.OwnerURL(), `CREATE TABLE big AS SELECT n, md5(n::text) AS text FROM generate_series(1, 20000) n`)
	if err := Backup(t.Context(), s.OwnerURL(), s.Binaries(), file); err != nil {
		t.Fatal(err)
	}
	execute(t, s.OwnerURL(), `DROP TABLE big`)
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Truncate(file, info.Size()/2); err != nil {
		t.Fatal(err)
	}
	if err := Restore(t.Context(), s.OwnerURL(), s.Binaries(), file); err == nil || !strings.HasPrefix(err.Error(), "pg_restore: ") {
		t.Errorf("restore of half a file: %v, want pg_restore's word", err)
	}
	if tag, err := try(t, s.OwnerURL(), `SELECT FROM pg_tables WHERE schemaname = 'public'`); err != nil || tag != 0 {
		t.Errorf("half a restore left %d tables (%v)", tag, err)
	}
}

func TestWithoutPassword(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ database, name, password string }{
		{"postgres://ann:s%20x@db:5433/crm?sslmode=disable", "postgres://ann@db:5433/crm?sslmode=disable", "s x"},
		{"postgres://ann@/crm?host=%2Frun%2Fa+b&password=secret", "postgres://ann@/crm?host=%2Frun%2Fa%20b", "secret"},
		{"postgres://ann@db/crm?pool_max_conns=4&statement_timeout=5s", "postgres://ann@db/crm", ""},
		{`host=db user=ann password='it\'s' dbname=crm`, "host=db user=ann  dbname=crm", "it's"},
	} {
		name, password, err := withoutPassword(test.database)
		if err != nil || name != test.name || password != test.password {
			t.Errorf("withoutPassword(%q) = %q, %q, %v; want %q, %q", test.database, name, password, err, test.name, test.password)
		}
	}
	if _, _, err := withoutPassword("postgres://ann:secret@db:port/crm"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a wrong URL: %v, want an error without the password", err)
	}
}

func server(t *testing.T) *privatepg.Server {
	t.Helper()
	if _, err := privatepg.FindBinaries(os.Getenv("CRM_PG_BIN")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	dir, err := os.MkdirTemp("", "crm-backup-") // t.TempDir is too long for a socket and shut to the server's account
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := os.RemoveAll(dir); err != nil {
			t.Error(err)
		}
	})
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	s, err := privatepg.Start(ctx, privatepg.Options{DataDir: dir, Binaries: os.Getenv("CRM_PG_BIN"), NoSync: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Stop(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func execute(t *testing.T, url, statements string) {
	t.Helper()
	if _, err := try(t, url, statements); err != nil {
		t.Fatal(err)
	}
}

// try returns how many rows the last statement touched.
func try(t *testing.T, url, statements string) (int64, error) {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	tag, err := conn.Exec(t.Context(), statements)
	return tag.RowsAffected(), err
}

func names(t *testing.T, url string) []string {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), url)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.WithoutCancel(t.Context()))
	rows, err := conn.Query(t.Context(), `SELECT name FROM organizations ORDER BY id`)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	return got
}

func wantPrivateFile(t *testing.T, file string) {
	t.Helper()
	info, err := os.Stat(file)
	if err != nil {
		t.Fatal(err)
	}
	if got := info.Mode(); got != 0o600 {
		t.Errorf("%s has mode %v, want 0600", file, got)
	}
	if _, err := os.Stat(file + ".partial"); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the partial file: %v, want it gone", err)
	}
}
