package demo

import (
	"math"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// home links contact n to its client.
func (sc *scaler) home(n int) crm.Relationship {
	at := sc.client(sc.homeOf(n))
	sc.face(n, at)
	role := sc.job(sc.contact.generator, n).role
	left := sc.contact.chance(0.04) // as person draws whether the contact is active
	r := crm.Relationship{
		OrganizationID: at.id, ContactID: id("contact", n), RoleLabel: role,
		RelationshipStatus: sc.status(n, at.active && !left), Since: sc.ago(sc.known(sc.contact.generator, at)), Version: 1,
	}
	if n%17 == 0 {
		r.TouchEveryDays = new(90)
	}
	return r
}

func (sc *scaler) status(n int, active bool) string {
	switch p := sc.link.at(n).Float64(); {
	case !active || p < 0.06:
		return "Former"
	case p < 0.2:
		return "Prospect"
	}
	return "Active"
}

// second gives every tenth contact a place at another client, mostly a large one. One each: so no link is there
// twice.
func (sc *scaler) second(n int) crm.Relationship {
	contact := 10 * n
	g := sc.link.at(sc.linked() + n)
	org := sc.large(g)
	if org == sc.homeOf(contact) {
		org = (org + 1) % sc.clients
	}
	role, status := pick(g, []string{"Advisor", "Board member", "Partner", "Legal"}), pick(g, []string{"Active", "Active", "Prospect", "Former"})
	days := min(sc.age(org), sc.age(sc.homeOf(contact))) - newcomer*(1+g.Float64())
	return crm.Relationship{
		OrganizationID: id("organization", org), ContactID: id("contact", contact), RoleLabel: role, RelationshipStatus: status,
		Since: sc.ago(days), Version: 1,
	}
}

// large returns any client, the earlier ones far more often: their share falls with rank^-0.6.
func (s *Scaled) large(g *generator) int {
	return int(float64(s.clients) * math.Pow(g.Float64(), 2.5))
}

// interaction returns the n-th of the history. Now and then nobody knows for which client it was.
func (sc *scaler) interaction(n int) crm.Interaction {
	g := sc.event.at(n)
	e, org, contact := sc.meet(g, n)
	at := sc.client(org)
	i := crm.Interaction{ID: id("interaction", n), Channel: e.channel, Version: 1}
	i.UserID = at.owner
	if !at.owner.Valid || g.chance(0.3) {
		i.UserID = valid(sc.anyOwner(g))
	}
	g.data.Organizations[0].DisplayName, g.data.Organizations[0].Sector = at.name, at.sector
	if contact < 0 || !g.chance(0.03) {
		i.OrganizationID = valid(at.id)
	}
	if contact >= 0 {
		f := sc.face(contact, at)
		g.data.Contacts[0].FirstName, g.data.Contacts[0].LastName = f.first, f.last
		i.ContactID = valid(id("contact", contact))
	}
	i.Subject, i.Body, i.Outcome = sc.talk.anew(e)
	i.HappenedAt = g.date(e)
	i.CreatedAt = i.HappenedAt.Add(time.Duration(g.IntN(50)) * time.Minute)
	if i.CreatedAt.After(g.now) {
		i.CreatedAt = g.now
	}
	if contact >= 0 {
		attendance(&i, n, sc.colleagues(org))
	} else {
		attendance(&i, n, nil)
	}
	return i
}

// colleagues are the contacts that have client org as their first.
func (sc *scaler) colleagues(org int) []uuid.UUID {
	var all []uuid.UUID
	for c := org; c < sc.linked(); c += sc.clients {
		all = append(all, id("contact", c))
	}
	return all
}

// meet draws when interaction n was and with whom. The event's own client and contact are the only ones that
// talk knows.
func (sc *scaler) meet(g *generator, n int) (e event, org, contact int) {
	all := float64(interactionsEach * sc.clients)
	e.age = historyDays * math.Pow((all-float64(n)-g.Float64())/all, 1.3) // the firm grows
	e.minute = 7*60 + 5*g.IntN(10*12)
	e.channel, e.contact = crm.Channels[g.weighted(channelWeights)], -1
	org, contact = g.IntN(1+sc.clients/100), -1 // old enough for anything
	for range 8 {
		if o := sc.large(g); sc.age(o)-newcomer >= e.age {
			org = o
			break
		}
	}
	if c := org + sc.clients*g.IntN(contactsEach); g.chance(0.65) && c < sc.linked() {
		e.contact, contact = 0, c
	}
	return e, org, contact
}

// anew finds words for e without a memory of what was said: among millions something is said again.
func (t *talk) anew(e event) (subject, body, outcome string) {
	topic, pattern := t.topic(e), t.phrase(e, subjects[e.channel])
	subject, outcome = capital(t.fillIn(pattern, e, topic)), t.outcome(e.channel, pattern)
	if t.chance(0.7) {
		body = t.body(e, topic, outcome)
	}
	return subject, body, outcome
}
