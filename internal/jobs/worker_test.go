package jobs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/jobs"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestAWorkerDoesWhatWasLeft: also what was left before it came, as after a restart. It stops when told.
func TestAWorkerDoesWhatWasLeft(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := postgrestest.Open(t)
	mia := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x", postgrestest.Seeded(t, db, "admin"))
	s := db.As(postgrestest.Actor(mia, authz.All, authz.Permissions...), postgres.Origin{})
	postgrestest.Organization(t, db, "Granvik", uuid.NullUUID{})
	leave := func(action crm.BulkAction) uuid.UUID {
		id, err := s.Enqueue(ctx, crm.Bulk{Action: action, All: true, Organizations: &crm.OrganizationFilter{Status: crm.StatusAll}}, uuid.NullUUID{})
		if err != nil {
			t.Fatal(err)
		}
		return id
	}
	before := leave(crm.BulkArchive)
	w := jobs.Worker{Jobs: db.Jobs(), Log: slog.New(slog.DiscardHandler)}
	running, stop := context.WithCancel(ctx)
	stopped := make(chan struct{})
	go func() { w.Run(running); close(stopped) }()
	done := func(id uuid.UUID) {
		for range 1000 {
			j, err := s.Job(ctx, id)
			if err != nil {
				t.Fatal(err)
			}
			if j.Finished() {
				if j.Result.Done != 1 {
					t.Errorf("the job did %d records, want 1", j.Result.Done)
				}
				return
			}
			time.Sleep(10 * time.Millisecond)
		}
		t.Fatal("nobody did the job")
	}
	done(before)
	done(leave(crm.BulkRestore))
	stop()
	<-stopped
}

// TestAWorkerThatIsToldToStopLeavesTheJob for whoever starts next.
func TestAWorkerThatIsToldToStopLeavesTheJob(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	db := postgrestest.Open(t)
	mia := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x", postgrestest.Seeded(t, db, "admin"))
	s := db.As(postgrestest.Actor(mia, authz.All, authz.Permissions...), postgres.Origin{})
	id, err := s.Enqueue(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{}}, uuid.NullUUID{})
	if err != nil {
		t.Fatal(err)
	}
	stopped, stop := context.WithCancel(ctx)
	stop()
	w := jobs.Worker{Jobs: db.Jobs(), Log: slog.New(slog.DiscardHandler)}
	w.Run(stopped)
	if j, err := s.Job(ctx, id); err != nil || j.Finished() {
		t.Errorf("the job is %+v, %v; want it to wait", j, err)
	}
	w.Work(ctx)
	if j, err := s.Job(ctx, id); err != nil || !j.Finished() {
		t.Errorf("the job is %+v, %v; want it done", j, err)
	}
}
