package postgres

import (
	"context"
	"encoding/json"
	"errors"
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

// undoTimeout replaces the web's statement timeout inside an undo: 50,000 rows take about five seconds.
const undoTimeout = "60s"

// errNothingUndone leaves the transaction of an undo that found everything changed since.
var errNothingUndone = errors.New("nothing left to take back")

// Undo takes a change set back, as a new change set. An update goes back field by field: a field changed since
// is kept and named. A created record goes only if it is as it was made and nothing refers to it; a deleted
// one comes back. Records out of the actor's edit reach are kept, nameless. When nothing is left to take back,
// nothing is written and the result has no change set.
func (s *Store) Undo(ctx context.Context, id uuid.UUID) (crm.UndoResult, error) {
	if !s.actor.SignedIn() && !s.actor.System {
		return crm.UndoResult{}, crm.ErrNotFound
	}
	var u *undo
	cs, err := s.writeUndoing(ctx, audit.Undo, uuid.NullUUID{UUID: id, Valid: true}, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if _, err := w.Exec(ctx, `SET LOCAL statement_timeout = '`+undoTimeout+`'`); err != nil {
			return nil, err
		}
		if err := s.mayUndo(ctx, w, id); err != nil {
			return nil, err
		}
		return s.keepingAdmin(ctx, w, func() ([]audit.Change, error) {
			u = &undo{store: s, work: w, of: id}
			return u.run(ctx)
		})
	})
	if errors.Is(err, errNothingUndone) {
		return u.result, nil
	}
	if err != nil {
		return crm.UndoResult{}, err
	}
	u.result.ChangeSetID = cs
	return u.result, nil
}

// mayUndo checks that the actor holds the permissions of everything the change set changed.
func (s *Store) mayUndo(ctx context.Context, w *work, id uuid.UUID) error {
	types, err := s.changeSetTypes(ctx, w, id)
	if err != nil {
		return err
	}
	for _, t := range types {
		if t == audit.User && s.actor.SignedIn() { // one's own profile needs no permission
			if mine, err := s.onlyMyProfile(ctx, w, id); err != nil || mine {
				return err
			}
		}
		view, edit := neededFor(t)
		if err := s.require(view, edit); err != nil {
			return err
		}
	}
	return nil
}

func (s *Store) onlyMyProfile(ctx context.Context, w *work, id uuid.UUID) (bool, error) {
	return scalar[bool](ctx, w, `SELECT bool_and(target_id = @me AND user_id = @me AND table_name = 'users' AND action = 'update_user')
		FROM audit_logs WHERE change_set_id = @id`, s.args(pgx.NamedArgs{"id": id}))
}

// undo is one run: the records the change set touched, table by table.
type undo struct {
	store   *Store
	work    *work
	of      uuid.UUID
	at      time.Time // when the change set was made
	records map[string][]*touched
	changes []audit.Change
	result  crm.UndoResult
}

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
}

func (t *touched) name() string {
	img := t.after
	if img == nil {
		img = t.before
	}
	var parts []string
	for _, c := range []string{"display_name", "first_name", "last_name", "subject", "name"} {
		var v string
		if json.Unmarshal(img[c], &v) == nil && v != "" {
			parts = append(parts, v)
		}
	}
	return strings.Join(parts, " ")
}

func (u *undo) run(ctx context.Context) ([]audit.Change, error) {
	if err := u.load(ctx); err != nil {
		return nil, err
	}
	for _, table := range imagedTables {
		if err := u.lock(ctx, table); err != nil {
			return nil, err
		}
	}
	steps := []func(context.Context, imagedTable) error{u.deleteCreated, u.restoreUpdated, u.insertDeleted}
	for i, step := range steps {
		for _, table := range imagedTables {
			if len(u.records[table.name]) == 0 {
				continue
			}
			if err := step(ctx, table); err != nil {
				return nil, fmt.Errorf("undo step %d of %s: %w", i+1, table.name, err)
			}
		}
	}
	if len(u.changes) == 0 {
		return nil, errNothingUndone
	}
	return u.changes, u.rewindPeriods(ctx)
}

// load reads the change set's rows within edit reach and folds them per record.
func (u *undo) load(ctx context.Context) error {
	s := u.store
	type row struct {
		Action     string
		TargetType string
		TargetID   uuid.UUID
		ParentID   uuid.NullUUID
		TableName  string
		Before     json.RawMessage
		After      json.RawMessage
		Within     bool
		TxAt       time.Time
	}
	rows, err := many[row](ctx, u.work, `SELECT a.action, a.target_type, a.target_id, a.parent_id, a.table_name, a.before, a.after, a.tx_at,
			`+s.changeScope(authz.EditClient, authz.EditInteraction)+` OR (a.table_name = 'users' AND a.target_id = @me) AS within
		FROM audit_logs a WHERE a.change_set_id = @id AND a.table_name IS NOT NULL ORDER BY a.id`, s.args(pgx.NamedArgs{"id": u.of}))
	if err != nil {
		return err
	}
	u.records = map[string][]*touched{}
	folded := map[string]*touched{}
	outside := 0
	for _, r := range rows {
		if !r.Within {
			outside++
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
		id := fmt.Sprint(table.name, t.key)
		if first := folded[id]; first != nil {
			first.after = t.after
			continue
		}
		folded[id] = t
		u.records[table.name] = append(u.records[table.name], t)
	}
	if len(folded) == 0 {
		return crm.ErrNotFound
	}
	if outside > 0 {
		u.result.Kept = append(u.result.Kept, crm.Kept{Reason: crm.Msg("%d changes are of records out of your reach.", outside)})
	}
	return nil
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

// lock reads the records of one table as they are now and locks them, in the order of their keys.
func (u *undo) lock(ctx context.Context, table imagedTable) error {
	records := u.records[table.name]
	if len(records) == 0 {
		return nil
	}
	images, err := column[json.RawMessage](ctx, u.work, `SELECT audit_image(to_jsonb(t)) FROM `+table.name+` t JOIN `+table.keysFrom()+` ON `+table.matches()+
		` ORDER BY `+strings.Join(table.key, ", ")+` FOR UPDATE OF t`, keyArgs(table, records))
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

func (u *undo) keep(r *touched, fields []string, reason string, args ...any) {
	u.result.Kept = append(u.result.Kept, crm.Kept{Target: r.target, Name: r.name(), Fields: fields, Reason: crm.Msg(reason, args...)})
}

// done records that a record was put back.
func (u *undo) done(table imagedTable, r *touched, before, after json.RawMessage) {
	c := audit.Change{
		Action: audit.Undo, TargetType: r.target.Type, TargetID: r.target.ID, ParentID: r.parent, Table: table.name,
		Metadata: map[string]any{"undoes": u.of, "action": r.action}, Before: before, After: after,
	}
	if table.targetType == audit.Relationship {
		c.Metadata["organization_id"], c.Metadata["contact_id"] = r.key[0], r.key[1]
	}
	u.changes = append(u.changes, c)
	u.result.Undone++
	if u.result.Target.Type == "" {
		u.result.Target = u.landing(table, r, after != nil)
	}
}

// landing is the page to show after an undo: the record, or, where it is gone, what it belonged to.
func (u *undo) landing(table imagedTable, r *touched, exists bool) crm.Target {
	switch {
	case table.targetType == audit.Relationship:
		return crm.Target{Type: audit.Organization, ID: r.key[0]}
	case exists:
		return r.target
	case table.name != "interactions":
		return crm.Target{}
	}
	for _, c := range []struct{ column, targetType string }{{"organization_id", audit.Organization}, {"contact_id", audit.Contact}} {
		var id uuid.NullUUID
		if json.Unmarshal(r.after[c.column], &id) == nil && id.Valid {
			return crm.Target{Type: c.targetType, ID: id.UUID}
		}
	}
	return crm.Target{}
}

// mayRemove applies the rule that only its author or someone with ManageUsers may delete an interaction, or
// bring one back.
func (u *undo) mayRemove(table imagedTable, img audit.Image) bool {
	if table.name != "interactions" {
		return true
	}
	var author uuid.NullUUID
	_ = json.Unmarshal(img["user_id"], &author) // an unreadable author is nobody
	return u.store.actor.System || u.store.MayDelete(author)
}

// deleteCreated removes the records that the change set made, where they are as they were made and nothing
// refers to them.
func (u *undo) deleteCreated(ctx context.Context, table imagedTable) error {
	var ready []*touched
	for _, r := range u.records[table.name] {
		switch {
		case r.before != nil || r.after == nil || r.now == nil: // not created, or gone already
		case !audit.Same(r.now, r.after):
			u.keep(r, nil, "it was changed since")
		case !u.mayRemove(table, r.after):
			u.keep(r, nil, "only its author may remove it")
		default:
			ready = append(ready, r)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	free, err := u.unreferred(ctx, table, ready)
	if err != nil || len(free) == 0 {
		return err
	}
	if _, err := u.work.Exec(ctx, `DELETE FROM `+table.name+` t USING `+table.keysFrom()+` WHERE `+table.matches(), keyArgs(table, free)); err != nil {
		return err
	}
	for _, r := range free {
		u.done(table, r, r.nowRaw, nil)
	}
	return nil
}

// unreferred keeps, and names, the records that something refers to and returns the others.
func (u *undo) unreferred(ctx context.Context, table imagedTable, records []*touched) ([]*touched, error) {
	if len(table.refersTo) == 0 {
		return records, nil
	}
	referred, err := column[uuid.UUID](ctx, u.work, `SELECT t.id FROM `+table.name+` t JOIN `+table.keysFrom()+` ON `+table.matches()+
		` WHERE `+strings.Join(table.refersTo, " OR "), keyArgs(table, records))
	if err != nil {
		return nil, err
	}
	busy := make(map[uuid.UUID]bool, len(referred))
	for _, id := range referred {
		busy[id] = true
	}
	var free []*touched
	for _, r := range records {
		if busy[r.key[0]] {
			u.keep(r, nil, "other records refer to it")
			continue
		}
		free = append(free, r)
	}
	return free, nil
}

// restoreUpdated puts back, field by field, what the change set changed and nobody changed since.
func (u *undo) restoreUpdated(ctx context.Context, table imagedTable) error {
	var ready []*touched
	for _, r := range u.records[table.name] {
		if r.before == nil || r.after == nil {
			continue
		}
		if r.now == nil {
			u.keep(r, nil, "it was removed since")
			continue
		}
		m := audit.MergeBack(r.before, r.after, r.now)
		if len(m.Kept) > 0 {
			u.keep(r, m.Kept, "changed since")
		}
		r.patch = m.Patch
		u.keepOwnerOutOfReach(table, r)
		if len(r.patch) > 0 {
			ready = append(ready, r)
		}
	}
	ready, err := u.keepTaken(ctx, table, ready)
	if err != nil || len(ready) == 0 {
		return err
	}
	return u.patch(ctx, table, ready)
}

// keepOwnerOutOfReach drops an earlier owner with whom the record would leave the actor's reach.
func (u *undo) keepOwnerOutOfReach(table imagedTable, r *touched) {
	raw, patched := r.patch["owner_user_id"]
	if !table.owned || !patched {
		return
	}
	var owner uuid.NullUUID
	if err := json.Unmarshal(raw, &owner); err != nil || !u.store.actor.Covers(authz.EditClient, owner) {
		delete(r.patch, "owner_user_id")
		u.keep(r, []string{"owner_user_id"}, "with its earlier owner it would be out of your reach")
	}
}

// keepTaken drops, and names, earlier values that another record has taken since, such as an e-mail address.
func (u *undo) keepTaken(ctx context.Context, table imagedTable, records []*touched) ([]*touched, error) {
	for _, unique := range table.unique {
		var asking []*touched
		var values []string
		for _, r := range records {
			var v string
			if raw, patched := r.patch[unique]; patched && json.Unmarshal(raw, &v) == nil && v != "" {
				asking, values = append(asking, r), append(values, v)
			}
		}
		if len(asking) == 0 {
			continue
		}
		args := keyArgs(table, asking)
		args["values"] = values
		taken, err := column[uuid.UUID](ctx, u.work, `SELECT p.k0 FROM unnest(@k0::uuid[], @values::text[]) p(k0, v)
			JOIN `+table.name+` t ON t.`+unique+` = p.v AND t.id <> p.k0`, args)
		if err != nil {
			return nil, err
		}
		for _, r := range asking {
			if slices.Contains(taken, r.key[0]) {
				delete(r.patch, unique)
				u.keep(r, []string{unique}, "another record has taken the earlier value since")
			}
		}
	}
	return slices.DeleteFunc(records, func(r *touched) bool { return len(r.patch) == 0 }), nil
}

// patch writes earlier values back, all records of a table in one statement.
func (u *undo) patch(ctx context.Context, table imagedTable, records []*touched) error {
	args := keyArgs(table, records)
	patches := make([]json.RawMessage, len(records))
	for i, r := range records {
		raw, err := json.Marshal(r.patch)
		if err != nil {
			return err
		}
		patches[i] = raw
	}
	args["patch"] = patches
	columns := strings.Join(table.columns, ", ")
	set := `(` + columns + `) = (SELECT ` + prefix("r.", table.columns) + ` FROM jsonb_populate_record(NULL::` + table.name + `, to_jsonb(t) || p.patch) r)`
	if table.versioned {
		set += `, version = t.version + 1`
	}
	if table.stamped {
		set += `, updated_at = now()`
	}
	type row struct {
		Key   []uuid.UUID
		Image json.RawMessage
	}
	rows, err := many[row](ctx, u.work, `UPDATE `+table.name+` t SET `+set+` FROM `+table.keysFrom("patch")+` WHERE `+table.matches()+
		` RETURNING ARRAY[`+prefix("t.", table.key)+`] AS key, audit_image(to_jsonb(t)) AS image`, args)
	if err != nil {
		return err
	}
	byKey := make(map[string]json.RawMessage, len(rows))
	for _, r := range rows {
		byKey[fmt.Sprint(r.Key)] = r.Image
	}
	for _, r := range records {
		u.done(table, r, r.nowRaw, byKey[fmt.Sprint(r.key)])
	}
	return nil
}

func prefix(p string, columns []string) string { return p + strings.Join(columns, ", "+p) }

// insertDeleted brings back what the change set deleted. The version goes on from where it was: each earlier
// version has left an audit row, so their number is at least as high.
func (u *undo) insertDeleted(ctx context.Context, table imagedTable) error {
	var ready []*touched
	var images []json.RawMessage
	for _, r := range u.records[table.name] {
		switch {
		case r.after != nil || r.before == nil: // not deleted
		case r.now != nil:
			u.keep(r, nil, "it is there again already")
		case !u.mayRemove(table, r.before):
			u.keep(r, nil, "only its author may bring it back")
		default:
			raw, err := json.Marshal(r.before)
			if err != nil {
				return err
			}
			ready, images = append(ready, r), append(images, raw)
		}
	}
	if len(ready) == 0 {
		return nil
	}
	columns, values := strings.Join(table.columns, ", "), prefix("r.", table.columns)
	if table.versioned {
		columns += ", version"
		values += ", (SELECT count(*) + 1 FROM audit_logs a WHERE a.target_id = r." + table.target + ")"
	}
	for i, r := range ready {
		after, err := scalar[json.RawMessage](ctx, u.work, `INSERT INTO `+table.name+` AS t (`+columns+`) SELECT `+values+
			` FROM jsonb_populate_record(NULL::`+table.name+`, @image::jsonb) r RETURNING audit_image(to_jsonb(t))`, pgx.NamedArgs{"image": images[i]})
		if err != nil {
			return err
		}
		u.done(table, r, nil, after)
	}
	return nil
}

// rewindPeriods makes the past of relationships as if the change set had not been: the periods it opened are
// forgotten, the one it closed goes on. Where somebody changed the link in between, the past stays as it was.
func (u *undo) rewindPeriods(ctx context.Context) error {
	links := u.records["organization_contact"]
	if len(links) == 0 {
		return nil
	}
	table, _ := tableNamed("organization_contact")
	args := keyArgs(table, links)
	args["at"] = u.at
	for _, sql := range []string{
		// opened by the change set and closed by this undo: it never was
		`DELETE FROM relationship_periods t USING ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."from" = @at AND t."to" = now()`,
		// closed by the change set, and the link is again as it was then: it went on
		`WITH reopened AS (
			SELECT t.id, n.id AS opened FROM relationship_periods t JOIN ` + table.keysFrom() + ` ON ` + table.matches() + `
			JOIN relationship_periods n ON n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL AND n."from" = now()
			WHERE t."to" = @at AND (t.role_label, t.relationship_status) IS NOT DISTINCT FROM (n.role_label, n.relationship_status)),
		gone AS (DELETE FROM relationship_periods t USING reopened r WHERE t.id = r.opened RETURNING r.id)
		SELECT count(*) FROM gone`,
		`UPDATE relationship_periods t SET "to" = NULL FROM ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."to" = @at
			AND NOT EXISTS (SELECT 1 FROM relationship_periods n WHERE n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL)
			AND EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = t.organization_id AND l.contact_id = t.contact_id)`,
	} {
		if _, err := u.work.Exec(ctx, sql, args); err != nil {
			return err
		}
	}
	return nil
}
