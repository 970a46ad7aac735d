package web_test

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/netip"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/static"
	"github.com/archpilot/crm/web"
	"github.com/archpilot/crm/web/api"
)

var update = flag.Bool("update", false, "rewrite testdata/access.golden")

func TestOnlyTheTableIsServed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	want := []string{"GET /healthz", "GET /readyz"}
	for _, r := range s.web.Routes() {
		want = append(want, r.Method+" "+r.Pattern)
	}
	var got []string
	err := chi.Walk(s.web.Handler().(chi.Routes), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if pattern != static.Prefix+"*" && !strings.HasPrefix(pattern, api.Root+"/") { // whose own test holds it against its own table
			got = append(got, method+" "+pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(got)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the router (+) serves something else than the route table (-); every route belongs into table() in routes.go:\n%s", diff)
	}
}

const golden = "testdata/access.golden"

// caller is somebody who tries every route.
type caller struct {
	name    string
	browser *browser
	holds   []authz.Permission
}

// TestAccess asks every route as everybody and compares who is let in with a golden file, so that each change
// of access is a line in a diff. On the way it sees that a refusal names the first permission missing, leaves
// one row in the audit log and changes nothing else, and that no GET writes.
func TestAccess(t *testing.T) {
	t.Parallel()
	w := newAccessWorld(t)
	who := map[string]map[string][]string{} // route, outcome: names of callers
	for _, c := range w.callers(t) {
		w.look(t)
		for _, r := range w.inOrder() {
			route := r.Method + " " + r.Pattern
			if who[route] == nil {
				who[route] = map[string][]string{}
			}
			outcome := w.ask(t, c, r)
			who[route][outcome] = append(who[route][outcome], c.name)
		}
	}
	var got strings.Builder
	for _, r := range w.site.web.Routes() {
		route := r.Method + " " + r.Pattern
		fmt.Fprintln(&got, route)
		for _, outcome := range slices.Sorted(maps.Keys(who[route])) {
			fmt.Fprintf(&got, "    %-20s %s\n", outcome, strings.Join(who[route][outcome], " "))
		}
	}
	if *update {
		if err := os.WriteFile(golden, []byte(got.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")); diff != "" {
		t.Errorf("who may do what has changed (- golden, + now); when each line is meant, run go test ./web -run TestAccess -update:\n%s", diff)
	}
}

// accessWorld is a site with one record of each kind.
type accessWorld struct {
	site                                                               *site
	conn                                                               *pgx.Conn
	sql                                                                string
	organization, contact, linked, interaction                         uuid.UUID
	change, user, role, team, view, followUp, subscriber, touchDefault uuid.UUID
	state                                                              map[string]string // of every table, since the last look
}

func newAccessWorld(t *testing.T) *accessWorld {
	t.Helper()
	s := newSite(t, func(o *web.Options) {
		// each caller has an address of its own, so that the budget of sign-ins per address lasts
		o.TrustedProxies = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	})
	ctx, system := context.Background(), postgrestest.System(s.db)
	w := &accessWorld{site: s, conn: postgrestest.Connect(t, s.url)}
	w.user = postgrestest.User(t, s.db, "bystander", uuid.NullUUID{}, s.hash).ID
	w.subscriber = postgrestest.User(t, s.db, "subscriber", uuid.NullUUID{}, s.hash).ID
	w.role = postgrestest.Role(t, s.db, "own")
	team, err := system.CreateTeam(ctx, crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	w.team = team.ID
	w.organization = postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	w.contact = postgrestest.Contact(t, s.db, "Lars", "Lindqvist", uuid.NullUUID{})
	w.linked = postgrestest.Contact(t, s.db, "Stays", "Linked", uuid.NullUUID{})
	for _, id := range []uuid.UUID{w.contact, w.linked} {
		_, err := system.LinkContact(ctx, crm.Relationship{OrganizationID: w.organization, ContactID: id}, uuid.NullUUID{})
		fatal(t, err)
	}
	o, err := system.Organization(ctx, w.organization)
	fatal(t, err)
	o.Sector = "Robotics"
	changed, err := system.UpdateOrganization(ctx, o)
	fatal(t, err)
	w.change = changed.ChangeSet
	w.interaction = w.log(t)
	w.view = w.share(t)
	planned, err := system.CreateFollowUp(ctx, crm.FollowUp{Title: "Send the contract", Due: crm.Due{At: time.Now().Add(time.Hour)}, OrganizationID: postgrestest.ID(w.organization)},
		"", crm.Clock{Now: time.Now(), Zone: time.UTC}, uuid.NullUUID{})
	fatal(t, err)
	w.followUp = planned.ID
	w.touchDefault = w.usual(t)
	var tables []string
	for table := range w.lines(t, `SELECT relname, '' FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'audit_logs'`) {
		tables = append(tables, `SELECT '`+table+`', md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), '')) FROM `+table+` t`)
	}
	w.sql = strings.Join(tables, " UNION ALL ") + ` UNION ALL SELECT 'audit_logs', count(*)::text FROM audit_logs
		UNION ALL SELECT 'denials', count(*)::text FROM audit_logs WHERE action = 'access_denied'`
	return w
}

func fatal(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// log makes an interaction that nobody who calls has written.
func (w *accessWorld) log(t *testing.T) uuid.UUID {
	t.Helper()
	logged, err := postgrestest.System(w.site.db).LogInteraction(context.Background(), crm.Interaction{
		OrganizationID: postgrestest.ID(w.organization), Channel: crm.Call, Subject: "Renewal agreed", HappenedAt: time.Now(), DurationMinutes: new(15),
	}, audit.Organization, uuid.NullUUID{})
	fatal(t, err)
	return logged.ID
}

// share makes a view that everyone sees and that nobody who calls has saved.
func (w *accessWorld) share(t *testing.T) uuid.UUID {
	t.Helper()
	owner := crm.User{ID: w.user}
	saved, err := w.site.db.As(postgrestest.Actor(owner, authz.All, authz.ViewClient), postgres.Origin{}).CreateView(context.Background(),
		crm.SavedView{List: crm.OrganizationList, Name: uuid.NewString(), Shared: crm.WithEveryone}, false, uuid.NullUUID{})
	fatal(t, err)
	return saved.ID
}

// usual says what is usual in a role that nobody has.
func (w *accessWorld) usual(t *testing.T) uuid.UUID {
	t.Helper()
	saved, err := postgrestest.System(w.site.db).CreateTouchDefault(context.Background(), crm.TouchDefault{RoleLabel: uuid.NewString(), EveryDays: 30}, uuid.NullUUID{})
	fatal(t, err)
	return saved.ID
}

// callers are nobody, somebody without any role, everyone with one single permission, and the seeded roles.
func (w *accessWorld) callers(t *testing.T) []caller {
	t.Helper()
	all := []caller{{name: "anonymous", browser: w.browser(t, 1)}}
	add := func(name string, holds []authz.Permission, roles ...uuid.UUID) {
		b := w.browser(t, len(all)+1)
		u := postgrestest.User(t, w.site.db, strings.ToLower(name), uuid.NullUUID{}, w.site.hash, roles...)
		b.signIn(u.Email, testPassword).wants(http.StatusSeeOther)
		all = append(all, caller{name, b, holds})
	}
	add("none", nil)
	for _, p := range authz.Permissions {
		add(string(p), []authz.Permission{p}, postgrestest.Role(t, w.site.db, "all", p))
	}
	roles, err := postgrestest.System(w.site.db).Roles(context.Background())
	fatal(t, err)
	for _, slug := range []string{"viewer", "account_manager", "manager", "admin"} {
		i := slices.IndexFunc(roles, func(r crm.Role) bool { return r.Slug == slug })
		var holds []authz.Permission
		for _, p := range roles[i].Permissions {
			holds = append(holds, authz.Permission(p))
		}
		add(slug, holds, roles[i].ID)
	}
	return all
}

// from says where a request comes from, as a proxy would.
type from struct {
	address string
	next    http.RoundTripper
}

func (f from) RoundTrip(r *http.Request) (*http.Response, error) {
	r.Header.Set("X-Forwarded-For", f.address)
	return f.next.RoundTrip(r)
}

func (w *accessWorld) browser(t *testing.T, n int) *browser {
	t.Helper()
	b := w.site.browser(t)
	b.http.Transport = from{fmt.Sprintf("192.0.2.%d", n), b.http.Transport}
	return b
}

// inOrder returns the routes with what reads first, since an answer to a POST may leave a flash that the next
// page takes down, and signing out last.
func (w *accessWorld) inOrder() []web.Route {
	rank := func(r web.Route) int {
		switch {
		case r.Pattern == "/logout":
			return 2
		case r.Method == http.MethodPost:
			return 1
		}
		return 0
	}
	routes := w.site.web.Routes()
	slices.SortStableFunc(routes, func(a, b web.Route) int { return rank(a) - rank(b) })
	return routes
}

// path fills a pattern with the ids of records that exist.
func (w *accessWorld) path(t *testing.T, r web.Route) string {
	t.Helper()
	var id uuid.UUID
	switch kind := strings.Split(strings.TrimPrefix(strings.TrimPrefix(r.Pattern, "/admin"), "/"), "/")[0]; kind {
	case "organizations":
		id = w.organization
	case "contacts":
		id = w.contact
	case "interactions":
		id = w.interaction
	case "follow-ups":
		id = w.followUp
	case "changes":
		id = w.change
	case "views":
		id = w.view
	case "users":
		id = w.user
	case "roles":
		id = w.role
	case "teams":
		id = w.team
	case "keeping-in-touch":
		id = w.touchDefault
	case "invitations":
		return strings.Replace(r.Pattern, "{secret}", w.link(t, "invitation"), 1)
	case "reset":
		return strings.Replace(r.Pattern, "{secret}", w.link(t, "reset"), 1)
	case "calendar":
		return strings.Replace(r.Pattern, "{secret}", w.calendar(t), 1)
	case "account", "jobs", "inbox":
		id = uuid.New() // what is one's own has an id that nobody else has
	default:
		if strings.Contains(r.Pattern, "{") {
			t.Fatalf("%s: name a record for it in accessWorld.path", r.Pattern)
		}
	}
	if strings.HasSuffix(r.Pattern, "/delete") { // the one route that leaves the next caller nothing to find
		switch id {
		case w.view:
			id = w.share(t)
		case w.touchDefault:
			id = w.usual(t)
		default:
			id = w.log(t)
		}
		w.look(t)
	}
	contact := w.linked
	if strings.HasSuffix(r.Pattern, "/unlink") {
		contact = w.contact
	}
	return strings.NewReplacer("{id}", id.String(), "{contactID}", contact.String()).Replace(r.Pattern)
}

// link makes a link for the bystander and returns its secret: whoever holds it may open it.
func (w *accessWorld) link(t *testing.T, purpose string) string {
	t.Helper()
	secret := uuid.NewString()
	_, err := w.conn.Exec(context.Background(), `INSERT INTO user_secrets (hash, user_id, purpose, expires_at)
		SELECT sha256(convert_to($1, 'UTF8')), id, $2, now() + interval '1 hour' FROM users WHERE id = $3`, secret, purpose, w.user)
	fatal(t, err)
	w.look(t)
	return secret
}

// calendar makes an address of a calendar of somebody whom no other route changes, used a moment ago, and returns its
// secret.
func (w *accessWorld) calendar(t *testing.T) string {
	t.Helper()
	const secret = "crm_cal_abcdefghijklmnopqrstuvwxyz234567"
	_, err := w.conn.Exec(context.Background(), `INSERT INTO calendar_feeds (id, user_id, hash, last_used_at)
		SELECT gen_random_uuid(), $2, sha256(convert_to($1, 'UTF8')), now() ON CONFLICT DO NOTHING`, secret, w.subscriber)
	fatal(t, err)
	w.look(t)
	return secret
}

// notForAll are pages that whoever is signed in and has nothing to do there is led away from, or does not find.
var notForAll = []string{"/login", "/login/code", "/account/mfa/qr", "/jobs/{id}"}

var missing = regexp.MustCompile(`Missing permission: (\w+)<`)

// ask requests a route, with an empty form when it is a POST, and returns what the golden file says of it.
func (w *accessWorld) ask(t *testing.T, c caller, r web.Route) string {
	t.Helper()
	what := fmt.Sprintf("%s %s as %s", r.Method, r.Pattern, c.name)
	path := w.path(t, r)
	var a *answer
	if r.Method == http.MethodGet {
		a = c.browser.get(path)
	} else {
		a = c.browser.post(path)
	}
	changed := w.look(t)
	switch {
	case a.status == http.StatusForbidden:
		return "403 " + w.refusal(t, what, c, r, a, changed)
	case c.name == "anonymous" && a.status == http.StatusSeeOther:
		if !strings.HasPrefix(a.to(), "/login") || len(changed) > 0 {
			t.Errorf("%s: led to %s, want the sign-in page, and changed %v", what, a.to(), changed)
		}
		return "303 login"
	case a.status == http.StatusSeeOther && strings.HasPrefix(a.to(), "/login") && r.Pattern != "/logout":
		t.Errorf("%s: led to the sign-in page, though signed in", what)
	case a.status >= 500 || a.status == http.StatusMethodNotAllowed || a.status == http.StatusTooManyRequests:
		t.Errorf("%s: got status %d\n%s", what, a.status, a.text())
	case r.Method == http.MethodGet && len(changed) > 0:
		t.Errorf("%s: a GET changed %v", what, changed)
	case r.Method == http.MethodGet && a.status != http.StatusOK && !slices.Contains(notForAll, r.Pattern):
		t.Errorf("%s: got status %d, want 200 for a page that is open to the caller\n%s", what, a.status, a.text())
	}
	return "ok"
}

// refusal checks a 403 and returns the permission it names, or "author" where only the author may.
func (w *accessWorld) refusal(t *testing.T, what string, c caller, r web.Route, a *answer, changed []string) string {
	t.Helper()
	if want := []string{"audit_logs +1", "denials +1"}; !slices.Equal(changed, want) {
		t.Errorf("%s: a refusal changed %v, want exactly one access_denied row", what, changed)
	}
	m := missing.FindStringSubmatch(a.body)
	if m == nil && strings.Contains(a.text(), "Only its author") {
		return "author"
	}
	if m == nil {
		t.Errorf("%s: the page names no permission:\n%s", what, a.text())
		return ""
	}
	first := slices.IndexFunc(r.Needs, func(p string) bool { return !slices.Contains(c.holds, authz.Permission(p)) })
	if len(r.Needs) > 0 && (first < 0 || r.Needs[first] != m[1]) {
		t.Errorf("%s: the page names %s, want the first one missing of %v", what, m[1], r.Needs)
	}
	if slices.Contains(c.holds, authz.Permission(m[1])) {
		t.Errorf("%s: the page names %s, which the caller holds", what, m[1])
	}
	return m[1]
}

// look returns what changed in the database since the last look: tables by name, logs with how much they grew.
func (w *accessWorld) look(t *testing.T) []string {
	t.Helper()
	now := w.lines(t, w.sql)
	var changed []string
	for _, name := range slices.Sorted(maps.Keys(now)) {
		switch was := w.state[name]; {
		case was == now[name]:
		case name == "audit_logs" || name == "denials":
			changed = append(changed, fmt.Sprintf("%s +%d", name, number(now[name])-number(was)))
		default:
			changed = append(changed, name)
		}
	}
	w.state = now
	return changed
}

func number(text string) (n int) {
	_, _ = fmt.Sscan(text, &n) // the first look has nothing to count from
	return n
}

func (w *accessWorld) lines(t *testing.T, sql string) map[string]string {
	t.Helper()
	rows, err := w.conn.Query(context.Background(), sql)
	fatal(t, err)
	all := map[string]string{}
	var name, text string
	_, err = pgx.ForEachRow(rows, []any{&name, &text}, func() error { all[name] = text; return nil })
	fatal(t, err)
	return all
}
