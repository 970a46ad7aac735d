// Package audit says what a change looks like: the actions by name, the row images before and after,
// and how an undo merges with what was changed since. It is pure; package postgres stores it.
package audit

import (
	"encoding/json"

	"github.com/google/uuid"
)

// Action names what was done, verb first.
type Action string

// The actions. Those without a record (sign-in, denial) have no change set and cannot be undone.
const (
	CreateOrganization  Action = "create_org"
	UpdateOrganization  Action = "update_org"
	ArchiveOrganization Action = "archive_org"
	RestoreOrganization Action = "restore_org"
	CreateContact       Action = "create_contact"
	UpdateContact       Action = "update_contact"
	ArchiveContact      Action = "archive_contact"
	RestoreContact      Action = "restore_contact"
	LinkContact         Action = "link_contact"
	UpdateLink          Action = "update_link"
	UnlinkContact       Action = "unlink_contact"
	CreateInteraction   Action = "create_interaction"
	UpdateInteraction   Action = "update_interaction"
	DeleteInteraction   Action = "delete_interaction"
	AddAttendee         Action = "add_attendee" // part of one of the three above; target and metadata are the interaction's
	RemoveAttendee      Action = "remove_attendee"
	CreateFollowUp      Action = "create_follow_up"
	UpdateFollowUp      Action = "update_follow_up"
	FinishFollowUp      Action = "done_follow_up"
	CancelFollowUp      Action = "cancel_follow_up"
	ReopenFollowUp      Action = "reopen_follow_up"
	CreateUser          Action = "create_user"
	UpdateUser          Action = "update_user"
	DeactivateUser      Action = "deactivate_user"
	ReactivateUser      Action = "reactivate_user"
	AssignRole          Action = "assign_role"
	CreateRole          Action = "create_role"
	UpdateRole          Action = "update_role"
	CreateTeam          Action = "create_team"
	UpdateTeam          Action = "update_team"
	CreateView          Action = "create_view"
	UpdateView          Action = "update_view"
	DeleteView          Action = "delete_view"
	CreateTouchDefault  Action = "create_touch_default"
	UpdateTouchDefault  Action = "update_touch_default"
	DeleteTouchDefault  Action = "delete_touch_default"
	Import              Action = "import"
	AssignClients       Action = "assign_clients" // many at once; each record's own row says update_org or update_contact
	ArchiveClients      Action = "archive_clients"
	RestoreClients      Action = "restore_clients"
	SnoozeFollowUps     Action = "snooze_follow_ups" // many at once; each one's own row says update_follow_up or done_follow_up
	AssignFollowUps     Action = "assign_follow_ups"
	FinishFollowUps     Action = "done_follow_ups"
	Demo                Action = "demo"
	BulkLoad            Action = "bulk_load" // of records without images: each is its own baseline
	Undo                Action = "undo"

	Login          Action = "login"
	LoginFailed    Action = "login_failed"
	Lockout        Action = "lockout"
	Unlock         Action = "unlock"
	Logout         Action = "logout"
	EndSession     Action = "end_session" // metadata: how many
	AccessDenied   Action = "access_denied"
	Export         Action = "export" // of a list; metadata: which, its filter, how many rows, whether it was cut off
	ChangePassword Action = "change_password"
	ResetPassword  Action = "reset_password"
	RequestReset   Action = "request_reset" // of a link by mail

	InviteUser       Action = "invite_user"
	RevokeInvitation Action = "revoke_invitation"
	AcceptInvitation Action = "accept_invitation"

	SetUpMFA         Action = "set_up_mfa" // a secret was shown; nothing depends on it yet
	EnableMFA        Action = "enable_mfa"
	DisableMFA       Action = "disable_mfa"
	ResetMFA         Action = "reset_mfa"
	NewRecoveryCodes Action = "new_recovery_codes"
	UseRecoveryCode  Action = "use_recovery_code"
	CreateToken      Action = "create_token"
	RevokeToken      Action = "revoke_token"
	MakeCalendar     Action = "make_calendar" // the secret address of one's calendar
	RevokeCalendar   Action = "revoke_calendar"
)

// Actions lists every action, for filters and for the test that each has words.
var Actions = []Action{
	CreateOrganization, UpdateOrganization, ArchiveOrganization, RestoreOrganization,
	CreateContact, UpdateContact, ArchiveContact, RestoreContact, LinkContact, UpdateLink, UnlinkContact,
	CreateInteraction, UpdateInteraction, DeleteInteraction, AddAttendee, RemoveAttendee,
	CreateFollowUp, UpdateFollowUp, FinishFollowUp, CancelFollowUp, ReopenFollowUp,
	CreateUser, UpdateUser, DeactivateUser, ReactivateUser, AssignRole, CreateRole, UpdateRole, CreateTeam, UpdateTeam,
	CreateView, UpdateView, DeleteView, CreateTouchDefault, UpdateTouchDefault, DeleteTouchDefault,
	Import, AssignClients, ArchiveClients, RestoreClients, SnoozeFollowUps, AssignFollowUps, FinishFollowUps, Export, Demo, BulkLoad, Undo, Login, LoginFailed, Lockout, Unlock, Logout, EndSession, AccessDenied, ChangePassword, ResetPassword,
	RequestReset, InviteUser, RevokeInvitation, AcceptInvitation,
	SetUpMFA, EnableMFA, DisableMFA, ResetMFA, NewRecoveryCodes, UseRecoveryCode,
	CreateToken, RevokeToken, MakeCalendar, RevokeCalendar,
}

// Types of audit targets.
const (
	Organization = "organization"
	Contact      = "contact"
	Relationship = "relationship" // the target id is the organization's; both ids are in the metadata
	Interaction  = "interaction"
	FollowUp     = "follow_up"
	User         = "user"
	Role         = "role"
	Team         = "team"
	View         = "view"          // a saved view
	TouchDefault = "touch_default" // how often to be in touch with people in a role
)

// Change is one audit row about to be written: a row of a table, before and after.
type Change struct {
	Action     Action
	TargetType string
	TargetID   uuid.UUID
	ParentID   uuid.NullUUID // a second record whose history shows the change
	Table      string        // the table whose row the images show
	Metadata   map[string]any
	Before     json.RawMessage // nil when the row is new
	After      json.RawMessage // nil when the row goes
}
