package crm

import (
	"time"

	"github.com/google/uuid"
)

// Relationship is a contact's place at an organization. The link holds the present;
// periods hold what was true from when to when.
type Relationship struct {
	OrganizationID     uuid.UUID
	ContactID          uuid.UUID
	RoleLabel          string
	RelationshipStatus string
	Version            int
	Touch

	Since            time.Time // read only: when the present period began
	OrganizationName string    // read only, "" when out of reach
	ContactName      string    // read only
	ContactActive    bool      // read only
	ContactEmail     string    // read only
	ContactPhone     string    // read only: phone, else mobile
	JobTitle         string    // read only
}

// LinkedContact is a contact with its place at one organization.
type LinkedContact struct {
	Contact
	RoleLabel          string
	RelationshipStatus string
}

// LinkedOrganization is an organization with the place that one contact has there.
type LinkedOrganization struct {
	Organization
	RoleLabel          string
	RelationshipStatus string
}

// Period is a stretch of time in which a contact held a role at an organization.
// To is zero while it lasts.
type Period struct {
	OrganizationID     uuid.UUID
	OrganizationName   string
	ContactID          uuid.UUID
	ContactName        string
	RoleLabel          string
	RelationshipStatus string
	From               time.Time
	To                 time.Time
}

// Roles are suggestions for a relationship's role; others are accepted.
var Roles = []string{
	"CEO", "CFO", "CTO", "COO", "Owner", "Partner", "Decision maker", "Billing contact",
	"Technical contact", "Procurement", "Legal", "Board member", "Advisor", "Assistant",
}

// Clean brings both text fields into their stored form.
func (r *Relationship) Clean() {
	r.RoleLabel, r.RelationshipStatus = Clean(r.RoleLabel), Clean(r.RelationshipStatus)
	r.Touch.Clean()
}

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (r Relationship) Validate() error {
	v := Invalid{}
	v.checkText("role_label", r.RoleLabel, 120)
	v.checkText("relationship_status", r.RelationshipStatus, 40)
	r.check(v, NeverTouch)
	return v.Err()
}
