package postgres_test

import (
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// clients fills a register with names that are hard to find.
func clients(t testing.TB, s *postgres.Store) {
	t.Helper()
	for _, o := range []crm.Organization{
		{DisplayName: "Acme", LegalName: "Acme S.p.A.", Website: "https://www.acme-steel.com/it", TaxID: "IT 123.456.789-01"},
		{DisplayName: "Acme Tools", LegalName: "Acme Tools Ltd"},
		{DisplayName: "Pacme", LegalName: "Pacme SRL"},
		{DisplayName: "North Acme", LegalName: "North Acme GmbH & Co. KG"},
		{DisplayName: "Società Italiana Ceramiche", LegalName: "Società Italiana Ceramiche S.r.l."},
		{DisplayName: "Müller & Söhne", LegalName: "Müller & Söhne GmbH"},
		{DisplayName: "Mueller Brot", LegalName: "Mueller Brot AG"},
		{DisplayName: "O'Brien", LegalName: "O’Brien plc", Website: "obrien.ie"},
		{DisplayName: "Jean-Luc", LegalName: "Jean-Luc sarl"},
		{DisplayName: "100% Pure", LegalName: "100% Pure Inc."},
		{DisplayName: "1000 Pure", LegalName: "1000 Pure Inc."},
		{DisplayName: "a_b", LegalName: "a_b"},
		{DisplayName: "axb", LegalName: "axb"},
		{DisplayName: "Granvik", LegalName: "Granvik AB"},
	} {
		must(s.CreateOrganization(ctx, o, uuid.NullUUID{}))(t)
	}
	for _, c := range []crm.Contact{
		{FirstName: "Anna", LastName: "Rossi", Email: "anna.rossi@acme.it", Phone: "0039 02 1234567", Mobile: "+39 333 9876543"},
		{FirstName: "Rossana", LastName: "Annamaria"},
		{FirstName: "Jürgen", LastName: "Strauß", Email: "js@strauss.de", Phone: "(030) 55 44 332"},
		{FirstName: "Marie", LastName: "D'Arc"},
		{FirstName: "Søren", LastName: "Łukasz"},
	} {
		must(s.CreateContact(ctx, c, uuid.NullUUID{}))(t)
	}
}

func organizationNames(found []crm.Organization) string {
	var names []string
	for _, o := range found {
		names = append(names, o.DisplayName)
	}
	return strings.Join(names, ", ")
}

func contactNames(found []crm.ContactRow) string {
	var names []string
	for _, c := range found {
		names = append(names, c.Name())
	}
	return strings.Join(names, ", ")
}

// findable is what a query finds, best match first, by any way of looking.
var findable = []struct{ query, organizations, contacts string }{
	{"acme", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"ACME", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"cme", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"acme srl", "Acme, Acme Tools, North Acme, Pacme", ""},
	{"acme s.p.a.", "Acme, Acme Tools, North Acme, Pacme", ""},
	{"tools acme", "Acme Tools", ""},
	{"north acme gmbh & co. kg", "North Acme", ""},
	{"srl", "Pacme, Società Italiana Ceramiche", ""},
	{"acme-steel.com", "Acme", ""},
	{"steel.com", "Acme", ""},
	{"https://acme-steel.com/contacts", "Acme", ""},
	{"www.acme-steel.com", "Acme", ""},
	{"IT12345678901", "Acme", ""},
	{"it 123.456.789-01", "Acme", ""},
	{"45678901", "Acme", ""},
	{"123 456 789 01", "Acme", ""},
	{"societa", "Società Italiana Ceramiche", ""},
	{"SOCIETÀ", "Società Italiana Ceramiche", ""},
	{"muller", "Müller & Söhne", ""},
	{"mueller", "Mueller Brot, Müller & Söhne", ""},
	{"müller", "Müller & Söhne, Mueller Brot", ""},
	{"soehne", "Müller & Söhne", ""},
	{"o'brien", "O'Brien", ""},
	{"o’brien", "O'Brien", ""},
	{"obrien", "O'Brien", ""},
	{"jean luc", "Jean-Luc", ""},
	{"Jean-Luc", "Jean-Luc", ""},
	{"100%", "100% Pure", ""},
	{"a_b", "a_b", ""},
	{"rossi anna", "", "Anna Rossi"},
	{"anna rossi", "", "Anna Rossi"},
	{"ro an", "", "Rossana Annamaria, Anna Rossi"},
	{"anna", "", "Rossana Annamaria, Anna Rossi"},
	{"anna.rossi@", "", "Anna Rossi"},
	{"rossi@acme", "", "Anna Rossi"},
	{"d'arc", "", "Marie D'Arc"},
	{"darc", "", "Marie D'Arc"},
	{"soren lukasz", "", "Søren Łukasz"},
	{"strauss", "", "Jürgen Strauß"},
	{"jurgen", "", "Jürgen Strauß"},
	{"juergen", "", "Jürgen Strauß"},
	{"+39 (02) 123-45", "", "Anna Rossi"},
	{"02 1234567", "", "Anna Rossi"},
	{"+39 02 1234567", "", "Anna Rossi"},
	{"3339876543", "", "Anna Rossi"},
	{"333 98 76", "", "Anna Rossi"},
	{"+49 30 5544332", "", "Jürgen Strauß"},
	{"no such name at all", "", ""},
}

func TestSearchFindsNamesAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	db, _ := openRaw(t)
	s := postgrestest.System(db)
	clients(t, s)
	for _, c := range findable {
		f := must(s.Search(ctx, c.query))(t)
		if f.Similar {
			f = postgres.Found{}
		}
		if got := organizationNames(f.Organizations); got != c.organizations {
			t.Errorf("%q finds organizations %s\nwant %s", c.query, got, c.organizations)
		}
		if got := contactNames(f.Contacts); got != c.contacts {
			t.Errorf("%q finds contacts %s\nwant %s", c.query, got, c.contacts)
		}
	}
}

// TestEveryWayOfLookingFindsTheSame searches a register too large for a glance, in which most is somebody else's.
func TestEveryWayOfLookingFindsTheSame(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `SET session_replication_role = replica`) // filler needs no audit rows
	run(t, f.conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id) SELECT 'Filler ' || n, 'Filler', $1 FROM generate_series(1, 2500) n`, f.tom.ID)
	run(t, f.conn, `INSERT INTO contacts (first_name, last_name, owner_user_id) SELECT 'Filler', 'Filler' || n, $1 FROM generate_series(1, 2500) n`, f.tom.ID)
	run(t, f.conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id) SELECT 'Vesterholm ' || n, 'V', $1 FROM generate_series(1, 210) n`, f.tom.ID)
	run(t, f.conn, `INSERT INTO contacts (first_name, last_name, owner_user_id) SELECT 'Vera', 'Vesterholm', $1 FROM generate_series(1, 210) n`, f.tom.ID)
	run(t, f.conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id) SELECT 'Mine ' || n, 'M', $1 FROM generate_series(1, 2100) n`, f.mia.ID)
	clients(t, f.own(f.mia)) // they become hers
	must(f.sys.CreateOrganization(ctx, crm.Organization{DisplayName: "Old Vesterholm", LegalName: "V", OwnerUserID: idOf(f.mia.ID)}, none))(t)
	must(f.sys.CreateContact(ctx, crm.Contact{FirstName: "Mia's", LastName: "Vesterholm", OwnerUserID: idOf(f.mia.ID)}, none))(t)
	linked := postgrestest.Contact(t, f.db, "Linked", "Zetterlund", idOf(f.tom.ID))
	f.link(t, f.hers, linked, "CFO")

	team := postgrestest.Actor(f.mia, authz.Team, four...)
	team.Owners = []uuid.UUID{f.mia.ID}
	stores := map[string]*postgres.Store{"all": f.all(f.mia), "own": f.own(f.mia), "team": f.db.As(team, postgres.Origin{})}
	for reach, s := range stores {
		for _, c := range findable {
			found := must(s.Search(ctx, c.query))(t)
			if found.Similar {
				found = postgres.Found{}
			}
			if got, want := organizationNames(found.Organizations)+"; "+contactNames(found.Contacts), c.organizations+"; "+c.contacts; got != want {
				t.Errorf("%s: %q finds %s\nwant %s", reach, c.query, got, want)
			}
		}
		found := must(s.Search(ctx, "zetterlund"))(t)
		if len(found.Contacts) != 1 {
			t.Errorf("%s: someone linked to hers is found %d times", reach, len(found.Contacts))
		}
	}
	for _, c := range []struct {
		reach, query            string
		organizations, contacts int
	}{
		{"all", "filler", 51, 51},
		{"own", "filler", 0, 0},
		{"team", "filler", 0, 0}, // common, and somebody else's
		{"all", "mine", 51, 0},
		{"own", "mine", 51, 0},
		{"team", "mine", 51, 0},
		{"all", "vesterholm", 51, 51},
		{"own", "vesterholm", 1, 1},
		{"team", "vesterholm", 1, 1}, // hers behind two hundred of his
		{"own", "mine 2099", 1, 0},
		{"all", "filler 2499", 1, 1},
		{"own", "filler 2499", 0, 0},
	} {
		found := must(stores[c.reach].Search(ctx, c.query))(t)
		if found.Similar {
			found = postgres.Found{}
		}
		if len(found.Organizations) != c.organizations || len(found.Contacts) != c.contacts {
			t.Errorf("%s: %q finds %d organizations and %d contacts, want %d and %d", c.reach, c.query, len(found.Organizations), len(found.Contacts), c.organizations, c.contacts)
		}
	}
}

func TestOneTypoStillFindsAName(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	clients(t, f.own(f.mia))
	theirs := f.own(f.tom)
	for typed, want := range map[string]string{
		"grnvik": "Granvik", "granvikk": "Granvik", "granwik": "Granvik", "garnvik": "Granvik", "societta italana": "Società Italiana Ceramiche",
		"ana rosi": "Anna Rossi", "anna rozsi": "Anna Rossi", "strausz": "Jürgen Strauß", "ceramice": "Società Italiana Ceramiche",
	} {
		for reach, s := range map[string]*postgres.Store{"own": f.own(f.mia), "all": f.sys} {
			found := must(s.Search(ctx, typed))(t)
			if got := organizationNames(found.Organizations) + ", " + contactNames(found.Contacts); !found.Similar || !strings.Contains(got, want) {
				t.Errorf("%s: %q finds %s (similar %v), want %s", reach, typed, got, found.Similar, want)
			}
		}
		if found := must(theirs.Search(ctx, typed))(t); len(found.Organizations)+len(found.Contacts) != 0 {
			t.Errorf("%q finds what is out of reach: %+v", typed, found)
		}
	}
	if found := must(f.sys.Search(ctx, "granvik"))(t); found.Similar || len(found.Organizations) != 1 {
		t.Errorf("an exact name finds %+v", found)
	}
}

// TestOneTypoStillFindsANameInAList asks lists for what is written alike, as a page does when nothing matches: within
// reach and the other filters, in the list's order, page by page, uncounted.
func TestOneTypoStillFindsANameInAList(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	mine := f.own(f.mia)
	clients(t, mine)
	for i := range 3 {
		must(mine.CreateOrganization(ctx, crm.Organization{DisplayName: "Granvik " + string(rune('C'-i)), LegalName: "x", Sector: "Food"}, uuid.NullUUID{}))(t)
	}
	organizations := func(s *postgres.Store, o crm.OrganizationFilter) (string, crm.Listing[crm.OrganizationRow]) {
		t.Helper()
		o.Similar = true
		l := must(s.Organizations(ctx, o))(t)
		var names []string
		for _, r := range l.Rows {
			names = append(names, r.DisplayName)
		}
		return strings.Join(names, ", "), l
	}
	for _, tt := range []struct {
		f    crm.OrganizationFilter
		want string
	}{
		{crm.OrganizationFilter{Query: "granwik"}, "Granvik, Granvik A, Granvik B, Granvik C"},
		{crm.OrganizationFilter{Query: "granwik", Sort: crm.ParseSort("-name"), Sector: "Food"}, "Granvik C, Granvik B, Granvik A"},
		{crm.OrganizationFilter{Query: "granwik", Sort: crm.ParseSort("-owner"), Status: crm.StatusAll}, "Granvik, Granvik A, Granvik B, Granvik C"},
		{crm.OrganizationFilter{Query: "granwik", Status: crm.StatusArchived}, ""},
		{crm.OrganizationFilter{Query: "gra"}, ""}, // too short to be like anything
		{crm.OrganizationFilter{Query: "%_%_%"}, ""},
	} {
		for reach, s := range map[string]*postgres.Store{"own": mine, "all": f.sys} {
			if got, l := organizations(s, tt.f); got != tt.want || l.More || l.Count != len(l.Rows) {
				t.Errorf("%s, %+v: got %q (counted %d, more %v), want %q", reach, tt.f, got, l.Count, l.More, tt.want)
			}
		}
		if got, _ := organizations(f.own(f.tom), tt.f); got != "" {
			t.Errorf("%+v finds what is out of reach: %s", tt.f, got)
		}
	}
	first, l := organizations(mine, crm.OrganizationFilter{Query: "granwik", Page: crm.Page{Size: 3}})
	if second, _ := organizations(mine, crm.OrganizationFilter{Query: "granwik", Page: l.Next}); first != "Granvik, Granvik A, Granvik B" || second != "Granvik C" || !l.More {
		t.Errorf("page by page: %q and %q (more %v)", first, second, l.More)
	}
	for reach, want := range map[*postgres.Store]int{mine: 1, f.sys: 1, f.own(f.tom): 0} {
		people := must(reach.Contacts(ctx, crm.ContactFilter{Query: "anna rozsi", Similar: true}))(t).Rows
		if len(people) < want || want == 0 && len(people) > 0 || want > 0 && people[0].Name() != "Anna Rossi" && people[len(people)-1].Name() != "Anna Rossi" {
			t.Errorf("contacts like a name: %+v, want %d or more", people, want)
		}
	}
	for range postgres.MaxFound + 1 {
		must(f.own(f.tom).CreateOrganization(ctx, crm.Organization{DisplayName: "Granwik", LegalName: "x"}, uuid.NullUUID{}))(t)
	}
	if got, _ := organizations(mine, crm.OrganizationFilter{Query: "granwik"}); got != "Granvik, Granvik A, Granvik B, Granvik C" {
		t.Errorf("names out of reach crowd out those within: %q", got)
	}
}

// TestInteractionsAreFoundHoweverCommon lets the planner believe in ten million interactions, so that each way of
// finding some is asked, and wants the same from all.
func TestInteractionsAreFoundHoweverCommon(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `SET session_replication_role = replica`)
	run(t, f.conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id) SELECT 'Filler ' || n, 'Filler', $1 FROM generate_series(1, 1000) n`, f.tom.ID) // hers are few
	for i, subject := range []string{"Renewal agreed", "Silence", "Renewal of his"} {                                                                                   // the newest thousand say nothing
		run(t, f.conn, `INSERT INTO interactions (organization_id, user_id, channel, subject, body, happened_at)
			SELECT $1, $2, 'call', $3, CASE WHEN n = 7 THEN 'unique follow-up at 1.250 euro' END, TIMESTAMPTZ '2026-01-01' + $4 * INTERVAL '1 day' + n * INTERVAL '1 second' FROM generate_series(1, $5) n`,
			[]uuid.UUID{f.hers, f.his, f.his}[i], []uuid.UUID{f.mia.ID, f.tom.ID, f.tom.ID}[i], subject, i%2, []int{60, 1200, 70}[i])
	}
	must(f.sys.LogInteraction(ctx, crm.Interaction{OrganizationID: idOf(f.hers), Channel: crm.Call, Subject: "Renewal by a colleague", HappenedAt: time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)}, "organization", none))(t)
	run(t, f.conn, `ANALYZE`)
	for _, size := range []string{"1331", "10000000"} {
		run(t, f.conn, `UPDATE pg_class SET reltuples = `+size+` WHERE relname = 'interactions'`)
		for _, c := range []struct {
			reach, query string
			want         int
			first        string
		}{
			{"all", "renewal", 51, "Renewal by a colleague"},
			{"own", "renewal", 51, "Renewal by a colleague"},
			{"all", "renewal his", 51, "Renewal of his"},
			{"own", "renewal his", 0, ""},
			{"own", "silence", 0, ""},
			{"all", "silence", 51, "Silence"},
			{"all", "renewal coll", 1, "Renewal by a colleague"},
			{"own", "renewal coll", 1, "Renewal by a colleague"},
			{"own", "ren coll", 0, ""},
			{"all", "colleague by", 1, "Renewal by a colleague"},
			{"all", "colleague zz", 0, ""}, // which the index is not asked for
			{"own", "unique", 1, "Renewal agreed"},
			{"all", "follow-up", 3, "Silence"},
			{"all", "1.250 euro", 3, "Silence"},
			{"all", "euro 1.25", 3, "Silence"},
			{"all", "follow-u", 3, "Silence"},
			{"all", "nowhere", 0, ""},
			{"own", "nowhere", 0, ""},
		} {
			s := f.sys
			if c.reach == "own" {
				s = f.own(f.mia)
			}
			all := must(s.Search(ctx, c.query))(t)
			found := all.Interactions
			if guessed := c.want <= postgres.MaxFound; all.Similar != guessed { // what a page of people have written is no mistake
				t.Errorf("%s of %s interactions: %q, of %d: names alike asked for: %v", c.reach, size, c.query, c.want, all.Similar)
			}
			first := ""
			if len(found) > 0 {
				first = found[0].Subject
			}
			if len(found) != c.want || first != c.first {
				t.Errorf("%s of %s interactions: %q finds %d, first %q, want %d, %q", c.reach, size, c.query, len(found), first, c.want, c.first)
			}
		}
	}
}

// TestSearchFindsThePeopleInEveryReach in a register of which some hold a few organizations, some hundreds and some most:
// each is gone about in a way of its own, and finds what is in reach, no more and, up to a page, no less.
func TestSearchFindsThePeopleInEveryReach(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := postgrestest.User(t, f.db, "ada", none, "x", postgrestest.Seeded(t, f.db, "admin"))
	run(t, f.conn, `SET session_replication_role = replica`)
	run(t, f.conn, `INSERT INTO organizations (display_name, legal_name, owner_user_id)
		SELECT 'Client ' || n, 'Client', CASE WHEN n <= 20 THEN $1::uuid WHEN n <= 620 THEN $2::uuid ELSE $3::uuid END FROM generate_series(1, 7000) n`, ada.ID, f.mia.ID, f.tom.ID)
	run(t, f.conn, `INSERT INTO contacts (first_name, last_name, owner_user_id) SELECT CASE WHEN n % 3 = 0 THEN 'Frequent' WHEN n % 40 = 1 THEN 'Seldom' WHEN n % 500 = 2 THEN 'Singular' ELSE 'Other' END, 'No' || n,
		CASE WHEN n % 2000 = 5 THEN $1::uuid END FROM generate_series(1, 14000) n`, f.mia.ID)
	run(t, f.conn, `INSERT INTO interactions (organization_id, channel, subject, happened_at) SELECT o.id, 'call', 'Renewal', TIMESTAMPTZ '2026-01-01' - n * INTERVAL '1 second'
		FROM generate_series(1, 12000) n JOIN organizations o ON o.display_name = CASE WHEN n <= 11800 THEN 'Client 600' ELSE 'Client 7000' END`) // mia's are the newest
	run(t, f.conn, `ANALYZE`)
	run(t, f.conn, `INSERT INTO organization_contact (organization_id, contact_id) SELECT o.id, c.id FROM
		(SELECT id, substr(display_name, 8)::int AS n FROM organizations WHERE display_name LIKE 'Client %') o JOIN (SELECT id, substr(last_name, 3)::int AS n FROM contacts WHERE last_name LIKE 'No%') c ON c.n % 7000 = o.n % 7000`)
	run(t, f.conn, `SET session_replication_role = origin`)
	for _, sql := range []string{`ANALYZE`, `SELECT rebuild_activity()`, `ANALYZE`, `SELECT rebuild_contact_reach()`, `ANALYZE`} {
		run(t, f.conn, sql)
	}
	run(t, f.conn, `UPDATE pg_class SET reltuples = 10000000 WHERE relname = 'interactions'`) // so that a common word is walked to
	owned := map[uuid.UUID]int{ada.ID: 20, f.mia.ID: 600, f.tom.ID: 6380}
	talked := map[uuid.UUID]int{f.mia.ID: postgres.MaxFound + 1, f.tom.ID: postgres.MaxFound + 1}
	for _, person := range []crm.User{ada, f.mia, f.tom} {
		s := f.own(person)
		for _, typed := range []string{"frequent", "seldom", "singular", "other no4005", "no12", "nowhere", "singulra", "frequnet"} {
			name, most := typed, postgres.MaxFound+1
			if meant := map[string]string{"singulra": "singular", "frequnet": "frequent"}[typed]; meant != "" {
				name, most = meant, 10
			}
			like := "%" + strings.ReplaceAll(name, " ", "% %") + "%"
			inReach := map[uuid.UUID]bool{}
			rows, err := f.conn.Query(ctx, `SELECT c.id FROM contacts c WHERE lower(c.first_name || ' ' || c.last_name) LIKE $1 AND (c.owner_user_id = $2 OR EXISTS (
				SELECT FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id AND o.owner_user_id = $2))`, like, person.ID)
			fatal(t, err)
			for _, id := range must(pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]))(t) {
				inReach[id] = true
			}
			found := must(s.Search(ctx, typed))(t)
			if found.Similar && typed == name {
				found.Contacts = nil
			}
			if got, want := len(found.Contacts), min(len(inReach), most); got != want {
				t.Errorf("%s finds %d people by %q, want %d", person.Name, got, typed, want)
			}
			for _, c := range found.Contacts {
				if !inReach[c.ID] {
					t.Errorf("%s finds %s, who is out of reach, by %q", person.Name, c.Name(), typed)
				}
			}
		}
		for typed, want := range map[string]int{"cliemt": 10, "client": min(owned[person.ID], postgres.MaxFound+1)} {
			found := must(s.Search(ctx, typed))(t)
			if len(found.Organizations) != want {
				t.Errorf("%s finds %d clients by %q, want %d", person.Name, len(found.Organizations), typed, want)
			}
			for _, o := range found.Organizations {
				if o.OwnerUserID.UUID != person.ID {
					t.Errorf("%s finds %s, which is out of reach, by %q", person.Name, o.DisplayName, typed)
				}
			}
		}
		for typed, want := range map[string]int{"renewal": talked[person.ID], "renew": talked[person.ID]} {
			if got := len(must(s.Search(ctx, typed))(t).Interactions); got != want {
				t.Errorf("%s finds %d interactions by %q, want %d", person.Name, got, typed, want)
			}
		}
	}
}

// Whatever is typed, and whatever letters there are, a search answers.
func TestAnyTextIsAQuery(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	var letters strings.Builder
	for r := rune(0xa0); r < 0x2fff; r++ {
		letters.WriteRune(r)
		if r%8 == 0 {
			letters.WriteByte(' ')
		}
	}
	queries := []string{strings.Repeat("x", 10_000), strings.Repeat("ab ", 3000), strings.Repeat("%_", 5000), "\x00", "\xff", "ŉ", "'", "''", `\'`, "a & b | !c", "<->", ":*", "(", "🦄 🚀", "שלום עולם", "中国", "1e309", "s.p.a."}
	for i, field := range strings.Fields(letters.String()) {
		if i%16 == 0 {
			queries = append(queries, "")
		}
		queries[len(queries)-1] += field
	}
	for _, q := range queries {
		for _, s := range []*postgres.Store{f.sys, f.own(f.mia)} {
			if _, err := s.Search(ctx, q); err != nil {
				t.Errorf("search for %.40q: %v", q, err)
			}
		}
	}
}
