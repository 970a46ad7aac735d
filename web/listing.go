package web

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// The parameters of the lists. Together they are the whole state of a list: an address shows everyone the same
// list, each within their own reach.
//
//	q             all             text to look for; clients written like it, where nothing holds it
//	sector, size  organizations   as stored
//	owner         both            me, nobody, a user's id, or team: and a team's id (with the teams below it)
//	status        both            active (the default), archived, all
//	last          both            last contact: never, over-90 or within-30 (days); with ViewInteraction only
//	touch         both            next contact: overdue, week, any, none (see crm.TouchFilter); with ViewInteraction only
//	has_contact   organizations   yes or no
//	from, to      organizations   days of creation, both inclusive, like 2026-11-22
//	organization  contacts        id; with role and relationship those of one and the same relationship
//	role          contacts        as stored
//	relationship  contacts        its status, as stored
//	email, phone  contacts        yes or no
//	channel       interactions    call, email, meeting, note
//	author        interactions    like owner, but nobody
//	outcome       interactions    as stored
//	organization, contact   interactions   ids
//	from, to      interactions    days on which they happened
//	sort          all             the order, and with a minus its reverse: see the orders in internal/postgres
//	limit         all             rows on a page, 1 to 200
//	after, before all             a place in this very list and order
//	view, base, cols  all         saved views and columns: see listview.go
//	panel         all             opens the filters or the columns: see listview.go
//
// What is not listed is ignored; for who may not see interactions of their clients, last and touch are not. A value that
// cannot be (no such status, no id, a day that does not exist, a place of another list or order) is answered with
// 422. A value that nothing has, a record that does not exist and one out of reach are answered alike: with a list
// that is empty, or of what the reader may see. Text is cut to what is looked for.
var (
	organizationParams = []string{"q", "sector", "size", "owner", "status", "has_contact", "last", "touch", "from", "to", "sort", "limit", "base", "cols"}
	contactParams      = []string{"q", "organization", "role", "relationship", "owner", "status", "email", "phone", "last", "touch", "sort", "limit", "base", "cols"}
	interactionParams  = []string{"q", "channel", "author", "outcome", "organization", "contact", "from", "to", "sort", "limit", "base", "cols"}
)

// cursor is a place in a list as the address carries it, opaque to everyone but us.
type cursor struct {
	List  string    `json:"l"` // path and order
	Key   string    `json:"k"`
	ID    uuid.UUID `json:"i"`
	Known int       `json:"n,omitempty"` // what the first page counted
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c) // plain fields cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
}

// listName tells lists and their orders apart: a place in one means nothing in another.
func (v *visit) listName() string {
	path, _, _ := strings.Cut(v.page.CurrentPath, "?")
	return path + "?" + v.query.Get("sort")
}

// place reads the list parameters after, before and limit. A malformed one is Invalid.
func (v *visit) place() (crm.Page, error) {
	p := crm.Page{}
	if limit := v.query.Get("limit"); limit != "" {
		n, err := strconv.Atoi(limit)
		if err != nil || n < 1 || n > crm.MaxPageSize {
			return p, crm.Fault("", "A page holds 1 to %d rows.", crm.MaxPageSize)
		}
		p.Size = n
	}
	text := v.query.Get("after")
	if before := v.query.Get("before"); before != "" {
		text, p.Before = before, true
	}
	at, err := v.placeAt(text)
	p.Key, p.ID, p.Known = at.Key, at.ID, at.Known
	return p, err
}

// placeAt reads a cursor, "" for the beginning.
func (v *visit) placeAt(text string) (crm.Page, error) {
	if text == "" {
		return crm.Page{}, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.ID == uuid.Nil || !crm.Storable(c.Key) || c.List != v.listName() || c.Known < -crm.MaxPageSize || c.Known > crm.CountCap+1 {
		return crm.Page{}, errNoPlace()
	}
	return crm.Page{Key: c.Key, ID: c.ID, Known: c.Known}, nil
}

func errNoPlace() error { return crm.Fault("", "This place in the list does not exist.") }

// ofOnePage are the parameters that no other page of the list has.
var ofOnePage = []string{"after", "before", "select", "panel"}

// pagerURLs returns the addresses of the pages before and after, "" where there is none.
func (v *visit) pagerURLs(path string, prev, next crm.Page) (string, string) {
	at := func(name string, p crm.Page) string {
		if p.First() {
			return ""
		}
		q := url.Values{}
		for k, values := range v.query {
			if !slices.Contains(ofOnePage, k) {
				q[k] = values
			}
		}
		q.Set(name, v.cursor(p))
		return paths.With(path, q)
	}
	return at("before", prev), at("after", next)
}

// cursor is a place in the visit's list as addresses carry it.
func (v *visit) cursor(p crm.Page) string { return cursor{v.listName(), p.Key, p.ID, p.Known}.String() }

// asked returns the named list parameters as they were sent.
func (v *visit) asked(names ...string) templates.Query {
	q := templates.Query{}
	for _, n := range names {
		if telling(n) && !v.actor.SeesLastContact() {
			continue
		}
		if value := v.query.Get(n); value != "" {
			q[n] = v.page.StoredAnywhere(n, value)
		}
	}
	return q
}

// status reads the status filter; anything unknown is Invalid.
func (v *visit) status() (crm.Status, error) {
	switch s := crm.Status(v.query.Get("status")); s {
	case "", crm.StatusActive, crm.StatusArchived, crm.StatusAll:
		return s, nil
	}
	return "", crm.Fault("", "The status is active, archived or all.")
}

// person reads an owner or author filter. What is none of the ways to name people is Invalid.
func (v *visit) person(name string) (crm.OwnerFilter, error) {
	text := v.query.Get(name)
	team, isTeam := strings.CutPrefix(text, teamPrefix)
	switch {
	case text == "":
		return crm.OwnerFilter{}, nil
	case text == "me":
		return crm.OwnerFilter{UserID: uuid.NullUUID{UUID: v.actor.UserID, Valid: true}}, nil
	case text == "nobody":
		return crm.OwnerFilter{Nobody: true}, nil
	case isTeam:
		id, err := uuid.Parse(team)
		if err != nil {
			return crm.OwnerFilter{}, crm.Fault("", "There is no such team.")
		}
		return crm.OwnerFilter{TeamID: uuid.NullUUID{UUID: id, Valid: true}}, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return crm.OwnerFilter{}, crm.Fault("", "There is no such user.")
	}
	return crm.OwnerFilter{UserID: uuid.NullUUID{UUID: id, Valid: true}}, nil
}

const teamPrefix = "team:"

// sort reads the order of a list; one that the list does not have, for this visitor, is Invalid.
func (v *visit) sort(known []crm.SortKey) (crm.Sort, error) {
	s := crm.ParseSort(v.query.Get("sort"))
	if s != (crm.Sort{}) && !slices.Contains(known, s.By) || s.By.TellsOfTalks() && !v.actor.SeesLastContact() {
		return s, crm.Fault("", "The list cannot be sorted like this.")
	}
	return s, nil
}

// presence reads a filter by whether records have something; anything but yes and no is Invalid.
func (v *visit) presence(name string) (crm.Presence, error) {
	switch p := crm.Presence(v.query.Get(name)); p {
	case "", crm.Present, crm.Absent:
		return p, nil
	}
	return "", crm.Fault("", "This filter is yes or no.")
}

// silence reads the filter by last contact, which does not exist for who may not see interactions.
func (v *visit) silence() (crm.Silence, error) {
	if !v.actor.SeesLastContact() {
		return crm.Silence{}, nil
	}
	f, known := crm.ParseSilence(v.query.Get("last"))
	if !known {
		return f, crm.Fault("", "The last contact is never, over-90 or within-30, in days.")
	}
	return f, nil
}

// telling reports whether a list parameter is by what tells of interactions.
func telling(name string) bool { return name == "last" || name == "touch" }

// touch reads the filter by the next contact, which does not exist for who may not see interactions.
func (v *visit) touch() (crm.TouchFilter, error) {
	f := crm.TouchFilter(v.query.Get("touch"))
	if !v.actor.SeesLastContact() {
		return "", nil
	}
	if f != "" && !slices.Contains(crm.TouchFilters, f) {
		return "", crm.Fault("", "The next contact is overdue, week, any or none.")
	}
	return f, nil
}

// channel reads the channel filter; anything unknown is Invalid.
func (v *visit) channel() (crm.Channel, error) {
	c := crm.Channel(v.query.Get("channel"))
	if c != "" && !slices.Contains(crm.Channels, c) {
		return "", crm.Fault("", "Choose call, meeting, e-mail or note.")
	}
	return c, nil
}

// record reads a filter that names a record. A malformed one is Invalid.
func (v *visit) record(name string) (uuid.NullUUID, error) {
	text := v.query.Get(name)
	if text == "" {
		return uuid.NullUUID{}, nil
	}
	id, err := uuid.Parse(text)
	if err != nil {
		return uuid.NullUUID{}, crm.Fault(name, "There is no such record.")
	}
	return uuid.NullUUID{UUID: id, Valid: true}, nil
}

// days reads the date filters from and to as a half-open stretch of the visitor's days. Faults go to errs.
func (v *visit) days(errs crm.Invalid) (from, to time.Time) {
	read := func(name string) crm.Day {
		text := v.query.Get(name)
		if text == "" {
			return ""
		}
		t, err := time.Parse(time.DateOnly, text)
		if err != nil || t.Year() < 1 {
			errs.Add(name, "Enter a date like 2026-11-22.")
			return ""
		}
		return crm.Day(text)
	}
	if first := read("from"); first != "" {
		from = first.Start(v.zone())
	}
	if last := read("to"); last != "" {
		to = last.Plus(1).Start(v.zone())
	}
	return from, to
}

// userOptions are the choices of an owner or author select.
func userOptions(users []crm.User) []templates.Option {
	options := make([]templates.Option, len(users))
	for i, u := range users {
		options[i] = templates.Option{Value: u.ID.String(), Label: u.Name}
	}
	return options
}

// people are the choices of an owner or author filter, whose parameter is called name.
func (v *visit) people(f postgres.ListFrame, name string) templates.People {
	teams := make([]templates.Option, len(f.Teams))
	for i, t := range f.Teams {
		teams[i] = templates.Option{Value: teamPrefix + t.ID.String(), Label: t.Name}
	}
	return templates.People{
		Users: userOptions(f.Owners), Teams: teams, Named: templates.Option{Value: v.query.Get(name), Label: f.Person}, Open: v.opens(filterPanel),
	}
}

// withOwner makes sure that the present owner is among the choices, though deactivated or beyond the first 200:
// else saving the form would take the record from them unseen.
func withOwner(choices postgres.Choices, owner uuid.NullUUID, name string) []templates.Option {
	options := userOptions(choices.Owners)
	if !owner.Valid {
		return options
	}
	for _, o := range options {
		if o.Value == owner.UUID.String() {
			return options
		}
	}
	return append(options, templates.Option{Value: owner.UUID.String(), Label: name})
}

func nullID(id uuid.NullUUID) string {
	if !id.Valid {
		return ""
	}
	return id.UUID.String()
}
