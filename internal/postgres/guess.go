package postgres

import (
	"context"
	"crypto/sha256"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

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
	Proof             // what a right guess opens a session with
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
	tries, err := tried(ctx, tx, args)
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
		MFA    bool
		At     *time.Time
	}
	r, err := one[row](ctx, tx, `
		WITH u AS (SELECT u.id, u.name, c.password_hash, c.password_changed_at, c.totp_secret IS NOT NULL AS mfa FROM users u JOIN user_credentials c ON c.user_id = u.id WHERE u.email = lower(@email) AND u.is_active),
		k AS (SELECT EXISTS (SELECT 1 FROM user_addresses a JOIN users u ON u.id = a.user_id WHERE u.email = lower(@email) AND a.address = @address::inet) AS known),
		n AS (SELECT count(*) FILTER (WHERE a.created_at > clock_timestamp() - interval '15 minutes') AS quarter, count(*) AS hour
			FROM k LEFT JOIN sign_in_attempts a ON a.account = @account AND a.evaluated AND NOT a.succeeded AND a.known = k.known
				AND (NOT k.known OR a.address = @address::inet) AND a.created_at > clock_timestamp() - interval '1 hour' WHERE a.id IS NOT NULL),
		i AS (INSERT INTO sign_in_attempts (account, address, known, evaluated)
			SELECT @account, @address::inet, k.known, n.quarter < @quarter AND n.hour < @hour FROM k, n RETURNING id, evaluated)
		SELECT i.id, i.evaluated AS ok, n.quarter + 1 = @quarter OR n.hour + 1 = @hour AS last, u.id AS user_id, coalesce(u.name, '') AS name, coalesce(u.password_hash, '') AS hash, coalesce(u.mfa, FALSE) AS mfa, u.password_changed_at AS at FROM i CROSS JOIN n LEFT JOIN u ON TRUE`, args)
	if err != nil {
		return g, err
	}
	g.ID, g.Evaluate, g.Last, g.UserID, g.Name, g.Hash, g.MFA = r.ID, r.OK, r.OK && r.Last, r.UserID.UUID, r.Name, r.Hash, r.MFA
	if r.At != nil {
		g.PasswordAt = *r.At
	}
	return g, tx.Commit(ctx)
}

// tried returns how often @address has tried within a minute. Others who try from it, or at @account, wait for the
// end of the transaction.
func tried(ctx context.Context, tx pgx.Tx, args pgx.NamedArgs) (int, error) {
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(1, hashtext(@address::inet::text)), pg_advisory_xact_lock(2, hashtext(encode(@account, 'hex')))`, args); err != nil {
		return 0, err
	}
	return scalar[int](ctx, tx, `SELECT count(*) FROM sign_in_attempts WHERE address = @address::inet AND created_at > clock_timestamp() - interval '1 minute'`, args)
}

// knowAddress notes where a user has signed in from.
const knowAddress = `INSERT INTO user_addresses (user_id, address) VALUES (@user, @address::inet)
	ON CONFLICT (user_id, address) DO UPDATE SET last_at = now()`

// Signed records that a guess was right: it no longer counts against the account, and unless a second factor is to
// come the address is known from now on. rehashed, when not empty, replaces the stored hash, which was made with older parameters. It
// returns false when the password was replaced, the second factor switched on or off or the user deactivated while
// the guess was being checked.
func (db *DB) Signed(ctx context.Context, g Guess, rehashed string) (bool, error) {
	still, err := scalar[bool](ctx, db.pool, `SELECT EXISTS (SELECT 1 FROM user_credentials c JOIN users u ON u.id = c.user_id
		WHERE c.user_id = @user AND c.password_hash = @old AND (c.totp_secret IS NOT NULL) = @mfa AND u.is_active)`, pgx.NamedArgs{"user": g.UserID, "old": g.Hash, "mfa": g.MFA})
	if err != nil || !still {
		return false, err
	}
	b := &pgx.Batch{}
	args := pgx.NamedArgs{"id": g.ID, "user": g.UserID, "address": g.address, "hash": rehashed, "old": g.Hash}
	b.Queue(`UPDATE sign_in_attempts SET succeeded = TRUE WHERE id = @id`, args)
	if !g.MFA { // else the second factor decides: a stolen password makes no address the user's
		b.Queue(knowAddress, args)
	}
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
