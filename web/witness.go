package web

import (
	"context"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func showOrganizationWitnesses(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	o, err := v.store.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	return showWitnesses(ctx, v, crm.Target{Type: audit.Organization, ID: id}, o.DisplayName, paths.Organization(id))
}

func showContactWitnesses(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	c, err := v.store.Contact(ctx, id)
	if err != nil {
		return nil, err
	}
	return showWitnesses(ctx, v, crm.Target{Type: audit.Contact, ID: id}, c.Name(), paths.Contact(id))
}

// showWitnesses says who may see a record, and why.
func showWitnesses(ctx context.Context, v *visit, record crm.Target, name, back string) (response, error) {
	all, err := v.store.Witnesses(ctx, record.Type, record.ID)
	if err != nil {
		return nil, err
	}
	p := templates.WitnessesPage{Page: v.page, Name: name, BackURL: back, OfContact: record.Type == audit.Contact, Me: v.actor.UserID, Witnesses: all}
	if p.More = len(all) > crm.MaxWitnesses; p.More {
		p.Witnesses = all[:crm.MaxWitnesses]
	}
	return show(templates.Witnesses(p)), nil
}
