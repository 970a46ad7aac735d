package demo

import (
	"iter"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

// followUpEach is for how many clients there is one follow-up, in a grown firm.
const followUpEach = 20

// FollowUps returns what is to be done and what was, each by the owner of its client.
func (s *Scaled) FollowUps() iter.Seq[crm.FollowUp] {
	return stream(s, s.clients/followUpEach, (*scaler).followUp)
}

// followUp is about a client of its own score; which one of the score moves on, since some owners have every
// twentieth.
func (sc *scaler) followUp(n int) crm.FollowUp {
	org := followUpEach*n + n%followUpEach
	at := sc.client(org)
	g := sc.task.at(n)
	f := crm.FollowUp{ID: id("follow-up", n), Title: pick(g, tasks), OrganizationID: valid(at.id), UserID: at.owner, State: crm.FollowUpOpen}
	if !at.owner.Valid {
		f.UserID = valid(sc.anyOwner(g))
	}
	if g.chance(0.6) {
		f.ContactID = valid(id("contact", org))
	}
	f.CreatedBy, f.CreatedAt = f.UserID, sc.ago(newcomer*g.Float64())
	if at.active && g.chance(openShare) {
		f.Due = g.dueSoon()
		if f.Due.Day != "" {
			f.Due.Day = max(f.Due.Day, crm.DayOf(f.CreatedAt, time.UTC))
		}
		return f
	}
	g.finish(&f)
	f.InteractionID = uuid.NullUUID{}
	return f
}
