package authz_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
)

func TestRightsAddUp(t *testing.T) {
	t.Parallel()
	a := authz.Actor{UserID: uuid.New()}.WithGrants(
		authz.Grant{Permission: authz.ViewClient, Reach: authz.Own}, authz.Grant{Permission: authz.ViewClient, Reach: authz.Team},
		authz.Grant{Permission: authz.EditClient, Reach: authz.All}, authz.Grant{Permission: authz.EditInteraction, Reach: authz.All},
		authz.Grant{Permission: "DropTables", Reach: authz.All}, authz.Grant{Permission: authz.ViewAudit, Reach: authz.None},
	)
	for p, want := range map[authz.Permission]authz.Reach{
		authz.ViewClient:      authz.Team, // the widest of the roles that grant it
		authz.EditClient:      authz.Team, // never beyond viewing
		authz.EditInteraction: authz.None, authz.ViewInteraction: authz.None, authz.ViewAudit: authz.None, authz.ManageUsers: authz.None, "DropTables": authz.None,
	} {
		if got := a.Reach(p); got != want {
			t.Errorf("reach of %s: %v, want %v", p, got, want)
		}
	}
	if a.May("DropTables") || a.May(authz.ViewAudit) || !a.May(authz.EditInteraction) {
		t.Error("an unknown permission, or one without reach, is held")
	}
	if got := a.Missing(authz.ViewClient, authz.ViewInteraction, authz.ManageUsers); got != authz.ViewInteraction {
		t.Errorf("first missing: %s", got)
	}
	b := a.WithGrants()
	if b.May(authz.ViewClient) || !a.May(authz.ViewClient) {
		t.Error("WithGrants changes the actor it is called on")
	}
}

func TestWithin(t *testing.T) {
	t.Parallel()
	me, mate, other := uuid.New(), uuid.New(), uuid.New()
	a := authz.Actor{UserID: me, Owners: []uuid.UUID{mate}}
	for _, tt := range []struct {
		reach authz.Reach
		owner uuid.NullUUID
		want  bool
	}{
		{authz.None, uuid.NullUUID{UUID: me, Valid: true}, false},
		{authz.Own, uuid.NullUUID{UUID: me, Valid: true}, true},
		{authz.Own, uuid.NullUUID{UUID: mate, Valid: true}, false},
		{authz.Own, uuid.NullUUID{}, false},
		{authz.Team, uuid.NullUUID{UUID: mate, Valid: true}, true},
		{authz.Team, uuid.NullUUID{UUID: me, Valid: true}, true},
		{authz.Team, uuid.NullUUID{UUID: other, Valid: true}, false},
		{authz.Team, uuid.NullUUID{}, false},
		{authz.All, uuid.NullUUID{}, true},
		{authz.All, uuid.NullUUID{UUID: other, Valid: true}, true},
	} {
		if got := a.Within(tt.reach, tt.owner); got != tt.want {
			t.Errorf("%s over %v: %v, want %v", tt.reach, tt.owner, got, tt.want)
		}
	}
	if (authz.Actor{}).Within(authz.Own, uuid.NullUUID{}) {
		t.Error("nobody owns what nobody owns")
	}
	if r := authz.ParseReach("ALL"); r != authz.None {
		t.Errorf("ALL is read as %v", r)
	}
}

func TestExceeds(t *testing.T) {
	t.Parallel()
	mate, other := uuid.New(), uuid.New()
	view := func(r authz.Reach, owners ...uuid.UUID) authz.Actor {
		return authz.Actor{Owners: owners}.WithGrants(authz.Grant{Permission: authz.ViewClient, Reach: r})
	}
	for _, tt := range []struct {
		what string
		a, b authz.Actor
		want bool
	}{
		{"the same", view(authz.Team, mate), view(authz.Team, mate), false},
		{"nothing", authz.Actor{}, authz.Actor{}, false},
		{"a permission more", view(authz.Own), authz.Actor{}, true},
		{"a permission less", authz.Actor{}, view(authz.Own), false},
		{"a wider reach", view(authz.All), view(authz.Team, mate), true},
		{"a narrower reach", view(authz.Team, mate, other), view(authz.All), false},
		{"an owner more", view(authz.Team, mate, other), view(authz.Team, mate), true},
		{"another owner", view(authz.Team, other), view(authz.Team, mate), true},
		{"an owner less", view(authz.Team, mate), view(authz.Team, mate, other), false},
		{"owners without team reach", view(authz.All, mate), view(authz.All), false},
	} {
		if got := tt.a.Exceeds(tt.b); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}
