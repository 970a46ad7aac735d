package web

import (
	"context"
	"maps"
	"slices"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/templates"
)

// fieldConfirm is the password given again for a sensitive action, beside the action's own fields.
const fieldConfirm = "confirm_password"

// confirmed returns the route's handler, behind the question for the password when the route is sensitive and
// the password was not given lately: a session left open on a desk is not enough to make a token or an admin.
// The question is a form that holds everything that was sent, so nothing has to be entered again.
func (s *Server) confirmed(rt route) handler {
	if !rt.needs.sensitive {
		return rt.handle
	}
	return s.asking(rt.handle)
}

// asking returns handle behind the question for the password.
func (s *Server) asking(handle handler) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		if s.proved(ctx) {
			return handle(ctx, v)
		}
		if len(v.faults) > 0 { // asked again it would come back mended, and be saved as nobody typed it
			return nil, v.faults
		}
		given := v.form.Get(fieldConfirm)
		if !v.form.Has(fieldConfirm) {
			return confirmPage(v, nil), nil
		}
		guess, err := s.DB.CountGuess(ctx, v.actor.Email, v.origin.IP)
		if err != nil {
			return nil, err
		}
		if guess.Throttled {
			return tooMany{seconds: int(guess.RetryAfter.Seconds())}, nil
		}
		right, err := s.rightPassword(ctx, v, guess, given)
		if err != nil {
			return nil, err
		}
		if !right {
			return confirmPage(v, crm.Invalid{fieldConfirm: crm.Msg("This is not your password. After several wrong ones it is not asked for 15 minutes.")}), nil
		}
		s.prove(ctx)
		v.form.Del(fieldConfirm)
		return handle(ctx, v)
	}
}

// confirmPage asks for the password before the action that was sent.
func confirmPage(v *visit, errs crm.Invalid) response {
	p := templates.ConfirmPage{Page: v.page, Form: templates.Form{Action: v.page.CurrentPath, Errors: errs}}
	for _, name := range slices.Sorted(maps.Keys(v.form)) {
		if name == fieldConfirm {
			continue
		}
		for _, value := range v.form[name] {
			p.Sent = append(p.Sent, templates.Sent{Name: name, Value: value})
		}
	}
	return refuse(templates.Confirm(p))
}
