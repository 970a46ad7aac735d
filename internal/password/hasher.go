package password

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"errors"
	"sync/atomic"
)

// ErrBusy says that too many hashes are waiting already; the answer is 503 with Retry-After.
var ErrBusy = errors.New("too many passwords are being checked")

// queuePerSlot is how many callers may wait for each hash that runs. At about 0.2 s a hash the last
// one in line waits under two seconds, which a person at a sign-in form will.
const queuePerSlot = 8

// Hasher hashes and checks passwords, a few at a time: each takes a core and 64 MiB, so that without
// a bound a burst of sign-ins would take the server down. It is safe for concurrent use.
type Hasher struct {
	params  Params
	slots   chan struct{}
	waiting atomic.Int64 // callers that wait or run
	most    int64
	dummy   hash
}

// New returns a Hasher that runs at most width hashes at once; the number of cores is a good width.
func New(params Params, width int) *Hasher {
	width = max(width, 1)
	params.Threads = max(params.Threads, 1)
	return &Hasher{
		params: params,
		slots:  make(chan struct{}, width),
		most:   int64(width) * (1 + queuePerSlot),
		dummy:  hash{params, random(saltSize), random(keySize)},
	}
}

// random never fails: crypto/rand ends the program rather than return weak bytes.
func random(n int) []byte {
	b := make([]byte, n)
	_, _ = rand.Read(b)
	return b
}

// Hash returns pw as a PHC string with a fresh salt. It does not judge pw: see Check.
// The error is ErrBusy or the context's.
func (h *Hasher) Hash(ctx context.Context, pw string) (string, error) {
	out := hash{params: h.params, salt: random(saltSize)}
	err := h.run(ctx, func() { out.key = derive(pw, out.salt, h.params, keySize) })
	if err != nil {
		return "", err
	}
	return out.String(), nil
}

// Verify reports whether pw is the password behind phc, and, if so, whether phc was made at other
// costs than today's and should be replaced. The error is ErrBusy, the context's or ErrMalformed;
// ok is then false.
func (h *Hasher) Verify(ctx context.Context, pw, phc string) (ok, rehash bool, err error) {
	stored, err := parse(phc)
	if err != nil {
		return false, false, err
	}
	ok, err = h.compare(ctx, pw, stored)
	return ok, ok && (stored.params != h.params || len(stored.key) != keySize), err
}

// VerifyDummy does the work of Verify for an account that does not exist or may not sign in, so that
// the time of the answer tells nothing. The error is ErrBusy or the context's.
func (h *Hasher) VerifyDummy(ctx context.Context, pw string) error {
	_, err := h.compare(ctx, pw, h.dummy)
	return err
}

func (h *Hasher) compare(ctx context.Context, pw string, stored hash) (bool, error) {
	same := 0
	err := h.run(ctx, func() {
		//nolint:gosec // at most maxBytes
		got := derive(pw, stored.salt, stored.params, uint32(len(stored.key)))
		same = subtle.ConstantTimeCompare(got, stored.key)
	})
	return same == 1, err
}

// run calls work once one of the slots is free. It refuses at once when the queue is full, and
// leaves the queue when the caller goes away.
func (h *Hasher) run(ctx context.Context, work func()) error {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > h.most {
		return ErrBusy
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	select {
	case h.slots <- struct{}{}:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { <-h.slots }()
	work()
	return nil
}
