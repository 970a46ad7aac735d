package crm

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// FollowUpState says whether a follow-up is still to be done.
type FollowUpState string

// The three states. Open is what lists show when nothing is said; FollowUpAny is asked for, never had.
const (
	FollowUpOpen      FollowUpState = "open"
	FollowUpDone      FollowUpState = "done"
	FollowUpCancelled FollowUpState = "cancelled"
	FollowUpAny       FollowUpState = "all"
)

// FollowUpStates are the states in their order.
var FollowUpStates = []FollowUpState{FollowUpOpen, FollowUpDone, FollowUpCancelled}

// FollowUp is something to be done about a client, by a day or a moment.
type FollowUp struct {
	ID                uuid.UUID
	Title             string
	Due               Due
	UserID            uuid.NullUUID // for whom; nobody in particular unless valid
	OrganizationID    uuid.NullUUID // it is about this, or
	ContactID         uuid.NullUUID // about this, or both
	InteractionID     uuid.NullUUID // it was born from; the interaction may be gone
	State             FollowUpState
	Outcome           string        // of one that is done
	DoneAt            time.Time     // when it was done or cancelled
	DoneBy            uuid.NullUUID // by whom
	DoneInteractionID uuid.NullUUID // that it led to; the interaction may be gone
	CreatedBy         uuid.NullUUID
	CreatedAt         time.Time
	Version           int

	// Read only. Names are "" without ViewClient or out of reach; then no link is shown either.
	OrganizationName string
	ContactName      string
	UserName         string
	CreatorName      string
	DoneByName       string
	MayEdit          bool // within the reader's reach for editing
}

// Open reports whether the follow-up is still to be done.
func (f FollowUp) Open() bool { return f.State == FollowUpOpen }

// Clean brings every text field into its stored form.
func (f *FollowUp) Clean() { f.Title = Clean(f.Title) }

// Validate returns an Invalid naming each field that cannot be saved, or nil. When it is due is checked by the clock c,
// unless that stays as it was.
func (f FollowUp) Validate(c Clock, was Due) error {
	v := Invalid{}
	v.require("title", f.Title, "Enter what is to be done.")
	v.checkText("title", f.Title, 200)
	if was.IsZero() || !f.Due.Equal(was) {
		v.checkDue("due", f.Due, c)
	}
	if !f.OrganizationID.Valid && !f.ContactID.Valid {
		v.Add("", "A follow-up belongs to an organization, a contact, or both.")
	}
	return v.Err()
}

// Next is what follows from an interaction that is being logged: a follow-up that it gives rise to, and those that are
// done with it. The zero Next is nothing.
type Next struct {
	Title  string
	Due    Due
	UserID uuid.NullUUID
	Done   []uuid.UUID // open follow-ups of the same organization or contact
	Clock  Clock       // by which Due is checked
}

// Asked reports whether there is to be a follow-up.
func (n Next) Asked() bool { return n.Title != "" || !n.Due.IsZero() }

// FollowUp returns the follow-up that an interaction gives rise to.
func (n Next) FollowUp(i Interaction) FollowUp {
	return FollowUp{
		Title: n.Title, Due: n.Due, UserID: n.UserID, State: FollowUpOpen, OrganizationID: i.OrganizationID, ContactID: i.ContactID,
		InteractionID: uuid.NullUUID{UUID: i.ID, Valid: true},
	}
}

// Finish is how a follow-up is done: with an outcome, and with the interaction that it led to.
type Finish struct {
	ID          uuid.UUID
	Outcome     string
	Interaction *Interaction // logged with it, about the follow-up's organization and contact; nil for none
	Next        Next         // what follows from that interaction
}

// Validate returns an Invalid naming each field of the outcome that cannot be saved, or nil.
func (f Finish) Validate() error {
	v := Invalid{}
	v.checkText("outcome", f.Outcome, 80)
	return v.Err()
}

// FollowUpFilter says which follow-ups a list shows: open ones by when they are due, done and cancelled ones the latest
// first.
type FollowUpFilter struct {
	For            OwnerFilter
	MyTeam         bool          // for the people of the reader's team and of the teams below it
	State          FollowUpState // "" for open
	Due            DueSpan       // "" for whenever
	OrganizationID uuid.NullUUID
	ContactID      uuid.NullUUID
	Clock          Clock // by which Due is asked for
	Page           Page
}

// States returns the states that the filter leaves.
func (f FollowUpFilter) States() []FollowUpState {
	switch f.State {
	case "":
		return FollowUpStates[:1]
	case FollowUpAny:
		return FollowUpStates
	}
	return []FollowUpState{f.State}
}

// Validate returns an Invalid for a state or a span that does not exist, or nil.
func (f FollowUpFilter) Validate() error {
	if !slices.Contains(append([]FollowUpState{"", FollowUpAny}, FollowUpStates...), f.State) {
		return Fault("state", "There is no such state.")
	}
	if f.Due != "" && !slices.Contains(DueSpans, f.Due) {
		return Fault("due", "There is no such time.")
	}
	return nil
}

// FollowUpAction is what can be done to many follow-ups at once.
type FollowUpAction string

// The actions.
const (
	SnoozeFollowUps FollowUpAction = "snooze"
	AssignFollowUps FollowUpAction = "assign"
	FinishFollowUps FollowUpAction = "done"
)

// FollowUpBulk is one action on follow-ups: those picked by hand, or all that a list finds when it is done.
type FollowUpBulk struct {
	Action FollowUpAction
	Picked []uuid.UUID     `json:",omitempty"` // these, or
	All    *FollowUpFilter `json:",omitempty"` // all that it finds
	Due    Due             // until when SnoozeFollowUps puts them off
	UserID uuid.NullUUID   // whom AssignFollowUps gives them to; nobody in particular unless valid
	Clock  Clock           // by which Due is checked
}

// Validate returns an Invalid when there is nothing that could be done, or nil.
func (b FollowUpBulk) Validate() error {
	v := Invalid{}
	switch {
	case !slices.Contains([]FollowUpAction{SnoozeFollowUps, AssignFollowUps, FinishFollowUps}, b.Action):
		v.Add("action", "There is no such action.")
	case b.All != nil && len(b.Picked) > 0:
		v.Add("id", "Choose either rows by hand or all that the list finds, not both.")
	case b.All == nil && len(b.Picked) == 0:
		v.Add("id", "Choose at least one row.")
	case len(b.Picked) > MaxPicked:
		v.Add("id", "Choose at most %d rows by hand, or all that the list finds.", MaxPicked)
	}
	if b.Action == SnoozeFollowUps {
		v.checkDue("until", b.Due, b.Clock)
	}
	return v.Err()
}
