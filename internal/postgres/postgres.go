// Package postgres is where every SQL statement lives: the pool, the one scope predicate, the one
// write path with its change set and audit rows, and a file per entity.
//
// Records are reachable only through a Store, which is bound to an actor by DB.As; the few reads that
// need no actor (sign-in, session, health) hang on DB itself, and a test pins their list. It is not for rules about a single
// record (package crm) nor for deciding what a person is told (package web).
package postgres

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Timeouts of the web pool. lock_timeout matters most: without it, using the pool inside a transaction
// hangs on its own lock.
const (
	statementTimeout = 5 * time.Second
	lockTimeout      = 3 * time.Second
	idleInTxTimeout  = 10 * time.Second
	connectTimeout   = 2 * time.Second
	connLifetime     = 30 * time.Minute
)

// DB is a pool of connections. It has no method that reads or writes a record: see As.
type DB struct {
	pool   *pgxpool.Pool
	sizes  ownerSizes
	counts counts
	mail   func()
}

// Options adjust a pool; the zero value is right for the web server.
type Options struct {
	MaxConns         int32           // 0 for 12
	StatementTimeout time.Duration   // 0 for 5 s; commands that work on many rows need more
	Tracer           pgx.QueryTracer // tests count round trips with it
	Mail             func()          // called after each commit that left mail in the outbox; nil where none is sent, and so none is left
}

// Open returns a pool for url. It does not connect: the first query does.
func Open(url string, o Options) (*DB, error) {
	cfg, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("database URL: %w", err)
	}
	if o.StatementTimeout == 0 {
		o.StatementTimeout = statementTimeout
	}
	if o.MaxConns == 0 {
		o.MaxConns = 12
	}
	cfg.MaxConns = o.MaxConns
	cfg.MaxConnLifetime = connLifetime
	cfg.MaxConnLifetimeJitter = connLifetime / 10
	cfg.HealthCheckPeriod = 5 * time.Second
	cfg.PingTimeout = time.Second // the default waits for ever
	cfg.ConnConfig.ConnectTimeout = connectTimeout
	cfg.ConnConfig.Tracer = o.Tracer
	cfg.AfterConnect = func(_ context.Context, conn *pgx.Conn) error {
		registerUUID(conn.TypeMap())
		return nil
	}
	p := cfg.ConnConfig.RuntimeParams
	p["timezone"] = "UTC"               // row images are taken in UTC
	p["jit"] = "off"                    // compiling costs more than it saves on short queries
	p["parallel_setup_cost"] = "100000" // as does starting workers, 5 to 30 ms for a page of a list
	p["enable_memoize"] = "off"         // its tables are sized for all rows there are, and made for every page: 2 ms
	p["application_name"] = "archpilot-crm"
	p["statement_timeout"] = milliseconds(o.StatementTimeout)
	p["lock_timeout"] = milliseconds(lockTimeout)
	p["idle_in_transaction_session_timeout"] = milliseconds(max(idleInTxTimeout, o.StatementTimeout))
	pool, err := pgxpool.NewWithConfig(context.Background(), cfg)
	if err != nil {
		return nil, fmt.Errorf("database pool: %w", err)
	}
	return &DB{pool: pool, mail: o.Mail}, nil
}

func milliseconds(d time.Duration) string { return fmt.Sprint(d.Milliseconds()) }

// Close returns when every connection is closed or five seconds have passed: pgxpool waits for ever on
// a transaction that was never ended.
func (db *DB) Close() {
	done := make(chan struct{})
	go func() { db.pool.Close(); close(done) }()
	select {
	case <-done:
	case <-time.After(5 * time.Second):
	}
}

// Origin says where a request came from; it stands in every audit row.
type Origin struct {
	IP        netip.Addr
	UserAgent string
	Session   string // hash of the session token, "" outside the web; a password change spares it
	Token     string // name of the API token, "" for anything but the API; audit rows name it
	// Fingerprint is of a request that makes a record under a key of the sender's choice, so that another request
	// under the same key is told from the same one again; nil for forms.
	Fingerprint []byte
}

// Store is the registry as one actor may see and change it. It is cheap: make one per request.
type Store struct {
	db     *DB
	actor  authz.Actor
	origin Origin
	at     int      // see At
	frame  *framing // see Framed

	walking bool // see onWalk
}

// At returns a Store that archives, restores, unlinks or deletes a record at this version only: at any other the
// answer is ErrConflict. What is saved from a form brings its version along.
func (s *Store) At(version int) *Store {
	bound := *s
	bound.at = version
	return &bound
}

// stands returns ErrConflict for a record, locked by now, that is not at the version asked for.
func (s *Store) stands(version int) error {
	if s.at != 0 && s.at != version {
		return crm.ErrConflict
	}
	return nil
}

// As returns the registry as actor may see and change it.
func (db *DB) As(actor authz.Actor, origin Origin) *Store {
	origin.UserAgent = storableAgent(origin.UserAgent)
	return &Store{db: db, actor: actor, origin: origin}
}

// maxAgent is how much of a browser's name is kept: the width of the ua columns.
const maxAgent = 400

// storableAgent makes text of a header: it may carry any bytes, and none of them may fail a sign-in.
func storableAgent(ua string) string {
	ua = strings.ReplaceAll(strings.ToValidUTF8(ua, "\uFFFD"), "\x00", "\uFFFD")
	if runes := []rune(ua); len(runes) > maxAgent {
		return string(runes[:maxAgent])
	}
	return ua
}

// Forbidden is the error of an operation for which the actor lacks a permission altogether.
type Forbidden struct{ Permission authz.Permission }

// Error names the missing permission, in the words that pages show.
func (f Forbidden) Error() string { return "Missing permission: " + string(f.Permission) }

// require returns Forbidden for the first permission the actor lacks, and ErrNotFound to nobody at all. Every
// Store method starts here.
func (s *Store) require(needed ...authz.Permission) error {
	if p := s.actor.Missing(needed...); p != "" {
		return Forbidden{p}
	}
	if !s.actor.SignedIn() && !s.actor.System {
		return crm.ErrNotFound
	}
	return nil
}

// querier is what a pool and a transaction have in common.
type querier interface {
	Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error)
}

// one returns the single row of a query, or pgx.ErrNoRows.
func one[T any](ctx context.Context, q querier, sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, byName(args)...)
	if err != nil {
		var zero T
		return zero, err
	}
	return structRow[T](rows)
}

// many returns all rows of a query.
func many[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, byName(args)...)
	if err != nil {
		return nil, err
	}
	return structRows[T](rows)
}

// scalar returns the single value of a query, or pgx.ErrNoRows.
func scalar[T any](ctx context.Context, q querier, sql string, args ...any) (T, error) {
	rows, err := q.Query(ctx, sql, byName(args)...)
	if err != nil {
		var zero T
		return zero, err
	}
	return pgx.CollectExactlyOneRow(rows, pgx.RowTo[T])
}

// column returns the single column of a query.
func column[T any](ctx context.Context, q querier, sql string, args ...any) ([]T, error) {
	rows, err := q.Query(ctx, sql, byName(args)...)
	if err != nil {
		return nil, err
	}
	return pgx.CollectRows(rows, pgx.RowTo[T])
}

// batch runs several queries in one round trip.
type batch struct {
	pgx.Batch
	begun bool // a transaction, which has settings of its own
}

// begin opens the batch with a transaction that has these settings; send ends it.
func (b *batch) begin(settings ...string) {
	b.begun = true
	b.Queue("BEGIN READ ONLY")
	for _, s := range settings {
		b.Queue("SET LOCAL " + s)
	}
}

// queueMany reads all rows of a query of the batch into into.
func queueMany[T any](b *batch, into *[]T, sql string, args pgx.NamedArgs) {
	b.Queue(sql, named(args)).Query(func(rows pgx.Rows) (err error) {
		*into, err = structRows[T](rows)
		return err
	})
}

// queueColumn reads the single column of a query of the batch into into.
func queueColumn[T any](b *batch, into *[]T, sql string, args pgx.NamedArgs) {
	b.Queue(sql, named(args)).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowTo[T])
		return err
	})
}

// queueOne reads the single row of a query of the batch into into; no row gives pgx.ErrNoRows.
func queueOne[T any](b *batch, into *T, sql string, args pgx.NamedArgs) {
	b.Queue(sql, named(args)).Query(func(rows pgx.Rows) (err error) {
		*into, err = structRow[T](rows)
		return err
	})
}

// send runs the batch.
func (b *batch) send(ctx context.Context, db *DB) error {
	if b.begun {
		b.Queue("COMMIT")
	}
	return db.pool.SendBatch(ctx, &b.Batch).Close()
}

func noRows(err error) bool { return errors.Is(err, pgx.ErrNoRows) }
