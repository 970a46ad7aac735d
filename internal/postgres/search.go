package postgres

import (
	"context"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// MaxFound is how many records of each kind a search shows.
const MaxFound = 20

// Found is what a search found, within reach and permissions; each list at most MaxFound+1, so that a page
// can say that there are more.
type Found struct {
	Organizations []crm.Organization
	Contacts      []crm.ContactRow
	Interactions  []crm.Interaction
}

// enough bounds how many matches are sorted: a very common term must not sort the whole table.
const enough = "200"

// Search looks for query in organizations (any part of names, website, tax id), contacts (every word in any
// part of name or address, in any order) and interactions (every word at the beginning of a word). What the
// actor may not view is not searched.
func (s *Store) Search(ctx context.Context, query string) (Found, error) {
	var f Found
	if err := s.require(); err != nil {
		return f, err
	}
	if strings.TrimSpace(query) == "" {
		return f, nil
	}
	args := s.args(pgx.NamedArgs{"any": pattern(query), "start": strings.TrimPrefix(pattern(query), "%"), "limit": MaxFound + 1})
	names := namePatterns(query, args)
	var err error
	if s.actor.May(authz.ViewClient) {
		if f.Organizations, err = many[crm.Organization](ctx, s.db.pool, s.searchOrganizations(), pgx.QueryExecModeCacheDescribe, args); err != nil {
			return f, translate(err)
		}
		if f.Contacts, err = many[crm.ContactRow](ctx, s.db.pool, s.searchContacts(names), pgx.QueryExecModeCacheDescribe, args); err != nil {
			return f, translate(err)
		}
	}
	if s.actor.May(authz.ViewInteraction) {
		l, err := s.interactions(ctx, crm.InteractionFilter{Query: query, Page: crm.Page{Size: MaxFound + 1}}, false)
		if err != nil {
			return f, err
		}
		f.Interactions = l.Rows
	}
	return f, nil
}

func (s *Store) searchOrganizations() string {
	return `SELECT ` + organizationColumns + `, coalesce(u.name, '') AS owner_name FROM (
			SELECT o.* FROM organizations o WHERE o.search_text LIKE fold(@any) AND ` + s.organizationScope(authz.ViewClient, "o") + ` LIMIT ` + enough + `) o
		LEFT JOIN users u ON u.id = o.owner_user_id
		ORDER BY NOT o.is_active, NOT o.search_text LIKE fold(@start), o.display_name` + icu + `, o.id LIMIT @limit`
}

func (s *Store) searchContacts(names string) string {
	return `SELECT ` + contactColumns + `, p.id AS organization_id, coalesce(p.display_name, '') AS organization_name, coalesce(p.role_label, '') AS role_label FROM (
			SELECT c.* FROM contacts c WHERE ` + names + ` AND ` + s.contactScope(authz.ViewClient, "c") + ` LIMIT ` + enough + `) c
		LEFT JOIN LATERAL (SELECT o.id, o.display_name, l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
			WHERE l.contact_id = c.id AND ` + s.organizationScope(authz.ViewClient, "o") + ` ORDER BY o.display_name, o.id LIMIT 1) p ON TRUE
		ORDER BY NOT c.is_active, NOT c.search_text LIKE fold(@start), c.last_name` + icu + `, c.first_name` + icu + `, c.id LIMIT @limit`
}

// nameWords is how many words of a search are looked for in a name; further ones are ignored.
const nameWords = 5

// namePatterns adds to args a pattern for each word of query and returns the condition that every one of them
// stands somewhere in a contact's name or address, in any order: one LIKE a word, since LIKE ALL has no index.
func namePatterns(query string, args pgx.NamedArgs) string {
	var conditions []string
	for i, word := range strings.Fields(query) {
		if i == nameWords {
			break
		}
		name := "name" + string(rune('0'+i))
		args[name] = pattern(word)
		conditions = append(conditions, "c.search_text LIKE fold(@"+name+")")
	}
	if len(conditions) == 0 {
		return "TRUE"
	}
	return strings.Join(conditions, " AND ")
}
