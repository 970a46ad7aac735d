package web

import (
	"context"
	"net/http"
	"strings"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func (s *Server) showForgot(_ context.Context, v *visit) (response, error) {
	return s.forgotPage(v, false), nil
}

func (s *Server) forgotPage(v *visit, asked bool) response {
	return page{http.StatusOK, templates.Forgot(templates.ForgotPage{Page: v.page, SendsMail: s.DB.SendsMail(), Asked: asked})}
}

// requestReset answers every address alike, known or not, after the same work.
func (s *Server) requestReset(ctx context.Context, v *visit) (response, error) {
	email := strings.TrimSpace(v.form.Get("email"))
	if len(v.faults) > 0 || len(email) > 400 {
		email = "-" // nobody's; counted and answered like any other
	}
	wait, err := s.DB.RequestReset(ctx, email, v.origin)
	if err != nil {
		return nil, err
	}
	if wait > 0 {
		return tooMany{seconds: int(wait.Seconds())}, nil
	}
	return s.forgotPage(v, true), nil
}

func (s *Server) showReset(ctx context.Context, v *visit) (response, error) {
	u, err := s.linkHolder(ctx, v, crm.MailReset)
	if err != nil {
		return deadLink(v, crm.MailReset, err)
	}
	return resetPage(v, http.StatusOK, u, nil), nil
}

func resetPage(v *visit, status int, u crm.User, errs crm.Invalid) response {
	return page{status, templates.Reset(templates.ResetPage{
		Page: v.page, Email: u.Email, Form: templates.Form{Action: paths.Reset(v.params("secret")), Errors: errs},
	})}
}

// resetByLink replaces a password and leads to sign-in, which asks for a second factor where one is set up: who
// can read somebody's mail has not got that.
func (s *Server) resetByLink(ctx context.Context, v *visit) (response, error) {
	u, err := s.linkHolder(ctx, v, crm.MailReset)
	if err != nil {
		return deadLink(v, crm.MailReset, err)
	}
	chosen := s.chosenPassword(v, v.faults, u.Name, u.Email)
	if len(v.faults) > 0 {
		return resetPage(v, http.StatusUnprocessableEntity, u, v.faults), nil
	}
	hash, err := s.Hasher.Hash(ctx, chosen)
	if err != nil {
		return nil, err
	}
	if err := s.asHolder(u, v).ResetMyPassword(ctx, v.params("secret"), hash); err != nil {
		return deadLink(v, crm.MailReset, err)
	}
	return redirect{to: paths.LoginAfterReset}, nil
}

// mailReset sends a user a link to choose another password.
func mailReset(ctx context.Context, v *visit) (response, error) {
	return aboutUser(ctx, v, v.t("The link is on its way."), v.store.MailReset)
}
