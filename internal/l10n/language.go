package l10n

import (
	"slices"

	"github.com/go-playground/locales"
	"github.com/go-playground/locales/en"
	"github.com/go-playground/locales/it"
	"golang.org/x/text/language"
)

// Language is a language that the product speaks, by its BCP 47 tag.
type Language string

// The languages. English needs no catalogue: its sentences are the keys.
const (
	English Language = "en"
	Italian Language = "it"
)

// Languages lists them all, in the order in which they are offered to choose from. The first is spoken to whoever
// asks for none of them.
var Languages = []Language{English, Italian}

// OwnName returns what a language calls itself.
func (l Language) OwnName() string {
	if l == Italian {
		return "Italiano"
	}
	return "English"
}

// Match returns the language to speak to somebody who chose one in their profile, or whose browser asks for these in
// its Accept-Language. A choice that is no language of ours counts for nothing.
func Match(chosen, accepted string) Language {
	if l := Language(chosen); slices.Contains(Languages, l) {
		return l
	}
	if accepted == "" {
		return Languages[0]
	}
	_, i := language.MatchStrings(matcher, accepted) // what cannot be read counts for nothing
	return Languages[i]
}

var matcher = language.NewMatcher([]language.Tag{language.English, language.Italian}) // in the order of Languages

// names are the names of months and days, and the form of numbers.
var names = map[Language]locales.Translator{English: en.New(), Italian: it.New()}
