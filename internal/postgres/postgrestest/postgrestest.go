// Package postgrestest gives a test a migrated database of its own, cloned from a template, and people and
// records to start from.
package postgrestest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/migrations"
)

// Env names the variable with the URL of a server where tests may create databases; `make test` sets it.
const Env = "CRM_TEST_DATABASE_URL"

// Server returns the URL of the test server. Without one the test is skipped, or fails in CI.
func Server(t testing.TB) string {
	t.Helper()
	server := os.Getenv(Env)
	if server == "" {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not set: run `make test`, which starts a PostgreSQL for the tests", Env)
		}
		t.Skipf("%s is not set: run `make test`, which starts a PostgreSQL for the tests", Env)
	}
	return server
}

// URL returns the URL of a migrated database of the test's own, dropped when the test ends: each holds 9 MB, and
// the test server lives in memory.
func URL(t testing.TB) string {
	t.Helper()
	server := Server(t)
	template, err := templateOnce(server)
	if err != nil {
		t.Fatalf("test template: %v", err)
	}
	name := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := exec(server, fmt.Sprintf("CREATE DATABASE %s TEMPLATE %s STRATEGY file_copy", name, template)); err != nil {
		t.Fatalf("test database: %v", err)
	}
	dropAfter(t, server, name)
	return withDatabase(server, name)
}

// dropAfter drops a database when the test ends, after the test's own clean-up has closed its connections.
func dropAfter(t testing.TB, server, name string) {
	t.Cleanup(func() {
		if err := exec(server, "DROP DATABASE "+name+" WITH (FORCE)"); err != nil {
			t.Logf("dropping the test database: %v", err) // the server goes with the test run
		}
	})
}

// Empty returns the URL of a database without a schema.
func Empty(t testing.TB) string {
	t.Helper()
	server := Server(t)
	name := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	if err := exec(server, "CREATE DATABASE "+name); err != nil {
		t.Fatalf("test database: %v", err)
	}
	dropAfter(t, server, name)
	return withDatabase(server, name)
}

// Open returns a pool on a database of the test's own, closed when the test ends.
func Open(t testing.TB) *postgres.DB {
	t.Helper()
	return OpenURL(t, URL(t), postgres.Options{})
}

// OpenURL is Open for a database that exists.
func OpenURL(t testing.TB, url string, o postgres.Options) *postgres.DB {
	t.Helper()
	if o.MaxConns == 0 {
		o.MaxConns = 10
	}
	db, err := postgres.Open(url, o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(db.Close)
	return db
}

// Connect returns a plain connection, for what a test does behind the application's back.
func Connect(t testing.TB, url string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.Background()) }) // the test is over
	return conn
}

func exec(url, sql string) error {
	conn, err := pgx.Connect(context.Background(), url)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.Background()) }() // one statement, already answered
	_, err = conn.Exec(context.Background(), sql)
	return err
}

var (
	templateMu   sync.Mutex
	templateName string
)

// templateOnce makes, once per server, the migrated database that all others are copied from. Its name is a
// hash of the migrations; an advisory lock lets the test binaries of several packages share it.
func templateOnce(server string) (string, error) {
	templateMu.Lock()
	defer templateMu.Unlock()
	if templateName != "" {
		return templateName, nil
	}
	name, err := migrationsHash()
	if err != nil {
		return "", err
	}
	name = "template_" + name
	conn, err := pgx.Connect(context.Background(), server)
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close(context.Background()) }() // gives the lock back
	ctx := context.Background()
	if _, err := conn.Exec(ctx, "SELECT pg_advisory_lock(730)"); err != nil {
		return "", err
	}
	var there bool
	if err := conn.QueryRow(ctx, "SELECT EXISTS (SELECT 1 FROM pg_database WHERE datname = $1)", name).Scan(&there); err != nil {
		return "", err
	}
	if !there {
		if err := makeTemplate(ctx, conn, server, name); err != nil {
			return "", err
		}
	}
	templateName = name
	return name, nil
}

func makeTemplate(ctx context.Context, conn *pgx.Conn, server, name string) error {
	making := name + "_making"
	for _, sql := range []string{"DROP DATABASE IF EXISTS " + making, "CREATE DATABASE " + making} {
		if _, err := conn.Exec(ctx, sql); err != nil {
			return err
		}
	}
	if _, err := postgres.Migrate(ctx, withDatabase(server, making), ""); err != nil {
		return err
	}
	_, err := conn.Exec(ctx, "ALTER DATABASE "+making+" RENAME TO "+name)
	return err
}

func migrationsHash() (string, error) {
	h := sha256.New()
	err := fs.WalkDir(migrations.FS, ".", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(migrations.FS, path)
		h.Write(data)
		return err
	})
	return hex.EncodeToString(h.Sum(nil))[:16], err
}

// withDatabase returns the URL of another database on the same server.
func withDatabase(server, name string) string {
	u, err := url.Parse(server)
	if err != nil || u.Scheme == "" {
		return server + " dbname=" + name
	}
	u.Path = "/" + name
	return u.String()
}
