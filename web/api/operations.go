package api

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"github.com/archpilot/crm/internal/authz"
)

// operation is one line of the table: what is asked, what it takes, who answers, and its words in the document.
type operation struct {
	method   string
	path     string
	needs    *access
	register func(*Server, huma.API, operation)
	id       string
	summary  string
}

// access says who may call an operation. Every operation has one.
type access struct {
	permissions []authz.Permission // all of them; the first one missing is named, so View stands first
}

var (
	anyToken        = needs()
	viewClient      = needs(authz.ViewClient)
	createClient    = needs(authz.EditClient)
	editClient      = needs(authz.ViewClient, authz.EditClient) // of a record that exists
	logInteraction  = needs(authz.ViewClient, authz.EditInteraction)
	viewInteraction = needs(authz.ViewInteraction)
	editInteraction = needs(authz.ViewInteraction, authz.EditInteraction)
)

func needs(p ...authz.Permission) *access { return &access{permissions: p} }

// table is the API, to be read top to bottom. The permissions are those of the pages' route table. A test holds
// it against chi.Walk and the OpenAPI document, and a golden file against every permission.
func (s *Server) table() []operation {
	const get, post, patch, del = http.MethodGet, http.MethodPost, http.MethodPatch, http.MethodDelete
	return []operation{
		{get, "/me", anyToken, of(me), "showMe", "Show who calls, and how far they may go"},

		{get, "/organizations", viewClient, of(listOrganizations), "listOrganizations", "List organizations"},
		{post, "/organizations", createClient, making[newOrganization](createOrganization), "createOrganization", "Create an organization"},
		{get, "/organizations/{id}", viewClient, of(showOrganization), "showOrganization", "Show an organization with its people and interactions"},
		{patch, "/organizations/{id}", editClient, taking[newOrganization](updateOrganization), "updateOrganization", "Change an organization"},
		{post, "/organizations/{id}/archive", editClient, of(archiveOrganization), "archiveOrganization", "Archive an organization"},
		{post, "/organizations/{id}/restore", editClient, of(restoreOrganization), "restoreOrganization", "Restore an archived organization"},
		{post, "/organizations/{id}/contacts", editClient, making[newLink](linkContact), "linkContact", "Link a contact to an organization"},
		{get, "/organizations/{id}/contacts/{contact_id}", viewClient, of(showLink), "showLink", "Show a relationship"},
		{patch, "/organizations/{id}/contacts/{contact_id}", editClient, taking[LinkChange](updateLink), "updateLink", "Change a relationship"},
		{del, "/organizations/{id}/contacts/{contact_id}", editClient, of(unlinkContact), "unlinkContact", "End a relationship"},
		{post, "/organizations/{id}/interactions", logInteraction, making[organizationLog](logOnOrganization), "logOnOrganization", "Log an interaction with an organization"},
		{post, "/organizations/{id}/follow-ups", logInteraction, making[organizationPlan](planOnOrganization), "planOnOrganization", "Plan a follow-up with an organization"},

		{get, "/contacts", viewClient, of(listContacts), "listContacts", "List contacts"},
		{post, "/contacts", createClient, making[newContact](createContact), "createContact", "Create a contact"},
		{get, "/contacts/{id}", viewClient, of(showContact), "showContact", "Show a contact with organizations and interactions"},
		{patch, "/contacts/{id}", editClient, taking[newContact](updateContact), "updateContact", "Change a contact"},
		{post, "/contacts/{id}/archive", editClient, of(archiveContact), "archiveContact", "Archive a contact"},
		{post, "/contacts/{id}/restore", editClient, of(restoreContact), "restoreContact", "Restore an archived contact"},
		{post, "/contacts/{id}/interactions", logInteraction, making[contactLog](logOnContact), "logOnContact", "Log an interaction with a contact"},
		{post, "/contacts/{id}/follow-ups", logInteraction, making[contactPlan](planOnContact), "planOnContact", "Plan a follow-up with a contact"},

		{get, "/interactions", viewInteraction, of(listInteractions), "listInteractions", "List interactions, newest first"},
		{get, "/interactions/{id}", viewInteraction, of(showInteraction), "showInteraction", "Show an interaction"},
		{patch, "/interactions/{id}", editInteraction, taking[InteractionFields](updateInteraction), "updateInteraction", "Change an interaction"},
		{del, "/interactions/{id}", editInteraction, of(deleteInteraction), "deleteInteraction", "Delete an interaction; Undo brings it back"},

		{get, "/follow-ups", viewInteraction, of(listFollowUps), "listFollowUps", "List follow-ups: open ones by when they are due, others the latest first"},
		{get, "/follow-ups/{id}", viewInteraction, of(showFollowUp), "showFollowUp", "Show a follow-up"},
		{patch, "/follow-ups/{id}", editInteraction, taking[FollowUpFields](updateFollowUp), "updateFollowUp", "Change an open follow-up, put it off, or give it on"},
		{post, "/follow-ups/{id}/done", editInteraction, taking[OutcomeFields](finishFollowUp), "finishFollowUp", "Mark a follow-up as done"},
		{post, "/follow-ups/{id}/cancel", editInteraction, of(cancelFollowUp), "cancelFollowUp", "Cancel a follow-up that is not to be done"},
		{post, "/follow-ups/{id}/reopen", editInteraction, of(reopenFollowUp), "reopenFollowUp", "Open a follow-up again"},
	}
}
