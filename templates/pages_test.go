package templates

import (
	"time"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
)

// samples is every page as it looks in use, by a name that says which state it is in.
func samples() map[string]templ.Component {
	all := map[string]templ.Component{}
	for _, part := range []map[string]templ.Component{organizationSamples(), contactSamples(), interactionSamples(), changeSamples(), personalSamples(), adminSamples(), viewSamples(), selectionSamples(), touchSamples(), quickLogSamples(), noticeSamples()} {
		for name, page := range part {
			all[name] = page
		}
	}
	return all
}

func organizationSamples() map[string]templ.Component {
	p, flashed := samplePage(), samplePage()
	flashed.Flash = Flash{Text: "Interaction logged.", UndoPath: "/changes/x/undo"}
	filtered := Query{"q": "gran", "owner": "me", "size": "51-200", "sort": "newest"}
	archived := sampleOrganization
	archived.IsActive = false
	return map[string]templ.Component{
		"organizations":         Organizations(OrganizationsPage{Page: p, List: sampleOrganizations(), Query: filtered, Owners: People{Users: sampleOwners, Teams: []Option{{Value: "team:" + id(11).String(), Label: "North"}}}, PrevURL: "/organizations?before=x", NextURL: "/organizations?after=y", Sectors: []string{"Robotics"}}),
		"organizations-empty":   Organizations(OrganizationsPage{Page: p, NoneYet: true}),
		"organizations-none":    Organizations(OrganizationsPage{Page: p, Query: filtered}),
		"organization":          Organization(OrganizationPage{Page: flashed, Organization: sampleOrganization, People: sampleRelationships(), Former: samplePeriods(), Timeline: sampleTimeline(), History: sampleChanges(), Log: sampleLog()}),
		"organization-bare":     Organization(OrganizationPage{Page: p, Organization: archived, Log: sampleLog()}),
		"organization-new":      OrganizationForm(OrganizationFormPage{Page: p, IsNew: true, Form: refusedOrganizationForm(), Owners: sampleOwners, Sectors: []string{"Robotics"}}),
		"organization-edit":     OrganizationForm(OrganizationFormPage{Page: p, Organization: sampleOrganization, Form: organizationForm(), Owners: sampleOwners}),
		"organization-conflict": Conflict(ConflictPage{Page: p, Name: "Granvik Robotics", BackURL: "/organizations/x", ChangedBy: "Marco Testa", ChangedAt: now, Form: organizationForm(), Theirs: map[string]string{"display_name": "Granvik Robotics Group", "legal_name": "Granvik Robotics AB", "sector": "", "owner_user_id": id(10).String()}, Fields: []ConflictField{{Name: "display_name"}, {Name: "legal_name"}, {Name: "sector"}, {Name: "owner_user_id", Options: sampleOwners}}}),
		"candidates":            Candidates(CandidatesPage{Page: p, Organization: sampleOrganization, Query: "li", Candidates: []Candidate{{ID: id(3).String(), Name: "Åsa Lind", Detail: "asa@granvik.example"}, {ID: id(4).String(), Name: "Lina Holm", Detail: "Buyer"}}, Form: Form{Action: "/organizations/x/contacts"}}),
		"candidates-none":       Candidates(CandidatesPage{Page: p, Organization: sampleOrganization, Query: "zzz", Form: Form{Action: "/organizations/x/contacts"}}),
		"relationship":          Relationship(RelationshipPage{Page: p, Relationship: sampleRelationships()[0], Form: Form{Action: "/organizations/x/contacts/y", Version: 1}}),
	}
}

// touchSamples are the pages on keeping in touch, and a record and lists that tell of it.
func touchSamples() map[string]templ.Component {
	p := samplePage()
	late, soon := ago(5*24*time.Hour), ago(-4*24*time.Hour)
	o, list, people := sampleOrganization, sampleOrganizations(), sampleRelationships()
	o.Touch = crm.Touch{TouchEveryDays: new(30), TouchSnoozedUntil: "2026-12-04", TouchSnoozeReason: "On leave", NextTouchAt: &late}
	list.Rows[0].NextTouchAt, list.Rows[0].LastContactAt, list.Rows[1].NextTouchAt, list.Rows[2].NextTouchAt = &late, ago(60*24*time.Hour), &soon, &late
	people[0].Touch = crm.Touch{TouchDefaultDays: new(45), NextTouchAt: &soon}
	refused := Form{Version: 3, Values: map[string]string{"touch_every_days": OtherTouch, "touch_other_days": "x"}, Errors: crm.Invalid{"touch_other_days": crm.Msg("Enter a number of days from %d to %d.", 1, 1095)}}
	snooze := Form{Version: 3, Values: SnoozeValues(o.Touch), Errors: crm.Invalid{"touch_snoozed_until": crm.Msg("Choose a day after today.")}}
	usual := []crm.TouchDefault{{ID: id(51), RoleLabel: "CFO", EveryDays: 90, Version: 1}, {ID: id(52), RoleLabel: "Owner", EveryDays: 30, Version: 2}}
	columns := ColumnsFor(p, OrganizationColumns, []string{"name", "last", "touch"})
	return map[string]templ.Component{
		"organization-touch":     Organization(OrganizationPage{Page: p, Organization: o, People: people, Log: sampleLog()}),
		"organizations-touch":    Organizations(OrganizationsPage{Page: p, List: list, Query: Query{"touch": "overdue", "sort": "touch"}, View: ListView{Columns: columns}}),
		"touch":                  Touch(TouchPage{Page: p, Name: "Granvik Robotics", BackURL: "/organizations/x", Touch: o.Touch, Set: refused, Snooze: Form{Version: 3, Values: SnoozeValues(o.Touch)}}),
		"touch-link":             Touch(TouchPage{Page: p, Name: "Lars Granvik", At: "Granvik Robotics", BackURL: "/organizations/x", Touch: people[0].Touch, Set: Form{Version: 1}, Snooze: snooze}),
		"touch-defaults":         TouchDefaults(TouchDefaultsPage{Page: p, Defaults: usual, Form: Form{Token: "t0k3n"}}),
		"touch-defaults-refused": TouchDefaults(TouchDefaultsPage{Page: p, Defaults: usual, Form: Form{Token: "t0k3n"}, Of: id(52), Edit: Form{Version: 2, Values: map[string]string{"every_days": "0"}, Errors: crm.Invalid{"every_days": crm.Msg("Enter a number of days from %d to %d.", 1, 1095)}}}),
		"touch-defaults-none":    TouchDefaults(TouchDefaultsPage{Page: p, Form: Form{Token: "t0k3n", Errors: crm.Invalid{"role_label": crm.Msg("Enter the role.")}}}),
	}
}

func selectionSamples() map[string]templ.Component {
	p := samplePage()
	picker := Picker{List: crm.OrganizationList, State: "sort=name", Count: "348 organizations", PageURL: "/organizations?select=page", AllURL: "/organizations?select=all", NoneURL: "/organizations", Changes: true, Exports: true}
	ticked, all := picker, picker
	ticked.Ticked, all.All = true, true
	list := func(k Picker) templ.Component {
		return Organizations(OrganizationsPage{Page: p, List: sampleOrganizations(), Picker: k})
	}
	skipped := map[crm.SkipReason]crm.Skipped{crm.SkippedReach: {Count: 2, Names: []string{"Granvik Robotics", "Jansen Optics"}}, crm.SkippedSame: {Count: 12, Names: []string{"Ingvar Foods"}}, crm.SkippedGone: {Count: 1}}
	job := crm.Job{ID: id(30), Kind: "archive_clients", Task: crm.Task{Bulk: &crm.Bulk{Action: crm.BulkArchive, Organizations: &crm.OrganizationFilter{}}}, CreatedAt: ago(time.Minute)}
	running, done, given := job, job, job
	running.StartedAt, running.Done, running.Total = ago(time.Second), 12_000, 50_000
	done.FinishedAt, done.Result = now, crm.JobResult{BulkResult: crm.BulkResult{ChangeSet: id(31), Done: 49_985, Skipped: skipped}}
	fault := crm.Msg("This account was deactivated before it could be done.")
	given.FinishedAt, given.Result.Fault = now, &fault
	back, undone := id(31), job
	undone.Kind, undone.Task, undone.FinishedAt = "undo", crm.Task{Undo: &back}, now
	undone.Result = crm.JobResult{BulkResult: crm.BulkResult{ChangeSet: id(32), Done: 49_984}, KeptMore: 3}
	sent := []Sent{{Name: "action", Value: "archive"}, {Name: "all", Value: "1"}}
	return map[string]templ.Component{
		"organizations-pick":   list(picker),
		"organizations-ticked": list(ticked),
		"organizations-all":    list(all),
		"selection":            Selection(SelectionPage{Page: p, List: crm.OrganizationList, Action: crm.BulkArchive, Count: 12_000, BackURL: "/organizations", Sent: sent, Token: "t0k3n"}),
		"selection-assign":     Selection(SelectionPage{Page: p, List: crm.ContactList, Action: crm.BulkAssign, Count: 12, Owner: "Marco Testa", BackURL: "/contacts", Sent: sent, Token: "t0k3n"}),
		"selection-refused":    Selection(SelectionPage{Page: p, List: crm.OrganizationList, Fault: "Choose at least one row.", BackURL: "/organizations"}),
		"job-waiting":          Job(JobPage{Page: p, Job: job}),
		"job-running":          Job(JobPage{Page: p, Job: running}),
		"job-done":             Job(JobPage{Page: p, Job: done}),
		"job-undone":           Job(JobPage{Page: p, Job: undone, Kept: []string{"Granvik Robotics (Owner): changed since"}}),
		"job-refused":          Job(JobPage{Page: p, Job: given}),
	}
}

func contactSamples() map[string]templ.Component {
	p := samplePage()
	rows := []crm.ContactRow{{Contact: sampleContact, OrganizationID: some(1), OrganizationName: "Granvik Robotics", RoleLabel: "CTO", MoreCount: 2}, {Contact: crm.Contact{ID: id(3), FirstName: "Åsa", LastName: "Lind"}}}
	log := sampleLog()
	log.PartnerField, log.Action = "organization_id", paths.LogOnContact(id(2))
	form := Form{Action: paths.Contact(id(2)), Version: 2, Values: map[string]string{"first_name": "Lars", "last_name": "Granvik", "email": "lars@"}, Errors: crm.Invalid{"email": crm.Msg("Enter an e-mail address like name@example.com.")}}
	return map[string]templ.Component{
		"contacts":       Contacts(ContactsPage{Page: p, List: crm.Listing[crm.ContactRow]{Rows: rows, Count: 2}}),
		"contacts-empty": Contacts(ContactsPage{Page: p, NoneYet: true}),
		"contact":        Contact(ContactPage{Page: p, Contact: sampleContact, Organizations: sampleRelationships(), Former: samplePeriods(), Timeline: sampleTimeline(), History: sampleChanges(), Log: log}),
		"contact-new":    ContactForm(ContactFormPage{Page: p, IsNew: true, Form: Form{Action: paths.Contacts, Token: "t0k3n"}}),
		"contact-edit":   ContactForm(ContactFormPage{Page: p, Contact: sampleContact, Form: form, Owners: sampleOwners}),
		"log-contact":    Log(LogPage{Page: p, Contact: &sampleContact, Log: log}),
	}
}

func interactionSamples() map[string]templ.Component {
	p := samplePage()
	one := sampleInteractions()[0]
	form := Form{Action: paths.Interaction(one.ID), Version: 1, Values: map[string]string{"channel": "call", "subject": one.Subject, "body": one.Body, "happened_at": "2026-11-22T11:42"}}
	return map[string]templ.Component{
		"log":                Log(LogPage{Page: p, Organization: &sampleOrganization, Log: refusedLog()}),
		"interactions":       Interactions(InteractionsPage{Page: p, List: crm.Listing[crm.Interaction]{Rows: sampleInteractions(), Count: 4}, Query: Query{"organization": id(1).String(), "from": "2026-11-01"}, OrganizationName: "Granvik Robotics", NextURL: "/interactions?after=x"}),
		"interactions-empty": Interactions(InteractionsPage{Page: p, NoneYet: true}),
		"interaction":        Interaction(InteractionPage{Page: p, Interaction: one, History: sampleChanges(), CanEdit: true, CanDelete: true}),
		"interaction-edit":   InteractionForm(InteractionFormPage{Page: p, Interaction: one, Form: form}),
		"search":             Search(SearchPage{Page: p, Query: "gran", Organizations: []crm.Organization{sampleOrganization}, Contacts: []crm.ContactRow{{Contact: sampleContact}}, Interactions: sampleInteractions(), MoreOrganizations: true}),
		"search-start":       Search(SearchPage{Page: p}),
		"search-none":        Search(SearchPage{Page: p, Query: "zzz"}),
		"search-signs":       Search(SearchPage{Page: p, Query: "%_"}),
		"search-similar":     Search(SearchPage{Page: p, Query: "grnvik", Organizations: []crm.Organization{sampleOrganization}, Similar: true}),
	}
}

func changeSamples() map[string]templ.Component {
	p := samplePage()
	target := crm.Target{Type: "organization", ID: id(1)}
	set := crm.ChangeSet{ID: id(41), Kind: "update_org", UserName: "Marco Testa", CreatedAt: now, Changes: sampleChanges()[:1], Total: 3, CanUndo: true, UndoneBy: some(44)}
	return map[string]templ.Component{
		"history":       History(HistoryPage{Page: p, Target: target, Name: "Granvik Robotics", Changes: sampleChanges(), NextURL: "?after=1"}),
		"history-empty": History(HistoryPage{Page: p, Target: target, Name: "Granvik Robotics"}),
		"change":        Change(ChangePage{Page: p, Set: set}),
	}
}

func personalSamples() map[string]templ.Component {
	p := samplePage()
	stranger := zeroPage()
	stranger.Firm = p.Firm
	refused := Form{Values: map[string]string{"email": "ada@example.com"}, Errors: crm.Invalid{"": crm.Msg("E-mail address or password is wrong.")}}
	return map[string]templ.Component{
		"home":            Home(sampleToday()),
		"home-quiet":      Home(HomePage{Page: p, SeesQuiet: true, Talk: sampleTalk(), Silent: sampleQuiet().Clients[:1], SilentCount: 500, MoreSilent: true, Due: []DueGroup{{Span: crm.DueToday}}, Leads: true}),
		"team":            Workload(WorkloadPage{Page: p, People: sampleWorkloads(), Week: sampleTalk()[7].Week, FirstURL: paths.Workload, NextURL: paths.Workload + "?after=x"}),
		"home-new":        Home(HomePage{Page: p, FirstSteps: []crm.FirstSteps{{Profile: true}}}),
		"home-empty":      Home(HomePage{Page: p}),
		"login":           Login(LoginPage{Page: stranger, Next: "/organizations", Form: refused}),
		"account":         Account(AccountPage{Page: p, Email: "giulia@example.com", Roles: []string{"Manager", "Auditor"}, Zones: []string{"Europe/Rome"}, Form: Form{Version: 1, Values: map[string]string{"name": "Giulia Marchetti", "zone": "Europe/Rome"}}}),
		"sessions":        Sessions(SessionsPage{Page: p, Idle: 2 * time.Hour, Max: 90 * time.Minute, Sessions: []SessionRow{{crm.Session{ID: id(71), Address: "192.0.2.7", CreatedAt: ago(time.Hour), LastSeen: now, Current: true}, "Firefox on Windows"}, {crm.Session{ID: id(72), CreatedAt: ago(9 * time.Hour), LastSeen: ago(time.Hour)}, "A program"}}}),
		"password":        Password(PasswordPage{Page: p}),
		"password-forced": Password(PasswordPage{Page: p, Forced: true, Form: Form{Errors: crm.Invalid{"new_password": crm.Msg("This password is easy to guess.")}}}),
		"code":            Code(CodePage{Page: stranger, Email: "giulia@example.com", Form: Form{Errors: crm.Invalid{"code": crm.Msg("This code is wrong.")}}}),
		"mfa-off":         SecondFactor(SecondFactorPage{Page: p}),
		"mfa-pending":     SecondFactor(SecondFactorPage{Page: p, Secret: "JBSW-Y3DP-EHPK-3PXP-JBSW-Y3DP-EHPK-3PXP", Form: Form{Errors: crm.Invalid{"code": crm.Msg("This code is wrong.")}}}),
		"mfa-on":          SecondFactor(SecondFactorPage{Page: p, Since: now, CodesLeft: 3, Form: Form{Errors: crm.Invalid{"": crm.Msg("It cannot be switched off.")}}}),
		"mfa-required":    SecondFactor(SecondFactorPage{Page: p, Since: now, CodesLeft: 10, Required: []string{"Administrator"}}),
		"mfa-forced":      SecondFactor(SecondFactorPage{Page: p, Enforced: true, Required: []string{"Administrator"}}),
		"recovery-codes":  RecoveryCodes(RecoveryCodesPage{Page: p, Enabled: true, Codes: []string{"k7mp-x3dw-q9hb-fa2t", "9x2c-5t3q-8z6m-r4ne"}}),
		"problem-403":     Problem(ProblemPage{Page: p, Status: 403, Permission: "ViewClient", RequestID: "01J9"}),
		"problem-404":     Problem(ProblemPage{Page: p, Status: 404}),
		"problem-409":     Problem(ProblemPage{Page: p, Status: 409, AgainURL: "/organizations/x", RequestID: "01J9"}),
		"problem-429":     Problem(ProblemPage{Page: stranger, Status: 429, AgainURL: "/login", Minutes: 12, RequestID: "01J9"}),
		"problem-500":     Problem(ProblemPage{Page: stranger, Status: 500, RequestID: "01J9"}),
	}
}

func adminSamples() map[string]templ.Component {
	p := samplePage()
	slugs := []string{"ViewClient", "EditClient", "ViewInteraction", "EditInteraction", "ImportClient", "ExportClient", "ViewAudit", "ManageUsers"}
	roles := []crm.Role{{ID: id(51), Slug: "admin", Name: "Administrator", Reach: "all", Permissions: slugs, Users: 2}, {ID: id(52), Slug: "viewer", Name: "Viewer", Reach: "team", Permissions: slugs[:1], Users: 14}}
	users := []crm.User{{ID: id(9), Name: "Giulia Marchetti", Email: "giulia@example.com", IsActive: true, RoleNames: []string{"Manager"}, TeamName: "North", LastSeen: now}, {ID: id(10), Name: "Marco Testa", Email: "marco@example.com", IsActive: true, MFA: true, State: crm.UserLocked}, {ID: id(11), Name: "Sean O'Neill", Email: "sean@example.com"}}
	teams := []crm.Team{{ID: id(61), Name: "Region Italy", Members: 1}, {ID: id(62), Name: "North", ParentName: "Region Italy", Depth: 1, Members: 4}, {ID: id(63), Name: "Milan", ParentName: "North", Depth: 2}}
	userForm := Form{Action: paths.User(id(10)), Version: 1, Values: map[string]string{"name": "Marco Testa", "email": "marco@example.com"}, Many: map[string][]string{"role_ids": {id(52).String()}}, Errors: crm.Invalid{"email": crm.Msg("Already in use.")}}
	roleForm := Form{Action: paths.Role(id(52)), Version: 1, Values: map[string]string{"name": "Viewer", "reach": "team"}, Many: map[string][]string{"permissions": {"ViewClient"}}}
	return map[string]templ.Component{
		"users":       Users(UsersPage{Page: p, Users: users}),
		"user-new":    UserForm(UserFormPage{Page: p, IsNew: true, Roles: roles, Form: Form{Action: paths.Users, Token: "t0k3n"}}),
		"user":        UserForm(UserFormPage{Page: p, User: users[1], Roles: roles, Form: userForm}),
		"secret":      Secret(SecretPage{Page: p, UserID: id(10), Name: "Marco Testa", Email: "marco@example.com", Secret: "tulip-marble-43-canoe"}),
		"roles":       Roles(RolesPage{Page: p, Roles: roles, Permissions: slugs}),
		"role":        RoleForm(RoleFormPage{Page: p, Role: roles[1], Permissions: slugs, Form: roleForm}),
		"role-new":    RoleForm(RoleFormPage{Page: p, IsNew: true, Permissions: slugs, Form: Form{Action: paths.Roles, Token: "t0k3n"}}),
		"teams":       Teams(TeamsPage{Page: p, Teams: teams, Form: Form{Token: "t0k3n"}}),
		"teams-empty": Teams(TeamsPage{Page: p}),
		"team":        TeamForm(TeamFormPage{Page: p, Team: teams[1], Parents: []Option{{Value: id(61).String(), Label: "Region Italy"}}, Form: Form{Action: paths.Team(id(62)), Version: 1, Values: map[string]string{"name": "North", "parent_id": id(61).String()}}}),
		"audit":       Audit(AuditPage{Page: p, List: crm.Listing[crm.Change]{Rows: sampleChanges(), Count: 3}, Query: Query{"action": "update_org"}, Users: sampleOwners, Actions: []string{"update_org", "login"}, NextURL: "/admin/audit?after=1"}),
		"audit-empty": Audit(AuditPage{Page: p}),
	}
}
