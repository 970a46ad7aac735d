package mfa_test

import (
	"bytes"
	"encoding/base32"
	"image/png"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/mfa"
)

// The secret and the codes of RFC 6238, appendix B, of which ours are the last six digits.
func TestStepKnowsTheCodesOfTheStandard(t *testing.T) {
	t.Parallel()
	secret := base32.StdEncoding.EncodeToString([]byte("12345678901234567890"))
	for at, code := range map[int64]string{59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 2000000000: "279037", 20000000000: "353130"} {
		for off, want := range map[int64]bool{-60: false, -30: true, 0: true, 30: true, 60: false} {
			step, ok := mfa.Step(secret, code, time.Unix(at+off, 0))
			if ok != want || ok && step != at/30 {
				t.Errorf("code %s of %d, seen at %+d s: step %d, %v; want %d, %v", code, at, off, step, ok, at/30, want)
			}
		}
	}
	for _, wrong := range []string{"", "287083", "0287082", "28708", "94287082", "２８７０８２"} {
		if _, ok := mfa.Step(secret, wrong, time.Unix(59, 0)); ok {
			t.Errorf("%q was taken", wrong)
		}
	}
	if _, ok := mfa.Step("no secret!", "287082", time.Unix(59, 0)); ok {
		t.Error("a code of no secret was taken")
	}
}

func TestSecretsAreLongAndNew(t *testing.T) {
	t.Parallel()
	a, b := mfa.NewSecret(), mfa.NewSecret()
	if raw, err := base32.StdEncoding.DecodeString(a); err != nil || len(raw) != 20 || a == b {
		t.Errorf("secrets %q and %q: %v", a, b, err)
	}
	if got, want := mfa.Grouped("ABCDEFGHIJ"), "ABCD-EFGH-IJ"; got != want {
		t.Errorf("grouped %q, want %q", got, want)
	}
}

func TestRecoveryCodesAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	codes := mfa.NewRecoveryCodes(10)
	shape := regexp.MustCompile(`^[0-9a-hjkmnp-tv-z]{4}(-[0-9a-hjkmnp-tv-z]{4}){3}$`)
	hashes := mfa.Hashes(codes)
	for i, c := range codes {
		if !shape.MatchString(c) || slices.Index(codes, c) != i {
			t.Errorf("code %q", c)
		}
		plain := strings.ReplaceAll(c, "-", "")
		for _, typed := range []string{plain, strings.ToUpper(c), " " + c + "\n", strings.ReplaceAll(c, "-", " – "), strings.NewReplacer("0", "O", "1", "l").Replace(c), strings.ReplaceAll(c, "1", "I")} {
			if got := mfa.Read(typed); !bytes.Equal(got.Recovery, hashes[i]) || got.Code != "" {
				t.Errorf("%q is not read as %q", typed, c)
			}
		}
		for _, typed := range []string{plain[1:], plain + "0", "u" + plain[1:], strings.Repeat("0", 16) + "\x00"} {
			if got := mfa.Read(typed); got.Recovery != nil {
				t.Errorf("%q is read as a recovery code", typed)
			}
		}
	}
}

func TestReadTellsCodes(t *testing.T) {
	t.Parallel()
	for typed, want := range map[string]string{
		"123456": "123456", " 123 456 ": "123456", "123-456": "123456", "12\u00a034—56": "123456", "ol2345": "012345",
		"": "", "12345": "", "1234567": "", "12345a": "", "１２３４５６": "", "+12345": "", "-12345": "", "12345\x00": "", "\xff23456": "", "123456" + strings.Repeat(" ", 200): "",
	} {
		if got := mfa.Read(typed).Code; got != want {
			t.Errorf("%q is read as %q, want %q", typed, got, want)
		}
	}
}

// Whatever is typed is six digits, the hash of a recovery code, or nothing; never both.
func FuzzRead(f *testing.F) {
	for _, seed := range []string{"", "123456", "123 456", mfa.NewRecoveryCodes(1)[0], "\xff", strings.Repeat("0", 16), "İ23456", "ſ"} {
		f.Add(seed)
	}
	six := regexp.MustCompile(`^[0-9]{6}$`)
	f.Fuzz(func(t *testing.T, typed string) {
		e := mfa.Read(typed)
		if e.Code != "" && (!six.MatchString(e.Code) || e.Recovery != nil) || e.Recovery != nil && len(e.Recovery) != 32 {
			t.Errorf("%q is read as %+v", typed, e)
		}
	})
}

func TestQR(t *testing.T) {
	t.Parallel()
	for _, who := range [][2]string{{"Northgate & Co.", "ada@example.com"}, {"", "a@b"}, {strings.Repeat("Ünder:", 900), strings.Repeat("é", 189) + "@"}} {
		raw, err := mfa.QR(mfa.NewSecret(), who[0], who[1])
		if err != nil {
			t.Errorf("%.20q: %v", who[0], err)
			continue
		}
		img, err := png.Decode(bytes.NewReader(raw))
		if err != nil {
			t.Fatal(err)
		}
		black, b := 0, img.Bounds()
		for y := range b.Dy() {
			for x := range b.Dx() {
				r, _, _, _ := img.At(x, y).RGBA()
				if dark := r == 0; dark {
					black++
					if x < 24 || y < 24 || x >= b.Dx()-24 || y >= b.Dy()-24 {
						t.Fatalf("a dot at %d, %d: no white around the code", x, y)
					}
				}
			}
		}
		if all := b.Dx() * b.Dy(); black < all/8 || black > all*2/3 {
			t.Errorf("%d of %d dots are black", black, all)
		}
	}
	if _, err := mfa.QR("!", "Northgate", "ada"); err == nil {
		t.Error("a picture of no secret")
	}
}
