package web_test

import (
	"net/http"
	"testing"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/paths"
)

// Every path the site links to is answered, by the method it is used with.
func TestEveryPathHasARoute(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	routes := chi.NewRouter()
	for _, r := range s.web.Routes() {
		routes.Method(r.Method, r.Pattern, http.NotFoundHandler())
	}
	a, b := uuid.New(), uuid.New()
	for method, all := range map[string][]string{
		http.MethodGet: {
			paths.Home, paths.Login, paths.Search, paths.Organizations, paths.NewOrganization, paths.Contacts, paths.NewContact, paths.Interactions, paths.Workload,
			paths.Account, paths.AccountPassword, paths.Sessions, paths.Users, paths.NewUser, paths.Roles, paths.NewRole, paths.Teams, paths.Audit,
			paths.Organization(a), paths.EditOrganization(a), paths.OrganizationHistory(a), paths.OrganizationWitnesses(a), paths.ContactWitnesses(a), paths.OrganizationContacts(a), paths.EditLink(a, b),
			paths.NewLogOnOrganization(a), paths.Contact(a), paths.EditContact(a), paths.ContactHistory(a), paths.NewLogOnContact(a),
			paths.QuickLog, paths.QuickLogHelp,
			paths.Interaction(a), paths.EditInteraction(a), paths.InteractionHistory(a), paths.Change(a), paths.User(a), paths.Role(a), paths.Team(a),
			paths.TouchOrganization(a), paths.TouchLink(a, b), paths.TouchDefaults,
		},
		http.MethodPost: {
			paths.QuickLog,
			paths.Login, paths.Logout, paths.Organizations, paths.Organization(a), paths.ArchiveOrganization(a), paths.RestoreOrganization(a),
			paths.OrganizationContacts(a), paths.OrganizationContact(a, b), paths.UnlinkContact(a, b), paths.LogOnOrganization(a),
			paths.Contacts, paths.Contact(a), paths.ArchiveContact(a), paths.RestoreContact(a), paths.LogOnContact(a),
			paths.Interaction(a), paths.DeleteInteraction(a), paths.Undo(a), paths.Account, paths.AccountPassword,
			paths.Users, paths.User(a), paths.DeactivateUser(a), paths.ReactivateUser(a), paths.ResetUserPassword(a), paths.UnlockUser(a), paths.EndUserSessions(a), paths.EndSession(a), paths.EndSessions, paths.AccountWelcome,
			paths.Roles, paths.Role(a), paths.Teams, paths.Team(a),
			paths.TouchOrganization(a), paths.SnoozeOrganization(a), paths.TouchLink(a, b), paths.SnoozeLink(a, b), paths.TouchDefaults, paths.TouchDefault(a), paths.DeleteTouchDefault(a),
		},
	} {
		for _, path := range all {
			if !routes.Match(chi.NewRouteContext(), method, path) {
				t.Errorf("%s %s is linked to, but no route answers it", method, path)
			}
		}
	}
}
