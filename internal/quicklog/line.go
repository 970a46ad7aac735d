package quicklog

import (
	"strings"
	"time"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
)

// MaxLine is how much of a text is read as a line, in characters; the rest of it is body.
const MaxLine = 500

// Lengths that a field of an interaction holds, in characters: see crm.Interaction.
const (
	maxSubject = 200
	maxOutcome = 80
)

// Direction is who called, or wrote, whom.
type Direction string

// The two directions.
const (
	In  Direction = "in"
	Out Direction = "out"
)

// Line is a text taken apart. What was not said is the zero value.
type Line struct {
	Channel      crm.Channel
	Contact      string // a person's name as typed, without quotes
	Organization string // likewise
	Minutes      int    // how long it took
	Direction    Direction
	When         time.Time // to the minute, in the zone of the now that it was read at
	Outcome      string
	Subject      string // at most 200 characters
	Body         string
	Next         Next

	Parts []Part // the text as it was understood, in order
}

// Next is the next step. Without a Title or a due date it is not complete.
type Next struct {
	Title string    // at most 200 characters
	Due   time.Time // zero when not said
	Timed bool      // Due is a moment; else a day, and its time of day means nothing
}

// DueText returns Due as forms send it: a date, a date and time, or "".
func (n Next) DueText() string {
	switch {
	case n.Due.IsZero():
		return ""
	case n.Timed:
		return n.Due.Format("2006-01-02T15:04")
	}
	return n.Due.Format(time.DateOnly)
}

// Kind says what a part of a text was taken for.
type Kind string

// The kinds. There is at most one part of each but Contact, Organization, Text, NextTitle and Sign.
const (
	ChannelWord  Kind = "channel"
	ContactName  Kind = "contact"
	Firm         Kind = "organization"
	Duration     Kind = "duration"
	DirectionFor Kind = "direction"
	Happened     Kind = "when"
	OutcomeWord  Kind = "outcome"
	Text         Kind = "text" // of the subject and the body
	NextWhen     Kind = "next when"
	NextTitle    Kind = "next title"
	Sign         Kind = "sign" // @ # > : and quotes, and "with" before a name: they say what something is, and nothing else
)

// Part is a piece of a text, without the blanks around it.
type Part struct {
	Kind Kind
	Text string
}

// Parse reads text as a line; now is the moment in the reader's zone that "yesterday" counts from. It takes any text, in
// time that grows with its length. Bytes that are no UTF-8 count as U+FFFD.
func Parse(text string, now time.Time) Line {
	line, more := cut(strings.TrimSpace(strings.ToValidUTF8(text, "\uFFFD")))
	r := &reader{tokens: lex(line), source: line, now: now}
	colon, next := r.signs()
	if colon >= 0 {
		r.head(0, colon)
		r.add(Sign, colon, colon+1)
		r.text(Text, &r.subject, colon+1, next)
	} else {
		r.text(Text, &r.subject, r.start(next), next)
	}
	if next < len(r.tokens) {
		r.add(Sign, next, next+1)
		r.next(next + 1)
	}
	r.close(more)
	return r.line
}

// cut returns what is read as a line, and the rest of text.
func cut(text string) (line, more string) {
	line, more, _ = strings.Cut(text, "\n")
	more = strings.TrimSpace(more)
	if utf8.RuneCountInString(line) > MaxLine {
		first, rest := divide(line, MaxLine)
		line, more = first, strings.TrimSpace(rest+"\n"+more)
	}
	return line, more
}

// divide returns at most limit characters of s, whole words if there are several, and the rest.
func divide(s string, limit int) (first, rest string) {
	n := 0
	for i := range s {
		if n == limit {
			first, rest = s[:i], s[i:]
			break
		}
		n++
	}
	if rest == "" {
		return s, ""
	}
	if blank := strings.LastIndexAny(first, " \t"); blank > 0 && !strings.HasPrefix(rest, " ") {
		first, rest = s[:blank], s[blank:]
	}
	return strings.TrimSpace(first), strings.TrimSpace(rest)
}

// Fit returns subject and body with what subject has no room for moved to the beginning of body.
func Fit(subject, body string) (string, string) {
	subject, over := divide(subject, maxSubject)
	return subject, lines(over, body)
}

// lines joins what is not empty, each on a line of its own.
func lines(texts ...string) string {
	var all []string
	for _, t := range texts {
		if t != "" {
			all = append(all, t)
		}
	}
	return strings.Join(all, "\n")
}

// Typed returns what was typed of a kind, with the signs that belong to it: anna for a contact, @acme for an organization.
func (l Line) Typed(kind Kind) string {
	var all []string
	for _, p := range l.Parts {
		if p.Kind == kind {
			all = append(all, p.Text)
		}
	}
	typed := strings.Join(all, " ")
	if kind == Firm && typed != "" {
		typed = "@" + typed
	}
	return typed
}

// Looks reports whether a text reads as a line rather than as something to search for: a channel and more, or a name
// with @ before a colon.
func Looks(text string) bool {
	first, more, _ := strings.Cut(strings.TrimSpace(text), " ")
	if _, known := channels[fold(strings.TrimSuffix(first, ":"))]; known && strings.TrimSpace(more) != "" {
		return true
	}
	at, colon := strings.Index(" "+text, " @"), strings.LastIndexByte(text, ':')
	return at >= 0 && colon > at
}
