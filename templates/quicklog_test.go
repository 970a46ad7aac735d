package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/a-h/templ"
	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/quicklog"
)

func quickLogSamples() map[string]templ.Component {
	p := samplePage()
	text := "call anna @acme: renewal agreed"
	form := func(values map[string]string, errs crm.Invalid) LogForm {
		values["subject"] = "renewal agreed"
		return LogForm{Form: Form{Action: paths.QuickLog, Token: "t0k3n", Values: values, Errors: errs}}
	}
	firms := ClientChoice{Field: "organization_id", Options: []Candidate{{ID: id(1).String(), Name: "Acme Steel", Detail: "Metals · Giulia Marchetti"}, {ID: id(2).String(), Name: "Acme Holding"}}, More: true}
	people := ClientChoice{Field: "contact_id", Options: []Candidate{{ID: id(3).String(), Name: "Anna Rossi", Detail: "CFO · Acme Steel"}}, Similar: true}
	refused := form(map[string]string{"client": "zzz"}, crm.Invalid{"client": crm.Msg("Nobody within your reach is called so."), "subject": crm.Msg("Enter what it was about.")})
	return map[string]templ.Component{
		"quick-log-start":   QuickLog(QuickLogPage{Page: p}),
		"quick-log":         QuickLog(QuickLogPage{Page: p, Text: text, Log: form(map[string]string{"organization_id": id(1).String(), "contact_id": id(3).String()}, nil), Organizations: firms, Contacts: people}),
		"quick-log-open":    QuickLog(QuickLogPage{Page: p, Text: text, Log: LogForm{Form: form(map[string]string{}, nil).Form, Elsewhere: true}, Organizations: firms, Contacts: people}),
		"quick-log-nobody":  QuickLog(QuickLogPage{Page: p, Text: text, Log: LogForm{Form: form(map[string]string{}, nil).Form, Elsewhere: true}, Contacts: ClientChoice{Field: "contact_id", Missing: "anna"}}),
		"quick-log-refused": QuickLog(QuickLogPage{Page: p, Text: text, Log: refused}),
		"quick-log-chosen":  QuickLog(QuickLogPage{Page: p, Text: text, Log: form(map[string]string{"contact_id": "x"}, crm.Invalid{"contact_id": crm.Msg("There is no such contact.")}), Organizations: firms, Contacts: ClientChoice{Field: "contact_id"}}),
		"quick-log-help":    QuickLogHelp(QuickLogHelpPage{Page: p}),
		"search-log":        Search(SearchPage{Page: p, Query: text, LogText: text}),
	}
}

// Every field of a line has its place in the help.
func TestHelpShowsWhatIsRead(t *testing.T) {
	t.Parallel()
	doc := render(t, QuickLogHelp(QuickLogHelpPage{Page: samplePage()}))
	if got := doc.Find(".line-examples > li").Length(); got != len(quicklog.Examples) {
		t.Errorf("%d examples are shown, want %d", got, len(quicklog.Examples))
	}
	shown := doc.Find(".line-examples > li").First().Find("dl > div").Map(func(_ int, reading *goquery.Selection) string {
		return reading.Find("dt").Text() + "=" + reading.Find("dd").Text()
	})
	want := []string{"Channel=Call", "Contact=anna", "Organization=acme", "When=Thursday 26 November 2026, 15:00", "Duration=15 minutes", "Subject=renewal agreed", "Outcome=held", "Next step=send contract", "Due=Friday 4 December 2026"}
	if diff := cmp.Diff(want, shown); diff != "" {
		t.Errorf("the first example (-want +shown):\n%s", diff)
	}
}

// What the examples mean is said in the reader's words, and as it was written: not moved into their zone.
func TestHelpReadsTheExamplesInTheReadersLanguage(t *testing.T) {
	t.Parallel()
	zone, err := time.LoadLocation("America/New_York")
	if err != nil {
		t.Fatal(err)
	}
	p := samplePage()
	p.L = l10n.New(zone, now).In(l10n.Italian)
	doc := render(t, QuickLogHelp(QuickLogHelpPage{Page: p}))
	dates := strings.Join(doc.Find(".line-examples > li").First().Find("dd").Map(func(_ int, s *goquery.Selection) string { return s.Text() }), "|")
	if !strings.Contains(dates, "Giovedì 26 novembre 2026, 15:00") || !strings.Contains(dates, "Venerdì 4 dicembre 2026") {
		t.Errorf("the first example is read as %s", dates)
	}
	if got := doc.Find("main").Text(); !strings.Contains(got, "Lunedì 30 novembre 2026") || !strings.Contains(got, "tra sette giorni") {
		t.Error("the help does not part the next week from seven days")
	}
}

// A quick choice says which day it is, by the reader's calendar.
func TestQuickChoicesSayTheirDay(t *testing.T) {
	t.Parallel()
	p := samplePage()
	p.L = p.L.In(l10n.Italian)
	for _, o := range dueChoices(p) {
		if due := crm.DueIn(o.Value, p.clock()); !strings.HasSuffix(o.Label, " · "+p.L.WeekdayDate(due.Day.Start(time.UTC))) {
			t.Errorf("%s is called %q", o.Value, o.Label)
		}
	}
}
