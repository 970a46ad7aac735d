package main

import (
	"context"
	"sync"
	"time"

	"github.com/archpilot/crm/internal/jobs"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/postgres"
)

// jobTimeout bounds one statement of a job. The commit is one too: there the database looks at every record changed.
const jobTimeout = 2 * time.Minute

// remind starts what tells people what is due, and returns a function that stops it and waits until it has.
func (a *app) remind(ctx context.Context, db *postgres.DB) (stop func()) {
	firms := a.Zone.Location()
	reminder := jobs.Reminder{Reminders: db.Reminders(func(name string) *time.Location { return l10n.Zone(name, firms) }), Log: a.log}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		reminder.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

// workOff starts a worker and a folder with a pool of their own, whose statements may take longer than those of pages, and
// returns a function that stops them and waits until they have.
func (a *app) workOff(ctx context.Context, d *database) (stop func(), err error) {
	db, err := postgres.Open(d.url, postgres.Options{MaxConns: 3, StatementTimeout: jobTimeout, Mail: d.mail})
	if err != nil {
		return nil, err
	}
	worker := jobs.Worker{Jobs: db.Jobs(), Log: a.log}
	folder := jobs.Folder{Counts: db.Counts(), Log: a.log}
	ctx, cancel := context.WithCancel(ctx)
	var working sync.WaitGroup
	working.Go(func() { worker.Run(ctx) })
	working.Go(func() { folder.Run(ctx) })
	return func() {
		cancel()
		working.Wait()
		db.Close()
	}, nil
}
