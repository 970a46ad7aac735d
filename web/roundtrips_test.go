package web_test

import (
	"context"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// trips collects what is sent to the database: one entry per round trip. A batch is one, however many
// queries it holds.
type trips struct {
	mu   sync.Mutex
	sent []string
}

var (
	_ pgx.QueryTracer = (*trips)(nil)
	_ pgx.BatchTracer = (*trips)(nil)
)

func (c *trips) add(sql string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sent = append(c.sent, strings.Join(strings.Fields(sql), " "))
}

// take returns what was sent since the last call, sessions apart.
func (c *trips) take() (session, other []string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, sql := range c.sent {
		if strings.Contains(sql, " sessions ") {
			session = append(session, sql)
		} else {
			other = append(other, sql)
		}
	}
	c.sent = nil
	return session, other
}

func (c *trips) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	c.add(q.SQL)
	return ctx
}

func (c *trips) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData) {}

func (c *trips) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	var all []string
	for _, q := range b.Batch.QueuedQueries {
		all = append(all, q.SQL)
	}
	c.add("batch: " + strings.Join(all, "; "))
	return ctx
}

func (c *trips) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}

func (c *trips) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData) {}

// TestPagesAskTheDatabaseTwice holds the pages people open all day to one query for the session and two round
// trips for the rest: what they cost does not grow with the rows they show.
func TestPagesAskTheDatabaseTwice(t *testing.T) {
	t.Parallel()
	const limit = 2
	sent := &trips{}
	s := newSiteOn(t, postgrestest.URL(t), postgres.Options{Tracer: sent, MaxConns: 1}) // one connection: statements are prepared once
	owner := s.as(t, "owner", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction))
	pages := someRecords(t, s, postgrestest.ID(owner.user.ID))
	for name, b := range map[string]*browser{"reach own": owner, "reach all": s.role(t, "manager")} {
		for _, path := range pages {
			b.get(path).wants(http.StatusOK) // prepares the statements
			sent.take()
			b.get(path).wants(http.StatusOK)
			session, other := sent.take()
			if len(session) != 1 {
				t.Errorf("%s, %s: %d queries for the session, want 1:\n  %s", path, name, len(session), strings.Join(session, "\n  "))
			}
			if len(other) > limit || len(other) == 0 {
				t.Errorf("%s, %s: %d round trips besides the session's, want 1 to %d: put queries into one batch\n  %s", path, name, len(other), limit, strings.Join(other, "\n  "))
			}
		}
	}
}

// TestACallIsSavedInTwoRoundTrips holds the write that people make all day to one round trip that opens its transaction
// and one that commits it, beside the session's two: whose it is, and the notice.
func TestACallIsSavedInTwoRoundTrips(t *testing.T) {
	t.Parallel()
	sent := &trips{}
	s := newSiteOn(t, postgrestest.URL(t), postgres.Options{Tracer: sent, MaxConns: 1})
	b := s.role(t, "manager")
	org, person := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Lars", "Granvik", uuid.NullUUID{})
	var session []string
	call := func(attendees ...string) (other []string) {
		fields := []string{"channel", "call", "subject", "Renewal", "form_token", uuid.NewString()}
		for _, id := range attendees {
			fields = append(fields, "attendee_id", id)
		}
		b.post(paths.LogOnOrganization(org), fields...).wants(http.StatusSeeOther)
		session, other = sent.take()
		return other
	}
	call() // prepares the statements, and saves the session for the first time
	if trips := call(); len(trips) != 2 {
		t.Errorf("%d round trips, want 2:\n  %s", len(trips), strings.Join(trips, "\n  "))
	}
	if len(session) != 2 {
		t.Errorf("%d statements for the session, want 2:\n  %s", len(session), strings.Join(session, "\n  "))
	}
	call(person.String())
	if trips := call(person.String()); len(trips) > 5 {
		t.Errorf("%d round trips with an attendee, want 5 at most:\n  %s", len(trips), strings.Join(trips, "\n  "))
	}
}

// someRecords makes a few linked records with a history that names people, and returns the pages to open.
func someRecords(t *testing.T, s *site, owner uuid.NullUUID) []string {
	t.Helper()
	ctx, system := context.Background(), postgrestest.System(s.db)
	var org, person, talk uuid.UUID
	for _, name := range []string{"Granvik", "Northwind", "Zeta"} {
		org = postgrestest.Organization(t, s.db, name, owner)
		person = postgrestest.Contact(t, s.db, "Lars", name, owner)
		_, err := system.LinkContact(ctx, crm.Relationship{OrganizationID: org, ContactID: person, RoleLabel: "CFO"}, uuid.NullUUID{})
		fatal(t, err)
		logged, err := system.LogInteraction(ctx, crm.Interaction{
			OrganizationID: postgrestest.ID(org), ContactID: postgrestest.ID(person), Channel: crm.Call, Subject: "Renewal", HappenedAt: time.Now(),
		}, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
		talk = logged.ID
	}
	return []string{
		paths.Home, paths.Workload, paths.Organizations, paths.Contacts, paths.Interactions, paths.Organizations + "?q=gran", paths.Search + "?q=gran", paths.Organizations + "?sort=newest&owner=me", paths.Organizations + "?sort=last&last=never&has_contact=no", paths.Contacts + "?sort=owner&phone=no", paths.Interactions + "?sort=author&channel=call",
		paths.Organization(org), paths.Contact(person), paths.Interaction(talk),
		paths.Organization(org) + "?timeline=calls", paths.Contact(person) + "?timeline=notes", paths.Organization(org) + "?timeline=changes", paths.OrganizationWitnesses(org), paths.ContactWitnesses(person),
		paths.InList(paths.Organization(org), "sort=newest&limit=1"), paths.InList(paths.Contact(person), ""), paths.InList(paths.Interaction(talk), ""),
	}
}
