package crm

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
)

// TimelineKind is which part of a record's timeline is shown.
type TimelineKind string

// The parts of a timeline: everything, the interactions of one channel, or what was changed about the record.
const (
	TimelineAll      TimelineKind = ""
	TimelineCalls    TimelineKind = "calls"
	TimelineEmails   TimelineKind = "emails"
	TimelineMeetings TimelineKind = "meetings"
	TimelineNotes    TimelineKind = "notes"
	TimelineChanges  TimelineKind = "changes"
)

// TimelineKinds lists the parts in the order in which pages offer them.
var TimelineKinds = []TimelineKind{TimelineAll, TimelineCalls, TimelineEmails, TimelineMeetings, TimelineNotes, TimelineChanges}

// Known reports whether there is such a part.
func (k TimelineKind) Known() bool { return slices.Contains(TimelineKinds, k) }

// Channel is the channel that the part is of, "" for all of them or none.
func (k TimelineKind) Channel() Channel {
	switch k {
	case TimelineCalls:
		return Call
	case TimelineEmails:
		return Email
	case TimelineMeetings:
		return Meeting
	case TimelineNotes:
		return Note
	}
	return ""
}

// HasInteractions reports whether interactions are among the part.
func (k TimelineKind) HasInteractions() bool { return k != TimelineChanges }

// HasChanges reports whether changes are among the part.
func (k TimelineKind) HasChanges() bool { return k == TimelineAll || k == TimelineChanges }

// TimelinePlace is how far a timeline has been read: the interactions before a moment and an id, and the changes before a
// number. The zero place is its beginning.
type TimelinePlace struct {
	At     time.Time
	ID     uuid.UUID // uuid.Max where no interaction was read
	Change int64     // 0 where no change was read
}

// First reports whether p is the beginning.
func (p TimelinePlace) First() bool { return p.ID == uuid.Nil }

// Key returns the part of p besides the id, as ParseTimelinePlace reads it.
func (p TimelinePlace) Key() string {
	return p.At.UTC().Format(time.RFC3339Nano) + " " + strconv.FormatInt(p.Change, 10)
}

// ParseTimelinePlace reads a place; false for what Key does not write.
func ParseTimelinePlace(key string, id uuid.UUID) (TimelinePlace, bool) {
	at, change, _ := strings.Cut(key, " ")
	p := TimelinePlace{ID: id}
	var err error
	if p.At, err = time.Parse(time.RFC3339Nano, at); err != nil {
		return p, false
	}
	p.Change, err = strconv.ParseInt(change, 10, 64)
	return p, err == nil && p.Change >= 0 && id != uuid.Nil && p.Key() == key
}

// TimelineView is what is asked of a timeline.
type TimelineView struct {
	Kind TimelineKind
	From TimelinePlace
}

// Timeline is a stretch of what happened with a record, newest first: interactions, and changes of the record itself.
type Timeline struct {
	Interactions []Interaction
	Changes      []Change
	Next         TimelinePlace // where it goes on; its First where it does not
	// Walked is how many interactions were looked through, where that is why no more of the channel are shown: older
	// ones may follow at Next. 0 where the stretch is full, or the timeline at its end.
	Walked int
}
