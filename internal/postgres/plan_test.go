package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// listed keeps the last statement that reads a list, as it was sent.
type listed struct {
	mu   sync.Mutex
	sql  string
	args []any
}

var (
	_ pgx.QueryTracer = (*listed)(nil)
	_ pgx.BatchTracer = (*listed)(nil)
)

func (a *listed) keep(sql string, args []any) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if strings.Contains(sql, " AS place_id") {
		a.sql, a.args = sql, args
	}
}

func (a *listed) TraceQueryStart(ctx context.Context, _ *pgx.Conn, q pgx.TraceQueryStartData) context.Context {
	a.keep(q.SQL, q.Args)
	return ctx
}

// TraceBatchStart sees the statements of a batch as they are handed in, as TraceQueryStart does.
func (a *listed) TraceBatchStart(ctx context.Context, _ *pgx.Conn, b pgx.TraceBatchStartData) context.Context {
	for _, q := range b.Batch.QueuedQueries {
		a.keep(q.SQL, q.Arguments)
	}
	return ctx
}

func (a *listed) TraceQueryEnd(context.Context, *pgx.Conn, pgx.TraceQueryEndData)     {}
func (a *listed) TraceBatchQuery(context.Context, *pgx.Conn, pgx.TraceBatchQueryData) {}
func (a *listed) TraceBatchEnd(context.Context, *pgx.Conn, pgx.TraceBatchEndData)     {}

// node is what a test looks at of a plan.
type node struct {
	Kind   string  `json:"Node Type"`
	Table  string  `json:"Relation Name"`
	Index  string  `json:"Index Name"`
	Rows   float64 `json:"Actual Rows"`
	Loops  float64 `json:"Actual Loops"`
	Gone   float64 `json:"Rows Removed by Filter"`
	Inner  []node  `json:"Plans"`
	Shared float64 `json:"Shared Hit Blocks"`
}

// each calls f for a node and all below it.
func (n node) each(f func(node)) {
	f(n)
	for _, i := range n.Inner {
		i.each(f)
	}
}

// explain runs a list and then the same statement again under EXPLAIN ANALYZE, as pgx would: with the values where
// the list asks for that, else under the generic plan it ends up with.
func (a *listed) explain(t *testing.T, conn *pgx.Conn, list func() error) node {
	t.Helper()
	if err := list(); err != nil {
		t.Fatal(err)
	}
	mode := "force_generic_plan"
	if slices.Contains(a.args, any(pgx.QueryExecModeCacheDescribe)) {
		mode = "force_custom_plan"
	}
	run(t, conn, "SET plan_cache_mode = "+mode)
	var raw []byte
	if err := conn.QueryRow(ctx, "EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) "+a.sql, a.args...).Scan(&raw); err != nil {
		t.Fatalf("%v\n%s", err, a.sql)
	}
	var plans []struct{ Plan node }
	if err := json.Unmarshal(raw, &plans); err != nil {
		t.Fatal(err)
	}
	return plans[0].Plan
}

// TestListsWalkTheirIndexes looks at the plans of the lists on a register whose tables the planner takes for
// hundreds of thousands and millions of rows: each walks the index that its order asks for, reads no table as
// a whole, and touches few rows.
func TestListsWalkTheirIndexes(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 3000)
	run(t, c.conn, `VACUUM ANALYZE`)
	run(t, c.conn, `UPDATE pg_class SET reltuples = reltuples * f FROM (VALUES ('organizations', 100), ('organization_activity', 100), ('main_contacts', 100), ('contacts', 500), ('first_roles', 500), ('first_attendees', 500),
		('contact_activity', 500), ('contact_reach', 500), ('organization_contact', 700), ('interactions', 800)) v(name, f) WHERE oid = v.name::regclass`)
	run(t, c.conn, `SET jit = off`)
	a := &listed{}
	db := postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: a})
	readers := map[string]reader{}
	for _, r := range c.readers() {
		readers[r.name] = r
	}
	few := readers["own 3"]
	few.actor = postgrestest.Actor(c.users[4], authz.Team, authz.ViewClient, authz.ViewInteraction)
	few.actor.Owners = []uuid.UUID{c.users[3].ID, c.users[4].ID}
	readers["a small team"] = few
	organizations := func(f crm.OrganizationFilter) func(*postgres.Store, crm.Page) (crm.Page, error) {
		return func(s *postgres.Store, p crm.Page) (crm.Page, error) {
			f.Page = p
			l, err := s.Organizations(ctx, f)
			return l.Next, err
		}
	}
	contacts := func(f crm.ContactFilter) func(*postgres.Store, crm.Page) (crm.Page, error) {
		return func(s *postgres.Store, p crm.Page) (crm.Page, error) {
			f.Page = p
			l, err := s.Contacts(ctx, f)
			return l.Next, err
		}
	}
	interactions := func(f crm.InteractionFilter) func(*postgres.Store, crm.Page) (crm.Page, error) {
		return func(s *postgres.Store, p crm.Page) (crm.Page, error) {
			f.Page = p
			l, err := s.Interactions(ctx, f)
			return l.Next, err
		}
	}
	sort := func(text string) crm.Sort { return crm.ParseSort(text) }
	for _, tt := range []struct {
		reader, what string
		index        string
		read         func(*postgres.Store, crm.Page) (crm.Page, error)
	}{
		{"all", "organizations", "organizations_active_name", organizations(crm.OrganizationFilter{})},
		{"all", "organizations, newest", "organizations_newest", organizations(crm.OrganizationFilter{Sort: sort("newest")})},
		{"all", "organizations of a sector", "organizations_sector_name", organizations(crm.OrganizationFilter{Sector: "Food"})},
		{"all", "organizations by size", "organizations_size_name", organizations(crm.OrganizationFilter{Sort: sort("size")})},
		{"all", "organizations by last contact", "organization_activity_last", organizations(crm.OrganizationFilter{Sort: sort("last")})},
		{"all", "organizations by next contact", "organization_activity_touch", organizations(crm.OrganizationFilter{Sort: sort("touch")})},
		{"all", "overdue organizations by next contact", "organization_activity_touch", organizations(crm.OrganizationFilter{Touch: crm.TouchOverdue, Sort: sort("touch")})},
		{"own 0", "overdue organizations by next contact", "organization_activity_owner_touch", organizations(crm.OrganizationFilter{Touch: crm.TouchOverdue, Sort: sort("touch")})},
		{"a small team", "organizations by next contact", "organization_activity_owner_touch", organizations(crm.OrganizationFilter{Sort: sort("touch")})},
		{"all", "organizations by main contact", "main_contacts_name", organizations(crm.OrganizationFilter{Sort: sort("contact")})},
		{"own 0", "organizations by main contact", "main_contacts_owner_name", organizations(crm.OrganizationFilter{Sort: sort("-contact")})},
		{"a small team", "organizations by main contact", "main_contacts_owner_name", organizations(crm.OrganizationFilter{Sort: sort("contact")})},
		{"team of 0", "organizations by main contact", "main_contacts_name", organizations(crm.OrganizationFilter{Sort: sort("contact")})},
		{"all", "organizations by next follow-up", "organization_activity_next", organizations(crm.OrganizationFilter{Sort: sort("next")})},
		{"all", "organizations by next follow-up, and those without", "organization_activity_last", organizations(crm.OrganizationFilter{Sort: sort("-next")})},
		{"own 0", "organizations by next follow-up", "organization_activity_owner_next", organizations(crm.OrganizationFilter{Sort: sort("next")})},
		{"a small team", "organizations by next follow-up", "organization_activity_owner_last", organizations(crm.OrganizationFilter{Sort: sort("-next")})},
		{"all", "contacts by next follow-up", "contact_activity_next", contacts(crm.ContactFilter{Sort: sort("next")})},
		{"own 3", "contacts by next follow-up", "contact_reach_next", contacts(crm.ContactFilter{Sort: sort("next")})},
		{"a small team", "contacts by next follow-up", "contact_reach_last", contacts(crm.ContactFilter{Sort: sort("-next")})},
		{"all", "contacts by next contact", "contact_activity_touch", contacts(crm.ContactFilter{Sort: sort("touch")})},
		{"own 3", "contacts by next contact", "contact_reach_touch", contacts(crm.ContactFilter{Sort: sort("touch")})},
		{"a small team", "overdue contacts by next contact", "contact_reach_touch", contacts(crm.ContactFilter{Touch: crm.TouchOverdue, Sort: sort("touch")})},
		{"all", "organizations by owner", "organizations_owner_name", organizations(crm.OrganizationFilter{Sort: sort("owner")})},
		{"all", "all organizations by status", "organizations_archived_name", organizations(crm.OrganizationFilter{Status: crm.StatusAll, Sort: sort("status")})},
		{"own 0", "organizations", "organizations_owner_name", organizations(crm.OrganizationFilter{})},
		{"own 0", "organizations of a sector", "organizations_owner_sector_name", organizations(crm.OrganizationFilter{Sector: "Food"})},
		{"a small team", "organizations", "organizations_owner_name", organizations(crm.OrganizationFilter{})},
		{"a small team", "organizations by last contact", "organization_activity_owner_last", organizations(crm.OrganizationFilter{Sort: sort("-last")})},
		{"team of 0", "organizations", "organizations_active_name", organizations(crm.OrganizationFilter{})},
		{"all", "contacts", "contacts_active_name", contacts(crm.ContactFilter{})},
		{"all", "contacts by e-mail", "contacts_email_order", contacts(crm.ContactFilter{Sort: sort("email")})},
		{"all", "contacts by phone", "contacts_phone_order", contacts(crm.ContactFilter{Sort: sort("phone")})},
		{"all", "contacts of an owner by phone", "contacts_owner_phone_order", contacts(crm.ContactFilter{Owner: crm.OwnerFilter{UserID: idOf(c.users[0].ID)}, Sort: sort("-phone")})},
		{"all", "contacts by mobile", "contacts_mobile_order", contacts(crm.ContactFilter{Sort: sort("-mobile")})},
		{"all", "contacts of an owner by mobile", "contacts_owner_mobile_order", contacts(crm.ContactFilter{Owner: crm.OwnerFilter{UserID: idOf(c.users[0].ID)}, Sort: sort("mobile")})},
		{"all", "contacts by job title", "contacts_title_name", contacts(crm.ContactFilter{Sort: sort("title")})},
		{"all", "contacts of an owner by job title", "contacts_owner_title_name", contacts(crm.ContactFilter{Owner: crm.OwnerFilter{UserID: idOf(c.users[0].ID)}, Sort: sort("-title")})},
		{"all", "contacts by role", "first_roles_name", contacts(crm.ContactFilter{Sort: sort("role")})},
		{"all", "contacts by role, reversed", "first_roles_name", contacts(crm.ContactFilter{Sort: sort("-role")})},
		{"all", "contacts of an owner by role", "first_roles_owner_name", contacts(crm.ContactFilter{Owner: crm.OwnerFilter{UserID: idOf(c.users[0].ID)}, Sort: sort("-role")})},
		{"own 3", "contacts by role", "organization_contact_contact", contacts(crm.ContactFilter{Sort: sort("role")})},
		{"all", "contacts by last contact", "contact_activity_last", contacts(crm.ContactFilter{Sort: sort("last")})},
		{"all", "contacts by owner", "contacts_owner_name", contacts(crm.ContactFilter{Sort: sort("owner")})},
		{"own 0", "contacts", "contact_reach_name", contacts(crm.ContactFilter{})},
		{"own 3", "contacts, newest first", "contact_reach_newest", contacts(crm.ContactFilter{Sort: sort("newest")})},
		{"a small team", "contacts, oldest first", "contact_reach_newest", contacts(crm.ContactFilter{Sort: sort("-newest")})},
		{"own 3", "contacts by last contact", "contact_reach_last", contacts(crm.ContactFilter{Sort: sort("last")})},
		{"own 3", "contacts without e-mail", "contact_reach_name", contacts(crm.ContactFilter{HasEmail: crm.Absent})},
		{"a small team", "contacts", "contact_reach_name", contacts(crm.ContactFilter{})},
		{"a small team", "contacts by last contact, reversed", "contact_reach_last", contacts(crm.ContactFilter{Sort: sort("-last")})},
		{"a small team", "contacts in a role", "contact_reach_name", contacts(crm.ContactFilter{Role: "CFO"})},
		{"all", "interactions", "interactions_newest", interactions(crm.InteractionFilter{})},
		{"all", "interactions of an author", "interactions_author_newest", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[1].ID)}})},
		{"all", "interactions by author", "interactions_author_newest", interactions(crm.InteractionFilter{Sort: sort("author")})},
		{"all", "interactions of an organization", "interactions_organization_newest", interactions(crm.InteractionFilter{OrganizationID: idOf(c.found)})},
		{"all", "interactions by subject", "interactions_subject", interactions(crm.InteractionFilter{Sort: sort("subject")})},
		{"all", "interactions by outcome", "interactions_outcome", interactions(crm.InteractionFilter{Sort: sort("-outcome")})},
		{"all", "interactions with an outcome", "interactions_outcome", interactions(crm.InteractionFilter{Outcome: "Resolved"})},
		{"all", "an author's interactions by subject", "interactions_author_subject", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[0].ID)}, Sort: sort("subject")})},
		{"all", "a team's interactions by outcome", "interactions_author_outcome", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{TeamID: idOf(c.teams[1])}, Sort: sort("outcome")})},
		{"all", "interactions by channel", "interactions_channel_order", interactions(crm.InteractionFilter{Sort: sort("channel")})},
		{"all", "interactions of a channel, by it", "interactions_channel_order", interactions(crm.InteractionFilter{Channel: crm.Note, Sort: sort("-channel")})},
		{"all", "interactions as they were logged", "interactions_logged_order", interactions(crm.InteractionFilter{Sort: sort("logged")})},
		{"all", "interactions by direction", "interactions_channel_order", interactions(crm.InteractionFilter{Sort: sort("direction")})},
		{"all", "notes by direction", "interactions_channel_order", interactions(crm.InteractionFilter{Channel: crm.Note, Sort: sort("-direction")})},
		{"all", "interactions by duration", "interactions_minutes_order", interactions(crm.InteractionFilter{Sort: sort("-minutes")})},
		{"all", "e-mails by duration", "interactions_minutes_order", interactions(crm.InteractionFilter{Channel: crm.Email, Sort: sort("minutes")})},
		// Gathered, from whichever index goes by author: on few pages the heap costs next to nothing.
		{"all", "an author's interactions by channel", "interactions_author_", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[2].ID)}, Sort: sort("channel")})},
		{"all", "an author's interactions by duration", "interactions_author_", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[2].ID)}, Sort: sort("-minutes")})},
		{"all", "interactions by whom they were with", "organizations_name", interactions(crm.InteractionFilter{Sort: sort("with")})},
		{"all", "interactions by whom they were with, reversed", "organizations_name", interactions(crm.InteractionFilter{Sort: sort("-with")})},
		{"all", "an author's interactions by whom they were with", "interactions_author_", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[2].ID)}, Sort: sort("with")})},
		{"all", "interactions by who else was there", "first_attendees_name", interactions(crm.InteractionFilter{Sort: sort("attendees")})},
		{"all", "interactions by who else was there, reversed", "first_attendees_name", interactions(crm.InteractionFilter{Sort: sort("-attendees")})},
		{"all", "interactions of a channel by who else was there", "first_attendees_channel_name", interactions(crm.InteractionFilter{Channel: crm.Note, Sort: sort("attendees")})},
		{"all", "an author's interactions by who else was there", "interactions_author_", interactions(crm.InteractionFilter{Author: crm.OwnerFilter{UserID: idOf(c.users[2].ID)}, Sort: sort("attendees")})},
		{"own 3", "interactions by channel", "interactions_channel_order", interactions(crm.InteractionFilter{Sort: sort("channel")})},
		{"a small team", "interactions as they were logged", "interactions_logged_order", interactions(crm.InteractionFilter{Sort: sort("logged")})},
		{"own 3", "interactions", "interactions_organization_newest", interactions(crm.InteractionFilter{})},
		{"own 3", "interactions of a channel", "interactions_organization_newest", interactions(crm.InteractionFilter{Channel: crm.Note})},
		{"a small team", "interactions", "organization_activity_owner_last", interactions(crm.InteractionFilter{})},
		{"a small team", "interactions since a day", "contact_reach_last", interactions(crm.InteractionFilter{From: time.Now().AddDate(0, 0, -30)})},
	} {
		s, second := db.As(readers[tt.reader].actor, postgres.Origin{}), crm.Page{}
		for n, page := range []string{"first page", "second page"} {
			what := fmt.Sprintf("%s of %s, %s", tt.what, tt.reader, page)
			at := crm.Page{Uncounted: true}
			if n == 1 {
				if second.First() {
					continue
				}
				at = second
			}
			plan := a.explain(t, c.conn, func() (err error) { second, err = tt.read(s, at); return err })
			touched, walked := 0.0, false
			plan.each(func(n node) {
				touched += (n.Rows + n.Gone) * n.Loops
				walked = walked || n.Index == tt.index || strings.HasSuffix(tt.index, "_") && strings.HasPrefix(n.Index, tt.index)
				if n.Kind == "Seq Scan" && slices.Contains([]string{"organizations", "contacts", "interactions", "organization_contact", "organization_activity", "contact_activity", "contact_reach", "main_contacts", "first_roles", "first_attendees"}, n.Table) {
					t.Errorf("%s: reads all of %s", what, n.Table)
				}
			})
			if !walked {
				t.Errorf("%s: does not walk %s", what, tt.index)
			}
			if touched > 8000 {
				t.Errorf("%s: touches %.0f rows for a page of 50", what, touched)
			}
		}
	}
	s, deep := db.As(readers["all"].actor, postgres.Origin{}), crm.Page{Size: crm.MaxPageSize, Uncounted: true}
	read := interactions(crm.InteractionFilter{Sort: sort("with")})
	for range 40 {
		next, err := read(s, deep)
		fatal(t, err)
		deep = next
	}
	touched := 0.0
	a.explain(t, c.conn, func() error { _, err := read(s, deep); return err }).each(func(n node) { touched += (n.Rows + n.Gone) * n.Loops })
	if touched > 8000 {
		t.Errorf("a deep page of interactions by whom they were with touches %.0f rows: it begins at the first name", touched)
	}
}

// TestListsArePlannedOnce: within a restricted reach, and in a small register, to weigh who is in reach takes longer than any plan of a
// list or a record. In a large one the values of several filters change the plan.
func TestListsArePlannedOnce(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 60)
	run(t, c.conn, `ANALYZE`)
	mine := read[uuid.UUID](t, c.conn, `SELECT id FROM organizations WHERE owner_user_id = $1 LIMIT 1`, c.users[3].ID)
	for _, want := range []struct {
		organizations, batches int // of the list
		filter                 crm.OrganizationFilter
	}{
		{60, 1, crm.OrganizationFilter{Sector: "Food", Size: "11-50"}},
		{1_000_000, 1, crm.OrganizationFilter{Sector: "Food"}},
		{1_000_000, 0, crm.OrganizationFilter{Sector: "Food", Size: "11-50"}},
	} {
		run(t, c.conn, `UPDATE pg_class SET reltuples = $1 WHERE oid = 'organizations'::regclass`, want.organizations)
		tracer := &asked{}
		s := postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: tracer}).As(c.readers()[1].actor, postgres.Origin{})
		must(s.Organizations(ctx, want.filter))(t)
		lists := len(tracer.batches)
		must(s.OrganizationPage(ctx, mine, crm.TimelineView{}))(t)
		if lists != want.batches || len(tracer.batches) != want.batches+1 {
			t.Fatalf("%+v: %d batches for the list, %d with a record", want, lists, len(tracer.batches))
		}
		for _, b := range tracer.batches {
			if planned := b[1].SQL == "SET LOCAL plan_cache_mode = force_generic_plan"; !planned {
				t.Errorf("%+v: planned anew: %s", want, b[1].SQL)
			}
		}
	}
}

// TestFewAttendeesAreLookedUpByKey: the fewer interactions have any, the more a walk through all of those seems to cost nothing; in the
// order by who else was there it would come again for each interaction in reach.
func TestFewAttendeesAreLookedUpByKey(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 60)
	run(t, c.conn, `ANALYZE`)
	tracer := &asked{}
	s := postgrestest.OpenURL(t, c.url, postgres.Options{Tracer: tracer}).As(c.readers()[1].actor, postgres.Origin{})
	must(s.Interactions(ctx, crm.InteractionFilter{Sort: crm.Sort{By: crm.ByAttendees}}))(t)
	if b := tracer.batches; len(b) != 1 || !slices.ContainsFunc(b[0], func(q *pgx.QueuedQuery) bool { return strings.Contains(q.SQL, "'enable_seqscan'") }) {
		t.Errorf("%d batches, none that goes by index", len(b))
	}
}

// TestARecordNotFoundKeepsItsConnection: the batch that reads it is a transaction, which ends although there is no row. The
// pool would give up a connection with an open one.
func TestARecordNotFoundKeepsItsConnection(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 20)
	s := postgrestest.OpenURL(t, c.url, postgres.Options{MaxConns: 1}).As(c.readers()[1].actor, postgres.Origin{})
	const backends = `SELECT string_agg(pid::text, ' ' ORDER BY pid) FROM pg_stat_activity WHERE datname = current_database()`
	before := ""
	for n := range 20 {
		if _, err := s.OrganizationPage(ctx, uuid.New(), crm.TimelineView{}); !errors.Is(err, crm.ErrNotFound) {
			t.Fatalf("got %v, want not found", err)
		}
		if _, err := s.InteractionPage(ctx, uuid.New()); !errors.Is(err, crm.ErrNotFound) {
			t.Fatalf("got %v, want not found", err)
		}
		if after := read[string](t, c.conn, backends); n > 0 && after != before {
			t.Fatalf("connections %s, were %s", after, before)
		} else {
			before = after
		}
	}
}
