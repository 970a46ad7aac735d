package crm

import (
	"slices"

	"github.com/google/uuid"
)

// BulkAction is what can be done to many records of a list at once.
type BulkAction string

// The actions that change records.
const (
	BulkAssign  BulkAction = "assign"
	BulkArchive BulkAction = "archive"
	BulkRestore BulkAction = "restore"
)

// Limits of a selection.
const (
	MaxPicked   = 200    // records picked by hand: a page holds no more
	MaxSelected = 50_000 // records that one action changes: an undo must be able to take them back at one go
	MaxAtOnce   = 200    // records that are changed while somebody waits; more is a job
)

// Bulk is one action on many records of one list: those picked by hand, or all that the list finds when it is
// done, which may differ from what it found when it was asked for.
type Bulk struct {
	Action        BulkAction
	Owner         uuid.NullUUID       // whom BulkAssign gives the records to; nobody unless valid
	Picked        []uuid.UUID         `json:",omitempty"` // these, or
	All           bool                // all that the filter finds
	Organizations *OrganizationFilter `json:",omitempty"` // exactly one of the two is set, and says which list it is
	Contacts      *ContactFilter      `json:",omitempty"`
}

// List is the list whose records are changed.
func (b Bulk) List() List {
	if b.Contacts != nil {
		return ContactList
	}
	return OrganizationList
}

// Validate returns an Invalid when there is nothing that could be done, or nil.
func (b Bulk) Validate() error {
	switch {
	case !slices.Contains([]BulkAction{BulkAssign, BulkArchive, BulkRestore}, b.Action):
		return Fault("action", "There is no such action.")
	case (b.Organizations == nil) == (b.Contacts == nil):
		return Fault("", "There is no such list.")
	case b.All && len(b.Picked) > 0:
		return Fault("id", "Choose either rows by hand or all that the list finds, not both.")
	case !b.All && len(b.Picked) == 0:
		return Fault("id", "Choose at least one row.")
	case len(b.Picked) > MaxPicked:
		return Fault("id", "Choose at most %d rows by hand, or all that the list finds.", MaxPicked)
	}
	return nil
}

// SkipReason says why an action left a record as it was.
type SkipReason string

// The reasons. A record that is gone and one out of reach are told apart by nobody.
const (
	SkippedGone   SkipReason = "gone"
	SkippedReach  SkipReason = "reach"  // within reach for viewing, but not for editing
	SkippedSame   SkipReason = "same"   // there was nothing to change
	SkippedClosed SkipReason = "closed" // a follow-up that is not open any more
	SkippedLocked SkipReason = "locked" // somebody was changing it, and did not finish in time
)

// SkipReasons are all of them, in the order in which they are told.
var SkipReasons = []SkipReason{SkippedSame, SkippedReach, SkippedClosed, SkippedLocked, SkippedGone}

// Skipped are the records that an action left as they were, for one reason.
type Skipped struct {
	Count int
	Names []string `json:",omitempty"` // of the first few; none of those that are gone
}

// BulkResult says what an action on many records did.
type BulkResult struct {
	ChangeSet uuid.UUID `json:"-"` // what Undo takes back; Nil when nothing was changed
	Done      int
	Skipped   map[SkipReason]Skipped `json:",omitempty"`
}
