package postgres_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// stretches walks a timeline to its end: the subjects of its interactions and the numbers of its changes, in order.
func stretches(t *testing.T, kind crm.TimelineKind, read func(crm.TimelineView) (crm.Timeline, error)) (subjects []string, changes []int64, walks int) {
	t.Helper()
	for view := (crm.TimelineView{Kind: kind}); ; {
		got, err := read(view)
		if err != nil {
			t.Fatal(err)
		}
		for _, i := range got.Interactions {
			subjects = append(subjects, i.Subject)
		}
		for _, c := range got.Changes {
			if n := len(got.Interactions); kind == crm.TimelineAll && n > 0 && !got.Next.First() && len(got.Changes) < 30 && c.CreatedAt.Before(got.Interactions[n-1].HappenedAt) {
				t.Errorf("a change of %v stands on the page that ends at %v", c.CreatedAt, got.Interactions[n-1].HappenedAt)
			}
			changes = append(changes, c.ID)
		}
		walks++
		if got.Next.First() {
			return subjects, changes, walks
		}
		place, ok := crm.ParseTimelinePlace(got.Next.Key(), got.Next.ID)
		if !ok {
			t.Fatalf("the place %q is not read again", got.Next.Key())
		}
		if view.From = place; walks > 100 {
			t.Fatal("it does not end")
		}
	}
}

// A timeline shows everything once, whatever the part, in the order of time, of organizations as of people who were
// there besides.
func TestTimelineShowsEverythingOnce(t *testing.T) {
	t.Parallel()
	db, conn := openRaw(t)
	s := postgrestest.System(db)
	org := postgrestest.Organization(t, db, "Granvik", none)
	ada, ben := postgrestest.Contact(t, db, "Ada", "Lind", none), postgrestest.Contact(t, db, "Ben", "Lind", none)
	want := map[crm.Channel][]string{}
	start := time.Now().Add(-10 * time.Hour).Truncate(time.Microsecond) // some are planned: changes stand between
	for n := range 50 {
		i := crm.Interaction{OrganizationID: idOf(org), ContactID: idOf(ada), Channel: crm.Channels[n%3], Subject: fmt.Sprint(n), HappenedAt: start.Add(time.Duration(n/2) * time.Hour)} // two at a time
		if n%4 == 0 {
			i.ContactID, i.Attendees = idOf(ben), crm.AttendeesOf(ada)
		}
		must(s.LogInteraction(ctx, i, audit.Organization, none))(t)
		want[i.Channel] = append(want[i.Channel], i.Subject)
		want[""] = append(want[""], i.Subject)
	}
	run(t, conn, `SET session_replication_role = replica`) // an attendee who is the contact is shown once
	run(t, conn, `INSERT INTO interaction_contacts (interaction_id, contact_id, met_at) SELECT id, contact_id, happened_at FROM interactions WHERE contact_id = $1 LIMIT 3`, ada)
	run(t, conn, `SET session_replication_role = origin`)
	o := must(s.Organization(ctx, org))(t)
	for n := range 70 {
		o.Sector = fmt.Sprint("sector ", n)
		must(s.UpdateOrganization(ctx, o))(t)
		o.Version++
	}
	records := map[string]func(crm.TimelineView) (crm.Timeline, error){
		"organization": func(v crm.TimelineView) (crm.Timeline, error) {
			p, err := s.OrganizationPage(ctx, org, v)
			return p.Timeline, err
		},
		"contact": func(v crm.TimelineView) (crm.Timeline, error) {
			p, err := s.ContactPage(ctx, ada, v)
			return p.Timeline, err
		},
	}
	for name, stretch := range records {
		for _, kind := range crm.TimelineKinds {
			subjects, changes, _ := stretches(t, kind, stretch)
			expected := want[kind.Channel()]
			if !kind.HasInteractions() {
				expected = nil
			}
			slices.Sort(subjects)
			if sorted := slices.Sorted(slices.Values(expected)); !slices.Equal(subjects, sorted) {
				t.Errorf("%s, %q: got %d interactions %v, want %d", name, kind, len(subjects), subjects, len(expected))
			}
			wanted := 0
			if kind.HasChanges() {
				id := org
				if name == "contact" {
					id = ada
				}
				wanted = read[int](t, conn, `SELECT count(*) FROM audit_logs WHERE target_id = $1 AND table_name IS NOT NULL`, id)
			}
			if len(changes) != wanted || !slices.IsSortedFunc(changes, func(a, b int64) int { return int(b - a) }) {
				t.Errorf("%s, %q: got changes %v, want %d, newest first", name, kind, changes, wanted)
			}
		}
	}
}

// Who may not see interactions sees what was changed, as far as the history shows it, and asks for a channel in vain.
func TestTimelineWithoutInteractions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	p := must(w.db.As(postgrestest.Actor(w.owner, authz.Own, authz.ViewClient), postgres.Origin{}).OrganizationPage(ctx, w.organization, crm.TimelineView{}))(t)
	if len(p.Timeline.Interactions) > 0 || len(p.Timeline.Changes) == 0 {
		t.Errorf("got %d interactions and %d changes", len(p.Timeline.Interactions), len(p.Timeline.Changes))
	}
	for _, c := range p.Timeline.Changes {
		if c.TargetType == audit.Interaction || c.TargetType == audit.FollowUp {
			t.Errorf("a change tells of a %s", c.TargetType)
		}
	}
	var forbidden postgres.Forbidden
	reader := w.db.As(postgrestest.Actor(w.owner, authz.Own, authz.ViewClient), postgres.Origin{})
	if _, err := reader.OrganizationPage(ctx, w.organization, crm.TimelineView{Kind: crm.TimelineCalls}); !errors.As(err, &forbidden) || forbidden.Permission != authz.ViewInteraction {
		t.Errorf("asked for calls: %v", err)
	}
	stranger := w.db.As(postgrestest.Actor(w.stranger, authz.Own, authz.Permissions...), postgres.Origin{})
	for _, kind := range crm.TimelineKinds {
		if p, err := stranger.OrganizationPage(ctx, w.organization, crm.TimelineView{Kind: kind}); !errors.Is(err, crm.ErrNotFound) || len(p.Timeline.Changes)+len(p.Timeline.Interactions) > 0 && err == nil {
			t.Errorf("%q: out of reach is %v", kind, err)
		}
	}
}

// TestTimelinesReadFewRows looks at the plans for a client with thousands of interactions among many with a few: a stretch
// is read from the index in the order of time, one of a common channel for little more, and one of a channel that never
// occurs ends after a bounded walk and says where.
func TestTimelinesReadFewRows(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 1000)
	large, person := uuid.New(), uuid.New()
	run(t, c.conn, `SET session_replication_role = replica`)
	run(t, c.conn, `INSERT INTO organizations (id, legal_name, display_name, owner_user_id) VALUES ($1, 'Large', 'Large', $2)`, large, c.users[3].ID)
	run(t, c.conn, `INSERT INTO contacts (id, first_name, last_name, owner_user_id) VALUES ($1, 'Much', 'Met', $2)`, person, c.users[3].ID)
	run(t, c.conn, `INSERT INTO interactions (id, organization_id, contact_id, user_id, channel, subject, happened_at)
		SELECT md5('l' || i)::uuid, $1, CASE WHEN i % 2 = 0 THEN $2::uuid END, $3, CASE WHEN i % 3 = 0 THEN 'call' WHEN i = 6998 THEN 'meeting' ELSE 'note' END, 's' || i, now() - i * interval '1 hour' FROM generate_series(1, 7000) i`, large, person, c.users[0].ID)
	run(t, c.conn, `INSERT INTO interaction_contacts (interaction_id, contact_id, met_at)
		SELECT i.id, $2, i.happened_at FROM interactions i WHERE i.organization_id = $1 AND i.contact_id IS NULL`, large, person)
	run(t, c.conn, `SET session_replication_role = origin`)
	run(t, c.conn, `VACUUM ANALYZE`)
	run(t, c.conn, `UPDATE pg_class SET reltuples = reltuples * f FROM (VALUES ('organizations', 300), ('contacts', 1000), ('interactions', 800)) v(name, f) WHERE oid = v.name::regclass`)
	run(t, c.conn, `SET jit = off`)
	run(t, c.conn, `SET plan_cache_mode = force_generic_plan`)
	tracer := &asked{}
	db := postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: tracer})
	all, own := postgrestest.Actor(c.users[3], authz.All, four...), postgrestest.Actor(c.users[3], authz.Own, four...)
	for reach, actor := range map[string]authz.Actor{"all": all, "own": own} {
		s := db.As(actor, postgres.Origin{})
		for name, read := range map[string]func(crm.TimelineView) (crm.Timeline, error){
			"organization": func(v crm.TimelineView) (crm.Timeline, error) {
				p, err := s.OrganizationPage(ctx, large, v)
				return p.Timeline, err
			},
			"contact": func(v crm.TimelineView) (crm.Timeline, error) {
				p, err := s.ContactPage(ctx, person, v)
				return p.Timeline, err
			},
		} {
			deep := must(read(crm.TimelineView{Kind: crm.TimelineCalls}))(t).Next
			for _, tt := range []struct {
				what   string
				view   crm.TimelineView
				shown  int
				walked int
				most   float64 // rows of interactions and attendances
			}{
				{"all", crm.TimelineView{}, 20, 0, 200},
				{"all, deep", crm.TimelineView{From: deep}, 20, 0, 200},
				{"calls", crm.TimelineView{Kind: crm.TimelineCalls}, 20, 0, 700},
				{"calls, deep", crm.TimelineView{Kind: crm.TimelineCalls, From: deep}, 20, 0, 700},
				{"e-mails, of which there are none", crm.TimelineView{Kind: crm.TimelineEmails}, 0, 2000, 21000},
			} {
				tracer.batches = nil
				got := must(read(tt.view))(t)
				if len(got.Interactions) != tt.shown || got.Walked != tt.walked {
					t.Errorf("%s of a much-met %s, reach %s: %d shown, walked %d; want %d and %d", tt.what, name, reach, len(got.Interactions), got.Walked, tt.shown, tt.walked)
				}
				touched := 0.0
				for _, q := range tracer.batches[0] {
					if !strings.Contains(q.SQL, "LIMIT 21") && !strings.Contains(q.SQL, "OFFSET 1999") {
						continue
					}
					touched += touches(t, c.conn, q)
				}
				if touched == 0 || touched > tt.most {
					t.Errorf("%s of a much-met %s, reach %s: touches %.0f rows, want at most %.0f", tt.what, name, reach, touched, tt.most)
				}
			}
			if subjects, _, walks := stretches(t, crm.TimelineMeetings, read); len(subjects) != 1 || walks != 4 {
				t.Errorf("the one meeting of the %s, at its end: %v after %d walks", name, subjects, walks)
			}
		}
	}
}

// touches is how many rows of interactions and attendances a statement looks at.
func touches(t *testing.T, conn *pgx.Conn, q *pgx.QueuedQuery) float64 {
	t.Helper()
	var raw []byte
	if err := conn.QueryRow(ctx, "EXPLAIN (ANALYZE, TIMING OFF, FORMAT JSON) "+q.SQL, q.Arguments...).Scan(&raw); err != nil {
		t.Fatalf("%v\n%s", err, q.SQL)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	rows := 0.0
	plans[0].Plan.each(func(n node) {
		if n.Table == "interactions" || n.Table == "interaction_contacts" {
			rows += (n.Rows + n.Gone) * n.Loops
			if n.Kind == "Seq Scan" {
				t.Errorf("reads all of %s: %s", n.Table, q.SQL)
			}
		}
	})
	return rows
}
