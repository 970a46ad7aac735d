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

// Changes of follow-ups, each one audited action; followup_list.go reads them.

func followUpArgs(f crm.FollowUp) pgx.NamedArgs {
	args := pgx.NamedArgs{
		"id": f.ID, "title": f.Title, "dueOn": emptyNull(string(f.Due.Day)), "dueAt": nil, "user": f.UserID, "organization": f.OrganizationID,
		"contact": f.ContactID, "interaction": f.InteractionID, "state": f.State, "outcome": f.Outcome, "doneBy": f.DoneBy,
		"doneInteraction": f.DoneInteractionID, "creator": f.CreatedBy,
	}
	if f.Due.Day == "" {
		args["dueAt"] = f.Due.At
	}
	return args
}

// followUpRowJSON is a follow-up as insertImaged takes it.
func followUpRowJSON(f crm.FollowUp) map[string]any {
	row := map[string]any{
		"id": f.ID, "title": f.Title, "due_on": emptyNull(string(f.Due.Day)), "due_at": nil, "user_id": f.UserID, "organization_id": f.OrganizationID,
		"contact_id": f.ContactID, "interaction_id": f.InteractionID, "state": f.State, "outcome": emptyNull(f.Outcome), "done_at": nil,
		"done_by": f.DoneBy, "done_interaction_id": f.DoneInteractionID, "created_by": f.CreatedBy, "created_at": f.CreatedAt, "updated_at": f.CreatedAt,
	}
	if f.Due.Day == "" {
		row["due_at"] = f.Due.At
	}
	if !f.Open() {
		row["done_at"] = f.DoneAt
	}
	return row
}

// followUpChange names the organization as the parent, else the contact: its history shows the change.
func followUpChange(a audit.Action, f crm.FollowUp, before, after json.RawMessage) audit.Change {
	parent := f.OrganizationID
	if !parent.Valid {
		parent = f.ContactID
	}
	return audit.Change{
		Action: a, TargetType: audit.FollowUp, TargetID: f.ID, ParentID: parent, Table: "follow_ups",
		Metadata: map[string]any{"organization_id": f.OrganizationID, "contact_id": f.ContactID}, Before: before, After: after,
	}
}

// CreateFollowUp saves a new follow-up, for the actor unless it says for whom, once per form token. What it is about
// must be in view and in use; on is as in LogInteraction. The clock says what is past.
func (s *Store) CreateFollowUp(ctx context.Context, f crm.FollowUp, on string, c crm.Clock, token uuid.NullUUID) (Saved, error) {
	if err := s.require(authz.ViewClient, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	f.ID, f.InteractionID = newID(), uuid.NullUUID{}
	return s.create(ctx, audit.CreateFollowUp, token, f.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := s.checkAttached(ctx, w, f.OrganizationID, f.ContactID, on); err != nil {
			return nil, err
		}
		change, err := s.insertFollowUp(ctx, w, f, c)
		return []audit.Change{change}, err
	})
}

// insertFollowUp inserts an open follow-up under its id, about records that are in view.
func (s *Store) insertFollowUp(ctx context.Context, w *work, f crm.FollowUp, c crm.Clock) (audit.Change, error) {
	f.Clean()
	f.State, f.CreatedBy = crm.FollowUpOpen, s.userID()
	if !f.UserID.Valid {
		f.UserID = s.userID()
	}
	faults := crm.Invalid{}
	for _, err := range []error{f.Validate(c, crm.Due{}), s.checkInUse(ctx, w, f), s.checkWorksHere(ctx, w, "user_id", f.UserID)} {
		if err := faults.Join("", err); err != nil {
			return audit.Change{}, err
		}
	}
	if err := faults.Err(); err != nil {
		return audit.Change{}, err
	}
	after, err := scalar[json.RawMessage](ctx, w, `
		INSERT INTO follow_ups AS f (id, title, due_on, due_at, user_id, organization_id, contact_id, interaction_id, created_by)
		VALUES (@id, @title, @dueOn, @dueAt, @user, @organization, @contact, @interaction, @creator)
		RETURNING audit_image(to_jsonb(f))`, followUpArgs(f))
	return followUpChange(audit.CreateFollowUp, f, nil, after), err
}

// checkInUse refuses what would have to be done about an archived record.
func (s *Store) checkInUse(ctx context.Context, w *work, f crm.FollowUp) error {
	type archived struct{ Organization, Contact bool }
	found, err := one[archived](ctx, w, `SELECT EXISTS (SELECT 1 FROM organizations WHERE id = @organization AND NOT is_active) AS organization,
		EXISTS (SELECT 1 FROM contacts WHERE id = @contact AND NOT is_active) AS contact`,
		pgx.NamedArgs{"organization": f.OrganizationID, "contact": f.ContactID})
	switch {
	case err != nil:
		return err
	case found.Organization:
		return crm.Fault("title", "This organization is archived: restore it before you plan anything with it.")
	case found.Contact:
		return crm.Fault("title", "This person is archived: restore them before you plan anything with them.")
	}
	return nil
}

// follow saves what follows from an interaction that is about to be logged.
func (s *Store) follow(ctx context.Context, w *work, i crm.Interaction, n crm.Next) ([]audit.Change, error) {
	if !n.Asked() {
		return nil, nil
	}
	f := n.FollowUp(i)
	f.ID = newID()
	change, err := s.insertFollowUp(ctx, w, f, n.Clock)
	faults := crm.Invalid{}
	if err := faults.Join("next_", err); err != nil {
		return nil, err
	}
	return []audit.Change{change}, faults.Err()
}

// maxDoneAtOnce is how many follow-ups one interaction may bring to an end: more than any form offers.
const maxDoneAtOnce = 100

// endedBy locks the open follow-ups that the interaction i, about to be logged about the same organization or contact, brings
// to an end. Any other is a fault.
func (s *Store) endedBy(ctx context.Context, w *work, i crm.Interaction, ids []uuid.UUID) ([]imaged[crm.FollowUp], error) {
	ids = slices.Clone(ids)
	slices.SortFunc(ids, func(x, y uuid.UUID) int { return bytes.Compare(x[:], y[:]) })
	if ids = slices.Compact(ids); len(ids) > maxDoneAtOnce {
		return nil, crm.Fault("done_follow_up", "Choose at most %d follow-ups.", maxDoneAtOnce)
	}
	var ended []imaged[crm.FollowUp]
	for _, id := range ids { // in order, so that two at once wait for each other and not in a circle
		was, err := s.lockFollowUp(ctx, w, id)
		f := was.Record
		about := f.OrganizationID.Valid && f.OrganizationID == i.OrganizationID || f.ContactID.Valid && f.ContactID == i.ContactID
		switch {
		case errors.Is(err, crm.ErrNotFound), err == nil && !about:
			return nil, crm.Fault("done_follow_up", "There is no such follow-up here.")
		case err != nil:
			return nil, err
		case !f.Open():
			return nil, crm.Fault("done_follow_up", "“%s” is not open any more.", f.Title)
		}
		ended = append(ended, was)
	}
	return ended, nil
}

// endFollowUps marks follow-ups, all locked, as done by the interaction i.
func (s *Store) endFollowUps(ctx context.Context, w *work, i crm.Interaction, ended []imaged[crm.FollowUp]) ([]audit.Change, error) {
	var changes []audit.Change
	for _, was := range ended {
		f := was.Record
		f.State, f.Outcome, f.DoneInteractionID = crm.FollowUpDone, i.Outcome, uuid.NullUUID{UUID: i.ID, Valid: true}
		change, err := s.closeFollowUp(ctx, w, audit.FinishFollowUp, f, was.Image)
		if err != nil {
			return nil, err
		}
		changes = append(changes, change)
	}
	return changes, nil
}

func (s *Store) lockFollowUp(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.FollowUp], error) {
	type row struct {
		crm.FollowUp
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT `+followUpColumns+`, audit_image(to_jsonb(f)) AS image FROM follow_ups f
		WHERE f.id = @id AND `+s.followUpScope(authz.EditInteraction, "f")+` FOR UPDATE`, s.args(pgx.NamedArgs{"id": id}))
	return imaged[crm.FollowUp]{r.FollowUp, r.Image}, notFound(err)
}

// reachesFor reports whether a follow-up would be within the actor's reach for editing if it were for person.
func (s *Store) reachesFor(ctx context.Context, q querier, id uuid.UUID, person uuid.NullUUID) (bool, error) {
	return scalar[bool](ctx, q, `SELECT EXISTS (SELECT 1 FROM (SELECT organization_id, contact_id, created_by, @user::uuid AS user_id FROM follow_ups WHERE id = @id) f
		WHERE `+s.followUpScope(authz.EditInteraction, "f")+`)`, s.args(pgx.NamedArgs{"id": id, "user": person}))
}

// changeFollowUp is a write that changes one follow-up within reach: change turns it, locked, into what it becomes.
func (s *Store) changeFollowUp(ctx context.Context, id uuid.UUID, action audit.Action, change func(context.Context, *work, imaged[crm.FollowUp]) (audit.Change, error)) (Saved, error) {
	if err := s.require(authz.ViewInteraction, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, action, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockFollowUp(ctx, w, id)
		if err != nil {
			return nil, err
		}
		c, err := change(ctx, w, was)
		return []audit.Change{c}, err
	})
	return Saved{id, cs}, err
}

// UpdateFollowUp saves what an open follow-up says, when it is due and for whom, read at f.Version; what it is about
// stays. It returns ErrConflict, ErrUnchanged or ErrNotFound like other updates. Nobody gives it out of their own reach.
func (s *Store) UpdateFollowUp(ctx context.Context, f crm.FollowUp, c crm.Clock) (Saved, error) {
	f.Clean()
	return s.changeFollowUp(ctx, f.ID, audit.UpdateFollowUp, func(ctx context.Context, w *work, was imaged[crm.FollowUp]) (audit.Change, error) {
		now := was.Record
		now.Title, now.Due, now.UserID = f.Title, f.Due, f.UserID
		if err := now.Validate(c, was.Record.Due); err != nil {
			return audit.Change{}, err
		}
		if now.Version != f.Version {
			return audit.Change{}, crm.ErrConflict
		}
		return s.saveFollowUp(ctx, w, now, was)
	})
}

// SnoozeFollowUp lets an open follow-up be due at another time.
func (s *Store) SnoozeFollowUp(ctx context.Context, id uuid.UUID, until crm.Due, c crm.Clock) (Saved, error) {
	return s.changeFollowUp(ctx, id, audit.UpdateFollowUp, func(ctx context.Context, w *work, was imaged[crm.FollowUp]) (audit.Change, error) {
		now := was.Record
		now.Due = until
		if err := now.Validate(c, was.Record.Due); err != nil {
			return audit.Change{}, err
		}
		if err := s.stands(now.Version); err != nil {
			return audit.Change{}, err
		}
		return s.saveFollowUp(ctx, w, now, was)
	})
}

// saveFollowUp writes an open follow-up back.
func (s *Store) saveFollowUp(ctx context.Context, w *work, f crm.FollowUp, was imaged[crm.FollowUp]) (audit.Change, error) {
	if !f.Open() {
		return audit.Change{}, errNotOpen(f)
	}
	if f.UserID != was.Record.UserID {
		if err := s.checkWorksHere(ctx, w, "user_id", f.UserID); err != nil {
			return audit.Change{}, err
		}
		if reached, err := s.reachesFor(ctx, w, f.ID, f.UserID); err != nil {
			return audit.Change{}, err
		} else if !reached {
			return audit.Change{}, crm.Fault("user_id", "For somebody else it would be out of your reach.")
		}
	}
	after, err := scalar[json.RawMessage](ctx, w, `
		UPDATE follow_ups f SET title = @title, due_on = @dueOn, due_at = @dueAt, user_id = @user, version = version + 1, updated_at = now()
		WHERE id = @id RETURNING audit_image(to_jsonb(f))`, followUpArgs(f))
	if err == nil {
		err = unchanged(was.Image, after)
	}
	return followUpChange(audit.UpdateFollowUp, f, was.Image, after), err
}

func errNotOpen(f crm.FollowUp) error {
	if f.State == crm.FollowUpCancelled {
		return crm.Fault("", "This follow-up is cancelled: open it again first.")
	}
	return crm.Fault("", "This follow-up is done: open it again first.")
}

// FinishFollowUp marks an open follow-up as done, with the interaction that it led to where there is one, once per form
// token. One that is done already is ErrUnchanged.
func (s *Store) FinishFollowUp(ctx context.Context, d crm.Finish, token uuid.NullUUID) (Saved, error) {
	needed := []authz.Permission{authz.ViewInteraction, authz.EditInteraction}
	if d.Interaction != nil {
		needed = append([]authz.Permission{authz.ViewClient}, needed...)
	}
	if err := s.require(needed...); err != nil {
		return Saved{}, err
	}
	d.Outcome = crm.Clean(d.Outcome)
	return s.create(ctx, audit.FinishFollowUp, token, d.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockFollowUp(ctx, w, d.ID)
		if err != nil {
			return nil, err
		}
		f := was.Record
		switch err := s.stands(f.Version); {
		case f.State == crm.FollowUpDone:
			return nil, crm.ErrUnchanged
		case err != nil:
			return nil, err
		case !f.Open():
			return nil, errNotOpen(f)
		}
		f.State, f.Outcome = crm.FollowUpDone, d.Outcome
		led, err := s.logLedTo(ctx, w, &f, d)
		if err != nil {
			return nil, err
		}
		change, err := s.closeFollowUp(ctx, w, audit.FinishFollowUp, f, was.Image)
		return append([]audit.Change{change}, led...), err
	})
}

// logLedTo logs the interaction that a follow-up led to, if any, and names it there. Faults of all fields come together.
func (s *Store) logLedTo(ctx context.Context, w *work, f *crm.FollowUp, d crm.Finish) ([]audit.Change, error) {
	faults := crm.Invalid{}
	if err := faults.Join("", d.Validate()); err != nil {
		return nil, err
	}
	if d.Interaction == nil {
		return nil, faults.Err()
	}
	i := *d.Interaction
	i.ID, i.OrganizationID, i.ContactID = newID(), f.OrganizationID, f.ContactID
	f.DoneInteractionID = uuid.NullUUID{UUID: i.ID, Valid: true}
	d.Next.Done = slices.DeleteFunc(slices.Clone(d.Next.Done), func(id uuid.UUID) bool { return id == f.ID })
	led, err := s.logInteraction(ctx, w, i, "", d.Next)
	if err := faults.Join("", err); err != nil {
		return nil, err
	}
	return led, faults.Err()
}

// closeFollowUp writes the state of a follow-up and what goes with it; one that is not open is stamped by now and the
// actor.
func (s *Store) closeFollowUp(ctx context.Context, w *work, action audit.Action, f crm.FollowUp, before json.RawMessage) (audit.Change, error) {
	f.DoneBy = uuid.NullUUID{}
	if !f.Open() {
		f.DoneBy = s.userID()
	}
	after, err := scalar[json.RawMessage](ctx, w, `
		UPDATE follow_ups f SET state = @state::text, outcome = nullif(@outcome, ''), done_at = CASE WHEN @state::text <> 'open' THEN now() END, done_by = @doneBy,
			done_interaction_id = @doneInteraction, version = version + 1, updated_at = now()
		WHERE id = @id RETURNING audit_image(to_jsonb(f))`, followUpArgs(f))
	return followUpChange(action, f, before, after), err
}

// CancelFollowUp ends an open follow-up that is not to be done. One that is cancelled already is ErrUnchanged.
func (s *Store) CancelFollowUp(ctx context.Context, id uuid.UUID) (Saved, error) {
	return s.changeFollowUp(ctx, id, audit.CancelFollowUp, func(ctx context.Context, w *work, was imaged[crm.FollowUp]) (audit.Change, error) {
		f := was.Record
		switch err := s.stands(f.Version); {
		case f.State == crm.FollowUpCancelled:
			return audit.Change{}, crm.ErrUnchanged
		case err != nil:
			return audit.Change{}, err
		case !f.Open():
			return audit.Change{}, errNotOpen(f)
		}
		f.State = crm.FollowUpCancelled
		return s.closeFollowUp(ctx, w, audit.CancelFollowUp, f, was.Image)
	})
}

// ReopenFollowUp makes a follow-up that was done or cancelled one to be done again. An open one is ErrUnchanged.
func (s *Store) ReopenFollowUp(ctx context.Context, id uuid.UUID) (Saved, error) {
	return s.changeFollowUp(ctx, id, audit.ReopenFollowUp, func(ctx context.Context, w *work, was imaged[crm.FollowUp]) (audit.Change, error) {
		f := was.Record
		switch err := s.stands(f.Version); {
		case f.Open():
			return audit.Change{}, crm.ErrUnchanged
		case err != nil:
			return audit.Change{}, err
		}
		f.State, f.Outcome, f.DoneInteractionID = crm.FollowUpOpen, "", uuid.NullUUID{}
		return s.closeFollowUp(ctx, w, audit.ReopenFollowUp, f, was.Image)
	})
}
