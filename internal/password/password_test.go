package password

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/ccojocar/zxcvbn-go/frequency"
)

// cheap keeps the tests fast.
var cheap = Params{MemoryKiB: 64, Time: 1, Threads: 1}

func TestHashAndVerify(t *testing.T) {
	t.Parallel()
	h := New(cheap, 2)
	for _, pw := range []string{"correct horse battery staple", "", "é", " trailing ", strings.Repeat("x", MaxBytes), "a\x00b"} {
		phc, err := h.Hash(t.Context(), pw)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(phc, "$argon2id$v=19$m=64,t=1,p=1$") {
			t.Errorf("PHC %q", phc)
		}
		if ok, rehash, err := h.Verify(t.Context(), pw, phc); !ok || rehash || err != nil {
			t.Errorf("verify %q: %v %v %v", pw, ok, rehash, err)
		}
		for _, wrong := range []string{pw + "x", pw + " ", strings.ToUpper(pw) + "!", "e\u0301"} {
			if ok, rehash, err := h.Verify(t.Context(), wrong, phc); ok || rehash || err != nil {
				t.Errorf("verify %q against %q: %v %v %v", wrong, pw, ok, rehash, err)
			}
		}
	}
}

// The reference vector of the argon2 command line tool: we read what others wrote.
func TestVerifyReadsForeignHashes(t *testing.T) {
	t.Parallel()
	const phc = "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc"
	ok, rehash, err := New(DefaultParams, 1).Verify(t.Context(), "password", phc)
	if !ok || !rehash || err != nil {
		t.Errorf("got %v %v %v", ok, rehash, err)
	}
}

func TestSaltsDiffer(t *testing.T) {
	t.Parallel()
	h := New(cheap, 1)
	a, _ := h.Hash(t.Context(), "x")
	b, _ := h.Hash(t.Context(), "x")
	if a == b {
		t.Errorf("twice %q", a)
	}
}

func TestRehashAfterChangedCosts(t *testing.T) {
	t.Parallel()
	phc, err := New(cheap, 1).Hash(t.Context(), "x")
	if err != nil {
		t.Fatal(err)
	}
	dearer := New(Params{MemoryKiB: 128, Time: 1, Threads: 1}, 1)
	if ok, rehash, err := dearer.Verify(t.Context(), "x", phc); !ok || !rehash || err != nil {
		t.Errorf("got %v %v %v", ok, rehash, err)
	}
	if ok, rehash, _ := dearer.Verify(t.Context(), "y", phc); ok || rehash {
		t.Error("a wrong password must not be rehashed")
	}
}

func TestMalformedHashes(t *testing.T) {
	t.Parallel()
	good := hash{cheap, random(saltSize), random(keySize)}.String()
	for _, phc := range []string{
		"", "x", "$argon2i$v=19$m=64,t=1,p=1$c29tZXNhbHQ$c29tZXNhbHQ", strings.Replace(good, "v=19", "v=16", 1),
		strings.Replace(good, "m=64", "m=0", 1), strings.Replace(good, "m=64", "m=99999999", 1), strings.Replace(good, "t=1", "t=-1", 1),
		strings.Replace(good, "p=1", "p=17", 1), strings.Replace(good, ",p=1", "", 1), strings.Replace(good, "m=64,t=1", "t=1,m=64", 1),
		good + "=", good + "$", good[:len(good)-40], "$argon2id$v=19$m=64,t=1,p=1$AA$c29tZXNhbHQ",
	} {
		if ok, rehash, err := New(cheap, 1).Verify(t.Context(), "x", phc); ok || rehash || !errors.Is(err, ErrMalformed) {
			t.Errorf("%q: got %v %v %v", phc, ok, rehash, err)
		}
	}
}

func TestBusyWhenTheQueueIsFull(t *testing.T) {
	t.Parallel()
	h := New(cheap, 1)
	h.slots <- struct{}{} // a hash that does not end
	ctx, cancel := context.WithCancel(t.Context())
	var waiters sync.WaitGroup
	for range h.most {
		waiters.Go(func() {
			if err := h.VerifyDummy(ctx, "x"); !errors.Is(err, context.Canceled) {
				t.Errorf("waiter: %v", err)
			}
		})
	}
	for h.waiting.Load() < h.most {
		time.Sleep(time.Millisecond)
	}
	if _, err := h.Hash(t.Context(), "x"); !errors.Is(err, ErrBusy) {
		t.Errorf("full queue: got %v, want ErrBusy", err)
	}
	cancel()
	waiters.Wait()
	<-h.slots
	if err := h.VerifyDummy(t.Context(), "x"); err != nil {
		t.Errorf("after the rush: %v", err)
	}
	if n := h.waiting.Load(); n != 0 {
		t.Errorf("%d still counted", n)
	}
}

func TestCancelledBeforeWork(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := New(DefaultParams, 1).Hash(ctx, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// The dummy must cost what a real check costs: the same derivation on the same sizes.
func TestDummyHasTheCostsOfARealHash(t *testing.T) {
	t.Parallel()
	h := New(cheap, 1)
	phc, _ := h.Hash(t.Context(), "x")
	stored, err := parse(phc)
	if err != nil || stored.params != h.dummy.params || len(stored.salt) != len(h.dummy.salt) || len(stored.key) != len(h.dummy.key) {
		t.Errorf("stored %v, dummy %v, error %v", stored, h.dummy, err)
	}
}

func TestCheck(t *testing.T) {
	t.Parallel()
	words := []string{"Giulia Marchetti", "g.marchetti@northgate.example", "Northgate & Co."}
	tests := []struct {
		pw, want string // want: part of the sentence, "" when fine
	}{
		{"", "at least 12"},
		{"short", "at least 12"},
		{strings.Repeat("é", 6), "easy to guess"}, // twelve bytes
		{strings.Repeat("ab3$", 257), "at most 1024"},
		{"scandinavian", "commonest"},
		{"Scandinavian", "commonest"},
		{"password1234", "easy"},
		{"Password1234!", "easy"},
		{"P@ssw0rd1234", "easy"},
		{"passwordpassword", "easy"},
		{"qwertyuiop123", "easy"},
		{"123456789012", "easy"},
		{"1q2w3e4r5t6y", "easy"},
		{"Welcome2024!", "easy"},
		{"manchesterunited", "easy"},
		{"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "easy"},
		{"giuliamarchetti", "easy"},
		{"northgate2026!", "easy"},
		{"marchetti-northgate", "easy"},
		{"correct horse battery staple", ""},
		{"an-honest-passphrase", ""},
		{"k7mp-x3dw-q9hb", ""},
		{"Tr0ub4dor&3xyz", ""},
		{"пароль из многих слов", ""},
	}
	for _, tt := range tests {
		got := Check(tt.pw, words...)
		switch {
		case tt.want == "" && len(got) > 0, tt.want != "" && (len(got) == 0 || !strings.Contains(got[0].String(), tt.want)):
			t.Errorf("%q: got %v, want %q", tt.pw, got, tt.want)
		}
	}
}

func TestCommonestAreRefused(t *testing.T) {
	t.Parallel()
	list := frequency.Lists["Passwords"].List
	if len(list) < 3000 {
		t.Fatalf("only %d common passwords", len(list))
	}
	for i, pw := range list {
		if len(Check(pw)) == 0 {
			t.Errorf("%q passes", pw)
		}
		// Most are too short anyway; doubling one does not make it strong. A sample: zxcvbn is slow.
		if i%10 == 0 && len(Check(pw+pw)) == 0 {
			t.Errorf("%q twice passes", pw)
		}
	}
}

func TestCheckIsFastOnHostileInput(t *testing.T) {
	t.Parallel()
	for _, unit := range []string{"a", "1@3$0!7|", "password", "\xff", "日本"} {
		start := time.Now()
		Check(strings.Repeat(unit, MaxBytes)[:MaxBytes])
		if took := time.Since(start); took > 10*time.Second { // what grows with the square or worse takes minutes
			t.Errorf("%q repeated took %s", unit, took)
		}
	}
}

func TestOneTime(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for range 1000 {
		pw := OneTime()
		if len(pw) != 24 || strings.Count(pw, "-") != 4 || strings.Trim(pw, letters+"-") != "" {
			t.Fatalf("one-time password %q", pw)
		}
		if seen[pw] {
			t.Fatalf("%q twice", pw)
		}
		seen[pw] = true
	}
	if weak := Check(OneTime(), "Giulia"); weak != nil {
		t.Errorf("one-time password is weak: %v", weak)
	}
	if strings.ContainsAny(letters, "01oil") {
		t.Error("letters that are mistaken for others")
	}
}

func FuzzParse(f *testing.F) {
	f.Add(hash{cheap, random(saltSize), random(keySize)}.String())
	f.Add("$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHAph8ArZWb2GRPPc")
	f.Fuzz(func(t *testing.T, phc string) {
		h, err := parse(phc)
		if err != nil {
			return
		}
		again, err := parse(h.String())
		if err != nil || again.String() != h.String() {
			t.Errorf("%q: %q, %v", phc, again, err)
		}
	})
}

func FuzzCheck(f *testing.F) {
	f.Add("correct horse battery staple", "Giulia")
	f.Add("\xff\x00aaaaaaaaaaaa", "@")
	f.Fuzz(func(_ *testing.T, pw, word string) { Check(pw, word) })
}

func BenchmarkVerify(b *testing.B) {
	h := New(DefaultParams, 2)
	for b.Loop() {
		_ = h.VerifyDummy(b.Context(), "correct horse battery staple")
	}
}
