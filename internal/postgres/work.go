package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
)

// work is one open transaction of a write. What it begins with travels with its first statement and what it ends with
// with its commit: a round trip costs as much as a small statement.
type work struct {
	conn      *pgxpool.Conn
	opening   []opening  // not sent yet; nil once the transaction is open
	ending    *pgx.Batch // sent with the commit
	changeSet uuid.UUID
	logged    int  // audit rows that statements by set have written; one for each that will
	mailed    bool // the outbox has got mail
}

// opening is a statement that a transaction begins with, and what its effect has to be.
type opening struct {
	sql   string
	args  pgx.NamedArgs
	check func(pgconn.CommandTag) error // nil for any
}

// begin makes a transaction that its first statement will open. The caller must end the work.
func (db *DB) begin(ctx context.Context) (*work, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	return &work{conn: conn, opening: []opening{{sql: "BEGIN"}}, ending: &pgx.Batch{}}, nil
}

// first adds a statement to those that the transaction begins with. An effect that check refuses is the error of the
// first statement that follows.
func (w *work) first(sql string, args pgx.NamedArgs, check func(pgconn.CommandTag) error) {
	w.opening = append(w.opening, opening{sql, args, check})
}

// last adds a statement to those that the commit takes along: nothing that follows may need what it writes.
func (w *work) last(sql string, args pgx.NamedArgs) { w.ending.Queue(sql, named(args)) }

// open sends b behind what the transaction begins with, and returns its results from there on. They must be closed.
func (w *work) open(ctx context.Context, b *pgx.Batch) (pgx.BatchResults, error) {
	begin := &pgx.Batch{}
	for _, o := range w.opening {
		if o.args == nil {
			begin.Queue(o.sql)
		} else {
			begin.Queue(o.sql, named(o.args))
		}
	}
	begin.QueuedQueries = append(begin.QueuedQueries, b.QueuedQueries...)
	checks := w.opening
	w.opening = nil
	results := w.conn.SendBatch(ctx, begin)
	for _, o := range checks {
		tag, err := results.Exec()
		if err == nil && o.check != nil {
			err = o.check(tag)
		}
		if err != nil {
			_ = results.Close() // it has the same to say, or less
			return nil, err
		}
	}
	return results, nil
}

// openFor opens the transaction for a statement that asks to be run in a way of its own: no batch can take it along.
func (w *work) openFor(ctx context.Context, args []any) error {
	if w.opening == nil || len(args) == 0 {
		return nil
	}
	if _, own := args[0].(pgx.QueryExecMode); !own {
		return nil
	}
	return w.send(ctx, &pgx.Batch{})
}

// Query runs a statement that returns rows; the transaction is open then.
func (w *work) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	if err := w.openFor(ctx, args); err != nil {
		return nil, err
	}
	if w.opening == nil {
		return w.conn.Query(ctx, sql, args...)
	}
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	results, err := w.open(ctx, b)
	if err != nil {
		return nil, err
	}
	rows, err := results.Query()
	if err != nil {
		_ = results.Close()
		return nil, err
	}
	return firstRows{rows, results}, nil
}

// firstRows are those of the statement that a transaction began with: they end what it travelled in.
type firstRows struct {
	pgx.Rows
	results pgx.BatchResults
}

// Close reads what is left and frees the connection.
func (r firstRows) Close() {
	r.Rows.Close()
	_ = r.results.Close() // an error of these rows is theirs, see Err
}

// Exec runs a statement that returns no rows; the transaction is open then.
func (w *work) Exec(ctx context.Context, sql string, args ...any) (pgconn.CommandTag, error) {
	args = byName(args)
	if err := w.openFor(ctx, args); err != nil {
		return pgconn.CommandTag{}, err
	}
	if w.opening == nil {
		return w.conn.Exec(ctx, sql, args...)
	}
	b := &pgx.Batch{}
	b.Queue(sql, args...)
	results, err := w.open(ctx, b)
	if err != nil {
		return pgconn.CommandTag{}, err
	}
	tag, err := results.Exec()
	if closed := results.Close(); err == nil {
		err = closed
	}
	return tag, err
}

// send runs a batch; the transaction is open then.
func (w *work) send(ctx context.Context, b *pgx.Batch) error {
	if w.opening == nil {
		return w.conn.SendBatch(ctx, b).Close()
	}
	results, err := w.open(ctx, b)
	if err != nil {
		return err
	}
	return results.Close()
}

// commit inserts the audit rows that b holds behind all that was left for the end, and commits, in one round trip: a
// failed insert leaves the commit unsent. The deferred guards speak here.
func (w *work) commit(ctx context.Context, audits *pgx.Batch) error {
	b := w.ending
	b.QueuedQueries = append(b.QueuedQueries, audits.QueuedQueries...)
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" { // PostgreSQL answers ROLLBACK to the commit of a failed transaction
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	return w.send(ctx, b)
}

// end gives the connection back, after taking back a transaction that was not committed, even when the request
// is gone.
func (w *work) end(ctx context.Context) {
	if w.conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = w.conn.Exec(ctx, "ROLLBACK") // on a cut connection there is nothing to end; the pool drops it
	}
	w.conn.Release()
}
