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
		root, err := s.mayUndo(ctx, w, id)
		if err != nil {
			return nil, err
		}
		return s.keepingAdmin(ctx, w, func() ([]audit.Change, error) {
			u = &undo{store: s, work: w, of: id, root: root, staying: map[uuid.UUID]bool{}}
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

// rootChange is the change set at the start of a chain of undos: what somebody first did.
type rootChange struct {
	Kind  audit.Action
	TxAt  time.Time
	Depth int // undos from there: odd where the change set took it back, even where it made it again
}

func rootOf(ctx context.Context, q querier, id uuid.UUID) (rootChange, error) {
	r, err := one[rootChange](ctx, q, `WITH RECURSIVE chain AS (
			SELECT c.id, c.undoes, c.kind, c.tx_at, 0 AS depth FROM change_sets c WHERE c.id = @id
			UNION ALL SELECT c.id, c.undoes, c.kind, c.tx_at, d.depth + 1 FROM change_sets c JOIN chain d ON c.id = d.undoes)
		SELECT kind, tx_at, depth FROM chain ORDER BY depth DESC LIMIT 1`, pgx.NamedArgs{"id": id})
	return r, notFound(err)
}

// permissions are what a change of this kind takes besides those of its records.
func (r rootChange) permissions() []authz.Permission {
	if r.Kind == audit.Import {
		return []authz.Permission{authz.ImportClient}
	}
	return nil
}

// mayUndo checks that the actor holds the permissions of everything the change set changed, and returns what
// it goes back to.
func (s *Store) mayUndo(ctx context.Context, w *work, id uuid.UUID) (rootChange, error) {
	types, err := s.changeSetTypes(ctx, w, id)
	if err != nil {
		return rootChange{}, err
	}
	root, err := rootOf(ctx, w, id)
	if err != nil {
		return root, err
	}
	for _, t := range types {
		if t == audit.User && s.actor.SignedIn() { // one's own profile needs no permission
			if mine, err := s.onlyMyProfile(ctx, w, id); err != nil || mine {
				return root, err
			}
		}
		view, edit := neededFor(t)
		if err := s.require(view, edit); err != nil {
			return root, err
		}
	}
	return root, s.require(root.permissions()...)
}

// onlyMyProfile reports whether a change set is the actor's own and touches nothing but what everyone may
// change about themselves: name, zone and theme. Their team, address and roles take ManageUsers, now as then.
func (s *Store) onlyMyProfile(ctx context.Context, w *work, id uuid.UUID) (bool, error) {
	return scalar[bool](ctx, w, `SELECT coalesce(bool_and(target_id = @me AND user_id = @me AND table_name = 'users' AND before IS NOT NULL AND after IS NOT NULL
			AND before - '{name,zone,theme}'::text[] = after - '{name,zone,theme}'::text[]), FALSE)
		FROM audit_logs WHERE change_set_id = @id`, s.args(pgx.NamedArgs{"id": id}))
}

// undo is one run: the records the change set touched, table by table.
type undo struct {
	store   *Store
	work    *work
	of      uuid.UUID
	root    rootChange
	at      time.Time // when the change set was made
	records map[string][]*touched
	changes []audit.Change
	result  crm.UndoResult
	staying map[uuid.UUID]bool // users and roles that the change set made and that stay: their parts stay too
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
	if err := u.removeCreated(ctx); err != nil {
		return nil, err
	}
	if err := u.each(ctx, imagedTables, u.restoreUpdated); err != nil {
		return nil, err
	}
	backwards := slices.Clone(imagedTables) // what is referred to comes back before what refers
	slices.Reverse(backwards)
	if err := u.each(ctx, backwards, u.insertDeleted); err != nil {
		return nil, err
	}
	if len(u.changes) == 0 {
		u.result.Target = u.firstThere()
		return nil, errNothingUndone
	}
	if err := u.moveVersions(ctx); err != nil {
		return nil, err
	}
	return u.changes, u.rewindPeriods(ctx)
}

// firstThere is the page to show when nothing was taken back: that of the first record that still exists.
func (u *undo) firstThere() crm.Target {
	for _, table := range imagedTables {
		for _, r := range u.records[table.name] {
			if r.now != nil {
				return u.landing(table, r, true)
			}
		}
	}
	return crm.Target{}
}

// each runs one step for every table that the change set touched.
func (u *undo) each(ctx context.Context, tables []imagedTable, step func(context.Context, imagedTable) error) error {
	for _, table := range tables {
		if len(u.records[table.name]) == 0 {
			continue
		}
		if err := step(ctx, table); err != nil {
			return fmt.Errorf("undo of %s: %w", table.name, err)
		}
	}
	return nil
}

// removeCreated runs deleteCreated for every table. A user or a role that turns out to stay must keep its roles
// or permissions, which go first: then everything is tried again without them.
func (u *undo) removeCreated(ctx context.Context) error {
	for {
		staying, changes, result := len(u.staying), u.changes, u.result
		if _, err := u.work.Exec(ctx, `SAVEPOINT created`); err != nil {
			return err
		}
		if err := u.each(ctx, imagedTables, u.deleteCreated); err != nil {
			return err
		}
		if len(u.staying) == staying {
			_, err := u.work.Exec(ctx, `RELEASE SAVEPOINT created`)
			return err
		}
		u.changes, u.result = changes, result
		if _, err := u.work.Exec(ctx, `ROLLBACK TO SAVEPOINT created`); err != nil {
			return err
		}
	}
}

// moveVersions lets forms of users and roles that were read before this undo meet a conflict: such a form sends
// all roles or permissions, and would bring back what was just taken.
func (u *undo) moveVersions(ctx context.Context) error {
	for _, table := range imagedTables {
		if table.partOf == "" {
			continue
		}
		var ids []uuid.UUID
		for _, r := range u.records[table.name] {
			ids = append(ids, r.key[0])
		}
		if len(ids) == 0 {
			continue
		}
		if _, err := u.work.Exec(ctx, `UPDATE `+table.partOf+` SET version = version + 1 WHERE id = ANY(@ids)`, pgx.NamedArgs{"ids": ids}); err != nil {
			return err
		}
	}
	return nil
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
		case table.partOf != "" && u.staying[r.key[0]]:
		case !audit.Same(r.now, r.after):
			u.stays(table, r, "it was changed since")
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
	if err != nil {
		return err
	}
	if free, err = u.keepOnlyWay(ctx, table, free); err != nil || len(free) == 0 {
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

// stays keeps a record that the change set made, with its parts.
func (u *undo) stays(table imagedTable, r *touched, reason string) {
	u.keep(r, nil, reason)
	if table.name == "users" || table.name == "roles" {
		u.staying[r.key[0]] = true
	}
}

// keepOnlyWay keeps the links through which alone the actor reaches a person, as unlinking does.
func (u *undo) keepOnlyWay(ctx context.Context, table imagedTable, links []*touched) ([]*touched, error) {
	s := u.store
	if table.name != "organization_contact" || s.actor.Reach(authz.EditClient) == authz.All {
		return links, nil
	}
	var free []*touched
	for _, r := range links {
		owner, err := scalar[uuid.NullUUID](ctx, u.work, `SELECT owner_user_id FROM contacts WHERE id = @id`, pgx.NamedArgs{"id": r.key[1]})
		if err != nil {
			return nil, err
		}
		reached := s.actor.Covers(authz.EditClient, owner)
		if !reached {
			if reached, err = s.reachedThroughOrganization(ctx, u.work, r.key[1], r.key[0]); err != nil {
				return nil, err
			}
		}
		if !reached {
			u.keep(r, nil, "you reach this person only through this organization")
			continue
		}
		free = append(free, r)
	}
	return free, nil
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
			u.stays(table, r, "other records refer to it")
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
	for _, keep := range []func(context.Context, imagedTable, []*touched) error{u.keepTaken, u.keepGone, u.keepTree} {
		if err := keep(ctx, table, ready); err != nil {
			return err
		}
	}
	if ready = slices.DeleteFunc(ready, func(r *touched) bool { return len(r.patch) == 0 }); len(ready) == 0 {
		return nil
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
func (u *undo) keepTaken(ctx context.Context, table imagedTable, records []*touched) error {
	for _, unique := range table.unique {
		taken, err := u.taken(ctx, table, unique, records, func(r *touched) audit.Image { return r.patch })
		if err != nil {
			return err
		}
		for _, r := range taken {
			delete(r.patch, unique)
			u.keep(r, []string{unique}, "another record has taken the earlier value since")
		}
	}
	return nil
}

// taken returns the records whose value of a unique column, in the image that of gives, another record has.
func (u *undo) taken(ctx context.Context, table imagedTable, unique string, records []*touched, of func(*touched) audit.Image) ([]*touched, error) {
	var places []int
	var values []string
	var ids []uuid.UUID
	for i, r := range records {
		var v string
		if raw, has := of(r)[unique]; has && json.Unmarshal(raw, &v) == nil && v != "" {
			places, values, ids = append(places, i), append(values, v), append(ids, r.key[0])
		}
	}
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // none is taken
	}
	found, err := column[int](ctx, u.work, `SELECT p.i FROM unnest(@places::int[], @values::text[], @ids::uuid[]) p(i, v, id)
		JOIN `+table.name+` t ON t.`+unique+` = p.v AND t.id <> p.id`, pgx.NamedArgs{"places": places, "values": values, "ids": ids})
	return pick(records, found), err
}

// keepGone drops, and names, earlier values that refer to a record that is gone.
func (u *undo) keepGone(ctx context.Context, table imagedTable, records []*touched) error {
	for _, ref := range table.refers {
		gone, err := u.gone(ctx, ref, records, nil, func(r *touched) audit.Image { return r.patch })
		if err != nil {
			return err
		}
		for _, r := range gone {
			delete(r.patch, ref.column)
			u.keep(r, []string{ref.column}, "what it referred to is gone")
		}
	}
	return nil
}

// gone returns the records that refer, in the image that of gives, to a row that is neither there nor among
// those about to come.
func (u *undo) gone(ctx context.Context, ref reference, records []*touched, coming []uuid.UUID, of func(*touched) audit.Image) ([]*touched, error) {
	var places []int
	var ids []uuid.UUID
	for i, r := range records {
		var id uuid.NullUUID
		if raw, has := of(r)[ref.column]; has && json.Unmarshal(raw, &id) == nil && id.Valid && !slices.Contains(coming, id.UUID) {
			places, ids = append(places, i), append(ids, id.UUID)
		}
	}
	if len(places) == 0 {
		return nil, nil //nolint:nilnil // none is gone
	}
	found, err := column[int](ctx, u.work, `SELECT p.i FROM unnest(@places::int[], @ids::uuid[]) p(i, id)
		WHERE NOT EXISTS (SELECT 1 FROM `+ref.table+` t WHERE t.id = p.id)`, pgx.NamedArgs{"places": places, "ids": ids})
	return pick(records, found), err
}

func pick(records []*touched, places []int) []*touched {
	out := make([]*touched, len(places))
	for i, n := range places {
		out[i] = records[n]
	}
	return out
}

// keepTree drops an earlier parent below which its team would stand below itself. Changes of the tree wait for
// each other, here as in UpdateTeam.
func (u *undo) keepTree(ctx context.Context, table imagedTable, records []*touched) error {
	if table.name != "teams" {
		return nil
	}
	if _, err := u.work.Exec(ctx, lockTree); err != nil {
		return err
	}
	for _, r := range records {
		t := crm.Team{ID: r.key[0]}
		if raw, patched := r.patch["parent_id"]; !patched || json.Unmarshal(raw, &t.ParentID) != nil || !t.ParentID.Valid {
			continue
		}
		err := checkTree(ctx, u.work, t)
		var circle crm.Invalid
		if errors.As(err, &circle) {
			delete(r.patch, "parent_id")
			u.keep(r, []string{"parent_id"}, "it would stand below itself")
		} else if err != nil {
			return err
		}
	}
	return nil
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
	rows, err := many[keyedImage](ctx, u.work, `UPDATE `+table.name+` t SET `+set+` FROM `+table.keysFrom("patch")+` WHERE `+table.matches()+` `+table.returning(), args)
	if err != nil {
		return err
	}
	after := byKey(rows)
	for _, r := range records {
		u.done(table, r, r.nowRaw, after[fmt.Sprint(r.key)])
	}
	return nil
}

func prefix(p string, columns []string) string { return p + strings.Join(columns, ", "+p) }

// insertDeleted brings back what the change set deleted.
func (u *undo) insertDeleted(ctx context.Context, table imagedTable) error {
	var ready []*touched
	for _, r := range u.records[table.name] {
		switch {
		case r.after != nil || r.before == nil: // not deleted
		case r.now != nil:
			u.keep(r, nil, "it is there again already")
		case !u.mayRemove(table, r.before):
			u.keep(r, nil, "only its author may bring it back")
		default:
			ready = append(ready, r)
		}
	}
	ready, err := u.insertable(ctx, table, ready)
	if err != nil || len(ready) == 0 {
		return err
	}
	return u.insert(ctx, table, ready)
}

// insertable keeps, and names, the deleted records that cannot come back: another has taken their address or
// name since, or what they referred to is gone.
func (u *undo) insertable(ctx context.Context, table imagedTable, records []*touched) ([]*touched, error) {
	before := func(r *touched) audit.Image { return r.before }
	without := func(kept []*touched, reason string) {
		named := make(map[*touched]bool, len(kept))
		for _, r := range kept {
			if !named[r] {
				u.keep(r, nil, reason)
			}
			named[r] = true
		}
		records = slices.DeleteFunc(records, func(r *touched) bool { return named[r] })
	}
	for _, unique := range table.unique {
		taken, err := u.taken(ctx, table, unique, records, before)
		if err != nil {
			return nil, err
		}
		without(taken, "another record has taken its place since")
	}
	for again := true; again; { // a team may go with the parent that cannot come back
		again = false
		for _, ref := range table.refers {
			var coming []uuid.UUID
			for _, r := range records {
				if ref.table == table.name {
					coming = append(coming, r.key[0])
				}
			}
			gone, err := u.gone(ctx, ref, records, coming, before)
			if err != nil {
				return nil, err
			}
			without(gone, "what it belonged to is gone")
			again = again || len(gone) > 0
		}
	}
	return records, nil
}

// insert writes deleted records back, all of a table in one statement. The version goes on from where it was:
// each earlier version has left an audit row, so their number is at least as high.
func (u *undo) insert(ctx context.Context, table imagedTable, records []*touched) error {
	images := make([]audit.Image, len(records))
	for i, r := range records {
		images[i] = r.before
	}
	raw, err := json.Marshal(images)
	if err != nil {
		return err
	}
	columns, values := strings.Join(table.columns, ", "), prefix("r.", table.columns)
	if table.versioned {
		columns += ", version"
		values += ", (SELECT count(*) + 1 FROM audit_logs a WHERE a.target_id = r." + table.target + ")"
	}
	rows, err := many[keyedImage](ctx, u.work, `INSERT INTO `+table.name+` AS t (`+columns+`) SELECT `+values+
		` FROM jsonb_populate_recordset(NULL::`+table.name+`, @images::jsonb) r `+table.returning(), pgx.NamedArgs{"images": json.RawMessage(raw)})
	if err != nil {
		return err
	}
	after := byKey(rows)
	for _, r := range records {
		u.done(table, r, nil, after[fmt.Sprint(r.key)])
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

// rewindPeriods makes the past of relationships as if the change set had not been: the periods it opened are
// forgotten, the one it closed goes on. Where it was itself an undo, the past is again as what it took back had
// left it: dated then, not today. Where somebody changed the link in between, the past stays as it was.
func (u *undo) rewindPeriods(ctx context.Context) error {
	links := u.records["organization_contact"]
	if len(links) == 0 {
		return nil
	}
	table, _ := tableNamed("organization_contact")
	args := keyArgs(table, links)
	args["root"] = u.root.TxAt
	args["at"] = []time.Time{u.at}
	if u.root.Depth%2 == 0 {
		args["at"] = []time.Time{u.at, u.root.TxAt} // made again, its periods are dated when it was first made
	}
	steps := []string{
		// opened by the change set and closed by this undo: it never was
		`DELETE FROM relationship_periods t USING ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."from" = ANY(@at) AND t."to" = now()`,
		// closed by the change set, and the link is again as it was then: it went on
		`WITH reopened AS (
			SELECT t.id, n.id AS opened FROM relationship_periods t JOIN ` + table.keysFrom() + ` ON ` + table.matches() + `
			JOIN relationship_periods n ON n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL AND n."from" = now()
			WHERE t."to" = ANY(@at) AND (t.role_label, t.relationship_status) IS NOT DISTINCT FROM (n.role_label, n.relationship_status)),
		gone AS (DELETE FROM relationship_periods t USING reopened r WHERE t.id = r.opened RETURNING r.id)
		SELECT count(*) FROM gone`,
		`UPDATE relationship_periods t SET "to" = NULL FROM ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."to" = ANY(@at)
			AND NOT EXISTS (SELECT 1 FROM relationship_periods n WHERE n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL)
			AND EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = t.organization_id AND l.contact_id = t.contact_id)`,
	}
	if u.root.Depth%2 == 1 {
		// closed or opened by this undo, which makes an old change again: dated when that was made
		steps = append(steps, `UPDATE relationship_periods t SET "from" = CASE t."from" WHEN now() THEN @root ELSE t."from" END,
				"to" = CASE t."to" WHEN now() THEN @root ELSE t."to" END
			FROM `+table.keysFrom()+` WHERE `+table.matches()+` AND (t."from" = now() OR t."to" = now() AND t."from" <= @root)
			AND NOT EXISTS (SELECT 1 FROM relationship_periods o WHERE o.organization_id = t.organization_id AND o.contact_id = t.contact_id
				AND (o."from" > @root AND o."from" < now() OR o."to" > @root AND o."to" < now()))`)
	}
	for _, sql := range steps {
		if _, err := u.work.Exec(ctx, sql, args); err != nil {
			return err
		}
	}
	return nil
}
