package main

import (
	"context"
	"time"

	"github.com/archpilot/crm/internal/postgres"
)

type migrateCmd struct {
	Up     migrateUpCmd     `cmd:"" help:"Bring the schema up to date."`
	Status migrateStatusCmd `cmd:"" help:"List the migrations and when each was applied."`
}

type migrateUpCmd struct{}

// Run applies what is pending. It may run anywhere at any time: others that do so wait.
func (migrateUpCmd) Run(ctx context.Context, a *app) error {
	return a.onDatabase(ctx, startPatience, func(d *database) error {
		applied, err := d.migrate(ctx)
		for _, name := range applied {
			a.say("Applied %s.", name)
		}
		if err == nil && len(applied) == 0 {
			a.say("The schema is up to date.")
		}
		return err
	})
}

type migrateStatusCmd struct{}

// Run prints a table.
func (migrateStatusCmd) Run(ctx context.Context, a *app) error {
	return a.onDatabase(ctx, startPatience, func(d *database) error {
		all, err := postgres.Migrations(ctx, d.ownerURL)
		if err != nil {
			return err
		}
		table := a.table("MIGRATION", "APPLIED")
		for _, m := range all {
			table.row(m.Name, moment(m.Applied, "pending"))
		}
		table.flush()
		return nil
	})
}

// moment shows a time in UTC, or what stands for none.
func moment(t time.Time, none string) string {
	if t.IsZero() {
		return none
	}
	return t.UTC().Format("2006-01-02 15:04:05 MST")
}
