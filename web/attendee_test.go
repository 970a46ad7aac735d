package web_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// talked is a site with an organization, its people, and somebody out of the browser's reach.
type talked struct {
	*browser
	s                                               *site
	organization, ada, ben, cyd, archived, stranger string
}

func newTalked(t *testing.T) *talked {
	t.Helper()
	s := newSite(t)
	b := s.as(t, "rosa", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", four...))
	mine := postgrestest.ID(b.user.ID)
	w := &talked{browser: b, s: s, organization: postgrestest.Organization(t, s.db, "Granvik", mine).String()}
	system, ctx := postgrestest.System(s.db), context.Background()
	person := func(name string, owner uuid.NullUUID) string {
		id := postgrestest.Contact(t, s.db, name, "Lind", owner)
		if owner.Valid {
			_, err := system.LinkContact(ctx, crm.Relationship{OrganizationID: uuid.MustParse(w.organization), ContactID: id}, uuid.NullUUID{})
			fatal(t, err)
		}
		return id.String()
	}
	w.ada, w.ben, w.cyd, w.archived, w.stranger = person("Ada", mine), person("Ben", mine), person("Cyd", mine), person("Dot", mine), person("Eve", uuid.NullUUID{})
	_, err := system.SetContactActive(ctx, uuid.MustParse(w.archived), false)
	fatal(t, err)
	return w
}

func (w *talked) log(fields ...string) *answer {
	w.t.Helper()
	return w.post("/organizations/"+w.organization+"/interactions", append([]string{"channel", "meeting", "subject", "Kick-off", "contact_id", w.ada}, fields...)...)
}

func (w *talked) latest() string {
	w.t.Helper()
	return "/interactions/" + query[string](w.t, w.s, `SELECT id::text FROM interactions ORDER BY created_at DESC, id DESC LIMIT 1`)
}

// checked are the attendees ticked in a form, by id.
func (a *answer) checked() string {
	var ids []string
	for _, box := range a.doc.Find(`input[name="attendee_id"][checked]`).EachIter() {
		ids = append(ids, box.AttrOr("value", ""))
	}
	return strings.Join(ids, " ")
}

func TestAMeetingOfSeveralIsLoggedShownAndEdited(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	box := w.get("/organizations/" + w.organization).wants(200)
	if n := box.doc.Find(`#log details.more-people:not([open]) input[name="attendee_id"]`).Length(); n != 4 {
		t.Errorf("the box offers %d people behind “More people”, want 4", n)
	}
	page := w.get("/organizations/" + w.organization + "/interactions/new").wants(200)
	if n := page.doc.Find(`input[name="attendee_id"]`).Length(); n != 3 { // not who is archived
		t.Errorf("the page offers %d people, want 3", n)
	}
	w.log("attendee_id", w.ben, "attendee_id", w.archived, "attendee_id", w.ada, "attendee_id", w.ben, "duration_minutes", "1 h 30", "direction", "out").follow().
		has("Interaction logged.").has("rosa with Ada Lind, Ben Lind and Dot Lind").has("1 h 30 min")
	meeting := w.latest()
	if by := w.get("/organizations/" + w.organization).doc.Find("#timeline .by").Text(); strings.Contains(by, "Outgoing") {
		t.Errorf("a meeting has a direction: %q", by)
	}
	for _, person := range []string{w.ada, w.ben, w.archived} {
		if n := w.get("/contacts/" + person).wants(200).doc.Find(`#timeline a[href="` + meeting + `"]`).Length(); n != 1 {
			t.Errorf("it stands on a timeline %d times", n)
		}
	}
	w.get("/contacts/" + w.ben).has("rosa with Granvik, Ada Lind and Dot Lind")
	if n := w.get("/organizations/" + w.organization).doc.Find(`#timeline a[href="` + meeting + `"]`).Length(); n != 1 {
		t.Errorf("it stands on the organization's timeline %d times", n)
	}
	w.get("/interactions?contact=" + w.ben).wants(200).has("1 interaction").has("Kick-off").has("Ben Lind")
	w.get(meeting).has("Also there").has("Dot Lind").has("Added an attendee: Ben Lind")

	form := w.get(meeting + "/edit").wants(200)
	if got, want := form.checked(), w.ben+" "+w.archived; got != want {
		t.Errorf("the form has ticked %q, want %q", got, want)
	}
	if v, _ := form.doc.Find(`[name="duration_minutes"]`).Attr("value"); v != "90" {
		t.Errorf("the form says %q minutes", v)
	}
	edited := w.post(meeting, "version", "1", "channel", "call", "subject", "Kick-off", "happened_at", form.doc.Find(`[name="happened_at"]`).AttrOr("value", ""),
		"attendee_id", w.cyd, "duration_minutes", "90", "direction", "in").follow().has("Interaction saved.").has("Cyd Lind").has("Removed an attendee: Ben Lind").has("Incoming")
	undo, _ := edited.doc.Find(`form[action$="/undo"]`).Attr("action")
	w.post(undo).wants(303)
	if got, want := w.get(meeting+"/edit").checked(), w.ben+" "+w.archived; got != want {
		t.Errorf("after an undo %q attend, want %q", got, want)
	}
	deleted := w.post(meeting + "/delete").follow().has("Interaction deleted.")
	undo, _ = deleted.doc.Find(`form[action$="/undo"]`).Attr("action")
	w.post(undo).follow().has("Taken back.").has("Ben Lind")
}

// TestWhoCannotHaveBeenThere is told at the field, with everything as typed.
func TestWhoCannotHaveBeenThere(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	w.log("attendee_id", w.ben).wants(303)
	meeting := w.latest()
	before := business(t, w.s)
	for _, bad := range []string{"x", w.stranger, uuid.NewString(), w.organization, "", "\xff", strings.ToUpper(w.cyd) + "0", "{" + w.cyd + "}"} {
		for what, a := range map[string]*answer{
			"logging": w.log("attendee_id", w.cyd, "attendee_id", bad, "duration_minutes", "20", "outcome", "Resolved"),
			"editing": w.post(meeting, "version", "1", "channel", "meeting", "subject", "Kick-off", "attendee_id", w.cyd, "attendee_id", bad, "duration_minutes", "20", "outcome", "Resolved"),
		} {
			a.wants(http.StatusUnprocessableEntity)
			if a.doc.Find(`[role="alert"] a[href="#f-attendee_id"]`).Length() != 1 || a.doc.Find("#f-attendee_id-error").Length() != 1 {
				t.Errorf("%s with %q: no sentence at the field\n%s", what, bad, a.text())
			}
			if got := a.checked(); got != w.cyd {
				t.Errorf("%s with %q: ticked %q, want %q", what, bad, got, w.cyd)
			}
			for field, want := range map[string]string{"duration_minutes": "20", "outcome": "Resolved", "subject": "Kick-off"} {
				if got := a.doc.Find(`[name="`+field+`"]`).AttrOr("value", ""); got != want {
					t.Errorf("%s with %q: %s is %q", what, bad, field, got)
				}
			}
			a.lacks("Eve")
		}
	}
	for _, minutes := range []string{"soon", "-1", "1441", "25:00", "1.5"} {
		a := w.log("duration_minutes", minutes).wants(http.StatusUnprocessableEntity).has("Enter minutes, such as 15 or 1:30, up to a day.")
		if got := a.doc.Find(`[name="duration_minutes"]`).AttrOr("value", ""); got != minutes {
			t.Errorf("%q comes back as %q", minutes, got)
		}
	}
	w.log("channel", "email").wants(303)
	if got := business(t, w.s); got == before {
		t.Error("nothing is ever written: the test has proved little")
	}
}

// TestAConflictKeepsBothSidesPeople: a stale form names its own, and says who theirs are.
func TestAConflictKeepsBothSidesPeople(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	w.log("attendee_id", w.ben).wants(303)
	meeting := w.latest()
	save := func(fields ...string) *answer {
		return w.post(meeting, append([]string{"version", "1", "channel", "meeting", "subject", "Kick-off"}, fields...)...)
	}
	save("attendee_id", w.cyd).wants(303)
	a := save("attendee_id", w.ben, "subject", "Start").wants(http.StatusConflict).has("Theirs, now saved: Cyd Lind")
	if got := a.checked(); got != w.ben {
		t.Errorf("mine are %q", got)
	}
	a = save("attendee_id", w.cyd, "outcome", "Mine").wants(http.StatusConflict).lacks("Theirs, now saved: Cyd")
	if n := a.doc.Find(`input[type="hidden"][name="attendee_id"][value="` + w.cyd + `"]`).Length(); n != 1 {
		t.Errorf("the same people on both sides are carried along %d times", n)
	}
}

// TestAProgramLogsATalk: the API's fields, their faults, and what a PATCH leaves alone.
func TestAProgramLogsATalk(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	p := w.s.programOf(t, w.user, four...)
	log := func(more string) *reply {
		return p.call(http.MethodPost, "/organizations/"+w.organization+"/interactions", `{"channel":"call","subject":"Renewal","contact_id":"`+w.ada+`"`+more+`}`)
	}
	made := log(`,"duration_minutes":25,"direction":"out","attendee_ids":["`+w.ben+`","`+w.ada+`","`+w.ben+`"]`).wants(201).
		has(25.0, "duration_minutes").has("out", "direction").has(w.ben, "attendee_ids", 0).has(nil, "attendee_ids", 1)
	path := strings.TrimPrefix(made.header.Get("Location"), "/api/crm")
	p.get(path).wants(200).has(25.0, "duration_minutes").has(w.ben, "attendee_ids", 0)
	p.call(http.MethodPatch, path, `{"subject":"Agreed"}`).wants(200).has(w.ben, "attendee_ids", 0).has(25.0, "duration_minutes")
	p.call(http.MethodPatch, path, `{"attendee_ids":["`+w.cyd+`"],"duration_minutes":0}`).wants(200).has(w.cyd, "attendee_ids", 0).has(0.0, "duration_minutes")
	p.call(http.MethodPatch, path, `{"attendee_ids":null,"duration_minutes":null,"direction":null}`).wants(200).has(nil, "attendee_ids", 0).has(nil, "duration_minutes").has(nil, "direction")
	log("").wants(201).has(nil, "duration_minutes").has(nil, "direction").has(nil, "attendee_ids", 0)
	for body, location := range map[string]string{
		`"duration_minutes":"25"`: "", `"duration_minutes":2.5`: "body.duration_minutes", `"duration_minutes":1e400`: "body.duration_minutes", `"duration_minutes":-1`: "body.duration_minutes",
		`"duration_minutes":1441`: "body.duration_minutes", `"duration_minutes":[]`: "body.duration_minutes", `"duration_minutes":true`: "body.duration_minutes",
		`"direction":"up"`: "body.direction", `"direction":1`: "body.direction", `"channel":"meeting","direction":"in"`: "",
		`"attendee_ids":"` + w.ben + `"`: "body.attendee_ids", `"attendee_ids":["` + w.stranger + `"]`: "body.attendee_ids", `"attendee_ids":["x"]`: "body.attendee_ids",
		`"attendee_ids":[1]`: "body.attendee_ids", `"attendee_ids":[["` + w.ben + `"]]`: "body.attendee_ids", `"attendee_ids":{"a":"` + w.ben + `"}`: "body.attendee_ids", `"attendee_ids":[null]`: "body.attendee_ids",
		`"attendee_ids":["\u0000"]`: "body.attendee_ids", `"subject":["x"]`: "body.subject",
	} {
		r := p.call(http.MethodPatch, path, "{"+body+"}")
		if location == "" {
			continue // told below
		}
		r.wants(422).has(location, "errors", 0, "location")
	}
	p.call(http.MethodPatch, path, `{"duration_minutes":"25"}`).wants(422).has("body.duration_minutes", "errors", 0, "location")
	p.call(http.MethodPatch, path, `{"channel":"meeting","direction":"in"}`).wants(422).has("Only calls and e-mails have a direction.", "errors", 0, "message")
}

// TestAWriterWithoutViewGetsBackWhatTheySent, attendees too.
func TestAWriterWithoutViewGetsBackWhatTheySent(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	p := w.s.program(t, "all", authz.ViewClient, authz.EditInteraction)
	p.call(http.MethodPost, "/organizations/"+w.organization+"/interactions", `{"channel":"call","subject":"Renewal","attendee_ids":["`+w.ben+`"]}`).wants(201).has(w.ben, "attendee_ids", 0)
}

// TestWhoSeesNoClientsEditsAMeetingWithoutItsPeople: the form names nobody, and saving it sends nobody away.
func TestWhoSeesNoClientsEditsAMeetingWithoutItsPeople(t *testing.T) {
	t.Parallel()
	w := newTalked(t)
	w.log("attendee_id", w.ben).wants(303)
	meeting := w.latest()
	blind := w.s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, w.s.db, "all", authz.ViewInteraction, authz.EditInteraction))
	blind.get(meeting).wants(200).lacks("Also there").lacks("Ben").lacks(w.ben)
	if n := blind.get(meeting + "/edit").wants(200).lacks(w.ben).doc.Find(`[name="attendee_id"]`).Length(); n != 0 {
		t.Errorf("the form offers %d people", n)
	}
	blind.post(meeting, "version", "1", "channel", "meeting", "subject", "Start").wants(303)
	blind.post(meeting, "version", "2", "channel", "meeting", "subject", "Start", "attendee_id", w.ben).wants(422)
	i, err := w.s.db.As(postgrestest.Actor(w.user, authz.Own, four...), postgres.Origin{}).Interaction(context.Background(), uuid.MustParse(strings.TrimPrefix(meeting, "/interactions/")))
	if err != nil || len(i.Attendees) != 1 || i.Subject != "Start" || i.CreatedAt.After(time.Now()) {
		t.Errorf("it is left as %+v, %v", i, err)
	}
}
