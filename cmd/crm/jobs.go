package main

import (
	"context"
	"time"

	"github.com/archpilot/crm/internal/jobs"
	"github.com/archpilot/crm/internal/postgres"
)

// jobTimeout bounds one statement of a job. The commit is one too: there the database looks at every record changed.
const jobTimeout = 2 * time.Minute

// workOff starts a worker with a pool of its own, whose statements may take longer than those of pages, and returns a
// function that stops it and waits until it has.
func (a *app) workOff(ctx context.Context, d *database) (stop func(), err error) {
	db, err := postgres.Open(d.url, postgres.Options{MaxConns: 3, StatementTimeout: jobTimeout, Mail: d.mail})
	if err != nil {
		return nil, err
	}
	worker := jobs.Worker{Jobs: db.Jobs(), Log: a.log}
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer db.Close()
		worker.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}, nil
}
