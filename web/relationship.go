package web

import (
	"context"
	"errors"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var linkFields = []string{"contact_id", "role_label", "relationship_status"}

// findCandidates searches for people who may be linked; it works as a plain GET form.
func findCandidates(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return candidates(ctx, v, id, templates.Form{Action: paths.OrganizationContacts(id), Token: uuid.NewString()})
}

func candidates(ctx context.Context, v *visit, id uuid.UUID, form templates.Form) (response, error) {
	q := v.searchText("q_contact")
	o, found, err := v.store.LinkCandidates(ctx, id, q)
	if err != nil {
		return nil, err
	}
	p := templates.CandidatesPage{Page: v.page, Organization: o, Query: q, Form: form, More: len(found) == postgres.MaxPeople}
	for _, c := range found {
		detail := c.Email
		if detail == "" {
			detail = c.JobTitle
		}
		p.Candidates = append(p.Candidates, templates.Candidate{ID: c.ID.String(), Name: c.Name(), Detail: detail})
	}
	if form.Errors != nil {
		return refuse(templates.Candidates(p)), nil
	}
	return show(templates.Candidates(p)), nil
}

func linkContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	contact := v.reference("contact_id", "There is no such contact.")
	if !contact.Valid {
		v.faults.Add("contact_id", "Choose a contact.")
	}
	r := crm.Relationship{
		OrganizationID: id, ContactID: contact.UUID, RoleLabel: v.form.Get("role_label"), RelationshipStatus: v.form.Get("relationship_status"),
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.LinkContact(ctx, r, v.token()) },
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.OrganizationContacts(id), Token: v.formToken(), Values: v.typed(linkFields...), Errors: errs}
			return candidates(ctx, v, id, form)
		}, paths.Organization(id),
		func(r postgres.Saved) response { return saved(paths.Organization(id), v.t("Contact linked."), r) })
}

func (v *visit) link() (organization, contact uuid.UUID, err error) {
	if organization, err = v.id("id"); err != nil {
		return organization, contact, err
	}
	contact, err = v.id("contactID")
	return organization, contact, err
}

func editLink(ctx context.Context, v *visit) (response, error) {
	organization, contact, err := v.link()
	if err != nil {
		return nil, err
	}
	r, err := v.store.Relationship(ctx, organization, contact)
	if err != nil {
		return nil, err
	}
	return show(templates.Relationship(templates.RelationshipPage{
		Page: v.page, Relationship: r,
		Form: templates.Form{
			Action: paths.OrganizationContact(organization, contact), Version: r.Version,
			Values: map[string]string{"role_label": r.RoleLabel, "relationship_status": r.RelationshipStatus},
		},
	})), nil
}

func updateLink(ctx context.Context, v *visit) (response, error) {
	organization, contact, err := v.link()
	if err != nil {
		return nil, err
	}
	r := crm.Relationship{
		OrganizationID: organization, ContactID: contact, RoleLabel: v.form.Get("role_label"), RelationshipStatus: v.form.Get("relationship_status"),
	}
	if v.form.Has("version") { // a link may also be updated by what it is alone: two short fields
		r.Version = v.version()
	}
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateLink(ctx, r) },
		func(errs crm.Invalid) (response, error) {
			now, err := v.store.Relationship(ctx, organization, contact)
			if err != nil {
				return nil, err
			}
			form := templates.Form{Action: paths.OrganizationContact(organization, contact), Version: max(r.Version, now.Version), Values: v.typed("role_label", "relationship_status"), Errors: errs}
			return refuse(templates.Relationship(templates.RelationshipPage{Page: v.page, Relationship: now, Form: form})), nil
		}, paths.Organization(organization),
		func(r postgres.Saved) response { return saved(paths.Organization(organization), v.t("Role saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return linkConflict(ctx, v, organization, contact)
	}
	return resp, err
}

func linkConflict(ctx context.Context, v *visit, organization, contact uuid.UUID) (response, error) {
	now, err := v.store.Relationship(ctx, organization, contact)
	if err != nil {
		return nil, err
	}
	return conflict(ctx, v, conflicting{
		name: now.ContactName, back: paths.Organization(organization), action: paths.OrganizationContact(organization, contact), version: now.Version,
		theirs: map[string]string{"role_label": now.RoleLabel, "relationship_status": now.RelationshipStatus},
		fields: []string{"role_label", "relationship_status"},
	})
}

func unlinkContact(ctx context.Context, v *visit) (response, error) {
	organization, contact, err := v.link()
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.UnlinkContact(ctx, organization, contact) },
		refused, paths.Organization(organization),
		func(r postgres.Saved) response {
			return saved(paths.Organization(organization), v.t("Contact unlinked."), r)
		})
}
