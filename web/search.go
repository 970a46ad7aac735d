package web

import (
	"context"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/quicklog"
	"github.com/archpilot/crm/templates"
)

// maxQuery is how much of a search text is looked for, in characters.
const maxQuery = 200

// searchText returns a search parameter, cut to what is looked for.
func (v *visit) searchText(name string) string {
	q := crm.Clean(v.query.Get(name))
	if utf8.RuneCountInString(q) > maxQuery {
		q = string([]rune(q)[:maxQuery])
	}
	return v.page.StoredAnywhere(name, q)
}

// showSearch answers with what matches, best match first; of each kind the first page, never a count.
func showSearch(ctx context.Context, v *visit) (response, error) {
	q := v.searchText("q")
	found, err := v.store.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	p := templates.SearchPage{Page: v.page, Query: q, Similar: found.Similar}
	p.Organizations, p.MoreOrganizations = firstFound(found.Organizations)
	p.Contacts, p.MoreContacts = firstFound(found.Contacts)
	p.Interactions, p.MoreInteractions = firstFound(found.Interactions)
	if whole := crm.Clean(v.query.Get("q")); v.page.CanLog() && quicklog.Looks(whole) {
		p.LogText = whole
	}
	return show(templates.Search(p)), nil
}

// firstFound returns what a search shows of a list, and whether there is more.
func firstFound[T any](list []T) ([]T, bool) {
	return list[:min(len(list), postgres.MaxFound)], len(list) > postgres.MaxFound
}
