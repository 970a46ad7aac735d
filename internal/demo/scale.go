package demo

import (
	"iter"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// Scaled is the firm grown to any number of clients, each with three contacts, not quite three relationships
// and ten interactions. Every record is a function of its number alone: streams of millions need no memory, and
// each refers to the others without a look-up.
//
// What is uneven stays so: the largest client has about 0.4 % of a million clients' interactions, the typical
// one six; owners have from three clients to a twentieth of all.
type Scaled struct {
	Name  string
	Teams []crm.Team // parents before children
	Roles []crm.Role // beside the seeded ones
	Users []User     // the first SignIns show every reach; the rest make up the numbers

	now     time.Time
	clients int
	owners  []uuid.UUID // those whose clients are many, the one with the most first
	sectors []string
	weights []float64 // of countries
}

// SignIns is how many of a scaled firm's users somebody would want to sign in as.
const SignIns = 12

// What belongs to a client, as multiples. Contacts beyond 2.7 have no client; every tenth of the others has a
// second one.
const (
	contactsEach     = 3
	interactionsEach = 10
)

// settled is the age in days from which every client has been one for the whole history.
const settled = historyDays + 32

// newcomer is how long a client and its people are known before anybody may have spoken to them.
const newcomer = 30

// Scale returns the firm with that many clients, as it stands at now: the same records every time, but for dates.
func Scale(now time.Time, clients int) *Scaled {
	s := &Scaled{now: now.UTC().Truncate(time.Minute), clients: clients, sectors: slices.Sorted(maps.Keys(sectorWords))}
	for _, c := range countries {
		s.weights = append(s.weights, c.weight)
	}
	s.people()
	return s
}

// Counts returns how many records the streams hold.
func (s *Scaled) Counts() (organizations, contacts, relationships, interactions int) {
	return s.clients, contactsEach * s.clients, s.linked() + s.seconds(), interactionsEach * s.clients
}

// linked is how many contacts, from the first, have a client: contact n the client n modulo their number.
func (s *Scaled) linked() int { return contactsEach * s.clients * 9 / 10 }

// seconds is how many contacts have a second client.
func (s *Scaled) seconds() int { return s.linked() / 10 }

// Organizations returns all clients.
func (s *Scaled) Organizations() iter.Seq[crm.Organization] {
	return stream(s, s.clients, (*scaler).organization)
}

// Contacts returns everybody.
func (s *Scaled) Contacts() iter.Seq[crm.Contact] {
	return stream(s, contactsEach*s.clients, (*scaler).person)
}

// Relationships returns who is whose contact, and since when; no two are alike.
func (s *Scaled) Relationships() iter.Seq[crm.Relationship] {
	return func(yield func(crm.Relationship) bool) {
		for r := range stream(s, s.linked(), (*scaler).home) {
			if !yield(r) {
				return
			}
		}
		for r := range stream(s, s.seconds(), (*scaler).second) {
			if !yield(r) {
				return
			}
		}
	}
}

// Interactions returns the history, oldest day first.
func (s *Scaled) Interactions() iter.Seq[crm.Interaction] {
	return stream(s, interactionsEach*s.clients, (*scaler).interaction)
}

// stream counts through the records of one kind; each run has sources of its own.
func stream[T any](s *Scaled, count int, record func(*scaler, int) T) iter.Seq[T] {
	return func(yield func(T) bool) {
		sc := newScaler(s)
		for n := range count {
			if !yield(record(sc, n)) {
				return
			}
		}
	}
}

// scaler makes single records. It has a source for each kind, since one record asks for others while it draws.
type scaler struct {
	*Scaled
	org, contact, link, event, task source
	talk                            *talk
}

func newScaler(s *Scaled) *scaler {
	sc := &scaler{Scaled: s, org: newSource(s, 1), contact: newSource(s, 2), link: newSource(s, 3), event: newSource(s, 4), task: newSource(s, 5)}
	// talk asks for the client and the contact of an event; here there is one of each at a time.
	sc.event.data.Organizations, sc.event.data.Contacts = make([]crm.Organization, 1), make([]crm.Contact, 1)
	sc.talk = &talk{generator: sc.event.generator}
	return sc
}

// source draws for one kind of record.
type source struct {
	*generator
	pcg  *rand.PCG
	kind uint64
}

func newSource(s *Scaled, kind uint64) source {
	pcg := rand.NewPCG(0, 0)
	return source{generator: &generator{Rand: rand.New(pcg), now: s.now}, pcg: pcg, kind: kind} //nolint:gosec // the same every time, on purpose
}

// at makes the next draws those of record n. The number is spread over the seed, lest neighbours be alike.
func (s source) at(n int) *generator {
	s.pcg.Seed(s.kind, uint64(n+1)*0x9e3779b97f4a7c15) //nolint:gosec // never negative
	return s.generator
}

// client is what others need to know of an organization.
type client struct {
	id      uuid.UUID
	name    string
	sector  string
	country *country
	owner   uuid.NullUUID
	active  bool
	age     float64 // days since it became one
}

// age is the first draw of a client: an interaction looks for one that is old enough. The largest, which come
// first, all are.
func (sc *scaler) age(n int) float64 {
	u := sc.org.at(n).Float64()
	if n <= sc.clients/100 {
		return settled + 1000*u
	}
	return 60 + 1700*u
}

func (sc *scaler) client(n int) client {
	c := client{id: id("organization", n), age: sc.age(n)}
	g := sc.org.generator
	c.country = countries[g.weighted(sc.weights)]
	c.sector = sc.sectors[int(float64(len(sc.sectors))*math.Pow(g.Float64(), 1.5))] // some are larger
	c.name = g.longName(c.country, c.sector)
	c.owner, c.active = sc.owner(g, n), !g.chance(0.05)
	return c
}

// longName is a company's name among a million: most need a given name, a partner or a town to be told apart.
func (g *generator) longName(c *country, sector string) string {
	name := g.companyName(c, sector)
	switch p := g.Float64(); {
	case p < 0.25:
		return pick(g, c.given) + " " + name
	case p < 0.5:
		return name + " " + pick(g, c.cities)
	case p < 0.9:
		return pick(g, c.surnames) + " & " + name
	}
	return name
}

func (sc *scaler) organization(n int) crm.Organization {
	c := sc.client(n)
	g := sc.org.generator
	o := crm.Organization{
		ID: c.id, DisplayName: c.name, LegalName: c.name + " " + pick(g, c.country.forms), Sector: c.sector,
		SizeBand: crm.SizeBands[g.weighted(bandWeights)], TaxID: g.fill(c.country.tax), OwnerUserID: c.owner, IsActive: c.active, Version: 1,
		CreatedAt: sc.ago(c.age),
	}
	o.UpdatedAt, o.TouchEveryDays = o.CreatedAt, rhythm(n, o)
	if g.chance(0.8) {
		o.Website = "https://www." + c.domain(n)
	}
	return o
}

// domain ends in the client's number: there are namesakes, and addresses have to differ.
func (c client) domain(n int) string { return slug(c.name) + "-" + strconv.Itoa(n) + ".example" }

// ago is the moment that lies days back.
func (s *Scaled) ago(days float64) time.Time {
	return s.now.Add(-time.Duration(days * 24 * float64(time.Hour))).Truncate(time.Second)
}
