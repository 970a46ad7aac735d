package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
)

// What no actor stands behind: sessions (session.go), guesses at sign-in (guess.go), and what follows. A test
// pins the list of such methods; a record of the registry never comes through them.

// Sweep deletes what nobody needs any more by now: expired sessions, old guesses, old form tokens, links, mail, jobs and
// notices of the past. A notice goes 90 days after it was read, and 180 after it came where nobody ever read it.
func (db *DB) Sweep(ctx context.Context, now time.Time) error {
	b := &pgx.Batch{}
	for _, sql := range []string{
		`DELETE FROM sessions WHERE expires_at < $1`,
		`DELETE FROM sign_in_attempts WHERE created_at < $1::timestamptz - interval '1 day'`,
		`DELETE FROM form_tokens WHERE created_at < $1::timestamptz - interval '2 days'`,
		`DELETE FROM user_secrets WHERE expires_at < $1::timestamptz - interval '7 days'`,
		`DELETE FROM outbox WHERE created_at < $1::timestamptz - interval '30 days'`,
		`DELETE FROM jobs WHERE finished_at < $1::timestamptz - interval '30 days'`,
		`DELETE FROM notices WHERE read_at < $1::timestamptz - interval '90 days'`,
		`DELETE FROM notices WHERE read_at IS NULL AND created_at < $1::timestamptz - interval '180 days'`,
	} {
		b.Queue(sql, now)
	}
	return db.pool.SendBatch(ctx, b).Close()
}

// Ready returns nil when the database answers and its schema is the one this binary was built for.
func (db *DB) Ready(ctx context.Context, newest int64) error {
	version, err := scalar[int64](ctx, db.pool, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`)
	if err != nil {
		return err
	}
	if version < newest {
		return errors.New("the database schema is older than this program: run crm migrate up")
	}
	return nil
}

// HasUsers reports whether anyone can sign in yet.
func (db *DB) HasUsers(ctx context.Context) (bool, error) {
	return scalar[bool](ctx, db.pool, `SELECT EXISTS (SELECT 1 FROM users)`)
}
