package postgres

import (
	"slices"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// The order by whom an interaction was with: by organizations, those without one by the person, and the oldest first with
// each. No index of interactions has the names. Whoever reaches all is led from name to name by the indexes of
// organizations and contacts, each one's interactions in turn; within a narrow reach all are gathered, and sorted by the
// names that the reader may see; within a wide one the list is in its own order, and says so.

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

// sortWith prepares the order of a list that was asked for it, for a reach over all interactions.
func (s *Store) sortWith(l *list, f crm.InteractionFilter) {
	switch {
	case f.Sort.By != crm.ByWith:
	case f.OrganizationID.Valid || f.Author.UserID.Valid || f.Query != "":
		s.gatherWith(l)
	case s.actor.Reach(authz.ViewClient) == authz.All && !f.Author.TeamID.Valid:
		l.groups = withGroups
	default: // names that must not be told from the order, or authors too many to gather and too few to be met on the way
		l.widen()
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

// byWith reports whether the list is sorted by whom an interaction was with, and no plan is made for that yet.
func (l *list) byWith() bool {
	return l.order.columns[0] == withOrganization.columns[0] && l.groups == nil
}
