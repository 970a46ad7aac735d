package templates

import (
	"strconv"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
)

// FieldLabels gives the words for a column where its changes are shown.
var FieldLabels = map[string]func(Page) string{
	"legal_name":          func(p Page) string { return p.T("Legal name") },
	"display_name":        func(p Page) string { return p.T("Name") },
	"website":             func(p Page) string { return p.T("Website") },
	"sector":              func(p Page) string { return p.T("Sector") },
	"size_band":           func(p Page) string { return p.T("Size") },
	"tax_id":              func(p Page) string { return p.T("Tax ID") },
	"owner_user_id":       func(p Page) string { return p.T("Owner") },
	"is_active":           func(p Page) string { return p.T("Active") },
	"first_name":          func(p Page) string { return p.T("First name") },
	"last_name":           func(p Page) string { return p.T("Last name") },
	"email":               func(p Page) string { return p.T("E-mail") },
	"phone":               func(p Page) string { return p.T("Phone") },
	"mobile":              func(p Page) string { return p.T("Mobile") },
	"job_title":           func(p Page) string { return p.T("Job title") },
	"role_label":          func(p Page) string { return p.T("Role") },
	"relationship_status": func(p Page) string { return p.T("Status") },
	"channel":             func(p Page) string { return p.T("Channel") },
	"subject":             func(p Page) string { return p.T("Subject") },
	"body":                func(p Page) string { return p.T("Notes") },
	"outcome":             func(p Page) string { return p.T("Outcome") },
	"happened_at":         func(p Page) string { return p.T("When") },
	"duration_minutes":    func(p Page) string { return p.T("Duration") },
	"direction":           func(p Page) string { return p.T("Direction") },
	"attendee_id":         func(p Page) string { return p.T("Also there") },
	"organization_id":     func(p Page) string { return p.T("Organization") },
	"contact_id":          func(p Page) string { return p.T("Contact") },
	"user_id":             func(p Page) string { return p.T("For whom") }, // of a follow-up; no other row changes its own
	"title":               func(p Page) string { return p.T("What") },
	"due":                 func(p Page) string { return p.T("Due") },
	"due_on":              func(p Page) string { return p.T("Due") },
	"due_at":              func(p Page) string { return p.T("Due") },
	"next_title":          func(p Page) string { return p.T("Next step") },
	"next_in":             func(p Page) string { return p.T("When") },
	"next_due":            func(p Page) string { return p.T("or on this day") },
	"next_due_time":       func(p Page) string { return p.T("at this time") },
	"next_user_id":        func(p Page) string { return p.T("For whom") },
	"done_follow_up":      func(p Page) string { return p.T("Done with this") },
	"state":               func(p Page) string { return p.T("State") },
	"name":                func(p Page) string { return p.T("Name") },
	"team_id":             func(p Page) string { return p.T("Team") },
	"zone":                func(p Page) string { return p.T("Time zone") },
	"theme":               func(p Page) string { return p.T("Theme") },
	"density":             func(p Page) string { return p.T("Density") },
	"keys_off":            func(p Page) string { return p.T("No single keys") },
	"language":            func(p Page) string { return p.T("Language") },
	"role_id":             func(p Page) string { return p.T("Role") },
	"permission_id":       func(p Page) string { return p.T("Permission") },
	"slug":                func(p Page) string { return p.T("Short name") },
	"reach":               func(p Page) string { return p.T("Reach") },
	"requires_mfa":        func(p Page) string { return p.T("Second factor required") },
	"permissions":         func(p Page) string { return p.T("Permissions") },
	"role_ids":            func(p Page) string { return p.T("Roles") },
	"roles":               func(p Page) string { return p.T("Roles") },
	"parent_id":           func(p Page) string { return p.T("Parent team") },
	"password":            func(p Page) string { return p.T("Password") },
	"list":                func(p Page) string { return p.T("List") },
	"query":               func(p Page) string { return p.T("Filters and order") },
	"columns":             func(p Page) string { return p.T("Columns") },
	"shared":              func(p Page) string { return p.T("Who sees it") },
	"touch_every_days":    func(p Page) string { return p.T("Keep in touch") },
	"touch_snoozed_until": func(p Page) string { return p.T("Snoozed until") },
	"touch_snooze_reason": func(p Page) string { return p.T("Why snoozed") },
	"touch_other_days":    func(p Page) string { return p.T("Other, in days") },
	"every_days":          func(p Page) string { return p.T("Keep in touch") },
	"deleted_at":          func(p Page) string { return p.T("Deleted") },
	"client":              func(p Page) string { return p.T("Client") },
}

// fieldLabel is the label of a column, or its bare name when it has none.
func fieldLabel(p Page, column string) string {
	if label, ok := FieldLabels[column]; ok {
		return label(p)
	}
	return column
}

var actionWords = map[string]func(Page) string{
	"create_org":         func(p Page) string { return p.T("Created the organization") },
	"update_org":         func(p Page) string { return p.T("Edited the organization") },
	"archive_org":        func(p Page) string { return p.T("Archived the organization") },
	"restore_org":        func(p Page) string { return p.T("Restored the organization") },
	"create_contact":     func(p Page) string { return p.T("Created the contact") },
	"update_contact":     func(p Page) string { return p.T("Edited the contact") },
	"archive_contact":    func(p Page) string { return p.T("Archived the contact") },
	"restore_contact":    func(p Page) string { return p.T("Restored the contact") },
	"link_contact":       func(p Page) string { return p.T("Linked a contact") },
	"update_link":        func(p Page) string { return p.T("Edited a relationship") },
	"unlink_contact":     func(p Page) string { return p.T("Unlinked a contact") },
	"create_interaction": func(p Page) string { return p.T("Logged an interaction") },
	"update_interaction": func(p Page) string { return p.T("Edited an interaction") },
	"delete_interaction": func(p Page) string { return p.T("Deleted an interaction") },
	"add_attendee":       func(p Page) string { return p.T("Added an attendee") },
	"remove_attendee":    func(p Page) string { return p.T("Removed an attendee") },
	"create_follow_up":   func(p Page) string { return p.T("Planned a follow-up") },
	"update_follow_up":   func(p Page) string { return p.T("Changed a follow-up") },
	"done_follow_up":     func(p Page) string { return p.T("Did a follow-up") },
	"cancel_follow_up":   func(p Page) string { return p.T("Cancelled a follow-up") },
	"reopen_follow_up":   func(p Page) string { return p.T("Opened a follow-up again") },
	"snooze_follow_ups":  func(p Page) string { return p.T("Put many follow-ups off") },
	"assign_follow_ups":  func(p Page) string { return p.T("Gave many follow-ups to somebody") },
	"done_follow_ups":    func(p Page) string { return p.T("Did many follow-ups") },
	"undo":               func(p Page) string { return p.T("Took back a change") },
	"login":              func(p Page) string { return p.T("Signed in") },
	"login_failed":       func(p Page) string { return p.T("Failed to sign in") },
	"lockout":            func(p Page) string { return p.T("Locked after wrong guesses") },
	"unlock":             func(p Page) string { return p.T("Unlocked the sign-in") },
	"unlock_user":        func(p Page) string { return p.T("Unlocked the sign-in") },
	"logout":             func(p Page) string { return p.T("Signed out") },
	"end_session":        func(p Page) string { return p.T("Ended sessions") },
	"access_denied":      func(p Page) string { return p.T("Was refused") },
	"create_user":        func(p Page) string { return p.T("Added the user") },
	"update_user":        func(p Page) string { return p.T("Edited the user") },
	"deactivate_user":    func(p Page) string { return p.T("Deactivated the user") },
	"reactivate_user":    func(p Page) string { return p.T("Reactivated the user") },
	"reset_password":     func(p Page) string { return p.T("Reset the password") },
	"request_reset":      func(p Page) string { return p.T("Asked for a link to reset the password") },
	"invite_user":        func(p Page) string { return p.T("Invited a user") },
	"revoke_invitation":  func(p Page) string { return p.T("Revoked an invitation") },
	"accept_invitation":  func(p Page) string { return p.T("Accepted an invitation") },
	"change_password":    func(p Page) string { return p.T("Changed the password") },
	"set_up_mfa":         func(p Page) string { return p.T("Began to set up a second factor") },
	"enable_mfa":         func(p Page) string { return p.T("Switched the second factor on") },
	"disable_mfa":        func(p Page) string { return p.T("Switched the second factor off") },
	"reset_mfa":          func(p Page) string { return p.T("Reset the second factor") },
	"new_recovery_codes": func(p Page) string { return p.T("Made new recovery codes") },
	"use_recovery_code":  func(p Page) string { return p.T("Used a recovery code") },
	"create_token":       func(p Page) string { return p.T("Made an API token") },
	"revoke_token":       func(p Page) string { return p.T("Revoked an API token") },
	"make_calendar":      func(p Page) string { return p.T("Made a calendar address") },
	"revoke_calendar":    func(p Page) string { return p.T("Revoked a calendar address") },
	"assign_role":        func(p Page) string { return p.T("Changed the roles") },
	"create_role":        func(p Page) string { return p.T("Added the role") },
	"update_role":        func(p Page) string { return p.T("Edited the role") },
	"delete_role":        func(p Page) string { return p.T("Deleted the role") },
	"create_team":        func(p Page) string { return p.T("Added the team") },
	"update_team":        func(p Page) string { return p.T("Edited the team") },
	"create_view":        func(p Page) string { return p.T("Saved a view") },
	"update_view":        func(p Page) string { return p.T("Changed a view") },
	"delete_view":        func(p Page) string { return p.T("Deleted a view") },
	"import":             func(p Page) string { return p.T("Imported a file") },
	"export":             func(p Page) string { return p.T("Exported a list") },
	"assign_clients":     func(p Page) string { return p.T("Gave many records an owner") },
	"archive_clients":    func(p Page) string { return p.T("Archived many records") },
	"restore_clients":    func(p Page) string { return p.T("Restored many records") },
	"merge":              func(p Page) string { return p.T("Merged two records") },
	"demo":               func(p Page) string { return p.T("Loaded the demo company") },
	"bulk_load":          func(p Page) string { return p.T("Loaded a large register") },
	"update_account":     func(p Page) string { return p.T("Edited the own profile") },

	"create_touch_default": func(p Page) string { return p.T("Said how often to be in touch with a role") },
	"update_touch_default": func(p Page) string { return p.T("Changed how often to be in touch with a role") },
	"delete_touch_default": func(p Page) string { return p.T("Dropped how often to be in touch with a role") },
}

// actionLabel says in words what an action did; an action without words is shown as its slug.
func actionLabel(p Page, slug string) string {
	if words, ok := actionWords[slug]; ok {
		return words(p)
	}
	return slug
}

var permissionWords = map[string]func(Page) string{
	"ViewClient":      func(p Page) string { return p.T("See organizations and contacts") },
	"EditClient":      func(p Page) string { return p.T("Edit organizations and contacts") },
	"ViewInteraction": func(p Page) string { return p.T("Read interactions") },
	"EditInteraction": func(p Page) string { return p.T("Log and edit interactions") },
	"ImportClient":    func(p Page) string { return p.T("Import organizations and contacts") },
	"ExportClient":    func(p Page) string { return p.T("Export organizations and contacts") },
	"ViewAudit":       func(p Page) string { return p.T("Read the audit log") },
	"ManageUsers":     func(p Page) string { return p.T("Manage users, roles and teams") },
}

func permissionLabel(p Page, slug string) string {
	if words, ok := permissionWords[slug]; ok {
		return words(p)
	}
	return slug
}

// ChannelLabel returns the words for a channel.
func ChannelLabel(p Page, c crm.Channel) string {
	switch c {
	case crm.Call:
		return p.T("Call")
	case crm.Meeting:
		return p.T("Meeting")
	case crm.Email:
		return p.T("E-mail")
	case crm.Note:
		return p.T("Note")
	}
	return string(c)
}

func reachLabel(p Page, reach string) string {
	switch reach {
	case "own":
		return p.T("Own")
	case "team":
		return p.T("Team")
	case "all":
		return p.T("All")
	}
	return reach
}

func targetTypeLabel(p Page, t string) string {
	switch t {
	case "organization":
		return p.T("Organization")
	case "contact":
		return p.T("Contact")
	case "relationship":
		return p.T("Relationship")
	case "interaction":
		return p.T("Interaction")
	case "follow_up":
		return p.T("Follow-up")
	case "user":
		return p.T("User")
	case "role":
		return p.T("Role")
	case "team":
		return p.T("Team")
	case "view":
		return p.T("View")
	case "touch_default":
		return p.T("Keeping in touch with a role")
	}
	return t
}

// targetURL is the page of a record, "" when it has none. A relationship is shown at its organization.
func targetURL(t crm.Target) string {
	switch t.Type {
	case "organization", "relationship":
		return paths.Organization(t.ID)
	case "contact":
		return paths.Contact(t.ID)
	case "interaction":
		return paths.Interaction(t.ID)
	case "follow_up":
		return paths.FollowUp(t.ID)
	case "user":
		return paths.User(t.ID)
	case "role":
		return paths.Role(t.ID)
	case "team":
		return paths.Team(t.ID)
	case "view":
		return paths.View(t.ID)
	case "touch_default":
		return paths.TouchDefaults
	}
	return ""
}

func followUpState(p Page, s crm.FollowUpState) string {
	switch s {
	case crm.FollowUpOpen:
		return p.T("Open")
	case crm.FollowUpDone:
		return p.T("Done")
	case crm.FollowUpCancelled:
		return p.T("Cancelled")
	}
	return string(s)
}

func listLabel(p Page, l crm.List) string {
	switch l {
	case crm.OrganizationList:
		return p.T("Organizations")
	case crm.ContactList:
		return p.T("Contacts")
	case crm.InteractionList:
		return p.T("Interactions")
	}
	return string(l)
}

func sharingLabel(p Page, s crm.Sharing) string {
	switch s {
	case crm.Private:
		return p.T("Only me")
	case crm.WithTeam:
		return p.T("A team")
	case crm.WithEveryone:
		return p.T("Everyone")
	}
	return string(s)
}

// statusHue colours the three usual words of a relationship's status; the word itself is free text.
func statusHue(status string) string {
	switch status {
	case "Active":
		return "good"
	case "Prospect":
		return "cool"
	}
	return ""
}

// fieldValue returns a column's value in words: images hold what the database holds.
func fieldValue(p Page, column, value string) string {
	switch column {
	case "is_active", "requires_mfa":
		if value == "true" {
			return p.T("yes")
		}
		if value == "false" {
			return p.T("no")
		}
	case "channel":
		return ChannelLabel(p, crm.Channel(value))
	case "due_on":
		if day := crm.Day(value); !day.Start(p.L.Zone()).IsZero() {
			return p.L.Date(day.Start(p.L.Zone()))
		}
	case "state":
		return followUpState(p, crm.FollowUpState(value))
	case "happened_at", "due_at":
		if t, err := time.Parse(time.RFC3339Nano, value); err == nil {
			return p.L.DateTime(t)
		}
	case "duration_minutes":
		if n, err := strconv.Atoi(value); err == nil {
			return DurationLabel(p, n)
		}
	case "direction":
		return DirectionLabel(p, crm.Direction(value))
	case "reach":
		return reachLabel(p, value)
	case "shared":
		return sharingLabel(p, crm.Sharing(value))
	case "list":
		return listLabel(p, crm.List(value))
	case "permission_id":
		return permissionLabel(p, value)
	case "touch_every_days", "every_days":
		if days, err := strconv.Atoi(value); err == nil {
			return rhythm(p, days)
		}
	case "touch_snoozed_until":
		return dayOf(p, value)
	}
	return p.Word(column, value)
}
