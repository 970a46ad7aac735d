package l10n

import "time"

// Due returns when a contact is due, in the words a person would use: "due in 3 days", "due tomorrow"; or since when it
// is overdue: "5 days overdue", by the days of the reader's calendar.
func (l *Localizer) Due(t time.Time) string {
	switch days := l.daysBetween(t); {
	case t.After(l.now):
		return l.T("due %s", l.Relative(t))
	case days == 0:
		return l.T("overdue since today")
	default:
		return l.N(days, "%d day overdue", "%d days overdue")
	}
}
