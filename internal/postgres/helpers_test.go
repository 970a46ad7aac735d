package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// openRaw returns a pool on a database of the test's own and a connection behind the application's back.
func openRaw(t testing.TB) (*postgres.DB, *pgx.Conn) {
	t.Helper()
	url := postgrestest.URL(t)
	return postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.Connect(t, url)
}

// read returns the single value of a query.
func read[T any](t testing.TB, conn *pgx.Conn, sql string, args ...any) T {
	t.Helper()
	var v T
	if err := conn.QueryRow(ctx, sql, args...).Scan(&v); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
	return v
}

func run(t testing.TB, conn *pgx.Conn, sql string, args ...any) {
	t.Helper()
	if _, err := conn.Exec(ctx, sql, args...); err != nil {
		t.Fatalf("%s: %v", sql, err)
	}
}

// refusedByAudit fails the test unless err is the guard's refusal.
func refusedByAudit(t testing.TB, what string, err error) {
	t.Helper()
	var pg *pgconn.PgError
	if !errors.As(err, &pg) || pg.Code != "AU001" || !strings.Contains(pg.Message, "audit") {
		t.Errorf("%s: got %v, want the audit guard's refusal (AU001)", what, err)
	}
}

// must returns the first of a call's two results.
func must[T any](v T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// everyone is an actor with reach all over everything.
func everyone(u crm.User) authz.Actor { return postgrestest.Actor(u, authz.All, authz.Permissions...) }

// four are the permissions of someone who works with clients.
var four = []authz.Permission{authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction}

// firm is a small register: mia owns hers, tom his; nobody is in a team.
type firm struct {
	db       *postgres.DB
	conn     *pgx.Conn
	sys      *postgres.Store
	mia, tom crm.User
	hers     uuid.UUID // mia's organization
	his      uuid.UUID // tom's
}

func newFirm(t testing.TB) *firm {
	t.Helper()
	f := &firm{}
	f.db, f.conn = openRaw(t)
	f.sys = postgrestest.System(f.db)
	role := postgrestest.Seeded(t, f.db, "admin")
	f.mia = postgrestest.User(t, f.db, "mia", uuid.NullUUID{}, "x", role)
	f.tom = postgrestest.User(t, f.db, "tom", uuid.NullUUID{}, "x", role)
	f.hers = postgrestest.Organization(t, f.db, "Hers", postgrestest.ID(f.mia.ID))
	f.his = postgrestest.Organization(t, f.db, "His", postgrestest.ID(f.tom.ID))
	return f
}

// own returns the register as a user with reach own and the four permissions sees it.
func (f *firm) own(u crm.User) *postgres.Store {
	return f.db.As(postgrestest.Actor(u, authz.Own, four...), postgres.Origin{})
}

// all returns the register as a user who may everything everywhere sees it.
func (f *firm) all(u crm.User) *postgres.Store { return f.db.As(everyone(u), postgres.Origin{}) }

func (f *firm) contact(t testing.TB, name string, owner uuid.NullUUID) uuid.UUID {
	t.Helper()
	return postgrestest.Contact(t, f.db, name, "Person", owner)
}

func (f *firm) link(t testing.TB, organization, contact uuid.UUID, role string) postgres.Saved {
	t.Helper()
	return must(f.sys.LinkContact(ctx, crm.Relationship{OrganizationID: organization, ContactID: contact, RoleLabel: role}, uuid.NullUUID{}))(t)
}

func (f *firm) log(t testing.TB, s *postgres.Store, organization, contact uuid.NullUUID, subject string) postgres.Saved {
	t.Helper()
	on := audit.Organization
	if !organization.Valid {
		on = audit.Contact
	}
	i := crm.Interaction{OrganizationID: organization, ContactID: contact, Channel: crm.Call, Subject: subject, HappenedAt: time.Now()}
	return must(s.LogInteraction(ctx, i, on, uuid.NullUUID{}))(t)
}

// edit changes one organization and returns the change set.
func (f *firm) edit(t testing.TB, s *postgres.Store, id uuid.UUID, change func(*crm.Organization)) postgres.Saved {
	t.Helper()
	o := must(s.Organization(ctx, id))(t)
	change(&o)
	return must(s.UpdateOrganization(ctx, o))(t)
}

func isNotFound(err error) bool { return errors.Is(err, crm.ErrNotFound) }

// faultOf returns the field an Invalid names first, "-" when err is no Invalid.
func faultOf(err error) string {
	var v crm.Invalid
	if !errors.As(err, &v) {
		return "-"
	}
	for field := range v {
		return field
	}
	return ""
}

// utcNow is the clock of somebody in UTC.
func utcNow() crm.Clock { return crm.Clock{Now: time.Now(), Zone: time.UTC} }

var (
	idOf = postgrestest.ID
	none uuid.NullUUID
)

// meanwhile lets somebody hold an advisory lock and change something, starts fn, which must wait for that lock,
// commits, and returns what fn then answered. Where fn does not wait the test fails: two at once would not see
// each other's change.
func (f *firm) meanwhile(t *testing.T, lock string, change func(), fn func() error) error {
	t.Helper()
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SET LOCAL session_replication_role = replica`) // the change is not under test: no audit row
	run(t, f.conn, `SELECT pg_advisory_xact_lock(`+lock+`)`)
	change()
	done := make(chan error, 1)
	go func() { done <- fn() }()
	watch := postgrestest.Connect(t, f.conn.Config().ConnString())
	for {
		select {
		case err := <-done:
			t.Errorf("it did not wait for lock %s and answered %v", lock, err)
			run(t, f.conn, `ROLLBACK`)
			return err
		case <-time.After(5 * time.Millisecond):
		}
		if read[int](t, watch, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'advisory'`) > 0 {
			run(t, f.conn, `COMMIT`)
			return <-done
		}
	}
}
