package postgres_test

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// meeting is a meeting at an organization with a contact and attendees, an hour from now on.
func meeting(organization, contact uuid.UUID, attendees ...uuid.UUID) crm.Interaction {
	return crm.Interaction{
		OrganizationID: idOf(organization), ContactID: idOf(contact), Channel: crm.Meeting, Subject: "Kick-off",
		HappenedAt: time.Now().Add(time.Hour).Truncate(time.Second), Attendees: crm.AttendeesOf(attendees...),
	}
}

func attendeeNames(i crm.Interaction) []string {
	var names []string
	for _, a := range i.Attendees {
		names = append(names, strings.TrimSuffix(a.Name, " Person"))
	}
	return names
}

// TestAttendeesArePartOfTheirInteraction goes through the life of a meeting: logged, edited, deleted, each taken back.
func TestAttendeesArePartOfTheirInteraction(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ada, ben, cyd, dot := f.contact(t, "Ada", none), f.contact(t, "Ben", none), f.contact(t, "Cyd", none), f.contact(t, "Dot", none)
	logged := must(s.LogInteraction(ctx, meeting(f.hers, ada, ben, cyd, ada, ben), audit.Organization, none))(t)
	is := func(when string, want ...string) {
		t.Helper()
		if got := attendeeNames(must(s.Interaction(ctx, logged.ID))(t)); !slices.Equal(got, want) {
			t.Errorf("%s: %v attend, want %v", when, got, want)
		}
		if wrong := read[int](t, f.conn, wrongActivity); wrong > 0 {
			t.Errorf("%s: %d records have a wrong last contact", when, wrong)
		}
		verify(t, f.sys)
	}
	is("logged", "Ben", "Cyd")

	i := must(s.Interaction(ctx, logged.ID))(t)
	i.Attendees = crm.AttendeesOf(cyd, dot)
	edited := must(s.UpdateInteraction(ctx, i))(t)
	is("edited", "Cyd", "Dot")
	if now := must(s.Interaction(ctx, logged.ID))(t); now.Version != 2 {
		t.Errorf("an edit of the attendees alone left version %d", now.Version)
	}
	i.Attendees = crm.AttendeesOf(ben)
	if _, err := s.UpdateInteraction(ctx, i); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("an edit of what was read before: %v, want a conflict", err)
	}
	i = must(s.Interaction(ctx, logged.ID))(t)
	if _, err := s.UpdateInteraction(ctx, i); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("an edit of nothing: %v", err)
	}

	back := undoes(t, s, edited.ChangeSet, 2)
	is("the edit taken back", "Ben", "Cyd")
	if back.Target != (crm.Target{Type: audit.Interaction, ID: logged.ID}) {
		t.Errorf("after that it shows %v", back.Target)
	}
	if _, err := s.UpdateInteraction(ctx, i); !errors.Is(err, crm.ErrConflict) {
		t.Errorf("a form read before an undo of the attendees: %v, want a conflict", err)
	}

	gone := must(s.DeleteInteraction(ctx, logged.ID))(t)
	if n := read[int](t, f.conn, `SELECT count(*) FROM interaction_contacts`); n != 0 {
		t.Errorf("%d attendees outlive their interaction", n)
	}
	undoes(t, s, gone.ChangeSet, 1)
	is("brought back", "Ben", "Cyd")
	undoes(t, s, gone.ChangeSet, 0, "Kick-off")
}

// TestAnUndoOfALogTakesItsAttendees covers a log as it was made, and one whose attendees others changed.
func TestAnUndoOfALogTakesItsAttendees(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ada, ben, cyd := f.contact(t, "Ada", none), f.contact(t, "Ben", none), f.contact(t, "Cyd", none)
	plain := must(s.LogInteraction(ctx, meeting(f.hers, ada, ben), audit.Organization, none))(t)
	undone := undoes(t, s, plain.ChangeSet, 1)
	if undone.Target != (crm.Target{Type: audit.Organization, ID: f.hers}) {
		t.Errorf("it shows %v", undone.Target)
	}
	again := undoes(t, s, undone.ChangeSetID, 1)
	if got := attendeeNames(must(s.Interaction(ctx, plain.ID))(t)); !slices.Equal(got, []string{"Ben"}) {
		t.Errorf("made again with %v", got)
	}
	undoes(t, s, again.ChangeSetID, 1)

	joined := must(s.LogInteraction(ctx, meeting(f.hers, ada, ben), audit.Organization, none))(t)
	i := must(s.Interaction(ctx, joined.ID))(t)
	i.Attendees = crm.AttendeesOf(ben, cyd)
	must(s.UpdateInteraction(ctx, i))(t)
	undoes(t, s, joined.ChangeSet, 0, "Kick-off") // somebody came since: the attendee of the log stays with it
	if got := attendeeNames(must(s.Interaction(ctx, joined.ID))(t)); !slices.Equal(got, []string{"Ben", "Cyd"}) {
		t.Errorf("%v attend what was kept", got)
	}
	person := must(s.CreateContact(ctx, crm.Contact{FirstName: "Eve", LastName: "Person"}, none))(t)
	must(s.LogInteraction(ctx, meeting(f.hers, ada, person.ID), audit.Organization, none))(t)
	undoes(t, s, person.ChangeSet, 0, "Eve Person") // an attendee is in use
	verify(t, f.sys)
}

// TestAttendanceWithoutItsAuditRowIsRefused goes behind the application's back.
func TestAttendanceWithoutItsAuditRowIsRefused(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada, ben := f.contact(t, "Ada", none), f.contact(t, "Ben", none)
	logged := must(f.all(f.mia).LogInteraction(ctx, meeting(f.hers, ada, ben), audit.Organization, none))(t)
	for what, sql := range map[string]string{
		"an attendee comes":                `INSERT INTO interaction_contacts (interaction_id, contact_id) SELECT id, '` + ada.String() + `' FROM interactions`,
		"an attendee goes":                 `DELETE FROM interaction_contacts`,
		"the interaction goes":             `DELETE FROM interactions WHERE id = '` + logged.ID.String() + `'`,
		"a person goes":                    `DELETE FROM contacts WHERE id = '` + ben.String() + `'`,
		"an attendee becomes another one":  `UPDATE interaction_contacts SET contact_id = '` + ada.String() + `'`,
		"an interaction takes a long time": `UPDATE interactions SET duration_minutes = 600`,
	} {
		_, err := f.conn.Exec(ctx, sql)
		refusedByAudit(t, what, err)
	}
	verify(t, f.sys)
}

// TestAnAttendeeSeesTheMeetingOnce reads every place that shows it.
func TestAnAttendeeSeesTheMeetingOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ada, ben, cyd := f.contact(t, "Ada", none), f.contact(t, "Ben", none), f.contact(t, "Cyd", none)
	for _, person := range []uuid.UUID{ada, ben} {
		f.link(t, f.hers, person, "")
	}
	minutes := 25
	i := meeting(f.hers, ada, ben, cyd)
	i.DurationMinutes = &minutes
	logged := must(s.LogInteraction(ctx, i, audit.Organization, none))(t)
	f.log(t, s, idOf(f.hers), idOf(ben), "A call with Ben")
	for name, timeline := range map[string][]crm.Interaction{
		"organization": must(s.OrganizationPage(ctx, f.hers, crm.TimelineView{}))(t).Timeline.Interactions, "the contact": must(s.ContactPage(ctx, ada, crm.TimelineView{}))(t).Timeline.Interactions,
		"an attendee": must(s.ContactPage(ctx, ben, crm.TimelineView{}))(t).Timeline.Interactions, "another": must(s.ContactPage(ctx, cyd, crm.TimelineView{}))(t).Timeline.Interactions,
		"for programs": must(s.ContactRecord(ctx, ben))(t).Interactions,
	} {
		var found []crm.Interaction
		for _, shown := range timeline {
			if shown.ID == logged.ID {
				found = append(found, shown)
			}
		}
		if len(found) != 1 || !slices.Equal(attendeeNames(found[0]), []string{"Ben", "Cyd"}) || found[0].DurationMinutes == nil || *found[0].DurationMinutes != 25 {
			t.Errorf("%s: the meeting stands there %d times: %+v", name, len(found), found)
		}
	}
	for person, want := range map[uuid.UUID]int{ada: 1, ben: 2, cyd: 1} {
		l := must(s.Interactions(ctx, crm.InteractionFilter{ContactID: idOf(person)}))(t)
		if len(l.Rows) != want || l.Count != want {
			t.Errorf("%d interactions with a person, counted %d, want %d", len(l.Rows), l.Count, want)
		}
	}
	all := must(s.Interactions(ctx, crm.InteractionFilter{}))(t)
	if len(all.Rows) != 2 || all.Count != 2 {
		t.Errorf("%d interactions in all, counted %d, want 2", len(all.Rows), all.Count)
	}
	rows := must(s.Contacts(ctx, crm.ContactFilter{Sort: crm.ParseSort("-last")}))(t).Rows
	for _, row := range rows {
		if !row.LastContactAt.Equal(i.HappenedAt) {
			t.Errorf("%s was last in touch at %v, want that of the meeting, %v", row.FirstName, row.LastContactAt, i.HappenedAt)
		}
	}
}

// TestAttendeesDoNotWidenReach: tom's meeting with his client, at which hers was too.
func TestAttendeesDoNotWidenReach(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	his, hers := f.contact(t, "His", idOf(f.tom.ID)), f.contact(t, "Hers", idOf(f.mia.ID))
	logged := must(f.all(f.tom).LogInteraction(ctx, meeting(f.his, his, hers), audit.Organization, none))(t)
	mia, tom := f.own(f.mia), f.own(f.tom)
	if _, err := mia.Interaction(ctx, logged.ID); !isNotFound(err) {
		t.Errorf("she opens it: %v", err)
	}
	if p := must(mia.ContactPage(ctx, hers, crm.TimelineView{}))(t); len(p.Timeline.Interactions) != 0 {
		t.Errorf("it stands on her contact's timeline: %+v", p.Timeline.Interactions)
	}
	if l := must(mia.Interactions(ctx, crm.InteractionFilter{ContactID: idOf(hers)}))(t); len(l.Rows) != 0 || l.Count != 0 {
		t.Errorf("it is in her list: %+v", l.Rows)
	}
	for _, list := range []crm.InteractionFilter{{}, {ContactID: idOf(his)}} {
		if l := must(mia.Interactions(ctx, list))(t); len(l.Rows) != 0 {
			t.Errorf("it is in her list: %+v", l.Rows)
		}
	}
	// he sees the meeting, but not who she is
	seen := must(tom.Interaction(ctx, logged.ID))(t)
	if len(seen.Attendees) != 0 {
		t.Errorf("he reads %v", seen.Attendees)
	}
	for _, c := range must(tom.InteractionPage(ctx, logged.ID))(t).History {
		if c.Action == string(audit.AddAttendee) || c.LinkedName != "" {
			t.Errorf("the history tells him of %+v", c)
		}
	}
	if set := must(tom.ChangeSet(ctx, logged.ChangeSet))(t); len(set.Changes) != 1 || set.Total != 1 {
		t.Errorf("the change set tells him of %d changes", set.Total)
	}
	// nor does an edit of his take her away, or tell him that she was there
	seen.Subject = "Start"
	must(tom.UpdateInteraction(ctx, seen))(t)
	if got := attendeeNames(must(f.all(f.mia).Interaction(ctx, logged.ID))(t)); !slices.Equal(got, []string{"Hers"}) {
		t.Errorf("after his edit %v attend", got)
	}
	seen = must(tom.Interaction(ctx, logged.ID))(t)
	for _, unseen := range []uuid.UUID{hers, uuid.New()} {
		seen.Attendees = crm.AttendeesOf(unseen)
		if _, err := tom.UpdateInteraction(ctx, seen); faultOf(err) != "attendee_id" {
			t.Errorf("an attendee he does not see, there or not: %v", err)
		}
		if _, err := tom.LogInteraction(ctx, meeting(f.his, his, unseen), audit.Organization, none); faultOf(err) != "attendee_id" {
			t.Errorf("a log with them: %v", err)
		}
	}
	// what goes takes everybody along, and comes back with them
	gone := must(tom.DeleteInteraction(ctx, logged.ID))(t)
	undoes(t, tom, gone.ChangeSet, 1)
	if got := attendeeNames(must(f.all(f.mia).Interaction(ctx, logged.ID))(t)); !slices.Equal(got, []string{"Hers"}) {
		t.Errorf("brought back with %v", got)
	}
	verify(t, f.sys)
}

// TestWithoutViewClientNobodyAttends: who may read and edit interactions but see no client.
func TestWithoutViewClientNobodyAttends(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada, ben := f.contact(t, "Ada", none), f.contact(t, "Ben", none)
	logged := must(f.all(f.mia).LogInteraction(ctx, meeting(f.hers, ada, ben), audit.Organization, none))(t)
	blind := f.db.As(postgrestest.Actor(f.tom, authz.All, authz.ViewInteraction, authz.EditInteraction), postgres.Origin{})
	i := must(blind.Interaction(ctx, logged.ID))(t)
	if len(i.Attendees) != 0 {
		t.Errorf("they read %v", i.Attendees)
	}
	for _, c := range must(blind.InteractionPage(ctx, logged.ID))(t).History {
		if strings.Contains(c.LinkedName+string(c.After), "Ben") || c.Action == string(audit.AddAttendee) {
			t.Errorf("the history tells them of %+v", c)
		}
	}
	i.Attendees = crm.AttendeesOf(ben)
	if _, err := blind.UpdateInteraction(ctx, i); faultOf(err) != "attendee_id" {
		t.Errorf("naming somebody: %v", err)
	}
	i.Attendees, i.Subject = nil, "Start"
	must(blind.UpdateInteraction(ctx, i))(t)
	if got := attendeeNames(must(f.all(f.mia).Interaction(ctx, logged.ID))(t)); !slices.Equal(got, []string{"Ben"}) {
		t.Errorf("after their edit %v attend", got)
	}
}

// TestTheHistoryNamesWhoCame reads it in words.
func TestTheHistoryNamesWhoCame(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ada, ben := f.contact(t, "Ada", none), f.contact(t, "Ben", none)
	logged := must(s.LogInteraction(ctx, meeting(f.hers, ada, ben), audit.Organization, none))(t)
	i := must(s.Interaction(ctx, logged.ID))(t)
	minutes := 90
	i.Attendees, i.DurationMinutes = crm.AttendeesOf(ada), &minutes // his contact is there anyway
	must(s.UpdateInteraction(ctx, i))(t)
	must(s.DeleteInteraction(ctx, logged.ID))(t)
	type line struct{ Action, Name, Linked string }
	var got []line
	for _, c := range must(s.History(ctx, audit.Interaction, logged.ID, crm.Page{}))(t).Rows {
		got = append(got, line{c.Action, c.TargetName, c.LinkedName})
		if c.Action == "update_interaction" && (len(c.Fields) != 1 || c.Fields[0] != (crm.FieldChange{Field: "duration_minutes", After: "90"})) {
			t.Errorf("the edit says %+v", c.Fields)
		}
	}
	want := []line{
		{"delete_interaction", "Kick-off", ""},
		{"remove_attendee", "", "Ben Person"},
		{"update_interaction", "Kick-off", ""},
		{"add_attendee", "", "Ben Person"},
		{"create_interaction", "Kick-off", ""},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the history of what is gone (-want +got):\n%s", diff)
	}
}

// TestAttendableAreThePeopleAround lists whom forms offer.
func TestAttendableAreThePeopleAround(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada, ben, cyd, dot := f.contact(t, "Ada", idOf(f.mia.ID)), f.contact(t, "Ben", none), f.contact(t, "Cyd", none), f.contact(t, "Dot", idOf(f.tom.ID))
	for _, person := range []uuid.UUID{cyd, ben, ada} {
		f.link(t, f.hers, person, "")
	}
	must(f.sys.UpdateLink(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ben, RelationshipStatus: "Former"}))(t)
	f.link(t, f.his, ada, "")
	f.link(t, f.his, dot, "")
	must(f.sys.SetContactActive(ctx, cyd, false))(t)
	for _, test := range []struct {
		name                  string
		s                     *postgres.Store
		organization, contact uuid.NullUUID
		more                  []uuid.UUID
		want                  string
	}{
		{"of an organization, who has left last", f.own(f.mia), idOf(f.hers), none, nil, "Ada Ben"},
		{"but the contact", f.own(f.mia), idOf(f.hers), idOf(ada), nil, "Ben"},
		{"with the archived one who was there", f.own(f.mia), idOf(f.hers), none, []uuid.UUID{cyd}, "Cyd Ada Ben"},
		{"colleagues within reach", f.own(f.mia), none, idOf(ada), nil, "Ben"},
		{"colleagues everywhere", f.all(f.mia), none, idOf(ada), nil, "Dot Ben"},
		{"out of reach", f.own(f.mia), idOf(f.his), none, []uuid.UUID{dot}, ""},
	} {
		var got []string
		for _, a := range must(test.s.Attendable(ctx, test.organization, test.contact, test.more...))(t) {
			got = append(got, strings.TrimSuffix(a.Name, " Person"))
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("%s: %v, want %s", test.name, got, test.want)
		}
	}
}

// TestFewAttend bounds them, those that the writer does not see included; an archived person may have been there.
func TestFewAttend(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	ada := f.contact(t, "Ada", none)
	var crowd []uuid.UUID
	for range crm.MaxAttendees {
		crowd = append(crowd, f.contact(t, "Ben", idOf(f.mia.ID)))
	}
	must(f.sys.SetContactActive(ctx, crowd[0], false))(t)
	logged := must(s.LogInteraction(ctx, meeting(f.his, ada, crowd...), audit.Organization, none))(t)
	if n := len(must(s.Interaction(ctx, logged.ID))(t).Attendees); n != crm.MaxAttendees {
		t.Errorf("%d attend", n)
	}
	one := f.contact(t, "One", idOf(f.tom.ID))
	i := must(f.own(f.tom).Interaction(ctx, logged.ID))(t)
	i.Attendees = append(i.Attendees, crm.AttendeesOf(one)...)
	if _, err := f.own(f.tom).UpdateInteraction(ctx, i); faultOf(err) != "attendee_id" {
		t.Errorf("one more: %v", err)
	}
}
