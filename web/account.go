package web

import (
	"context"
	"net/http"
	"slices"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func showAccount(ctx context.Context, v *visit) (response, error) {
	me, err := v.store.Me(ctx)
	if err != nil {
		return nil, err
	}
	form := templates.Form{Action: paths.Account, Values: map[string]string{"name": me.Name, "zone": me.Zone, "theme": me.Theme, "density": me.Density, "language": me.Language, "keys_off": keysOff(me.KeysOff)}}
	return show(accountPage(v, me, form)), nil
}

func accountPage(v *visit, me crm.User, form templates.Form) templ.Component {
	zones := l10n.Zones
	if me.Zone != "" && !slices.Contains(zones, me.Zone) {
		zones = append([]string{me.Zone}, zones...)
	}
	return templates.Account(templates.AccountPage{Page: v.page, Email: me.Email, Roles: me.RoleNames, Team: me.TeamName, Zones: zones, Form: form})
}

func updateAccount(ctx context.Context, v *visit) (response, error) {
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.UpdateMe(ctx, crm.User{Name: v.form.Get("name"), Preferences: crm.Preferences{
				Zone: v.form.Get("zone"), Theme: v.form.Get("theme"), Density: v.form.Get("density"),
				Language: v.form.Get("language"), KeysOff: v.form.Get("keys_off") != "",
			}})
		},
		func(errs crm.Invalid) (response, error) {
			me, err := v.store.Me(ctx)
			if err != nil {
				return nil, err
			}
			return refuse(accountPage(v, me, templates.Form{Action: paths.Account, Values: v.typed("name", "zone", "theme", "density", "language", "keys_off"), Errors: errs})), nil
		}, paths.Account,
		func(r postgres.Saved) response { return saved(paths.Account, v.t("Profile saved."), r) })
}

// keysOff is what the box of the profile holds.
func keysOff(off bool) string {
	if off {
		return "1"
	}
	return ""
}

func showPassword(_ context.Context, v *visit) (response, error) {
	return passwordPage(v, http.StatusOK, nil), nil
}

func passwordPage(v *visit, status int, errs crm.Invalid) response {
	return page{status, templates.Password(templates.PasswordPage{
		Page: v.page, Forced: v.actor.MustChangePassword, Form: templates.Form{Action: paths.AccountPassword, Errors: errs},
	})}
}

// chosenPassword returns the new password of a form and adds what speaks against it to errs. Words are what an
// attacker would try for this person.
func (s *Server) chosenPassword(v *visit, errs crm.Invalid, words ...string) string {
	chosen := v.form.Get("new_password")
	for _, weak := range password.Check(chosen, append(words, s.Firm)...) {
		errs.Add("new_password", weak.Text, weak.Args...)
	}
	if chosen != v.form.Get("new_password_again") && v.form.Has("new_password_again") {
		errs.Add("new_password_again", "The two new passwords differ.")
	}
	return chosen
}

// changePassword replaces the password and ends all other sessions of the user.
func (s *Server) changePassword(ctx context.Context, v *visit) (response, error) {
	current, chosen := v.form.Get("current_password"), v.form.Get("new_password")
	guess, err := s.DB.CountGuess(ctx, v.actor.Email, v.origin.IP) // a borrowed session must not guess without limit either
	if err != nil {
		return nil, err
	}
	if guess.Throttled {
		return tooMany{seconds: int(guess.RetryAfter.Seconds())}, nil
	}
	errs := v.faults
	s.chosenPassword(v, errs, v.actor.Name, v.actor.Email)
	if chosen == current {
		errs.Add("new_password", "This is the present password; choose another.")
	}
	right, err := s.rightPassword(ctx, v, guess, current)
	if err != nil {
		return nil, err
	}
	if !right {
		errs.Add("current_password", "This is not your present password. After several wrong ones, changing it pauses for 15 minutes.")
	}
	if len(errs) > 0 {
		return passwordPage(v, http.StatusUnprocessableEntity, errs), nil
	}
	hash, err := s.Hasher.Hash(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := v.store.ChangeMyPassword(ctx, hash); err != nil {
		return nil, err
	}
	return redirect{to: paths.Account, flash: templates.Flash{Text: v.t("Password changed. You are signed out everywhere else.")}}, nil
}
