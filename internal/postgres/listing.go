package postgres

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// keySeparator parts the columns of a sort key; it sorts before anything a name contains.
const keySeparator = "\x1f"

const (
	icu     = ` COLLATE "und-x-icu"`
	natural = ` COLLATE natural_order` // numbers in a text count as numbers
)

// order is a total order that an index can be walked in, both ways, by keyset: constant SQL, never a person's text.
type order struct {
	columns []string // sort expressions, the id last; none is ever NULL
	types   []string // SQL type of each but the id
	desc    bool
	sparse  *sparse // of an order by what most rows do not have
	kept    string  // what has it, read instead of the list's table: a derived table a with the owner
	bound   []int   // columns of a table read along, which an index has: a row comparison over both tables has none
	same    int     // how many of the first columns are the same in all rows that are walked: no index need have them
}

// sparse parts the rows that have what an order goes by from those that do not, which come last either way, in the order of
// the columns after the first. An index of the few that have it will do.
type sparse struct{ some, none string }

// reversed returns the order the other way round when so is true.
func (o order) reversed(so bool) order {
	o.desc = o.desc != so
	return o
}

func directed(columns []string, desc bool) string {
	if desc {
		return strings.Join(columns, " DESC, ") + " DESC"
	}
	return strings.Join(columns, ", ")
}

// by returns the ORDER BY list, reversed when walking backwards.
func (o order) by(backwards bool) string { return directed(o.columns[o.same:], o.desc != backwards) }

// beyond returns the condition for rows after the page's key, or before it: a row comparison, which walks
// the index, not the OR form, which does not.
func (o order) beyond(backwards bool) string {
	parts := make([]string, len(o.columns))
	for i, t := range o.types {
		parts[i] = "@key" + strconv.Itoa(i) + "::" + t
	}
	parts[len(parts)-1] = "@keyID::uuid"
	beyond := "(" + strings.Join(o.columns[o.same:], ", ") + ")" + sign(o.desc != backwards) + "(" + strings.Join(parts[o.same:], ", ") + ")"
	if o.bound != nil {
		var columns, keys []string
		for _, n := range o.bound {
			columns, keys = append(columns, o.columns[n]), append(keys, parts[n])
		}
		beyond += " AND (" + strings.Join(columns, ", ") + ")" + strings.TrimSpace(sign(o.desc != backwards)) + "= (" + strings.Join(keys, ", ") + ")"
	}
	return beyond
}

func sign(desc bool) string {
	if desc {
		return " < "
	}
	return " > "
}

// aliases are the names of the sort columns outside the statement that computes them: s0, s1, …
func (o order) aliases() []string {
	names := make([]string, len(o.columns))
	for i := range names {
		names[i] = "s" + strconv.Itoa(i)
	}
	return names
}

// group is a stretch of a list sorted by something that no index orders: the groups follow each other, and each
// is walked by itself. With people it goes from person to person by name, and through each one's records in turn.
type group struct {
	where  string
	people bool
	same   int    // as in order
	table  string // read instead of the list's, where there is one, in an order of its own
	order  order
}

// list is a keyset list about to be read: constant SQL from the entity's file, put together here.
type list struct {
	table     string   // "organizations o"
	id        string   // "o.id"
	owner     string   // "o.owner_user_id": whose record it is, for groups of people and plans by owner
	active    string   // "o.is_active", "" for a list of what is never archived
	activity  string   // what to read instead of table for the order by last contact
	where     []string // filters
	scope     string   // the scope predicate
	arms      []arm    // how the rows in reach are found; see plan.go
	lately    string   // the records to look at first, "" where that does not help
	count     []arm    // how they are counted
	order     order
	orders    map[crm.SortKey]order // what else it can be sorted by
	people    crm.SortKey           // the order from person to person, besides
	within    string                // which people w these are
	nobodys   bool                  // and whether records of nobody come after them
	groups    []group               // in order; none for a list that one index orders
	descend   bool                  // the groups, and the people in them, in reverse
	uncounted bool                  // counting would take seconds: the page says how far it got
	alike     bool                  // of names written alike: see filterAlike
	wide      bool                  // too much is in reach to be sorted by people: see widen
	outer     string                // SELECT … %place FROM (%keys) k JOIN …
	keyed     bool                  // rows that few records have are looked up for each: by key, however few
	weighed   bool                  // how much is in reach decides the planner's choice, too
	custom    bool                  // plan with the values: under a generic plan a rare one costs a hundred times more
}

// place is what a row of a list carries besides itself: where it stands, and the size of the list.
type place struct {
	PlaceID  uuid.UUID
	SortKey  string
	Total    int
	Snapshot string // in which Total was counted
}

// keys returns the SQL of the ids of one page with their sort columns, in order. The limit stands in it as a number:
// of a parameter the planner, under a generic plan, thinks a tenth of the table.
func (l list) keys(p crm.Page) (string, error) {
	sql, err := l.allKeys(p)
	return strings.ReplaceAll(sql, "@limit", strconv.Itoa(p.Limit()+1)), err
}

func (l list) allKeys(p crm.Page) (string, error) {
	if l.groups == nil {
		where := l.where
		if !p.First() {
			where = append(slices.Clone(where), l.order.beyond(p.Before))
		}
		keys := l.gather(l.arms, where, p.Before)
		if l.lately != "" {
			keys = l.amongLately(keys, where, p)
		}
		return keys, nil
	}
	at := -1 // the group of the page's key
	if !p.First() {
		key, _, _ := strings.Cut(p.Key, keySeparator)
		n, err := strconv.Atoi(key)
		if err != nil || n < 0 || n >= len(l.groups) {
			return "", errNoPlace()
		}
		at = n
	}
	down := l.descend != p.Before
	var parts []string // in the order in which they are read
	for i := range l.groups {
		n := i
		if down {
			n = len(l.groups) - 1 - i
		}
		g := l.groups[n]
		if at >= 0 && n != at && (n > at) == down {
			continue // behind the page
		}
		where := append(slices.Clone(l.where), g.where)
		switch {
		case g.people && n == at: // the rest of one person's records, then those of the people after
			rest := append(slices.Clone(where), l.order.beyond(p.Before))
			parts = append(parts, l.byPeople(n, rest, "w.id = @personID::uuid", p.Before),
				l.byPeople(n, where, "(w.name"+icu+", w.id)"+sign(down)+"(@person::text, @personID::uuid)", p.Before))
		case g.people:
			parts = append(parts, l.byPeople(n, where, "TRUE", p.Before))
		default:
			in := l
			if g.table != "" {
				in.table, in.order = g.table, g.order.reversed(l.order.desc)
			}
			in.order.same = g.same
			if n == at {
				where = append(where, in.order.beyond(p.Before))
			}
			parts = append(parts, "SELECT "+strconv.Itoa(n)+" AS grp, ''::text"+icu+" AS person, '"+uuid.Nil.String()+"'::uuid AS person_id, t.* FROM ("+
				in.gather(l.arms, where, p.Before)+") t")
		}
	}
	return inTurn(parts) + " ORDER BY " + l.placed(p.Before) + " LIMIT @limit", nil
}

// inTurn returns the SQL of the rows of all parts, of which each is read only where those before it do not fill the page: it
// may have few rows, far apart.
func inTurn(parts []string) string {
	var with, all, found []string
	for i, part := range parts {
		name := "g" + strconv.Itoa(i)
		if i > 0 {
			part = "SELECT * FROM (" + part + ") p WHERE " + strings.Join(found, " + ") + " < @limit"
		}
		with = append(with, name+" AS MATERIALIZED ("+part+")")
		all, found = append(all, "SELECT * FROM "+name), append(found, "(SELECT count(*) FROM "+name+")")
	}
	return "WITH " + strings.Join(with, ", ") + " SELECT * FROM (" + strings.Join(all, " UNION ALL ") + ") g"
}

// byPeople returns the SQL of the keys of a group of people. The outer LIMIT may stop at the people it needs: the
// planner sorts by person incrementally, since they come in order.
func (l list) byPeople(n int, where []string, which string, backwards bool) string {
	down := l.descend != backwards
	names := directed([]string{"u.name" + icu, "u.id"}, down)
	users := "(SELECT w.id, w.name FROM users w WHERE " + which + " AND " + l.within + " ORDER BY " + directed([]string{"w.name" + icu, "w.id"}, down) + " OFFSET 0) u"
	where = append(slices.Clone(where), l.owner+" = u.id", l.scope)
	return "SELECT " + strconv.Itoa(n) + " AS grp, u.name::text" + icu + " AS person, u.id AS person_id, t.* FROM " + users +
		" CROSS JOIN LATERAL (" + l.walk(l.table, where, backwards) + ") t ORDER BY " + names + ", " + directed(l.order.aliases(), l.order.desc != backwards) + " LIMIT @limit"
}

// walk returns the SQL of the first ids of a table in order.
func (l list) walk(table string, where []string, backwards bool) string {
	named := make([]string, len(l.order.columns))
	for i, alias := range l.order.aliases() {
		named[i] = l.order.columns[i] + " AS " + alias
	}
	return "SELECT " + l.id + " AS id, " + strings.Join(named, ", ") + " FROM " + table +
		" WHERE " + strings.Join(where, " AND ") + " ORDER BY " + l.order.by(backwards) + " LIMIT @limit"
}

// gather returns the SQL of the first ids of all arms together.
func (l list) gather(arms []arm, where []string, backwards bool) string {
	sorted := " ORDER BY " + directed(l.order.aliases(), l.order.desc != backwards) + " LIMIT @limit"
	parts := make([]string, len(arms))
	for i, a := range arms {
		parts[i] = a.of("t.*", l.walk(a.table(l), append(slices.Clone(where), a.where), backwards))
		if a.each != "" {
			parts[i] += sorted
		}
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "SELECT * FROM ((" + strings.Join(parts, ") UNION (") + ")) a" + sorted
}

// size returns the SQL that counts the whole list up to the cap. Where there are several arms the first alone may
// reach it, and the others, which overlap with it, are not asked.
func (l list) size() string {
	limit := countTo
	all := "(SELECT count(*) FROM (" + l.ids(l.count, limit) + ") n)"
	if len(l.count) == 1 {
		return all
	}
	return fmt.Sprintf("CASE WHEN (SELECT count(*) FROM (%s) n) = %d THEN %d ELSE %s END", l.ids(l.count[:1], limit), limit, limit, all)
}

// ids returns the SQL of up to limit ids that the arms find, in no order. Arms overlap: each may find as many.
func (l list) ids(arms []arm, limit int) string {
	parts := make([]string, len(arms))
	for i, a := range arms {
		parts[i] = "SELECT " + l.id + " AS id FROM " + a.table(l) + " WHERE " + strings.Join(append(slices.Clone(l.where), a.where), " AND ")
		parts[i] = a.of("t.id", parts[i]) + " LIMIT " + strconv.Itoa(limit)
	}
	if len(parts) == 1 {
		return parts[0]
	}
	return "SELECT a.id FROM ((" + strings.Join(parts, ") UNION (") + ")) a LIMIT " + strconv.Itoa(limit)
}

// placed returns the ORDER BY list of the whole page.
func (l list) placed(backwards bool) string {
	by := directed(l.order.aliases(), l.order.desc != backwards)
	if l.groups != nil {
		by = directed([]string{"grp", "person", "person_id"}, l.descend != backwards) + ", " + by
	}
	return by
}

// sortKey is the SQL of a row's place in the order.
func (l list) sortKey() string {
	parts := l.order.aliases()
	parts = parts[:len(parts)-1]
	if l.groups != nil {
		parts = append([]string{"grp", "person", "person_id"}, parts...)
	}
	return "k." + strings.Join(parts, "::text || '"+keySeparator+"' || k.") + "::text"
}

// args returns the named arguments of a page of the list. A key that is not of this order is Invalid.
func (l list) args(p crm.Page) (pgx.NamedArgs, error) {
	a := pgx.NamedArgs{"keyID": p.ID}
	if p.First() {
		return a, nil
	}
	keys := strings.Split(p.Key, keySeparator)
	if l.groups != nil {
		if len(keys) < 3 {
			return nil, errNoPlace()
		}
		a["person"], a["personID"] = keys[1], keys[2]
		keys = keys[3:]
	}
	if len(keys) != len(l.order.types) {
		return nil, errNoPlace()
	}
	for i, key := range keys {
		a["key"+strconv.Itoa(i)] = key
	}
	return a, nil
}

func errNoPlace() error { return crm.Fault("", "This place in the list does not exist.") }

// readList runs a list and returns one page of it, in one round trip. R is the row as scanned, split takes it
// apart. Searches are not counted: see paged.
func readList[R, T any](ctx context.Context, s *Store, l list, p crm.Page, counts bool, args pgx.NamedArgs, split func(R) (T, place)) (crm.Listing[T], error) {
	counts = counts && !p.Uncounted && !l.uncounted
	keys, err := l.keys(p)
	if err != nil {
		return crm.Listing[T]{}, err
	}
	paging, err := l.args(p)
	if err != nil {
		return crm.Listing[T]{}, err
	}
	all := s.args(paging)
	maps.Copy(all, args)
	total, at := counting{sql: "0"}, "''"
	if counts && p.First() {
		if total = s.db.counting(l, all); total.key != "" {
			at = countSnapshot
		}
	}
	sql := strings.Replace(l.outer, "%keys", keys, 1)
	sql = strings.Replace(sql, "%place", "k.id AS place_id, "+l.sortKey()+" AS sort_key, "+total.sql+" AS total, "+at+" AS snapshot", 1) + " ORDER BY " + l.placed(p.Before)
	found, err := listRows[R](ctx, s, l, sql, all)
	if err != nil {
		return crm.Listing[T]{}, translate(err)
	}
	rows, places := make([]T, len(found)), make([]place, len(found))
	for i, r := range found {
		rows[i], places[i] = split(r)
	}
	if total.key != "" && len(places) > 0 {
		s.db.counts.keep(total.key, counted{places[0].Total, places[0].Snapshot, time.Now()})
	}
	page := paged(rows, places, p, counts)
	page.Wide = l.wide
	return page, nil
}

// listRows runs the statement of a list, and with it what its frame asks for.
func listRows[R any](ctx context.Context, s *Store, l list, sql string, args pgx.NamedArgs) (found []R, err error) {
	small, err := s.db.small(ctx)
	if err != nil {
		return nil, err
	}
	b := &batch{}
	switch {
	case l.alike:
		b = comparing()
	case small, !l.custom && !l.weighed && l.scope != "TRUE": // who is in reach changes no plan, and to weigh it takes longer than the page
		b = planned()
	}
	if l.keyed && b.begun {
		b.byIndex(true)
	}
	if s.frame != nil {
		if err := s.queueFrame(b, s.frame.list, s.frame.q, s.frame.into); err != nil {
			return nil, err
		}
	}
	if !l.custom || b.begun {
		if b.Len() == 0 {
			return many[R](ctx, s.db.pool, sql, args)
		}
		queueMany(b, &found, sql, args)
		return found, b.send(ctx, s.db)
	}
	if b.Len() > 0 { // a batch has no say in how its statements are planned
		if err := b.send(ctx, s.db); err != nil {
			return nil, err
		}
	}
	return many[R](ctx, s.db.pool, sql, pgx.QueryExecModeCacheDescribe, args)
}

// paged cuts the one row too many that tells whether the list goes on, and names the places before and after.
// Only the first page counts: the places carry what it found. A list that is never counted says how far it got.
func paged[T any](rows []T, places []place, p crm.Page, counted bool) crm.Listing[T] {
	more := len(rows) > p.Limit()
	if more {
		rows, places = rows[:p.Limit()], places[:p.Limit()]
	}
	if p.Before {
		slices.Reverse(rows)
		slices.Reverse(places)
	}
	l := crm.Listing[T]{Rows: rows, Count: p.Known}
	switch {
	case p.First() && counted && len(rows) > 0:
		l.Count = min(places[0].Total, crm.CountCap+1)
	case p.First():
		l.Count, l.More = len(rows), more
	}
	known := l.Count
	switch {
	case l.More:
		known = -l.Count
	case known < 0: // of an earlier page
		l.Count, l.More = -known, true
	case known > crm.CountCap:
		l.Count, l.More = crm.CountCap, true
	}
	if len(rows) == 0 {
		return l
	}
	at := func(before bool, pl place) crm.Page {
		return crm.Page{Size: p.Size, Uncounted: p.Uncounted, Before: before, Key: pl.SortKey, ID: pl.PlaceID, Known: known}
	}
	if more && p.Before || !p.Before && !p.First() {
		l.Prev = at(true, places[0])
	}
	if more && !p.Before || p.Before {
		l.Next = at(false, places[len(places)-1])
	}
	return l
}
