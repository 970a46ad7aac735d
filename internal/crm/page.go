package crm

import (
	"strconv"
	"strings"

	"github.com/google/uuid"
)

// Status filters a list by whether records are archived.
type Status string

// The three statuses of a list. Active is the default.
const (
	StatusActive   Status = "active"
	StatusArchived Status = "archived"
	StatusAll      Status = "all"
)

// OwnerFilter narrows a list to the records of nobody, of one person, or of a team.
// The zero value means anyone.
type OwnerFilter struct {
	Nobody bool // records without an owner
	UserID uuid.NullUUID
	TeamID uuid.NullUUID // the people of this team and of the teams below it
}

// Presence narrows a list by whether its records have something at all. The zero value means either.
type Presence string

// The two answers.
const (
	Present Presence = "yes"
	Absent  Presence = "no"
)

// Silence narrows a list by when its records were last in touch, which is when the newest of their interactions
// happened, planned ones included. The zero value means whenever.
type Silence struct {
	Never     bool
	OlderThan int // days; records never in touch are not among them
	Within    int // days
}

// MaxSilence is the longest time that Silence counts, in days: a hundred years.
const MaxSilence = 36_500

// IsZero reports whether f narrows nothing.
func (f Silence) IsZero() bool { return f == Silence{} }

// String returns f as addresses carry it: never, over-90, within-30, or "".
func (f Silence) String() string {
	switch {
	case f.Never:
		return "never"
	case f.OlderThan > 0:
		return "over-" + strconv.Itoa(f.OlderThan)
	case f.Within > 0:
		return "within-" + strconv.Itoa(f.Within)
	}
	return ""
}

// ParseSilence reads what String writes; false for anything else.
func ParseSilence(text string) (Silence, bool) {
	if text == "" || text == "never" {
		return Silence{Never: text == "never"}, true
	}
	way, days, _ := strings.Cut(text, "-")
	n, err := strconv.Atoi(days)
	if err != nil || n < 1 || n > MaxSilence || strconv.Itoa(n) != days {
		return Silence{}, false
	}
	switch way {
	case "over":
		return Silence{OlderThan: n}, true
	case "within":
		return Silence{Within: n}, true
	}
	return Silence{}, false
}

// SortKey is what a list is sorted by.
type SortKey string

// What lists can be sorted by; each list knows some of them. Every order ends in the id, so that it is total.
const (
	ByName        SortKey = "name"
	ByNewest      SortKey = "newest"
	BySector      SortKey = "sector"
	BySize        SortKey = "size"
	ByWebsite     SortKey = "website"
	ByTaxID       SortKey = "tax"
	ByMainContact SortKey = "contact" // family name first; those without one last, either way
	ByEmail       SortKey = "email"
	ByPhone       SortKey = "phone"
	ByMobile      SortKey = "mobile"
	ByTitle       SortKey = "title"
	ByRole        SortKey = "role" // the one the list shows; those without one last, either way
	ByOwner       SortKey = "owner"
	ByAuthor      SortKey = "author"
	BySubject     SortKey = "subject"
	ByOutcome     SortKey = "outcome"
	ByChannel     SortKey = "channel"
	ByDirection   SortKey = "direction" // those without one last, either way
	ByMinutes     SortKey = "minutes"   // those without a duration last, either way
	ByLogged      SortKey = "logged"    // logged last first
	ByWith        SortKey = "with"      // organizations by name, then people; the oldest first with each
	ByAttendees   SortKey = "attendees" // the first of them, family name first; those without any last, either way
	ByStatus      SortKey = "status"
	ByLastContact SortKey = "last"  // longest silent first; needs the right to see interactions
	ByTouch       SortKey = "touch" // most overdue first, those without a rhythm last; needs the same right
	ByNext        SortKey = "next"  // the first follow-up first, those without one last, either way; needs the same right
)

// TellsOfTalks reports whether an order tells of interactions of clients: see Actor.SeesLastContact.
func (k SortKey) TellsOfTalks() bool { return k == ByLastContact || k == ByTouch || k == ByNext }

// Gathers reports whether, for whoever does not reach all, an order takes all that is in reach: see Listing.Wide.
func (k SortKey) Gathers() bool {
	return k == ByOwner || k == ByRole || k == ByAuthor || k == ByWith || k == ByAttendees
}

// Sort is the order of a list. The zero value is the list's own.
type Sort struct {
	By      SortKey
	Reverse bool
}

// ParseSort reads an order as addresses carry it: name, or -name for the reverse. Whether there is such an order
// only the list knows.
func ParseSort(text string) Sort {
	by, reverse := strings.CutPrefix(text, "-")
	return Sort{By: SortKey(by), Reverse: reverse}
}

// String returns the order as addresses carry it.
func (s Sort) String() string {
	if s.Reverse {
		return "-" + string(s.By)
	}
	return string(s.By)
}

// DefaultPageSize and MaxPageSize bound a list page, in rows.
const (
	DefaultPageSize = 50
	MaxPageSize     = 200
)

// CountCap is where lists stop counting: above it they say "10,000+".
const CountCap = 10_000

// Page is a place in a list: the rows after, or before, a row named by its sort key and id.
// The zero Page is the first.
type Page struct {
	Size      int
	Before    bool      // the rows before Key rather than after it
	Key       string    // sort key of the row, "" on the first page
	ID        uuid.UUID // id of the row, Nil on the first page
	Uncounted bool      // nobody will be told the size of the list
	Known     int       // what the first page counted, negative for "more than": later pages do not count again
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
	Count int  // rows in the whole list when its first page was read
	More  bool // there are more than Count: counting stopped there
	Prev  Page // Prev.First() when there is no page before
	Next  Page // Next.First() when there is no page after

	// Wide says that sorting the list from person to person would take seconds: asked for that, it is in its own order.
	Wide bool
}
