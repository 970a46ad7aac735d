package demo

import (
	"math"
	"math/rand/v2"
	"strconv"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// How large the firm is.
const (
	organizationCount = 400
	contactCount      = 1200
	interactionCount  = 8000
	historyDays       = 730 // how far back the interactions go
)

// Data is the firm. Every record refers only to others of the same Data, and passes the rules of crm.
type Data struct {
	Name          string
	Teams         []crm.Team // parents before children
	Roles         []crm.Role // beside the seeded ones
	Users         []User
	Organizations []crm.Organization
	Contacts      []crm.Contact
	Relationships []crm.Relationship
	Interactions  []crm.Interaction // oldest first
	FollowUps     []crm.FollowUp
	TouchDefaults []crm.TouchDefault
}

// User is a user with the roles to give: slugs of seeded roles or of Data.Roles. The team is
// in crm.User, as id and name.
type User struct {
	crm.User
	RoleSlugs []string
}

// Firm returns the firm as it stands at now: the same people, clients and texts every time, and
// dates that lie in the two years before now.
func Firm(now time.Time) Data {
	g := &generator{
		Rand: rand.New(rand.NewPCG(1847, 413)), //nolint:gosec // the same every time, on purpose
		now:  now.UTC().Truncate(time.Minute),
	}
	g.data.Name = "Northgate & Co."
	g.people()
	g.organizations()
	g.contacts()
	g.interactions()
	g.birthdays()
	g.followUps()
	g.rhythms()
	return g.data
}

// generator holds what the steps of Firm share. Draws must not depend on now, or the firm would
// change from day to day.
type generator struct {
	*rand.Rand
	now  time.Time
	data Data

	countries []*country     // by organization
	staff     [][]int        // indexes of contacts, by organization
	emails    map[string]int // how often each was wanted
}

// namespace keeps our ids apart from anyone else's name-based ones.
var namespace = uuid.NewSHA1(uuid.NameSpaceDNS, []byte("northgate.example"))

func id(kind string, n int) uuid.UUID {
	return uuid.NewSHA1(namespace, []byte(kind+":"+strconv.Itoa(n)))
}

func valid(u uuid.UUID) uuid.NullUUID { return uuid.NullUUID{UUID: u, Valid: true} }

// chance is true in p of 1 cases.
func (g *generator) chance(p float64) bool { return g.Float64() < p }

// pick returns any of list.
func pick[T any](g *generator, list []T) T { return list[g.IntN(len(list))] }

// weighted returns an index, each as often as its weight says.
func (g *generator) weighted(weights []float64) int {
	var sum float64
	for _, w := range weights {
		sum += w
	}
	at := g.Float64() * sum
	for i, w := range weights {
		if at -= w; at < 0 {
			return i
		}
	}
	return len(weights) - 1
}

// digits returns n random digits, the first not 0.
func (g *generator) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte('0' + g.IntN(10))
	}
	b[0] = byte('1' + g.IntN(9))
	return string(b)
}

// shares splits total among n in the way of real client lists: most get little, a few a lot, in
// proportion to base on average. Each gets at least one; the sum is total.
func (g *generator) shares(n, total int, spread float64, base func(int) float64) []int {
	weights := make([]float64, n)
	var sum float64
	for i := range weights {
		weights[i] = base(i) * math.Exp(spread*g.NormFloat64())
		sum += weights[i]
	}
	out := make([]int, n)
	left := total
	for i, w := range weights {
		out[i] = 1 + int(w/sum*float64(total-n))
		left -= out[i]
	}
	for ; left > 0; left-- {
		out[g.IntN(n)]++
	}
	return out
}

// birthdays dates organizations, contacts and relationships to shortly before they are first heard of.
func (g *generator) birthdays() {
	organizations, contacts := map[uuid.UUID]time.Time{}, map[uuid.UUID]time.Time{}
	note := func(first map[uuid.UUID]time.Time, who uuid.NullUUID, at time.Time) {
		if t, has := first[who.UUID]; who.Valid && (!has || at.Before(t)) {
			first[who.UUID] = at
		}
	}
	for _, i := range g.data.Interactions {
		note(organizations, i.OrganizationID, i.HappenedAt)
		note(contacts, i.ContactID, i.HappenedAt)
	}
	for i := range g.data.Organizations {
		o := &g.data.Organizations[i]
		o.CreatedAt = g.before(organizations[o.ID], 40)
		o.UpdatedAt = o.CreatedAt
		organizations[o.ID] = o.CreatedAt
	}
	for i := range g.data.Contacts {
		c := &g.data.Contacts[i]
		c.CreatedAt = g.before(contacts[c.ID], 10)
		c.UpdatedAt = c.CreatedAt
		contacts[c.ID] = c.CreatedAt
	}
	for i := range g.data.Relationships {
		r := &g.data.Relationships[i]
		r.Since = contacts[r.ContactID]
		if at := organizations[r.OrganizationID]; at.After(r.Since) {
			r.Since = at
		}
	}
}

// before returns a time up to days before t, or within the last year when there is no t.
func (g *generator) before(t time.Time, days int) time.Time {
	if t.IsZero() {
		t, days = g.now, 365
	}
	return t.Add(-time.Duration(1+g.IntN(days*24*60)) * time.Minute)
}
