package authz

import (
	"slices"

	"github.com/google/uuid"
)

// Actor is whoever asks: a signed-in user, or a named system job. The zero Actor may nothing.
type Actor struct {
	UserID uuid.UUID
	Name   string
	Email  string

	Zone    string
	Theme   string
	Density string
	KeysOff bool // single letters do nothing on their pages

	// Language is the tag of the one they chose, "" for the browser's.
	Language string

	// Owners are the users whose records team reach covers: the members of the actor's team and of
	// the teams below it, the actor included. Empty when no role has team reach.
	Owners []uuid.UUID

	// MustChangePassword is set after a one-time password: until it is changed nothing else opens.
	MustChangePassword bool

	// MustEnrol is set while a role of the actor asks for a second factor and none is set up: until it is
	// nothing else opens.
	MustEnrol bool

	grants map[Permission]Reach
	System bool // a job or the command line: no user row stands behind it
}

// Grant is a permission with the reach of the role that gives it.
type Grant struct {
	Permission Permission
	Reach      Reach
}

// WithGrants returns a copy of a that holds the given grants. With several roles a permission has
// the widest reach of the roles that grant it.
func (a Actor) WithGrants(grants ...Grant) Actor {
	a.grants = make(map[Permission]Reach, len(grants))
	for _, g := range grants {
		if g.Permission.Valid() {
			a.grants[g.Permission] = max(a.grants[g.Permission], g.Reach)
		}
	}
	return a
}

// SystemActor returns an actor for a job or a command, with reach all over the given permissions only.
func SystemActor(name string, permissions ...Permission) Actor {
	a := Actor{Name: name, System: true}
	grants := make([]Grant, len(permissions))
	for i, p := range permissions {
		grants[i] = Grant{p, All}
	}
	return a.WithGrants(grants...)
}

// SignedIn reports whether a user stands behind the actor.
func (a Actor) SignedIn() bool { return a.UserID != uuid.Nil }

// May reports whether the actor holds p at all, whatever its reach.
func (a Actor) May(p Permission) bool { return a.grants[p] > None }

// Missing returns the first of the needed permissions that the actor lacks, or "".
func (a Actor) Missing(needed ...Permission) Permission {
	for _, p := range needed {
		if !a.May(p) {
			return p
		}
	}
	return ""
}

// Reach returns how far p goes for the actor. Editing never reaches beyond viewing.
func (a Actor) Reach(p Permission) Reach {
	r := a.grants[p]
	if v := p.view(); v != p {
		r = min(r, a.grants[v])
	}
	return r
}

// Granted returns the reach of the roles that grant p, not yet bounded by viewing.
func (a Actor) Granted(p Permission) Reach { return a.grants[p] }

// Covers reports whether a record owned by owner lies within the actor's reach for p.
func (a Actor) Covers(p Permission, owner uuid.NullUUID) bool { return a.Within(a.Reach(p), owner) }

// Within reports whether a record owned by owner lies within reach r of the actor.
func (a Actor) Within(r Reach, owner uuid.NullUUID) bool {
	switch r {
	case All:
		return true
	case Team:
		return owner.Valid && (owner.UUID == a.UserID || slices.Contains(a.Owners, owner.UUID))
	case Own:
		return owner.Valid && owner.UUID == a.UserID
	}
	return false
}

// Exceeds reports whether a may more than b: a permission b lacks, a wider reach, or, where both have team
// reach, records of an owner whom b's does not cover.
func (a Actor) Exceeds(b Actor) bool {
	team := false
	for p, reach := range a.grants {
		if reach > b.grants[p] {
			return true
		}
		team = team || reach == Team && b.grants[p] == Team
	}
	return team && slices.ContainsFunc(a.Owners, func(owner uuid.UUID) bool { return !slices.Contains(b.Owners, owner) })
}

// SeesLastContact reports whether the actor may know when clients were last in touch: that tells of interactions,
// so these must be in view of every client that is.
func (a Actor) SeesLastContact() bool {
	return a.May(ViewInteraction) && a.Reach(ViewInteraction) >= a.Reach(ViewClient)
}
