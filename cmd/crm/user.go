package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres"
)

type userCmd struct {
	Add           userAddCmd           `cmd:"" help:"Add a user."`
	ResetPassword userResetPasswordCmd `cmd:"" help:"Replace a user's password and end their sessions."`
	ResetMFA      userResetMFACmd      `cmd:"" name:"reset-mfa" help:"Take away a user's second factor and end their sessions."`
	Unlock        userUnlockCmd        `cmd:"" help:"Let a user sign in again after too many wrong passwords or codes."`
	List          userListCmd          `cmd:"" help:"List the users."`
}

// onUsers runs work with the one right that these commands need.
func (a *app) onUsers(ctx context.Context, work func(*postgres.Store) error) error {
	return a.onRegister(ctx, func(db *postgres.DB) error {
		return work(db.As(authz.SystemActor("crm user", authz.ManageUsers), postgres.Origin{}))
	})
}

// hasher returns one with the costs of the settings, as wide as the machine.
func (a *app) hasher() *password.Hasher {
	return password.New(password.Params{MemoryKiB: a.Argon2MemoryKiB, Time: a.Argon2Time, Threads: 1}, runtime.NumCPU())
}

// newPassword is how a command sets a password.
type newPassword struct {
	PasswordStdin bool `help:"Read the password from standard input and keep it; without this a one-time password is made."`
}

// choose returns the password and its hash. One that was given is final, another must be changed at first
// sign-in; see tell.
func (p newPassword) choose(ctx context.Context, a *app) (chosen, hash string, err error) {
	if p.PasswordStdin {
		chosen, err = readPassword(ctx, a.in)
	} else {
		chosen = password.OneTime()
	}
	if err != nil {
		return "", "", err
	}
	hash, err = a.hasher().Hash(ctx, chosen)
	return chosen, hash, err
}

// tell shows a one-time password, the only time that anyone sees it.
func (p newPassword) tell(a *app, chosen string) {
	if !p.PasswordStdin {
		a.say("One-time password, shown only now, to be changed at the first sign-in: %s", chosen)
	}
}

type userAddCmd struct {
	newPassword
	Email string   `required:"" placeholder:"E-MAIL" help:"Address to sign in with."`
	Name  string   `required:"" placeholder:"NAME" help:"Name as pages show it."`
	Role  []string `required:"" placeholder:"ROLE" help:"Short name of a role; give it again for more roles."`
	Team  string   `placeholder:"NAME" help:"Team, by name."`
}

// Run adds the user and, without --password-stdin, prints a one-time password.
func (c userAddCmd) Run(ctx context.Context, a *app) error {
	chosen, hash, err := c.choose(ctx, a)
	if err != nil {
		return err
	}
	return a.onUsers(ctx, func(s *postgres.Store) error {
		u := crm.User{Email: c.Email, Name: c.Name, IsActive: true}
		var err error
		if u.RoleIDs, err = roleIDs(ctx, s, c.Role); err != nil {
			return err
		}
		if u.TeamID, err = teamID(ctx, s, c.Team); err != nil {
			return err
		}
		if _, err := s.CreateUser(ctx, u, hash, !c.PasswordStdin, uuid.NullUUID{}); err != nil {
			return err
		}
		a.say("Added %s (%s).", strings.ToLower(crm.Clean(c.Email)), strings.Join(c.Role, ", "))
		c.tell(a, chosen)
		return nil
	})
}

func roleIDs(ctx context.Context, s *postgres.Store, slugs []string) ([]uuid.UUID, error) {
	roles, err := s.Roles(ctx)
	if err != nil {
		return nil, err
	}
	known, ids := map[string]uuid.UUID{}, []uuid.UUID{}
	var names []string
	for _, r := range roles {
		known[r.Slug] = r.ID
		names = append(names, r.Slug)
	}
	for _, slug := range slugs {
		id, found := known[slug]
		if !found {
			return nil, fmt.Errorf("there is no role %q; the roles are %s", slug, strings.Join(names, ", "))
		}
		if !slices.Contains(ids, id) {
			ids = append(ids, id)
		}
	}
	return ids, nil
}

// teamID finds a team by name, in any case; no name is no team.
func teamID(ctx context.Context, s *postgres.Store, name string) (uuid.NullUUID, error) {
	if name == "" {
		return uuid.NullUUID{}, nil
	}
	teams, err := s.Teams(ctx)
	if err != nil {
		return uuid.NullUUID{}, err
	}
	for _, t := range teams {
		if strings.EqualFold(t.Name, crm.Clean(name)) {
			return uuid.NullUUID{UUID: t.ID, Valid: true}, nil
		}
	}
	return uuid.NullUUID{}, fmt.Errorf("there is no team %q", name)
}

// someone names a user; the address stands alone or behind --email.
type someone struct {
	Address string `arg:"" optional:"" name:"e-mail" help:"Address of the user."`
	Email   string `placeholder:"E-MAIL" help:"Address of the user."`
}

func (w someone) find(ctx context.Context, s *postgres.Store) (crm.User, error) {
	u, err := s.UserByEmail(ctx, w.Address+w.Email)
	if errors.Is(err, crm.ErrNotFound) {
		err = fmt.Errorf("there is no user %q", w.Address+w.Email)
	}
	return u, err
}

// Validate is called by kong.
func (w someone) Validate() error {
	if (w.Address == "") == (w.Email == "") {
		return errors.New("name the user by one e-mail address")
	}
	return nil
}

type userResetPasswordCmd struct {
	newPassword
	someone
}

// Run replaces the password; see newPassword.
func (c userResetPasswordCmd) Run(ctx context.Context, a *app) error {
	chosen, hash, err := c.choose(ctx, a)
	if err != nil {
		return err
	}
	return a.onUsers(ctx, func(s *postgres.Store) error {
		u, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if err := s.ResetPassword(ctx, u.ID, hash, !c.PasswordStdin); err != nil {
			return err
		}
		a.say("Replaced the password of %s and ended their sessions.", u.Email)
		c.tell(a, chosen)
		return nil
	})
}

type userResetMFACmd struct{ someone }

// Run leaves the password as the only way in, for somebody who lost phone and recovery codes.
func (c userResetMFACmd) Run(ctx context.Context, a *app) error {
	return a.onUsers(ctx, func(s *postgres.Store) error {
		u, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if err := s.ResetSecondFactor(ctx, u.ID); errors.Is(err, crm.ErrUnchanged) {
			return fmt.Errorf("%s has no second factor", u.Email)
		} else if err != nil {
			return err
		}
		a.say("Took away the second factor of %s and ended their sessions.", u.Email)
		return nil
	})
}

type userUnlockCmd struct{ someone }

// Run lifts the lock, if there is one.
func (c userUnlockCmd) Run(ctx context.Context, a *app) error {
	return a.onUsers(ctx, func(s *postgres.Store) error {
		u, err := c.find(ctx, s)
		if err != nil {
			return err
		}
		if err := s.UnlockUser(ctx, u.ID); err != nil {
			return err
		}
		a.say("%s may sign in again.", u.Email)
		return nil
	})
}

type userListCmd struct{}

// Run prints a table.
func (userListCmd) Run(ctx context.Context, a *app) error {
	return a.onUsers(ctx, func(s *postgres.Store) error {
		users, err := s.Users(ctx)
		if err != nil {
			return err
		}
		table := a.table("E-MAIL", "NAME", "ROLES", "TEAM", "STATE", "LAST SEEN")
		for _, u := range users {
			table.row(u.Email, u.Name, strings.Join(u.RoleNames, ", "), u.TeamName, state(u), moment(u.LastSeen, "never"))
		}
		table.flush()
		return nil
	})
}

// state is how far a user has come in; of an invitation, until when it is open.
func state(u crm.User) string {
	switch u.State {
	case crm.UserInvited:
		return "invited until " + moment(u.InvitedUntil, "")
	case crm.UserUninvited:
		return "invitation expired"
	}
	return string(u.State)
}
