package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// ImportOrganizations saves new organizations in one change set, all or none. Each row has its own audit row
// with its image; one more says how many came from which file. Owners are held to the same rule as on create.
func (s *Store) ImportOrganizations(ctx context.Context, organizations []crm.Organization, file string) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditClient, authz.ImportClient); err != nil {
		return Saved{}, err
	}
	for i := range organizations {
		organizations[i].Clean()
		if err := organizations[i].Validate(); err != nil {
			return Saved{}, err // the importer has told the rows apart already; nothing gets past it unseen
		}
	}
	cs, err := s.write(ctx, audit.Import, func(ctx context.Context, w *work) ([]audit.Change, error) {
		rows := make([]map[string]any, len(organizations))
		owners := map[uuid.NullUUID]bool{}
		for i, o := range organizations {
			o.OwnerUserID = s.ownerOnCreate(o.OwnerUserID)
			if !owners[o.OwnerUserID] {
				if err := s.checkOwner(ctx, w, o.OwnerUserID); err != nil {
					return nil, err
				}
				owners[o.OwnerUserID] = true
			}
			rows[i] = organizationRowJSON(o, newID())
		}
		if err := s.insertImaged(ctx, w, audit.CreateOrganization, mustTable("organizations"), rows, map[string]any{"file": file}); err != nil {
			return nil, err
		}
		return []audit.Change{{Action: audit.Import, Metadata: map[string]any{"file": file, "organizations": len(organizations)}}}, nil
	})
	return Saved{ChangeSet: cs}, err
}

func organizationRowJSON(o crm.Organization, id uuid.UUID) map[string]any {
	return map[string]any{
		"id": id, "legal_name": o.LegalName, "display_name": o.DisplayName, "website": emptyNull(o.Website), "sector": emptyNull(o.Sector),
		"size_band": emptyNull(o.SizeBand), "tax_id": emptyNull(o.TaxID), "owner_user_id": o.OwnerUserID,
	}
}

// mustTable returns the description of a table that this package names itself.
func mustTable(name string) imagedTable {
	t, known := tableNamed(name)
	if !known {
		panic("postgres: no imaged table " + name)
	}
	return t
}

// bulkChunk is how many rows one statement inserts: well below what a statement timeout would cut.
const bulkChunk = 2000

// insertImaged inserts rows, given as JSON objects of imaged columns, with an audit row each, set by set. A
// column that no row names takes its default.
func (s *Store) insertImaged(ctx context.Context, w *work, action audit.Action, table imagedTable, rows []map[string]any, metadata map[string]any) error {
	if len(rows) == 0 {
		return nil
	}
	var columns []string
	for _, c := range append(slices.Clone(table.columns), "updated_at") {
		if _, named := rows[0][c]; named {
			columns = append(columns, c)
		}
	}
	parent, extra := "NULL::uuid", "'{}'::jsonb"
	switch {
	case table.name == "interaction_contacts":
		const of = " FROM interactions i WHERE i.id = n.interaction_id)"
		parent = "(SELECT i.organization_id" + of
		extra = "(SELECT jsonb_build_object('organization_id', i.organization_id, 'contact_id', i.contact_id, 'user_id', i.user_id)" + of
	case table.targetType == audit.Relationship:
		parent, extra = "n.contact_id", "jsonb_build_object('organization_id', n.organization_id, 'contact_id', n.contact_id)"
	case table.targetType == audit.FollowUp:
		parent, extra = "coalesce(n.organization_id, n.contact_id)", "jsonb_build_object('organization_id', n.organization_id, 'contact_id', n.contact_id)"
	case table.targetType == audit.Interaction:
		parent, extra = "n.organization_id", "jsonb_build_object('organization_id', n.organization_id, 'contact_id', n.contact_id, 'channel', n.channel)"
	}
	names := prefix("", columns)
	sql := `WITH n AS (INSERT INTO ` + table.name + ` (` + names + `) SELECT ` + prefix("r.", columns) + `
			FROM jsonb_populate_recordset(NULL::` + table.name + `, @rows::jsonb) r RETURNING *)
		INSERT INTO audit_logs (change_set_id, user_id, action, target_type, target_id, parent_id, table_name, metadata, after, ip, ua)
		SELECT @changeSet, @user, @action, @type, n.` + table.target + `, ` + parent + `, @table, ` + extra + ` || @metadata::jsonb, audit_image(to_jsonb(n)), @ip, @ua FROM n`
	if metadata == nil {
		metadata = map[string]any{}
	}
	for start := 0; start < len(rows); start += bulkChunk {
		raw, err := json.Marshal(rows[start:min(start+bulkChunk, len(rows))])
		if err != nil {
			return err
		}
		tag, err := w.Exec(ctx, sql, pgx.NamedArgs{
			"rows": json.RawMessage(raw), "changeSet": w.changeSet, "user": s.userID(), "action": action, "type": table.targetType,
			"table": table.name, "metadata": metadata, "ip": s.ip(), "ua": s.ua(),
		})
		if err != nil {
			return err
		}
		w.logged += int(tag.RowsAffected())
	}
	return nil
}

// Register is a whole firm to load into an empty database.
type Register struct {
	Teams         []crm.Team
	Roles         []crm.Role
	Users         []RegisterUser
	Organizations []crm.Organization
	Contacts      []crm.Contact
	Relationships []crm.Relationship
	Interactions  []crm.Interaction
	FollowUps     []crm.FollowUp
	TouchDefaults []crm.TouchDefault
}

// RegisterUser is a user of a Register with the hash of their password; without one they cannot sign in yet.
type RegisterUser struct {
	crm.User
	RoleSlugs    []string
	PasswordHash string
}

// ErrNotEmpty says that the register already holds something.
var ErrNotEmpty = errors.New("the register is not empty")

// Load fills an empty register in one change set, guarded and imaged like every other write. It returns
// ErrNotEmpty when there is a user, a team or a client already.
func (s *Store) Load(ctx context.Context, r Register) (Saved, error) {
	if err := s.require(authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.Demo, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := refuseUnlessEmpty(ctx, w); err != nil {
			return nil, err
		}
		if err := s.loadPeople(ctx, w, r); err != nil {
			return nil, err
		}
		return nil, s.loadClients(ctx, w, r)
	})
	return Saved{ChangeSet: cs}, err
}

// refuseUnlessEmpty returns ErrNotEmpty for a register that holds something. Two loads at once wait for each other.
func refuseUnlessEmpty(ctx context.Context, w *work) error {
	if _, err := w.Exec(ctx, `SELECT pg_advisory_xact_lock(5, 0)`); err != nil {
		return err
	}
	full, err := scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM users) OR EXISTS (SELECT 1 FROM teams) OR EXISTS (SELECT 1 FROM organizations)
		OR EXISTS (SELECT 1 FROM contacts) OR EXISTS (SELECT 1 FROM interactions)`)
	if err == nil && full {
		err = ErrNotEmpty
	}
	return err
}

func (s *Store) loadPeople(ctx context.Context, w *work, r Register) error {
	var teams, roles, grants, users, given []map[string]any
	for _, t := range r.Teams {
		teams = append(teams, map[string]any{"id": t.ID, "name": t.Name, "parent_id": t.ParentID})
	}
	permissions, err := idsBySlug(ctx, w, `SELECT slug, id FROM permissions`)
	if err != nil {
		return err
	}
	for _, role := range r.Roles {
		roles = append(roles, map[string]any{"id": role.ID, "slug": role.Slug, "name": role.Name, "reach": role.Reach, "requires_mfa": role.RequiresMFA})
		for _, p := range role.Permissions {
			grants = append(grants, map[string]any{"role_id": role.ID, "permission_id": permissions[p]})
		}
	}
	for _, step := range []struct {
		action audit.Action
		table  string
		rows   []map[string]any
	}{{audit.CreateTeam, "teams", teams}, {audit.CreateRole, "roles", roles}, {audit.CreateRole, "role_permissions", grants}} {
		if err := s.insertImaged(ctx, w, step.action, mustTable(step.table), step.rows, nil); err != nil {
			return err
		}
	}
	roleIDs, err := idsBySlug(ctx, w, `SELECT slug, id FROM roles`)
	if err != nil {
		return err
	}
	for _, u := range r.Users {
		users = append(users, map[string]any{
			"id": u.ID, "email": u.Email, "name": u.Name, "team_id": u.TeamID, "zone": emptyNull(u.Zone), "is_active": u.IsActive, "created_at": u.CreatedAt,
		})
		for _, slug := range u.RoleSlugs {
			given = append(given, map[string]any{"user_id": u.ID, "role_id": roleIDs[slug]})
		}
	}
	if err := s.insertImaged(ctx, w, audit.CreateUser, mustTable("users"), users, nil); err != nil {
		return err
	}
	for _, u := range r.Users {
		if u.PasswordHash == "" {
			continue
		}
		if err := setPassword(ctx, w, u.ID, u.PasswordHash, false); err != nil {
			return err
		}
	}
	return s.insertImaged(ctx, w, audit.AssignRole, mustTable("user_roles"), given, nil)
}

func idsBySlug(ctx context.Context, w *work, sql string) (map[string]uuid.UUID, error) {
	type row struct {
		Slug string
		ID   uuid.UUID
	}
	rows, err := many[row](ctx, w, sql)
	ids := make(map[string]uuid.UUID, len(rows))
	for _, r := range rows {
		ids[r.Slug] = r.ID
	}
	return ids, err
}

func (s *Store) loadClients(ctx context.Context, w *work, r Register) error {
	var usual, organizations, contacts, links, interactions, attendees, followUps []map[string]any
	for _, d := range r.TouchDefaults {
		key := strings.ToLower(strings.Join(strings.Fields(d.RoleLabel), " ")) // as the database's role_key, which checks it
		usual = append(usual, map[string]any{"id": d.ID, "role_label": d.RoleLabel, "role_key": key, "every_days": d.EveryDays})
	}
	for _, o := range r.Organizations {
		row := organizationRowJSON(o, o.ID)
		row["is_active"], row["created_at"], row["updated_at"] = o.IsActive, o.CreatedAt, o.CreatedAt
		addTouch(row, o.Touch)
		organizations = append(organizations, row)
	}
	for _, c := range r.Contacts {
		contacts = append(contacts, map[string]any{
			"id": c.ID, "first_name": c.FirstName, "last_name": c.LastName, "email": emptyNull(c.Email), "phone": emptyNull(c.Phone),
			"mobile": emptyNull(c.Mobile), "job_title": emptyNull(c.JobTitle), "owner_user_id": c.OwnerUserID, "is_active": c.IsActive, "created_at": c.CreatedAt, "updated_at": c.CreatedAt,
		})
	}
	for _, l := range r.Relationships {
		row := map[string]any{
			"organization_id": l.OrganizationID, "contact_id": l.ContactID, "role_label": emptyNull(l.RoleLabel), "relationship_status": emptyNull(l.RelationshipStatus),
		}
		addTouch(row, l.Touch)
		links = append(links, row)
	}
	for _, i := range r.Interactions {
		interactions = append(interactions, map[string]any{
			"id": i.ID, "organization_id": i.OrganizationID, "contact_id": i.ContactID, "user_id": i.UserID, "channel": i.Channel, "subject": i.Subject,
			"body": emptyNull(i.Body), "outcome": emptyNull(i.Outcome), "happened_at": i.HappenedAt, "created_at": i.CreatedAt,
			"duration_minutes": i.DurationMinutes, "direction": emptyNull(string(i.Direction)),
		})
		for _, contact := range i.AttendeeIDs() {
			attendees = append(attendees, map[string]any{"interaction_id": i.ID, "contact_id": contact})
		}
	}
	for _, f := range r.FollowUps {
		followUps = append(followUps, followUpRowJSON(f))
	}
	for _, step := range []struct {
		action audit.Action
		table  string
		rows   []map[string]any
	}{
		{audit.CreateTouchDefault, "touch_defaults", usual},
		{audit.CreateOrganization, "organizations", organizations},
		{audit.CreateContact, "contacts", contacts},
		{audit.LinkContact, "organization_contact", links},
		{audit.CreateInteraction, "interactions", interactions},
		{audit.AddAttendee, "interaction_contacts", attendees},
		{audit.CreateFollowUp, "follow_ups", followUps},
	} {
		if err := s.insertImaged(ctx, w, step.action, mustTable(step.table), step.rows, nil); err != nil {
			return err
		}
	}
	return s.datePeriods(ctx, w, r.Relationships)
}

func addTouch(row map[string]any, t crm.Touch) {
	row["touch_every_days"], row["touch_snoozed_until"], row["touch_snooze_reason"] = t.TouchEveryDays, emptyNull(string(t.TouchSnoozedUntil)), emptyNull(t.TouchSnoozeReason)
}

// datePeriods lets loaded relationships begin when they began, not when they were loaded.
func (s *Store) datePeriods(ctx context.Context, w *work, links []crm.Relationship) error {
	var organizations, contacts []uuid.UUID
	var since []any
	for _, l := range links {
		if !l.Since.IsZero() {
			organizations, contacts, since = append(organizations, l.OrganizationID), append(contacts, l.ContactID), append(since, l.Since)
		}
	}
	if len(since) == 0 {
		return nil
	}
	_, err := w.Exec(ctx, `UPDATE relationship_periods p SET "from" = v.since
		FROM unnest(@organizations::uuid[], @contacts::uuid[], @since::timestamptz[]) v(o, c, since)
		WHERE p.organization_id = v.o AND p.contact_id = v.c AND p."to" IS NULL`,
		pgx.NamedArgs{"organizations": organizations, "contacts": contacts, "since": since})
	return err
}
