package web

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// The address of a list says which view it shows:
//
//	view=ID  the view as it was saved; further parameters change it
//	base=ID  the list as the rest of the address says, which started from that view: what "Save view" compares with
//	view=all everything, also for somebody whose list opens with a view; base=all is its base
//	cols=a,b the columns, for this page only
//
// A list without any parameter leads on to the visitor's own first view, where they chose one.

// everything is the view of somebody who wants none.
const everything = "all"

// passing are the parameters that no view keeps: where it started, the place in it, which rows are picked, and what
// is open.
var passing = []string{"view", "base", "cols", "after", "before", "limit", "select", "panel"}

// sameAsNone are values that mean what leaving the parameter out means.
var sameAsNone = map[string]string{"status": string(crm.StatusActive)}

// standing are the filters of the tabs that every list has: there is nothing to save about them.
var standing = map[crm.List][]string{
	crm.OrganizationList: {"", "owner=me", "status=archived", "status=all"},
	crm.ContactList:      {"", "owner=me", "status=archived", "status=all"},
	crm.InteractionList:  {"", "channel=call", "channel=email", "channel=meeting", "channel=note"},
}

// filtersOf returns what of a query a view keeps: filters and order, one value each.
func filtersOf(query url.Values) url.Values {
	kept := url.Values{}
	for name := range query {
		value := query.Get(name)
		if value != "" && sameAsNone[name] != value && !slices.Contains(passing, name) {
			kept.Set(name, value)
		}
	}
	return kept
}

// parsed reads a query that a form or a view holds; what cannot be read of it is left out.
func parsed(query string) url.Values {
	values, _ := url.ParseQuery(query) // returns what it could read along with the error
	return storable(values, nil)
}

// keptQuery is a query in the form in which views keep it: the same for the same list, however it was typed.
func keptQuery(query string) string { return filtersOf(parsed(query)).Encode() }

// keptState is the query of a list's address without a place in it.
func keptState(query string) url.Values {
	all := parsed(query)
	state := filtersOf(all)
	for _, name := range []string{"base", "cols"} {
		if value := all.Get(name); value != "" {
			state.Set(name, value)
		}
	}
	return state
}

// columnsOf returns the columns of a list that the visitor may see, the named ones shown and first.
func (v *visit) columnsOf(list crm.List, shown []string) []templates.ListColumn {
	switch list {
	case crm.ContactList:
		return templates.ColumnsFor(v.page, templates.ContactColumns, shown)
	case crm.InteractionList:
		return templates.ColumnsFor(v.page, templates.InteractionColumns, shown)
	}
	return templates.ColumnsFor(v.page, templates.OrganizationColumns, shown)
}

// shownNames are the names of the columns shown, as views keep them.
func shownNames(columns []templates.ListColumn) string {
	var names []string
	for _, c := range columns {
		if c.Shown {
			names = append(names, c.Name)
		}
	}
	return strings.Join(names, ",")
}

// listOpened is a list as an address opens it: its rows, and what surrounds them.
type listOpened[F, R any] struct {
	frame  postgres.ListFrame
	view   templates.ListView
	filter F
	faults crm.Invalid // of fields, which the page shows as typed
	rows   R
}

// openList reads which view of a list is asked for, makes the visit's query what it means in full, and finds the rows.
// Where the address says all of it the rows come in the same round trip as what surrounds them. A response other than
// nil leads elsewhere: to the view with which the visitor's list opens.
func openList[F, R any](ctx context.Context, v *visit, list crm.List, read func(*visit) (F, crm.Invalid, error), find func(*postgres.Store, context.Context, F) (R, error)) (listOpened[F, R], response, error) {
	var o listOpened[F, R]
	q, err := v.frameQuery(list)
	if err != nil {
		return o, nil, err
	}
	found := false
	if v.query.Get("view") == "" {
		f, faults, err := read(v)
		if found = err == nil && len(faults) == 0; found {
			o.filter = f
			if o.rows, err = find(v.store.Framed(list, q, &o.frame), ctx, f); err != nil {
				return o, nil, err
			}
		}
	}
	if !found {
		if o.frame, err = v.store.ListFrame(ctx, list, q); err != nil {
			return o, nil, err
		}
	}
	elsewhere, err := v.arrange(list, o.frame, q.Named)
	if err != nil || elsewhere != nil {
		return o, elsewhere, err
	}
	o.view = v.listView(list, o.frame)
	if found {
		return o, nil, nil
	}
	o.filter, err = forgiving(v, &o.view, func(v *visit) (f F, err error) {
		f, o.faults, err = read(v)
		return f, errors.Join(err, o.faults.Err())
	})
	if err != nil && len(o.faults) == 0 {
		return o, nil, err
	}
	o.rows, err = find(v.store, ctx, o.filter)
	return o, nil, err
}

// frameQuery is what the address asks of the frame of a list.
func (v *visit) frameQuery(list crm.List) (postgres.FrameQuery, error) {
	named, err := v.namedView()
	return postgres.FrameQuery{Named: named, Person: v.filteredBy(list), Choices: v.opens(filterPanel)}, err
}

// arrange makes the visit's query what it means in full. A response other than nil leads elsewhere.
func (v *visit) arrange(list crm.List, frame postgres.ListFrame, named uuid.NullUUID) (response, error) {
	first := slices.IndexFunc(frame.Views, func(s crm.SavedView) bool { return s.IsDefault })
	switch {
	case first >= 0 && len(v.query) == 0:
		return redirect{to: paths.ListView(string(list), frame.Views[first].ID)}, nil
	case frame.Named == nil && named.Valid && v.query.Get("view") != "":
		return nil, crm.ErrNotFound
	}
	v.startFrom(frame.Named, first >= 0)
	return nil, nil
}

// The panels of a list's filters and of its columns are asked for, by the list with the panel open: they hold more
// than its head and foot together, and most pages of lists are read without them.
const (
	filterPanel  = "filter"
	columnsPanel = "columns"
)

// opens reports whether a panel is asked for: an empty value beside it, which Apply sends, closes it again.
func (v *visit) opens(panel string) bool {
	asked := v.query["panel"]
	return slices.Contains(asked, panel) && !slices.Contains(asked, "")
}

// filteredBy is whom the address narrows the list to, so that they can be called by their name. What is none of the
// ways to name people is said when the filter is read.
func (v *visit) filteredBy(list crm.List) crm.OwnerFilter {
	by, _ := v.person(personParam[list])
	return by
}

// personParam is the parameter of each list that names a person or a team.
var personParam = map[crm.List]string{crm.OrganizationList: "owner", crm.ContactList: "owner", crm.InteractionList: "author"}

// namedView returns the view that the address names, none for everything. A base that is none is passed over: the
// rest of the address stands for itself.
func (v *visit) namedView() (uuid.NullUUID, error) {
	text := v.query.Get("view")
	if text == everything {
		return uuid.NullUUID{}, nil
	}
	if text != "" {
		id, err := uuid.Parse(text)
		if err != nil {
			return uuid.NullUUID{}, crm.ErrNotFound
		}
		return uuid.NullUUID{UUID: id, Valid: true}, nil
	}
	id, err := uuid.Parse(v.query.Get("base"))
	return uuid.NullUUID{UUID: id, Valid: err == nil}, nil
}

// startFrom puts the view's own parameters below those of the address, and names the base for every link on the page.
func (v *visit) startFrom(view *crm.SavedView, hasDefault bool) {
	if view != nil && v.query.Get("view") != "" {
		for name, values := range filtersOf(parsed(view.Query)) {
			if !v.query.Has(name) {
				v.query[name] = values
			}
		}
	}
	v.query.Del("view")
	v.query.Del("base")
	switch {
	case view != nil:
		v.query.Set("base", view.ID.String())
		v.page.InView = view.ID
	case hasDefault:
		v.query.Set("base", everything)
	}
}

// listView describes the list that is now asked for, and whether it differs from the view it started from.
func (v *visit) listView(list crm.List, frame postgres.ListFrame) templates.ListView {
	own, from := frame.Columns, standing[list]
	if frame.Named != nil {
		from = []string{frame.Named.Query}
		if frame.Named.Columns != "" {
			own = frame.Named.Columns
		}
	}
	names := func(columns string) []string {
		return strings.FieldsFunc(columns, func(r rune) bool { return r == ',' })
	}
	asked := v.query.Get("cols")
	if crm.CheckColumns(asked) != nil { // a pasted address that names no columns shows one's own
		asked = ""
		v.query.Del("cols")
	}
	shown := own
	if asked != "" {
		shown = asked
	}
	columns := v.columnsOf(list, names(shown))
	query := filtersOf(v.query).Encode()
	state := filtersOf(v.query)
	state.Set("base", v.query.Get("base"))
	state.Set("cols", asked)
	l := templates.ListView{
		List: list, Path: paths.List(string(list)), Views: frame.Views, Current: frame.Named, Query: query, Columns: columns,
		Differs: !slices.Contains(from, query) || asked != "" && shownNames(columns) != shownNames(v.columnsOf(list, names(own))),
		State:   strings.TrimPrefix(paths.With("", state), "?"),
	}
	if shown != "" {
		l.Kept = shownNames(columns)
	}
	if !v.opens(columnsPanel) {
		state.Set("panel", columnsPanel)
		l.ColumnsURL = paths.With(l.Path, state)
	}
	return l
}

// forgiving reads the filter of a list. A view whose parameters no longer all hold opens with those that do, and the
// page says which were left out; what the visitor asked for themselves is refused as ever.
func forgiving[F any](v *visit, view *templates.ListView, read func(*visit) (F, error)) (F, error) {
	f, err := read(v)
	var invalid crm.Invalid
	if view.Current == nil || !errors.As(err, &invalid) {
		return f, err
	}
	asked := v.query
	for name, values := range parsed(view.Current.Query) {
		if !slices.Equal(asked[name], values) {
			continue
		}
		v.query = url.Values{name: values}
		if _, err := read(v); err != nil {
			view.Dropped = append(view.Dropped, v.t("%s: %s", name, values[0]))
			asked.Del(name)
		}
	}
	slices.Sort(view.Dropped)
	v.query = asked
	return read(v)
}
