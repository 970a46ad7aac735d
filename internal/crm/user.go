package crm

import (
	"slices"
	"time"

	"github.com/google/uuid"
)

// User is someone who can sign in.
type User struct {
	ID        uuid.UUID
	Email     string
	Name      string
	TeamID    uuid.NullUUID
	IsActive  bool
	Version   int
	CreatedAt time.Time
	UpdatedAt time.Time

	TeamName  string      // read only
	RoleIDs   []uuid.UUID // read only
	RoleNames []string    // read only
	LastSeen  time.Time   // read only: zero when never signed in
	MFA       bool        // read only: a second factor is on

	State        UserState // read only
	InvitedUntil time.Time // read only: when the open invitation ends, zero without one
	Preferences
	Delivery
}

// Preferences are what people choose for themselves, and nobody for them.
type Preferences struct {
	Zone     string // IANA name, "" for the firm's default
	Theme    string // one of Themes
	Density  string // one of Densities
	Language string // one of Languages
	KeysOff  bool   // single letters do nothing on pages
}

// UserState is how far somebody has come in.
type UserState string

// The states of a user.
const (
	UserInvited     UserState = "invited"     // has no password yet, and an invitation that is open
	UserUninvited   UserState = "uninvited"   // has no password, and no invitation that is open: it expired or was revoked
	UserActive      UserState = "active"      // may sign in
	UserLocked      UserState = "locked"      // may not sign in for now, after wrong passwords or codes, be it from one place only
	UserDeactivated UserState = "deactivated" // may not sign in
)

// HasPassword reports whether the user has come in, or was given a password.
func (u User) HasPassword() bool { return u.State == UserActive || u.State == UserLocked }

// Themes a user may choose; "" follows the system.
var Themes = []string{"", "light", "dark"}

// Densities a user may choose: how close together rows stand; "" is comfortable.
var Densities = []string{"", "compact"}

// Languages a user may choose, by their tags; "" follows the browser. Package l10n speaks them.
var Languages = []string{"", "en", "it"}

// Clean brings every text field into its stored form.
func (u *User) Clean() { u.Email, u.Name, u.Zone = Clean(u.Email), Clean(u.Name), Clean(u.Zone) }

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (u User) Validate() error {
	v := Invalid{}
	v.require("email", u.Email, "Enter the e-mail address used to sign in.")
	v.require("name", u.Name, "Enter the name.")
	v.checkText("email", u.Email, 190)
	v.checkText("name", u.Name, 120)
	v.CheckEmail("email", u.Email)
	if u.Zone != "" {
		if _, err := time.LoadLocation(u.Zone); err != nil || u.Zone == "Local" {
			v.Add("zone", "Choose a time zone like Europe/Rome.")
		}
	}
	if !slices.Contains(Themes, u.Theme) {
		v.Add("theme", "Choose light, dark or the system's.")
	}
	if !slices.Contains(Densities, u.Density) {
		v.Add("density", "Choose comfortable or compact.")
	}
	if !slices.Contains(Languages, u.Language) {
		v.Add("language", "Choose a language of the list.")
	}
	return v.Err()
}

// Role is a named set of permissions with a reach.
type Role struct {
	ID          uuid.UUID
	Slug        string
	Name        string
	Reach       string   // own, team or all
	Permissions []string // slugs
	RequiresMFA bool     // who has the role must set up a second factor before anything else
	Version     int

	Users int // read only: how many active users have it
}

// Clean brings every text field into its stored form.
func (r *Role) Clean() { r.Slug, r.Name = Clean(r.Slug), Clean(r.Name) }

// Team is a node of the tree of teams; a parent's members reach what its children own.
type Team struct {
	ID       uuid.UUID
	Name     string
	ParentID uuid.NullUUID
	Version  int

	ParentName string // read only
	Depth      int    // read only: 0 at the root
	Members    int    // read only: active users in this very team
}

// Clean brings every text field into its stored form.
func (t *Team) Clean() { t.Name = Clean(t.Name) }

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (t Team) Validate() error {
	v := Invalid{}
	v.require("name", t.Name, "Enter the team's name.")
	v.checkText("name", t.Name, 120)
	return v.Err()
}
