package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// bulkKind is what an action on many records is called, as a whole and for each record. The records keep the names
// of single edits, so that their histories read alike.
type bulkKind struct {
	kind                  audit.Action
	organization, contact audit.Action
	set, same             string // SQL: what is set, and whether record t is so already
}

var bulkKinds = map[crm.BulkAction]bulkKind{
	crm.BulkAssign:  {audit.AssignClients, audit.UpdateOrganization, audit.UpdateContact, "owner_user_id = @owner::uuid", "t.owner_user_id IS NOT DISTINCT FROM @owner::uuid"},
	crm.BulkArchive: {audit.ArchiveClients, audit.ArchiveOrganization, audit.ArchiveContact, "is_active = FALSE", "NOT t.is_active"},
	crm.BulkRestore: {audit.RestoreClients, audit.RestoreOrganization, audit.RestoreContact, "is_active = TRUE", "t.is_active"},
}

func (s *Store) newBulk(w *work, b crm.Bulk) *bulk {
	kind := bulkKinds[b.Action]
	run := &bulk{
		store: s, work: w, view: authz.ViewClient, edit: authz.EditClient, same: kind.same,
		rewrite: rewrite{set: kind.set, args: pgx.NamedArgs{"owner": b.Owner}}, result: crm.BulkResult{Skipped: map[crm.SkipReason]crm.Skipped{}},
	}
	if b.List() == crm.ContactList {
		run.rewrite.table, run.rewrite.action, run.scope, run.name = mustTable("contacts"), kind.contact, s.contactScope, "t.first_name || ' ' || t.last_name"
	} else {
		run.rewrite.table, run.rewrite.action, run.scope, run.name = mustTable("organizations"), kind.organization, s.organizationScope, "t.display_name"
	}
	return run
}

// Selected returns how many records an action on all that a list finds would go through, at most one more than
// are allowed.
func (s *Store) Selected(ctx context.Context, b crm.Bulk) (int, error) {
	if err := s.mayBulk(b); err != nil {
		return 0, err
	}
	if !b.All {
		return len(b.Picked), nil
	}
	sql, args, err := s.selection(ctx, b)
	if err != nil {
		return 0, err
	}
	return s.countSelected(ctx, sql, args)
}

func (s *Store) mayBulk(b crm.Bulk) error {
	if err := s.require(authz.ViewClient, authz.EditClient); err != nil {
		return err
	}
	return b.Validate()
}

// selection returns the SQL of the ids of all that the list finds. Its order does not matter and is left out.
func (s *Store) selection(ctx context.Context, b crm.Bulk) (string, []any, error) {
	var l list
	var args pgx.NamedArgs
	var err error
	if b.Contacts != nil {
		f := *b.Contacts
		f.Sort, f.Page = crm.Sort{}, crm.Page{}
		l, args, err = s.listContacts(ctx, f)
	} else {
		f := *b.Organizations
		f.Sort, f.Page = crm.Sort{}, crm.Page{}
		l, args, err = s.listOrganizations(ctx, f)
	}
	sql, values := s.selected(l, args)
	return sql, values, err
}

// ChangeSelected does an action on many records in one change set: all of those that the actor may edit and that
// are not so already. The rest is left as it is, and told. When nothing is left to change, nothing is written and
// the result has no change set. More than MaxSelected records, and an owner out of reach, are Invalid.
func (s *Store) ChangeSelected(ctx context.Context, b crm.Bulk) (crm.BulkResult, error) {
	return s.changeSelected(ctx, b, nil)
}

// changeSelected is ChangeSelected for a job, or for somebody who waits where j is nil.
func (s *Store) changeSelected(ctx context.Context, b crm.Bulk, j *job) (crm.BulkResult, error) {
	if err := s.mayBulk(b); err != nil {
		return crm.BulkResult{}, err
	}
	return s.changeMany(ctx, bulkKinds[b.Action].kind, j, func(ctx context.Context, w *work) (*bulk, []uuid.UUID, error) {
		if b.Action == crm.BulkAssign {
			if err := s.checkOwner(ctx, w, b.Owner); err != nil {
				return nil, nil, err
			}
		}
		ids := b.Picked
		if b.All {
			sql, args, err := s.selection(ctx, b)
			if err != nil {
				return nil, nil, err
			}
			if ids, err = column[uuid.UUID](ctx, w, sql, args...); err != nil {
				return nil, nil, err
			}
		}
		return s.newBulk(w, b), ids, nil
	})
}
