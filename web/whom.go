package web

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/quicklog"
	"github.com/archpilot/crm/templates"
)

// maxChoices is how many clients of each kind are offered.
const maxChoices = 10

// whom is who the names in a line may mean, and who is clearly meant.
type whom struct {
	postgres.Meant
	organization, contact               uuid.NullUUID // valid where it is clear
	missingOrganization, missingContact string        // the name, where there is nobody to offer
}

// lookUp looks for whom names mean.
func (v *visit) lookUp(ctx context.Context, organization, contact string) (whom, error) {
	meant, err := v.store.Meant(ctx, cutName(organization), cutName(contact))
	if err != nil {
		return whom{}, err
	}
	w := whom{Meant: meant}
	w.decide(organization, contact)
	if organization != "" && len(w.Organizations) == 0 {
		w.missingOrganization = organization
	}
	if contact != "" && len(w.Contacts) == 0 && (organization != "" || len(w.Organizations) == 0) {
		w.missingContact = contact
	}
	return w, nil
}

// cutName returns as much of a name as a search looks for.
func cutName(s string) string {
	if r := []rune(s); len(r) > maxQuery {
		return string(r[:maxQuery])
	}
	return s
}

// decide chooses whom the names clearly mean: the only one of a name, or the only one whose whole name it is. Somebody
// who is linked to the organization goes before others, and takes the organization along.
func (w *whom) decide(organization, contact string) {
	person, firm := crm.ParseQuery(contact), crm.ParseQuery(organization)
	if organization == "" {
		firm = person
		w.preferPeopleByName(person)
	}
	w.preferSlips(firm, person)
	people := w.Contacts
	if w.Linked > 0 {
		people = people[:w.Linked]
	}
	one := clearly(people, person, w.SimilarContacts || w.SimilarLinked, func(c crm.ContactRow) (string, bool) { return c.Name(), c.IsActive })
	firms := clearly(w.Organizations, firm, w.SimilarOrganizations, func(o crm.Organization) (string, bool) { return o.DisplayName, o.IsActive })
	switch {
	case organization == "" && one != nil && firms != nil: // either kind is called so
		return
	case one != nil:
		w.contact = uuid.NullUUID{UUID: one.ID, Valid: true}
		if w.Linked > 0 && slices.ContainsFunc(w.Contacts[:w.Linked], func(c crm.ContactRow) bool { return c.ID == one.ID }) {
			w.organization = one.OrganizationID
			return
		}
	}
	if firms != nil {
		w.organization = uuid.NullUUID{UUID: firms.ID, Valid: true}
	}
}

// preferPeopleByName drops those found by something else than their name, such as an address at the firm, where there
// are firms called so.
func (w *whom) preferPeopleByName(q crm.Query) {
	if len(w.Organizations) > 0 {
		w.Contacts = slices.DeleteFunc(w.Contacts, func(c crm.ContactRow) bool { return !q.Matches(c.Name()) })
	}
}

// preferSlips drops what is only distantly alike where something is alike but for a slip of the hand.
func (w *whom) preferSlips(firm, person crm.Query) {
	far := func(o crm.Organization) bool { return !firm.Near(o.DisplayName) }
	if w.SimilarOrganizations && !all(w.Organizations, far) {
		w.Organizations = slices.DeleteFunc(w.Organizations, far)
	}
	distant := func(c crm.ContactRow) bool { return !person.Near(c.Name()) }
	if w.SimilarContacts && !all(w.Contacts, distant) {
		w.Contacts = slices.DeleteFunc(w.Contacts, distant)
	}
}

func all[T any](list []T, is func(T) bool) bool {
	return !slices.ContainsFunc(list, func(t T) bool { return !is(t) })
}

// clearly returns the one of all that q clearly means, or nil: the only one, or the only one whose whole name it is. Of
// those that are only written alike it must be the only one but for a slip of the hand. Archived ones are never meant.
func clearly[T any](all []T, q crm.Query, similar bool, name func(T) (string, bool)) *T {
	var active, whole []*T
	for i := range all {
		text, is := name(all[i])
		if !is || similar && !q.Near(text) {
			continue
		}
		active = append(active, &all[i])
		if q.Is(text) {
			whole = append(whole, &all[i])
		}
	}
	switch {
	case len(active) == 1:
		return active[0]
	case len(whole) == 1:
		return whole[0]
	}
	return nil
}

// include adds the records that the form names, within reach, where they are not among those found: what was chosen is
// shown again.
func (w *whom) include(ctx context.Context, v *visit) error {
	if id, err := uuid.Parse(v.form.Get("organization_id")); err == nil && !slices.ContainsFunc(w.Organizations, func(o crm.Organization) bool { return o.ID == id }) {
		o, err := v.store.Organization(ctx, id)
		if err != nil && !errors.Is(err, crm.ErrNotFound) {
			return err
		} else if err == nil {
			w.Organizations = append([]crm.Organization{o}, w.Organizations...)
		}
	}
	if id, err := uuid.Parse(v.form.Get("contact_id")); err == nil && !slices.ContainsFunc(w.Contacts, func(c crm.ContactRow) bool { return c.ID == id }) {
		c, err := v.store.Contact(ctx, id)
		if err != nil && !errors.Is(err, crm.ErrNotFound) {
			return err
		} else if err == nil {
			w.Contacts = append([]crm.ContactRow{{Contact: c}}, w.Contacts...)
		}
	}
	return nil
}

// choices are the clients to choose from. client is what was looked for instead of the line's names, or "".
func (w whom) choices(v *visit, client string) (organizations, contacts templates.ClientChoice) {
	organizations = templates.ClientChoice{Field: "organization_id", Similar: w.SimilarOrganizations, Missing: w.missingOrganization, More: len(w.Organizations) > maxChoices}
	for _, o := range w.Organizations[:min(len(w.Organizations), maxChoices)] {
		organizations.Options = append(organizations.Options, templates.Candidate{ID: o.ID.String(), Name: o.DisplayName, Detail: dotted(v, o.IsActive, o.Sector, o.Website, o.OwnerName)})
	}
	contacts = templates.ClientChoice{Field: "contact_id", Similar: w.SimilarContacts || w.SimilarLinked, Missing: w.missingContact, More: len(w.Contacts) > maxChoices}
	for _, c := range w.Contacts[:min(len(w.Contacts), maxChoices)] {
		title := v.page.Word("role", c.RoleLabel)
		if title == "" {
			title = c.JobTitle
		}
		contacts.Options = append(contacts.Options, templates.Candidate{ID: c.ID.String(), Name: c.Name(), Detail: dotted(v, c.IsActive, title, c.OrganizationName, c.Email)})
	}
	if client != "" { // words of the line stay in the text, these were for looking only
		organizations.Missing, contacts.Missing = "", ""
	}
	return organizations, contacts
}

// dotted joins what tells two of one name apart.
func dotted(v *visit, active bool, facts ...string) string {
	if !active {
		facts = append([]string{v.t("Archived")}, facts...)
	}
	return strings.Join(slices.DeleteFunc(facts, func(s string) bool { return s == "" }), " · ")
}

func idText(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}

// missing are the names of a line that mean nobody, as typed.
func (w whom) missing(l quicklog.Line) []string {
	var all []string
	if w.missingContact != "" {
		all = append(all, l.Typed(quicklog.ContactName))
	}
	if w.missingOrganization != "" {
		all = append(all, l.Typed(quicklog.Firm))
	}
	return all
}
