package password

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

// ErrMalformed says that a stored hash is not one that this package could have written.
var ErrMalformed = errors.New("malformed password hash")

// Params are argon2id's costs.
type Params struct {
	MemoryKiB uint32
	Time      uint32
	Threads   uint8
}

// DefaultParams are the costs in production: about 0.2 s on the small servers we are made for.
var DefaultParams = Params{MemoryKiB: 64 * 1024, Time: 3, Threads: 1}

// Sizes of what this package writes, in bytes.
const (
	saltSize = 16
	keySize  = 32
)

// Bounds of what this package reads. A stored hash decides how much work a check does, so a bad
// row must not be able to ask for a terabyte.
const (
	maxMemoryKiB = 4 << 20
	maxTime      = 100
	maxThreads   = 16
	maxBytes     = 128 // salt or key
)

// hash is a PHC string taken apart.
type hash struct {
	params    Params
	salt, key []byte
}

// derive does the costly work.
func derive(pw string, salt []byte, p Params, size uint32) []byte {
	return argon2.IDKey([]byte(pw), salt, p.Time, p.MemoryKiB, p.Threads, size)
}

// String returns h as $argon2id$v=19$m=…,t=…,p=…$salt$key.
func (h hash) String() string {
	return fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		h.params.MemoryKiB, h.params.Time, h.params.Threads,
		base64.RawStdEncoding.EncodeToString(h.salt), base64.RawStdEncoding.EncodeToString(h.key))
}

// parse is the inverse of String; anything else is ErrMalformed.
func parse(phc string) (hash, error) {
	parts := strings.Split(phc, "$")
	if len(parts) != 6 || parts[0] != "" || parts[1] != "argon2id" || parts[2] != fmt.Sprintf("v=%d", argon2.Version) {
		return hash{}, ErrMalformed
	}
	params, err := parseParams(parts[3])
	if err != nil {
		return hash{}, err
	}
	salt, errSalt := base64.RawStdEncoding.Strict().DecodeString(parts[4])
	key, errKey := base64.RawStdEncoding.Strict().DecodeString(parts[5])
	if errSalt != nil || errKey != nil || !sensible(salt) || !sensible(key) {
		return hash{}, ErrMalformed
	}
	return hash{params, salt, key}, nil
}

func sensible(b []byte) bool { return len(b) >= 8 && len(b) <= maxBytes }

// parseParams reads "m=65536,t=3,p=1".
func parseParams(s string) (Params, error) {
	words := strings.Split(s, ",")
	if len(words) != 3 {
		return Params{}, ErrMalformed
	}
	var n [3]uint64
	for i, limit := range []struct {
		name string
		max  uint64
	}{{"m=", maxMemoryKiB}, {"t=", maxTime}, {"p=", maxThreads}} {
		digits, ok := strings.CutPrefix(words[i], limit.name)
		value, err := strconv.ParseUint(digits, 10, 32)
		if !ok || err != nil || value < 1 || value > limit.max {
			return Params{}, ErrMalformed
		}
		n[i] = value
	}
	//nolint:gosec // bounded just above
	return Params{MemoryKiB: uint32(n[0]), Time: uint32(n[1]), Threads: uint8(n[2])}, nil
}
