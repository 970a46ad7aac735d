package web

import (
	"context"
	"errors"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

// tokenDays are the lives that the form of a new token offers; the middle one is filled in.
var tokenDays = []int{30, 90, 365}

func listTokens(ctx context.Context, v *visit) (response, error) {
	form := templates.Form{Action: paths.AccountTokens, Values: map[string]string{"expires": v.dayAhead(tokenDays[1])}}
	return tokensPage(ctx, v, form)
}

// dayAhead returns the day that lies n days ahead in the visitor's zone, as forms have it.
func (v *visit) dayAhead(n int) string {
	return v.now.In(v.zone()).AddDate(0, 0, n).Format(time.DateOnly)
}

// tokensPage shows one's own tokens with the form for a new one: fresh, or again after something was wrong with it.
func tokensPage(ctx context.Context, v *visit, form templates.Form) (response, error) {
	tokens, err := v.store.MyTokens(ctx)
	if err != nil {
		return nil, err
	}
	p := templates.TokensPage{Page: v.page, Tokens: tokens, Form: form}
	for _, n := range tokenDays {
		p.Days = append(p.Days, v.dayAhead(n))
	}
	for _, permission := range authz.Permissions {
		if v.actor.May(permission) {
			p.Scopes = append(p.Scopes, string(permission))
		}
	}
	if form.Errors != nil {
		return refuse(templates.Tokens(p)), nil
	}
	return show(templates.Tokens(p)), nil
}

// createToken makes a token, which stands on the answer and nowhere else.
func createToken(ctx context.Context, v *visit) (response, error) {
	t := crm.Token{Name: v.form.Get("name"), Scopes: v.form["scopes"], ExpiresAt: v.endOfDay("expires")}
	var secret string
	err := v.faults.Err()
	if err == nil {
		t, secret, err = v.store.CreateToken(ctx, t, v.now)
	}
	var invalid crm.Invalid
	if errors.As(err, &invalid) {
		return tokensPage(ctx, v, templates.Form{
			Action: paths.AccountTokens, Values: v.typed("name", "expires"), Many: map[string][]string{"scopes": slices.Clone(v.form["scopes"])}, Errors: invalid,
		})
	}
	if err != nil {
		return nil, err
	}
	return show(templates.TokenMade(templates.TokenMadePage{Page: v.page, Token: t, Secret: secret})), nil
}

// endOfDay reads an optional day as the moment at which it ends for the visitor.
func (v *visit) endOfDay(field string) time.Time {
	text := strings.TrimSpace(v.form.Get(field))
	if text == "" {
		return time.Time{}
	}
	day, err := time.ParseInLocation(time.DateOnly, text, v.zone())
	if err != nil || day.Year() < 1 {
		v.faults.Add(field, "Enter a date like 2026-11-22.")
		return time.Time{}
	}
	return day.AddDate(0, 0, 1)
}

func revokeToken(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.revoked(v.store.RevokeMyToken(ctx, id), paths.AccountTokens)
}

// revoked leads on after a token was revoked.
func (v *visit) revoked(err error, back string) (response, error) {
	switch {
	case errors.Is(err, crm.ErrUnchanged):
		return redirect{to: back, flash: templates.Flash{Text: v.t("Nothing changed")}}, nil
	case err != nil:
		return nil, err
	}
	return redirect{to: back, flash: templates.Flash{Text: v.t("Token revoked.")}}, nil
}

func listUserTokens(ctx context.Context, v *visit) (response, error) {
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
	return show(templates.UserTokens(templates.UserTokensPage{Page: v.page, UserID: id, Name: u.Name, Tokens: tokens})), nil
}

func revokeUserToken(ctx context.Context, v *visit) (response, error) {
	var ids [2]uuid.UUID
	for i, name := range []string{"id", "tokenID"} {
		var err error
		if ids[i], err = v.id(name); err != nil {
			return nil, err
		}
	}
	return v.revoked(v.store.RevokeUserToken(ctx, ids[0], ids[1]), paths.UserTokens(ids[0]))
}
