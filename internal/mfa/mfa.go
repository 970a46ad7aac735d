// Package mfa makes and reads what proves a second factor: time-based one-time codes (RFC 6238) as every
// authenticator app shows them, and recovery codes for when the app is lost. It is pure. It does not count
// tries or remember which code was taken: that is the database's work.
package mfa

import (
	"bytes"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"fmt"
	"image"
	"image/color"
	"image/draw"
	"image/png"
	"strings"
	"time"
	"unicode"

	"github.com/pquerna/otp"
	"github.com/pquerna/otp/totp"
)

// What authenticator apps assume whatever the QR code says, so there is no choice in it.
const (
	period = 30 * time.Second
	digits = 6
)

// skew is how many steps a phone's clock may be off, either way.
const skew = 1

// NewSecret returns 160 random bits, the length of a SHA-1, in the letters that apps accept when a secret is
// typed in by hand.
func NewSecret() string { return base32.StdEncoding.EncodeToString(random(20)) }

// Step returns the number of the 30 second step whose code this is, within one step of now, and whether it is
// the code of any. All steps are compared, in constant time. The caller must see that each step is taken once.
func Step(secret, code string, now time.Time) (int64, bool) {
	step, right := int64(0), 0
	for at := -skew; at <= skew; at++ {
		t := now.Add(time.Duration(at) * period)
		want, err := totp.GenerateCodeCustom(secret, t, totp.ValidateOpts{Period: uint(period.Seconds()), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
		if err != nil {
			return 0, false // no secret of ours
		}
		same := subtle.ConstantTimeCompare([]byte(want), []byte(code))
		step = int64(subtle.ConstantTimeSelect(same, int(t.Unix()/int64(period.Seconds())), int(step)))
		right |= same
	}
	return step, right == 1
}

// recoveryLength is of a code as it is hashed: 16 letters of 32 make 80 bits.
const recoveryLength = 16

// letters leaves out those that are mistaken for others on paper (Crockford's base 32): a reader's i, l and o
// are taken as 1, 1 and 0.
var letters = base32.NewEncoding("0123456789abcdefghjkmnpqrstvwxyz").WithPadding(base32.NoPadding)

// NewRecoveryCodes returns n codes as people write them down, such as k7mp-x3dw-q9hb-fa2t.
func NewRecoveryCodes(n int) []string {
	codes := make([]string, n)
	for i := range codes {
		codes[i] = Grouped(letters.EncodeToString(random(recoveryLength * 5 / 8)))
	}
	return codes
}

// Grouped splits a secret into groups of four, which are easier to copy.
func Grouped(secret string) string {
	var b strings.Builder
	for i, r := range secret {
		if i > 0 && i%4 == 0 {
			b.WriteByte('-')
		}
		b.WriteRune(r)
	}
	return b.String()
}

// Entry is what somebody typed as a second factor: one of the two, or neither when it can be no code.
type Entry struct {
	Code     string // six digits
	Recovery []byte // the hash of a recovery code; the codes are random, so a slow hash would add nothing
}

// Read tells a code from a recovery code. Blanks and dashes do not count, nor does the case of letters.
func Read(typed string) Entry {
	if len(typed) > 200 {
		return Entry{}
	}
	text := strings.Map(func(r rune) rune {
		switch r = unicode.ToLower(r); {
		case unicode.IsSpace(r), unicode.Is(unicode.Pd, r):
			return -1
		case r == 'o':
			return '0'
		case r == 'i', r == 'l':
			return '1'
		}
		return r
	}, typed)
	switch {
	case len(text) == digits && strings.Trim(text, "0123456789") == "":
		return Entry{Code: text}
	case len(text) == recoveryLength:
		if _, err := letters.DecodeString(text); err != nil {
			return Entry{}
		}
		sum := sha256.Sum256([]byte(text))
		return Entry{Recovery: sum[:]}
	}
	return Entry{}
}

// Hashes returns what is stored of recovery codes.
func Hashes(codes []string) [][]byte {
	all := make([][]byte, len(codes))
	for i, c := range codes {
		all[i] = Read(c).Recovery
	}
	return all
}

// imageSize holds the QR code of the longest address and firm, five pixels and more a dot for usual ones.
const (
	imageSize = 320
	imageEdge = 24 // a reader needs white around the code, on a dark page too
)

// QR returns the picture of a secret that authenticator apps read, as PNG.
func QR(secret, firm, account string) ([]byte, error) {
	raw, err := base32.StdEncoding.DecodeString(secret)
	if err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	key, err := totp.Generate(totp.GenerateOpts{Issuer: issuer(firm), AccountName: account, Secret: raw, Period: uint(period.Seconds()), Digits: otp.DigitsSix, Algorithm: otp.AlgorithmSHA1})
	if err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	code, err := key.Image(imageSize, imageSize)
	if err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	framed := image.NewPaletted(image.Rect(0, 0, imageSize+2*imageEdge, imageSize+2*imageEdge), color.Palette{color.White, color.Black})
	draw.Draw(framed, image.Rect(imageEdge, imageEdge, imageEdge+imageSize, imageEdge+imageSize), code, code.Bounds().Min, draw.Src)
	var out bytes.Buffer
	if err := png.Encode(&out, framed); err != nil {
		return nil, fmt.Errorf("second factor: %w", err)
	}
	return out.Bytes(), nil
}

// issuer is the firm as an app lists it. A colon would end it, and a very long one would fit no picture.
func issuer(firm string) string {
	firm = strings.TrimSpace(strings.ReplaceAll(firm, ":", " "))
	if firm == "" {
		return "CRM"
	}
	if runes := []rune(firm); len(runes) > 60 {
		return string(runes[:60])
	}
	return firm
}

func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails: the program ends first
	return b
}
