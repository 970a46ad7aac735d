package postgres

import (
	"context"
	"errors"

	"github.com/jackc/pgx/v5"
)

// What no actor stands behind: sessions (session.go), guesses at sign-in (guess.go), and what follows. A test
// pins the list of such methods; a record of the registry never comes through them.

// Sweep deletes what nobody needs any more: expired sessions, old guesses, old form tokens, links,
// mail, jobs and notices of the past.
func (db *DB) Sweep(ctx context.Context) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM sessions WHERE expires_at < now()`)
	b.Queue(`DELETE FROM sign_in_attempts WHERE created_at < now() - interval '1 day'`)
	b.Queue(`DELETE FROM form_tokens WHERE created_at < now() - interval '2 days'`)
	b.Queue(`DELETE FROM user_secrets WHERE expires_at < now() - interval '7 days'`)
	b.Queue(`DELETE FROM outbox WHERE created_at < now() - interval '30 days'`)
	b.Queue(`DELETE FROM jobs WHERE finished_at < now() - interval '30 days'`)
	b.Queue(`DELETE FROM notices WHERE read_at < now() - interval '90 days'`)
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
