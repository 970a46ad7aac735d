package web_test

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// TestSensitiveRoutes pins what asks for the password again when it was not given lately. Changing the password
// is not among them: its form asks always. Nor is an undo: it asks where it can give rights.
func TestSensitiveRoutes(t *testing.T) {
	t.Parallel()
	want := []string{
		"POST /account/mfa/setup", "POST /account/mfa/confirm", "POST /account/mfa/codes", "POST /account/mfa/off",
		"POST /account/tokens", "POST /account/calendar",
		"POST /admin/users", "POST /admin/users/{id}", "POST /admin/users/{id}/reactivate", "POST /admin/users/{id}/password", "POST /admin/users/{id}/reset-link",
		"POST /admin/users/{id}/invite", "POST /admin/users/{id}/mfa/reset",
		"POST /admin/roles", "POST /admin/roles/{id}",
	}
	var got []string
	for _, r := range newSite(t).web.Routes() {
		if r.Sensitive {
			got = append(got, r.Method+" "+r.Pattern)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what asks for the password again changed (- pinned, + now):\n%s", diff)
	}
}

// clock is a time that a test moves.
type clock struct{ ahead atomic.Int64 }

func (c *clock) now() time.Time        { return time.Now().Add(time.Duration(c.ahead.Load())) }
func (c *clock) pass(by time.Duration) { c.ahead.Add(int64(by)) }

// sensitive is an administrator at a site with a clock, and the form for a new user.
func sensitive(t *testing.T) (*site, *browser, *clock, []string) {
	t.Helper()
	c := &clock{}
	s := newSite(t, func(o *web.Options) { o.Now = c.now })
	viewer, manager := postgrestest.Seeded(t, s.db, "viewer"), postgrestest.Seeded(t, s.db, "manager")
	return s, s.role(t, "admin"), c, []string{
		"name", `"><script>alert(1)</script>`, "email", "new@example.test", "role_ids", viewer.String(), "role_ids", manager.String(), `"><b x`, "1",
	}
}

// sent returns what the question carries along, as name, value, name, value…
func (a *answer) sent() []string {
	var fields []string
	for _, f := range a.doc.Find(`main input[type="hidden"]`).EachIter() {
		fields = append(fields, f.AttrOr("name", ""), f.AttrOr("value", ""))
	}
	return fields
}

const written = `SELECT (SELECT count(*) FROM users) || ' ' || (SELECT count(*) FROM audit_logs) || ' ' || (SELECT count(*) FROM form_tokens)`

func TestASensitiveActionAsksForThePassword(t *testing.T) {
	t.Parallel()
	s, b, c, form := sensitive(t)
	c.pass(9*time.Minute + 50*time.Second)
	b.post("/admin/roles", "name", "Fresh enough", "reach", "own").wants(http.StatusSeeOther)
	c.pass(11 * time.Second)
	b.get("/admin/users/new").wants(http.StatusOK) // looking is free
	before := query[string](t, s, written)
	asked := b.post("/admin/users", form...).wants(http.StatusUnprocessableEntity).has("Is it you?").lacks("<script>alert").lacks(`<b x`)
	if to := asked.doc.Find("main form").AttrOr("action", ""); to != "/admin/users" {
		t.Errorf("the question leads to %q", to)
	}
	if got := query[string](t, s, written); got != before {
		t.Errorf("asking wrote: %s, before %s", got, before)
	}
	wrong := b.post("/admin/users", append(asked.sent(), "confirm_password", "wrong wrong wrong")...).wants(http.StatusUnprocessableEntity).has("This is not your password.")
	if value := wrong.value("confirm_password"); value != "" {
		t.Errorf("the password typed came back as %q", value)
	}
	b.post("/admin/users", append(asked.sent(), "confirm_password", "")...).wants(http.StatusUnprocessableEntity)
	if n := query[int](t, s, `SELECT count(*) FROM users WHERE email = 'new@example.test'`); n != 0 {
		t.Fatal("a wrong password made a user")
	}
	made := b.post("/admin/users", append(wrong.sent(), "confirm_password", testPassword)...)
	if made.status != http.StatusOK && made.status != http.StatusSeeOther {
		t.Fatalf("the right password was answered with %d\n%s", made.status, made.text())
	}
	const as = `SELECT name || ' ' || (SELECT count(*) FROM user_roles r WHERE r.user_id = u.id) FROM users u WHERE email = 'new@example.test'`
	if got := query[string](t, s, as); got != `"><script>alert(1)</script> 2` {
		t.Errorf("the user was made as %q", got)
	}
	c.pass(9 * time.Minute) // given again, it holds again
	b.post("/admin/roles", "name", "Another", "reach", "own").wants(http.StatusSeeOther)
	c.pass(time.Minute)
	b.post("/admin/roles", "name", "And another", "reach", "own").wants(http.StatusUnprocessableEntity)
	c.pass(-time.Hour) // a clock set back gives nothing
	b.post("/admin/roles", "name", "And another", "reach", "own").wants(http.StatusUnprocessableEntity)
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'login_failed' AND user_id = $1 AND target_id = $1 AND metadata->>'step' IS NOT NULL`, b.user.ID); n != 2 {
		t.Errorf("%d rows tell of wrong passwords, want 2", n)
	}
}

func TestTheQuestionIsNoWayToGuess(t *testing.T) {
	t.Parallel()
	s, b, c, form := sensitive(t)
	c.pass(time.Hour)
	for range 5 {
		b.post("/admin/users", append(form, "confirm_password", "wrong wrong wrong")...).wants(http.StatusUnprocessableEntity)
	}
	b.post("/admin/users", append(form, "confirm_password", testPassword)...).wants(http.StatusUnprocessableEntity).has("This is not your password.") // right, but not looked at
	if n := query[int](t, s, `SELECT count(*) FROM users WHERE email = 'new@example.test'`); n != 0 {
		t.Error("the sixth guess was looked at")
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'lockout' AND target_id = $1`, b.user.ID); n != 1 {
		t.Errorf("%d lockout rows, want 1", n)
	}
	b.get("/admin/users").wants(http.StatusOK) // the session lives on
	for range 26 {
		b.post("/admin/users", append(form, "confirm_password", "wrong wrong wrong")...)
	}
	if b.post("/admin/users", append(form, "confirm_password", "x")...).wants(http.StatusTooManyRequests).header.Get("Retry-After") == "" {
		t.Error("429 without Retry-After")
	}
}

func TestTheQuestionMendsNothing(t *testing.T) {
	t.Parallel()
	s, b, c, _ := sensitive(t)
	c.pass(time.Hour)
	before := query[string](t, s, written)
	for _, bad := range []string{"a\x00b", "\xff\xfe", strings.Repeat("x", 100) + "\xc3"} {
		b.post("/admin/users", "name", bad, "email", "new@example.test").wants(http.StatusUnprocessableEntity).has("characters that cannot be stored")
		b.post("/admin/users", "name", bad, "email", "new@example.test", "confirm_password", testPassword).wants(http.StatusUnprocessableEntity)
		b.post("/admin/users", "name", "New", "email", "new@example.test", "confirm_password", bad).wants(http.StatusUnprocessableEntity)
	}
	b.post("/admin/users/"+uuid.NewString()+"/password", "confirm_password", testPassword+"\x00").wants(http.StatusUnprocessableEntity)
	if got := query[string](t, s, written); got != before {
		t.Errorf("written %s, before %s", got, before)
	}
	if n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts WHERE NOT succeeded`); n != 0 {
		t.Errorf("%d guesses of what cannot be a password", n)
	}
}

// An undo gives back what was taken: a role, an account. It asks as giving does, and not for what gives nothing.
func TestAnUndoOfRightsAsksForThePassword(t *testing.T) {
	t.Parallel()
	s, b, c, _ := sensitive(t)
	u := s.user(t, "demoted", postgrestest.Seeded(t, s.db, "admin"))
	last := func() string {
		return query[string](t, s, `SELECT id::text FROM change_sets ORDER BY created_at DESC LIMIT 1`)
	}
	roles := func() int { return query[int](t, s, `SELECT count(*) FROM user_roles WHERE user_id = $1`, u.ID) }
	b.post("/admin/users/"+u.ID.String(), "name", "Demoted", "email", u.Email, "version", "1").wants(http.StatusSeeOther)
	if roles() != 0 {
		t.Fatal("the role was not taken")
	}
	undo := "/changes/" + last() + "/undo"
	c.pass(time.Hour)
	asked := b.post(undo).wants(http.StatusUnprocessableEntity).has("Is it you?")
	if to := asked.doc.Find("main form").AttrOr("action", ""); to != undo {
		t.Errorf("the question leads to %q", to)
	}
	b.post(undo, "confirm_password", "wrong wrong wrong").wants(http.StatusUnprocessableEntity)
	if roles() != 0 {
		t.Error("the role came back without the password")
	}
	s.role(t, "manager").post(undo, "confirm_password", testPassword).wants(http.StatusForbidden)
	b.post(undo, "confirm_password", testPassword).wants(http.StatusSeeOther)
	if roles() != 1 {
		t.Error("the role did not come back")
	}
	c.pass(time.Hour)
	b.post("/account", "name", "New Name", "zone", "", "theme", "").wants(http.StatusSeeOther)
	b.post("/changes/" + last() + "/undo").wants(http.StatusSeeOther) // one's own name
	b.post("/organizations", "legal_name", "Granvik", "display_name", "Granvik").wants(http.StatusSeeOther)
	b.post("/changes/" + last() + "/undo").wants(http.StatusSeeOther)
}
