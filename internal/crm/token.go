package crm

import (
	"time"

	"github.com/google/uuid"
)

// Token lets a program act as a user, with at most that user's rights. What it is made of is shown once, when
// it is made, and is no part of the record.
type Token struct {
	ID         uuid.UUID
	Name       string
	Hint       string   // its last characters, to tell one from another
	Scopes     []string // permission slugs; what the user no longer holds counts for nothing
	CreatedAt  time.Time
	ExpiresAt  time.Time // zero: until it is revoked
	LastUsedAt time.Time // zero: never; exact to the minute
	LastIP     string
	RevokedAt  time.Time // zero while it is not
	Expired    bool      // read only, by the database's clock
}

// Live reports whether the token opens anything.
func (t Token) Live() bool { return t.RevokedAt.IsZero() && !t.Expired }

// Clean brings the name into its stored form.
func (t *Token) Clean() { t.Name = Clean(t.Name) }

// Validate returns an Invalid naming each field that cannot be saved, or nil. Whether the scopes may be given
// depends on who gives them, and is for the store to say.
func (t Token) Validate() error {
	v := Invalid{}
	v.require("name", t.Name, "Enter what the token is for.")
	v.checkText("name", t.Name, 80)
	if len(t.Scopes) == 0 {
		v.Add("scopes", "Choose at least one permission.")
	}
	return v.Err()
}
