package config

import (
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Each type below refuses a bad value while it is read, so that the error can name where it stood.
// Empty text is the zero value: "not set".

const mask = "********"

// Secret is text that never shows itself: String masks it for logs, errors and `crm config`.
type Secret string

// String returns a mask, or "" when there is no secret.
func (s Secret) String() string {
	if s == "" {
		return ""
	}
	return mask
}

// GoString masks %#v too.
func (s Secret) GoString() string { return strconv.Quote(s.String()) }

// Reveal returns the secret itself.
func (s Secret) Reveal() string { return string(s) }

// DSN names a database, as a URL or as key=value words. String masks its passwords.
type DSN string

// String returns the DSN with its passwords masked, for logs, errors and `crm config`.
func (d DSN) String() string { return maskPasswords(string(d)) }

// GoString masks %#v too.
func (d DSN) GoString() string { return strconv.Quote(d.String()) }

// Reveal returns the DSN as it was given, passwords included.
func (d DSN) Reveal() string { return string(d) }

// UnmarshalText refuses what is plainly no database; PostgreSQL's own parser has the last word.
func (d *DSN) UnmarshalText(text []byte) error {
	s := string(text)
	isURL := strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://")
	if s != "" && !isURL && (strings.Contains(s, "://") || !strings.Contains(s, "=")) {
		// The value is not repeated: it may hold a password.
		return errors.New("enter an address like postgres://user@host/database")
	}
	*d = DSN(s)
	return nil
}

var (
	userinfo = regexp.MustCompile(`(://[^:@/?#]*):[^/?#]*@`)
	// brokenUserinfo takes everything up to the last @ of an address that does not parse: its password
	// may hold anything, and showing too little is the safe side.
	brokenUserinfo = regexp.MustCompile(`(?s)(://[^:@/?#]*):.*@`)
	wordValue      = regexp.MustCompile(`(?i)(\b(?:ssl)?(?:password|passphrase)\s*=\s*)('(?:[^'\\]|\\.)*'?|(?:[^\s&\\]|\\.)+)`)
)

func maskPasswords(s string) string {
	credentials := userinfo
	if _, err := url.Parse(s); err != nil {
		credentials = brokenUserinfo
	}
	s = credentials.ReplaceAllString(s, "${1}:"+mask+"@")
	return wordValue.ReplaceAllString(s, "${1}"+mask)
}

// Address is a host and port to listen on. The host may be empty: every interface.
type Address string

// UnmarshalText refuses what is no host and port.
func (a *Address) UnmarshalText(text []byte) error {
	if s := string(text); s != "" {
		_, port, err := net.SplitHostPort(s)
		if err != nil {
			return fmt.Errorf("%q is not an address like 127.0.0.1:8080", s)
		}
		if _, err := strconv.ParseUint(port, 10, 16); err != nil {
			return fmt.Errorf("%q has no port from 0 to 65535", s)
		}
	}
	*a = Address(text)
	return nil
}

// BaseURL is an http or https address without a slash at its end.
type BaseURL string

// UnmarshalText refuses what a browser cannot open, and what would break links built on it.
func (b *BaseURL) UnmarshalText(text []byte) error {
	s := strings.TrimRight(string(text), "/")
	u, err := url.Parse(s)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" {
		return fmt.Errorf("%q is not an address like https://crm.example.com", string(text))
	}
	if u.User != nil || u.RawQuery != "" || u.Fragment != "" || u.Path != "" {
		// Not repeated: it may hold a password.
		return errors.New("enter no more than scheme, host and port, like https://crm.example.com")
	}
	*b = BaseURL(s)
	return nil
}

// Secure reports whether people reach the product over https.
func (b BaseURL) Secure() bool { return strings.HasPrefix(string(b), "https://") }

// Prefixes are networks; a single address counts as a network of one.
type Prefixes []netip.Prefix

// UnmarshalText reads networks and addresses separated by commas.
func (p *Prefixes) UnmarshalText(text []byte) error {
	var out Prefixes
	for word := range strings.SplitSeq(string(text), ",") {
		word = strings.TrimSpace(word)
		if word == "" {
			continue
		}
		prefix, err := parsePrefix(word)
		if err != nil {
			return fmt.Errorf("%q is neither a network like 10.0.0.0/8 nor an address", word)
		}
		out = append(out, prefix)
	}
	*p = out
	return nil
}

func parsePrefix(word string) (netip.Prefix, error) {
	if strings.Contains(word, "/") {
		prefix, err := netip.ParsePrefix(word)
		return prefix.Masked(), err
	}
	addr, err := netip.ParseAddr(word)
	if err != nil || addr.Zone() != "" {
		return netip.Prefix{}, errors.New("no address")
	}
	return netip.PrefixFrom(addr.Unmap(), addr.Unmap().BitLen()), nil
}

// String returns the networks as UnmarshalText reads them.
func (p Prefixes) String() string {
	words := make([]string, len(p))
	for i, prefix := range p {
		words[i] = prefix.String()
	}
	return strings.Join(words, ",")
}

// Zone is an IANA time zone that exists.
type Zone string

// UnmarshalText refuses an unknown zone, and "Local", which means another one on every machine.
func (z *Zone) UnmarshalText(text []byte) error {
	s := string(text)
	if _, err := time.LoadLocation(s); err != nil || s == "" || s == "Local" {
		return fmt.Errorf("%q is not a time zone like Europe/Rome", s)
	}
	*z = Zone(s)
	return nil
}

// Location returns the zone, UTC for the zero Zone.
func (z Zone) Location() *time.Location {
	loc, err := time.LoadLocation(string(z))
	if err != nil {
		return time.UTC
	}
	return loc
}

// LogFormat is how log lines look.
type LogFormat string

// The two formats of the log.
const (
	LogText LogFormat = "text"
	LogJSON LogFormat = "json"
)

// UnmarshalText refuses any other format.
func (f *LogFormat) UnmarshalText(text []byte) error {
	s := LogFormat(text)
	if s != LogText && s != LogJSON {
		return fmt.Errorf("%q is neither text nor json", string(text))
	}
	*f = s
	return nil
}

// MailTLS says how the way to the mail server is kept private.
type MailTLS string

// The ways. Auto is TLS from the first byte on port 465 and STARTTLS elsewhere, which only a server on this very
// machine may leave out.
const (
	MailTLSAuto     MailTLS = "auto"
	MailTLSStart    MailTLS = "starttls"
	MailTLSImplicit MailTLS = "tls"
	MailTLSNone     MailTLS = "none"
)

// UnmarshalText refuses any other way.
func (m *MailTLS) UnmarshalText(text []byte) error {
	s := MailTLS(text)
	if !slices.Contains([]MailTLS{MailTLSAuto, MailTLSStart, MailTLSImplicit, MailTLSNone}, s) {
		return fmt.Errorf("%q is none of auto, starttls, tls, none", string(text))
	}
	*m = s
	return nil
}

// Host returns the host without its port.
func (b BaseURL) Host() string {
	u, err := url.Parse(string(b))
	if err != nil {
		return "" // UnmarshalText has refused it
	}
	return u.Hostname()
}

// Sender is a mail address, with or without a name.
type Sender string

// UnmarshalText refuses what is no mail address.
func (s *Sender) UnmarshalText(text []byte) error {
	if len(text) > 0 {
		if _, err := mail.ParseAddress(string(text)); err != nil {
			return fmt.Errorf("%q is not an address like crm@example.com", string(text))
		}
	}
	*s = Sender(text)
	return nil
}
