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
	return copyOf(t, server, template)
}

func copyOf(t testing.TB, server, template string) string {
	t.Helper()
	url, err := create(server, fmt.Sprintf(" TEMPLATE %s STRATEGY file_copy", template))
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	dropAfter(t, url)
	return url
}

// create makes a database and returns its URL.
func create(server, options string) (string, error) {
	name := "t_" + strings.ReplaceAll(uuid.NewString(), "-", "")
	return withDatabase(server, name), exec(server, "CREATE DATABASE "+name+options)
}

// dropAfter drops a database when the test ends, after the test's own clean-up has closed its connections.
func dropAfter(t testing.TB, url string) {
	t.Cleanup(func() {
		if err := drop(url); err != nil {
			t.Logf("dropping the test database: %v", err) // the server goes with the test run
		}
	})
}

func drop(url string) error {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return err
	}
	return exec(os.Getenv(Env), "DROP DATABASE "+config.Database+" WITH (FORCE)")
}

// Empty returns the URL of a database without a schema.
func Empty(t testing.TB) string {
	t.Helper()
	url, err := create(Server(t), "")
	if err != nil {
		t.Fatalf("test database: %v", err)
	}
	dropAfter(t, url)
	return url
}

// Original is a database that is dear to make: it is made for the first test that wants one, and each gets a copy.
type Original struct {
	mu  sync.Mutex
	url string
}

// Copy returns the URL of a test's own copy. The first time, fill makes the original of a database without a schema,
// and leaves no connection to it.
func (o *Original) Copy(t testing.TB, fill func(url string)) string {
	t.Helper()
	server := Server(t)
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.url == "" {
		url, err := create(server, "")
		if err != nil {
			t.Fatalf("test database: %v", err)
		}
		defer func() {
			if o.url == "" { // fill gave up
				_ = drop(url) // the server goes with the test run
			}
		}()
		fill(url)
		o.url = url
	}
	config, err := pgx.ParseConfig(o.url)
	if err != nil {
		t.Fatal(err)
	}
	return copyOf(t, server, config.Database)
}

// Drop removes the original; TestMain calls it when all tests are done.
func (o *Original) Drop() error {
	if o.url == "" {
		return nil
	}
	return drop(o.url)
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

// admin is the connection that makes and drops databases. A connection for each costs as much as a small test.
var admin struct {
	mu   sync.Mutex
	conn *pgx.Conn
}

func exec(server, sql string) error {
	admin.mu.Lock()
	defer admin.mu.Unlock()
	if admin.conn == nil || admin.conn.IsClosed() {
		conn, err := pgx.Connect(context.Background(), server)
		if err != nil {
			return err
		}
		admin.conn = conn
	}
	_, err := admin.conn.Exec(context.Background(), sql)
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
