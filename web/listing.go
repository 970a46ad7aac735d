package web

import (
	"encoding/base64"
	"encoding/json"
	"net/url"
	"strconv"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// cursor is a place in a list as the address carries it, opaque to everyone but us.
type cursor struct {
	Key string    `json:"k"`
	ID  uuid.UUID `json:"i"`
}

func (c cursor) String() string {
	raw, _ := json.Marshal(c) // two plain fields cannot fail
	return base64.RawURLEncoding.EncodeToString(raw)
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
	if text == "" {
		return p, nil
	}
	var c cursor
	raw, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(raw, &c)
	}
	if err != nil || c.ID == uuid.Nil || !crm.Storable(c.Key) {
		return p, crm.Fault("", "This place in the list does not exist.")
	}
	p.Key, p.ID = c.Key, c.ID
	return p, nil
}

// pagerURLs returns the addresses of the pages before and after, "" where there is none.
func (v *visit) pagerURLs(path string, prev, next crm.Page) (string, string) {
	at := func(name string, p crm.Page) string {
		if p.First() {
			return ""
		}
		q := url.Values{}
		for k, values := range v.query {
			if k != "after" && k != "before" {
				q[k] = values
			}
		}
		q.Set(name, cursor{p.Key, p.ID}.String())
		return paths.With(path, q)
	}
	return at("before", prev), at("after", next)
}

// asked returns the named list parameters as they were sent.
func (v *visit) asked(names ...string) templates.Query {
	q := templates.Query{}
	for _, n := range names {
		if value := v.query.Get(n); value != "" {
			q[n] = value
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

// person reads an owner or author filter: me, none, or a user's id. Anything else is Invalid.
func (v *visit) person(name string) (crm.OwnerFilter, error) {
	switch text := v.query.Get(name); text {
	case "":
		return crm.OwnerFilter{}, nil
	case "me":
		return crm.OwnerFilter{UserID: uuid.NullUUID{UUID: v.actor.UserID, Valid: true}}, nil
	case "none":
		return crm.OwnerFilter{Nobody: true}, nil
	default:
		id, err := uuid.Parse(text)
		if err != nil {
			return crm.OwnerFilter{}, crm.Fault("", "There is no such user.")
		}
		return crm.OwnerFilter{UserID: uuid.NullUUID{UUID: id, Valid: true}}, nil
	}
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
	read := func(name string) time.Time {
		text := v.query.Get(name)
		if text == "" {
			return time.Time{}
		}
		t, err := time.ParseInLocation("2006-01-02", text, v.zone())
		if err != nil || t.Year() < 1 || t.Year() > 9999 {
			errs.Add(name, "Enter a date like 2026-11-22.")
			return time.Time{}
		}
		return t
	}
	from, to = read("from"), read("to")
	if !to.IsZero() {
		to = to.AddDate(0, 0, 1)
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
