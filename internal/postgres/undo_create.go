package postgres

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
)

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
	if table.name == "users" || table.name == "roles" || table.name == "interactions" {
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
