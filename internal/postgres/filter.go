package postgres

import (
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// filter adds a condition, constant SQL like everything in a list, when it is on.
func (l *list) filter(on bool, condition string) {
	if on {
		l.where = append(l.where, condition)
	}
}

// filterStatus adds the status filter; active is the default.
func (l *list) filterStatus(status crm.Status) {
	l.filter(status == "" || status == crm.StatusActive, l.active)
	l.filter(status == crm.StatusArchived, "NOT "+l.active)
}

// filterOwner adds an owner or author filter; ownerArgs has its arguments. Within is the scope of people w.
func (l *list) filterOwner(f crm.OwnerFilter, column, within string) {
	l.within, l.nobodys = within, within == "TRUE" && !f.UserID.Valid
	if f.UserID.Valid {
		l.within += " AND w.id = @owner::uuid"
	}
	l.filter(f.Nobody, column+" IS NULL")
	l.filter(f.UserID.Valid, column+" = @owner::uuid")
	l.filter(f.TeamID.Valid, column+" IN ("+members+")")
}

// filterAlike narrows a list to the names most like those that q asks for, within scope, which is that of rows x of table.
// An array is looked up once, whatever the plan.
func (l *list) filterAlike(q crm.Query, table, scope string, args pgx.NamedArgs) {
	args["like"], l.alike = likeness(q), true
	l.filter(args["like"] == "", "FALSE")
	l.filter(args["like"] != "", l.id+" = ANY(ARRAY(SELECT n.id FROM ("+alike(table, "TRUE", scope)+
		") n ORDER BY searchable(@like) <<-> n.search_text, n.id LIMIT "+strconv.Itoa(MaxFound)+"))")
}

func ownerArgs(f crm.OwnerFilter) pgx.NamedArgs {
	return pgx.NamedArgs{"owner": f.UserID, "team": f.TeamID}
}

// members are the people of the team that an owner filter names, and of those below it.
const members = `SELECT m.id FROM users m WHERE m.team_id IN (
	WITH RECURSIVE tree AS (SELECT t.id FROM teams t WHERE t.id = @team::uuid UNION SELECT t.id FROM teams t JOIN tree ON t.parent_id = tree.id) SELECT id FROM tree)`

// silent returns the condition of a filter by last contact; @days has its days.
func silent(f crm.Silence, at string) string {
	switch {
	case f.Never:
		return at + " = '-infinity'"
	case f.OlderThan > 0:
		return at + " > '-infinity' AND " + at + " < now() - make_interval(days => @days)"
	}
	return at + " >= now() - make_interval(days => @days)"
}

// sort gives a list its order, its own unless another is asked for. Owners and statuses are groups, each in the list's
// own order. An order that the list does not have is Invalid, and so is one, or a filter, that tells of
// interactions the actor may not see: for them it does not exist.
func (s *Store) sort(l *list, by crm.Sort, status crm.Status, told crm.Silence, touch crm.TouchFilter) error {
	o, known := l.orders[by.By]
	telling := by.By.TellsOfTalks()
	switch {
	case (telling || !told.IsZero() || touch != "") && !s.actor.SeesLastContact():
		return errNoOrder()
	case telling:
		l.table, l.owner, l.order = l.activity, "a.owner_user_id", o.reversed(by.Reverse)
	case known && o.kept != "":
		l.table, l.owner, l.order = o.kept, "a.owner_user_id", o.reversed(by.Reverse)
	case known:
		l.order = o.reversed(by.Reverse)
	case by.By == crm.ByStatus && l.active != "":
		l.descend, l.groups = by.Reverse, []group{{where: "TRUE"}}
		if status == crm.StatusAll { // else all rows have one
			l.groups = []group{{where: l.active}, {where: "NOT " + l.active}}
		}
	case by.By == l.people:
		l.descend, l.groups = by.Reverse, []group{{where: "TRUE", people: true}}
		if l.nobodys { // only with reach all
			l.groups = append(l.groups, group{where: l.owner + " IS NULL"})
		}
	case by.By != "":
		return errNoOrder()
	}
	if o.sparse != nil {
		l.groups = []group{{where: o.sparse.some}, {where: o.sparse.none, same: 1}}
	}
	return nil
}

func errNoOrder() error { return crm.Fault("", "The list cannot be sorted like this.") }

// lastContact is the SQL of a last contact, for who may know it.
func (s *Store) lastContact(alias string) string {
	if !s.actor.SeesLastContact() {
		return "NULL::timestamptz"
	}
	return "nullif(" + alias + ".last_contact_at, '-infinity')"
}

func moment(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return *t
}
