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
	p := templates.JobPage{Page: v.page, Job: j}
	for _, k := range j.Result.Kept {
		p.Kept = append(p.Kept, v.kept(k))
	}
	return show(templates.Job(p)), nil
}
