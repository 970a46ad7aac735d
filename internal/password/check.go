package password

import (
	"fmt"
	"strings"
	"sync"
	"unicode"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go"
	"github.com/ccojocar/zxcvbn-go/frequency"
	"github.com/ccojocar/zxcvbn-go/matching"
)

// MinBytes and MaxBytes bound the length of a password. The upper bound only keeps requests small.
const (
	MinBytes = 12
	MaxBytes = 1024
)

// minBits is what zxcvbn must find in a password: 16 million guesses. Guessing at the sign-in page is
// held to 20 tries an hour, and each try at a stolen hash takes a fifth of a second. It lies between
// zxcvbn's scores 1 and 2: Welcome2024! falls, three unrelated words pass.
const minBits = 24

// judged is how much of a password zxcvbn looks at, in bytes: its work grows with the cube of the
// length, and nobody needs more than this to be strong.
const judged = 64

// Weak is one reason against a password: an English sentence, and what fills its verbs (as in fmt).
type Weak struct {
	Text string
	Args []any
}

// String returns the sentence in English.
func (w Weak) String() string {
	if len(w.Args) == 0 {
		return w.Text
	}
	return fmt.Sprintf(w.Text, w.Args...)
}

// Check returns what speaks against pw, the first to mend first; nil when it will do. Words are what
// an attacker would try for this person: name, e-mail address, the firm.
func Check(pw string, words ...string) []Weak {
	switch n := len(pw); {
	case n < MinBytes:
		return []Weak{{"Use at least %d characters.", []any{MinBytes}}}
	case n > MaxBytes:
		return []Weak{{"Use at most %d characters.", []any{MaxBytes}}}
	case common()[strings.ToLower(pw)]:
		return []Weak{{Text: "This is one of the commonest passwords; choose another."}}
	case bits(pw, words) < minBits:
		return []Weak{{Text: "This is easy to guess; use several words that have nothing to do with you or each other."}}
	}
	return nil
}

// common holds the 7,000 commonest passwords, in lower case.
var common = sync.OnceValue(func() map[string]bool {
	list := frequency.Lists["Passwords"].List
	set := make(map[string]bool, len(list))
	for _, pw := range list {
		set[pw] = true
	}
	return set
})

// bits estimates how many guesses pw takes, as a power of two. zxcvbn's own reading of letters written
// as digits tries every combination and takes minutes on some passwords; one plain reading replaces it.
func bits(pw string, words []string) float64 {
	pw = pw[:min(len(pw), judged)]
	pw = strings.ToValidUTF8(unit(pw), "?")
	hints := split(words)
	strength := zxcvbn.PasswordStrength(pw, hints, matching.FilterL33tMatcher).Entropy
	if plain := plainLetters.Replace(pw); plain != pw {
		strength = min(strength, 1+zxcvbn.PasswordStrength(plain, hints, matching.FilterL33tMatcher).Entropy)
	}
	return strength
}

// unit returns what pw repeats: a password typed twice is no harder to guess.
func unit(pw string) string {
	return pw[:strings.Index((pw + pw)[1:], pw)+1]
}

var plainLetters = strings.NewReplacer("@", "a", "4", "a", "3", "e", "1", "i", "!", "i", "0", "o", "$", "s", "5", "s", "7", "t")

// split takes names and addresses apart into the lower-case words that zxcvbn compares with.
func split(words []string) []string {
	hints := []string{"archpilot", "crm"}
	for _, w := range words {
		w = strings.ToLower(w)
		hints = append(hints, w)
		for _, part := range strings.FieldsFunc(w, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }) {
			if utf8.RuneCountInString(part) >= 3 {
				hints = append(hints, part)
			}
		}
	}
	return hints
}
