// Package jobs does what is to be done in the background, beside the server: worker.go what was left to be done, one after
// the other, reminder.go what the time brings. It is not for what a job does or whom to remind of what, nor for how that is
// done once: both are a transaction of package postgres.
//
// There is no queue besides the table. A worker looks into it by itself, so that work left by another instance, and
// work that another instance was cut off in, is found by whoever is there. A folder does the same with counts, which
// nobody asked for.
package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres"
)

// pollInterval is how often a worker looks for work: somebody waits for it on a page.
const pollInterval = time.Second

// Worker does jobs.
type Worker struct {
	Jobs postgres.Jobs
	Log  *slog.Logger
}

// Run does jobs until ctx ends. A job under way is then cut off, which leaves nothing of it: whoever starts next does
// it from the beginning.
func (w *Worker) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		w.Work(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Work does everything that is due.
func (w *Worker) Work(ctx context.Context) {
	w.settleTouch(ctx)
	waiting, err := w.Jobs.Waiting(ctx)
	if err != nil && ctx.Err() == nil {
		w.Log.WarnContext(ctx, "the jobs cannot be read and are tried again", "error", err)
	}
	for _, id := range waiting {
		start := time.Now()
		err := w.do(ctx, id)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			w.Log.WarnContext(ctx, "a job failed", "job", id, "error", err)
		default:
			w.Log.InfoContext(ctx, "a job is done", "job", id, "took", time.Since(start))
		}
	}
}

// settleTouch puts right when people are due, after what is usual in their role has changed.
func (w *Worker) settleTouch(ctx context.Context) {
	start := time.Now()
	switch n, err := w.Jobs.SettleTouch(ctx); {
	case err != nil && ctx.Err() == nil:
		w.Log.WarnContext(ctx, "when people are due could not be put right and is tried again", "error", err)
	case n > 0:
		w.Log.InfoContext(ctx, "when people are due was put right", "people", n, "took", time.Since(start))
	}
}

// do turns a panic into an error: a job must not take the server down.
func (w *Worker) do(ctx context.Context, id uuid.UUID) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			w.Log.ErrorContext(ctx, "panic", "fault", fault, "job", id, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal fault: %v", fault)
		}
	}()
	return w.Jobs.Do(ctx, id)
}
