package authz

import "slices"

// Permission is the slug of something a role may allow.
type Permission string

// The permissions. The first four are the registry's contract.
const (
	ViewClient      Permission = "ViewClient"
	EditClient      Permission = "EditClient"
	ViewInteraction Permission = "ViewInteraction"
	EditInteraction Permission = "EditInteraction"
	ManageUsers     Permission = "ManageUsers"
	ViewAudit       Permission = "ViewAudit"
	ImportClient    Permission = "ImportClient"
	ExportClient    Permission = "ExportClient"
)

// Permissions lists all permissions in the order in which pages and the seed show them.
var Permissions = []Permission{
	ViewClient, EditClient, ViewInteraction, EditInteraction, ImportClient, ExportClient, ViewAudit, ManageUsers,
}

// Valid reports whether p is a known permission.
func (p Permission) Valid() bool { return slices.Contains(Permissions, p) }

// view returns the permission whose reach bounds p, or p itself: editing never reaches beyond viewing.
func (p Permission) view() Permission {
	switch p {
	case EditClient, ImportClient, ExportClient:
		return ViewClient
	case EditInteraction:
		return ViewInteraction
	}
	return p
}
