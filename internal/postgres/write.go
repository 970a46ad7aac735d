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
	w, err := s.db.begin(ctx)
	if err != nil {
		return uuid.Nil, err
	}
	defer w.end(ctx)
	w.changeSet = id
	w.first(insertChangeSet, s.changeSetArgs(id, kind, undoes), nil)
	changes, err := fn(ctx, w)
	if err != nil {
		return uuid.Nil, err
	}
	if len(changes)+w.logged == 0 {
		return uuid.Nil, errNoAudit
	}
	return id, s.commit(ctx, w, uuid.NullUUID{UUID: id, Valid: true}, changes)
}

// commit inserts the audit rows of changes and commits.
func (s *Store) commit(ctx context.Context, w *work, changeSet uuid.NullUUID, changes []audit.Change) error {
	b := &pgx.Batch{}
	if err := s.queueAudit(b, changeSet, changes); err != nil {
		return err
	}
	err := w.commit(ctx, b)
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
		b.Queue(insertAudit, named(args))
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

// insertLast leaves rows to be inserted with the commit, by a statement that returns their images as image, each with the
// audit row c, which its image completes. No argument of the statement is called as one of an audit row, but @user,
// who is the same.
func (s *Store) insertLast(w *work, c audit.Change, insert string, args pgx.NamedArgs) error {
	row, err := s.auditArgs(uuid.NullUUID{UUID: w.changeSet, Valid: true}, c)
	if err != nil {
		return err
	}
	maps.Copy(row, args)
	w.last(`WITH n AS (`+insert+`)
		INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, parent_id, table_name, metadata, after, ip, ua)
		SELECT @changeSet, @user, @action, @type, @target, @parent, @table, @metadata::jsonb, n.image, @ip, @ua FROM n`, row)
	w.logged++
	return nil
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

// once makes sure that a form sent twice makes one record: the transaction begins with claiming the form's token for
// record. When another submit claimed it first, it waits for that one, and the error is errTaken.
func (s *Store) once(w *work, token uuid.NullUUID, record uuid.UUID) {
	if !token.Valid || !s.actor.SignedIn() {
		return
	}
	w.first(`INSERT INTO form_tokens (user_id, token, record_id, fingerprint) VALUES (@user, @token, @record, @fingerprint) ON CONFLICT DO NOTHING`,
		pgx.NamedArgs{"user": s.actor.UserID, "token": token, "record": record, "fingerprint": s.origin.Fingerprint},
		func(tag pgconn.CommandTag) error {
			if tag.RowsAffected() == 0 {
				return errTaken
			}
			return nil
		})
}

// errTaken is the error by which a second submit of one form leaves its transaction.
var errTaken = errors.New("this form was already taken")

// ErrOtherRequest says that another request was taken under the same key before.
var ErrOtherRequest = errors.New("another request was sent under this key")

// taken is what the first submit of a form has made.
func (s *Store) taken(ctx context.Context, token uuid.NullUUID) (Saved, error) {
	type claim struct {
		RecordID uuid.UUID
		Same     bool
	}
	first, err := one[claim](ctx, s.db.pool, `SELECT record_id, fingerprint IS NOT DISTINCT FROM @fingerprint AS same FROM form_tokens
		WHERE user_id = @user AND token = @token`, pgx.NamedArgs{"user": s.actor.UserID, "token": token, "fingerprint": s.origin.Fingerprint})
	switch {
	case err != nil:
		return Saved{}, err
	case !first.Same:
		return Saved{}, ErrOtherRequest
	}
	return Saved{ID: first.RecordID}, nil
}

// create runs a write that makes one record, once per form token.
func (s *Store) create(ctx context.Context, kind audit.Action, token uuid.NullUUID, id uuid.UUID, fn func(context.Context, *work) ([]audit.Change, error)) (Saved, error) {
	cs, err := s.write(ctx, kind, func(ctx context.Context, w *work) ([]audit.Change, error) {
		s.once(w, token, id)
		return fn(ctx, w)
	})
	if errors.Is(err, errTaken) {
		return s.taken(ctx, token)
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
