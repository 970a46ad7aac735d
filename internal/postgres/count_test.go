package postgres_test

import (
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestCountsAreNeverWrong though they are remembered: whoever changes what they count, this process or another, and
// below the cap, at it and far above.
func TestCountsAreNeverWrong(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db, elsewhere, conn := postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.Connect(t, url)
	s, other := postgrestest.System(db), postgrestest.System(elsewhere)
	counts := func(when string, f crm.OrganizationFilter, count int, more bool) {
		t.Helper()
		for range 2 { // counted, and remembered
			if l := must(s.Organizations(ctx, f))(t); l.Count != count || l.More != more {
				t.Errorf("%s: %d, more: %t, want %d, %t", when, l.Count, l.More, count, more)
			}
		}
	}
	filled := func(sector string, n int) {
		t.Helper()
		run(t, conn, `BEGIN`)
		run(t, conn, `ALTER TABLE organizations DISABLE TRIGGER audit_guard`)
		run(t, conn, `INSERT INTO organizations (id, legal_name, display_name, sector, size_band)
			SELECT gen_random_uuid(), 'Client ' || n, 'Client ' || n, $1, CASE WHEN n > 5 THEN '250+' END FROM generate_series(1, $2::int) n`, sector, n)
		run(t, conn, `ALTER TABLE organizations ENABLE TRIGGER audit_guard`)
		run(t, conn, `COMMIT`)
	}
	all := crm.OrganizationFilter{}
	var ids []uuid.UUID
	for _, name := range []string{"Alba", "Brenta", "Calder"} {
		ids = append(ids, postgrestest.Organization(t, db, name, uuid.NullUUID{}))
	}
	counts("three", all, 3, false)
	postgrestest.Organization(t, elsewhere, "Dora", uuid.NullUUID{})
	counts("one more, made elsewhere", all, 4, false)
	must(other.SetOrganizationActive(ctx, ids[0], false))(t)
	counts("one less, archived elsewhere", all, 3, false)
	counts("the archived one", crm.OrganizationFilter{Status: crm.StatusArchived}, 1, false)

	const beyond = crm.CountCap + crm.CountCap/5
	filled("Cap", crm.CountCap)
	filled("Far", beyond)
	counts("the cap", crm.OrganizationFilter{Sector: "Cap"}, crm.CountCap, false)
	filled("Cap", 1)
	counts("one above the cap", crm.OrganizationFilter{Sector: "Cap"}, crm.CountCap, true)
	far := crm.OrganizationFilter{Sector: "Far"}
	counts("far above", far, crm.CountCap, true)
	postgrestest.Organization(t, db, "Elba", uuid.NullUUID{}) // a snapshot on
	counts("far above, later", far, crm.CountCap, true)
	must(s.ChangeSelected(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{Sector: "Far", Size: "250+"}}))(t)
	counts("all but five archived at once", far, 5, false)
	counts("and in the archive", crm.OrganizationFilter{Sector: "Far", Status: crm.StatusArchived}, crm.CountCap, true)
}
