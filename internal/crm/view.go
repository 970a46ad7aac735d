package crm

import (
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"
)

// List names one of the lists that people browse.
type List string

// The lists. Each is the name of its page, too.
const (
	OrganizationList List = "organizations"
	ContactList      List = "contacts"
	InteractionList  List = "interactions"
)

// Lists are all of them, in the order of the navigation.
var Lists = []List{OrganizationList, ContactList, InteractionList}

// Sharing says who besides its owner sees a saved view.
type Sharing string

// A view is private, or shared with a team and those below it, or with everyone who may see the list at all.
const (
	Private      Sharing = "private"
	WithTeam     Sharing = "team"
	WithEveryone Sharing = "everyone"
)

// SavedView is a list as somebody likes it: what it is asked for and which columns it shows. It holds no rows:
// each reader runs it as themselves, so that it never shows anyone more than they may see.
type SavedView struct {
	ID          uuid.UUID
	List        List
	Name        string
	Query       string // of the list's address, without a place in it; as the reader would have typed it
	Columns     string // in their order, parted by commas; "" for the reader's own
	OwnerUserID uuid.UUID
	Shared      Sharing
	TeamID      uuid.NullUUID // valid when Shared is WithTeam
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time

	OwnerName string // read only
	TeamName  string // read only
	Mine      bool   // read only: the reader is its owner
	MayEdit   bool   // read only: the reader is its owner, or manages users and it is shared
	Pinned    bool   // read only: it stands in the reader's rail
	IsDefault bool   // read only: the reader's list opens with it
}

// Limits of saved views.
const (
	MaxViews  = 100 // of one owner and list
	MaxPins   = 12  // of one person and list: the rail holds no more
	maxQuery  = 4000
	maxColumn = 30 // columns of one list
)

// Clean brings the fields into their stored form.
func (v *SavedView) Clean() {
	v.Name = Clean(v.Name)
	if v.Shared == "" {
		v.Shared = Private
	}
	if v.Shared != WithTeam {
		v.TeamID = uuid.NullUUID{}
	}
}

// Validate returns an Invalid naming each field that cannot be saved, or nil. Whether the query still means
// something is not asked: a list says so when it is opened, and it may mean something again.
func (v SavedView) Validate() error {
	errs := Invalid{}
	errs.require("name", v.Name, "Enter a name for the view.")
	errs.checkText("name", v.Name, 80)
	if !slices.Contains(Lists, v.List) {
		errs.Add("list", "There is no such list.")
	}
	errs.checkText("query", v.Query, maxQuery)
	errs.checkColumns("columns", v.Columns)
	switch {
	case !slices.Contains([]Sharing{Private, WithTeam, WithEveryone}, v.Shared):
		errs.Add("shared", "Choose who sees the view.")
	case v.Shared == WithTeam && !v.TeamID.Valid:
		errs.Add("team_id", "Choose the team.")
	}
	return errs.Err()
}

// CheckColumns returns an Invalid when columns are not names parted by commas, or nil.
func CheckColumns(columns string) error {
	errs := Invalid{}
	errs.checkColumns("columns", columns)
	return errs.Err()
}

func (v Invalid) checkColumns(field, columns string) {
	if columns == "" {
		return
	}
	names := strings.Split(columns, ",")
	plain := func(r rune) bool { return r == '_' || r >= 'a' && r <= 'z' }
	for _, n := range names {
		if n == "" || len(n) > 12 || len(names) > maxColumn || strings.ContainsFunc(n, func(r rune) bool { return !plain(r) }) {
			v.Add(field, "These columns cannot be shown.")
			return
		}
	}
}

// Pin is a view in somebody's rail.
type Pin struct {
	ID   uuid.UUID
	List List
	Name string
	Mine bool
}
