package jobs_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/jobs"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

func inUTC(string) *time.Location { return time.UTC }

func TestAReminderTellsWhatIsDueByItsClock(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	mia := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x", postgrestest.Seeded(t, db, "manager"))
	s := db.As(postgrestest.Actor(mia, authz.All, authz.Permissions...), postgres.Origin{})
	now := time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC)
	r := jobs.Reminder{Reminders: db.Reminders(inUTC), Log: slog.New(slog.DiscardHandler), Now: func() time.Time { return now }}
	r.Tell(t.Context())
	f := crm.FollowUp{Title: "Call", Due: crm.Due{At: now.Add(time.Hour)}, OrganizationID: postgrestest.ID(postgrestest.Organization(t, db, "Granvik", postgrestest.ID(mia.ID)))}
	if _, err := s.CreateFollowUp(t.Context(), f, audit.Organization, crm.Clock{Now: now, Zone: time.UTC}, uuid.NullUUID{}); err != nil {
		t.Fatal(err)
	}
	for _, after := range []time.Duration{59 * time.Minute, 61 * time.Minute} {
		now = time.Date(2026, 11, 27, 9, 0, 0, 0, time.UTC).Add(after)
		r.Tell(t.Context())
		l, err := s.Notices(t.Context(), crm.Page{})
		if err != nil {
			t.Fatal(err)
		}
		if told := len(l.Rows) == 1; told != (after > time.Hour) {
			t.Errorf("after %v: told %v", after, told)
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	r.Run(ctx) // ends
}

// That the database is away is said once, and so is that it is back.
func TestADatabaseThatIsAwayIsSaidOnce(t *testing.T) {
	t.Parallel()
	away, err := postgres.Open("postgres://nobody@127.0.0.1:1/nothing", postgres.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(away.Close)
	var log bytes.Buffer
	r := jobs.Reminder{Reminders: away.Reminders(inUTC), Log: slog.New(slog.NewTextHandler(&log, nil))}
	for range 3 {
		r.Tell(t.Context())
	}
	r.Reminders = postgrestest.Open(t).Reminders(inUTC)
	for range 3 {
		r.Tell(t.Context())
	}
	if lines := strings.Count(log.String(), "\n"); lines != 2 || !strings.Contains(log.String(), "tried again") || !strings.Contains(log.String(), "read again") {
		t.Errorf("the log says\n%s", &log)
	}
}
