package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// touched is one record of the change set: how it was before its first change and after its last.
type touched struct {
	key           []uuid.UUID
	target        crm.Target
	parent        uuid.NullUUID
	before, after audit.Image
	action        string
	now           audit.Image // as it is in the database, locked; nil when it is gone
	nowRaw        json.RawMessage
	patch         audit.Image
	whose         map[string]any // of an attendee: what its audit rows say of the interaction, see attendeeChange
}

func (t *touched) name() string {
	img := t.after
	if img == nil {
		img = t.before
	}
	var parts []string
	for _, c := range []string{"display_name", "first_name", "last_name", "subject", "title", "name"} {
		var v string
		if json.Unmarshal(img[c], &v) == nil && v != "" {
			parts = append(parts, v)
		}
	}
	if t.target.Type == audit.TouchDefault {
		var role string
		if json.Unmarshal(img["role_label"], &role) == nil {
			return role
		}
	}
	return strings.Join(parts, " ")
}

// part is a stretch of a change set, by the ids of its records; the zero part is all of it.
type part struct {
	after uuid.UUID
	size  int
}

// load reads the change set's rows within edit reach and folds them per record.
func (u *undo) load(ctx context.Context, p part) error {
	s := u.store
	type row struct {
		Action     string
		TargetType string
		TargetID   uuid.UUID
		ParentID   uuid.NullUUID
		TableName  string
		Metadata   map[string]any
		Before     json.RawMessage
		After      json.RawMessage
		Within     bool
		TxAt       time.Time
	}
	rows, err := many[row](ctx, u.work, `SELECT a.action, a.target_type, a.target_id, a.parent_id, a.table_name, a.metadata, a.before, a.after, a.tx_at,
			`+s.changeScope(authz.EditClient, authz.EditInteraction)+` OR (a.table_name = 'users' AND a.target_id = @me) AS within
		FROM audit_logs a WHERE a.change_set_id = @id AND a.table_name IS NOT NULL`+p.where()+` ORDER BY `+p.order(), s.args(pgx.NamedArgs{"id": u.of, "after": p.after, "size": p.size}))
	if err != nil {
		return err
	}
	u.loaded = len(rows)
	if len(rows) > 0 {
		u.last = rows[len(rows)-1].TargetID
	}
	u.records = map[string][]*touched{}
	folded := map[string]*touched{}
	for _, r := range rows {
		if !r.Within {
			u.outside++
			continue
		}
		u.at = r.TxAt
		table, known := tableNamed(r.TableName)
		if !known {
			return fmt.Errorf("undo of %s: unknown table %q", u.of, r.TableName)
		}
		t, err := newTouched(table, r.Before, r.After)
		if err != nil {
			return err
		}
		t.target, t.parent, t.action = crm.Target{Type: r.TargetType, ID: r.TargetID}, r.ParentID, r.Action
		if table.name == "interaction_contacts" {
			t.whose = map[string]any{"organization_id": r.Metadata["organization_id"], "contact_id": r.Metadata["contact_id"], "user_id": r.Metadata["user_id"]}
		}
		id := fmt.Sprint(table.name, t.key)
		if first := folded[id]; first != nil {
			first.after = t.after
			continue
		}
		folded[id] = t
		u.records[table.name] = append(u.records[table.name], t)
	}
	if len(folded) == 0 && p.size == 0 {
		return crm.ErrNotFound
	}
	if p.size == 0 {
		u.tellOutside()
	}
	return nil
}

// tellOutside names, by their number, the changes that the actor may not take back.
func (u *undo) tellOutside() {
	if u.outside > 0 {
		u.result.Kept = append(u.result.Kept, crm.Kept{Reason: crm.Msg("%d changes are of records out of your reach.", u.outside)})
	}
}

func (p part) where() string {
	if p.size == 0 {
		return ""
	}
	return ` AND a.target_id > @after`
}

func (p part) order() string {
	if p.size == 0 {
		return `a.id`
	}
	return `a.target_id LIMIT @size`
}

func newTouched(table imagedTable, beforeRaw, afterRaw json.RawMessage) (*touched, error) {
	before, err := audit.ParseImage(beforeRaw)
	if err != nil {
		return nil, err
	}
	after, err := audit.ParseImage(afterRaw)
	if err != nil {
		return nil, err
	}
	t := &touched{before: before, after: after}
	img := after
	if img == nil {
		img = before
	}
	t.key, err = keyOf(table, img)
	return t, err
}

func keyOf(table imagedTable, img audit.Image) ([]uuid.UUID, error) {
	key := make([]uuid.UUID, len(table.key))
	for i, column := range table.key {
		if err := json.Unmarshal(img[column], &key[i]); err != nil {
			return nil, fmt.Errorf("image of %s: %s: %w", table.name, column, err)
		}
	}
	return key, nil
}

// keyArgs returns the keys of records as one array per key column, @k0, @k1.
func keyArgs(table imagedTable, records []*touched) pgx.NamedArgs {
	args := pgx.NamedArgs{}
	for i := range table.key {
		ids := make([]uuid.UUID, len(records))
		for j, r := range records {
			ids[j] = r.key[i]
		}
		args[fmt.Sprintf("k%d", i)] = ids
	}
	args["ids"] = args["k0"]
	return args
}

// keysFrom is the FROM item that unnests keyArgs, with further arrays; matches joins it to t.
func (t imagedTable) keysFrom(more ...string) string {
	arrays, names := make([]string, 0, 4), make([]string, 0, 4)
	for i := range t.key {
		arrays, names = append(arrays, fmt.Sprintf("@k%d::uuid[]", i)), append(names, fmt.Sprintf("k%d", i))
	}
	for _, m := range more {
		arrays, names = append(arrays, "@"+m+"::jsonb[]"), append(names, m)
	}
	return "unnest(" + strings.Join(arrays, ", ") + ") p(" + strings.Join(names, ", ") + ")"
}

func (t imagedTable) matches() string {
	conditions := make([]string, len(t.key))
	for i, column := range t.key {
		conditions[i] = fmt.Sprintf("t.%s = p.k%d", column, i)
	}
	return strings.Join(conditions, " AND ")
}

// lockAll locks the records of all tables: first those that have parts among them, as their edits do, then table by table,
// and last what attendees move besides.
func (u *undo) lockAll(ctx context.Context) error {
	for _, table := range imagedTables {
		if table.partOf == "" || len(u.records[table.name]) == 0 {
			continue
		}
		if _, err := u.work.Exec(ctx, `SELECT FROM `+table.partOf+` WHERE id = ANY(@ids::uuid[]) ORDER BY id FOR NO KEY UPDATE`, keyArgs(table, u.records[table.name])); err != nil {
			return err
		}
	}
	for _, table := range imagedTables {
		if err := u.lock(ctx, table); err != nil {
			return err
		}
	}
	return u.holdAttendance(ctx)
}

// holdAttendance is that of attendee.go, for all interactions of the change set.
func (u *undo) holdAttendance(ctx context.Context) error {
	c := clients{organizations: []uuid.UUID{}}
	for _, r := range u.records["interaction_contacts"] {
		c.contacts = append(c.contacts, r.key[1])
	}
	if len(c.contacts) == 0 {
		return nil
	}
	for _, r := range u.records["interactions"] {
		img := r.after
		if img == nil {
			img = r.before
		}
		var organization, contact uuid.NullUUID
		if json.Unmarshal(img["organization_id"], &organization) == nil && json.Unmarshal(img["contact_id"], &contact) == nil {
			c.add(organization, contact)
		}
	}
	return hold(ctx, u.work, c, slices.Concat(holdingRecords, holdingActivities)...)
}

// lock reads the records of one table as they are now and locks them, in the order of their keys.
func (u *undo) lock(ctx context.Context, table imagedTable) error {
	records := u.records[table.name]
	if len(records) == 0 {
		return nil
	}
	strength := " FOR NO KEY UPDATE OF t"
	if slices.ContainsFunc(records, func(r *touched) bool { return r.before == nil }) {
		strength = " FOR UPDATE OF t" // it may be deleted: nobody may come to refer to it meanwhile
	}
	images, err := column[json.RawMessage](ctx, u.work, `SELECT audit_image(to_jsonb(t)) FROM `+table.name+` t JOIN `+table.keysFrom()+` ON `+table.matches()+
		` ORDER BY `+strings.Join(table.key, ", ")+strength, keyArgs(table, records))
	if err != nil {
		return err
	}
	byKey := make(map[string]*touched, len(records))
	for _, r := range records {
		byKey[fmt.Sprint(r.key)] = r
	}
	for _, raw := range images {
		img, err := audit.ParseImage(raw)
		if err != nil {
			return err
		}
		key, err := keyOf(table, img)
		if err != nil {
			return err
		}
		r := byKey[fmt.Sprint(key)]
		r.now, r.nowRaw = img, raw
	}
	return nil
}

// keyedImage is a row that was just written: its key and its image.
type keyedImage struct {
	Key   []uuid.UUID
	Image json.RawMessage
}

func (t imagedTable) returning() string {
	return `RETURNING ARRAY[` + prefix("t.", t.key) + `] AS key, audit_image(to_jsonb(t)) AS image`
}

func byKey(rows []keyedImage) map[string]json.RawMessage {
	images := make(map[string]json.RawMessage, len(rows))
	for _, r := range rows {
		images[fmt.Sprint(r.Key)] = r.Image
	}
	return images
}
