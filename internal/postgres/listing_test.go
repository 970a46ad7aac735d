package postgres_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// crowd is a register of some hundred records of everything, with ties, gaps and every kind of owner, made behind
// the application's back: 0 owns much, 1 and 2 some, 3 hardly anything, 4 nothing; 1, 2 and 3 are a team below 4's.
type crowd struct {
	url   string
	conn  *pgx.Conn
	users []crm.User
	teams []uuid.UUID // the upper, the lower
	found uuid.UUID   // an organization of user 1 with contacts

	sent   listed                // by the store of underAllStatistics
	walked map[string]onceWalked // by who reads what, in which order, and the statement
}

// onceWalked is a list that was compared with plain SQL from end to end.
type onceWalked struct {
	rows  []uuid.UUID
	count int
}

func newCrowd(t testing.TB, organizations int) *crowd {
	t.Helper()
	c := &crowd{url: postgrestest.URL(t), walked: map[string]onceWalked{}}
	c.conn = postgrestest.Connect(t, c.url)
	db := postgrestest.OpenURL(t, c.url, postgres.Options{})
	s := postgrestest.System(db)
	upper := must(s.CreateTeam(ctx, crm.Team{Name: "Upper"}, none))(t).ID
	lower := must(s.CreateTeam(ctx, crm.Team{Name: "Lower", ParentID: idOf(upper)}, none))(t).ID
	c.teams = []uuid.UUID{upper, lower}
	role := postgrestest.Seeded(t, db, "manager")
	for n, name := range []string{"ziv", "Ann", "Émile", "ann", "max"} {
		team := []uuid.NullUUID{none, idOf(lower), idOf(lower), idOf(lower), idOf(upper)}[n]
		c.users = append(c.users, postgrestest.User(t, db, name+fmt.Sprint(n), team, "x", role))
	}
	owners := make([]uuid.UUID, 20) // of twenty records: eleven 0's, three and two of 1 and 2, three of nobody; 3's are made below
	for i := range owners {
		owners[i] = c.users[[]int{0, 0, 0, 1, 0, 0, 1, 2, 0, 4, 0, 0, 1, 0, 4, 0, 2, 0, 4, 0}[i]].ID
	}
	run(t, c.conn, `BEGIN`)
	guarded := []string{"organizations", "contacts", "organization_contact", "interactions", "interaction_contacts", "follow_ups"}
	for _, table := range guarded {
		run(t, c.conn, `ALTER TABLE `+table+` DISABLE TRIGGER audit_guard`)
	}
	run(t, c.conn, `INSERT INTO organizations (id, legal_name, display_name, sector, size_band, owner_user_id, is_active, created_at)
		SELECT md5('o' || i)::uuid, 'Firm', (ARRAY['alpha','Alpha','Émile','emil','Zoë','zoo'])[1 + i % 6] || i / 9, (ARRAY['Energy','Food',NULL,'Ärzte'])[1 + i % 4],
			(ARRAY['1-10','11-50','1001-5000','201-1000',NULL])[1 + i % 5], CASE WHEN i % 97 = 1 THEN $3::uuid ELSE nullif(($2::uuid[])[1 + i % 20], $4::uuid) END, i % 7 <> 0,
			timestamptz '2026-01-01' + interval '1 hour' * (i / 3)
		FROM generate_series(1, $1::int) i`, organizations, owners, c.users[3].ID, c.users[4].ID)
	run(t, c.conn, `INSERT INTO contacts (id, first_name, last_name, email, phone, mobile, job_title, owner_user_id, is_active, created_at)
		SELECT md5('c' || i)::uuid, (ARRAY['Ada','Åsa','Ben'])[1 + i % 3], (ARRAY['Lind','lind','Öberg','Rossi'])[1 + i % 4] || i / 20, CASE WHEN i % 5 > 0 THEN 'p' || i || '@example.test' END,
			CASE WHEN i % 3 = 0 THEN '1' END, CASE WHEN i % 6 = 1 THEN '2' END, (ARRAY['CFO', 'cfo', 'Évêque', NULL, NULL])[1 + i % 5], nullif(($2::uuid[])[1 + (i * 7) % 20], $3::uuid), i % 11 <> 0, timestamptz '2026-01-01' + interval '1 hour' * (i / 3)
		FROM generate_series(1, 2 * $1::int) i`, organizations, owners, c.users[4].ID)
	run(t, c.conn, `INSERT INTO organization_contact (organization_id, contact_id, role_label, relationship_status)
		SELECT DISTINCT ON (1, 2) md5('o' || 1 + (i * 13) % $1::int)::uuid, md5('c' || 1 + (i * 5) % (2 * $1::int))::uuid, (ARRAY['CFO','Buyer',NULL])[1 + i % 3], (ARRAY['Active','Former'])[1 + i % 2]
		FROM generate_series(1, $1::int * 3 / 2) i WHERE i % 10 > 0`, organizations)
	run(t, c.conn, `INSERT INTO interactions (id, organization_id, contact_id, user_id, channel, subject, outcome, happened_at, created_at, duration_minutes, direction)
		SELECT md5('i' || i)::uuid, CASE WHEN i % 4 > 0 THEN md5('o' || 1 + (i * 3) % ($1::int / 2))::uuid END, CASE WHEN i % 4 < 2 AND i % 40 > 0 THEN md5('c' || 1 + (i * 11) % $1::int)::uuid END,
			($2::uuid[])[1 + (i * 3 + i / 20) % 20], (ARRAY['call','note','email'])[1 + i % 3], (ARRAY['Talk','talk','Élan'])[1 + i % 3] || i / 30, (ARRAY['Resolved','No answer',NULL])[1 + i % 3], now() - interval '6 hours' * (i / 2),
			timestamptz '2026-01-01' + interval '1 hour' * (i * 7 % 50), CASE WHEN i % 3 = 0 THEN i * 5 % 60 END, CASE WHEN i % 3 <> 1 THEN (ARRAY['in','out',NULL])[1 + i % 5 % 3] END
		FROM generate_series(1, 4 * $1::int) i`, organizations, owners)
	run(t, c.conn, `INSERT INTO interaction_contacts (interaction_id, contact_id)
		SELECT DISTINCT md5('i' || i * 5)::uuid, md5('c' || 1 + (i * 17 * k) % (2 * $1::int))::uuid FROM generate_series(1, 4 * $1::int / 5) i, generate_series(1, 3) k`, organizations)
	run(t, c.conn, `UPDATE organizations SET touch_every_days = (ARRAY[30, 90, 365])[1 + hashtext(id::text) & 1] WHERE hashtext(id::text) % 3 = 0`)
	run(t, c.conn, `UPDATE organization_contact SET touch_every_days = 60 WHERE hashtext(contact_id::text) % 3 = 0`)
	run(t, c.conn, `INSERT INTO follow_ups (id, title, due_on, due_at, organization_id, contact_id, state, done_at)
		SELECT md5('f' || i)::uuid, 'Next', CASE WHEN i % 2 = 0 THEN current_date + i % 9 END, CASE WHEN i % 2 = 1 THEN now() + interval '3 hours' * (i % 60) END,
			CASE WHEN i % 3 < 2 THEN md5('o' || 1 + (i * 7) % $1::int)::uuid END, CASE WHEN i % 3 > 0 THEN md5('c' || 1 + (i * 11) % (2 * $1::int))::uuid END,
			CASE WHEN i % 5 = 0 THEN 'done' ELSE 'open' END, CASE WHEN i % 5 = 0 THEN now() END
		FROM generate_series(1, $1::int) i`, organizations)
	for _, table := range guarded {
		run(t, c.conn, `ALTER TABLE `+table+` ENABLE TRIGGER audit_guard`)
	}
	run(t, c.conn, `COMMIT`)
	c.found = read[uuid.UUID](t, c.conn, `SELECT o.id FROM organizations o JOIN organization_contact l ON l.organization_id = o.id WHERE o.owner_user_id = $1 ORDER BY o.id LIMIT 1`, c.users[1].ID)
	return c
}

// reader is someone who reads lists, and what they reach as SQL of an owner column.
type reader struct {
	name  string
	actor authz.Actor
	owner string // format with the column
}

func (c *crowd) readers() []reader {
	four := []authz.Permission{authz.ViewClient, authz.ViewInteraction}
	team := func(n int, members ...int) reader {
		a := postgrestest.Actor(c.users[n], authz.Team, four...)
		in := ""
		for _, m := range members {
			a.Owners = append(a.Owners, c.users[m].ID)
			in += ", '" + c.users[m].ID.String() + "'"
		}
		return reader{fmt.Sprintf("team of %d", n), a, "%s IN (" + in[2:] + ")"}
	}
	own := func(n int) reader {
		return reader{fmt.Sprintf("own %d", n), postgrestest.Actor(c.users[n], authz.Own, four...), "%s = '" + c.users[n].ID.String() + "'"}
	}
	return []reader{own(0), own(3), own(4), team(4, 1, 2, 3, 4), team(0, 0, 1), {"all", postgrestest.Actor(c.users[1], authz.All, four...), "(%s IS NULL OR TRUE)"}}
}

// statistics are what the planner and our own choice of a plan may know: nothing, the truth, and that a million
// organizations stand there, or some thousands, so that every plan has its turn.
var statistics = map[string][]string{
	"none": {},
	"true": {`ANALYZE`},
	"some": {`ANALYZE`, `UPDATE pg_class SET reltuples = 6000, relpages = 240 WHERE oid = 'organizations'::regclass`},
	"big":  {`ANALYZE`, `UPDATE pg_class SET reltuples = 1000000, relpages = 40000 WHERE oid = 'organizations'::regclass`},
}

// pages walks a list to its end and back, and fails where the two ways differ.
func pages[T any](t *testing.T, size int, what string, id func(T) uuid.UUID, read func(crm.Page) (crm.Listing[T], error)) ([]uuid.UUID, int) {
	t.Helper()
	var forth, back []uuid.UUID
	var last crm.Page
	count := 0
	for page, n := (crm.Page{Size: size}), 0; n == 0 || !page.First(); n++ {
		l, err := read(page)
		if err != nil {
			t.Fatalf("%s, page %d: %v", what, n, err)
		}
		if n == 0 && l.More != (l.Count == size && !l.Next.First()) {
			t.Errorf("%s: counts %d and says more: %v", what, l.Count, l.More)
		}
		if n == 0 {
			count = l.Count
		} else if l.Count != count {
			t.Errorf("%s, page %d: count %d, was %d", what, n, l.Count, count)
		}
		for _, r := range l.Rows {
			forth = append(forth, id(r))
		}
		if n > 0 && l.Prev.First() {
			t.Errorf("%s, page %d: no way back", what, n)
		}
		page, last = l.Next, l.Prev
		if len(l.Rows) < size && !page.First() || n > 200 {
			t.Fatalf("%s, page %d: goes on after %d rows", what, n, len(l.Rows))
		}
		if page.First() {
			for _, r := range slices.Backward(l.Rows) {
				back = append(back, id(r))
			}
		}
	}
	for !last.First() {
		l, err := read(last)
		if err != nil {
			t.Fatalf("%s, back: %v", what, err)
		}
		for _, r := range slices.Backward(l.Rows) {
			back = append(back, id(r))
		}
		last = l.Prev
	}
	slices.Reverse(back)
	if !slices.Equal(forth, back) {
		t.Errorf("%s: the way back (+) differs from the way forth (-):\n%.600s", what, cmp.Diff(forth, back))
	}
	return forth, count
}

// walk compares a list with what plain SQL says: all of it, from end to end, for each statement that the store finds
// for it. Where the statistics lead to a statement walked before, its first page must be the same again. What was walked is returned.
func walk[T any](t *testing.T, c *crowd, stats, what string, id func(T) uuid.UUID, read func(crm.Page) (crm.Listing[T], error), sql string) ([]uuid.UUID, bool) {
	t.Helper()
	const size = 70
	first, err := read(crm.Page{Size: size})
	if err != nil {
		t.Fatalf("%s, %s: %v", stats, what, err)
	}
	key := what + "\n" + c.sent.sql
	if before, found := c.walked[key]; found {
		want := before.rows[:min(size, len(before.rows))]
		if !slices.EqualFunc(first.Rows, want, func(r T, want uuid.UUID) bool { return id(r) == want }) || first.Count != before.count {
			t.Errorf("%s, %s: begins with %d of %d rows that are not those of the same statement before", stats, what, len(first.Rows), first.Count)
		}
		return nil, false
	}
	got, count := pages(t, size, stats+", "+what, id, func(p crm.Page) (crm.Listing[T], error) {
		if p.First() {
			return first, nil
		}
		return read(p)
	})
	c.check(t, stats+", "+what, got, count, sql)
	c.walked[key] = onceWalked{got, count}
	return got, true
}

// check compares a list with what plain SQL says; an uncounted one tells how long its first page is.
func (c *crowd) check(t *testing.T, what string, got []uuid.UUID, count int, sql string) {
	t.Helper()
	rows, err := c.conn.Query(ctx, sql)
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, sql)
	}
	want, err := pgx.CollectRows(rows, pgx.RowTo[uuid.UUID])
	if err != nil {
		t.Fatalf("%s: %v\n%s", what, err, sql)
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s: %d rows, want %d, in this order:\n%.800s", what, len(got), len(want), cmp.Diff(want, got))
	}
	if uncounted := strings.Contains(what, "uncounted"); !uncounted && count != len(want) || uncounted && count != min(len(want), 70) {
		t.Errorf("%s: counted %d, want %d", what, count, len(want))
	}
}

const (
	byName  = `o.display_name COLLATE "und-x-icu"`
	byNames = `c.last_name COLLATE "und-x-icu", c.first_name COLLATE "und-x-icu", c.id`

	byNamesDown = `c.last_name COLLATE "und-x-icu" DESC, c.first_name COLLATE "und-x-icu" DESC, c.id DESC`
)

// mainContact is a field of an organization's main contact, NULL where there is none.
const mainContact = `(SELECT c.% FROM organization_contact l JOIN contacts c ON c.id = l.contact_id WHERE l.organization_id = o.id AND c.is_active
	ORDER BY coalesce(l.relationship_status, '') = 'Former', l.role_label IS NULL, c.last_name, c.id LIMIT 1)`

// shownRole is what the list of contacts shows as c's role, NULL where that is nothing: %[1]s is the reach of an organization o,
// %[2]s which one is shown before others.
const shownRole = `coalesce((SELECT nullif(l.role_label, '') FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id AND %[1]s
	ORDER BY %[2]s, coalesce(l.relationship_status, '') = 'Former', o.is_active DESC, o.display_name, o.id LIMIT 1), c.job_title) COLLATE "und-x-icu"`

// alsoThere is a field of the first attendee of i besides its contact, NULL where none is in view.
const alsoThere = `(SELECT xc.%s FROM interaction_contacts x JOIN contacts xc ON xc.id = x.contact_id WHERE x.interaction_id = i.id AND x.contact_id IS DISTINCT FROM i.contact_id
	AND (%s OR EXISTS (SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = xc.id AND %s))
	ORDER BY xc.last_name COLLATE "und-x-icu", xc.first_name COLLATE "und-x-icu", xc.id LIMIT 1) COLLATE "und-x-icu"`

// firstDue is when the next follow-up of an organization is due, NULL where there is none.
const firstDue = `(SELECT min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')) FROM follow_ups f WHERE f.organization_id = o.id AND f.state = 'open')`

// with is the order of interactions by whom they were with, by the names in view: of organization wo, else of contact wc.
const with = `wo.id IS NULL, wc.id IS NULL, wo.display_name COLLATE "und-x-icu"%[1]s, wo.id%[1]s, wc.last_name COLLATE "und-x-icu"%[1]s, wc.first_name COLLATE "und-x-icu"%[1]s, wc.id%[1]s, i.happened_at%[1]s, i.id%[1]s`

// organizationSorts are the orders of the list, in plain SQL.
var organizationSorts = map[string]string{
	"": byName + ", o.id", "-name": byName + " DESC, o.id DESC", "newest": "o.created_at DESC, o.id DESC", "-newest": "o.created_at, o.id",
	"sector": `coalesce(o.sector, '') COLLATE "und-x-icu", ` + byName + ", o.id", "-size": `coalesce(o.size_band, '') COLLATE natural_order DESC, ` + byName + " DESC, o.id DESC",
	"website": `coalesce(o.website, ''), ` + byName + ", o.id", "-tax": `coalesce(o.tax_id, '') DESC, ` + byName + " DESC, o.id DESC",
	"last": "a.last_contact_at, o.id", "-last": "a.last_contact_at DESC, o.id DESC", "touch": "a.next_touch_at, o.id", "-touch": "a.next_touch_at DESC, o.id DESC",
	"contact":  strings.ReplaceAll(mainContact, "%", "last_name") + ` COLLATE "und-x-icu", ` + strings.ReplaceAll(mainContact, "%", "first_name") + ` COLLATE "und-x-icu", o.id`,
	"-contact": strings.ReplaceAll(mainContact, "%", "last_name") + ` COLLATE "und-x-icu" DESC NULLS LAST, ` + strings.ReplaceAll(mainContact, "%", "first_name") + ` COLLATE "und-x-icu" DESC NULLS LAST, o.id DESC`,
	"next":     firstDue + ", a.last_contact_at, o.id", "-next": firstDue + " DESC NULLS LAST, a.last_contact_at DESC, o.id DESC",
	"owner": `w.id IS NULL, w.name COLLATE "und-x-icu", w.id, ` + byName + ", o.id", "-owner": `w.id IS NULL DESC, w.name COLLATE "und-x-icu" DESC, w.id DESC, ` + byName + ", o.id",
	"status": "o.is_active DESC, " + byName + ", o.id", "-status": "o.is_active, " + byName + ", o.id",
}

// organizationFilters are filters with the same in plain SQL.
func (c *crowd) organizationFilters() map[string]struct {
	f     crm.OrganizationFilter
	where string
} {
	lower := fmt.Sprintf("o.owner_user_id IN (SELECT id FROM users WHERE team_id = '%s')", c.teams[1])
	all := crm.StatusAll
	return map[string]struct {
		f     crm.OrganizationFilter
		where string
	}{
		"active":  {crm.OrganizationFilter{}, "o.is_active"},
		"all":     {crm.OrganizationFilter{Status: all}, "TRUE"},
		"several": {crm.OrganizationFilter{Status: crm.StatusArchived, Sector: "Food", Size: "11-50"}, "NOT o.is_active AND o.sector = 'Food' AND o.size_band = '11-50'"},
		"owner":   {crm.OrganizationFilter{Status: all, Owner: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}}, fmt.Sprintf("o.owner_user_id = '%s'", c.users[1].ID)},
		"nobody":  {crm.OrganizationFilter{Owner: crm.OwnerFilter{Nobody: true}}, "o.is_active AND o.owner_user_id IS NULL"},
		"team":    {crm.OrganizationFilter{Sector: "Energy", Owner: crm.OwnerFilter{TeamID: idOf(c.teams[0])}}, "o.is_active AND o.sector = 'Energy' AND " + lower},
		"silent":  {crm.OrganizationFilter{Silence: crm.Silence{OlderThan: 30}, HasContact: crm.Present}, "o.is_active AND a.has_contact AND a.last_contact_at > '-infinity' AND a.last_contact_at < now() - interval '30 days'"},
		"never":   {crm.OrganizationFilter{Silence: crm.Silence{Never: true}}, "o.is_active AND a.last_contact_at = '-infinity'"},
		"recent":  {crm.OrganizationFilter{Status: all, Silence: crm.Silence{Within: 9}, HasContact: crm.Absent}, "NOT a.has_contact AND a.last_contact_at >= now() - interval '9 days'"},
		"overdue": {crm.OrganizationFilter{Touch: crm.TouchOverdue}, "o.is_active AND a.next_touch_at <= now()"},
		"theirs":  {crm.OrganizationFilter{Touch: crm.TouchOverdue, Owner: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}}, fmt.Sprintf("o.is_active AND a.next_touch_at <= now() AND o.owner_user_id = '%s'", c.users[1].ID)},
		"team's":  {crm.OrganizationFilter{Touch: crm.TouchAny, Owner: crm.OwnerFilter{TeamID: idOf(c.teams[0])}}, "o.is_active AND a.next_touch_at < 'infinity' AND " + lower},
		"week":    {crm.OrganizationFilter{Touch: crm.TouchWeek}, "o.is_active AND a.next_touch_at > now() AND a.next_touch_at <= now() + interval '7 days'"},
		"none":    {crm.OrganizationFilter{Touch: crm.TouchNone}, "o.is_active AND a.next_touch_at = 'infinity'"},
		"made":    {crm.OrganizationFilter{CreatedFrom: time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC), CreatedBefore: time.Date(2026, 1, 4, 0, 0, 0, 0, time.UTC)}, "o.is_active AND o.created_at >= '2026-01-02' AND o.created_at < '2026-01-04'"},
	}
}

// TestOrganizationsWhateverThePlan walks the list in every order, with every filter, for every reach and under
// every plan, and compares it with plain SQL.
func TestOrganizationsWhateverThePlan(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 200)
	c.underAllStatistics(t, func(t *testing.T, db *postgres.DB, stats string) {
		for _, r := range c.readers() {
			s := db.As(r.actor, postgres.Origin{})
			for name, filter := range c.organizationFilters() {
				for sort, by := range organizationSorts {
					if r.name == "own 4" && name != "all" && sort != "" {
						continue // nothing has one order
					}
					if name != "all" && name != "team" && (sort != "" && sort != "last" && sort != "owner" && (sort != "touch" || filter.f.Touch == "")) {
						continue // one filter goes through all orders, every filter through some
					}
					what := fmt.Sprintf("%s, %s, sort %q", r.name, name, sort)
					f := filter.f
					f.Sort = crm.ParseSort(sort)
					walk(t, c, stats, what, func(o crm.OrganizationRow) uuid.UUID { return o.ID }, func(p crm.Page) (crm.Listing[crm.OrganizationRow], error) {
						f.Page = p
						return s.Organizations(ctx, f)
					}, `SELECT o.id FROM organizations o JOIN organization_activity a ON a.organization_id = o.id LEFT JOIN users w ON w.id = o.owner_user_id
						WHERE `+filter.where+` AND `+fmt.Sprintf(r.owner, "o.owner_user_id")+` ORDER BY `+by)
				}
			}
		}
	})
}

// wide reports whether a list is not sorted by people: a reach of many, where the register seems big.
func (c *crowd) wide(stats string, r reader) bool {
	return stats == "big" && r.name != "all" && r.name != "own 4"
}

// underAllStatistics runs a test once for each of the statistics.
func (c *crowd) underAllStatistics(t *testing.T, test func(*testing.T, *postgres.DB, string)) {
	t.Helper()
	for _, name := range []string{"none", "true", "some", "big"} {
		for _, sql := range statistics[name] {
			run(t, c.conn, sql)
		}
		test(t, postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: &c.sent}), name) // a fresh one: it remembers sizes
	}
}

// TestContactsWhateverThePlan is the same for contacts.
func TestContactsWhateverThePlan(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 150)
	sorts := map[string]string{
		"": byNames, "-newest": "c.created_at, c.id", "email": "coalesce(c.email, ''), c.id", "-last": "a.last_contact_at DESC, c.id DESC", "last": "a.last_contact_at, c.id", "touch": "a.next_touch_at, c.id", "-touch": "a.next_touch_at DESC, c.id DESC",
		"owner": `w.id IS NULL, w.name COLLATE "und-x-icu", w.id, ` + byNames, "status": "c.is_active DESC, " + byNames, "phone": "coalesce(c.phone, c.mobile, ''), c.id", "-mobile": "coalesce(c.mobile, '') DESC, c.id DESC",
		"next": strings.ReplaceAll(firstDue, "organization_id = o", "contact_id = c") + ", a.last_contact_at, c.id", "-next": strings.ReplaceAll(firstDue, "organization_id = o", "contact_id = c") + " DESC NULLS LAST, a.last_contact_at DESC, c.id DESC",
		"title": `coalesce(c.job_title, '') COLLATE "und-x-icu", ` + byNames, "-title": `coalesce(c.job_title, '') COLLATE "und-x-icu" DESC, ` + byNamesDown,
		"-owner": `w.id IS NULL DESC, w.name COLLATE "und-x-icu" DESC, w.id DESC, ` + byNames,
		"role":   "", "-role": "", // what each reader sees: below
	}
	linked := `EXISTS (SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id AND %s)`
	filters := map[string]struct {
		f     crm.ContactFilter
		where string // %[1]s is the reach of an organization o
	}{
		"all":      {crm.ContactFilter{Status: crm.StatusAll}, "TRUE"},
		"active":   {crm.ContactFilter{}, "c.is_active"},
		"no way":   {crm.ContactFilter{HasEmail: crm.Absent, HasPhone: crm.Absent}, "c.is_active AND c.email IS NULL AND c.phone IS NULL AND c.mobile IS NULL"},
		"both":     {crm.ContactFilter{HasEmail: crm.Present, HasPhone: crm.Present, Silence: crm.Silence{Within: 60}}, "c.is_active AND c.email IS NOT NULL AND coalesce(c.phone, c.mobile) IS NOT NULL AND a.last_contact_at >= now() - interval '60 days'"},
		"role":     {crm.ContactFilter{Role: "CFO", RelationshipStatus: "Active"}, "c.is_active AND " + fmt.Sprintf(linked, "l.role_label = 'CFO' AND l.relationship_status = 'Active' AND %[1]s")},
		"at":       {crm.ContactFilter{OrganizationID: idOf(c.found)}, "c.is_active AND " + fmt.Sprintf(linked, "o.id = '"+c.found.String()+"' AND %[1]s")},
		"their":    {crm.ContactFilter{Owner: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}}, fmt.Sprintf("c.is_active AND c.owner_user_id = '%s'", c.users[1].ID)},
		"teams":    {crm.ContactFilter{Owner: crm.OwnerFilter{TeamID: idOf(c.teams[1])}}, fmt.Sprintf("c.is_active AND c.owner_user_id IN (SELECT id FROM users WHERE team_id = '%s')", c.teams[1])},
		"overdue":  {crm.ContactFilter{Touch: crm.TouchOverdue}, "c.is_active AND a.next_touch_at <= now()"},
		"overdue2": {crm.ContactFilter{Touch: crm.TouchOverdue, Owner: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}}, fmt.Sprintf("c.is_active AND a.next_touch_at <= now() AND c.owner_user_id = '%s'", c.users[1].ID)},
		"any":      {crm.ContactFilter{Touch: crm.TouchAny}, "c.is_active AND a.next_touch_at < 'infinity'"},
		"nobody's": {crm.ContactFilter{Owner: crm.OwnerFilter{Nobody: true}}, "c.is_active AND c.owner_user_id IS NULL"},
	}
	c.underAllStatistics(t, func(t *testing.T, db *postgres.DB, stats string) {
		for _, r := range c.readers() {
			s := db.As(r.actor, postgres.Origin{})
			organization := fmt.Sprintf(r.owner, "o.owner_user_id")
			scope := "(" + fmt.Sprintf(r.owner, "c.owner_user_id") + " OR " + fmt.Sprintf(linked, organization) + ")"
			for name, filter := range filters {
				for sort, by := range sorts {
					if name != "all" && sort != "" && (r.name == "own 4" || sort != "last" && sort != "role" && (sort != "touch" || filter.f.Touch == "")) {
						continue
					}
					wide := c.wide(stats, r) && name != "at" && !filter.f.Owner.UserID.Valid
					switch {
					case strings.HasSuffix(sort, "owner") && wide:
						by = byNames
					case strings.HasSuffix(sort, "role") && wide:
						by = byNames
					case strings.HasSuffix(sort, "role"):
						first := "o.id IS NULL"
						if name == "at" {
							first = "o.id <> '" + c.found.String() + "'"
						}
						role := fmt.Sprintf(shownRole, organization, first)
						if by = role + " NULLS LAST, " + byNames; sort == "-role" {
							by = role + " DESC NULLS LAST, " + byNamesDown
						}
					case sort == "-owner" && r.name != "all": // all in one order there: see unwalk
						by = `w.id IS NULL DESC, w.name COLLATE "und-x-icu" DESC, w.id DESC, ` + byNamesDown
					}
					what := fmt.Sprintf("%s, %s, sort %q", r.name, name, sort)
					f := filter.f
					f.Sort = crm.ParseSort(sort)
					if r.name != "all" && name != "all" && name != "active" && name != "at" && !filter.f.Owner.UserID.Valid {
						what += ", uncounted"
					}
					where := filter.where
					if name == "role" || name == "at" {
						where = fmt.Sprintf(where, organization)
					}
					walk(t, c, stats, what, func(c crm.ContactRow) uuid.UUID { return c.ID }, func(p crm.Page) (crm.Listing[crm.ContactRow], error) {
						f.Page = p
						l, err := s.Contacts(ctx, f)
						if l.Wide != wide {
							t.Errorf("%s, %s: wide: %v, want %v", stats, what, l.Wide, wide)
						}
						return l, err
					}, `SELECT c.id FROM contacts c JOIN contact_activity a ON a.contact_id = c.id LEFT JOIN users w ON w.id = c.owner_user_id
						WHERE `+where+` AND `+scope+` ORDER BY `+by)
				}
			}
		}
	})
}

// TestInteractionsWhateverThePlan is the same for interactions.
func TestInteractionsWhateverThePlan(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 100)
	person := read[uuid.UUID](t, c.conn, `SELECT i.contact_id FROM interactions i JOIN interaction_contacts x ON x.contact_id = i.contact_id ORDER BY i.id LIMIT 1`)
	sorts := map[string]string{
		"": "i.happened_at DESC, i.id DESC", "-newest": "i.happened_at, i.id", "subject": `i.subject COLLATE "und-x-icu", i.happened_at, i.id`,
		"-subject": `i.subject COLLATE "und-x-icu" DESC, i.happened_at DESC, i.id DESC`, "outcome": `coalesce(i.outcome, '') COLLATE "und-x-icu", i.happened_at, i.id`, "author": `w.id IS NULL, w.name COLLATE "und-x-icu", w.id, i.happened_at DESC, i.id DESC`,
		"channel": "i.channel, coalesce(i.direction, ''), i.happened_at, i.id", "-channel": "i.channel DESC, coalesce(i.direction, '') DESC, i.happened_at DESC, i.id DESC", "logged": "i.created_at DESC, i.id DESC", "-logged": "i.created_at, i.id",
		"with": fmt.Sprintf(with, ""), "-with": fmt.Sprintf(with, " DESC"),
		"direction": "i.direction, i.happened_at, i.id", "-direction": "i.direction DESC NULLS LAST, i.happened_at DESC, i.id DESC",
		"attendees": "", "-attendees": "", // what each reader sees: below
		"minutes": "i.duration_minutes, i.happened_at, i.id", "-minutes": "i.duration_minutes DESC NULLS LAST, i.happened_at DESC, i.id DESC",
	}
	filters := map[string]struct {
		f     crm.InteractionFilter
		where string
	}{
		"all":     {crm.InteractionFilter{}, "TRUE"},
		"channel": {crm.InteractionFilter{Channel: crm.Note, Outcome: "No answer"}, "i.channel = 'note' AND i.outcome = 'No answer'"},
		"author":  {crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}}, fmt.Sprintf("i.user_id = '%s'", c.users[1].ID)},
		"team":    {crm.InteractionFilter{Author: crm.OwnerFilter{TeamID: idOf(c.teams[0])}}, fmt.Sprintf("i.user_id IN (SELECT id FROM users WHERE team_id IN ('%s', '%s'))", c.teams[0], c.teams[1])},
		"dates":   {crm.InteractionFilter{From: time.Now().AddDate(0, 0, -20), To: time.Now().AddDate(0, 0, -10)}, "i.happened_at >= now() - interval '20 days' AND i.happened_at < now() - interval '10 days'"},
		"person":  {crm.InteractionFilter{ContactID: idOf(person)}, fmt.Sprintf("(i.contact_id = '%s' OR EXISTS (SELECT 1 FROM interaction_contacts x WHERE x.interaction_id = i.id AND x.contact_id = '%[1]s'))", person)},
		"at":      {crm.InteractionFilter{OrganizationID: idOf(c.found)}, fmt.Sprintf("i.organization_id = '%s'", c.found)},
	}
	c.underAllStatistics(t, func(t *testing.T, db *postgres.DB, stats string) {
		for _, r := range c.readers() {
			s := db.As(r.actor, postgres.Origin{})
			scope := fmt.Sprintf(`(i.user_id = '%s' OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = i.organization_id AND %s) OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = i.contact_id
				AND (%s OR EXISTS (SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id AND %[2]s))))`,
				r.actor.UserID, fmt.Sprintf(r.owner, "o.owner_user_id"), fmt.Sprintf(r.owner, "c.owner_user_id"))
			if r.name == "all" {
				scope = "TRUE"
			}
			for name, filter := range filters {
				for sort, by := range sorts {
					few := []string{"", "subject", "author", "minutes", "with", "-attendees"}
					if name == "author" || name == "team" {
						few = []string{"", "author", "channel", "logged", "-minutes", "with", "attendees"}
					}
					if name != "all" && !slices.Contains(few, sort) {
						continue // as for organizations
					}
					wide := c.wide(stats, r) && name != "person" && name != "at" || r.name == "all" && name == "team" && (strings.HasSuffix(sort, "with") || strings.HasSuffix(sort, "attendees"))
					switch {
					case (sort == "author" || strings.HasSuffix(sort, "with") || strings.HasSuffix(sort, "attendees")) && wide:
						by = sorts[""]
					case strings.HasSuffix(sort, "attendees"):
						person, place := fmt.Sprintf(r.owner, "xc.owner_user_id"), fmt.Sprintf(r.owner, "o.owner_user_id")
						last, first := fmt.Sprintf(alsoThere, "last_name", person, place), fmt.Sprintf(alsoThere, "first_name", person, place)
						if by = last + ", " + first + ", i.happened_at, i.id"; sort == "-attendees" {
							by = last + " DESC NULLS LAST, " + first + " DESC NULLS LAST, i.happened_at DESC, i.id DESC"
						}
					case sort == "author" && (r.name != "all" || name == "person"): // there all are in one order: see unwalk
						by = `w.id IS NULL, w.name COLLATE "und-x-icu", w.id, i.happened_at, i.id`
					}
					what := fmt.Sprintf("%s, %s, sort %q", r.name, name, sort)
					f := filter.f
					f.Sort = crm.ParseSort(sort)
					if r.name != "all" && name != "all" && name != "person" && name != "at" {
						what += ", uncounted"
					}
					got, walked := walk(t, c, stats, what, func(i crm.Interaction) uuid.UUID { return i.ID }, func(p crm.Page) (crm.Listing[crm.Interaction], error) {
						f.Page = p
						l, err := s.Interactions(ctx, f)
						if l.Wide != wide {
							t.Errorf("%s, %s: wide: %v, want %v", stats, what, l.Wide, wide)
						}
						return l, err
					}, `SELECT i.id FROM interactions i LEFT JOIN users w ON w.id = i.user_id LEFT JOIN organizations wo ON wo.id = i.organization_id AND `+fmt.Sprintf(r.owner, "wo.owner_user_id")+
						` LEFT JOIN contacts wc ON wc.id = i.contact_id AND wo.id IS NULL AND (`+fmt.Sprintf(r.owner, "wc.owner_user_id")+` OR EXISTS (SELECT 1 FROM organization_contact l
							JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = wc.id AND `+fmt.Sprintf(r.owner, "o.owner_user_id")+`)) WHERE `+filter.where+` AND `+scope+` ORDER BY `+by)
					if !walked {
						continue
					}
					f.Page = crm.Page{Size: 3} // few enough for those in touch last not to be all there are
					short := must(s.Interactions(ctx, f))(t).Rows
					if n := min(3, len(got)); len(short) != n || !slices.EqualFunc(short, got[:n], func(i crm.Interaction, id uuid.UUID) bool { return i.ID == id }) {
						t.Errorf("%s, %s: a short page is not the beginning of a long one", stats, what)
					}
				}
			}
		}
	})
}

// TestInteractionsOfThoseInTouchLately walks lists in pages so short that the records in touch last settle some of
// them and not others: then the other way is taken, for the same rows.
func TestInteractionsOfThoseInTouchLately(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 100) // without statistics, so that every reach seems small
	run(t, c.conn, `BEGIN`)
	run(t, c.conn, `ALTER TABLE interactions DISABLE TRIGGER audit_guard`)
	run(t, c.conn, `INSERT INTO interactions (id, organization_id, contact_id, user_id, channel, subject, outcome, happened_at)
		SELECT md5('once' || i)::uuid, CASE WHEN i % 3 = 0 THEN md5('o' || 1 + i / 2)::uuid END, CASE WHEN i % 3 > 0 THEN md5('c' || 1 + i)::uuid END,
			$1::uuid, (ARRAY['call','note'])[1 + i % 2], 'Once', 'No answer', now() - interval '400 days' - interval '6 hours' * (i / 2)
		FROM generate_series(1, 199) i`, c.users[4].ID)
	run(t, c.conn, `ALTER TABLE interactions ENABLE TRIGGER audit_guard`)
	run(t, c.conn, `COMMIT`)
	run(t, c.conn, `UPDATE pg_class SET reltuples = 10000 WHERE oid = 'organizations'::regclass`) // else the plan by values is not looked for
	a := &listed{}
	db := postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: a})
	for _, r := range c.readers() {
		if r.name != "own 0" && r.name != "team of 4" {
			continue
		}
		s := db.As(r.actor, postgres.Origin{})
		for name, filter := range map[string]struct {
			f     crm.InteractionFilter
			where string
		}{
			"all":     {crm.InteractionFilter{}, "TRUE"},
			"channel": {crm.InteractionFilter{Channel: crm.Note, Outcome: "No answer"}, "i.channel = 'note' AND i.outcome = 'No answer'"},
			"before":  {crm.InteractionFilter{To: time.Now().AddDate(0, 0, -20)}, "i.happened_at < now() - interval '20 days'"},
			"since":   {crm.InteractionFilter{From: time.Now().AddDate(0, 0, -410)}, "i.happened_at >= now() - interval '410 days'"},
		} {
			what := r.name + ", " + name
			settled, not := 0, 0
			got, _ := pages(t, 4, what, func(i crm.Interaction) uuid.UUID { return i.ID }, func(p crm.Page) (crm.Listing[crm.Interaction], error) {
				filter.f.Page = p
				l, err := s.Interactions(ctx, filter.f)
				if err == nil && c.settled(t, a) {
					settled++
				} else {
					not++
				}
				return l, err
			})
			want := read[[]uuid.UUID](t, c.conn, fmt.Sprintf(`SELECT coalesce(array_agg(i.id ORDER BY i.happened_at DESC, i.id DESC), '{}') FROM interactions i WHERE %s AND (i.user_id = '%s'
				OR EXISTS (SELECT 1 FROM organizations o WHERE o.id = i.organization_id AND %s) OR EXISTS (SELECT 1 FROM contacts c WHERE c.id = i.contact_id
				AND (%s OR EXISTS (SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id AND %[3]s))))`,
				filter.where, r.actor.UserID, fmt.Sprintf(r.owner, "o.owner_user_id"), fmt.Sprintf(r.owner, "c.owner_user_id")))
			if !slices.Equal(got, want) {
				t.Errorf("%s: %d rows, want %d (-want +got):\n%.800s", what, len(got), len(want), cmp.Diff(want, got))
			}
			if name == "all" && (settled < 2 || not < 2) {
				t.Errorf("%s: the records in touch last settled %d pages and left %d: no proof of both", what, settled, not)
			}
		}
	}
}

// settled reports whether the records in touch last gave the whole page that was just read.
func (c *crowd) settled(t *testing.T, a *listed) bool {
	t.Helper()
	sql, _, found := strings.Cut(a.sql, " UNION ALL SELECT * FROM (")
	if !found {
		t.Fatalf("not a list that looks at the records in touch last:\n%s", a.sql)
	}
	_, condition, _ := strings.Cut(sql, "SELECT * FROM found WHERE ")
	with := sql[strings.Index(sql, "WITH lately"):strings.Index(sql, "SELECT * FROM found WHERE ")]
	var yes bool
	if err := c.conn.QueryRow(ctx, with+"SELECT "+condition, a.args[len(a.args)-1]).Scan(&yes); err != nil {
		t.Fatal(err)
	}
	return yes
}
