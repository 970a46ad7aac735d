package postgres

import "github.com/archpilot/crm/internal/audit"

// imagedTable describes a table whose rows have images, for undo and verification. Every column is either
// listed here, or derived (audit_image leaves it out); a test holds the list against the catalogue.
type imagedTable struct {
	name       string
	targetType string
	key        []string // the primary key
	target     string   // the column that is the audit row's target_id
	columns    []string // every imaged column
	versioned  bool
	stamped    bool       // has updated_at
	unique     []string   // columns besides the key whose value another record can take
	together   [][]string // columns that go back all or none
	within     []string   // columns that never change, among whose like values the unique ones are; none for the whole table
	owned      bool       // owner_user_id decides who reaches the row
	refersTo   []string   // conditions on t that hold when something refers to the row; @ids are the rows being deleted
	refers     []reference
	partOf     string // the table of the record whose part the row is, named by the first key column
	order      string // the order in which most of its indexes stand, of t; "" for that of the key
}

// reference is a column that holds the id of a row of another table.
type reference struct{ column, table string }

// imagedTables stand in the order in which undo deletes: what refers comes before what is referred to.
var imagedTables = []imagedTable{
	{
		name: "saved_views", targetType: audit.View, key: []string{"id"}, target: "id", versioned: true, stamped: true,
		unique: []string{"name"}, within: []string{"owner_user_id", "list"},
		columns: []string{"id", "list", "name", "query", "columns", "owner_user_id", "shared", "team_id", "created_at"},
		refers:  []reference{{"owner_user_id", "users"}, {"team_id", "teams"}},
	},
	{
		name: "follow_ups", targetType: audit.FollowUp, key: []string{"id"}, target: "id", versioned: true, stamped: true,
		together: [][]string{{"due_on", "due_at"}, {"state", "outcome", "done_at", "done_by", "done_interaction_id"}},
		columns: []string{
			"id", "title", "due_on", "due_at", "user_id", "organization_id", "contact_id", "interaction_id", "state", "outcome",
			"done_at", "done_by", "done_interaction_id", "created_by", "created_at",
		},
		refers: []reference{{"organization_id", "organizations"}, {"contact_id", "contacts"}, {"user_id", "users"}, {"done_by", "users"}, {"created_by", "users"}},
	},
	{
		name: "interaction_contacts", targetType: audit.Interaction, key: []string{"interaction_id", "contact_id"}, target: "interaction_id",
		columns: []string{"interaction_id", "contact_id"},
		refers:  []reference{{"interaction_id", "interactions"}, {"contact_id", "contacts"}}, partOf: "interactions",
	},
	{
		name: "interactions", targetType: audit.Interaction, key: []string{"id"}, target: "id", versioned: true,
		columns: []string{
			"id", "organization_id", "contact_id", "user_id", "channel", "subject", "body", "outcome", "happened_at", "created_at",
			"duration_minutes", "direction",
		},
		refers:   []reference{{"organization_id", "organizations"}, {"contact_id", "contacts"}, {"user_id", "users"}},
		refersTo: []string{"EXISTS (SELECT 1 FROM interaction_contacts x WHERE x.interaction_id = t.id)"},
	},
	{
		name: "organization_contact", targetType: audit.Relationship, key: []string{"organization_id", "contact_id"},
		target: "organization_id", versioned: true,
		together: [][]string{{"touch_snoozed_until", "touch_snooze_reason"}},
		columns:  []string{"organization_id", "contact_id", "role_label", "relationship_status", "touch_every_days", "touch_snoozed_until", "touch_snooze_reason"},
		refers:   []reference{{"organization_id", "organizations"}, {"contact_id", "contacts"}},
	},
	{
		name: "user_roles", targetType: audit.User, key: []string{"user_id", "role_id"}, target: "user_id",
		columns: []string{"user_id", "role_id"},
		refers:  []reference{{"user_id", "users"}, {"role_id", "roles"}}, partOf: "users",
	},
	{
		name: "role_permissions", targetType: audit.Role, key: []string{"role_id", "permission_id"}, target: "role_id",
		columns: []string{"role_id", "permission_id"},
		refers:  []reference{{"role_id", "roles"}}, partOf: "roles",
	},
	{
		name: "touch_defaults", targetType: audit.TouchDefault, key: []string{"id"}, target: "id", versioned: true, unique: []string{"role_key"},
		columns: []string{"id", "role_label", "role_key", "every_days", "created_at"},
	},
	{
		name: "contacts", targetType: audit.Contact, key: []string{"id"}, target: "id", versioned: true, stamped: true, owned: true,
		order:   "t.last_name" + icu + ", t.first_name" + icu + ", t.id",
		unique:  []string{"email"},
		columns: []string{"id", "first_name", "last_name", "email", "phone", "mobile", "job_title", "owner_user_id", "is_active", "created_at"},
		refers:  []reference{{"owner_user_id", "users"}},
		refersTo: []string{
			"EXISTS (SELECT 1 FROM organization_contact x WHERE x.contact_id = t.id)",
			"EXISTS (SELECT 1 FROM relationship_periods x WHERE x.contact_id = t.id)",
			"EXISTS (SELECT 1 FROM interactions x WHERE x.contact_id = t.id)",
			"EXISTS (SELECT 1 FROM interaction_contacts x WHERE x.contact_id = t.id)",
			"EXISTS (SELECT 1 FROM follow_ups x WHERE x.contact_id = t.id)",
		},
	},
	{
		name: "organizations", targetType: audit.Organization, key: []string{"id"}, target: "id", versioned: true, stamped: true, owned: true,
		order:    "t.display_name" + icu + ", t.id",
		together: [][]string{{"touch_snoozed_until", "touch_snooze_reason"}},
		columns: []string{
			"id", "legal_name", "display_name", "website", "sector", "size_band", "tax_id", "owner_user_id", "is_active", "created_at",
			"touch_every_days", "touch_snoozed_until", "touch_snooze_reason",
		},
		refers: []reference{{"owner_user_id", "users"}},
		refersTo: []string{
			"EXISTS (SELECT 1 FROM organization_contact x WHERE x.organization_id = t.id)",
			"EXISTS (SELECT 1 FROM relationship_periods x WHERE x.organization_id = t.id)",
			"EXISTS (SELECT 1 FROM interactions x WHERE x.organization_id = t.id)",
			"EXISTS (SELECT 1 FROM follow_ups x WHERE x.organization_id = t.id)",
		},
	},
	{
		name: "users", targetType: audit.User, key: []string{"id"}, target: "id", versioned: true, stamped: true,
		unique:  []string{"email"},
		columns: []string{"id", "email", "name", "team_id", "zone", "theme", "density", "language", "keys_off", "is_active", "created_at"},
		refers:  []reference{{"team_id", "teams"}},
		refersTo: []string{
			"EXISTS (SELECT 1 FROM user_roles x WHERE x.user_id = t.id)",
			"EXISTS (SELECT 1 FROM organizations x WHERE x.owner_user_id = t.id)",
			"EXISTS (SELECT 1 FROM contacts x WHERE x.owner_user_id = t.id)",
			"EXISTS (SELECT 1 FROM interactions x WHERE x.user_id = t.id)",
			"EXISTS (SELECT 1 FROM follow_ups x WHERE x.user_id = t.id)",
			"EXISTS (SELECT 1 FROM follow_ups x WHERE x.created_by = t.id)",
			"EXISTS (SELECT 1 FROM follow_ups x WHERE x.done_by = t.id)",
			"EXISTS (SELECT 1 FROM change_sets x WHERE x.user_id = t.id)",
			"EXISTS (SELECT 1 FROM audit_logs x WHERE x.user_id = t.id)",
			"EXISTS (SELECT 1 FROM saved_views x WHERE x.owner_user_id = t.id)",
		},
	},
	{
		name: "roles", targetType: audit.Role, key: []string{"id"}, target: "id", versioned: true, unique: []string{"slug"},
		columns: []string{"id", "slug", "name", "reach", "created_at", "requires_mfa"},
		refersTo: []string{
			"EXISTS (SELECT 1 FROM user_roles x WHERE x.role_id = t.id)",
			"EXISTS (SELECT 1 FROM role_permissions x WHERE x.role_id = t.id)",
		},
	},
	{
		name: "teams", targetType: audit.Team, key: []string{"id"}, target: "id", versioned: true, unique: []string{"name"},
		columns: []string{"id", "name", "parent_id", "created_at"},
		refers:  []reference{{"parent_id", "teams"}},
		refersTo: []string{
			"EXISTS (SELECT 1 FROM users x WHERE x.team_id = t.id)",
			"EXISTS (SELECT 1 FROM saved_views x WHERE x.team_id = t.id)",
			"EXISTS (SELECT 1 FROM teams x WHERE x.parent_id = t.id AND x.id <> ALL(@ids::uuid[]))",
		},
	},
}

// tableNamed returns the description of a table with images, false for any other name.
func tableNamed(name string) (imagedTable, bool) {
	for _, t := range imagedTables {
		if t.name == name {
			return t, true
		}
	}
	return imagedTable{}, false
}

// tableOf returns the table that holds the records of an audit target type themselves, not their links or roles.
func tableOf(targetType string) (imagedTable, bool) {
	for _, t := range imagedTables {
		if t.targetType == targetType && len(t.key) == 1 {
			return t, true
		}
	}
	return imagedTable{}, false
}
