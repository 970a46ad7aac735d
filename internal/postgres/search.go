package postgres

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// MaxFound is how many records of each kind a search shows.
const MaxFound = 50

// Found is what a search found, within reach and permissions, best match first; each list at most MaxFound+1,
// so that a page can say that there are more.
type Found struct {
	Organizations []crm.Organization
	Contacts      []crm.ContactRow
	Interactions  []crm.Interaction
	Similar       bool // nothing matched: these organizations and contacts are only written alike
}

// How a search stays fast whatever is typed. A first round trip looks at what is at hand: names that begin so, by
// index, and a glance at some records, which in a small register are all. A term that is common there is soon found
// by walking on; any other is rare enough for the trigram index, which for a common one would gather every record
// there is. The planner's guesses are not relied on: it takes a term for ten times as common or as rare as it is.
const (
	glance        = 500  // records looked at: 0.2 ms
	glanceInReach = 2000 // records of a short reach looked at: an index holds all that takes of organizations
	commonShare   = 50   // one in so many makes a term common
	commonContact = 125  // likewise of contacts, three times as many: their index takes 20 ms, a walk to a page of one in a hundred 5
	gathered      = 1000 // matches of a rare term that are ranked
	passed        = 100  // matches in a reach, or of a common term: a page, and as much again, since some are found twice

	walked     = 100_000 // interactions walked, newest first, for words that are common, roughly
	window     = 150     // matches in reach hoped for in the stretch of time that is gathered first
	rareTerm   = 2000    // interactions that the words' index may always gather
	smallReach = 5000    // organizations, or contacts, whose interactions are asked for one record at a time
)

// Search looks for query in organizations (any part of names, website, tax id), contacts (every word in any part
// of name or address, in any order; digits of telephone numbers) and interactions (words of subject and body).
// Where no organization and no contact matches it returns those written alike. What the actor may not view is not
// searched.
func (s *Store) Search(ctx context.Context, query string) (Found, error) {
	if err := s.require(); err != nil {
		return Found{}, err
	}
	q := crm.ParseQuery(query)
	if q.Empty() {
		return Found{}, nil
	}
	args := s.args(pgx.NamedArgs{"limit": MaxFound + 1})
	organizations, err := s.searchedOrganizations(ctx, q, args)
	if err != nil {
		return Found{}, translate(err)
	}
	contacts, err := s.searchedContacts(ctx, q, args)
	if err != nil {
		return Found{}, translate(err)
	}
	talks, err := s.searchedInteractions(ctx, query, args)
	if err != nil {
		return Found{}, translate(err)
	}
	var f Found
	if err := s.look(ctx, args, &organizations, &contacts, &talks); err != nil {
		return f, translate(err)
	}
	if err := s.gather(ctx, &f, args, organizations, contacts, talks); err != nil {
		return f, translate(err)
	}
	if len(f.Organizations)+len(f.Contacts) == 0 && len(f.Interactions) <= MaxFound && s.actor.May(authz.ViewClient) { // a word in so many of them is no mistake
		return f, translate(s.similar(ctx, &f, q, args))
	}
	return f, nil
}

// searched is a table of names being searched, as constant SQL.
type searched struct {
	name    string // prefix of its arguments
	table   string // "organizations x": conditions are on x
	starts  string // condition: every word begins a word
	matches string // condition: what the query finds
	scope   string
	best    string // ids of those whose name begins as the query does, best first
	near    string // id and search_text of the records looked at first
	strange bool   // those may be out of reach: they only tell what is common
	glance  int    // how many those are at most
	common  int    // one in so many of those makes a term common
	walk    string // ids of matches, record after record, without the trigram index
	each    bool   // that walk goes from owner to owner
	most    int    // how many matches of a rare term are ranked
	rows    string // the rows to show, of (%found)

	// What the look found.
	seen         []uuid.UUID
	looked, hits int
	filled       bool // those that begin so are a page
}

// answered reports whether the look has shown a page of matches, or looked at all there are.
func (t searched) answered() bool {
	return t.looked < t.glance || t.filled || len(t.seen) > MaxFound && !t.strange
}

// nothing reports whether the look has shown that nothing matches.
func (t searched) nothing() bool { return t.answered() && len(t.seen) == 0 }

// rare reports whether the trigram index is to be asked.
func (t searched) rare() bool { return !t.answered() && t.hits*t.common < t.looked }

// found returns the SQL of the ids that match, better ones first where they are too many to rank. The scope is left
// to rows, except where a limit stands.
func (t searched) found() string {
	seen := "SELECT unnest(@" + t.name + "Seen::uuid[]) AS id"
	switch {
	case t.answered():
		return seen
	case !t.rare():
		return seen + " UNION SELECT g.id FROM (" + t.walk + " LIMIT " + strconv.Itoa(passed) + ") g"
	}
	// MATERIALIZED: planned as if all of it were read, which is what leads to the trigram index, and read no further than the limit.
	return "WITH holding AS MATERIALIZED (SELECT x.id, x.owner_user_id, " + t.starts + " AS starts FROM " + t.table + " WHERE " + t.matches + ") " + seen +
		" UNION SELECT g.id FROM (SELECT x.id FROM (SELECT x.* FROM holding x WHERE " + t.scope + " LIMIT " + strconv.Itoa(t.most) +
		") x ORDER BY x.starts DESC LIMIT " + strconv.Itoa(2*passed) + ") g"
}

func (s *Store) searchedOrganizations(ctx context.Context, q crm.Query, args pgx.NamedArgs) (searched, error) {
	const p = authz.ViewClient
	args["orgTyped"], args["orgStart"], args["orgBegin"] = " "+joined(q.Words), literal.Replace(" "+joined(q.Firm()))+"%", beginning(q.Firm())
	args["orgName"], args["orgTails"] = " "+joined(q.Firm()), tails
	t := searched{
		name: "org", table: "organizations x", scope: s.organizationScope(p, "x"),
		starts: words("x.search_text", "orgStarts", q.Words, true, args), matches: matchOrganizations("x.search_text", q, args),
		common: commonShare, most: passed,
	}
	const begins = "o.search_text LIKE searchable(@orgStart)"
	all := s.actor.Reach(p) == authz.All
	var reach extent
	if !all {
		var err error
		if reach, err = s.extent(ctx, p); err != nil {
			return t, err
		}
	}
	if all || reach.share > wideShare { // soon met on the way through all
		t.glance, t.strange = glance, !all
		const line = "left(o.search_text, 40)"
		within := " AND " + s.organizationScope(p, "o")
		t.best = "SELECT o.id FROM organizations o WHERE " + line + " LIKE searchable(@orgBegin)" + within + " ORDER BY " + line + " USING ~<~ LIMIT @limit"
		if args["orgBegin"] != args["orgStart"] { // longer than the index: what begins so need not match
			t.best = "SELECT b.id FROM (SELECT o.id, o.search_text || '' AS search_text FROM organizations o WHERE " + line + " LIKE searchable(@orgBegin)" + within + ") b WHERE " + strings.Replace(begins, "o.", "b.", 1) + " LIMIT @limit"
		}
		t.near = "SELECT o.id, o.search_text FROM organizations o"
		t.walk = "SELECT x.id FROM (SELECT o.id, o.owner_user_id, o.search_text || '' AS search_text FROM organizations o OFFSET 0) x WHERE " + t.matches + " AND " + t.scope
		if all {
			t.most = gathered
		}
	} else { // owner by owner: see keys
		t.each = true
		each := func(condition string) string {
			return "SELECT t.* FROM unnest(" + s.ownersWithin(p) + ") u(id) CROSS JOIN LATERAL (SELECT o.id, o.search_text FROM organizations o WHERE o.owner_user_id = u.id AND " +
				condition + " ORDER BY o.search_text USING ~<~ LIMIT @most) t"
		}
		if args["most"], t.glance = glanceInReach, glanceInReach; reach.organizations > smallReach {
			t.glance = glance
		}
		t.best = "SELECT b.id FROM (" + each(begins) + ") b ORDER BY b.search_text USING ~<~ LIMIT @limit"
		t.near = each("TRUE")
		t.walk = each(strings.ReplaceAll(t.matches, "x.search_text", "(o.search_text || '')"))
	}
	t.rows = `SELECT ` + organizationColumns + `, coalesce(u.name, '') AS owner_name
		FROM (SELECT o.*, split_part(o.search_text, E'\n', 1) AS line FROM organizations o WHERE o.id IN (%found) AND ` + s.organizationScope(authz.ViewClient, "o") + `) o
		LEFT JOIN users u ON u.id = o.owner_user_id
		ORDER BY NOT o.is_active, CASE
				WHEN o.line = searchable(@orgTyped) THEN 0
				WHEN ` + begins + ` AND substr(o.line, length(searchable(@orgName)) + 1) = ANY (@orgTails) THEN 1
				WHEN ` + begins + ` THEN 2
				WHEN ` + words("o.search_text", "orgStarts", q.Words, true, args) + ` THEN 3
				ELSE 4 END,
			o.display_name` + icu + `, o.id LIMIT @limit`
	return t, nil
}

// tails are what may follow the name that was typed for it to be the whole name.
var tails = func() []string {
	all := []string{""}
	for _, form := range crm.LegalForms {
		all = append(all, " "+form)
	}
	return all
}()

// What the indexes on the beginnings of a contact's name hold.
const (
	givenName  = "left(c.search_text, 40)"
	familyName = `left(substr(c.search_text, strpos(c.search_text, E'\n') + 1), 40)`
)

// How a reach of own or team is gone about in a search: one with that share of all organizations is met soon enough on a walk
// through all records, and the people of that many are looked at one by one.
const (
	wideShare  = 0.1
	shortReach = 500
)

func (s *Store) searchedContacts(ctx context.Context, q crm.Query, args pgx.NamedArgs) (searched, error) {
	const p = authz.ViewClient
	args["conTyped"], args["conStart"] = " "+joined(q.Words), beginning(q.Words)
	t := searched{
		name: "con", table: "contacts x", scope: s.contactReached(p, "x"), common: commonShare, most: passed,
		starts: words("x.search_text", "conStarts", q.Words, true, args), matches: matchContacts("x.search_text", q, args),
		glance: glance, near: "SELECT c.id, c.search_text FROM contacts c",
	}
	if !s.actor.May(p) { // contacts are not asked for
		return t, nil
	}
	const text = "c.search_text || '' AS search_text" // hides the column from its index
	all := s.actor.Reach(p) == authz.All
	var reach extent
	if !all {
		var err error
		if reach, err = s.extent(ctx, p); err != nil {
			return t, err
		}
	}
	switch {
	case all || reach.share > wideShare: // soon met on the way through all
		by := func(line string) string {
			return "(SELECT c.id FROM contacts c WHERE " + line + " LIKE searchable(@conStart) AND " + s.contactReached(p, "c") + " ORDER BY " + line + " USING ~<~ LIMIT @limit)"
		}
		t.strange = !all
		t.best = by(familyName) + " UNION " + by(givenName)
		t.walk = "SELECT x.id FROM (SELECT c.id, c.owner_user_id, " + text + " FROM contacts c OFFSET 0) x WHERE " + t.matches + " AND " + t.scope
		if all {
			t.most, t.common = gathered, commonContact
		}
	default: // owner by owner: see keys
		owners := "unnest(" + s.ownersWithin(p) + ") u(id) CROSS JOIN LATERAL "
		reached := "SELECT c.id, " + text + " FROM " + owners + "(SELECT c.id, c.search_text FROM contacts c WHERE c.owner_user_id = u.id OFFSET 0) c UNION ALL " +
			"SELECT c.id, " + text + " FROM " + owners + "(SELECT r.contact_id FROM contact_reach r WHERE r.owner_user_id = u.id OFFSET 0) r " +
			"CROSS JOIN LATERAL (SELECT c.id, c.search_text FROM contacts c WHERE c.id = r.contact_id OFFSET 0) c"
		t.each = true
		t.best = "SELECT NULL::uuid WHERE FALSE"
		t.walk = "SELECT x.id FROM (" + reached + ") x WHERE " + t.matches
		if reach.organizations <= shortReach {
			t.glance, t.near = glanceInReach, reached
		} else if t.strange, t.common = true, 2*commonShare; reach.organizations <= smallReach {
			t.common = 5 * commonShare // what the index gives is nearly all somebody else's: it is asked for rarer terms only
		}
	}
	t.rows = `SELECT ` + contactColumns + `, p.id AS organization_id, coalesce(p.display_name, '') AS organization_name, coalesce(p.role_label, '') AS role_label FROM (
			SELECT c.*, CASE
				WHEN searchable(@conTyped) IN (split_part(c.search_text, E'\n', 1), split_part(c.search_text, E'\n', 2)) THEN 0
				WHEN ` + givenName + ` LIKE searchable(@conStart) OR ` + familyName + ` LIKE searchable(@conStart) THEN 1
				WHEN ` + words("c.search_text", "conStarts", q.Words, true, args) + ` THEN 2
				ELSE 3 END AS rank
			FROM contacts c WHERE c.id IN (%found) AND ` + s.contactScope(authz.ViewClient, "c") + `
			ORDER BY NOT c.is_active, rank, c.last_name` + icu + `, c.first_name` + icu + `, c.id LIMIT @limit) c
		LEFT JOIN LATERAL (SELECT o.id, o.display_name, l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
			WHERE l.contact_id = c.id AND ` + s.organizationScope(authz.ViewClient, "o") + ` ORDER BY o.display_name, o.id LIMIT 1) p ON TRUE
		ORDER BY NOT c.is_active, c.rank, c.last_name` + icu + `, c.first_name` + icu + `, c.id`
	return t, nil
}

// beginning returns the pattern for the beginning of a name, no longer than its index.
func beginning(words []crm.Word) string {
	const indexed = 40
	name := []rune(" " + joined(words))
	return literal.Replace(string(name[:min(len(name), indexed)])) + "%"
}

// look makes the first round trip.
func (s *Store) look(ctx context.Context, args pgx.NamedArgs, organizations, contacts *searched, t *talks) error {
	b := searching()
	if s.actor.May(authz.ViewClient) {
		organizations.queueLook(b, args)
		contacts.queueLook(b, args)
	}
	if s.actor.May(authz.ViewInteraction) && t.words != "" {
		s.queueNewest(b, t, args)
		b.queuePlanned(&t.frequency, args)
	}
	return b.send(ctx, s.db)
}

// queueLook asks what is at hand of t, and adds it to args.
func (t *searched) queueLook(b *batch, args pgx.NamedArgs) {
	b.Queue(`SELECT ARRAY(`+t.best+`), n.ids, n.looked FROM (
			SELECT count(*) AS looked, coalesce(array_agg(x.id) FILTER (WHERE `+t.matches+`), '{}') AS ids
			FROM (`+t.near+` LIMIT `+strconv.Itoa(t.glance)+`) x) n`, args).QueryRow(func(row pgx.Row) error {
		var near []uuid.UUID
		if err := row.Scan(&t.seen, &near, &t.looked); err != nil {
			return err
		}
		if t.filled, t.hits = len(t.seen) > MaxFound, len(near); !t.filled || !t.strange {
			t.seen = append(t.seen, near...)
		}
		args[t.name+"Seen"] = t.seen
		return nil
	})
}

// queueRows reads the rows of t to show into into, after its look.
func queueRows[T any](b *batch, into *[]T, t searched, args pgx.NamedArgs) {
	if t.nothing() {
		return
	}
	if b.byIndex(t.rare() || t.each); !t.rare() {
		b.rowByRow()
	}
	queueMany(b, into, strings.Replace(t.rows, "%found", t.found(), 1), args)
}

// gather makes the second round trip: the rows to show.
func (s *Store) gather(ctx context.Context, f *Found, args pgx.NamedArgs, organizations, contacts searched, t talks) error {
	b := searching()
	if s.actor.May(authz.ViewClient) {
		queueRows(b, &f.Organizations, organizations, args)
		queueRows(b, &f.Contacts, contacts, args)
	}
	if s.actor.May(authz.ViewInteraction) && t.words != "" {
		b.byIndex(true)
		queueMany(b, &f.Interactions, `SELECT `+interactionColumns+s.interactionNames()+` FROM (`+s.talksFound(t, args)+`) k JOIN interactions i ON i.id = k.id`+s.interactionJoins()+`
			WHERE `+t.scope+` ORDER BY i.happened_at DESC, i.id DESC`, with(args, "seen", t.newest))
	}
	return b.send(ctx, s.db)
}

// searching opens a batch whose queries are planned with their values: a plan for any pattern at all is a hundred
// times off. Compiling a plan takes longer than running these.
func searching() *batch {
	b := &batch{}
	b.begin("plan_cache_mode = force_custom_plan", "enable_incremental_sort = off", "join_collapse_limit = 1", "work_mem = '32MB'")
	return b
}

// byIndex keeps the queries that follow from reading a table from end to end, or lets them again.
func (b *batch) byIndex(only bool) {
	b.Queue("SELECT set_config('enable_seqscan', $1, TRUE), set_config('enable_bitmapscan', 'on', TRUE)", fmt.Sprint(!only))
}

// rowByRow keeps the query that follows from gathering what an index gives before it looks at the first row.
func (b *batch) rowByRow() { b.Queue("SET LOCAL enable_bitmapscan = off") }

// with returns args and one more.
func with(args pgx.NamedArgs, name string, value any) pgx.NamedArgs {
	args[name] = value
	return args
}
