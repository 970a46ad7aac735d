package postgres_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestQuietIsWhatTheListsFind compares the clients gone quiet with the lists of what is overdue, most overdue first, for
// every reach and whosever they are.
func TestQuietIsWhatTheListsFind(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 300)
	db := postgrestest.OpenURL(t, c.url, postgres.Options{})
	seen := 0
	for _, r := range c.readers() {
		s := db.As(r.actor, postgres.Origin{})
		for name, f := range map[string]crm.OwnerFilter{
			"all": {}, "of one": {UserID: idOf(c.users[1].ID)}, "of another": {UserID: idOf(c.users[0].ID)}, "nobody's": {Nobody: true}, "of a team": {TeamID: idOf(c.teams[0])},
		} {
			what := r.name + ", " + name
			organizations := must(s.Organizations(ctx, crm.OrganizationFilter{Touch: crm.TouchOverdue, Owner: f, Sort: crm.Sort{By: crm.ByTouch}, Page: crm.Page{Size: 200}}))(t)
			contacts := must(s.Contacts(ctx, crm.ContactFilter{Touch: crm.TouchOverdue, Owner: f, Sort: crm.Sort{By: crm.ByTouch}, Page: crm.Page{Size: 200}}))(t)
			if name != "all" && r.name != "all" { // contacts of who is out of reach, reached through an organization, are not asked for by owner
				contacts.Rows = slices.DeleteFunc(contacts.Rows, func(row crm.ContactRow) bool {
					return !row.OwnerUserID.Valid || row.OwnerUserID.UUID != r.actor.UserID && !slices.Contains(r.actor.Owners, row.OwnerUserID.UUID)
				})
			}
			want := map[uuid.UUID]bool{}
			for _, o := range organizations.Rows {
				want[o.ID] = true
			}
			for _, c := range contacts.Rows {
				want[c.ID] = true
			}
			got := must(s.Quiet(ctx, f, 500))(t)
			seen += len(got.Clients)
			if len(got.Clients) != len(want) || got.Organizations != min(len(organizations.Rows), crm.QuietCap) || got.Contacts != min(len(contacts.Rows), crm.QuietCap) {
				t.Errorf("%s: %d clients, %d and %d counted; the lists find %d and %d", what, len(got.Clients), got.Organizations, got.Contacts, len(organizations.Rows), len(contacts.Rows))
			}
			if got.More != (len(organizations.Rows) > crm.QuietCap || len(contacts.Rows) > crm.QuietCap) {
				t.Errorf("%s: more: %v", what, got.More)
			}
			for _, q := range got.Clients {
				if !want[q.ID] || q.Name == "" || q.NextTouchAt.IsZero() {
					t.Errorf("%s: %+v is not overdue, by the lists", what, q)
				}
			}
			if !slices.IsSortedFunc(got.Clients, func(a, b crm.QuietClient) int { return a.NextTouchAt.Compare(b.NextTouchAt) }) {
				t.Errorf("%s: not the most overdue first", what)
			}
			if few := must(s.Quiet(ctx, f, 3))(t); fmt.Sprint(few.Clients) != fmt.Sprint(got.Clients[:min(3, len(got.Clients))]) || few.Contacts != got.Contacts {
				t.Errorf("%s: a few are not the first of all", what)
			}
		}
	}
	if seen < 200 {
		t.Errorf("only %d clients were ever quiet: the test has proved little", seen)
	}
}

// TestQuietCountsAreOfPeopleInReach counts by hand.
func TestQuietCountsAreOfPeopleInReach(t *testing.T) {
	t.Parallel()
	c := newCrowd(t, 400)
	run(t, c.conn, `BEGIN`)
	run(t, c.conn, `ALTER TABLE organizations DISABLE TRIGGER audit_guard`)
	run(t, c.conn, `UPDATE organizations SET touch_every_days = 1`)
	run(t, c.conn, `ALTER TABLE organizations ENABLE TRIGGER audit_guard`)
	run(t, c.conn, `COMMIT`)
	db := postgrestest.OpenURL(t, c.url, postgres.Options{})
	capped := false
	for _, r := range c.readers() {
		s := db.As(r.actor, postgres.Origin{})
		var got []string
		for _, q := range must(s.QuietCounts(ctx, nil))(t) {
			got = append(got, fmt.Sprint(q.UserID, q.Organizations, q.Contacts, q.More))
			capped = capped || q.More
		}
		want := texts(t, c.conn, fmt.Sprintf(`SELECT format('%%s %%s %%s %%s', u.id, least(o, 100), least(c, 100), greatest(o, c) > 100) FROM users u
			CROSS JOIN LATERAL (SELECT (SELECT count(*) FROM organization_activity a WHERE a.owner_user_id = u.id AND a.next_touch_at < now()) AS o,
				(SELECT count(*) FROM contact_activity a WHERE a.owner_user_id = u.id AND a.next_touch_at < now()) AS c) n
			WHERE u.is_active AND %s ORDER BY u.name COLLATE "und-x-icu", u.id`, fmt.Sprintf(r.owner, "u.id")))
		for i := range want {
			want[i] = fmt.Sprint(want[i])
		}
		if !slices.Equal(boolWords(got), boolWords(want)) {
			t.Errorf("%s: got %v, want %v", r.name, got, want)
		}
		some := must(s.QuietCounts(ctx, []uuid.UUID{c.users[2].ID, uuid.New()}))(t)
		if len(some) > 1 || len(some) == 1 && some[0].UserID != c.users[2].ID {
			t.Errorf("%s, of one: %v", r.name, some)
		}
	}
	if !capped {
		t.Error("nobody has too many to count: the test has proved little")
	}
}

// boolWords writes truth as Go does, whoever said it.
func boolWords(lines []string) []string {
	out := slices.Clone(lines)
	for i, l := range out {
		if l[len(l)-2:] == " t" {
			out[i] = l[:len(l)-1] + "true"
		} else if l[len(l)-2:] == " f" {
			out[i] = l[:len(l)-1] + "false"
		}
	}
	return out
}
