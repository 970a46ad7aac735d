package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

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

// reachedClients returns the SQL of the organizations, and of the contacts, within reach.
func (s *Store) reachedClients(p authz.Permission) (organizations, contacts string) {
	return `SELECT a.organization_id AS id FROM organization_activity a WHERE ` + s.ownerWithin(p, "a.owner_user_id"),
		`SELECT a.contact_id AS id FROM contact_activity a WHERE ` + s.ownerWithin(p, "a.owner_user_id") + `
		UNION SELECT r.contact_id FROM contact_reach r WHERE ` + s.ownerWithin(p, "r.owner_user_id")
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
