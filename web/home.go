package web

import (
	"context"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func showHome(ctx context.Context, v *visit) (response, error) {
	recent, err := v.store.Recent(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.Home(templates.HomePage{
		Page: v.page, Organizations: recent.Organizations, Contacts: recent.Contacts, Interactions: recent.Interactions, FirstSteps: recent.FirstSteps,
	})), nil
}

// showControls shows what pages are made of.
func showControls(_ context.Context, v *visit) (response, error) {
	return show(templates.Showcase(templates.ShowcasePage{Page: v.page})), nil
}

// putFirstStepsAside closes the checklist for good.
func putFirstStepsAside(ctx context.Context, v *visit) (response, error) {
	return redirect{to: paths.Home}, v.store.PutFirstStepsAside(ctx)
}
