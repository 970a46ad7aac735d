package templates

import (
	"time"

	"github.com/archpilot/crm/internal/quicklog"
)

// order is the order of the box's fields, those of a line's form first.
func (f LogForm) order() []string { return append([]string{"client"}, logFields...) }

// readings are the fields that a line fills, in words. Its times stand for themselves: they are shown as they were written,
// in whatever zone they are read.
func readings(p Page, l quicklog.Line) []Option {
	here := func(t time.Time) time.Time {
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, p.L.Zone())
	}
	day := func(t time.Time) string { return p.L.LongDate(here(t)) }
	moment := func(t time.Time) string { return day(t) + ", " + p.L.Clock(here(t)) }
	var all []Option
	add := func(label, value string) {
		if value != "" {
			all = append(all, Option{Label: label, Value: value})
		}
	}
	if l.Channel != "" {
		add(p.T("Channel"), ChannelLabel(p, l.Channel))
	}
	add(p.T("Contact"), l.Contact)
	add(p.T("Organization"), l.Organization)
	if !l.When.IsZero() {
		add(p.T("When"), moment(l.When))
	}
	if l.Minutes > 0 {
		add(p.T("Duration"), p.L.N(l.Minutes, "%d minute", "%d minutes"))
	}
	switch l.Direction {
	case quicklog.In:
		add(p.T("Direction"), p.T("incoming"))
	case quicklog.Out:
		add(p.T("Direction"), p.T("outgoing"))
	}
	add(p.T("Subject"), l.Subject)
	add(p.T("Notes"), l.Body)
	add(p.T("Outcome"), p.Word("outcome", l.Outcome))
	add(p.T("Next step"), l.Next.Title)
	switch {
	case l.Next.Timed:
		add(p.T("Due"), moment(l.Next.Due))
	case !l.Next.Due.IsZero():
		add(p.T("Due"), day(l.Next.Due))
	}
	return all
}

// topicTitle heads the part of the help on a topic.
func topicTitle(p Page, t quicklog.Topic) string {
	switch t {
	case quicklog.Whole:
		return p.T("The line")
	case quicklog.OnNames:
		return p.T("Names")
	case quicklog.OnWhen:
		return p.T("When")
	case quicklog.OnDuration:
		return p.T("Duration")
	case quicklog.OnDirection:
		return p.T("Direction")
	case quicklog.OnOutcome:
		return p.T("Outcome")
	case quicklog.OnNext:
		return p.T("Next step")
	}
	return p.T("Everything else")
}

// topicText is the rule that a topic's examples show; the package comment of quicklog has it in full.
func topicText(p Page, t quicklog.Topic) string {
	switch t {
	case quicklog.Whole:
		return p.T("First the channel, then names and facts in any order, a colon, what it was about, an outcome after #, and after > the next step. The channel is the first word:")
	case quicklog.OnNames:
		return p.T("Words before the colon are the contact, @ begins the organization and takes the words that follow it. Quotes, or “with” and “con”, part the two; quotes also keep a name that is a day or has a digit in it. Without a colon the words before @ are the contact, and @ takes one word.")
	case quicklog.OnWhen:
		return p.T("A day, a time, or both, before the colon. A weekday is the last one, a date without a year has been already, and a day without a time is noon. Dates have the day first.")
	case quicklog.OnDuration:
		return p.T("For calls and meetings, before the colon, from a minute to a day.")
	case quicklog.OnDirection:
		return p.T("For calls and e-mails, right after the channel: in, out, incoming, outgoing, entrante, uscente, or from, to and da before the name. In Italian “a” counts after chiamata and telefonata.")
	case quicklog.OnOutcome:
		return p.T("A word after #, or several in quotes, anywhere in the line. Some words stand for a usual outcome; any other is kept as it is:")
	case quicklog.OnNext:
		return p.T("When, and then what. A weekday is the next one, never today. Next week is its Monday, and next month its first day; in a week is seven days from today, as in the forms. A when at the end counts, too, and stays in the text.")
	}
	return p.T("Whatever is not understood stays in the subject or in the notes. So does what is more than 500 characters, or a second line. Without a colon, only what stands before the first other word is read.")
}
