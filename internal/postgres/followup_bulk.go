package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

var followUpKinds = map[crm.FollowUpAction]audit.Action{
	crm.SnoozeFollowUps: audit.SnoozeFollowUps, crm.AssignFollowUps: audit.AssignFollowUps, crm.FinishFollowUps: audit.FinishFollowUps,
}

// ChangeFollowUps does an action on follow-ups in one change set: on all that the actor may edit, that are open and not
// so already. The rest is left as it is, and told. When nothing is left to change, nothing is written and the result has
// no change set. A time that cannot be and a person who does not work here are Invalid.
func (s *Store) ChangeFollowUps(ctx context.Context, b crm.FollowUpBulk) (crm.BulkResult, error) {
	if err := s.require(authz.ViewInteraction, authz.EditInteraction); err != nil {
		return crm.BulkResult{}, err
	}
	if err := b.Validate(); err != nil {
		return crm.BulkResult{}, err
	}
	ids := slices.Clone(b.Picked)
	slices.SortFunc(ids, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	ids = slices.Compact(ids)
	var result crm.BulkResult
	cs, err := s.write(ctx, followUpKinds[b.Action], func(ctx context.Context, w *work) ([]audit.Change, error) {
		result = crm.BulkResult{Skipped: map[crm.SkipReason]crm.Skipped{}}
		if b.Action == crm.AssignFollowUps {
			if err := s.checkWorksHere(ctx, w, "user_id", b.UserID); err != nil {
				return nil, err
			}
		}
		changes, err := s.changePicked(ctx, w, b, ids, &result)
		if err == nil && len(changes) == 0 {
			err = errAllSkipped
		}
		result.Done = len(changes)
		return changes, err
	})
	if errors.Is(err, errAllSkipped) {
		return result, nil
	}
	result.ChangeSet = cs
	return result, err
}

// changePicked locks follow-ups, all at once and in order, then changes one after the other: a page of them at most.
func (s *Store) changePicked(ctx context.Context, w *work, b crm.FollowUpBulk, ids []uuid.UUID, result *crm.BulkResult) ([]audit.Change, error) {
	locking := &bulk{store: s, work: w, table: mustTable("follow_ups"), scope: s.followUpScope, edit: authz.EditInteraction}
	locked, err := locking.lock(ctx, ids)
	if err != nil {
		return nil, err
	}
	type row struct {
		crm.FollowUp
		Image json.RawMessage
		Open  bool
	}
	rows, err := many[row](ctx, w, `SELECT `+followUpColumns+`, audit_image(to_jsonb(f)) AS image, coalesce(`+s.followUpScope(authz.EditInteraction, "f")+`, FALSE) AS open
		FROM follow_ups f WHERE f.id = ANY(@ids) AND `+s.followUpScope(authz.ViewInteraction, "f")+` ORDER BY f.id`, s.args(pgx.NamedArgs{"ids": ids}))
	if err != nil {
		return nil, err
	}
	for range len(ids) - len(rows) {
		skip(result, crm.SkippedGone, "")
	}
	var changes []audit.Change
	for _, r := range rows {
		reason := crm.SkippedReach
		switch {
		case !r.Open:
		case !locked[r.ID]:
			reason = crm.SkippedLocked
		default:
			var c audit.Change
			if c, reason, err = s.changeOne(ctx, w, b, imaged[crm.FollowUp]{r.FollowUp, r.Image}); err != nil {
				return nil, err
			}
			if reason == "" {
				changes = append(changes, c)
				continue
			}
		}
		skip(result, reason, r.Title)
	}
	return changes, nil
}

// changeOne does the action on one follow-up, or says why not.
func (s *Store) changeOne(ctx context.Context, w *work, b crm.FollowUpBulk, was imaged[crm.FollowUp]) (audit.Change, crm.SkipReason, error) {
	f := was.Record
	switch {
	case !f.Open():
		return audit.Change{}, crm.SkippedClosed, nil
	case b.Action == crm.FinishFollowUps:
		f.State = crm.FollowUpDone
		c, err := s.closeFollowUp(ctx, w, audit.FinishFollowUp, f, was.Image)
		return c, "", err
	case b.Action == crm.AssignFollowUps && f.UserID == b.UserID, b.Action == crm.SnoozeFollowUps && f.Due.Equal(b.Due):
		return audit.Change{}, crm.SkippedSame, nil
	case b.Action == crm.AssignFollowUps:
		f.UserID = b.UserID
	default:
		f.Due = b.Due
	}
	c, err := s.saveFollowUp(ctx, w, f, was)
	var invalid crm.Invalid
	if errors.As(err, &invalid) { // for somebody else it would leave the actor's reach
		return c, crm.SkippedReach, nil
	}
	return c, "", err
}
