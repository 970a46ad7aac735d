package web

import (
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// linkHolder returns whom the secret in the path was made for.
func (s *Server) linkHolder(ctx context.Context, v *visit, kind crm.MailKind) (crm.User, error) {
	return s.DB.LinkHolder(ctx, kind, v.params("secret"))
}

// asHolder returns the register for whoever holds a link: the link is who they are, until they are signed in.
func (s *Server) asHolder(u crm.User, v *visit) *postgres.Store {
	return s.DB.As(authz.Actor{UserID: u.ID, Name: u.Name}, v.origin)
}

// deadLink answers a link that does not work, and passes on any other error.
func deadLink(v *visit, kind crm.MailKind, err error) (response, error) {
	if !errors.Is(err, crm.ErrNotFound) {
		return nil, err
	}
	return page{http.StatusNotFound, templates.DeadLink(templates.DeadLinkPage{Page: v.page, Reset: kind == crm.MailReset})}, nil
}

func (s *Server) showInvitation(ctx context.Context, v *visit) (response, error) {
	u, err := s.linkHolder(ctx, v, crm.MailInvitation)
	if err != nil {
		return deadLink(v, crm.MailInvitation, err)
	}
	return invitationPage(v, u, nil, map[string]string{"name": u.Name}), nil
}

func invitationPage(v *visit, u crm.User, errs crm.Invalid, values map[string]string) response {
	body := templates.Invitation(templates.InvitationPage{
		Page: v.page, Email: u.Email, Form: templates.Form{Action: paths.Invitation(v.params("secret")), Values: values, Errors: errs},
	})
	if errs != nil {
		return refuse(body)
	}
	return show(body)
}

// acceptInvitation gives somebody who was invited their name and password and signs them in.
func (s *Server) acceptInvitation(ctx context.Context, v *visit) (response, error) {
	u, err := s.linkHolder(ctx, v, crm.MailInvitation)
	if err != nil {
		return deadLink(v, crm.MailInvitation, err)
	}
	name := v.form.Get("name")
	chosen := s.chosenPassword(v, v.faults, name, u.Name, u.Email)
	if len(v.faults) > 0 {
		return invitationPage(v, u, v.faults, v.typed("name")), nil
	}
	hash, err := s.Hasher.Hash(ctx, chosen)
	if err != nil {
		return nil, err
	}
	var invalid crm.Invalid
	switch err := s.asHolder(u, v).AcceptInvitation(ctx, v.params("secret"), name, hash); {
	case errors.As(err, &invalid):
		return invitationPage(v, u, invalid, v.typed("name")), nil
	case err != nil:
		return deadLink(v, crm.MailInvitation, err)
	}
	return s.comeIn(ctx, v, entrance{user: u.ID, to: paths.Home}, u.Name, nil)
}

// inviteUser invites somebody again who has no password yet.
func (s *Server) inviteUser(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	u, err := v.store.User(ctx, id)
	if err != nil {
		return nil, err
	}
	var invited postgres.Invited
	return v.save(
		func() (postgres.Saved, error) {
			invited, err = v.store.InviteUser(ctx, id)
			return invited.Saved, err
		},
		userAgain(ctx, v, id), paths.User(id),
		func(postgres.Saved) response { return s.invitedPage(v, u, invited) })
}

// invitedPage says that an invitation is under way, or shows its link where no mail is sent.
func (s *Server) invitedPage(v *visit, u crm.User, i postgres.Invited) response {
	if i.Secret == "" {
		return saved(paths.User(i.ID), v.t("Invitation to %s is on its way.", u.Email), i.Saved)
	}
	return page{http.StatusOK, templates.InvitationLink(templates.InvitationLinkPage{
		Page: v.page, UserID: i.ID, Name: u.Name, Link: s.BaseURL + paths.Invitation(i.Secret), Until: v.now.Add(crm.MailInvitation.Lasts()).Truncate(time.Minute),
	})}
}

func revokeInvitation(ctx context.Context, v *visit) (response, error) {
	return aboutUser(ctx, v, v.t("Invitation revoked."), v.store.RevokeInvitation)
}
