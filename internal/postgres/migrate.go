package postgres

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"
	"github.com/pressly/goose/v3/lock"

	"github.com/archpilot/crm/migrations"
)

// MigrationStatus is one migration and when it was applied, zero when it is pending.
type MigrationStatus struct {
	Name    string
	Applied time.Time
}

// Migrate brings the schema of the database at url up to date and returns the names of what it applied.
// Replicas that start together wait for each other. A migration that fails leaves the schema as it was.
// appRole, when not empty, is then granted what the server needs and nothing more.
func Migrate(ctx context.Context, url, appRole string) ([]string, error) {
	provider, db, err := newProvider(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // nothing more is read from it
	results, err := provider.Up(ctx)
	if err != nil {
		return nil, fmt.Errorf("migrate: %w", err)
	}
	applied := make([]string, len(results))
	for i, r := range results {
		applied[i] = r.Source.Path
	}
	if appRole != "" {
		if err := grant(ctx, db, appRole); err != nil {
			return applied, fmt.Errorf("grant to %s: %w", appRole, err)
		}
	}
	return applied, nil
}

// Migrations returns every migration with its state.
func Migrations(ctx context.Context, url string) ([]MigrationStatus, error) {
	provider, db, err := newProvider(url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = db.Close() }() // read only
	status, err := provider.Status(ctx)
	if err != nil {
		return nil, fmt.Errorf("migration status: %w", err)
	}
	out := make([]MigrationStatus, len(status))
	for i, m := range status {
		out[i] = MigrationStatus{Name: m.Source.Path, Applied: m.AppliedAt}
	}
	return out, nil
}

func newProvider(url string) (*goose.Provider, *sql.DB, error) {
	cfg, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, nil, fmt.Errorf("database URL: %w", err)
	}
	cfg.RuntimeParams["timezone"] = "UTC"
	cfg.RuntimeParams["client_min_messages"] = "warning"
	cfg.ConnectTimeout = connectTimeout
	db := stdlib.OpenDB(*cfg)
	locker, err := lock.NewPostgresSessionLocker()
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	provider, err := goose.NewProvider(goose.DialectPostgres, db, migrations.FS,
		goose.WithSessionLocker(locker), goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return nil, nil, errors.Join(err, db.Close())
	}
	return provider, db, nil
}

// grantStatements gives a role what the server needs. The audit log and the change sets may be read and
// added to, nothing else: that holds even if a trigger were dropped.
var grantStatements = []string{
	`GRANT USAGE ON SCHEMA public TO %s`,
	`GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO %s`,
	`GRANT USAGE ON ALL SEQUENCES IN SCHEMA public TO %s`,
	`REVOKE UPDATE, DELETE, TRUNCATE ON audit_logs, change_sets FROM %s`,
	`REVOKE INSERT, UPDATE, DELETE ON permissions, goose_db_version FROM %s`,
}

func grant(ctx context.Context, db *sql.DB, role string) error {
	name := pgx.Identifier{role}.Sanitize()
	for _, st := range grantStatements {
		if _, err := db.ExecContext(ctx, fmt.Sprintf(st, name)); err != nil {
			return err
		}
	}
	return nil
}
