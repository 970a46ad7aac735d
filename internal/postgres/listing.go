package postgres

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// keySeparator parts the columns of a two-column sort key; it sorts before anything a name contains.
const keySeparator = "\x1f"

// order is a total order a list can be walked in, both ways, by keyset: constant SQL, never a person's text.
type order struct {
	columns []string // sort expressions, the id last
	types   []string // SQL type of each key part
	desc    bool
}

// by returns the ORDER BY list, reversed when walking backwards.
func (o order) by(backwards bool) string {
	direction := ""
	if o.desc != backwards {
		direction = " DESC"
	}
	return strings.Join(o.columns, direction+", ") + direction
}

// beyond returns the condition for rows after the page's key, or before it: a row comparison, which walks
// the index, not the OR form, which does not.
func (o order) beyond(p crm.Page) string {
	if p.First() {
		return "TRUE"
	}
	sign := " > "
	if o.desc != p.Before {
		sign = " < "
	}
	parts := make([]string, len(o.columns))
	for i := range o.columns[:len(o.columns)-1] {
		parts[i] = "@key" + string(rune('0'+i)) + "::" + o.types[i]
	}
	parts[len(parts)-1] = "@keyID::uuid"
	return "(" + strings.Join(o.columns, ", ") + ")" + sign + "(" + strings.Join(parts, ", ") + ")"
}

// args returns the named arguments that by and beyond refer to.
func (o order) args(p crm.Page) pgx.NamedArgs {
	a := pgx.NamedArgs{"limit": p.Limit() + 1, "cap": crm.CountCap + 1, "keyID": p.ID}
	keys := strings.Split(p.Key, keySeparator)
	for i := range o.columns[:len(o.columns)-1] {
		value := ""
		if i < len(keys) {
			value = keys[i]
		}
		a["key"+string(rune('0'+i))] = value
	}
	return a
}

const icu = ` COLLATE "und-x-icu"`

// timeKey is a sort key for a timestamp column, exact to the microsecond.
func timeKey(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.999999Z07:00") }

// list is a keyset list about to be read: constant SQL from the entity's file, put together here.
type list struct {
	table      string // "organizations o"
	id         string // "o.id"
	owner      string // "o.owner_user_id", "" when the scope is not by one owner column
	where      []string
	scope      string
	order      order
	outer      string // SELECT … FROM (%keys) k JOIN … with @limit applied inside
	search     bool   // has a text pattern: plan with its value, a generic plan is 100 times off
	permission authz.Permission
	uncounted  bool // leaves the size of the whole list at 0
}

// keys returns the SQL of the ids of one page, in order. For team reach it asks owner by owner: a plain
// owner = ANY(…) cost 146 ms for small owners under a generic plan, this 0.3.
func (s *Store) keys(l list, p crm.Page) string {
	where := append(slices.Clone(l.where), l.order.beyond(p))
	inner := func(scope string) string {
		return "SELECT " + l.id + " AS id, " + numbered(l.order.columns) + " FROM " + l.table +
			" WHERE " + strings.Join(append(slices.Clone(where), scope), " AND ") + " ORDER BY " + l.order.by(p.Before) + " LIMIT @limit"
	}
	if l.owner == "" || l.search || s.actor.Reach(l.permission) != authz.Team {
		return inner(l.scope)
	}
	return "SELECT t.* FROM unnest(@owners::uuid[]) u(id) CROSS JOIN LATERAL (" + inner(l.owner+" = u.id") + ") t ORDER BY " +
		l.order.numberedBy(p.Before) + " LIMIT @limit"
}

// count returns the SQL that counts the whole list up to the cap.
func (l list) count() string {
	if l.uncounted {
		return "0"
	}
	return "(SELECT count(*) FROM (SELECT 1 FROM " + l.table + " WHERE " + strings.Join(append(slices.Clone(l.where), l.scope), " AND ") + " LIMIT @cap) n)"
}

// numbered aliases sort expressions as s0, s1, … for an outer ORDER BY.
func numbered(columns []string) string {
	out := make([]string, len(columns))
	for i, c := range columns {
		out[i] = strings.TrimSuffix(c, icu) + " AS s" + string(rune('0'+i))
	}
	return strings.Join(out, ", ")
}

func (o order) numberedBy(backwards bool) string {
	n := order{desc: o.desc}
	for i, c := range o.columns {
		name := "s" + string(rune('0'+i))
		if strings.HasSuffix(c, icu) {
			name += icu
		}
		n.columns = append(n.columns, name)
	}
	return n.by(backwards)
}

// readList runs a list and returns one page of it, in one round trip. R is the row as scanned, with the
// size of the whole list in it; split takes the two apart, at names a row's place in the order.
func readList[R, T any](ctx context.Context, s *Store, l list, p crm.Page, args pgx.NamedArgs, split func(R) (T, int), at func(T) (string, uuid.UUID)) (crm.Listing[T], error) {
	sql := strings.NewReplacer("%keys", s.keys(l, p), "%count", l.count()).Replace(l.outer) + " ORDER BY " + l.order.numberedBy(p.Before)
	all := s.args(l.order.args(p))
	maps.Copy(all, args)
	queryArgs := []any{all}
	if l.search {
		queryArgs = []any{pgx.QueryExecModeCacheDescribe, all}
	}
	found, err := many[R](ctx, s.db.pool, sql, queryArgs...)
	if err != nil {
		return crm.Listing[T]{}, translate(err)
	}
	rows, total := make([]T, len(found)), 0
	for i, r := range found {
		rows[i], total = split(r)
	}
	return paged(rows, total, p, at), nil
}

// paged cuts the one row too many that tells whether the list goes on, and names the places before and after.
func paged[T any](rows []T, total int, p crm.Page, at func(T) (string, uuid.UUID)) crm.Listing[T] {
	more := len(rows) > p.Limit()
	if more {
		rows = rows[:p.Limit()]
	}
	if p.Before {
		slices.Reverse(rows)
	}
	l := crm.Listing[T]{Rows: rows, Count: total}
	if len(rows) == 0 {
		return l
	}
	if more && p.Before || !p.Before && !p.First() {
		key, id := at(rows[0])
		l.Prev = crm.Page{Size: p.Size, Before: true, Key: key, ID: id}
	}
	if more && !p.Before || p.Before {
		key, id := at(rows[len(rows)-1])
		l.Next = crm.Page{Size: p.Size, Key: key, ID: id}
	}
	return l
}

// literal escapes LIKE's wildcards, and the letters that fold would make into one.
var literal = strings.NewReplacer(
	`\`, `\\`, "∖", `\\`, "﹨", `\\`, "＼", `\\`,
	"%", `\%`, "﹪", `\%`, "％", `\%`,
	"_", `\_`, "＿", `\_`,
)

// pattern turns typed text into a LIKE pattern for any part: wildcards in it are taken literally.
func pattern(typed string) string { return "%" + literal.Replace(typed) + "%" }
