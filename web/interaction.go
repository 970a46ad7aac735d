package web

import (
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var interactionFields = []string{"channel", "subject", "body", "outcome", "happened_at", "duration_minutes", "direction"}

// nextFields are those of what follows from an interaction; done_follow_up, which repeats, is not among them.
var nextFields = []string{"next_title", "next_due", "next_due_time", "next_in", "next_user_id"}

func listInteractions(ctx context.Context, v *visit) (response, error) {
	o, elsewhere, err := openList(ctx, v, crm.InteractionList, (*visit).interactionFilter, (*postgres.Store).Interactions)
	if err != nil || elsewhere != nil {
		return elsewhere, err
	}
	f, list, view := o.filter, o.rows, o.view
	p := templates.InteractionsPage{
		Page: v.page, View: view, List: list, Query: v.asked(interactionParams...), Authors: v.people(o.frame, "author"), Errors: o.faults,
	}
	p.OrganizationName, p.ContactName = chipNames(list.Rows, f)
	p.Picker = v.picker(crm.InteractionList, view, len(list.Rows), p.Count())
	if p.Unsorted = list.Wide && f.Sort.By.Gathers(); p.Unsorted {
		delete(p.Query, "sort")
	}
	p.NoneYet = len(list.Rows) == 0 && view.Query == "" && f.Page.First()
	p.PrevURL, p.NextURL = v.pagerURLs(paths.Interactions, list.Prev, list.Next)
	if len(o.faults) > 0 {
		return refuse(templates.Interactions(p)), nil
	}
	return show(templates.Interactions(p)), nil
}

// interactionFilter reads what the list is asked for. Faults are those of fields, which the page shows as typed.
func (v *visit) interactionFilter() (crm.InteractionFilter, crm.Invalid, error) {
	faults := crm.Invalid{}
	f := crm.InteractionFilter{Query: v.searchText("q"), Outcome: v.searchText("outcome")}
	var errs [6]error
	f.Page, errs[0] = v.place()
	f.Author, errs[1] = v.person("author")
	f.OrganizationID, errs[2] = v.record("organization")
	f.ContactID, errs[3] = v.record("contact")
	f.Channel, errs[4] = v.channel()
	f.Sort, errs[5] = v.sort(crm.InteractionSorts)
	f.From, f.To = v.days(faults)
	return f, faults, errors.Join(errs[:]...)
}

// chipNames takes the names of the records the list is narrowed to from its rows, which carry them in reach.
func chipNames(rows []crm.Interaction, f crm.InteractionFilter) (organization, contact string) {
	for _, i := range rows {
		if f.OrganizationID.Valid && i.OrganizationID == f.OrganizationID && organization == "" {
			organization = i.OrganizationName
		}
		if f.ContactID.Valid && contact == "" {
			contact = nameOf(i, f.ContactID.UUID)
		}
	}
	return organization, contact
}

func showInteraction(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	w, in := inList(ctx, v, crm.InteractionList, (*visit).interactionFilter)
	p, err := v.store.InteractionPage(ctx, id, in...)
	if err != nil {
		return nil, err
	}
	i, changes := p.Interaction, p.History
	mayEdit := v.page.CanEditInteractions && i.MayEdit
	return show(templates.Interaction(templates.InteractionPage{
		Page: v.page, Interaction: i, History: changes, CanEdit: mayEdit, CanDelete: mayEdit && v.store.MayDelete(i.UserID),
		Place: w.recordPlace(crm.InteractionList, p.Neighbours, paths.Interaction),
	})), nil
}

// readInteraction reads the fields of the form; an empty time means now. What the chosen channel does not have is not
// taken: the form hides it, and a browser sends it all the same.
func readInteraction(v *visit) crm.Interaction {
	i := crm.Interaction{
		Channel: crm.Channel(v.form.Get("channel")), Subject: v.form.Get("subject"), Body: v.form.Get("body"), Outcome: v.form.Get("outcome"), HappenedAt: v.now,
	}
	if at := strings.TrimSpace(v.form.Get("happened_at")); at != "" {
		i.HappenedAt = crm.ParseTime(at, v.zone())
	}
	if i.Channel.HasDuration() {
		i.DurationMinutes = crm.ParseMinutes(v.form.Get("duration_minutes"))
	}
	if i.Channel.HasDirection() {
		i.Direction = crm.Direction(v.form.Get("direction"))
	}
	i.Attendees = crm.AttendeesOf(v.attendees()...)
	return i
}

func interactionValues(v *visit, i crm.Interaction) map[string]string {
	values := map[string]string{
		"channel": string(i.Channel), "subject": i.Subject, "body": i.Body, "outcome": i.Outcome, "happened_at": v.page.L.InputTime(i.HappenedAt),
		"duration_minutes": "", "direction": string(i.Direction),
	}
	if i.DurationMinutes != nil {
		values["duration_minutes"] = strconv.Itoa(*i.DurationMinutes)
	}
	return values
}

// maxInBox is up to how many linked people the log box of a record offers as attendees; more have a page of their own.
const maxInBox = 20

// organizationLog is the log box of an organization: fresh, or as it was sent with what is wrong.
func organizationLog(v *visit, id uuid.UUID, o postgres.OrganizationPage, errs crm.Invalid) templates.LogForm {
	log := logForm(v, paths.LogOnOrganization(id), "contact_id", errs)
	log.Open = editable(o.FollowUps)
	for _, r := range o.People {
		log.Partners = append(log.Partners, templates.Option{Value: r.ContactID.String(), Label: r.ContactName})
	}
	if len(log.Partners) > 1 && len(log.Partners) <= maxInBox {
		log.Attendees = log.Partners
	}
	return log
}

// contactLog is the log box of a contact.
func contactLog(v *visit, id uuid.UUID, c postgres.ContactPage, errs crm.Invalid) templates.LogForm {
	log := logForm(v, paths.LogOnContact(id), "organization_id", errs)
	log.Open = editable(c.FollowUps)
	for _, r := range c.Organizations {
		log.Partners = append(log.Partners, templates.Option{Value: r.OrganizationID.String(), Label: r.OrganizationName})
	}
	return log
}

func logForm(v *visit, action, partner string, errs crm.Invalid) templates.LogForm {
	log := templates.LogForm{PartnerField: partner, Form: templates.Form{Action: action, Token: v.formToken(), Errors: errs}}
	if errs != nil {
		log.Values = v.typed(slices.Concat([]string{partner}, interactionFields, nextFields)...)
		log.Many = map[string][]string{"done_follow_up": v.form["done_follow_up"], fieldAttendee: slices.Clone(v.form[fieldAttendee])}
	}
	return log
}

// editable are the follow-ups that the visitor may edit.
func editable(list []crm.FollowUp) []crm.FollowUp {
	return slices.DeleteFunc(slices.Clone(list), func(f crm.FollowUp) bool { return !f.MayEdit })
}

// fullLog gives a log box that stands on a page of its own what there is room for.
func fullLog(ctx context.Context, v *visit, log templates.LogForm) (templates.LogForm, error) {
	choices, err := v.store.Choices(ctx)
	log.Full, log.Colleagues = true, userOptions(choices.Owners)
	return log, err
}

func newOrganizationLog(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return organizationLogPage(ctx, v, id, nil)
}

func organizationLogPage(ctx context.Context, v *visit, id uuid.UUID, errs crm.Invalid) (response, error) {
	o, err := v.store.OrganizationPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	log, err := fullLog(ctx, v, organizationLog(v, id, o, errs))
	if err == nil {
		err = v.offerAttendees(ctx, &log, uuid.NullUUID{UUID: id, Valid: true}, uuid.NullUUID{})
	}
	if err != nil {
		return nil, err
	}
	body := templates.Log(templates.LogPage{Page: v.page, Organization: &o.Organization, Log: log})
	if errs != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

func newContactLog(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return contactLogPage(ctx, v, id, nil)
}

func contactLogPage(ctx context.Context, v *visit, id uuid.UUID, errs crm.Invalid) (response, error) {
	c, err := v.store.ContactPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	log, err := fullLog(ctx, v, contactLog(v, id, c, errs))
	if err == nil {
		err = v.offerAttendees(ctx, &log, uuid.NullUUID{}, uuid.NullUUID{UUID: id, Valid: true})
	}
	if err != nil {
		return nil, err
	}
	body := templates.Log(templates.LogPage{Page: v.page, Contact: &c.Contact, Log: log})
	if errs != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

func logOnOrganization(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i := readInteraction(v)
	i.OrganizationID, i.ContactID = uuid.NullUUID{UUID: id, Valid: true}, v.reference("contact_id", "There is no such contact.")
	next := readNext(v)
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.LogInteraction(ctx, i, audit.Organization, v.token(), next)
		},
		func(errs crm.Invalid) (response, error) { return organizationLogPage(ctx, v, id, errs) }, "",
		func(r postgres.Saved) response { return saved(paths.Organization(id), loggedText(v, next), r) })
}

func logOnContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i := readInteraction(v)
	i.ContactID, i.OrganizationID = uuid.NullUUID{UUID: id, Valid: true}, v.reference("organization_id", "There is no such organization.")
	next := readNext(v)
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.LogInteraction(ctx, i, audit.Contact, v.token(), next)
		},
		func(errs crm.Invalid) (response, error) { return contactLogPage(ctx, v, id, errs) }, "",
		func(r postgres.Saved) response { return saved(paths.Contact(id), loggedText(v, next), r) })
}

func editInteractionForm(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i, err := v.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	if !i.MayEdit {
		return nil, crm.ErrNotFound
	}
	form := templates.Form{Action: paths.Interaction(id), Version: i.Version, Values: interactionValues(v, i), Many: map[string][]string{fieldAttendee: {}}}
	for _, a := range i.Attendees {
		form.Many[fieldAttendee] = append(form.Many[fieldAttendee], a.ContactID.String())
	}
	return interactionForm(ctx, v, i, form)
}

// interactionForm shows the form of an interaction: to edit, or again after something was wrong with it. Who sees no
// clients is offered nobody, and changes nobody.
func interactionForm(ctx context.Context, v *visit, now crm.Interaction, form templates.Form) (response, error) {
	p := templates.InteractionFormPage{Page: v.page, Interaction: now, Form: form}
	if v.page.CanViewClients {
		more := append(now.AttendeeIDs(), ticked(form.Many[fieldAttendee])...)
		people, err := v.store.Attendable(ctx, now.OrganizationID, now.ContactID, more...)
		if err != nil {
			return nil, err
		}
		p.Attendees = attendeeOptions(people)
	}
	if form.Errors != nil {
		return refuse(templates.InteractionForm(p)), nil
	}
	return show(templates.InteractionForm(p)), nil
}

func updateInteraction(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i := readInteraction(v)
	i.ID, i.Version = id, v.version()
	now, err := v.store.Interaction(ctx, id)
	if err == nil && !now.MayEdit {
		err = crm.ErrNotFound
	}
	if err != nil {
		return nil, err
	}
	// the field knows minutes only: a time left as it was shown keeps its seconds
	if v.page.L.InputTime(i.HappenedAt) == v.page.L.InputTime(now.HappenedAt) {
		i.HappenedAt = now.HappenedAt
	}
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateInteraction(ctx, i) },
		func(errs crm.Invalid) (response, error) {
			return interactionForm(ctx, v, now, templates.Form{
				Action: paths.Interaction(id), Version: i.Version, Values: v.typed(interactionFields...), Errors: errs,
				Many: map[string][]string{fieldAttendee: slices.Clone(v.form[fieldAttendee])},
			})
		}, paths.Interaction(id),
		func(r postgres.Saved) response { return saved(paths.Interaction(id), v.t("Interaction saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return interactionConflict(ctx, v, id)
	}
	return resp, err
}

func interactionConflict(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	p, err := v.store.InteractionPage(ctx, id)
	if err != nil {
		return nil, err
	}
	now, changes := p.Interaction, p.History
	channels := make([]templates.Option, len(crm.Channels))
	for n, c := range crm.Channels {
		channels[n] = templates.Option{Value: string(c), Label: templates.ChannelLabel(v.page, c)}
	}
	c := conflicting{
		target: crm.Target{Type: audit.Interaction, ID: id},
		name:   now.Subject, back: paths.Interaction(id), version: now.Version, history: changes, theirs: interactionValues(v, now),
		fields: interactionFields, options: map[string][]templates.Option{"channel": channels, "direction": templates.Directions(v.page)}, long: "body",
	}
	if v.page.CanViewClients {
		c.theirPeople = now.Attendees
		if c.people, err = v.store.Attendable(ctx, now.OrganizationID, now.ContactID, append(now.AttendeeIDs(), ticked(v.form[fieldAttendee])...)...); err != nil {
			return nil, err
		}
	}
	return conflict(ctx, v, c)
}

func deleteInteraction(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i, err := v.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	back := paths.Interactions
	switch { // where the reader may go: a name stands only for a record in their reach
	case i.OrganizationID.Valid && i.OrganizationName != "":
		back = paths.Organization(i.OrganizationID.UUID)
	case i.ContactID.Valid && i.ContactName != "":
		back = paths.Contact(i.ContactID.UUID)
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.DeleteInteraction(ctx, id) },
		refused, back,
		func(r postgres.Saved) response { return saved(back, v.t("Interaction deleted."), r) })
}

func showInteractionHistory(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i, err := v.store.Interaction(ctx, id)
	if err != nil {
		return nil, err
	}
	return history(ctx, v, crm.Target{Type: audit.Interaction, ID: id}, i.Subject, paths.InteractionHistory(id))
}
