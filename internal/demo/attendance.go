package demo

import (
	"math/rand/v2"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// lengths are usual durations in minutes, the more usual ones more often.
var lengths = map[crm.Channel][]int{
	crm.Call:    {5, 5, 8, 10, 10, 12, 15, 15, 20, 20, 25, 30, 45},
	crm.Meeting: {30, 45, 60, 60, 60, 75, 90, 90, 120, 180, 240},
}

// attendance draws how long an interaction took, which way it went, and who else was there, of colleagues of its contact.
// Its draws are its own, by the interaction's number: everything else stays as it is without them.
func attendance(i *crm.Interaction, n int, colleagues []uuid.UUID) {
	g := generator{Rand: rand.New(rand.NewPCG(16, uint64(n)))} //nolint:gosec // the same every time, on purpose
	if i.Channel.HasDirection() && g.chance(0.85) {
		if i.Direction = crm.Outgoing; g.chance(0.4) && i.Outcome != noAnswer {
			i.Direction = crm.Incoming
		}
	}
	if i.Channel.HasDuration() && i.Outcome != noAnswer && g.chance(0.9) {
		minutes := pick(&g, lengths[i.Channel])
		i.DurationMinutes = &minutes
	}
	often := map[crm.Channel]float64{crm.Meeting: 0.5, crm.Call: 0.05}[i.Channel]
	if !i.ContactID.Valid || i.Outcome == noAnswer || !g.chance(often) {
		return
	}
	for _, c := range g.Perm(len(colleagues)) {
		if n := len(i.Attendees); n > 3 || n > 0 && !g.chance(0.4) {
			return
		}
		if colleagues[c] != i.ContactID.UUID {
			i.Attendees = append(i.Attendees, crm.Attendee{ContactID: colleagues[c]})
		}
	}
}
