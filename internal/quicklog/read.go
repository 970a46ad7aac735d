package quicklog

import (
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/archpilot/crm/internal/crm"
)

// reader goes through the tokens of a line and fills its fields.
type reader struct {
	tokens []token
	source string
	now    time.Time
	line   Line

	subject, stray, title spans // raw text; stray are words before the colon that mean nothing
	names                 int   // names and other words that no rule took
	firmUntil             int   // the token up to which words belong to the organization
}

// spans are pieces of the source.
type spans []string

// String joins the pieces, with one blank where there were some.
func (s spans) String() string { return strings.Join(strings.Fields(strings.Join(s, " ")), " ") }

// signs returns where the colon is, or -1, and where the next step begins, or the number of tokens.
func (r *reader) signs() (parting, step int) {
	of := func(s shape) int { return slices.IndexFunc(r.tokens, func(t token) bool { return t.shape == s }) }
	parting, step = of(colon), of(arrow)
	if step < 0 {
		step = len(r.tokens)
	}
	return parting, step
}

// add notes what the tokens from one to before another were taken for.
func (r *reader) add(kind Kind, from, to int) string {
	text := r.source[r.tokens[from].from:r.tokens[to-1].to]
	r.line.Parts = append(r.line.Parts, Part{kind, text})
	return text
}

// head reads what stands before the colon.
func (r *reader) head(from, to int) {
	for i := from; i < to; {
		n := r.fact(i, to)
		if n == 0 {
			n = r.name(i, to, true)
		}
		i += n
	}
}

// start reads what a line without a colon begins with, and returns where its text begins.
func (r *reader) start(end int) int {
	at := -1
	for i, t := range r.tokens[:end] {
		if t.shape == firm {
			at = i
			break
		}
	}
	if at < 0 {
		r.names++ // there is none, so that nothing stands before it
	}
	for i := 0; i < end; {
		n := r.fact(i, end)
		if n == 0 && i <= at {
			n = r.name(i, end, false)
		}
		if n == 0 {
			return i
		}
		i += n
	}
	return end
}

// fact reads what begins at token i and has a field of its own, and returns how many tokens it takes, 0 for none.
func (r *reader) fact(i, end int) int {
	if i == 0 {
		if c, is := channels[r.word(i, end)]; is {
			r.line.Channel = c
			r.add(ChannelWord, i, i+1)
			return 1
		}
	}
	if r.tokens[i].shape == outcome {
		return r.outcome(i)
	}
	if r.line.When.IsZero() {
		if w, n := r.when(i, end, past); n > 0 {
			r.line.When = w.moment(r.now, past)
			r.add(Happened, i, i+n)
			return n
		}
	}
	if r.line.Minutes == 0 && r.line.Channel != crm.Email && r.line.Channel != crm.Note { // which take no time
		if minutes, n := r.duration(i, end); n > 0 {
			r.line.Minutes = minutes
			r.add(Duration, i, i+n)
			return n
		}
	}
	return r.direction(i, end)
}

// word returns a token as the vocabulary has it, "" where there is none or it is no plain word.
func (r *reader) word(i, end int) string {
	if i >= end || r.tokens[i].shape != word {
		return ""
	}
	return r.tokens[i].key
}

// phrase returns the tokens from i as the vocabulary has them, n of them, "" if there are fewer words.
func (r *reader) phrase(i, n, end int) string {
	words := make([]string, n)
	for k := range words {
		if words[k] = r.word(i+k, end); words[k] == "" {
			return ""
		}
	}
	return strings.Join(words, " ")
}

// lookup returns what a table has for the longest phrase that begins at i, and its words, 0 for none.
func lookup[T any](r *reader, table map[string]T, longest, i, end int) (value T, n int) {
	for n := longest; n > 0; n-- {
		if value, is := table[r.phrase(i, n, end)]; is {
			return value, n
		}
	}
	return value, 0
}

// outcome reads #outcome; a second one stays in the text.
func (r *reader) outcome(i int) int {
	value := strings.Join(strings.Fields(r.tokens[i].value), " ")
	if r.line.Outcome != "" || len([]rune(value)) > maxOutcome {
		return 0
	}
	r.line.Outcome = outcomeOf(value)
	r.add(OutcomeWord, i, i+1)
	return 1
}

// direction reads who called, or wrote, whom: right after the channel, before any name.
func (r *reader) direction(i, end int) int {
	c := r.line.Channel
	if i == 0 || r.line.Direction != "" || r.names > 0 || c != crm.Call && c != crm.Email {
		return 0
	}
	d, n := lookup(r, directions, 2, i, end)
	if n == 0 {
		if d = r.preposition(i, end); d == "" {
			return 0
		}
		n = 1
	}
	r.line.Direction = d
	r.add(DirectionFor, i, i+n)
	return n
}

// preposition reads from, to, da, a before a name.
func (r *reader) preposition(i, end int) Direction {
	p, is := prepositions[r.word(i, end)]
	if !is || i+1 >= end {
		return ""
	}
	switch first := r.word(0, end); {
	case p.after == nil, slices.Contains(p.after, first):
		return p.direction
	}
	return ""
}

// name reads a name, or a word that is none. With greedy, words that follow @ immediately belong to it.
func (r *reader) name(i, end int, greedy bool) int {
	t := r.tokens[i]
	r.names++
	switch {
	case t.shape == firm && r.line.Organization == "":
		r.line.Organization = strings.Join(strings.Fields(t.value), " ")
		r.mark(i, t, Firm)
		if greedy && t.to-t.from == len(t.value)+1 { // no quotes
			r.firmUntil = i + 1
		}
	case t.shape == word && withs[t.key] && i+1 < end && r.nameAt(i+1):
		r.names--
		r.add(Sign, i, i+1)
	case t.shape == word && namelike(t.value) && i > 0 && r.firmUntil == i:
		r.firmUntil = i + 1
		r.line.Organization += " " + r.add(Firm, i, i+1)
	case t.shape == word && namelike(t.value):
		r.line.Contact = strings.TrimSpace(r.line.Contact + " " + r.add(ContactName, i, i+1))
	case t.shape == quoted && strings.TrimSpace(t.value) != "":
		r.line.Contact = strings.TrimSpace(r.line.Contact + " " + strings.Join(strings.Fields(t.value), " "))
		r.mark(i, t, ContactName)
	default:
		r.stray = append(r.stray, r.add(Text, i, i+1))
	}
	return 1
}

// nameAt reports whether a name begins at token i, which exists.
func (r *reader) nameAt(i int) bool {
	t := r.tokens[i]
	return t.shape == firm || t.shape == quoted || t.shape == word && namelike(t.value)
}

// mark notes a name with the signs around it apart.
func (r *reader) mark(i int, t token, kind Kind) {
	text := r.source[t.from:t.to]
	at := strings.LastIndex(text, t.value)
	for _, p := range []Part{{Sign, text[:at]}, {kind, t.value}, {Sign, text[at+len(t.value):]}} {
		if p.Text != "" {
			r.line.Parts = append(r.line.Parts, p)
		}
	}
}

// namelike reports whether a word may be of a name: it has a letter, and no digit unless it is an e-mail address.
func namelike(s string) bool {
	return strings.ContainsFunc(s, unicode.IsLetter) && (!strings.ContainsFunc(s, unicode.IsDigit) || strings.Contains(s, "@"))
}

// text reads what is kept as it is, but for an outcome in it.
func (r *reader) text(kind Kind, into *spans, from, to int) {
	begin := from
	flush := func(end int) {
		if begin < end {
			*into = append(*into, r.add(kind, begin, end))
		}
		begin = end + 1
	}
	for i := from; i < to; i++ {
		if r.tokens[i].shape == outcome && r.line.Outcome == "" && len([]rune(r.tokens[i].value)) <= maxOutcome {
			flush(i)
			r.outcome(i)
		}
	}
	flush(to)
}

// next reads the next step, from the token after its sign.
func (r *reader) next(i int) {
	end := len(r.tokens)
	w, n := r.when(i, end, ahead)
	if n > 0 {
		r.add(NextWhen, i, i+n)
	}
	r.text(NextTitle, &r.title, i+n, end)
	for end > i && r.tokens[end-1].shape == outcome {
		end--
	}
	for k := i + 1; n == 0 && k < end; k++ { // at its end, then
		if trailing, m := r.when(k, end, ahead); m > 0 && k+m == end {
			w, n = trailing, m
		}
	}
	if n > 0 {
		r.line.Next.Due, r.line.Next.Timed = w.moment(r.now, ahead), w.timed()
	}
}

// close puts the texts where there is room for them.
func (r *reader) close(more string) {
	if more != "" {
		r.line.Parts = append(r.line.Parts, Part{Text, more})
	}
	title, over := divide(r.title.String(), maxSubject)
	r.line.Next.Title = title
	subject, stray := r.subject.String(), r.stray.String()
	if subject == "" {
		subject, stray = stray, ""
	}
	r.line.Subject, r.line.Body = Fit(subject, lines(stray, over, more))
}
