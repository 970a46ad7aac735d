package demo

import (
	"math/rand/v2"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// followUpCount is how many follow-ups the firm has, and openShare how many of them are still to be done.
const (
	followUpCount = 260
	openShare     = 0.4
)

// tasks are what people plan, by how often.
var tasks = []string{
	"Send the offer", "Call back about the offer", "Send the contract", "Ask for the signed contract", "Book the next meeting",
	"Prepare the review meeting", "Send the minutes", "Check that the invoice is paid", "Introduce the new colleague",
	"Ask for a reference", "Renew the framework agreement", "Send the updated price list", "Confirm the delivery date",
	"Clear up the complaint", "Invite to the customer day", "Talk about next year's budget",
}

// followUps plans what comes next with the clients that were spoken to lately: some overdue, some today, most in the
// days to come, and many done. They draw from a source of their own, so that the rest of the firm stays as it is.
func (g *generator) followUps() {
	g.Rand = rand.New(rand.NewPCG(1902, 27)) //nolint:gosec // the same every time, on purpose
	latest := g.latest()
	for n := range followUpCount {
		born := latest[g.IntN(len(latest))]
		f := crm.FollowUp{
			ID: id("follow-up", n), Title: pick(g, tasks), OrganizationID: born.OrganizationID, ContactID: born.ContactID, UserID: born.UserID,
			CreatedBy: born.UserID, InteractionID: valid(born.ID), State: crm.FollowUpOpen, CreatedAt: born.CreatedAt,
		}
		if g.chance(openShare) {
			f.Due = g.dueSoon()
		} else {
			g.finish(&f)
		}
		if f.Due.Day != "" && f.Due.Day < crm.DayOf(f.CreatedAt, time.UTC) {
			f.Due.Day = crm.DayOf(f.CreatedAt, time.UTC)
		}
		g.data.FollowUps = append(g.data.FollowUps, f)
	}
}

// latest are the newest interaction with each active client, newest first.
func (g *generator) latest() []crm.Interaction {
	active := map[uuid.UUID]bool{}
	for _, o := range g.data.Organizations {
		active[o.ID] = o.IsActive
	}
	for _, c := range g.data.Contacts {
		active[c.ID] = c.IsActive
	}
	works := map[uuid.UUID]bool{}
	for _, u := range g.data.Users {
		works[u.ID] = u.IsActive
	}
	var latest []crm.Interaction
	for n := len(g.data.Interactions) - 1; n >= 0; n-- {
		i := g.data.Interactions[n]
		if active[i.OrganizationID.UUID] && works[i.UserID.UUID] && (!i.ContactID.Valid || active[i.ContactID.UUID]) {
			latest = append(latest, i)
			active[i.OrganizationID.UUID] = false // once
		}
	}
	return latest
}

// dueSoon is between a week ago and a month ahead, mostly near; now and then at an hour.
func (g *generator) dueSoon() crm.Due {
	days := g.weighted([]float64{2, 3, 5, 6, 4, 3, 3, 2, 2}) - 2
	if days > 4 {
		days += g.IntN(25)
	}
	if days < 0 {
		days -= g.IntN(6)
	}
	if g.chance(0.25) {
		return crm.Due{At: time.Date(g.now.Year(), g.now.Month(), g.now.Day()+days, 8+g.IntN(9), 30*g.IntN(2), 0, 0, time.UTC)}
	}
	return crm.Due{Day: crm.DayOf(g.now, time.UTC).Plus(days)}
}

// finish makes f one that was done some time ago, or cancelled.
func (g *generator) finish(f *crm.FollowUp) {
	age := time.Duration(1+g.IntN(90*24)) * time.Hour
	f.DoneAt = g.now.Add(-age)
	if f.CreatedAt.After(f.DoneAt) {
		f.CreatedAt = f.DoneAt.Add(-time.Duration(1+g.IntN(10*24)) * time.Hour)
		f.InteractionID = uuid.NullUUID{} // it was planned before
	}
	f.Due = crm.Due{Day: crm.DayOf(f.DoneAt, time.UTC).Plus(g.IntN(3) - 1)}
	f.State, f.DoneBy = crm.FollowUpDone, f.UserID
	if g.chance(0.1) {
		f.State = crm.FollowUpCancelled
	} else if g.chance(0.6) {
		f.Outcome = pick(g, crm.Outcomes)
	}
}
