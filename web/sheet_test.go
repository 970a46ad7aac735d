package web_test

import (
	"context"
	"encoding/csv"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// cells reads a download as a spreadsheet would.
func (a *answer) cells() [][]string {
	a.b.t.Helper()
	a.wants(http.StatusOK)
	text, marked := strings.CutPrefix(a.body, "\ufeff")
	if !marked {
		a.b.t.Error("the file has no byte order mark")
	}
	rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		a.b.t.Fatalf("%v in\n%s", err, text)
	}
	return rows
}

// exports lists what the audit log says of exports.
func (s *site) exports(t *testing.T) []string {
	t.Helper()
	conn := postgrestest.Connect(t, s.url)
	rows, err := conn.Query(context.Background(), `SELECT concat_ws(' ', metadata->>'list', metadata->>'filter', metadata->>'rows', metadata->>'aborted') FROM audit_logs WHERE action = 'export' ORDER BY id`)
	fatal(t, err)
	found, err := pgx.CollectRows(rows, pgx.RowTo[string])
	fatal(t, err)
	return found
}

func TestAnExportIsWhatTheListShows(t *testing.T) {
	t.Parallel()
	s, _ := clients(t)
	ada := s.role(t, "manager")
	list := ada.get("/organizations?sector=Energy&sort=-name&cols=name,sector")
	a := list.act("export", ids(list.boxes(""))...)
	if got := fmt.Sprint(a.cells()); got != "[[Name Sector] [Brenta Energy] [Alba Energy]]" {
		t.Errorf("the file holds %s", got)
	}
	if got := a.header.Get("Content-Disposition"); !strings.HasPrefix(got, `attachment; filename="organizations-2`) || !strings.HasSuffix(got, `.csv"`) {
		t.Errorf("Content-Disposition is %q", got)
	}
	for name, want := range map[string]string{"Content-Type": "text/csv; charset=utf-8", "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"} {
		if got := a.header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if !strings.Contains(a.body, "\r\n") {
		t.Error("lines do not end as RFC 4180 has it")
	}
	all := ada.post("/organizations/bulk", "action", "export", "all", "1", "list", "sort=name&cols=name")
	if got := fmt.Sprint(all.cells()); got != "[[Name] [Alba] [Brenta] [Calder]]" {
		t.Errorf("all of the list: %s", got)
	}
	if got := fmt.Sprint(ada.post("/contacts/bulk", "action", "export", "all", "1", "list", "cols=name,email").cells()); got != "[[Name E-mail]]" {
		t.Errorf("an empty list: %s", got)
	}
	want := "[organizations cols=name%2Csector&sector=Energy&sort=-name 2 organizations cols=name&sort=name 3 contacts cols=name%2Cemail 0]"
	if got := fmt.Sprint(s.exports(t)); got != want {
		t.Errorf("the audit log has\n%s, want\n%s", got, want)
	}
}

func TestAnExportReachesNoFurtherThanTheList(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	theirs := mia.get("/organizations").boxes("")
	bob := s.as(t, "bob", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.ExportClient))
	postgrestest.Organization(t, s.db, "Bob's own", postgrestest.ID(bob.user.ID))
	if got := fmt.Sprint(bob.post("/organizations/bulk", append([]string{"action", "export", "list", "cols=name"}, ids(theirs)...)...).cells()); got != "[[Name]]" {
		t.Errorf("picked by foreign ids: %s", got)
	}
	a := bob.post("/organizations/bulk", "action", "export", "all", "1", "list", "cols=name,last")
	if got := fmt.Sprint(a.cells()); got != "[[Name] [Bob's own]]" {
		t.Errorf("all, with last contact asked for by who may not see interactions: %s", got)
	}
}

// TestALongExportIsWhole goes over many pages of the list.
func TestALongExportIsWhole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var organizations []crm.Organization
	for i := range 1001 {
		name := fmt.Sprintf("Client %04d", i)
		organizations = append(organizations, crm.Organization{LegalName: name, DisplayName: name})
	}
	_, err := postgrestest.System(s.db).ImportOrganizations(context.Background(), organizations, "clients.csv")
	fatal(t, err)
	rows := s.role(t, "manager").post("/organizations/bulk", "action", "export", "all", "1", "list", "").cells()
	if len(rows) != 1002 || rows[1][0] != "Client 0000" || rows[1001][0] != "Client 1000" {
		t.Errorf("the file has %d rows", len(rows))
	}
	for i, r := range rows[2:] {
		if r[0] <= rows[i+1][0] {
			t.Fatalf("%s comes after %s", r[0], rows[i+1][0])
		}
	}
}

// TestNoCellRuns puts what spreadsheets would run where people type; importer's tests have the whole table.
func TestNoCellRuns(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	evil := []string{"=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%0", "＝1", "＋1", "－1", "＠a", "｜a", "％a", "\u200b=1", "'=1 harmless", `=HYPERLINK("http://x.example","a")`}
	for _, text := range evil {
		_, err := postgrestest.System(s.db).CreateOrganization(context.Background(), crm.Organization{LegalName: "A", DisplayName: text, Sector: text}, uuid.NullUUID{})
		fatal(t, err)
	}
	cells := s.role(t, "manager").post("/organizations/bulk", "action", "export", "all", "1", "list", "cols=name,sector").cells()[1:]
	if len(cells) != len(evil) {
		t.Errorf("the file has %d rows, want %d", len(cells), len(evil))
	}
	for _, row := range cells {
		for _, cell := range row {
			if !strings.HasPrefix(cell, "'") {
				t.Errorf("the cell %q would run", cell)
			}
		}
	}
}

// TestFewExportsAtOnce holds two exports in the database, which they wait for, and asks for a third.
func TestFewExportsAtOnce(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	s, _ := clients(t)
	ada, bea := s.role(t, "manager"), s.role(t, "manager")
	conn := postgrestest.Connect(t, s.url)
	_, err := conn.Exec(ctx, `BEGIN; LOCK TABLE organizations IN ACCESS EXCLUSIVE MODE`)
	fatal(t, err)
	form := []string{"action", "export", "all", "1", "list", "cols=name"}
	answers := make(chan *answer, 2)
	for range 2 {
		go func() { answers <- ada.post("/organizations/bulk", form...) }()
	}
	watch := postgrestest.Connect(t, s.url)
	for waiting := 0; waiting < 2; {
		fatal(t, watch.QueryRow(ctx, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`).Scan(&waiting))
	}
	if a := ada.post("/organizations/bulk", form...); a.status != http.StatusTooManyRequests || a.header.Get("Retry-After") == "" {
		t.Errorf("a third at once: got status %d", a.status)
	}
	_, err = conn.Exec(ctx, `COMMIT`)
	fatal(t, err)
	for range 2 {
		if got := len((<-answers).cells()); got != 4 {
			t.Errorf("an export has %d rows, want 4", got)
		}
	}
	bea.post("/organizations/bulk", form...).wants(http.StatusOK)
	ada.post("/organizations/bulk", form...).wants(http.StatusOK) // and nothing is held on to
}
