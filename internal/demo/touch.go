package demo

import (
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

// rhythmDays are how often the firm means to be in touch with clients of each size band: the large ones monthly.
var rhythmDays = []int{180, 120, 90, 60, 30, 30}

// givenUp is after how many silent days the firm has given up on a client.
const givenUp = 240

// rhythmRoles are how often it means to speak to people in a role, whoever they are.
var rhythmRoles = []crm.TouchDefault{{RoleLabel: "CEO", EveryDays: 365}, {RoleLabel: "Decision maker", EveryDays: 365}}

// rhythm returns how often to be in touch with client n: two of five that are active have one.
func rhythm(n int, o crm.Organization) *int {
	if !o.IsActive || n%5 != 0 && n%5 != 2 {
		return nil
	}
	for i, band := range crm.SizeBands {
		if band == o.SizeBand {
			return new(rhythmDays[i])
		}
	}
	return nil
}

// rhythms says how often the firm means to be in touch with clients, and with some people at them, and snoozes one
// client who is long overdue. It draws nothing.
func (g *generator) rhythms() {
	last := map[uuid.UUID]time.Time{}
	for _, i := range g.data.Interactions { // oldest first
		last[i.OrganizationID.UUID] = i.HappenedAt
	}
	snoozed := false
	for i := range g.data.Organizations {
		o := &g.data.Organizations[i]
		silent := g.now.Sub(last[o.ID])
		if silent < givenUp*24*time.Hour {
			o.TouchEveryDays = rhythm(i, *o)
		}
		if o.TouchEveryDays == nil || snoozed {
			continue
		}
		if silent > time.Duration(*o.TouchEveryDays+30)*24*time.Hour {
			o.TouchSnoozedUntil, o.TouchSnoozeReason = crm.DayOf(g.now.AddDate(0, 0, 24), time.UTC), "Their new buyer starts next month."
			snoozed = true
		}
	}
	for i := range g.data.Relationships { // who speaks for a firm of our own size is called
		if r := &g.data.Relationships[i]; i%17 == 0 && r.RelationshipStatus == "Active" {
			r.TouchEveryDays = new(90)
		}
	}
	for i, d := range rhythmRoles {
		d.ID, d.Version = id("touch default", i), 1
		g.data.TouchDefaults = append(g.data.TouchDefaults, d)
	}
}
