package templates

import (
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
)

// now is the moment at which every page of these tests is made.
var now = time.Date(2026, 11, 22, 11, 48, 0, 0, time.UTC)

func id(n byte) uuid.UUID { return uuid.UUID{15: n, 6: 0x40, 8: 0x80} }

func some(n byte) uuid.NullUUID { return uuid.NullUUID{UUID: id(n), Valid: true} }

func ago(d time.Duration) time.Time { return now.Add(-d) }

// samplePage is a page of someone who may do everything.
func samplePage() Page {
	p := zeroPage()
	p.Firm, p.UserName, p.CurrentPath = "Northgate & Co.", "Giulia Marchetti", "/organizations"
	p.CanViewClients, p.CanEditClients, p.CanViewInteractions, p.CanEditInteractions, p.SeesLastContact = true, true, true, true, true
	p.CanManageUsers, p.CanViewAudit, p.CanImport, p.CanExport = true, true, true, true
	return p
}

func zeroPage() Page { return Page{L: l10n.New(time.UTC, now)} }

var sampleOrganization = crm.Organization{
	ID: id(1), LegalName: "Granvik Robotics AB", DisplayName: "Granvik Robotics", Website: "granvik.example",
	Sector: "Robotics", SizeBand: "51-200", TaxID: "SE556677889901", OwnerUserID: some(9), OwnerName: "Giulia Marchetti",
	IsActive: true, Version: 3, CreatedAt: time.Date(2024, 3, 4, 9, 0, 0, 0, time.UTC), UpdatedAt: ago(50 * time.Minute),
}

var sampleContact = crm.Contact{
	ID: id(2), FirstName: "Lars", LastName: "Granvik", Email: "lars@granvik.example", Phone: "+46 21 555 01 20", Mobile: "+46 70 555 01 21",
	JobTitle: "Chief technology officer", OwnerUserID: some(9), OwnerName: "Giulia Marchetti", IsActive: true, Version: 2,
	CreatedAt: time.Date(2024, 3, 4, 9, 0, 0, 0, time.UTC), UpdatedAt: ago(72 * time.Hour),
}

func sampleOrganizations() crm.Listing[crm.OrganizationRow] {
	names := [][5]string{
		{"Albarello Ceramiche", "Lucia Ferri", "Owner", "Ceramics", "11-50"},
		{"Bergström Logistik", "Karin Öberg", "Head of Procurement", "Logistics", "201-1000"},
		{"Calder & Wyn Consulting", "Rhys Calder", "Partner", "Consulting", "1-10"},
		{"Dal Pozzo Macchine", "Stefano Dal Pozzo", "CFO", "Manufacturing", "51-200"},
		{"Elvström Marine", "Freja Holm", "Buyer", "Marine", "11-50"},
		{"Fiorentini Packaging", "Alessia Conti", "Billing contact", "Packaging", "201-1000"},
		{"Granvik Robotics", "Lars Granvik", "CTO", "Robotics", "51-200"},
		{"Hollis Timber and Building Materials of the Northern Counties", "Niamh Hollis", "Decision maker", "", ""},
		{"Ingvar Foods", "", "", "Food", "1001-5000"},
		{"Jansen Optics", "Jan Jansen", "Technical contact", "Optics", "51-200"},
		{"Kestrel Aviation", "Omar Haddad", "COO", "Aviation", "201-1000"},
		{"Lombardi Vini", "Chiara Lombardi", "Owner", "Agriculture", "1-10"},
	}
	list := crm.Listing[crm.OrganizationRow]{Count: crm.CountCap, More: true}
	for i, n := range names {
		o := crm.OrganizationRow{MainContactName: n[1], MainContactRole: n[2]}
		o.ID, o.DisplayName, o.Sector, o.SizeBand, o.IsActive, o.OwnerName = id(byte(20+i)), n[0], n[3], n[4], i != 8, "Giulia Marchetti"
		list.Rows = append(list.Rows, o)
	}
	return list
}

func sampleInteractions() []crm.Interaction {
	return []crm.Interaction{
		{ID: id(31), OrganizationID: some(1), ContactID: some(2), Channel: crm.Call, Subject: "Renewal: agreed on two years", Outcome: "Follow-up scheduled", Body: "Lars wants the service level in writing before Friday.\nPrice holds if signed in November.", HappenedAt: ago(6 * time.Minute), AuthorName: "Giulia Marchetti", ContactName: "Lars Granvik", OrganizationName: "Granvik Robotics", UserID: some(9), Version: 1, DurationMinutes: new(25), Direction: crm.Outgoing},
		{ID: id(32), OrganizationID: some(1), Channel: crm.Meeting, Subject: "Site visit in Västerås", Body: "Saw the new line. Åsa takes over purchasing from January; introduce her to support.", HappenedAt: ago(70 * time.Hour), AuthorName: "Giulia Marchetti", ContactName: "Åsa Lind", OrganizationName: "Granvik Robotics", DurationMinutes: new(90), Attendees: []crm.Attendee{{ContactID: id(2), Name: "Lars Granvik"}, {ContactID: id(4), Name: "Bruno Keller"}}},
		{ID: id(33), OrganizationID: some(1), Channel: crm.Email, Subject: "Sent the revised quote", Outcome: "Information sent", Body: "Quote 2214 with the volume discount, valid until 15 December.", HappenedAt: ago(72 * time.Hour), AuthorName: "Marco Testa", ContactName: "Åsa Lind", OrganizationName: "Granvik Robotics"},
		{ID: id(34), OrganizationID: some(1), Channel: crm.Note, Subject: "Budget freeze lifted", Body: "Heard from their CFO at the fair: investments are open again from Q1.", HappenedAt: ago(480 * time.Hour), AuthorName: "Giulia Marchetti", OrganizationName: "Granvik Robotics"},
	}
}

func sampleTimeline() Timeline {
	t := Timeline{Timeline: crm.Timeline{Interactions: sampleInteractions(), Changes: sampleChanges()}, URLs: map[crm.TimelineKind]string{}, OlderURL: "?after=x"}
	for _, k := range crm.TimelineKinds {
		t.URLs[k] = "?timeline=" + string(k)
	}
	return t
}

func sampleChanges() []crm.Change {
	return []crm.Change{
		{ID: 3, ChangeSetID: some(41), Action: "update_org", TargetType: "organization", TargetID: some(1), TargetName: "Granvik Robotics", UserName: "Marco Testa", CreatedAt: ago(50 * time.Minute), IP: "192.0.2.7", Fields: []crm.FieldChange{{Field: "size_band", Before: "11-50", After: "51-200"}, {Field: "sector", After: "Robotics"}}},
		{ID: 2, ChangeSetID: some(42), Action: "update_org", TargetType: "organization", TargetID: some(1), TargetName: "Granvik Robotics", UserName: "Sean O'Neill", CreatedAt: ago(80 * 24 * time.Hour), IP: "2001:db8::1", Fields: []crm.FieldChange{{Field: "owner_user_id", Before: "Sean O'Neill", After: "Giulia Marchetti"}}},
		{ID: 1, ChangeSetID: some(43), Action: "create_org", TargetType: "organization", TargetID: some(1), TargetName: "Granvik Robotics", CreatedAt: ago(500 * 24 * time.Hour)},
	}
}

func sampleRelationships() []crm.Relationship {
	since := time.Date(2024, 3, 4, 9, 0, 0, 0, time.UTC)
	return []crm.Relationship{
		{OrganizationID: id(1), ContactID: id(2), RoleLabel: "CTO", RelationshipStatus: "Active", Since: since, ContactName: "Lars Granvik", OrganizationName: "Granvik Robotics", Version: 1},
		{OrganizationID: id(1), ContactID: id(3), RoleLabel: "Buyer", RelationshipStatus: "Prospect", Since: ago(200 * time.Hour), ContactName: "Åsa Lind", OrganizationName: "Kestrel Aviation"},
		{OrganizationID: id(1), ContactID: id(4), RoleLabel: "Advisor", RelationshipStatus: "Former", Since: since, ContactName: "Bruno Keller", OrganizationName: "Nordlys Energi"},
	}
}

func samplePeriods() []crm.Period {
	return []crm.Period{{OrganizationID: id(1), OrganizationName: "Hollis Timber", ContactID: id(5), ContactName: "Petra Nowak", RoleLabel: "CFO", RelationshipStatus: "Active", From: ago(900 * 24 * time.Hour), To: ago(300 * 24 * time.Hour)}}
}

var sampleOwners = []Option{{Value: id(9).String(), Label: "Giulia Marchetti"}, {Value: id(10).String(), Label: "Marco Testa"}}

func sampleLog() LogForm {
	return LogForm{
		Form: Form{Action: paths.LogOnOrganization(id(1)), Token: "t0k3n"}, PartnerField: "contact_id",
		Partners:  []Option{{Value: id(2).String(), Label: "Lars Granvik"}, {Value: id(3).String(), Label: "Åsa Lind"}},
		Attendees: []Option{{Value: id(2).String(), Label: "Lars Granvik"}, {Value: id(3).String(), Label: "Åsa Lind"}},
	}
}

func organizationForm() Form {
	return Form{Action: paths.Organization(id(1)), Version: 3, Values: map[string]string{
		"legal_name": "Granvik Robotics AB", "display_name": "Granvik Robotics", "website": "granvik.example", "sector": "Robotics",
		"size_band": "51-200", "tax_id": "SE556677889901", "owner_user_id": id(9).String(),
	}}
}

func refusedOrganizationForm() Form {
	f := organizationForm()
	f.Version, f.Token, f.Action = 0, "t0k3n", paths.Organizations
	f.Values["display_name"], f.Values["website"] = "", "granvik"
	f.Errors = crm.Invalid{
		"display_name": crm.Msg("Enter the name to show."),
		"website":      crm.Msg("Enter a web address like example.com or https://example.com."),
	}
	return f
}

func refusedLog() LogForm {
	l := sampleLog()
	l.Values = map[string]string{"channel": "email", "body": "We spoke", "happened_at": "tomorrow-ish", "duration_minutes": "soon", "direction": "in"}
	l.Many = map[string][]string{"attendee_id": {id(3).String()}}
	l.Errors = crm.Invalid{
		"subject":     crm.Msg("Enter what it was about."),
		"happened_at": crm.Msg("Enter a date and time like 2026-11-22T15:04."),
		"attendee_id": crm.Msg("There is no such contact."),
	}
	return l
}

func sampleTalk() []crm.WeekTalk {
	var talk []crm.WeekTalk
	for i, w := range crm.Weeks(crm.Clock{Now: now, Zone: time.UTC}, 8) {
		talk = append(talk, crm.WeekTalk{Week: w, Counts: map[crm.Channel]int{crm.Call: 3 + i, crm.Meeting: i % 3, crm.Email: 7 - i, crm.Note: i % 2}})
	}
	return talk
}

func sampleFollowUps() []crm.FollowUp {
	return []crm.FollowUp{
		{ID: id(51), Title: "Ask Stefano for the signed offer", Due: crm.Due{Day: "2026-11-18"}, UserID: some(9), OrganizationID: some(1), ContactID: some(2), OrganizationName: "Dal Pozzo Macchine", ContactName: "Stefano Dal Pozzo", State: crm.FollowUpOpen, Version: 1, MayEdit: true},
		{ID: id(52), Title: "Call Niamh about the spring order", Due: crm.Due{At: ago(time.Hour)}, UserID: some(9), ContactID: some(2), ContactName: "Niamh Hollis", State: crm.FollowUpOpen, Version: 2, MayEdit: true},
		{ID: id(53), Title: "Read what is out of reach", Due: crm.Due{Day: "2026-11-01"}, UserID: some(9), OrganizationID: some(1), State: crm.FollowUpOpen, Version: 1},
	}
}

func sampleQuiet() crm.Quiet {
	return crm.Quiet{Organizations: 1, Contacts: crm.QuietCap, More: true, Clients: []crm.QuietClient{
		{ID: id(1), Name: "Hollis Timber", LastContactAt: ago(91 * 24 * time.Hour), NextTouchAt: ago(61 * 24 * time.Hour)},
		{ID: id(2), IsContact: true, Name: "Lars Granvik", Organization: "Granvik Robotics", NextTouchAt: ago(3 * time.Hour)},
	}}
}

func sampleWorkloads() []crm.Workload {
	return []crm.Workload{
		{UserID: id(9), Name: "Giulia Marchetti", FollowUps: 12, Overdue: 2, Talk: map[crm.Channel]int{crm.Call: 1204, crm.Meeting: 3}, SeesClients: true, Clients: 412, InTouch: 338, Quiet: crm.QuietCount{UserID: id(9), Organizations: 18, Contacts: 2}},
		{UserID: id(10), Name: "Marco Testa", FollowUps: 500, Overdue: 500, MoreOpen: true, MoreTalk: true, SeesClients: true},
		{UserID: id(11), Name: "Sean O'Neill"},
	}
}

func sampleToday() HomePage {
	tasks := sampleFollowUps()
	return HomePage{
		Page: samplePage(), Organizations: []crm.Organization{sampleOrganization}, Contacts: []crm.Contact{sampleContact}, Interactions: sampleInteractions(),
		Due: []DueGroup{
			{Span: crm.DueOverdue, Rows: tasks, Count: 500, More: true},
			{Span: crm.DueToday, Rows: []crm.FollowUp{{ID: id(54), Title: "Send service level to Lars", Due: crm.Due{At: ago(-4 * time.Hour)}, MayEdit: true}, {ID: id(55), Title: "Prepare quarterly review", Due: crm.Due{Day: "2026-11-22"}}}, Count: 2},
			{Span: crm.DueWeek, Rows: []crm.FollowUp{{ID: id(56), Title: "Visit the Bergamo plant", Due: crm.Due{Day: "2026-11-27"}, MayEdit: true}}, Count: 1},
		},
		SeesQuiet: true, Rhythm: true, Quiet: sampleQuiet(), Talk: sampleTalk(),
		Leads: true, Staff: crm.Staff{People: sampleWorkloads(), More: true, Talk: sampleTalk()[5:], TeamID: some(11)},
	}
}
