package arch

import (
	"bytes"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/a-h/templ/parser/v2"
	"github.com/a-h/templ/parser/v2/visitor"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
)

const italian = root + "/internal/l10n/catalogue/it.txt"

// TestItalianIsComplete holds the translation against the sentences that are said: each has one, with the same verbs.
func TestItalianIsComplete(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(italian)
	if err != nil {
		t.Fatal(err)
	}
	translated, err := l10n.ParseCatalogue(text)
	if err != nil {
		t.Fatal(err)
	}
	said := sentencesOf(t).keys
	if *update { // in the order of the sentences, without what nobody says any more; what is missing takes a person
		var kept bytes.Buffer
		for _, key := range slices.Sorted(maps.Keys(said)) {
			if translation, known := translated[key]; known {
				fmt.Fprintf(&kept, "%q = %q\n", key, translation)
			}
		}
		if err := os.WriteFile(italian, kept.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for key, where := range said {
		translation, known := translated[key]
		switch {
		case !known:
			t.Errorf("%s: %q has no Italian: add it to catalogue/it.txt", where, key)
		case strings.TrimSpace(translation) == "" && strings.TrimSpace(key) != "":
			t.Errorf("%q is nothing in Italian", key)
		case !slices.Equal(verbs(key), verbs(translation)):
			t.Errorf("%q takes %q, its Italian %q takes %q", key, verbs(key), translation, verbs(translation))
		}
	}
	for key := range translated {
		if said[key] == "" {
			t.Errorf("catalogue/it.txt translates %q, which nobody says", key)
		}
	}
}

var verb = regexp.MustCompile(`%(?:\[(\d+)\])?([a-zA-Z%])`)

// verbs returns what a sentence is filled in with, argument by argument.
func verbs(sentence string) []string {
	found := verb.FindAllStringSubmatch(sentence, -1)
	var all []string
	for _, v := range found {
		if v[2] == "%" {
			continue
		}
		at := len(all)
		if v[1] != "" {
			at = int(v[1][0]-'0') - 1 // nobody takes ten
		}
		for len(all) <= at {
			all = append(all, "")
		}
		all[at] = v[2]
	}
	return all
}

// TestLanguagesOfAProfile holds what a profile takes against what is spoken.
func TestLanguagesOfAProfile(t *testing.T) {
	t.Parallel()
	spoken := []string{""}
	for _, l := range l10n.Languages {
		spoken = append(spoken, string(l))
	}
	if !slices.Equal(crm.Languages, spoken) {
		t.Errorf("a profile takes the languages %q, spoken are %q", crm.Languages, spoken)
	}
}

// TestTemplatesSayNothingOfTheirOwn finds words in templates that do not go through the localizer.
func TestTemplatesSayNothingOfTheirOwn(t *testing.T) {
	t.Parallel()
	read := 0
	for _, dir := range []string{"templates", "templates/ui"} {
		for _, name := range glob(t, dir, "*.templ") {
			if filepath.Base(name) == "showcase.templ" { // for developers only
				continue
			}
			file, err := parser.Parse(name)
			if err != nil {
				t.Fatal(err)
			}
			read++
			if err := wordsOf(file, func(word string) {
				t.Errorf("%s: %q is no sentence of the catalogue: it has to go through T", name, word)
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	if read < 30 {
		t.Fatalf("read only %d templates", read)
	}
	var found []string
	file, err := parser.ParseString("package x\n\ntempl x() {\n\t<p title=\"A title\" class=\"plain\">A text { \"b\" }</p>\n}\n")
	if err != nil {
		t.Fatal(err)
	}
	if err := wordsOf(file, func(word string) { found = append(found, word) }); err != nil || !slices.Equal(found, []string{"A title", "A text"}) {
		t.Errorf("in a template that says two things of its own, this test finds %q, %v", found, err)
	}
}

var letters = regexp.MustCompile(`\pL{2,}`)

// spoken are the attributes whose values people see or hear.
var spoken = []string{"title", "alt", "placeholder", "aria-label", "aria-description", "label", "content"}

// wordsOf tells of each text of a template that people would see.
func wordsOf(file *parser.TemplateFile, tell func(string)) error {
	v := visitor.New()
	v.Text = func(n *parser.Text) error {
		if text := strings.TrimSpace(n.Value); letters.MatchString(text) && !slices.Contains(silent, text) {
			tell(text)
		}
		return nil
	}
	v.ConstantAttribute = func(n *parser.ConstantAttribute) error {
		if name := n.Key.String(); slices.Contains(spoken, name) && letters.MatchString(n.Value) && !slices.Contains(silent, n.Value) {
			tell(n.Value)
		}
		return nil
	}
	return file.Visit(v)
}

// silent are no words: values of <meta content>, which only browsers read, and what stands on keys.
var silent = []string{"width=device-width, initial-scale=1, viewport-fit=cover", "light dark", "noindex", "Ctrl ↵", "Ctrl K"}
