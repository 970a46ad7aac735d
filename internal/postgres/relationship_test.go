package postgres_test

import (
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// disorder counts periods of one relationship that overlap, or end before they begin.
const disorder = `SELECT count(*) FROM relationship_periods a LEFT JOIN relationship_periods b
	ON b.organization_id = a.organization_id AND b.contact_id = a.contact_id AND b.id > a.id AND tstzrange(a."from", a."to") && tstzrange(b."from", b."to")
	WHERE b.id IS NOT NULL OR a."to" < a."from"`

// TestTheSecondOfTwoChangesOfALinkComesAfterTheFirst: who began earlier and got the record later is dated later, and can
// be taken back as any other.
func TestTheSecondOfTwoChangesOfALinkComesAfterTheFirst(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", idOf(f.mia.ID))
	f.link(t, f.hers, ada, "CFO")
	other, watch := postgrestest.Connect(t, f.conn.Config().ConnString()), postgrestest.Connect(t, f.conn.Config().ConnString())
	run(t, other, `BEGIN`)
	run(t, other, `SELECT FROM organizations WHERE id = $1 FOR UPDATE`, f.hers)
	type outcome struct {
		saved postgres.Saved
		err   error
	}
	done := make(chan outcome)
	go func() {
		saved, err := f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: "CEO"})
		done <- outcome{saved, err}
	}()
	for read[int](t, watch, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
		time.Sleep(5 * time.Millisecond)
	}
	// as somebody leaves it who began after the one that waits
	run(t, other, `UPDATE relationship_periods SET "from" = clock_timestamp() WHERE organization_id = $1`, f.hers)
	run(t, other, `COMMIT`)
	got := <-done
	if got.err != nil {
		t.Fatal(got.err)
	}
	const past = `SELECT string_agg(role_label || CASE WHEN "to" IS NULL THEN '' ELSE ' once' END, ', ' ORDER BY "from") FROM relationship_periods`
	if roles, bad := read[string](t, f.conn, past), read[int](t, f.conn, disorder); roles != "CFO once, CEO" || bad != 0 {
		t.Errorf("the past is %q, with %d periods in disorder", roles, bad)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM relationship_periods p JOIN audit_logs a ON a.tx_at = p."from" WHERE a.change_set_id = $1`, got.saved.ChangeSet); n != 1 {
		t.Error("the period is not dated as its change is")
	}
	undoes(t, f.sys, got.saved.ChangeSet, 1)
	if roles := read[string](t, f.conn, past); roles != "CFO" {
		t.Errorf("taken back, the past is %q, want as if nothing had been", roles)
	}
	verify(t, f.sys)
}

// TestManyChangeOneLinkAtOnce: roles, ends and beginnings, and every one of them finds its place in the past.
func TestManyChangeOneLinkAtOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", idOf(f.mia.ID))
	f.link(t, f.hers, ada, "CFO")
	var all sync.WaitGroup
	for who := range 4 {
		all.Go(func() {
			for n := range 12 {
				link := crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: fmt.Sprintf("Role %d of %d", n, who)}
				var err error
				switch {
				case who == 0 && n%2 == 0:
					_, err = f.sys.UnlinkContact(ctx, f.hers, ada)
				case who == 0:
					_, err = f.sys.LinkContact(ctx, link, none)
				default:
					_, err = f.sys.UpdateLink(ctx, link)
				}
				if err != nil && !errors.Is(err, crm.ErrNotFound) {
					t.Errorf("%+v: %v", link, err)
				}
			}
		})
	}
	all.Wait()
	if bad := read[int](t, f.conn, disorder); bad != 0 {
		t.Errorf("%d periods are in disorder", bad)
	}
	verify(t, f.sys)
}

// TestAClockThatWentBackHoldsNoChangeUp: what is dated in the future already goes before what comes now.
func TestAClockThatWentBackHoldsNoChangeUp(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", idOf(f.mia.ID))
	f.link(t, f.hers, ada, "CFO")
	run(t, f.conn, `UPDATE relationship_periods SET "from" = now() + interval '1 hour' WHERE contact_id = $1`, ada)
	must(f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: "CEO"}))(t)
	must(f.sys.UnlinkContact(ctx, f.hers, ada))(t)
	if n, bad := read[int](t, f.conn, `SELECT count(*) FROM relationship_periods`), read[int](t, f.conn, disorder); n != 2 || bad != 0 {
		t.Errorf("%d periods, %d in disorder", n, bad)
	}
}

// TestWhoseTransactionIsTooEarlyIsToldToTryAgain, also where no program of ours does.
func TestWhoseTransactionIsTooEarlyIsToldToTryAgain(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", idOf(f.mia.ID))
	f.link(t, f.hers, ada, "CFO")
	early := postgrestest.Connect(t, f.conn.Config().ConnString())
	run(t, early, `BEGIN`)
	must(f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: "CEO"}))(t)
	_, err := early.Exec(ctx, `UPDATE organization_contact SET role_label = 'Advisor' WHERE contact_id = $1`, ada)
	if refused, is := errors.AsType[*pgconn.PgError](err); !is || refused.Code != "40001" {
		t.Errorf("got %v, want a serialization failure", err)
	}
}
