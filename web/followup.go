package web

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// followUpFields are the fields of the form. A day and a time of day are two fields, so that a day alone is easily
// chosen; due alone may hold both, as the API sends it.
var followUpFields = []string{"title", "due", "user_id"}

// clock is by what the visitor's days begin and end.
func (v *visit) clock() crm.Clock { return crm.Clock{Now: v.now, Zone: v.zone()} }

// due reads when something is due: field, which may be a day, with field_time, or the quick choice in. What cannot be
// read is a fault of the field; nothing at all is the zero Due.
func (v *visit) due(field, in string) crm.Due {
	text := v.dueText(field)
	var d crm.Due
	switch choice := v.form.Get(in); {
	case text != "":
		d = crm.ParseDue(text, v.zone())
	case choice != "":
		d = crm.DueIn(choice, v.clock())
	default:
		return d
	}
	if d.IsZero() {
		v.faults.Add(field, "Choose a day like 2026-12-04, or a day and time like 2026-12-04T09:00.")
	}
	return d
}

// dueText is a day with its time of day, as one text.
func (v *visit) dueText(field string) string {
	day, clock := strings.TrimSpace(v.form.Get(field)), strings.TrimSpace(v.form.Get(field+"_time"))
	if clock == "" {
		return day
	}
	return day + "T" + clock
}

// dueValue is a due as the one field of a form holds it.
func dueValue(v *visit, d crm.Due) string {
	if d.Day != "" {
		return string(d.Day)
	}
	return v.page.L.InputTime(d.At)
}

// dueValues are the two fields of a due.
func dueValues(v *visit, d crm.Due, field string) map[string]string {
	day, clock, _ := strings.Cut(dueValue(v, d), "T")
	return map[string]string{field: day, field + "_time": clock}
}

// readNext reads what follows from an interaction that is being logged.
func readNext(v *visit) crm.Next {
	n := crm.Next{
		Title: crm.Clean(v.form.Get("next_title")), Due: v.due("next_due", "next_in"),
		UserID: v.reference("next_user_id", "There is no such user."), Clock: v.clock(),
	}
	for _, text := range v.form["done_follow_up"] {
		id, err := uuid.Parse(text)
		if err != nil {
			v.faults.Add("done_follow_up", "There is no such follow-up here.")
			continue
		}
		n.Done = append(n.Done, id)
	}
	return n
}

// loggedText says what a log saved: what follows is named.
func loggedText(v *visit, n crm.Next) string {
	if !n.Asked() {
		return v.t("Interaction logged.")
	}
	title := n.Title
	if runes := []rune(title); len(runes) > 60 { // the session holds the flash, so it stays short
		title = string(runes[:60]) + "…"
	}
	return v.t("Interaction logged. Next: %s", title)
}

// cameFrom is where a button pressed on a list, in the inbox or on a client's page leads back to; otherwise where it stood elsewhere.
func (v *visit) cameFrom(otherwise string) string {
	if v.referrer == nil {
		return otherwise
	}
	at := v.referrer.Path
	for _, list := range []string{paths.Organizations, paths.Contacts} {
		if record, below := strings.CutPrefix(at, list+"/"); below && uuid.Validate(record) == nil {
			return localPath(v.referrer.RequestURI())
		}
	}
	if at == paths.FollowUps || at == paths.Home || at == paths.Inbox {
		return localPath(v.referrer.RequestURI())
	}
	return otherwise
}

func showFollowUp(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return followUpPage(ctx, v, id, http.StatusOK, nil)
}

// followUpPage shows a follow-up; with faults, the form by which it is done stands as it was sent.
func followUpPage(ctx context.Context, v *visit, id uuid.UUID, status int, errs crm.Invalid) (response, error) {
	p, err := v.store.FollowUpPage(ctx, id)
	if err != nil {
		return nil, err
	}
	f := p.FollowUp
	log := logForm(v, paths.FinishFollowUp(id), "", errs)
	log.Version, log.Full = f.Version, true
	if f.MayEdit && f.Open() {
		choices, err := v.store.Choices(ctx)
		if err != nil {
			return nil, err
		}
		log.Colleagues = userOptions(choices.Owners)
	}
	mayEdit := v.page.CanEditInteractions && f.MayEdit
	view := templates.FollowUpPage{
		Page: v.page, FollowUp: f, Interactions: p.Interactions, History: p.History, CanEdit: mayEdit, Done: log,
		CanLog: mayEdit && v.page.CanViewClients,
	}
	return page{status, templates.FollowUp(view)}, nil
}

func showFollowUpHistory(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	f, err := v.store.FollowUp(ctx, id)
	if err != nil {
		return nil, err
	}
	return history(ctx, v, crm.Target{Type: audit.FollowUp, ID: id}, f.Title, paths.FollowUpHistory(id))
}

func newOrganizationFollowUp(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return organizationFollowUpForm(ctx, v, id, nil)
}

func newContactFollowUp(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return contactFollowUpForm(ctx, v, id, nil)
}

func organizationFollowUpForm(ctx context.Context, v *visit, id uuid.UUID, errs crm.Invalid) (response, error) {
	o, err := v.store.OrganizationPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	p := templates.FollowUpFormPage{Organization: &o.Organization, PartnerField: "contact_id", BackURL: paths.Organization(id)}
	for _, r := range o.People {
		p.Partners = append(p.Partners, templates.Option{Value: r.ContactID.String(), Label: r.ContactName})
	}
	return newFollowUpForm(ctx, v, p, paths.PlanOnOrganization(id), errs)
}

func contactFollowUpForm(ctx context.Context, v *visit, id uuid.UUID, errs crm.Invalid) (response, error) {
	c, err := v.store.ContactPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	p := templates.FollowUpFormPage{Contact: &c.Contact, PartnerField: "organization_id", BackURL: paths.Contact(id)}
	for _, r := range c.Organizations {
		p.Partners = append(p.Partners, templates.Option{Value: r.OrganizationID.String(), Label: r.OrganizationName})
	}
	return newFollowUpForm(ctx, v, p, paths.PlanOnContact(id), errs)
}

// newFollowUpForm shows the form of a new follow-up: fresh, or as it was sent with what is wrong.
func newFollowUpForm(ctx context.Context, v *visit, p templates.FollowUpFormPage, action string, errs crm.Invalid) (response, error) {
	p.Form = templates.Form{Action: action, Token: v.formToken(), Errors: errs, Values: map[string]string{"user_id": v.actor.UserID.String()}}
	if errs != nil {
		p.Form.Values = v.typed(append([]string{p.PartnerField, "due_time", "in"}, followUpFields...)...)
		if _, sent := v.form["user_id"]; !sent { // the short form has no such field
			p.Form.Values["user_id"] = v.actor.UserID.String()
		}
	}
	return followUpForm(ctx, v, p, crm.FollowUp{})
}

func followUpForm(ctx context.Context, v *visit, p templates.FollowUpFormPage, f crm.FollowUp) (response, error) {
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	p.Page, p.FollowUp, p.Colleagues = v.page, f, withOwner(choices, f.UserID, f.UserName)
	if p.Form.Errors != nil {
		return refuse(templates.FollowUpForm(p)), nil
	}
	return show(templates.FollowUpForm(p)), nil
}

// readFollowUp reads the fields of the form.
func readFollowUp(v *visit) crm.FollowUp {
	return crm.FollowUp{Title: v.form.Get("title"), Due: v.due("due", "in"), UserID: v.reference("user_id", "There is no such user.")}
}

func planOnOrganization(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	f := readFollowUp(v)
	f.OrganizationID, f.ContactID = uuid.NullUUID{UUID: id, Valid: true}, v.reference("contact_id", "There is no such contact.")
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.CreateFollowUp(ctx, f, audit.Organization, v.clock(), v.token())
		},
		func(errs crm.Invalid) (response, error) { return organizationFollowUpForm(ctx, v, id, errs) }, "",
		func(r postgres.Saved) response { return saved(paths.Organization(id), v.t("Follow-up planned."), r) })
}

func planOnContact(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	f := readFollowUp(v)
	f.ContactID, f.OrganizationID = uuid.NullUUID{UUID: id, Valid: true}, v.reference("organization_id", "There is no such organization.")
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.CreateFollowUp(ctx, f, audit.Contact, v.clock(), v.token())
		},
		func(errs crm.Invalid) (response, error) { return contactFollowUpForm(ctx, v, id, errs) }, "",
		func(r postgres.Saved) response { return saved(paths.Contact(id), v.t("Follow-up planned."), r) })
}

// followUpToEdit returns a follow-up that the visitor may edit.
func followUpToEdit(ctx context.Context, v *visit) (crm.FollowUp, error) {
	id, err := v.id("id")
	if err != nil {
		return crm.FollowUp{}, err
	}
	f, err := v.store.FollowUp(ctx, id)
	if err == nil && !f.MayEdit {
		err = crm.ErrNotFound
	}
	return f, err
}

func editFollowUp(ctx context.Context, v *visit) (response, error) {
	f, err := followUpToEdit(ctx, v)
	if err != nil {
		return nil, err
	}
	if !f.Open() { // closed since the link was shown: its page says so, and opens it again
		return redirect{to: paths.FollowUp(f.ID)}, nil
	}
	values := dueValues(v, f.Due, "due")
	values["title"], values["user_id"] = f.Title, nullID(f.UserID)
	form := templates.Form{Action: paths.FollowUp(f.ID), Version: f.Version, Values: values}
	return followUpForm(ctx, v, templates.FollowUpFormPage{Form: form, BackURL: paths.FollowUp(f.ID)}, f)
}

func updateFollowUp(ctx context.Context, v *visit) (response, error) {
	now, err := followUpToEdit(ctx, v)
	if err != nil {
		return nil, err
	}
	f := readFollowUp(v)
	f.ID, f.Version = now.ID, v.version()
	// the fields know minutes only: a moment left as it was shown keeps its seconds
	if dueValue(v, f.Due) == dueValue(v, now.Due) {
		f.Due = now.Due
	}
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateFollowUp(ctx, f, v.clock()) },
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.FollowUp(f.ID), Version: f.Version, Values: v.typed(append([]string{"due_time"}, followUpFields...)...), Errors: errs}
			return followUpForm(ctx, v, templates.FollowUpFormPage{Form: form, BackURL: paths.FollowUp(f.ID)}, now)
		}, paths.FollowUp(f.ID),
		func(r postgres.Saved) response { return saved(paths.FollowUp(f.ID), v.t("Follow-up saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return followUpConflict(ctx, v, f.ID)
	}
	return resp, err
}

func followUpConflict(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	p, err := v.store.FollowUpPage(ctx, id)
	if err != nil {
		return nil, err
	}
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	now := p.FollowUp
	v.form.Set("due", v.dueText("due")) // one field there
	return conflict(ctx, v, conflicting{
		target: crm.Target{Type: audit.FollowUp, ID: id},
		name:   now.Title, back: paths.FollowUp(id), version: now.Version, history: p.History,
		theirs: map[string]string{"title": now.Title, "due": dueValue(v, now.Due), "user_id": nullID(now.UserID)},
		fields: followUpFields, options: map[string][]templates.Option{"user_id": withOwner(choices, now.UserID, now.UserName)},
	})
}

// earlierDue puts the two columns of an earlier due into the one field that a form has.
func (v *visit) earlierDue(filled map[string]string) {
	filled["due"] = filled["due_on"]
	if at, err := time.Parse(time.RFC3339Nano, filled["due_at"]); err == nil {
		filled["due"] = v.page.L.InputTime(at)
	}
}

// atVersion is the store bound to the version that a button was shown with, or to none where it says none.
func (v *visit) atVersion() *postgres.Store {
	if v.form.Get("version") == "" {
		return v.store
	}
	return v.store.At(v.version())
}

// finishFollowUp marks a follow-up as done. What was written of a call it led to is logged with it: pressed by "Done"
// alone, too.
func finishFollowUp(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	store := v.atVersion()
	done := crm.Finish{ID: id, Outcome: v.form.Get("outcome")}
	text := v.t("Follow-up done.")
	if v.form.Get("log") != "" || strings.TrimSpace(v.form.Get("subject")+v.form.Get("body")+v.form.Get("next_title")) != "" {
		i := readInteraction(v)
		if strings.TrimSpace(i.Subject) == "" {
			f, err := v.store.FollowUp(ctx, id)
			if err != nil {
				return nil, err
			}
			i.Subject = f.Title
		}
		done.Interaction, done.Next = &i, readNext(v)
		text = v.t("Follow-up done, interaction logged.")
	}
	resp, err := v.save(
		func() (postgres.Saved, error) { return store.FinishFollowUp(ctx, done, v.token()) },
		func(errs crm.Invalid) (response, error) {
			return followUpPage(ctx, v, id, http.StatusUnprocessableEntity, errs)
		}, v.cameFrom(paths.FollowUp(id)),
		func(r postgres.Saved) response { return saved(v.cameFrom(paths.FollowUp(id)), text, r) })
	if errors.Is(err, crm.ErrConflict) {
		return followUpPage(ctx, v, id, http.StatusConflict, crm.Invalid{"": crm.Msg("Somebody changed it meanwhile. Look at it as it stands now; what you typed is still here.")})
	}
	return resp, err
}

func cancelFollowUp(ctx context.Context, v *visit) (response, error) {
	return changeFollowUp(ctx, v, v.t("Follow-up cancelled."), func(s *postgres.Store, id uuid.UUID) (postgres.Saved, error) {
		return s.CancelFollowUp(ctx, id)
	})
}

func reopenFollowUp(ctx context.Context, v *visit) (response, error) {
	return changeFollowUp(ctx, v, v.t("Follow-up opened again."), func(s *postgres.Store, id uuid.UUID) (postgres.Saved, error) {
		return s.ReopenFollowUp(ctx, id)
	})
}

func snoozeFollowUp(ctx context.Context, v *visit) (response, error) {
	until := v.due("until", "in")
	return changeFollowUp(ctx, v, v.t("Follow-up put off."), func(s *postgres.Store, id uuid.UUID) (postgres.Saved, error) {
		r, err := s.SnoozeFollowUp(ctx, id, until, v.clock())
		faults := crm.Invalid{}
		if err := faults.Join("", err); err != nil {
			return r, err
		}
		if m, bad := faults["due"]; bad {
			faults["until"] = m
			delete(faults, "due")
		}
		return r, faults.Err()
	})
}

// changeFollowUp answers a button on a follow-up.
func changeFollowUp(ctx context.Context, v *visit, done string, change func(*postgres.Store, uuid.UUID) (postgres.Saved, error)) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	store := v.atVersion()
	return v.save(
		func() (postgres.Saved, error) { return change(store, id) },
		func(errs crm.Invalid) (response, error) {
			return followUpPage(ctx, v, id, http.StatusUnprocessableEntity, errs)
		}, v.cameFrom(paths.FollowUp(id)),
		func(r postgres.Saved) response { return saved(v.cameFrom(paths.FollowUp(id)), done, r) })
}

// followUpsOf is the section of a client's page: what is to be done and, while the client is in use, the short form that
// plans more.
func followUpsOf(v *visit, plan string, open []crm.FollowUp, inUse bool) templates.RecordFollowUps {
	f := templates.RecordFollowUps{Open: open}
	if inUse {
		f.Plan = templates.Form{Action: plan, Token: v.formToken()}
	}
	return f
}
