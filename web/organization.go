package web

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// organizationFields are the fields of the form, of which each can be edited alone; touchFields stand beside them.
var organizationFields = []string{"legal_name", "display_name", "website", "sector", "size_band", "tax_id", "owner_user_id"}

func listOrganizations(ctx context.Context, v *visit) (response, error) {
	o, elsewhere, err := openList(ctx, v, crm.OrganizationList, (*visit).organizationFilter, (*postgres.Store).Organizations)
	if err != nil || elsewhere != nil {
		return elsewhere, err
	}
	f, list, view := o.filter, o.rows, o.view
	if len(list.Rows) == 0 && f.Query != "" {
		f.Similar = true
		if list, err = v.store.Organizations(ctx, f); err != nil {
			return nil, err
		}
	}
	p := templates.OrganizationsPage{
		Page: v.page, View: view, List: list, Query: v.asked(organizationParams...), Sectors: o.frame.Sectors, Owners: v.people(o.frame, "owner"), Errors: o.faults,
		Similar: f.Similar && len(list.Rows) > 0,
	}
	if !p.Similar { // what the list finds is nothing, and nothing of it can be picked
		p.Picker = v.picker(crm.OrganizationList, view, len(list.Rows), p.Count())
	}
	p.NoneYet = len(list.Rows) == 0 && view.Query == "" && f.Page.First()
	p.PrevURL, p.NextURL = v.pagerURLs(paths.Organizations, list.Prev, list.Next)
	if len(o.faults) > 0 {
		return refuse(templates.Organizations(p)), nil
	}
	return show(templates.Organizations(p)), nil
}

// organizationFilter reads what the list is asked for. Faults are those of fields, which the page shows as typed.
func (v *visit) organizationFilter() (crm.OrganizationFilter, crm.Invalid, error) {
	faults := crm.Invalid{}
	f := crm.OrganizationFilter{
		Query: v.searchText("q"), Sector: v.searchText("sector"), Size: v.searchText("size"),
	}
	var errs [7]error
	f.Page, errs[0] = v.place()
	f.Status, errs[1] = v.status()
	f.Owner, errs[2] = v.person("owner")
	f.HasContact, errs[3] = v.presence("has_contact")
	f.Silence, errs[4] = v.silence()
	f.Sort, errs[5] = v.sort(crm.OrganizationSorts)
	f.Touch, errs[6] = v.touch()
	f.CreatedFrom, f.CreatedBefore = v.days(faults)
	return f, faults, errors.Join(errs[:]...)
}

func showOrganization(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	view, err := v.timelineView()
	if err != nil {
		return nil, err
	}
	w, in := inList(ctx, v, crm.OrganizationList, (*visit).organizationFilter)
	o, err := v.store.OrganizationPage(ctx, id, view, in...)
	if err != nil {
		return nil, err
	}
	v.page.CanEditClients = v.page.CanEditClients && o.Organization.MayEdit
	return show(templates.Organization(templates.OrganizationPage{
		Page: v.page, Organization: o.Organization, People: o.People, Former: o.Past, Timeline: v.timelineOf(o.Timeline, view, crm.OrganizationList, paths.Organization(id)), History: o.History,
		Log: organizationLog(v, id, o, nil), FollowUps: followUpsOf(v, paths.PlanOnOrganization(id), o.FollowUps, o.Organization.IsActive), Place: w.recordPlace(crm.OrganizationList, o.Neighbours, paths.Organization),
	})), nil
}

// readOrganization reads the fields of the form. Its rhythm is saved where the form has one; what else is said of it, as
// a snooze, stays as now has it.
func readOrganization(v *visit, now crm.Touch) crm.Organization {
	o := crm.Organization{
		LegalName: v.form.Get("legal_name"), DisplayName: v.form.Get("display_name"), Website: v.form.Get("website"), Sector: v.form.Get("sector"),
		SizeBand: v.form.Get("size_band"), TaxID: v.form.Get("tax_id"), OwnerUserID: v.reference("owner_user_id", "There is no such user."),
	}
	if v.form.Has("touch_every_days") {
		o.Touch = now
		o.TouchEveryDays, o.TouchGiven = v.everyDays(), true
	}
	return o
}

// typedOrganization is the form as it was sent.
func typedOrganization(v *visit) map[string]string {
	return v.typed(slices.Concat(organizationFields, touchFields)...)
}

func organizationValues(o crm.Organization) map[string]string {
	return map[string]string{
		"legal_name": o.LegalName, "display_name": o.DisplayName, "website": o.Website, "sector": o.Sector,
		"size_band": o.SizeBand, "tax_id": o.TaxID, "owner_user_id": nullID(o.OwnerUserID),
	}
}

// organizationFormValues are organizationValues with the rhythm.
func organizationFormValues(o crm.Organization) map[string]string {
	values := organizationValues(o)
	maps.Copy(values, templates.TouchValues(o.Touch))
	return values
}

func newOrganization(ctx context.Context, v *visit) (response, error) {
	form := templates.Form{Action: paths.Organizations, Token: uuid.NewString(), Values: map[string]string{"owner_user_id": v.actor.UserID.String()}}
	return organizationForm(ctx, v, crm.Organization{}, form)
}

// organizationForm shows the form: new, edit, or again after something was wrong with it.
func organizationForm(ctx context.Context, v *visit, o crm.Organization, form templates.Form) (response, error) {
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	p := templates.OrganizationFormPage{
		Page: v.page, Organization: o, Form: form, Sectors: choices.Sectors, Owners: withOwner(choices, o.OwnerUserID, o.OwnerName), IsNew: o.ID == uuid.Nil,
	}
	body := templates.OrganizationForm(p)
	if form.Field != "" && v.piece {
		body = templates.OrganizationFact(p)
	}
	if form.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

func createOrganization(ctx context.Context, v *visit) (response, error) {
	o := readOrganization(v, crm.Touch{})
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateOrganization(ctx, o, v.token()) },
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.Organizations, Token: v.formToken(), Values: typedOrganization(v), Errors: v.besideTouch(errs)}
			return organizationForm(ctx, v, crm.Organization{}, form)
		}, "",
		func(r postgres.Saved) response {
			return saved(paths.Organization(r.ID), v.t("Organization created."), r)
		})
}

func editOrganization(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	o, err := v.store.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	if !o.MayEdit {
		return nil, crm.ErrNotFound
	}
	return organizationForm(ctx, v, o, templates.Form{Action: paths.Organization(id), Version: o.Version, Values: organizationFormValues(o), Field: v.askedField(organizationFields)})
}

func updateOrganization(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	only, err := v.only(organizationFields)
	if err != nil {
		return nil, err
	}
	var now crm.Organization
	if only != "" || v.form.Has("touch_every_days") {
		if now, err = v.store.Organization(ctx, id); err != nil {
			return nil, err
		}
	}
	if only != "" {
		v.fill(only, organizationFields, organizationValues(now))
	}
	o := readOrganization(v, now.Touch)
	o.ID, o.Version = id, v.version()
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateOrganization(ctx, o) },
		func(errs crm.Invalid) (response, error) {
			now, err := v.store.Organization(ctx, id)
			if err != nil {
				return nil, err
			}
			form := templates.Form{Action: paths.Organization(id), Version: o.Version, Values: typedOrganization(v), Errors: v.besideTouch(errs), Field: only}
			return organizationForm(ctx, v, now, form)
		}, paths.Organization(id),
		func(r postgres.Saved) response { return saved(paths.Organization(id), v.t("Organization saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		return organizationConflict(ctx, v, id, o.Touch)
	}
	return resp, err
}

// organizationConflict shows theirs beside mine; the form on it carries mine over the fresh version.
func organizationConflict(ctx context.Context, v *visit, id uuid.UUID, mine crm.Touch) (response, error) {
	o, err := v.store.OrganizationPage(ctx, id, crm.TimelineView{})
	if err != nil {
		return nil, err
	}
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	theirs, fields := organizationValues(o.Organization), organizationFields
	if mine.TouchGiven { // one field there
		v.form.Set("touch_every_days", templates.TouchDays(mine))
		theirs["touch_every_days"] = templates.TouchDays(o.Organization.Touch)
		fields = append(slices.Clone(fields), "touch_every_days")
	}
	return conflict(ctx, v, conflicting{
		target: crm.Target{Type: audit.Organization, ID: id},
		name:   o.Organization.DisplayName, back: paths.Organization(id), version: o.Organization.Version, history: o.History,
		theirs: theirs, fields: fields,
		options: map[string][]templates.Option{"owner_user_id": withOwner(choices, o.Organization.OwnerUserID, o.Organization.OwnerName)},
	})
}

func archiveOrganization(ctx context.Context, v *visit) (response, error) {
	return setOrganizationActive(ctx, v, false, v.t("Organization archived."))
}

func restoreOrganization(ctx context.Context, v *visit) (response, error) {
	return setOrganizationActive(ctx, v, true, v.t("Organization restored."))
}

func setOrganizationActive(ctx context.Context, v *visit, active bool, done string) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.SetOrganizationActive(ctx, id, active) },
		refused, paths.Organization(id),
		func(r postgres.Saved) response { return saved(paths.Organization(id), done, r) })
}

// refused passes faults on as a plain 422 page, for requests that have no form to show again.
func refused(errs crm.Invalid) (response, error) { return nil, errs }

func showOrganizationHistory(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	o, err := v.store.Organization(ctx, id)
	if err != nil {
		return nil, err
	}
	return history(ctx, v, crm.Target{Type: audit.Organization, ID: id}, o.DisplayName, paths.OrganizationHistory(id))
}

// conflicting is what a conflict page needs to know of a record and its form.
type conflicting struct {
	target     crm.Target
	name, back string
	action     string // where the form goes; back, when empty
	version    int
	history    []crm.Change
	theirs     map[string]string
	fields     []string
	options    map[string][]templates.Option
	long       string // the field that is a text area

	people, theirPeople []crm.Attendee // who may attend, and who does; mine are those ticked
}

// conflict answers a stale save with 409: nothing of either side is lost. A field that the visitor left as the
// form showed it takes what stands there now, so that saving again reverts nobody.
func conflict(ctx context.Context, v *visit, c conflicting) (response, error) {
	if c.action == "" {
		c.action = c.back
	}
	mine := v.typed(c.fields...)
	if err := v.takeTheirs(ctx, c, mine); err != nil {
		return nil, err
	}
	p := templates.ConflictPage{
		Page: v.page, Name: c.name, BackURL: c.back, Theirs: c.theirs,
		Form:   templates.Form{Action: c.action, Version: c.version, Values: mine, Many: map[string][]string{fieldAttendee: v.form[fieldAttendee]}},
		People: attendeeOptions(c.people), TheirPeople: attendeeOptions(c.theirPeople),
	}
	if len(c.history) > 0 {
		p.ChangedBy, p.ChangedAt = c.history[0].UserName, c.history[0].CreatedAt
	}
	for _, f := range c.fields {
		p.Fields = append(p.Fields, templates.ConflictField{Name: f, Options: c.options[f], Long: f == c.long})
	}
	return page{http.StatusConflict, templates.Conflict(p)}, nil
}

// takeTheirs replaces in mine what the visitor did not change. Where the history does not tell what the form was
// filled with, mine stays as it is.
func (v *visit) takeTheirs(ctx context.Context, c conflicting, mine map[string]string) error {
	if c.target.Type == "" {
		return nil
	}
	filled, err := v.store.Earlier(ctx, c.target.Type, c.target.ID, c.version-v.version())
	if errors.Is(err, crm.ErrNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	if at, err := time.Parse(time.RFC3339Nano, filled["happened_at"]); err == nil {
		filled["happened_at"] = v.page.L.InputTime(at)
	}
	if c.target.Type == audit.FollowUp {
		v.earlierDue(filled)
	}
	for _, f := range c.fields {
		if crm.Clean(mine[f]) == filled[f] {
			mine[f] = c.theirs[f]
		}
	}
	return nil
}
