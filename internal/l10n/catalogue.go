package l10n

import (
	"bufio"
	"bytes"
	_ "embed"
	"fmt"
	"strconv"
)

// A catalogue has a line for each sentence: the English one, an equals sign, and what is said instead, both quoted as in
// Go. catalogue/en.txt lists the sentences; a test of package arch holds both against the sources.
//
//go:embed catalogue/it.txt
var italian []byte

var catalogues = map[Language]map[string]string{Italian: must(ParseCatalogue(italian))}

// ParseCatalogue reads a catalogue. A malformed line, and one that says a sentence twice, are errors with its number.
func ParseCatalogue(text []byte) (map[string]string, error) {
	said := map[string]string{}
	lines := bufio.NewScanner(bytes.NewReader(text))
	for n := 1; lines.Scan(); n++ {
		line := lines.Text()
		quoted, err := strconv.QuotedPrefix(line)
		if err != nil || len(line) < len(quoted)+3 || line[len(quoted):len(quoted)+3] != " = " {
			return nil, fmt.Errorf("line %d is not of the form \"sentence\" = \"translation\"", n)
		}
		key, err := strconv.Unquote(quoted)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		translation, err := strconv.Unquote(line[len(quoted)+3:])
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if _, twice := said[key]; twice {
			return nil, fmt.Errorf("line %d says %q again", n, key)
		}
		said[key] = translation
	}
	return said, lines.Err()
}

// must panics: a catalogue that cannot be read is a broken build.
func must(said map[string]string, err error) map[string]string {
	if err != nil {
		panic("the Italian catalogue: " + err.Error())
	}
	return said
}
