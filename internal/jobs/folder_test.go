package jobs_test

import (
	"context"
	"log/slog"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/jobs"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestAFolderFoldsWhatWasLeft also before it came, and stops when told.
func TestAFolderFoldsWhatWasLeft(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db, conn := postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.Connect(t, url)
	mia := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x", postgrestest.Seeded(t, db, "admin"))
	postgrestest.Organization(t, db, "Granvik", postgrestest.ID(mia.ID))
	f := jobs.Folder{Counts: db.Counts(), Log: slog.New(slog.DiscardHandler)}
	running, stop := context.WithCancel(context.Background())
	stopped := make(chan struct{})
	go func() { f.Run(running); close(stopped) }()
	left := func() (n int) {
		if err := conn.QueryRow(context.Background(), `SELECT count(*) FROM client_deltas`).Scan(&n); err != nil {
			t.Fatal(err)
		}
		return n
	}
	for n := 0; left() > 0; n++ {
		if n == 1000 {
			t.Fatal("nobody folded what was left")
		}
		time.Sleep(10 * time.Millisecond)
	}
	stop()
	<-stopped
}
