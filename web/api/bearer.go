package api

import (
	"errors"
	"net/http"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/go-chi/chi/v5/middleware"

	"github.com/archpilot/crm/internal/postgres"
)

// errNoToken is a call without a live token: none, unknown, revoked, expired, or of a deactivated user, all alike.
var errNoToken = errors.New("no live token")

// tooMany is the error of an address that has tried too many dead tokens.
type tooMany struct{ wait time.Duration }

func (tooMany) Error() string { return "too many failed attempts" }

// authenticate returns the call of a live token. Only dead tokens are counted, so a live one is never refused
// because of others behind the same address.
func (s *Server) authenticate(r *http.Request) (*call, error) {
	origin := postgres.Origin{IP: middleware.GetClientIPAddr(r.Context()), UserAgent: r.UserAgent()}
	given := r.Header.Values("Authorization")
	if len(given) == 0 {
		return nil, errNoToken
	}
	scheme, secret, _ := strings.Cut(given[0], " ")
	var b postgres.Bearer
	var live bool
	if len(given) == 1 && strings.EqualFold(scheme, "Bearer") {
		var err error
		if b, live, err = s.DB.FindBearer(r.Context(), strings.TrimSpace(secret), origin); err != nil {
			return nil, err
		}
	}
	if !live {
		if wait := s.failures.Count(origin.IP); wait > 0 {
			return nil, tooMany{wait}
		}
		return nil, errNoToken
	}
	origin.Token = b.Token.Name
	c := &call{actor: b.Actor, token: b.Token, origin: origin, store: s.DB.As(b.Actor, origin), path: r.URL.Path, now: s.Now(), zone: s.Zone}
	if zone, err := time.LoadLocation(b.Actor.Zone); b.Actor.Zone != "" && err == nil {
		c.zone = zone
	}
	return c, nil
}

// maxFailures is how many dead tokens an address may try in a minute.
const maxFailures = 30

// maxAddresses bounds the memory of a brake.
const maxAddresses = 100_000

// Brake counts failures per address and minute: dead tokens here, dead addresses of calendars in package web. It is in memory and per process on purpose: 160 random bits are not
// guessed, so this only keeps a program gone wrong, or a scanner, from filling the log. A limiter of requests, such
// as httprate, would count before it is known whether the token is live.
type Brake struct {
	now    func() time.Time
	mu     sync.Mutex
	since  time.Time
	counts map[netip.Prefix]int
}

// NewBrake returns a Brake that reads the clock now.
func NewBrake(now func() time.Time) *Brake { return &Brake{now: now} }

// Count notes a failure and returns how long to wait, 0 while the address may go on.
func (b *Brake) Count(ip netip.Addr) time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.now()
	if past := now.Sub(b.since); past < 0 || past >= time.Minute || len(b.counts) >= maxAddresses {
		b.since, b.counts = now, map[netip.Prefix]int{}
	}
	bits := 32
	if ip = ip.Unmap(); ip.Is6() {
		bits = 64 // a network's worth of addresses belongs to one subscriber
	}
	from, _ := ip.WithZone("").Prefix(bits) // the zero Prefix stands for an address that is none
	b.counts[from]++
	if b.counts[from] <= maxFailures {
		return 0
	}
	return b.since.Add(time.Minute).Sub(now)
}
