package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base32"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// A token is a prefix that scanners of leaked secrets can look for, and 160 random bits. Only its SHA-256 is
// stored: a slow hash would add nothing to that many bits, and every request would pay for it.
const (
	tokenPrefix = "crm_pat_"
	tokenBytes  = 20
	tokenHint   = 4 // characters at the end that the list shows
)

var tokenEncoding = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

func newToken() string {
	raw := make([]byte, tokenBytes)
	_, _ = rand.Read(raw) // never fails: it ends the program instead
	return tokenPrefix + tokenEncoding.EncodeToString(raw)
}

// tokenHash returns the hash of what looks like a token, false for anything else: that costs no query.
func tokenHash(secret string) ([]byte, bool) {
	text, is := strings.CutPrefix(secret, tokenPrefix)
	if raw, err := tokenEncoding.DecodeString(text); !is || err != nil || len(raw) != tokenBytes {
		return nil, false
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:], true
}

// Bearer is a live token and the user it acts as.
type Bearer struct {
	Token crm.Token
	Actor authz.Actor // with the rights that the user and the token have in common
}

// bearerQuery loads token, user and rights. A deactivated user has no token.
const bearerQuery = `
	SELECT t.id, t.name AS token_name, t.scopes, t.expires_at, t.last_used_at IS NULL OR t.last_used_at < now() - interval '1 minute' AS stale,
		u.id AS user_id, u.name, u.email, coalesce(u.zone, '') AS zone, coalesce(c.must_change, FALSE) AS must_change,
		c.totp_secret IS NULL AND EXISTS (SELECT 1 FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.requires_mfa) AS must_enrol,
		` + rightsColumns + `
	FROM api_tokens t JOIN users u ON u.id = t.user_id LEFT JOIN user_credentials c ON c.user_id = u.id
	WHERE t.hash = @hash AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now()) AND u.is_active`

// FindBearer returns who acts by a token; false for one that is unknown, revoked or expired, or whose user is
// deactivated, all alike. It moves the time of last use at most once a minute, so that reading does not write.
func (db *DB) FindBearer(ctx context.Context, secret string, origin Origin) (Bearer, bool, error) {
	hash, is := tokenHash(secret)
	if !is {
		return Bearer{}, false, nil
	}
	type row struct {
		ID                    uuid.UUID
		TokenName             string
		Scopes                []string
		ExpiresAt             *time.Time
		Stale                 bool
		UserID                uuid.UUID
		Name, Email, Zone     string
		MustChange, MustEnrol bool
		Grants                []string
		Owners                []uuid.UUID
	}
	r, err := one[row](ctx, db.pool, bearerQuery, pgx.NamedArgs{"hash": hash})
	if noRows(err) {
		return Bearer{}, false, nil
	}
	if err != nil {
		return Bearer{}, false, err
	}
	if r.Stale {
		ip := db.As(authz.Actor{}, origin).ip()
		if _, err := db.pool.Exec(ctx, `UPDATE api_tokens SET last_used_at = now(), last_ip = @ip WHERE id = @id AND revoked_at IS NULL`,
			pgx.NamedArgs{"id": r.ID, "ip": ip}); err != nil {
			return Bearer{}, false, err
		}
	}
	b := Bearer{Token: crm.Token{ID: r.ID, Name: r.TokenName, Scopes: r.Scopes}}
	if r.ExpiresAt != nil {
		b.Token.ExpiresAt = *r.ExpiresAt
	}
	grants := slices.DeleteFunc(parseGrants(r.Grants), func(g authz.Grant) bool { return !slices.Contains(r.Scopes, string(g.Permission)) })
	b.Actor = authz.Actor{
		UserID: r.UserID, Name: r.Name, Email: r.Email, Zone: r.Zone, Owners: r.Owners, MustChangePassword: r.MustChange, MustEnrol: r.MustEnrol,
	}.WithGrants(grants...)
	return b, true, nil
}

// tokensQuery lists the tokens of user @user: live ones first, then the newest.
const tokensQuery = `
	SELECT t.id, t.name, t.hint, t.scopes, t.created_at, coalesce(t.expires_at, '0001-01-01Z') AS expires_at, coalesce(t.last_used_at, '0001-01-01Z') AS last_used_at,
		coalesce(host(t.last_ip), '') AS last_ip, coalesce(t.revoked_at, '0001-01-01Z') AS revoked_at, coalesce(t.expires_at <= now(), FALSE) AS expired
	FROM api_tokens t WHERE t.user_id = @user
	ORDER BY t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now()) DESC, t.created_at DESC, t.id LIMIT 200`

// MyTokens returns the actor's own tokens, at most 200.
func (s *Store) MyTokens(ctx context.Context) ([]crm.Token, error) {
	if !s.actor.SignedIn() {
		return nil, crm.ErrNotFound
	}
	return many[crm.Token](ctx, s.db.pool, tokensQuery, pgx.NamedArgs{"user": s.actor.UserID})
}

// UserTokens returns a user's tokens, at most 200.
func (s *Store) UserTokens(ctx context.Context, user uuid.UUID) ([]crm.Token, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return nil, err
	}
	return many[crm.Token](ctx, s.db.pool, tokensQuery, pgx.NamedArgs{"user": user})
}

// maxLiveTokens bounds the live tokens of one user, and with it what a borrowed session can leave behind.
const maxLiveTokens = 100

// maxTokenLife is how far ahead a token may expire.
const maxTokenLife = 5 * 366 * 24 * time.Hour

// CreateToken saves a new token of the actor and returns its text, which is kept nowhere. Scopes are Invalid
// unless the actor holds each of them; now decides whether the expiry lies ahead.
func (s *Store) CreateToken(ctx context.Context, t crm.Token, now time.Time) (crm.Token, string, error) {
	if !s.actor.SignedIn() {
		return t, "", crm.ErrNotFound
	}
	t.Clean()
	t.Scopes = sortedPermissions(slices.Clone(t.Scopes))
	t.Scopes = slices.Compact(t.Scopes)
	if err := s.checkToken(t, now); err != nil {
		return t, "", err
	}
	secret := newToken()
	hash, _ := tokenHash(secret)
	t.ID, t.Hint = newID(), secret[len(secret)-tokenHint:]
	change := audit.Change{
		Action: audit.CreateToken, TargetType: audit.User, TargetID: s.actor.UserID, Metadata: map[string]any{"token_id": t.ID, "name": t.Name, "scopes": t.Scopes},
	}
	var expires *time.Time
	if !t.ExpiresAt.IsZero() {
		expires = &t.ExpiresAt
		change.Metadata["expires_at"] = t.ExpiresAt
	}
	err := s.event(ctx, change, func(ctx context.Context, w *work) error {
		me, err := s.lockUser(ctx, w, s.actor.UserID) // tokens made at once wait for each other's count, and for a deactivation
		if err != nil {
			return err
		}
		if !me.Record.IsActive {
			return crm.ErrNotFound
		}
		live, err := scalar[int](ctx, w, `SELECT count(*) FROM api_tokens t WHERE t.user_id = @user AND t.revoked_at IS NULL AND (t.expires_at IS NULL OR t.expires_at > now())`,
			pgx.NamedArgs{"user": s.actor.UserID})
		if err != nil {
			return err
		}
		if live >= maxLiveTokens {
			return crm.Fault("", "You have %d tokens; revoke one that is no longer used first.", live)
		}
		_, err = w.Exec(ctx, `INSERT INTO api_tokens (id, user_id, name, hash, hint, scopes, expires_at) VALUES (@id, @user, @name, @hash, @hint, @scopes, @expires)`,
			pgx.NamedArgs{"id": t.ID, "user": s.actor.UserID, "name": t.Name, "hash": hash, "hint": t.Hint, "scopes": t.Scopes, "expires": expires})
		if err != nil {
			return err
		}
		return s.notify(ctx, w, crm.MailToken, s.actor.UserID)
	})
	return t, secret, err
}

func (s *Store) checkToken(t crm.Token, now time.Time) error {
	v := crm.Invalid{}
	if err := t.Validate(); err != nil {
		v, _ = err.(crm.Invalid)
	}
	for _, slug := range t.Scopes {
		if !s.actor.May(authz.Permission(slug)) {
			v.Add("scopes", "A token can only have permissions that you have yourself.")
		}
	}
	switch {
	case t.ExpiresAt.IsZero():
	case !t.ExpiresAt.After(now):
		v.Add("expires", "Choose a day that has not passed.")
	case t.ExpiresAt.Sub(now) > maxTokenLife:
		v.Add("expires", "Choose a day within the next five years.")
	}
	return v.Err()
}

// RevokeMyToken ends a token of the actor; ErrUnchanged when it has ended already.
func (s *Store) RevokeMyToken(ctx context.Context, id uuid.UUID) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	return s.revokeToken(ctx, s.actor.UserID, id)
}

// RevokeUserToken ends a token of a user; ErrUnchanged when it has ended already.
func (s *Store) RevokeUserToken(ctx context.Context, user, id uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.revokeToken(ctx, user, id)
}

func (s *Store) revokeToken(ctx context.Context, user, id uuid.UUID) error {
	change := audit.Change{Action: audit.RevokeToken, TargetType: audit.User, TargetID: user, Metadata: map[string]any{"token_id": id}}
	return s.event(ctx, change, func(ctx context.Context, w *work) error {
		type token struct {
			Name    string
			Scopes  []string
			Revoked bool
		}
		t, err := one[token](ctx, w, `SELECT t.name, t.scopes, t.revoked_at IS NOT NULL AS revoked FROM api_tokens t WHERE t.id = @id AND t.user_id = @user FOR UPDATE`,
			pgx.NamedArgs{"id": id, "user": user})
		if err != nil {
			return notFound(err)
		}
		if t.Revoked {
			return crm.ErrUnchanged
		}
		change.Metadata["name"], change.Metadata["scopes"] = t.Name, t.Scopes // the same map that event writes
		_, err = w.Exec(ctx, `UPDATE api_tokens SET revoked_at = now() WHERE id = @id`, pgx.NamedArgs{"id": id})
		return err
	})
}
