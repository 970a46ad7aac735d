package postgres

import (
	"context"
	"math"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// How a list finds the rows within reach. Each plan below returns the same rows, those of the scope predicate:
// which one is taken decides what a page costs, never what is on it. The figures are milliseconds of the
// database for a first page at a million organizations, three million contacts and ten million interactions.

// arm is one way to rows in reach. Several arms may find one row: together they are a union.
type arm struct {
	from  string // what to read, the list's table when empty
	where string
	each  string // SELECT id …: ask once for each u.id of these, by an index that begins with it
	twice bool   // the same row may be found from several of them
}

// of returns the SQL that asks for a's rows, those that one asks for, from each in turn.
func (a arm) of(columns, one string) string {
	switch {
	case a.each == "":
		return one
	case a.twice:
		columns = "DISTINCT " + columns
	}
	return "SELECT " + columns + " FROM (" + a.each + ") u CROSS JOIN LATERAL (" + one + ") t"
}

func (a arm) table(l list) string {
	if a.from == "" {
		return l.table
	}
	return a.from
}

// everyOwner asks owner by owner for team reach: a plain owner = ANY(…) costs 146 for small owners under a generic
// plan, this 0.12 and 0.0003 for each row it may have to sort.
const everyOwner = `SELECT id FROM unnest(@owners::uuid[]) o(id)`

// ownedArms are the ways to the records of a list whose scope is that of one owner column.
func (s *Store) ownedArms(ctx context.Context, l list, p authz.Permission, f crm.OwnerFilter) ([]arm, error) {
	plain := []arm{{where: l.scope + " AND " + s.ownerWithin(p, l.owner)}} // by last contact the owner is the activity's
	if f.UserID.Valid {
		plain[0].where += " AND " + l.owner + " = @owner::uuid"
	}
	switch reach := s.actor.Reach(p); {
	case f.Nobody || f.UserID.Valid || reach != authz.All && reach != authz.Team:
		return plain, nil // one owner: an index range
	case f.TeamID.Valid:
		return []arm{{each: members, where: l.owner + " = u.id AND " + s.ownerWithin(p, l.owner)}}, nil
	case reach == authz.All:
		return plain, nil
	}
	shares, err := s.db.sizes.read(ctx, s.db)
	if err != nil {
		return nil, err
	}
	// A team that owns much of a list soon fills a page on a walk through all of it: 0.3 to 0.6, where owner by owner
	// costs 2.2 for 150 people. The walk costs 0.0036 by its share, the other 0.015 by its owners.
	if shares.of(s.actor.Owners)*float64(len(s.actor.Owners)) >= 0.25 {
		return []arm{{where: s.onWalk().ownerWithin(p, l.owner)}}, nil
	}
	return []arm{{each: everyOwner, where: l.owner + " = u.id"}}, nil
}

// narrowReach is up to how many organizations in reach a list in an order of its own, which neither owner nor last contact
// leads to, is gathered record by record, a dozen microseconds each, and sorted. Beyond it a walk through the list finds a
// page sooner: both take some 60 there, and less on either side.
const narrowReach = 5000

// fewReach is up to how many organizations in reach their interactions are gathered too. Beyond it only ids are, up to
// gatheredReach, and a walk looks each interaction up among them: 20 to 50, where record by record it takes 100 to 300.
const (
	fewReach      = 1000
	gatheredReach = 6 * narrowReach
)

// extent is roughly how much of the register lies within a reach of own or team.
type extent struct{ owners, share, organizations float64 }

func (e extent) narrow() bool { return e.organizations <= narrowReach }

func (s *Store) extent(ctx context.Context, p authz.Permission) (extent, error) {
	owners := s.actor.Owners
	if s.actor.Reach(p) == authz.Own {
		owners = []uuid.UUID{s.actor.UserID}
	}
	shares, err := s.db.sizes.read(ctx, s.db)
	share := shares.of(owners)
	return extent{float64(len(owners)), share, share * shares.total}, err
}

// planContacts chooses the way to the rows of a list of contacts.
func (s *Store) planContacts(ctx context.Context, l *list, f crm.ContactFilter) error {
	const p = authz.ViewClient
	plain := []arm{{from: "contacts c", where: l.scope}}
	if f.Touch != "" {
		plain = []arm{s.touched(*l, f.Owner)}
	}
	l.count = plain
	if s.actor.Reach(p) == authz.All {
		if f.OrganizationID.Valid { // where they have the role they have there
			s.gatherRoles(l)
		}
		var err error
		l.arms, err = s.ownedArms(ctx, *l, p, f.Owner)
		return err
	}
	if f.OrganizationID.Valid || f.Owner.UserID.Valid || f.Query != "" { // a short range, or the words' index
		l.unwalk()
		s.gatherRoles(l)
		l.arms = []arm{{where: l.scope}}
		return nil
	}
	reach, err := s.extent(ctx, p)
	if err != nil {
		return err
	}
	if reach.narrow() {
		l.unwalk()
		s.gatherRoles(l)
	} else {
		l.widen()
	}
	byRole := reach.narrow() && f.Sort.By == crm.ByRole
	related := f.Role != "" || f.RelationshipStatus != ""
	l.arms = s.contactArms(*l, p, related)
	counted := *l // whatever the order
	counted.table, counted.owner = "contacts c", "c.owner_user_id"
	if f.Touch != "" {
		counted.table, counted.owner = l.activity, "a.owner_user_id"
	}
	l.count = s.contactArms(counted, p, related)
	l.uncounted = len(l.where) > 1 // more than the status
	// Owner by owner a row costs 0.001, or 0.005 where the contact itself has to be looked at; on a walk 0.01, and only as
	// many as the share of the reach are kept.
	dear := 6.0
	if l.uncounted || f.Sort.By == crm.ByLastContact || f.Sort.By == crm.ByNext {
		dear = 0.5
	}
	if ordered := slices.Contains(reachOrders, l.order.columns[0]); !reach.narrow() && (!ordered || reach.share*reach.owners > dear) {
		l.arms = []arm{{where: s.onWalk().contactScope(p, "c")}}
	}
	if byRole { // each looked at once, whichever way it is in reach
		_, contacts := s.reachedClients(p)
		l.arms = []arm{{from: "(" + contacts + ") r CROSS JOIN LATERAL (SELECT c.* FROM contacts c WHERE c.id = r.id" + rowByRow + ") c" + s.withRole(), where: "TRUE"}}
	}
	return nil
}

// contact_reach has one row for each owner through whose organizations a contact is in reach. Here it stands in for
// the lists' tables, in their orders by name, by age and by last contact; the planner drops the join where no column asks for it.
const (
	reachedContacts = `(SELECT r.contact_id AS id, r.owner_user_id AS via, r.last_name, r.first_name, r.is_active, r.created_at, k.email, k.phone, k.mobile, k.job_title, k.owner_user_id
		FROM contact_reach r LEFT JOIN contacts k ON k.id = r.contact_id) c`
	reachedActivity = `(SELECT r.contact_id, r.owner_user_id AS via, r.last_contact_at, r.next_touch_at, r.next_follow_up_at FROM contact_reach r) a`
)

// reachOrders are how the orders begin that contact_reach has an index for.
var reachOrders = []string{
	contactsByName.columns[0], contactOrders[crm.ByLastContact].columns[0], contactOrders[crm.ByTouch].columns[0], contactOrders[crm.ByNext].columns[0], contactOrders[crm.ByNewest].columns[0],
}

// contactArms are the two ways to contacts in reach, as in contactScope: by their owner, and through organizations.
// A filter by a relationship leaves the second.
func (s *Store) contactArms(l list, p authz.Permission, related bool) []arm {
	through := arm{from: strings.Replace(l.table, "contacts c", reachedContacts, 1)}
	via := "c.via"
	if strings.HasPrefix(l.table, "contact_activity a") {
		through.from, via = strings.Replace(l.table, "contact_activity a", reachedActivity, 1), "a.via"
	}
	byOwner := arm{from: l.table, where: s.ownerWithin(p, l.owner)}
	through.where = s.ownerWithin(p, via)
	if s.actor.Reach(p) == authz.Team {
		byOwner.each, byOwner.where = everyOwner, l.owner+" = u.id"
		through.each, through.where, through.twice = everyOwner, via+" = u.id", true
	}
	if related {
		return []arm{through}
	}
	return []arm{byOwner, through}
}

// planInteractions chooses the way to the rows of a list of interactions.
func (s *Store) planInteractions(ctx context.Context, l *list, f crm.InteractionFilter) error {
	const p = authz.ViewInteraction
	plain := []arm{{where: l.scope}}
	l.count = plain
	if f.ContactID.Valid { // two short ranges
		s.gatherAll(l)
		l.arms = talkWith(l.scope)
		l.count = l.arms
		return nil
	}
	if s.actor.Reach(p) == authz.All {
		return s.planAllInteractions(ctx, l, f)
	}
	if f.OrganizationID.Valid || f.Query != "" { // a short range, or the words' index
		s.gatherAll(l)
		l.arms = plain
		return nil
	}
	l.count = s.interactionArms(p)
	l.uncounted = len(l.where) > 0
	reach, err := s.extent(ctx, p)
	if err != nil {
		return err
	}
	switch {
	case reach.organizations <= fewReach, reach.narrow() && (l.byPerson() || l.byNames()):
		s.gatherAll(l)
		if l.arms = l.count; slices.Contains(unauthored, f.Sort.By) {
			l.arms = slices.Clone(l.count)
			l.arms[len(l.arms)-1].from = strings.Replace(l.table, "interactions i", authored("@me::uuid"), 1)
		}
	case reach.organizations <= gatheredReach:
		l.arms = []arm{{where: "(i.user_id = @me::uuid OR " + s.clientsGathered(p, "i") + ")"}}
		l.weighed = true
	default:
		l.arms = []arm{{where: s.onWalk().interactionScope(p, "i")}}
	}
	l.arms = channelByChannel(l.arms, f)
	if !reach.narrow() {
		l.widen()
	}
	if reach.share*reach.owners < 0.25 && l.groups == nil && l.order.desc && l.order.columns[0] == interactionsByTime.columns[0] {
		l.lately = s.lately(p)
	}
	return nil
}

// planAllInteractions chooses the way for a reach over all interactions.
func (s *Store) planAllInteractions(ctx context.Context, l *list, f crm.InteractionFilter) error {
	s.sortByNames(l, f)
	arms, err := s.ownedArms(ctx, *l, authz.ViewInteraction, f.Author)
	if slices.Contains(unauthored, f.Sort.By) {
		switch {
		case f.Author.UserID.Valid:
			arms = []arm{{from: strings.Replace(l.table, "interactions i", authored("@owner::uuid"), 1), where: l.scope}}
		case f.Author.TeamID.Valid && !l.wide:
			arms = []arm{{each: members, from: authored("u.id"), where: l.scope}}
		}
	}
	l.arms = channelByChannel(arms, f)
	return err
}

// gatherAll turns an order that is a walk from name to name into one for which all rows in reach are sorted.
func (s *Store) gatherAll(l *list) {
	l.unwalk()
	s.gatherNames(l)
}

// planned opens a batch of many queries that are planned once for all values: the planner would weigh their arrays and
// moments anew each time, which takes as long as running them.
func planned() *batch {
	b := &batch{}
	b.begin("plan_cache_mode = force_generic_plan")
	return b
}

// ofRecord opens the batch of a record's page. Within a reach of own or team its queries are planned once: in a small
// register the planner would weigh the owners in reach for each page, which takes three times as long as the page. Where
// the page looks into a list, which is planned by its values, that is not to be.
func (s *Store) ofRecord(p authz.Permission, inList bool) *batch {
	if inList || s.actor.Reach(p) == authz.All {
		return &batch{}
	}
	return planned()
}

// talkWith returns the two ways to the interactions with contact @contact: as their contact, and as an attendee. An array of ids
// is looked up once, by key, whatever the plan; a person is at hundreds of meetings, not at millions.
func talkWith(scope string) []arm {
	return []arm{
		{where: scope + " AND i.contact_id = @contact::uuid"},
		{where: scope + " AND i.id = ANY(ARRAY(SELECT x.interaction_id FROM interaction_contacts x WHERE x.contact_id = @contact::uuid))"},
	}
}

// byPerson reports whether the list goes from person to person.
func (l *list) byPerson() bool { return l.groups != nil && l.groups[0].people }

// widen gives up an order from person to person, or by what each reader is shown another of, within a wide reach: a walk
// would read on through people none of whose records are in reach, and to sort all that are takes seconds. The list is in
// its own order, and says so.
func (l *list) widen() {
	l.wide = true
	switch {
	case l.byPerson():
		l.groups, l.descend = nil, false
	case l.byNames():
		l.order = interactionsByTime
	case l.byRole():
		l.table, l.owner, l.order, l.groups = "contacts c", "c.owner_user_id", contactsByName, nil
	}
}

// unwalk turns an order from person to person, if that is the list's, into a plain one, for which all rows in reach
// are sorted.
func (l *list) unwalk() {
	if !l.byPerson() {
		return
	}
	joined := order{columns: slices.Concat(ownerColumns.columns, l.order.columns), types: slices.Concat(ownerColumns.types, l.order.types), desc: l.descend}
	l.table += " LEFT JOIN users w ON w.id = " + l.owner
	l.order, l.groups, l.descend = joined, nil, false
}

// interactionArms are the three ways to interactions in reach, as in interactionScope: organization by
// organization, contact by contact, and the actor's own.
func (s *Store) interactionArms(p authz.Permission) []arm {
	return interactionArms(s.reachedClients(p))
}

// reachedClients returns the SQL of the organizations, and of the contacts, within reach.
func (s *Store) reachedClients(p authz.Permission) (organizations, contacts string) {
	return `SELECT a.organization_id AS id FROM organization_activity a WHERE ` + s.ownerWithin(p, "a.owner_user_id"),
		`SELECT a.contact_id AS id FROM contact_activity a WHERE ` + s.ownerWithin(p, "a.owner_user_id") + `
		UNION SELECT r.contact_id FROM contact_reach r WHERE ` + s.ownerWithin(p, "r.owner_user_id")
}

func interactionArms(organizations, contacts string) []arm {
	return []arm{
		{each: organizations, where: "i.organization_id = u.id"},
		{each: contacts, where: "i.contact_id = u.id"},
		{where: "i.user_id = @me::uuid"},
	}
}

// clientsGathered is the part of interactionScope that asks for clients, for a walk that goes far: without rowByRow, so
// that the planner gathers the ids in reach into hashes, and on tables that have them beside their owners.
func (s *Store) clientsGathered(p authz.Permission, alias string) string {
	within := " AND " + s.ownerWithin(p, "a.owner_user_id") + ")"
	return `EXISTS (SELECT 1 FROM organization_activity a WHERE a.organization_id = ` + alias + `.organization_id` + within + `
		OR EXISTS (SELECT 1 FROM contact_activity a WHERE a.contact_id = ` + alias + `.contact_id` + within + `
		OR EXISTS (SELECT 1 FROM contact_reach a WHERE a.contact_id = ` + alias + `.contact_id` + within
}

// contactReached is contactScope, and talkReached interactionScope, for candidates that are many, of which the scope itself is asked
// once more for the rows shown: on tables that have records beside the owners they are reached through, 2 us a row where
// contacts, links and organizations take 10 to 20.
func (s *Store) contactReached(p authz.Permission, alias string) string {
	if r := s.actor.Reach(p); r == authz.All || r == authz.None {
		return s.ownerWithin(p, "")
	}
	return "(" + s.ownerWithin(p, alias+".owner_user_id") + " OR " + s.reachedThrough(p, alias+".id") + ")"
}

func (s *Store) talkReached(p authz.Permission, alias string) string {
	if r := s.actor.Reach(p); r == authz.All || r == authz.None {
		return s.ownerWithin(p, "")
	}
	owned := func(table, id string) string {
		return "EXISTS (SELECT 1 FROM " + table + " a WHERE " + id + " AND " + s.ownerWithin(p, "a.owner_user_id") + rowByRow + ")"
	}
	return "(" + alias + ".user_id = @me::uuid OR " + owned("organization_activity", "a.organization_id = "+alias+".organization_id") +
		" OR " + owned("contact_activity", "a.contact_id = "+alias+".contact_id") + " OR " + s.reachedThrough(p, alias+".contact_id") + ")"
}

// reachedThrough asks whether a contact is linked to an organization in reach. coalesce keeps the planner from looking each owner of
// a team up for each contact.
func (s *Store) reachedThrough(p authz.Permission, contact string) string {
	return "EXISTS (SELECT 1 FROM contact_reach sr WHERE sr.contact_id = " + contact + " AND " +
		s.ownerWithin(p, "coalesce(sr.owner_user_id, '"+uuid.Nil.String()+"')") + rowByRow + ")"
}

// lately returns the SQL of the @records records in reach that were in touch last: whether each is an organization,
// its id, and when that was.
func (s *Store) lately(p authz.Permission) string {
	const top = " ORDER BY a.last_contact_at DESC LIMIT @records"
	var parts []string
	for _, from := range []string{
		"SELECT TRUE AS organization, a.organization_id AS id, a.last_contact_at FROM organization_activity a WHERE ",
		"SELECT FALSE AS organization, a.contact_id AS id, a.last_contact_at FROM contact_activity a WHERE ",
		"SELECT FALSE AS organization, a.contact_id AS id, a.last_contact_at FROM contact_reach a WHERE ",
	} {
		one := from + s.ownerWithin(p, "a.owner_user_id") + top
		if s.actor.Reach(p) == authz.Team {
			one = "SELECT a.* FROM (" + everyOwner + ") o CROSS JOIN LATERAL (" + from + "a.owner_user_id = o.id" + top + ") a"
		}
		parts = append(parts, one)
	}
	return "SELECT * FROM ((" + strings.Join(parts, ") UNION (") + ")) a" + top
}

// amongLately returns the SQL of a page's keys that looks for them with the records in touch last, and takes the
// other way, all, only where these do not settle it: 1 for a first page, 4 for a fifth or with a filter, where all
// costs 20 to 200.
//
// The edge is the last contact of the last of these records. No other record has an interaction that is newer, so
// all that are newer are found; the page stands when it is full, or lies beyond the edge as a whole. For that a last
// contact need only be as late as each interaction of its record, and may be later: a person's is, where they last
// attended a meeting, which is nobody's in reach for that and which the arms do not look for. Such a person takes the
// place of another among those looked at, no more.
func (l list) amongLately(all string, where []string, p crm.Page) string {
	records := 4 * (p.Limit() + 1) // may share one interaction, two by two
	if !p.First() || len(l.where) > 0 {
		records *= 3
	}
	const edge = "(SELECT at FROM edge)"
	settled := "((SELECT count(*) FROM found) = @limit OR @from::timestamptz > " + edge + ")" // without a filter from is long ago
	if p.Before {
		settled = "@key0::timestamptz > " + edge
	}
	found := l.gather(interactionArms("SELECT id FROM lately WHERE organization", "SELECT id FROM lately WHERE NOT organization"),
		append(slices.Clone(where), l.order.columns[0]+" > "+edge), p.Before)
	sql := "WITH lately AS MATERIALIZED (" + l.lately + `),
		edge AS MATERIALIZED (SELECT CASE WHEN count(*) = @records THEN min(last_contact_at) ELSE '-infinity' END AS at FROM lately),
		found AS MATERIALIZED (` + found + `)
		SELECT * FROM found WHERE ` + settled + " UNION ALL SELECT * FROM (" + all + ") a WHERE NOT " + settled
	return strings.ReplaceAll(sql, "@records", strconv.Itoa(records))
}

// ownerSizes remembers for a minute how many organizations each owner has, roughly, from the planner's statistics:
// counting a million takes 100 ms. It knows, too, how old interactions are. Without statistics every owner has none, for which all plans are right and
// the cheapest for small reaches are taken.
type ownerSizes struct {
	mu     sync.Mutex
	shares ownerShares
	readAt time.Time
}

type ownerShares struct {
	total  float64               // organizations
	common map[uuid.UUID]float64 // the share of those who own most
	rest   float64               // the share of any other owner
	talked []time.Time           // moments that part the interactions into equal shares, oldest first
}

// talkedSince returns a moment after which about that share of all interactions lies, false where so little is not to be told
// from all of it.
func (z ownerShares) talkedSince(share float64) (time.Time, bool) {
	parts := float64(len(z.talked) - 1)
	n := len(z.talked) - 1 - int(math.Ceil(share*parts))
	if parts < 2 || n < 1 || share > 0.5 {
		return time.Time{}, false
	}
	return z.talked[n], true
}

// smallRegister is up to how many organizations any plan of a list will do: to find the best one takes longer than the worst.
const smallRegister = 5000

// small reports whether the register is known to be small.
func (db *DB) small(ctx context.Context) (bool, error) {
	shares, err := db.sizes.read(ctx, db)
	return shares.total > 0 && shares.total <= smallRegister, err
}

// of returns the part of all organizations that belongs to owners.
func (z ownerShares) of(owners []uuid.UUID) float64 {
	sum := 0.0
	for _, o := range owners {
		share, common := z.common[o]
		if !common {
			share = z.rest
		}
		sum += share
	}
	return min(sum, 1)
}

// read returns the shares, as they were at most a minute ago. Two who find them too old may both ask.
func (z *ownerSizes) read(ctx context.Context, db *DB) (ownerShares, error) {
	z.mu.Lock()
	shares, fresh := z.shares, time.Since(z.readAt) < time.Minute
	z.mu.Unlock()
	if fresh {
		return shares, nil
	}
	type row struct {
		Total, Distinct, Nulls float64
		Owners                 []uuid.UUID
		Shares                 []float64
		Talked                 []time.Time
	}
	r, err := one[row](ctx, db.pool, `
		SELECT greatest(c.reltuples, 0)::float8 AS total, coalesce(s.null_frac, 0)::float8 AS nulls,
			coalesce(CASE WHEN s.n_distinct < 0 THEN -s.n_distinct * c.reltuples ELSE s.n_distinct END, 0)::float8 AS distinct,
			coalesce(s.most_common_vals::text::uuid[], '{}') AS owners, coalesce(s.most_common_freqs::float8[], '{}') AS shares,
			coalesce((SELECT t.histogram_bounds::text::timestamptz[] FROM pg_stats t WHERE t.schemaname = 'public' AND t.tablename = 'interactions' AND t.attname = 'happened_at'), '{}') AS talked
		FROM pg_class c LEFT JOIN pg_stats s ON s.schemaname = 'public' AND s.tablename = 'organizations' AND s.attname = 'owner_user_id'
		WHERE c.oid = 'public.organizations'::regclass`, pgx.NamedArgs{})
	if err != nil {
		return ownerShares{}, err
	}
	shares = ownerShares{talked: r.Talked, total: r.Total, common: map[uuid.UUID]float64{}}
	left := 1 - r.Nulls
	for i, o := range r.Owners {
		shares.common[o] = r.Shares[i]
		left -= r.Shares[i]
	}
	if others := r.Distinct - float64(len(r.Owners)); others >= 1 {
		shares.rest = max(left, 0) / others
	}
	z.mu.Lock()
	z.shares, z.readAt = shares, time.Now()
	z.mu.Unlock()
	return shares, nil
}
