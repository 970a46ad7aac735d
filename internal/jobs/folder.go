package jobs

import (
	"context"
	"log/slog"
	"time"

	"github.com/archpilot/crm/internal/postgres"
)

// foldInterval is how long counts wait to be folded. Nobody waits for it: pages add what is not. It bounds how much
// they have to add.
const foldInterval = 2 * time.Second

// Folder folds what writers left to be counted.
type Folder struct {
	Counts postgres.Counts
	Log    *slog.Logger
}

// Run folds until ctx ends. A fold under way is then cut off, which leaves all of it to whoever comes next.
func (f *Folder) Run(ctx context.Context) {
	tick := time.NewTicker(foldInterval)
	defer tick.Stop()
	for {
		if _, err := f.Counts.Fold(ctx); err != nil && ctx.Err() == nil {
			f.Log.WarnContext(ctx, "counts could not be folded and are tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
