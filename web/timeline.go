package web

import (
	"net/url"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

// timelineView reads which part of a record's timeline is asked for, and from where on: timeline=calls, emails, meetings,
// notes or changes, and after=PLACE. Anything else is Invalid.
func (v *visit) timelineView() (crm.TimelineView, error) {
	view := crm.TimelineView{Kind: crm.TimelineKind(v.query.Get("timeline"))}
	if view.Kind == "all" {
		view.Kind = crm.TimelineAll
	}
	if !view.Kind.Known() {
		return view, crm.Fault("", "The timeline shows all, calls, emails, meetings, notes or changes.")
	}
	p, err := v.placeAt(v.query.Get("after"))
	if err != nil || p.First() {
		return view, err
	}
	var known bool
	if view.From, known = crm.ParseTimelinePlace(p.Key, p.ID); !known {
		return view, errNoPlace()
	}
	return view, nil
}

// timelineOf is the timeline of a record as its page shows it. The addresses carry along the list that the record was
// opened from.
func (v *visit) timelineOf(t crm.Timeline, view crm.TimelineView, list crm.List, record string) templates.Timeline {
	out := templates.Timeline{Timeline: t, View: view, URLs: map[crm.TimelineKind]string{}}
	at := func(kind crm.TimelineKind, from crm.TimelinePlace) string {
		q := url.Values{}
		if query, opened := v.openedFrom(list); opened {
			q.Set("in", query)
		}
		if kind != crm.TimelineAll {
			q.Set("timeline", string(kind))
		}
		if !from.First() {
			q.Set("after", v.cursor(crm.Page{Key: from.Key(), ID: from.ID}))
		}
		return paths.WithRaw(record, q.Encode())
	}
	for _, kind := range crm.TimelineKinds {
		out.URLs[kind] = at(kind, crm.TimelinePlace{})
	}
	if !t.Next.First() {
		out.OlderURL = at(view.Kind, t.Next)
	}
	return out
}
