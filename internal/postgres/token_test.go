package postgres_test

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// TestATokenHasWhatBothHave: rights are those of the user and of the token, with the reach of the user's role.
func TestATokenHasWhatBothHave(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	team, err := postgrestest.System(db).CreateTeam(ctx, crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	u := postgrestest.User(t, db, "mia", postgrestest.ID(team.ID), "x",
		postgrestest.Role(t, db, "team", authz.ViewClient, authz.EditClient), postgrestest.Role(t, db, "own", authz.ViewInteraction))
	mate := postgrestest.User(t, db, "mate", postgrestest.ID(team.ID), "x")
	mine := db.As(postgrestest.Actor(u, authz.Team, authz.ViewClient, authz.EditClient, authz.ViewInteraction), postgres.Origin{})
	_, secret, err := mine.CreateToken(ctx, crm.Token{Name: "a", Scopes: []string{"ViewInteraction", "EditClient", "EditClient"}}, time.Now())
	fatal(t, err)
	b, found, err := db.FindBearer(ctx, secret, postgres.Origin{})
	if err != nil || !found {
		t.Fatalf("found %v, %v", found, err)
	}
	for p, want := range map[authz.Permission]authz.Reach{
		authz.ViewInteraction: authz.Own, authz.ViewClient: authz.None, authz.EditClient: authz.None, authz.EditInteraction: authz.None, authz.ManageUsers: authz.None,
	} {
		if got := b.Actor.Reach(p); got != want {
			t.Errorf("reach of %s is %v, want %v", p, got, want)
		}
	}
	if !b.Actor.May(authz.EditClient) || b.Actor.May(authz.ViewClient) || b.Actor.UserID != u.ID || len(b.Actor.Owners) != 2 || !b.Actor.Within(authz.Team, postgrestest.ID(mate.ID)) {
		t.Errorf("the actor is %+v", b.Actor)
	}
	if strings.Join(b.Token.Scopes, " ") != "EditClient ViewInteraction" {
		t.Errorf("scopes %v", b.Token.Scopes)
	}
}

// TestTokensMadeAtOnce: the bound holds however many are made at once, and an account that goes gets none.
func TestTokensMadeAtOnce(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	run(t, f.conn, `INSERT INTO api_tokens (id, user_id, name, hash, hint, scopes) SELECT gen_random_uuid(), $1, 'a', convert_to(n::text, 'UTF8'), '', '{ViewClient}' FROM generate_series(1, 99) n`, f.mia.ID)
	mine := f.db.As(postgrestest.Actor(f.mia, authz.All, authz.ViewClient), postgres.Origin{})
	create := func(int) error {
		_, _, err := mine.CreateToken(ctx, crm.Token{Name: "b", Scopes: []string{"ViewClient"}}, time.Now())
		return err
	}
	run(t, f.conn, `BEGIN`)
	run(t, f.conn, `LOCK TABLE api_tokens IN SHARE MODE`) // counting goes on, whoever has counted waits
	done := make(chan error, 4)
	for n := range cap(done) {
		go func() { done <- create(n) }()
	}
	watch := postgrestest.Connect(t, f.conn.Config().ConnString())
	for read[int](t, watch, `SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`) < 2 {
		time.Sleep(5 * time.Millisecond)
	}
	run(t, f.conn, `COMMIT`)
	for range cap(done) {
		<-done
	}
	if n := read[int](t, f.conn, `SELECT count(*) FROM api_tokens`); n != 100 {
		t.Errorf("%d tokens, want 100", n)
	}
	run(t, f.conn, `DELETE FROM api_tokens`)
	must(f.sys.SetUserActive(ctx, f.mia.ID, false))(t)
	if err := create(0); !errors.Is(err, crm.ErrNotFound) { // by a request that began before
		t.Errorf("a deactivated user: %v", err)
	}
}

// TestUseOfATokenIsNotedOnceAMinute keeps reading from writing.
func TestUseOfATokenIsNotedOnceAMinute(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db, conn := postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.Connect(t, url)
	u := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x")
	mine := db.As(postgrestest.Actor(u, authz.All, authz.ViewClient), postgres.Origin{})
	_, secret, err := mine.CreateToken(ctx, crm.Token{Name: "a", Scopes: []string{"ViewClient"}}, time.Now())
	fatal(t, err)
	use := func(ip, want string) {
		t.Helper()
		if _, found, err := db.FindBearer(ctx, secret, postgres.Origin{IP: netip.MustParseAddr(ip)}); err != nil || !found {
			t.Fatalf("found %v, %v", found, err)
		}
		tokens, err := mine.MyTokens(ctx)
		fatal(t, err)
		if len(tokens) != 1 || tokens[0].LastIP != want {
			t.Errorf("used from %s: the list says %+v, want %s", ip, tokens, want)
		}
	}
	use("192.0.2.1", "192.0.2.1")
	use("192.0.2.2", "192.0.2.1")
	_, err = conn.Exec(ctx, `UPDATE api_tokens SET last_used_at = now() - interval '61 seconds'`)
	fatal(t, err)
	use("192.0.2.3", "192.0.2.3")
}

func TestATokenIsNotReadTwice(t *testing.T) {
	t.Parallel()
	db := postgrestest.Open(t)
	u := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x")
	mine := db.As(postgrestest.Actor(u, authz.All, authz.ViewClient), postgres.Origin{})
	seen := map[string]bool{}
	for range 100 {
		token, secret, err := mine.CreateToken(ctx, crm.Token{Name: "a", Scopes: []string{"ViewClient"}}, time.Now())
		fatal(t, err)
		if seen[secret] || len(secret) != len("crm_pat_")+32 || !strings.HasSuffix(secret, token.Hint) {
			t.Fatalf("token of %d characters, hint %q", len(secret), token.Hint)
		}
		seen[secret] = true
	}
	var fault crm.Invalid
	if _, _, err := mine.CreateToken(ctx, crm.Token{Name: "a", Scopes: []string{"ViewClient"}}, time.Now()); !errors.As(err, &fault) {
		t.Errorf("the 101st live token: %v, want an Invalid", err)
	}
	for _, wrong := range []string{"", "crm_pat_", "x", strings.Repeat("a", 40), "crm_pat_" + strings.Repeat("a", 32), "crm_pat_" + strings.Repeat("1", 32), "crm_pat_" + strings.Repeat("a", 33), "crm_pat_\x00"} {
		if _, found, err := db.FindBearer(ctx, wrong, postgres.Origin{}); found || err != nil {
			t.Errorf("%q: found %v, %v", wrong, found, err)
		}
	}
}

// TestProgramsLeaveTheirName: every row written by way of a token says so, events of refusals too.
func TestProgramsLeaveTheirName(t *testing.T) {
	t.Parallel()
	url := postgrestest.URL(t)
	db, conn := postgrestest.OpenURL(t, url, postgres.Options{}), postgrestest.Connect(t, url)
	u := postgrestest.User(t, db, "mia", uuid.NullUUID{}, "x")
	s := db.As(postgrestest.Actor(u, authz.All, authz.Permissions...), postgres.Origin{Token: "Nightly sync"})
	saved, err := s.CreateOrganization(ctx, crm.Organization{LegalName: "A", DisplayName: "A"}, uuid.NullUUID{})
	fatal(t, err)
	_, err = s.SetOrganizationActive(ctx, saved.ID, false)
	fatal(t, err)
	fatal(t, s.Event(ctx, "access_denied", "", uuid.Nil, map[string]any{"token": "another", "via": "page"}))
	var n int
	fatal(t, conn.QueryRow(ctx, `SELECT count(*) FROM audit_logs WHERE user_id = $1 AND metadata->>'via' = 'api' AND metadata->>'token' = 'Nightly sync'`, u.ID).Scan(&n))
	if n != 3 {
		t.Errorf("%d rows name the token, want 3", n)
	}
}
