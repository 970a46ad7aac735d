package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/netip"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
)

var emptyIDs = []uuid.UUID{}

// A write that met another is tried this often, waiting up to so much longer each time: half a second at most.
const (
	writeAttempts = 8
	retryPause    = 20 * time.Millisecond
)

// Saved names what a write left behind.
type Saved struct {
	ID        uuid.UUID // the record
	ChangeSet uuid.UUID // what Undo takes back; Nil when the form had been sent before
}

// work is one open transaction of a write.
type work struct {
	*pgxpool.Conn
	changeSet uuid.UUID
	logged    int  // audit rows that a set-based statement has already written
	mailed    bool // the outbox has got mail
}

// errNoAudit is a bug in a write function: it changed something and returned no change.
var errNoAudit = errors.New("audit: a write returned no change")

// write is the only way in which a record changes. It opens the transaction and the change set, runs fn,
// inserts an audit row per change, and commits. A deadlock or serialization failure runs fn again, so fn may
// only touch the database and what it returns.
func (s *Store) write(ctx context.Context, kind audit.Action, fn func(context.Context, *work) ([]audit.Change, error)) (uuid.UUID, error) {
	return s.writeUndoing(ctx, kind, uuid.NullUUID{}, fn)
}

func (s *Store) writeUndoing(ctx context.Context, kind audit.Action, undoes uuid.NullUUID, fn func(context.Context, *work) ([]audit.Change, error)) (uuid.UUID, error) {
	for attempt := 1; ; attempt++ {
		id, err := s.writeOnce(ctx, kind, undoes, fn)
		if err == nil {
			return id, nil
		}
		if attempt == writeAttempts || !retryable(err) {
			return uuid.Nil, translate(err)
		}
		select { // for as long as others need to get out of the way, and not all for equally long
		case <-time.After(rand.N(time.Duration(attempt) * retryPause)):
		case <-ctx.Done():
			return uuid.Nil, ctx.Err()
		}
	}
}

func (s *Store) writeOnce(ctx context.Context, kind audit.Action, undoes uuid.NullUUID, fn func(context.Context, *work) ([]audit.Change, error)) (uuid.UUID, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return uuid.Nil, err
	}
	w, err := s.db.begin(ctx, func(b *pgx.Batch) {
		b.Queue(insertChangeSet, s.changeSetArgs(id, kind, undoes))
	})
	if err != nil {
		return uuid.Nil, err
	}
	defer w.end(ctx)
	w.changeSet = id
	changes, err := fn(ctx, w)
	if err != nil {
		return uuid.Nil, err
	}
	if len(changes)+w.logged == 0 {
		return uuid.Nil, errNoAudit
	}
	return id, s.commit(ctx, w, uuid.NullUUID{UUID: id, Valid: true}, changes)
}

// begin opens a transaction and runs what first queues, in one round trip. The caller must end the work.
func (db *DB) begin(ctx context.Context, first func(*pgx.Batch)) (*work, error) {
	conn, err := db.pool.Acquire(ctx)
	if err != nil {
		return nil, err
	}
	w := &work{Conn: conn}
	b := &pgx.Batch{}
	b.Queue("BEGIN")
	first(b)
	if err := conn.SendBatch(ctx, b).Close(); err != nil {
		w.end(ctx)
		return nil, err
	}
	return w, nil
}

// commit inserts the audit rows of changes and commits, in one round trip: a failed insert leaves the commit
// unsent. The deferred guards speak here.
func (s *Store) commit(ctx context.Context, w *work, changeSet uuid.NullUUID, changes []audit.Change) error {
	b := &pgx.Batch{}
	if err := s.queueAudit(b, changeSet, changes); err != nil {
		return err
	}
	b.Queue("COMMIT").Exec(func(tag pgconn.CommandTag) error {
		if tag.String() != "COMMIT" { // PostgreSQL answers ROLLBACK to the commit of a failed transaction
			return pgx.ErrTxCommitRollback
		}
		return nil
	})
	err := w.SendBatch(ctx, b).Close()
	if len(changes)+w.logged > manyAtOnce {
		s.db.counts.forget()
	}
	if err == nil && w.mailed {
		s.db.mail()
	}
	return err
}

// manyChanges is from how many audit rows on they are inserted set by set: 50,000 by a statement each took 9 s.
const manyChanges = 500

func (s *Store) queueAudit(b *pgx.Batch, changeSet uuid.NullUUID, changes []audit.Change) error {
	if len(changes) >= manyChanges {
		return s.queueManyAudits(b, changeSet, changes)
	}
	for _, c := range changes {
		args, err := s.auditArgs(changeSet, c)
		if err != nil {
			return err
		}
		b.Queue(insertAudit, args)
	}
	return nil
}

// queueManyAudits is insertAudit for many rows. What differs from row to row goes in as JSON, the same as each would
// have been given.
func (s *Store) queueManyAudits(b *pgx.Batch, changeSet uuid.NullUUID, changes []audit.Change) error {
	for chunk := range slices.Chunk(changes, bulkChunk) {
		rows := make([]pgx.NamedArgs, len(chunk))
		for i, c := range chunk {
			args, err := s.auditArgs(changeSet, c)
			if err != nil {
				return err
			}
			for _, same := range []string{"changeSet", "user", "ip", "ua"} { // of all rows
				delete(args, same)
			}
			rows[i] = args
		}
		raw, err := json.Marshal(rows)
		if err != nil {
			return err
		}
		b.Queue(`INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, parent_id, table_name, metadata, before, after, ip, ua)
			SELECT @changeSet, @user, r.action, r.type, r.target, r.parent, r."table", r.metadata, r.before, r.after, @ip, @ua
			FROM ROWS FROM (jsonb_to_recordset(@rows::jsonb) AS (action text, type text, target uuid, parent uuid, "table" text, metadata jsonb, before jsonb, after jsonb))
				WITH ORDINALITY r(action, type, target, parent, "table", metadata, before, after, n) ORDER BY r.n`,
			pgx.NamedArgs{"changeSet": changeSet, "user": s.userID(), "ip": s.ip(), "ua": s.ua(), "rows": json.RawMessage(raw)})
	}
	return nil
}

// end gives the connection back, after taking back a transaction that was not committed, even when the request
// is gone.
func (w *work) end(ctx context.Context) {
	if w.Conn.Conn().PgConn().TxStatus() != 'I' {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
		defer cancel()
		_, _ = w.Exec(ctx, "ROLLBACK") // on a cut connection there is nothing to end; the pool drops it
	}
	w.Release()
}

// rollback ends a transaction that was not committed, even when the request is gone.
func rollback(ctx context.Context, tx pgx.Tx) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	_ = tx.Rollback(ctx) // after a commit it reports that the transaction is closed; after a cut connection there is nothing to end
}

const insertChangeSet = `INSERT INTO change_sets (id, kind, user_id, undoes, ip, ua) VALUES (@id, @kind, @user, @undoes, @ip, @ua)`

func (s *Store) changeSetArgs(id uuid.UUID, kind audit.Action, undoes uuid.NullUUID) pgx.NamedArgs {
	return pgx.NamedArgs{"id": id, "kind": kind, "user": s.userID(), "undoes": undoes, "ip": s.ip(), "ua": s.ua()}
}

const insertAudit = `
	INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, parent_id, table_name, metadata, before, after, ip, ua)
	VALUES (@changeSet, @user, @action, @type, @target, @parent, @table, @metadata, @before, @after, @ip, @ua)`

func (s *Store) auditArgs(changeSet uuid.NullUUID, c audit.Change) (pgx.NamedArgs, error) {
	metadata := []byte("{}")
	if s.origin.Token != "" {
		c.Metadata = maps.Clone(c.Metadata)
		if c.Metadata == nil {
			c.Metadata = map[string]any{}
		}
		c.Metadata["via"], c.Metadata["token"] = "api", s.origin.Token
	}
	if len(c.Metadata) > 0 {
		var err error
		if metadata, err = json.Marshal(c.Metadata); err != nil {
			return nil, fmt.Errorf("audit metadata: %w", err)
		}
	}
	return pgx.NamedArgs{
		"changeSet": changeSet, "user": s.userID(), "action": c.Action, "type": emptyNull(c.TargetType),
		"target": uuid.NullUUID{UUID: c.TargetID, Valid: c.TargetID != uuid.Nil}, "parent": c.ParentID, "table": emptyNull(c.Table),
		"metadata": json.RawMessage(metadata), "before": nullJSON(c.Before), "after": nullJSON(c.After), "ip": s.ip(), "ua": s.ua(),
	}, nil
}

// note writes an audit row within a transaction, beside those that it ends with.
func (s *Store) note(ctx context.Context, w *work, changeSet uuid.NullUUID, c audit.Change) error {
	args, err := s.auditArgs(changeSet, c)
	if err != nil {
		return err
	}
	_, err = w.Exec(ctx, insertAudit, args)
	return err
}

// Event records something that changed no record, such as a denied request, in a transaction of its own.
func (s *Store) Event(ctx context.Context, action audit.Action, targetType string, targetID uuid.UUID, metadata map[string]any) error {
	args, err := s.auditArgs(uuid.NullUUID{}, audit.Change{Action: action, TargetType: targetType, TargetID: targetID, Metadata: metadata})
	if err != nil {
		return err
	}
	_, err = s.db.pool.Exec(ctx, insertAudit, args)
	return err
}

// once makes sure that a form sent twice makes one record: it claims the form's token for record within
// the transaction. When another submit claimed it first, it waits for that one and returns repeated.
func (s *Store) once(ctx context.Context, w *work, token uuid.NullUUID, record uuid.UUID) error {
	if !token.Valid || !s.actor.SignedIn() {
		return nil
	}
	args := pgx.NamedArgs{"user": s.actor.UserID, "token": token, "record": record, "fingerprint": s.origin.Fingerprint}
	tag, err := w.Exec(ctx, `INSERT INTO form_tokens (user_id, token, record_id, fingerprint) VALUES (@user, @token, @record, @fingerprint)
		ON CONFLICT DO NOTHING`, args)
	if err != nil || tag.RowsAffected() == 1 {
		return err
	}
	type claim struct {
		RecordID uuid.UUID
		Same     bool
	}
	first, err := one[claim](ctx, w, `SELECT record_id, fingerprint IS NOT DISTINCT FROM @fingerprint AS same FROM form_tokens
		WHERE user_id = @user AND token = @token`, args)
	switch {
	case err != nil:
		return err
	case !first.Same:
		return ErrOtherRequest
	}
	return repeated{first.RecordID}
}

// ErrOtherRequest says that another request was taken under the same key before.
var ErrOtherRequest = errors.New("another request was sent under this key")

// repeated is the error by which a second submit of one form leaves its transaction.
type repeated struct{ record uuid.UUID }

func (repeated) Error() string { return "this form was already taken" }

// create runs a write that makes one record, once per form token.
func (s *Store) create(ctx context.Context, kind audit.Action, token uuid.NullUUID, id uuid.UUID, fn func(context.Context, *work) ([]audit.Change, error)) (Saved, error) {
	cs, err := s.write(ctx, kind, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := s.once(ctx, w, token, id); err != nil {
			return nil, err
		}
		return fn(ctx, w)
	})
	var again repeated
	if errors.As(err, &again) {
		return Saved{ID: again.record}, nil
	}
	if err != nil {
		return Saved{}, err
	}
	return Saved{ID: id, ChangeSet: cs}, nil
}

// newID returns a key that sorts by time, which keeps inserts local in every index.
func newID() uuid.UUID { return uuid.Must(uuid.NewV7()) }

// unchanged reports whether a save left the row image as it was.
func unchanged(before, after json.RawMessage) error {
	if bytes.Equal(before, after) {
		return crm.ErrUnchanged
	}
	return nil
}

func (s *Store) userID() uuid.NullUUID {
	return uuid.NullUUID{UUID: s.actor.UserID, Valid: s.actor.SignedIn()}
}

func (s *Store) ip() *netip.Addr {
	if !s.origin.IP.IsValid() {
		return nil
	}
	ip := s.origin.IP.Unmap().WithZone("")
	return &ip
}

func (s *Store) ua() *string { return emptyNull(s.origin.UserAgent) }

func emptyNull(v string) *string {
	if v == "" {
		return nil
	}
	return &v
}

func nullJSON(raw json.RawMessage) any {
	if len(raw) == 0 {
		return nil
	}
	return raw
}
