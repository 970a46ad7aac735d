package templates

import (
	"strings"
	"testing"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
)

func viewSamples() map[string]templ.Component {
	p := samplePage()
	view := crm.SavedView{
		ID: id(80), List: crm.OrganizationList, Name: "Energy, <North>", Query: "sector=Energy", Shared: crm.WithTeam, TeamID: some(62), TeamName: "North",
		Version: 2, Mine: true, MayEdit: true, Pinned: true,
	}
	p.Pins = []crm.Pin{{ID: view.ID, List: view.List, Name: view.Name, Mine: true}, {ID: id(81), List: crm.InteractionList, Name: "Calls of the week"}}
	shown, seen := p, view
	shown.InView = view.ID
	seen.ID, seen.Name, seen.Mine, seen.MayEdit, seen.Pinned, seen.IsDefault = id(82), "Theirs", false, false, false, true
	list := ListView{
		List: crm.OrganizationList, Path: paths.Organizations, Views: []crm.SavedView{view, seen}, Current: &view, Differs: true, Query: "sector=Food",
		Kept: "name,sector", State: "base=" + view.ID.String() + "&sector=Food", Columns: ColumnsFor(p, OrganizationColumns, []string{"sector", "owner"}), Dropped: []string{"owner: team:x"},
	}
	theirs := list
	theirs.Current, theirs.Differs = &seen, false
	q := Query{"sector": "Food", "base": view.ID.String()}
	form := Form{Action: paths.Views, Token: "t0k3n", Values: map[string]string{"query": "sector=Food", "columns": "name,sector", "pinned": "1"}, Errors: crm.Invalid{"name": crm.Msg("Enter a name for the view.")}}
	edit := Form{Action: paths.View(view.ID), Version: 2, Values: map[string]string{"name": view.Name, "shared": SharedValue(view), "query": view.Query}}
	return map[string]templ.Component{
		"organizations-view":        Organizations(OrganizationsPage{Page: shown, View: list, List: sampleOrganizations(), Query: q}),
		"organizations-view-theirs": Organizations(OrganizationsPage{Page: p, View: theirs, List: sampleOrganizations(), Query: q}),
		"view-new":                  ViewForm(ViewFormPage{Page: p, View: crm.SavedView{List: crm.OrganizationList}, Form: form, Teams: []Option{{Value: id(62).String(), Label: "North"}}}),
		"view":                      ViewForm(ViewFormPage{Page: p, View: view, Form: edit}),
	}
}

func TestColumnsForKeepsTheFirstAndHidesWhatMayNotBeSeen(t *testing.T) {
	t.Parallel()
	all := []Column[int]{
		{Name: "name", Label: func(Page) string { return "Name" }, Usual: true},
		{Name: "a", Label: func(Page) string { return "A" }, Usual: true},
		{Name: "last", Label: func(Page) string { return "Last" }, Usual: true, Talks: true},
		{Name: "b", Label: func(Page) string { return "B" }},
	}
	for _, tt := range []struct {
		shown string
		talks bool
		want  string // shown columns, then after the bar what else there is
	}{
		{"", true, "name a last|b"},
		{"", false, "name a|b"},
		{"name", true, "name|a last b"},
		{"b a", true, "name b a|last"},
		{"b last nonsense name b", true, "name b last|a"},
		{"last", false, "name|a b"},
		{"nonsense", true, "name|a last b"},
	} {
		p := samplePage()
		p.SeesLastContact = tt.talks
		var groups [2][]string
		for _, c := range ColumnsFor(p, all, strings.Fields(tt.shown)) {
			i := 0
			if !c.Shown {
				i = 1
			}
			groups[i] = append(groups[i], c.Name)
		}
		if got := strings.Join(groups[0], " ") + "|" + strings.Join(groups[1], " "); got != tt.want {
			t.Errorf("columns %q, talks %v: got %q, want %q", tt.shown, tt.talks, got, tt.want)
		}
	}
}
