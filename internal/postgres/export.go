package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Exports hand over a list page by page, in its order, to whoever writes the file. Each page is read by itself:
// memory stays that of one page, and a slow reader holds no connection and no transaction. The price is that a row
// which moves in the order meanwhile may come twice, or not at all.

// ExportOrganizations hands the organizations of a list to each, page by page. What left is noted in the audit log
// when it ends, with query, the list as the reader's address has it; an export that was cut off says so.
func (s *Store) ExportOrganizations(ctx context.Context, f crm.OrganizationFilter, query string, each func([]crm.OrganizationRow) error) error {
	return export(ctx, s, crm.OrganizationList, query, each, func(ctx context.Context, p crm.Page) (crm.Listing[crm.OrganizationRow], error) {
		f.Page = p
		return s.Organizations(ctx, f)
	})
}

// ExportContacts is ExportOrganizations for contacts.
func (s *Store) ExportContacts(ctx context.Context, f crm.ContactFilter, query string, each func([]crm.ContactRow) error) error {
	return export(ctx, s, crm.ContactList, query, each, func(ctx context.Context, p crm.Page) (crm.Listing[crm.ContactRow], error) {
		f.Page = p
		return s.Contacts(ctx, f)
	})
}

// ExportInteractions is ExportOrganizations for interactions.
func (s *Store) ExportInteractions(ctx context.Context, f crm.InteractionFilter, query string, each func([]crm.Interaction) error) error {
	return export(ctx, s, crm.InteractionList, query, each, func(ctx context.Context, p crm.Page) (crm.Listing[crm.Interaction], error) {
		f.Page = p
		return s.Interactions(ctx, f)
	})
}

func export[T any](ctx context.Context, s *Store, list crm.List, query string, each func([]T) error, read func(context.Context, crm.Page) (crm.Listing[T], error)) error {
	if err := s.require(viewPermission(list), authz.ExportClient); err != nil {
		return err
	}
	page, rows := crm.Page{Size: crm.MaxPageSize, Uncounted: true}, 0
	next := func() error {
		l, err := read(ctx, page)
		if err != nil {
			return err
		}
		page, rows = l.Next, rows+len(l.Rows)
		return each(l.Rows)
	}
	err := next()
	for err == nil && !page.First() {
		err = next()
	}
	if err != nil && rows == 0 { // nothing was handed over
		return err
	}
	metadata := map[string]any{"list": list, "filter": query, "rows": rows}
	if err != nil {
		metadata["aborted"] = true
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second) // also for a reader who is gone
	defer cancel()
	return errors.Join(err, s.Event(ctx, audit.Export, "", uuid.Nil, metadata))
}
