package postgres

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Session is a live session with whoever is signed in, loaded by one query.
type Session struct {
	Data      []byte
	ExpiresAt time.Time
	Actor     authz.Actor // the zero Actor when nobody is signed in
	Pins      []crm.Pin   // the views in the actor's rail, also of lists that they may no longer see
	Unread    int         // notices that the actor has not read, at most one more than crm.UnreadCap
	Half      bool        // Actor gave the right password and owes the second factor: they may do nothing else yet

	PasswordAt time.Time // when the password in force was set
}

// halfLife is how long a second factor may be given after the password.
const halfLife = 10 * time.Minute

// rightsColumns are what the roles of user u allow, with their reach, and the owners that team reach covers.
const rightsColumns = `ARRAY(SELECT p.slug || ' ' || r.reach FROM user_roles ur JOIN roles r ON r.id = ur.role_id
			JOIN role_permissions rp ON rp.role_id = r.id JOIN permissions p ON p.id = rp.permission_id WHERE ur.user_id = u.id) AS grants,
		CASE WHEN EXISTS (SELECT 1 FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.reach = 'team') THEN ARRAY(
			WITH RECURSIVE below AS (SELECT u.team_id AS id UNION SELECT t.id FROM teams t JOIN below b ON t.parent_id = b.id)
			SELECT m.id FROM users m JOIN below b ON m.team_id = b.id UNION SELECT u.id) END AS owners`

// sessionQuery loads session, user, permissions with their reach, and the owners that team reach covers.
// A deactivated user has no session.
const sessionQuery = `
	SELECT s.data, s.expires_at, s.half, s.last_seen_at < now() - interval '1 minute' AS stale, u.id AS user_id, coalesce(u.name, '') AS name,
		coalesce(u.email, '') AS email, coalesce(u.zone, '') AS zone, coalesce(u.theme, '') AS theme, coalesce(u.density, '') AS density, coalesce(u.language, '') AS language, coalesce(u.keys_off, FALSE) AS keys_off, coalesce(c.must_change, FALSE) AS must_change, c.password_changed_at AS password_at,
		c.totp_secret IS NULL AND EXISTS (SELECT 1 FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.requires_mfa) AS must_enrol,
		` + pinsColumn + `,
		` + unreadColumn + `,
		` + rightsColumns + `
	FROM sessions s LEFT JOIN users u ON u.id = s.user_id LEFT JOIN user_credentials c ON c.user_id = u.id
	WHERE s.token = @token AND s.revoked_at IS NULL AND s.expires_at > now() AND s.last_seen_at > now() - @idle::interval
		AND (NOT s.half OR s.created_at > now() - @half::interval)
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
		Density, Language        string
		KeysOff                  bool
		MustChange, MustEnrol    bool
		Half                     bool
		PasswordAt               *time.Time
		Grants                   []string
		Pins                     []string
		Unread                   int
		Owners                   []uuid.UUID
	}
	r, err := one[row](ctx, db.pool, sessionQuery, pgx.NamedArgs{"token": token, "idle": idle, "half": halfLife})
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
	s := Session{Data: r.Data, ExpiresAt: r.ExpiresAt, Half: r.Half}
	if r.UserID.Valid {
		s.Pins, s.Unread = parsePins(r.Pins), r.Unread
		s.Actor = authz.Actor{
			UserID: r.UserID.UUID, Name: r.Name, Email: r.Email, Zone: r.Zone, Theme: r.Theme, Density: r.Density, Language: r.Language, KeysOff: r.KeysOff,
			Owners: r.Owners, MustChangePassword: r.MustChange, MustEnrol: r.MustEnrol,
		}.WithGrants(parseGrants(r.Grants)...)
	}
	if r.PasswordAt != nil {
		s.PasswordAt = *r.PasswordAt
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

// SessionUser is whose session it is, and whether their second factor is still to come.
type SessionUser struct {
	ID   uuid.NullUUID
	Half bool
	Proof
}

// Proof is what a session was opened with. It opens one only while it is what the user has.
type Proof struct {
	PasswordAt time.Time // when the password was set; zero where none was asked for
	MFA        bool      // a second factor is set up: the password alone signs nobody in
}

// SaveSession stores a session's data. A session that was loaded is only changed: one that was ended meanwhile
// stays ended, a request that outlives the sign-out does not revive it. A new one is made only while its user
// is active and has the password that opened it, and a second factor as they had then; it waits for a change of
// any, so that a password replaced between the check and here opens nothing, and nobody passes by a second factor.
// A change of a session does not wait for the disk: should the machine fail within the second, a notice is not shown, or
// a password that was just given again is asked for once more.
func (db *DB) SaveSession(ctx context.Context, token string, data []byte, expiresAt time.Time, user SessionUser, origin Origin) error {
	sql := `UPDATE sessions SET data = @data, expires_at = @expires, user_id = @user, half = @half WHERE token = @token AND revoked_at IS NULL
		AND set_config('synchronous_commit', 'off', TRUE) IS NOT NULL`
	if token != origin.Session {
		sql = `WITH still AS (SELECT 1 FROM users u JOIN user_credentials c ON c.user_id = u.id
				WHERE u.id = @user AND u.is_active AND (@passwordAt::timestamptz IS NULL OR c.password_changed_at = @passwordAt AND (c.totp_secret IS NOT NULL) = @mfa) FOR SHARE)
			INSERT INTO sessions (token, user_id, half, data, ip, ua, expires_at)
			SELECT @token, @user, @half, @data, @ip, @ua, @expires WHERE @user::uuid IS NULL OR EXISTS (SELECT 1 FROM still)`
	}
	s := db.As(authz.Actor{}, origin)
	_, err := db.pool.Exec(ctx, sql, pgx.NamedArgs{
		"token": token, "user": user.ID, "half": user.Half, "data": data, "ip": s.ip(), "ua": s.ua(), "expires": expiresAt, "passwordAt": nullTime(user.PasswordAt), "mfa": user.MFA,
	})
	return err
}

func nullTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// EndSession revokes a session; its row stays until it would have expired.
func (db *DB) EndSession(ctx context.Context, token string) error {
	_, err := db.pool.Exec(ctx, `UPDATE sessions SET revoked_at = now(), data = '' WHERE token = $1 AND revoked_at IS NULL`, token)
	return err
}

// Sessions returns where the signed-in user is signed in, the session that asks first, then by last use. One
// that waits for the second factor is not among them: nobody is signed in there yet.
func (s *Store) Sessions(ctx context.Context, idle time.Duration) ([]crm.Session, error) {
	if !s.actor.SignedIn() {
		return nil, crm.ErrNotFound
	}
	return many[crm.Session](ctx, s.db.pool, `SELECT s.id, coalesce(host(s.ip), '') AS address, coalesce(s.ua, '') AS user_agent, s.created_at,
			s.last_seen_at AS last_seen, s.token = @token AS current
		FROM sessions s WHERE s.user_id = @me AND NOT s.half AND s.revoked_at IS NULL AND s.expires_at > now() AND s.last_seen_at > now() - @idle::interval
		ORDER BY s.token = @token DESC, s.last_seen_at DESC, s.id LIMIT 200`, s.args(pgx.NamedArgs{"token": s.origin.Session, "idle": idle}))
}

// EndMySession ends one session of the signed-in user; ErrNotFound where they have no such session.
func (s *Store) EndMySession(ctx context.Context, id uuid.UUID) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	err := s.endLive(ctx, s.actor.UserID, `id = @id`, id)
	if errors.Is(err, crm.ErrUnchanged) {
		return crm.ErrNotFound
	}
	return err
}

// EndMyOtherSessions ends all sessions of the signed-in user but the one that asks, also those that wait for the
// second factor. ErrUnchanged where there are none.
func (s *Store) EndMyOtherSessions(ctx context.Context) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	return s.endLive(ctx, s.actor.UserID, `token <> @token`, uuid.Nil)
}

// EndUserSessions ends all sessions of a user but the one that asks. ErrUnchanged where there are none.
func (s *Store) EndUserSessions(ctx context.Context, user uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.endLive(ctx, user, `token <> @token`, uuid.Nil)
}

// endLive revokes the sessions of a user for which which holds, and tells how many they were.
func (s *Store) endLive(ctx context.Context, user uuid.UUID, which string, id uuid.UUID) error {
	c := audit.Change{Action: audit.EndSession, TargetType: audit.User, TargetID: user, Metadata: map[string]any{}}
	return s.event(ctx, c, func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, user); err != nil {
			return err
		}
		tag, err := w.Exec(ctx, `UPDATE sessions SET revoked_at = now(), data = '' WHERE user_id = @user AND revoked_at IS NULL AND expires_at > now() AND `+which,
			pgx.NamedArgs{"user": user, "token": s.origin.Session, "id": id})
		if err == nil && tag.RowsAffected() == 0 {
			err = crm.ErrUnchanged
		}
		c.Metadata["sessions"] = tag.RowsAffected()
		return err
	})
}
