package web

import (
	"context"
	"errors"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

// showSessions lists where one is signed in, by what the browsers said and never by their tokens.
func (s *Server) showSessions(ctx context.Context, v *visit) (response, error) {
	sessions, err := v.store.Sessions(ctx, s.SessionIdle)
	if err != nil {
		return nil, err
	}
	p := templates.SessionsPage{Page: v.page, Idle: s.SessionIdle, Max: s.SessionMax}
	for _, one := range sessions {
		p.Sessions = append(p.Sessions, templates.SessionRow{Session: one, Device: readDevice(one.UserAgent).words(v)})
	}
	return show(templates.Sessions(p)), nil
}

func endSession(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	if err := v.store.EndMySession(ctx, id); err != nil {
		return nil, err
	}
	return redirect{to: paths.Sessions, flash: templates.Flash{Text: v.t("Signed out there.")}}, nil
}

func endOtherSessions(ctx context.Context, v *visit) (response, error) {
	return afterEnding(v, v.store.EndMyOtherSessions(ctx), paths.Sessions, v.t("You are signed out everywhere else."))
}

// endUserSessions signs a user out everywhere; they may sign in again.
func endUserSessions(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return afterEnding(v, v.store.EndUserSessions(ctx, id), paths.User(id), v.t("Signed out everywhere."))
}

func afterEnding(v *visit, err error, to, done string) (response, error) {
	if errors.Is(err, crm.ErrUnchanged) {
		done, err = v.t("Nothing changed"), nil
	}
	return redirect{to: to, flash: templates.Flash{Text: done}}, err
}
