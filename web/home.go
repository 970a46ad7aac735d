package web

import (
	"context"
	"net/url"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func showHome(ctx context.Context, v *visit) (response, error) {
	t, err := v.store.Today(ctx, v.clock())
	if err != nil {
		return nil, err
	}
	p := templates.HomePage{
		Page: v.page, Organizations: t.Organizations, Contacts: t.Contacts, Interactions: t.Interactions, FirstSteps: t.FirstSteps,
		SeesQuiet: t.SeesQuiet, Quiet: t.Quiet, Rhythm: t.Rhythm, Silent: t.Silent.Rows, SilentCount: t.Silent.Count, MoreSilent: t.Silent.More,
		Talk: t.Talk, Leads: t.Leads, Staff: t.Staff,
	}
	for _, due := range t.Due {
		p.Due = append(p.Due, templates.DueGroup{Span: due.Span, Rows: due.Rows, Count: due.Count, More: due.More})
	}
	return show(templates.Home(p)), nil
}

// listWorkloads shows the people in reach, page by page.
func listWorkloads(ctx context.Context, v *visit) (response, error) {
	after, err := v.record("after")
	if err != nil {
		return nil, err
	}
	staff, err := v.store.Workloads(ctx, after, v.clock())
	if err != nil {
		return nil, err
	}
	p := templates.WorkloadPage{Page: v.page, People: staff.People, Week: crm.Weeks(v.clock(), 1)[0]}
	if staff.More {
		p.NextURL = paths.With(paths.Workload, url.Values{"after": {staff.People[len(staff.People)-1].UserID.String()}})
	}
	if after != (uuid.NullUUID{}) {
		p.FirstURL = paths.Workload
	}
	return show(templates.Workload(p)), nil
}

// showControls shows what pages are made of.
func showControls(_ context.Context, v *visit) (response, error) {
	return show(templates.Showcase(templates.ShowcasePage{Page: v.page})), nil
}

// putFirstStepsAside closes the checklist for good.
func putFirstStepsAside(ctx context.Context, v *visit) (response, error) {
	return redirect{to: paths.Home}, v.store.PutFirstStepsAside(ctx)
}
