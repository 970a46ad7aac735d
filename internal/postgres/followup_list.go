package postgres

import (
	"context"
	"maps"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// dueKey orders days and moments together, as the indexes have it: a day counts from its midnight UTC.
const dueKey = `coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')`

// dueText is when a follow-up is due as crm.Due reads it.
const dueText = `coalesce(to_char(f.due_on, 'YYYY-MM-DD'), to_char(f.due_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))`

// followUpColumns has Go's zero time for when one was done that is not.
const followUpColumns = `f.id, f.title, ` + dueText + ` AS due,
	f.user_id, f.organization_id, f.contact_id, f.interaction_id, f.state, coalesce(f.outcome, '') AS outcome,
	coalesce(f.done_at, '0001-01-01 00:00:00+00'::timestamptz) AS done_at, f.done_by, f.done_interaction_id, f.created_by, f.created_at, f.version`

// followUpNames adds the names that the reader may see, as interactionNames does.
const followUpNames = `, coalesce(no.display_name, '') AS organization_name, coalesce(nc.first_name || ' ' || nc.last_name, '') AS contact_name,
	coalesce(nu.name, '') AS user_name, coalesce(nw.name, '') AS creator_name, coalesce(nd.name, '') AS done_by_name`

func (s *Store) followUpSelect() string {
	return `SELECT ` + followUpColumns + followUpNames + `, coalesce(` + s.followUpScope(authz.EditInteraction, "f") + `, FALSE) AS may_edit`
}

func (s *Store) followUpJoins() string {
	return ` LEFT JOIN organizations no ON no.id = f.organization_id AND ` + s.organizationScope(authz.ViewClient, "no") + `
		LEFT JOIN contacts nc ON nc.id = f.contact_id AND ` + s.contactScope(authz.ViewClient, "nc") + `
		LEFT JOIN users nu ON nu.id = f.user_id LEFT JOIN users nw ON nw.id = f.created_by LEFT JOIN users nd ON nd.id = f.done_by`
}

func (s *Store) followUpQuery() string {
	return s.followUpSelect() + ` FROM follow_ups f` + s.followUpJoins() + ` WHERE f.id = @id AND ` + s.followUpScope(authz.ViewInteraction, "f")
}

// FollowUp returns a follow-up in reach.
func (s *Store) FollowUp(ctx context.Context, id uuid.UUID) (crm.FollowUp, error) {
	if err := s.require(authz.ViewInteraction); err != nil {
		return crm.FollowUp{}, err
	}
	f, err := one[crm.FollowUp](ctx, s.db.pool, s.followUpQuery(), s.args(pgx.NamedArgs{"id": id}))
	return f, notFound(err)
}

// FollowUpPage is everything a follow-up's page shows.
type FollowUpPage struct {
	FollowUp     crm.FollowUp
	Interactions []crm.Interaction // that it was born from and that it led to, where they are in reach
	History      []crm.Change
}

// FollowUpPage returns a follow-up in reach with its interactions and its history, in one round trip.
func (s *Store) FollowUpPage(ctx context.Context, id uuid.UUID) (FollowUpPage, error) {
	var p FollowUpPage
	if err := s.require(authz.ViewInteraction); err != nil {
		return p, err
	}
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &p.FollowUp, s.followUpQuery(), args)
	queueMany(b, &p.Interactions, `SELECT `+interactionColumns+s.interactionNames()+` FROM interactions i`+s.interactionJoins()+`
		WHERE i.id IN (SELECT f.interaction_id FROM follow_ups f WHERE f.id = @id UNION SELECT f.done_interaction_id FROM follow_ups f WHERE f.id = @id)
			AND `+s.interactionScope(authz.ViewInteraction, "i"), args)
	s.queueHistory(b, &p.History, audit.FollowUp, args)
	if err := b.send(ctx, s.db); err != nil {
		return p, notFound(err)
	}
	return p, s.nameIDs(ctx, p.History)
}

// maxOpenShown is how many open follow-ups a record shows; its list has them all.
const maxOpenShown = 50

// openFollowUpsQuery lists the open follow-ups of record @id, named by a column, the first one due first.
func (s *Store) openFollowUpsQuery(column string) string {
	return s.followUpSelect() + ` FROM follow_ups f` + s.followUpJoins() + `
		WHERE ` + column + ` = @id AND f.state = 'open' AND ` + s.followUpScope(authz.ViewInteraction, "f") + `
		ORDER BY ` + dueKey + `, f.id LIMIT ` + strconv.Itoa(maxOpenShown)
}

// OpenFollowUpsOf returns the open follow-ups in reach of an organization or a contact, at most 50, the first one due
// first. A record out of reach has those that are for the actor or by them; of any other type it has none.
func (s *Store) OpenFollowUpsOf(ctx context.Context, of crm.Target) ([]crm.FollowUp, error) {
	if err := s.require(authz.ViewInteraction); err != nil {
		return nil, err
	}
	column := map[string]string{audit.Organization: "f.organization_id", audit.Contact: "f.contact_id"}[of.Type]
	if column == "" {
		return nil, nil
	}
	return many[crm.FollowUp](ctx, s.db.pool, s.openFollowUpsQuery(column), s.args(pgx.NamedArgs{"id": of.ID}))
}

var (
	followUpsByDue  = order{columns: []string{dueKey, "f.id"}, types: []string{"timestamptz"}}
	followUpsByDone = order{columns: []string{"f.done_at", "f.id"}, types: []string{"timestamptz"}, desc: true}
)

// myMembers are the members of the actor's own team.
var myMembers = strings.Replace(members, "@team::uuid", "(SELECT a.team_id FROM users a WHERE a.id = @me::uuid)", 1)

// nextFollowUp joins the open follow-up that is due first to each row of a list of clients, named by a column. The client's
// activity says whether there is any, and orders by when it is due: whoever sees last contacts reaches every follow-up about
// a client that they reach.
func (s *Store) nextFollowUp(column, id, activity string) string {
	if !s.actor.SeesLastContact() {
		return ` LEFT JOIN (SELECT ''::text AS title, NULL::text AS due) nf ON FALSE`
	}
	return ` LEFT JOIN LATERAL (SELECT f.title, ` + dueText + ` AS due FROM follow_ups f
		WHERE ` + activity + `.next_follow_up_at < 'infinity' AND ` + column + ` = ` + id + ` AND f.state = 'open' AND ` + s.followUpScope(authz.ViewInteraction, "f") + ` ORDER BY ` + dueKey + `, f.id LIMIT 1) nf ON TRUE`
}

// nextColumns are the columns of nextFollowUp.
const nextColumns = `coalesce(nf.title, '') AS next_follow_up, nf.due AS next_due`

type followUpRow struct {
	crm.FollowUp
	place
}

// FollowUps returns a page of the follow-ups in reach: those open or in any state by when they are due, those done or
// cancelled by when that was, the latest first. A malformed place, an unknown state and an unknown time are Invalid.
func (s *Store) FollowUps(ctx context.Context, f crm.FollowUpFilter) (crm.Listing[crm.FollowUp], error) {
	if err := s.require(authz.ViewInteraction); err != nil {
		return crm.Listing[crm.FollowUp]{}, err
	}
	l, args, err := s.listFollowUps(ctx, f)
	if err != nil {
		return crm.Listing[crm.FollowUp]{}, err
	}
	return readList(ctx, s, l, f.Page, true, args, func(r followUpRow) (crm.FollowUp, place) { return r.FollowUp, r.place })
}

// listFollowUps prepares a list, with the arguments of its filters.
func (s *Store) listFollowUps(ctx context.Context, f crm.FollowUpFilter) (list, pgx.NamedArgs, error) {
	if err := f.Validate(); err != nil {
		return list{}, nil, err
	}
	l := list{
		table: "follow_ups f", id: "f.id", owner: "f.user_id", scope: s.followUpScope(authz.ViewInteraction, "f"), order: followUpsByDue,
		outer:  s.followUpSelect() + `, %place FROM (%keys) k JOIN follow_ups f ON f.id = k.id` + s.followUpJoins(),
		custom: f.Due != "",
	}
	if f.State == crm.FollowUpDone || f.State == crm.FollowUpCancelled {
		l.order = followUpsByDone
	}
	l.filter(f.For.Nobody, "f.user_id IS NULL")
	l.filter(f.For.UserID.Valid, "f.user_id = @owner::uuid")
	l.filter(f.OrganizationID.Valid, "f.organization_id = @organization")
	l.filter(f.ContactID.Valid, "f.contact_id = @contact")
	args := ownerArgs(f.For)
	maps.Copy(args, pgx.NamedArgs{"organization": f.OrganizationID, "contact": f.ContactID})
	if f.Due != "" {
		conditions, more := dueWithin(f.Due, f.Clock, "")
		l.where = append(l.where, conditions...)
		maps.Copy(args, more)
	}
	return l, args, s.planFollowUps(ctx, &l, f)
}

// dueWithin returns the conditions for what is due in a span by the clock c, with their arguments, whose names end in n.
func dueWithin(span crm.DueSpan, c crm.Clock, n string) ([]string, pgx.NamedArgs) {
	conditions := []string{"(f.due_on >= @firstDay%::date AND f.due_on < @lastDay%::date OR f.due_at >= @first% AND f.due_at < @last%)"}
	if span != crm.DueOverdue { // for the index
		conditions = append(conditions, dueKey+" >= least(@first%, @firstDay%::date::timestamp AT TIME ZONE 'UTC')")
	}
	if span != crm.DueLater {
		conditions = append(conditions, dueKey+" < greatest(@last%, @lastDay%::date::timestamp AT TIME ZONE 'UTC')")
	}
	for i := range conditions {
		conditions[i] = strings.ReplaceAll(conditions[i], "%", n)
	}
	r := span.Range(c)
	return conditions, pgx.NamedArgs{"firstDay" + n: string(r.FirstDay), "lastDay" + n: string(r.LastDay), "first" + n: r.First, "last" + n: r.Last}
}

// planFollowUps chooses the way to the rows of a list of follow-ups. Every index begins with whose they are or with the
// state: each state is a way of its own.
func (s *Store) planFollowUps(ctx context.Context, l *list, f crm.FollowUpFilter) error {
	ways, err := s.followUpWays(ctx, l, f)
	for _, state := range f.States() {
		for _, w := range ways {
			w.where += " AND f.state = '" + string(state) + "'" // one of three words, and none of them typed
			l.arms = append(l.arms, w)
		}
	}
	l.count = l.arms
	return err
}

func (s *Store) followUpWays(ctx context.Context, l *list, f crm.FollowUpFilter) ([]arm, error) {
	const p = authz.ViewInteraction
	walk := []arm{{where: l.scope}}
	switch {
	case f.OrganizationID.Valid || f.ContactID.Valid || f.For.UserID.Valid:
		return walk, nil // a short range
	case f.For.TeamID.Valid:
		return []arm{{each: members, where: "f.user_id = u.id AND " + l.scope}}, nil
	case f.MyTeam:
		return []arm{{each: myMembers, where: "f.user_id = u.id AND " + l.scope}}, nil
	case f.For.Nobody || s.actor.Reach(p) == authz.All || s.actor.Reach(p) == authz.None:
		return walk, nil
	}
	reach, err := s.extent(ctx, p)
	switch {
	case err != nil:
		return nil, err
	case reach.organizations <= fewReach:
		organizations, contacts := s.reachedClients(p)
		return []arm{
			{where: "f.user_id = @me::uuid"},
			{where: "f.created_by = @me::uuid"},
			{each: organizations, where: "f.organization_id = u.id"},
			{each: contacts, where: "f.contact_id = u.id"},
		}, nil
	case reach.organizations <= 2*narrowReach:
		walk[0].where = "(f.user_id = @me::uuid OR f.created_by = @me::uuid OR " + s.clientsGathered(p, "f") + ")"
	}
	l.uncounted = true // within a wide reach counting would look at all there are
	return walk, nil
}
