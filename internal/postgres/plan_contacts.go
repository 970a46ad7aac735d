package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

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
