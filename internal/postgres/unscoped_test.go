package postgres_test

import (
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// Guesses at one account wait for each other, and so do tries from one address: none overtakes the count.
func TestGuessesWaitForEachOther(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	const attempts = `INSERT INTO sign_in_attempts (account, address, known, evaluated) SELECT sha256(convert_to($1, 'UTF8')), $2::inet, FALSE, TRUE FROM generate_series(1, $3::int)`
	var g postgres.Guess
	guess := func() (err error) {
		g, err = f.db.CountGuess(ctx, f.mia.Email, netip.MustParseAddr("203.0.113.1"))
		return err
	}
	if err := f.meanwhile(t, `2, hashtext(encode(sha256(convert_to('`+f.mia.Email+`', 'UTF8')), 'hex'))`,
		func() { run(t, f.conn, attempts, f.mia.Email, "198.51.100.7", 5) }, guess); err != nil || g.Evaluate {
		t.Errorf("a sixth guess at the account is looked at: %+v %v", g, err)
	}
	if err := f.meanwhile(t, `1, hashtext('203.0.113.1/32'::inet::text)`,
		func() { run(t, f.conn, attempts, "nobody", "203.0.113.1", 30) }, guess); err != nil || !g.Throttled || g.RetryAfter <= 0 {
		t.Errorf("a 31st try from the address is taken: %+v %v", g, err)
	}
}

func TestAnEndedSessionStaysEnded(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	const token = "hash"
	save := func(loaded string) {
		t.Helper()
		if err := f.db.SaveSession(ctx, token, []byte("{}"), time.Now().Add(time.Hour), postgres.SessionUser{ID: idOf(f.mia.ID)}, postgres.Origin{Session: loaded}); err != nil {
			t.Fatal(err)
		}
	}
	save("")
	if _, found, err := f.db.FindSession(ctx, token, time.Hour); !found || err != nil {
		t.Fatalf("a fresh session: %v %v", found, err)
	}
	if err := f.db.EndSession(ctx, token); err != nil {
		t.Fatal(err)
	}
	save(token) // by a request that loaded it before
	if _, found, err := f.db.FindSession(ctx, token, time.Hour); found || err != nil {
		t.Errorf("an ended session was revived: %v", err)
	}
	if kept := read[bool](t, f.conn, `SELECT revoked_at IS NOT NULL AND data = '' FROM sessions WHERE token = $1`, token); !kept {
		t.Error("an ended session holds data again")
	}
	if _, found, _ := f.db.FindSession(ctx, uuid.NewString(), time.Hour); found {
		t.Error("an unknown token has a session")
	}
}

// Between the check of a password and the first save of the session lie milliseconds: who loses the password or
// the account in them does not come in, nor who owes a second factor since.
func TestNoSessionOfAPasswordReplacedMeanwhile(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	const change = `UPDATE user_credentials SET password_changed_at = clock_timestamp()`
	const deactivate = `UPDATE users SET is_active = FALSE`
	const enrol = `UPDATE user_credentials SET totp_secret = 'x'`
	guess := func() postgres.Guess {
		return must(f.db.CountGuess(ctx, f.mia.Email, netip.MustParseAddr("203.0.113.1")))(t)
	}
	save := func(token string, g postgres.Guess) error {
		return f.db.SaveSession(ctx, token, []byte("{}"), time.Now().Add(time.Hour), postgres.SessionUser{ID: idOf(f.mia.ID), Proof: g.Proof}, postgres.Origin{})
	}
	opened := func(token string) bool {
		_, found, err := f.db.FindSession(ctx, token, time.Hour)
		if err != nil {
			t.Error(err)
		}
		return found
	}
	for what, sql := range map[string]string{"replaced": change, "deactivated": deactivate, "asked for a second factor": enrol} {
		run(t, f.conn, `SET session_replication_role = replica`) // the change is not under test: no audit row
		if err := save(what+" not", guess()); err != nil || !opened(what+" not") {
			t.Errorf("not %s: no session, %v", what, err)
		}
		g := guess()
		run(t, f.conn, `BEGIN`)
		run(t, f.conn, sql+` /* not yet committed: whoever saves a session waits */`)
		done := make(chan error, 1)
		go func() { done <- save(what, g) }()
		watch := postgrestest.Connect(t, f.conn.Config().ConnString())
		for read[int](t, watch, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) == 0 {
			time.Sleep(5 * time.Millisecond)
		}
		run(t, f.conn, `COMMIT`)
		if err := <-done; err != nil || opened(what) {
			t.Errorf("%s meanwhile: a session was opened, %v", what, err)
		}
		run(t, f.conn, `UPDATE users SET is_active = TRUE`)
		run(t, f.conn, `UPDATE user_credentials SET totp_secret = NULL`)
		if opened(what) {
			t.Errorf("%s meanwhile: the session is there all the same", what)
		}
	}
}
