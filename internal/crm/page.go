package crm

import "github.com/google/uuid"

// Status filters a list by whether records are archived.
type Status string

// The three statuses of a list. Active is the default.
const (
	StatusActive   Status = "active"
	StatusArchived Status = "archived"
	StatusAll      Status = "all"
)

// OwnerFilter narrows a list to one person's records.
// The zero value means anyone.
type OwnerFilter struct {
	Nobody bool // records without an owner
	UserID uuid.NullUUID
}

// DefaultPageSize and MaxPageSize bound a list page, in rows.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// CountCap is where lists stop counting: above it they say "1,000+".
const CountCap = 1000

// Page is a place in a list: the rows after, or before, a row named by its sort key and id.
// The zero Page is the first.
type Page struct {
	Size   int
	Before bool      // the rows before Key rather than after it
	Key    string    // sort key of the row, "" on the first page
	ID     uuid.UUID // id of the row, Nil on the first page
}

// First reports whether p starts at the beginning of the list.
func (p Page) First() bool { return p.ID == uuid.Nil }

// Limit returns the number of rows a page holds.
func (p Page) Limit() int {
	if p.Size <= 0 || p.Size > MaxPageSize {
		return DefaultPageSize
	}
	return p.Size
}

// Listing is one page of a list.
type Listing[T any] struct {
	Rows  []T
	Count int  // rows in the whole list, at most CountCap+1
	Prev  Page // Prev.First() when there is no page before
	Next  Page // Next.First() when there is no page after
}

// MoreThanCap reports whether the list is longer than it was counted.
func (l Listing[T]) MoreThanCap() bool { return l.Count > CountCap }
