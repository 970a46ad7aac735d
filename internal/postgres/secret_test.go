package postgres_test

import (
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// Somebody who was invited to be an admin and has not come in cannot help whoever is locked out.
func TestAnInvitedAdminIsNotTheOneWhoRemains(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	admin := postgrestest.Seeded(t, f.db, "admin")
	invited := must(f.sys.CreateInvited(ctx, crm.User{Name: "New", Email: "new@example.test", RoleIDs: []uuid.UUID{admin}}, none))(t)
	must(f.sys.SetUserActive(ctx, f.tom.ID, false))(t)
	if _, err := f.sys.SetUserActive(ctx, f.mia.ID, false); faultOf(err) != "" {
		t.Errorf("the last admin with a password went: %v", err)
	}
	me := f.db.As(everyone(crm.User{ID: invited.ID}), postgres.Origin{})
	if err := me.AcceptInvitation(ctx, invited.Secret, "New", "hash"); err != nil {
		t.Fatal(err)
	}
	must(f.sys.SetUserActive(ctx, f.mia.ID, false))(t)
}

// A link is its user's: nobody else can use it, whoever has it.
func TestALinkIsUsedByItsUserAlone(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	invited := must(f.sys.CreateInvited(ctx, crm.User{Name: "New", Email: "new@example.test"}, none))(t)
	if err := f.all(f.mia).AcceptInvitation(ctx, invited.Secret, "Mia", "hash"); !isNotFound(err) {
		t.Errorf("by somebody else: %v", err)
	}
	me := f.db.As(everyone(crm.User{ID: invited.ID}), postgres.Origin{})
	if err := me.ResetMyPassword(ctx, invited.Secret, "hash"); !isNotFound(err) {
		t.Errorf("for another purpose: %v", err)
	}
	if err := me.AcceptInvitation(ctx, invited.Secret, "\x00", "hash"); faultOf(err) != "name" {
		t.Errorf("a name that cannot be stored: %v", err)
	}
	if err := me.AcceptInvitation(ctx, invited.Secret, "New", "hash"); err != nil {
		t.Errorf("after faults, which use nothing up: %v", err)
	}
}

// An address put back by an undo ends the links that went to the other one, too.
func TestUndoEndsLinks(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	invited := must(f.sys.CreateInvited(ctx, crm.User{Name: "New", Email: "new@example.test"}, none))(t)
	u := must(f.sys.User(ctx, invited.ID))(t)
	u.Email = "elsewhere@example.test"
	moved := must(f.sys.UpdateUser(ctx, u))(t)
	again := must(f.sys.InviteUser(ctx, invited.ID))(t)
	if _, err := f.db.LinkHolder(ctx, crm.MailInvitation, again.Secret); err != nil {
		t.Fatal(err)
	}
	must(f.sys.Undo(ctx, moved.ChangeSet))(t)
	if _, err := f.db.LinkHolder(ctx, crm.MailInvitation, again.Secret); !isNotFound(err) {
		t.Errorf("a link to an address that is no longer the user's works: %v", err)
	}
}

func TestStatesOfAUser(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	wants := func(id uuid.UUID, want crm.UserState) {
		t.Helper()
		if got := must(f.sys.User(ctx, id))(t); got.State != want || got.InvitedUntil.IsZero() != (want != crm.UserInvited) {
			t.Errorf("got %s, invited until %s, want %s", got.State, got.InvitedUntil, want)
		}
	}
	wants(f.mia.ID, crm.UserActive)
	run(t, f.conn, `INSERT INTO sign_in_attempts (account, address, known, evaluated) SELECT sha256(convert_to($1, 'UTF8')), '192.0.2.1', FALSE, TRUE FROM generate_series(1, 5)`, f.mia.Email)
	wants(f.mia.ID, crm.UserLocked)
	must(f.sys.SetUserActive(ctx, f.tom.ID, false))(t)
	wants(f.tom.ID, crm.UserDeactivated)
	invited := must(f.sys.CreateInvited(ctx, crm.User{Name: "New", Email: "new@example.test"}, none))(t)
	wants(invited.ID, crm.UserInvited)
	run(t, f.conn, `UPDATE user_secrets SET expires_at = now()`)
	wants(invited.ID, crm.UserUninvited)
	must(f.sys.InviteUser(ctx, invited.ID))(t)
	wants(invited.ID, crm.UserInvited)
	if err := f.sys.RevokeInvitation(ctx, invited.ID); err != nil {
		t.Fatal(err)
	}
	wants(invited.ID, crm.UserUninvited)
	if err := f.sys.RevokeInvitation(ctx, invited.ID); err == nil {
		t.Error("revoked twice")
	}
	if err := f.sys.ResetPassword(ctx, invited.ID, "hash", true); err != nil { // a one-time password will do as well
		t.Fatal(err)
	}
	wants(invited.ID, crm.UserActive)
}

func TestSweepForgetsOldLinksAndMail(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	must(f.sys.CreateInvited(ctx, crm.User{Name: "New", Email: "new@example.test"}, none))(t)
	run(t, f.conn, `INSERT INTO outbox (id, kind, expires_at) VALUES (gen_random_uuid(), 'reset', now())`)
	left := func() string {
		return read[string](t, f.conn, `SELECT (SELECT count(*) FROM user_secrets) || ' ' || (SELECT count(*) FROM outbox)`)
	}
	fatal(t, f.db.Sweep(ctx, time.Now()))
	if got := left(); got != "1 1" {
		t.Errorf("left %s, want both", got)
	}
	run(t, f.conn, `UPDATE user_secrets SET expires_at = now() - interval '8 days'`)
	run(t, f.conn, `UPDATE outbox SET created_at = now() - interval '31 days'`)
	fatal(t, f.db.Sweep(ctx, time.Now()))
	if got := left(); got != "0 0" {
		t.Errorf("left %s, want none", got)
	}
}
