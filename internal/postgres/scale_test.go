package postgres_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/demo"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

var scaledAt = time.Date(2026, 11, 22, 15, 4, 0, 0, time.UTC)

func largeRegister(clients int) postgres.LargeRegister {
	firm := demo.Scale(scaledAt, clients)
	r := postgres.LargeRegister{
		People:        postgres.Register{Teams: firm.Teams, Roles: firm.Roles},
		Organizations: firm.Organizations(), Contacts: firm.Contacts(), Relationships: firm.Relationships(), Interactions: firm.Interactions(),
		FollowUps: firm.FollowUps(),
	}
	for i, u := range firm.Users {
		user := postgres.RegisterUser{User: u.User, RoleSlugs: u.RoleSlugs}
		if i < 2 {
			user.PasswordHash = "x"
		}
		r.People.Users = append(r.People.Users, user)
	}
	return r
}

func quietly(string, int) {}

func texts(t *testing.T, conn *pgx.Conn, sql string, args ...any) []string {
	t.Helper()
	rows, err := conn.Query(ctx, sql, args...)
	fatal(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	fatal(t, err)
	return found
}

// catalogue is everything that a load takes off and has to put back.
func catalogue(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	return texts(t, conn, `SELECT 'index ' || indexdef FROM pg_indexes WHERE schemaname = 'public'
		UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || convalidated::text FROM pg_constraint WHERE conrelid <> 0
		UNION ALL SELECT 'trigger ' || tgrelid::regclass || ' ' || tgenabled::text || ' ' || pg_get_triggerdef(oid)
			FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1`)
}

func TestLargeLoad(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	before := catalogue(t, conn)
	seen := map[string]int{}
	saved, err := postgrestest.System(db).LoadLarge(ctx, largeRegister(300), func(what string, rows int) { seen[what] = rows })
	fatal(t, err)

	for table, want := range map[string]int{
		"organizations": 300, "contacts": 900, "organization_contact": 891, "relationship_periods": 891, "interactions": 3000,
		"organization_activity": 300, "contact_activity": 900, "users": 12, "user_credentials": 2, "follow_ups": 15,
	} {
		if got := read[int](t, conn, `SELECT count(*) FROM `+table); got != want {
			t.Errorf("%s: %d rows, want %d", table, got, want)
		}
	}
	if seen["interactions"] != 3000 {
		t.Errorf("told of %v", seen)
	}
	if diff := cmp.Diff(before, catalogue(t, conn)); diff != "" {
		t.Errorf("the load left the schema changed:\n%s", diff)
	}
	if got := read[string](t, conn, `SELECT kind FROM change_sets WHERE id = $1`, saved.ChangeSet); got != "bulk_load" {
		t.Errorf("kind %q", got)
	}
	if got := read[int](t, conn, `SELECT (metadata->>'interactions')::int FROM audit_logs WHERE action = 'bulk_load'`); got != 3000 {
		t.Errorf("the audit log tells of %d interactions", got)
	}
	verify(t, postgrestest.System(db))
}

// What triggers derive from a record is as right after a load as if each record had been saved.
func TestLargeLoadDerives(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	_, err := postgrestest.System(db).LoadLarge(ctx, largeRegister(200), quietly)
	fatal(t, err)
	for what, wrong := range map[string]string{
		"last contact of organizations": `SELECT count(*) FROM organizations o FULL JOIN organization_activity a ON a.organization_id = o.id WHERE
			(a.owner_user_id, a.is_active, a.has_contact, a.last_contact_at) IS DISTINCT FROM (o.owner_user_id, o.is_active,
				EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = o.id), coalesce((SELECT max(i.happened_at) FROM interactions i WHERE i.organization_id = o.id), '-infinity'))`,
		"last contact of contacts": `SELECT count(*) FROM contacts c FULL JOIN contact_activity a ON a.contact_id = c.id WHERE
			(a.owner_user_id, a.is_active, a.last_contact_at) IS DISTINCT FROM (c.owner_user_id, c.is_active,
				coalesce((SELECT max(i.happened_at) FROM ` + talkWith + ` i WHERE i.person = c.id), '-infinity'))`,
		"reach of contacts": `SELECT count(*) FROM contact_reach r FULL JOIN contact_reaches v USING (contact_id, owner_user_id) WHERE
			(r.contact_id, r.last_name, r.first_name, r.is_active, r.last_contact_at, r.created_at) IS DISTINCT FROM (v.contact_id, v.last_name, v.first_name, v.is_active, v.last_contact_at, v.created_at)`,
		"next contact": `SELECT ` + wrongTouch, "next follow-up": `SELECT ` + wrongNext, "main contacts": `SELECT ` + wrongMain, "firsts": `SELECT ` + wrongFirsts,
		"periods": `SELECT count(*) FROM organization_contact l FULL JOIN relationship_periods p USING (organization_id, contact_id)
			WHERE (l.role_label, l.relationship_status) IS DISTINCT FROM (p.role_label, p.relationship_status) OR p."to" IS NOT NULL`,
		"beginnings": `SELECT count(*) FROM relationship_periods p JOIN organizations o ON o.id = p.organization_id WHERE p."from" < o.created_at`,
		"statistics": `SELECT count(*) FROM unnest(ARRAY['organizations', 'contacts', 'interactions', 'contact_activity']) t
			WHERE NOT EXISTS (SELECT 1 FROM pg_stats WHERE schemaname = 'public' AND tablename = t)`,
	} {
		if n := read[int](t, conn, wrong); n != 0 {
			t.Errorf("%s: %d wrong", what, n)
		}
	}
}

// A loaded record can be worked on, and the guard watches it again.
func TestLargeLoadLeavesTheGuardOn(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	s := postgrestest.System(db)
	_, err := s.LoadLarge(ctx, largeRegister(200), quietly)
	fatal(t, err)
	for _, sql := range []string{
		`UPDATE organizations SET sector = 'x' WHERE id = (SELECT id FROM organizations LIMIT 1)`,
		`UPDATE contacts SET job_title = 'x' WHERE id = (SELECT id FROM contacts LIMIT 1)`,
		`DELETE FROM organization_contact WHERE contact_id = (SELECT contact_id FROM organization_contact LIMIT 1)`,
		`DELETE FROM interactions WHERE id = (SELECT id FROM interactions LIMIT 1)`,
	} {
		_, err := conn.Exec(ctx, sql)
		refusedByAudit(t, sql, err)
	}
	o, err := s.Organization(ctx, read[uuid.UUID](t, conn, `SELECT id FROM organizations ORDER BY id LIMIT 1`))
	fatal(t, err)
	o.TaxID = "as-typed"
	saved, err := s.UpdateOrganization(ctx, o)
	fatal(t, err)
	verify(t, s)
	if _, err := s.Undo(ctx, saved.ChangeSet); err != nil {
		t.Error(err)
	}
	verify(t, s)
}

func TestLargeLoadRefusesARegisterInUse(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	postgrestest.Organization(t, db, "Granvik", uuid.NullUUID{})
	if _, err := postgrestest.System(db).LoadLarge(ctx, largeRegister(100), quietly); !errors.Is(err, postgres.ErrNotEmpty) {
		t.Errorf("got %v, want ErrNotEmpty", err)
	}
	if n := read[int](t, conn, `SELECT count(*) FROM contacts`) + read[int](t, conn, `SELECT count(*) FROM users`); n != 0 {
		t.Errorf("%d records were loaded", n)
	}
}

// A load that fails on its last table leaves nothing behind, and the schema as it was.
func TestLargeLoadIsAllOrNothing(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	before := catalogue(t, conn)
	r := largeRegister(100)
	r.Interactions = slices.Values([]crm.Interaction{{
		ID: uuid.New(), Channel: crm.Call, Subject: "For a client who is not there", HappenedAt: scaledAt, CreatedAt: scaledAt,
		OrganizationID: postgrestest.ID(uuid.New()),
	}})
	if _, err := postgrestest.System(db).LoadLarge(ctx, r, quietly); err == nil {
		t.Error("a foreign key without its record was loaded")
	}
	if n := read[int](t, conn, `SELECT count(*) FROM organizations`) + read[int](t, conn, `SELECT count(*) FROM change_sets WHERE kind = 'bulk_load'`); n != 0 {
		t.Errorf("%d rows were left behind", n)
	}
	if diff := cmp.Diff(before, catalogue(t, conn)); diff != "" {
		t.Errorf("the load left the schema changed:\n%s", diff)
	}
}

// A trigger that fires for each row of a COPY and is not replaced costs hours at a million clients.
func TestLargeLoadKnowsEveryTrigger(t *testing.T) {
	t.Parallel()
	_, conn := openRaw(t)
	const forInsert = 4 // of tgtype
	for table, replaced := range postgres.LoadedTriggers() {
		got := texts(t, conn, `SELECT tgname::text FROM pg_trigger WHERE tgrelid = $1::regclass AND NOT tgisinternal AND tgtype & $2 <> 0 ORDER BY 1`, table, forInsert)
		if !slices.Equal(got, replaced) {
			t.Errorf("%s: an insert fires %v, the load replaces %v: decide in loadedTables what a new trigger's work is in a load", table, got, replaced)
		}
	}
}
