package web

import (
	"context"

	"github.com/archpilot/crm/templates"
)

func showJob(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	j, err := v.store.Job(ctx, id)
	if err != nil {
		return nil, err
	}
	return show(templates.Job(templates.JobPage{Page: v.page, Job: j})), nil
}
