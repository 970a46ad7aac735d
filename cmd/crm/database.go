package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/pressly/goose/v3"

	"github.com/archpilot/crm/internal/config"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/privatepg"
	"github.com/archpilot/crm/migrations"
)

const (
	// startPatience is how long what starts together with its database waits for it. A person at the
	// command line would rather be told at once.
	startPatience = 10 * time.Second
	retryInterval = 250 * time.Millisecond
	pingTimeout   = 2 * time.Second

	// commandTimeout bounds one statement of a command: a whole import is a few.
	commandTimeout = 10 * time.Minute
)

// database is where the register lives, while one command runs.
type database struct {
	url      string            // as the role that serves
	ownerURL string            // as the role that migrates, backs up and restores
	appRole  string            // whom migrations grant what serving needs; "" for nobody
	binaries string            // directory of pg_dump and pg_restore; "" for PATH
	mail     func()            // see postgres.Options.Mail
	private  *privatepg.Server // nil where CRM_DATABASE_URL names a database
}

// onDatabase runs work on the database that is named, or on the private one, which it starts unless another
// process serves it, and stops again.
func (a *app) onDatabase(ctx context.Context, patience time.Duration, work func(*database) error) error {
	d, err := a.openDatabase(ctx, patience)
	if err != nil {
		return err
	}
	return errors.Join(work(d), d.close())
}

// onRegister runs work on a pool of a database whose schema is current.
func (a *app) onRegister(ctx context.Context, work func(*postgres.DB) error) error {
	return a.onDatabase(ctx, 0, func(d *database) error {
		db, err := d.register(ctx)
		if err != nil {
			return err
		}
		defer db.Close()
		return work(db)
	})
}

func (a *app) openDatabase(ctx context.Context, patience time.Duration) (*database, error) {
	if a.DatabaseURL == "" {
		return a.openPrivate(ctx)
	}
	if err := reach(ctx, a.DatabaseURL, patience); err != nil {
		return nil, err
	}
	if owner := a.MigrationURL(); owner != a.DatabaseURL {
		if err := reach(ctx, owner, patience); err != nil {
			return nil, err
		}
	}
	return &database{
		url: a.DatabaseURL.Reveal(), ownerURL: a.MigrationURL().Reveal(), appRole: a.AppRole, binaries: a.PgBin, mail: a.leavesMail(),
	}, nil
}

func (a *app) openPrivate(ctx context.Context) (*database, error) {
	server, err := privatepg.Start(ctx, privatepg.Options{DataDir: a.dataDir(), Binaries: a.PgBin, Log: a.log})
	if err != nil {
		return nil, err
	}
	return &database{
		url: server.URL(), ownerURL: server.OwnerURL(), appRole: privateRole, binaries: server.Binaries(), private: server, mail: a.leavesMail(),
	}, nil
}

// privateRole is the role in privatepg.Server.URL.
const privateRole = "crm_app"

func (a *app) dataDir() string {
	if a.DataDir == "" {
		return privatepg.DefaultDataDir()
	}
	return a.DataDir
}

func (d *database) close() error {
	if d.private == nil {
		return nil
	}
	return d.private.Stop()
}

// migrate brings the schema up to date and returns the names of what it applied.
func (d *database) migrate(ctx context.Context) ([]string, error) {
	applied, err := postgres.Migrate(ctx, d.ownerURL, d.appRole)
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == codeForbidden && d.private == nil {
		err = fmt.Errorf("%s: CRM_MIGRATE_DATABASE_URL has to name a sign-in that owns the tables", pg.Message)
	}
	return applied, err
}

// SQLSTATE codes used by name.
const (
	codeForbidden = "42501"
	codeNoTable   = "42P01"
)

// register returns a pool for a command. The private database is brought up to date first; that of others
// waits for whoever is in charge of it.
func (d *database) register(ctx context.Context) (*postgres.DB, error) {
	if d.private != nil {
		if _, err := d.migrate(ctx); err != nil {
			return nil, err
		}
	}
	db, err := d.openPool()
	if err != nil {
		return nil, err
	}
	if err := checkSchema(ctx, db); err != nil {
		db.Close()
		return nil, err
	}
	return db, nil
}

// openPool returns a pool for work on many rows. What it leaves in the outbox, the server that runs will find.
func (d *database) openPool() (*postgres.DB, error) {
	return postgres.Open(d.url, postgres.Options{MaxConns: 4, StatementTimeout: commandTimeout, Mail: d.mail})
}

func checkSchema(ctx context.Context, db *postgres.DB) error {
	err := db.Ready(ctx, newestSchema())
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == codeNoTable { // that of the migrations
		return errors.New("the database holds no register yet: run crm migrate up")
	}
	return err
}

// newestSchema is the version of the last migration in this program.
func newestSchema() int64 {
	files, err := migrations.FS.ReadDir(".")
	if err != nil {
		panic(err) // embedded, so it can be read
	}
	var newest int64
	for _, f := range files {
		if version, err := goose.NumericComponent(f.Name()); err == nil { // schema.sql has none
			newest = max(newest, version)
		}
	}
	return newest
}

// reach returns once the database answers. Of faults it waits only for those that time may mend.
func reach(ctx context.Context, url config.DSN, patience time.Duration) error {
	for end := time.Now().Add(patience); ; {
		err := ping(ctx, url.Reveal())
		switch {
		case err == nil:
			return nil
		case ctx.Err() != nil:
			return context.Cause(ctx)
		case !postgres.Unavailable(err) || time.Now().After(end):
			return fmt.Errorf("the database %s cannot be reached: %s", url, reason(err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(retryInterval):
		}
	}
}

func ping(ctx context.Context, url string) error {
	ctx, cancel := context.WithTimeout(ctx, pingTimeout)
	defer cancel()
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return err
	}
	return conn.Close(ctx)
}

// reason picks from a connection's error what a person can act on; pgx repeats itself for each address.
func reason(err error) string {
	var refused *pgconn.PgError
	var host *net.DNSError
	var system syscall.Errno
	switch {
	case errors.As(err, &refused):
		return refused.Message
	case errors.As(err, &host):
		return host.Err
	case errors.As(err, &system):
		return system.Error()
	case errors.Is(err, context.DeadlineExceeded):
		return "no answer within " + pingTimeout.String()
	}
	lines := strings.Split(strings.TrimSpace(err.Error()), "\n")
	return strings.TrimSpace(lines[len(lines)-1])
}
