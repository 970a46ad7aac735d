//go:build e2e

package e2e

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
)

// companies lies beside the checkout where the project is developed, and nowhere else.
const companies = "../shared/data/companies/sp500-constituents.csv"

// TestManagerJourney is a day of the registry: load it, find a client, note a call, think better of it, and
// take the whole load back. It must go the same way without any script.
func TestManagerJourney(t *testing.T) {
	if _, err := os.Stat(filepath.Join(repository, companies)); err != nil {
		t.Skipf("the shared list of companies is not beside this checkout: %v", err)
	}
	t.Run("with JavaScript", func(t *testing.T) { managerJourney(t, true) })
	t.Run("without JavaScript", func(t *testing.T) { managerJourney(t, false) })
}

func managerJourney(t *testing.T, scripts bool) {
	var set string
	s := newSite(t, func(s *site) {
		s.addUser(t, "Mara", "manager")
		s.addUser(t, "Adam", "admin")
		set = s.importCompanies(t)
	})
	mara := s.newTab(t)
	if !scripts {
		mara.withoutScripts()
	}

	mara.signIn("Mara", "/organizations")
	mara.says(".count", "503 organizations")
	if got := script[bool](mara, `matchMedia("(scripting: enabled)").matches`); got != scripts {
		t.Fatalf("scripts run: %v, want %v", got, scripts)
	}
	company := mara.filterAndOpen("Energy")
	mara.addPerson(company, "Dana", "Okafor")
	mara.logCall(company, "Renewal terms", "Dana Okafor")

	entry := row[callEntry](t, s, `SELECT a.metadata->>'organization_id', a.metadata->>'contact_id', a.metadata->>'channel',
			u.email, host(a.ip), i.id::text
		FROM audit_logs a JOIN users u ON u.id = a.user_id JOIN interactions i ON i.id = a.target_id
		WHERE a.action = 'create_interaction'`)
	contact := row[string](t, s, `SELECT id::text FROM contacts WHERE last_name = 'Okafor'`)
	if want := (callEntry{company.id, contact, "call", address("Mara"), "127.0.0.1", entry.Interaction}); entry != want {
		t.Fatalf("audit row of the call: got %+v, want %+v", entry, want)
	}
	s.adminSeesCall(t)

	mara.follow(button("Undo"))
	mara.says(".toast", "Taken back.")
	mara.open(company.path)
	mara.open(company.path + "?timeline=calls")
	mara.says("#timeline", "No calls logged yet")
	mara.openAs("/interactions/"+entry.Interaction, 404)

	mara.undoImport(set, company)
	s.crm(t, "", "audit", "verify")
}

type callEntry struct{ Organization, Contact, Channel, User, IP, Interaction string }

// company is the one that the story is about.
type company struct{ id, path, name string }

func (b *tab) withoutScripts() {
	b.do(func(ctx context.Context, _ *chromedp.Target) (chromedp.Void, error) {
		_, err := chromedp.Call(ctx, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
		return chromedp.Void{}, err
	})
}

var changeSet = regexp.MustCompile(`Imported 503 organizations as change set ([0-9a-f-]{36})\.`)

func (s *site) importCompanies(t testing.TB) string {
	t.Helper()
	out := s.crm(t, "", "import", "organizations", "--map", "GICS Sector=sector", filepath.Join(repository, companies))
	found := changeSet.FindStringSubmatch(out)
	if found == nil {
		t.Fatalf("the import does not tell its change set:\n%s", out)
	}
	return found[1]
}

// filterAndOpen narrows the list to a sector and opens the first company in it.
func (b *tab) filterAndOpen(sector string) company {
	b.t.Helper()
	b.follow(link("Filter"))
	b.fill("sector", sector)
	b.follow(button("Apply"))
	n := row[int](b.t, b.site, `SELECT count(*) FROM organizations WHERE sector = $1`, sector)
	b.says(".count", fmt.Sprintf("%d organizations", n))
	b.says(".chips", "Sector: "+sector)
	other := script[int](b, `[...document.querySelectorAll("tbody tr")].filter((tr) => !tr.innerText.includes("`+sector+`")).length`)
	if other != 0 {
		b.t.Errorf("%d rows are of another sector", other)
	}
	name := b.text("tbody tr:first-child a.name")
	b.follow("tbody tr:first-child a.name")
	b.says("h1", name)
	return company{id: filepath.Base(b.path()), path: b.path(), name: name}
}

// addPerson creates a contact and links it as CFO, by way of the search.
func (b *tab) addPerson(at company, first, last string) {
	b.t.Helper()
	b.follow(menu("Contacts"))
	b.follow(link("New contact"))
	b.fill("first_name", first)
	b.fill("last_name", last)
	b.fill("email", "dana.okafor@example.test")
	b.follow(button("Create contact"))
	b.says("h1", first+" "+last)
	b.open(at.path)
	b.says("#people", "Nobody is linked yet.")
	b.fill("q_contact", "okaf")
	b.follow(button("Find"))
	b.fill("role_label", "CFO")
	b.follow(button("Link"))
	if b.path() != at.path {
		b.t.Errorf("linking led to %s, not back to the company", b.path())
	}
	b.says("#people", first+" "+last)
	b.says("#people", "CFO")
}

func (b *tab) logCall(at company, subject, with string) {
	b.t.Helper()
	b.fill("subject", subject)
	b.fill("body", "Two years instead of one, same price.")
	b.choose("contact_id", with)
	b.follow(button("Log"))
	if b.path() != at.path {
		b.t.Errorf("logging led to %s, not back to the company", b.path())
	}
	b.says(".toast", "Interaction logged.")
	b.says("#timeline .feed li", "Call: "+subject)
	b.says("#timeline .feed li", "Mara with "+with)
}

// adminSeesCall looks the call up in the audit log, through its form.
func (s *site) adminSeesCall(t testing.TB) {
	t.Helper()
	adam := s.newTab(t)
	adam.signIn("Adam", "/admin/audit")
	adam.choose("action", "Logged an interaction (create_interaction)")
	adam.follow(button("Apply"))
	adam.says(".count", "1 entry")
	for _, text := range []string{"Mara", "create_interaction", "Renewal terms", "127.0.0.1"} {
		adam.says("tbody", text)
	}
}

// undoImport changes one company and takes the import back: what somebody has touched since stays, by name.
func (b *tab) undoImport(set string, touched company) {
	b.t.Helper()
	b.open(touched.path)
	b.follow(link("Edit"))
	b.fill("size_band", "5000+")
	b.follow(button("Save"))
	b.says("#details", "5000+")
	b.open("/changes/" + set)
	b.says("main", "503 records")
	b.follow(button("Undo"))
	b.says(".toast", "Taken back: 502 changes. Kept: "+touched.name)
	b.follow(menu("Organizations"))
	b.says(".count", "1 organization")
	b.says("tbody", touched.name)
}
