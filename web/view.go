package web

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var viewFields = []string{"name", "shared", "query", "columns"}

// readView reads the fields of the form. Who sees the view is one field: private, everyone, or team: and an id.
func readView(v *visit, list crm.List) crm.SavedView {
	shared, team, _ := strings.Cut(v.form.Get("shared"), ":")
	view := crm.SavedView{
		List: list, Name: v.form.Get("name"), Query: keptQuery(v.form.Get("query")), Columns: v.form.Get("columns"), Shared: crm.Sharing(shared),
	}
	if id, err := uuid.Parse(team); err == nil {
		view.TeamID = uuid.NullUUID{UUID: id, Valid: true}
	}
	return view
}

// atShared moves what is wrong with the team to the field that names it.
func atShared(errs crm.Invalid) crm.Invalid {
	if m, bad := errs["team_id"]; bad {
		errs["shared"] = m
		delete(errs, "team_id")
	}
	return errs
}

// asList returns the list of this name; organizations where none is named.
func asList(name string) (crm.List, error) {
	list := crm.List(name)
	switch {
	case name == "":
		return crm.OrganizationList, nil
	case !slices.Contains(crm.Lists, list):
		return "", crm.ErrNotFound
	}
	return list, nil
}

func newView(ctx context.Context, v *visit) (response, error) {
	list, err := asList(v.query.Get("list"))
	if err != nil {
		return nil, err
	}
	return viewForm(ctx, v, crm.SavedView{List: list}, templates.Form{Action: paths.Views, Token: uuid.NewString(), Values: map[string]string{
		"query": keptQuery(v.query.Get("query")), "columns": v.query.Get("columns"), "pinned": "1", "shared": string(crm.Private),
	}})
}

// viewForm shows the form of a new view.
func viewForm(ctx context.Context, v *visit, view crm.SavedView, form templates.Form) (response, error) {
	teams, err := v.store.ViewTeams(ctx, view.List)
	if err != nil {
		return nil, err
	}
	return shownViewForm(v, view, teams, form), nil
}

func shownViewForm(v *visit, view crm.SavedView, teams []crm.Team, form templates.Form) response {
	body := templates.ViewForm(templates.ViewFormPage{Page: v.page, View: view, Form: form, Teams: teamOptions(teams, uuid.Nil)})
	if form.Errors != nil {
		return refuse(body)
	}
	return show(body)
}

func createView(ctx context.Context, v *visit) (response, error) {
	list, err := asList(v.form.Get("list"))
	if err != nil {
		return nil, err
	}
	view := readView(v, list)
	return v.save(
		func() (postgres.Saved, error) {
			return v.store.CreateView(ctx, view, v.form.Get("pinned") != "", v.token())
		},
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.Views, Token: v.formToken(), Values: v.typed(append(viewFields, "pinned")...), Errors: atShared(errs)}
			return viewForm(ctx, v, crm.SavedView{List: list}, form)
		}, "",
		func(r postgres.Saved) response {
			return saved(paths.ListView(string(list), r.ID), v.t("View saved."), r)
		})
}

func editView(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	view, teams, err := v.store.ViewToEdit(ctx, id)
	if err != nil {
		return nil, err
	}
	return shownViewForm(v, view, teams, templates.Form{Action: paths.View(id), Version: view.Version, Values: viewValues(view)}), nil
}

func viewValues(view crm.SavedView) map[string]string {
	return map[string]string{"name": view.Name, "shared": templates.SharedValue(view), "query": view.Query, "columns": view.Columns}
}

func updateView(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	now, teams, err := v.store.ViewToEdit(ctx, id)
	if err != nil {
		return nil, err
	}
	view := readView(v, now.List)
	view.ID, view.Version = id, v.version()
	back := paths.ListView(string(now.List), id)
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateView(ctx, view) },
		func(errs crm.Invalid) (response, error) {
			form := templates.Form{Action: paths.View(id), Version: view.Version, Values: v.typed(viewFields...), Errors: atShared(errs)}
			return shownViewForm(v, now, teams, form), nil
		}, back,
		func(r postgres.Saved) response { return saved(back, v.t("View saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		options := []templates.Option{{Value: string(crm.Private), Label: v.t("Only me")}, {Value: string(crm.WithEveryone), Label: v.t("Everyone")}}
		for _, t := range teams {
			options = append(options, templates.Option{Value: "team:" + t.ID.String(), Label: v.t("Team %s", t.Name)})
		}
		return conflict(ctx, v, conflicting{
			name: now.Name, action: paths.View(id), back: back, version: now.Version, theirs: viewValues(now), fields: viewFields,
			options: map[string][]templates.Option{"shared": options},
		})
	}
	return resp, err
}

func deleteView(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	view, err := v.store.View(ctx, id)
	if err != nil {
		return nil, err
	}
	back := paths.List(string(view.List))
	return v.save(
		func() (postgres.Saved, error) { return v.store.DeleteView(ctx, id) }, refused, back,
		func(r postgres.Saved) response { return saved(back, v.t("View deleted."), r) })
}

// keepView is a handler that keeps something about a view for the visitor, and goes back to it.
func keepView(keep func(context.Context, *postgres.Store, uuid.UUID) error, done func(*visit) string) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		id, err := v.id("id")
		if err != nil {
			return nil, err
		}
		view, err := v.store.View(ctx, id)
		if err != nil {
			return nil, err
		}
		if err := keep(ctx, v.store, id); err != nil {
			return nil, err
		}
		return redirect{to: paths.ListView(string(view.List), id), flash: templates.Flash{Text: done(v)}}, nil
	}
}

var (
	pinView = keepView(
		func(ctx context.Context, s *postgres.Store, id uuid.UUID) error { return s.PinView(ctx, id, true) },
		func(v *visit) string { return v.t("Pinned.") })
	unpinView = keepView(
		func(ctx context.Context, s *postgres.Store, id uuid.UUID) error { return s.PinView(ctx, id, false) },
		func(v *visit) string { return v.t("Unpinned.") })
	defaultView = keepView(
		func(ctx context.Context, s *postgres.Store, id uuid.UUID) error { return s.DefaultView(ctx, id, true) },
		func(v *visit) string { return v.t("The list now opens with this view.") })
	dropDefaultView = keepView(
		func(ctx context.Context, s *postgres.Store, id uuid.UUID) error { return s.DefaultView(ctx, id, false) },
		func(v *visit) string { return v.t("The list no longer opens with this view.") })
)

// chooseColumns takes the columns of a list. In a view they change the list as it stands, which then differs from
// its view; elsewhere they are remembered.
func chooseColumns(list crm.List) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		columns := shownNames(v.columnsOf(list, v.chosenColumns(list)))
		usual := v.form.Get("usual") != ""
		if usual {
			columns = shownNames(v.columnsOf(list, nil))
		}
		state := keptState(v.form.Get("state"))
		state.Del("cols")
		if _, err := uuid.Parse(state.Get("base")); err == nil {
			state.Set("cols", columns)
			return redirect{to: paths.With(paths.List(string(list)), state)}, nil
		}
		if usual {
			columns = "" // and whatever will be usual one day
		}
		if err := v.store.SetColumns(ctx, list, columns); err != nil {
			return nil, err
		}
		return redirect{to: paths.With(paths.List(string(list)), state), flash: templates.Flash{Text: v.t("Columns saved.")}}, nil
	}
}

// chosenColumns reads the form: the columns that are ticked, by the place given for each. The first column of the
// list is always among them, so that hiding all others is something else than choosing nothing.
func (v *visit) chosenColumns(list crm.List) []string {
	type placed struct {
		name  string
		place int
	}
	var chosen []placed
	for i, c := range v.columnsOf(list, nil) {
		n, err := strconv.Atoi(strings.TrimSpace(v.form.Get("place_" + c.Name)))
		if err != nil {
			n = i
		}
		if c.Fixed || slices.Contains(v.form["column"], c.Name) {
			chosen = append(chosen, placed{c.Name, n})
		}
	}
	slices.SortStableFunc(chosen, func(a, b placed) int { return cmp.Compare(a.place, b.place) })
	names := make([]string, len(chosen))
	for i, c := range chosen {
		names[i] = c.name
	}
	return names
}
