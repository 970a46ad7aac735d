package postgres

import (
	"slices"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// The orders of interactions by names of other tables.
//
// By whom an interaction was with: by organizations, those without one by the person, and the oldest first with
// each. No index of interactions has the names. Whoever reaches all is led from name to name by the indexes of
// organizations and contacts, each one's interactions in turn; within a narrow reach all are gathered, and sorted by the
// names that the reader may see; within a wide one the list is in its own order, and says so.
//
// By who else was there: by the first of those in view, as the list names them, and the oldest first with each. Few
// interactions have attendees: the first of all is kept in first_attendees, which whoever reaches all clients is led by.

var withTypes = []string{"text", "text", "uuid", "timestamptz"}

var withOrganization = order{
	columns: []string{"w.display_name" + icu, "''::text" + icu, "w.id", "i.happened_at", "i.id"}, types: withTypes, bound: []int{0, 2},
}

// withGroups are the interactions with organizations, with people alone, and with nobody: in this order, either way.
var withGroups = []group{
	{where: "TRUE", table: "organizations w JOIN interactions i ON i.organization_id = w.id", order: withOrganization},
	{
		where: "i.organization_id IS NULL", table: "contacts w JOIN interactions i ON i.contact_id = w.id",
		order: order{columns: []string{"w.last_name" + icu, "w.first_name" + icu, "w.id", "i.happened_at", "i.id"}, types: withTypes, bound: []int{0, 1, 2}},
	},
	{
		where: "i.organization_id IS NULL AND i.contact_id IS NULL", table: "interactions i", same: 3,
		order: order{columns: []string{"''::text" + icu, "''::text" + icu, nobody, "i.happened_at", "i.id"}, types: withTypes},
	},
}

const nobody = "'00000000-0000-0000-0000-000000000000'::uuid"

var attendedBy = order{columns: []string{"w.last_name" + icu, "w.first_name" + icu, "w.happened_at", "w.interaction_id"}, types: []string{"text", "text", "timestamptz"}}

// attendedGroups are the interactions that somebody else attended, and those that nobody did: in this order, either way. Some
// channels have hardly any of the first, and would be looked for among all.
func attendedGroups(channel crm.Channel) []group {
	some := group{where: "TRUE", table: "first_attendees w JOIN interactions i ON i.id = w.interaction_id", order: attendedBy}
	if channel != "" {
		some.where = "w.channel = @channel"
	}
	return []group{some, unattended("n.interaction_id = i.id")}
}

// unattended are the interactions for which no row n of first_attendees is attended as this says.
func unattended(attended string) group {
	return group{
		where: "NOT EXISTS (SELECT 1 FROM first_attendees n WHERE " + attended + rowByRow + ")", table: "interactions i", same: 2,
		order: order{columns: slices.Concat([]string{"''::text" + icu, "''::text" + icu}, interactionsByTime.columns), types: attendedBy.types},
	}
}

// sortByNames prepares the order of a list that was asked for it, for a reach over all interactions.
func (s *Store) sortByNames(l *list, f crm.InteractionFilter) {
	switch {
	case !l.byNames():
	case f.OrganizationID.Valid || f.Author.UserID.Valid || f.Query != "":
		s.gatherNames(l)
	case s.actor.Reach(authz.ViewClient) == authz.All && !f.Author.TeamID.Valid:
		l.groups = withGroups
		if f.Sort.By == crm.ByAttendees {
			l.groups = attendedGroups(f.Channel)
		}
	default: // names that must not be told from the order, or authors too many to gather and too few to be met on the way
		l.widen()
	}
}

// gatherNames sorts all that are in reach by the names that the reader may see, if that is the list's order.
func (s *Store) gatherNames(l *list) {
	switch {
	case !l.byNames():
	case l.order.columns[0] == attendedBy.columns[0]:
		s.gatherAttendees(l)
	default:
		s.gatherWith(l)
	}
}

// gatherAttendees sorts all that are in reach by the first attendee that the reader may see. Who are looked at only for
// interactions that have attendees at all, and the contact, whom no index has, read again for those.
func (s *Store) gatherAttendees(l *list) {
	seen := "interactions y JOIN interaction_contacts x ON x.interaction_id = y.id JOIN contacts xc ON xc.id = x.contact_id" +
		" WHERE y.id = n.interaction_id AND x.contact_id IS DISTINCT FROM y.contact_id AND " + s.contactScope(authz.ViewClient, "xc")
	l.keyed = true
	some := attendedBy
	some.columns = slices.Concat(attendedBy.columns[:2], interactionsByTime.columns)
	l.groups = []group{
		{
			where: "TRUE", order: some, table: "interactions i CROSS JOIN LATERAL (SELECT n.interaction_id FROM first_attendees n WHERE n.interaction_id = i.id" + rowByRow + ") n CROSS JOIN LATERAL (SELECT xc.last_name, xc.first_name FROM " + seen +
				" ORDER BY xc.last_name" + icu + ", xc.first_name" + icu + ", xc.id LIMIT 1) w",
		},
		unattended("n.interaction_id = i.id AND EXISTS (SELECT 1 FROM " + seen + rowByRow + ")"),
	}
}

// gatherWith sorts all that are in reach by the names that the reader may see.
func (s *Store) gatherWith(l *list) {
	l.table = "interactions i LEFT JOIN organizations w ON w.id = i.organization_id AND " + s.organizationScope(authz.ViewClient, "w") +
		" LEFT JOIN contacts v ON v.id = i.contact_id AND w.id IS NULL AND " + s.contactScope(authz.ViewClient, "v")
	class := "(w.id IS NULL)::int + (w.id IS NULL AND v.id IS NULL)::int"
	if l.order.desc { // which comes first, either way
		class = "-(" + class + ")"
	}
	l.order.columns = []string{class, "coalesce(w.display_name, v.last_name, '')" + icu, "coalesce(v.first_name, '')" + icu, "coalesce(w.id, v.id, " + nobody + ")", "i.happened_at", "i.id"}
	l.order.types, l.order.bound = slices.Concat([]string{"int"}, withTypes), nil
}

// byNames reports whether the list is sorted by whom an interaction was with, or who else was there, and no plan is made for
// that yet.
func (l *list) byNames() bool {
	first := l.order.columns[0]
	return l.groups == nil && (first == withOrganization.columns[0] || first == attendedBy.columns[0])
}
