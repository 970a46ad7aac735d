package mail

import (
	"net/url"
	"strings"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// tidings writes letters about what somebody has to do. What people typed stands on one line wherever it stands: it can
// neither begin a header nor look like a line of ours.
type tidings struct {
	w Writer
	l *l10n.Localizer
	c crm.Clock
}

// words returns the subject, and the paragraphs after the greeting.
func (t tidings) words(m postgres.Mail) (subject string, lines []string) {
	if m.Kind == crm.MailDigest {
		subject, lines = t.digest(m.Digest)
	} else {
		subject, lines = t.notices(m.Notices, m.Told)
	}
	return subject, append(lines, t.l.T("How you are told, and whether by mail: %s", t.w.BaseURL+paths.Notifications))
}

func (t tidings) digest(d crm.Digest) (subject string, lines []string) {
	l := t.l
	overdue, today := len(d.Overdue.Rows), len(d.Today.Rows)
	switch {
	case today > 0 && overdue > 0:
		subject = l.T("Today: %s, %s", l.N(total(d.Today), "%d follow-up", "%d follow-ups"), l.N(total(d.Overdue), "%d overdue", "%d overdue"))
	case today > 0:
		subject = l.T("Today: %s", l.N(total(d.Today), "%d follow-up", "%d follow-ups"))
	case overdue > 0:
		subject = l.T("Overdue: %s", l.N(total(d.Overdue), "%d follow-up", "%d follow-ups"))
	case len(d.Week.Rows) > 0:
		subject = l.T("The next seven days: %s", l.N(total(d.Week), "%d follow-up", "%d follow-ups"))
	case len(d.Quiet.Rows) > 0:
		subject = l.N(max(d.Quiet.Count, len(d.Quiet.Rows)), "%d client to be in touch with", "%d clients to be in touch with")
	default:
		subject = l.N(d.Unread, "%d new notice in your inbox", "%d new notices in your inbox")
	}
	lines = append(lines, l.LongDate(t.c.Now))
	lines = append(lines, t.part(l.T("Overdue"), d.Overdue, crm.DueOverdue)...)
	lines = append(lines, t.part(l.T("Today"), d.Today, crm.DueToday)...)
	lines = append(lines, t.part(l.T("The next seven days"), d.Week, crm.DueWeek)...)
	lines = append(lines, t.quiet(d.Quiet)...)
	if d.Unread > 0 {
		lines = append(lines, l.N(d.Unread, "%d new notice in your inbox:", "%d new notices in your inbox:")+"\n"+t.w.BaseURL+paths.Inbox)
	}
	return subject, lines
}

// part is one stretch of time of a digest: a heading, a line and a link for each follow-up, and where the others are.
func (t tidings) part(heading string, found crm.Listing[crm.FollowUp], span crm.DueSpan) []string {
	if len(found.Rows) == 0 {
		return nil
	}
	lines := make([]string, 0, len(found.Rows)+2)
	lines = append(lines, heading)
	for _, f := range found.Rows {
		lines = append(lines, t.line(f))
	}
	if more := total(found) - len(found.Rows); more > 0 {
		lines = append(lines, t.l.N(more, "and %d more:", "and %d more:")+"\n"+t.w.BaseURL+paths.With(paths.FollowUps, url.Values{"due": {string(span)}}))
	}
	return lines
}

// quiet is the part of a digest on clients that have gone quiet.
func (t tidings) quiet(found crm.Listing[crm.OrganizationRow]) []string {
	if len(found.Rows) == 0 {
		return nil
	}
	lines := []string{t.l.T("To be in touch with")}
	for _, o := range found.Rows {
		last := t.l.T("never in touch")
		if !o.LastContactAt.IsZero() {
			last = t.l.T("last contact %s", t.l.Date(o.LastContactAt))
		}
		lines = append(lines, "- "+oneLine(o.DisplayName+" · "+last)+"\n  "+t.w.BaseURL+paths.Organization(o.ID))
	}
	if more := found.Count - len(found.Rows); more > 0 {
		lines = append(lines, t.l.N(more, "and %d more:", "and %d more:")+"\n"+t.w.BaseURL+
			paths.With(paths.Organizations, url.Values{"owner": {"me"}, "touch": {string(crm.TouchOverdue)}, "sort": {string(crm.ByTouch)}}))
	}
	return lines
}

// total is how many there are: a list that is not counted tells how many it shows.
func total(found crm.Listing[crm.FollowUp]) int { return max(found.Count, len(found.Rows)) }

// line is a follow-up in a list: what, with whom, when, and where it is.
func (t tidings) line(f crm.FollowUp) string {
	parts := []string{f.Title}
	if with := t.with(f); with != "" {
		parts = append(parts, with)
	}
	return "- " + oneLine(strings.Join(append(parts, t.when(f.Due)), " · ")) + "\n  " + t.w.BaseURL + paths.FollowUp(f.ID)
}

func (t tidings) with(f crm.FollowUp) string {
	if f.OrganizationName == "" || f.ContactName == "" {
		return f.OrganizationName + f.ContactName
	}
	return f.ContactName + ", " + f.OrganizationName
}

// when says when something is due: a day is the same day wherever one reads it.
func (t tidings) when(d crm.Due) string {
	if d.Day == "" {
		return t.l.DateTime(d.At)
	}
	return t.l.Date(d.Day.Start(t.c.Zone))
}

func (t tidings) notices(told []crm.Notice, count int) (subject string, lines []string) {
	l := t.l
	if count == 1 && len(told) == 1 {
		n := told[0]
		switch n.Kind {
		case crm.NoticeAssigned:
			return l.T("For you: %s", oneLine(n.FollowUp.Title)), []string{t.given(n), t.line(n.FollowUp)}
		default:
			return l.T("Due: %s", oneLine(n.FollowUp.Title)), []string{l.T("A follow-up of yours is due:"), t.line(n.FollowUp)}
		}
	}
	parts := map[crm.NoticeKind][]string{}
	for _, n := range told {
		parts[n.Kind] = append(parts[n.Kind], t.line(n.FollowUp))
	}
	if due := parts[crm.NoticeDue]; len(due) > 0 {
		lines = append(append(lines, l.T("Due")), due...)
	}
	if given := parts[crm.NoticeAssigned]; len(given) > 0 {
		lines = append(append(lines, l.T("Given to you")), given...)
	}
	if more := count - len(told); more > 0 {
		lines = append(lines, l.N(more, "and %d more:", "and %d more:")+"\n"+t.w.BaseURL+paths.Inbox)
	}
	return l.N(count, "%d new notice in your inbox", "%d new notices in your inbox"), lines
}

func (t tidings) given(n crm.Notice) string {
	if n.GivenBy == "" {
		return t.l.T("A follow-up was given to you:")
	}
	return t.l.T("%s gave you a follow-up:", oneLine(n.GivenBy))
}
