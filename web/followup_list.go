package web

import (
	"context"
	"errors"
	"net/url"
	"slices"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// The parameters of the list of follow-ups:
//
//	who           me (the default), team (the reader's), all, nobody, or a user's id
//	state         open (the default), done, cancelled, all
//	due           overdue, today, week, later
//	organization, contact   ids
//	limit, after, before    as in other lists
var followUpParams = []string{"who", "state", "due", "organization", "contact", "limit"}

func listFollowUps(ctx context.Context, v *visit) (response, error) {
	f, err := v.followUpFilter()
	if err != nil {
		return nil, err
	}
	list, err := v.store.FollowUps(ctx, f)
	if err != nil {
		return nil, err
	}
	p := templates.FollowUpsPage{
		Page: v.page, List: list, Query: v.asked(followUpParams...), Reach: v.actor.Reach(authz.ViewInteraction) > authz.Own,
		CanEdit: v.page.CanEditInteractions && slices.Contains(f.States(), crm.FollowUpOpen), // no others can be changed from here
		Ticked:  v.query.Get("select") == "page", All: v.query.Get("select") == "all",
	}
	if f.For.UserID.Valid && f.For.UserID.UUID != v.actor.UserID || p.CanEdit && len(list.Rows) > 0 {
		choices, err := v.store.Choices(ctx)
		if err != nil {
			return nil, err
		}
		p.Colleagues = userOptions(choices.Owners)
	}
	state := url.Values{}
	for name, value := range v.asked(append(slices.Clone(followUpParams), "after", "before")...) {
		state.Set(name, value)
	}
	p.State, p.NoneURL = state.Encode(), paths.With(paths.FollowUps, state)
	state.Set("select", "page")
	p.PageURL = paths.With(paths.FollowUps, state)
	state.Set("select", "all")
	p.AllURL = paths.With(paths.FollowUps, state)
	p.PrevURL, p.NextURL = v.pagerURLs(paths.FollowUps, list.Prev, list.Next)
	return show(templates.FollowUps(p)), nil
}

// followUpFilter reads what the list is asked for. What cannot be is Invalid.
func (v *visit) followUpFilter() (crm.FollowUpFilter, error) {
	f := crm.FollowUpFilter{State: crm.FollowUpState(v.query.Get("state")), Due: crm.DueSpan(v.query.Get("due")), Clock: v.clock()}
	var errs [5]error
	f.Page, errs[0] = v.place()
	f.OrganizationID, errs[1] = v.record("organization")
	f.ContactID, errs[2] = v.record("contact")
	switch who := v.query.Get("who"); who {
	case "", "me":
		f.For.UserID = uuid.NullUUID{UUID: v.actor.UserID, Valid: true}
	case "team":
		f.MyTeam = true
	case "all":
	default:
		f.For, errs[3] = v.person("who")
	}
	errs[4] = f.Validate()
	return f, errors.Join(errs[:]...)
}

// changeFollowUps takes an action on follow-ups of the list:
//
//	action     snooze, assign, done
//	id         a picked one; again for each
//	all        1 for all that the list finds, instead of ids
//	until      with snooze: a day or a moment; or in, a quick choice
//	user_id    with assign: a user's id, or nobody
//	list       the list's query, to find all and to lead back to
//	confirmed  set by the page that says what an action on all will do
//
// All that a list finds is first said and confirmed, and done in the background where it is much.
func changeFollowUps(ctx context.Context, v *visit) (response, error) {
	back := v.followUpList()
	b, err := v.readFollowUpBulk()
	if err != nil {
		return v.cannotFollowUp(back, err)
	}
	n, err := v.store.SelectedFollowUps(ctx, b)
	switch {
	case err == nil && n > crm.MaxSelected:
		err = crm.Fault("", "These are more than %d records: narrow the list and go through it in parts.", crm.MaxSelected)
	case err == nil && b.All != nil && v.form.Get("confirmed") == "":
		return confirmFollowUps(ctx, v, b, n, back)
	case err == nil && n > crm.MaxAtOnce:
		var id uuid.UUID
		if id, err = v.store.EnqueueFollowUps(ctx, b, v.token()); err == nil {
			return redirect{to: paths.Job(id)}, nil
		}
	}
	var r crm.BulkResult
	if err == nil {
		r, err = v.store.ChangeFollowUps(ctx, b)
	}
	if err != nil {
		return v.cannotFollowUp(back, err)
	}
	return saved(back, v.told(v.page.FollowUpsDone(b.Action, r), r), postgres.Saved{ChangeSet: r.ChangeSet}), nil
}

// readFollowUpBulk reads what is to be done, and to which follow-ups. What cannot be is Invalid.
func (v *visit) readFollowUpBulk() (crm.FollowUpBulk, error) {
	b := crm.FollowUpBulk{Action: crm.FollowUpAction(v.form.Get("action")), Clock: v.clock()}
	for _, text := range v.form["id"] {
		id, err := uuid.Parse(text)
		if err != nil {
			v.faults.Add("id", "There is no such follow-up.")
			break
		}
		b.Picked = append(b.Picked, id)
	}
	switch {
	case b.Action == crm.SnoozeFollowUps:
		b.Due = v.due("until", "in")
	case b.Action == crm.AssignFollowUps && v.form.Get("user_id") != nobody:
		if b.UserID = v.reference("user_id", "There is no such user."); !b.UserID.Valid {
			v.faults.Add("user_id", "Choose for whom they shall be.")
		}
	}
	if len(v.faults) > 0 {
		return b, v.faults
	}
	if v.form.Get("all") != "" {
		f, err := v.followUpsListed()
		b.All = &f
		return b, err
	}
	return b, nil
}

// followUpsListed reads what the list found that the form stood on. A parameter that the list does not have is refused,
// as for other lists.
func (v *visit) followUpsListed() (crm.FollowUpFilter, error) {
	w := *v
	w.query = url.Values{}
	for name, values := range parsed(v.form.Get("list")) {
		switch {
		case name == "after" || name == "before" || name == "limit": // a page of it
		case !slices.Contains(followUpParams, name) || len(values) != 1:
			return crm.FollowUpFilter{}, errListLost()
		default:
			w.query[name] = values
		}
	}
	if !v.form.Has("list") {
		return crm.FollowUpFilter{}, errListLost()
	}
	return w.followUpFilter()
}

// confirmFollowUps says what an action on all that a list finds will do.
func confirmFollowUps(ctx context.Context, v *visit, b crm.FollowUpBulk, n int, back string) (response, error) {
	p := templates.FollowUpSelectionPage{Page: v.page, Action: b.Action, Count: n, Due: b.Due, BackURL: back, Token: v.formToken()}
	for _, name := range []string{"action", "list", "all", "user_id"} {
		p.Sent = append(p.Sent, templates.Sent{Name: name, Value: v.form.Get(name)})
	}
	p.Sent = append(p.Sent, templates.Sent{Name: "until", Value: b.Due.String()}) // the day that was read, also when it is confirmed after midnight
	if b.UserID.Valid {
		choices, err := v.store.Choices(ctx)
		if err != nil {
			return nil, err
		}
		p.Person = v.t("the chosen person")
		for _, u := range choices.Owners {
			if u.ID == b.UserID.UUID {
				p.Person = u.Name
			}
		}
	}
	return show(templates.FollowUpSelection(p)), nil
}

// followUpList is the page of the list that a form stood on.
func (v *visit) followUpList() string {
	q := url.Values{}
	for name, values := range parsed(v.form.Get("list")) {
		if slices.Contains(followUpParams, name) || name == "after" || name == "before" {
			q[name] = values
		}
	}
	return paths.With(paths.FollowUps, q)
}

// cannotFollowUp says why an action cannot be done, when the visitor can mend it; other errors pass.
func (v *visit) cannotFollowUp(back string, err error) (response, error) {
	var invalid crm.Invalid
	if !errors.As(err, &invalid) {
		return nil, err
	}
	return refuse(templates.FollowUpSelection(templates.FollowUpSelectionPage{Page: v.page, Fault: v.page.M(firstOf(invalid)), BackURL: back})), nil
}
