package web

import (
	"context"
	"strconv"
	"strings"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/quicklog"
	"github.com/archpilot/crm/templates"
)

// quickFields are the fields of the form besides those of every log form.
var quickFields = []string{"organization_id", "contact_id", "client", "text"}

// showQuickLog answers a line with the form that it fills. It is a GET, for shortcuts on a phone; the form saves.
func showQuickLog(ctx context.Context, v *visit) (response, error) {
	p := templates.QuickLogPage{Page: v.page, Text: strings.TrimSpace(v.query.Get("text"))}
	if p.Text == "" {
		return show(templates.QuickLog(p)), nil
	}
	line := quicklog.Parse(p.Text, v.page.L.Now())
	whom, err := v.lookUp(ctx, line.Organization, line.Contact)
	if err != nil {
		return nil, err
	}
	p.Log = logForm(v, paths.QuickLog, "", nil)
	p.Log.Values = lineValues(v, line, whom)
	p.Log.Values["organization_id"], p.Log.Values["contact_id"] = idText(whom.organization), idText(whom.contact)
	p.Organizations, p.Contacts = whom.choices(v, "")
	p.Log.Elsewhere = !whom.organization.Valid && !whom.contact.Valid
	return show(templates.QuickLog(p)), nil
}

// lineValues are what a line says, by field. A name that means nobody stays in the subject.
func lineValues(v *visit, l quicklog.Line, w whom) map[string]string {
	values := map[string]string{"outcome": l.Outcome, "direction": string(l.Direction), "next_title": l.Next.Title, "next_due": l.Next.DueText()}
	if day, clock, timed := strings.Cut(values["next_due"], "T"); timed {
		values["next_due"], values["next_due_time"] = day, clock
	}
	if l.Channel != "" {
		values["channel"] = string(l.Channel)
	}
	if !l.When.IsZero() {
		values["happened_at"] = v.page.L.InputTime(l.When)
	}
	if l.Minutes > 0 {
		values["duration_minutes"] = strconv.Itoa(l.Minutes)
	}
	subject := strings.Join(w.missing(l), " ")
	if subject != "" && l.Subject != "" {
		subject += ": "
	}
	values["subject"], values["body"] = quicklog.Fit(subject+l.Subject, l.Body)
	return values
}

// logLine saves the form that a line has filled.
func logLine(ctx context.Context, v *visit) (response, error) {
	i, next := readInteraction(v), readNext(v)
	i.OrganizationID, i.ContactID = v.reference("organization_id", "There is no such organization."), v.reference("contact_id", "There is no such contact.")
	if v.looksFor() != "" {
		v.faults.Add("client", "Choose among those called so, then log.")
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.LogInteraction(ctx, i, "", v.token(), next) },
		func(errs crm.Invalid) (response, error) { return quickLogAgain(ctx, v, errs) }, "",
		func(r postgres.Saved) response {
			to := paths.Contact(i.ContactID.UUID)
			if i.OrganizationID.Valid {
				to = paths.Organization(i.OrganizationID.UUID)
			}
			return saved(to, loggedText(v, next), r)
		})
}

// looksFor is the client that the form asks to look for, "" when it has been looked for already.
func (v *visit) looksFor() string {
	client := crm.Clean(v.form.Get("client"))
	if client == crm.Clean(v.form.Get("looked_for")) {
		return ""
	}
	return client
}

// quickLogAgain is the form as it was sent. Another client that was looked for takes the place of those that the line
// named.
func quickLogAgain(ctx context.Context, v *visit, errs crm.Invalid) (response, error) {
	line := quicklog.Parse(v.form.Get("text"), v.page.L.Now())
	organization, contact := line.Organization, line.Contact
	client := crm.Clean(v.form.Get("client"))
	if client != "" {
		organization, contact = namesIn(client)
	}
	whom, err := v.lookUp(ctx, organization, contact)
	if err != nil {
		return nil, err
	}
	p := templates.QuickLogPage{Page: v.page, Text: v.form.Get("text"), Log: logForm(v, paths.QuickLog, "", errs)}
	for name, value := range v.typed(quickFields...) {
		p.Log.Values[name] = value
	}
	switch {
	case v.looksFor() != "":
		p.Log.Values["organization_id"], p.Log.Values["contact_id"] = idText(whom.organization), idText(whom.contact)
		if len(whom.Organizations)+len(whom.Contacts) == 0 {
			errs["client"] = crm.Msg("Nobody within your reach is called so.")
		}
	case v.form.Get("organization_id") == "" && v.form.Get("contact_id") == "":
		delete(errs, "")
		errs.Add("client", "Say which client it was with: choose one, or enter part of the name.")
	default:
		if err := whom.include(ctx, v); err != nil {
			return nil, err
		}
	}
	p.Organizations, p.Contacts = whom.choices(v, client)
	return refuse(templates.QuickLog(p)), nil
}

// namesIn takes a name to look for apart: anna @acme, or a name of either kind.
func namesIn(client string) (organization, contact string) {
	contact, organization, _ = strings.Cut(client, "@")
	if strings.TrimSpace(organization) == "" || contact != "" && !strings.HasSuffix(contact, " ") { // an address
		return "", client
	}
	return strings.TrimSpace(organization), strings.TrimSpace(contact)
}

func showQuickLogHelp(_ context.Context, v *visit) (response, error) {
	return show(templates.QuickLogHelp(templates.QuickLogHelpPage{Page: v.page})), nil
}
