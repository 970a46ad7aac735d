package web

import (
	"context"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func showHome(ctx context.Context, v *visit) (response, error) {
	recent, err := v.store.Recent(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.Home(templates.HomePage{
		Page: v.page, Organizations: recent.Organizations, Contacts: recent.Contacts, Interactions: recent.Interactions,
	})), nil
}

// maxQuery is how much of a search text is looked for, in characters.
const maxQuery = 200

// searchText returns a search parameter, cut to what is looked for.
func (v *visit) searchText(name string) string {
	q := crm.Clean(v.query.Get(name))
	if utf8.RuneCountInString(q) > maxQuery {
		q = string([]rune(q)[:maxQuery])
	}
	return q
}

func showSearch(ctx context.Context, v *visit) (response, error) {
	q := v.searchText("q")
	found, err := v.store.Search(ctx, q)
	if err != nil {
		return nil, err
	}
	p := templates.SearchPage{Page: v.page, Query: q}
	p.MoreOrganizations, p.MoreContacts, p.MoreInteractions = len(found.Organizations) > postgres.MaxFound, len(found.Contacts) > postgres.MaxFound, len(found.Interactions) > postgres.MaxFound
	for _, o := range cut(found.Organizations) {
		p.Organizations = append(p.Organizations, crm.OrganizationRow{Organization: o})
	}
	p.Contacts, p.Interactions = cut(found.Contacts), cut(found.Interactions)
	return show(templates.Search(p)), nil
}

func cut[T any](list []T) []T { return list[:min(len(list), postgres.MaxFound)] }
