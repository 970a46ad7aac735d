package web

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// A record that was opened from a list leads to the records before and after it there, and back to the same page.
// Rows link to the bare address of a record, which people paste and bookmark: that it was opened from a list is known
// from the Referer, which browsers send in full within the site (Referrer-Policy same-origin). The links to its
// neighbours then carry the list along themselves, as in=QUERY. Nothing is stored, and what is asked for is a list
// like any other: each neighbour lies within the reader's reach.

// referrer returns the page of this site that the request came from, nil for none.
func referrer(r *http.Request) *url.URL {
	u, err := url.Parse(r.Referer())
	if err != nil || u.Host != r.Host || u.Host == "" {
		return nil
	}
	return u
}

// openedFrom returns the query of the list that the record was opened from, false when it was not.
func (v *visit) openedFrom(list crm.List) (string, bool) {
	if v.query.Has("in") {
		return v.query.Get("in"), true
	}
	if v.referrer == nil {
		return "", false
	}
	record, below := strings.CutPrefix(v.referrer.Path, paths.List(string(list))+"/")
	switch {
	case v.referrer.Path == paths.List(string(list)):
		return v.referrer.RawQuery, true
	case below && uuid.Validate(record) == nil && v.referrer.Query().Has("in"): // from a neighbour, or after a form on the page itself
		return v.referrer.Query().Get("in"), true
	}
	return "", false
}

// inList returns the visit as the list that the record was opened from would see it, with what that list asks for;
// nil where there is none, or none that can be.
func inList[F any](ctx context.Context, v *visit, list crm.List, read func(*visit) (F, crm.Invalid, error)) (*visit, []F) {
	query, opened := v.openedFrom(list)
	if !opened {
		return nil, nil
	}
	w := *v
	w.query = parsed(query)
	w.query.Del("panel")
	w.page.CurrentPath = paths.List(string(list))
	if id, err := uuid.Parse(w.query.Get("view")); err == nil {
		view, err := v.store.View(ctx, id)
		if err != nil {
			return nil, nil // the page can do without
		}
		w.startFrom(&view, false)
	}
	f, faults, err := read(&w)
	if err != nil || len(faults) > 0 {
		return nil, nil
	}
	return &w, []F{f}
}

// withoutFaults is a filter that has no fields with faults of their own, as inList reads them.
func withoutFaults[F any](read func(*visit) (F, error)) func(*visit) (F, crm.Invalid, error) {
	return func(v *visit) (F, crm.Invalid, error) {
		f, err := read(v)
		return f, nil, err
	}
}

// recordPlace says where the record stands in the list that w shows. Path is that of a record.
func (w *visit) recordPlace(list crm.List, n postgres.Neighbours, path func(uuid.UUID) string) templates.RecordPlace {
	if w == nil {
		return templates.RecordPlace{}
	}
	to := func(n postgres.Neighbour) string {
		if n.ID == uuid.Nil {
			return ""
		}
		return paths.InList(path(n.ID), w.at(n.Page).Encode())
	}
	return templates.RecordPlace{BackURL: paths.WithRaw(paths.List(string(list)), w.query.Encode()), PrevURL: to(n.Prev), NextURL: to(n.Next)}
}

// at is the list's query at a place in it.
func (w *visit) at(p crm.Page) url.Values {
	q := url.Values{}
	for name, values := range w.query {
		if !slices.Contains(ofOnePage, name) {
			q[name] = values
		}
	}
	switch {
	case p.First():
	case p.Before:
		q.Set("before", w.cursor(p))
	default:
		q.Set("after", w.cursor(p))
	}
	return q
}
