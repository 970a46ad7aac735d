package postgres

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// changeScope is the scope predicate for audit rows: whether the record that row a tells of lies within the
// actor's reach, for a client and an interaction permission. The record itself decides; where it is gone,
// its last image does. A record without an owner decides too: its scope is NULL, which is not "gone".
func (s *Store) changeScope(client, interaction authz.Permission) string {
	const image = "coalesce(a.after, a.before)"
	manages := "FALSE"
	if s.actor.May(authz.ManageUsers) {
		manages = "TRUE"
	}
	everywhere := "FALSE"
	if s.actor.Reach(client) == authz.All {
		everywhere = "TRUE"
	}
	owner := "(" + image + "->>'owner_user_id')::uuid"
	return `CASE a.target_type
		WHEN 'organization' THEN coalesce((SELECT coalesce(` + s.organizationScope(client, "o") + `, FALSE) FROM organizations o WHERE o.id = a.target_id), ` + s.ownerWithin(client, owner) + `, FALSE)
		WHEN 'contact' THEN coalesce((SELECT coalesce(` + s.contactScope(client, "c") + `, FALSE) FROM contacts c WHERE c.id = a.target_id), ` + s.ownerWithin(client, owner) + `, FALSE)
		WHEN 'relationship' THEN coalesce((SELECT coalesce(` + s.organizationScope(client, "o") + `, FALSE) FROM organizations o WHERE o.id = a.target_id), ` + everywhere + `)
			AND coalesce((SELECT coalesce(` + s.contactScope(client, "c") + `, FALSE) FROM contacts c WHERE c.id = a.parent_id), ` + everywhere + `)
		WHEN 'interaction' THEN EXISTS (SELECT 1 FROM (SELECT (t.told->>'organization_id')::uuid AS organization_id,
				(t.told->>'contact_id')::uuid AS contact_id, (t.told->>'user_id')::uuid AS user_id
			FROM (SELECT CASE a.table_name WHEN 'interaction_contacts' THEN a.metadata ELSE ` + image + ` END AS told) t) i WHERE ` + s.interactionScope(interaction, "i") + `)
		WHEN 'follow_up' THEN coalesce((SELECT coalesce(` + s.followUpScope(interaction, "f") + `, FALSE) FROM follow_ups f WHERE f.id = a.target_id),
			(SELECT coalesce(` + s.followUpScope(interaction, "f") + `, FALSE) FROM jsonb_populate_record(NULL::follow_ups, ` + image + `) f), FALSE)
		WHEN 'view' THEN coalesce(` + s.viewChangeScope() + `, FALSE)
		WHEN 'user' THEN ` + manages + ` WHEN 'role' THEN ` + manages + ` WHEN 'team' THEN ` + manages + ` WHEN 'touch_default' THEN ` + manages + ` ELSE FALSE END`
}

// changeSeen is changeScope for a reader: that somebody attended is told to who may see that person.
func (s *Store) changeSeen() string {
	everywhere := "FALSE"
	if s.actor.Reach(authz.ViewClient) == authz.All {
		everywhere = "TRUE"
	}
	return `(` + s.changeScope(authz.ViewClient, authz.ViewInteraction) + `) AND (a.table_name IS DISTINCT FROM 'interaction_contacts' OR
		coalesce((SELECT coalesce(` + s.contactScope(authz.ViewClient, "c") + `, FALSE) FROM contacts c WHERE c.id = ` + attendeeTold + `), ` + everywhere + `))`
}

// attendeeTold is the SQL of whom an audit row about an attendee tells.
const attendeeTold = `(coalesce(a.after, a.before)->>'contact_id')::uuid`

// changeQuery selects audit rows a WHERE where as crm.Change. Name and images of a record out of reach stay
// out; so do those of client data without ViewClient, and of interactions without ViewInteraction.
func (s *Store) changeQuery(from, where string) string {
	return `SELECT a.id, a.change_set_id, a.action, coalesce(a.target_type, '') AS target_type, a.target_id, a.user_id,
			coalesce(au.name, '') AS user_name, a.created_at, coalesce(host(a.ip), '') AS ip,
			(SELECT coalesce(jsonb_object_agg(m.key, m.value), '{}') FROM jsonb_each_text(a.metadata) m) AS metadata, coalesce(CASE WHEN v.ok THEN CASE
				WHEN a.target_type IN ('organization', 'relationship') THEN coalesce(coalesce(a.after, a.before)->>'display_name', (SELECT o.display_name FROM organizations o WHERE o.id = a.target_id))
				WHEN a.target_type = 'contact' THEN (coalesce(a.after, a.before)->>'first_name') || ' ' || (coalesce(a.after, a.before)->>'last_name')
				WHEN a.target_type = 'interaction' THEN coalesce(coalesce(a.after, a.before)->>'subject', (SELECT i.subject FROM interactions i WHERE i.id = a.target_id))
				WHEN a.target_type = 'follow_up' THEN coalesce(a.after, a.before)->>'title'
				WHEN a.target_type = 'user' THEN (SELECT u.name FROM users u WHERE u.id = a.target_id)
				WHEN a.target_type = 'role' THEN (SELECT r.name FROM roles r WHERE r.id = a.target_id)
				WHEN a.target_type = 'touch_default' THEN coalesce(a.after, a.before)->>'role_label'
				WHEN a.target_type IN ('team', 'view') THEN coalesce(a.after, a.before)->>'name' END END, '') AS target_name,
			CASE WHEN v.ok AND a.target_type = 'relationship' THEN coalesce((SELECT c.first_name || ' ' || c.last_name FROM contacts c WHERE c.id = a.parent_id), '')
				WHEN v.ok AND a.table_name = 'interaction_contacts' THEN coalesce((SELECT c.first_name || ' ' || c.last_name FROM contacts c WHERE c.id = ` + attendeeTold + `), '') ELSE '' END AS linked_name,
			CASE WHEN v.ok THEN a.before END AS before, CASE WHEN v.ok THEN a.after END AS after
		FROM ` + from + ` LEFT JOIN users au ON au.id = a.user_id
		CROSS JOIN LATERAL (SELECT ` + s.changeSeen() + ` AS ok OFFSET 0) v WHERE ` + where
}

// queueHistory adds the latest changes of record @id to a batch: its own, those of its follow-ups, and the links it is
// part of.
func (s *Store) queueHistory(b *batch, into *[]crm.Change, targetType string, args pgx.NamedArgs) {
	queueChanges(b, into, s.historyQuery(targetType), historySize, args)
}

// queueChanges adds the first changes of a query, newest first.
func queueChanges(b *batch, into *[]crm.Change, query string, limit int, args pgx.NamedArgs) {
	b.Queue(query+" ORDER BY a.id DESC LIMIT "+strconv.Itoa(limit), args).Query(func(rows pgx.Rows) (err error) {
		*into, err = collectChanges(rows)
		return err
	})
}

func (s *Store) historyQuery(targetType string) string {
	rows := `(SELECT h.* FROM audit_logs h WHERE h.target_id = @id AND h.table_name IS NOT NULL`
	if targetType == audit.Organization || targetType == audit.Contact {
		rows += `
			UNION ALL SELECT h.* FROM audit_logs h WHERE h.parent_id = @id AND h.target_type = 'follow_up'`
	}
	if targetType == audit.Contact { // the changes of follow-ups at an organization have that one for a parent
		rows += `
			UNION ALL SELECT h.* FROM follow_ups f JOIN audit_logs h ON h.target_id = f.id WHERE f.contact_id = @id AND f.organization_id IS NOT NULL
			UNION ALL SELECT h.* FROM audit_logs h WHERE h.parent_id = @id AND h.target_type = 'relationship'`
	}
	return s.changeQuery(rows+`) a`, `v.ok`)
}

func collectChanges(rows pgx.Rows) ([]crm.Change, error) {
	changes, err := structRows[crm.Change](rows)
	if err != nil {
		return nil, err
	}
	for i := range changes {
		if changes[i].Fields, err = fieldsOf(changes[i]); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// silentColumns say nothing to a reader: keys, who made the row and when, and what an action says already. For whom a
// follow-up is, which is its user_id, says much: see fieldsOf.
var silentColumns = map[string]bool{
	"id": true, "created_at": true, "organization_id": true, "contact_id": true, "user_id": true,
	"interaction_id": true, "done_interaction_id": true, "done_at": true, "done_by": true, "created_by": true, "role_key": true,
}

func fieldsOf(c crm.Change) ([]crm.FieldChange, error) {
	before, err := audit.ParseImage(c.Before)
	if err != nil {
		return nil, err
	}
	after, err := audit.ParseImage(c.After)
	if err != nil {
		return nil, err
	}
	var out []crm.FieldChange
	for _, f := range audit.Diff(before, after) {
		if !silentColumns[f.Column] || c.TargetType == audit.FollowUp && f.Column == "user_id" {
			out = append(out, crm.FieldChange{Field: f.Column, Before: f.Before, After: f.After})
		}
	}
	return out, nil
}

// nameIDs replaces the ids of users, teams, roles and permissions in field changes by names, in one query.
func (s *Store) nameIDs(ctx context.Context, changes []crm.Change) error {
	var ids []uuid.UUID
	each := func(fn func(*string)) {
		for i := range changes {
			for j := range changes[i].Fields {
				switch f := &changes[i].Fields[j]; f.Field {
				case "owner_user_id", "user_id", "team_id", "parent_id", "role_id", "permission_id":
					fn(&f.Before)
					fn(&f.After)
				}
			}
		}
	}
	each(func(v *string) {
		if id, err := uuid.Parse(*v); err == nil {
			ids = append(ids, id)
		}
	})
	if len(ids) == 0 {
		return nil
	}
	type named struct{ ID, Name string }
	found, err := many[named](ctx, s.db.pool, `SELECT id::text, name FROM users WHERE id = ANY(@ids) UNION ALL SELECT id::text, name FROM teams WHERE id = ANY(@ids)
		UNION ALL SELECT id::text, name FROM roles WHERE id = ANY(@ids) UNION ALL SELECT id::text, slug FROM permissions WHERE id = ANY(@ids)`, pgx.NamedArgs{"ids": ids})
	if err != nil {
		return err
	}
	names := make(map[string]string, len(found))
	for _, n := range found {
		names[n.ID] = n.Name
	}
	each(func(v *string) {
		if n, known := names[*v]; known {
			*v = n
		}
	})
	return nil
}

// historyPage is how many changes a page of a history or of the audit log shows.
const historyPage = 50

// History returns a page of the changes of a record in reach, newest first: at place page, whose Key is
// unused and whose rows are named by their number in Page.Key.
func (s *Store) History(ctx context.Context, targetType string, id uuid.UUID, p crm.Page) (crm.Listing[crm.Change], error) {
	view, _ := neededFor(targetType)
	if err := s.require(view); err != nil {
		return crm.Listing[crm.Change]{}, err
	}
	return s.changes(ctx, s.historyQuery(targetType), p, pgx.NamedArgs{"id": id})
}

// changes pages through a query of audit rows by their number, newest first; it does not count them.
func (s *Store) changes(ctx context.Context, query string, p crm.Page, args pgx.NamedArgs) (crm.Listing[crm.Change], error) {
	var l crm.Listing[crm.Change]
	at, beyond, direction := int64(0), "TRUE", " DESC"
	if p.Key != "" {
		var err error
		if at, err = strconv.ParseInt(p.Key, 10, 64); err != nil {
			return l, crm.Fault("", "This place in the list does not exist.")
		}
		beyond = "a.id < @at"
		if p.Before {
			beyond, direction = "a.id > @at", ""
		}
	}
	all := s.args(args)
	all["at"], all["limit"] = at, historyPage+1
	rows, err := s.db.pool.Query(ctx, query+` AND `+beyond+` ORDER BY a.id`+direction+` LIMIT @limit`, all)
	if err != nil {
		return l, translate(err)
	}
	found, err := collectChanges(rows)
	if err != nil {
		return l, translate(err)
	}
	p.Size, p.ID = historyPage, uuid.Nil
	if p.Key != "" {
		p.ID = uuid.Max // a place is named by its number alone
	}
	places := make([]place, len(found))
	for i, c := range found {
		places[i] = place{PlaceID: uuid.Max, SortKey: strconv.FormatInt(c.ID, 10)}
	}
	l = paged(found, places, p, false)
	return l, s.nameIDs(ctx, l.Rows)
}

// Audit returns a page of the audit log, newest first. The log tells who did what when; names and images of
// records out of the reader's reach stay out.
func (s *Store) Audit(ctx context.Context, f crm.AuditFilter) (crm.Listing[crm.Change], error) {
	if err := s.require(authz.ViewAudit); err != nil {
		return crm.Listing[crm.Change]{}, err
	}
	where := "TRUE"
	for _, filter := range []struct {
		set    bool
		clause string
	}{
		{f.UserID.Valid, "a.user_id = @user"},
		{f.Action != "", "a.action = @action"},
		{f.TargetID.Valid, "(a.target_id = @target OR a.parent_id = @target)"},
		{!f.From.IsZero(), "a.created_at >= @from"},
		{!f.To.IsZero(), "a.created_at < @to"},
	} {
		if filter.set {
			where += " AND " + filter.clause
		}
	}
	args := pgx.NamedArgs{"user": f.UserID, "action": f.Action, "target": f.TargetID, "from": f.From, "to": f.To, "cap": crm.CountCap + 1}
	l, err := s.changes(ctx, s.changeQuery("audit_logs a", where), f.Page, args)
	if err != nil {
		return l, err
	}
	n, err := scalar[int](ctx, s.db.pool, `SELECT count(*) FROM (SELECT 1 FROM audit_logs a WHERE `+where+` LIMIT @cap) n`, args)
	l.Count, l.More = min(n, crm.CountCap), n > crm.CountCap
	return l, translate(err)
}

// changeSetTypes returns the types of record that a change set tells of, for the permissions it needs.
func (s *Store) changeSetTypes(ctx context.Context, q querier, id uuid.UUID) ([]string, error) {
	types, err := column[string](ctx, q, `SELECT DISTINCT target_type FROM audit_logs WHERE change_set_id = @id AND target_type IS NOT NULL ORDER BY 1`, pgx.NamedArgs{"id": id})
	if err == nil && len(types) == 0 {
		err = crm.ErrNotFound
	}
	return types, err
}

// neededFor returns the permission to see, and the one to change, a type of record.
func neededFor(targetType string) (view, edit authz.Permission) {
	switch targetType {
	case audit.Interaction, audit.FollowUp:
		return authz.ViewInteraction, authz.EditInteraction
	case audit.User, audit.Role, audit.Team, audit.TouchDefault:
		return authz.ManageUsers, authz.ManageUsers
	case audit.View: // takes what its list takes, which its scope asks: nobody lacks ""
		return "", ""
	}
	return authz.ViewClient, authz.EditClient
}

// ChangeSet returns a change set with those of its changes that lie within reach. One with none of them is
// ErrNotFound; one whose kinds of record the actor may not see at all is Forbidden.
func (s *Store) ChangeSet(ctx context.Context, id uuid.UUID) (crm.ChangeSet, error) {
	var cs crm.ChangeSet
	if !s.actor.SignedIn() {
		return cs, crm.ErrNotFound
	}
	types, err := s.changeSetTypes(ctx, s.db.pool, id)
	if err != nil {
		return cs, err
	}
	visible := false
	for _, t := range types {
		view, _ := neededFor(t)
		visible = visible || s.actor.Missing(view) == ""
	}
	if !visible {
		view, _ := neededFor(types[0])
		return cs, Forbidden{view}
	}
	return s.readChangeSet(ctx, id, types)
}

func (s *Store) readChangeSet(ctx context.Context, id uuid.UUID, types []string) (crm.ChangeSet, error) {
	type head struct {
		ID        uuid.UUID
		Kind      string
		UserID    uuid.NullUUID
		UserName  string
		CreatedAt time.Time
		Undoes    uuid.NullUUID
		UndoneBy  uuid.NullUUID
		Total     int
	}
	var h head
	var changes []crm.Change
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": id, "max": crm.MaxChanges})
	queueOne(b, &h, `SELECT cs.id, cs.kind, cs.user_id, coalesce(u.name, '') AS user_name, cs.created_at, cs.undoes,
			(SELECT x.id FROM change_sets x WHERE x.undoes = cs.id ORDER BY x.created_at DESC LIMIT 1) AS undone_by,
			(SELECT count(*) FROM audit_logs a WHERE a.change_set_id = cs.id AND `+s.changeSeen()+`) AS total
		FROM change_sets cs LEFT JOIN users u ON u.id = cs.user_id WHERE cs.id = @id`, args)
	b.Queue(s.changeQuery("audit_logs a", "a.change_set_id = @id AND v.ok ORDER BY a.id LIMIT @max"), args).Query(func(rows pgx.Rows) (err error) {
		changes, err = collectChanges(rows)
		return err
	})
	if err := b.send(ctx, s.db); err != nil {
		return crm.ChangeSet{}, notFound(err)
	}
	if h.Total == 0 {
		return crm.ChangeSet{}, crm.ErrNotFound
	}
	if err := s.nameIDs(ctx, changes); err != nil {
		return crm.ChangeSet{}, err
	}
	cs := crm.ChangeSet{
		ID: h.ID, Kind: h.Kind, UserID: h.UserID, UserName: h.UserName, CreatedAt: h.CreatedAt, Undoes: h.Undoes, UndoneBy: h.UndoneBy,
		Changes: changes, Total: h.Total, CanUndo: true,
	}
	for _, t := range types {
		view, edit := neededFor(t)
		cs.CanUndo = cs.CanUndo && s.actor.Missing(view, edit) == ""
	}
	root, err := rootOf(ctx, s.db.pool, id)
	cs.CanUndo = cs.CanUndo && s.actor.Missing(root.permissions()...) == ""
	return cs, err
}

// Earlier returns the columns of a record in view as they were before its latest n updates, as text; nil when its
// history does not go back so far. It is what a stale form was filled with.
func (s *Store) Earlier(ctx context.Context, targetType string, id uuid.UUID, n int) (map[string]string, error) {
	view, _ := neededFor(targetType)
	if err := s.require(view); err != nil {
		return nil, err
	}
	table, known := tableOf(targetType)
	if !known || n < 1 {
		return nil, crm.ErrNotFound
	}
	before, err := scalar[json.RawMessage](ctx, s.db.pool, `SELECT a.before FROM audit_logs a
		WHERE a.target_id = @id AND a.table_name = @table AND a.before IS NOT NULL AND a.after IS NOT NULL
			AND `+s.changeScope(authz.ViewClient, authz.ViewInteraction)+` ORDER BY a.id DESC OFFSET @skip LIMIT 1`,
		s.args(pgx.NamedArgs{"id": id, "table": table.name, "skip": n - 1}))
	if err != nil {
		return nil, notFound(err)
	}
	img, err := audit.ParseImage(before)
	if err != nil {
		return nil, err
	}
	return img.Texts(), nil
}
