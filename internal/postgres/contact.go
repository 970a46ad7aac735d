package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const contactColumns = `c.id, c.first_name, c.last_name, coalesce(c.email, '') AS email, coalesce(c.phone, '') AS phone,
	coalesce(c.mobile, '') AS mobile, coalesce(c.job_title, '') AS job_title, c.owner_user_id, c.is_active, c.version,
	c.created_at, c.updated_at`

func contactArgs(c crm.Contact) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": c.ID, "firstName": c.FirstName, "lastName": c.LastName, "email": c.Email, "phone": c.Phone,
		"mobile": c.Mobile, "jobTitle": c.JobTitle, "owner": c.OwnerUserID,
	}
}

var contactsByName = order{columns: []string{"c.last_name" + icu, "c.first_name" + icu, "c.id"}, types: []string{"text", "text"}}

// contactOrders are the orders of the list that one index walks.
var contactOrders = map[crm.SortKey]order{
	crm.ByName:        contactsByName,
	crm.ByNewest:      {columns: []string{"c.created_at", "c.id"}, types: []string{"timestamptz"}, desc: true},
	crm.ByEmail:       {columns: []string{"coalesce(c.email, '')", "c.id"}, types: []string{"text"}},
	crm.ByPhone:       {columns: []string{"coalesce(c.phone, c.mobile, '')", "c.id"}, types: []string{"text"}},
	crm.ByMobile:      {columns: []string{"coalesce(c.mobile, '')", "c.id"}, types: []string{"text"}},
	crm.ByTitle:       {columns: slices.Concat([]string{"coalesce(c.job_title, '')" + icu}, contactsByName.columns), types: []string{"text", "text", "text"}},
	crm.ByRole:        contactsByRole,
	crm.ByLastContact: {columns: []string{"a.last_contact_at", "a.contact_id"}, types: []string{"timestamptz"}},
	crm.ByTouch:       {columns: []string{"a.next_touch_at", "a.contact_id"}, types: []string{"timestamptz"}},
	crm.ByNext: {
		columns: []string{"a.next_follow_up_at", "a.last_contact_at", "a.contact_id"}, types: []string{"timestamptz", "timestamptz"},
		sparse: &sparse{"a.next_follow_up_at < 'infinity'", "a.next_follow_up_at = 'infinity'"},
	},
}

// ownerColumns sort by the owner's name where no walk from person to person is possible: contacts in reach through
// an organization have owners out of it. Those in reach are sorted, all of them.
var ownerColumns = order{columns: []string{"(w.id IS NULL)::int", "coalesce(w.name, '')" + icu, "coalesce(w.id, '00000000-0000-0000-0000-000000000000')"}, types: []string{"int", "text", "uuid"}}

// contactsByRole goes by the role that the list shows to whoever reaches all organizations.
var contactsByRole = order{
	columns: []string{"a.role" + icu, "a.last_name" + icu, "a.first_name" + icu, "a.contact_id"}, types: []string{"text", "text", "text"},
	kept:   "first_roles a JOIN contacts c ON c.id = a.contact_id",
	sparse: &sparse{"a.role" + icu + " > ''", "a.role" + icu + " = ''"},
}

// byRole reports whether the list is sorted by the roles that are kept.
func (l *list) byRole() bool { return l.order.kept == contactsByRole.kept }

// gatherRoles sorts all that are in reach by the role that the reader is shown, if that is the list's order. Which of a
// person's organizations is the first depends on the reader's reach, and on the organization the list is narrowed to.
func (s *Store) gatherRoles(l *list) {
	if !l.byRole() {
		return
	}
	none := "(" + shownRole + " = '')::int"
	if l.order.desc { // which comes first, either way
		none = "-" + none
	}
	l.table, l.owner, l.groups = "contacts c"+s.withRole(), "c.owner_user_id", nil
	l.order = order{
		columns: slices.Concat([]string{none, shownRole + icu}, contactsByName.columns), types: []string{"int", "text", "text", "text"}, desc: l.order.desc,
	}
}

// withRole joins the organization of which shownRole is told.
func (s *Store) withRole() string {
	return " LEFT JOIN LATERAL (" + s.firstOrganization("l.role_label") + ") p ON TRUE"
}

// shownRole is what the list shows as the role of contact c, with p as firstOrganization finds it.
const shownRole = `coalesce(nullif(p.role_label, ''), c.job_title, '')`

// firstOrganization is the SQL of the organization in reach that stands for all of contact c: the one asked for, if any,
// else one they have not left, and active, before others, by name. In another order first_roles would have the wrong role.
func (s *Store) firstOrganization(columns string) string {
	return `SELECT ` + columns + `
		FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
		WHERE l.contact_id = c.id AND ` + s.organizationScope(authz.ViewClient, "o") + `
		ORDER BY o.id IS DISTINCT FROM @organization::uuid, l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id LIMIT 1`
}

// contactList is the page of the list with each person's first organization in reach, which is the one asked for, if
// any, and how many more there are.
func (s *Store) contactList() string {
	return `
	SELECT ` + contactColumns + `, coalesce(u.name, '') AS owner_name, p.id AS organization_id,
		coalesce(p.display_name, '') AS organization_name, coalesce(p.role_label, '') AS role_label,
		greatest(coalesce(p.n, 0) - 1, 0) AS more_count, ` + s.lastContact("ca") + ` AS last_contact, ` + s.nextTouch("ca") + ` AS next_touch_at, ` + nextColumns + `, %place
	FROM (%keys) k JOIN contacts c ON c.id = k.id LEFT JOIN users u ON u.id = c.owner_user_id
	LEFT JOIN contact_activity ca ON ca.contact_id = c.id
	LEFT JOIN LATERAL (` + s.firstOrganization("o.id, o.display_name, l.role_label, count(*) OVER () AS n") + `) p ON TRUE` + s.nextFollowUp("f.contact_id", "ca.contact_id", "ca")
}

type contactRow struct {
	crm.ContactRow
	LastContact *time.Time
	place
}

// Contacts returns a page of the contacts in reach. A malformed place in the list, an unknown order, and one
// that tells of interactions the actor may not see are Invalid.
func (s *Store) Contacts(ctx context.Context, f crm.ContactFilter) (crm.Listing[crm.ContactRow], error) {
	if err := s.require(authz.ViewClient); err != nil {
		return crm.Listing[crm.ContactRow]{}, err
	}
	l, args, err := s.listContacts(ctx, f)
	if err != nil {
		return crm.Listing[crm.ContactRow]{}, err
	}
	return readList(ctx, s, l, f.Page, f.Query == "", args, func(r contactRow) (crm.ContactRow, place) {
		r.ContactRow.LastContactAt = moment(r.LastContact)
		return r.ContactRow, r.place
	})
}

// listContacts prepares a list, with the arguments of its filters.
func (s *Store) listContacts(ctx context.Context, f crm.ContactFilter) (list, pgx.NamedArgs, error) {
	args := ownerArgs(f.Owner)
	maps.Copy(args, pgx.NamedArgs{
		"days": f.Silence.OlderThan + f.Silence.Within, "organization": f.OrganizationID, "role": f.Role, "relationship": f.RelationshipStatus, "picked": f.Picked,
	})
	l, err := s.contactsOf(f, args)
	if err == nil {
		err = s.planContacts(ctx, &l, f)
	}
	return l, args, err
}

// contactsOf puts the list together, all but the way to its rows.
func (s *Store) contactsOf(f crm.ContactFilter, args pgx.NamedArgs) (list, error) {
	related := f.OrganizationID.Valid || f.Role != "" || f.RelationshipStatus != ""
	l := list{
		table: "contacts c", id: "c.id", owner: "c.owner_user_id", active: "c.is_active", scope: s.contactScope(authz.ViewClient, "c"),
		activity: "contact_activity a JOIN contacts c ON c.id = a.contact_id" + bounded(f.Touch),
		order:    contactsByName, orders: contactOrders, people: crm.ByOwner,
		outer:  s.contactList(),
		custom: f.Query != "" || related || f.HasEmail != "" || f.HasPhone != "" || !f.Silence.IsZero() || f.Touch != "" || f.Picked != nil,
	}
	l.filterStatus(f.Status)
	l.filterOwner(f.Owner, l.owner, s.ownerWithin(authz.ViewClient, "w.id"))
	l.filter(related, s.relatedClause(f))
	l.filter(f.HasEmail == crm.Present, "c.email IS NOT NULL")
	l.filter(f.HasEmail == crm.Absent, "c.email IS NULL")
	l.filter(f.HasPhone == crm.Present, "(c.phone IS NOT NULL OR c.mobile IS NOT NULL)")
	l.filter(f.HasPhone == crm.Absent, "c.phone IS NULL AND c.mobile IS NULL")
	l.filter(!f.Silence.IsZero(), "EXISTS (SELECT 1 FROM contact_activity h WHERE h.contact_id = c.id AND "+silent(f.Silence, "h.last_contact_at")+")")
	l.filter(f.Touch != "", "EXISTS (SELECT 1 FROM contact_activity h WHERE h.contact_id = c.id AND "+due(f.Touch, "h.next_touch_at")+")")
	l.filter(f.Picked != nil, "c.id = ANY(@picked::uuid[])")
	switch q := crm.ParseQuery(f.Query); {
	case f.Similar:
		l.filterAlike(q, "contacts x", s.contactScope(authz.ViewClient, "x"), args)
	case f.Query != "":
		l.filter(true, matchContacts("c.search_text", q, args))
	}
	return l, s.sort(&l, f.Sort, f.Status, f.Silence, f.Touch)
}

// relatedClause returns the condition that one relationship in reach has all that the filter asks of it.
func (s *Store) relatedClause(f crm.ContactFilter) string {
	related := "EXISTS (SELECT 1 FROM organization_contact fl JOIN organizations fo ON fo.id = fl.organization_id WHERE fl.contact_id = c.id AND " +
		s.organizationScope(authz.ViewClient, "fo")
	if f.OrganizationID.Valid {
		related += " AND fl.organization_id = @organization::uuid"
	}
	if f.Role != "" {
		related += " AND fl.role_label = @role"
	}
	if f.RelationshipStatus != "" {
		related += " AND fl.relationship_status = @relationship"
	}
	if !f.OrganizationID.Valid && s.actor.Reach(authz.ViewClient) != authz.All {
		related += rowByRow // else everybody in that role is gathered first, in reach or not
	}
	return related + ")"
}

// ContactPage is everything a contact's page shows.
type ContactPage struct {
	Contact       crm.Contact
	Organizations []crm.Relationship // those in reach
	Past          []crm.Period       // relationships that ended, newest first, at most 50
	Timeline      crm.Timeline       // without ViewInteraction no interactions, only changes
	FollowUps     []crm.FollowUp     // the open ones, the first one due first, at most 50; empty without ViewInteraction
	History       []crm.Change       // the latest changes of its own facts and links, at most 10
	Neighbours    Neighbours         // in the list that was given, if any
}

// ContactPage returns a contact in reach with what belongs to it, in one round trip, or two
// when its history names people. Its neighbours are as in OrganizationPage.
func (s *Store) ContactPage(ctx context.Context, id uuid.UUID, view crm.TimelineView, in ...crm.ContactFilter) (ContactPage, error) {
	var p ContactPage
	if err := s.require(authz.ViewClient); err != nil {
		return p, err
	}
	b := s.ofRecord(authz.ViewClient, len(in) > 0)
	var near *among
	for _, f := range in {
		l, listArgs, err := s.listContacts(ctx, f)
		if near, err = queueAmong(s, b, l, f.Page, listArgs, err); err != nil {
			return p, err
		}
	}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &p.Contact, s.contactQuery(), args)
	queueMany(b, &p.Organizations, s.organizationsOfContactQuery(), args)
	queueMany(b, &p.Past, s.pastOrganizationsQuery(), args)
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &p.FollowUps, s.openFollowUpsQuery("f.contact_id"), args)
	}
	told, err := s.queueTimeline(b, view, audit.Contact, args)
	if err != nil {
		return p, err
	}
	latest := view.Kind.HasChanges() && view.From.Change == 0
	if !latest {
		s.queueHistory(b, &p.History, audit.Contact, args)
	}
	if err := b.send(ctx, s.db); err != nil {
		return p, notFound(translate(err))
	}
	if p.Timeline = told.timeline(); latest {
		p.History = told.history()
	}
	if p.Neighbours, err = s.readAmong(ctx, near, id); err != nil {
		return p, err
	}
	return p, s.nameIDs(ctx, slices.Concat(p.History, told.changes))
}

func (s *Store) contactQuery() string {
	return `SELECT ` + contactColumns + `, coalesce(u.name, '') AS owner_name, coalesce(ut.name, '') AS owner_team, coalesce(` + s.contactScope(authz.EditClient, "c") + `, FALSE) AS may_edit,
			` + s.nextTouch("a") + ` AS next_touch_at
		FROM contacts c LEFT JOIN users u ON u.id = c.owner_user_id LEFT JOIN teams ut ON ut.id = u.team_id LEFT JOIN contact_activity a ON a.contact_id = c.id
		WHERE c.id = @id AND ` + s.contactScope(authz.ViewClient, "c")
}

// Contact returns a contact in reach.
func (s *Store) Contact(ctx context.Context, id uuid.UUID) (crm.Contact, error) {
	if err := s.require(authz.ViewClient); err != nil {
		return crm.Contact{}, err
	}
	c, err := one[crm.Contact](ctx, s.db.pool, s.contactQuery(), s.args(pgx.NamedArgs{"id": id}))
	return c, notFound(err)
}

// The address is lowered by the database, and only there: Go and PostgreSQL differ on some letters.
const insertContact = `
	INSERT INTO contacts AS c (id, first_name, last_name, email, phone, mobile, job_title, owner_user_id)
	VALUES (@id, @firstName, @lastName, nullif(lower(@email), ''), nullif(@phone, ''), nullif(@mobile, ''), nullif(@jobTitle, ''), @owner)
	RETURNING audit_image(to_jsonb(c))`

// CreateContact saves a new contact, once per form token. An empty owner becomes the creator unless their
// reach is all; an owner out of reach and an address in use are Invalid.
func (s *Store) CreateContact(ctx context.Context, c crm.Contact, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.EditClient); err != nil {
		return Saved{}, err
	}
	c.Clean()
	if err := c.Validate(); err != nil {
		return Saved{}, err
	}
	c.ID, c.OwnerUserID = newID(), s.ownerOnCreate(c.OwnerUserID)
	return s.create(ctx, audit.CreateContact, token, c.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := s.checkOwner(ctx, w, c.OwnerUserID); err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, insertContact, contactArgs(c))
		return []audit.Change{contactChange(audit.CreateContact, c.ID, nil, after)}, err
	})
}

func contactChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.Contact, TargetID: id, Table: "contacts", Before: before, After: after}
}

func (s *Store) lockContact(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.Contact], error) {
	type row struct {
		crm.Contact
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+contactColumns+`, audit_image(to_jsonb(c)) AS image FROM contacts c
		WHERE c.id = @id AND `+s.contactScope(authz.EditClient, "c")+` FOR UPDATE`, s.args(pgx.NamedArgs{"id": id}))
	return imaged[crm.Contact]{r.Contact, r.Image}, notFound(err)
}

// UpdateContact saves a contact that was read at c.Version. It returns ErrConflict when it was changed
// since, ErrUnchanged when there is nothing to save, ErrNotFound out of reach.
func (s *Store) UpdateContact(ctx context.Context, c crm.Contact) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	c.Clean()
	invalid := c.Validate()
	cs, err := s.write(ctx, audit.UpdateContact, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockContact(ctx, w, c.ID)
		switch {
		case err != nil:
			return nil, err
		case invalid != nil:
			return nil, invalid
		case was.Record.Version != c.Version:
			return nil, crm.ErrConflict
		}
		if c.OwnerUserID != was.Record.OwnerUserID {
			if err := s.checkContactOwner(ctx, w, c); err != nil {
				return nil, err
			}
		}
		after, err := scalar[json.RawMessage](ctx, w, `
			UPDATE contacts c SET first_name = @firstName, last_name = @lastName, email = nullif(lower(@email), ''),
				phone = nullif(@phone, ''), mobile = nullif(@mobile, ''), job_title = nullif(@jobTitle, ''), owner_user_id = @owner,
				version = version + 1, updated_at = now()
			WHERE id = @id RETURNING audit_image(to_jsonb(c))`, contactArgs(c))
		if err == nil {
			err = unchanged(was.Image, after)
		}
		return []audit.Change{contactChange(audit.UpdateContact, c.ID, was.Image, after)}, err
	})
	return Saved{c.ID, cs}, err
}

// checkContactOwner is checkOwner for a person who may stay in reach through an organization.
func (s *Store) checkContactOwner(ctx context.Context, w *work, c crm.Contact) error {
	if s.actor.Within(s.ownerReach(), c.OwnerUserID) {
		return s.checkOwner(ctx, w, c.OwnerUserID)
	}
	linked, err := s.reachedThroughOrganization(ctx, w, c.ID, uuid.Nil)
	if err != nil {
		return err
	}
	if !linked {
		return errOwnerOutOfReach()
	}
	return s.checkWorksHere(ctx, w, "owner_user_id", c.OwnerUserID)
}

// reachedThroughOrganization reports whether a contact is linked to an organization within edit reach other
// than the excepted one.
func (s *Store) reachedThroughOrganization(ctx context.Context, w *work, contact, except uuid.UUID) (bool, error) {
	return scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
		WHERE l.contact_id = @contact AND l.organization_id <> @except AND `+s.organizationScope(authz.EditClient, "o")+`)`,
		s.args(pgx.NamedArgs{"contact": contact, "except": except}))
}

// SetContactActive archives or restores a contact; ErrUnchanged when it is so already.
func (s *Store) SetContactActive(ctx context.Context, id uuid.UUID, active bool) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	action := audit.ArchiveContact
	if active {
		action = audit.RestoreContact
	}
	cs, err := s.write(ctx, action, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockContact(ctx, w, id)
		if err != nil {
			return nil, err
		}
		if was.Record.IsActive == active {
			return nil, crm.ErrUnchanged
		}
		if err := s.stands(was.Record.Version); err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, `
			UPDATE contacts c SET is_active = @active, version = version + 1, updated_at = now()
			WHERE id = @id RETURNING audit_image(to_jsonb(c))`, pgx.NamedArgs{"id": id, "active": active})
		return []audit.Change{contactChange(action, id, was.Image, after)}, err
	})
	return Saved{id, cs}, err
}
