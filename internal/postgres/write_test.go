package postgres_test

import (
	"context"
	"errors"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// guarded are the tables whose every change needs an audit row: how to insert, change and delete a row of
// each behind the application's back.
var guarded = map[string][3]string{
	"organizations": {`INSERT INTO organizations (legal_name, display_name) VALUES ('x', 'x')`, `UPDATE organizations SET sector = 'raw'`, `DELETE FROM organizations WHERE display_name = 'Loose'`},
	"contacts":      {`INSERT INTO contacts (first_name, last_name) VALUES ('x', 'x')`, `UPDATE contacts SET phone = 'raw'`, `DELETE FROM contacts WHERE first_name = 'Loose'`},
	"organization_contact": {
		`INSERT INTO organization_contact (organization_id, contact_id) SELECT o.id, c.id FROM organizations o, contacts c WHERE o.display_name = 'Loose' LIMIT 1`,
		`UPDATE organization_contact SET role_label = 'raw'`, `DELETE FROM organization_contact`,
	},
	"interactions": {
		`INSERT INTO interactions (organization_id, channel, subject, happened_at) SELECT id, 'call', 'x', now() FROM organizations LIMIT 1`,
		`UPDATE interactions SET subject = 'raw'`, `DELETE FROM interactions`,
	},
	"users":            {`INSERT INTO users (email) VALUES ('x@x.test')`, `UPDATE users SET name = 'raw'`, `DELETE FROM users WHERE name = 'loose'`},
	"teams":            {`INSERT INTO teams (name) VALUES ('raw')`, `UPDATE teams SET name = name || 'raw'`, `DELETE FROM teams`},
	"roles":            {`INSERT INTO roles (slug, name) VALUES ('raw', 'raw')`, `UPDATE roles SET reach = 'own'`, `DELETE FROM roles WHERE slug = 'viewer'`},
	"role_permissions": {`INSERT INTO role_permissions SELECT r.id, p.id FROM roles r, permissions p WHERE r.slug = 'viewer' AND p.slug = 'ManageUsers'`, `UPDATE role_permissions SET permission_id = (SELECT id FROM permissions WHERE slug = 'ManageUsers') WHERE role_id = (SELECT id FROM roles WHERE slug = 'viewer') AND permission_id = (SELECT id FROM permissions WHERE slug = 'ViewClient')`, `DELETE FROM role_permissions`},
	"user_roles":       {`INSERT INTO user_roles SELECT u.id, r.id FROM users u, roles r WHERE u.name = 'loose' AND r.slug = 'admin'`, `UPDATE user_roles SET role_id = (SELECT id FROM roles WHERE slug = 'viewer') WHERE user_id = (SELECT id FROM users WHERE name = 'mia')`, `DELETE FROM user_roles`},
}

func furnish(t *testing.T, f *firm) {
	t.Helper()
	person := f.contact(t, "Lars", none)
	f.contact(t, "Loose", none)
	postgrestest.Organization(t, f.db, "Loose", none)
	postgrestest.User(t, f.db, "loose", none, "x")
	f.link(t, f.hers, person, "CFO")
	f.log(t, f.sys, idOf(f.hers), none, "Renewal")
	must(f.sys.CreateTeam(ctx, crm.Team{Name: "North"}, none))(t)
}

func TestTheGuardRefusesEveryUnauditedChange(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	furnish(t, f)
	before := read[int](t, f.conn, `SELECT count(*) FROM audit_logs`)
	for table, statements := range guarded {
		for _, sql := range statements {
			_, err := f.conn.Exec(ctx, sql)
			refusedByAudit(t, sql, err)
			// an audit row of the same transaction that tells of something else does not help
			tx := must(f.conn.Begin(ctx))(t)
			_, err = tx.Exec(ctx, sql)
			if err == nil {
				_, err = tx.Exec(ctx, `INSERT INTO audit_logs (action, target_id) SELECT 'update_org', id FROM organizations UNION ALL SELECT 'x', id FROM users UNION ALL SELECT 'x', id FROM roles`)
			}
			if err != nil {
				t.Fatalf("%s: refused before the commit: %v", sql, err)
			}
			refusedByAudit(t, sql+" with a bare audit row", tx.Commit(ctx))
		}
		_, err := f.conn.Exec(ctx, `TRUNCATE `+table+` CASCADE`)
		refusedByAudit(t, "TRUNCATE "+table, err)
	}
	if after := read[int](t, f.conn, `SELECT count(*) FROM audit_logs`); after != before {
		t.Errorf("%d audit rows are left behind by refused changes", after-before)
	}
	verify(t, f.sys)
}

func TestTheGuardWantsTrueImages(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	const log = `INSERT INTO audit_logs (action, target_type, target_id, table_name, before, after)
		SELECT 'update_org', 'organization', o.id, 'organizations', %s, audit_image(to_jsonb(o)) FROM organizations o WHERE o.id = $1`
	change := func(steps ...string) error {
		tx := must(f.conn.Begin(ctx))(t)
		defer func() { _ = tx.Rollback(ctx) }() // after a commit there is nothing to end
		for _, sql := range steps {
			if _, err := tx.Exec(ctx, strings.ReplaceAll(sql, "$1", "'"+f.hers.String()+"'")); err != nil {
				t.Fatalf("%s: %v", sql, err)
			}
		}
		return tx.Commit(ctx)
	}
	image := `(SELECT audit_image(to_jsonb(o)) FROM organizations o WHERE o.id = $1)`
	true1 := strings.ReplaceAll(log, "%s", `audit_image(to_jsonb(o)) || '{"sector": null}'`)
	refusedByAudit(t, "two updates, one image", change(
		`UPDATE organizations SET sector = 'one' WHERE id = $1`, true1, `UPDATE organizations SET sector = 'two' WHERE id = $1`))
	refusedByAudit(t, "wrong before", change(`UPDATE organizations SET sector = 'one' WHERE id = $1`, strings.ReplaceAll(log, "%s", `audit_image(to_jsonb(o))`)))
	refusedByAudit(t, "no after", change(
		`INSERT INTO audit_logs (action, target_id, before) VALUES ('x', $1, `+image+`)`, `UPDATE organizations SET sector = 'one' WHERE id = $1`))
	if err := change(`UPDATE organizations SET sector = 'one' WHERE id = $1`, true1); err != nil {
		t.Errorf("an update with its true images: %v", err)
	}
	// a row written by an earlier transaction does not serve again
	refusedByAudit(t, "borrowed image", change(`UPDATE organizations SET sector = NULL WHERE id = $1`))
	refusedByAudit(t, "audit row lost in a savepoint", change(`SAVEPOINT s`,
		`INSERT INTO audit_logs (action, target_id, before, after) VALUES ('x', $1, `+image+`, `+image+` || '{"sector": "two"}')`,
		`ROLLBACK TO s`, `UPDATE organizations SET sector = 'two' WHERE id = $1`))
	if err := change(`UPDATE organizations SET version = version + 1, updated_at = now() WHERE id = $1`); err != nil {
		t.Errorf("derived columns need no audit row: %v", err)
	}
	for _, derived := range []string{"version", "updated_at", "search_text", "words"} {
		if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE before ? $1 OR after ? $1`, derived); n > 0 {
			t.Errorf("%d images have the derived column %s", n, derived)
		}
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE before::text LIKE '%argon2%' OR after::text LIKE '%password%'`); n > 0 {
		t.Errorf("%d images hold a secret", n)
	}
}

// Every column of a table with images is imaged or derived: a new column that nobody lists shows here.
func TestImagesCoverEveryColumn(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	furnish(t, f)
	postgrestest.Role(t, f.db, "own") // the seeded ones are older than later columns
	for table := range guarded {
		missing := read[string](t, f.conn, `SELECT coalesce(string_agg(a.attname, ', '), '') FROM pg_attribute a
			WHERE a.attrelid = $1::text::regclass AND a.attnum > 0 AND NOT a.attisdropped AND a.attname NOT IN ('version', 'updated_at', 'search_text', 'words')
			AND NOT EXISTS (SELECT 1 FROM audit_logs l WHERE l.table_name = $1 AND l.after ? a.attname::text)`, table)
		if missing != "" {
			t.Errorf("images of %s leave out %s", table, missing)
		}
	}
}

func TestTheLogIsAppendOnly(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	furnish(t, f)
	role := "app_" + strings.ReplaceAll(uuid.NewString(), "-", "")[:12]
	run(t, f.conn, `CREATE ROLE `+role)
	url := f.conn.Config().ConnString()
	if _, err := postgres.Migrate(ctx, url, role); err != nil {
		t.Fatal(err)
	}
	cfg := f.conn.Config().Copy()
	cfg.RuntimeParams["role"] = role // not a sign-in of its own: the test server may know nobody else
	app := must(pgx.ConnectConfig(ctx, cfg))(t)
	t.Cleanup(func() { _ = app.Close(ctx) }) // the test is over
	for _, sql := range []string{
		`UPDATE audit_logs SET action = 'x'`, `DELETE FROM audit_logs`, `TRUNCATE audit_logs`, `UPDATE change_sets SET kind = 'x'`, `DELETE FROM change_sets`,
		`TRUNCATE change_sets CASCADE`, `UPDATE audit_logs SET action = 'x' WHERE FALSE`, `DELETE FROM audit_logs WHERE FALSE`,
		`INSERT INTO audit_logs (id, action) OVERRIDING SYSTEM VALUE SELECT id, 'x' FROM audit_logs ON CONFLICT (id) DO UPDATE SET action = 'x'`,
	} {
		_, err := f.conn.Exec(ctx, sql)
		refusedByAudit(t, "owner: "+sql, err)
		if _, err := app.Exec(ctx, sql); err == nil {
			t.Errorf("the application's role may %s", sql)
		}
	}
	for _, sql := range []string{
		`ALTER TABLE organizations DISABLE TRIGGER audit_guard`, `SET session_replication_role = replica`, `DROP TRIGGER append_only ON audit_logs`,
		`CREATE OR REPLACE FUNCTION audit_image(jsonb) RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'`, `CREATE TABLE mine (x int)`,
		`INSERT INTO permissions (slug) VALUES ('X')`, `UPDATE goose_db_version SET version_id = 0`,
	} {
		if _, err := app.Exec(ctx, sql); err == nil {
			t.Errorf("the application's role may %s", sql)
		}
	}
	for table, statements := range guarded {
		_, err := app.Exec(ctx, statements[0])
		refusedByAudit(t, "application's role inserts into "+table, err)
	}
	// the product works as that role
	appURL := url + " role=" + role
	if strings.Contains(url, "://") {
		sign := "?"
		if strings.Contains(url, "?") {
			sign = "&"
		}
		appURL = url + sign + "role=" + role
	}
	s := postgrestest.OpenURL(t, appURL, postgres.Options{}).As(everyone(f.mia), postgres.Origin{})
	saved := must(s.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A"}, idOf(uuid.New())))(t)
	must(s.SetOrganizationActive(ctx, saved.ID, false))(t)
	must(s.Undo(ctx, saved.ChangeSet))(t)
	must(s.CreateUser(ctx, crm.User{Name: "new", Email: "new@example.test"}, "x", true, none))(t)
	verify(t, s)
}

func TestEachAuditRowSaysWhoAndFromWhere(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.db.As(everyone(f.mia), postgres.Origin{IP: netip.MustParseAddr("::ffff:192.0.2.7"), UserAgent: "Browser/1"})
	since := read[int64](t, f.conn, `SELECT max(id) FROM audit_logs`)
	person := must(s.CreateContact(ctx, crm.Contact{FirstName: "Lars", LastName: "G"}, none))(t).ID
	logged := f.log(t, s, idOf(f.hers), idOf(person), "Renewal")
	if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE id > $1`, since); n != 2 {
		t.Errorf("two changes left %d audit rows", n)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE id > $1 AND user_id = $2 AND host(ip) = '192.0.2.7' AND ua = 'Browser/1'`, since, f.mia.ID); n != 2 {
		t.Errorf("%d of 2 rows name user, address and browser", n)
	}
	got := read[map[string]string](t, f.conn, `SELECT metadata FROM audit_logs WHERE change_set_id = $1`, logged.ChangeSet)
	want := map[string]string{"organization_id": f.hers.String(), "contact_id": person.String(), "channel": "call"}
	for k, v := range want {
		if got[k] != v {
			t.Errorf("metadata %s: got %q, want %q", k, got[k], v)
		}
	}
}

// A header may carry any bytes; what cannot be stored is cut or replaced, never an error.
func TestAnyUserAgentCanBeLogged(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	for _, ua := range []string{"\xff\xfe", strings.Repeat("x", 399) + "é", strings.Repeat("é", 500), "a\x00b", strings.Repeat("\xc3", 900)} {
		s := f.db.As(everyone(f.mia), postgres.Origin{UserAgent: ua})
		if err := s.Event(ctx, audit.Login, audit.User, f.mia.ID, nil); err != nil {
			t.Errorf("%.20q: %v", ua, err)
		}
	}
	if ua := read[string](t, f.conn, `SELECT ua FROM audit_logs WHERE ua LIKE 'é%' LIMIT 1`); !utf8.ValidString(ua) {
		t.Errorf("stored %q", ua)
	}
}

func TestOneOfEightEditorsWins(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	o := must(s.Organization(ctx, f.hers))(t)
	errs := atOnce(8, func(n int) error {
		mine := o
		mine.Sector = strings.Repeat("x", n+1)
		_, err := s.UpdateOrganization(ctx, mine)
		return err
	})
	won, conflicts := 0, 0
	for _, err := range errs {
		switch {
		case err == nil:
			won++
		case errors.Is(err, crm.ErrConflict):
			conflicts++
		default:
			t.Error(err)
		}
	}
	if won != 1 || conflicts != 7 {
		t.Errorf("%d won and %d met a conflict, want 1 and 7", won, conflicts)
	}
	if v := must(s.Organization(ctx, f.hers))(t).Version; v != o.Version+1 {
		t.Errorf("version %d after one save, want %d", v, o.Version+1)
	}
	verify(t, f.sys)
}

// atOnce runs fn n times at the same time.
func atOnce(n int, fn func(int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = fn(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

func TestOneFormTokenMakesOneRecord(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	token := idOf(uuid.New())
	ids := make([]uuid.UUID, 6)
	for _, err := range atOnce(6, func(n int) error {
		saved, err := s.LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(f.hers), Channel: crm.Call, Subject: "once", HappenedAt: time.Now()}, audit.Organization, token)
		ids[n] = saved.ID
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM interactions WHERE subject = 'once'`); n != 1 {
		t.Errorf("6 submits made %d interactions", n)
	}
	for _, id := range ids {
		if id != ids[0] {
			t.Errorf("submits were answered with different records: %v", ids)
			break
		}
	}
	// another person's form with the same token is another form
	if saved := must(f.all(f.tom).CreateOrganization(ctx, crm.Organization{LegalName: "B", DisplayName: "B"}, token))(t); saved.ID == ids[0] {
		t.Error("tom was answered with mia's record")
	}
}

func TestACancelledRequestLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	before := read[string](t, f.conn, `SELECT (SELECT count(*) FROM change_sets) || ' ' || (SELECT count(*) FROM audit_logs) || ' ' || (SELECT count(*) FROM organizations)`)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SELECT 1 FROM organizations WHERE id = $1 FOR UPDATE`, f.hers)
	cancelled, cancel := context.WithCancel(ctx)
	done := make(chan error)
	o := must(s.Organization(ctx, f.hers))(t)
	o.Sector = "never"
	go func() {
		_, err := s.UpdateOrganization(cancelled, o)
		done <- err
	}()
	waiting := postgrestest.Connect(t, f.conn.Config().ConnString())
	for read[int](t, waiting, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	cancel()
	if err := <-done; err == nil {
		t.Error("a cancelled save succeeded")
	}
	run(t, f.conn, `ROLLBACK`)
	after := read[string](t, f.conn, `SELECT (SELECT count(*) FROM change_sets) || ' ' || (SELECT count(*) FROM audit_logs) || ' ' || (SELECT count(*) FROM organizations)`)
	if before != after {
		t.Errorf("change sets, audit rows and organizations: %s before, %s after", before, after)
	}
	if got := must(s.Organization(ctx, f.hers))(t).Sector; got != "" {
		t.Errorf("sector %q", got)
	}
}

func TestOriginHasAnAddress(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.db.As(everyone(f.mia), postgres.Origin{IP: netip.MustParseAddr("fe80::1%eth0")})
	if err := s.Event(ctx, audit.Login, audit.User, f.mia.ID, nil); err != nil {
		t.Error(err)
	}
}
