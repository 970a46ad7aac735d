package importer

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// Encoding names how a file's letters are written as bytes.
type Encoding string

// The encodings that office programs write.
const (
	UTF8        Encoding = "utf-8"
	UTF8BOM     Encoding = "utf-8 with BOM"
	UTF16LE     Encoding = "utf-16le"
	UTF16BE     Encoding = "utf-16be"
	Windows1252 Encoding = "windows-1252"
)

// Format is how a text file is written.
type Format struct {
	Encoding  Encoding
	Delimiter rune
}

// Sniff guesses the format of a whole file. Guessers by letter frequency mislabel short files, so it
// only asks questions that have an answer: is there a byte order mark; is every other byte of the
// beginning NUL; is it valid UTF-8? What is left is taken for windows-1252, in which any bytes mean
// something. The delimiter is the one of comma, semicolon and tab that the first line has most of.
func Sniff(data []byte) Format {
	enc := sniffEncoding(data)
	return Format{enc, sniffDelimiter(firstLine(decode(data, enc)))}
}

func sniffEncoding(data []byte) Encoding {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		if utf8.Valid(data) {
			return UTF8BOM
		}
		return Windows1252
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return UTF16LE
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return UTF16BE
	}
	if enc, ok := sniffUTF16(data); ok {
		return enc
	}
	if utf8.Valid(data) {
		return UTF8
	}
	return Windows1252
}

// sniffUTF16 looks for the NULs that Latin letters have in their other half. A third of the places is
// plenty: names in other scripts have none, but delimiters and digits do.
func sniffUTF16(data []byte) (Encoding, bool) {
	head := data[:min(len(data), 4096)&^1]
	var even, odd int
	for i := 0; i < len(head); i += 2 {
		if head[i] == 0 {
			even++
		}
		if head[i+1] == 0 {
			odd++
		}
	}
	pairs := len(head) / 2
	switch {
	case pairs > 0 && odd > pairs/3 && even <= pairs/20:
		return UTF16LE, true
	case pairs > 0 && even > pairs/3 && odd <= pairs/20:
		return UTF16BE, true
	}
	return "", false
}

// decode returns data as UTF-8 without a byte order mark. It cannot fail: what has no meaning in the
// encoding becomes U+FFFD.
func decode(data []byte, enc Encoding) string {
	var out []byte
	var err error
	switch enc {
	case UTF16LE:
		out, err = unicode.UTF16(unicode.LittleEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	case UTF16BE:
		out, err = unicode.UTF16(unicode.BigEndian, unicode.UseBOM).NewDecoder().Bytes(data)
	case Windows1252:
		out, err = charmap.Windows1252.NewDecoder().Bytes(data)
	default:
		out = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	}
	if err != nil {
		out = data
	}
	return strings.ToValidUTF8(string(out), "\ufffd")
}

// firstLine returns the header, in which a quoted name may hold a line break.
func firstLine(text string) string {
	quoted := false
	for i, r := range text {
		switch {
		case r == '"':
			quoted = !quoted
		case !quoted && (r == '\n' || r == '\r'):
			return text[:i]
		}
		if i > 64<<10 { // no header is this long; an unclosed quote would make us read it all
			return text[:i]
		}
	}
	return text
}

func sniffDelimiter(header string) rune {
	counts := map[rune]int{}
	quoted := false
	for _, r := range header {
		if r == '"' {
			quoted = !quoted
		}
		if !quoted {
			counts[r]++
		}
	}
	best := ','
	for _, r := range []rune{';', '\t'} {
		if counts[r] > counts[best] {
			best = r
		}
	}
	return best
}
