package postgres_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// wrongActivity counts the records whose activity or reach is not what their row, their links and their
// interactions say, or that have none or too many.
const wrongActivity = `
	SELECT (SELECT count(*) FROM organization_activity a FULL JOIN
		(SELECT o.id, o.owner_user_id, o.is_active, EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = o.id) AS has, coalesce(max(i.happened_at), '-infinity') AS last
		 FROM organizations o LEFT JOIN interactions i ON i.organization_id = o.id GROUP BY o.id) t ON t.id = a.organization_id
		WHERE (a.organization_id, a.owner_user_id, a.is_active, a.has_contact, a.last_contact_at) IS DISTINCT FROM (t.id, t.owner_user_id, t.is_active, t.has, t.last))
	+ (SELECT count(*) FROM contact_activity a FULL JOIN
		(SELECT c.id, c.owner_user_id, c.is_active, coalesce(max(i.happened_at), '-infinity') AS last
		 FROM contacts c LEFT JOIN ` + talkWith + ` i ON i.person = c.id GROUP BY c.id) t ON t.id = a.contact_id
		WHERE (a.contact_id, a.owner_user_id, a.is_active, a.last_contact_at) IS DISTINCT FROM (t.id, t.owner_user_id, t.is_active, t.last))
	+ (SELECT count(*) FROM contact_reach r FULL JOIN
		(SELECT l.contact_id, o.owner_user_id, min(c.last_name) AS last_name, min(c.first_name) AS first_name, bool_and(c.is_active) AS is_active,
			coalesce((SELECT max(i.happened_at) FROM ` + talkWith + ` i WHERE i.person = l.contact_id), '-infinity') AS last
		 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
		 WHERE o.owner_user_id IS NOT NULL GROUP BY 1, 2) t USING (contact_id, owner_user_id)
		WHERE (r.contact_id, r.last_name, r.first_name, r.is_active, r.last_contact_at) IS DISTINCT FROM (t.contact_id, t.last_name, t.first_name, t.is_active, t.last))
	+ (SELECT count(*) FROM interaction_contacts x LEFT JOIN interactions i ON i.id = x.interaction_id WHERE x.met_at IS DISTINCT FROM i.happened_at)
	+ ` + wrongTouch + ` + ` + wrongNext + ` + ` + wrongMain + ` + ` + wrongFirsts

// talkWith has a row for each interaction and each person it was with, as its contact or as an attendee.
const talkWith = `(SELECT i.contact_id AS person, i.happened_at FROM interactions i
	UNION ALL SELECT x.contact_id, i.happened_at FROM interaction_contacts x JOIN interactions i ON i.id = x.interaction_id)`

// life is a firm in which things happen at random, from a seed that the test names.
type life struct {
	*firm

	*rand.Rand
	t                                      *testing.T
	organizations, contacts, conversations []uuid.UUID
	sets                                   []uuid.UUID
	usual                                  []uuid.UUID // defaults of roles
	planned                                []uuid.UUID // follow-ups
}

func oneOf[T any](l *life, from []T) T { return from[l.IntN(len(from))] }

// noted keeps the change set for a later undo, and the new record, if any, in list.
func (l *life) noted(saved postgres.Saved, err error, list *[]uuid.UUID) {
	if err != nil {
		return // out of luck: a record that is gone, a save of nothing
	}
	l.sets = append(l.sets, saved.ChangeSet)
	if list != nil {
		*list = append(*list, saved.ID)
	}
}

func (l *life) owner() uuid.NullUUID {
	return oneOf(l, []uuid.NullUUID{none, idOf(l.mia.ID), idOf(l.tom.ID)})
}

// moment is some time around now, now and then in the future.
func (l *life) moment() time.Time {
	return time.Now().Add(time.Duration(l.IntN(2000)-1700) * time.Hour).Truncate(time.Second)
}

// someone is nobody, or a few people.
func (l *life) someone() []crm.Attendee {
	var all []crm.Attendee
	for range l.IntN(4) {
		all = append(all, crm.AttendeesOf(oneOf(l, l.contacts))...)
	}
	return all
}

// step does one thing that may move a last contact.
func (l *life) step() string {
	s := l.all(l.mia)
	switch l.IntN(19) {
	case 0:
		saved, err := s.CreateOrganization(ctx, crm.Organization{LegalName: "New", DisplayName: "New", OwnerUserID: l.owner()}, none)
		l.noted(saved, err, &l.organizations)
		return "create"
	case 1:
		saved, err := s.CreateContact(ctx, crm.Contact{FirstName: "New", LastName: "Person", OwnerUserID: l.owner()}, none)
		l.noted(saved, err, &l.contacts)
		return "create contact"
	case 2, 3:
		i := crm.Interaction{Channel: crm.Call, Subject: "Talk", HappenedAt: l.moment(), OrganizationID: idOf(oneOf(l, l.organizations))}
		if l.IntN(2) == 0 {
			i.ContactID = idOf(oneOf(l, l.contacts))
		}
		i.Attendees = l.someone()
		saved, err := s.LogInteraction(ctx, i, audit.Organization, none)
		l.noted(saved, err, &l.conversations)
		return "log"
	case 4:
		i, err := s.Interaction(ctx, oneOf(l, l.conversations))
		if err == nil {
			if i.HappenedAt = l.moment(); l.IntN(2) == 0 {
				i.Attendees = l.someone()
			}
			saved, err := s.UpdateInteraction(ctx, i)
			l.noted(saved, err, nil)
		}
		return "edit"
	case 5:
		saved, err := s.DeleteInteraction(ctx, oneOf(l, l.conversations))
		l.noted(saved, err, nil)
		return "delete"
	case 6:
		saved, err := s.SetOrganizationActive(ctx, oneOf(l, l.organizations), l.IntN(2) == 0)
		l.noted(saved, err, nil)
		saved, err = s.SetContactActive(ctx, oneOf(l, l.contacts), l.IntN(2) == 0)
		l.noted(saved, err, nil)
		return "archive"
	case 7:
		if o, err := s.Organization(ctx, oneOf(l, l.organizations)); err == nil {
			o.OwnerUserID = l.owner()
			saved, err := s.UpdateOrganization(ctx, o)
			l.noted(saved, err, nil)
		}
		if c, err := s.Contact(ctx, oneOf(l, l.contacts)); err == nil {
			c.OwnerUserID, c.LastName = l.owner(), oneOf(l, []string{"Person", "Persson"})
			saved, err := s.UpdateContact(ctx, c)
			l.noted(saved, err, nil)
		}
		return "reassign"
	case 8, 10:
		r := crm.Relationship{OrganizationID: oneOf(l, l.organizations), ContactID: oneOf(l, l.contacts), RoleLabel: l.role(), Touch: crm.Touch{TouchEveryDays: l.rhythm()}}
		saved, err := s.LinkContact(ctx, r, none)
		l.noted(saved, err, nil)
		return "link"
	case 9:
		saved, err := s.UnlinkContact(ctx, oneOf(l, l.organizations), oneOf(l, l.contacts))
		l.noted(saved, err, nil)
		return "unlink"
	case 11, 12:
		l.touchSomething(s)
		return "touch"
	case 13:
		l.changeRole(s)
		return "change a role or what is usual in it"
	case 14, 15, 16:
		return l.plan(s)
	case 17:
		var some []uuid.UUID
		for range 1 + l.IntN(len(l.organizations)) {
			some = append(some, oneOf(l, l.organizations))
		}
		b := picked(crm.BulkAssign, some...)
		b.Owner = l.owner()
		moved, err := s.ChangeSelected(ctx, b)
		if moved.ChangeSet != uuid.Nil {
			l.noted(postgres.Saved{ChangeSet: moved.ChangeSet}, err, nil)
		}
		return "reassign many"
	default:
		undone, err := s.Undo(ctx, oneOf(l, l.sets))
		l.noted(postgres.Saved{ChangeSet: undone.ChangeSetID}, err, nil)
		return "undo"
	}
}

// TestLastContactIsWhatTheInteractionsSay lives through random work and compares the kept facts with the
// aggregate after every step.
func TestLastContactIsWhatTheInteractionsSay(t *testing.T) {
	t.Parallel()
	const seed = 20261122
	l := &life{firm: newFirm(t), Rand: rand.New(rand.NewPCG(seed, 1)), t: t}
	l.organizations = []uuid.UUID{l.hers, l.his}
	l.contacts = []uuid.UUID{l.contact(t, "Ada", idOf(l.mia.ID)), l.contact(t, "Ben", none)}
	first := l.log(t, l.all(l.mia), idOf(l.hers), idOf(l.contacts[0]), "First")
	l.conversations, l.sets = []uuid.UUID{first.ID}, []uuid.UUID{first.ChangeSet}
	imported := must(l.all(l.mia).ImportOrganizations(ctx, []crm.Organization{
		{LegalName: "A", DisplayName: "A", OwnerUserID: idOf(l.tom.ID)}, {LegalName: "B", DisplayName: "B"},
	}, "a.csv"))(t)
	l.sets = append(l.sets, imported.ChangeSet)
	done := map[string]int{}
	for n := range 250 {
		what := l.step()
		done[what]++
		if wrong := read[int](t, l.conn, wrongActivity); wrong > 0 {
			t.Fatalf("step %d (%s), seed %d: %d records have a wrong last contact, owner, status or reach", n, what, seed, wrong)
		}
	}
	if got := read[int](t, l.conn, `SELECT count(*) FROM organization_activity WHERE last_contact_at > '-infinity'`); got < 3 {
		t.Errorf("only %d organizations were ever in touch: the test has proved little (%v)", got, done)
	}
	if got := read[int](t, l.conn, `SELECT count(*) FROM contact_reach WHERE next_follow_up_at < 'infinity'`); got < 2 {
		t.Errorf("only %d people have something planned: the test has proved little (%v)", got, done)
	}
}

// TestInteractionsMovedBehindTheApplication covers what no page does: a move from one record to another, many
// rows at once, and a rebuild after the triggers were off.
func TestInteractionsMovedBehindTheApplication(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", none)
	for range 3 {
		f.log(t, f.all(f.mia), idOf(f.hers), idOf(ada), "Call")
	}
	right := func(when string) {
		t.Helper()
		if wrong := read[int](t, f.conn, wrongActivity); wrong > 0 {
			t.Errorf("%s: %d records have a wrong last contact", when, wrong)
		}
	}
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `ALTER TABLE interactions DISABLE TRIGGER audit_guard`)
	run(t, f.conn, `UPDATE interactions SET organization_id = $1, contact_id = NULL, happened_at = happened_at - interval '1 day'`, f.his)
	right("after a move")
	run(t, f.conn, `UPDATE interactions SET subject = 'Another', organization_id = NULL`)
	right("after they lost their organization")
	run(t, f.conn, `ALTER TABLE interactions DISABLE TRIGGER keep_activity_update`)
	run(t, f.conn, `UPDATE interactions SET organization_id = $1, contact_id = $2`, f.hers, ada)
	run(t, f.conn, `SELECT rebuild_activity()`)
	right("after a rebuild")
	run(t, f.conn, `ALTER TABLE interaction_contacts DISABLE TRIGGER keep_met_at, DISABLE TRIGGER keep_attendance_insert, DISABLE TRIGGER audit_guard`)
	run(t, f.conn, `INSERT INTO interaction_contacts (interaction_id, contact_id, met_at) SELECT id, $1, '2020-01-01' FROM interactions`, f.contact(t, "Ben", none))
	run(t, f.conn, `SELECT rebuild_activity()`)
	right("after a rebuild with attendees")
	run(t, f.conn, `UPDATE interactions SET happened_at = happened_at + interval '1 year'`)
	run(t, f.conn, `ALTER TABLE interactions ENABLE TRIGGER keep_activity_update`)
	run(t, f.conn, `UPDATE interactions SET happened_at = happened_at + interval '1 year'`)
	right("after all were put off")
	run(t, f.conn, `DELETE FROM interactions`)
	right("after all were deleted")
	run(t, f.conn, `ROLLBACK`)
}

// TestCallsLoggedAtOnceAllEnd lets many people log, delete, archive, rename, link and reassign at one organization and
// one person at once. None is turned away, but for who read an earlier version or changes nothing, and last contact and reach are right
// in the end.
func TestCallsLoggedAtOnceAllEnd(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada, ben := f.contact(t, "Ada", none), f.contact(t, "Ben", none)
	f.link(t, f.hers, ben, "")
	var wg sync.WaitGroup
	errs := make(chan error, 400)
	for n := range 8 {
		wg.Go(func() {
			s := f.all(f.mia)
			for range 6 {
				saved, err := s.LogInteraction(ctx, crm.Interaction{
					OrganizationID: idOf(f.hers), ContactID: idOf(ada), Channel: crm.Call, Subject: "At once", HappenedAt: time.Now(),
				}, audit.Organization, none)
				if err == nil && n%2 == 0 {
					_, err = s.DeleteInteraction(ctx, saved.ID)
				}
				errs <- err
			}
		})
	}
	for n := range 2 { // two people, now one the contact and now the other
		wg.Go(func() {
			s, who := f.all(f.mia), []uuid.UUID{ada, ben}
			for turn := range 4 {
				saved, err := s.LogInteraction(ctx, crm.Interaction{
					OrganizationID: idOf(f.hers), ContactID: idOf(who[n%2]), Channel: crm.Meeting, Subject: "All at once", HappenedAt: time.Now(),
					Attendees: crm.AttendeesOf(who[1-n%2]),
				}, audit.Organization, none)
				errs <- err
				i, err := s.Interaction(ctx, saved.ID)
				errs <- err
				i.HappenedAt, i.Attendees = i.HappenedAt.Add(-time.Hour), nil
				edited, err := s.UpdateInteraction(ctx, i)
				errs <- err
				_, err = s.Undo(ctx, edited.ChangeSet)
				errs <- err
				if turn%2 == 0 {
					_, err = s.DeleteInteraction(ctx, saved.ID)
				} else {
					_, err = s.Undo(ctx, saved.ChangeSet)
				}
				errs <- err
			}
		})
	}
	for n := range 2 { // what is planned about both ends with talks about one, and is put off meanwhile
		wg.Go(func() {
			s, who := f.all(f.tom), []uuid.UUID{ada, ben}
			for range 4 {
				var planned [2]postgres.Saved
				for k := range planned {
					var err error
					planned[k], err = f.sys.CreateFollowUp(ctx, crm.FollowUp{Title: "Next", Due: crm.Due{Day: utc().Today().Plus(1 + k)}, OrganizationID: idOf(f.hers), ContactID: idOf(who[k])}, "", utc(), none)
					if faultOf(err) != "title" { // archived meanwhile
						errs <- err
					}
				}
				if planned[0].ID == uuid.Nil || planned[1].ID == uuid.Nil {
					continue
				}
				late := make(chan error, 1)
				go func() {
					_, err := s.ChangeFollowUps(ctx, crm.FollowUpBulk{Action: crm.SnoozeFollowUps, Picked: []uuid.UUID{planned[1].ID, planned[0].ID}, Due: crm.Due{Day: utc().Today().Plus(9)}, Clock: utc()})
					late <- err
				}()
				_, err := s.LogInteraction(ctx, crm.Interaction{
					OrganizationID: idOf(f.hers), Channel: crm.Meeting, Subject: "As planned", HappenedAt: time.Now(), Attendees: crm.AttendeesOf(who[n%2]),
				}, audit.Organization, none, crm.Next{Done: []uuid.UUID{planned[0].ID, planned[1].ID}, Clock: utc()})
				errs <- err
				errs <- <-late
			}
		})
	}
	wg.Go(func() {
		for n := range 10 {
			_, err := f.all(f.tom).SetOrganizationActive(ctx, f.hers, n%2 == 1)
			errs <- err
			_, err = f.all(f.tom).SetContactActive(ctx, ada, n%2 == 1)
			errs <- err
		}
	})
	wg.Go(func() {
		for range 10 {
			_, err := f.all(f.mia).LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada, RoleLabel: "CFO"}, none)
			errs <- err
			_, err = f.all(f.mia).UnlinkContact(ctx, f.hers, ada)
			errs <- err
		}
		_, err := f.all(f.mia).LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada}, none)
		errs <- err
	})
	wg.Go(func() {
		for n := range 10 {
			o, err := f.all(f.tom).Organization(ctx, f.hers)
			errs <- err
			o.OwnerUserID = []uuid.NullUUID{idOf(f.tom.ID), idOf(f.mia.ID)}[n%2]
			_, err = f.all(f.tom).UpdateOrganization(ctx, o)
			errs <- err
			c, err := f.all(f.tom).Contact(ctx, ada)
			errs <- err
			c.LastName = fmt.Sprint("Lind ", n)
			_, err = f.all(f.tom).UpdateContact(ctx, c)
			errs <- err
		}
	})
	wg.Go(func() {
		for n := range 10 {
			o, err := f.all(f.tom).Organization(ctx, f.hers)
			errs <- err
			_, err = f.all(f.tom).SetOrganizationTouch(ctx, f.hers, o.Version, new(1+n))
			errs <- err
			_, err = f.all(f.mia).SetLinkTouch(ctx, f.hers, ada, 1, new(n%3))
			if !isNotFound(err) { // she is linked and unlinked meanwhile
				errs <- err
			}
		}
	})
	wg.Go(func() {
		usual, err := f.sys.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "cfo", EveryDays: 1}, none)
		errs <- err
		for n := range 10 {
			_, err := f.sys.UpdateTouchDefault(ctx, crm.TouchDefault{ID: usual.ID, EveryDays: 2 + n, Version: 1 + n})
			errs <- err
		}
	})
	wg.Wait()
	close(errs)
	if _, err := f.db.Jobs().SettleTouch(ctx); err != nil {
		t.Error(err)
	}
	for err := range errs {
		if err != nil && !errors.Is(err, crm.ErrConflict) && !errors.Is(err, crm.ErrUnchanged) {
			t.Error(err)
		}
	}
	if got := read[int](t, f.conn, wrongActivity); got > 0 {
		t.Errorf("%d records have a wrong last contact or reach", got)
	}
	if got, want := read[int](t, f.conn, `SELECT deadlocks::int FROM pg_stat_database WHERE datname = current_database()`), 0; got != want {
		t.Errorf("%d deadlocks, want none: writers lock in different orders", got)
	}
}
