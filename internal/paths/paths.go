// Package paths holds every URL the site links to, as functions: no path is written anywhere else
// but in the route table.
package paths

import (
	"net/url"

	"github.com/google/uuid"
)

// Pages without a parameter.
const (
	Home            = "/"
	Showcase        = "/ui" // in development only
	Login           = "/login"
	LoginCode       = "/login/code"
	Logout          = "/logout"
	Forgot          = "/forgot"
	LoginAfterReset = Login + "?notice=reset"
	Search          = "/search"
	Organizations   = "/organizations"
	NewOrganization = "/organizations/new"
	Contacts        = "/contacts"
	NewContact      = "/contacts/new"
	Interactions    = "/interactions"
	FollowUps       = "/follow-ups"
	Workload        = "/team"
	Account         = "/account"
	AccountPassword = "/account/password"
	AccountMFA      = "/account/mfa"
	Sessions        = "/account/sessions"
	AccountWelcome  = "/account/welcome"
	EndSessions     = "/account/sessions/end" // all but the one that asks
	MFAPicture      = "/account/mfa/qr"
	SetUpMFA        = "/account/mfa/setup"
	ConfirmMFA      = "/account/mfa/confirm"
	RecoveryCodes   = "/account/mfa/codes"
	DisableMFA      = "/account/mfa/off"
	Users           = "/admin/users"
	NewUser         = "/admin/users/new"
	Roles           = "/admin/roles"
	NewRole         = "/admin/roles/new"
	Teams           = "/admin/teams"
	TouchDefaults   = "/admin/keeping-in-touch"
	Audit           = "/admin/audit"
	Views           = "/views"
	NewView         = "/views/new"
)

// Organization and the functions below it return the pages and form targets of one organization.
func Organization(id uuid.UUID) string        { return Organizations + "/" + id.String() }
func EditOrganization(id uuid.UUID) string    { return Organization(id) + "/edit" }
func ArchiveOrganization(id uuid.UUID) string { return Organization(id) + "/archive" }
func RestoreOrganization(id uuid.UUID) string { return Organization(id) + "/restore" }

// OrganizationHistory lists every change of the organization.
func OrganizationHistory(id uuid.UUID) string { return Organization(id) + "/history" }

// OrganizationWitnesses says who may see the organization, ContactWitnesses who may see the contact.
func OrganizationWitnesses(id uuid.UUID) string { return Organization(id) + "/access" }
func ContactWitnesses(id uuid.UUID) string      { return Contact(id) + "/access" }

// OrganizationContacts takes a new link and, by GET, searches for people to link.
func OrganizationContacts(id uuid.UUID) string { return Organization(id) + "/contacts" }

func OrganizationContact(id, contact uuid.UUID) string {
	return OrganizationContacts(id) + "/" + contact.String()
}

func UnlinkContact(id, contact uuid.UUID) string { return OrganizationContact(id, contact) + "/unlink" }

func EditLink(id, contact uuid.UUID) string { return OrganizationContact(id, contact) + "/edit" }

func LogOnOrganization(id uuid.UUID) string    { return Organization(id) + "/interactions" }
func NewLogOnOrganization(id uuid.UUID) string { return Organization(id) + "/interactions/new" }

// ContactsOf is the list of who is linked to an organization.
func ContactsOf(organization uuid.UUID) string {
	return Contacts + "?organization=" + organization.String()
}

func InteractionsOfOrganization(id uuid.UUID) string {
	return Interactions + "?organization=" + id.String()
}

// TouchOrganization says how often to be in touch with an organization, SnoozeOrganization until when not; TouchLink
// and SnoozeLink do so for a contact at it.
func TouchOrganization(id uuid.UUID) string   { return Organization(id) + "/touch" }
func SnoozeOrganization(id uuid.UUID) string  { return TouchOrganization(id) + "/snooze" }
func TouchLink(id, contact uuid.UUID) string  { return OrganizationContact(id, contact) + "/touch" }
func SnoozeLink(id, contact uuid.UUID) string { return TouchLink(id, contact) + "/snooze" }

// TouchDefault saves what is usual in a role, DeleteTouchDefault drops it.
func TouchDefault(id uuid.UUID) string       { return TouchDefaults + "/" + id.String() }
func DeleteTouchDefault(id uuid.UUID) string { return TouchDefault(id) + "/delete" }

// Contact and the functions below it return the pages and form targets of one contact.
func Contact(id uuid.UUID) string               { return Contacts + "/" + id.String() }
func EditContact(id uuid.UUID) string           { return Contact(id) + "/edit" }
func ArchiveContact(id uuid.UUID) string        { return Contact(id) + "/archive" }
func RestoreContact(id uuid.UUID) string        { return Contact(id) + "/restore" }
func ContactHistory(id uuid.UUID) string        { return Contact(id) + "/history" }
func LogOnContact(id uuid.UUID) string          { return Contact(id) + "/interactions" }
func NewLogOnContact(id uuid.UUID) string       { return Contact(id) + "/interactions/new" }
func InteractionsOfContact(id uuid.UUID) string { return Interactions + "?contact=" + id.String() }

// Interaction and the functions below it return the pages and form targets of one interaction.
func Interaction(id uuid.UUID) string        { return Interactions + "/" + id.String() }
func EditInteraction(id uuid.UUID) string    { return Interaction(id) + "/edit" }
func DeleteInteraction(id uuid.UUID) string  { return Interaction(id) + "/delete" }
func InteractionHistory(id uuid.UUID) string { return Interaction(id) + "/history" }

// FollowUp and the functions below it return the page and form targets of one follow-up.
func FollowUp(id uuid.UUID) string        { return FollowUps + "/" + id.String() }
func EditFollowUp(id uuid.UUID) string    { return FollowUp(id) + "/edit" }
func FinishFollowUp(id uuid.UUID) string  { return FollowUp(id) + "/done" }
func CancelFollowUp(id uuid.UUID) string  { return FollowUp(id) + "/cancel" }
func ReopenFollowUp(id uuid.UUID) string  { return FollowUp(id) + "/reopen" }
func SnoozeFollowUp(id uuid.UUID) string  { return FollowUp(id) + "/snooze" }
func FollowUpHistory(id uuid.UUID) string { return FollowUp(id) + "/history" }

// ChangeFollowUps takes an action on follow-ups picked in the list.
const ChangeFollowUps = FollowUps + "/bulk"

// PlanOnOrganization and PlanOnContact take a new follow-up; the others below lead to their forms and lists.
func PlanOnOrganization(id uuid.UUID) string { return Organization(id) + "/follow-ups" }
func PlanOnContact(id uuid.UUID) string      { return Contact(id) + "/follow-ups" }
func NewFollowUpAt(plan string) string       { return plan + "/new" }
func FollowUpsOfOrganization(id uuid.UUID) string {
	return FollowUps + "?who=all&state=all&organization=" + id.String()
}

func FollowUpsOfContact(id uuid.UUID) string {
	return FollowUps + "?who=all&state=all&contact=" + id.String()
}

// FollowUpsFor lists what a person is still to do.
func FollowUpsFor(id uuid.UUID) string { return FollowUps + "?who=" + id.String() }

// Change is one change set; Undo takes it back.
func Change(id uuid.UUID) string { return "/changes/" + id.String() }
func Undo(id uuid.UUID) string   { return Change(id) + "/undo" }

// User and the functions below it return the admin pages of one user, role or team.
func User(id uuid.UUID) string              { return Users + "/" + id.String() }
func DeactivateUser(id uuid.UUID) string    { return User(id) + "/deactivate" }
func ReactivateUser(id uuid.UUID) string    { return User(id) + "/reactivate" }
func ResetUserMFA(id uuid.UUID) string      { return User(id) + "/mfa/reset" }
func ResetUserPassword(id uuid.UUID) string { return User(id) + "/password" }
func UnlockUser(id uuid.UUID) string        { return User(id) + "/unlock" }
func InviteUser(id uuid.UUID) string        { return User(id) + "/invite" }
func RevokeInvitation(id uuid.UUID) string  { return User(id) + "/revoke" }
func MailReset(id uuid.UUID) string         { return User(id) + "/reset-link" }
func Role(id uuid.UUID) string              { return Roles + "/" + id.String() }
func Team(id uuid.UUID) string              { return Teams + "/" + id.String() }

// List is the page of a list by its name, and Columns where its columns are chosen.
func List(name string) string    { return "/" + name }
func Columns(name string) string { return List(name) + "/columns" }

// ChangeMany takes an action on many records of a list.
func ChangeMany(name string) string { return List(name) + "/bulk" }

// Job is something left to be done in the background.
func Job(id uuid.UUID) string { return "/jobs/" + id.String() }

// ListView is a list as a saved view has it.
func ListView(name string, id uuid.UUID) string { return List(name) + "?view=" + id.String() }

// InList is the page of a record as a neighbour in the list with this query.
func InList(record, query string) string { return record + "?in=" + url.QueryEscape(query) }

// SaveView is the form that saves a list's query and columns as a view.
func SaveView(name, query, columns string) string {
	return With(NewView, url.Values{"list": {name}, "query": {query}, "columns": {columns}})
}

// View and the functions below it return the pages and form targets of one saved view.
func View(id uuid.UUID) string            { return Views + "/" + id.String() }
func EditView(id uuid.UUID) string        { return View(id) + "/edit" }
func DeleteView(id uuid.UUID) string      { return View(id) + "/delete" }
func PinView(id uuid.UUID) string         { return View(id) + "/pin" }
func UnpinView(id uuid.UUID) string       { return View(id) + "/unpin" }
func DefaultView(id uuid.UUID) string     { return View(id) + "/default" }
func DropDefaultView(id uuid.UUID) string { return View(id) + "/default/drop" }

// Invitation and Reset are where links sent by mail lead.
func Invitation(secret string) string { return "/invitations/" + secret }
func Reset(secret string) string      { return "/reset/" + secret }

// API is where programs ask; the functions below it return the addresses of records there.
const API = "/api/crm"

func APIOrganization(id uuid.UUID) string { return API + Organization(id) }
func APIContact(id uuid.UUID) string      { return API + Contact(id) }
func APIInteraction(id uuid.UUID) string  { return API + Interaction(id) }
func APIFollowUp(id uuid.UUID) string     { return API + FollowUp(id) }
func APILink(organization, contact uuid.UUID) string {
	return API + OrganizationContact(organization, contact)
}

// AccountTokens lists one's own API tokens and takes new ones.
const AccountTokens = Account + "/tokens"

func RevokeToken(id uuid.UUID) string { return AccountTokens + "/" + id.String() + "/revoke" }

// AccountCalendar is where the address of one's own calendar is made, CalendarFeed that address.
const (
	AccountCalendar = Account + "/calendar"
	RevokeCalendar  = AccountCalendar + "/revoke"
)

func CalendarFeed(secret string) string { return "/calendar/" + secret }

// InteractionFile is one interaction as a file for a calendar.
func InteractionFile(id uuid.UUID) string { return Interaction(id) + "/calendar.ics" }

// UserTokens lists the API tokens of somebody else.
func UserTokens(user uuid.UUID) string { return User(user) + "/tokens" }

// RevokeUserToken ends a token of somebody else.
func RevokeUserToken(user, id uuid.UUID) string {
	return UserTokens(user) + "/" + id.String() + "/revoke"
}

// EndSession ends one of one's own sessions, EndUserSessions all of somebody else's.
func EndSession(id uuid.UUID) string      { return Sessions + "/" + id.String() + "/end" }
func EndUserSessions(id uuid.UUID) string { return User(id) + "/sessions/end" }

// Inbox is what somebody was told, and the functions below it are the form targets of one notice. ReadNotices marks all as
// read, and Notifications is where one chooses what one is told.
const (
	Inbox         = "/inbox"
	ReadNotices   = Inbox + "/read"
	Notifications = Account + "/notifications"
)

func ReadNotice(id uuid.UUID) string   { return Inbox + "/" + id.String() + "/read" }
func UnreadNotice(id uuid.UUID) string { return Inbox + "/" + id.String() + "/unread" }

// LoginThen is the sign-in page that leads on to next, a local path with query.
func LoginThen(next string) string {
	if next == "" || next == Home {
		return Login
	}
	return Login + "?" + url.Values{"next": {next}}.Encode()
}

// WithRaw returns path with a query that is encoded already, "" for none.
func WithRaw(path, query string) string {
	if query == "" {
		return path
	}
	return path + "?" + query
}

// With returns path with the query q, leaving out empty values.
func With(path string, q url.Values) string {
	for k, v := range q {
		if len(v) == 0 || v[0] == "" {
			q.Del(k)
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// QuickLog takes one line that logs; QuickLogHelp explains it.
const (
	QuickLog     = "/log"
	QuickLogHelp = QuickLog + "/help"
)

// LogLine is the form that a line fills.
func LogLine(text string) string { return With(QuickLog, url.Values{"text": {text}}) }
