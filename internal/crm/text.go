package crm

import (
	"net/mail"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// Clean returns text as it is stored: trimmed and in Unicode normal form C.
func Clean(s string) string {
	return norm.NFC.String(strings.TrimSpace(s))
}

// Storable reports whether PostgreSQL can hold s: valid UTF-8 without NUL.
func Storable(s string) bool {
	return utf8.ValidString(s) && !strings.ContainsRune(s, 0)
}

// checkText adds a fault when a field cannot be stored or is longer than its column, in characters.
func (v Invalid) checkText(field, value string, limit int) {
	if !Storable(value) {
		v.Add(field, "This text has characters that cannot be stored.")
		return
	}
	if n := utf8.RuneCountInString(value); n > limit {
		v.Add(field, "At most %d characters; this has %d.", limit, n)
	}
}

// require adds a fault when a required field is empty.
func (v Invalid) require(field, value, sentence string) {
	if value == "" {
		v.Add(field, sentence)
	}
}

// CheckEmail adds a fault when value is neither empty nor one plain e-mail address. Characters that nobody sees, such as
// those that turn the direction of text, would make it look like another one.
func (v Invalid) CheckEmail(field, value string) {
	if value == "" {
		return
	}
	a, err := mail.ParseAddress(value)
	if err != nil || a.Address != value || a.Name != "" || strings.ContainsAny(value, "<>\"") || strings.ContainsFunc(value, unseen) {
		v.Add(field, "Enter an e-mail address like name@example.com.")
	}
}

// unseen reports whether a character shows as nothing, or as a blank.
func unseen(r rune) bool { return r == ' ' || !unicode.IsPrint(r) }

// checkWebsite adds a fault when value is neither empty nor an address a browser may open over HTTP.
// A bare host such as example.com is fine and stays as typed.
func (v Invalid) checkWebsite(field, value string) {
	if value != "" && WebsiteURL(value) == "" {
		v.Add(field, "Enter a web address like example.com or https://example.com.")
	}
}

// WebsiteURL turns a website as typed into a link, or into "" when it is not a web address:
// nothing but http and https is ever linked.
func WebsiteURL(value string) string {
	value = strings.TrimSpace(value)
	if value == "" || strings.ContainsAny(value, " \t\r\n<>\"'`\\") {
		return ""
	}
	if !strings.Contains(value, "://") {
		value = "https://" + value
	}
	u, err := url.Parse(value)
	if err != nil || u.User != nil || !strings.Contains(strings.Trim(u.Hostname(), "."), ".") {
		return ""
	}
	if u.Scheme != "http" && u.Scheme != "https" {
		return ""
	}
	return u.String()
}

// Initials returns one or two capital letters for the disc beside a name.
func Initials(name string) string {
	words := strings.FieldsFunc(name, func(r rune) bool { return strings.ContainsRune(" \t-&.,/()'’", r) })
	var out []rune
	for _, w := range words {
		r, _ := utf8.DecodeRuneInString(w)
		out = append(out, []rune(strings.ToUpper(string(r)))...)
		if len(out) >= 2 {
			break
		}
	}
	return string(out[:min(2, len(out))])
}
