package postgres

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const userColumns = `u.id, u.email, u.name, u.team_id, coalesce(u.zone, '') AS zone, coalesce(u.theme, '') AS theme, coalesce(u.density, '') AS density, coalesce(u.language, '') AS language, u.keys_off,
	u.is_active, u.version, u.created_at, u.updated_at`

// userExtras tells what a user's own row does not: team, roles, last seen, how far they have come in, and the latest
// mail to them. Locked is whom any budget of guess.go or mfa.go keeps out somewhere: an admin must see it to end it.
const userExtras = `, coalesce(t.name, '') AS team_name,
	ARRAY(SELECT r.id FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id ORDER BY r.name, r.id) AS role_ids,
	ARRAY(SELECT r.name FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id ORDER BY r.name, r.id) AS role_names,
	CASE WHEN NOT u.is_active THEN 'deactivated'
		WHEN c.user_id IS NULL AND i.until IS NOT NULL THEN 'invited'
		WHEN c.user_id IS NULL THEN 'uninvited'
		WHEN EXISTS (SELECT 1 FROM sign_in_attempts a WHERE a.account IN (sha256(convert_to(u.email, 'UTF8')), uuid_send(u.id)) AND a.evaluated AND NOT a.succeeded
			AND a.created_at > now() - interval '1 day' GROUP BY a.account, a.known, CASE WHEN a.known THEN a.address END
			HAVING count(*) FILTER (WHERE a.created_at > now() - interval '15 minutes') >= 5
				OR a.account = uuid_send(u.id) AND count(*) >= 30
				OR a.account <> uuid_send(u.id) AND count(*) FILTER (WHERE a.created_at > now() - interval '1 hour') >= 20) THEN 'locked'
		ELSE 'active' END AS state,
	coalesce(i.until, '0001-01-01 00:00:00+00') AS invited_until,
	coalesce(m.kind, '') AS mail_kind, coalesce(m.sent_at, '0001-01-01 00:00:00+00') AS mail_sent_at, coalesce(m.fault, '') AS mail_fault,
	m.dropped_at IS NOT NULL AS mail_dropped,
	EXISTS (SELECT 1 FROM user_credentials f WHERE f.user_id = u.id AND f.totp_secret IS NOT NULL) AS mfa,
	coalesce((SELECT max(s.last_seen_at) FROM sessions s WHERE s.user_id = u.id), '0001-01-01 00:00:00+00') AS last_seen
	FROM users u LEFT JOIN teams t ON t.id = u.team_id LEFT JOIN user_credentials c ON c.user_id = u.id
	LEFT JOIN LATERAL (SELECT o.kind, o.sent_at, o.fault, o.dropped_at FROM outbox o WHERE o.user_id = u.id AND o.kind NOT IN ('digest', 'notices') ORDER BY o.created_at DESC, o.id DESC LIMIT 1) m ON TRUE
	CROSS JOIN LATERAL (SELECT max(l.expires_at) AS until FROM (
		SELECT x.expires_at FROM user_secrets x WHERE x.user_id = u.id AND x.purpose = 'invitation' AND x.used_at IS NULL
		UNION ALL SELECT o.expires_at FROM outbox o WHERE o.user_id = u.id AND o.kind = 'invitation' AND o.sent_at IS NULL AND o.dropped_at IS NULL) l
		WHERE l.expires_at > now()) i`

// Users returns all users, active ones first, by name, at most 1,000.
func (s *Store) Users(ctx context.Context) ([]crm.User, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return nil, err
	}
	return many[crm.User](ctx, s.db.pool, `SELECT `+userColumns+userExtras+` ORDER BY NOT u.is_active, u.name`+icu+`, u.id LIMIT 1000`)
}

// User returns one user.
func (s *Store) User(ctx context.Context, id uuid.UUID) (crm.User, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return crm.User{}, err
	}
	u, err := one[crm.User](ctx, s.db.pool, `SELECT `+userColumns+userExtras+` WHERE u.id = @id`, pgx.NamedArgs{"id": id})
	return u, notFound(err)
}

// UserByEmail returns one user by address, in any case.
func (s *Store) UserByEmail(ctx context.Context, email string) (crm.User, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return crm.User{}, err
	}
	u, err := one[crm.User](ctx, s.db.pool, `SELECT `+userColumns+userExtras+` WHERE u.email = lower(@email)`, pgx.NamedArgs{"email": crm.Clean(email)})
	return u, notFound(err)
}

// Me returns the signed-in user's own row.
func (s *Store) Me(ctx context.Context) (crm.User, error) {
	if !s.actor.SignedIn() {
		return crm.User{}, crm.ErrNotFound
	}
	u, err := one[crm.User](ctx, s.db.pool, `SELECT `+userColumns+userExtras+` WHERE u.id = @me`, s.args(nil))
	return u, notFound(err)
}

func userArgs(u crm.User) pgx.NamedArgs {
	return pgx.NamedArgs{"id": u.ID, "email": u.Email, "name": u.Name, "team": u.TeamID, "zone": u.Zone, "theme": u.Theme, "density": u.Density, "language": u.Language, "keys_off": u.KeysOff, "active": u.IsActive}
}

func userChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.User, TargetID: id, Table: "users", Before: before, After: after}
}

// CreateUser saves a new active user with u.RoleIDs, once per form token. hash is the password's; mustChange
// marks it as a one-time password.
func (s *Store) CreateUser(ctx context.Context, u crm.User, hash string, mustChange bool, token uuid.NullUUID) (Saved, error) {
	return s.createUser(ctx, u, token, func(ctx context.Context, w *work, id uuid.UUID) error {
		return setPassword(ctx, w, id, hash, mustChange)
	})
}

// createUser saves a new user; admit gives them a way to come in.
func (s *Store) createUser(ctx context.Context, u crm.User, token uuid.NullUUID, admit func(context.Context, *work, uuid.UUID) error) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	u.Clean()
	if err := u.Validate(); err != nil {
		return Saved{}, err
	}
	u.ID = newID()
	return s.create(ctx, audit.CreateUser, token, u.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		after, err := scalar[json.RawMessage](ctx, w, `
			INSERT INTO users AS u (id, email, name, team_id, zone, theme, density, language, keys_off)
			VALUES (@id, lower(@email), @name, @team, nullif(@zone, ''), nullif(@theme, ''), nullif(@density, ''), nullif(@language, ''), @keys_off) RETURNING audit_image(to_jsonb(u))`, userArgs(u))
		if err != nil {
			return nil, err
		}
		if err := admit(ctx, w, u.ID); err != nil {
			return nil, err
		}
		roles, err := s.setRoles(ctx, w, u.ID, u.RoleIDs)
		return append([]audit.Change{userChange(audit.CreateUser, u.ID, nil, after)}, roles...), err
	})
}

// setPassword gives a user a password. Every link sent to them ends.
func setPassword(ctx context.Context, w *work, user uuid.UUID, hash string, mustChange bool) error {
	if _, err := endLinks(ctx, w, user); err != nil {
		return err
	}
	_, err := w.Exec(ctx, `INSERT INTO user_credentials (user_id, password_hash, must_change) VALUES (@user, @hash, @must)
		ON CONFLICT (user_id) DO UPDATE SET password_hash = EXCLUDED.password_hash, must_change = EXCLUDED.must_change, password_changed_at = now()`,
		pgx.NamedArgs{"user": user, "hash": hash, "must": mustChange})
	return err
}

// setRoles gives a user exactly these roles and returns a change per role given or taken.
func (s *Store) setRoles(ctx context.Context, w *work, user uuid.UUID, roles []uuid.UUID) ([]audit.Change, error) {
	if roles == nil {
		roles = emptyIDs
	}
	args := pgx.NamedArgs{"user": user, "roles": roles}
	gone, err := column[json.RawMessage](ctx, w, `DELETE FROM user_roles ur WHERE user_id = @user AND role_id <> ALL(@roles::uuid[]) RETURNING audit_image(to_jsonb(ur))`, args)
	if err != nil {
		return nil, err
	}
	given, err := column[json.RawMessage](ctx, w, `INSERT INTO user_roles AS ur (user_id, role_id) SELECT @user, r FROM unnest(@roles::uuid[]) r
		ON CONFLICT DO NOTHING RETURNING audit_image(to_jsonb(ur))`, args)
	if err != nil {
		return nil, err
	}
	change := func(before, after json.RawMessage) audit.Change {
		return audit.Change{Action: audit.AssignRole, TargetType: audit.User, TargetID: user, Table: "user_roles", Before: before, After: after}
	}
	var changes []audit.Change
	for _, image := range gone {
		changes = append(changes, change(image, nil))
	}
	for _, image := range given {
		changes = append(changes, change(nil, image))
	}
	return changes, nil
}

// lockUser locks a user against other changes of them, not against what they do themselves meanwhile: each write
// refers to its user, and FOR UPDATE would wait for it while it waits for keepingRights.
func (s *Store) lockUser(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.User], error) {
	type row struct {
		crm.User
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+userColumns+`, ARRAY(SELECT ur.role_id FROM user_roles ur WHERE ur.user_id = u.id) AS role_ids,
		audit_image(to_jsonb(u)) AS image FROM users u WHERE u.id = @id FOR NO KEY UPDATE`, pgx.NamedArgs{"id": id})
	return imaged[crm.User]{r.User, r.Image}, notFound(err)
}

const updateUser = `UPDATE users u SET email = lower(@email), name = @name, team_id = @team, zone = nullif(@zone, ''), theme = nullif(@theme, ''), density = nullif(@density, ''), language = nullif(@language, ''), keys_off = @keys_off,
	is_active = @active, version = version + 1, updated_at = now() WHERE id = @id RETURNING audit_image(to_jsonb(u))`

// UpdateUser saves name, address, team and roles of a user read at u.Version. One active user with
// ManageUsers always remains, and nobody raises their own rights.
func (s *Store) UpdateUser(ctx context.Context, u crm.User) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	u.Clean()
	if err := u.Validate(); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateUser, func(ctx context.Context, w *work) ([]audit.Change, error) {
		return s.keepingRights(ctx, w, func() ([]audit.Change, error) {
			was, err := s.lockUser(ctx, w, u.ID)
			if err != nil {
				return nil, err
			}
			if was.Record.Version != u.Version {
				return nil, crm.ErrConflict
			}
			u.Preferences, u.IsActive = was.Record.Preferences, was.Record.IsActive
			return s.saveUser(ctx, w, was, u)
		})
	})
	return Saved{u.ID, cs}, err
}

// saveUser writes a user's row and roles where they differ; ErrUnchanged when neither does.
func (s *Store) saveUser(ctx context.Context, w *work, was imaged[crm.User], u crm.User) ([]audit.Change, error) {
	changes, err := s.setRoles(ctx, w, u.ID, u.RoleIDs)
	if err != nil {
		return nil, err
	}
	after, err := scalar[json.RawMessage](ctx, w, updateUser, userArgs(u)) // moves the version even if only roles changed
	if err != nil {
		return nil, err
	}
	if unchanged(was.Image, after) == nil {
		changes = append(changes, userChange(audit.UpdateUser, u.ID, was.Image, after))
	}
	if len(changes) == 0 {
		return nil, crm.ErrUnchanged
	}
	return changes, nil
}

// SetUserActive deactivates or reactivates a user. A deactivated user's sessions and links end; see users_end_doors in
// the migrations. One active user with ManageUsers always remains.
func (s *Store) SetUserActive(ctx context.Context, id uuid.UUID, active bool) (Saved, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Saved{}, err
	}
	action := audit.DeactivateUser
	if active {
		action = audit.ReactivateUser
	}
	cs, err := s.write(ctx, action, func(ctx context.Context, w *work) ([]audit.Change, error) {
		return s.keepingRights(ctx, w, func() ([]audit.Change, error) {
			was, err := s.lockUser(ctx, w, id)
			if err != nil {
				return nil, err
			}
			if was.Record.IsActive == active {
				return nil, crm.ErrUnchanged
			}
			u := was.Record
			u.IsActive = active
			after, err := scalar[json.RawMessage](ctx, w, updateUser, userArgs(u))
			return []audit.Change{userChange(action, id, was.Image, after)}, err
		})
	})
	return Saved{id, cs}, err
}

// UpdateMe saves the signed-in user's own name and preferences, and nothing else of me.
func (s *Store) UpdateMe(ctx context.Context, me crm.User) (Saved, error) {
	if !s.actor.SignedIn() {
		return Saved{}, crm.ErrNotFound
	}
	cs, err := s.write(ctx, audit.UpdateUser, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockUser(ctx, w, s.actor.UserID)
		if err != nil {
			return nil, err
		}
		u := was.Record
		u.Name, u.Preferences = me.Name, me.Preferences
		u.Clean()
		if err := u.Validate(); err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, updateUser, userArgs(u))
		if err == nil {
			err = unchanged(was.Image, after)
		}
		return []audit.Change{userChange(audit.UpdateUser, u.ID, was.Image, after)}, err
	})
	return Saved{s.actor.UserID, cs}, err
}

// ChangeMyPassword replaces the signed-in user's password and ends their other sessions.
func (s *Store) ChangeMyPassword(ctx context.Context, hash string) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	return s.replacePassword(ctx, s.actor.UserID, hash, false, audit.ChangePassword)
}

// ResetPassword replaces a user's password, ends all their sessions and lifts a lock. With mustChange it is
// a one-time password.
func (s *Store) ResetPassword(ctx context.Context, user uuid.UUID, hash string, mustChange bool) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.replacePassword(ctx, user, hash, mustChange, audit.ResetPassword)
}

// replacePassword changes no record (secrets have no image, and no undo), so it has an event, not a change set.
func (s *Store) replacePassword(ctx context.Context, user uuid.UUID, hash string, mustChange bool, action audit.Action) error {
	return s.event(ctx, audit.Change{Action: action, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, user); err != nil {
			return err
		}
		return s.newPassword(ctx, w, user, hash, mustChange, s.origin.Session)
	})
}

// newPassword gives a user, who is locked, another password; it ends their sessions but the excepted one, lifts a
// lock, and tells them by mail.
func (s *Store) newPassword(ctx context.Context, w *work, user uuid.UUID, hash string, mustChange bool, except string) error {
	if err := setPassword(ctx, w, user, hash, mustChange); err != nil {
		return err
	}
	if err := endSessions(ctx, w, user, except); err != nil {
		return err
	}
	if err := unlock(ctx, w, user); err != nil {
		return err
	}
	return s.notify(ctx, w, crm.MailPassword, user)
}

// UnlockUser lets a user sign in again at once after too many wrong passwords or codes.
func (s *Store) UnlockUser(ctx context.Context, user uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.event(ctx, audit.Change{Action: audit.Unlock, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, user); err != nil {
			return err
		}
		if err := unlock(ctx, w, user); err != nil {
			return err
		}
		return unlockCodes(ctx, w, user)
	})
}

// event runs fn and writes its audit row in one transaction, without a change set: nothing to undo.
func (s *Store) event(ctx context.Context, c audit.Change, fn func(context.Context, *work) error) error {
	w, err := s.db.begin(ctx)
	if err != nil {
		return err
	}
	defer w.end(ctx)
	if err := fn(ctx, w); err != nil {
		return translate(err)
	}
	return s.commit(ctx, w, uuid.NullUUID{}, []audit.Change{c})
}

func unlock(ctx context.Context, w *work, user uuid.UUID) error {
	_, err := w.Exec(ctx, `DELETE FROM sign_in_attempts a USING users u
		WHERE u.id = @user AND a.account = sha256(convert_to(u.email, 'UTF8')) AND NOT a.succeeded`, pgx.NamedArgs{"user": user})
	return err
}

// endSessions revokes a user's sessions but the excepted one.
func endSessions(ctx context.Context, w *work, user uuid.UUID, except string) error {
	_, err := w.Exec(ctx, `UPDATE sessions SET revoked_at = now(), data = '' WHERE user_id = @user AND token <> @except AND revoked_at IS NULL`,
		pgx.NamedArgs{"user": user, "except": except})
	return err
}

// sortedPermissions returns the slugs in the order in which pages show them.
func sortedPermissions(slugs []string) []string {
	rank := func(slug string) int { return slices.Index(authz.Permissions, authz.Permission(slug)) }
	slices.SortFunc(slugs, func(a, b string) int { return rank(a) - rank(b) })
	return slugs
}

// Auditees returns all users, deactivated ones too, by name, at most 1,000: the choices of the audit log's filter.
func (s *Store) Auditees(ctx context.Context) ([]crm.User, error) {
	if err := s.require(authz.ViewAudit); err != nil {
		return nil, err
	}
	return many[crm.User](ctx, s.db.pool, `SELECT u.id, u.name, u.email FROM users u ORDER BY u.name`+icu+`, u.id LIMIT 1000`)
}
