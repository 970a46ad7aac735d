package crm

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Query is a search text taken apart. The zero Query finds nothing.
type Query struct {
	Words  []Word // in the order typed, at most maxWords
	Number string // the letters and digits of a number that may stand in groups: a tax id, a telephone; "" when it is none
	digits bool   // Number has no letter
}

// Word is one word of a query.
type Word struct {
	Spellings []string // as typed first, then as others write it: Müller, Mueller
	Short     bool     // has no three letters or digits in a row: looked for at the beginning of words only, since no index helps with less
	Form      bool     // a legal form: does not tell one firm from another
}

// maxWords is how many words of a query are looked for; further ones are ignored.
const maxWords = 8

const (
	// parting and dropped are the signs that searchable() in the migrations makes blanks of, or leaves out: the two
	// must stay alike.
	parting = "-/,;:@()[]{}<>|\"\t"
	dropped = ".'`"
	// wild are signs that people write around a word as if they were jokers.
	wild = "*?!"
)

// ParseQuery takes a search text apart. Whatever is typed is a query: what is no word is left out.
func ParseQuery(typed string) Query {
	var q Query
	for _, field := range strings.Fields(strings.ToValidUTF8(strings.ReplaceAll(typed, "\x00", " "), " ")) {
		field = strings.Trim(withoutAddress(field), wild)
		if form := letters(field); legalForms[form] {
			q.add(form)
			continue
		}
		for _, part := range strings.FieldsFunc(field, func(r rune) bool { return strings.ContainsRune(parting, r) }) {
			q.add(strings.Map(func(r rune) rune {
				if strings.ContainsRune(dropped, r) {
					return -1
				}
				return r
			}, strings.TrimLeft(part, "+")))
		}
	}
	q.Number, q.digits = number(typed)
	return q
}

func (q *Query) add(word string) {
	longest, run := 0, 0
	for _, r := range word {
		if run++; !wordRune(r) {
			run = 0
		}
		longest = max(longest, run)
	}
	if longest > 0 && len(q.Words) < maxWords {
		q.Words = append(q.Words, Word{Spellings: spellings(word), Short: longest < 3, Form: legalForms[word]})
	}
}

// Empty reports whether there is nothing to look for.
func (q Query) Empty() bool { return len(q.Words) == 0 }

// Firm returns the words that tell one firm from another: all but the legal forms, or those if there is
// nothing else.
func (q Query) Firm() []Word {
	words := slices.DeleteFunc(slices.Clone(q.Words), func(w Word) bool { return w.Form })
	if len(words) == 0 {
		return q.Words
	}
	return words
}

// Phones returns the digits to look for in telephone numbers: anywhere in one, and, where country or trunk codes
// may differ, at the end of one. Both are "" for what is no number.
func (q Query) Phones() (anywhere, end string) {
	if !q.digits {
		return "", ""
	}
	if anywhere = strings.TrimLeft(q.Number, "0"); len(anywhere) < 3 {
		return "", "" // as good as any
	}
	if len(anywhere) > significant {
		end = anywhere[len(anywhere)-significant:]
	}
	return anywhere, end
}

// significant is how many digits at its end tell a telephone number from nearly all others.
const significant = 8

// number returns typed without the signs between its groups when it reads as a number: digits, and at most a few
// letters such as a country's.
func number(typed string) (text string, digits bool) {
	var b strings.Builder
	figures, others := 0, 0
	for _, r := range typed {
		switch {
		case r >= '0' && r <= '9':
			figures++
		case unicode.IsLetter(r):
			others++
		case strings.ContainsRune(parting+dropped+" +_", r):
			continue
		default:
			return "", false
		}
		b.WriteRune(unicode.ToLower(r))
	}
	if figures < 3 || others > 0 && figures < 5 || others > 4 {
		return "", false
	}
	return b.String(), others == 0
}

func wordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsDigit(r) }

// letters returns the lower-case letters of s and nothing else.
func letters(s string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) {
			return unicode.ToLower(r)
		}
		if strings.ContainsRune(dropped+"/&", r) {
			return -1
		}
		return r
	}, s)
}

// withoutAddress takes scheme, www and path off what looks like the address of a website.
func withoutAddress(s string) string {
	lower := strings.ToLower(s)
	for _, scheme := range []string{"https://", "http://"} {
		if strings.HasPrefix(lower, scheme) {
			s, _, _ = strings.Cut(s[len(scheme):], "/")
			lower = strings.ToLower(s)
		}
	}
	if strings.HasPrefix(lower, "www.") {
		s, _, _ = strings.Cut(s[len("www."):], "/")
	}
	return s
}

var (
	umlauts   = strings.NewReplacer("ä", "ae", "ö", "oe", "ü", "ue", "ø", "oe", "å", "aa", "Ä", "ae", "Ö", "oe", "Ü", "ue", "Ø", "oe", "Å", "aa")
	noUmlauts = strings.NewReplacer("ae", "a", "oe", "o", "ue", "u", "aa", "a")
)

// spellings returns word, and how it is written with umlauts spelt out, or not.
func spellings(word string) []string {
	all := []string{word}
	if out := umlauts.Replace(word); out != word {
		return append(all, out)
	}
	if in := noUmlauts.Replace(strings.ToLower(word)); in != strings.ToLower(word) && len(in) > 2 {
		return append(all, in)
	}
	return all
}

// LegalForms are what firms of many countries end in, without dots.
var LegalForms = []string{
	"ab", "ag", "aps", "as", "asa", "bv", "bvba", "co", "company", "corp", "corporation", "doo", "eood", "ev", "gbr", "gmbh", "gmbhcokg",
	"inc", "incorporated", "kft", "kg", "limited", "llc", "llp", "ltd", "mbh", "nv", "ohg", "ood", "ou", "oy", "oyj", "plc", "pte", "pty",
	"sa", "sapa", "sarl", "sas", "sasu", "scarl", "se", "sl", "slu", "snc", "spa", "spzoo", "srl", "srls", "sro", "ug",
}

var legalForms = func() map[string]bool {
	m := make(map[string]bool, len(LegalForms))
	for _, f := range LegalForms {
		m[f] = true
	}
	return m
}()

// Piece is a part of a text, and whether it is what was looked for.
type Piece struct {
	Text string
	Hit  bool
}

// Mark parts text at what q matches in it. The pieces joined are text, byte for byte; none is a hit where nothing
// matches.
func (q Query) Mark(text string) []Piece { return pieces(text, q.hits(text, false)) }

// MarkWords is Mark for texts that are searched by the beginnings of words.
func (q Query) MarkWords(text string) []Piece { return pieces(text, q.hits(text, true)) }

// Matches reports whether any word of q stands in text.
func (q Query) Matches(text string) bool { return len(q.hits(text, false)) > 0 }

// excerptBefore and excerptLength bound an excerpt, in characters.
const (
	excerptBefore = 40
	excerptLength = 160
)

// Excerpt returns the part of text around the first word of q in it, marked, or nil when there is none.
func (q Query) Excerpt(text string) []Piece {
	hits := q.hits(text, true)
	if len(hits) == 0 {
		return nil
	}
	before, rest := []rune(text[:hits[0].from]), []rune(text[hits[0].from:])
	lead, tail := "", ""
	if len(before) > excerptBefore {
		before, lead = before[len(before)-excerptBefore:], "…"
	}
	if len(rest) > excerptLength-excerptBefore {
		rest, tail = rest[:excerptLength-excerptBefore], "…"
	}
	return q.MarkWords(lead + strings.Join(strings.Fields(string(before)+string(rest)), " ") + tail)
}

// span is a range of bytes.
type span struct{ from, to int }

// hits returns where the words and the number of q stand in text, in order and apart. anchored looks at the
// beginnings of words only.
func (q Query) hits(text string, anchored bool) []span {
	folded := fold(text, false)
	var found []span
	for _, w := range q.Words {
		for _, spelling := range w.Spellings {
			found = append(found, folded.find(string(fold(spelling, false).text), anchored || w.Short)...)
		}
	}
	if anywhere, end := q.Phones(); anywhere != "" && !anchored {
		figures := fold(text, true)
		if hits := figures.find(anywhere, false); len(hits) > 0 || end == "" {
			found = append(found, hits...)
		} else {
			found = append(found, figures.find(end, false)...)
		}
	}
	slices.SortFunc(found, func(a, b span) int { return a.from - b.from })
	apart := found[:0]
	for _, s := range found {
		if last := len(apart) - 1; last >= 0 && s.from <= apart[last].to {
			apart[last].to = max(apart[last].to, s.to)
		} else {
			apart = append(apart, s)
		}
	}
	return apart
}

func pieces(text string, hits []span) []Piece {
	var out []Piece
	at := 0
	for _, h := range hits {
		if h.from > at {
			out = append(out, Piece{Text: text[at:h.from]})
		}
		out = append(out, Piece{Text: text[h.from:h.to], Hit: true})
		at = h.to
	}
	if at < len(text) {
		out = append(out, Piece{Text: text[at:]})
	}
	return out
}

// foldedText is a text without case, accents and signs, and where each byte of it comes from.
type foldedText struct {
	text   []byte
	origin []span
}

// unlike are letters that are no letter with an accent, as the database's unaccent writes them.
var unlike = map[rune]string{
	'ß': "ss", 'ẞ': "ss", 'æ': "ae", 'Æ': "ae", 'œ': "oe", 'Œ': "oe", 'ø': "o", 'Ø': "o", 'đ': "d", 'Đ': "d", 'ð': "d", 'Ð': "d",
	'ł': "l", 'Ł': "l", 'þ': "th", 'Þ': "th", 'ı': "i", 'ħ': "h", 'Ħ': "h", 'ŋ': "n", 'Ŋ': "n",
}

// fold is the database's searchable(), near enough to mark what it found; digits leaves out all but digits.
func fold(text string, digits bool) foldedText {
	f := foldedText{text: make([]byte, 0, len(text)), origin: make([]span, 0, len(text))}
	for at, r := range text {
		from := span{at, at + len(string(r))}
		if r == unicode.ReplacementChar && !strings.HasPrefix(text[at:], string(r)) {
			from.to = at + 1 // a byte that is no UTF-8
		}
		var out string
		switch {
		case digits:
			if r >= '0' && r <= '9' {
				out = string(r)
			}
		case strings.ContainsRune(dropped+"’‘´", r):
		case strings.ContainsRune(parting, r), unicode.IsSpace(r):
			out = " "
		case unlike[r] != "":
			out = unlike[r]
		default:
			out = strings.Map(func(r rune) rune {
				if unicode.Is(unicode.Mn, r) {
					return -1
				}
				return unicode.ToLower(r)
			}, norm.NFD.String(string(r)))
		}
		if out == "" && unicode.Is(unicode.Mn, r) && len(f.origin) > 0 { // an accent of its own goes with its letter
			f.origin[len(f.origin)-1].to = from.to
		}
		for i := range len(out) {
			f.text, f.origin = append(f.text, out[i]), append(f.origin, from)
		}
	}
	return f
}

func lastRune(s string) rune {
	r, _ := utf8.DecodeLastRuneInString(s)
	return r
}

// find returns where word stands in the text f was made of.
func (f foldedText) find(word string, anchored bool) []span {
	if word == "" {
		return nil
	}
	var found []span
	text := string(f.text)
	for at := 0; ; {
		i := strings.Index(text[at:], word)
		if i < 0 {
			return found
		}
		from := at + i
		if !anchored || from == 0 || !wordRune(lastRune(text[:from])) {
			found = append(found, span{f.origin[from].from, f.origin[from+len(word)-1].to})
		}
		at = from + len(word)
	}
}
