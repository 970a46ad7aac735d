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

// arrange reads which view of a list is asked for and makes the visit's query what it means in full. A response
// other than nil leads elsewhere: to the view with which the visitor's list opens.
func (v *visit) arrange(ctx context.Context, list crm.List) (postgres.ListFrame, templates.ListView, response, error) {
	named, err := v.namedView()
	if err != nil {
		return postgres.ListFrame{}, templates.ListView{}, nil, err
	}
	frame, err := v.store.ListFrame(ctx, list, postgres.FrameQuery{Named: named, Person: v.filteredBy(list), Choices: v.opens(filterPanel)})
	if err != nil {
		return frame, templates.ListView{}, nil, err
	}
	first := slices.IndexFunc(frame.Views, func(s crm.SavedView) bool { return s.IsDefault })
	switch {
	case first >= 0 && len(v.query) == 0:
		return frame, templates.ListView{}, redirect{to: paths.ListView(string(list), frame.Views[first].ID)}, nil
	case frame.Named == nil && named.Valid && v.query.Get("view") != "":
		return frame, templates.ListView{}, nil, crm.ErrNotFound
	}
	v.startFrom(frame.Named, first >= 0)
	return frame, v.listView(list, frame), nil, nil
}

// filterPanel is the panel of a list's filters. In a firm of many people it is a page of its own, the list with the
// panel open: panel=filter.
const filterPanel = "filter"

func (v *visit) opens(panel string) bool { return v.query.Get("panel") == panel }

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
