package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

const (
	firefoxOnWindows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0"
	safariOnIPhone   = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Mobile/15E148 Safari/604.1"
)

// agent sends another name of the browser.
type agent struct {
	name string
	next http.RoundTripper
}

func (a agent) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("User-Agent", a.name)
	return a.next.RoundTrip(r)
}

// on returns one more browser of a user, signed in from an address with a device.
func (s *site) on(t testing.TB, u crm.User, address, ua string) *browser {
	t.Helper()
	b := s.browser(t)
	b.user = u
	b.http.Transport = agent{ua, b.http.Transport}
	b.signInFrom(address, u.Email, testPassword).wants(http.StatusSeeOther)
	return b
}

// sessionRows returns the rows of the page as they read.
func (b *browser) sessionRows() []string {
	b.t.Helper()
	var rows []string
	for _, tr := range b.get("/account/sessions").wants(http.StatusOK).doc.Find("tbody tr").EachIter() {
		cells := tr.Find("td").Map(func(_ int, td *goquery.Selection) string { return strings.TrimSpace(td.Text()) })
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// endOf returns where the button in the row of a device leads.
func (b *browser) endOf(device string) string {
	b.t.Helper()
	return b.get("/account/sessions").doc.Find("tbody tr").FilterFunction(func(_ int, tr *goquery.Selection) bool {
		return strings.Contains(tr.Text(), device)
	}).Find("form").AttrOr("action", "")
}

func (b *browser) signedIn() bool {
	b.t.Helper()
	return b.get("/account").status == http.StatusOK
}

func TestSessionsAreListedAndEnded(t *testing.T) {
	t.Parallel()
	s := newSite(t, behindProxy)
	ada := s.user(t, "ada")
	here, phone := s.on(t, ada, "198.51.100.1", firefoxOnWindows), s.on(t, ada, "2001:db8::7", safariOnIPhone)
	program := s.on(t, ada, "198.51.100.3", "curl/8.9 <script>")
	stranger := s.on(t, s.user(t, "ben"), "198.51.100.4", firefoxOnWindows)

	here.get("/account/sessions").wants(http.StatusOK).has("after 1 hour without use, and 12 hours after signing in").lacks("<script>alert").lacks("curl").lacks(here.cookie().Value).lacks(query[string](t, s, `SELECT token FROM sessions ORDER BY created_at LIMIT 1`))
	rows := here.sessionRows()
	if len(rows) != 3 || !strings.HasPrefix(rows[0], "Firefox on Windows 198.51.100.1") || !strings.HasSuffix(rows[0], "This one") {
		t.Fatalf("rows %q", rows)
	}
	all := strings.Join(rows, "\n")
	if !strings.Contains(all, "Safari on iPhone 2001:db8::7") || !strings.Contains(all, "A program 198.51.100.3") {
		t.Errorf("rows %q", rows)
	}

	// one
	ending := here.endOf("Safari")
	stranger.post(ending).wants(http.StatusNotFound)
	if !phone.signedIn() {
		t.Fatal("a stranger ended the session")
	}
	here.post(ending).follow().has("Signed out there.")
	if phone.signedIn() || !program.signedIn() || !here.signedIn() {
		t.Error("ending one session ended another, or none")
	}
	for _, id := range []string{ending, "/account/sessions/" + uuid.NewString() + "/end", "/account/sessions/x/end"} {
		here.post(id).wants(http.StatusNotFound)
	}

	// all others, also one that waits for the second factor
	alter(t, s, `UPDATE sessions SET half = TRUE WHERE ua LIKE 'curl%'`)
	if rows := here.sessionRows(); len(rows) != 1 {
		t.Errorf("a half session is listed: %q", rows)
	}
	here.post("/account/sessions/end").follow().has("You are signed out everywhere else.")
	here.post("/account/sessions/end").follow().has("Nothing changed")
	if n := query[int](t, s, `SELECT count(*) FROM sessions WHERE revoked_at IS NULL AND user_id = $1`, ada.ID); n != 1 || !here.signedIn() || !stranger.signedIn() {
		t.Errorf("%d live sessions are left, want the one", n)
	}
	const told = `SELECT string_agg(metadata::text, ' ' ORDER BY id) FROM audit_logs WHERE action = 'end_session' AND user_id = $1 AND target_id = $1 AND change_set_id IS NULL`
	if got := query[string](t, s, told, ada.ID); got != `{"sessions": 1} {"sessions": 1}` {
		t.Errorf("the audit log says %s", got)
	}

	// one that is over is not listed
	s.on(t, ada, "198.51.100.1", safariOnIPhone)
	for what, sql := range map[string]string{
		"idle": `last_seen_at = now() - interval '61 minutes'`, "expired": `expires_at = now() - interval '1 second', last_seen_at = now()`,
	} {
		alter(t, s, `UPDATE sessions SET `+sql+` WHERE ua LIKE '%iPhone%'`)
		if rows := here.sessionRows(); len(rows) != 1 {
			t.Errorf("%s: rows %q", what, rows)
		}
	}
}

func TestAnAdminEndsSomebodysSessions(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.role(t, "admin")
	ben := s.user(t, "ben")
	one, two := s.on(t, ben, "", firefoxOnWindows), s.on(t, ben, "", safariOnIPhone)
	path := "/admin/users/" + ben.ID.String()
	one.post(path + "/sessions/end").wants(http.StatusForbidden)
	admin.get(path).has("Sign out everywhere")
	admin.post(path + "/sessions/end").follow().has("Signed out everywhere.")
	if one.signedIn() || two.signedIn() || !admin.signedIn() {
		t.Error("the wrong sessions ended")
	}
	admin.post(path + "/sessions/end").follow().has("Nothing changed")
	admin.post("/admin/users/" + uuid.NewString() + "/sessions/end").wants(http.StatusNotFound)
	admin.post("/admin/users/" + admin.user.ID.String() + "/sessions/end").follow().has("Nothing changed") // never the one that asks
	if n := query[int](t, s, `SELECT (metadata->>'sessions')::int FROM audit_logs WHERE action = 'end_session' AND user_id = $1 AND target_id = $2`, admin.user.ID, ben.ID); n != 2 {
		t.Errorf("the audit log says %d", n)
	}
	one.signIn(ben.Email, testPassword).wants(http.StatusSeeOther)
}
