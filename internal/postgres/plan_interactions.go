package postgres

import (
	"context"
	"slices"
	"strings"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

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

// talkWith returns the two ways to the interactions with contact @contact: as their contact, and as an attendee. An array of ids
// is looked up once, by key, whatever the plan; a person is at hundreds of meetings, not at millions.
func talkWith(scope string) []arm {
	return []arm{
		{where: scope + " AND i.contact_id = @contact::uuid"},
		{where: scope + " AND i.id = ANY(ARRAY(SELECT x.interaction_id FROM interaction_contacts x WHERE x.contact_id = @contact::uuid))"},
	}
}

// interactionArms are the three ways to interactions in reach, as in interactionScope: organization by
// organization, contact by contact, and the actor's own.
func (s *Store) interactionArms(p authz.Permission) []arm {
	return interactionArms(s.reachedClients(p))
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
