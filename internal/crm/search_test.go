package crm_test

import (
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/crm"
)

// spelt returns the words of a query, spellings joined by a bar; a short one begins with ^, a legal form is in brackets.
func spelt(q crm.Query) string {
	var all []string
	for _, w := range q.Words {
		s := strings.Join(w.Spellings, "|")
		if w.Short {
			s = "^" + s
		}
		if w.Form {
			s = "(" + s + ")"
		}
		all = append(all, s)
	}
	return strings.Join(all, " ")
}

func TestParseQuery(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ typed, words, number, anywhere, end string }{
		{"", "", "", "", ""},
		{" %_\\ 🦄 -- \x00 ", "", "", "", ""},
		{"Acme S.p.A.", "Acme (spa)", "", "", ""},
		{"Novo A/S", "Novo (^as)", "", "", ""},
		{"Bröd & Co.", "Bröd|Broed (^co)", "", "", ""},
		{"mueller", "mueller|muller", "", "", ""},
		{"O'Brien-Smith", "OBrien Smith", "", "", ""},
		{"https://www.acme-steel.com/it?x=1", "acme steelcom", "", "", ""},
		{"anna.rossi@acme.it", "annarossi acmeit", "", "", ""},
		{"acme*", "acme", "", "", ""},
		{"C++ 100%", "^C++ 100%", "", "", ""},
		{"a b c d e f g h i j", "^a ^b ^c ^d ^e ^f ^g ^h", "", "", ""},
		{"IT 123.456.789-01", "^IT 123456789 ^01", "it12345678901", "", ""},
		{"+39 (02) 123-45", "^39 ^02 123 ^45", "390212345", "390212345", "90212345"},
		{"0039 02 12345", "0039 ^02 12345", "00390212345", "390212345", "90212345"},
		{"007", "007", "007", "", ""},
		{"2024 budget", "2024 budget", "", "", ""},
	} {
		q := crm.ParseQuery(c.typed)
		anywhere, end := q.Phones()
		if got := spelt(q); got != c.words || q.Number != c.number || anywhere != c.anywhere || end != c.end {
			t.Errorf("ParseQuery(%q): words %s, number %q, phones %q %q\nwant %s, %q, %q %q", c.typed, got, q.Number, anywhere, end, c.words, c.number, c.anywhere, c.end)
		}
	}
}

func TestLegalFormsDoNotTellFirmsApart(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{"acme srl": "acme", "acme s.r.l.": "acme", "GmbH & Co. KG acme": "acme", "srl": "(srl)", "s.p.a. ltd": "(spa) (ltd)"} {
		if got := spelt(crm.Query{Words: crm.ParseQuery(typed).Firm()}); got != want {
			t.Errorf("%q looks for the firm %s, want %s", typed, got, want)
		}
	}
}

// shown writes pieces with brackets around hits.
func shown(pieces []crm.Piece) string {
	var b strings.Builder
	for _, p := range pieces {
		if p.Hit {
			b.WriteString("[" + p.Text + "]")
		} else {
			b.WriteString(p.Text)
		}
	}
	return b.String()
}

func TestMarkShowsWhatMatched(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ query, text, want string }{
		{"granv", "Granvik Marine", "[Granv]ik Marine"},
		{"societa", "La Società Srl", "La [Società] Srl"},
		{"societa", "La Societa\u0300 Srl", "La [Societa\u0300] Srl"}, // an accent of its own
		{"spa", "Acme S.p.A.", "Acme [S.p.A]."},
		{"strauss", "Jürgen Strauß", "Jürgen [Strauß]"},
		{"juergen", "Jürgen Strauß", "[Jürgen] Strauß"},
		{"müller", "Mueller Brot", "[Mueller] Brot"},
		{"obrien", "Pat O’Brien", "Pat [O’Brien]"},
		{"rossi anna", "Anna Rossi", "[Anna] [Rossi]"},
		{"an nna", "Anna Danna", "[Anna] Da[nna]"},
		{"an", "Anna Danna", "[An]na Danna"}, // short: beginnings only
		{"02 12345", "+39 (02) 123-4567", "+39 ([02) 123-45]67"},
		{"+39 30 5544332", "(030) 55 44 332", "(03[0) 55 44 332]"},
		{"zzz", "Anna", "Anna"},
		{"anna", "", ""},
		{"ana", "A\xffna ana", "A\xffna [ana]"},
		{"<b>", "<b>bold</b>", "<[b]>[b]old</[b]>"},
	} {
		if got := shown(crm.ParseQuery(c.query).Mark(c.text)); got != c.want {
			t.Errorf("%q marks %q in %q, want %q", c.query, got, c.text, c.want)
		}
	}
}

func TestExcerptShowsTheWordsAround(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("före ", 30) + "the renewal\nwas agreed " + strings.Repeat("efter ", 60)
	got := crm.ParseQuery("renew").Excerpt(text)
	if s := shown(got); !strings.HasPrefix(s, "…") || !strings.Contains(s, " the [renew]al was agreed ") || !strings.HasSuffix(s, "…") || utf8.RuneCountInString(s) > 170 {
		t.Errorf("excerpt %q", s)
	}
	if got := crm.ParseQuery("newal").Excerpt(text); got != nil {
		t.Errorf("an excerpt around the middle of a word: %q", shown(got))
	}
}

// FuzzQuery holds that any query is taken apart, and that marking never changes a text.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"rossi anna", "Ünï-cödé ß", "+39 02 12345", "%_\\'\"", "\x00\xff", "ŉ½№", "a\u0300\u0301", "https://", "s.r.l.", "İstanbul"} {
		f.Add(seed, seed+" and "+seed)
	}
	f.Fuzz(func(t *testing.T, typed, text string) {
		q := crm.ParseQuery(typed)
		if len(q.Words) > 8 {
			t.Errorf("%d words", len(q.Words))
		}
		for _, w := range q.Words {
			for _, s := range w.Spellings {
				if s == "" || !utf8.ValidString(s) || strings.ContainsRune(s, 0) {
					t.Errorf("word %q of %q", s, typed)
				}
			}
		}
		for name, pieces := range map[string][]crm.Piece{"Mark": q.Mark(text), "MarkWords": q.MarkWords(text)} {
			var joined strings.Builder
			for _, p := range pieces {
				joined.WriteString(p.Text)
				if utf8.ValidString(text) && !utf8.ValidString(p.Text) {
					t.Errorf("%s cuts a letter: %q", name, p.Text)
				}
			}
			if diff := cmp.Diff(text, joined.String()); diff != "" {
				t.Errorf("%s changes the text:\n%s", name, diff)
			}
		}
		q.Excerpt(text)
	})
}

func TestAQueryIsAWholeName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, name string
		want        bool
	}{
		{"acme", "Acme S.p.A.", true},
		{"ACME spa", "Acme", true},
		{"muller", "Müller GmbH", true},
		{"mueller", "Müller", true},
		{"anna rossi", "Anna  Rossi", true},
		{"o'brien", "O’Brien plc", true},
		{"acme", "Acme Steel", false},
		{"acme steel", "Acme", false},
		{"rossi anna", "Anna Rossi", false},
		{"", "", false},
		{"%", "%", false},
		{"acm", "Acme", false},
	} {
		if got := crm.ParseQuery(c.typed).Is(c.name); got != c.want {
			t.Errorf("%q is %q: got %v", c.typed, c.name, got)
		}
	}
}

func TestAQueryIsNearAName(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, name string
		want        bool
	}{
		{"ana rosi", "Anna Rossi", true},
		{"rosis", "Anna Rossi", true},
		{"ross", "Anna Rossi", true},
		{"anna", "Anna Rossi", true},
		{"acme stel", "Acme Steel S.p.A.", true},
		{"anna rozzi", "Anna Rossi", false},
		{"anna zzzzz", "Anna Rossi", false},
		{"anna verdi", "Anna Rossi", false},
		{"rss", "Anna Rossi", false},
		{"an", "Al Rossi", false},
		{"muler", "Müller", true},
		{"", "Anna", false},
	} {
		if got := crm.ParseQuery(c.typed).Near(c.name); got != c.want {
			t.Errorf("%q is near %q: got %v", c.typed, c.name, got)
		}
	}
}
