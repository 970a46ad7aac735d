package demo

import (
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// Users of a scaled firm, by number. The first eight are the firm's own.
const (
	midOwner   = 5 // reach own: one client in two thousand
	largeOwner = 6 // reach own: one in twenty
	smallOwner = 8 // reach own: three clients
)

// scaledPeople follow the eight of the firm up to SignIns: with them, teams of every size have somebody whose
// reach they are.
var scaledPeople = []struct{ team, role string }{
	{"Islands", "consultant"}, {"Islands", "regional_manager"}, {"South", "regional_manager"}, {"East", "regional_manager"},
}

// scaledTeams say where the rest work.
var (
	scaledTeams       = []string{"North", "South", "East", "West"}
	scaledTeamWeights = []float64{70, 12, 10, 8}
)

// people takes over the firm's teams, roles and users and adds to them: 12 users for a small firm, 200 for a
// million clients.
func (s *Scaled) people() {
	g := &generator{Rand: rand.New(rand.NewPCG(1847, 414)), now: s.now} //nolint:gosec // the same every time, on purpose
	g.people()
	s.Name, s.Teams, s.Roles, s.Users = "Northgate & Co.", g.data.Teams, g.data.Roles, g.data.Users
	teams := map[string]uuid.UUID{}
	for _, t := range s.Teams {
		teams[t.Name] = t.ID
	}
	for i, t := range []struct{ name, parent string }{{"East", "Northgate"}, {"West", "Northgate"}, {"Islands", "South"}} {
		team := crm.Team{ID: id("team", 100+i), Name: t.name, ParentID: valid(teams[t.parent]), Version: 1}
		teams[t.name] = team.ID
		s.Teams = append(s.Teams, team)
	}
	taken := map[string]bool{}
	for n := len(s.Users); n < max(SignIns, min(200, int(math.Sqrt(float64(s.clients))/5))); n++ {
		s.Users = append(s.Users, s.user(g, n, teams, taken))
	}
	for n, u := range s.Users {
		if n > 0 && n != midOwner && n != largeOwner && n != smallOwner && u.RoleSlugs[0] != "viewer" {
			s.owners = append(s.owners, u.ID)
		}
	}
}

func (s *Scaled) user(g *generator, n int, teams map[string]uuid.UUID, taken map[string]bool) User {
	c := countries[g.weighted(s.weights)]
	name := pick(g, c.given) + " " + pick(g, c.surnames)
	for taken[mailbox(name)] {
		name = pick(g, c.given) + " " + pick(g, c.surnames)
	}
	taken[mailbox(name)] = true
	team, role := scaledTeams[g.weighted(scaledTeamWeights)], "account_manager"
	switch {
	case n-8 < len(scaledPeople):
		team, role = scaledPeople[n-8].team, scaledPeople[n-8].role
	case n%5 == 0:
		role = "consultant"
	}
	return User{
		User: crm.User{
			ID: id("user", n), Name: name, Email: mailbox(name) + "@northgate.example", Preferences: crm.Preferences{Zone: "Europe/London"}, TeamID: valid(teams[team]), TeamName: team,
			IsActive: true, Version: 1, CreatedAt: g.now.AddDate(-2, 0, -n), UpdatedAt: g.now.AddDate(-2, 0, -n),
		},
		RoleSlugs: []string{role},
	}
}

// owner returns whose client n is. Three owners have a fixed share, for reaches of a known size; the others have
// more the earlier they stand.
func (sc *scaler) owner(g *generator, n int) uuid.NullUUID {
	switch {
	case n%max(1, sc.clients/3) == 4:
		return valid(sc.Users[smallOwner].ID)
	case n%2000 == 7:
		return valid(sc.Users[midOwner].ID)
	case n%20 == 3:
		return valid(sc.Users[largeOwner].ID)
	case g.chance(0.03):
		return uuid.NullUUID{}
	}
	return valid(sc.anyOwner(g))
}

func (s *Scaled) anyOwner(g *generator) uuid.UUID {
	return s.owners[int(float64(len(s.owners))*math.Pow(g.Float64(), 1.3))]
}

// face is what others need to know of a contact.
type face struct {
	first, last string
	country     *country
	home        int // the client, -1 for none
}

// face makes the first draws of contact n; at is the client, if it has one.
func (sc *scaler) face(n int, at client) face {
	f := face{home: sc.homeOf(n), country: at.country}
	g := sc.contact.at(n)
	if f.home < 0 || g.chance(0.12) {
		f.country = pick(g, countries) // people move about
	}
	f.first, f.last = pick(g, f.country.given), pick(g, f.country.surnames)
	return f
}

// homeOf returns the client of contact n, or -1.
func (s *Scaled) homeOf(n int) int {
	if n >= s.linked() {
		return -1
	}
	return n % s.clients
}

func (sc *scaler) person(n int) crm.Contact {
	var at client
	if home := sc.homeOf(n); home >= 0 {
		at = sc.client(home)
	}
	email := sc.address(n, at)
	f := sc.face(n, at)
	g := sc.contact.generator
	c := crm.Contact{
		ID: id("contact", n), FirstName: f.first, LastName: f.last, JobTitle: sc.job(g, n).title, OwnerUserID: at.owner,
		IsActive: !g.chance(0.04), Version: 1, CreatedAt: sc.ago(sc.known(g, at)),
	}
	c.UpdatedAt = c.CreatedAt
	if f.home < 0 || g.chance(0.08) {
		c.OwnerUserID = valid(sc.anyOwner(g))
	}
	if g.chance(0.92) {
		c.Email = email
	}
	c.Phone = g.fill(f.country.phone)
	if g.chance(0.6) {
		c.Mobile = g.fill(f.country.mobile)
	}
	return c
}

// job returns what the contact does; the first of each client speaks for it. It is the draw after the face.
func (sc *scaler) job(g *generator, n int) struct{ title, role string } {
	if n < sc.clients {
		return jobs[g.IntN(mainJobs)]
	}
	return pick(g, jobs)
}

// known returns for how many days a contact has been: nearly as long as the client.
func (sc *scaler) known(g *generator, at client) float64 {
	if at.country == nil {
		return 60 + 1700*g.Float64()
	}
	return at.age - newcomer*g.Float64()
}

// address returns an address that nobody else has: a namesake at the same client has the number in it, and so
// has everybody without a client.
func (sc *scaler) address(n int, at client) string {
	f := sc.face(n, at)
	name := mailbox(f.first + " " + f.last)
	if f.home < 0 {
		return name + "." + strconv.Itoa(n) + "@mail.example"
	}
	var before []string
	for earlier := f.home; earlier < n; earlier += sc.clients {
		e := sc.face(earlier, at)
		before = append(before, mailbox(e.first+" "+e.last))
	}
	if slices.Contains(before, name) {
		name += strconv.Itoa(len(before) + 1)
	}
	return name + "@" + at.domain(f.home)
}
