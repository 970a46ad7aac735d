package postgrestest

import (
	"context"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// System returns a store that may do everything and is nobody.
func System(db *postgres.DB) *postgres.Store {
	return db.As(authz.SystemActor("test", authz.Permissions...), postgres.Origin{})
}

// Role creates a role with a reach and permissions and returns its id.
func Role(t testing.TB, db *postgres.DB, reach string, permissions ...authz.Permission) uuid.UUID {
	t.Helper()
	slugs := make([]string, len(permissions))
	for i, p := range permissions {
		slugs[i] = string(p)
	}
	name := "role " + uuid.NewString()
	saved, err := System(db).CreateRole(context.Background(), crm.Role{Name: name, Reach: reach, Permissions: slugs}, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	return saved.ID
}

// Seeded returns the id of a seeded role.
func Seeded(t testing.TB, db *postgres.DB, slug string) uuid.UUID {
	t.Helper()
	roles, err := System(db).Roles(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range roles {
		if r.Slug == slug {
			return r.ID
		}
	}
	t.Fatalf("no role %q", slug)
	return uuid.Nil
}

// User creates an active user with the roles, in a team or in none, whose password hash is hash.
func User(t testing.TB, db *postgres.DB, name string, team uuid.NullUUID, hash string, roles ...uuid.UUID) crm.User {
	t.Helper()
	u := crm.User{Email: name + "@example.test", Name: name, TeamID: team, RoleIDs: roles}
	saved, err := System(db).CreateUser(context.Background(), u, hash, false, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	u.ID = saved.ID
	return u
}

// Actor returns a user as an actor with one role's reach over the permissions.
func Actor(u crm.User, reach authz.Reach, permissions ...authz.Permission) authz.Actor {
	grants := make([]authz.Grant, len(permissions))
	for i, p := range permissions {
		grants[i] = authz.Grant{Permission: p, Reach: reach}
	}
	return authz.Actor{UserID: u.ID, Name: u.Name, Email: u.Email}.WithGrants(grants...)
}

// Organization creates an organization owned by owner and returns its id.
func Organization(t testing.TB, db *postgres.DB, name string, owner uuid.NullUUID) uuid.UUID {
	t.Helper()
	saved, err := System(db).CreateOrganization(context.Background(), crm.Organization{LegalName: name + " Ltd", DisplayName: name, OwnerUserID: owner}, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	return saved.ID
}

// Contact creates a contact owned by owner and returns its id.
func Contact(t testing.TB, db *postgres.DB, first, last string, owner uuid.NullUUID) uuid.UUID {
	t.Helper()
	saved, err := System(db).CreateContact(context.Background(), crm.Contact{FirstName: first, LastName: last, OwnerUserID: owner}, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	return saved.ID
}

// ID returns id as a valid NullUUID.
func ID(id uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: id, Valid: true} }
