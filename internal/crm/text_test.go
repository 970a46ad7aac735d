package crm_test

import (
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"github.com/archpilot/crm/internal/crm"
)

func TestWebsiteURL(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"example.com": "https://example.com", " HTTP://Example.com/a?b#c ": "http://Example.com/a?b#c", "example.com:8443/x": "https://example.com:8443/x",
		"": "", "localhost": "", "javascript:alert(1)": "", "JAVASCRIPT://a.b/%0aalert(1)": "", "data:text/html,a.b": "",
		"ftp://a.b": "", "//a.b": "", "http://u:p@a.b": "", `a.b\c`: "", "a.b'": "", "http://.": "", "mailto:a@b.c": "", "vbscript://a.b": "", "http://a.b:x": "",
	} {
		if got := crm.WebsiteURL(typed); got != want {
			t.Errorf("WebsiteURL(%q) = %q, want %q", typed, got, want)
		}
	}
}

func TestCheckEmail(t *testing.T) {
	t.Parallel()
	for _, good := range []string{"", "a@example.test", "a+b@localhost", "ü@exämple.test", "o'neil@example.test"} {
		v := crm.Invalid{}
		if v.CheckEmail("email", good); len(v) > 0 {
			t.Errorf("%q is refused", good)
		}
	}
	for _, bad := range []string{
		"a", "a@", "a b@c.test", "a@c.test,d@e.test", "A <a@c.test>", `"a b"@c.test`, "a@c.test\r\nBcc: d@e.test", "a@c.test.",
		"a\u202e@c.test", "a\u200b@c.test", "a@c\u2028.test", "a\u00a0@c.test", "a\x7f@c.test", "a\u0085@c.test",
	} {
		v := crm.Invalid{}
		if v.CheckEmail("email", bad); len(v) == 0 {
			t.Errorf("%q is taken", bad)
		}
	}
}

func FuzzWebsiteURL(f *testing.F) {
	for _, s := range []string{"example.com", "https://a.b/c", "javascript:alert(1)", "http://a.b\x00", "//x.y", "http://[::1]", "a.b:99999"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		link := crm.WebsiteURL(typed)
		if link == "" {
			return
		}
		u, err := url.Parse(link)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
			t.Errorf("WebsiteURL(%q) = %q: %v", typed, link, err)
		}
		if strings.ContainsAny(link, "\"'<>` \t\r\n\x00\\") {
			t.Errorf("WebsiteURL(%q) = %q", typed, link)
		}
		if again := crm.WebsiteURL(link); again != link {
			t.Errorf("WebsiteURL(%q) = %q, of which it makes %q", typed, link, again)
		}
	})
}

func TestParseTime(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	for typed, want := range map[string]string{
		"2026-11-22T15:04": "2026-11-22T14:04:00Z", "2026-07-22T15:04": "2026-07-22T13:04:00Z", "2026-11-22T15:04:05": "2026-11-22T14:04:05Z",
		"2026-11-22T15:04:05Z": "2026-11-22T15:04:05Z", "2026-11-22T15:04:05.5+02:00": "2026-11-22T13:04:05.5Z", "2026-11-22 15:04": "2026-11-22T14:04:00Z",
		"2026-11-22": "", "": "", "now": "", "2026-02-30T00:00": "", "2026-11-22T24:00": "", "22.11.2026 15:04": "", "2026-11-22T15:04 ": "",
	} {
		got := ""
		if at := crm.ParseTime(typed, rome); !at.IsZero() {
			got = at.UTC().Format(time.RFC3339Nano)
		}
		if got != want {
			t.Errorf("ParseTime(%q) = %q, want %q", typed, got, want)
		}
	}
}

func FuzzParseTime(f *testing.F) {
	for _, s := range []string{"2026-11-22T15:04", "2026-11-22T15:04:05Z", "2026-11-22T15:04:05+23:59", "9999-12-31T23:59", "0000-01-01T00:00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		at := crm.ParseTime(typed, time.UTC)
		if at.IsZero() {
			return
		}
		if again := crm.ParseTime(at.UTC().Format(time.RFC3339Nano), time.UTC); !again.Equal(at) && at.UTC().Year() >= 0 && at.UTC().Year() <= 9999 {
			t.Errorf("ParseTime(%q) = %v, which reads back as %v", typed, at, again)
		}
		i := crm.Interaction{Channel: crm.Call, Subject: "x", HappenedAt: at}
		_ = i.Validate()
	})
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{" a ", "e\u0301", "\x00", "\xff", "\u00a0x\u2003", "ﬃ"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, typed string) {
		once := crm.Clean(typed)
		if twice := crm.Clean(once); utf8.ValidString(typed) && twice != once {
			t.Errorf("Clean(%q) = %q, cleaned again %q", typed, once, twice)
		}
		if utf8.ValidString(typed) && !norm.NFC.IsNormalString(once) {
			t.Errorf("Clean(%q) = %q is not in normal form", typed, once)
		}
		if i := crm.Initials(typed); utf8.RuneCountInString(i) > 2 {
			t.Errorf("Initials(%q) = %q", typed, i)
		}
		o := crm.Organization{LegalName: typed, DisplayName: typed, Website: typed, TaxID: typed}
		c := crm.Contact{FirstName: typed, LastName: typed, Email: typed}
		o.Clean()
		c.Clean()
		if o.Validate() == nil && (!crm.Storable(o.LegalName) || o.LegalName == "" || utf8.RuneCountInString(o.DisplayName) > 160) {
			t.Errorf("%q is taken", typed)
		}
		if c.Validate() == nil && strings.ContainsAny(c.Email, " \r\n<>,;") && !strings.HasPrefix(c.Email, `"`) {
			t.Errorf("the address %q is taken", c.Email)
		}
	})
}
