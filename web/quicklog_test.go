package web_test

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/internal/quicklog"
	"github.com/archpilot/crm/web"
)

// friday is the moment of these tests, in Rome.
var friday = time.Date(2026, 11, 27, 9, 20, 0, 0, time.UTC)

// lines is a site where it is Friday in Rome, with two firms called Acme, an Anna at each, and one who is at none.
type lines struct {
	*site
	steel, holding, rossi, verdi, alone uuid.UUID
	owner                               *browser // reaches Acme Steel and Anna Rossi only
}

func newLines(t *testing.T) *lines {
	t.Helper()
	rome, err := time.LoadLocation("Europe/Rome")
	fatal(t, err)
	l := &lines{site: newSite(t, func(o *web.Options) { o.Zone, o.Now = rome, func() time.Time { return friday } })}
	l.owner = l.as(t, "owner", uuid.NullUUID{}, postgrestest.Role(t, l.db, "own", authz.ViewClient, authz.ViewInteraction, authz.EditInteraction))
	l.steel = postgrestest.Organization(t, l.db, "Acme Steel", postgrestest.ID(l.owner.user.ID))
	l.holding = postgrestest.Organization(t, l.db, "Acme Holding", uuid.NullUUID{})
	l.rossi = postgrestest.Contact(t, l.db, "Anna", "Rossi", uuid.NullUUID{})
	l.verdi = postgrestest.Contact(t, l.db, "Anna", "Verdi", uuid.NullUUID{})
	l.alone = postgrestest.Contact(t, l.db, "Otto", "Alone", uuid.NullUUID{})
	for organization, contact := range map[uuid.UUID]uuid.UUID{l.steel: l.rossi, l.holding: l.verdi} {
		_, err := postgrestest.System(l.db).LinkContact(context.Background(), crm.Relationship{OrganizationID: organization, ContactID: contact, RoleLabel: "CFO"}, uuid.NullUUID{})
		fatal(t, err)
	}
	return l
}

func (b *browser) line(text string) *answer {
	b.t.Helper()
	return b.get(paths.LogLine(text)).wants(http.StatusOK)
}

// fields returns what the form on a page would send: name, value, name, value…
func (a *answer) fields() []string {
	a.b.t.Helper()
	var fields []string
	for _, f := range a.doc.Find("#log input, #log textarea, #log select").EachIter() {
		value := f.AttrOr("value", "")
		switch {
		case f.Is("[type=radio], [type=checkbox]") && !f.Is("[checked]"):
			continue
		case f.Is("textarea"):
			value = f.Text()
		case f.Is("select"):
			value = f.Find("option[selected]").AttrOr("value", "")
		}
		fields = append(fields, f.AttrOr("name", ""), value)
	}
	return fields
}

// field is one of them.
func field(fields []string, name string) string {
	for i := 0; i < len(fields); i += 2 {
		if fields[i] == name {
			return fields[i+1]
		}
	}
	return "(none)"
}

// with returns the fields with some replaced.
func with(fields []string, changes ...string) []string {
	fields = slices.Clone(fields)
	for c := 0; c < len(changes); c += 2 {
		for i := 0; i < len(fields); i += 2 {
			if fields[i] == changes[c] {
				fields[i+1] = changes[c+1]
			}
		}
	}
	return fields
}

// choice is whom the form has chosen, by name, and who else is offered.
func (a *answer) choice(name string) string {
	a.b.t.Helper()
	var all []string
	for _, label := range a.doc.Find("#f-" + name + " label").EachIter() {
		text := strings.Join(strings.Fields(label.Text()), " ")
		if label.Find("[checked]").Length() > 0 {
			text = "*" + text
		}
		all = append(all, text)
	}
	return strings.Join(all, "; ")
}

func TestALineIsLoggedByTwoRequests(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b := l.role(t, "manager")
	before := business(t, l.site)
	a := b.line("call anna rossi @acme steel 15m yesterday 15:00: renewal agreed #held >fri send contract")
	if after := business(t, l.site); after != before {
		t.Errorf("a GET wrote something:\n%s\n%s", before, after)
	}
	form := a.fields()
	for name, want := range map[string]string{
		"organization_id": l.steel.String(), "contact_id": l.rossi.String(), "channel": "call", "subject": "renewal agreed", "outcome": "held", "happened_at": "2026-11-26T15:00",
	} {
		if got := field(form, name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if a.doc.Find("#f-subject[autofocus]").Length() != 1 {
		t.Error("the caret is not in the subject, from where Enter saves")
	}
	done := b.post(paths.QuickLog, form...).wants(http.StatusSeeOther)
	if done.to() != paths.Organization(l.steel) {
		t.Errorf("led to %s", done.to())
	}
	done.follow().has("Interaction logged.").has("Undo").has("renewal agreed")
	got := query[string](t, l.site, `SELECT concat_ws('|', channel, subject, outcome, to_char(happened_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI'), organization_id = $1, contact_id = $2, user_id = $3) FROM interactions`, l.steel, l.rossi, b.user.ID)
	if want := "call|renewal agreed|held|2026-11-26 14:00|t|t|t"; got != want {
		t.Errorf("saved is %s, want %s", got, want)
	}
	if field(form, "duration_minutes") != "(none)" {
		if n := query[int](t, l.site, `SELECT (to_jsonb(i)->>'duration_minutes')::int FROM interactions i`); n != 15 {
			t.Errorf("it took %d minutes, want 15", n)
		}
	}
	if field(form, "next_title") != "(none)" {
		if got := query[string](t, l.site, `SELECT title || ' ' || due_on FROM follow_ups`); got != "send contract 2026-12-04" {
			t.Errorf("the next step is %q", got)
		}
	}
	b.post(paths.QuickLog, form...).wants(http.StatusSeeOther) // the same form again
	if n := query[int](t, l.site, `SELECT count(*) FROM interactions`); n != 1 {
		t.Errorf("%d interactions, want 1", n)
	}
}

// Nothing of a line is lost, also where the form has no field for it.
func TestEveryWordOfALineIsInTheForm(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b := l.role(t, "manager")
	for text, words := range map[string]string{
		"call in anna rossi @acme steel 15m: renewal 25:00 #held >fri send contract": "renewal 25:00 held send contract",
		"call nobodyhere @nowhere: renewal":                                          "nobodyhere @nowhere: renewal",
		"call anna rossi @\"no where\" 99:99: renewal":                               "@no where: renewal 99:99",
		"riunione @acme steel 🦄 \u200fمرحبا: ciao":                                   "🦄 \u200fمرحبا ciao",
	} {
		form := b.line(text).fields()
		all := strings.Join(form, " ")
		for _, word := range strings.Fields(words) {
			if !strings.Contains(all, word) {
				t.Errorf("%q: %q is not in the form: %q", text, word, form)
			}
		}
	}
	a := b.line("call nobodyhere @acme steel: renewal")
	if got := field(a.fields(), "subject"); got != "nobodyhere: renewal" {
		t.Errorf("the subject is %q", got)
	}
	a.has("Nobody within your reach is called “nobodyhere”")
}

func TestNamesAreChosenWhereTheyAreClear(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b := l.role(t, "manager")
	steel, holding, none, nobody := "Acme Steel owner", "Acme Holding", "No organization", "No contact"
	rossi, verdi := "Anna Rossi CFO · Acme Steel", "Anna Verdi CFO · Acme Holding"
	for _, c := range []struct{ line, organization, contact string }{
		{"call @acme steel: x", "*" + steel + "; " + none, ""},
		{"call @acme: x", holding + "; " + steel + "; *" + none, ""},
		{"call anna rossi @acme: x", holding + "; *" + steel + "; " + none, "*" + rossi + "; " + nobody},
		{"call anna @acme steel: x", "*" + steel + "; " + none, "*" + rossi + "; " + verdi + "; " + nobody},
		{"call anna @acme: x", holding + "; " + steel + "; *" + none, verdi + "; " + rossi + "; *" + nobody},
		{"call anna: x", "", rossi + "; " + verdi + "; *" + nobody},
		{"call anna rossi: x", "", "*" + rossi + "; " + nobody},
		{"call ana rosi @acme steel: x", "*" + steel + "; " + none, "*" + rossi + "; " + nobody}, // typed in haste
		{"call acme steel: x", "*" + steel + "; " + none, ""},
		{"call otto @acme steel: x", "*" + steel + "; " + none, "*Otto Alone; " + nobody}, // the only one, wherever
		{"call anna zzzzz: x", "", "Anna Rossi; Anna Verdi; *" + nobody},                  // alike, but for more than a slip
		{"note: x", "", ""},
	} {
		a := b.line(c.line)
		if got := a.choice("organization_id"); got != c.organization {
			t.Errorf("%s: the organizations are %q, want %q", c.line, got, c.organization)
		}
		if got := a.choice("contact_id"); got != c.contact {
			t.Errorf("%s: the contacts are %q, want %q", c.line, got, c.contact)
		}
		if n := a.doc.Find("[autofocus]").Length(); n != 1 {
			t.Errorf("%s: %d elements want the caret", c.line, n)
		}
	}
	_, err := postgrestest.System(l.db).SetOrganizationActive(context.Background(), l.steel, false)
	fatal(t, err)
	if got := b.line("call @acme steel: x").choice("organization_id"); got != "Acme Steel Archived · owner; *"+none {
		t.Errorf("an archived one: %q", got)
	}
}

// Who is out of reach is never offered, and cannot be told from who does not exist.
func TestNamesOutOfReach(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	same := func(what string, a, b *answer, names ...string) {
		t.Helper()
		one, other := strings.NewReplacer(names[0], "NAME", url.QueryEscape(names[0]), "NAME"), strings.NewReplacer(names[1], "NAME", url.QueryEscape(names[1]), "NAME")
		if x, y := one.Replace(withoutTokens(a)), other.Replace(withoutTokens(b)); x != y {
			t.Errorf("%s: the pages differ:\n%s", what, cmp.Diff(strings.Split(x, ">"), strings.Split(y, ">")))
		}
	}
	postgrestest.Organization(t, l.db, "Holding Mill", uuid.NullUUID{})
	for _, names := range [][]string{{"", "otto alone", "ugge blank"}, {"@", "holding mill", "folding bill"}, {"anna @", "holding mill", "folding bill"}} {
		sign := names[0]
		names = names[1:]
		exists, missing := l.owner.line("call "+sign+names[0]+": hello"), l.owner.line("call "+sign+names[1]+": hello")
		same(names[0], exists, missing, names...)
		for _, secret := range []string{"Verdi", "Holding", "Otto", "Alone", l.verdi.String(), l.holding.String(), l.alone.String()} {
			exists.lacks(secret)
		}
		form := l.owner.line("call: hello").fields()
		found := l.owner.post(paths.QuickLog, with(form, "client", sign+names[0])...).wants(http.StatusUnprocessableEntity)
		lost := l.owner.post(paths.QuickLog, with(form, "client", sign+names[1])...).wants(http.StatusUnprocessableEntity)
		same("looking for "+names[0], found, lost, names...)
	}
	form := l.owner.line("call @acme steel: hello").fields()
	for name, ids := range map[string][]string{"organization_id": {l.holding.String(), uuid.NewString()}, "contact_id": {l.verdi.String(), uuid.NewString()}} {
		var pages []*answer
		for _, id := range ids {
			fields := append(slices.Clone(form), name, id)
			fields = with(fields, name, id)
			a := l.owner.post(paths.QuickLog, fields...).wants(http.StatusUnprocessableEntity).lacks("Verdi").lacks("Holding")
			pages = append(pages, a)
		}
		same(name, pages[0], pages[1], ids...)
	}
	if n := query[int](t, l.site, `SELECT count(*) FROM interactions`); n != 0 {
		t.Errorf("%d interactions were logged", n)
	}
}

// withoutTokens is a page without what differs each time.
func withoutTokens(a *answer) string {
	a.doc.Find(`[name="form_token"]`).Remove()
	html, _ := a.doc.Html()
	return html
}

func TestALineIsRefusedAsTyped(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b := l.role(t, "manager")
	form := b.line("meeting @acme: kick-off").fields()
	a := b.post(paths.QuickLog, with(form, "body", "agreed")...).wants(http.StatusUnprocessableEntity).has("Say which client it was with")
	if field(a.fields(), "body") != "agreed" || field(a.fields(), "subject") != "kick-off" || field(a.fields(), "channel") != "meeting" || a.choice("organization_id") != "Acme Holding; Acme Steel owner; *No organization" {
		t.Errorf("came back as %q", a.fields())
	}
	a = b.post(paths.QuickLog, with(form, "subject", "", "organization_id", l.steel.String())...).wants(http.StatusUnprocessableEntity).has("Enter what it was about.")
	if a.choice("organization_id") != "Acme Holding; *Acme Steel owner; No organization" {
		t.Errorf("the choice came back as %q", a.choice("organization_id"))
	}
	// another client is looked for in the same form, and then chosen in it
	a = b.post(paths.QuickLog, with(form, "client", "otto", "body", "agreed")...).wants(http.StatusUnprocessableEntity).has("Choose among those called so")
	if a.choice("contact_id") != "*Otto Alone; No contact" || field(a.fields(), "body") != "agreed" {
		t.Errorf("looked for came back as %q", a.fields())
	}
	b.post(paths.QuickLog, with(form, "client", "zzzz")...).wants(http.StatusUnprocessableEntity).has("Nobody within your reach is called so.")
	b.post(paths.QuickLog, with(form, "client", "anna @acme steel")...).wants(http.StatusUnprocessableEntity).has("Anna Rossi")
	done := b.post(paths.QuickLog, a.fields()...).wants(http.StatusSeeOther)
	if done.to() != paths.Contact(l.alone) {
		t.Errorf("led to %s", done.to())
	}
	// a form of one's own, without the line that filled it
	b.post(paths.QuickLog, "channel", "call", "subject", "By hand", "organization_id", l.holding.String()).wants(http.StatusSeeOther)
	b.post(paths.QuickLog, "channel", "call", "subject", "", "organization_id", l.holding.String()).wants(http.StatusUnprocessableEntity).has("Acme Holding")
	if n := query[int](t, l.site, `SELECT count(*) FROM interactions`); n != 2 {
		t.Errorf("%d interactions, want 2", n)
	}
}

func TestNastyLines(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b := l.role(t, "manager")
	xss := `"><script>alert(1)</script><img src=x onerror=alert(1)>`
	for _, text := range []string{
		"call " + xss + " @" + xss + ": " + xss + " #" + xss + " >fri " + xss, `call @"` + xss + `": x`, strings.Repeat("x", 10_000), "call anna: " + strings.Repeat("é", 1500), "call anna: " + strings.Repeat("word ", 2000), "call a\x00b: \x00", "call \xff\xfe @\xc0: \xff",
		"call \u202eanna\u202c: \u200f\u200bhello", "🦄 🦄 @🦄: 🦄 #🦄 >🦄", "call @' OR 1=1 --: '; DROP TABLE users; --", ": : :", "@", "#", ">", `"`, "call 99999999999999999999m @%: _", "{{7*7}} ${x}",
	} {
		a := b.line(text)
		a.lacks("<script>alert").lacks("<img src=x")
		b.post(paths.QuickLog, a.fields()...) // whatever it is, an answer
		saved := with(a.fields(), "organization_id", l.steel.String(), "client", "", "subject", "s", "outcome", "o")
		if field(saved, "organization_id") == "(none)" {
			saved = append(saved, "organization_id", l.steel.String())
		}
		if got := b.post(paths.QuickLog, saved...); got.status != http.StatusSeeOther {
			t.Errorf("%.60q: status %d\n%.500s", text, got.status, got.text())
		}
	}
}

func TestALineSurvivesTheSignIn(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	text := `call anna @"acme steel" 15m: 50% & more? #held >fri send`
	b := l.browser(t)
	a := b.get(paths.LogLine(text)).follow()
	user := l.role(t, "manager").user
	to := b.post("/login", "email", user.Email, "password", testPassword, "next", a.value("next")).wants(http.StatusSeeOther).to()
	if got := b.get(to).wants(http.StatusOK).value("text"); got != text {
		t.Errorf("the line came back as %q from %s", got, to)
	}
}

func TestWaysToTheLine(t *testing.T) {
	t.Parallel()
	l := newLines(t)
	b, viewer := l.role(t, "manager"), l.role(t, "viewer")
	for path, want := range map[string]int{paths.Home: 1, paths.QuickLog: 1, paths.Search + "?q=call+anna": 0} {
		if n := b.get(path).doc.Find(`main form[method="get"][action="/log"] input[name="text"]`).Length(); n != want {
			t.Errorf("%s has %d boxes for a line, want %d", path, n, want)
		}
	}
	viewer.get(paths.Home).lacks(`action="/log"`)
	text := "call anna @acme steel: " + strings.Repeat("long ", 60) + "end"
	link := b.get(paths.Search+"?q="+url.QueryEscape(text)).has("Log this: call anna").doc.Find(`main a[href^="/log?"]`).AttrOr("href", "")
	if got := b.get(link).wants(http.StatusOK).value("text"); got != text {
		t.Errorf("the link leads to %q", got)
	}
	for _, q := range []string{"anna", "call", "note", "acme steel", "anna@acme.example"} {
		b.get(paths.Search + "?q=" + url.QueryEscape(q)).lacks("Log this")
	}
	viewer.get(paths.Search + "?q=call+anna").lacks("Log this")
	help := b.get(paths.QuickLogHelp).wants(http.StatusOK)
	shown := help.doc.Find("code").Map(func(_ int, code *goquery.Selection) string { return code.Text() })
	for _, e := range quicklog.Examples {
		if !slices.Contains(shown, e.Text) {
			t.Errorf("help does not show %q", e.Text)
		}
	}
	start := b.get(paths.QuickLog).wants(http.StatusOK)
	if n := start.doc.Find(`a[href="` + paths.QuickLogHelp + `"]`).Length(); n == 0 {
		t.Error("nothing leads to the help")
	}
	if n := start.doc.Find(`a[href^="/log?text="]`).Length(); n != 3 {
		t.Errorf("%d examples, want 3", n)
	}
}
