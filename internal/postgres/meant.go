package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Meant is whom the names in a line of text may mean, within reach, best match first, each list at most MaxFound+1.
type Meant struct {
	Organizations []crm.Organization
	Contacts      []crm.ContactRow // with the organization named, for those linked to it
	Linked        int              // how many of Contacts, the first ones, are linked to an organization named

	// No name matched: these are only written alike.
	SimilarOrganizations, SimilarContacts, SimilarLinked bool
}

// Where people at the organizations named are looked for.
const (
	meantFirms  = 20   // of the organizations found, the best
	meantPeople = 5000 // linked to each
)

// Meant looks for an organization and a contact by what Search takes for names; either may be "". A contact linked to
// one of the organizations found comes first, also if only written alike. Without the name of an organization the
// contact's is looked for among organizations, too: who calls by that name may be a firm.
func (s *Store) Meant(ctx context.Context, organization, contact string) (Meant, error) {
	var n Meant
	if err := s.require(authz.ViewClient); err != nil {
		return n, err
	}
	firm, person := crm.ParseQuery(organization), crm.ParseQuery(contact)
	if organization == "" {
		firm = person
	}
	if err := s.findMeant(ctx, &n, firm, person); err != nil {
		return n, translate(err)
	}
	if err := s.findSimilar(ctx, &n, firm, person, organization != ""); err != nil {
		return n, translate(err)
	}
	if organization == "" || person.Empty() || len(n.Organizations) == 0 {
		return n, nil
	}
	return n, translate(s.putLinkedFirst(ctx, &n, person))
}

// findMeant searches as Search does, each table by a query of its own.
func (s *Store) findMeant(ctx context.Context, n *Meant, firm, person crm.Query) error {
	args := s.args(pgx.NamedArgs{"limit": MaxFound + 1})
	organizations, err := s.searchedOrganizations(ctx, firm, args)
	if err != nil {
		return err
	}
	contacts, err := s.searchedContacts(ctx, person, args)
	if err != nil {
		return err
	}
	look := searching()
	if !firm.Empty() {
		organizations.queueLook(look, args)
	}
	if !person.Empty() {
		contacts.queueLook(look, args)
	}
	if firm.Empty() && person.Empty() {
		return nil
	}
	if err := look.send(ctx, s.db); err != nil {
		return err
	}
	rows := searching()
	if !firm.Empty() {
		queueRows(rows, &n.Organizations, organizations, args)
	}
	if !person.Empty() {
		queueRows(rows, &n.Contacts, contacts, args)
	}
	return rows.send(ctx, s.db)
}

// findSimilar fills the lists that are empty with names written alike. Where a firm was not named as one, either list
// will do.
func (s *Store) findSimilar(ctx context.Context, n *Meant, firm, person crm.Query, asFirm bool) error {
	narrow, err := s.comparesReach(ctx)
	if err != nil {
		return err
	}
	b := comparing()
	if like := likeness(firm); asFirm && like != "" && len(n.Organizations) == 0 {
		n.SimilarOrganizations = true
		s.queueSimilarOrganizations(b, narrow, &n.Organizations, s.args(pgx.NamedArgs{"like": like, "limit": similarNames}))
	}
	if like := likeness(person); like != "" && len(n.Contacts) == 0 && (asFirm || len(n.Organizations) == 0) {
		n.SimilarContacts = true
		s.queueSimilarContacts(b, narrow, &n.Contacts, s.args(pgx.NamedArgs{"like": like, "limit": similarNames}))
	}
	if !n.SimilarOrganizations && !n.SimilarContacts {
		return nil
	}
	return b.send(ctx, s.db)
}

// linkedRow is somebody at an organization that was named.
type linkedRow struct {
	crm.ContactRow
	Matches bool // else only written alike
}

// putLinkedFirst puts the people at the organizations found before others of that name.
func (s *Store) putLinkedFirst(ctx context.Context, n *Meant, person crm.Query) error {
	linked, err := s.linkedMeant(ctx, n.Organizations[:min(len(n.Organizations), meantFirms)], person)
	if err != nil || len(linked) == 0 {
		return err
	}
	n.SimilarLinked = !linked[0].Matches
	if n.SimilarContacts { // who is there is meant, not who is written alike elsewhere
		n.Contacts, n.SimilarContacts = nil, false
	}
	among := map[uuid.UUID]bool{}
	var rows []crm.ContactRow
	for _, c := range linked { // somebody at two of the organizations stands there once, with the better one
		if !among[c.ID] && c.Matches == linked[0].Matches {
			among[c.ID] = true
			rows = append(rows, c.ContactRow)
		}
	}
	n.Linked = len(rows)
	for _, c := range n.Contacts {
		if !among[c.ID] && len(rows) <= MaxFound {
			rows = append(rows, c)
		}
	}
	n.Contacts = rows
	return nil
}

// linkedMeant returns who at these organizations is called so, or nearly so. Who is linked to an organization in reach
// is in reach.
func (s *Store) linkedMeant(ctx context.Context, at []crm.Organization, person crm.Query) ([]linkedRow, error) {
	args := s.args(pgx.NamedArgs{"limit": MaxFound + 1, "like": joined(person.Words), "people": meantPeople})
	firms := make([]uuid.UUID, len(at))
	for i, o := range at {
		firms[i] = o.ID
	}
	args["firms"] = firms
	return many[linkedRow](ctx, s.db.pool, `SELECT `+contactColumns+`, c.organization_id, c.organization_name, c.role_label, c.matches FROM (
			SELECT `+contactColumns+`, o.id AS organization_id, o.display_name AS organization_name, coalesce(l.role_label, '') AS role_label,
				`+matchContacts("c.search_text", person, args)+` AS matches, f.place, coalesce(l.relationship_status = 'Former', FALSE) AS former, c.search_text
			FROM unnest(@firms::uuid[]) WITH ORDINALITY f(id, place) JOIN organizations o ON o.id = f.id AND `+s.organizationScope(authz.ViewClient, "o")+`
			CROSS JOIN LATERAL (SELECT l.contact_id, l.role_label, l.relationship_status FROM organization_contact l WHERE l.organization_id = o.id LIMIT @people) l
			JOIN contacts c ON c.id = l.contact_id) c
		WHERE c.matches OR length(@like) > 2 AND length(@like) <= 60 AND word_similarity(searchable(@like), c.search_text) >= 0.5
		ORDER BY NOT c.matches, NOT c.is_active, c.former, c.place, c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT @limit`, args)
}
