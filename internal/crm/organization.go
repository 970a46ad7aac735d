package crm

import (
	"time"

	"github.com/google/uuid"
)

// Organization is a client: a firm, an authority, a club.
type Organization struct {
	ID          uuid.UUID
	LegalName   string
	DisplayName string
	Website     string
	Sector      string
	SizeBand    string
	TaxID       string
	OwnerUserID uuid.NullUUID
	IsActive    bool
	Version     int
	CreatedAt   time.Time
	UpdatedAt   time.Time
	Touch

	OwnerName string // read only: the owner's name, "" without an owner
	OwnerTeam string // read only: the name of the owner's team, "" without one
	MayEdit   bool   // read only: within the reader's reach for editing, which may be shorter than for viewing
}

// OrganizationRow is an organization as its list shows it.
type OrganizationRow struct {
	Organization
	MainContactID   uuid.NullUUID
	MainContactName string
	MainContactRole string
	LastContactAt   time.Time // zero for never, and without the right to see interactions
	NextFollowUp    string    // title of the open follow-up in reach that is due first, "" for none
	NextDue         Due
}

// SizeBands and RelationshipStatuses are suggestions: other values are accepted and kept as typed.
var (
	SizeBands            = []string{"1-10", "11-50", "51-200", "201-1000", "1001-5000", "5000+"}
	RelationshipStatuses = []string{"Active", "Prospect", "Former"}
)

// Clean brings every text field into its stored form.
func (o *Organization) Clean() {
	for _, f := range []*string{&o.LegalName, &o.DisplayName, &o.Website, &o.Sector, &o.SizeBand, &o.TaxID} {
		*f = Clean(*f)
	}
	o.Touch.Clean()
}

// Validate returns an Invalid naming each field that cannot be saved, or nil.
// Limits are the columns' (contract/schema.sql).
func (o Organization) Validate() error {
	v := Invalid{}
	v.require("legal_name", o.LegalName, "Enter the legal name.")
	v.require("display_name", o.DisplayName, "Enter the name to show.")
	v.checkText("legal_name", o.LegalName, 200)
	v.checkText("display_name", o.DisplayName, 160)
	v.checkText("website", o.Website, 200)
	v.checkText("sector", o.Sector, 80)
	v.checkText("size_band", o.SizeBand, 40)
	v.checkText("tax_id", o.TaxID, 50)
	v.checkWebsite("website", o.Website)
	o.check(v, 1)
	return v.Err()
}

// OrganizationFilter says which organizations a list shows.
type OrganizationFilter struct {
	Query         string // any part of either name, website or tax id
	Similar       bool   // names written like Query instead of those that hold it
	Sector        string
	Size          string
	Owner         OwnerFilter
	Status        Status
	HasContact    Presence
	Silence       Silence     // needs the right to see interactions
	Touch         TouchFilter `json:",omitempty"` // needs the same right
	CreatedFrom   time.Time   // inclusive; zero for no limit
	CreatedBefore time.Time   // exclusive; zero for no limit
	Picked        []uuid.UUID `json:",omitempty"` // these only; nil for all
	Sort          Sort
	Page          Page
}

// OrganizationSorts are what the list can be sorted by.
var OrganizationSorts = []SortKey{ByName, ByNewest, BySector, BySize, ByOwner, ByMainContact, ByStatus, ByLastContact, ByTouch, ByNext, ByWebsite, ByTaxID}
