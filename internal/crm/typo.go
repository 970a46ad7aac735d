package crm

import (
	"slices"
	"strings"
)

// Nearly reports whether name has every word of q that tells one firm from another, but for at most one letter each.
func (q Query) Nearly(name string) bool {
	words := strings.Fields(string(fold(name, false).text))
	for _, w := range q.Firm() {
		typed := []rune(string(fold(w.Spellings[0], false).text))
		if !slices.ContainsFunc(words, func(word string) bool { return oneTypo(typed, []rune(word)) }) {
			return false
		}
	}
	return len(q.Words) > 0
}

// oneTypo reports whether a becomes b by changing, adding or leaving out one letter, by exchanging two that stand side by side, or by nothing.
func oneTypo(a, b []rune) bool {
	if len(a) > len(b) {
		a, b = b, a
	}
	if len(b)-len(a) > 1 {
		return false
	}
	at := 0
	for at < len(a) && a[at] == b[at] {
		at++
	}
	a, b = a[at:], b[at:]
	if len(a) < len(b) {
		return slices.Equal(a, b[1:])
	}
	return len(a) == 0 || slices.Equal(a[1:], b[1:]) || len(a) > 1 && a[0] == b[1] && a[1] == b[0] && slices.Equal(a[2:], b[2:])
}
