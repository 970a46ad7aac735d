package postgres_test

import (
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// readMeant returns whom names mean, as text: the organizations, a bar, the contacts with where they are; linked ones
// before a second bar. ~ stands before what is only written alike.
func readMeant(t *testing.T, s *postgres.Store, organization, contact string) string {
	t.Helper()
	n := must(s.Meant(ctx, organization, contact))(t)
	var people []string
	for i, c := range n.Contacts {
		name := c.Name()
		if i < n.Linked {
			name += " at " + c.OrganizationName
			if n.SimilarLinked {
				name = "~" + name
			}
		} else if n.SimilarContacts {
			name = "~" + name
		}
		people = append(people, name)
		if i == n.Linked-1 {
			people = append(people, "|")
		}
	}
	firms := organizationNames(n.Organizations)
	if n.SimilarOrganizations {
		firms = "~" + firms
	}
	return strings.ReplaceAll(firms+" | "+strings.Join(people, ", "), ", |", " |")
}

func TestMeant(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	system := postgrestest.System(db)
	me := postgrestest.User(t, db, "me", uuid.NullUUID{}, "x", postgrestest.Role(t, db, "own", authz.ViewClient))
	mine, theirs := postgrestest.ID(me.ID), uuid.NullUUID{}
	steel, holding := postgrestest.Organization(t, db, "Acme Steel", mine), postgrestest.Organization(t, db, "Acme Holding", theirs)
	postgrestest.Organization(t, db, "Granvik", mine)
	link := func(organization uuid.UUID, first, last, status string) {
		id := postgrestest.Contact(t, db, first, last, uuid.NullUUID{})
		must(system.LinkContact(ctx, crm.Relationship{OrganizationID: organization, ContactID: id, RoleLabel: "CFO", RelationshipStatus: status}, uuid.NullUUID{}))(t)
	}
	link(steel, "Anna", "Rossi", "")
	link(steel, "Luca", "Bianchi", "")
	link(steel, "Luca", "Amati", "Former")
	link(holding, "Anna", "Verdi", "")
	postgrestest.Contact(t, db, "Anna", "Alone", mine)
	postgrestest.Contact(t, db, "Anna", "Bruni", theirs)
	postgrestest.Contact(t, db, "Giovanna", "Neri", mine)

	all := db.As(postgrestest.Actor(me, authz.All, authz.ViewClient), postgres.Origin{})
	own := db.As(postgrestest.Actor(me, authz.Own, authz.ViewClient), postgres.Origin{})
	for _, c := range []struct{ organization, contact, everyone, within string }{
		{"", "", " | ", " | "},
		{"%", "_", " | ", " | "},
		{"acme steel", "", "Acme Steel | ", "Acme Steel | "},
		{"acme", "", "Acme Holding, Acme Steel | ", "Acme Steel | "},
		// who is linked stands first, those who have left last
		{"acme steel", "anna", "Acme Steel | Anna Rossi at Acme Steel |, Anna Alone, Anna Bruni, Anna Verdi, Giovanna Neri", "Acme Steel | Anna Rossi at Acme Steel |, Anna Alone, Giovanna Neri"},
		{"acme", "anna", "Acme Holding, Acme Steel | Anna Verdi at Acme Holding, Anna Rossi at Acme Steel |, Anna Alone, Anna Bruni, Giovanna Neri", "Acme Steel | Anna Rossi at Acme Steel |, Anna Alone, Giovanna Neri"},
		{"acme", "luca", "Acme Holding, Acme Steel | Luca Bianchi at Acme Steel, Luca Amati at Acme Steel |", "Acme Steel | Luca Bianchi at Acme Steel, Luca Amati at Acme Steel |"},
		{"granvik", "anna alone", "Granvik | Anna Alone", "Granvik | Anna Alone"},
		// written alike
		{"acme stel", "ana", "~Acme Steel, Acme Holding | ~Anna Rossi at Acme Steel, ~Anna Verdi at Acme Holding |", "~Acme Steel | ~Anna Rossi at Acme Steel |"},
		{"acme steel", "lucca", "Acme Steel | ~Luca Bianchi at Acme Steel, ~Luca Amati at Acme Steel |", "Acme Steel | ~Luca Bianchi at Acme Steel, ~Luca Amati at Acme Steel |"},
		{"", "anna bruny", " | ~Anna Bruni", " | "},
		{"granvikk", "", "~Granvik | ", "~Granvik | "},
		{"zzzzzz", "qqqqqq", "~ | ", "~ | "},
		// a firm that is called like a person
		{"", "granvik", "Granvik | ", "Granvik | "},
		// out of reach as if it were not there
		{"acme holding", "anna verdi", "Acme Holding | Anna Verdi at Acme Holding |", "~ | "},
		{"", "verdi", " | Anna Verdi", " | "},
	} {
		for name, s := range map[string]*postgres.Store{"everyone": all, "within reach": own} {
			want := c.everyone
			if s == own {
				want = c.within
			}
			if got := readMeant(t, s, c.organization, c.contact); got != want {
				t.Errorf("%s, @%q and %q:\n got %s\nwant %s", name, c.organization, c.contact, got, want)
			}
		}
	}
}

// TestANameInASmallReachIsFoundAmongManyAlike: how many others are called nearly so in the whole register does not matter.
func TestANameInASmallReachIsFoundAmongManyAlike(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `SET session_replication_role = replica`)
	run(t, f.conn, `INSERT INTO contacts (first_name, last_name, owner_user_id) SELECT 'Marco', 'Rossi', $1 FROM generate_series(1, 5100)`, f.tom.ID)
	run(t, f.conn, `SET session_replication_role = origin`)
	run(t, f.conn, `ANALYZE contacts`)
	f.contact(t, "Marcello", idOf(f.mia.ID))
	f.link(t, f.hers, f.contact(t, "Marcos", idOf(f.tom.ID)), "")
	run(t, f.conn, `SELECT rebuild_activity()`)
	run(t, f.conn, `SELECT rebuild_contact_reach()`)
	if got := readMeant(t, f.own(f.mia), "", "marcco"); !strings.Contains(got, "~Marcello") || !strings.Contains(got, "~Marcos") || strings.Contains(got, "Rossi") {
		t.Errorf("within a small reach: %s", got)
	}
	if got := readMeant(t, f.all(f.mia), "", "marcco"); strings.Count(got, "~Marco Rossi") != 10 {
		t.Errorf("within all: %s", got)
	}
}
