package postgres

import (
	"maps"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
)

// The scope predicate: which records lie within the actor's reach for a permission. Every statement that
// reads or changes a record carries it, so that out of reach is the same as not there.
//
// Each function returns constant SQL for a table alias; only the kind of reach picks which. A record is
// reached through its owner; a contact also through any organization it is linked to; an interaction
// through its organization, its contact, or because the actor logged it; a follow-up likewise, or because it is for them.

// ownerWithin is the heart of it: the owner column against the actor's reach.
func (s *Store) ownerWithin(p authz.Permission, column string) string {
	switch s.actor.Reach(p) {
	case authz.All:
		return "TRUE"
	case authz.Team:
		if s.walking {
			return "(" + column + " IN (SELECT unnest(@owners::uuid[]))) IS TRUE"
		}
		return column + " = ANY(@owners::uuid[])"
	case authz.Own:
		return column + " = @me::uuid"
	}
	return "FALSE"
}

// onWalk returns the Store whose predicate is asked of row after row of a walk: the owners in reach are hashed once, where
// = ANY compares each row's with all of them, a microsecond for a hundred. No index is found by it, and IS TRUE keeps the
// planner from making a join of it. It guesses the same of any owners, too, so that it plans once for all of them.
func (s *Store) onWalk() *Store {
	w := *s
	w.walking = true
	return &w
}

func (s *Store) organizationScope(p authz.Permission, alias string) string {
	return s.ownerWithin(p, alias+".owner_user_id")
}

// rowByRow keeps the planner from gathering all that is in reach into a hash first, to ask that of each row: 30 ms for
// a team of 20, 60 where links are gathered, before the first of the few hundred rows that a page takes.
const rowByRow = " OFFSET 0"

func (s *Store) contactScope(p authz.Permission, alias string) string {
	if r := s.actor.Reach(p); r == authz.All || r == authz.None {
		return s.ownerWithin(p, "")
	}
	return "(" + s.ownerWithin(p, alias+".owner_user_id") + ` OR EXISTS (
		SELECT 1 FROM organization_contact sl JOIN organizations so ON so.id = sl.organization_id
		WHERE sl.contact_id = ` + alias + ".id AND " + s.ownerWithin(p, "so.owner_user_id") + rowByRow + "))"
}

func (s *Store) interactionScope(p authz.Permission, alias string) string {
	if r := s.actor.Reach(p); r == authz.All || r == authz.None {
		return s.ownerWithin(p, "")
	}
	return "(" + alias + `.user_id = @me::uuid
		OR EXISTS (SELECT 1 FROM organizations io WHERE io.id = ` + alias + ".organization_id AND " + s.organizationScope(p, "io") + rowByRow + `)
		OR EXISTS (SELECT 1 FROM contacts ic WHERE ic.id = ` + alias + ".contact_id AND " + s.contactScope(p, "ic") + rowByRow + "))"
}

// followUpScope reaches a follow-up as an interaction, and besides because it is for the actor, or by them.
func (s *Store) followUpScope(p authz.Permission, alias string) string {
	if r := s.actor.Reach(p); r == authz.All || r == authz.None {
		return s.ownerWithin(p, "")
	}
	return "(" + alias + ".created_by = @me::uuid OR " + s.interactionScope(p, alias) + ")"
}

// args returns the named arguments of a scoped statement: the actor's and the given ones.
func (s *Store) args(more pgx.NamedArgs) pgx.NamedArgs {
	owners := s.actor.Owners
	if owners == nil {
		owners = emptyIDs
	}
	a := pgx.NamedArgs{"me": s.actor.UserID, "owners": owners}
	maps.Copy(a, more)
	return a
}

// ownersWithin returns the owners within the actor's reach, as an array to go through one by one: for reach
// own or team only. It picks rows to look at; ownerWithin decides which may be seen.
func (s *Store) ownersWithin(p authz.Permission) string {
	switch s.actor.Reach(p) {
	case authz.Team:
		return "@owners::uuid[]"
	case authz.Own:
		return "ARRAY[@me::uuid]"
	}
	return "'{}'::uuid[]"
}
