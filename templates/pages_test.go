package templates

import (
	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
)

// samples is every page as it looks in use, by a name that says which state it is in.
func samples() map[string]templ.Component {
	p := samplePage()
	flashed := p
	flashed.Flash = Flash{Text: "Interaction logged.", UndoPath: "/changes/x/undo"}
	stranger := zeroPage()
	stranger.Firm = p.Firm
	filtered := Query{"q": "gran", "owner": "me", "size": "51-200", "sort": "updated"}
	return map[string]templ.Component{
		"organizations":       Organizations(OrganizationsPage{Page: p, List: sampleOrganizations(), Query: filtered, Owners: sampleOwners, PrevURL: "/organizations?before=x", NextURL: "/organizations?after=y", Sectors: []string{"Robotics"}}),
		"organizations-empty": Organizations(OrganizationsPage{Page: p, NoneYet: true}),
		"organizations-none":  Organizations(OrganizationsPage{Page: p, Query: filtered}),
		"organization":        Organization(OrganizationPage{Page: flashed, Organization: sampleOrganization, People: sampleRelationships(), Former: samplePeriods(), Interactions: sampleInteractions(), History: sampleChanges(), Log: sampleLog()}),
		"organization-new":    OrganizationForm(OrganizationFormPage{Page: p, IsNew: true, Form: refusedOrganizationForm(), Owners: sampleOwners, Sectors: []string{"Robotics"}}),
		"organization-edit":   OrganizationForm(OrganizationFormPage{Page: p, Organization: sampleOrganization, Form: organizationForm(), Owners: sampleOwners}),
		"log":                 Log(LogPage{Page: p, Organization: &sampleOrganization, Log: refusedLog()}),
		"candidates":          Candidates(CandidatesPage{Page: p, Organization: sampleOrganization, Query: "li", Candidates: []Candidate{{ID: id(3).String(), Name: "Åsa Lind", Detail: "asa@granvik.example"}, {ID: id(4).String(), Name: "Lina Holm", Detail: "Buyer"}}, Form: Form{Action: "/organizations/x/contacts"}}),
		"relationship":        Relationship(RelationshipPage{Page: p, Relationship: sampleRelationships()[0], Form: Form{Action: "/organizations/x/contacts/y", Version: 1}}),
		"login":               Login(LoginPage{Page: stranger, Next: "/organizations", Form: Form{Values: map[string]string{"email": "ada@example.com"}, Errors: crm.Invalid{"": crm.Msg("E-mail address or password is wrong.")}}}),
		"problem-403":         Problem(ProblemPage{Page: p, Status: 403, Permission: "ViewClient", RequestID: "01J9"}),
		"problem-500":         Problem(ProblemPage{Page: stranger, Status: 500, RequestID: "01J9"}),
	}
}
