package templates

import (
	"time"

	"github.com/archpilot/crm/internal/crm"
)

// rhythm says how often to be in touch.
func rhythm(p Page, days int) string {
	switch days {
	case crm.NeverTouch:
		return p.T("never")
	case 7:
		return p.T("every week")
	case 365:
		return p.T("every year")
	}
	return p.L.N(days, "every %d day", "every %d days")
}

// dayOf is a day as it is stored, as a person writes it: the same day in every zone.
func dayOf(p Page, day string) string {
	t, err := time.ParseInLocation(time.DateTime, day+" 12:00:00", p.L.Zone()) // midnight is not on every day
	if err != nil {
		return day
	}
	return p.L.Date(t)
}
