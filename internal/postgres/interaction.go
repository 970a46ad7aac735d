package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"maps"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const interactionColumns = `i.id, i.organization_id, i.contact_id, i.user_id, i.channel, i.subject, coalesce(i.body, '') AS body,
	coalesce(i.outcome, '') AS outcome, i.happened_at, i.duration_minutes, coalesce(i.direction, '') AS direction, i.created_at, i.version`

// interactionNames adds the names that the reader may see: an organization or a contact out of their reach,
// or any without ViewClient, stays nameless; such an attendee is left out.
func (s *Store) interactionNames() string {
	return `, coalesce(no.display_name, '') AS organization_name,
	coalesce(nc.first_name || ' ' || nc.last_name, '') AS contact_name, coalesce(nu.name, '') AS author_name, ` + s.attendees() + ` AS attendees`
}

func (s *Store) interactionJoins() string {
	return ` LEFT JOIN organizations no ON no.id = i.organization_id AND ` + s.organizationScope(authz.ViewClient, "no") + `
		LEFT JOIN contacts nc ON nc.id = i.contact_id AND ` + s.contactScope(authz.ViewClient, "nc") + `
		LEFT JOIN users nu ON nu.id = i.user_id`
}

var interactionsByTime = order{columns: []string{"i.happened_at", "i.id"}, types: []string{"timestamptz"}, desc: true}

// What lists sort by is never NULL, as sectorKey of organizations.
const (
	outcomeKey   = `coalesce(i.outcome, '')` + icu
	directionKey = `coalesce(i.direction, '')`
	minutesKey   = `coalesce(i.duration_minutes, -1)`
)

// interactionOrders are the orders of the list that one index walks.
var interactionOrders = map[crm.SortKey]order{
	crm.ByNewest:    interactionsByTime,
	crm.BySubject:   {columns: []string{"i.subject" + icu, "i.happened_at", "i.id"}, types: []string{"text", "timestamptz"}},
	crm.ByOutcome:   {columns: []string{outcomeKey, "i.happened_at", "i.id"}, types: []string{"text", "timestamptz"}},
	crm.ByWith:      withOrganization, // see with.go
	crm.ByAttendees: attendedBy,
	crm.ByChannel:   {columns: []string{"i.channel", directionKey, "i.happened_at", "i.id"}, types: []string{"text", "text", "timestamptz"}},
	crm.ByLogged:    {columns: []string{"i.created_at", "i.id"}, types: []string{"timestamptz"}, desc: true},
	crm.ByDirection: {
		columns: []string{directionKey, "i.happened_at", "i.id"}, types: []string{"text", "timestamptz"},
		sparse: &sparse{directionKey + " > ''", directionKey + " = ''"},
	},
	crm.ByMinutes: {
		columns: []string{minutesKey, "i.happened_at", "i.id"}, types: []string{"int", "timestamptz"},
		sparse: &sparse{minutesKey + " > -1", minutesKey + " = -1"},
	},
}

// unauthored are the orders that no index has for each author: an author's interactions are gathered and sorted, from an
// index that has all that takes.
var unauthored = []crm.SortKey{crm.ByChannel, crm.ByLogged, crm.ByDirection, crm.ByMinutes, crm.ByWith}

// channelByChannel turns ways to interactions into those that go through each channel: the indexes of these orders begin
// with it.
func channelByChannel(arms []arm, f crm.InteractionFilter) []arm {
	if f.Channel != "" || f.Sort.By != crm.ByDirection && f.Sort.By != crm.ByMinutes {
		return arms
	}
	arms = slices.Clone(arms)
	for n, a := range arms {
		if a.each == "" && a.from == "" {
			arms[n] = arm{each: everyChannel, where: a.where + " AND i.channel = u.id"}
		}
	}
	return arms
}

const everyChannel = `SELECT id FROM unnest(ARRAY['call', 'email', 'meeting', 'note']::varchar[]) c(id)` // a constraint knows no other

// authored reads the interactions of one author. OFFSET 0 keeps the planner from a walk through everybody's, which never ends
// for an author of few.
func authored(author string) string {
	return "(SELECT i.* FROM interactions i WHERE i.user_id = " + author + " OFFSET 0) i"
}

type interactionRow struct {
	crm.Interaction
	place
}

// Interactions returns a page of the interactions in reach, newest first. A malformed place and an unknown order
// are Invalid.
func (s *Store) Interactions(ctx context.Context, f crm.InteractionFilter) (crm.Listing[crm.Interaction], error) {
	if err := s.require(authz.ViewInteraction); err != nil {
		return crm.Listing[crm.Interaction]{}, err
	}
	l, args, err := s.listInteractions(ctx, f)
	if err != nil {
		return crm.Listing[crm.Interaction]{}, err
	}
	return readList(ctx, s, l, f.Page, f.Query == "", args, func(r interactionRow) (crm.Interaction, place) { return r.Interaction, r.place })
}

// listInteractions prepares a list, with the arguments of its filters.
func (s *Store) listInteractions(ctx context.Context, f crm.InteractionFilter) (list, pgx.NamedArgs, error) {
	words := wordQuery(f.Query)
	l, err := s.interactionsOf(f, words)
	if err == nil {
		err = s.planInteractions(ctx, &l, f)
	}
	if err == nil && words != "" {
		var rare bool
		if rare, err = s.rareWords(ctx, words); rare { // OFFSET 0 keeps the planner from walking the index of times instead
			l.table = strings.Replace(l.table, "interactions i", `(SELECT i.* FROM interactions i WHERE `+interactionWords+` OFFSET 0) i`, 1)
		}
	}
	args := ownerArgs(f.Author)
	maps.Copy(args, pgx.NamedArgs{
		"channel": f.Channel, "outcome": f.Outcome, "organization": f.OrganizationID, "contact": f.ContactID,
		"from": f.From, "to": f.To, "words": words,
	})
	return l, args, err
}

// interactionsOf puts the list together, all but the way to its rows.
func (s *Store) interactionsOf(f crm.InteractionFilter, words string) (list, error) {
	l := list{
		table: "interactions i", id: "i.id", owner: "i.user_id", scope: s.interactionScope(authz.ViewInteraction, "i"),
		order: interactionsByTime, orders: interactionOrders, people: crm.ByAuthor,
		outer:  `SELECT ` + interactionColumns + s.interactionNames() + `, %place FROM (%keys) k JOIN interactions i ON i.id = k.id` + s.interactionJoins(),
		custom: f.Query != "" || f.Channel != "" || f.Outcome != "" || !f.From.IsZero() || !f.To.IsZero(),
	}
	l.filterOwner(f.Author, l.owner, s.ownerWithin(authz.ViewInteraction, "w.id"))
	l.filter(f.Channel != "", "i.channel = @channel")
	l.filter(f.Outcome != "", outcomeKey+" = @outcome")
	l.filter(f.OrganizationID.Valid, "i.organization_id = @organization")
	l.filter(!f.From.IsZero(), "i.happened_at >= @from")
	l.filter(!f.To.IsZero(), "i.happened_at < @to")
	l.filter(words != "", interactionWords)
	l.filter(f.Query != "" && words == "", "FALSE") // nothing but signs: nothing matches
	return l, s.sort(&l, f.Sort, "", crm.Silence{}, "")
}

func (s *Store) interactionQuery() string {
	return `SELECT ` + interactionColumns + s.interactionNames() + `, coalesce(` + s.interactionScope(authz.EditInteraction, "i") + `, FALSE) AS may_edit
		FROM interactions i` + s.interactionJoins() + `
		WHERE i.id = @id AND ` + s.interactionScope(authz.ViewInteraction, "i")
}

// InteractionPage is everything an interaction's page shows.
type InteractionPage struct {
	Interaction crm.Interaction
	History     []crm.Change
	Neighbours  Neighbours // in the list that was given, if any
}

// InteractionPage returns an interaction in reach with its history, in one round trip. Its neighbours are as in
// OrganizationPage.
func (s *Store) InteractionPage(ctx context.Context, id uuid.UUID, in ...crm.InteractionFilter) (InteractionPage, error) {
	var p InteractionPage
	if err := s.require(authz.ViewInteraction); err != nil {
		return p, err
	}
	b := s.ofRecord(authz.ViewInteraction, len(in) > 0)
	var near *among
	for _, f := range in {
		l, listArgs, err := s.listInteractions(ctx, f)
		if near, err = queueAmong(s, b, l, f.Page, listArgs, err); err != nil {
			return p, err
		}
	}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &p.Interaction, s.interactionQuery(), args)
	s.queueHistory(b, &p.History, audit.Interaction, args)
	if err := b.send(ctx, s.db); err != nil {
		return p, notFound(translate(err))
	}
	var err error
	if p.Neighbours, err = s.readAmong(ctx, near, id); err != nil {
		return p, err
	}
	return p, s.nameIDs(ctx, p.History)
}

// Interaction returns an interaction in reach.
func (s *Store) Interaction(ctx context.Context, id uuid.UUID) (crm.Interaction, error) {
	if err := s.require(authz.ViewInteraction); err != nil {
		return crm.Interaction{}, err
	}
	i, err := one[crm.Interaction](ctx, s.db.pool, s.interactionQuery(), s.args(pgx.NamedArgs{"id": id}))
	return i, notFound(err)
}

func interactionArgs(i crm.Interaction) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": i.ID, "organization": i.OrganizationID, "contact": i.ContactID, "user": i.UserID, "channel": i.Channel,
		"subject": i.Subject, "body": i.Body, "outcome": i.Outcome, "happenedAt": i.HappenedAt, "minutes": i.DurationMinutes, "direction": i.Direction,
	}
}

func interactionChange(a audit.Action, i crm.Interaction, before, after json.RawMessage) audit.Change {
	return audit.Change{
		Action: a, TargetType: audit.Interaction, TargetID: i.ID, ParentID: i.OrganizationID, Table: "interactions",
		Metadata: map[string]any{"organization_id": i.OrganizationID, "contact_id": i.ContactID, "channel": i.Channel},
		Before:   before, After: after,
	}
}

// LogInteraction saves a new interaction by the actor, once per form token. The organization, the contact and the
// attendees it names must be in view; on names which of the two the page stands for (audit.Organization or
// audit.Contact): that one out of reach is ErrNotFound, the others are Invalid. What follows from it is saved in the same
// change set; its faults stand at next_title, next_due, next_user_id and done_follow_up.
func (s *Store) LogInteraction(ctx context.Context, i crm.Interaction, on string, token uuid.NullUUID, next ...crm.Next) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	i.ID = newID()
	return s.create(ctx, audit.CreateInteraction, token, i.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		return s.logInteraction(ctx, w, i, on, next...)
	})
}

// logInteraction leaves an interaction to be inserted under its id, with the commit, and saves what follows from it.
func (s *Store) logInteraction(ctx context.Context, w *work, i crm.Interaction, on string, next ...crm.Next) ([]audit.Change, error) {
	i.Clean()
	i.UserID = s.userID()
	if err := s.checkAttached(ctx, w, i.OrganizationID, i.ContactID, on); err != nil {
		return nil, err
	}
	faults := crm.Invalid{}
	for _, err := range []error{i.Validate(), s.checkComing(ctx, w, i.AttendeeIDs())} {
		if err := faults.Join("", err); err != nil {
			return nil, err
		}
	}
	if err := holdRecords(ctx, w, i, i.AttendeeIDs()); err != nil {
		return nil, err
	}
	var ended []imaged[crm.FollowUp]
	for _, n := range next {
		more, err := s.endedBy(ctx, w, i, n.Done)
		if err := faults.Join("", err); err != nil {
			return nil, err
		}
		ended = append(ended, more...)
	}
	if err := holdActivities(ctx, w, i, i.AttendeeIDs(), ended...); err != nil {
		return nil, err
	}
	changes, err := s.endFollowUps(ctx, w, i, ended)
	if err != nil {
		return nil, err
	}
	for _, n := range next { // before the interaction, since they may have faults too
		more, err := s.follow(ctx, w, i, n)
		if err := faults.Join("", err); err != nil {
			return nil, err
		}
		changes = append(changes, more...)
	}
	if err := faults.Err(); err != nil {
		return nil, err
	}
	err = s.insertLast(w, interactionChange(audit.CreateInteraction, i, nil, nil), `
		INSERT INTO interactions AS i (id, organization_id, contact_id, user_id, channel, subject, body, outcome, happened_at, duration_minutes, direction)
		VALUES (@id, @organization, @contact, @user, @channel, @subject, nullif(@body, ''), nullif(@outcome, ''), @happenedAt, @minutes, nullif(@direction, ''))
		RETURNING audit_image(to_jsonb(i)) AS image`, interactionArgs(i))
	if err == nil && len(i.AttendeeIDs()) > 0 {
		err = s.insertLast(w, attendeeChange(audit.AddAttendee, i, nil, nil), insertAttendees, pgx.NamedArgs{"id": i.ID, "contacts": i.AttendeeIDs()})
	}
	return changes, err
}

// checkAttached makes sure that the records an interaction or a follow-up names are in view.
func (s *Store) checkAttached(ctx context.Context, w *work, organization, contact uuid.NullUUID, on string) error {
	type seen struct{ Organization, Contact bool }
	found, err := one[seen](ctx, w, `SELECT
		EXISTS (SELECT 1 FROM organizations o WHERE o.id = @organization AND `+s.organizationScope(authz.ViewClient, "o")+`) AS organization,
		EXISTS (SELECT 1 FROM contacts c WHERE c.id = @contact AND `+s.contactScope(authz.ViewClient, "c")+`) AS contact`,
		s.args(pgx.NamedArgs{"organization": organization, "contact": contact}))
	switch {
	case err != nil:
		return err
	case organization.Valid && !found.Organization && on == audit.Organization,
		contact.Valid && !found.Contact && on == audit.Contact:
		return crm.ErrNotFound
	case organization.Valid && !found.Organization:
		return crm.Fault("organization_id", "There is no such organization.")
	case contact.Valid && !found.Contact:
		return crm.Fault("contact_id", "There is no such contact.")
	}
	return nil
}

func (s *Store) lockInteraction(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.Interaction], error) {
	type row struct {
		crm.Interaction
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+interactionColumns+`, audit_image(to_jsonb(i)) AS image FROM interactions i
		WHERE i.id = @id AND `+s.interactionScope(authz.EditInteraction, "i")+` FOR UPDATE`, s.args(pgx.NamedArgs{"id": id}))
	return imaged[crm.Interaction]{r.Interaction, r.Image}, notFound(err)
}

// UpdateInteraction saves what an interaction says, read at i.Version, and who attended; whom it belongs to stays, and so
// do attendees whom the actor may not see. The earlier text stays in the history. It returns ErrConflict, ErrUnchanged
// or ErrNotFound like other updates.
func (s *Store) UpdateInteraction(ctx context.Context, i crm.Interaction) (Saved, error) {
	if err := s.require(authz.ViewInteraction, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateInteraction, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockInteraction(ctx, w, i.ID)
		if err != nil {
			return nil, err
		}
		i.OrganizationID, i.ContactID, i.UserID = was.Record.OrganizationID, was.Record.ContactID, was.Record.UserID
		i.Clean()
		if err := i.Validate(); err != nil {
			return nil, err
		}
		if was.Record.Version != i.Version {
			return nil, crm.ErrConflict
		}
		return s.saveInteraction(ctx, w, was, i)
	})
	return Saved{i.ID, cs}, err
}

// saveInteraction writes the row and the attendees where they differ; ErrUnchanged where neither does.
func (s *Store) saveInteraction(ctx context.Context, w *work, was imaged[crm.Interaction], i crm.Interaction) ([]audit.Change, error) {
	come, gone, err := s.attendance(ctx, w, i)
	if err != nil {
		return nil, err
	}
	after, err := scalar[json.RawMessage](ctx, w, `
		UPDATE interactions i SET channel = @channel, subject = @subject, body = nullif(@body, ''), outcome = nullif(@outcome, ''),
			happened_at = @happenedAt, duration_minutes = @minutes, direction = nullif(@direction, ''), version = version + 1
		WHERE id = @id RETURNING audit_image(to_jsonb(i))`, interactionArgs(i)) // moves the version even where only attendees changed
	if err != nil {
		return nil, err
	}
	var changes []audit.Change
	if unchanged(was.Image, after) == nil {
		changes = append(changes, interactionChange(audit.UpdateInteraction, i, was.Image, after))
	}
	removed, err := removeAttendees(ctx, w, i, gone)
	if err != nil {
		return nil, err
	}
	added, err := addAttendees(ctx, w, i, come)
	if err != nil {
		return nil, err
	}
	if changes = slices.Concat(changes, removed, added); len(changes) == 0 {
		return nil, crm.ErrUnchanged
	}
	return changes, nil
}

// ErrNotAuthor says that only the author or someone with ManageUsers may delete an interaction.
var ErrNotAuthor = errors.New("only its author may delete an interaction")

// MayDelete reports whether the actor may delete interactions of this author.
func (s *Store) MayDelete(author uuid.NullUUID) bool {
	return s.actor.May(authz.ManageUsers) || author.Valid && author == s.userID()
}

// DeleteInteraction removes an interaction; Undo brings it back. The Saved names what it belonged to: its
// organization, else its contact.
func (s *Store) DeleteInteraction(ctx context.Context, id uuid.UUID) (Saved, error) {
	if err := s.require(authz.ViewInteraction, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.DeleteInteraction, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockInteraction(ctx, w, id)
		if err != nil {
			return nil, err
		}
		if !s.MayDelete(was.Record.UserID) {
			return nil, ErrNotAuthor
		}
		if err := s.stands(was.Record.Version); err != nil {
			return nil, err
		}
		attendees, err := clearAttendees(ctx, w, was.Record)
		if err != nil {
			return nil, err
		}
		_, err = w.Exec(ctx, `DELETE FROM interactions WHERE id = @id`, pgx.NamedArgs{"id": id})
		return append(attendees, interactionChange(audit.DeleteInteraction, was.Record, was.Image, nil)), err
	})
	return Saved{id, cs}, err
}
