package crm

import (
	"encoding/json"
	"time"

	"github.com/google/uuid"
)

// ChangeSet is everything that one action changed, and what Undo takes back.
type ChangeSet struct {
	ID        uuid.UUID
	Kind      string // the action, such as update_org
	UserID    uuid.NullUUID
	UserName  string
	CreatedAt time.Time
	Undoes    uuid.NullUUID // the change set that this one took back
	UndoneBy  uuid.NullUUID // the change set that took this one back
	Changes   []Change      // those within the reader's reach, oldest first, at most MaxChanges
	Total     int           // how many there are within the reader's reach
	CanUndo   bool
}

// MaxChanges bounds how many changes of one change set a page shows.
const MaxChanges = 200

// Change is one audit row as a person reads it.
type Change struct {
	ID          int64
	ChangeSetID uuid.NullUUID
	Action      string
	TargetType  string
	TargetID    uuid.NullUUID
	TargetName  string // "" when the reader may not see it
	LinkedName  string // of a relationship the contact's name, of a change of attendees theirs
	UserID      uuid.NullUUID
	UserName    string
	CreatedAt   time.Time
	IP          string
	Metadata    map[string]string
	Fields      []FieldChange
	Before      json.RawMessage // row image, nil on a create or when the reader may not see it
	After       json.RawMessage // row image, nil on a delete or when the reader may not see it
}

// FieldChange is one column of a Change, as display text.
type FieldChange struct {
	Field  string
	Before string
	After  string
}

// UndoResult says what an undo did.
type UndoResult struct {
	ChangeSetID uuid.UUID // the new change set; Nil when nothing could be taken back
	Undone      int       // records put back
	Kept        []Kept    // what was left as it is
	Target      Target    // a page to go to
}

// Kept names something that undo left as it is, and why.
type Kept struct {
	Target Target
	Name   string   // "" when the reader may not see it
	Fields []string // fields changed since; empty when the whole record was kept
	Reason Message
}

// Target names a record.
type Target struct {
	Type string // organization, contact, relationship, interaction, user, role, team
	ID   uuid.UUID
}

// AuditFilter says which audit rows the audit page shows, newest first.
type AuditFilter struct {
	UserID   uuid.NullUUID
	Action   string
	TargetID uuid.NullUUID
	From     time.Time // inclusive; zero for no limit
	To       time.Time // exclusive; zero for no limit
	Page     Page      // Key is the row's number
}
