package web

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var teamFields = []string{"name", "parent_id"}

// teamOptions are the choices of a team select, indented as a tree. The excepted team and those below it are
// left out: a team cannot stand below itself.
func teamOptions(teams []crm.Team, except uuid.UUID) []templates.Option {
	var options []templates.Option
	below := map[uuid.UUID]bool{except: except != uuid.Nil}
	for _, t := range teams { // parents come before their children
		if below[t.ID] || t.ParentID.Valid && below[t.ParentID.UUID] {
			below[t.ID] = true
			continue
		}
		options = append(options, templates.Option{Value: t.ID.String(), Label: strings.Repeat("– ", t.Depth) + t.Name})
	}
	return options
}

func listTeams(ctx context.Context, v *visit) (response, error) {
	return teamsPage(ctx, v, templates.Form{Action: paths.Teams, Token: uuid.NewString()})
}

func teamsPage(ctx context.Context, v *visit, form templates.Form) (response, error) {
	teams, err := v.store.Teams(ctx)
	if err != nil {
		return nil, err
	}
	body := templates.Teams(templates.TeamsPage{Page: v.page, Teams: teams, Parents: teamOptions(teams, uuid.Nil), Form: form})
	if form.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

// readTeam reads the fields of the form.
func readTeam(v *visit) crm.Team {
	return crm.Team{Name: v.form.Get("name"), ParentID: v.reference("parent_id", "There is no such team.")}
}

func createTeam(ctx context.Context, v *visit) (response, error) {
	t := readTeam(v)
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateTeam(ctx, t, v.token()) },
		func(errs crm.Invalid) (response, error) {
			return teamsPage(ctx, v, templates.Form{Action: paths.Teams, Token: v.formToken(), Values: v.typed(teamFields...), Errors: errs})
		}, "",
		func(r postgres.Saved) response { return saved(paths.Team(r.ID), v.t("Team created."), r) })
}

func editTeam(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	t, err := v.store.Team(ctx, id)
	if err != nil {
		return nil, err
	}
	return teamForm(ctx, v, t, templates.Form{Action: paths.Team(id), Version: t.Version, Values: teamValues(t)})
}

func teamValues(t crm.Team) map[string]string {
	return map[string]string{"name": t.Name, "parent_id": nullID(t.ParentID)}
}

func teamForm(ctx context.Context, v *visit, t crm.Team, form templates.Form) (response, error) {
	teams, err := v.store.Teams(ctx)
	if err != nil {
		return nil, err
	}
	body := templates.TeamForm(templates.TeamFormPage{Page: v.page, Team: t, Parents: teamOptions(teams, t.ID), Form: form})
	if form.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

func updateTeam(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	now, err := v.store.Team(ctx, id)
	if err != nil {
		return nil, err
	}
	t := readTeam(v)
	t.ID, t.Version = id, v.version()
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateTeam(ctx, t) },
		func(errs crm.Invalid) (response, error) {
			return teamForm(ctx, v, now, templates.Form{Action: paths.Team(id), Version: t.Version, Values: v.typed(teamFields...), Errors: errs})
		}, paths.Team(id),
		func(r postgres.Saved) response { return saved(paths.Team(id), v.t("Team saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		teams, err := v.store.Teams(ctx)
		if err != nil {
			return nil, err
		}
		return conflict(ctx, v, conflicting{
			name: now.Name, back: paths.Team(id), version: now.Version, theirs: teamValues(now), fields: teamFields,
			options: map[string][]templates.Option{"parent_id": teamOptions(teams, id)},
		})
	}
	return resp, err
}
