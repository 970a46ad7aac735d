package web

import (
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// visit is one request as a handler sees it: who asks, for what, with the store bound to them.
type visit struct {
	actor  authz.Actor
	half   authz.Actor // who owes the second factor, on the pages for them
	store  *postgres.Store
	origin postgres.Origin
	page   templates.Page
	query  url.Values  // of the address, made storable
	form   url.Values  // of the body, made storable; never merged with the query
	faults crm.Invalid // fields whose bytes could not be stored as sent
	params func(string) string
	now    time.Time

	referrer *url.URL // the page of this site that led here, nil for none

	piece bool // a script asks for what stands in a part of the page, not for a page to go back to

	sendsMail bool // whether mail is sent at all

	proof postgres.Proof // with half: what the half session was opened with
}

// newVisit reads a request; body has been parsed already.
func (s *Server) newVisit(r *http.Request) *visit {
	h := held(r.Context())
	v := &visit{
		actor: h.actor, half: h.half, origin: h.origin, store: s.DB.As(h.actor, h.origin), now: s.Now(), faults: crm.Invalid{},
		query: storable(r.URL.Query(), nil), params: func(name string) string { return chi.URLParam(r, name) },
	}
	v.form = storable(r.PostForm, v.faults)
	v.referrer = referrer(r)
	v.piece = partial(r) && r.Header.Get("HX-History-Restore-Request") != "true"
	v.proof, v.sendsMail = h.proof, s.DB.SendsMail()
	v.page = s.newPage(r, h.actor)
	for name, values := range v.form {
		for i := range values {
			values[i] = v.page.Stored(name, values[i])
		}
	}
	v.page.Flash, v.page.Pins, v.page.Unread = s.flash(r.Context()), h.pins, h.unread
	return v
}

// newPage fills what all pages share.
func (s *Server) newPage(r *http.Request, a authz.Actor) templates.Page {
	p := templates.Page{
		L: l10n.New(l10n.Zone(a.Zone, s.Zone), s.Now()).In(l10n.Match(a.Language, r.Header.Get("Accept-Language"))), Firm: s.Firm, UserName: a.Name, Theme: a.Theme, Density: a.Density, KeysOff: a.KeysOff, CurrentPath: r.URL.RequestURI(), Partial: partial(r),
		CanViewClients: a.May(authz.ViewClient), CanEditClients: a.Missing(authz.ViewClient, authz.EditClient) == "",
		CanViewInteractions: a.May(authz.ViewInteraction), SeesLastContact: a.SeesLastContact(), CanEditInteractions: a.May(authz.EditInteraction),
		CanManageUsers: a.May(authz.ManageUsers), CanViewAudit: a.May(authz.ViewAudit),
		CanImport: a.May(authz.ImportClient), CanExport: a.May(authz.ExportClient),
	}
	if a.SignedIn() {
		p.UserID = a.UserID.String()
	}
	return p
}

// partial reports whether the script of one of our pages asks, which has all of a page but its main part.
func partial(r *http.Request) bool { return r.Header.Get("HX-Request") == "true" }

// shown returns the path and query of the page that was asked from, as a script or else the browser says it; the start page
// where neither does.
func shown(r *http.Request) string {
	for _, from := range []string{r.Header.Get("HX-Current-URL"), r.Referer()} {
		if u, err := url.Parse(from); err == nil && u.Host == r.Host && strings.HasPrefix(u.Path, "/") && !strings.HasPrefix(u.Path, "//") {
			return u.RequestURI()
		}
	}
	return paths.Home
}

// storable makes every value valid text without NUL. What it had to change is a fault of that field.
func storable(values url.Values, faults crm.Invalid) url.Values {
	out := make(url.Values, len(values))
	for name, list := range values {
		if !crm.Storable(name) {
			continue // no field of ours has such a name
		}
		for _, v := range list {
			if !crm.Storable(v) {
				v = strings.ReplaceAll(strings.ToValidUTF8(v, "\uFFFD"), "\x00", "\uFFFD")
				if faults != nil {
					faults.Add(name, "This text has characters that cannot be stored.")
				}
			}
			out[name] = append(out[name], v)
		}
	}
	return out
}

// t returns a sentence in the visitor's language.
func (v *visit) t(text string, args ...any) string { return v.page.T(text, args...) }

// id returns the record that the path names; anything that is no id is simply not found.
func (v *visit) id(name string) (uuid.UUID, error) {
	id, err := uuid.Parse(v.params(name))
	if err != nil || len(v.params(name)) != 36 {
		return uuid.Nil, crm.ErrNotFound
	}
	return id, nil
}

// reference returns the record that an optional field names; a malformed one is a fault of the field.
func (v *visit) reference(field, sentence string) uuid.NullUUID {
	text := strings.TrimSpace(v.form.Get(field))
	if text == "" {
		return uuid.NullUUID{}
	}
	id, err := uuid.Parse(text)
	if err != nil {
		v.faults.Add(field, sentence)
		return uuid.NullUUID{}
	}
	return uuid.NullUUID{UUID: id, Valid: true}
}

// version returns the version a form was read at; a form without one is at fault, since a save of it could
// undo somebody's work unseen.
func (v *visit) version() int {
	n, err := strconv.ParseInt(strings.TrimSpace(v.form.Get("version")), 10, 32)
	if err != nil || n < 1 {
		v.faults.Add("version", "This form has lost its version: reload the page and enter your change again.")
		return 0
	}
	return int(n)
}

// token returns the form's token, none when it carries none or a malformed one.
func (v *visit) token() uuid.NullUUID {
	id, err := uuid.Parse(v.form.Get("form_token"))
	return uuid.NullUUID{UUID: id, Valid: err == nil}
}

// formToken returns the token that a create form carries: the one it came with, or a fresh one.
func (v *visit) formToken() string {
	if t := v.token(); t.Valid {
		return t.UUID.String()
	}
	return uuid.NewString()
}

// typed returns the named fields as they were sent.
func (v *visit) typed(fields ...string) map[string]string {
	values := make(map[string]string, len(fields))
	for _, f := range fields {
		values[f] = v.form.Get(f)
	}
	return values
}

// zone returns the visitor's time zone.
func (v *visit) zone() *time.Location { return v.page.L.Zone() }

// save runs a write and turns what comes back into a response: the form again when something is wrong with
// it, a flash when nothing changed, otherwise what done makes of it. Other errors pass.
func (v *visit) save(do func() (postgres.Saved, error), again func(crm.Invalid) (response, error), back string, done func(postgres.Saved) response) (response, error) {
	if len(v.faults) > 0 {
		return again(v.faults)
	}
	result, err := do()
	var invalid crm.Invalid
	switch {
	case errors.As(err, &invalid):
		return again(invalid)
	case errors.Is(err, crm.ErrUnchanged):
		return redirect{to: back, flash: templates.Flash{Text: v.t("Nothing changed")}}, nil
	case err != nil:
		return nil, err
	}
	return done(result), nil
}
