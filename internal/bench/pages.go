package main

import (
	"context"
	"math/rand/v2"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/paths"
)

// page is one line's request. Which record it opens and what it searches for differs from request to request.
type page struct {
	name string
	get  func(*visitor, *rand.Rand) string
	// post, where it is set, is the form that is sent instead, to the address from get.
	post func(*visitor, *rand.Rand) url.Values
	// bare is the bare handler's counterpart, nil where a page has no main query of its own.
	bare func(*visitor, *rand.Rand) string
}

// want is the status of an answer in order.
func (p page) want() int {
	if p.post != nil {
		return http.StatusSeeOther
	}
	return http.StatusOK
}

func fixed(path string) func(*visitor, *rand.Rand) string {
	return func(*visitor, *rand.Rand) string { return path }
}

func onAny(path func(uuid.UUID) string) func(*visitor, *rand.Rand) string {
	return func(v *visitor, draw *rand.Rand) string { return path(pick(draw, v.organizations)) }
}

func searched(term func(*visitor, *rand.Rand) string) func(*visitor, *rand.Rand) string {
	return func(v *visitor, draw *rand.Rand) string { return paths.Search + "?q=" + url.QueryEscape(term(v, draw)) }
}

func pick[T any](draw *rand.Rand, list []T) T { return list[draw.IntN(len(list))] }

// pages are what people open all day.
var pages = []page{
	{name: "list", get: fixed(paths.Organizations), bare: fixed("/list")},
	{name: "list-deep", get: func(v *visitor, _ *rand.Rand) string { return v.deep }, bare: fixed("/list-deep")},
	{name: "list-sector", get: fixed(paths.Organizations + "?sector=Logistics"), bare: fixed("/list-sector")},
	{name: "organization", get: onAny(paths.Organization), bare: onAny(bareRecord("/organization"))},
	{name: "organization-largest", get: func(v *visitor, _ *rand.Rand) string { return paths.Organization(v.largest) }, bare: func(v *visitor, _ *rand.Rand) string {
		return bareRecord("/organization")(v.largest)
	}},
	{name: "history", get: onAny(paths.OrganizationHistory)},
	{name: "contacts", get: fixed(paths.Contacts), bare: fixed("/contacts")},
	{name: "contact", get: func(v *visitor, draw *rand.Rand) string { return paths.Contact(pick(draw, v.contacts)) }, bare: func(v *visitor, draw *rand.Rand) string {
		return bareRecord("/contact")(pick(draw, v.contacts))
	}},
	{name: "interactions", get: fixed(paths.Interactions), bare: fixed("/interactions")},
	{name: "today", get: fixed(paths.Home)},
	{name: "search-prefix", get: searched(func(v *visitor, draw *rand.Rand) string { return prefix(pick(draw, v.names), 5) })},
	{name: "search-rare", get: searched(func(v *visitor, draw *rand.Rand) string { return pick(draw, v.names) })},
	{name: "search-mid", get: searched(func(_ *visitor, draw *rand.Rand) string { return pick(draw, midTerms) })},
	{name: "search-common", get: searched(func(_ *visitor, draw *rand.Rand) string { return pick(draw, commonTerms) })},
	{name: "log", get: onAny(paths.LogOnOrganization), post: call, bare: onAny(bareRecord("/log"))},
}

// Words of the grown firm's names: a family in some thousand of a million, and what stands in a tenth or more.
var (
	midTerms    = []string{"Rinaldi", "Thalberg", "Kestrel", "Schouten", "Lefèvre", "Quintana"}
	commonTerms = []string{"ar", "Logistics", "an", "de", "er"}
)

func prefix(name string, n int) string {
	runes := []rune(name)
	return strings.TrimSpace(string(runes[:min(n, len(runes))]))
}

// call is the form of a logged call, new each time.
func call(_ *visitor, draw *rand.Rand) url.Values {
	return url.Values{
		"form_token": {uuid.NewString()}, "channel": {"call"}, "subject": {"Call about the spring delivery plan"}, "body": {pick(draw, said)},
		"outcome": {"Information sent"}, "happened_at": {time.Now().UTC().Format(time.RFC3339)},
	}
}

var said = []string{
	"They liked how quickly we handled it. I will send the revised offer by Friday.",
	"Quality has been fine, punctuality less so. We speak again next week.",
	"The figure was news to them, and the board decides. Nothing more to do until March.",
}

// cell is one line of the table: a page, who asks, how many at once, and what came of it.
type cell struct {
	page        page
	visitor     *visitor
	connections int
	statements  float64
	app, bare   []measurement // one a round
	fault       error         // why there is no more to measure
}

// request asks the program for the page.
func (c *cell) request(ctx context.Context, draw *rand.Rand) (*http.Request, error) {
	path := c.page.get(c.visitor, draw)
	if c.page.post == nil {
		return c.visitor.get(ctx, path)
	}
	request, err := post(ctx, c.visitor.address+path, c.page.post(c.visitor, draw))
	if err == nil {
		request.Header.Set("Cookie", c.visitor.cookies)
	}
	return request, err
}

// measuredAgainst is the reach whose pages are compared with the bare handler, which knows of none.
const measuredAgainst = "all"

// plan lists what is measured, in the order of the table: other reaches at the middle number of connections only.
func plan(o options, people []*visitor) []*cell {
	var cells []*cell
	for _, p := range pages {
		if len(o.pages) > 0 && !slices.Contains(o.pages, p.name) {
			continue
		}
		for _, v := range people {
			for _, n := range o.connections {
				if v.reach == measuredAgainst || n == o.connections[len(o.connections)/2] {
					cells = append(cells, &cell{page: p, visitor: v, connections: n, statements: unknown})
				}
			}
		}
	}
	return cells
}
