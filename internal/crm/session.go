package crm

import (
	"time"

	"github.com/google/uuid"
)

// Session is a place where somebody is signed in, as they may see it: its token never leaves the storage.
type Session struct {
	ID        uuid.UUID
	Address   string // where it began, "" when unknown
	UserAgent string // the browser's own words, which anyone can forge
	CreatedAt time.Time
	LastSeen  time.Time
	Current   bool // the one that asks
}
