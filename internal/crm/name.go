package crm

import "slices"

// Is reports whether q is the whole of a name, but for case, accents, signs and legal forms: "acme" is Acme S.p.A.
func (q Query) Is(name string) bool {
	return len(q.Words) > 0 && slices.EqualFunc(q.Firm(), ParseQuery(name).Firm(), Word.same)
}

// same reports whether two words may be one, as either is spelt.
func (w Word) same(other Word) bool {
	return w.spelt(other, func(a, b []rune) bool { return slices.Equal(a, b) })
}

// Near reports whether every word of q stands in a name but for a slip of the hand: a letter too many, too few,
// another one, or two that changed places.
func (q Query) Near(name string) bool {
	words := ParseQuery(name).Words
	for _, w := range q.Firm() {
		if !slices.ContainsFunc(words, func(other Word) bool { return w.spelt(other, slip) }) {
			return false
		}
	}
	return len(q.Words) > 0
}

// spelt reports whether any spellings of two words are alike.
func (w Word) spelt(other Word, alike func(a, b []rune) bool) bool {
	for _, a := range w.Spellings {
		for _, b := range other.Spellings {
			if alike([]rune(string(fold(a, false).text)), []rune(string(fold(b, false).text))) {
				return true
			}
		}
	}
	return false
}

// slip reports whether a is b but for one slip. A word of two letters has none: it would be any other.
func slip(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	at := 0
	for at < len(a) && a[at] == b[at] {
		at++
	}
	a, b = a[at:], b[at:]
	switch {
	case len(a) == len(b) && len(a) == 0:
		return true
	case at+len(a) < 3:
		return false
	case len(a) == len(b):
		return slices.Equal(a[1:], b[1:]) || len(a) > 1 && a[0] == b[1] && a[1] == b[0] && slices.Equal(a[2:], b[2:])
	}
	return slices.Equal(a, b[1:])
}
