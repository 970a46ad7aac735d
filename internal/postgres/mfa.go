package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// The budgets of wrong codes per user, over sign-in and set-up together. Three codes of a million are right at
// any moment, so five a quarter of an hour alone would let somebody who has the password in within two years.
const (
	codesPerQuarter = 5
	codesPerDay     = 30
)

// SecondFactor is what the signed-in user's second factor is like.
type SecondFactor struct {
	Since     time.Time // zero while it is off
	Pending   string    // a secret that no code has confirmed yet: it counts for nothing
	CodesLeft int       // recovery codes not used yet
	Required  []string  // the user's roles that ask for a second factor, by name
}

// On reports whether sign-in asks for a second factor.
func (f SecondFactor) On() bool { return !f.Since.IsZero() }

// MySecondFactor returns the signed-in user's own.
func (s *Store) MySecondFactor(ctx context.Context) (SecondFactor, error) {
	if !s.actor.SignedIn() {
		return SecondFactor{}, crm.ErrNotFound
	}
	f, err := one[SecondFactor](ctx, s.db.pool, `SELECT CASE WHEN c.totp_secret IS NULL THEN '0001-01-01 00:00:00+00' ELSE c.totp_since END AS since,
			coalesce(c.totp_pending, '') AS pending, (SELECT count(*) FROM recovery_codes r WHERE r.user_id = c.user_id AND r.used_at IS NULL) AS codes_left,
			`+requiringRoles+` AS required
		FROM user_credentials c WHERE c.user_id = @me`, s.args(nil))
	return f, notFound(err)
}

// requiringRoles are the names of the roles of user @me that ask for a second factor.
const requiringRoles = `ARRAY(SELECT r.name FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = @me AND r.requires_mfa ORDER BY r.name, r.id)`

// SetUpSecondFactor keeps a secret until a code confirms it, in place of any earlier one. It returns
// ErrUnchanged while a second factor is on: that one must be switched off first.
func (s *Store) SetUpSecondFactor(ctx context.Context, secret string) error {
	return s.myFactor(ctx, audit.SetUpMFA, func(ctx context.Context, w *work) error {
		return changed(w.Exec(ctx, `UPDATE user_credentials SET totp_pending = @secret WHERE user_id = @me AND totp_secret IS NULL`,
			s.args(pgx.NamedArgs{"secret": secret})))
	})
}

// CodeGuess is one try at a second factor, counted before the code is looked at.
type CodeGuess struct {
	ID       int64
	Evaluate bool   // whether the code may be compared at all
	Last     bool   // with Evaluate: the last of its budget; wrong, it pauses the second factor
	Secret   string // "" while none is on
	Pending  string // "" while none is being set up
}

// CountCode counts a try at the second factor of the actor, who needs no permission and may be signed in by
// half. Parallel tries wait for each other here, so that they cannot outrun the count. A right one is taken
// back from the count by UseCode and its like. The visitor's address is left out: a code is not a try to sign in
// from there, and an office comes from one address.
func (s *Store) CountCode(ctx context.Context) (CodeGuess, error) {
	if !s.actor.SignedIn() {
		return CodeGuess{}, crm.ErrNotFound
	}
	args := s.args(pgx.NamedArgs{"account": codeKey(s.actor.UserID), "quarter": codesPerQuarter, "day": codesPerDay})
	tx, err := s.db.pool.Begin(ctx)
	if err != nil {
		return CodeGuess{}, err
	}
	defer rollback(ctx, tx)
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock(2, hashtext(encode(@account, 'hex')))`, args); err != nil {
		return CodeGuess{}, err
	}
	g, err := one[CodeGuess](ctx, tx, `
		WITH n AS (SELECT count(*) FILTER (WHERE a.created_at > clock_timestamp() - interval '15 minutes') AS quarter, count(*) AS day
			FROM sign_in_attempts a WHERE a.account = @account AND a.evaluated AND NOT a.succeeded AND a.created_at > clock_timestamp() - interval '1 day'),
		i AS (INSERT INTO sign_in_attempts (account, address, known, evaluated)
			SELECT @account, '::', FALSE, n.quarter < @quarter AND n.day < @day FROM n RETURNING id, evaluated)
		SELECT i.id, i.evaluated AS evaluate, i.evaluated AND (n.quarter + 1 = @quarter OR n.day + 1 = @day) AS last,
			coalesce(c.totp_secret, '') AS secret, coalesce(c.totp_pending, '') AS pending
		FROM i CROSS JOIN n JOIN user_credentials c ON c.user_id = @me`, args)
	if err != nil {
		return CodeGuess{}, notFound(err)
	}
	return g, tx.Commit(ctx)
}

// codeKey names a user's second factor among the accounts that are guessed at. Those are named by hashes of
// typed addresses, 32 bytes long, so nothing typed at sign-in can count against it.
func codeKey(user uuid.UUID) []byte { return user[:] }

// UseCode takes the code of a step, once: it returns false when that step or a later one was taken before,
// when the secret is no longer the one that was guessed at, or when the half session was ended meanwhile.
func (s *Store) UseCode(ctx context.Context, g CodeGuess, step int64) (bool, error) {
	return s.useOnce(ctx, g, nil, `UPDATE user_credentials SET totp_step = @step WHERE user_id = @me AND totp_secret = @secret AND totp_step < @step`,
		pgx.NamedArgs{"step": step, "secret": g.Secret})
}

// UseRecoveryCode takes a recovery code, once, by its hash; false as for UseCode.
func (s *Store) UseRecoveryCode(ctx context.Context, g CodeGuess, hash []byte) (bool, error) {
	return s.useOnce(ctx, g, []audit.Change{s.aboutMe(audit.UseRecoveryCode)}, `UPDATE recovery_codes r SET used_at = now() FROM user_credentials c
		WHERE r.user_id = @me AND r.hash = @hash AND r.used_at IS NULL AND c.user_id = r.user_id AND c.totp_secret = @secret`, pgx.NamedArgs{"hash": hash, "secret": g.Secret})
}

// useOnce runs the update that takes a code, counts the guess as right and knows the address, if it changed a row. The user is
// locked first: whoever resets a password, or a second factor, ends the half session before or after, not
// between.
func (s *Store) useOnce(ctx context.Context, g CodeGuess, tell []audit.Change, take string, args pgx.NamedArgs) (bool, error) {
	if !s.actor.SignedIn() {
		return false, crm.ErrNotFound
	}
	args = s.args(args)
	args["session"], args["guess"] = s.origin.Session, g.ID
	w, err := s.db.begin(ctx)
	if err != nil {
		return false, err
	}
	defer w.end(ctx)
	if _, err := s.lockUser(ctx, w, s.actor.UserID); err != nil {
		return false, err
	}
	live, err := scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM sessions s JOIN users u ON u.id = s.user_id
		WHERE s.token = @session AND s.user_id = @me AND s.half AND s.revoked_at IS NULL AND u.is_active)`, args)
	if err != nil || !live {
		return false, err
	}
	tag, err := w.Exec(ctx, take, args)
	if err != nil || tag.RowsAffected() != 1 {
		return false, err
	}
	if err := guessedRight(ctx, w, g); err != nil {
		return false, err
	}
	if _, err := w.Exec(ctx, knowAddress, pgx.NamedArgs{"user": s.actor.UserID, "address": network(s.origin.IP)}); err != nil {
		return false, err
	}
	return true, s.commit(ctx, w, uuid.NullUUID{}, tell)
}

func guessedRight(ctx context.Context, w *work, g CodeGuess) error {
	_, err := w.Exec(ctx, `UPDATE sign_in_attempts SET succeeded = TRUE WHERE id = $1`, g.ID)
	return err
}

// EnableSecondFactor turns the pending secret that was guessed at into the second factor, with the hashes of
// fresh recovery codes, ends the user's other sessions and tells them by mail. The code that confirmed it is spent. It returns
// ErrUnchanged when that secret is no longer pending: another confirmation, or another set-up, came first.
func (s *Store) EnableSecondFactor(ctx context.Context, g CodeGuess, step int64, recovery [][]byte) error {
	return s.myFactor(ctx, audit.EnableMFA, func(ctx context.Context, w *work) error {
		err := changed(w.Exec(ctx, `UPDATE user_credentials SET totp_secret = totp_pending, totp_pending = NULL, totp_step = @step, totp_since = now()
			WHERE user_id = @me AND totp_pending = @pending AND totp_secret IS NULL`, s.args(pgx.NamedArgs{"step": step, "pending": g.Pending})))
		if err != nil {
			return err
		}
		if err := guessedRight(ctx, w, g); err != nil {
			return err
		}
		if err := s.replaceRecoveryCodes(ctx, w, recovery); err != nil {
			return err
		}
		if err := endSessions(ctx, w, s.actor.UserID, s.origin.Session); err != nil {
			return err
		}
		return s.notify(ctx, w, crm.MailMFAOn, s.actor.UserID)
	})
}

// NewRecoveryCodes replaces all recovery codes, used or not. It returns ErrUnchanged while no second factor is on.
func (s *Store) NewRecoveryCodes(ctx context.Context, recovery [][]byte) error {
	return s.myFactor(ctx, audit.NewRecoveryCodes, func(ctx context.Context, w *work) error {
		if err := s.hasFactor(ctx, w); err != nil {
			return err
		}
		return s.replaceRecoveryCodes(ctx, w, recovery)
	})
}

// hasFactor returns ErrUnchanged unless a second factor is on.
func (s *Store) hasFactor(ctx context.Context, w *work) error {
	on, err := scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM user_credentials WHERE user_id = @me AND totp_secret IS NOT NULL)`, s.args(nil))
	if err == nil && !on {
		err = crm.ErrUnchanged
	}
	return err
}

func (s *Store) replaceRecoveryCodes(ctx context.Context, w *work, recovery [][]byte) error {
	args := s.args(pgx.NamedArgs{"hashes": recovery})
	if _, err := w.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = @me`, args); err != nil {
		return err
	}
	_, err := w.Exec(ctx, `INSERT INTO recovery_codes (user_id, hash) SELECT @me, h FROM unnest(@hashes::bytea[]) h`, args)
	return err
}

// DisableSecondFactor switches the second factor off and ends the user's other sessions, halves among them. It
// is an Invalid while a role asks for one, and ErrUnchanged while none is on.
func (s *Store) DisableSecondFactor(ctx context.Context) error {
	return s.myFactor(ctx, audit.DisableMFA, func(ctx context.Context, w *work) error {
		if err := s.hasFactor(ctx, w); err != nil {
			return err
		}
		required, err := scalar[[]string](ctx, w, `SELECT `+requiringRoles, s.args(nil))
		if err != nil {
			return err
		}
		if len(required) > 0 {
			return crm.Fault("", "The role %s requires a second factor, so it cannot be switched off.", required[0])
		}
		if err := forgetFactor(ctx, w, s.actor.UserID); err != nil {
			return err
		}
		if err := endSessions(ctx, w, s.actor.UserID, s.origin.Session); err != nil {
			return err
		}
		return s.notify(ctx, w, crm.MailMFAOff, s.actor.UserID)
	})
}

// ResetSecondFactor takes away a user's second factor, set up or half-way, with its recovery codes and any
// pause after wrong ones, and ends all their sessions. It returns ErrUnchanged when they have none.
func (s *Store) ResetSecondFactor(ctx context.Context, user uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.event(ctx, audit.Change{Action: audit.ResetMFA, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, user); err != nil {
			return err
		}
		if err := forgetFactor(ctx, w, user); err != nil {
			return err
		}
		if err := endSessions(ctx, w, user, ""); err != nil {
			return err
		}
		if err := unlockCodes(ctx, w, user); err != nil {
			return err
		}
		return s.notify(ctx, w, crm.MailMFAReset, user)
	})
}

// forgetFactor deletes a user's secret and recovery codes; ErrUnchanged when there is none.
func forgetFactor(ctx context.Context, w *work, user uuid.UUID) error {
	err := changed(w.Exec(ctx, `UPDATE user_credentials SET totp_secret = NULL, totp_pending = NULL, totp_since = NULL
		WHERE user_id = $1 AND (totp_secret IS NOT NULL OR totp_pending IS NOT NULL)`, user))
	if err != nil {
		return err
	}
	_, err = w.Exec(ctx, `DELETE FROM recovery_codes WHERE user_id = $1`, user)
	return err
}

// changed returns ErrUnchanged for a statement that found no row to change.
func changed(tag pgconn.CommandTag, err error) error {
	if err == nil && tag.RowsAffected() == 0 {
		err = crm.ErrUnchanged
	}
	return err
}

// unlockCodes ends the pause after wrong codes. Only an admin does: a new password is no reason to guess codes again.
func unlockCodes(ctx context.Context, w *work, user uuid.UUID) error {
	_, err := w.Exec(ctx, `DELETE FROM sign_in_attempts WHERE account = $1 AND NOT succeeded`, codeKey(user))
	return err
}

// myFactor runs a change of the signed-in user's own second factor. Secrets have no image, so it is an event.
func (s *Store) myFactor(ctx context.Context, action audit.Action, fn func(context.Context, *work) error) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	return s.event(ctx, s.aboutMe(action), func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, s.actor.UserID); err != nil {
			return err
		}
		return fn(ctx, w)
	})
}

func (s *Store) aboutMe(action audit.Action) audit.Change {
	return audit.Change{Action: action, TargetType: audit.User, TargetID: s.actor.UserID}
}
