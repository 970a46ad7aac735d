package jobs

import (
	"context"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/archpilot/crm/internal/postgres"
)

// tellInterval is how often a reminder looks at the time: a reminder comes at most that much after its moment.
const tellInterval = 30 * time.Second

// Reminder tells people what the time brings.
type Reminder struct {
	Reminders postgres.Reminders
	Log       *slog.Logger
	Now       func() time.Time // the clock; nil for time.Now

	failing bool // the last look failed, and was told of
}

// Run looks at the time until ctx ends. A look under way is then cut off, which leaves nothing of it.
func (r *Reminder) Run(ctx context.Context) {
	tick := time.NewTicker(tellInterval)
	defer tick.Stop()
	for {
		r.Tell(ctx)
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Tell tells everybody what is due. That the database is away it says once, until it is back.
func (r *Reminder) Tell(ctx context.Context) {
	now := time.Now
	if r.Now != nil {
		now = r.Now
	}
	for more := true; more && ctx.Err() == nil; {
		told, err := r.tell(ctx, now())
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if !r.failing {
				r.Log.WarnContext(ctx, "what is due cannot be read and is tried again", "error", err)
			}
			r.failing = true
			return
		case r.failing:
			r.Log.InfoContext(ctx, "what is due is read again")
			r.failing = false
		}
		if told.Notices+told.Digests+told.Mails > 0 {
			r.Log.InfoContext(ctx, "people are told what is due", "notices", told.Notices, "digests", told.Digests, "mails", told.Mails)
		}
		more = told.More
	}
}

// tell turns a panic into an error: nothing that is due must take the server down.
func (r *Reminder) tell(ctx context.Context, now time.Time) (told postgres.Told, err error) {
	defer func() {
		if fault := recover(); fault != nil {
			r.Log.ErrorContext(ctx, "panic", "fault", fault, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal fault: %v", fault)
		}
	}()
	return r.Reminders.Tell(ctx, now)
}
