package web

import (
	"context"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func listAudit(ctx context.Context, v *visit) (response, error) {
	faults := crm.Invalid{}
	f := crm.AuditFilter{Action: v.query.Get("action"), Page: v.numbered()}
	user, err := v.record("user")
	if err != nil {
		return nil, err
	}
	if f.TargetID, err = v.record("record"); err != nil {
		faults.Add("record", "Enter the id of a record.")
	}
	f.UserID = user
	f.From, f.To = v.days(faults)
	list, err := v.store.Audit(ctx, f)
	if err != nil {
		return nil, err
	}
	users, err := v.store.Auditees(ctx)
	if err != nil {
		return nil, err
	}
	keep := []string{"user", "action", "record", "from", "to"}
	p := templates.AuditPage{Page: v.page, List: list, Query: v.asked(keep...), Users: userOptions(users), Actions: actionSlugs(), Errors: faults}
	for _, c := range list.Rows {
		if f.TargetID.Valid && c.TargetID == f.TargetID && c.TargetName != "" {
			p.RecordName = c.TargetName
		}
	}
	p.PrevURL, p.NextURL = v.numberedURLs(paths.Audit, list.Prev, list.Next, keep...)
	if len(faults) > 0 {
		return refuse(templates.Audit(p)), nil
	}
	return show(templates.Audit(p)), nil
}

func actionSlugs() []string {
	slugs := make([]string, len(audit.Actions))
	for i, a := range audit.Actions {
		slugs[i] = string(a)
	}
	return slugs
}
