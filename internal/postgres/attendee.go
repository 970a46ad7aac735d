package postgres

import (
	"context"
	"encoding/json"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Attendees are rows of their own, but part of their interaction: its writes below write them, its change set has their
// audit rows, and its undo brings them back.

// attendees is the SQL of those at interaction i whom the reader may see, by name, as one JSON array.
func (s *Store) attendees() string {
	return `coalesce((SELECT jsonb_agg(jsonb_build_object('ContactID', xc.id, 'Name', xc.first_name || ' ' || xc.last_name)
			ORDER BY xc.last_name` + icu + `, xc.first_name` + icu + `, xc.id)
		FROM interaction_contacts x JOIN contacts xc ON xc.id = x.contact_id
		WHERE x.interaction_id = i.id AND ` + s.contactScope(authz.ViewClient, "xc") + `), '[]')`
}

func errNoAttendee() error { return crm.Fault("attendee_id", "There is no such contact.") }

// MaxAttendable bounds the people whom a form offers as attendees.
const MaxAttendable = 100

// Attendable returns whom a form for an interaction may offer as attendees, at most MaxAttendable: first whoever of more is in
// view, then by name the people of its organization, or, where it has none, of its contact's organizations. Those who
// have left come last; the contact itself is never among them.
func (s *Store) Attendable(ctx context.Context, organization, contact uuid.NullUUID, more ...uuid.UUID) ([]crm.Attendee, error) {
	if err := s.require(authz.ViewClient); err != nil {
		return nil, err
	}
	places := `SELECT @organization::uuid AS id`
	if !organization.Valid {
		places = `SELECT h.organization_id AS id FROM organization_contact h WHERE h.contact_id = @contact ORDER BY h.organization_id LIMIT 20`
	}
	if more == nil {
		more = emptyIDs
	}
	return many[crm.Attendee](ctx, s.db.pool, `SELECT c.id AS contact_id, c.first_name || ' ' || c.last_name AS name
		FROM (SELECT k.id, bool_and(k.former) AS former, bool_or(k.given) AS given FROM (
				SELECT l.contact_id AS id, l.relationship_status IS NOT DISTINCT FROM 'Former' AS former, FALSE AS given
				FROM (`+places+`) h JOIN organizations o ON o.id = h.id JOIN organization_contact l ON l.organization_id = o.id
				WHERE `+s.organizationScope(authz.ViewClient, "o")+`
				UNION ALL SELECT id, FALSE, TRUE FROM unnest(@more::uuid[]) m(id)) k GROUP BY k.id) k
			JOIN contacts c ON c.id = k.id
		WHERE c.id IS DISTINCT FROM @contact::uuid AND (k.given OR c.is_active) AND `+s.contactScope(authz.ViewClient, "c")+`
		ORDER BY NOT k.given, k.former, c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT @most`,
		s.args(pgx.NamedArgs{"organization": organization, "contact": contact, "more": more, "most": MaxAttendable}))
}

// attendance compares who shall be at an interaction with who is: who comes and who goes, and takes the locks for both. An
// attendee out of the actor's view stays, and one who is to come must be in it.
func (s *Store) attendance(ctx context.Context, w *work, i crm.Interaction) (come, gone []uuid.UUID, err error) {
	type row struct {
		ContactID uuid.UUID
		Seen      bool
	}
	present, err := many[row](ctx, w, `SELECT c.id AS contact_id, coalesce(`+s.contactScope(authz.ViewClient, "c")+`, FALSE) AS seen
		FROM interaction_contacts x JOIN contacts c ON c.id = x.contact_id WHERE x.interaction_id = @id`, s.args(pgx.NamedArgs{"id": i.ID}))
	if err != nil {
		return nil, nil, err
	}
	var all, seen []uuid.UUID
	for _, r := range present {
		all = append(all, r.ContactID)
		if r.Seen {
			seen = append(seen, r.ContactID)
		}
	}
	wanted := i.AttendeeIDs()
	except := func(from, these []uuid.UUID) []uuid.UUID {
		return slices.DeleteFunc(slices.Clone(from), func(id uuid.UUID) bool { return slices.Contains(these, id) })
	}
	come, gone = except(wanted, seen), except(seen, wanted)
	if err := s.checkComing(ctx, w, come); err != nil {
		return nil, nil, err
	}
	if n := len(all) + len(come) - len(gone); n > crm.MaxAttendees { // also of those whom the actor does not see
		return nil, nil, crm.Fault("attendee_id", "At most %d people; these are %d.", crm.MaxAttendees, n)
	}
	return come, gone, holdAttendance(ctx, w, i, slices.Concat(all, come))
}

// checkComing makes sure that contacts are in view.
func (s *Store) checkComing(ctx context.Context, w *work, contacts []uuid.UUID) error {
	if len(contacts) == 0 {
		return nil
	}
	if s.actor.Missing(authz.ViewClient) != "" {
		return errNoAttendee()
	}
	found, err := scalar[int](ctx, w, `SELECT count(*) FROM contacts c WHERE c.id = ANY(@contacts) AND `+s.contactScope(authz.ViewClient, "c"),
		s.args(pgx.NamedArgs{"contacts": contacts}))
	if err == nil && found != len(contacts) {
		err = errNoAttendee()
	}
	return err
}

// holdAttendance takes the locks of an interaction and its attendees: the interaction's row and theirs are written by
// statements of their own, and what their triggers lock each by itself could meet the locks of another writer in a
// circle. The order is that of all writers: records before activities, organizations before contacts, each by id. Where
// something else is locked in between, as a follow-up is, its two halves stand for it.
func holdAttendance(ctx context.Context, w *work, i crm.Interaction, attendees []uuid.UUID) error {
	return hold(ctx, w, clientsOf(i, attendees), slices.Concat(holdingRecords, holdingActivities)...)
}

func holdRecords(ctx context.Context, w *work, i crm.Interaction, attendees []uuid.UUID) error {
	return hold(ctx, w, clientsOf(i, attendees), holdingRecords...)
}

// holdActivities takes the second half of the locks, with those that the follow-ups take which end with the interaction.
func holdActivities(ctx context.Context, w *work, i crm.Interaction, attendees []uuid.UUID, ended ...imaged[crm.FollowUp]) error {
	c := clientsOf(i, attendees)
	for n, f := range ended {
		if n == 0 && len(attendees) == 0 {
			c = clients{organizations: []uuid.UUID{}, contacts: []uuid.UUID{}}
			c.add(i.OrganizationID, i.ContactID)
		}
		c.add(f.Record.OrganizationID, f.Record.ContactID)
	}
	return hold(ctx, w, c, holdingActivities...)
}

var (
	holdingRecords = []string{
		`SELECT FROM organizations WHERE id = ANY(@organizations::uuid[]) ORDER BY id FOR KEY SHARE`,
		`SELECT FROM contacts WHERE id = ANY(@contacts::uuid[]) ORDER BY id FOR KEY SHARE`,
	}
	holdingActivities = []string{
		`SELECT FROM organization_activity WHERE organization_id = ANY(@organizations::uuid[]) ORDER BY organization_id FOR NO KEY UPDATE`,
		`SELECT FROM contact_activity WHERE contact_id = ANY(@contacts::uuid[]) ORDER BY contact_id FOR NO KEY UPDATE`,
	}
)

// clients are the records whose locks interactions with attendees take.
type clients struct{ organizations, contacts []uuid.UUID }

// clientsOf are none where nobody attends: then one statement writes it all, and the triggers keep the order.
func clientsOf(i crm.Interaction, attendees []uuid.UUID) clients {
	if len(attendees) == 0 {
		return clients{}
	}
	c := clients{organizations: []uuid.UUID{}, contacts: slices.Clone(attendees)}
	c.add(i.OrganizationID, i.ContactID)
	return c
}

func (c *clients) add(organization, contact uuid.NullUUID) {
	if organization.Valid {
		c.organizations = append(c.organizations, organization.UUID)
	}
	if contact.Valid {
		c.contacts = append(c.contacts, contact.UUID)
	}
}

// hold runs statements that lock, in one round trip.
func hold(ctx context.Context, w *work, c clients, statements ...string) error {
	if len(c.organizations)+len(c.contacts) == 0 {
		return nil
	}
	b := &batch{}
	for _, sql := range statements {
		b.Queue(sql, named{"organizations": c.organizations, "contacts": c.contacts})
	}
	return w.send(ctx, &b.Batch)
}

// attendeeChange is the audit row of one attendee. Its metadata say whose interaction it is: the image does not, and
// the interaction may be gone by the time somebody reads it.
func attendeeChange(a audit.Action, i crm.Interaction, before, after json.RawMessage) audit.Change {
	return audit.Change{
		Action: a, TargetType: audit.Interaction, TargetID: i.ID, ParentID: i.OrganizationID, Table: "interaction_contacts",
		Metadata: map[string]any{"organization_id": i.OrganizationID, "contact_id": i.ContactID, "user_id": i.UserID},
		Before:   before, After: after,
	}
}

const insertAttendees = `INSERT INTO interaction_contacts AS x (interaction_id, contact_id)
	SELECT @id, c FROM unnest(@contacts::uuid[]) c RETURNING audit_image(to_jsonb(x)) AS image`

func addAttendees(ctx context.Context, w *work, i crm.Interaction, contacts []uuid.UUID) ([]audit.Change, error) {
	if len(contacts) == 0 {
		return nil, nil
	}
	images, err := column[json.RawMessage](ctx, w, insertAttendees, pgx.NamedArgs{"id": i.ID, "contacts": contacts})
	changes := make([]audit.Change, len(images))
	for n, image := range images {
		changes[n] = attendeeChange(audit.AddAttendee, i, nil, image)
	}
	return changes, err
}

func removeAttendees(ctx context.Context, w *work, i crm.Interaction, contacts []uuid.UUID) ([]audit.Change, error) {
	if len(contacts) == 0 {
		return nil, nil
	}
	images, err := column[json.RawMessage](ctx, w, `DELETE FROM interaction_contacts x WHERE x.interaction_id = @id AND x.contact_id = ANY(@contacts::uuid[])
		RETURNING audit_image(to_jsonb(x))`, pgx.NamedArgs{"id": i.ID, "contacts": contacts})
	changes := make([]audit.Change, len(images))
	for n, image := range images {
		changes[n] = attendeeChange(audit.RemoveAttendee, i, image, nil)
	}
	return changes, err
}

// clearAttendees removes everybody from an interaction that is about to go.
func clearAttendees(ctx context.Context, w *work, i crm.Interaction) ([]audit.Change, error) {
	all, err := column[uuid.UUID](ctx, w, `SELECT x.contact_id FROM interaction_contacts x WHERE x.interaction_id = @id`, pgx.NamedArgs{"id": i.ID})
	if err != nil {
		return nil, err
	}
	if err := holdAttendance(ctx, w, i, all); err != nil {
		return nil, err
	}
	return removeAttendees(ctx, w, i, all)
}
