package demo

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// channelWeights follow crm.Channels.
var channelWeights = []float64{37, 14, 31, 18}

// event is an interaction before it has words. Its age is drawn, its date follows from now.
type event struct {
	org, contact int // contact is -1 for none
	channel      crm.Channel
	author       uuid.UUID
	age          float64 // days
	minute       int     // of the day, UTC
}

// interactions makes the history. Words are drawn in the order of time, so that none is said again
// soon after; that order is the ages', which do not depend on now, nor does a single word.
func (g *generator) interactions() {
	events := make([]event, 0, interactionCount)
	people := func(org int) float64 { return math.Sqrt(float64(len(g.staff[org]))) }
	for org, n := range g.shares(len(g.data.Organizations), interactionCount, 1.25, people) {
		quiet := g.quiet(g.data.Organizations[org])
		for range n {
			events = append(events, g.event(org, quiet))
		}
	}
	slices.SortStableFunc(events, func(a, b event) int { return cmp.Compare(b.age, a.age) })
	talk := newTalk(g)
	for i, e := range events {
		g.data.Interactions = append(g.data.Interactions, g.interaction(i, e, talk))
	}
	slices.SortStableFunc(g.data.Interactions, func(a, b crm.Interaction) int { return a.HappenedAt.Compare(b.HappenedAt) })
}

// quiet returns for how many days nobody has spoken to a client: most are in touch, some are slipping.
func (g *generator) quiet(o crm.Organization) int {
	p, slipping, lost := g.Float64(), 30+g.IntN(120), 150+g.IntN(300)
	switch {
	case !o.IsActive || p > 0.88:
		return lost
	case p > 0.66:
		return slipping
	}
	return lost % 4
}

func (g *generator) event(org, quiet int) event {
	e := event{org: org, contact: -1, channel: crm.Channels[g.weighted(channelWeights)]}
	// The recent past is a little denser: the firm grows.
	e.age = float64(quiet) + float64(historyDays-quiet)*math.Pow(g.Float64(), 1.5)
	e.minute = 7*60 + 5*g.IntN(10*12)
	if staff := g.staff[org]; !g.chance(0.1) {
		// The first contact speaks for the client and is called most.
		e.contact = staff[min(g.IntN(len(staff)), g.IntN(len(staff)))]
	}
	e.author = g.data.Users[g.weighted(authorWeights)].ID
	if owner := g.data.Organizations[org].OwnerUserID; owner.Valid && g.chance(0.75) {
		e.author = owner.UUID
	}
	return e
}

// date returns when e happened: on a working day, in working hours, never after now.
func (g *generator) date(e event) time.Time {
	day := g.now.AddDate(0, 0, -int(e.age))
	at := time.Date(day.Year(), day.Month(), day.Day(), 0, e.minute, 0, 0, time.UTC)
	if at.After(g.now) {
		at = at.AddDate(0, 0, -1)
	}
	switch at.Weekday() {
	case time.Saturday:
		at = at.AddDate(0, 0, -1)
	case time.Sunday:
		at = at.AddDate(0, 0, -2)
	}
	return at
}

func (g *generator) interaction(n int, e event, talk *talk) crm.Interaction {
	i := crm.Interaction{
		ID: id("interaction", n), UserID: valid(e.author), Channel: e.channel,
		OrganizationID: valid(g.data.Organizations[e.org].ID), HappenedAt: g.date(e), Version: 1,
	}
	if e.contact >= 0 {
		i.ContactID = valid(g.data.Contacts[e.contact].ID)
	}
	i.Subject, i.Body, i.Outcome = talk.words(e)
	i.CreatedAt = i.HappenedAt.Add(time.Duration(g.IntN(50)) * time.Minute)
	if i.CreatedAt.After(g.now) {
		i.CreatedAt = g.now
	}
	colleagues := make([]uuid.UUID, len(g.staff[e.org]))
	for k, c := range g.staff[e.org] {
		colleagues[k] = g.data.Contacts[c].ID
	}
	attendance(&i, n, colleagues)
	return i
}
