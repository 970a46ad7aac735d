package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// followUpBulkKind is what an action on many follow-ups is called, as a whole and for each.
type followUpBulkKind struct {
	kind, action audit.Action
	set, same    string // SQL: what is set, and whether follow-up t is so already
}

var followUpKinds = map[crm.FollowUpAction]followUpBulkKind{
	crm.SnoozeFollowUps: {
		audit.SnoozeFollowUps, audit.UpdateFollowUp, "due_on = @dueOn::date, due_at = @dueAt::timestamptz",
		"t.due_on IS NOT DISTINCT FROM @dueOn::date AND t.due_at IS NOT DISTINCT FROM @dueAt::timestamptz",
	},
	crm.AssignFollowUps: {audit.AssignFollowUps, audit.UpdateFollowUp, "user_id = @person::uuid", "t.user_id IS NOT DISTINCT FROM @person::uuid"},
	crm.FinishFollowUps: {audit.FinishFollowUps, audit.FinishFollowUp, "state = 'done', outcome = NULL, done_at = now(), done_by = @me::uuid, done_interaction_id = NULL", "FALSE"},
}

func (s *Store) newFollowUpBulk(w *work, b crm.FollowUpBulk) *bulk {
	kind := followUpKinds[b.Action]
	due := followUpArgs(crm.FollowUp{Due: b.Due})
	run := &bulk{
		store: s, work: w, name: "t.title", scope: s.followUpScope,
		view: authz.ViewInteraction, edit: authz.EditInteraction, same: kind.same, closed: "t.state <> 'open'",
		rewrite: rewrite{
			table: mustTable("follow_ups"), action: kind.action, set: kind.set,
			parent:   "coalesce(n.after->>'organization_id', n.after->>'contact_id')::uuid",
			metadata: "jsonb_build_object('organization_id', n.after->'organization_id', 'contact_id', n.after->'contact_id')",
			args:     pgx.NamedArgs{"dueOn": due["dueOn"], "dueAt": due["dueAt"], "person": b.UserID},
		},
		result: crm.BulkResult{Skipped: map[crm.SkipReason]crm.Skipped{}},
	}
	if b.Action == crm.AssignFollowUps {
		run.keeps = `EXISTS (SELECT 1 FROM (SELECT t.organization_id, t.contact_id, t.created_by, @person::uuid AS user_id) f WHERE ` + s.followUpScope(run.edit, "f") + `)`
	}
	return run
}

func (s *Store) mayChangeFollowUps(b crm.FollowUpBulk) error {
	if err := s.require(authz.ViewInteraction, authz.EditInteraction); err != nil {
		return err
	}
	return b.Validate()
}

// SelectedFollowUps returns how many follow-ups an action on all that a list finds would go through, at most one more
// than are allowed.
func (s *Store) SelectedFollowUps(ctx context.Context, b crm.FollowUpBulk) (int, error) {
	if err := s.mayChangeFollowUps(b); err != nil {
		return 0, err
	}
	if b.All == nil {
		return len(b.Picked), nil
	}
	sql, args, err := s.followUpSelection(ctx, *b.All)
	if err != nil {
		return 0, err
	}
	return s.countSelected(ctx, sql, args)
}

// followUpSelection returns the SQL of the ids of all that the list finds.
func (s *Store) followUpSelection(ctx context.Context, f crm.FollowUpFilter) (string, []any, error) {
	f.Page = crm.Page{}
	l, args, err := s.listFollowUps(ctx, f)
	sql, values := s.selected(l, args)
	return sql, values, err
}

// ChangeFollowUps does an action on follow-ups in one change set: on all that the actor may edit, that are open and not
// so already. The rest is left as it is, and told. When nothing is left to change, nothing is written and the result has
// no change set. A time that cannot be, a person who does not work here, and more than MaxSelected are Invalid.
func (s *Store) ChangeFollowUps(ctx context.Context, b crm.FollowUpBulk) (crm.BulkResult, error) {
	return s.changeFollowUps(ctx, b, nil)
}

// changeFollowUps is ChangeFollowUps for a job, or for somebody who waits where j is nil.
func (s *Store) changeFollowUps(ctx context.Context, b crm.FollowUpBulk, j *job) (crm.BulkResult, error) {
	if err := s.mayChangeFollowUps(b); err != nil {
		return crm.BulkResult{}, err
	}
	return s.changeMany(ctx, followUpKinds[b.Action].kind, j, func(ctx context.Context, w *work) (*bulk, []uuid.UUID, error) {
		if b.Action == crm.AssignFollowUps {
			if err := s.checkWorksHere(ctx, w, "user_id", b.UserID); err != nil {
				return nil, nil, err
			}
		}
		ids := b.Picked
		if b.All != nil {
			sql, args, err := s.followUpSelection(ctx, *b.All)
			if err != nil {
				return nil, nil, err
			}
			if ids, err = column[uuid.UUID](ctx, w, sql, args...); err != nil {
				return nil, nil, err
			}
		}
		return s.newFollowUpBulk(w, b), ids, nil
	})
}

// EnqueueFollowUps is Enqueue for an action on follow-ups.
func (s *Store) EnqueueFollowUps(ctx context.Context, b crm.FollowUpBulk, token uuid.NullUUID) (uuid.UUID, error) {
	if err := s.mayChangeFollowUps(b); err != nil {
		return uuid.Nil, err
	}
	return s.enqueue(ctx, idOnce(token), followUpKinds[b.Action].kind, crm.Task{FollowUps: &b})
}
