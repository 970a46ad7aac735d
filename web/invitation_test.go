package web_test

import (
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/mail"
	"github.com/archpilot/crm/internal/mail/mailtest"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

const baseURL = "https://crm.northgate.example"

// mailed is a site that sends mail, to a server that keeps it.
type mailed struct {
	*site
	inbox   *mailtest.Server
	courier *mail.Courier
}

func newMailed(t *testing.T, adjust ...func(*web.Options)) *mailed {
	t.Helper()
	m := &mailed{inbox: mailtest.Start(t)}
	adjust = append([]func(*web.Options){func(o *web.Options) { o.BaseURL = baseURL }}, adjust...)
	m.site = newSiteOn(t, postgrestest.URL(t), postgres.Options{Mail: func() {}}, adjust...)
	sender, err := mail.NewSender(mail.Options{Host: "127.0.0.1", Port: m.inbox.Port, From: "crm@northgate.example", TLS: mail.TLSAuto, Hello: "localhost"})
	if err != nil {
		t.Fatal(err)
	}
	m.courier = &mail.Courier{
		Outbox: m.db.Outbox(), Sender: sender, Log: slog.New(slog.DiscardHandler),
		Writer: mail.Writer{Firm: "Northgate", BaseURL: baseURL, Zone: time.UTC},
	}
	return m
}

// link delivers the mail and returns the path in the latest letter.
func (m *mailed) link(t testing.TB) string {
	t.Helper()
	before := len(m.inbox.Letters())
	m.courier.Deliver(t.Context())
	all := m.inbox.Letters()
	if len(all) == before {
		t.Fatal("no letter came")
	}
	return all[len(all)-1].Link()
}

// invited has an admin invite somebody and returns the path of the link in their mail.
func (m *mailed) invited(t testing.TB, admin *browser, email string) (user, link string) {
	t.Helper()
	user = admin.post("/admin/users", "name", "New Person", "email", email, "role_ids", postgrestest.Seeded(t, m.db, "viewer").String()).wants(http.StatusSeeOther).to()
	return user, m.link(t)
}

const chosenPassword = "seven tall purple lamps"

func (b *browser) accept(link, name string) *answer {
	b.t.Helper()
	return b.post(link, "name", name, "new_password", chosenPassword, "new_password_again", chosenPassword)
}

func TestInvitedByMailAndIn(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	admin := s.role(t, "admin")
	user, link := s.invited(t, admin, "New@Example.test")
	admin.get(user).wants(http.StatusOK).has("Invited").has("The invitation is open until").has("Invitation by mail: sent")
	admin.get("/admin/users").wants(http.StatusOK).has("Invited")
	b := s.browser(t)
	b.signIn("new@example.test", chosenPassword).wants(http.StatusUnprocessableEntity)
	for range 3 { // what looks for viruses opens links
		page := s.browser(t).get(link).wants(http.StatusOK).has("new@example.test")
		if page.value("name") != "New Person" {
			t.Errorf("the form begins with the name %q", page.value("name"))
		}
		if len(page.header.Values("Set-Cookie")) > 0 || page.header.Get("Referrer-Policy") != "no-referrer" || page.header.Get("Cache-Control") != "no-store" {
			t.Errorf("headers %v", page.header)
		}
	}
	for _, bad := range [][]string{
		{"name", "", "new_password", chosenPassword},
		{"name", "Nia", "new_password", "short"},
		{"name", "Nia", "new_password", "password1234"},
		{"name", "Nia Newcomer", "new_password", "nianewcomer1"},
		{"name", "Nia", "new_password", chosenPassword, "new_password_again", "other"},
		{"name", "Nia\x00", "new_password", chosenPassword},
		{"name", strings.Repeat("x", 121), "new_password", chosenPassword},
		{},
	} {
		a := b.post(link, bad...).wants(http.StatusUnprocessableEntity)
		if a.header.Get("Referrer-Policy") != "no-referrer" {
			t.Errorf("%q: %q", bad, a.header.Get("Referrer-Policy"))
		}
		a.lacks(chosenPassword)
	}
	if to := b.accept(link, "Nia Newcomer").wants(http.StatusSeeOther).to(); to != "/" {
		t.Errorf("accepting leads to %q", to)
	}
	b.get("/account").wants(http.StatusOK).has("Nia Newcomer")
	s.browser(t).signIn("new@example.test", chosenPassword).wants(http.StatusSeeOther)
	admin.get(user).has("Active")
	rows := query[string](t, s.site, `SELECT string_agg(action, ' ' ORDER BY id) FROM audit_logs WHERE target_id = $1 AND table_name IS DISTINCT FROM 'user_roles' AND action <> 'login_failed'`, strings.TrimPrefix(user, "/admin/users/"))
	if want := "invite_user create_user update_user accept_invitation login login"; rows != want {
		t.Errorf("audit rows %s, want %s", rows, want)
	}
	if who := query[string](t, s.site, `SELECT string_agg(DISTINCT user_id::text, ' ') FROM audit_logs WHERE action IN ('update_user', 'accept_invitation')`); "/admin/users/"+who != user {
		t.Errorf("the name was set by %s, want themselves", who)
	}
	if v, err := postgrestest.System(s.db).Verify(t.Context()); err != nil || len(v.Problems) > 0 {
		t.Errorf("the audit log does not hold: %v %v", v.Problems, err)
	}
	for _, again := range []*answer{s.browser(t).get(link), s.browser(t).accept(link, "Evil")} {
		again.wants(http.StatusNotFound).has("This link does not work")
	}
	s.keepsNothing(t, strings.TrimPrefix(link, "/invitations/"), chosenPassword)
}

// keepsNothing fails the test when a secret stands anywhere in the database.
func (s *site) keepsNothing(t *testing.T, secrets ...string) {
	t.Helper()
	conn := postgrestest.Connect(t, s.url)
	rows, err := conn.Query(t.Context(), `SELECT relname::text FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'`)
	fatal(t, err)
	var tables []string
	for rows.Next() {
		var name string
		fatal(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	fatal(t, rows.Err())
	for _, table := range tables {
		var dump string
		fatal(t, conn.QueryRow(t.Context(), `SELECT coalesce(string_agg(t::text, ''), '') FROM `+table+` t`).Scan(&dump))
		for _, secret := range secrets {
			if strings.Contains(dump, secret) {
				t.Errorf("%s holds a secret in clear", table)
			}
		}
	}
}

// Every link that does not work gets one and the same page.
func TestDeadLinksLookAlike(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	admin := s.role(t, "admin")
	dead := map[string]string{
		"unknown": "/invitations/ABCDEFGHIJKLMNOPQRSTUVWXYZ", "short": "/invitations/x", "long": "/invitations/" + strings.Repeat("x", 5000), "NUL": "/invitations/%00", "not UTF-8": "/invitations/%ff",
		"a path": "/invitations/..%2f..%2fx", "SQL": "/invitations/'%20OR%20TRUE--",
	}
	_, dead["used"] = s.invited(t, admin, "used@example.test")
	s.browser(t).accept(dead["used"], "Used").wants(http.StatusSeeOther)
	user, link := s.invited(t, admin, "expired@example.test")
	alter(t, s.site, `UPDATE user_secrets SET expires_at = now() - interval '1 second' WHERE used_at IS NULL`)
	dead["expired"] = link
	admin.get(user).has("Invitation expired").has("Invite again")
	user, dead["revoked"] = s.invited(t, admin, "revoked@example.test")
	admin.post(user + "/revoke").wants(http.StatusSeeOther)
	admin.get(user).has("Invitation revoked.").has("Invitation expired")
	user, dead["resent"] = s.invited(t, admin, "resent@example.test")
	admin.post(user + "/invite").wants(http.StatusSeeOther)
	fresh := s.link(t)
	user, dead["deactivated"] = s.invited(t, admin, "deactivated@example.test")
	admin.post(user + "/deactivate").wants(http.StatusSeeOther)
	admin.post(user + "/reactivate").wants(http.StatusSeeOther) // which brings no link back
	user, dead["moved"] = s.invited(t, admin, "moved@example.test")
	admin.post(user, "name", "New Person", "email", "elsewhere@example.test", "version", "1").wants(http.StatusSeeOther)
	user, dead["password"] = s.invited(t, admin, "password@example.test")
	admin.post(user + "/password").wants(http.StatusOK)
	reset := strings.Replace(fresh, "/invitations/", "/reset/", 1)
	want := ""
	for name, link := range dead {
		for _, a := range []*answer{s.browser(t).get(link), s.browser(t).accept(link, "Evil")} {
			body := a.wants(http.StatusNotFound).body
			if want == "" {
				want = body
			}
			if body != want || a.header.Get("Referrer-Policy") != "no-referrer" || len(a.header.Values("Set-Cookie")) > 0 {
				t.Errorf("%s: %v\n%s", name, a.header, a.text())
			}
		}
	}
	s.browser(t).get(reset).wants(http.StatusNotFound) // a link is for one purpose
	s.browser(t).accept(fresh, "Fresh").wants(http.StatusSeeOther)
}

func TestOfEightWhoAcceptOneComesIn(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	_, link := s.invited(t, s.role(t, "admin"), "new@example.test")
	if in := atOnce(8, func() bool { return s.browser(t).accept(link, "Eve").status == http.StatusSeeOther }); in != 1 {
		t.Errorf("%d of 8 came in, want 1", in)
	}
	if n := query[int](t, s.site, `SELECT count(*) FROM audit_logs WHERE action = 'accept_invitation'`); n != 1 {
		t.Errorf("%d accept_invitation rows, want 1", n)
	}
}

// atOnce runs do n times in parallel and returns how often it was true.
func atOnce(n int, do func() bool) (hits int) {
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range n {
		wg.Go(func() {
			hit := do()
			mu.Lock()
			defer mu.Unlock()
			if hit {
				hits++
			}
		})
	}
	wg.Wait()
	return hits
}

func TestWithoutMailTheLinkIsShownOnce(t *testing.T) {
	t.Parallel()
	s := newSite(t, func(o *web.Options) { o.BaseURL = baseURL })
	admin := s.role(t, "admin")
	token := uuid.NewString()
	send := func() *answer {
		return admin.post("/admin/users", "name", "New", "email", "new@example.test", "form_token", token)
	}
	made := send().wants(http.StatusOK)
	link := strings.TrimPrefix(strings.TrimSpace(made.doc.Find(".secret").Text()), baseURL)
	if !strings.HasPrefix(link, "/invitations/") || made.header.Get("Cache-Control") != "no-store" {
		t.Fatalf("no link on\n%s", made.text())
	}
	user := send().wants(http.StatusSeeOther).to() // sent twice
	admin.get(user).wants(http.StatusOK).lacks(link)
	again := admin.post(user + "/invite").wants(http.StatusOK)
	second := strings.TrimPrefix(strings.TrimSpace(again.doc.Find(".secret").Text()), baseURL)
	s.browser(t).get(link).wants(http.StatusNotFound)
	admin.post(user + "/reset-link").wants(http.StatusUnprocessableEntity).has("no password yet")
	s.browser(t).accept(second, "New").wants(http.StatusSeeOther)
	admin.post(user + "/invite").wants(http.StatusUnprocessableEntity).has("has a password already")
	admin.post(user + "/revoke").wants(http.StatusUnprocessableEntity).has("has a password already")
	admin.post(user + "/reset-link").wants(http.StatusUnprocessableEntity).has("No mail server")
	if n := query[int](t, s, `SELECT count(*) FROM outbox`); n != 0 {
		t.Errorf("%d mails wait though none is sent", n)
	}
	s.keepsNothing(t, strings.TrimPrefix(second, "/invitations/"))
}

func TestAnInvitationIsTakenBackWithTheUser(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	admin := s.role(t, "admin")
	user, link := s.invited(t, admin, "new@example.test")
	set := query[string](t, s.site, `SELECT id::text FROM change_sets WHERE kind = 'create_user' ORDER BY id DESC LIMIT 1`)
	admin.post("/changes/" + set + "/undo").wants(http.StatusSeeOther)
	admin.get(user).wants(http.StatusNotFound)
	s.browser(t).get(link).wants(http.StatusNotFound)
}

// A role that asks for a second factor asks somebody who has just come in, too.
func TestAnInvitationDoesNotSkipEnrolment(t *testing.T) {
	t.Parallel()
	s := newMailed(t)
	admin := s.role(t, "admin")
	_, link := s.invited(t, admin, "new@example.test")
	conn := postgrestest.Connect(t, s.url)
	_, err := conn.Exec(t.Context(), `SET session_replication_role = replica; UPDATE roles SET requires_mfa = TRUE WHERE slug = 'viewer'`)
	fatal(t, err)
	b := s.browser(t)
	b.accept(link, "New").wants(http.StatusSeeOther)
	if to := b.get("/").wants(http.StatusSeeOther).to(); to != "/account/mfa" {
		t.Errorf("led to %q", to)
	}
}
