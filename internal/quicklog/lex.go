package quicklog

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// shape is what a token looks like.
type shape int

const (
	word    shape = iota
	quoted        // "…"
	firm          // @… or @"…"
	outcome       // #… or #"…"
	colon         // the one that ends the names
	arrow         // the > of the next step
)

// token is a piece of a line between blanks or signs.
type token struct {
	shape
	from, to int    // bytes of the line
	value    string // without @ # and quotes
	key      string // value as the vocabulary has it
}

// quotes are the signs that enclose, each with its other end.
var quotes = map[rune]string{'"': `"`, '“': "”", '„': "“”", '”': "”", '«': "»", '»': "«"}

// lex takes a line apart. Every character that is no blank lies in exactly one token.
func lex(line string) []token {
	l := lexer{line: line, unclosed: map[rune]bool{}}
	for at := 0; at < len(line); {
		r, size := utf8.DecodeRuneInString(line[at:])
		if unicode.IsSpace(r) {
			at += size
			continue
		}
		t := l.token(at, r)
		t.key = fold(t.value)
		l.tokens = append(l.tokens, t)
		at = t.to
	}
	return l.tokens
}

type lexer struct {
	line           string
	tokens         []token
	named, stepped bool          // the colon, or the arrow, has been
	unclosed       map[rune]bool // quotes that nothing closes further on: looked for once
}

func (l *lexer) token(at int, r rune) token {
	rest := l.line[at:]
	switch {
	case r == ':' && l.parts(at):
		l.named = true
		return token{colon, at, at + 1, "", ""}
	case r == '>' && !l.stepped && startsStep(rest[1:]):
		l.stepped = true
		return token{arrow, at, at + 1, "", ""}
	case r == '@' || r == '#':
		if t, is := l.marked(at, r); is {
			return t
		}
	}
	if end, inner := l.quote(at); end > 0 {
		return token{quoted, at, end, inner, ""}
	}
	end := l.wordEnd(at)
	return token{word, at, end, l.line[at:end], ""}
}

// marked is the name after @, or the outcome after #.
func (l *lexer) marked(at int, sign rune) (token, bool) {
	kind := firm
	if sign == '#' {
		kind = outcome
	}
	if end, inner := l.quote(at + 1); end > 0 {
		return token{kind, at, l.stop(kind, end), inner, ""}, strings.TrimSpace(inner) != ""
	}
	first, _ := utf8.DecodeRuneInString(l.line[at+1:])
	if !unicode.IsLetter(first) && (kind == outcome || !unicode.IsDigit(first)) {
		return token{}, false
	}
	end := l.wordEnd(at + 1)
	if kind == outcome {
		end = at + 1 + strings.IndexFunc(l.line[at+1:end]+" ", func(r rune) bool {
			return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.Is(unicode.Mn, r) && r != '-' && r != '_'
		})
	}
	return token{kind, at, l.stop(kind, end), l.line[at+1 : end], ""}, true
}

// stop returns the end of an outcome with the comma or full stop after it.
func (l *lexer) stop(kind shape, end int) int {
	if kind != outcome {
		return end
	}
	return len(l.line) - len(strings.TrimLeft(l.line[end:], ",.;!?"))
}

// quote returns the end of the quotation that begins at a byte, and what it encloses; 0 for none.
func (l *lexer) quote(at int) (end int, inner string) {
	opening, size := utf8.DecodeRuneInString(l.line[at:])
	closing := quotes[opening]
	if closing == "" || l.unclosed[opening] {
		return 0, ""
	}
	length := strings.IndexAny(l.line[at+size:], closing)
	if length < 0 {
		l.unclosed[opening] = true
		return 0, ""
	}
	end = at + size + length
	_, last := utf8.DecodeRuneInString(l.line[end:])
	return end + last, l.line[at+size : end]
}

// wordEnd returns where the word that begins at a byte ends: before a blank, or before the colon.
func (l *lexer) wordEnd(at int) int {
	for i, r := range l.line[at:] {
		if unicode.IsSpace(r) || i > 0 && r == ':' && l.parts(at+i) {
			return at + i
		}
	}
	return len(l.line)
}

// parts reports whether the colon at a byte ends the names: the first one that stands in no time and no web address,
// before any next step.
func (l *lexer) parts(at int) bool {
	if l.named || l.stepped || strings.HasPrefix(l.line[at+1:], "//") {
		return false
	}
	before, _ := utf8.DecodeLastRuneInString(l.line[:at])
	after, _ := utf8.DecodeRuneInString(l.line[at+1:])
	return !unicode.IsDigit(before) || !unicode.IsDigit(after)
}

// startsStep reports whether what follows a > may be a next step: ">fri", "> call back", ">4 dec", not ">>", ">=" or
// "> 5 %".
func startsStep(rest string) bool {
	rest = strings.TrimLeftFunc(rest, unicode.IsSpace)
	r, _ := utf8.DecodeRuneInString(rest)
	if !unicode.IsDigit(r) {
		return unicode.IsLetter(r) || quotes[r] != ""
	}
	first, more := firstWord(rest)
	second, _ := firstWord(more)
	_, isClock := clockTime(first)
	_, isDate := numericDate(first)
	_, isMonth := months[second]
	_, isHalf := halfDays[second]
	return isClock || isDate || isMonth || isHalf
}

// firstWord is the first word of a text as the vocabulary has it, and the rest.
func firstWord(text string) (first, rest string) {
	text = strings.TrimLeftFunc(text, unicode.IsSpace)
	if i := strings.IndexFunc(text, unicode.IsSpace); i >= 0 {
		text, rest = text[:i], text[i:]
	}
	return fold(text), rest
}

var folding = strings.NewReplacer("’", "'", "‘", "'", "`", "'", "´", "'", "′", "'", "ì", "i", "í", "i", "ó", "o", "ò", "o", "è", "e", "é", "e", "à", "a")

// fold returns a word as the vocabulary has it: no case, no accent, nothing at its end that belongs to the sentence.
func fold(word string) string {
	word = strings.TrimRight(folding.Replace(strings.ToLower(word)), ",;")
	if first, _ := utf8.DecodeRuneInString(word); unicode.IsLetter(first) {
		word = strings.TrimRight(word, ".!'")
	}
	return word
}
