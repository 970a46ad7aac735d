package migrations_test

import (
	"bytes"
	"context"
	"flag"
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

var update = flag.Bool("update", false, "rewrite schema.sql")

const (
	dumpFile = "schema.sql"
	major    = "15" // what pg_dump writes differs from one major version to the next
	preface  = `-- The whole schema after all migrations, for readers: nothing reads this file. A test keeps it current;
-- go test ./migrations -update rewrites it (with PostgreSQL ` + major + `).
`
)

func TestSchemaDumpIsCurrent(t *testing.T) {
	t.Parallel()
	got := []byte(preface + readable(dump(t, postgrestest.URL(t))))
	if *update {
		if err := os.WriteFile(dumpFile, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(dumpFile)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("schema.sql is not current: run go test ./migrations -update and look at the diff (- file, + database)\n%s",
			cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")))
	}
}

// dump returns what pg_dump says of the database at url. It skips the test where server or pg_dump are of
// another major version, and where there is no pg_dump; CI must have one.
func dump(t *testing.T, url string) string {
	t.Helper()
	program, err := exec.LookPath("pg_dump")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("no pg_dump in the PATH: install postgresql-client-" + major)
		}
		t.Skip("no pg_dump in the PATH: install postgresql-client-" + major + " to compare schema.sql")
	}
	var server string
	if err := postgrestest.Connect(t, url).QueryRow(context.Background(), "SHOW server_version").Scan(&server); err != nil {
		t.Fatal(err)
	}
	client, err := exec.Command(program, "--version").Output()
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(server, major+".") || !strings.Contains(string(client), " "+major+".") {
		t.Skipf("schema.sql is written by PostgreSQL %s; here are server %s and %s", major, server, bytes.TrimSpace(client))
	}
	cmd := exec.Command(program, "--schema-only", "--no-owner", "--no-privileges", "--exclude-table=goose_db_version*", "--dbname="+url)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	var said bytes.Buffer
	cmd.Stderr = &said
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("pg_dump: %v\n%s", err, said.Bytes())
	}
	return string(out)
}

// noise are lines that tell of the run or the version, not of the schema, and pg_dump's headings.
var noise = regexp.MustCompile(`(?m)^(--.*|SET .*|\\(un)?restrict .*|SELECT pg_catalog\.set_config.*|COMMENT ON EXTENSION .*)\n`)

var emptyLines = regexp.MustCompile(`\n{2,}`)

func readable(dump string) string {
	return "\n" + strings.TrimSpace(emptyLines.ReplaceAllString(noise.ReplaceAllString(dump, ""), "\n\n")) + "\n"
}
