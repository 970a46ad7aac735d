package api

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

func TestBrake(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 11, 22, 15, 4, 0, 0, time.UTC)
	b := NewBrake(func() time.Time { return now })
	try := func(ip string) time.Duration { return b.Count(netip.MustParseAddr(ip)) }
	for i := range maxFailures {
		if wait := try("192.0.2.1"); wait != 0 {
			t.Fatalf("failure %d has to wait for %s", i+1, wait)
		}
		if wait := try(fmt.Sprintf("2001:db8::%x", i)); wait != 0 {
			t.Fatalf("failure %d of a network has to wait for %s", i+1, wait)
		}
	}
	now = now.Add(20 * time.Second)
	if wait := try("192.0.2.1"); wait != 40*time.Second {
		t.Errorf("one too many waits for %s, want the rest of the minute", wait)
	}
	if wait := try("::ffff:192.0.2.1"); wait == 0 {
		t.Error("the same address written as IPv6 is another one")
	}
	if wait := try("2001:db8::ffff:1:2:3"); wait == 0 {
		t.Error("another address of the same /64 starts afresh")
	}
	if try("2001:db8:0:1::1") != 0 || try("192.0.2.2") != 0 || b.Count(netip.Addr{}) != 0 {
		t.Error("another address has to wait")
	}
	if now = now.Add(40 * time.Second); try("192.0.2.1") != 0 {
		t.Error("the next minute has to wait")
	}
	now = now.Add(-time.Hour)
	if wait := try("192.0.2.1"); wait != 0 {
		t.Errorf("a clock set back makes it wait for %s", wait)
	}
}
