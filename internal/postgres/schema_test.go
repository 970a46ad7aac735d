package postgres_test

import (
	"errors"
	"io/fs"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/migrations"
	"github.com/archpilot/crm/templates"
)

// TestCanonicalSchemaStandsUnchanged holds the migrated database against the contract: what it lists must be
// there, word for word. Additions are fine.
func TestCanonicalSchemaStandsUnchanged(t *testing.T) {
	t.Parallel()
	live := canonical(t, postgrestest.Connect(t, postgrestest.URL(t)))
	for name, sql := range map[string]func(testing.TB) string{"our migration": registryMigration, "the shared contract": sharedContract} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			contract := canonical(t, contractDatabase(t, sql(t)))
			if len(contract) < 50 {
				t.Fatalf("the contract lists only %d things: is the query still right?", len(contract))
			}
			for _, thing := range slices.Sorted(maps.Keys(contract)) {
				if got, want := live[thing], contract[thing]; got != want {
					t.Errorf("%s is %q in the migrated database, the contract has %q: later migrations may only add", thing, got, want)
				}
			}
		})
	}
}

// registryMigration is the Up part of the migration that creates the canonical tables.
func registryMigration(t testing.TB) string {
	t.Helper()
	raw, err := fs.ReadFile(migrations.FS, "00004_registry.sql")
	if err != nil {
		t.Fatal(err)
	}
	_, sql, _ := strings.Cut(string(raw), "-- +goose Up")
	sql, _, _ = strings.Cut(sql, "-- +goose Down")
	return sql
}

// sharedContract is the schema that all implementations of the registry agreed on, where it lies beside the
// checkout.
func sharedContract(t testing.TB) string {
	t.Helper()
	raw, err := os.ReadFile("../../../shared/contract/schema.sql")
	if errors.Is(err, fs.ErrNotExist) {
		t.Skip("shared/contract/schema.sql does not lie beside this checkout; our own copy in 00004_registry.sql is compared anyway")
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(raw)
}

func contractDatabase(t testing.TB, sql string) *pgx.Conn {
	t.Helper()
	conn := postgrestest.Connect(t, postgrestest.Empty(t))
	if _, err := conn.Exec(ctx, "CREATE TABLE users (id UUID PRIMARY KEY);"+sql); err != nil {
		t.Fatal(err)
	}
	return conn
}

// canonical describes columns, keys and indexes of the canonical tables, each by name.
func canonical(t testing.TB, conn *pgx.Conn) map[string]string {
	t.Helper()
	return lines(t, conn, `
		WITH tables AS (SELECT unnest(ARRAY['organizations', 'contacts', 'organization_contact', 'interactions']::regclass[]) AS id)
		SELECT 'column ' || a.attrelid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod),
				CASE WHEN a.attnotnull THEN 'NOT NULL' END, 'DEFAULT ' || pg_get_expr(d.adbin, d.adrelid))
			FROM tables JOIN pg_attribute a ON a.attrelid = tables.id LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
			WHERE a.attnum > 0 AND NOT a.attisdropped
		UNION ALL
		SELECT 'constraint ' || c.conname || ' of ' || c.conrelid::regclass, pg_get_constraintdef(c.oid)
			FROM tables JOIN pg_constraint c ON c.conrelid = tables.id
		UNION ALL
		SELECT 'index ' || i.indexrelid::regclass, pg_get_indexdef(i.indexrelid) FROM tables JOIN pg_index i ON i.indrelid = tables.id`)
}

// lines reads rows of a name and a text.
func lines(t testing.TB, conn *pgx.Conn, sql string) map[string]string {
	t.Helper()
	rows, err := conn.Query(ctx, sql)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]string{}
	var name, text string
	if _, err := pgx.ForEachRow(rows, []any{&name, &text}, func() error { all[name] = text; return nil }); err != nil {
		t.Fatal(err)
	}
	return all
}

// unguarded are the tables whose rows may change without an audit row, and why that is right.
var unguarded = map[string]string{
	"client_days":           "derived: folded from client_deltas",
	"client_deltas":         "derived: a trigger on organization_activity, which is derived itself, keeps it",
	"client_totals":         "derived: folded from client_deltas",
	"interaction_days":      "derived: folded from interaction_deltas",
	"interaction_deltas":    "derived: a trigger on interactions, which are guarded, keeps it",
	"interaction_hours":     "derived: folded from interaction_deltas",
	"contact_activity":      "derived: triggers on contacts and interactions, which are guarded, keep it",
	"first_attendees":       "derived: triggers on interactions, attendees and contacts, which are guarded, keep it",
	"first_roles":           "derived: triggers on links, contacts and organizations, which are guarded, keep it",
	"main_contacts":         "derived: triggers on links, contacts and organizations, which are guarded, keep it",
	"contact_reach":         "derived: triggers on links, organizations and contacts, which are guarded, keep it",
	"organization_activity": "derived: triggers on organizations and interactions, which are guarded, keep it",
	"api_tokens":            "secret: making and revoking one are events",
	"calendar_feeds":        "secret: making and revoking an address are events",
	"form_tokens":           "operational: answers of forms already taken, swept after two days",
	"goose_db_version":      "operational: goose's own",
	"jobs":                  "operational: work to be done in the background; what it changes has its change set",
	"notices":               "operational: what somebody was told, without a word of it, and whether they read it",
	"notification_settings": "operational: how somebody wants to be told",
	"outbox":                "operational: mail to be sent",
	"permissions":           "fixed: only migrations change it",
	"recovery_codes":        "secret: making and using them are events",
	"relationship_periods":  "derived: a trigger on organization_contact, which is guarded, keeps it",
	"reminder_clock":        "operational: up to when what is due was told",
	"sessions":              "secret and operational",
	"sign_in_attempts":      "operational: guesses of one day",
	"user_addresses":        "operational: where a user signed in from",
	"user_secrets":          "secret: inviting, resetting and accepting are events",
	"user_welcomes":         "operational: who has seen the first steps",
	"user_lists":            "operational: the columns, pins and first view of one person; no right hangs on them",
	"touch_unsettled":       "operational: roles whose default has changed, until the people in them are due by it",
	"user_credentials":      "secret: no image may ever hold a hash; a change of password is an event",
}

var appendOnly = []string{"audit_logs", "change_sets"}

func TestEveryTableIsGuardedOrSaysWhyNot(t *testing.T) {
	t.Parallel()
	conn := postgrestest.Connect(t, postgrestest.URL(t))
	triggers := lines(t, conn, `
		SELECT c.relname, coalesce(string_agg(pg_get_triggerdef(t.oid) || ' [' || t.tgenabled::text || ']', E'\n'), '')
		FROM pg_class c LEFT JOIN pg_trigger t ON t.tgrelid = c.oid AND NOT t.tgisinternal
		WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'f', 'm', 'u')
			AND NOT EXISTS (SELECT 1 FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
		GROUP BY c.relname`)
	imaged := postgres.ImagedTables()
	for table, has := range triggers {
		reason := unguarded[table]
		switch {
		case imaged[table].Key != nil:
			wantTrigger(t, has, "CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public."+table+
				" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard('"+imaged[table].Target+"') [O]")
			wantTrigger(t, has, "CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public."+table+" FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate() [O]")
		case slices.Contains(appendOnly, table):
			wantTrigger(t, has, "CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public."+table+" FOR EACH STATEMENT EXECUTE FUNCTION append_only() [O]")
		case reason == "":
			t.Errorf("table %s has no decision: guard it in its migration and describe it in imagedTables, or list it in unguarded with a reason", table)
		case strings.Contains(has, "audit_guard"):
			t.Errorf("table %s is guarded but not described in imagedTables: undo and verification would not know it", table)
		}
	}
	for _, table := range slices.Concat(slices.Collect(maps.Keys(imaged)), slices.Collect(maps.Keys(unguarded)), appendOnly) {
		if _, exists := triggers[table]; !exists {
			t.Errorf("table %s is decided on but does not exist: take it off the list", table)
		}
	}
}

func wantTrigger(t testing.TB, has, want string) {
	t.Helper()
	if !slices.Contains(strings.Split(has, "\n"), want) {
		t.Errorf("missing trigger\n  %s\nthe table has\n  %s", want, has)
	}
}

func TestEveryColumnIsImagedOrDerived(t *testing.T) {
	t.Parallel()
	conn := postgrestest.Connect(t, postgrestest.URL(t))
	imaged := postgres.ImagedTables()
	for _, name := range slices.Sorted(maps.Keys(imaged)) {
		table := imaged[name]
		columns := lines(t, conn, `SELECT a.attname, CASE WHEN audit_image(jsonb_build_object(a.attname, 1)) = '{}' THEN 'derived' ELSE 'imaged' END
			FROM pg_attribute a WHERE a.attrelid = '`+name+`'::regclass AND a.attnum > 0 AND NOT a.attisdropped`)
		var inImages []string
		for _, column := range slices.Sorted(maps.Keys(columns)) {
			if columns[column] == "imaged" {
				inImages = append(inImages, column)
			}
			if secret.MatchString(column) {
				t.Errorf("%s.%s looks like a secret: secrets live in user_credentials, where no image, history or undo sees them", name, column)
			}
		}
		if diff := cmp.Diff(inImages, slices.Sorted(slices.Values(table.Columns))); diff != "" {
			t.Errorf("%s: the columns in its images (-) differ from those in imagedTables (+); a derived column must be left out by audit_image:\n%s", name, diff)
		}
		if _, has := columns["version"]; has != table.Versioned {
			t.Errorf("%s: versioned is %v in imagedTables, but whether the table has a version is %v", name, table.Versioned, has)
		}
		if _, has := columns["updated_at"]; has != table.Stamped {
			t.Errorf("%s: stamped is %v in imagedTables, but whether the table has updated_at is %v", name, table.Stamped, has)
		}
		key := lines(t, conn, `SELECT 'key', string_agg(a.attname, ',' ORDER BY k.n) FROM pg_index i, unnest(i.indkey::int[]) WITH ORDINALITY k(attnum, n)
			JOIN pg_attribute a ON a.attnum = k.attnum WHERE i.indrelid = '`+name+`'::regclass AND a.attrelid = i.indrelid AND i.indisprimary`)["key"]
		if want := strings.Join(table.Key, ","); key != want {
			t.Errorf("%s: the primary key is (%s), imagedTables says (%s)", name, key, want)
		}
	}
}

var secret = regexp.MustCompile(`password|passwd|hash|secret|token|credential`)

func TestEveryColumnOfAHistoryHasALabel(t *testing.T) {
	t.Parallel()
	silent := postgres.SilentColumns()
	for name, table := range postgres.ImagedTables() {
		for _, column := range table.Columns {
			if templates.FieldLabels[column] == nil && !silent[column] {
				t.Errorf("%s.%s is shown in histories by its bare name: give it words in templates.FieldLabels, or list it in silentColumns", name, column)
			}
		}
	}
}
