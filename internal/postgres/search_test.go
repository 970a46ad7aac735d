package postgres_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// clients fills a register with names that are hard to find.
func clients(t testing.TB, s *postgres.Store) {
	t.Helper()
	for _, o := range []crm.Organization{
		{DisplayName: "Acme", LegalName: "Acme S.p.A.", Website: "https://www.acme-steel.com/it", TaxID: "IT 123.456.789-01"},
		{DisplayName: "Acme Tools", LegalName: "Acme Tools Ltd"},
		{DisplayName: "Pacme", LegalName: "Pacme SRL"},
		{DisplayName: "North Acme", LegalName: "North Acme GmbH & Co. KG"},
		{DisplayName: "Società Italiana Ceramiche", LegalName: "Società Italiana Ceramiche S.r.l."},
		{DisplayName: "Müller & Söhne", LegalName: "Müller & Söhne GmbH"},
		{DisplayName: "Mueller Brot", LegalName: "Mueller Brot AG"},
		{DisplayName: "O'Brien", LegalName: "O’Brien plc", Website: "obrien.ie"},
		{DisplayName: "Jean-Luc", LegalName: "Jean-Luc sarl"},
		{DisplayName: "100% Pure", LegalName: "100% Pure Inc."},
		{DisplayName: "1000 Pure", LegalName: "1000 Pure Inc."},
		{DisplayName: "a_b", LegalName: "a_b"}, {DisplayName: "axb", LegalName: "axb"},
		{DisplayName: "Granvik", LegalName: "Granvik AB"},
	} {
		must(s.CreateOrganization(ctx, o, uuid.NullUUID{}))(t)
	}
	for _, c := range []crm.Contact{
		{FirstName: "Anna", LastName: "Rossi", Email: "anna.rossi@acme.it", Phone: "0039 02 1234567", Mobile: "+39 333 9876543"},
		{FirstName: "Rossana", LastName: "Annamaria"},
		{FirstName: "Jürgen", LastName: "Strauß", Email: "js@strauss.de", Phone: "(030) 55 44 332"},
		{FirstName: "Marie", LastName: "D'Arc"},
		{FirstName: "Søren", LastName: "Łukasz"},
	} {
		must(s.CreateContact(ctx, c, uuid.NullUUID{}))(t)
	}
}

func organizationNames(found []crm.Organization) string {
	var names []string
	for _, o := range found {
		names = append(names, o.DisplayName)
	}
	return strings.Join(names, ", ")
}

func contactNames(found []crm.ContactRow) string {
	var names []string
	for _, c := range found {
		names = append(names, c.Name())
	}
	return strings.Join(names, ", ")
}

// findable is what a query finds, best match first, by any way of looking.
var findable = []struct{ query, organizations, contacts string }{
	{"acme", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"ACME", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"cme", "Acme, Acme Tools, North Acme, Pacme", "Anna Rossi"},
	{"acme srl", "Acme, Acme Tools, North Acme, Pacme", ""},
	{"acme s.p.a.", "Acme, Acme Tools, North Acme, Pacme", ""},
	{"tools acme", "Acme Tools", ""},
	{"north acme gmbh & co. kg", "North Acme", ""},
	{"srl", "Pacme, Società Italiana Ceramiche", ""},
	{"acme-steel.com", "Acme", ""},
	{"steel.com", "Acme", ""},
	{"https://acme-steel.com/contacts", "Acme", ""},
	{"www.acme-steel.com", "Acme", ""},
	{"IT12345678901", "Acme", ""},
	{"it 123.456.789-01", "Acme", ""},
	{"45678901", "Acme", ""},
	{"123 456 789 01", "Acme", ""},
	{"societa", "Società Italiana Ceramiche", ""},
	{"SOCIETÀ", "Società Italiana Ceramiche", ""},
	{"muller", "Müller & Söhne", ""},
	{"mueller", "Mueller Brot, Müller & Söhne", ""},
	{"müller", "Müller & Söhne, Mueller Brot", ""},
	{"soehne", "Müller & Söhne", ""},
	{"o'brien", "O'Brien", ""},
	{"o’brien", "O'Brien", ""},
	{"obrien", "O'Brien", ""},
	{"jean luc", "Jean-Luc", ""},
	{"Jean-Luc", "Jean-Luc", ""},
	{"100%", "100% Pure", ""},
	{"a_b", "a_b", ""},
	{"rossi anna", "", "Anna Rossi"},
	{"anna rossi", "", "Anna Rossi"},
	{"ro an", "", "Rossana Annamaria, Anna Rossi"},
	{"anna", "", "Rossana Annamaria, Anna Rossi"},
	{"anna.rossi@", "", "Anna Rossi"},
	{"rossi@acme", "", "Anna Rossi"},
	{"d'arc", "", "Marie D'Arc"},
	{"darc", "", "Marie D'Arc"},
	{"soren lukasz", "", "Søren Łukasz"},
	{"strauss", "", "Jürgen Strauß"},
	{"jurgen", "", "Jürgen Strauß"},
	{"juergen", "", "Jürgen Strauß"},
	{"+39 (02) 123-45", "", "Anna Rossi"},
	{"02 1234567", "", "Anna Rossi"},
	{"+39 02 1234567", "", "Anna Rossi"},
	{"3339876543", "", "Anna Rossi"},
	{"333 98 76", "", "Anna Rossi"},
	{"+49 30 5544332", "", "Jürgen Strauß"},
	{"no such name at all", "", ""},
}

func TestSearchFindsNamesAsPeopleTypeThem(t *testing.T) {
	t.Parallel()
	db, _ := openRaw(t)
	s := postgrestest.System(db)
	clients(t, s)
	for _, c := range findable {
		f := must(s.Search(ctx, c.query))(t)
		if f.Similar {
			f = postgres.Found{}
		}
		if got := organizationNames(f.Organizations); got != c.organizations {
			t.Errorf("%q finds organizations %s\nwant %s", c.query, got, c.organizations)
		}
		if got := contactNames(f.Contacts); got != c.contacts {
			t.Errorf("%q finds contacts %s\nwant %s", c.query, got, c.contacts)
		}
	}
}

var (
	_ = fmt.Sprint
	_ = time.Now
	_ = cmp.Diff
	_ = authz.All
)
