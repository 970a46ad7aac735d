package demo

import (
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
)

// memory is how many subjects must pass before one may come again anywhere: more than a page holds.
const memory = 250

// talk finds the words of interactions, and remembers what was said.
type talk struct {
	*generator
	decks  map[deckKey][]int       // phrases a client has not heard yet, by channel
	said   map[int]map[string]bool // subjects by client: none twice
	recent []string                // the last subjects of all
}

type deckKey struct {
	org     int
	channel crm.Channel
}

func newTalk(g *generator) *talk {
	return &talk{generator: g, decks: map[deckKey][]int{}, said: map[int]map[string]bool{}}
}

// words returns subject, body and outcome of e.
func (t *talk) words(e event) (subject, body, outcome string) {
	topic := t.topic(e)
	subject, outcome = t.subject(e, &topic)
	return subject, t.body(e, topic, outcome), outcome
}

// outcome returns how it ended: what the phrase says, else anything, or nothing yet.
func (t *talk) outcome(channel crm.Channel, phrase string) string {
	for _, v := range verdicts {
		if strings.Contains(phrase, v.phrase) {
			return v.outcome
		}
	}
	if t.chance(0.3) {
		return ""
	}
	return pick(t.generator, outcomes[channel])
}

// topic returns what it is about: often something of the client's trade.
func (t *talk) topic(e event) string {
	if t.chance(0.45) {
		return pick(t.generator, sectorTopics[t.data.Organizations[e.org].Sector])
	}
	return pick(t.generator, topics)
}

// subject deals the client's next phrase and fills it until nobody has just read it, changing the
// topic where need be. The outcome follows from the phrase.
func (t *talk) subject(e event, topic *string) (subject, outcome string) {
	if t.said[e.org] == nil {
		t.said[e.org] = map[string]bool{}
	}
	for {
		pattern := t.deal(e)
		for range 8 {
			s := capital(t.fillIn(pattern, e, *topic))
			if !t.said[e.org][s] && !slices.Contains(t.recent, s) {
				t.remember(e.org, s)
				return s, t.outcome(e.channel, pattern)
			}
			*topic = t.topic(e)
		}
	}
}

// deal returns a phrase of the channel that this client has not had since all others.
func (t *talk) deal(e event) string {
	key := deckKey{e.org, e.channel}
	for {
		if len(t.decks[key]) == 0 {
			t.decks[key] = t.Perm(len(subjects[e.channel]))
		}
		phrase := subjects[e.channel][t.decks[key][0]]
		t.decks[key] = t.decks[key][1:]
		if e.fits(phrase) {
			return phrase
		}
	}
}

// fits reports whether phrase names nobody, or e has somebody to name.
func (e event) fits(phrase string) bool {
	return e.contact >= 0 || !strings.Contains(phrase, "{c}") && !strings.Contains(phrase, "{full}")
}

func (t *talk) remember(org int, subject string) {
	t.said[org][subject] = true
	t.recent = append(t.recent, subject)
	if len(t.recent) > memory {
		t.recent = t.recent[1:]
	}
}

// body returns one to three sentences: what happened, a detail, what comes next.
func (t *talk) body(e event, topic, outcome string) string {
	first := openings[e.channel]
	if outcome == noAnswer {
		first = unanswered
	}
	phrases := []string{t.phrase(e, first)}
	if outcome != noAnswer && t.chance(0.7) {
		phrases = append(phrases, t.phrase(e, details))
	}
	if t.chance(0.55) {
		phrases = append(phrases, t.phrase(e, closings))
	}
	for i, p := range phrases {
		phrases[i] = capital(t.fillIn(p, e, topic))
	}
	return strings.Join(phrases, " ")
}

// phrase returns any of the bank that fits e.
func (t *talk) phrase(e event, bank []string) string {
	for {
		if p := pick(t.generator, bank); e.fits(p) {
			return p
		}
	}
}

// fillIn replaces the slots of a phrase, such as {c} for the contact's first name.
func (t *talk) fillIn(phrase string, e event, topic string) string {
	var b strings.Builder
	for {
		head, rest, found := strings.Cut(phrase, "{")
		b.WriteString(head)
		if !found {
			return b.String()
		}
		slot, tail, _ := strings.Cut(rest, "}")
		b.WriteString(t.slot(slot, e, topic))
		phrase = tail
	}
}

// slot returns a filling. An unknown slot panics: it is a slip in phrases.go, and tests draw them all.
func (t *talk) slot(name string, e event, topic string) string {
	switch name {
	case "t":
		return topic
	case "T": // without its article, for after an adjective
		return strings.TrimPrefix(strings.TrimPrefix(topic, "the "), "their ")
	case "c":
		return t.data.Contacts[e.contact].FirstName
	case "full":
		return t.data.Contacts[e.contact].Name()
	case "o":
		return t.data.Organizations[e.org].DisplayName
	case "d":
		return pick(t.generator, documents)
	case "p":
		return pick(t.generator, places)
	case "w":
		return pick(t.generator, weekdays)
	case "m":
		return pick(t.generator, months)
	case "v":
		return pick(t.generator, colleagues)
	case "n":
		return strconv.Itoa(2 + t.IntN(8))
	case "x":
		return strconv.Itoa(2+t.IntN(14)) + " %"
	case "a":
		return "€" + strconv.Itoa(3+t.IntN(90)) + "," + strconv.Itoa(1+t.IntN(9)) + "00"
	case "r":
		return strconv.Itoa(2000 + t.IntN(7000))
	}
	panic("demo: no such slot: {" + name + "}")
}

func capital(s string) string {
	r, size := utf8.DecodeRuneInString(s)
	return string(unicode.ToUpper(r)) + s[size:]
}
