package quicklog_test

import (
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/quicklog"
)

// parse is Parse without the parts, which say the same in other words.
func parse(text string, now time.Time) quicklog.Line {
	l := quicklog.Parse(text, now)
	l.Parts = nil
	return l
}

// What the help page shows is what happens.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, e := range quicklog.Examples {
		if diff := cmp.Diff(e.Want, parse(e.Text, quicklog.ExampleNow)); diff != "" {
			t.Errorf("%q (-want +got):\n%s", e.Text, diff)
		}
		if !slices.Contains(quicklog.Topics, e.Topic) {
			t.Errorf("%q is of topic %q, which help does not explain", e.Text, e.Topic)
		}
	}
}

func TestChannels(t *testing.T) {
	t.Parallel()
	for channel, words := range map[crm.Channel]string{
		crm.Call: "call called phone chiamata chiamato telefonata telefonato tel", crm.Meeting: "meeting met riunione incontro visto",
		crm.Email: "email mail mailed e-mail", crm.Note: "note nota",
	} {
		for _, w := range strings.Fields(words) {
			for _, written := range []string{w, strings.ToUpper(w), w + ".", w + ","} {
				if l := parse(written+" anna: hello", quicklog.ExampleNow); l.Channel != channel || l.Contact != "anna" || l.Subject != "hello" {
					t.Errorf("%s: %+v", written, l)
				}
			}
			if !slices.Contains(quicklog.Channels(channel), w) {
				t.Errorf("Channels(%s) lacks %s", channel, w)
			}
		}
	}
	if l := parse("called: hello", quicklog.ExampleNow); l.Channel != crm.Call || l.Subject != "hello" {
		t.Errorf("a channel alone: %+v", l)
	}
	if l := parse("anna call: hello", quicklog.ExampleNow); l.Channel != "" || l.Contact != "anna call" {
		t.Errorf("a channel that does not come first: %+v", l)
	}
}

func TestDurations(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]int{
		"15m": 15, "15min": 15, "15 min": 15, "15 minutes": 15, "15 minuti": 15, "15 m": 15, "15mins": 15, "90'": 90, "90’": 90, "90′": 90, "1440m": 1440,
		"1h": 60, "1H": 60, "1 h": 60, "1h30": 90, "1h30m": 90, "1h30min": 90, "1h 30m": 90, "1.5h": 90, "1,5h": 90, "0.25h": 15, "24h": 1440, "2 hours": 120, "2 ore": 120, "1 ora": 60, "una ora": 60, "un'ora": 60, "an hour": 60,
		"half an hour": 30, "half hour": 30, "mezz'ora": 30, "mezzora": 30, "mezza ora": 30, "Mezz’ora": 30, "un'ora e mezza": 90, "an hour and a half": 90, "1 ora e mezza": 90, "due ore e mezza": 150, "1 hour 20 minutes": 80, "1 ora e 20 minuti": 80,
		"un quarto d'ora": 15, "quarter of an hour": 15, "tre quarti d'ora": 45, "for 15m": 15, "per 20 minuti": 20, "two hours": 120,
	} {
		if l := parse("call anna "+text+": hello", quicklog.ExampleNow); l.Minutes != want || l.Contact != "anna" || l.Subject != "hello" || l.Body != "" {
			t.Errorf("%q: got %d minutes, want %d: %+v", text, l.Minutes, want, l)
		}
	}
	for _, text := range []string{"0m", "1441m", "25h", "99999h", "1e3h", "-5m", "+5m", ".h", "1.2.3h", "15mm", "h", "1h75", "NaNh", "Infh", "0x10m", "١٥m"} {
		if l := parse("call anna "+text+": hello", quicklog.ExampleNow); l.Minutes != 0 || !strings.Contains(l.Contact+" "+l.Body, text) {
			t.Errorf("%q is a duration, or lost: %+v", text, l)
		}
	}
	if l := parse("email anna 15m: hello", quicklog.ExampleNow); l.Minutes != 0 || l.Body != "15m" {
		t.Errorf("an e-mail takes no time: %+v", l)
	}
	if l := parse("call anna 15m 20m: hello", quicklog.ExampleNow); l.Minutes != 15 || l.Body != "20m" {
		t.Errorf("the second duration: %+v", l)
	}
}

func TestDirections(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]struct {
		quicklog.Direction
		contact string
	}{
		"call in anna": {quicklog.In, "anna"}, "call out anna": {quicklog.Out, "anna"}, "call from anna": {quicklog.In, "anna"}, "called to anna": {quicklog.Out, "anna"}, "call 15m from anna": {quicklog.In, "anna"},
		"email from anna": {quicklog.In, "anna"}, "chiamata entrante anna": {quicklog.In, "anna"}, "chiamata uscente anna": {quicklog.Out, "anna"}, "chiamata in entrata anna": {quicklog.In, "anna"},
		"chiamata da anna": {quicklog.In, "anna"}, "telefonata a anna": {quicklog.Out, "anna"}, "telefonato ad anna": {quicklog.Out, "anna"}, "mail da anna": {quicklog.In, "anna"}, "call incoming": {quicklog.In, ""},
		// ambiguous, or of no channel that has a direction
		"call a customer": {"", "a customer"}, "call da silva": {"", "da silva"}, "email a draft": {"", "a draft"}, "meeting in anna": {"", "in anna"}, "call anna in": {"", "anna in"}, "call anna from": {"", "anna from"}, "in anna": {"", "in anna"},
	} {
		if l := parse(text+": hello", quicklog.ExampleNow); l.Direction != want.Direction || l.Contact != want.contact {
			t.Errorf("%q: got %q with %q, want %q with %q", text, l.Direction, l.Contact, want.Direction, want.contact)
		}
	}
}

func TestOutcomes(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"#held": "held", "#won": "Closed won", "#lost": "Closed lost", "#perso": "Closed lost", "#no-answer": "No answer", "#noanswer": "No answer", `#"no answer"`: "No answer", "#“No Answer”": "No answer", "#non-risponde": "No answer",
		"#resolved": "Resolved", "#follow-up": "Follow-up scheduled", "#Follow-up_scheduled": "Follow-up scheduled", "#held,": "held", "#held.": "held", "#città": "città", `#"closed  won"`: "Closed won",
	} {
		for _, line := range []string{"call anna " + text + ": hello", "call anna: hello " + text, "call anna: " + text + " hello", "call anna: hello >call back " + text, "call " + text + " hello"} {
			if l := parse(line, quicklog.ExampleNow); l.Outcome != want || l.Subject != "hello" || l.Body != "" {
				t.Errorf("%q: %+v", line, l)
			}
		}
	}
	for _, text := range []string{"#1", "#", "# held", "C#", "x#held", `#""`, `#" "`, `"#held"`, "#-held", "#" + strings.Repeat("x", 81)} {
		if l := parse("call anna: hello "+text, quicklog.ExampleNow); l.Outcome != "" || l.Subject != "hello "+text {
			t.Errorf("%q is an outcome: %+v", text, l)
		}
	}
	for _, o := range crm.Outcomes {
		if l := parse(`call anna: hello #"`+o+`"`, quicklog.ExampleNow); l.Outcome != o {
			t.Errorf("%s became %s", o, l.Outcome)
		}
	}
}

func TestNamesAndText(t *testing.T) {
	t.Parallel()
	type read struct{ contact, organization, subject, body string }
	for text, want := range map[string]read{
		"":                                      {},
		"  \t\n ":                               {},
		"call":                                  {},
		"call anna":                             {subject: "anna"},
		"call anna:":                            {contact: "anna"},
		": hello":                               {subject: "hello"},
		"call :hello":                           {subject: "hello"},
		"anna@acme.example: hello":              {contact: "anna@acme.example", subject: "hello"},
		"call anna:hello":                       {contact: "anna", subject: "hello"},
		"call anna @acme:hello":                 {"anna", "acme", "hello", ""},
		"call anna: re: hello: you":             {contact: "anna", subject: "re: hello: you"},
		"note https://a.example/x: hello":       {contact: "https://a.example/x", subject: "hello"},
		"note 3:4 it stands":                    {subject: "3:4 it stands"},
		"call with anna @acme: hello":           {"anna", "acme", "hello", ""},
		"riunione con anna @acme: ciao":         {"anna", "acme", "ciao", ""},
		`call "anna maria" @acme: hello`:        {"anna maria", "acme", "hello", ""},
		`call @“acme holding” anna: hello`:      {"anna", "acme holding", "hello", ""},
		`call @«acme holding» anna hello`:       {"", "acme holding", "anna hello", ""},
		`call "anna @acme: hello`:               {`"anna`, "acme", "hello", ""},
		`call @3m anna: hello`:                  {"", "3m anna", "hello", ""},
		`call anna "3M" @acme: hello`:           {"anna 3M", "acme", "hello", ""},
		"call @acme @beta: hello":               {"", "acme", "hello", "@beta"},
		"call @acme 15m anna: hello":            {"anna", "acme", "hello", ""},
		"call anna @ acme: hello":               {"anna acme", "", "hello", "@"},
		"call anna @acme holding renewal":       {"anna", "acme", "holding renewal", ""},
		"call anna 🦄 @acme: hello":              {"anna", "acme", "hello", "🦄"},
		"call 🦄: ":                              {"", "", "🦄", ""},
		"call \u200fشركة\u200f @دار: مرحبا":     {"\u200fشركة\u200f", "دار", "مرحبا", ""},
		"call anna @acme: one\nthree\nfour":     {"anna", "acme", "one", "three\nfour"},
		"call anna: a >> b >= c > 5 % -> d":     {contact: "anna", subject: "a >> b >= c > 5 % -> d"},
		`call anna "": hello`:                   {contact: "anna", subject: "hello", body: `""`},
		"call O'Neill d’Este @l'Oréal: hello":   {"O'Neill d’Este", "l'Oréal", "hello", ""},
		"call anna: he said: \"x #y\" >z: more": {contact: "anna", subject: `he said: "x #y"`},
	} {
		l := parse(text, quicklog.ExampleNow)
		if got := (read{l.Contact, l.Organization, l.Subject, l.Body}); got != want {
			t.Errorf("%q:\n got %+v\nwant %+v", text, got, want)
		}
	}
}

func TestLongTextsGoToTheBody(t *testing.T) {
	t.Parallel()
	long := strings.TrimSpace(strings.Repeat("renewal ", 40)) // 319 characters
	l := parse("call anna: "+long+" #held >fri send", quicklog.ExampleNow)
	if utf8.RuneCountInString(l.Subject) > 200 || l.Subject+" "+l.Body != long || l.Outcome != "held" || l.Next.Title != "send" {
		t.Errorf("a long subject: %+v", l)
	}
	huge := "call anna: hello " + strings.Repeat("é", 10_000) + " #held"
	l = parse(huge, quicklog.ExampleNow)
	if l.Contact != "anna" || l.Subject != "hello" || l.Outcome != "" || l.Body != strings.Repeat("é", 10_000)+" #held" {
		t.Errorf("a huge line: subject %q, body of %d", l.Subject, len(l.Body))
	}
	l = parse(strings.Repeat("é", 1000), quicklog.ExampleNow)
	if utf8.RuneCountInString(l.Subject) != 200 || utf8.RuneCountInString(l.Subject+strings.ReplaceAll(l.Body, "\n", "")) != 1000 {
		t.Errorf("one word of 1000 characters: %d and %d", len(l.Subject), len(l.Body))
	}
	l = parse("call anna: hello >fri "+long, quicklog.ExampleNow)
	if utf8.RuneCountInString(l.Next.Title) > 200 || l.Next.Title+" "+l.Body != long {
		t.Errorf("a long title: %+v", l)
	}
}

func TestLooks(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"call anna": true, "note: hello": true, "Chiamata anna": true, "anna @acme: hello": true, "@acme: hello": true,
		"call": false, "calling anna": false, "acme": false, "anna@acme.example": false, "mailto:anna@acme.example": false, "anna @acme": false, "re: hello": false, "": false, "note ": false,
	} {
		if got := quicklog.Looks(text); got != want {
			t.Errorf("Looks(%q): got %v", text, got)
		}
	}
}

// checkKept holds a line to the promise that nothing typed is lost:
//
//   - the parts, one after the other, are the text but for blanks;
//   - the characters of the text parts are those of subject and body, those of names those of the names, those of the
//     title those of the title and of what it had no room for;
//   - a fact has a part exactly if it has a value, and a sign says nothing.
func checkKept(t *testing.T, text string, l quicklog.Line) {
	t.Helper()
	of := map[quicklog.Kind]string{}
	count := map[quicklog.Kind]int{}
	all := ""
	for _, p := range l.Parts {
		all += p.Text
		of[p.Kind] += p.Text
		count[p.Kind]++
		if word := strings.ToLower(strings.Trim(p.Text, `@:>"“”„«»,;.!' `)); p.Kind == quicklog.Sign && word != "" && word != "with" && word != "con" {
			t.Errorf("%q: %q is no sign", text, p.Text)
		}
	}
	if got, want := bare(all), bare(strings.ToValidUTF8(text, "\uFFFD")); got != want {
		t.Errorf("%q: the parts are %q", text, got)
	}
	texts := sorted(of[quicklog.Text] + of[quicklog.NextTitle])
	if got := sorted(l.Subject + l.Body + l.Next.Title); got != texts {
		t.Errorf("%q: subject, body and title hold %q, typed was %q", text, got, texts)
	}
	if bare(of[quicklog.ContactName]) != bare(l.Contact) || bare(of[quicklog.Firm]) != bare(l.Organization) {
		t.Errorf("%q: names are %q and %q, typed was %q and %q", text, l.Contact, l.Organization, of[quicklog.ContactName], of[quicklog.Firm])
	}
	for kind, has := range map[quicklog.Kind]bool{
		quicklog.ChannelWord: l.Channel != "", quicklog.Duration: l.Minutes > 0, quicklog.DirectionFor: l.Direction != "", quicklog.Happened: !l.When.IsZero(), quicklog.OutcomeWord: l.Outcome != "",
	} {
		if count[kind] > 1 || (count[kind] == 1) != has {
			t.Errorf("%q: %d parts of %s, and a value: %v", text, count[kind], kind, has)
		}
	}
	if count[quicklog.NextWhen] > 0 && l.Next.Due.IsZero() {
		t.Errorf("%q: when the next step is due was lost", text)
	}
	if utf8.RuneCountInString(l.Subject) > 200 || utf8.RuneCountInString(l.Next.Title) > 200 || utf8.RuneCountInString(l.Outcome) > 80 || l.Minutes > 1440 {
		t.Errorf("%q: a field is too long: %+v", text, l)
	}
}

// bare is a text without its blanks.
func bare(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) {
			return -1
		}
		return r
	}, s)
}

func sorted(s string) string {
	runes := []rune(bare(s))
	slices.Sort(runes)
	return string(runes)
}

func FuzzParse(f *testing.F) {
	for _, e := range quicklog.Examples {
		f.Add(e.Text)
	}
	for _, s := range []string{"", ":", ">", "@", "#", `"`, `@"`, `#"`, "call :: >> ## @@", "a\x00b", "\xff\xfe:", "\u202ecall anna: x", "call 🦄 @🦄: 🦄 #🦄 >🦄", "call\u00a0anna:\u2028x", "@\"\"\"\": x", "call a b c 29/2 29.2. >29/2 31/4 x", "call @a“ b”: “c #d: >e”"} {
		f.Add(s)
	}
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, now := range []time.Time{quicklog.ExampleNow, time.Date(2028, 2, 29, 23, 59, 59, 0, rome)} {
			l := quicklog.Parse(text, now)
			checkKept(t, text, l)
			if diff := cmp.Diff(l, quicklog.Parse(text, now)); diff != "" {
				t.Errorf("%q is read in two ways:\n%s", text, diff)
			}
			subject, body := quicklog.Fit(l.Subject+" "+text, l.Body)
			if utf8.RuneCountInString(subject) > 200 || sorted(subject+body) != sorted(l.Subject+text+l.Body) {
				t.Errorf("Fit lost something of %q: %q %q", text, subject, body)
			}
		}
	})
}
