package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// Rows of a list are picked by boxes, which belong to one form below it:
//
//	action         assign, archive, restore, export
//	id             a picked record; again for each
//	all            1 for all that the list finds, instead of ids
//	list           the list's query, with the columns it shows; it is read and run again as whoever sends it
//	owner_user_id  with assign: a user's id, or nobody
//	confirmed      set by the page that says what an action on all will do
//
// select=page and select=all in a list's address pick its rows without a script.

// actExport is the action that changes nothing.
const actExport = "export"

// listParams are what the address of each list may say.
var listParams = map[crm.List][]string{
	crm.OrganizationList: organizationParams, crm.ContactList: contactParams, crm.InteractionList: interactionParams,
}

// picker offers what the visitor may do with rows of the list that they see. Without rows there is nothing to pick.
func (v *visit) picker(list crm.List, view templates.ListView, rows int, count string) templates.Picker {
	if rows == 0 {
		return templates.Picker{}
	}
	changes := v.page.CanEditClients && list != crm.InteractionList
	k := templates.Picker{
		List: list, Count: count, Changes: changes, Exports: v.page.CanExport,
		Status: crm.Status(v.query.Get("status")),
		Ticked: v.query.Get("select") == "page", All: v.query.Get("select") == "all" || list == crm.InteractionList, // nothing can be done with some of them
	}
	state := url.Values{}
	for name, value := range v.asked(append(slices.Clone(listParams[list]), "after", "before")...) {
		state.Set(name, value)
	}
	link := func(selected string) string {
		q := url.Values{}
		for name, values := range state {
			q[name] = values
		}
		q.Set("select", selected)
		return paths.With(paths.List(string(list)), q)
	}
	k.AllURL, k.NoneURL = link("all"), link("")
	if list != crm.InteractionList {
		k.PageURL = link("page")
	}
	state.Set("cols", shownNames(view.Columns))
	k.State = state.Encode()
	return k
}

// selection is what a form picked of a list.
type selection struct {
	list      crm.List
	query     url.Values // of the list
	columns   []string   // that it shows
	picked    []uuid.UUID
	all       bool
	shown     *visit // the visit as the list itself would see it
	organized crm.OrganizationFilter
	contacted crm.ContactFilter
	talked    crm.InteractionFilter
}

// back is the page of the list that the form stood on.
func (s selection) back() string {
	q := url.Values{}
	for name, values := range s.query {
		if name != "cols" {
			q[name] = values
		}
	}
	return paths.With(paths.List(string(s.list)), q)
}

// changeMany takes an action on rows of a list.
func (s *Server) changeMany(list crm.List) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		action := v.form.Get("action")
		needs := []authz.Permission{authz.ViewClient, authz.EditClient}
		if action == actExport {
			needs = []authz.Permission{authz.ViewClient, authz.ExportClient}
			if list == crm.InteractionList {
				needs[0] = authz.ViewInteraction
			}
		}
		known := action == actExport || list != crm.InteractionList && slices.Contains([]string{string(crm.BulkAssign), string(crm.BulkArchive), string(crm.BulkRestore)}, action)
		if !known {
			return v.cannot(list, paths.List(string(list)), crm.Fault("action", "There is no such action."))
		}
		if p := v.actor.Missing(needs...); p != "" {
			return nil, postgres.Forbidden{Permission: p}
		}
		sel, err := v.readSelection(list)
		if err != nil {
			return v.cannot(list, paths.List(string(list)), err)
		}
		if action == actExport {
			return s.export(ctx, v, sel)
		}
		return changeSelected(ctx, v, sel, crm.BulkAction(action))
	}
}

// readSelection reads what the form picked. A parameter that the list does not have is refused, where the list itself
// passes it over: what somebody meant to narrow by must not be lost on the way to an action.
func (v *visit) readSelection(list crm.List) (selection, error) {
	sel := selection{list: list, query: parsed(v.form.Get("list")), all: v.form.Get("all") != ""}
	for name, values := range sel.query {
		if !slices.Contains(listParams[list], name) && name != "after" && name != "before" || len(values) != 1 || telling(name) && !v.actor.SeesLastContact() {
			return sel, errListLost()
		}
	}
	if sel.all && !v.form.Has("list") {
		return sel, errListLost()
	}
	for _, text := range v.form["id"] {
		id, err := uuid.Parse(text)
		if err != nil {
			return sel, crm.Fault("id", "There is no such record.")
		}
		sel.picked = append(sel.picked, id)
	}
	switch {
	case sel.all && len(sel.picked) > 0:
		return sel, crm.Fault("id", "Choose either rows by hand or all that the list finds, not both.")
	case !sel.all && len(sel.picked) == 0:
		return sel, crm.Fault("id", "Choose at least one row.")
	case len(sel.picked) > crm.MaxPicked:
		return sel, crm.Fault("id", "Choose at most %d rows by hand, or all that the list finds.", crm.MaxPicked)
	}
	columns := sel.query.Get("cols")
	if err := crm.CheckColumns(columns); err != nil {
		return sel, err
	}
	sel.columns = strings.FieldsFunc(columns, func(r rune) bool { return r == ',' })
	return sel, sel.readFilter(v)
}

func errListLost() error {
	return crm.Fault("", "This list cannot be found again: open it and select once more.")
}

// readFilter reads the list's filter and order as the list itself does, and no place in it.
func (s *selection) readFilter(v *visit) error {
	w := *v
	w.query = url.Values{}
	for name, values := range s.query {
		if !slices.Contains(passing, name) {
			w.query[name] = values
		}
	}
	w.page.CurrentPath = paths.List(string(s.list))
	s.shown = &w
	faults := crm.Invalid{}
	var err error
	switch s.list {
	case crm.ContactList:
		s.contacted, err = w.contactFilter()
	case crm.InteractionList:
		s.talked, faults, err = w.interactionFilter()
	default:
		s.organized, faults, err = w.organizationFilter()
	}
	return errors.Join(err, faults.Err())
}

// bulk is an action on the selection.
func (s selection) bulk(action crm.BulkAction) crm.Bulk {
	b := crm.Bulk{Action: action, Picked: s.picked, All: s.all}
	if s.list == crm.ContactList {
		b.Contacts = &s.contacted
	} else {
		b.Organizations = &s.organized
	}
	return b
}

// cannot says why an action cannot be done, when the visitor can mend it; other errors pass.
func (v *visit) cannot(list crm.List, back string, err error) (response, error) {
	var invalid crm.Invalid
	if !errors.As(err, &invalid) {
		return nil, err
	}
	return refuse(templates.Selection(templates.SelectionPage{Page: v.page, List: list, Fault: v.page.M(firstOf(invalid)), BackURL: back})), nil
}

// nobody is the new owner of records that are to have none.
const nobody = "nobody"

// changeSelected changes the rows of a page at once. All that a list finds is first said and confirmed, and done in
// the background where it is much.
func changeSelected(ctx context.Context, v *visit, sel selection, action crm.BulkAction) (response, error) {
	b := sel.bulk(action)
	n, err := v.store.Selected(ctx, b)
	if action == crm.BulkAssign && v.form.Get("owner_user_id") != nobody {
		if b.Owner = v.reference("owner_user_id", "There is no such user."); !b.Owner.Valid && err == nil && n <= crm.MaxSelected {
			return chooseOwner(ctx, v, sel, b, n)
		}
	}
	switch {
	case err == nil && n > crm.MaxSelected:
		err = crm.Fault("", "These are more than %d records: narrow the list and go through it in parts.", crm.MaxSelected)
	case err == nil && b.All && v.form.Get("confirmed") == "":
		return confirmSelection(ctx, v, sel, b, n)
	case err == nil && n > crm.MaxAtOnce:
		var id uuid.UUID
		if id, err = v.store.Enqueue(ctx, b, v.token()); err == nil {
			return redirect{to: paths.Job(id)}, nil
		}
	}
	var result crm.BulkResult
	if err == nil {
		result, err = v.store.ChangeSelected(ctx, b)
	}
	if err != nil {
		return v.cannotChange(ctx, sel, b, n, err)
	}
	return saved(sel.back(), v.bulkTold(action, result), postgres.Saved{ChangeSet: result.ChangeSet}), nil
}

// cannotChange says why an action cannot be done: at the field, where it is the new owner's.
func (v *visit) cannotChange(ctx context.Context, sel selection, b crm.Bulk, n int, err error) (response, error) {
	var invalid crm.Invalid
	if errors.As(err, &invalid) {
		if _, owner := invalid["owner_user_id"]; owner {
			v.faults = invalid
			return chooseOwner(ctx, v, sel, b, n)
		}
	}
	return v.cannot(sel.list, sel.back(), err)
}

// selectionPage is the page on which an action is confirmed. Its form sends the selection again.
func (v *visit) selectionPage(sel selection, b crm.Bulk, n int) templates.SelectionPage {
	p := templates.SelectionPage{Page: v.page, List: sel.list, Action: b.Action, All: b.All, Count: n, BackURL: sel.back(), Token: v.formToken(), Sent: []templates.Sent{
		{Name: "action", Value: string(b.Action)}, {Name: "list", Value: sel.query.Encode()},
	}}
	if b.All {
		p.Sent = append(p.Sent, templates.Sent{Name: "all", Value: "1"})
	}
	for _, id := range b.Picked {
		p.Sent = append(p.Sent, templates.Sent{Name: "id", Value: id.String()})
	}
	return p
}

// chooseOwner asks for the new owner: lists do not carry the choice along. Whoever was asked, and named
// nobody who could be, is told so.
func chooseOwner(ctx context.Context, v *visit, sel selection, b crm.Bulk, n int) (response, error) {
	choices, err := v.store.Choices(ctx)
	if err != nil {
		return nil, err
	}
	p := v.selectionPage(sel, b, n)
	p.Choosing, p.Owners = true, userOptions(choices.Owners)
	if !v.form.Has("owner_user_id") {
		return show(templates.Selection(p)), nil
	}
	if len(v.faults) == 0 {
		v.faults.Add("owner_user_id", "Choose the new owner.")
	}
	p.Errors = v.faults
	return refuse(templates.Selection(p)), nil
}

// confirmSelection says what an action on all that a list finds will do.
func confirmSelection(ctx context.Context, v *visit, sel selection, b crm.Bulk, n int) (response, error) {
	p := v.selectionPage(sel, b, n)
	p.Sent = append(p.Sent, templates.Sent{Name: "owner_user_id", Value: v.form.Get("owner_user_id")})
	if b.Owner.Valid {
		choices, err := v.store.Choices(ctx)
		if err != nil {
			return nil, err
		}
		p.Owner = v.t("the chosen owner")
		for _, u := range choices.Owners {
			if u.ID == b.Owner.UUID {
				p.Owner = u.Name
			}
		}
	}
	return show(templates.Selection(p)), nil
}

// bulkTold says in a sentence or two what an action did and what it left, with a few names.
func (v *visit) bulkTold(action crm.BulkAction, r crm.BulkResult) string {
	return v.told(v.page.BulkDone(action, r), r)
}

// told adds to a sentence what an action left as it was, and why.
func (v *visit) told(text string, r crm.BulkResult) string {
	var parts []string
	for _, reason := range crm.SkipReasons {
		s, some := r.Skipped[reason]
		if !some {
			continue
		}
		part := v.page.SkippedWords(reason, s.Count)
		var names []string
		for _, name := range s.Names[:min(len(s.Names), 2)] { // the session holds the flash, so it stays short
			if runes := []rune(name); len(runes) > 40 {
				name = string(runes[:40]) + "…"
			}
			names = append(names, name)
		}
		if len(names) > 0 {
			part += " (" + strings.Join(names, ", ") + ")"
		}
		parts = append(parts, part)
	}
	if len(parts) == 0 {
		return text
	}
	return strings.TrimSuffix(text, ".") + ". " + v.t("Left as they were: %s.", strings.Join(parts, "; "))
}
