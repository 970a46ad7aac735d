package web_test

import (
	"bytes"
	"image/png"
	"log/slog"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/pquerna/otp/totp"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// watch is a clock that a test turns on. The database's own goes on by itself.
type watch struct{ ahead atomic.Int64 }

func (w *watch) now() time.Time        { return time.Now().Add(time.Duration(w.ahead.Load())) }
func (w *watch) turn(by time.Duration) { w.ahead.Add(int64(by)) }
func (w *watch) code(secret string) string {
	code, _ := totp.GenerateCode(secret, w.now())
	return code
}

func newWatchedSite(t testing.TB, adjust ...func(*web.Options)) (*site, *watch) {
	t.Helper()
	w := &watch{}
	return newSite(t, append(adjust, behindProxy, func(o *web.Options) { o.Now = w.now })...), w
}

// elsewhere is a browser that comes from an address of its own, so that the budget per address is nobody else's.
func (s *site) elsewhere(t testing.TB) *browser {
	t.Helper()
	b := s.browser(t)
	b.http.Transport = from{address(int(places.Add(1))), b.http.Transport}
	return b
}

var places atomic.Int64

// enrol sets a second factor up and returns its secret and recovery codes. The code of this moment is spent.
func (b *browser) enrol(w *watch) (secret string, recovery []string) {
	b.t.Helper()
	page := b.post("/account/mfa/setup").follow().wants(http.StatusOK)
	secret = strings.ReplaceAll(page.doc.Find(".secret").Text(), "-", "")
	done := b.post("/account/mfa/confirm", "code", w.code(secret)).wants(http.StatusOK)
	done.doc.Find(".codes li").Each(func(_ int, li *goquery.Selection) { recovery = append(recovery, li.Text()) })
	if len(recovery) != 10 || done.header.Get("Cache-Control") != "no-store" {
		b.t.Fatalf("%d recovery codes, Cache-Control %q", len(recovery), done.header.Get("Cache-Control"))
	}
	return secret, recovery
}

// half gives the password and stops at the second step.
func (s *site) half(t testing.TB, email string) *browser {
	t.Helper()
	b := s.elsewhere(t)
	if to := b.signIn(email, testPassword).wants(http.StatusSeeOther).to(); to != "/login/code" {
		t.Fatalf("the password led to %s, want the second step", to)
	}
	return b
}

// enrolled is a user with a second factor, and their signed-in browser.
func (s *site) enrolled(t testing.TB, w *watch, slug string) (b *browser, secret string, recovery []string) {
	t.Helper()
	b = s.elsewhere(t)
	b.user = s.user(t, slug+"-"+uuid.NewString()[:8], postgrestest.Seeded(t, s.db, slug))
	b.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
	secret, recovery = b.enrol(w)
	w.turn(30 * time.Second)
	return b, secret, recovery
}

func TestSecondFactorFromSetUpToSignIn(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b := s.role(t, "viewer")
	other := s.elsewhere(t)
	other.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
	b.get("/account/mfa").wants(http.StatusOK).has("Set up")
	b.get("/account/mfa/qr").wants(http.StatusNotFound)
	for _, path := range []string{"/account/mfa/confirm", "/account/mfa/codes", "/account/mfa/off"} {
		b.post(path, "code", "123456").follow().wants(http.StatusOK).has("Set up")
	}

	pending := b.post("/account/mfa/setup").follow().wants(http.StatusOK)
	secret := strings.ReplaceAll(pending.doc.Find(".secret").Text(), "-", "")
	if src := pending.doc.Find("img").AttrOr("src", ""); src != "/account/mfa/qr" {
		t.Errorf("the picture is %q", src)
	}
	picture := b.get("/account/mfa/qr").wants(http.StatusOK)
	if _, err := png.Decode(strings.NewReader(picture.body)); err != nil || picture.header.Get("Content-Type") != "image/png" || picture.header.Get("Cache-Control") != "no-store" {
		t.Errorf("the picture: %v, %v", err, picture.header)
	}
	s.elsewhere(t).signIn(b.user.Email, testPassword).follow().wants(http.StatusOK).lacks("one-time-code") // pending counts for nothing
	for _, wrong := range []string{"", "000000x", "12345"} {
		b.post("/account/mfa/confirm", "code", wrong).wants(http.StatusUnprocessableEntity).has("This code is wrong")
	}
	if b.get("/account/mfa").doc.Find(".secret").Text() == "" {
		t.Fatal("a wrong code ended the set-up")
	}

	code := w.code(secret)
	done := b.post("/account/mfa/confirm", "code", " "+code[:3]+" "+code[3:]).wants(http.StatusOK)
	if n := done.doc.Find(".codes li").Length(); n != 10 || done.header.Get("Cache-Control") != "no-store" {
		t.Errorf("%d recovery codes with %v", n, done.header)
	}
	first := done.doc.Find(".codes li").First().Text()
	b.post("/account/mfa/confirm", "code", code).follow().has("Recovery codes left").lacks(first) // sent again
	b.get("/account/mfa").wants(http.StatusOK).has("Recovery codes left10").lacks(secret[:4] + "-" + secret[4:8])
	b.get("/account/mfa/qr").wants(http.StatusNotFound)
	b.post("/account/mfa/setup").follow().has("Nothing changed")
	other.get("/account").wants(http.StatusSeeOther)

	again := s.elsewhere(t)
	again.post("/login", "email", b.user.Email, "password", testPassword, "next", "/organizations?q=a").wants(http.StatusSeeOther)
	form := again.get("/login/code").wants(http.StatusOK).has(b.user.Email)
	if f := form.doc.Find(`input[name="code"]`); f.AttrOr("autocomplete", "") != "one-time-code" || form.doc.Find(`a[href="/login"]`).Length() == 0 {
		t.Errorf("the form of the second step:\n%s", form.body)
	}
	again.post("/login/code", "code", code).wants(http.StatusUnprocessableEntity).has("This code is wrong") // it confirmed the set-up
	w.turn(30 * time.Second)
	if to := again.post("/login/code", "code", w.code(secret)).wants(http.StatusSeeOther).to(); to != "/organizations?q=a" {
		t.Errorf("sign-in led to %s", to)
	}
	again.get("/organizations?q=a").wants(http.StatusOK)
	again.get("/login/code").wants(http.StatusSeeOther)
	s.half(t, b.user.Email).post("/login/code", "code", w.code(secret)).wants(http.StatusUnprocessableEntity) // replayed

	w.turn(time.Minute)
	alter(t, s, `DELETE FROM sign_in_attempts`) // five were wrong by now
	s.half(t, b.user.Email).post("/login/code", "code", strings.ToUpper(first)).follow().wants(http.StatusOK)
	b.get("/account/mfa").has("Recovery codes left9").lacks("Few recovery codes")
	alter(t, s, `UPDATE recovery_codes SET used_at = now() WHERE hash IN (SELECT hash FROM recovery_codes WHERE used_at IS NULL LIMIT 6)`)
	b.get("/account/mfa").has("Recovery codes left3").has("Few recovery codes")
	fresh := b.post("/account/mfa/codes").wants(http.StatusOK)
	b.get("/account/mfa").has("Recovery codes left10")
	half := s.half(t, b.user.Email)
	half.post("/login/code", "code", done.doc.Find(".codes li").Last().Text()).wants(http.StatusUnprocessableEntity)
	half.post("/login/code", "code", fresh.doc.Find(".codes li").Last().Text()).wants(http.StatusSeeOther)

	b.post("/account/mfa/off").follow().has("Second factor switched off").has("Set up")
	again.get("/account").wants(http.StatusSeeOther)
	s.elsewhere(t).signIn(b.user.Email, testPassword).follow().wants(http.StatusOK).lacks("one-time-code")

	conn := postgrestest.Connect(t, s.url)
	rows, err := conn.Query(t.Context(), `SELECT concat_ws(' ', action, metadata->>'step', metadata->>'factor', CASE WHEN user_id IS NULL THEN 'nobody' END)
		FROM audit_logs WHERE target_id = $1 AND action <> 'create_user' AND action <> 'assign_role' ORDER BY id`, b.user.ID)
	if err != nil {
		t.Fatal(err)
	}
	got, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		t.Fatal(err)
	}
	want := []string{
		"login", "login", "set_up_mfa", "login", "enable_mfa", "login_failed code nobody", "login totp", "login_failed code nobody",
		"lockout code nobody", "use_recovery_code", "login recovery", "new_recovery_codes", "login_failed code nobody", "use_recovery_code", "login recovery", "disable_mfa", "login",
	}
	if !slices.Equal(got, want) {
		t.Errorf("audit rows\n%q, want\n%q", got, want)
	}
}

func TestTheTokenChangesAtBothSteps(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b, secret, _ := s.enrolled(t, w, "viewer")
	half := s.half(t, b.user.Email)
	first := half.cookie().Value
	half.get("/login/code").wants(http.StatusOK)
	half.post("/login/code", "code", w.code(secret)).wants(http.StatusSeeOther)
	if half.cookie().Value == first {
		t.Error("the second factor keeps the token")
	}
	half.get("/account").wants(http.StatusOK)
	for _, path := range []string{"/account", "/login/code"} {
		if to := s.browser(t).with(first).get(path).wants(http.StatusSeeOther).to(); !strings.HasPrefix(to, "/login") || to == "/login/code" {
			t.Errorf("%s with the token of the first step leads to %s", path, to)
		}
	}
}

var parameter = regexp.MustCompile(`\{\w+\}`)

// Who gave the password and nothing else reaches the second step, and what everybody reaches.
func TestHalfSignedInReachesNothing(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	u := w.site.user(t, "half", postgrestest.Seeded(t, w.site.db, "admin"))
	alter(t, w.site, `UPDATE user_credentials SET totp_secret = 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ', totp_since = now() WHERE user_id = $1`, u.ID)
	b := w.site.half(t, u.Email)
	w.look(t)
	walked := 0
	for _, r := range w.inOrder() {
		if r.Public || r.Pattern == "/login/code" || strings.HasPrefix(r.Pattern, "/api/") {
			continue
		}
		walked++
		path, a := parameter.ReplaceAllString(r.Pattern, w.organization.String()), (*answer)(nil)
		if r.Method == http.MethodGet {
			a = b.get(path)
		} else {
			a = b.post(path)
		}
		if to := a.to(); a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/login") {
			t.Errorf("%s %s: status %d to %q, want the sign-in page", r.Method, r.Pattern, a.status, to)
		}
		if changed := w.look(t); len(changed) > 0 {
			t.Errorf("%s %s changed %v", r.Method, r.Pattern, changed)
		}
	}
	if walked < 70 {
		t.Errorf("only %d routes walked", walked)
	}
	b.get("/nowhere").wants(http.StatusNotFound).lacks(u.Name)
	b.get("/login/code").wants(http.StatusOK).lacks("<nav")
}

// eight tries at once: sent is what each sends, from a half session of its own. It returns how many came in.
func (s *site) eightAtOnce(t *testing.T, email, code string) int {
	t.Helper()
	var in atomic.Int64
	var wg sync.WaitGroup
	for range 8 {
		b := s.half(t, email)
		wg.Go(func() {
			if b.post("/login/code", "code", code).status == http.StatusSeeOther && b.get("/account").status == http.StatusOK {
				in.Add(1)
			}
		})
	}
	wg.Wait()
	return int(in.Load())
}

func TestEachCodeWorksOnceEvenAtOnce(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b, secret, recovery := s.enrolled(t, w, "viewer")
	if n := s.eightAtOnce(t, b.user.Email, w.code(secret)); n != 1 {
		t.Errorf("one code let %d of 8 in", n)
	}
	alter(t, s, `DELETE FROM sign_in_attempts`)
	if n := s.eightAtOnce(t, b.user.Email, recovery[3]); n != 1 {
		t.Errorf("one recovery code let %d of 8 in", n)
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'use_recovery_code' AND target_id = $1`, b.user.ID); n != 1 {
		t.Errorf("%d rows tell of one recovery code", n)
	}
}

func TestWrongCodesPauseTheSecondStep(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b, secret, recovery := s.enrolled(t, w, "viewer")
	wrong := "000000"
	for wrong == w.code(secret) {
		w.turn(30 * time.Second)
	}
	halves := make([]*browser, 40)
	for i := range 4 {
		halves[i*10] = s.half(t, b.user.Email)
		for j := 1; j < 10; j++ {
			halves[i*10+j] = s.browser(t).with(halves[i*10].cookie().Value)
		}
	}
	bodies := make([]string, len(halves))
	var wg sync.WaitGroup
	for i, h := range halves {
		wg.Go(func() { bodies[i] = h.post("/login/code", "code", wrong).body })
	}
	wg.Wait()
	if n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts WHERE evaluated AND NOT succeeded AND octet_length(account) = 16`); n != 5 {
		t.Errorf("%d of 40 codes were looked at, want 5", n)
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'lockout' AND target_id = $1 AND metadata->>'step' = 'code'`, b.user.ID); n != 1 {
		t.Errorf("%d lockout rows, want 1", n)
	}
	paused := halves[0].post("/login/code", "code", w.code(secret)).wants(http.StatusUnprocessableEntity)
	halves[0].post("/login/code", "code", recovery[0]).wants(http.StatusUnprocessableEntity)
	for _, body := range bodies {
		if body != paused.body {
			t.Fatal("a paused second step looks another way than a wrong code")
		}
	}
	b.get("/account").wants(http.StatusOK) // the live session lives on
	if n := query[int](t, s, `SELECT count(*) FROM sign_in_attempts WHERE octet_length(account) = 32 AND NOT succeeded`); n != 0 {
		t.Errorf("wrong codes count %d times as wrong passwords", n)
	}

	alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at - interval '15 minutes'`)
	halves[0].post("/login/code", "code", w.code(secret)).wants(http.StatusSeeOther)

	admin, path := s.role(t, "admin"), "/admin/users/"+b.user.ID.String()
	h := s.half(t, b.user.Email)
	for range 5 {
		h.post("/login/code", "code", wrong).wants(http.StatusUnprocessableEntity)
	}
	w.turn(30 * time.Second)
	h.post("/login/code", "code", w.code(secret)).wants(http.StatusUnprocessableEntity)
	admin.get(path).has("Locked")
	admin.post(path + "/unlock").wants(http.StatusSeeOther)
	h.post("/login/code", "code", w.code(secret)).wants(http.StatusSeeOther)

	// spread over a day they pause for longer
	alter(t, s, `INSERT INTO sign_in_attempts (account, address, known, evaluated, created_at) SELECT uuid_send($1), '::', FALSE, TRUE, now() - interval '10 hours' FROM generate_series(1, 30)`, b.user.ID)
	w.turn(30 * time.Second)
	h = s.half(t, b.user.Email)
	h.post("/login/code", "code", w.code(secret)).wants(http.StatusUnprocessableEntity)
	alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at - interval '14 hours'`)
	h.post("/login/code", "code", w.code(secret)).wants(http.StatusSeeOther)
}

// Confirming shares the budget: a set-up begun in a borrowed session is no place to try codes.
func TestWrongCodesAtSetUpCountToo(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b := s.role(t, "viewer")
	page := b.post("/account/mfa/setup").follow()
	secret := strings.ReplaceAll(page.doc.Find(".secret").Text(), "-", "")
	for range 5 {
		b.post("/account/mfa/confirm", "code", "nonsense").wants(http.StatusUnprocessableEntity)
	}
	b.post("/account/mfa/confirm", "code", w.code(secret)).wants(http.StatusUnprocessableEntity)
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'lockout' AND user_id = $1`, b.user.ID); n != 1 {
		t.Errorf("%d lockout rows, want 1", n)
	}
	alter(t, s, `UPDATE sign_in_attempts SET created_at = created_at - interval '15 minutes'`)
	b.post("/account/mfa/confirm", "code", w.code(secret)).wants(http.StatusOK)
}

func TestWhatEndsAHalfSession(t *testing.T) {
	t.Parallel()
	for name, end := range map[string]func(t *testing.T, s *site, b *browser){
		"ten minutes": func(t *testing.T, s *site, _ *browser) {
			alter(t, s, `UPDATE sessions SET created_at = now() - interval '10 minutes' WHERE half`)
		},
		"a reset of the password": func(t *testing.T, s *site, b *browser) {
			s.role(t, "admin").post("/admin/users/" + b.user.ID.String() + "/password").wants(http.StatusOK)
		},
		"a change of the password": func(_ *testing.T, _ *site, b *browser) {
			b.post("/account/password", "current_password", testPassword, "new_password", "seven tall purple lamps", "new_password_again", "seven tall purple lamps").wants(http.StatusSeeOther)
		},
		"a deactivation": func(t *testing.T, s *site, b *browser) {
			s.role(t, "admin").post("/admin/users/" + b.user.ID.String() + "/deactivate").wants(http.StatusSeeOther)
		},
		"a reset of the second factor": func(t *testing.T, s *site, b *browser) {
			s.role(t, "admin").post("/admin/users/" + b.user.ID.String() + "/mfa/reset").wants(http.StatusSeeOther)
		},
		"switching it off": func(_ *testing.T, _ *site, b *browser) { b.post("/account/mfa/off").wants(http.StatusSeeOther) },
		"another sign-in":  nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, w := newWatchedSite(t)
			b, secret, _ := s.enrolled(t, w, "viewer")
			half := s.half(t, b.user.Email)
			token := half.cookie().Value
			if end == nil {
				half.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
			} else {
				end(t, s, b)
			}
			old := s.browser(t).with(token)
			for _, a := range []*answer{old.get("/login/code"), old.post("/login/code", "code", w.code(secret)), old.get("/account")} {
				if to := a.to(); a.status != http.StatusSeeOther || !strings.HasPrefix(to, "/login") || to == "/login/code" {
					t.Errorf("a half session after %s: status %d to %q", name, a.status, a.to())
				}
			}
		})
	}
}

func TestNothingOfASecondFactorIsKept(t *testing.T) {
	t.Parallel()
	var log syncBuffer
	s, w := newWatchedSite(t, func(o *web.Options) {
		o.Log = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	})
	b, secret, recovery := s.enrolled(t, w, "viewer")
	code := w.code(secret)
	h := s.half(t, b.user.Email)
	h.post("/login/code", "code", recovery[1]).wants(http.StatusSeeOther)
	s.half(t, b.user.Email).post("/login/code", "code", code).wants(http.StatusSeeOther)
	s.half(t, b.user.Email).post("/login/code", "code", recovery[1]).wants(http.StatusUnprocessableEntity).lacks(recovery[1])
	dump := query[string](t, s, `SELECT (SELECT string_agg(a::text, ' ') FROM audit_logs a) || (SELECT string_agg(c::text, ' ') FROM recovery_codes c)
		|| (SELECT string_agg(convert_from(data, 'UTF8') || token, ' ') FROM sessions) || (SELECT string_agg(a::text, ' ') FROM sign_in_attempts a)`) + log.String()
	for _, what := range append([]string{secret, code}, recovery...) {
		if strings.Contains(dump, what) || strings.Contains(dump, strings.ReplaceAll(what, "-", "")) {
			t.Errorf("%s stands in an audit row, a session, a log or in clear", what)
		}
	}
}

func TestARoleAsksForASecondFactor(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	admin := s.role(t, "admin")
	role := postgrestest.Role(t, s.db, "all", "ViewClient")
	b := s.elsewhere(t)
	b.user = s.user(t, "ada", role)
	b.signIn(b.user.Email, testPassword).wants(http.StatusSeeOther)
	b.get("/organizations").wants(http.StatusOK)
	save := func(version string, more ...string) *answer {
		name := query[string](t, s, `SELECT name FROM roles WHERE id = $1`, role)
		return admin.post("/admin/roles/"+role.String(), append([]string{"name", name, "reach", "all", "permissions", "ViewClient", "version", version}, more...)...)
	}
	saved := save("1", "requires_mfa", "true").wants(http.StatusSeeOther)
	if _, ticked := admin.get(saved.to()).doc.Find(`input[name="requires_mfa"]`).Attr("checked"); !ticked {
		t.Error("the box is not ticked after saving")
	}
	admin.get("/changes/" + query[string](t, s, `SELECT change_set_id::text FROM audit_logs WHERE action = 'update_role' ORDER BY id DESC LIMIT 1`)).has("Second factor required")

	for _, path := range []string{"/", "/organizations", "/account", "/search?q=a"} {
		if to := b.get(path).wants(http.StatusSeeOther).to(); to != "/account/mfa" {
			t.Errorf("%s leads to %s, want the set-up", path, to)
		}
	}
	b.post("/account", "name", "Evil").wants(http.StatusSeeOther)
	if b.user.Name != query[string](t, s, `SELECT name FROM users WHERE id = $1`, b.user.ID) {
		t.Error("a profile was saved before the set-up")
	}
	b.get("/account/mfa").wants(http.StatusOK).has("asks for a second factor").lacks("<nav")
	b.get("/account/password").wants(http.StatusOK)
	secret, _ := b.enrol(w)
	b.get("/organizations").wants(http.StatusOK)
	b.get("/account/mfa").has("cannot be switched off").lacks("/account/mfa/off")
	b.post("/account/mfa/off").wants(http.StatusUnprocessableEntity).has("requires a second factor")

	w.turn(30 * time.Second)
	s.half(t, b.user.Email).post("/login/code", "code", w.code(secret)).follow().wants(http.StatusOK)
	if save("1").status != http.StatusConflict {
		t.Error("a stale form untied the role")
	}
	save("1").has("second factor required: yes")
	save("2").wants(http.StatusSeeOther)
	b.post("/account/mfa/off").follow().has("Set up")
}

// Neither kind of reset gives a way round the second factor; only its own does.
func TestResets(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b, secret, _ := s.enrolled(t, w, "viewer")
	admin, path := s.role(t, "admin"), "/admin/users/"+b.user.ID.String()
	made := admin.post(path + "/password").wants(http.StatusOK)
	again := s.elsewhere(t)
	if to := again.signIn(b.user.Email, strings.TrimSpace(made.doc.Find(".secret").Text())).wants(http.StatusSeeOther).to(); to != "/login/code" {
		t.Fatalf("a one-time password leads to %s", to)
	}
	if to := again.post("/login/code", "code", w.code(secret)).follow().to(); to != "/account/password" {
		t.Errorf("then to %s", to)
	}

	b, _, _ = s.enrolled(t, w, "viewer")
	path = "/admin/users/" + b.user.ID.String()
	if admin.get(path).has("Second factor").doc.Find(`form[action="`+path+`/mfa/reset"]`).Length() != 1 {
		t.Error("no button to reset the second factor")
	}
	admin.post(path + "/mfa/reset").follow().has("Second factor reset")
	b.get("/account").wants(http.StatusSeeOther)
	s.elsewhere(t).signIn(b.user.Email, testPassword).follow().wants(http.StatusOK)
	if n := query[int](t, s, `SELECT count(*) FROM recovery_codes WHERE user_id = $1`, b.user.ID); n != 0 {
		t.Errorf("%d recovery codes outlive the reset", n)
	}
	admin.post(path + "/mfa/reset").follow().has("Nothing changed")
	admin.post("/admin/users/" + uuid.NewString() + "/mfa/reset").wants(http.StatusNotFound)
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'reset_mfa' AND user_id = $1 AND target_id = $2`, admin.user.ID, b.user.ID); n != 1 {
		t.Errorf("%d rows tell of the reset", n)
	}
}

// After ten minutes each change of the second factor asks for the password first, and loses nothing of what was sent.
func TestTheSecondFactorAsksAgain(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b, _, _ := s.enrolled(t, w, "viewer")
	fresh := s.role(t, "viewer")
	w.turn(11 * time.Minute)
	for _, ask := range []struct {
		b    *browser
		path string
	}{{fresh, "/account/mfa/setup"}, {fresh, "/account/mfa/confirm"}, {b, "/account/mfa/codes"}, {b, "/account/mfa/off"}} {
		ask.b.post(ask.path, "code", "1").wants(http.StatusUnprocessableEntity).has("Is it you?")
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action IN ('set_up_mfa', 'new_recovery_codes', 'disable_mfa')`); n != 1 {
		t.Errorf("%d changes, want the one before", n)
	}
	b.post("/account/mfa/codes", "confirm_password", testPassword).wants(http.StatusOK).has("Recovery codes")
}

// syncBuffer is a log that several requests write at once.
type syncBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *syncBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *syncBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// A secret that waits for its first code is shown to who gave the password lately: it will be the second factor of
// whoever confirms it, and must not be of whoever borrowed the session meanwhile as well.
func TestASecretBeingSetUpIsNotForABorrowedSession(t *testing.T) {
	t.Parallel()
	s, w := newWatchedSite(t)
	b := s.role(t, "viewer")
	pending := b.post("/account/mfa/setup").follow().wants(http.StatusOK).doc.Find(".secret").Text()
	w.turn(11 * time.Minute)
	b.get("/account/mfa").wants(http.StatusOK).has("Set up").lacks(pending)
	b.get("/account/mfa/qr").wants(http.StatusNotFound)
	b.post("/account/mfa/confirm", "code", "123456").wants(http.StatusUnprocessableEntity).has("Is it you?").lacks(pending)
	b.post("/account/mfa/setup", "confirm_password", testPassword).follow().wants(http.StatusOK).lacks(pending)
	if again := b.get("/account/mfa").doc.Find(".secret").Text(); len(again) != len(pending) {
		t.Errorf("the new secret is shown as %q", again)
	}
	b.get("/account/mfa/qr").wants(http.StatusOK)
}
