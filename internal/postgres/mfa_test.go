package postgres_test

import (
	"errors"
	"net/netip"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// enrolled gives mia a second factor and returns her store in a half session.
func (f *firm) enrolled(t *testing.T) (*postgres.Store, postgres.CodeGuess) {
	t.Helper()
	full := f.all(f.mia)
	f.ok(t, full.SetUpSecondFactor(ctx, "SECRET"))
	guess := must(full.CountCode(ctx))(t)
	f.ok(t, full.EnableSecondFactor(ctx, guess, 100, [][]byte{[]byte("one"), []byte("two")}))
	f.halfSession(t, "half")
	half := f.db.As(authz.Actor{UserID: f.mia.ID}, postgres.Origin{Session: "half"})
	return half, must(half.CountCode(ctx))(t)
}

func (f *firm) ok(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *firm) halfSession(t *testing.T, token string) {
	t.Helper()
	user := postgres.SessionUser{ID: idOf(f.mia.ID), Half: true}
	f.ok(t, f.db.SaveSession(ctx, token, []byte("{}"), time.Now().Add(time.Hour), user, postgres.Origin{}))
}

// eightAtOnce returns how many of eight calls at once were told yes.
func eightAtOnce(t *testing.T, call func() (bool, error)) int {
	t.Helper()
	var yes atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if ok, err := call(); err != nil {
				t.Error(err)
			} else if ok {
				yes.Add(1)
			}
		})
	}
	wg.Wait()
	return int(yes.Load())
}

// Whatever the budget lets through, the database takes each code once.
func TestEachCodeIsTakenOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	half, guess := f.enrolled(t)
	for step, want := range map[int64]bool{99: false, 100: false} { // up to the one that confirmed the set-up
		if ok := must(half.UseCode(ctx, guess, step))(t); ok != want {
			t.Errorf("step %d was taken: %v", step, ok)
		}
	}
	for _, step := range []int64{101, 103} {
		if n := eightAtOnce(t, func() (bool, error) { return half.UseCode(ctx, guess, step) }); n != 1 {
			t.Errorf("step %d was taken %d times", step, n)
		}
	}
	if must(half.UseCode(ctx, guess, 102))(t) {
		t.Error("an earlier step was taken after a later one")
	}
	if n := eightAtOnce(t, func() (bool, error) { return half.UseRecoveryCode(ctx, guess, []byte("one")) }); n != 1 {
		t.Errorf("a recovery code was taken %d times", n)
	}
	if must(half.UseRecoveryCode(ctx, guess, []byte("three")))(t) {
		t.Error("a recovery code of nobody was taken")
	}
	tom := f.db.As(authz.Actor{UserID: f.tom.ID}, postgres.Origin{Session: "half"})
	run(t, f.conn, `UPDATE user_credentials SET totp_secret = 'SECRET', totp_since = now() WHERE user_id = $1`, f.tom.ID)
	if must(tom.UseCode(ctx, guess, 110))(t) {
		t.Error("a code was taken in somebody else's session")
	}
	if must(f.db.As(authz.Actor{UserID: f.mia.ID}, postgres.Origin{}).UseCode(ctx, guess, 110))(t) {
		t.Error("a code was taken in no session")
	}
	guess.Secret = "ANOTHER"
	if must(half.UseCode(ctx, guess, 110))(t) || must(half.UseRecoveryCode(ctx, guess, []byte("two")))(t) {
		t.Error("a code of a secret that was replaced was taken")
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE action = 'use_recovery_code' AND target_id = $1`, f.mia.ID); n != 1 {
		t.Errorf("%d rows tell of one recovery code", n)
	}
}

// A code that was counted while the half session lived is worth nothing once that has ended.
func TestACodeNeedsALiveHalfSession(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	half, guess := f.enrolled(t)
	step := int64(200)
	for what, change := range map[string]func() error{
		"a password reset":       func() error { return f.sys.ResetPassword(ctx, f.mia.ID, "y", true) },
		"the end of the session": func() error { return f.db.EndSession(ctx, "half") },
		"a deactivation":         func() error { return second(f.sys.SetUserActive(ctx, f.mia.ID, false)) },
	} {
		run(t, f.conn, `DELETE FROM sessions`)
		f.halfSession(t, "half")
		step++
		if !must(half.UseCode(ctx, guess, step))(t) {
			t.Fatalf("before %s: refused", what)
		}
		f.ok(t, change())
		step++
		if must(half.UseCode(ctx, guess, step))(t) || must(half.UseRecoveryCode(ctx, guess, []byte("two")))(t) {
			t.Errorf("after %s a code was taken", what)
		}
		if what == "a deactivation" {
			must(f.sys.SetUserActive(ctx, f.mia.ID, true))(t)
		}
	}
	run(t, f.conn, `UPDATE sessions SET half = FALSE, revoked_at = NULL`)
	if must(half.UseCode(ctx, guess, step+1))(t) {
		t.Error("a code was taken in a session that is whole")
	}
}

func TestTriesAtCodesWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	half, _ := f.enrolled(t)
	var g postgres.CodeGuess
	err := f.meanwhile(t, `2, hashtext(encode(uuid_send('`+f.mia.ID.String()+`'), 'hex'))`,
		func() {
			run(t, f.conn, `INSERT INTO sign_in_attempts (account, address, known, evaluated) SELECT uuid_send($1), '::', FALSE, TRUE FROM generate_series(1, 5)`, f.mia.ID)
		},
		func() (err error) { g, err = half.CountCode(ctx); return err })
	if err != nil || g.Evaluate {
		t.Errorf("a sixth code is looked at: %+v %v", g, err)
	}
}

// Nothing typed at sign-in counts as a code, nor a code as a password.
func TestCodesAndPasswordsHaveBudgetsOfTheirOwn(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	half, _ := f.enrolled(t)
	ip := netip.MustParseAddr("203.0.113.1")
	for _, typed := range []string{f.mia.ID.String(), strings.ReplaceAll(f.mia.ID.String(), "-", ""), "mfa:" + f.mia.ID.String(), f.mia.Email} {
		for range 5 {
			must(f.db.CountGuess(ctx, typed, ip))(t)
		}
	}
	g := must(half.CountCode(ctx))(t)
	for range 5 {
		must(half.CountCode(ctx))(t)
	}
	if !g.Evaluate || g.Last {
		t.Errorf("wrong passwords count as wrong codes: %+v", g)
	}
	if guess := must(f.db.CountGuess(ctx, f.tom.Email, ip))(t); !guess.Evaluate {
		t.Errorf("wrong codes count as wrong passwords: %+v", guess)
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM sign_in_attempts WHERE octet_length(account) = 16 AND address <> '::'`); n != 0 {
		t.Errorf("%d codes count against an address", n)
	}
}

func TestOneConfirmationSwitchesOn(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	s := f.all(f.mia)
	if got := must(s.MySecondFactor(ctx))(t); got.On() || got.Pending != "" {
		t.Errorf("at first %+v", got)
	}
	f.ok(t, s.SetUpSecondFactor(ctx, "FIRST"))
	stale := must(s.CountCode(ctx))(t)
	f.ok(t, s.SetUpSecondFactor(ctx, "SECOND"))
	if err := s.EnableSecondFactor(ctx, stale, 1, nil); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("a secret that was replaced was confirmed: %v", err)
	}
	guess := must(s.CountCode(ctx))(t)
	n := eightAtOnce(t, func() (bool, error) {
		err := s.EnableSecondFactor(ctx, guess, 5, [][]byte{[]byte("one")})
		if errors.Is(err, crm.ErrUnchanged) {
			return false, nil
		}
		return err == nil, err
	})
	got := must(s.MySecondFactor(ctx))(t)
	if n != 1 || !got.On() || got.Pending != "" || got.CodesLeft != 1 {
		t.Errorf("%d confirmations worked: %+v", n, got)
	}
	if err := s.SetUpSecondFactor(ctx, "THIRD"); !errors.Is(err, crm.ErrUnchanged) {
		t.Errorf("set up over one that is on: %v", err)
	}
	if rows := read[int](t, f.conn, `SELECT count(*) FROM audit_logs WHERE action = 'enable_mfa' AND user_id = $1 AND change_set_id IS NULL`, f.mia.ID); rows != 1 {
		t.Errorf("%d rows tell of it", rows)
	}
	f.ok(t, s.DisableSecondFactor(ctx))
	for what, err := range map[string]error{"off": s.DisableSecondFactor(ctx), "codes": s.NewRecoveryCodes(ctx, [][]byte{[]byte("x")}), "reset": f.sys.ResetSecondFactor(ctx, f.mia.ID)} {
		if !errors.Is(err, crm.ErrUnchanged) {
			t.Errorf("%s with none on: %v", what, err)
		}
	}
	f.ok(t, s.SetUpSecondFactor(ctx, "FOURTH"))
	f.ok(t, f.sys.ResetSecondFactor(ctx, f.mia.ID)) // half-way too
	if got := must(s.MySecondFactor(ctx))(t); got.Pending != "" {
		t.Error("a reset leaves the set-up")
	}
	verify(t, f.sys)
}

// A password checked just before the second factor was switched on does not come in without it.
func TestASecondFactorSwitchedOnMeanwhileIsAskedFor(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	g := must(f.db.CountGuess(ctx, f.mia.Email, netip.MustParseAddr("203.0.113.1")))(t)
	f.enrolled(t)
	if g.MFA || must(f.db.Signed(ctx, g, ""))(t) {
		t.Error("the password alone signed in")
	}
	if g = must(f.db.CountGuess(ctx, f.mia.Email, netip.MustParseAddr("203.0.113.1")))(t); !g.MFA || !must(f.db.Signed(ctx, g, ""))(t) {
		t.Errorf("afterwards: %+v", g)
	}
}

// An address is the user's, with a budget of its own, once they have come in from it: a stolen password is not enough.
func TestAnAddressIsKnownAfterTheCode(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	half, code := f.enrolled(t)
	guess := must(f.db.CountGuess(ctx, f.mia.Email, netip.MustParseAddr("203.0.113.1")))(t)
	if !must(f.db.Signed(ctx, guess, ""))(t) {
		t.Fatal("the password was not taken")
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM user_addresses`); n != 0 {
		t.Error("the password alone made the address known")
	}
	if !must(half.UseCode(ctx, code, 101))(t) {
		t.Fatal("the code was not taken")
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM user_addresses WHERE user_id = $1`, f.mia.ID); n != 1 {
		t.Errorf("%d addresses are known after the code, want 1", n)
	}
}
