package templates

import (
	"slices"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
)

func render(t *testing.T, page templ.Component) *goquery.Document {
	t.Helper()
	var b strings.Builder
	if err := page.Render(t.Context(), &b); err != nil {
		t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(b.String()))
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

// Every page obeys the rules of the house: what the content security policy forbids, what a screen
// reader needs, what works without a script.
func TestPagesObeyTheRules(t *testing.T) {
	t.Parallel()
	for name, page := range samples() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			doc := render(t, page)
			checkDocument(t, doc)
			checkForms(t, doc)
			checkControls(t, doc)
			checkReferences(t, doc)
		})
	}
}

func checkDocument(t *testing.T, doc *goquery.Document) {
	t.Helper()
	if n := doc.Find("h1").Length(); n != 1 {
		t.Errorf("%d h1, want 1", n)
	}
	if n := doc.Find("main").Length(); n != 1 {
		t.Errorf("%d main, want 1", n)
	}
	if strings.TrimSpace(doc.Find("title").Text()) == "" {
		t.Error("no title")
	}
	if lang, _ := doc.Find("html").Attr("lang"); lang == "" {
		t.Error("no language")
	}
	none := map[string]string{
		"inline style":            "[style], style",
		"inline script":           "script:not([src]), [onclick], [onsubmit], [onchange], [onload]",
		"formaction":              "[formaction]",
		"second autofocus":        "[autofocus] ~ [autofocus]",
		"nested interactive":      "a a, a button, button a, label a, summary a, a input",
		"table without caption":   "table:not(:has(caption))",
		"head cell without scope": "th:not([scope])",
		"picture without words":   "svg:not([aria-hidden]):not([role=img][aria-labelledby]:has(> title):has(> desc))",
		"list role lost":          "ul[class]:not([role])",
	}
	for what, selector := range none {
		if found := doc.Find(selector); found.Length() > 0 {
			html, _ := goquery.OuterHtml(found.First())
			t.Errorf("%s: %s", what, html)
		}
	}
	if n := doc.Find("[autofocus]").Length(); n > 1 {
		t.Errorf("%d elements want the focus", n)
	}
	doc.Find("[src], link[href]").Each(func(_ int, s *goquery.Selection) {
		if url := s.AttrOr("src", s.AttrOr("href", "")); !strings.HasPrefix(url, "/static/") && url != paths.MFAPicture {
			t.Errorf("asset from elsewhere: %s", url)
		}
	})
	checkHeadings(t, doc)
}

// checkHeadings refuses a jump from h1 to h3.
func checkHeadings(t *testing.T, doc *goquery.Document) {
	t.Helper()
	level := 0
	doc.Find("h1, h2, h3, h4").Each(func(_ int, s *goquery.Selection) {
		next := int(goquery.NodeName(s)[1] - '0')
		if next > level+1 {
			t.Errorf("heading %q jumps from level %d to %d", strings.TrimSpace(s.Text()), level, next)
		}
		level = next
	})
}

func checkForms(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("form").Not(`dialog form[method="dialog"]`).Each(func(_ int, form *goquery.Selection) {
		html, _ := goquery.OuterHtml(form)
		if _, has := form.Attr("action"); !has {
			t.Errorf("form without action: %s", html)
		}
		if method := form.AttrOr("method", ""); method != "post" && method != "get" {
			t.Errorf("form with method %q", method)
		}
		if form.AttrOr("method", "") == "post" && form.Find("button[type=submit]").Length() == 0 {
			t.Errorf("form without a button: %s", html)
		}
	})
	// A button that no form has is of use to a script alone: it is not there without one.
	if stray := doc.Find("button").Not("form button, dialog button, template button, button.only-script, button[hidden]"); stray.Length() > 0 {
		t.Error("button outside a form")
	}
}

func checkControls(t *testing.T, doc *goquery.Document) {
	t.Helper()
	doc.Find("input:not([type=hidden]), select, textarea").Each(func(_ int, control *goquery.Selection) {
		id := control.AttrOr("id", "")
		labelled := control.AttrOr("aria-label", "") != "" || control.Closest("label").Length() > 0 ||
			id != "" && doc.Find(`label[for="`+id+`"]`).Length() == 1
		if !labelled {
			html, _ := goquery.OuterHtml(control)
			t.Errorf("control without a label: %s", html)
		}
	})
	doc.Find("a, button, summary").Each(func(_ int, s *goquery.Selection) {
		if strings.TrimSpace(s.Text()) == "" && s.AttrOr("aria-label", "") == "" {
			html, _ := goquery.OuterHtml(s)
			t.Errorf("nothing to read aloud: %s", html)
		}
	})
}

// checkReferences wants every id once, and everything that names an id to find it.
func checkReferences(t *testing.T, doc *goquery.Document) {
	t.Helper()
	ids := map[string]int{}
	doc.Find("[id]").Each(func(_ int, s *goquery.Selection) { ids[s.AttrOr("id", "")]++ })
	for id, n := range ids {
		if n > 1 {
			t.Errorf("id %s stands %d times", id, n)
		}
	}
	doc.Find("[aria-describedby], [aria-labelledby], [for], [list], a[href^='#']").Each(func(_ int, s *goquery.Selection) {
		for _, name := range []string{"aria-describedby", "aria-labelledby", "for", "list", "href"} {
			for ref := range strings.FieldsSeq(s.AttrOr(name, "")) {
				if name == "href" && !strings.HasPrefix(ref, "#") {
					continue
				}
				if ref = strings.TrimPrefix(ref, "#"); ids[ref] == 0 {
					t.Errorf("%s=%s leads nowhere", name, ref)
				}
			}
		}
	})
}

// A page renders for someone who may see nothing, with structs nobody filled.
func TestPagesRenderEmpty(t *testing.T) {
	t.Parallel()
	p := zeroPage()
	pages := []templ.Component{
		Home(HomePage{Page: p}), Login(LoginPage{Page: p}), Account(AccountPage{Page: p}), Password(PasswordPage{Page: p}),
		Organizations(OrganizationsPage{Page: p}), Organization(OrganizationPage{Page: p}), OrganizationForm(OrganizationFormPage{Page: p}),
		Contacts(ContactsPage{Page: p}), Contact(ContactPage{Page: p}), ContactForm(ContactFormPage{Page: p}),
		Interactions(InteractionsPage{Page: p}), Interaction(InteractionPage{Page: p}), InteractionForm(InteractionFormPage{Page: p}),
		Log(LogPage{Page: p}), Candidates(CandidatesPage{Page: p}), Relationship(RelationshipPage{Page: p}), Conflict(ConflictPage{Page: p}),
		Search(SearchPage{Page: p}), History(HistoryPage{Page: p}), Change(ChangePage{Page: p}),
		Code(CodePage{Page: p}), SecondFactor(SecondFactorPage{Page: p}), RecoveryCodes(RecoveryCodesPage{Page: p}),
		Users(UsersPage{Page: p}), UserForm(UserFormPage{Page: p}), Secret(SecretPage{Page: p}), Roles(RolesPage{Page: p}), RoleForm(RoleFormPage{Page: p}),
		Teams(TeamsPage{Page: p}), TeamForm(TeamFormPage{Page: p}), Audit(AuditPage{Page: p}), Problem(ProblemPage{Page: p}),
	}
	for _, page := range pages {
		if n := render(t, page).Find("h1").Length(); n != 1 {
			t.Errorf("%d h1, want 1", n)
		}
	}
}

func TestRecordShowsOnlyWhatIsAllowed(t *testing.T) {
	t.Parallel()
	p := zeroPage()
	p.CanViewClients, p.UserName = true, "Vera"
	doc := render(t, Organization(OrganizationPage{Page: p, Organization: sampleOrganization, People: sampleRelationships(), Timeline: sampleTimeline(), Log: sampleLog()}))
	for _, selector := range []string{"#log", "#timeline-all", ".feed .ico[title]", "form[action$='/archive']", "a[href$='/edit']", "form[action$='/unlink']", "a[href*='/interactions']", "a[href^='/admin']"} {
		if doc.Find(selector).Length() > 0 {
			t.Errorf("%s is shown to a reader of clients", selector)
		}
	}
	if strings.Contains(doc.Text(), "Renewal") {
		t.Error("an interaction's text is shown without ViewInteraction")
	}
}

// An organization of a thousand people stays a page: the first fifty, and the way to all of them.
func TestManyPeopleLeadToTheirList(t *testing.T) {
	t.Parallel()
	few := sampleRelationships()[:1]
	for n, want := range map[int]int{1: 1, peopleShown: peopleShown, 200: peopleShown} {
		doc := render(t, Organization(OrganizationPage{Page: zeroPage(), Organization: sampleOrganization, People: slices.Repeat(few, n), Timeline: sampleTimeline(), Log: sampleLog()}))
		if got := doc.Find("#people ul > li").Length(); got != want {
			t.Errorf("%d of %d people", got, n)
		}
		if all := doc.Find("#people a[href='" + paths.ContactsOf(sampleOrganization.ID) + "']").Length(); (all == 1) != (n > peopleShown) {
			t.Errorf("of %d people %d links lead to all", n, all)
		}
	}
}

func TestInteractionWithoutNamesHasNoLinks(t *testing.T) {
	t.Parallel()
	i := sampleInteractions()[0]
	i.OrganizationName, i.ContactName = "", ""
	doc := render(t, Interaction(InteractionPage{Page: zeroPage(), Interaction: i}))
	if doc.Find("a[href^='/organizations'], a[href^='/contacts']").Length() > 0 {
		t.Error("an organization or contact is linked")
	}
}

func TestRefusedFormShowsWhatWasTyped(t *testing.T) {
	t.Parallel()
	doc := render(t, Log(LogPage{Page: samplePage(), Organization: &sampleOrganization, Log: refusedLog()}))
	if v := doc.Find("[name=happened_at]").AttrOr("value", ""); v != "tomorrow-ish" {
		t.Errorf("happened_at is %q", v)
	}
	if kind := doc.Find("[name=happened_at]").AttrOr("type", ""); kind != "text" {
		t.Errorf("a %s control hides a value it cannot read", kind)
	}
	if doc.Find("[name=channel][value=email][checked]").Length() != 1 {
		t.Error("the channel chosen is not checked")
	}
	if doc.Find("[name=subject][aria-invalid=true]").Length() != 1 || doc.Find("[role=alert] a[href='#f-subject']").Length() != 1 {
		t.Error("the bad subject is not marked and summarised")
	}
	if doc.Find("[name=form_token]").AttrOr("value", "") != "t0k3n" {
		t.Error("the form token is lost")
	}
}

func TestTypedTextNeverBecomesALink(t *testing.T) {
	t.Parallel()
	o, c := sampleOrganization, sampleContact
	o.Website, o.DisplayName = "javascript:alert(1)", "<script>alert(1)</script>"
	c.Phone, c.Email = "javascript:1", `x@y.example?subject="><script>`
	doc := render(t, Organization(OrganizationPage{Page: samplePage(), Organization: o}))
	if doc.Find("a[href^='javascript']").Length() > 0 || doc.Find("script:not([src])").Length() > 0 {
		t.Error("an organization's text runs")
	}
	doc = render(t, Contact(ContactPage{Page: samplePage(), Contact: c}))
	if doc.Find("a[href^='tel:']").AttrOr("href", "") != "tel:1" {
		t.Error("a phone number is not reduced to digits")
	}
	if href := doc.Find("a[href^='mailto:']").AttrOr("href", ""); strings.ContainsAny(href, `?"<`) {
		t.Errorf("an e-mail address adds to its link: %s", href)
	}
}

func TestConflictCarriesEveryField(t *testing.T) {
	t.Parallel()
	doc := render(t, samples()["organization-conflict"])
	form := doc.Find("form:has([name=version])")
	for _, name := range []string{"display_name", "legal_name", "sector", "owner_user_id"} {
		if form.Find("[name="+name+"]").Length() != 1 {
			t.Errorf("%s is not sent again exactly once", name)
		}
	}
	if !strings.Contains(doc.Text(), "Granvik Robotics Group") {
		t.Error("theirs is not shown")
	}
}

func TestFiltersKeepEachOther(t *testing.T) {
	t.Parallel()
	doc := render(t, Organizations(OrganizationsPage{Page: samplePage(), Query: Query{"q": "a b", "sector": "Food", "status": "archived"}}))
	chip := doc.Find(".chip a").First().AttrOr("href", "")
	if chip != "/organizations?sector=Food&status=archived" {
		t.Errorf("taking off the search leads to %s", chip)
	}
	if doc.Find(".tabs a[aria-current=page]").Text() != "Archived" {
		t.Error("the archived view is not marked")
	}
}

func TestEveryColumnHasALabel(t *testing.T) {
	t.Parallel()
	columns := append(append(append([]string{}, organizationFields...), contactFields...), logFields...)
	for _, column := range columns {
		if fieldLabel(zeroPage(), column) == column {
			t.Errorf("no label for %s", column)
		}
	}
}

func TestSummaryNamesFaultsInTheFormsOrder(t *testing.T) {
	t.Parallel()
	f := Form{Errors: crm.Invalid{"b": crm.Msg("B."), "a": crm.Msg("A."), "": crm.Msg("All.")}}
	faults := zeroPage().faults(f, "b", "a")
	if len(faults) != 3 || faults[0].Text != "B." || faults[1].Text != "A." || faults[2].ID != "" {
		t.Errorf("got %v", faults)
	}
}
