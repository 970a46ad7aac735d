package postgres

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/json"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Links sent to people: invitations and password resets. The database keeps a hash of each; the secret itself
// stands in the link and nowhere else. A link is named by what its mail is.

// newSecret returns a fresh secret of 130 random bits, and what is stored of it.
func newSecret() (secret string, hash []byte) {
	secret = rand.Text()
	return secret, hashSecret(secret)
}

// hashSecret needs no salt and no cost: nobody guesses 130 bits.
func hashSecret(secret string) []byte {
	sum := sha256.Sum256([]byte(secret))
	return sum[:]
}

// LinkHolder returns id, name and address of the user a link was made for. One that is unknown, used, revoked or
// expired, or whose user is deactivated, is not found. Asking uses nothing up: what looks for viruses in mail
// opens links too.
func (db *DB) LinkHolder(ctx context.Context, kind crm.MailKind, secret string) (crm.User, error) {
	u, err := one[crm.User](ctx, db.pool, `SELECT u.id, u.name, u.email FROM user_secrets x JOIN users u ON u.id = x.user_id
		WHERE x.hash = @hash AND x.purpose = @kind AND x.used_at IS NULL AND x.expires_at > now() AND u.is_active`,
		pgx.NamedArgs{"hash": hashSecret(secret), "kind": kind})
	return u, notFound(err)
}

// useLink uses up a link of the actor's. However many try at once, one succeeds.
func (s *Store) useLink(ctx context.Context, w *work, kind crm.MailKind, secret string) error {
	tag, err := w.Exec(ctx, `UPDATE user_secrets x SET used_at = now() FROM users u
		WHERE x.hash = @hash AND x.purpose = @kind AND x.user_id = @me AND x.used_at IS NULL AND x.expires_at > now() AND u.id = x.user_id AND u.is_active`,
		pgx.NamedArgs{"hash": hashSecret(secret), "kind": kind, "me": s.actor.UserID})
	if err == nil && tag.RowsAffected() == 0 {
		return crm.ErrNotFound
	}
	return err
}

// endLinks ends every link of a user, and the mails that would make another; see end_links in the migrations. It
// returns how many there were.
func endLinks(ctx context.Context, w *work, user uuid.UUID) (int, error) {
	return scalar[int](ctx, w, `SELECT end_links($1)`, user)
}

// AcceptInvitation gives the actor, whom the link was made for, the name and the password they chose. The link
// works once; one that does not work is not found.
func (s *Store) AcceptInvitation(ctx context.Context, secret, name, hash string) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	me := s.actor.UserID
	return s.event(ctx, audit.Change{Action: audit.AcceptInvitation, TargetType: audit.User, TargetID: me}, func(ctx context.Context, w *work) error {
		was, err := s.lockUser(ctx, w, me)
		if err != nil {
			return err
		}
		if err := s.useLink(ctx, w, crm.MailInvitation, secret); err != nil {
			return err
		}
		if err := s.rename(ctx, w, was, name); err != nil {
			return err
		}
		return setPassword(ctx, w, me, hash, false)
	})
}

// rename saves a user's name within an event, as a change set of its own: the event cannot be undone, the name can.
func (s *Store) rename(ctx context.Context, w *work, was imaged[crm.User], name string) error {
	u := was.Record
	u.Name = name
	u.Clean()
	if err := u.Validate(); err != nil || u.Name == was.Record.Name {
		return err
	}
	set := newID()
	if _, err := w.Exec(ctx, insertChangeSet, s.changeSetArgs(set, audit.UpdateUser, uuid.NullUUID{})); err != nil {
		return err
	}
	after, err := scalar[json.RawMessage](ctx, w, updateUser, userArgs(u))
	if err != nil {
		return err
	}
	return s.note(ctx, w, uuid.NullUUID{UUID: set, Valid: true}, userChange(audit.UpdateUser, u.ID, was.Image, after))
}

// ResetMyPassword gives the actor, whom the link was made for, another password, ends all their sessions and lifts
// a lock. The link works once; one that does not work is not found. A second factor stays as it is.
func (s *Store) ResetMyPassword(ctx context.Context, secret, hash string) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	me := s.actor.UserID
	return s.event(ctx, audit.Change{Action: audit.ResetPassword, TargetType: audit.User, TargetID: me}, func(ctx context.Context, w *work) error {
		if _, err := s.lockUser(ctx, w, me); err != nil {
			return err
		}
		if err := s.useLink(ctx, w, crm.MailReset, secret); err != nil {
			return err
		}
		return s.newPassword(ctx, w, me, hash, false, "")
	})
}

// Invited is what an invitation left behind. Its Secret is to be handed over, once; it is "" where a mail carries it.
type Invited struct {
	Saved
	Secret string
}

// CreateInvited saves a new active user with u.RoleIDs, who has no password yet, and invites them, once per form
// token.
func (s *Store) CreateInvited(ctx context.Context, u crm.User, token uuid.NullUUID) (Invited, error) {
	secret := ""
	saved, err := s.createUser(ctx, u, token, func(ctx context.Context, w *work, id uuid.UUID) (err error) {
		if secret, err = s.invite(ctx, w, id); err != nil {
			return err
		}
		return s.note(ctx, w, uuid.NullUUID{}, audit.Change{Action: audit.InviteUser, TargetType: audit.User, TargetID: id})
	})
	if err != nil || saved.ChangeSet == uuid.Nil {
		secret = ""
	}
	return Invited{saved, secret}, err
}

// InviteUser invites a user without a password again; the links of earlier invitations end.
func (s *Store) InviteUser(ctx context.Context, user uuid.UUID) (Invited, error) {
	if err := s.require(authz.ManageUsers); err != nil {
		return Invited{}, err
	}
	secret := ""
	err := s.event(ctx, audit.Change{Action: audit.InviteUser, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		has, err := s.lockSignIn(ctx, w, user)
		if err != nil {
			return err
		}
		if has {
			return crm.Fault("", "This user has a password already.")
		}
		secret, err = s.invite(ctx, w, user)
		return err
	})
	if err != nil {
		return Invited{}, err
	}
	return Invited{Saved{ID: user}, secret}, nil
}

// lockSignIn locks an active user and reports whether they have a password.
func (s *Store) lockSignIn(ctx context.Context, w *work, user uuid.UUID) (bool, error) {
	was, err := s.lockUser(ctx, w, user)
	if err != nil {
		return false, err
	}
	if !was.Record.IsActive {
		return false, crm.Fault("", "This user is deactivated.")
	}
	return scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM user_credentials WHERE user_id = $1)`, user)
}

// invite ends the user's earlier links and leaves a mail with a new one, or, where no mail is sent, makes it here.
func (s *Store) invite(ctx context.Context, w *work, user uuid.UUID) (string, error) {
	if _, err := endLinks(ctx, w, user); err != nil {
		return "", err
	}
	if s.db.SendsMail() {
		return "", s.post(ctx, w, crm.MailInvitation, user)
	}
	secret, hash := newSecret()
	_, err := w.Exec(ctx, `INSERT INTO user_secrets (hash, user_id, purpose, expires_at) VALUES (@hash, @user, @kind, now() + @lasts::interval)`,
		pgx.NamedArgs{"hash": hash, "user": user, "kind": crm.MailInvitation, "lasts": crm.MailInvitation.Lasts()})
	return secret, err
}

// RevokeInvitation ends a user's invitation, sent or still to be sent; ErrUnchanged when none is open.
func (s *Store) RevokeInvitation(ctx context.Context, user uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.event(ctx, audit.Change{Action: audit.RevokeInvitation, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		has, err := s.lockSignIn(ctx, w, user)
		if err != nil {
			return err
		}
		if has {
			return crm.Fault("", "This user has a password already.")
		}
		if ended, err := endLinks(ctx, w, user); err != nil || ended == 0 {
			return orUnchanged(err)
		}
		return nil
	})
}

func orUnchanged(err error) error {
	if err == nil {
		return crm.ErrUnchanged
	}
	return err
}

// MailReset sends a user a link to choose another password. The present one works until then.
func (s *Store) MailReset(ctx context.Context, user uuid.UUID) error {
	if err := s.require(authz.ManageUsers); err != nil {
		return err
	}
	return s.event(ctx, audit.Change{Action: audit.RequestReset, TargetType: audit.User, TargetID: user}, func(ctx context.Context, w *work) error {
		has, err := s.lockSignIn(ctx, w, user)
		switch {
		case err != nil:
			return err
		case !has:
			return crm.Fault("", "This user has no password yet; send an invitation instead.")
		case !s.db.SendsMail():
			return crm.Fault("", "No mail server is set up, so that no link can be sent.")
		}
		return s.post(ctx, w, crm.MailReset, user)
	})
}
