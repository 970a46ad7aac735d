package crm

import (
	"time"

	"github.com/google/uuid"
)

// Task is what a job has to do: one of these.
type Task struct {
	Bulk      *Bulk         `json:",omitempty"`
	FollowUps *FollowUpBulk `json:",omitempty"`
	Undo      *uuid.UUID    `json:",omitempty"` // the change set to take back
}

// JobResult says what a job did.
type JobResult struct {
	BulkResult
	Kept     []Kept   `json:",omitempty"` // the first few records, or fields, that an undo left as they are
	KeptMore int      `json:",omitempty"` // how many more there are
	Fault    *Message `json:",omitempty"` // why nothing was done at all
}

// Job is work on many records that is done in the background.
type Job struct {
	ID         uuid.UUID
	Kind       string // the action of its change set
	Task       Task
	Result     JobResult
	Done       int // records gone through so far, of Total; 0 of 0 where nobody counts
	Total      int
	CreatedAt  time.Time
	StartedAt  time.Time // zero while it waits
	FinishedAt time.Time // zero until it is done or given up
}

// Finished reports whether the job is done, or given up.
func (j Job) Finished() bool { return !j.FinishedAt.IsZero() }
