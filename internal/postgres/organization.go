package postgres

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const organizationColumns = `o.id, o.legal_name, o.display_name, coalesce(o.website, '') AS website, coalesce(o.sector, '') AS sector,
	coalesce(o.size_band, '') AS size_band, coalesce(o.tax_id, '') AS tax_id, o.owner_user_id, o.is_active, o.version,
	o.created_at, o.updated_at, ` + organizationTouchColumns

func organizationArgs(o crm.Organization) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": o.ID, "legalName": o.LegalName, "displayName": o.DisplayName, "website": o.Website, "sector": o.Sector,
		"sizeBand": o.SizeBand, "taxID": o.TaxID, "owner": o.OwnerUserID,
		"touchGiven": o.TouchGiven, "touchEvery": o.TouchEveryDays, "touchUntil": o.TouchSnoozedUntil, "touchReason": o.TouchSnoozeReason,
	}
}

// sectorKey and sizeKey are the columns as lists filter and sort by them: never NULL, which no keyset can pass.
// Sizes sort as people count.
const (
	sectorKey = `coalesce(o.sector, '')` + icu
	sizeKey   = `coalesce(o.size_band, '')` + natural
)

var organizationsByName = order{columns: []string{"o.display_name" + icu, "o.id"}, types: []string{"text"}}

// organizationOrders are the orders of the list that one index walks.
var organizationOrders = map[crm.SortKey]order{
	crm.ByName:        organizationsByName,
	crm.ByNewest:      {columns: []string{"o.created_at", "o.id"}, types: []string{"timestamptz"}, desc: true},
	crm.BySector:      {columns: []string{sectorKey, "o.display_name" + icu, "o.id"}, types: []string{"text", "text"}},
	crm.ByWebsite:     {columns: []string{"coalesce(o.website, '')", "o.display_name" + icu, "o.id"}, types: []string{"text", "text"}},
	crm.ByTaxID:       {columns: []string{"coalesce(o.tax_id, '')", "o.display_name" + icu, "o.id"}, types: []string{"text", "text"}},
	crm.BySize:        {columns: []string{sizeKey, "o.display_name" + icu, "o.id"}, types: []string{"text", "text"}},
	crm.ByLastContact: {columns: []string{"a.last_contact_at", "a.organization_id"}, types: []string{"timestamptz"}},
	crm.ByTouch:       {columns: []string{"a.next_touch_at", "a.organization_id"}, types: []string{"timestamptz"}},
	crm.ByNext: {
		columns: []string{"a.next_follow_up_at", "a.last_contact_at", "a.organization_id"}, types: []string{"timestamptz", "timestamptz"},
		sparse: &sparse{"a.next_follow_up_at < 'infinity'", "a.next_follow_up_at = 'infinity'"},
	},
	crm.ByMainContact: {
		columns: []string{"a.last_name" + icu, "a.first_name" + icu, "a.organization_id"}, types: []string{"text", "text"},
		kept:   "main_contacts a JOIN organizations o ON o.id = a.organization_id",
		sparse: &sparse{"a.last_name" + icu + " > ''", "a.last_name" + icu + " = ''"},
	},
}

// organizationList is the page of the list with each organization's main contact, which the database keeps.
const organizationList = `
	SELECT ` + organizationColumns + `, coalesce(u.name, '') AS owner_name, m.contact_id AS main_contact_id,
		coalesce(CASE WHEN m.contact_id IS NOT NULL THEN m.first_name || ' ' || m.last_name END, '') AS main_contact_name, coalesce(m.role_label, '') AS main_contact_role, %last AS last_contact, %touch AS next_touch_at, ` + nextColumns + `, %place
	FROM (%keys) k JOIN organizations o ON o.id = k.id LEFT JOIN users u ON u.id = o.owner_user_id
	LEFT JOIN organization_activity oa ON oa.organization_id = o.id
	LEFT JOIN main_contacts m ON m.organization_id = o.id%next`

// organizationRow is a row as read. A last contact that never was, or that the reader may not know, is NULL.
type organizationRow struct {
	crm.OrganizationRow
	LastContact *time.Time
	place
}

// Organizations returns a page of the organizations in reach. A malformed place in the list, an unknown order,
// and one that tells of interactions the actor may not see are Invalid.
func (s *Store) Organizations(ctx context.Context, f crm.OrganizationFilter) (crm.Listing[crm.OrganizationRow], error) {
	if err := s.require(authz.ViewClient); err != nil {
		return crm.Listing[crm.OrganizationRow]{}, err
	}
	l, args, err := s.listOrganizations(ctx, f)
	if err != nil {
		return crm.Listing[crm.OrganizationRow]{}, err
	}
	return readList(ctx, s, l, f.Page, f.Query == "", args, func(r organizationRow) (crm.OrganizationRow, place) {
		r.OrganizationRow.LastContactAt = moment(r.LastContact)
		return r.OrganizationRow, r.place
	})
}

// listOrganizations prepares a list, with the arguments of its filters.
func (s *Store) listOrganizations(ctx context.Context, f crm.OrganizationFilter) (list, pgx.NamedArgs, error) {
	args := ownerArgs(f.Owner)
	maps.Copy(args, pgx.NamedArgs{
		"sector": f.Sector, "size": f.Size, "days": f.Silence.OlderThan + f.Silence.Within,
		"createdFrom": f.CreatedFrom, "createdBefore": f.CreatedBefore, "picked": f.Picked,
	})
	l, err := s.organizationsOf(f, args)
	if err == nil {
		l.arms, err = s.ownedArms(ctx, l, authz.ViewClient, f.Owner)
	}
	l.count = []arm{{from: "organizations o", where: l.scope}}
	if f.Touch != "" {
		l.count = []arm{s.touched(l, f.Owner)}
	}
	return l, args, err
}

// organizationsOf puts the list together, all but the way to its rows.
func (s *Store) organizationsOf(f crm.OrganizationFilter, args pgx.NamedArgs) (list, error) {
	l := list{
		table: "organizations o", id: "o.id", owner: "o.owner_user_id", active: "o.is_active", scope: s.organizationScope(authz.ViewClient, "o"),
		activity: "organization_activity a JOIN organizations o ON o.id = a.organization_id" + bounded(f.Touch),
		order:    organizationsByName, orders: organizationOrders, people: crm.ByOwner,
		outer:  strings.NewReplacer("%last", s.lastContact("oa"), "%touch", s.nextTouch("oa"), "%next", s.nextFollowUp("f.organization_id", "oa.organization_id", "oa")).Replace(organizationList),
		custom: f.Query != "" || f.HasContact != "" || !f.Silence.IsZero() || f.Touch != "" || !f.CreatedFrom.IsZero() || !f.CreatedBefore.IsZero() || f.Sector != "" && f.Size != "" || f.Picked != nil,
	}
	activity := func(condition string) string {
		return "EXISTS (SELECT 1 FROM organization_activity h WHERE h.organization_id = o.id AND " + condition + ")"
	}
	l.filterStatus(f.Status)
	l.filterOwner(f.Owner, l.owner, s.ownerWithin(authz.ViewClient, "w.id"))
	l.filter(f.Sector != "", sectorKey+" = @sector")
	l.filter(f.Size != "", sizeKey+" = @size")
	l.filter(f.HasContact == crm.Present, activity("h.has_contact"))
	l.filter(f.HasContact == crm.Absent, activity("NOT h.has_contact"))
	l.filter(!f.Silence.IsZero(), activity(silent(f.Silence, "h.last_contact_at")))
	l.filter(f.Touch != "", activity(due(f.Touch, "h.next_touch_at")))
	l.filter(!f.CreatedFrom.IsZero(), "o.created_at >= @createdFrom")
	l.filter(!f.CreatedBefore.IsZero(), "o.created_at < @createdBefore")
	l.filter(f.Picked != nil, "o.id = ANY(@picked::uuid[])")
	switch q := crm.ParseQuery(f.Query); {
	case f.Similar:
		l.filterAlike(q, "organizations x", s.organizationScope(authz.ViewClient, "x"), args)
	case f.Query != "":
		l.filter(true, matchOrganizations("o.search_text", q, args))
	}
	return l, s.sort(&l, f.Sort, f.Status, f.Silence, f.Touch)
}

// OrganizationPage is everything an organization's page shows.
type OrganizationPage struct {
	Organization crm.Organization
	People       []crm.Relationship
	Past         []crm.Period   // relationships that ended, newest first, at most 50
	Timeline     crm.Timeline   // without ViewInteraction no interactions, only changes
	FollowUps    []crm.FollowUp // the open ones, the first one due first, at most 50; empty without ViewInteraction
	History      []crm.Change   // the latest changes of its own facts and links, at most 10
	Neighbours   Neighbours     // in the list that was given, if any
}

// OrganizationPage returns an organization in reach with what belongs to it, in one round trip, or two
// when its history names people. A list given in in has its neighbours looked up on that page of it; one that
// cannot be has none.
func (s *Store) OrganizationPage(ctx context.Context, id uuid.UUID, view crm.TimelineView, in ...crm.OrganizationFilter) (OrganizationPage, error) {
	var p OrganizationPage
	if err := s.require(authz.ViewClient); err != nil {
		return p, err
	}
	b := s.ofRecord(authz.ViewClient, len(in) > 0)
	var near *among
	for _, f := range in {
		l, listArgs, err := s.listOrganizations(ctx, f)
		if near, err = queueAmong(s, b, l, f.Page, listArgs, err); err != nil {
			return p, err
		}
	}
	args := s.args(pgx.NamedArgs{"id": id})
	queueOne(b, &p.Organization, s.organizationQuery(), args)
	queueMany(b, &p.People, s.peopleQuery(), args)
	queueMany(b, &p.Past, s.pastPeopleQuery(), args)
	if s.actor.May(authz.ViewInteraction) {
		queueMany(b, &p.FollowUps, s.openFollowUpsQuery("f.organization_id"), args)
	}
	told, err := s.queueTimeline(b, view, audit.Organization, args)
	if err != nil {
		return p, err
	}
	latest := view.Kind.HasChanges() && view.From.Change == 0
	if !latest {
		s.queueHistory(b, &p.History, audit.Organization, args)
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

func (s *Store) organizationQuery() string {
	return `SELECT ` + organizationColumns + `, coalesce(u.name, '') AS owner_name, coalesce(ut.name, '') AS owner_team, coalesce(` + s.organizationScope(authz.EditClient, "o") + `, FALSE) AS may_edit,
			` + s.nextTouch("a") + ` AS next_touch_at
		FROM organizations o LEFT JOIN users u ON u.id = o.owner_user_id LEFT JOIN teams ut ON ut.id = u.team_id LEFT JOIN organization_activity a ON a.organization_id = o.id
		WHERE o.id = @id AND ` + s.organizationScope(authz.ViewClient, "o")
}

// Organization returns an organization in reach.
func (s *Store) Organization(ctx context.Context, id uuid.UUID) (crm.Organization, error) {
	if err := s.require(authz.ViewClient); err != nil {
		return crm.Organization{}, err
	}
	o, err := one[crm.Organization](ctx, s.db.pool, s.organizationQuery(), s.args(pgx.NamedArgs{"id": id}))
	return o, notFound(err)
}

const insertOrganization = `
	INSERT INTO organizations AS o (id, legal_name, display_name, website, sector, size_band, tax_id, owner_user_id, touch_every_days, touch_snoozed_until, touch_snooze_reason)
	VALUES (@id, @legalName, @displayName, nullif(@website, ''), nullif(@sector, ''), nullif(@sizeBand, ''), nullif(@taxID, ''), @owner,
		@touchEvery, nullif(@touchUntil, '')::date, nullif(@touchReason, ''))
	RETURNING audit_image(to_jsonb(o))`

// CreateOrganization saves a new organization, once per form token. An empty owner becomes the creator
// unless their reach is all; an owner out of reach is Invalid.
func (s *Store) CreateOrganization(ctx context.Context, o crm.Organization, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.EditClient); err != nil {
		return Saved{}, err
	}
	o.Clean()
	if err := o.Validate(); err != nil {
		return Saved{}, err
	}
	o.ID, o.OwnerUserID = newID(), s.ownerOnCreate(o.OwnerUserID)
	return s.create(ctx, audit.CreateOrganization, token, o.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := s.checkOwner(ctx, w, o.OwnerUserID); err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, insertOrganization, organizationArgs(o))
		return []audit.Change{organizationChange(audit.CreateOrganization, o.ID, nil, after)}, err
	})
}

func organizationChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.Organization, TargetID: id, Table: "organizations", Before: before, After: after}
}

// imaged is a record locked for update, with its row image.
type imaged[T any] struct {
	Record T
	Image  json.RawMessage
}

func (s *Store) lockOrganization(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.Organization], error) {
	type row struct {
		crm.Organization
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+organizationColumns+`, audit_image(to_jsonb(o)) AS image FROM organizations o
		WHERE o.id = @id AND `+s.organizationScope(authz.EditClient, "o")+` FOR UPDATE`, s.args(pgx.NamedArgs{"id": id}))
	return imaged[crm.Organization]{r.Organization, r.Image}, notFound(err)
}

// UpdateOrganization saves an organization that was read at o.Version. It returns ErrConflict when it was
// changed since, ErrUnchanged when there is nothing to save, ErrNotFound out of reach.
func (s *Store) UpdateOrganization(ctx context.Context, o crm.Organization) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	o.Clean()
	invalid := o.Validate()
	cs, err := s.write(ctx, audit.UpdateOrganization, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockOrganization(ctx, w, o.ID)
		switch {
		case err != nil:
			return nil, err
		case invalid != nil:
			return nil, invalid
		case was.Record.Version != o.Version:
			return nil, crm.ErrConflict
		}
		if o.OwnerUserID != was.Record.OwnerUserID {
			if err := s.checkOwner(ctx, w, o.OwnerUserID); err != nil {
				return nil, err
			}
		}
		return saveOrganization(ctx, w, was, o)
	})
	return Saved{o.ID, cs}, err
}

// saveOrganization saves an organization that is locked as it was.
func saveOrganization(ctx context.Context, w *work, was imaged[crm.Organization], o crm.Organization) ([]audit.Change, error) {
	after, err := scalar[json.RawMessage](ctx, w, `
		UPDATE organizations o SET legal_name = @legalName, display_name = @displayName, website = nullif(@website, ''),
			sector = nullif(@sector, ''), size_band = nullif(@sizeBand, ''), tax_id = nullif(@taxID, ''), owner_user_id = @owner,
			`+saveTouch+` version = version + 1, updated_at = now()
		WHERE id = @id RETURNING audit_image(to_jsonb(o))`, organizationArgs(o))
	if err == nil {
		err = unchanged(was.Image, after)
	}
	return []audit.Change{organizationChange(audit.UpdateOrganization, o.ID, was.Image, after)}, err
}

// SetOrganizationActive archives or restores an organization; ErrUnchanged when it is so already.
func (s *Store) SetOrganizationActive(ctx context.Context, id uuid.UUID, active bool) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return Saved{}, err
	}
	action := audit.ArchiveOrganization
	if active {
		action = audit.RestoreOrganization
	}
	cs, err := s.write(ctx, action, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockOrganization(ctx, w, id)
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
			UPDATE organizations o SET is_active = @active, version = version + 1, updated_at = now()
			WHERE id = @id RETURNING audit_image(to_jsonb(o))`, pgx.NamedArgs{"id": id, "active": active})
		return []audit.Change{organizationChange(action, id, was.Image, after)}, err
	})
	return Saved{id, cs}, err
}

// notFound turns a missing row into ErrNotFound.
func notFound(err error) error {
	if noRows(err) {
		return crm.ErrNotFound
	}
	return err
}
