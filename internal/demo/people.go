package demo

import (
	"strings"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// people makes the teams, the extra roles and the users: one for each way to see the product.
func (g *generator) people() {
	teams := map[string]uuid.UUID{}
	for i, t := range []struct{ name, parent string }{
		{"Northgate", ""}, {"North", "Northgate"}, {"South", "Northgate"}, {"Nordics", "North"},
	} {
		team := crm.Team{ID: id("team", i), Name: t.name, Version: 1}
		if t.parent != "" {
			team.ParentID = valid(teams[t.parent])
		}
		teams[t.name] = team.ID
		g.data.Teams = append(g.data.Teams, team)
	}
	four := []string{"ViewClient", "EditClient", "ViewInteraction", "EditInteraction"}
	g.data.Roles = []crm.Role{
		{ID: id("role", 0), Slug: "regional_manager", Name: "Regional manager", Reach: "team", Permissions: append([]string{"ExportClient"}, four...), Version: 1},
		{ID: id("role", 1), Slug: "consultant", Name: "Consultant", Reach: "own", Permissions: four, Version: 1},
	}
	for i, u := range []struct{ name, team, zone, role string }{
		{"Eleanor Whitfield", "Northgate", "Europe/London", "admin"},
		{"Giulia Marchetti", "South", "Europe/Rome", "manager"},
		{"Marco Testa", "South", "Europe/Rome", "account_manager"},
		{"Sean O'Donnell", "North", "Europe/Dublin", "regional_manager"},
		{"Ingrid Solberg", "Nordics", "Europe/Oslo", "account_manager"},
		{"Amara Okafor", "North", "Europe/London", "consultant"},
		{"Yusuf Demir", "South", "Europe/Istanbul", "consultant"},
		{"Priya Raman", "Northgate", "Europe/London", "viewer"},
	} {
		g.data.Users = append(g.data.Users, User{
			User: crm.User{
				ID: id("user", i), Name: u.name, Email: mailbox(u.name) + "@northgate.example", Preferences: crm.Preferences{Zone: u.zone},
				TeamID: valid(teams[u.team]), TeamName: u.team, IsActive: true, Version: 1,
				CreatedAt: g.now.AddDate(-2, -1, -i), UpdatedAt: g.now.AddDate(-2, -1, -i),
			},
			RoleSlugs: []string{u.role},
		})
	}
}

// ownerWeights say how the clients are spread over the users above; the last is for no owner.
var ownerWeights = []float64{1, 26, 23, 16, 14, 9, 6, 0, 5}

// authorWeights say who logs what the owner does not. A viewer logs nothing.
var authorWeights = []float64{3, 25, 22, 18, 15, 10, 7, 0}

func (g *generator) owner() uuid.NullUUID {
	i := g.weighted(ownerWeights)
	if i >= len(g.data.Users) {
		return uuid.NullUUID{}
	}
	return valid(g.data.Users[i].ID)
}

// mailbox turns a name into the part before the @: "Seán O'Donnell" is sean.odonnell.
func mailbox(name string) string {
	return strings.ReplaceAll(slug(strings.NewReplacer("'", "", "’", "").Replace(name)), "-", ".")
}
