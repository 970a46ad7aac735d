package crm

import (
	"strings"
	"time"

	"github.com/google/uuid"
)

// Contact is a person, at one organization, several or none.
type Contact struct {
	ID          uuid.UUID
	FirstName   string
	LastName    string
	Email       string
	Phone       string
	Mobile      string
	JobTitle    string
	OwnerUserID uuid.NullUUID
	IsActive    bool
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time

	OwnerName string // read only: the owner's name, "" without an owner
	OwnerTeam string // read only: the name of the owner's team, "" without one
	MayEdit   bool   // read only: within the reader's reach for editing, which may be shorter than for viewing

	NextTouchAt *time.Time // read only: when the next contact is due, by the first of the relationships; nil as in Touch
}

// Name returns the full name, given name first.
func (c Contact) Name() string { return strings.TrimSpace(c.FirstName + " " + c.LastName) }

// ContactRow is a contact as its list shows it.
type ContactRow struct {
	Contact
	OrganizationID   uuid.NullUUID // the first organization in reach
	OrganizationName string
	RoleLabel        string
	MoreCount        int       // further organizations in reach
	LastContactAt    time.Time // zero for never, and without the right to see interactions
	NextFollowUp     string    // title of the open follow-up in reach that is due first, "" for none
	NextDue          Due
}

// Clean brings every text field into its stored form. The e-mail address is lowered by the
// database, in one place only: Go and PostgreSQL differ on some letters.
func (c *Contact) Clean() {
	for _, f := range []*string{&c.FirstName, &c.LastName, &c.Email, &c.Phone, &c.Mobile, &c.JobTitle} {
		*f = Clean(*f)
	}
}

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (c Contact) Validate() error {
	v := Invalid{}
	v.require("first_name", c.FirstName, "Enter the first name.")
	v.require("last_name", c.LastName, "Enter the last name.")
	v.checkText("first_name", c.FirstName, 80)
	v.checkText("last_name", c.LastName, 80)
	v.checkText("email", c.Email, 190)
	v.checkText("phone", c.Phone, 40)
	v.checkText("mobile", c.Mobile, 40)
	v.checkText("job_title", c.JobTitle, 120)
	v.CheckEmail("email", c.Email)
	return v.Err()
}

// ContactFilter says which contacts a list shows. Organization, role and relationship status are those of one
// and the same relationship.
type ContactFilter struct {
	Query              string // every word somewhere in the name or the e-mail address, in any order
	Similar            bool   // names written like Query instead of those that hold it
	OrganizationID     uuid.NullUUID
	Role               string
	RelationshipStatus string
	Owner              OwnerFilter
	Status             Status
	HasEmail           Presence
	HasPhone           Presence    // of either kind
	Silence            Silence     // needs the right to see interactions
	Touch              TouchFilter `json:",omitempty"` // needs the same right
	Picked             []uuid.UUID `json:",omitempty"` // these only; nil for all
	Sort               Sort
	Page               Page
}

// ContactSorts are what the list can be sorted by.
var ContactSorts = []SortKey{ByName, ByNewest, ByEmail, ByPhone, ByMobile, ByTitle, ByRole, ByOwner, ByStatus, ByLastContact, ByTouch, ByNext}
