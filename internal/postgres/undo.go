package postgres

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
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
// nothing is written and the result has no change set. A user whose change set is of very many records gets
// ErrLarge, and nothing was done: EnqueueUndo.
func (s *Store) Undo(ctx context.Context, id uuid.UUID) (crm.UndoResult, error) {
	return s.undo(ctx, id, nil)
}

// maxUndone is how many changes are taken back while somebody waits: a second or two.
const maxUndone = 5000

// ErrLarge says that an undo takes longer than anybody should wait for a page.
var ErrLarge = errors.New("the undo is a large one")

// undo is Undo for a job, or for somebody who waits where j is nil.
func (s *Store) undo(ctx context.Context, id uuid.UUID, j *job) (crm.UndoResult, error) {
	if !s.actor.SignedIn() && !s.actor.System {
		return crm.UndoResult{}, crm.ErrNotFound
	}
	var u *undo
	cs, err := s.writeUndoing(ctx, audit.Undo, uuid.NullUUID{UUID: id, Valid: true}, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if _, err := w.Exec(ctx, `SET LOCAL statement_timeout = '`+undoTimeout+`'`); err != nil {
			return nil, err
		}
		if err := j.claim(ctx, w); err != nil {
			return nil, err
		}
		types, err := s.changeSetTypes(ctx, w, id)
		if err != nil {
			return nil, err
		}
		root, err := s.mayUndo(ctx, w, id, types)
		if err != nil {
			return nil, err
		}
		if j == nil && s.actor.SignedIn() {
			n, err := s.undoable(ctx, w, id)
			switch {
			case err != nil:
				return nil, err
			case n > maxUndone:
				return nil, ErrLarge
			}
		}
		takeBack := func() ([]audit.Change, error) {
			u = &undo{store: s, work: w, job: j, of: id, root: root, staying: map[uuid.UUID]bool{}}
			changes, err := u.run(ctx)
			if err == nil {
				err = j.finish(ctx, w, resultOf(u.result))
			}
			return changes, err
		}
		if !slices.ContainsFunc(types, givesRights) { // a long undo of clients holds up no administrator
			return takeBack()
		}
		return s.keepingRights(ctx, w, takeBack)
	})
	if errors.Is(err, errNothingUndone) {
		return u.result, j.close(ctx, resultOf(u.result))
	}
	if err != nil {
		return crm.UndoResult{}, err
	}
	u.result.ChangeSetID = cs
	return u.result, nil
}

// undoable counts the changes of a change set within the actor's reach, up to one more than are taken back at once.
func (s *Store) undoable(ctx context.Context, q querier, id uuid.UUID) (int, error) {
	return scalar[int](ctx, q, `SELECT count(*) FROM (SELECT 1 FROM audit_logs a WHERE a.change_set_id = @id AND a.table_name IS NOT NULL
		AND (`+s.changeScope(authz.EditClient, authz.EditInteraction)+` OR (a.table_name = 'users' AND a.target_id = @me)) LIMIT @most) n`,
		s.args(pgx.NamedArgs{"id": id, "most": maxUndone + 1}))
}

// keptTold is how many records that an undo kept its job names.
const keptTold = 50

func resultOf(r crm.UndoResult) crm.JobResult {
	told := r.Kept[:min(len(r.Kept), keptTold)]
	return crm.JobResult{BulkResult: crm.BulkResult{Done: r.Undone}, Kept: told, KeptMore: len(r.Kept) - len(told)}
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

// UndoGivesRights reports whether to take a change set back, which the actor may, can give somebody rights, as an edit
// of users and roles can.
func (s *Store) UndoGivesRights(ctx context.Context, id uuid.UUID) (bool, error) {
	if !s.actor.SignedIn() {
		return false, crm.ErrNotFound
	}
	types, err := s.changeSetTypes(ctx, s.db.pool, id)
	if err != nil {
		return false, err
	}
	if _, err := s.mayUndo(ctx, s.db.pool, id, types); err != nil || !slices.ContainsFunc(types, givesRights) {
		return false, err
	}
	mine, err := s.onlyMyProfile(ctx, s.db.pool, id)
	return !mine, err
}

// permissions are what a change of this kind takes besides those of its records.
func (r rootChange) permissions() []authz.Permission {
	if r.Kind == audit.Import {
		return []authz.Permission{authz.ImportClient}
	}
	return nil
}

// mayUndo checks that the actor holds the permissions of everything the change set changed, records of these
// types, and returns what it goes back to.
func (s *Store) mayUndo(ctx context.Context, q querier, id uuid.UUID, types []string) (rootChange, error) {
	root, err := rootOf(ctx, q, id)
	if err != nil {
		return root, err
	}
	for _, t := range types {
		if t == audit.User && s.actor.SignedIn() { // one's own profile needs no permission
			if mine, err := s.onlyMyProfile(ctx, q, id); err != nil || mine {
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
// change about themselves: their name and preferences. Their team, address and roles take ManageUsers, now as then.
func (s *Store) onlyMyProfile(ctx context.Context, q querier, id uuid.UUID) (bool, error) {
	return scalar[bool](ctx, q, `SELECT coalesce(bool_and(target_id = @me AND user_id = @me AND table_name = 'users' AND before IS NOT NULL AND after IS NOT NULL
			AND before - '{name,zone,theme,density,language,keys_off}'::text[] = after - '{name,zone,theme,density,language,keys_off}'::text[]), FALSE)
		FROM audit_logs WHERE change_set_id = @id`, s.args(pgx.NamedArgs{"id": id}))
}

// undo is one run: the records the change set touched, table by table.
type undo struct {
	store   *Store
	work    *work
	job     *job // nil where somebody waits
	of      uuid.UUID
	root    rootChange
	at      time.Time // when the change set was made
	records map[string][]*touched
	changes []audit.Change
	result  crm.UndoResult
	staying map[uuid.UUID]bool // records with parts that the change set made and that stay: their parts stay too

	outside int       // changes out of the actor's reach
	loaded  int       // rows that the last load read,
	last    uuid.UUID // the last of them
}

func (u *undo) run(ctx context.Context) ([]audit.Change, error) {
	table, many, err := u.manyOfOne(ctx)
	if err != nil {
		return nil, err
	}
	if many {
		return nil, u.inParts(ctx, table)
	}
	if err := u.load(ctx, part{}); err != nil {
		return nil, err
	}
	if err := u.lockAll(ctx); err != nil {
		return nil, err
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

// removeCreated runs deleteCreated for every table. A user, a role or an interaction that turns out to stay must keep its
// roles, permissions or attendees, which go first: then everything is tried again without them.
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

// moveVersions lets forms of records with parts that were read before this undo meet a conflict: such a form sends
// all roles, permissions or attendees, and would bring back what was just taken.
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

func (u *undo) keep(r *touched, fields []string, reason string, args ...any) {
	if u.withWhole(r) {
		return // the whole is named
	}
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
	maps.Copy(c.Metadata, r.whose)
	u.changes = append(u.changes, c)
	if !u.withWhole(r) {
		u.result.Undone++
	}
	if u.result.Target.Type == "" {
		u.result.Target = u.landing(table, r, after != nil)
	}
}

// withWhole reports whether r is an attendee of an interaction that the change set made or deleted: the two are one to
// whoever reads what was taken back, and what was kept.
func (u *undo) withWhole(r *touched) bool {
	return r.whose != nil && slices.ContainsFunc(u.records["interactions"], func(whole *touched) bool {
		return whole.key[0] == r.key[0] && (whole.before == nil || whole.after == nil)
	})
}

// landing is the page to show after an undo: the record, or, where it is gone, what it belonged to.
func (u *undo) landing(table imagedTable, r *touched, exists bool) crm.Target {
	switch {
	case table.targetType == audit.Relationship:
		return crm.Target{Type: audit.Organization, ID: r.key[0]}
	case exists, r.whose != nil && !u.withWhole(r):
		return r.target
	case table.name != "interactions" && table.name != "follow_ups":
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
