package web

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var contactFields = []string{"first_name", "last_name", "email", "phone", "mobile", "job_title", "owner_user_id"}

func listContacts(ctx context.Context, v *visit) (response, error) {
	o, elsewhere, err := openList(ctx, v, crm.ContactList, withoutFaults((*visit).contactFilter), (*postgres.Store).Contacts)
	if err != nil || elsewhere != nil {
		return elsewhere, err
	}
	f, list, view := o.filter, o.rows, o.view
	if len(list.Rows) == 0 && f.Query != "" {
		f.Similar = true
		if list, err = v.store.Contacts(ctx, f); err != nil {
			return nil, err
		}
	}
	p := templates.ContactsPage{
		Page: v.page, View: view, List: list, Query: v.asked(contactParams...), Owners: v.people(o.frame, "owner"),
		Similar: f.Similar && len(list.Rows) > 0,
	}
	for _, c := range list.Rows {
		if f.OrganizationID.Valid && c.OrganizationID == f.OrganizationID { // a row carries the name, within reach
			p.OrganizationName = c.OrganizationName
		}
	}
	if !p.Similar { // as in listOrganizations
		p.Picker = v.picker(crm.ContactList, view, len(list.Rows), p.Count())
	}
	if p.Unsorted = list.Wide && f.Sort.By.Gathers(); p.Unsorted {
		delete(p.Query, "sort")
	}
	p.NoneYet = len(list.Rows) == 0 && view.Query == "" && f.Page.First()
	p.PrevURL, p.NextURL = v.pagerURLs(paths.Contacts, list.Prev, list.Next)
	return show(templates.Contacts(p)), nil
}

// contactFilter reads what the list is asked for.
func (v *visit) contactFilter() (crm.ContactFilter, error) {
	f := crm.ContactFilter{
		Query: v.searchText("q"), Role: v.searchText("role"), RelationshipStatus: v.searchText("relationship"),
	}
	var errs [9]error
	f.Page, errs[0] = v.place()
	f.Status, errs[1] = v.status()
	f.Owner, errs[2] = v.person("owner")
	f.OrganizationID, errs[3] = v.record("organization")
	f.HasEmail, errs[4] = v.presence("email")
	f.HasPhone, errs[5] = v.presence("phone")
	f.Silence, errs[6] = v.silence()
	f.Sort, errs[7] = v.sort(crm.ContactSorts)
	f.Touch, errs[8] = v.touch()
	return f, errors.Join(errs[:]...)
}

func showContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	view, err := v.timelineView()
	if err != nil {
		return nil, err
	}
	w, in := inList(ctx, v, crm.ContactList, withoutFaults((*visit).contactFilter))
	c, err := v.store.ContactPage(ctx, id, view, in...)
	if err != nil {
		return nil, err
	}
	v.page.CanEditClients = v.page.CanEditClients && c.Contact.MayEdit
	return show(templates.Contact(templates.ContactPage{
		Page: v.page, Contact: c.Contact, Organizations: c.Organizations, Former: c.Past, Timeline: v.timelineOf(c.Timeline, view, crm.ContactList, paths.Contact(id)), History: c.History,
		Log: contactLog(v, id, c, nil), FollowUps: followUpsOf(v, paths.PlanOnContact(id), c.FollowUps, c.Contact.IsActive), Place: w.recordPlace(crm.ContactList, c.Neighbours, paths.Contact),
	})), nil
}

// readContact reads the fields of the form.
func readContact(v *visit) crm.Contact {
	return crm.Contact{
		FirstName: v.form.Get("first_name"), LastName: v.form.Get("last_name"), Email: v.form.Get("email"), Phone: v.form.Get("phone"),
		Mobile: v.form.Get("mobile"), JobTitle: v.form.Get("job_title"), OwnerUserID: v.reference("owner_user_id", "There is no such user."),
	}
}

func contactValues(c crm.Contact) map[string]string {
	return map[string]string{
		"first_name": c.FirstName, "last_name": c.LastName, "email": c.Email, "phone": c.Phone, "mobile": c.Mobile,
		"job_title": c.JobTitle, "owner_user_id": nullID(c.OwnerUserID),
	}
}

func newContact(ctx context.Context, v *visit) (response, error) {
	form := templates.Form{Action: paths.Contacts, Token: uuid.NewString(), Values: map[string]string{"owner_user_id": v.actor.UserID.String()}}
	return contactForm(ctx, v, crm.Contact{}, form)
}

// contactForm shows the form: new, edit, or again after something was wrong with it.
func contactForm(ctx context.Context, v *visit, c crm.Contact, form templates.Form) (response, error) {
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	p := templates.ContactFormPage{
		Page: v.page, Contact: c, Form: form, Owners: withOwner(choices, c.OwnerUserID, c.OwnerName), IsNew: c.ID == uuid.Nil,
	}
	body := templates.ContactForm(p)
	if form.Field != "" && v.piece {
		body = templates.ContactFact(p)
	}
	if form.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

func createContact(ctx context.Context, v *visit) (response, error) {
	c := readContact(v)
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateContact(ctx, c, v.token()) },
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.Contacts, Token: v.formToken(), Values: v.typed(contactFields...), Errors: errs}
			return contactForm(ctx, v, crm.Contact{}, form)
		}, "",
		func(r postgres.Saved) response { return saved(paths.Contact(r.ID), v.t("Contact created."), r) })
}

func editContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	c, err := v.store.Contact(ctx, id)
	if err != nil {
		return nil, err
	}
	if !c.MayEdit {
		return nil, crm.ErrNotFound
	}
	return contactForm(ctx, v, c, templates.Form{Action: paths.Contact(id), Version: c.Version, Values: contactValues(c), Field: v.askedField(contactFields)})
}

func updateContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	only, err := v.only(contactFields)
	if err != nil {
		return nil, err
	}
	if only != "" {
		now, err := v.store.Contact(ctx, id)
		if err != nil {
			return nil, err
		}
		v.fill(only, contactFields, contactValues(now))
	}
	c := readContact(v)
	c.ID, c.Version = id, v.version()
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateContact(ctx, c) },
		func(errs crm.Invalid) (response, error) {
			now, err := v.store.Contact(ctx, id)
			if err != nil {
				return nil, err
			}
			form := templates.Form{Action: paths.Contact(id), Version: c.Version, Values: v.typed(contactFields...), Errors: errs, Field: only}
			return contactForm(ctx, v, now, form)
		}, paths.Contact(id),
		func(r postgres.Saved) response { return saved(paths.Contact(id), v.t("Contact saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return contactConflict(ctx, v, id)
	}
	return resp, err
}

func contactConflict(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	c, err := v.store.ContactPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	return conflict(ctx, v, conflicting{
		target: crm.Target{Type: audit.Contact, ID: id},
		name:   c.Contact.Name(), back: paths.Contact(id), version: c.Contact.Version, history: c.History,
		theirs: contactValues(c.Contact), fields: contactFields,
		options: map[string][]templates.Option{"owner_user_id": withOwner(choices, c.Contact.OwnerUserID, c.Contact.OwnerName)},
	})
}

func archiveContact(ctx context.Context, v *visit) (response, error) {
	return setContactActive(ctx, v, false, v.t("Contact archived."))
}

func restoreContact(ctx context.Context, v *visit) (response, error) {
	return setContactActive(ctx, v, true, v.t("Contact restored."))
}

func setContactActive(ctx context.Context, v *visit, active bool, done string) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.SetContactActive(ctx, id, active) },
		refused, paths.Contact(id),
		func(r postgres.Saved) response { return saved(paths.Contact(id), done, r) })
}

func showContactHistory(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	c, err := v.store.Contact(ctx, id)
	if err != nil {
		return nil, err
	}
	return history(ctx, v, crm.Target{Type: audit.Contact, ID: id}, c.Name(), paths.ContactHistory(id))
}
