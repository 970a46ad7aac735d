package crm

import "github.com/google/uuid"

// Witness is somebody who may see a record, and why.
type Witness struct {
	UserID    uuid.UUID
	Name      string
	ReachesBy ReachedBy
	OwnerName string // whose record they reach, by their team; "" otherwise
}

// ReachedBy is why somebody sees a record.
type ReachedBy string

// The reasons, the closest first.
const (
	ReachedAsOwner ReachedBy = "own"  // the record is theirs, or an organization that a contact works with is
	ReachedByTeam  ReachedBy = "team" // its owner is of their team, or of one below it
	ReachedByAll   ReachedBy = "all"  // they see all records
)

// MaxWitnesses bounds how many are named.
const MaxWitnesses = 200
