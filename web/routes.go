package web

import (
	"net/http"
	"slices"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
)

// route is one line of the table: what is asked, what it takes, who answers.
type route struct {
	method  string
	pattern string
	needs   *access
	handle  handler
}

// access says who may call a route. Every route has one.
type access struct {
	public               bool               // no sign-in needed
	link                 bool               // the path holds a secret, which no other page may learn
	half                 bool               // for somebody who gave a password and owes the second factor, and for nobody else
	beforePasswordChange bool               // open to someone who must change a one-time password first
	beforeEnrolment      bool               // open to someone who must set up a second factor first
	sensitive            bool               // asks for the password again when it was not given lately
	permissions          []authz.Permission // all of them; the first one missing is named, so View stands first
}

var (
	public     = &access{public: true}
	byLink     = &access{public: true, link: true}
	signedIn   = &access{}
	halfway    = &access{half: true}
	enrolling  = &access{beforeEnrolment: true}
	unfinished = &access{beforePasswordChange: true, beforeEnrolment: true}

	viewClient      = needs(authz.ViewClient)
	editClient      = needs(authz.ViewClient, authz.EditClient) // of a record that exists: its page shows it
	createClient    = needs(authz.EditClient)
	logInteraction  = needs(authz.ViewClient, authz.EditInteraction)
	viewInteraction = needs(authz.ViewInteraction)
	editInteraction = needs(authz.ViewInteraction, authz.EditInteraction)
	exportTalk      = needs(authz.ViewInteraction, authz.ExportClient)
	manageUsers     = needs(authz.ManageUsers)
	viewAudit       = needs(authz.ViewAudit)
)

func needs(p ...authz.Permission) *access { return &access{permissions: p} }

// asking returns a copy of a that asks for the password again when it was not given lately.
func (a *access) asking() *access {
	b := *a
	b.sensitive = true
	return &b
}

const get, post = http.MethodGet, http.MethodPost

// table is the site, to be read top to bottom. A test holds it against chi.Walk, and a golden file against
// every role: a change of access is a line in a diff.
func (s *Server) table() []route {
	return slices.Concat(s.doors(), s.register(), s.nextSteps(), s.changes(), s.account(), s.administration(), s.development())
}

// doors are the ways in and out.
func (s *Server) doors() []route {
	return []route{
		{get, "/login", public, s.showLogin},
		{post, "/login", public, s.login},
		{get, "/login/code", halfway, showCode},
		{post, "/login/code", halfway, s.checkCode},
		{post, "/logout", unfinished, s.logout},
		{get, "/forgot", public, s.showForgot},
		{post, "/forgot", public, s.requestReset},
		{get, "/reset/{secret}", byLink, s.showReset},
		{post, "/reset/{secret}", byLink, s.resetByLink},
		{get, "/invitations/{secret}", byLink, s.showInvitation},
		{post, "/invitations/{secret}", byLink, s.acceptInvitation},
		{get, "/calendar/{secret}", byLink, s.serveCalendar}, // as its owner may see it at that moment
	}
}

// register are the pages of the records.
func (s *Server) register() []route {
	return []route{
		{get, "/", signedIn, showHome},
		{get, "/team", viewInteraction, listWorkloads},
		{get, "/search", signedIn, showSearch},
		{get, "/log", logInteraction, showQuickLog},
		{post, "/log", logInteraction, logLine},
		{get, "/log/help", logInteraction, showQuickLogHelp},

		{get, "/organizations", viewClient, listOrganizations},
		{post, "/organizations", createClient, createOrganization},
		{get, "/organizations/new", createClient, newOrganization},
		{post, "/organizations/columns", viewClient, chooseColumns(crm.OrganizationList)},
		{post, "/organizations/bulk", viewClient, s.changeMany(crm.OrganizationList)}, // and what the action takes
		{get, "/organizations/{id}", viewClient, showOrganization},
		{post, "/organizations/{id}", editClient, updateOrganization},
		{get, "/organizations/{id}/edit", editClient, editOrganization},
		{post, "/organizations/{id}/archive", editClient, archiveOrganization},
		{post, "/organizations/{id}/restore", editClient, restoreOrganization},
		{get, "/organizations/{id}/history", viewClient, showOrganizationHistory},
		{get, "/organizations/{id}/access", viewClient, showOrganizationWitnesses},
		{get, "/organizations/{id}/contacts", editClient, findCandidates},
		{post, "/organizations/{id}/contacts", editClient, linkContact},
		{get, "/organizations/{id}/contacts/{contactID}/edit", editClient, editLink},
		{post, "/organizations/{id}/contacts/{contactID}", editClient, updateLink},
		{post, "/organizations/{id}/contacts/{contactID}/unlink", editClient, unlinkContact},
		{get, "/organizations/{id}/touch", editClient, showTouch(organizationTouching)},
		{post, "/organizations/{id}/touch", editClient, setTouch(organizationTouching)},
		{post, "/organizations/{id}/touch/snooze", editClient, snoozeTouch(organizationTouching)},
		{get, "/organizations/{id}/contacts/{contactID}/touch", editClient, showTouch(linkTouching)},
		{post, "/organizations/{id}/contacts/{contactID}/touch", editClient, setTouch(linkTouching)},
		{post, "/organizations/{id}/contacts/{contactID}/touch/snooze", editClient, snoozeTouch(linkTouching)},
		{get, "/organizations/{id}/interactions/new", logInteraction, newOrganizationLog},
		{post, "/organizations/{id}/interactions", logInteraction, logOnOrganization},

		{get, "/organizations/{id}/follow-ups/new", logInteraction, newOrganizationFollowUp},
		{post, "/organizations/{id}/follow-ups", logInteraction, planOnOrganization},

		{get, "/contacts", viewClient, listContacts},
		{post, "/contacts", createClient, createContact},
		{get, "/contacts/new", createClient, newContact},
		{post, "/contacts/columns", viewClient, chooseColumns(crm.ContactList)},
		{post, "/contacts/bulk", viewClient, s.changeMany(crm.ContactList)},
		{get, "/contacts/{id}", viewClient, showContact},
		{post, "/contacts/{id}", editClient, updateContact},
		{get, "/contacts/{id}/edit", editClient, editContact},
		{post, "/contacts/{id}/archive", editClient, archiveContact},
		{post, "/contacts/{id}/restore", editClient, restoreContact},
		{get, "/contacts/{id}/history", viewClient, showContactHistory},
		{get, "/contacts/{id}/access", viewClient, showContactWitnesses},
		{get, "/contacts/{id}/interactions/new", logInteraction, newContactLog},
		{post, "/contacts/{id}/interactions", logInteraction, logOnContact},
		{get, "/contacts/{id}/follow-ups/new", logInteraction, newContactFollowUp},
		{post, "/contacts/{id}/follow-ups", logInteraction, planOnContact},

		{get, "/interactions", viewInteraction, listInteractions},
		{post, "/interactions/columns", viewInteraction, chooseColumns(crm.InteractionList)},
		{post, "/interactions/bulk", exportTalk, s.changeMany(crm.InteractionList)}, // an export is all there is
		{get, "/interactions/{id}", viewInteraction, showInteraction},
		{post, "/interactions/{id}", editInteraction, updateInteraction},
		{get, "/interactions/{id}/edit", editInteraction, editInteractionForm},
		{post, "/interactions/{id}/delete", editInteraction, deleteInteraction},
		{get, "/interactions/{id}/history", viewInteraction, showInteractionHistory},
		{get, "/interactions/{id}/calendar.ics", viewInteraction, s.serveTalk},
	}
}

// nextSteps are the pages of what is to be done.
func (s *Server) nextSteps() []route {
	return []route{
		{get, "/follow-ups", viewInteraction, listFollowUps},
		{post, "/follow-ups/bulk", editInteraction, changeFollowUps},
		{get, "/follow-ups/{id}", viewInteraction, showFollowUp},
		{post, "/follow-ups/{id}", editInteraction, updateFollowUp},
		{get, "/follow-ups/{id}/edit", editInteraction, editFollowUp},
		{post, "/follow-ups/{id}/done", editInteraction, finishFollowUp}, // and what logging takes, where it logs
		{post, "/follow-ups/{id}/snooze", editInteraction, snoozeFollowUp},
		{post, "/follow-ups/{id}/cancel", editInteraction, cancelFollowUp},
		{post, "/follow-ups/{id}/reopen", editInteraction, reopenFollowUp},
		{get, "/follow-ups/{id}/history", viewInteraction, showFollowUpHistory},
	}
}

// development are pages for developers, none in production.
func (s *Server) development() []route {
	if !s.Development {
		return nil
	}
	return []route{{get, paths.Showcase, signedIn, showControls}}
}

// changes are the pages of what was done, what is being done, and views.
func (s *Server) changes() []route {
	return []route{
		// what these need depends on the records they tell of: the store decides
		{get, "/changes/{id}", signedIn, showChange},
		{post, "/changes/{id}/undo", signedIn, s.undoChange}, // and asks for the password where it can give rights
		{get, "/jobs/{id}", signedIn, showJob},               // by whom it was left, and nobody else

		// what these need depends on the list that the view is of
		{post, "/views", signedIn, createView},
		{get, "/views/new", signedIn, newView},
		{get, "/views/{id}", signedIn, editView},
		{post, "/views/{id}", signedIn, updateView},
		{post, "/views/{id}/delete", signedIn, deleteView},
		{post, "/views/{id}/pin", signedIn, pinView},
		{post, "/views/{id}/unpin", signedIn, unpinView},
		{post, "/views/{id}/default", signedIn, defaultView},
		{post, "/views/{id}/default/drop", signedIn, dropDefaultView},
	}
}

// account are everybody's own settings.
func (s *Server) account() []route {
	return []route{
		{get, "/account", signedIn, showAccount},
		{post, "/account", signedIn, updateAccount},
		{post, "/account/welcome", signedIn, putFirstStepsAside},
		{get, "/account/password", unfinished, showPassword},
		{post, "/account/password", unfinished, s.changePassword},
		{get, "/account/sessions", signedIn, s.showSessions},
		{post, "/account/sessions/end", signedIn, endOtherSessions},
		{post, "/account/sessions/{id}/end", signedIn, endSession},

		{get, "/account/mfa", enrolling, s.showSecondFactor},
		{get, "/account/mfa/qr", enrolling, s.showSecondFactorPicture},
		{post, "/account/mfa/setup", enrolling.asking(), setUpSecondFactor},
		{post, "/account/mfa/confirm", enrolling.asking(), s.confirmSecondFactor},
		{post, "/account/mfa/codes", signedIn.asking(), newRecoveryCodes},
		{post, "/account/mfa/off", signedIn.asking(), s.disableSecondFactor},

		{get, "/account/notifications", signedIn, showNotifications},
		{post, "/account/notifications", signedIn, saveNotifications},
		{get, "/inbox", signedIn, showInbox}, // what a notice is about shows as far as its reader may see it
		{post, "/inbox/read", signedIn, readNotices},
		{post, "/inbox/{id}/read", signedIn, readNotice},
		{post, "/inbox/{id}/unread", signedIn, unreadNotice},

		{get, "/account/tokens", signedIn, listTokens},
		{post, "/account/tokens", signedIn.asking(), createToken},
		{post, "/account/tokens/{id}/revoke", signedIn, revokeToken},

		{get, "/account/calendar", signedIn, showCalendarFeed},
		{post, "/account/calendar", signedIn.asking(), s.makeCalendarFeed},
		{post, "/account/calendar/revoke", signedIn, revokeCalendarFeed},
	}
}

// administration are the pages on who may do what, and who did.
func (s *Server) administration() []route {
	return []route{
		{get, "/admin/users", manageUsers, listUsers},
		{post, "/admin/users", manageUsers.asking(), s.createUser},
		{get, "/admin/users/new", manageUsers, newUser},
		{get, "/admin/users/{id}", manageUsers, editUser},
		{post, "/admin/users/{id}", manageUsers.asking(), updateUser},
		{post, "/admin/users/{id}/deactivate", manageUsers, deactivateUser},
		{post, "/admin/users/{id}/reactivate", manageUsers.asking(), reactivateUser},
		{post, "/admin/users/{id}/password", manageUsers.asking(), s.resetPassword},
		{post, "/admin/users/{id}/unlock", manageUsers, unlockUser},
		{post, "/admin/users/{id}/sessions/end", manageUsers, endUserSessions},
		{post, "/admin/users/{id}/reset-link", manageUsers.asking(), mailReset},
		{post, "/admin/users/{id}/invite", manageUsers.asking(), s.inviteUser},
		{post, "/admin/users/{id}/revoke", manageUsers, revokeInvitation},
		{post, "/admin/users/{id}/mfa/reset", manageUsers.asking(), resetSecondFactor},
		{get, "/admin/users/{id}/tokens", manageUsers, listUserTokens},
		{post, "/admin/users/{id}/tokens/{tokenID}/revoke", manageUsers, revokeUserToken},
		{get, "/admin/roles", manageUsers, listRoles},
		{post, "/admin/roles", manageUsers.asking(), createRole},
		{get, "/admin/roles/new", manageUsers, newRole},
		{get, "/admin/roles/{id}", manageUsers, editRole},
		{post, "/admin/roles/{id}", manageUsers.asking(), updateRole},
		{get, "/admin/teams", manageUsers, listTeams},
		{post, "/admin/teams", manageUsers, createTeam},
		{get, "/admin/teams/{id}", manageUsers, editTeam},
		{post, "/admin/teams/{id}", manageUsers, updateTeam},
		{get, "/admin/keeping-in-touch", manageUsers, listTouchDefaults},
		{post, "/admin/keeping-in-touch", manageUsers, createTouchDefault},
		{post, "/admin/keeping-in-touch/{id}", manageUsers, updateTouchDefault},
		{post, "/admin/keeping-in-touch/{id}/delete", manageUsers, deleteTouchDefault},
		{get, "/admin/audit", viewAudit, listAudit},
	}
}
