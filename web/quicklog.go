package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/quicklog"
	"github.com/archpilot/crm/templates"
)

// quickFields are the fields of the form besides those of every log form.
var quickFields = []string{"organization_id", "contact_id", "client", "text"}

// showQuickLog answers a line with the form that it fills. It is a GET, for shortcuts on a phone; the form saves.
func showQuickLog(ctx context.Context, v *visit) (response, error) {
	p := templates.QuickLogPage{Page: v.page, Text: strings.TrimSpace(v.query.Get("text"))}
	if p.Text == "" {
		return show(templates.QuickLog(p)), nil
	}
	line := quicklog.Parse(p.Text, v.page.L.Now())
	whom, err := v.lookUp(ctx, line.Organization, line.Contact)
	if err != nil {
		return nil, err
	}
	p.Log = logForm(v, paths.QuickLog, "", nil)
	p.Log.Values = lineValues(v, line, whom)
	p.Log.Values["organization_id"], p.Log.Values["contact_id"] = idText(whom.organization), idText(whom.contact)
	p.Organizations, p.Contacts = whom.choices(v, "")
	p.Log.Elsewhere = !whom.organization.Valid && !whom.contact.Valid
	return show(templates.QuickLog(p)), nil
}

// lineValues are what a line says, by field. A name that means nobody stays in the subject.
func lineValues(v *visit, l quicklog.Line, w whom) map[string]string {
	values := map[string]string{"outcome": l.Outcome, "next_title": l.Next.Title, "next_due": l.Next.DueText(), "direction": string(l.Direction)}
	if l.Channel != "" {
		values["channel"] = string(l.Channel)
	}
	if !l.When.IsZero() {
		values["happened_at"] = v.page.L.InputTime(l.When)
	}
	if l.Minutes > 0 {
		values["duration_minutes"] = strconv.Itoa(l.Minutes)
	}
	var lost []string
	if l.Contact != "" && w.missingContact != "" {
		lost = append(lost, l.Typed(quicklog.ContactName))
	}
	if l.Organization != "" && w.missingOrganization != "" {
		lost = append(lost, l.Typed(quicklog.Firm))
	}
	subject := strings.Join(lost, " ")
	if subject != "" && l.Subject != "" {
		subject += ": "
	}
	values["subject"], values["body"] = quicklog.Fit(subject+l.Subject, strings.TrimSpace(l.Body+unplaced(l)))
	return values
}

// unplaced is what was understood and has no field in the form: it stays in the text.
func unplaced(l quicklog.Line) string {
	var all []string
	for _, kind := range []quicklog.Kind{quicklog.Duration, quicklog.DirectionFor, quicklog.NextWhen, quicklog.NextTitle} {
		if typed := l.Typed(kind); typed != "" {
			all = append(all, typed)
		}
	}
	if len(all) == 0 {
		return ""
	}
	return "\n" + strings.Join(all, " ")
}

// logLine saves the form that a line has filled.
func logLine(ctx context.Context, v *visit) (response, error) {
	i := readInteraction(v)
	i.OrganizationID, i.ContactID = v.reference("organization_id", "There is no such organization."), v.reference("contact_id", "There is no such contact.")
	if v.looksFor() != "" {
		v.faults.Add("client", "Choose among those called so, then log.")
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.LogInteraction(ctx, i, "", v.token()) },
		func(errs crm.Invalid) (response, error) { return quickLogAgain(ctx, v, errs) }, "",
		func(r postgres.Saved) response {
			to := paths.Contact(i.ContactID.UUID)
			if i.OrganizationID.Valid {
				to = paths.Organization(i.OrganizationID.UUID)
			}
			return saved(to, v.t("Interaction logged."), r)
		})
}

// looksFor is the client that the form asks to look for, "" when it has been looked for already.
func (v *visit) looksFor() string {
	client := crm.Clean(v.form.Get("client"))
	if client == crm.Clean(v.form.Get("looked_for")) {
		return ""
	}
	return client
}

// quickLogAgain is the form as it was sent. Another client that was looked for takes the place of those that the line
// named.
func quickLogAgain(ctx context.Context, v *visit, errs crm.Invalid) (response, error) {
	line := quicklog.Parse(v.form.Get("text"), v.page.L.Now())
	organization, contact := line.Organization, line.Contact
	client := crm.Clean(v.form.Get("client"))
	if client != "" {
		organization, contact = namesIn(client)
	}
	whom, err := v.lookUp(ctx, organization, contact)
	if err != nil {
		return nil, err
	}
	p := templates.QuickLogPage{Page: v.page, Text: v.form.Get("text"), Log: logForm(v, paths.QuickLog, "", errs)}
	for name, value := range v.typed(quickFields...) {
		p.Log.Values[name] = value
	}
	switch {
	case v.looksFor() != "":
		p.Log.Values["organization_id"], p.Log.Values["contact_id"] = idText(whom.organization), idText(whom.contact)
		if len(whom.Organizations)+len(whom.Contacts) == 0 {
			errs["client"] = crm.Msg("Nobody within your reach is called so.")
		}
	case v.form.Get("organization_id") == "" && v.form.Get("contact_id") == "":
		delete(errs, "")
		errs.Add("client", "Say which client it was with: choose one, or enter part of the name.")
	default:
		if err := whom.include(ctx, v); err != nil {
			return nil, err
		}
	}
	p.Organizations, p.Contacts = whom.choices(v, client)
	return refuse(templates.QuickLog(p)), nil
}

// namesIn takes a name to look for apart: anna @acme, or a name of either kind.
func namesIn(client string) (organization, contact string) {
	contact, organization, _ = strings.Cut(client, "@")
	if strings.TrimSpace(organization) == "" || contact != "" && !strings.HasSuffix(contact, " ") { // an address
		return "", client
	}
	return strings.TrimSpace(organization), strings.TrimSpace(contact)
}

func showQuickLogHelp(_ context.Context, v *visit) (response, error) {
	return show(templates.QuickLogHelp(templates.QuickLogHelpPage{Page: v.page})), nil
}

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
		title := c.RoleLabel
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
