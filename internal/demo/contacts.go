package demo

import (
	"strconv"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/uuid"
)

// jobs pair a title with the role that such a person mostly plays towards us.
var jobs = []struct{ title, role string }{
	{"Managing Director", "CEO"},
	{"Owner", "Owner"},
	{"Chief Executive", "CEO"},
	{"General Manager", "Decision maker"},
	{"Finance Director", "CFO"},
	{"Head of Procurement", "Procurement"},
	{"Buyer", "Procurement"},
	{"Senior Buyer", "Procurement"},
	{"Operations Manager", "COO"},
	{"Plant Manager", "Decision maker"},
	{"Technical Director", "CTO"},
	{"IT Manager", "Technical contact"},
	{"Quality Manager", "Technical contact"},
	{"Accounts Payable", "Billing contact"},
	{"Financial Controller", "Billing contact"},
	{"Company Secretary", "Legal"},
	{"General Counsel", "Legal"},
	{"Head of Sales", "Decision maker"},
	{"Marketing Manager", "Decision maker"},
	{"Logistics Coordinator", "Technical contact"},
	{"Project Manager", "Technical contact"},
	{"Executive Assistant", "Assistant"},
	{"Office Manager", "Assistant"},
	{"Board Member", "Board member"},
	{"Senior Partner", "Partner"},
	{"Adviser to the Board", "Advisor"},
	{"Maintenance Engineer", "Technical contact"},
	{"Head of People", "Decision maker"},
	{"Warehouse Manager", "Technical contact"},
	{"Product Manager", "Technical contact"},
}

// mainJobs is how many of jobs, from the first, speak for a whole firm.
const mainJobs = 6

// secondLinks is how many contacts also sit at another client: advisers, partners, people who moved.
const secondLinks = 90

// contacts makes the people and links each to a client; the first of each client speaks for it.
func (g *generator) contacts() {
	g.staff = make([][]int, len(g.data.Organizations))
	g.emails = map[string]int{}
	for i, n := range g.shares(len(g.data.Organizations), contactCount, 0.8, func(int) float64 { return 1 }) {
		for k := range n {
			g.contact(i, k == 0)
		}
	}
	for range secondLinks {
		g.secondLink()
	}
}

func (g *generator) contact(org int, speaks bool) {
	o, c := g.data.Organizations[org], g.countries[org]
	job := pick(g, jobs)
	if speaks {
		job = jobs[g.IntN(mainJobs)]
	}
	if g.chance(0.12) {
		c = pick(g, countries) // people move about
	}
	n := len(g.data.Contacts)
	person := crm.Contact{
		ID: id("contact", n), FirstName: pick(g, c.given), LastName: pick(g, c.surnames), JobTitle: job.title,
		OwnerUserID: o.OwnerUserID, IsActive: !g.chance(0.04), Version: 1,
	}
	person.Email = g.email(person, o)
	if g.chance(0.85) {
		person.Phone = g.fill(g.countries[org].phone)
	}
	if g.chance(0.6) {
		person.Mobile = g.fill(c.mobile)
	}
	if g.chance(0.08) {
		person.OwnerUserID = g.owner()
	}
	g.data.Contacts = append(g.data.Contacts, person)
	g.link(org, n, job.role, g.status(o, person))
}

// email returns the address at the client's domain, numbered when a namesake has it.
func (g *generator) email(c crm.Contact, o crm.Organization) string {
	name, domain := mailbox(c.FirstName+" "+c.LastName), "@"+slug(o.DisplayName)+".example"
	g.emails[name+domain]++
	if n := g.emails[name+domain]; n > 1 {
		name += strconv.Itoa(n)
	}
	return name + domain
}

func (g *generator) status(o crm.Organization, c crm.Contact) string {
	switch p := g.Float64(); {
	case !o.IsActive || !c.IsActive || p < 0.06:
		return "Former"
	case p < 0.2:
		return "Prospect"
	}
	return "Active"
}

func (g *generator) link(org, contact int, role, status string) {
	g.staff[org] = append(g.staff[org], contact)
	g.data.Relationships = append(g.data.Relationships, crm.Relationship{
		OrganizationID: g.data.Organizations[org].ID, ContactID: g.data.Contacts[contact].ID,
		RoleLabel: role, RelationshipStatus: status, Version: 1,
	})
}

// secondLink gives any contact a second place, at a client where they have none yet.
func (g *generator) secondLink() {
	for {
		org, contact := g.IntN(len(g.data.Organizations)), g.IntN(len(g.data.Contacts))
		if g.linked(g.data.Organizations[org].ID, g.data.Contacts[contact].ID) {
			continue
		}
		g.link(org, contact, pick(g, []string{"Advisor", "Board member", "Partner", "Legal", "Decision maker"}),
			pick(g, []string{"Active", "Active", "Prospect", "Former"}))
		return
	}
}

func (g *generator) linked(org, contact uuid.UUID) bool {
	for _, r := range g.data.Relationships {
		if r.OrganizationID == org && r.ContactID == contact {
			return true
		}
	}
	return false
}
