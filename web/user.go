package web

import (
	"context"
	"errors"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func listUsers(ctx context.Context, v *visit) (response, error) {
	users, err := v.store.Users(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.Users(templates.UsersPage{Page: v.page, Users: users})), nil
}

func newUser(ctx context.Context, v *visit) (response, error) {
	return userForm(ctx, v, crm.User{}, templates.Form{Action: paths.Users, Token: uuid.NewString()})
}

// userForm shows the form: new, edit, or again after something was wrong with it.
func userForm(ctx context.Context, v *visit, u crm.User, form templates.Form) (response, error) {
	roles, err := v.store.Roles(ctx)
	if err != nil {
		return nil, err
	}
	teams, err := v.store.Teams(ctx)
	if err != nil {
		return nil, err
	}
	body := templates.UserForm(templates.UserFormPage{
		Page: v.page, User: u, Roles: roles, Teams: teamOptions(teams, uuid.Nil), Form: form, IsNew: u.ID == uuid.Nil,
		SendsMail: v.sendsMail,
	})
	if form.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

// readUser reads the fields of the form.
func readUser(v *visit) crm.User {
	u := crm.User{Name: v.form.Get("name"), Email: v.form.Get("email"), TeamID: v.reference("team_id", "There is no such team.")}
	for _, text := range v.form["role_ids"] {
		id, err := uuid.Parse(text)
		if err != nil {
			v.faults.Add("role_ids", "There is no such role.")
			continue
		}
		u.RoleIDs = append(u.RoleIDs, id)
	}
	return u
}

func typedUser(v *visit, action string, errs crm.Invalid) templates.Form {
	return templates.Form{
		Action: action, Values: v.typed("name", "email", "team_id", "sign_in"), Many: map[string][]string{"role_ids": v.form["role_ids"]}, Errors: errs,
	}
}

// createUser makes a user who is invited, or has a one-time password. A secret stands on the answer and nowhere else.
func (s *Server) createUser(ctx context.Context, v *visit) (response, error) {
	if v.form.Get("sign_in") == "password" {
		return s.createWithPassword(ctx, v)
	}
	u := readUser(v)
	u.Clean()
	var invited postgres.Invited
	return v.save(
		func() (_ postgres.Saved, err error) {
			invited, err = v.store.CreateInvited(ctx, u, v.token())
			return invited.Saved, err
		}, newUserAgain(ctx, v), "",
		func(r postgres.Saved) response {
			if r.ChangeSet == uuid.Nil { // sent twice: the first answer has the link
				return redirect{to: paths.User(r.ID)}
			}
			return s.invitedPage(v, u, invited)
		})
}

func (s *Server) createWithPassword(ctx context.Context, v *visit) (response, error) {
	u, secret := readUser(v), password.OneTime()
	hash, err := s.Hasher.Hash(ctx, secret)
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateUser(ctx, u, hash, true, v.token()) },
		newUserAgain(ctx, v), "",
		func(r postgres.Saved) response {
			if r.ChangeSet == uuid.Nil { // sent twice: the first answer has the password
				return redirect{to: paths.User(r.ID)}
			}
			return secretPage(v, r.ID, u, secret, 0)
		})
}

// newUserAgain shows the form for a new user again, as typed.
func newUserAgain(ctx context.Context, v *visit) func(crm.Invalid) (response, error) {
	return func(errs crm.Invalid) (response, error) {
		form := typedUser(v, paths.Users, errs)
		form.Token = v.formToken()
		return userForm(ctx, v, crm.User{}, form)
	}
}

func secretPage(v *visit, id uuid.UUID, u crm.User, secret string, tokens int) response {
	return page{http.StatusOK, templates.Secret(templates.SecretPage{
		Page: v.page, UserID: id, Name: crm.Clean(u.Name), Email: strings.ToLower(crm.Clean(u.Email)), Secret: secret, Tokens: tokens,
	})}
}

func editUser(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	u, err := v.store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	return userForm(ctx, v, u, storedUser(u))
}

func storedUser(u crm.User) templates.Form {
	roles := make([]string, len(u.RoleIDs))
	for i, id := range u.RoleIDs {
		roles[i] = id.String()
	}
	return templates.Form{
		Action: paths.User(u.ID), Version: u.Version, Many: map[string][]string{"role_ids": roles},
		Values: map[string]string{"name": u.Name, "email": u.Email, "team_id": nullID(u.TeamID)},
	}
}

func updateUser(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	u := readUser(v)
	u.ID, u.Version = id, v.version()
	again := func(errs crm.Invalid) (response, error) {
		now, err := v.store.User(ctx, id)
		if err != nil {
			return nil, err
		}
		form := typedUser(v, paths.User(id), errs)
		form.Version = u.Version
		return userForm(ctx, v, now, form)
	}
	resp, err := v.save(func() (postgres.Saved, error) { return v.store.UpdateUser(ctx, u) }, again, paths.User(id),
		func(r postgres.Saved) response { return saved(paths.User(id), v.t("User saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return userConflict(ctx, v, id)
	}
	return resp, err
}

// userConflict shows the form as typed over the fresh version: roles are boxes, which do not stand side by side.
func userConflict(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	now, err := v.store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	form := typedUser(v, paths.User(id), crm.Invalid{"": crm.Msg("Someone changed this user while you were editing: now %s, %s, with the roles %s. Saving again overwrites that with what stands below.",
		now.Name, now.Email, strings.Join(now.RoleNames, ", "))})
	form.Version = now.Version
	resp, err := userForm(ctx, v, now, form)
	return withStatus(resp, http.StatusConflict), err
}

// withStatus returns a page with another status.
func withStatus(resp response, status int) response {
	if p, is := resp.(page); is {
		p.status = status
		return p
	}
	return resp
}

func deactivateUser(ctx context.Context, v *visit) (response, error) {
	return setUserActive(ctx, v, false, v.t("User deactivated."))
}

func reactivateUser(ctx context.Context, v *visit) (response, error) {
	return setUserActive(ctx, v, true, v.t("User reactivated."))
}

func setUserActive(ctx context.Context, v *visit, active bool, done string) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.SetUserActive(ctx, id, active) },
		userAgain(ctx, v, id), paths.User(id),
		func(r postgres.Saved) response { return saved(paths.User(id), done, r) })
}

// resetPassword gives a user a new one-time password and ends their sessions. Their API tokens stay, as everywhere: a
// forgotten password must not stop programs. They do nothing until another is chosen, and the answer tells of them.
func (s *Server) resetPassword(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	u, err := v.store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	tokens, err := v.store.UserTokens(ctx, id)
	if err != nil {
		return nil, err
	}
	live := 0
	for _, t := range tokens {
		if t.Live() {
			live++
		}
	}
	secret := password.OneTime()
	hash, err := s.Hasher.Hash(ctx, secret)
	if err != nil {
		return nil, err
	}
	if err := v.store.ResetPassword(ctx, id, hash, true); err != nil {
		return nil, err
	}
	return secretPage(v, id, u, secret, live), nil
}

func unlockUser(ctx context.Context, v *visit) (response, error) {
	return aboutUser(ctx, v, v.t("Sign-in unlocked."), v.store.UnlockUser)
}

// aboutUser does something about the user in the path that is no change of their record, and leads back to them.
func aboutUser(ctx context.Context, v *visit, done string, do func(context.Context, uuid.UUID) error) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return postgres.Saved{ID: id}, do(ctx, id) },
		userAgain(ctx, v, id), paths.User(id),
		func(r postgres.Saved) response { return saved(paths.User(id), done, r) })
}

// userAgain shows a user's page with what was wrong.
func userAgain(ctx context.Context, v *visit, id uuid.UUID) func(crm.Invalid) (response, error) {
	return func(errs crm.Invalid) (response, error) {
		u, err := v.store.User(ctx, id)
		if err != nil {
			return nil, err
		}
		form := storedUser(u)
		form.Errors = errs
		return userForm(ctx, v, u, form)
	}
}
