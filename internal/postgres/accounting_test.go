package postgres_test

import (
	"context"
	"encoding/json"
	"errors"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// world is a small register that belongs to one user: whatever else anyone sees of it is a leak.
type world struct {
	db                                 *postgres.DB
	url                                string
	owner, stranger                    crm.User
	role, team                         uuid.UUID
	organization, contact, interaction uuid.UUID
	sets                               []uuid.UUID // change sets: a link, an edit, an interaction
	organizationNow                    crm.Organization
	contactNow                         crm.Contact
	interactionNow                     crm.Interaction
	followUp, finished                 crm.FollowUp // one open, one done
	notice                             uuid.UUID    // the owner's, of the open one
	links                              crm.Relationship
	view                               crm.SavedView // private
	token                              uuid.UUID     // the owner's
	job                                uuid.UUID     // the owner's
	touchDefault                       uuid.UUID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{url: postgrestest.URL(t)}
	w.db = postgrestest.OpenURL(t, w.url, postgres.Options{})
	s := postgrestest.System(w.db)
	w.role = postgrestest.Role(t, w.db, "own", authz.Permissions...)
	w.owner = postgrestest.User(t, w.db, "owner", uuid.NullUUID{}, "x", w.role)
	w.stranger = postgrestest.User(t, w.db, "stranger", uuid.NullUUID{}, "x", w.role)
	mine := w.db.As(postgrestest.Actor(w.owner, authz.Own, authz.Permissions...), postgres.Origin{})
	team, err := s.CreateTeam(ctx, crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	w.team = team.ID
	w.organization = postgrestest.Organization(t, w.db, "Granvik", postgrestest.ID(w.owner.ID))
	w.contact = postgrestest.Contact(t, w.db, "Lars", "Lindqvist", postgrestest.ID(w.owner.ID))
	w.links = crm.Relationship{OrganizationID: w.organization, ContactID: w.contact, RoleLabel: "Treasurer", Touch: crm.Touch{TouchEveryDays: new(1)}}
	linked, err := mine.LinkContact(ctx, w.links, uuid.NullUUID{})
	fatal(t, err)
	w.organizationNow, err = mine.Organization(ctx, w.organization)
	fatal(t, err)
	w.organizationNow.Sector = "Robotics"
	w.organizationNow.TouchGiven, w.organizationNow.TouchEveryDays = true, new(1)
	edited, err := mine.UpdateOrganization(ctx, w.organizationNow)
	fatal(t, err)
	logged, err := mine.LogInteraction(ctx, crm.Interaction{
		OrganizationID: postgrestest.ID(w.organization), ContactID: postgrestest.ID(w.contact), Channel: crm.Call, Subject: "Renewal agreed", HappenedAt: time.Now().Add(-48 * time.Hour), // overdue by a day
		DurationMinutes: new(15), Attendees: crm.AttendeesOf(postgrestest.Contact(t, w.db, "Astrid", "Lindqvist", postgrestest.ID(w.owner.ID))),
	}, audit.Organization, uuid.NullUUID{})
	fatal(t, err)
	w.interaction, w.sets = logged.ID, []uuid.UUID{linked.ChangeSet, edited.ChangeSet, logged.ChangeSet}
	w.organizationNow.Version, w.organizationNow.DisplayName = 2, "Mine now"
	w.contactNow, err = mine.Contact(ctx, w.contact)
	fatal(t, err)
	w.contactNow.LastName = "Mine now"
	w.interactionNow, err = mine.Interaction(ctx, w.interaction)
	fatal(t, err)
	w.interactionNow.Subject = "Mine now"
	w.followUps(t, mine)
	w.notice = uuid.New() // as a reminder leaves it
	run(t, postgrestest.Connect(t, w.url), `INSERT INTO notices (id, user_id, kind, follow_up_id, key) VALUES ($1, $2, 'due', $3, 'due')`, w.notice, w.owner.ID, w.followUp.ID)
	w.view = crm.SavedView{List: crm.OrganizationList, Name: "Granvik and the like", Query: "q=granvik"}
	view, err := mine.CreateView(ctx, w.view, false, uuid.NullUUID{})
	fatal(t, err)
	w.sets = append(w.sets, view.ChangeSet)
	w.view.ID, w.view.Version, w.view.Name = view.ID, 1, "Mine now"
	token, _, err := mine.CreateToken(ctx, crm.Token{Name: "Sync", Scopes: []string{"ViewClient"}}, time.Now())
	fatal(t, err)
	w.token = token.ID
	w.job, err = mine.Enqueue(ctx, crm.Bulk{Action: crm.BulkArchive, Picked: []uuid.UUID{w.organization}, Organizations: &crm.OrganizationFilter{Query: "granvik"}}, uuid.NullUUID{})
	fatal(t, err)
	usual, err := s.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "Notary", EveryDays: 90}, uuid.NullUUID{})
	fatal(t, err)
	w.touchDefault = usual.ID
	return w
}

// clock is by when follow-ups of these tests are due.
var clock = crm.Clock{Now: time.Now(), Zone: time.UTC}

// followUps adds two follow-ups of the owner's to the world: one open, one done.
func (w *world) followUps(t *testing.T, mine *postgres.Store) {
	t.Helper()
	f := crm.FollowUp{
		Title: "Send the renewal", Due: crm.DueIn("2d", clock), OrganizationID: postgrestest.ID(w.organization), ContactID: postgrestest.ID(w.contact),
	}
	for _, into := range []*crm.FollowUp{&w.followUp, &w.finished} {
		made, err := mine.CreateFollowUp(ctx, f, audit.Organization, clock, uuid.NullUUID{})
		fatal(t, err)
		w.sets = append(w.sets, made.ChangeSet)
		*into, err = mine.FollowUp(ctx, made.ID)
		fatal(t, err)
	}
	done, err := mine.FinishFollowUp(ctx, crm.Finish{ID: w.finished.ID}, uuid.NullUUID{})
	fatal(t, err)
	w.sets = append(w.sets, done.ChangeSet)
	w.followUp.Title = "Mine now"
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// names matches what a stranger must never read of the world.
var names = regexp.MustCompile(`Granvik|Lars|Lindqvist|Astrid|Treasurer|Renewal|renewal|Robotics`)

// outcome is what a stranger gets: a user with every permission and reach own, to whom nothing in the world
// belongs.
type outcome string

const (
	notFound outcome = "ErrNotFound"
	invalid  outcome = "an Invalid"
	empty    outcome = "no error, nothing of the world and no count of it"
	nameless outcome = "no error, and no name of the world"
	outside  outcome = "not asked: no client or interaction comes through it"
)

// probe calls a Store method on the records of a world.
type probe struct {
	needs    []authz.Permission // lacking any one of them is Forbidden
	stranger outcome
	call     func(context.Context, *postgres.Store, *world) (any, error)
}

// probes has one entry per exported method of Store. A new method needs one here: what must the actor hold,
// and what does a stranger get?
var probes = map[string]probe{
	"Organizations": {view, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Organizations(ctx, crm.OrganizationFilter{Status: crm.StatusAll, Query: "granvik", Owner: crm.OwnerFilter{UserID: postgrestest.ID(w.owner.ID)}})
	}},
	"Organization": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Organization(ctx, w.organization)
	}},
	"OrganizationPage": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.OrganizationPage(ctx, w.organization, crm.TimelineView{})
	}},
	"Witnesses": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Witnesses(ctx, audit.Contact, w.contact)
	}},
	"CreateOrganization": {[]authz.Permission{authz.EditClient}, invalid, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A", OwnerUserID: postgrestest.ID(w.owner.ID)}, uuid.NullUUID{})
	}},
	"UpdateOrganization": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateOrganization(ctx, w.organizationNow)
	}},
	"SetOrganizationActive": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SetOrganizationActive(ctx, w.organization, false)
	}},
	"ImportOrganizations": {[]authz.Permission{authz.ViewClient, authz.EditClient, authz.ImportClient}, invalid, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ImportOrganizations(ctx, []crm.Organization{{LegalName: "A", DisplayName: "A", OwnerUserID: postgrestest.ID(w.owner.ID)}}, "a.csv")
	}},

	"Contacts": {view, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Contacts(ctx, crm.ContactFilter{Status: crm.StatusAll, Query: "lars", Owner: crm.OwnerFilter{UserID: postgrestest.ID(w.owner.ID)}})
	}},
	"Contact": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.Contact(ctx, w.contact) }},
	"ContactPage": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ContactPage(ctx, w.contact, crm.TimelineView{})
	}},
	"CreateContact": {[]authz.Permission{authz.EditClient}, invalid, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateContact(ctx, crm.Contact{FirstName: "A", LastName: "A", OwnerUserID: postgrestest.ID(w.owner.ID)}, uuid.NullUUID{})
	}},
	"UpdateContact": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateContact(ctx, w.contactNow)
	}},
	"SetContactActive": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SetContactActive(ctx, w.contact, false)
	}},

	"LinkCandidates": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		o, found, err := s.LinkCandidates(ctx, w.organization, "lars")
		return []any{o, found}, err
	}},
	"Relationship": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Relationship(ctx, w.organization, w.contact)
	}},
	"LinkContact": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.LinkContact(ctx, w.links, uuid.NullUUID{})
	}},
	"UpdateLink": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateLink(ctx, crm.Relationship{OrganizationID: w.organization, ContactID: w.contact, RoleLabel: "Mine now"})
	}},
	"UnlinkContact": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UnlinkContact(ctx, w.organization, w.contact)
	}},

	"Interactions": {[]authz.Permission{authz.ViewInteraction}, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Interactions(ctx, crm.InteractionFilter{Query: "renewal", OrganizationID: postgrestest.ID(w.organization), ContactID: postgrestest.ID(w.contact)})
	}},
	"Interaction": {[]authz.Permission{authz.ViewInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Interaction(ctx, w.interaction)
	}},
	"InteractionPage": {[]authz.Permission{authz.ViewInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.InteractionPage(ctx, w.interaction)
	}},
	"LogInteraction": {[]authz.Permission{authz.ViewClient, authz.EditInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.LogInteraction(ctx, w.interactionNow, audit.Organization, uuid.NullUUID{})
	}},
	"UpdateInteraction": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateInteraction(ctx, w.interactionNow)
	}},
	"DeleteInteraction": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.DeleteInteraction(ctx, w.interaction)
	}},
	"Attendable": {view, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Attendable(ctx, postgrestest.ID(w.organization), uuid.NullUUID{}, w.contact)
	}},
	"CreateFollowUp": {[]authz.Permission{authz.ViewClient, authz.EditInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateFollowUp(ctx, w.followUp, audit.Organization, clock, uuid.NullUUID{})
	}},
	"UpdateFollowUp": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateFollowUp(ctx, w.followUp, clock)
	}},
	"SnoozeFollowUp": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SnoozeFollowUp(ctx, w.followUp.ID, crm.DueIn("1w", clock), clock)
	}},
	"FinishFollowUp": {append(view, editTalk...), notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.FinishFollowUp(ctx, crm.Finish{ID: w.followUp.ID, Interaction: &w.interactionNow}, uuid.NullUUID{})
	}},
	"CancelFollowUp": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CancelFollowUp(ctx, w.followUp.ID)
	}},
	"ReopenFollowUp": {editTalk, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ReopenFollowUp(ctx, w.finished.ID)
	}},
	"ChangeFollowUps": {editTalk, nameless, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ChangeFollowUps(ctx, crm.FollowUpBulk{Action: crm.FinishFollowUps, Picked: []uuid.UUID{w.followUp.ID}})
	}},
	"SelectedFollowUps": {editTalk, nameless, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SelectedFollowUps(ctx, crm.FollowUpBulk{Action: crm.FinishFollowUps, All: &crm.FollowUpFilter{}})
	}},
	"EnqueueFollowUps": {editTalk, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.EnqueueFollowUps(ctx, crm.FollowUpBulk{Action: crm.FinishFollowUps, All: &crm.FollowUpFilter{For: crm.OwnerFilter{UserID: postgrestest.ID(w.owner.ID)}}}, uuid.NullUUID{})
	}},
	"FollowUp": {[]authz.Permission{authz.ViewInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.FollowUp(ctx, w.followUp.ID)
	}},
	"FollowUpPage": {[]authz.Permission{authz.ViewInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.FollowUpPage(ctx, w.followUp.ID)
	}},
	"FollowUps": {[]authz.Permission{authz.ViewInteraction}, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.FollowUps(ctx, crm.FollowUpFilter{State: crm.FollowUpAny, OrganizationID: postgrestest.ID(w.organization)})
	}},
	"OpenFollowUpsOf": {[]authz.Permission{authz.ViewInteraction}, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.OpenFollowUpsOf(ctx, crm.Target{Type: audit.Contact, ID: w.contact})
	}},
	"Framed": {view, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var f postgres.ListFrame
		l, err := s.Framed(crm.OrganizationList, postgres.FrameQuery{Choices: true}, &f).Organizations(ctx, crm.OrganizationFilter{})
		return []any{l, f}, err
	}},
	"At": {nil, outside, func(_ context.Context, s *postgres.Store, _ *world) (any, error) {
		if !s.MayDelete(uuid.NullUUID{}) {
			return nil, crm.ErrNotFound
		}
		return s.At(1) != nil, nil
	}},
	"MayDelete": {nil, outside, func(_ context.Context, s *postgres.Store, w *world) (any, error) {
		if !s.MayDelete(postgrestest.ID(w.owner.ID)) || !s.MayDelete(uuid.NullUUID{}) {
			return nil, crm.ErrNotFound
		}
		return true, nil
	}},

	"Search": {nil, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var all []any
		for _, q := range []string{"granvik", "lars", "lindqvist", "renewal"} {
			found, err := s.Search(ctx, q)
			if err != nil {
				return nil, err
			}
			all = append(all, found)
		}
		return all, nil
	}},
	"Meant": {view, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var all []any
		for _, names := range [][2]string{{"granvik", "lars"}, {"granvik", ""}, {"", "lindqvist"}, {"grannvik", "larss"}, {"", "granvik"}} {
			meant, err := s.Meant(ctx, names[0], names[1])
			if err != nil {
				return nil, err
			}
			all = append(all, meant.Organizations, meant.Contacts, meant.Linked)
		}
		return all, nil
	}},
	"Today": {nil, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Today(ctx, utcNow())
	}},
	"Workloads": {[]authz.Permission{authz.ViewInteraction}, nameless, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Workloads(ctx, uuid.NullUUID{}, utcNow())
	}},
	"PutFirstStepsAside": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.PutFirstStepsAside(ctx)
	}},
	"Choices": {nil, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Choices(ctx) }},

	"History": {view, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		var all []any
		for _, of := range []crm.Target{ // in this order: the first refusal names ViewClient
			{Type: audit.Organization, ID: w.organization},
			{Type: audit.Contact, ID: w.contact},
			{Type: audit.Interaction, ID: w.interaction},
			{Type: audit.FollowUp, ID: w.followUp.ID},
		} {
			l, err := s.History(ctx, of.Type, of.ID, crm.Page{})
			if err != nil {
				return nil, err
			}
			all = append(all, l)
		}
		return all, nil
	}},
	"Earlier": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Earlier(ctx, audit.Organization, w.organization, 1)
	}},
	"ChangeSet": {nil, notFound, eachSet(func(ctx context.Context, s *postgres.Store, id uuid.UUID) (any, error) { return s.ChangeSet(ctx, id) })},
	"Undo":      {nil, notFound, eachSet(func(ctx context.Context, s *postgres.Store, id uuid.UUID) (any, error) { return s.Undo(ctx, id) })},
	"UndoGivesRights": {nil, nameless, eachSet(func(ctx context.Context, s *postgres.Store, id uuid.UUID) (any, error) {
		return s.UndoGivesRights(ctx, id)
	})},
	"Audit": {[]authz.Permission{authz.ViewAudit}, nameless, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Audit(ctx, crm.AuditFilter{})
	}},
	"Auditees": {[]authz.Permission{authz.ViewAudit}, nameless, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Auditees(ctx)
	}},
	"Verify": {[]authz.Permission{authz.ViewAudit}, nameless, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Verify(ctx)
	}},
	"Event": {nil, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.Event(ctx, audit.AccessDenied, audit.Organization, w.organization, nil)
	}},

	"ListFrame": {view, empty, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ListFrame(ctx, crm.OrganizationList, postgres.FrameQuery{Named: postgrestest.ID(w.view.ID)})
	}},
	"View": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.View(ctx, w.view.ID) }},
	"ViewToEdit": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		v, teams, err := s.ViewToEdit(ctx, w.view.ID)
		return []any{v, teams}, err
	}},
	"ViewTeams": {view, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.ViewTeams(ctx, crm.OrganizationList)
	}},
	"CreateView": {view, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateView(ctx, w.view, true, uuid.NullUUID{})
	}},
	"UpdateView": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.UpdateView(ctx, w.view) }},
	"DeleteView": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.DeleteView(ctx, w.view.ID)
	}},
	"PinView": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.PinView(ctx, w.view.ID, true)
	}},
	"DefaultView": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.DefaultView(ctx, w.view.ID, true)
	}},
	"SetColumns": {view, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.SetColumns(ctx, crm.OrganizationList, "sector")
	}},

	"Notices": {nil, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Notices(ctx, crm.Page{}) }},
	"ReadNotice": {nil, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.ReadNotice(ctx, w.notice, true)
	}},
	"ReadNotices": {nil, nameless, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.ReadNotices(ctx, time.Now().Add(time.Hour))
	}},
	"NotificationSettings": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.NotificationSettings(ctx)
	}},
	"SaveNotificationSettings": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.SaveNotificationSettings(ctx, crm.DefaultNotifications())
	}},

	"Me": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Me(ctx) }},
	"UpdateMe": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.UpdateMe(ctx, crm.User{Name: "A"})
	}},
	"Sessions": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Sessions(ctx, time.Hour)
	}},
	"EndMySession": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.EndMySession(ctx, uuid.New())
	}},
	"EndMyOtherSessions": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.EndMyOtherSessions(ctx)
	}},
	"ChangeMyPassword": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.ChangeMyPassword(ctx, "hash")
	}},
	"MySecondFactor": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.MySecondFactor(ctx)
	}},
	"SetUpSecondFactor": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.SetUpSecondFactor(ctx, "secret")
	}},
	"CountCode": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.CountCode(ctx)
	}},
	"UseCode": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.UseCode(ctx, postgres.CodeGuess{Secret: "secret"}, 1)
	}},
	"UseRecoveryCode": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.UseRecoveryCode(ctx, postgres.CodeGuess{Secret: "secret"}, []byte("hash"))
	}},
	"EnableSecondFactor": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.EnableSecondFactor(ctx, postgres.CodeGuess{Pending: "secret"}, 1, [][]byte{[]byte("hash")})
	}},
	"NewRecoveryCodes": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.NewRecoveryCodes(ctx, [][]byte{[]byte("hash")})
	}},
	"DisableSecondFactor": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.DisableSecondFactor(ctx)
	}},

	"Users": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Users(ctx) }},
	"User":  {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.User(ctx, w.owner.ID) }},
	"UserByEmail": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UserByEmail(ctx, w.owner.Email)
	}},
	"CreateUser": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateUser(ctx, crm.User{Name: "A", Email: "a@example.test", RoleIDs: []uuid.UUID{w.role}}, "hash", false, uuid.NullUUID{})
	}},
	"UpdateUser": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateUser(ctx, crm.User{ID: w.stranger.ID, Name: "A", Email: "a@example.test", RoleIDs: []uuid.UUID{w.role}, Version: 1})
	}},
	"SetUserActive": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SetUserActive(ctx, w.owner.ID, false)
	}},
	"ResetPassword": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.ResetPassword(ctx, w.owner.ID, "hash", true)
	}},
	"CreateInvited": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.CreateInvited(ctx, crm.User{Name: "A", Email: "a@example.test", RoleIDs: []uuid.UUID{w.role}}, uuid.NullUUID{})
	}},
	"InviteUser": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.InviteUser(ctx, w.owner.ID)
	}},
	"RevokeInvitation": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.RevokeInvitation(ctx, w.owner.ID)
	}},
	"MailReset": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.MailReset(ctx, w.owner.ID)
	}},
	"AcceptInvitation": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.AcceptInvitation(ctx, "secret", "A", "hash")
	}},
	"ResetMyPassword": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return nil, s.ResetMyPassword(ctx, "secret", "hash")
	}},
	"EndUserSessions": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.EndUserSessions(ctx, w.owner.ID)
	}},
	"UnlockUser": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.UnlockUser(ctx, w.owner.ID)
	}},
	"ResetSecondFactor": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.ResetSecondFactor(ctx, w.owner.ID)
	}},
	"Roles": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Roles(ctx) }},
	"Role":  {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.Role(ctx, w.role) }},
	"CreateRole": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.CreateRole(ctx, crm.Role{Name: "A", Reach: "all"}, uuid.NullUUID{})
	}},
	"UpdateRole": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateRole(ctx, crm.Role{ID: w.role, Name: "A", Reach: "all", Version: 1})
	}},
	"Teams": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.Teams(ctx) }},
	"Team":  {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.Team(ctx, w.team) }},
	"CreateTeam": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.CreateTeam(ctx, crm.Team{Name: "A"}, uuid.NullUUID{})
	}},
	"UpdateTeam": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateTeam(ctx, crm.Team{ID: w.team, Name: "A", Version: 1})
	}},
	"OrganizationRecord": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.OrganizationRecord(ctx, w.organization)
	}},
	"ContactRecord": {view, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ContactRecord(ctx, w.contact)
	}},
	"MyTokens": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.MyTokens(ctx) }},
	"CreateToken": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		t, _, err := s.CreateToken(ctx, crm.Token{Name: "A", Scopes: []string{"ViewClient"}}, time.Now())
		return t, err
	}},
	"MyCalendarFeed": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.MyCalendarFeed(ctx) }},
	"MakeCalendarFeed": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		_, err := s.MakeCalendarFeed(ctx)
		return nil, err
	}},
	"RevokeCalendarFeed": {nil, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		if err := s.RevokeCalendarFeed(ctx); !errors.Is(err, crm.ErrUnchanged) {
			return nil, err
		}
		return nil, nil
	}},
	"MyCalendar": {nil, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.MyCalendar(ctx, time.Now())
	}},
	"TalkForCalendar": {[]authz.Permission{authz.ViewInteraction}, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.TalkForCalendar(ctx, w.interaction)
	}},
	"RevokeMyToken": {nil, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.RevokeMyToken(ctx, w.token)
	}},
	"UserTokens": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UserTokens(ctx, w.owner.ID)
	}},
	"RevokeUserToken": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return nil, s.RevokeUserToken(ctx, w.owner.ID, w.token)
	}},
	"SetOrganizationTouch": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SetOrganizationTouch(ctx, w.organization, 2, new(30))
	}},
	"SnoozeOrganization": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SnoozeOrganization(ctx, w.organization, 2, crm.DayOf(time.Now().AddDate(0, 1, 0), time.UTC), "Away", crm.Clock{Now: time.Now(), Zone: time.UTC})
	}},
	"SetLinkTouch": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SetLinkTouch(ctx, w.organization, w.contact, 1, new(30))
	}},
	"SnoozeLink": {edit, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.SnoozeLink(ctx, w.organization, w.contact, 1, crm.DayOf(time.Now().AddDate(0, 1, 0), time.UTC), "Away", crm.Clock{Now: time.Now(), Zone: time.UTC})
	}},
	"Quiet": {view, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.Quiet(ctx, crm.OwnerFilter{}, 10)
	}},
	"QuietCounts": {view, nameless, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.QuietCounts(ctx, []uuid.UUID{w.owner.ID})
	}},
	"TouchDefaults": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) { return s.TouchDefaults(ctx) }},
	"CreateTouchDefault": {manage, outside, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		return s.CreateTouchDefault(ctx, crm.TouchDefault{RoleLabel: "Auditor", EveryDays: 30}, uuid.NullUUID{})
	}},
	"UpdateTouchDefault": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.UpdateTouchDefault(ctx, crm.TouchDefault{ID: w.touchDefault, EveryDays: 45, Version: 1})
	}},
	"DeleteTouchDefault": {manage, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.DeleteTouchDefault(ctx, w.touchDefault)
	}},
	"Selected": {edit, nameless, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Selected(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{Query: "granvik"}})
	}},
	"ChangeSelected": {edit, nameless, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.ChangeSelected(ctx, crm.Bulk{Action: crm.BulkArchive, Picked: []uuid.UUID{w.organization}, Organizations: &crm.OrganizationFilter{}})
	}},
	"Enqueue": {edit, outside, func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		return s.Enqueue(ctx, crm.Bulk{Action: crm.BulkArchive, All: true, Organizations: &crm.OrganizationFilter{Owner: crm.OwnerFilter{UserID: postgrestest.ID(w.owner.ID)}}}, uuid.NullUUID{})
	}},
	"EnqueueUndo": {nil, notFound, eachSet(func(ctx context.Context, s *postgres.Store, id uuid.UUID) (any, error) { return s.EnqueueUndo(ctx, id) })},
	"Job":         {nil, notFound, func(ctx context.Context, s *postgres.Store, w *world) (any, error) { return s.Job(ctx, w.job) }},
	"ExportOrganizations": {[]authz.Permission{authz.ViewClient, authz.ExportClient}, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var got []crm.OrganizationRow
		err := s.ExportOrganizations(ctx, crm.OrganizationFilter{Status: crm.StatusAll}, "", func(rows []crm.OrganizationRow) error { got = append(got, rows...); return nil })
		return got, err
	}},
	"ExportContacts": {[]authz.Permission{authz.ViewClient, authz.ExportClient}, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var got []crm.ContactRow
		err := s.ExportContacts(ctx, crm.ContactFilter{Status: crm.StatusAll}, "", func(rows []crm.ContactRow) error { got = append(got, rows...); return nil })
		return got, err
	}},
	"ExportInteractions": {[]authz.Permission{authz.ViewInteraction, authz.ExportClient}, empty, func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
		var got []crm.Interaction
		err := s.ExportInteractions(ctx, crm.InteractionFilter{}, "", func(rows []crm.Interaction) error { got = append(got, rows...); return nil })
		return got, err
	}},
	"Load": {
		[]authz.Permission{authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction},
		outside,
		func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
			return s.Load(ctx, postgres.Register{Teams: []crm.Team{{ID: uuid.New(), Name: "A"}}})
		},
	},
	"LoadLarge": {
		[]authz.Permission{authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction},
		outside,
		func(ctx context.Context, s *postgres.Store, _ *world) (any, error) {
			return s.LoadLarge(ctx, postgres.LargeRegister{}, func(string, int) {})
		},
	},
}

var (
	view     = []authz.Permission{authz.ViewClient}
	edit     = []authz.Permission{authz.ViewClient, authz.EditClient}
	editTalk = []authz.Permission{authz.ViewInteraction, authz.EditInteraction}
	manage   = []authz.Permission{authz.ManageUsers}
)

// eachSet calls a method on every change set of the world; the first that does not answer ErrNotFound counts.
func eachSet(call func(context.Context, *postgres.Store, uuid.UUID) (any, error)) func(context.Context, *postgres.Store, *world) (any, error) {
	return func(ctx context.Context, s *postgres.Store, w *world) (any, error) {
		for _, id := range w.sets {
			if got, err := call(ctx, s, id); !errors.Is(err, crm.ErrNotFound) {
				return got, err
			}
		}
		return nil, crm.ErrNotFound
	}
}

func TestEveryStoreMethodHasAProbe(t *testing.T) {
	t.Parallel()
	methods := methodsOf[*postgres.Store]()
	for _, m := range methods {
		if probes[m].call == nil {
			t.Errorf("Store.%s has no probe: add one to probes in accounting_test.go, so that tests know who may call it and what a stranger gets", m)
		}
	}
	for m := range probes {
		if !slices.Contains(methods, m) {
			t.Errorf("there is a probe for Store.%s, which does not exist: remove it", m)
		}
	}
}

// TestOnlyTheseMethodsNeedNoActor pins what can be done without DB.As: sessions, sign-in, links by mail, health. A record of
// the registry never comes through here.
func TestOnlyTheseMethodsNeedNoActor(t *testing.T) {
	t.Parallel()
	want := []string{
		"As", "Close", "CountGuess", "Counts", "EndSession", "FindBearer", "FindCalendar", "FindSession", "HasUsers", "Jobs", "LinkHolder", "Outbox", "Ready",
		"Reminders", "RequestReset", "SaveSession", "SendsMail", "Signed", "Sweep",
	}
	if diff := cmp.Diff(want, methodsOf[*postgres.DB]()); diff != "" {
		t.Errorf("the exported methods of DB changed (- pinned, + now); whatever touches a record belongs on Store:\n%s", diff)
	}
}

func methodsOf[T any]() []string {
	typ := reflect.TypeFor[T]()
	var names []string
	for i := range typ.NumMethod() {
		names = append(names, typ.Method(i).Name)
	}
	return names
}

func TestNobodyGetsNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.db.As(authz.Actor{}, postgres.Origin{})
	state := w.watch(t)
	for name, p := range probes {
		if name == "Event" { // a failed sign-in is told by nobody
			continue
		}
		got, err := p.call(ctx, s, w)
		if err == nil {
			t.Errorf("%s gave the zero Actor %s: it must refuse", name, asJSON(t, got))
		}
		if text := asJSON(t, got); names.MatchString(text) {
			t.Errorf("%s gave the zero Actor data along with its error: %s", name, text)
		}
		state.unchanged(t, name+" by the zero Actor")
	}
}

func TestEachPermissionIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	state := w.watch(t)
	for name, p := range probes {
		for _, lacking := range p.needs {
			but := slices.DeleteFunc(slices.Clone(authz.Permissions), func(p authz.Permission) bool { return p == lacking })
			_, err := p.call(ctx, w.db.As(postgrestest.Actor(w.owner, authz.All, but...), postgres.Origin{}), w)
			var f postgres.Forbidden
			if !errors.As(err, &f) || f.Permission != lacking {
				t.Errorf("%s without %s: got error %v, want Forbidden that names it", name, lacking, err)
			}
			state.unchanged(t, name+" without "+string(lacking))
		}
		if len(p.needs) == 0 {
			continue
		}
		_, err := p.call(ctx, w.db.As(postgrestest.Actor(w.owner, authz.All), postgres.Origin{}), w)
		var f postgres.Forbidden
		if !errors.As(err, &f) || f.Permission != p.needs[0] {
			t.Errorf("%s with no permission: got error %v, want Forbidden that names %s, View first", name, err, p.needs[0])
		}
	}
}

func TestAStrangerGetsNothingOfOthers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	s := w.db.As(postgrestest.Actor(w.stranger, authz.Own, authz.Permissions...), postgres.Origin{})
	state := w.watch(t)
	for name, p := range probes {
		if p.stranger == outside {
			continue
		}
		got, err := p.call(ctx, s, w)
		text := asJSON(t, got)
		var fault crm.Invalid
		ok := names.FindString(text) == ""
		switch p.stranger {
		case notFound:
			ok = ok && errors.Is(err, crm.ErrNotFound)
		case invalid:
			ok = ok && errors.As(err, &fault)
		case nameless:
			ok = ok && err == nil
		case empty:
			ok = ok && err == nil && !counted.MatchString(text) && !w.mentioned(text)
		}
		if !ok {
			t.Errorf("%s: a stranger got %s and error %v, want %s", name, text, err, p.stranger)
		}
		if strings.HasPrefix(name, "Export") { // also one that finds nothing leaves its row
			state = w.watch(t)
			continue
		}
		state.unchanged(t, name+" by a stranger")
	}
}

// TestTheOwnerGetsIt shows that the probes ask for something that is there: a refusal of nothing proves nothing.
func TestTheOwnerGetsIt(t *testing.T) {
	t.Parallel()
	for name, p := range probes {
		if p.stranger == outside {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			got, err := p.call(ctx, w.db.As(postgrestest.Actor(w.owner, authz.Own, authz.Permissions...), postgres.Origin{}), w)
			var fault crm.Invalid
			if err != nil && !(name == "LinkContact" && errors.As(err, &fault)) { // they are linked already
				t.Errorf("got error %v, want none", err)
			}
			if text := asJSON(t, got); p.stranger == empty && !names.MatchString(text) {
				t.Errorf("got %s, want something of the world in it", text)
			}
		})
	}
}

var counted = regexp.MustCompile(`"(Count|Total)":[1-9]`)

func (w *world) mentioned(text string) bool {
	return slices.ContainsFunc([]uuid.UUID{w.organization, w.contact, w.interaction, w.followUp.ID, w.finished.ID}, func(id uuid.UUID) bool { return strings.Contains(text, id.String()) })
}

func asJSON(t *testing.T, v any) string {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// watched is the state of every table, for seeing that a call changed nothing.
type watched struct {
	conn *pgx.Conn
	sql  string
	was  map[string]string
}

func (w *world) watch(t *testing.T) *watched {
	t.Helper()
	conn := postgrestest.Connect(t, w.url)
	var sql []string
	for table := range lines(t, conn, `SELECT relname, '' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`) {
		sql = append(sql, `SELECT '`+table+`', md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) FROM `+table+` t`)
	}
	state := &watched{conn: conn, sql: strings.Join(sql, " UNION ALL ")}
	state.was = lines(t, conn, state.sql)
	return state
}

// unchanged fails the test when any row of any table differs from before; after that it looks from there.
func (s *watched) unchanged(t *testing.T, what string) {
	t.Helper()
	now := lines(t, s.conn, s.sql)
	for table, sum := range now {
		if sum != s.was[table] {
			t.Errorf("%s changed rows of %s", what, table)
		}
	}
	s.was = now
}
