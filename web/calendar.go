package web

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/calendar"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func showCalendarFeed(ctx context.Context, v *visit) (response, error) {
	feed, err := v.store.MyCalendarFeed(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.Calendar(templates.CalendarPage{Page: v.page, Feed: feed})), nil
}

// makeCalendarFeed makes an address, which stands on the answer and nowhere else.
func (s *Server) makeCalendarFeed(ctx context.Context, v *visit) (response, error) {
	secret, err := v.store.MakeCalendarFeed(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.CalendarMade(templates.CalendarMadePage{Page: v.page, URL: s.BaseURL + paths.CalendarFeed(secret)})), nil
}

func revokeCalendarFeed(ctx context.Context, v *visit) (response, error) {
	flash := templates.Flash{Text: v.t("The address is revoked.")}
	switch err := v.store.RevokeCalendarFeed(ctx); {
	case errors.Is(err, crm.ErrUnchanged):
		flash.Text = v.t("Nothing changed")
	case err != nil:
		return nil, err
	}
	return redirect{to: paths.AccountCalendar, flash: flash}, nil
}

// serveCalendar answers a calendar program with what the owner of the address may see. It asks for no session and looks
// at none. An address that is dead for whatever reason is not found, and counted like a dead token of the API.
func (s *Server) serveCalendar(ctx context.Context, v *visit) (response, error) {
	owner, live, err := s.DB.FindCalendar(ctx, v.params("secret"), v.origin)
	if err != nil {
		return nil, err
	}
	if !live {
		if wait := s.deadFeeds.Count(v.origin.IP); wait > 0 {
			return tooMany{seconds: int(wait.Seconds()) + 1}, nil
		}
		return nil, crm.ErrNotFound
	}
	mine, err := s.DB.As(owner, v.origin).MyCalendar(ctx, v.now)
	if err != nil {
		return nil, err
	}
	c := calendar.Calendar{Name: v.t("%s: my calendar", s.Firm)}
	for _, f := range mine.FollowUps {
		c.Events = append(c.Events, s.followUpEvent(v, f))
	}
	for _, i := range mine.Talks {
		c.Events = append(c.Events, s.talkEvent(v, i))
	}
	return calendarFile("", c)
}

// serveTalk answers with one meeting or call, to be added to whatever calendar.
func (s *Server) serveTalk(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	i, err := v.store.TalkForCalendar(ctx, id)
	if err != nil {
		return nil, err
	}
	return calendarFile(string(i.Record.Channel)+".ics", calendar.Calendar{Method: "PUBLISH", Events: []calendar.Event{s.talkEvent(v, i)}})
}

func calendarFile(name string, c calendar.Calendar) (response, error) {
	body, err := c.Bytes()
	return subscription{name: name, contentType: "text/calendar; charset=utf-8", body: body}, err
}

// usualLength is how long something takes of which nobody said.
const usualLength = 30 * time.Minute

// followUpEvent is a follow-up in a calendar: its day, or half an hour from its moment on.
func (s *Server) followUpEvent(v *visit, f crm.Dated[crm.FollowUp]) calendar.Event {
	r := f.Record
	e := s.event(r.ID, paths.FollowUp(r.ID), r.Version, f.ModifiedAt)
	e.Summary = r.Title
	e.Day, e.Start, e.Length = string(r.Due.Day), r.Due.At, usualLength
	e.Description = lines(about(v, r.OrganizationName, r.ContactName), e.URL)
	return e
}

// talkEvent is a meeting or a call in a calendar. Its text stays where it is.
func (s *Server) talkEvent(v *visit, i crm.Dated[crm.Interaction]) calendar.Event {
	r := i.Record
	e := s.event(r.ID, paths.Interaction(r.ID), r.Version, i.ModifiedAt)
	e.Summary, e.Start, e.Length = r.Subject, r.HappenedAt, usualLength
	if r.DurationMinutes != nil {
		e.Length = time.Duration(*r.DurationMinutes) * time.Minute
	}
	names := []string{r.OrganizationName, r.ContactName}
	for _, a := range r.Attendees {
		names = append(names, a.Name)
	}
	e.Description = lines(about(v, names...), e.URL)
	return e
}

// event has what all events have: an id that no other program's has, and the same for ever.
func (s *Server) event(id uuid.UUID, path string, version int, modified time.Time) calendar.Event {
	return calendar.Event{UID: id.String() + "@" + s.host(), URL: s.BaseURL + path, Sequence: version, Modified: modified}
}

// host is the name under which people open the product.
func (s *Server) host() string {
	if u, err := url.Parse(s.BaseURL); err == nil && u.Hostname() != "" {
		return u.Hostname()
	}
	return "localhost"
}

// about says with whom something is, "" where the reader may see nobody.
func about(v *visit, names ...string) string {
	var seen []string
	for _, name := range names {
		if name != "" {
			seen = append(seen, name)
		}
	}
	if len(seen) == 0 {
		return ""
	}
	return v.t("With %s", strings.Join(seen, ", "))
}

// lines are the texts that are not empty, one below the other.
func lines(texts ...string) string {
	var kept []string
	for _, t := range texts {
		if t != "" {
			kept = append(kept, t)
		}
	}
	return strings.Join(kept, "\n")
}

// serveSubscription writes a file with a name for its content, or 304 to who has that already. The name is a weak one:
// a proxy may compress the file.
func serveSubscription(w http.ResponseWriter, r *http.Request, d subscription) {
	sum := sha256.Sum256(d.body)
	tag := `W/"` + hex.EncodeToString(sum[:16]) + `"`
	h := w.Header()
	h.Set("ETag", tag)
	h.Set("Cache-Control", "private, no-cache")
	if has(r.Header.Values("If-None-Match"), tag) {
		w.WriteHeader(http.StatusNotModified)
		return
	}
	h.Set("Content-Type", d.contentType)
	h.Set("Content-Length", strconv.Itoa(len(d.body)))
	if d.name != "" {
		h.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
	}
	_, _ = w.Write(d.body) // the client may be gone
}

// has reports whether an If-None-Match names tag, or anything.
func has(given []string, tag string) bool {
	weak := func(t string) string { return strings.TrimPrefix(strings.TrimSpace(t), "W/") }
	for _, list := range given {
		for t := range strings.SplitSeq(list, ",") {
			if weak(t) == weak(tag) || strings.TrimSpace(t) == "*" {
				return true
			}
		}
	}
	return false
}
