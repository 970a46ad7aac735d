package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// SendsMail reports whether mail is sent at all; see Options.Mail.
func (db *DB) SendsMail() bool { return db.mail != nil }

// post leaves a mail for a user, to be sent once the transaction has committed. It holds no text and no secret.
func (s *Store) post(ctx context.Context, w *work, kind crm.MailKind, user uuid.UUID) error {
	_, err := w.Exec(ctx, insertMail, mailArgs(kind, uuid.NullUUID{UUID: user, Valid: true}))
	w.mailed = true
	return err
}

// notify tells a user by mail what happened to their account, where mail is sent at all. Call it in the
// transaction of what happened.
func (s *Store) notify(ctx context.Context, w *work, kind crm.MailKind, user uuid.UUID) error {
	if !s.db.SendsMail() {
		return nil
	}
	return s.post(ctx, w, kind, user)
}

const insertMail = `INSERT INTO outbox (id, kind, user_id, expires_at) VALUES (@id, @kind, @user, now() + @lasts::interval)`

func mailArgs(kind crm.MailKind, user uuid.NullUUID) pgx.NamedArgs {
	return pgx.NamedArgs{"id": newID(), "kind": kind, "user": user, "lasts": kind.Lasts()}
}

// resetsPerHour is how many links to reset a password an account is sent on request, so that a stranger cannot
// fill somebody's mailbox.
const resetsPerHour = 3

// RequestReset leaves a mail with a link to reset the password for whoever has the address. Nobody learns whether
// anybody has: for an unknown, a deactivated or an invited user, and beyond the hourly limit, the same statements
// run and leave a mail to nobody. It counts as a try of the visitor's address, as a sign-in does, and returns how
// long to wait when that address tried too often.
func (db *DB) RequestReset(ctx context.Context, email string, origin Origin) (time.Duration, error) {
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		return 0, err
	}
	defer rollback(ctx, tx)
	args := pgx.NamedArgs{"account": accountKey("reset:" + email), "address": network(origin.IP), "email": email, "kind": crm.MailReset, "limit": resetsPerHour}
	tries, err := tried(ctx, tx, args)
	if err != nil || tries >= triesPerMinute {
		return time.Minute, err
	}
	type row struct {
		UserID uuid.NullUUID
		Wanted bool
	}
	r, err := one[row](ctx, tx, `SELECT u.id AS user_id, coalesce(u.is_active AND c.user_id IS NOT NULL
			AND (SELECT count(*) FROM outbox o WHERE o.user_id = u.id AND o.kind = @kind AND o.created_at > now() - interval '1 hour') < @limit, FALSE) AS wanted
		FROM (VALUES (1)) anyone LEFT JOIN users u ON u.email = lower(@email) LEFT JOIN user_credentials c ON c.user_id = u.id`, args)
	if err != nil {
		return 0, err
	}
	event, err := db.As(authz.Actor{}, origin).auditArgs(uuid.NullUUID{}, audit.Change{Action: audit.RequestReset, TargetType: audit.User, TargetID: r.UserID.UUID})
	if err != nil {
		return 0, err
	}
	b := &pgx.Batch{}
	b.Queue(`INSERT INTO sign_in_attempts (account, address, known, evaluated) VALUES (@account, @address::inet, FALSE, FALSE)`, args)
	b.Queue(insertAudit, event)
	if db.SendsMail() {
		r.UserID.Valid = r.Wanted
		b.Queue(insertMail, mailArgs(crm.MailReset, r.UserID))
	}
	if err := tx.SendBatch(ctx, b).Close(); err != nil {
		return 0, err
	}
	return 0, tx.Commit(ctx) // the courier is not woken: its work would be felt by who asks next, for some addresses only
}

// Outbox is the mail to be sent, as a courier works through it. Several may at once, in one process or many.
type Outbox struct{ db *DB }

// Outbox returns the mail to be sent.
func (db *DB) Outbox() Outbox { return Outbox{db} }

// Mail is one mail about to be sent.
type Mail struct {
	ID        uuid.UUID
	Kind      crm.MailKind
	Email     string
	Name      string
	Zone      string    // of the reader, "" for the firm's
	Language  string    // that the reader chose, "" for none
	Secret    string    // of the link in it, made for this very try; "" for a notice
	ExpiresAt time.Time // the link's end
	Attempts  int       // with this one

	Digest  crm.Digest   // of a digest, once looked up
	Notices []crm.Notice // of a mail of notices, once looked up: the latest, and
	Told    int          // how many there are
}

// mailLease is how long a mail belongs to the courier who took it. It is longer than a try may take, so that two
// never send one mail; a courier that is killed meanwhile leaves it to another after that.
const mailLease = 5 * time.Minute

// Next takes the mail that has been due the longest, but first what somebody waits for: a morning's digests must not keep
// a link to come in from leaving. It returns false when none is due. What is no longer wanted is dropped on
// the way: an invitation that was accepted or revoked, anything to a user who was deactivated, and what must not arrive
// twice if a courier was cut off while it handed it over.
func (o Outbox) Next(ctx context.Context) (Mail, bool, error) {
	for {
		type row struct {
			ID     uuid.UUID
			UserID uuid.NullUUID
		}
		claimed, err := one[row](ctx, o.db.pool, `UPDATE outbox SET due_at = now() + $1::interval, attempts = attempts + 1
			WHERE id = (SELECT id FROM outbox WHERE sent_at IS NULL AND dropped_at IS NULL AND due_at <= now() ORDER BY kind IN ('digest', 'notices'), due_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
			RETURNING id, user_id`, mailLease)
		if noRows(err) {
			return Mail{}, false, nil
		}
		if err != nil {
			return Mail{}, false, err
		}
		m, err := o.prepare(ctx, claimed.ID, claimed.UserID)
		if !noRows(err) {
			return m, err == nil, err
		}
	}
}

// prepare reads a mail that was taken and makes the link in it, or drops it and returns pgx.ErrNoRows. It locks the
// user first, as whoever ends links does: a link made here cannot outlive a revocation that it did not see.
func (o Outbox) prepare(ctx context.Context, id uuid.UUID, user uuid.NullUUID) (Mail, error) {
	tx, err := o.db.pool.Begin(ctx)
	if err != nil {
		return Mail{}, err
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, `SELECT FROM users WHERE id = $1 FOR NO KEY UPDATE`, user); err != nil {
		return Mail{}, err
	}
	m, err := one[Mail](ctx, tx, `SELECT o.id, o.kind, o.expires_at, o.attempts, u.email, u.name, coalesce(u.zone, '') AS zone, coalesce(u.language, '') AS language
		FROM outbox o JOIN users u ON u.id = o.user_id
		WHERE o.id = $1 AND o.sent_at IS NULL AND o.dropped_at IS NULL AND o.handed_at IS NULL AND o.expires_at > now() AND u.is_active`, id)
	if noRows(err) {
		if _, err := tx.Exec(ctx, dropMail, id); err != nil {
			return Mail{}, err
		}
		if err := tx.Commit(ctx); err != nil {
			return Mail{}, err
		}
		return Mail{}, pgx.ErrNoRows
	}
	if err != nil {
		return Mail{}, err
	}
	if m.Kind.HasLink() {
		var hash []byte
		m.Secret, hash = newSecret()
		if _, err := tx.Exec(ctx, `INSERT INTO user_secrets (hash, user_id, purpose, expires_at) VALUES (@hash, @user, @kind, @expires)`,
			pgx.NamedArgs{"hash": hash, "user": user, "kind": m.Kind, "expires": m.ExpiresAt}); err != nil {
			return Mail{}, err
		}
	}
	return m, tx.Commit(ctx)
}

const dropMail = `UPDATE outbox SET dropped_at = now(), fault = CASE WHEN handed_at IS NULL THEN fault ELSE 'cut off while it was handed over; it may have arrived' END
	WHERE id = $1 AND sent_at IS NULL AND dropped_at IS NULL`

// ErrUnwanted says of a mail that it is not to be sent: it has nothing to say any more, or another courier has it by now.
var ErrUnwanted = errors.New("the mail is not wanted any more")

// HandOver notes that a mail is about to be handed to the server. From then on no courier sends it again, unless Failed says
// that the server did not take it. ErrUnwanted where it was taken away meanwhile: a courier that was held up for longer than
// its lease may find that another has sent it.
func (o Outbox) HandOver(ctx context.Context, m Mail) error {
	tag, err := o.db.pool.Exec(ctx, `UPDATE outbox SET handed_at = now() WHERE id = @id AND attempts = @attempts
		AND handed_at IS NULL AND sent_at IS NULL AND dropped_at IS NULL AND expires_at > now()`, pgx.NamedArgs{"id": m.ID, "attempts": m.Attempts})
	if err == nil && tag.RowsAffected() == 0 {
		err = ErrUnwanted
	}
	return err
}

// Sent notes that a mail was handed over.
func (o Outbox) Sent(ctx context.Context, id uuid.UUID) error {
	_, err := o.db.pool.Exec(ctx, `UPDATE outbox SET sent_at = now(), fault = NULL WHERE id = $1 AND sent_at IS NULL`, id)
	return err
}

// Failed notes why a mail could not be handed over. It is tried again after a pause that doubles from 15 seconds to
// an hour, until it is not worth sending; a final failure, such as an address that the server refuses, is not. Where another
// courier has the mail by now nothing is noted.
func (o Outbox) Failed(ctx context.Context, m Mail, fault string, final bool) error {
	_, err := o.db.pool.Exec(ctx, `UPDATE outbox SET fault = left(@fault, 400), due_at = now() + pause, handed_at = NULL,
			dropped_at = CASE WHEN @final OR now() + pause > expires_at THEN now() END
		FROM (SELECT id AS of, least(interval '15 seconds' * power(2, least(attempts, 12) - 1), interval '1 hour') AS pause FROM outbox WHERE id = @id) p
		WHERE id = p.of AND attempts = @attempts AND sent_at IS NULL AND dropped_at IS NULL`,
		pgx.NamedArgs{"id": m.ID, "attempts": m.Attempts, "fault": fault, "final": final})
	return err
}
