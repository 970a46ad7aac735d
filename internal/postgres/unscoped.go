package postgres

import (
	"context"
	"crypto/sha256"
	"errors"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
)

// The reads and writes that no actor stands behind: sessions, sign-in, health. A test pins this list; a
// record of the registry never comes through here.

// Session is a live session with whoever is signed in, loaded by one query.
type Session struct {
	Data      []byte
	ExpiresAt time.Time
	Actor     authz.Actor // the zero Actor when nobody is signed in
}

// sessionQuery loads session, user, permissions with their reach, and the owners that team reach covers.
// A deactivated user has no session.
const sessionQuery = `
	SELECT s.data, s.expires_at, s.last_seen_at < now() - interval '1 minute' AS stale, u.id AS user_id, coalesce(u.name, '') AS name,
		coalesce(u.email, '') AS email, coalesce(u.zone, '') AS zone, coalesce(u.theme, '') AS theme, coalesce(c.must_change, FALSE) AS must_change,
		ARRAY(SELECT p.slug || ' ' || r.reach FROM user_roles ur JOIN roles r ON r.id = ur.role_id
			JOIN role_permissions rp ON rp.role_id = r.id JOIN permissions p ON p.id = rp.permission_id WHERE ur.user_id = u.id) AS grants,
		CASE WHEN EXISTS (SELECT 1 FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.reach = 'team') THEN ARRAY(
			WITH RECURSIVE below AS (SELECT u.team_id AS id UNION SELECT t.id FROM teams t JOIN below b ON t.parent_id = b.id)
			SELECT m.id FROM users m JOIN below b ON m.team_id = b.id UNION SELECT u.id) END AS owners
	FROM sessions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN user_credentials c ON c.user_id = u.id
	WHERE s.token = @token AND s.revoked_at IS NULL AND s.expires_at > now() AND s.last_seen_at > now() - @idle::interval
		AND (s.user_id IS NULL OR u.is_active)`

// FindSession returns the live session of a hashed token, false when there is none. It moves the time it was
// last seen at most once a minute, so that reading a page does not write.
func (db *DB) FindSession(ctx context.Context, token string, idle time.Duration) (Session, bool, error) {
	type row struct {
		Data                     []byte
		ExpiresAt                time.Time
		Stale                    bool
		UserID                   uuid.NullUUID
		Name, Email, Zone, Theme string
		MustChange               bool
		Grants                   []string
		Owners                   []uuid.UUID
	}
	r, err := one[row](ctx, db.pool, sessionQuery, pgx.NamedArgs{"token": token, "idle": idle})
	if noRows(err) {
		return Session{}, false, nil
	}
	if err != nil {
		return Session{}, false, err
	}
	if r.Stale {
		if _, err := db.pool.Exec(ctx, `UPDATE sessions SET last_seen_at = now() WHERE token = $1 AND revoked_at IS NULL`, token); err != nil {
			return Session{}, false, err
		}
	}
	s := Session{Data: r.Data, ExpiresAt: r.ExpiresAt}
	if r.UserID.Valid {
		s.Actor = authz.Actor{
			UserID: r.UserID.UUID, Name: r.Name, Email: r.Email, Zone: r.Zone, Theme: r.Theme,
			Owners: r.Owners, MustChangePassword: r.MustChange,
		}.WithGrants(parseGrants(r.Grants)...)
	}
	return s, true, nil
}

func parseGrants(texts []string) []authz.Grant {
	grants := make([]authz.Grant, 0, len(texts))
	for _, t := range texts {
		permission, reach, _ := strings.Cut(t, " ")
		grants = append(grants, authz.Grant{Permission: authz.Permission(permission), Reach: authz.ParseReach(reach)})
	}
	return grants
}

// SaveSession stores a session's data. A session that was ended meanwhile stays ended: a request that
// outlives the sign-out does not revive it.
func (db *DB) SaveSession(ctx context.Context, token string, data []byte, expiresAt time.Time, user uuid.NullUUID, origin Origin) error {
	s := db.As(authz.Actor{}, origin)
	_, err := db.pool.Exec(ctx, `
		INSERT INTO sessions (token, user_id, data, ip, ua, expires_at) VALUES (@token, @user, @data, @ip, @ua, @expires)
		ON CONFLICT (token) DO UPDATE SET data = EXCLUDED.data, expires_at = EXCLUDED.expires_at, user_id = EXCLUDED.user_id
			WHERE sessions.revoked_at IS NULL`,
		pgx.NamedArgs{"token": token, "user": user, "data": data, "ip": s.ip(), "ua": s.ua(), "expires": expiresAt})
	return err
}

// EndSession revokes a session; its row stays until it would have expired.
func (db *DB) EndSession(ctx context.Context, token string) error {
	_, err := db.pool.Exec(ctx, `UPDATE sessions SET revoked_at = now(), data = '' WHERE token = $1 AND revoked_at IS NULL`, token)
	return err
}

// Sweep deletes what nobody needs any more: expired sessions, old guesses, old form tokens.
func (db *DB) Sweep(ctx context.Context) error {
	b := &pgx.Batch{}
	b.Queue(`DELETE FROM sessions WHERE expires_at < now()`)
	b.Queue(`DELETE FROM sign_in_attempts WHERE created_at < now() - interval '1 day'`)
	b.Queue(`DELETE FROM form_tokens WHERE created_at < now() - interval '2 days'`)
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

// The sign-in budgets: guesses evaluated per account, from addresses it is not known at together, or from
// one address it signed in from before, so that a stranger cannot lock a colleague out; and tries per address.
const (
	guessesPerQuarter = 5
	guessesPerHour    = 20
	triesPerMinute    = 30
)

// Guess is one try to sign in, counted before its password is looked at.
type Guess struct {
	ID         int64
	Throttled  bool          // the address tried too often: answer 429, nothing was counted
	RetryAfter time.Duration // with Throttled
	Evaluate   bool          // whether the password may be compared at all
	Last       bool          // with Evaluate: the last of its budget; wrong, it locks the account
	UserID     uuid.UUID     // Nil for an unknown or deactivated account
	Name       string
	Hash       string // "" for an unknown or deactivated account
	address    netip.Prefix
}

// CountGuess counts a try at the account named by email from ip. Two bursts at one account, or from one
// address, wait for each other here, so that parallel tries cannot outrun the count.
func (db *DB) CountGuess(ctx context.Context, email string, ip netip.Addr) (Guess, error) {
	g := Guess{address: network(ip)}
	account := accountKey(email)
	args := pgx.NamedArgs{"account": account, "address": g.address, "email": email, "quarter": guessesPerQuarter, "hour": guessesPerHour}
	tx, err := db.pool.Begin(ctx)
	if err != nil {
		return g, err
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(1, hashtext(@address::inet::text)), pg_advisory_xact_lock(2, hashtext(encode(@account, 'hex')))`, args); err != nil {
		return g, err
	}
	tries, err := scalar[int](ctx, tx, `SELECT count(*) FROM sign_in_attempts WHERE address = @address::inet AND created_at > clock_timestamp() - interval '1 minute'`, args)
	if err != nil {
		return g, err
	}
	if tries >= triesPerMinute {
		g.Throttled, g.RetryAfter = true, time.Minute
		return g, nil
	}
	type row struct {
		UserID uuid.NullUUID
		Name   string
		Hash   string
		ID     int64
		OK     bool
		Last   bool
	}
	r, err := one[row](ctx, tx, `
		WITH u AS (SELECT u.id, u.name, c.password_hash FROM users u JOIN user_credentials c ON c.user_id = u.id WHERE u.email = lower(@email) AND u.is_active),
		k AS (SELECT EXISTS (SELECT 1 FROM user_addresses a JOIN users u ON u.id = a.user_id WHERE u.email = lower(@email) AND a.address = @address::inet) AS known),
		n AS (SELECT count(*) FILTER (WHERE a.created_at > clock_timestamp() - interval '15 minutes') AS quarter, count(*) AS hour
			FROM k LEFT JOIN sign_in_attempts a ON a.account = @account AND a.evaluated AND NOT a.succeeded AND a.known = k.known
				AND (NOT k.known OR a.address = @address::inet) AND a.created_at > clock_timestamp() - interval '1 hour' WHERE a.id IS NOT NULL),
		i AS (INSERT INTO sign_in_attempts (account, address, known, evaluated)
			SELECT @account, @address::inet, k.known, n.quarter < @quarter AND n.hour < @hour FROM k, n RETURNING id, evaluated)
		SELECT i.id, i.evaluated AS ok, n.quarter + 1 = @quarter OR n.hour + 1 = @hour AS last, u.id AS user_id, coalesce(u.name, '') AS name, coalesce(u.password_hash, '') AS hash FROM i CROSS JOIN n LEFT JOIN u ON TRUE`, args)
	if err != nil {
		return g, err
	}
	g.ID, g.Evaluate, g.Last, g.UserID, g.Name, g.Hash = r.ID, r.OK, r.OK && r.Last, r.UserID.UUID, r.Name, r.Hash
	return g, tx.Commit(ctx)
}

// Signed records that a guess was right: it no longer counts against the account, and the address is known
// from now on. rehashed, when not empty, replaces the stored hash, which was made with older parameters. It
// returns false when the password was replaced or the user deactivated while the guess was being checked.
func (db *DB) Signed(ctx context.Context, g Guess, rehashed string) (bool, error) {
	still, err := scalar[bool](ctx, db.pool, `SELECT EXISTS (SELECT 1 FROM user_credentials c JOIN users u ON u.id = c.user_id
		WHERE c.user_id = @user AND c.password_hash = @old AND u.is_active)`, pgx.NamedArgs{"user": g.UserID, "old": g.Hash})
	if err != nil || !still {
		return false, err
	}
	b := &pgx.Batch{}
	args := pgx.NamedArgs{"id": g.ID, "user": g.UserID, "address": g.address, "hash": rehashed, "old": g.Hash}
	b.Queue(`UPDATE sign_in_attempts SET succeeded = TRUE WHERE id = @id`, args)
	b.Queue(`INSERT INTO user_addresses (user_id, address) VALUES (@user, @address::inet)
		ON CONFLICT (user_id, address) DO UPDATE SET last_at = now()`, args)
	if rehashed != "" {
		b.Queue(`UPDATE user_credentials SET password_hash = @hash WHERE user_id = @user AND password_hash = @old`, args)
	}
	return true, db.pool.SendBatch(ctx, b).Close()
}

// accountKey names an account without storing the address typed, which may be a password in the wrong field.
func accountKey(email string) []byte {
	sum := sha256.Sum256([]byte(strings.ToLower(strings.TrimSpace(email))))
	return sum[:]
}

// network returns what one visitor may easily hold: an IPv4 address, or the /64 around an IPv6 address.
func network(ip netip.Addr) netip.Prefix {
	ip = ip.Unmap().WithZone("")
	if !ip.IsValid() {
		ip = netip.IPv4Unspecified()
	}
	bits := 32
	if ip.Is6() {
		bits = 64
	}
	p, _ := ip.Prefix(bits) // bits fits the address family, so there is no error
	return p
}
