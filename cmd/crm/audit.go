package main

import (
	"context"
	"fmt"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres"
)

type auditCmd struct {
	Verify auditVerifyCmd `cmd:"" help:"Check the register against its audit log."`
}

type auditVerifyCmd struct{}

// Run prints what was checked and each problem; a problem is a fault.
func (auditVerifyCmd) Run(ctx context.Context, a *app) error {
	return a.onRegister(ctx, func(db *postgres.DB) error {
		v, err := db.As(authz.SystemActor("crm audit", authz.ViewAudit), postgres.Origin{}).Verify(ctx)
		if err != nil {
			return err
		}
		a.say("Checked %d change sets, %d audit rows and %d records.", v.ChangeSets, v.Rows, v.Records)
		for _, problem := range v.Problems {
			a.say("%s", problem)
		}
		switch n := len(v.Problems); n {
		case 0:
			a.say("Every change set has its rows, images join up, and records are as their last change left them.")
			return nil
		case 1:
			return fmt.Errorf("the audit log and the register do not agree: 1 problem")
		case postgres.MaxProblems:
			return fmt.Errorf("the audit log and the register do not agree: %d problems or more", n)
		default:
			return fmt.Errorf("the audit log and the register do not agree: %d problems", n)
		}
	})
}
