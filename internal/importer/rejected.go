package importer

import (
	"encoding/csv"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// triggers make a spreadsheet run a cell rather than show it; full-width forms are folded by some.
const triggers = "=+-@|%＝＋－＠｜％"

// Neutralise returns s so that a spreadsheet shows it and never runs it: with an apostrophe before it
// when the first character after blanks, controls and invisible ones is a trigger, and where it begins with a tab or
// a carriage return, which some drop before they look.
func Neutralise(s string) string {
	first := strings.TrimLeftFunc(s, func(r rune) bool {
		return unicode.IsSpace(r) || unicode.IsControl(r) || unicode.Is(unicode.Cf, r)
	})
	if r, _ := utf8.DecodeRuneInString(first); strings.ContainsRune(triggers, r) || strings.HasPrefix(s, "\t") || strings.HasPrefix(s, "\r") {
		return "'" + s
	}
	return s
}

// denature takes back what Neutralise did, so that a file of rejected rows can be mended and
// imported again without apostrophes growing.
func denature(s string) string {
	if rest, ok := strings.CutPrefix(s, "'"); ok && Neutralise(rest) != rest {
		return rest
	}
	return s
}

// WriteRejected writes the rejected rows as CSV, with the file's header and delimiter and a last
// column that says why, to be mended and imported again. Short rows are filled up, so that the reason
// stands under its header; long ones keep their spare cells before it. The file begins with a byte order mark, without which Excel garbles accents, unless the file itself was
// plain UTF-8.
func WriteRejected(w io.Writer, f *File) error {
	if f.Format.Encoding != UTF8 {
		if _, err := io.WriteString(w, "\ufeff"); err != nil {
			return err
		}
	}
	out := csv.NewWriter(w)
	if validDelimiter(f.Format.Delimiter) {
		out.Comma = f.Format.Delimiter
	}
	if err := out.Write(neutral(f.Header, "Reason")); err != nil {
		return err
	}
	for _, row := range f.Rejected {
		cells := append([]string{}, row.Cells...)
		for len(cells) < len(f.Header) {
			cells = append(cells, "")
		}
		if err := out.Write(neutral(cells, strings.Join(row.Reasons, " "))); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func neutral(cells []string, last string) []string {
	out := make([]string, 0, len(cells)+1)
	for _, c := range append(append([]string{}, cells...), last) {
		out = append(out, Neutralise(c))
	}
	return out
}
