package postgres_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// wrongTouch is the SQL that counts the records whose next contact is not due when their rhythm, their last contact and
// their snooze say, or that their owners' reach has otherwise: all worked out anew, in other words than the triggers'.
const wrongTouch = `(
	WITH last AS (SELECT organization_id, contact_id, happened_at AS at FROM interactions
		UNION ALL SELECT NULL, x.contact_id, i.happened_at FROM interaction_contacts x JOIN interactions i ON i.id = x.interaction_id),
	rhythms AS (
		SELECT l.contact_id, extract(epoch FROM coalesce((SELECT max(at) FROM last WHERE last.contact_id = l.contact_id), c.created_at)) / 86400 + n.days AS due,
			extract(epoch FROM l.touch_snoozed_until::timestamp) / 86400 AS snoozed
		FROM organization_contact l JOIN contacts c ON c.id = l.contact_id AND c.is_active JOIN organizations o ON o.id = l.organization_id AND o.is_active
		CROSS JOIN LATERAL (SELECT coalesce(l.touch_every_days, (SELECT d.every_days FROM touch_defaults d WHERE regexp_replace(lower(d.role_label), '\s', '', 'g') = regexp_replace(lower(l.role_label), '\s', '', 'g'))) AS days) n
		WHERE n.days > 0 AND coalesce(l.relationship_status, '') NOT ILIKE 'former'),
	people AS (SELECT c.id, coalesce(to_timestamp(min(CASE WHEN snoozed > due THEN snoozed ELSE due END) * 86400), 'infinity') AS due FROM contacts c LEFT JOIN rhythms r ON r.contact_id = c.id GROUP BY 1),
	firms AS (SELECT o.id, CASE WHEN o.is_active AND o.touch_every_days IS NOT NULL THEN greatest(
			to_timestamp(extract(epoch FROM coalesce((SELECT max(at) FROM last WHERE last.organization_id = o.id), o.created_at)) + 86400 * o.touch_every_days),
			to_timestamp(extract(epoch FROM o.touch_snoozed_until::timestamp))) ELSE 'infinity' END AS due FROM organizations o)
	SELECT (SELECT count(*) FROM firms f JOIN organization_activity a ON a.organization_id = f.id WHERE NOT (a.next_touch_at = f.due OR abs(extract(epoch FROM a.next_touch_at - f.due)) < 0.001))
		+ (SELECT count(*) FROM people p JOIN contact_activity a ON a.contact_id = p.id WHERE NOT (a.next_touch_at = p.due OR abs(extract(epoch FROM a.next_touch_at - p.due)) < 0.001))
		+ (SELECT count(*) FROM contact_reach r JOIN contact_activity a USING (contact_id) WHERE r.next_touch_at <> a.next_touch_at))`

// role is written as people write roles.
func (l *life) role() string {
	return oneOf(l, []string{"CFO", "cfo", "Billing  contact", "billing contact", ""})
}

func (l *life) rhythm() *int {
	return oneOf(l, []*int{nil, nil, new(crm.NeverTouch), new(1), new(30), new(1095)})
}

// snoozedUntil is a day on which a snooze may end, or none.
func (l *life) snoozedUntil() crm.Day {
	today := utc().Today()
	return oneOf(l, []crm.Day{"", today.Plus(2), today.Plus(365)})
}

// utc is the clock of somebody whose days are UTC's.
func utc() crm.Clock { return crm.Clock{Now: time.Now(), Zone: time.UTC} }

// touchSomething sets, ends or snoozes a rhythm.
func (l *life) touchSomething(s *postgres.Store) {
	organization, contact := oneOf(l, l.organizations), oneOf(l, l.contacts)
	if o, err := s.Organization(ctx, organization); err == nil {
		every := l.rhythm()
		if every != nil && *every == crm.NeverTouch {
			every = new(60)
		}
		saved, err := s.SetOrganizationTouch(ctx, organization, o.Version, every)
		l.noted(saved, err, nil)
		saved, err = s.SnoozeOrganization(ctx, organization, o.Version+1, l.snoozedUntil(), "Later", utc())
		l.noted(saved, err, nil)
	}
	if r, err := s.Relationship(ctx, organization, contact); err == nil {
		saved, err := s.SetLinkTouch(ctx, organization, contact, r.Version, l.rhythm())
		l.noted(saved, err, nil)
		saved, err = s.SnoozeLink(ctx, organization, contact, r.Version+1, l.snoozedUntil(), "Later", utc())
		l.noted(saved, err, nil)
	}
}

// changeRole changes a role of somebody, or what is usual in one.
func (l *life) changeRole(s *postgres.Store) {
	switch l.IntN(4) {
	case 0:
		saved, err := s.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: oneOf(l, []string{"CFO", "Billing Contact"}), EveryDays: 1 + l.IntN(90)}, none)
		l.noted(saved, err, &l.usual)
	case 1:
		if len(l.usual) > 0 {
			saved, err := s.UpdateTouchDefault(ctx, crm.TouchDefault{ID: oneOf(l, l.usual), EveryDays: 1 + l.IntN(90), Version: 1})
			l.noted(saved, err, nil)
		}
	case 2:
		if len(l.usual) > 0 {
			saved, err := s.DeleteTouchDefault(ctx, oneOf(l, l.usual))
			l.noted(saved, err, nil)
		}
	}
	for _, organization := range l.organizations {
		r := crm.Relationship{OrganizationID: organization, ContactID: oneOf(l, l.contacts), RoleLabel: l.role(), RelationshipStatus: oneOf(l, []string{"Active", "Former", "former"})}
		saved, err := s.UpdateLink(ctx, r)
		l.noted(saved, err, nil)
	}
}

// dueOf returns when the next contact with a record is due, zero for never.
func (f *firm) dueOf(t *testing.T, id uuid.UUID) time.Time {
	t.Helper()
	at := read[*time.Time](t, f.conn, `SELECT nullif(next_touch_at, 'infinity') FROM (SELECT organization_id AS id, next_touch_at FROM organization_activity
		UNION ALL SELECT contact_id, next_touch_at FROM contact_activity) a WHERE id = $1`, id)
	if at == nil {
		return time.Time{}
	}
	return *at
}

func (f *firm) isDue(t *testing.T, what string, id uuid.UUID, want time.Time) {
	t.Helper()
	if got := f.dueOf(t, id); !got.Equal(want) {
		t.Errorf("%s: due %v, want %v", what, got, want)
	}
}

const day = 24 * time.Hour

// called logs a call that happened then.
func (f *firm) called(t *testing.T, organization, contact uuid.NullUUID, at time.Time) postgres.Saved {
	t.Helper()
	i := crm.Interaction{OrganizationID: organization, ContactID: contact, Channel: crm.Call, Subject: "Call", HappenedAt: at}
	on := audit.Organization
	if !organization.Valid {
		on = audit.Contact
	}
	return must(f.sys.LogInteraction(ctx, i, on, none))(t)
}

// TestAClientIsDueAfterTheLastContact follows one organization through what moves its next contact. Thirty days are 720
// hours, also over a night in which clocks change.
func TestAClientIsDueAfterTheLastContact(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	made := read[time.Time](t, f.conn, `SELECT created_at FROM organizations WHERE id = $1`, f.hers)
	f.isDue(t, "without a rhythm", f.hers, time.Time{})
	set := must(f.sys.SetOrganizationTouch(ctx, f.hers, 1, new(30)))(t)
	f.isDue(t, "never in touch", f.hers, made.Add(720*time.Hour))
	rome, err := time.LoadLocation("Europe/Rome")
	fatal(t, err)
	spring := time.Date(2026, 3, 20, 9, 0, 0, 0, rome) // the clocks go forward on the 29th
	call := f.called(t, idOf(f.hers), none, spring)
	f.isDue(t, "after a call", f.hers, spring.Add(720*time.Hour))
	if got, want := f.dueOf(t, f.hers).In(rome).Format(time.DateTime), "2026-04-19 10:00:00"; got != want {
		t.Errorf("due %s in Rome, want %s", got, want)
	}
	later := f.called(t, idOf(f.hers), none, spring.Add(10*day))
	f.isDue(t, "after another call", f.hers, spring.Add(40*day))
	i := must(f.sys.Interaction(ctx, later.ID))(t)
	i.HappenedAt = spring.Add(12 * day)
	must(f.sys.UpdateInteraction(ctx, i))(t)
	f.isDue(t, "after an edit", f.hers, spring.Add(42*day))
	deleted := must(f.all(f.mia).DeleteInteraction(ctx, later.ID))(t)
	f.isDue(t, "after it was deleted", f.hers, spring.Add(30*day))
	must(f.all(f.mia).Undo(ctx, deleted.ChangeSet))(t)
	f.isDue(t, "after it was brought back", f.hers, spring.Add(42*day))

	now, until := time.Now(), utc().Today().Plus(30)
	snoozed := must(f.sys.SnoozeOrganization(ctx, f.hers, 2, until, "  On leave ", utc()))(t)
	midnight := until.Start(time.UTC)
	f.isDue(t, "snoozed", f.hers, midnight)
	o := must(f.all(f.mia).Organization(ctx, f.hers))(t)
	if o.TouchSnoozeReason != "On leave" || o.TouchSnoozedUntil != until || !o.NextTouchAt.Equal(midnight) || o.Version != 3 {
		t.Errorf("read as %+v, version %d", o.Touch, o.Version)
	}
	planned := now.Add(40 * day).Truncate(time.Second)
	f.called(t, idOf(f.hers), none, planned)
	f.isDue(t, "a meeting is planned after that", f.hers, planned.Add(30*day))
	must(f.sys.SetOrganizationActive(ctx, f.hers, false))(t)
	f.isDue(t, "archived", f.hers, time.Time{})
	must(f.sys.SetOrganizationActive(ctx, f.hers, true))(t)
	f.isDue(t, "restored", f.hers, planned.Add(30*day))
	must(f.all(f.mia).Undo(ctx, snoozed.ChangeSet))(t)
	must(f.all(f.mia).Undo(ctx, set.ChangeSet))(t)
	f.isDue(t, "all taken back", f.hers, time.Time{})
	must(f.sys.Interaction(ctx, call.ID))(t)
	verify(t, f.sys)
}

// TestAPersonIsDueByTheFirstOfTheirRelationships covers defaults of roles, relationships that say otherwise, former
// ones, and organizations that are archived.
func TestAPersonIsDueByTheFirstOfTheirRelationships(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", none)
	last := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	f.called(t, none, idOf(ada), last)
	f.link(t, f.hers, ada, "Billing contact")
	f.link(t, f.his, ada, "Advisor")
	due := func(what string, days int) {
		t.Helper()
		want := time.Time{}
		if days > 0 {
			want = last.Add(time.Duration(days) * day)
		}
		f.isDue(t, what, ada, want)
	}
	due("no defaults", 0)
	usual := must(f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: " BILLING   Contact", EveryDays: 60}, none))(t)
	due("by what is usual in the role, however written", 60)
	must(f.sys.SetLinkTouch(ctx, f.his, ada, 1, new(20)))(t)
	due("the other relationship comes first", 20)
	must(f.sys.SnoozeLink(ctx, f.his, ada, 2, utc().Today().Plus(365), "", utc()))(t)
	due("that one is snoozed, this one is not", 60)
	never := must(f.sys.SetLinkTouch(ctx, f.hers, ada, 1, new(crm.NeverTouch)))(t)
	if got := f.dueOf(t, ada); !got.After(last.Add(60 * day)) {
		t.Errorf("never, whatever is usual: due %v", got)
	}
	must(f.all(f.mia).Undo(ctx, never.ChangeSet))(t)
	due("taken back", 60)
	must(f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.his, ContactID: ada, RelationshipStatus: "former"}))(t)
	must(f.sys.UpdateTouchDefault(ctx, crm.TouchDefault{ID: usual.ID, EveryDays: 45, Version: 1}))(t)
	due("the default has changed", 45)
	r := must(f.sys.Relationship(ctx, f.hers, ada))(t)
	if r.TouchEveryDays != nil || *r.TouchDefaultDays != 45 || r.Every() != 45 {
		t.Errorf("the relationship says %+v", r.Touch)
	}
	must(f.sys.SetOrganizationActive(ctx, f.hers, false))(t)
	due("her organization is archived", 0)
	must(f.sys.SetOrganizationActive(ctx, f.hers, true))(t)
	due("and restored", 45)
	role := must(f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: "CEO"}))(t)
	due("another role", 0)
	must(f.all(f.mia).Undo(ctx, role.ChangeSet))(t)
	due("the role again", 45)
	gone := must(f.sys.DeleteTouchDefault(ctx, usual.ID))(t)
	due("no default any more", 0)
	back := must(f.all(f.mia).Undo(ctx, gone.ChangeSet))(t)
	due("the default brought back", 45)
	if back.Target.Type != audit.TouchDefault {
		t.Errorf("the undo leads to %+v", back.Target)
	}
	must(f.sys.UnlinkContact(ctx, f.hers, ada))(t)
	due("unlinked", 0)
	verify(t, f.sys)
}

// TestARoleNamedAgainIsKept deletes a default, names the role in another way and takes the deletion back: there is one
// default for a role.
func TestARoleNamedAgainIsKept(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	first := must(f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "CFO", EveryDays: 60}, none))(t)
	if _, err := f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "cfo ", EveryDays: 60}, none); faultOf(err) != "role_label" {
		t.Errorf("a second default for a role: %v", err)
	}
	gone := must(f.sys.DeleteTouchDefault(ctx, first.ID))(t)
	must(f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "Cfo", EveryDays: 30}, none))(t)
	undone := must(f.all(f.mia).Undo(ctx, gone.ChangeSet))(t)
	if undone.Undone != 0 || len(undone.Kept) != 1 || undone.Kept[0].Name != "CFO" {
		t.Errorf("got %+v, want it kept and named", undone)
	}
	verify(t, f.sys)
}

// TestWhatIsUsualForManyIsSettledInTheBackground makes a default for more people than are put right at once, while
// somebody who has not seen it yet links one more.
func TestWhatIsUsualForManyIsSettledInTheBackground(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `SET LOCAL session_replication_role = replica`) // records without history: not under test
	run(t, f.conn, `INSERT INTO contacts (id, first_name, last_name) SELECT md5('c' || i)::uuid, 'Ada', 'Lind' FROM generate_series(1, 2600) i`)
	run(t, f.conn, `INSERT INTO contact_activity (contact_id, is_active) SELECT id, TRUE FROM contacts`)
	run(t, f.conn, `INSERT INTO organization_contact (organization_id, contact_id, role_label) SELECT $1, id, 'CFO' FROM contacts`, f.hers)
	run(t, f.conn, `COMMIT`)
	eve := f.contact(t, "Eve", none)
	late := postgrestest.Connect(t, f.conn.Config().ConnString())
	run(t, late, `BEGIN`)
	run(t, late, `SET LOCAL session_replication_role = replica`)
	run(t, late, `INSERT INTO organization_contact (organization_id, contact_id, role_label) VALUES ($1, $2, 'cfo')`, f.hers, eve) // by the old default: none
	must(f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "CFO", EveryDays: 60}, none))(t)
	if n := read[int](t, f.conn, `SELECT count(*) FROM contact_activity WHERE next_touch_at < 'infinity'`); n != 0 {
		t.Errorf("%d people were put right while somebody waits", n)
	}
	if n := must(f.db.Jobs().SettleTouch(ctx))(t); n != 0 {
		t.Errorf("%d people were put right while a transaction has not seen the default", n)
	}
	run(t, late, `COMMIT`)
	gone := 0
	for end := time.Now().Add(time.Minute); gone == 0 && time.Now().Before(end); time.Sleep(10 * time.Millisecond) { // any transaction of the whole server may be older, those of other tests too
		gone = must(f.db.Jobs().SettleTouch(ctx))(t)
	}
	if gone != 2601 {
		t.Errorf("%d people were gone through, want 2601", gone)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM contact_activity WHERE next_touch_at < 'infinity'`); n != 2601 {
		t.Errorf("%d people are due, want 2601", n)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM touch_unsettled`); n != 0 {
		t.Errorf("%d roles are left", n)
	}
}

// TestARhythmThatCannotBe covers what is refused, and that nothing of it is written.
func TestARhythmThatCannotBe(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", none)
	f.link(t, f.hers, ada, "CFO")
	west := time.FixedZone("", -5*3600)
	clock := crm.Clock{Now: time.Date(2026, 11, 22, 23, 30, 0, 0, west), Zone: west} // the 23rd in UTC
	snooze := func(until crm.Day, reason string) error {
		_, err := f.sys.SnoozeOrganization(ctx, f.his, 2, until, reason, clock)
		return err
	}
	must(f.sys.SetOrganizationTouch(ctx, f.his, 1, new(30)))(t)
	before := read[string](t, f.conn, `SELECT string_agg(o::text, ',' ORDER BY id) || (SELECT string_agg(l::text, ',') FROM organization_contact l) FROM organizations o`)
	set := func(days int) error { _, err := f.sys.SetOrganizationTouch(ctx, f.his, 2, &days); return err }
	link := func(days int) error { _, err := f.sys.SetLinkTouch(ctx, f.hers, ada, 1, &days); return err }
	_, noRhythm := f.sys.SnoozeOrganization(ctx, f.hers, 1, "2027-01-01", "", clock)
	for what, tt := range map[string]struct {
		err  error
		want string
	}{
		"no days": {set(0), "touch_every_days"}, "days back": {set(-1), "touch_every_days"}, "too many": {set(1096), "touch_every_days"}, "of a link": {link(-1), "touch_every_days"}, "of a link, too many": {link(5000), "touch_every_days"},
		"today": {snooze("2026-11-22", ""), "touch_snoozed_until"}, "past": {snooze("2026-01-01", ""), "touch_snoozed_until"}, "far": {snooze("2028-11-23", ""), "touch_snoozed_until"},
		"no day": {snooze("soon", ""), "touch_snoozed_until"}, "no such day": {snooze("2027-02-30", ""), "touch_snoozed_until"}, "year 10000": {snooze("10000-01-01", ""), "touch_snoozed_until"},
		"long reason": {snooze("2026-11-23", strings.Repeat("x", 201)), "touch_snooze_reason"}, "no rhythm": {noRhythm, "touch_snoozed_until"},
	} {
		if got := faultOf(tt.err); got != tt.want {
			t.Errorf("%s: fault at %q (%v), want it at %q", what, got, tt.err, tt.want)
		}
	}
	if _, err := f.sys.SetOrganizationTouch(ctx, f.his, 1, new(60)); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("of an earlier version: %v", err)
	}
	if _, err := f.sys.SetOrganizationTouch(ctx, f.his, 2, new(30)); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("as it is: %v", err)
	}
	if after := read[string](t, f.conn, `SELECT string_agg(o::text, ',' ORDER BY id) || (SELECT string_agg(l::text, ',') FROM organization_contact l) FROM organizations o`); after != before {
		t.Errorf("something was written:\n%s\n%s", before, after)
	}
	fatal(t, snooze("2026-11-23", ""))
}

// TestAnEditLeavesTheRhythm: a form that knows nothing of it does not end it.
func TestAnEditLeavesTheRhythm(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	must(f.sys.SetOrganizationTouch(ctx, f.hers, 1, new(30)))(t)
	must(f.sys.UpdateOrganization(ctx, crm.Organization{ID: f.hers, LegalName: "New", DisplayName: "New", Version: 2}))(t)
	if o := must(f.sys.Organization(ctx, f.hers))(t); o.Every() != 30 || o.DisplayName != "New" {
		t.Errorf("got %q with %+v", o.DisplayName, o.Touch)
	}
}

// TestDueTellsOfInteractions: who may not see them of every client in view may not know, sort or filter by it.
func TestDueTellsOfInteractions(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", idOf(f.mia.ID))
	must(f.sys.LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, Touch: crm.Touch{TouchEveryDays: new(1)}}, none))(t)
	f.called(t, idOf(f.hers), idOf(ada), time.Now().Add(-9*day))
	must(f.sys.SetOrganizationTouch(ctx, f.hers, 1, new(1)))(t)
	blind := f.db.As(postgrestest.Actor(f.mia, authz.All, authz.ViewClient), postgres.Origin{})
	for what, seen := range map[string]bool{"blind": false, "seeing": true} {
		s := blind
		if seen {
			s = f.all(f.mia)
		}
		_, sorted := s.Organizations(ctx, crm.OrganizationFilter{Sort: crm.Sort{By: crm.ByTouch}})
		_, filtered := s.Contacts(ctx, crm.ContactFilter{Touch: crm.TouchNone})
		if (sorted == nil) != seen || (filtered == nil) != seen {
			t.Errorf("%s: sorting %v, filtering %v", what, sorted, filtered)
		}
		o := must(s.OrganizationPage(ctx, f.hers, crm.TimelineView{}))(t)
		c := must(s.ContactPage(ctx, ada, crm.TimelineView{}))(t)
		list := must(s.Organizations(ctx, crm.OrganizationFilter{Query: "Hers"}))(t)
		people := must(s.Contacts(ctx, crm.ContactFilter{}))(t)
		for where, at := range map[string]*time.Time{
			"organization": o.Organization.NextTouchAt, "people": o.People[0].NextTouchAt, "contact": c.Contact.NextTouchAt,
			"organizations": c.Organizations[0].NextTouchAt, "list": list.Rows[0].NextTouchAt, "contacts": people.Rows[0].NextTouchAt,
		} {
			if (at != nil) != seen {
				t.Errorf("%s, %s: due %v", what, where, at)
			}
		}
		if o.Organization.Every() != 1 || o.People[0].Every() != 1 {
			t.Errorf("%s: the rhythm itself is a fact of the client: %+v", what, o.Organization.Touch)
		}
		q := must(s.Quiet(ctx, crm.OwnerFilter{}, 10))(t)
		counts := must(s.QuietCounts(ctx, nil))(t)
		if (len(q.Clients) > 0) != seen || (q.Organizations > 0) != seen || (len(counts) > 0) != seen {
			t.Errorf("%s: quiet %+v, counts %v", what, q, counts)
		}
	}
}
