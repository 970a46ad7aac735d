package web_test

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/web"
)

// office is a firm with a team of lead and member, and an outsider; each owns a client.
type office struct {
	*site
	clock              *atomic.Pointer[time.Time] // what the site takes for now
	boss, lead, member *browser                   // reach all, team, own
	outsider           *browser                   // of another team
	clients            map[*browser]uuid.UUID     // one of each
}

func newOffice(t *testing.T) *office {
	t.Helper()
	o := &office{clock: &atomic.Pointer[time.Time]{}, clients: map[*browser]uuid.UUID{}}
	o.at(time.Now())
	o.site = newSite(t, func(w *web.Options) { w.Now = func() time.Time { return *o.clock.Load() } })
	north, err := postgrestest.System(o.db).CreateTeam(context.Background(), crm.Team{Name: "North"}, uuid.NullUUID{})
	fatal(t, err)
	south, err := postgrestest.System(o.db).CreateTeam(context.Background(), crm.Team{Name: "South"}, uuid.NullUUID{})
	fatal(t, err)
	o.boss = o.as(t, "boss", uuid.NullUUID{}, postgrestest.Role(t, o.db, "all", four...))
	o.lead = o.as(t, "lead", postgrestest.ID(north.ID), postgrestest.Role(t, o.db, "team", four...))
	own := postgrestest.Role(t, o.db, "own", four...)
	o.member, o.outsider = o.as(t, "member", postgrestest.ID(north.ID), own), o.as(t, "outsider", postgrestest.ID(south.ID), own)
	for _, b := range o.everybody() {
		o.clients[b] = postgrestest.Organization(t, o.db, strings.ToUpper(b.user.Name), postgrestest.ID(b.user.ID))
	}
	return o
}

func (o *office) at(now time.Time)      { o.clock.Store(&now) }
func (o *office) everybody() []*browser { return []*browser{o.boss, o.lead, o.member, o.outsider} }

// log lets somebody have talked to a client.
func (o *office) log(t *testing.T, author *browser, client uuid.UUID, c crm.Channel, at time.Time) {
	t.Helper()
	s := o.db.As(postgrestest.Actor(author.user, authz.All, four...), postgres.Origin{})
	_, err := s.LogInteraction(context.Background(), crm.Interaction{
		OrganizationID: postgrestest.ID(client), Channel: c, Subject: "Talk", HappenedAt: at,
	}, audit.Organization, uuid.NullUUID{})
	fatal(t, err)
}

// shown reads a number as a page writes it.
func shown(t *testing.T, a *goquery.Selection) int {
	t.Helper()
	n, err := strconv.Atoi(strings.ReplaceAll(strings.Fields(a.Text())[0], ",", ""))
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// leads fails the test unless a link's number is the length of the list that it leads to.
func (b *browser) leads(t *testing.T, a *goquery.Selection) {
	t.Helper()
	href := a.AttrOr("href", "")
	rows := b.get(href + "&limit=200").wants(http.StatusOK).doc.Find(".list tbody tr, .todo > li").Length()
	if want := shown(t, a); rows != want {
		t.Errorf("%s reads %d at %q, and the list has %d rows", b.user.Name, want, href, rows)
	}
}

// TestEachWeekIsItsList: in every zone and over every change of clocks each number of the charts is the length of the
// list that it leads to, and only what lies within reach is counted.
func TestEachWeekIsItsList(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for n, c := range []struct{ zone, now string }{
		{"Europe/Rome", "2026-03-31T10:00:00Z"},
		{"Europe/Rome", "2026-10-26T10:00:00Z"},
		{"America/New_York", "2026-03-10T10:00:00Z"},
		{"America/New_York", "2026-11-03T10:00:00Z"},
		{"Asia/Kathmandu", "2026-06-30T20:00:00Z"},
	} {
		zone, err := time.LoadLocation(c.zone)
		fatal(t, err)
		now, err := time.Parse(time.RFC3339, c.now)
		fatal(t, err)
		o.at(now)
		want := map[*browser]int{}
		for i, week := range crm.Weeks(crm.Clock{Now: now, Zone: zone}, 8) {
			edges := []time.Time{week.From.Add(-time.Second), week.From, week.From.Add(20 * time.Minute), week.To.Add(-time.Minute)}
			author, client := o.everybody()[i%4], o.everybody()[i/2%4]
			for e, at := range edges {
				o.log(t, author, o.clients[client], crm.Channels[(i+e)%4], at)
				if i == 0 && e == 0 {
					continue // before the first week
				}
				want[o.boss]++
				if author == o.lead || author == o.member && (client == o.lead || client == o.member) {
					want[o.lead]++
				}
			}
		}
		for _, b := range []*browser{o.boss, o.lead, o.member} {
			b.post("/account", "name", b.user.Name, "zone", c.zone).wants(http.StatusSeeOther)
			page := b.get("/").wants(http.StatusOK)
			charts := page.doc.Find(".figures")
			for _, table := range charts.EachIter() {
				all, rows := 0, table.Find("tbody tr")
				for i, row := range rows.EachIter() {
					links := row.Find("a")
					for j, a := range links.EachIter() {
						if j == links.Length()-1 || (i+j+n)%3 == 0 { // the whole week, and some of its channels
							b.leads(t, a)
						}
					}
					if links.Length() > 0 {
						all += shown(t, links.Last())
					}
				}
				if rows.Length() != 8 {
					t.Errorf("%s, %s: %d weeks, want 8", c.zone, b.user.Name, rows.Length())
				}
				if whose := table.Find("a").First().AttrOr("href", ""); !strings.Contains(whose, "author=me") && all != want[b] {
					t.Errorf("%s at %s: %s is shown %d interactions, want %d", c.zone, c.now, b.user.Name, all, want[b])
				}
			}
			if wantCharts := map[*browser]int{o.boss: 2, o.lead: 2, o.member: 1}[b]; charts.Length() != wantCharts {
				t.Errorf("%s: %d charts, want %d", b.user.Name, charts.Length(), wantCharts)
			}
		}
		_, err = postgrestest.Connect(t, o.url).Exec(context.Background(), `BEGIN; SET LOCAL session_replication_role = replica; DELETE FROM interactions; COMMIT; SELECT rebuild_counts()`)
		fatal(t, err)
	}
}

// TestEachFigureIsItsList: what the table of people says is the length of the lists behind it, for who sees all and for
// who leads a team, on Today and on the page of its own.
func TestEachFigureIsItsList(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	now := time.Now()
	for i, author := range o.everybody() {
		for j, client := range o.everybody() {
			o.log(t, author, o.clients[client], crm.Channels[(i+j)%2], now.Add(-time.Duration(i)*time.Minute))
			s := o.db.As(postgrestest.Actor(author.user, authz.All, four...), postgres.Origin{})
			for _, due := range []crm.Due{{Day: crm.DayOf(now, time.UTC)}, {At: now.Add(time.Minute)}} {
				_, err := s.CreateFollowUp(context.Background(), crm.FollowUp{
					Title: "Next", Due: due, UserID: postgrestest.ID(author.user.ID), OrganizationID: postgrestest.ID(o.clients[client]),
				}, audit.Organization, crm.Clock{Now: now, Zone: time.UTC}, uuid.NullUUID{})
				fatal(t, err)
			}
		}
		silent := postgrestest.Organization(t, o.db, "Silent "+author.user.Name, postgrestest.ID(author.user.ID))
		o.log(t, author, silent, crm.Note, now.AddDate(0, 0, -90).Add(time.Duration(2*i-3)*time.Hour)) // either side of 90 days
		postgrestest.Organization(t, o.db, "Never "+author.user.Name, postgrestest.ID(author.user.ID))
	}
	o.at(now.Add(2 * time.Minute)) // the moments are past
	for b, people := range map[*browser]string{o.boss: "boss lead member outsider", o.lead: "lead member"} {
		for _, path := range []string{"/", "/team"} {
			page := b.get(path).wants(http.StatusOK)
			table := page.doc.Find(".people")
			if got := strings.Join(table.Find("tbody th").Map(textOf), " "); got != people {
				t.Errorf("%s, %s: people %q, want %q", b.user.Name, path, got, people)
			}
			links := table.Find("a")
			if links.Length() < 5*len(strings.Fields(people)) {
				t.Errorf("%s, %s: only %d figures lead to a list:\n%s", b.user.Name, path, links.Length(), table.Text())
			}
			for _, a := range links.EachIter() {
				b.leads(t, a)
			}
		}
	}
	if got := o.member.get("/").doc.Find(".people").Length(); got != 0 {
		t.Error("who reaches only their own sees a table of people")
	}
	if got := strings.Join(o.member.get("/team").doc.Find(".people tbody th").Map(textOf), " "); got != "member" {
		t.Errorf("who reaches only their own sees %q", got)
	}
}

// TestTodayShowsNothingWithoutThePermission: without ViewClient no name and no figure of a client, without ViewInteraction
// none of talk and follow-ups.
func TestTodayShowsNothingWithoutThePermission(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	for _, c := range []struct {
		name        string
		permissions []authz.Permission
		has, lacks  []string
	}{
		{"without clients", []authz.Permission{authz.ViewInteraction, authz.EditInteraction}, []string{"Today", "Team", "What I logged"}, []string{"WITHOUT", "Gone quiet", "In touch", "Recent organizations", "/organizations"}},
		{"without interactions", []authz.Permission{authz.ViewClient, authz.EditClient, authz.EditInteraction}, []string{"Recent organizations", "WITHOUT"}, []string{"Gone quiet", "Overdue", "What I logged", "Team", "Renewal", "/follow-ups"}},
		{"with nothing", nil, []string{"Nothing to show yet"}, []string{"WITHOUT", "Renewal", "Team", "/organizations", "Gone quiet"}},
	} {
		b := o.as(t, strings.ReplaceAll(c.name, " ", "-"), uuid.NullUUID{}, postgrestest.Role(t, o.db, "all", c.permissions...))
		s := o.db.As(postgrestest.Actor(b.user, authz.All, authz.Permissions...), postgres.Origin{})
		saved, err := s.CreateOrganization(context.Background(), crm.Organization{LegalName: "A", DisplayName: "WITHOUT", OwnerUserID: postgrestest.ID(b.user.ID)}, uuid.NullUUID{})
		fatal(t, err)
		_, err = s.LogInteraction(context.Background(), crm.Interaction{OrganizationID: postgrestest.ID(saved.ID), Channel: crm.Call, Subject: "Renewal", HappenedAt: time.Now()}, audit.Organization, uuid.NullUUID{})
		fatal(t, err)
		_, err = s.CreateFollowUp(context.Background(), crm.FollowUp{Title: "Next", OrganizationID: postgrestest.ID(saved.ID), Due: crm.Due{Day: crm.DayOf(time.Now(), time.UTC)}}, audit.Organization, crm.Clock{Now: time.Now(), Zone: time.UTC}, uuid.NullUUID{})
		fatal(t, err)
		page := b.get("/").wants(http.StatusOK)
		for _, text := range c.has {
			page.has(text)
		}
		for _, text := range c.lacks {
			if strings.Contains(page.doc.Find("main").Text(), text) {
				t.Errorf("%s: the page says %q", c.name, text)
			}
		}
	}
}

// TestWhoSeesFewerClientsThanTalk is told figures of clients for the people whose clients they see.
func TestWhoSeesFewerClientsThanTalk(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	b := o.as(t, "half", uuid.NullUUID{}, postgrestest.Role(t, o.db, "all", authz.ViewInteraction), postgrestest.Role(t, o.db, "own", authz.ViewClient))
	postgrestest.Organization(t, o.db, "Mine", postgrestest.ID(b.user.ID))
	for _, row := range b.get("/").doc.Find(".people tbody tr").EachIter() {
		name, told := row.Find("th").Text(), strings.Contains(row.Find(`[data-label="in touch"]`).Text(), "0 of 1")
		if told != (name == "half") {
			t.Errorf("%s: %q", name, row.Text())
		}
	}
}

// TestATapDoesAndPutsOff what is to be done, and leads back to Today, where it is gone; Undo brings it back.
func TestATapDoesAndPutsOff(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := postgrestest.Organization(t, s.db, "Granvik", postgrestest.ID(b.user.ID))
	b.post("/organizations/"+org.String()+"/follow-ups", "title", "Send contract", "due", time.Now().UTC().Format(time.DateOnly)).wants(http.StatusSeeOther)
	tap := func(key string) *answer {
		t.Helper()
		form := b.get("/").has("Send contract").doc.Find(`.due [data-key="` + key + `"]`).Closest("form")
		fields := url.Values{}
		for _, f := range form.Find("input").EachIter() {
			fields.Add(f.AttrOr("name", ""), f.AttrOr("value", ""))
		}
		req := b.request(http.MethodPost, form.AttrOr("action", ""), strings.NewReader(fields.Encode()))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Referer", s.server.URL+"/")
		return b.do(req).wants(http.StatusSeeOther)
	}
	if page := tap("s"); page.to() != "/" {
		t.Errorf("put off leads to %q", page.to())
	}
	page := b.get("/").has("Nothing left for today").has("Next seven days")
	if got := page.doc.Find("#due-week").Length(); got != 1 {
		t.Error("what was put off is not in the next days")
	}
	if page := tap("d"); page.to() != "/" {
		t.Errorf("done leads to %q", page.to())
	}
	page = b.get("/")
	if page.doc.Find(".tasks").Length() > 0 {
		t.Error("what was done is still to be done")
	}
	undo := page.doc.Find(".toast form").AttrOr("action", "")
	b.post(undo).wants(http.StatusSeeOther)
	b.get("/").has("Send contract")
	if log := b.get("/").doc.Find(`.due [data-key="l"]`).AttrOr("href", ""); log != "/organizations/"+org.String()+"/interactions/new" {
		t.Errorf("Log leads to %q", log)
	}
}
