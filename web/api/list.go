package api

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

// Place is what every list is asked for.
type Place struct {
	Limit  int    `query:"limit" default:"50" minimum:"1" maximum:"200" doc:"How many at most" example:"50"`
	Cursor string `query:"cursor" maxLength:"4000" doc:"Where to go on: taken from the Link header of the page before, for the same list and filters"`
}

// listed is one page of a list.
type listed[T any] struct {
	Link string `header:"Link" doc:"The next page, rel=\"next\"; absent on the last one" example:"</api/crm/organizations?cursor=AAAA&limit=50>; rel=\"next\""`
	Body []T    `nullable:"false" maxItems:"200"`
}

// sumSize is how much of a cursor's checksum is kept: it finds mistakes, it protects nothing. What a made-up place
// leads to is bounded by the reader's reach, like everything.
const sumSize = 8

// cursorSum binds a place to its list and filters.
func (c *call) cursorSum(key string, id uuid.UUID) []byte {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00", c.path, id)
	for _, name := range slices.Sorted(maps.Keys(c.query)) {
		if name != "cursor" && name != "limit" && c.query.Get(name) != "" {
			fmt.Fprintf(h, "%q=%q\x00", name, c.query.Get(name))
		}
	}
	h.Write([]byte(key))
	return h.Sum(nil)[:sumSize]
}

func (c *call) cursor(p crm.Page) string {
	return base64.RawURLEncoding.EncodeToString(slices.Concat(c.cursorSum(p.Key, p.ID), p.ID[:], []byte(p.Key)))
}

// page reads a place. A malformed one, or one of another list, is Invalid.
func (c *call) page(in Place) (crm.Page, error) {
	p := crm.Page{Size: in.Limit, Uncounted: true}
	if in.Limit < 1 || in.Limit > crm.MaxPageSize {
		return p, crm.Fault("limit", "A page holds 1 to %d rows.", crm.MaxPageSize)
	}
	if in.Cursor == "" {
		return p, nil
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(in.Cursor)
	if err != nil || len(raw) < sumSize+len(p.ID) {
		return p, errCursor()
	}
	p.ID, p.Key = uuid.UUID(raw[sumSize:sumSize+len(p.ID)]), string(raw[sumSize+len(p.ID):])
	if p.First() || !crm.Storable(p.Key) || !bytes.Equal(raw[:sumSize], c.cursorSum(p.Key, p.ID)) {
		return p, errCursor()
	}
	return p, nil
}

func errCursor() error {
	return crm.Fault("cursor", "This place does not exist in this list. Take the cursor from its Link header, and keep the filters.")
}

// next returns the Link header that leads to the next page.
func (c *call) next(p crm.Page) string {
	if p.First() {
		return ""
	}
	query := url.Values{"limit": {fmt.Sprint(p.Limit())}}
	for name, values := range c.query {
		if values[0] != "" {
			query[name] = values
		}
	}
	query.Set("cursor", c.cursor(p))
	return "<" + c.path + "?" + query.Encode() + `>; rel="next"`
}

// maxQuery is the longest text searched for, in characters, as on the pages.
const maxQuery = 200

func searchText(q string) string {
	q = crm.Clean(q)
	if utf8.RuneCountInString(q) > maxQuery {
		q = string([]rune(q)[:maxQuery])
	}
	return q
}

// filters read list parameters and gather what is wrong with them.
type filters struct {
	call   *call
	faults crm.Invalid
}

func (c *call) filters() *filters { return &filters{c, crm.Invalid{}} }

func (f *filters) status(text string) crm.Status {
	switch s := crm.Status(text); s {
	case "", crm.StatusActive, crm.StatusArchived, crm.StatusAll:
		return s
	}
	f.faults.Add("status", "The status is active, archived or all.")
	return ""
}

// person reads an owner or author: me, nobody, or a user's id.
func (f *filters) person(name, text string) crm.OwnerFilter {
	switch text {
	case "":
		return crm.OwnerFilter{}
	case "me":
		return crm.OwnerFilter{UserID: uuid.NullUUID{UUID: f.call.actor.UserID, Valid: true}}
	case "nobody":
		return crm.OwnerFilter{Nobody: true}
	}
	return crm.OwnerFilter{UserID: f.record(name, text, "There is no such user.")}
}

func (f *filters) record(name, text, sentence string) uuid.NullUUID {
	if text == "" {
		return uuid.NullUUID{}
	}
	id, ok := parseID(text)
	if !ok {
		f.faults.Add(name, sentence)
	}
	return uuid.NullUUID{UUID: id, Valid: ok}
}

// day reads a day in the caller's zone.
func (f *filters) day(name, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	t, err := time.ParseInLocation(time.DateOnly, text, f.call.zone)
	if err != nil || t.Year() < 1 {
		f.faults.Add(name, "Enter a date like 2026-11-22.")
		return time.Time{}
	}
	return t
}

// read returns the place in the list, or everything that is wrong with the query.
func (f *filters) read(in Place) (crm.Page, error) {
	p, err := f.call.page(in)
	if wrong, is := err.(crm.Invalid); is {
		maps.Copy(f.faults, wrong)
	}
	return p, at("query", f.faults.Err())
}

// matches reports whether If-Match lets a change of a record at version through; an absent one does.
func matches(ifMatch string, version int) bool {
	if ifMatch == "" {
		return true
	}
	for tag := range strings.SplitSeq(ifMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == etag(version) {
			return true
		}
	}
	return false
}

func etag(version int) string { return fmt.Sprintf(`"%d"`, version) }
