// Package templates holds every page, as a function of one struct per page that embeds Page.
// A component reads nothing but its struct: permissions arrive as booleans, text goes through
// Page.T with the English sentence as the key.
package templates

import (
	"net/url"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates/ui"
)

// Page is what all pages share. Web makes one per request and every page struct embeds it.
type Page struct {
	L           *l10n.Localizer // never nil
	Title       string          // of the window; pages of a record set it to the record's name themselves when it is ""
	Firm        string          // the name shown beside the mark
	UserID      string          // who is signed in, "" on public pages
	UserName    string
	Theme       string // "light", "dark" or "" for the system's
	Density     string // "compact" or "" for comfortable
	KeysOff     bool   // single letters do nothing
	Flash       Flash
	CurrentPath string    // path and query of this page, local
	Pins        []crm.Pin // views in the reader's rail
	Unread      int       // notices in the reader's inbox
	InView      uuid.UUID // the saved view that this page shows, Nil for none
	Partial     bool      // asked for by a page of the site, which has the rest already

	// What the signed-in user may see and do; links and forms show accordingly.
	CanViewClients      bool
	CanEditClients      bool
	CanViewInteractions bool
	SeesLastContact     bool
	CanEditInteractions bool
	CanManageUsers      bool
	CanViewAudit        bool
	CanImport           bool
	CanExport           bool
}

// Flash says once what the last action did. The zero Flash shows nothing.
type Flash struct {
	Text     string // in the reader's language
	UndoPath string // a path to POST to, "" when there is nothing to take back
	Error    bool
}

// Option is one choice of a select: the value sent and the words shown.
type Option = ui.Option

// T returns text in the reader's language, with args filled in.
func (p Page) T(text string, args ...any) string { return p.L.T(text, args...) }

// M returns a message in the reader's language.
func (p Page) M(m crm.Message) string { return p.L.T(m.Text, m.Args...) }

// titled returns p with the window title set, unless web chose one.
func (p Page) titled(title string) Page {
	if p.Title == "" {
		p.Title = title
	}
	return p
}

func (p Page) windowTitle() string {
	if p.Title == "" || p.Firm == "" {
		return p.Title + p.Firm
	}
	return p.Title + " · " + p.Firm
}

func (p Page) theme() string {
	if p.Theme == "light" || p.Theme == "dark" {
		return p.Theme
	}
	return ""
}

// CanLog reports whether the user may log an interaction on a client.
func (p Page) CanLog() bool { return p.CanViewClients && p.CanEditInteractions }

func (p Page) canAdmin() bool { return p.CanManageUsers || p.CanViewAudit }

// admin is the first page of the administration that the user may open.
func (p Page) admin() string {
	if p.CanManageUsers {
		return paths.Users
	}
	return paths.Audit
}

func (p Page) toast() ui.Toast {
	here := p.CurrentPath
	if here == "" {
		here = paths.Home
	}
	return ui.Toast{
		Text: p.Flash.Text, Error: p.Flash.Error, UndoURL: p.Flash.UndoPath,
		Undo: p.T("Undo"), Close: p.T("Dismiss"), Here: here, Swap: p.Partial,
	}
}

// section is the part of the site that a page belongs to; the navigation marks it.
type section string

const (
	inHome          section = "home"
	inOrganizations section = "organizations"
	inContacts      section = "contacts"
	inInteractions  section = "interactions"
	inFollowUps     section = "follow-ups"
	inSearch        section = "search"
	inInbox         section = "inbox"
	inAccount       section = "account"
	inAdmin         section = "admin"
	inNone          section = ""
)

type navItem struct {
	section section
	icon    string
	label   string
	url     string
}

func (p Page) inbox() navItem { return navItem{inInbox, "inbox", p.T("Inbox"), paths.Inbox} }

// unreadCount is the number beside the inbox, "" for none.
func (p Page) unreadCount() string {
	switch {
	case p.Unread > crm.UnreadCap:
		return p.L.Number(crm.UnreadCap) + "+"
	case p.Unread > 0:
		return p.L.Number(p.Unread)
	}
	return ""
}

func (p Page) nav() []navItem {
	items := []navItem{{inHome, "home", p.T("Today"), paths.Home}, p.inbox()}
	if p.CanViewClients {
		items = append(items,
			navItem{inOrganizations, "building", p.T("Organizations"), paths.Organizations},
			navItem{inContacts, "people", p.T("Contacts"), paths.Contacts})
	}
	if p.CanViewInteractions {
		items = append(items, navItem{inInteractions, "talk", p.T("Interactions"), paths.Interactions}, p.followUpsNav())
	}
	return items
}

func (p Page) followUpsNav() navItem {
	return navItem{inFollowUps, "check", p.T("Follow-ups"), paths.FollowUps}
}

// moreNav is what the phone's bottom bar has no room for.
func (p Page) moreNav() []navItem {
	items := []navItem{{inSearch, "search", p.T("Search"), paths.Search}, p.inbox()}
	if p.CanViewInteractions {
		items = append(items, navItem{inInteractions, "talk", p.T("Interactions"), paths.Interactions}, p.followUpsNav())
	}
	if p.canAdmin() {
		items = append(items, navItem{inAdmin, "settings", p.T("Administration"), p.admin()})
	}
	return append(items, navItem{inAccount, "person", p.T("My account"), paths.Account})
}

// Query holds the parameters of a list as they were asked for, by name; missing ones are "".
// Places in the list (after, before) are not among them: any change of filter starts at the first page.
type Query map[string]string

// riding are the parameters that stay whatever filter is put on or taken off: the view that the list started from,
// and its columns.
var riding = []string{"base", "cols"}

// with is the address of the list at path with one parameter set, or taken off when value is "".
func (q Query) with(path, name, value string) string {
	values := url.Values{}
	for k, v := range q {
		values.Set(k, v)
	}
	values.Set(name, value)
	return paths.With(path, values)
}

// keep is the address of the list with these parameters only.
func (q Query) keep(path string, names ...string) string {
	values := url.Values{}
	for _, n := range append(names, riding...) {
		values.Set(n, q[n])
	}
	return paths.With(path, values)
}

// labelOf finds the words for a chosen value.
func labelOf(options []Option, value string) string {
	for _, o := range options {
		if o.Value == value {
			return o.Label
		}
	}
	return value
}

// telURL turns a phone number as typed into a tel: link, or "" when it has no digit.
func telURL(number string) string {
	digits := strings.Map(func(r rune) rune {
		if r >= '0' && r <= '9' || r == '+' {
			return r
		}
		return -1
	}, number)
	if strings.Trim(digits, "+") == "" {
		return ""
	}
	return "tel:" + digits
}

// mailURL turns an e-mail address into a mailto: link; a "?" or "&" in it would add headers.
func mailURL(address string) string { return "mailto:" + url.PathEscape(address) }

// excerpt is the beginning of a text: lists need no more, and a text may hold 50,000 characters.
func excerpt(s string) string {
	const limit = 280
	n := 0
	for i := range s {
		if n == limit {
			return strings.TrimSpace(s[:i]) + "…"
		}
		n++
	}
	return s
}
