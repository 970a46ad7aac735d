package web

import (
	"context"
	"errors"
	"net/http"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/mfa"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func showCode(_ context.Context, v *visit) (response, error) { return show(codePage(v, nil)), nil }

func codePage(v *visit, errs crm.Invalid) templ.Component {
	return templates.Code(templates.CodePage{Page: v.page, Email: v.half.Email, Form: templates.Form{Action: paths.LoginCode, Errors: errs}})
}

// checkCode takes the second factor of somebody who gave the password. A wrong code and any code while codes
// are paused get the same answer; a try is counted before it is looked at.
func (s *Server) checkCode(ctx context.Context, v *visit) (response, error) {
	// with no permission: until the code is right, theirs is the second step and nothing else
	store := s.DB.As(authz.Actor{UserID: v.half.UserID, Name: v.half.Name}, v.origin)
	guess, err := store.CountCode(ctx)
	if err != nil {
		return nil, err
	}
	factor, err := takeCode(ctx, v, store, guess)
	if err != nil {
		return nil, err
	}
	if factor == "" {
		return s.refuseCode(ctx, v, guess)
	}
	next := localPath(s.sessions.GetString(ctx, sessionNext))
	return s.comeIn(ctx, v, entrance{user: v.half.UserID, to: next, proof: v.proof}, v.half.Name, map[string]any{"factor": factor})
}

// takeCode spends the code that was sent and says which kind it was, "" for a wrong one.
func takeCode(ctx context.Context, v *visit, store *postgres.Store, guess postgres.CodeGuess) (string, error) {
	if !guess.Evaluate || guess.Secret == "" {
		return "", nil
	}
	factor, taken, err := "totp", false, error(nil)
	entry := mfa.Read(v.form.Get("code"))
	if step, right := mfa.Step(guess.Secret, entry.Code, v.now); right {
		taken, err = store.UseCode(ctx, guess, step)
	} else if entry.Recovery != nil {
		factor = "recovery"
		taken, err = store.UseRecoveryCode(ctx, guess, entry.Recovery)
	}
	if err != nil || !taken {
		return "", err
	}
	return factor, nil
}

// refuseCode tells it in nobody's name: who knows a password only is not known to be the user.
func (s *Server) refuseCode(ctx context.Context, v *visit, guess postgres.CodeGuess) (response, error) {
	store := s.DB.As(authz.Actor{}, v.origin)
	if err := store.Event(ctx, audit.LoginFailed, audit.User, v.half.UserID, map[string]any{"step": "code"}); err != nil {
		return nil, err
	}
	if err := tellCodeLockout(ctx, store, v.half, guess); err != nil {
		return nil, err
	}
	return refuse(codePage(v, wrongCode())), nil
}

// tellCodeLockout writes that this wrong code was the last one looked at for now.
func tellCodeLockout(ctx context.Context, store *postgres.Store, whose authz.Actor, guess postgres.CodeGuess) error {
	if !guess.Last {
		return nil
	}
	return store.Event(ctx, audit.Lockout, audit.User, whose.UserID, map[string]any{"step": "code"})
}

func wrongCode() crm.Invalid {
	return crm.Invalid{"code": crm.Msg("This code is wrong, or was used before. After several wrong codes none is taken for 15 minutes, after many for a day.")}
}

func (s *Server) showSecondFactor(ctx context.Context, v *visit) (response, error) {
	return s.secondFactorPage(ctx, v, nil)
}

// mySecondFactor returns the visitor's own, with a secret that is being set up only while the password was given
// lately: whoever borrows the session must not copy what its owner is about to confirm.
func (s *Server) mySecondFactor(ctx context.Context, v *visit) (postgres.SecondFactor, error) {
	f, err := v.store.MySecondFactor(ctx)
	if !s.proved(ctx) {
		f.Pending = ""
	}
	return f, err
}

func (s *Server) secondFactorPage(ctx context.Context, v *visit, errs crm.Invalid) (response, error) {
	f, err := s.mySecondFactor(ctx, v)
	if err != nil {
		return nil, err
	}
	body := templates.SecondFactor(templates.SecondFactorPage{
		Page: v.page, Since: f.Since, Secret: mfa.Grouped(f.Pending), CodesLeft: f.CodesLeft, Required: f.Required,
		Enforced: v.actor.MustEnrol, Form: templates.Form{Action: paths.ConfirmMFA, Errors: errs},
	})
	if errs != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

// showSecondFactorPicture is the QR code of the secret that is being set up, and of no other.
func (s *Server) showSecondFactorPicture(ctx context.Context, v *visit) (response, error) {
	f, err := s.mySecondFactor(ctx, v)
	if err != nil {
		return nil, err
	}
	if f.Pending == "" {
		return nil, crm.ErrNotFound
	}
	picture, err := mfa.QR(f.Pending, s.Firm, v.actor.Email)
	if err != nil {
		return nil, err
	}
	return file{contentType: "image/png", body: picture}, nil
}

func setUpSecondFactor(ctx context.Context, v *visit) (response, error) {
	return afterSecondFactor(v, v.store.SetUpSecondFactor(ctx, mfa.NewSecret()), templates.Flash{})
}

// afterSecondFactor leads back to the page of the second factor, which says how it stands now.
func afterSecondFactor(v *visit, err error, flash templates.Flash) (response, error) {
	if errors.Is(err, crm.ErrUnchanged) {
		flash, err = templates.Flash{Text: v.t("Nothing changed")}, nil
	}
	return redirect{to: paths.AccountMFA, flash: flash}, err
}

// recoveryCodes is how many a user gets.
const recoveryCodes = 10

// confirmSecondFactor switches the second factor on when the app shows the right code. Wrong ones count as at
// sign-in, so that a borrowed session learns nothing by trying.
func (s *Server) confirmSecondFactor(ctx context.Context, v *visit) (response, error) {
	f, err := v.store.MySecondFactor(ctx)
	if err != nil || f.Pending == "" {
		return redirect{to: paths.AccountMFA}, err // on already: this was sent twice, and the first answer has the codes
	}
	guess, err := v.store.CountCode(ctx)
	if err != nil {
		return nil, err
	}
	step, right := mfa.Step(guess.Pending, mfa.Read(v.form.Get("code")).Code, v.now)
	if !guess.Evaluate || guess.Pending == "" || !right {
		if err := tellCodeLockout(ctx, v.store, v.actor, guess); err != nil {
			return nil, err
		}
		return s.secondFactorPage(ctx, v, wrongCode())
	}
	codes := mfa.NewRecoveryCodes(recoveryCodes)
	if err := v.store.EnableSecondFactor(ctx, guess, step, mfa.Hashes(codes)); err != nil {
		return afterSecondFactor(v, err, templates.Flash{})
	}
	return recoveryCodesPage(v, codes, true), nil
}

func recoveryCodesPage(v *visit, codes []string, enabled bool) response {
	return page{http.StatusOK, templates.RecoveryCodes(templates.RecoveryCodesPage{Page: v.page, Codes: codes, Enabled: enabled})}
}

func newRecoveryCodes(ctx context.Context, v *visit) (response, error) {
	codes := mfa.NewRecoveryCodes(recoveryCodes)
	if err := v.store.NewRecoveryCodes(ctx, mfa.Hashes(codes)); err != nil {
		return afterSecondFactor(v, err, templates.Flash{})
	}
	return recoveryCodesPage(v, codes, false), nil
}

func (s *Server) disableSecondFactor(ctx context.Context, v *visit) (response, error) {
	err := v.store.DisableSecondFactor(ctx)
	var invalid crm.Invalid
	if errors.As(err, &invalid) {
		return s.secondFactorPage(ctx, v, invalid)
	}
	return afterSecondFactor(v, err, templates.Flash{Text: v.t("Second factor switched off. You are signed out everywhere else.")})
}

// resetSecondFactor lets somebody in again who lost phone and recovery codes, with the password alone.
func resetSecondFactor(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	flash := templates.Flash{Text: v.t("Second factor reset. The user is signed out everywhere.")}
	err = v.store.ResetSecondFactor(ctx, id)
	if errors.Is(err, crm.ErrUnchanged) {
		flash, err = templates.Flash{Text: v.t("Nothing changed")}, nil
	}
	return redirect{to: paths.User(id), flash: flash}, err
}
