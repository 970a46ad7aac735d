package postgres_test

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// asked keeps the batches sent to the database.
type asked struct{ batches [][]*pgx.QueuedQuery }

var (
	_ pgx.QueryTracer = (*asked)(nil)
	_ pgx.BatchTracer = (*asked)(nil)
)

func (a *asked) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	a.batches = append(a.batches, b.Batch.QueuedQueries)
	return ctx
}
func (a *asked) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (a *asked) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}
func (a *asked) TraceQueryStart(ctx context.Context, _ *pgx.Conn, _ pgx.TraceQueryStartData) context.Context {
	return ctx
}
func (a *asked) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

// plans returns how each batch of a search would run, its queries explained with the settings it makes.
func (a *asked) plans(t *testing.T, conn *pgx.Conn) []string {
	t.Helper()
	var all []string
	for _, batch := range a.batches {
		var plan strings.Builder
		for _, q := range batch {
			sql := q.SQL
			explained := strings.HasPrefix(sql, "SELECT ") && !strings.Contains(sql, "set_config") || strings.HasPrefix(sql, "WITH ")
			if explained {
				sql = "EXPLAIN " + sql
			}
			rows, err := conn.Query(ctx, sql, append([]any{pgx.QueryExecModeDescribeExec}, q.Arguments...)...)
			if err != nil {
				t.Fatal(err)
			}
			for rows.Next() {
				if explained {
					plan.WriteString(string(rows.RawValues()[0]) + "\n")
				}
			}
			if rows.Err() != nil {
				t.Fatalf("%s: %v", sql, rows.Err())
			}
		}
		all = append(all, plan.String())
	}
	return all
}

// readsWhole is a line of a plan that reads a large table from end to end.
var readsWhole = regexp.MustCompile(`(?m)^.*Seq Scan on (organizations|contacts|interactions|organization_contact) .*$`)

// indexedShort is a beginning of two letters that an index is asked for, walked a walk through the index of times that needs no sort.
var (
	indexedShort = regexp.MustCompile(`Index Cond: \(words @@ .*'de':\*`)
	walked       = regexp.MustCompile(`Limit .*\n *->  Index Scan using interactions_newest on interactions .*(\n +(Index Cond|Filter): .*)*ts_match_vq`)
)

// TestPlansOfASearch lets the planner see a million organizations, and holds that a rare word is looked for by
// index, in every reach, and that nothing is read from end to end but what a limit ends.
func TestPlansOfASearch(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	tracer := &asked{}
	db := postgrestest.OpenURL(t, url, postgres.Options{Tracer: tracer, MaxConns: 1})
	conn := postgrestest.Connect(t, url)
	mia := postgrestest.User(t, db, "mia", none, "x")
	run(t, conn, `SET session_replication_role = replica`)
	run(t, conn, `INSERT INTO users (name, email) SELECT 'U' || n, 'u' || n || '@example.test' FROM generate_series(1, 50) n`)
	run(t, conn, `CREATE TEMP TABLE own AS SELECT id, row_number() OVER (ORDER BY id) AS n FROM users`)
	run(t, conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id)
		SELECT md5(i::text), md5(i::text) || ' Ltd', own.id FROM generate_series(1, 6000) i JOIN own ON own.n = i % 51 + 1`)
	run(t, conn, `INSERT INTO contacts (first_name, last_name, owner_user_id) SELECT md5(i::text), md5('l' || i), own.id FROM generate_series(1, 6000) i JOIN own ON own.n = i % 51 + 1`)
	run(t, conn, `INSERT INTO organization_contact (organization_id, contact_id) SELECT o.id, c.id FROM
		(SELECT id, row_number() OVER () n FROM organizations) o JOIN (SELECT id, row_number() OVER () n FROM contacts) c USING (n)`)
	run(t, conn, `INSERT INTO interactions (organization_id, user_id, channel, subject, happened_at)
		SELECT o.id, o.owner_user_id, 'call', CASE WHEN n > 1000 THEN 'Earlier ' ELSE '' END || md5(o.id::text), now() - n * INTERVAL '1 hour' FROM (SELECT o.*, row_number() OVER () n FROM organizations o) o`)
	run(t, conn, `SET session_replication_role = origin`)
	run(t, conn, `ANALYZE organizations, contacts, organization_contact, interactions, users`)
	for table, rows := range map[string]int{"organizations": 1e6, "contacts": 3e6, "organization_contact": 3e6, "interactions": 1e7} {
		run(t, conn, fmt.Sprintf(`UPDATE pg_class SET reltuples = %d WHERE oid = '%s'::regclass`, rows, table))
	}
	team := postgrestest.Actor(mia, authz.Team, four...)
	rows, err := conn.Query(ctx, `SELECT id FROM users ORDER BY id LIMIT 10`)
	if err != nil {
		t.Fatal(err)
	}
	if team.Owners, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
		t.Fatal(err)
	}
	few := team
	few.Owners = team.Owners[:3]
	for reach, actor := range map[string]authz.Actor{"all": everyone(mia), "own": postgrestest.Actor(mia, authz.Own, four...), "team": team, "few": few} {
		wide := reach == "all" || reach == "team" // one in five
		meant := db.As(actor, postgres.Origin{})
		must(meant.Meant(ctx, "abc12", "def34"))(t) // what it needs to know once
		tracer.batches = nil
		must(meant.Meant(ctx, "abc12", "def34"))(t)
		asks := tracer.plans(t, conn)
		if len(asks) != 3 {
			t.Fatalf("%s: names of nobody make %d round trips, want a look, a search and one for what is alike", reach, len(asks))
		}
		for trip, plan := range asks {
			if whole := readsWhole.FindString(plan); trip > 0 && whole != "" {
				t.Errorf("%s: trip %d for names reads a table from end to end: %s\n%s", reach, trip+1, strings.TrimSpace(whole), plan)
			}
		}
		if alike := asks[2]; !strings.Contains(alike, "contacts_search ") || strings.Count(alike, "->  Limit") < 2 {
			t.Errorf("%s: names written alike are not looked for by index, or without an end:\n%s", reach, alike)
		}
		tracer.batches = nil
		must(db.As(actor, postgres.Origin{}).Search(ctx, "abc12 def34"))(t)
		plans := tracer.plans(t, conn)
		if len(plans) != 3 {
			t.Fatalf("%s: a search for nothing known makes %d round trips, want a look, a search and one for what is alike", reach, len(plans))
		}
		for trip, want := range [][]string{
			{"interactions_newest"},
			{"contacts_search ", "interactions_words "},
			{"organizations_search ", "contacts_search "},
		} {
			switch {
			case trip == 0 && wide:
				want = append(want, "organizations_search_start", "contacts_search_start", "contacts_search_family")
			case trip == 0:
				want = append(want, "organizations_owner_search")
			case trip == 1 && wide:
				want = append(want, "organizations_search ")
			}
			for _, index := range want {
				if !strings.Contains(plans[trip], index) {
					t.Errorf("%s: trip %d does not use %s:\n%s", reach, trip+1, strings.TrimSpace(index), plans[trip])
				}
			}
			if trip > 0 {
				for _, whole := range readsWhole.FindAllString(plans[trip], -1) {
					t.Errorf("%s: trip %d reads a table from end to end: %s\n%s", reach, trip+1, strings.TrimSpace(whole), plans[trip])
				}
			}
		}
		search := func(typed string) string {
			t.Helper()
			tracer.batches = nil
			must(db.As(actor, postgres.Origin{}).Search(ctx, typed))(t)
			return tracer.plans(t, conn)[1]
		}
		if plan := search("abc12 def34 de"); !strings.Contains(plan, "interactions_words ") || indexedShort.MatchString(plan) {
			t.Errorf("%s: the words' index is asked for all that begins with two letters:\n%s", reach, plan)
		}
		if plan := search("earlier"); reach == "all" && !walked.MatchString(plan) {
			t.Errorf("%s: a common word is not met on a walk from the newest:\n%s", reach, plan)
		}
		if plan := search("+39 02 1234567"); strings.Count(plan, "on contacts_search ") > 1 {
			t.Errorf("%s: the digits of a telephone number are looked for more than once:\n%s", reach, plan)
		}
	}
}
