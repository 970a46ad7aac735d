package postgres

import (
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// How the people within the actor's reach are doing. Every figure is the length of a list that the actor may open: none
// tells of what is out of their reach.

// How many people a page shows: their own page, and Today, which has much else to tell.
const (
	teamPage  = 50
	teamToday = 12
)

// leads reports whether the actor's reach goes beyond their own.
func (s *Store) leads() bool {
	switch s.actor.Reach(authz.ViewInteraction) {
	case authz.All:
		return true
	case authz.Team:
		return len(s.actor.Owners) > 1
	}
	return false
}

// Workloads returns the people within reach who come after one of them by name, the first ones where after is not
// valid, with their figures at c. It reads no weeks.
func (s *Store) Workloads(ctx context.Context, after uuid.NullUUID, c crm.Clock) (crm.Staff, error) {
	var t crm.Staff
	if err := s.require(authz.ViewInteraction); err != nil {
		return t, err
	}
	b := &batch{}
	s.queuePeople(b, &t, after, teamPage)
	var talk []tally
	if s.actor.Reach(authz.ViewInteraction) != authz.All {
		talk = []tally{}
		s.queueReachedTalk(b, &talk, crm.Weeks(c, 1))
	}
	if err := b.send(ctx, s.db); err != nil {
		return t, translate(err)
	}
	return t, s.readFigures(ctx, &t, talk, teamPage, c)
}

// queuePeople reads one more of the people than a page shows.
func (s *Store) queuePeople(b *batch, t *crm.Staff, after uuid.NullUUID, most int) {
	queueMany(b, &t.People, `SELECT u.id AS user_id, u.name FROM users u WHERE u.is_active AND `+s.ownerWithin(authz.ViewInteraction, "u.id")+`
		AND (@after::uuid IS NULL OR (u.name`+icu+`, u.id) > (SELECT a.name`+icu+`, a.id FROM users a WHERE a.id = @after::uuid))
		ORDER BY u.name`+icu+`, u.id LIMIT `+strconv.Itoa(most+1), s.args(pgx.NamedArgs{"after": after}))
}

// readFigures cuts the one person too many and reads everybody's figures in one round trip. Talk is this week's by author,
// nil where that is still to be counted, for reach all.
func (s *Store) readFigures(ctx context.Context, t *crm.Staff, talk []tally, most int, c crm.Clock) error {
	if t.More = len(t.People) > most; t.More {
		t.People = t.People[:most]
	}
	people, clients := make([]uuid.UUID, len(t.People)), []uuid.UUID{}
	for i := range t.People {
		w := &t.People[i]
		people[i] = w.UserID
		if w.SeesClients = s.actor.SeesLastContact() && s.actor.Covers(authz.ViewClient, uuid.NullUUID{UUID: w.UserID, Valid: true}); w.SeesClients {
			clients = append(clients, w.UserID)
		}
	}
	b := planned()
	var tasks, covered []crm.Workload
	var quiet []crm.QuietCount
	queueMany(b, &tasks, s.tasksQuery(), s.args(pgx.NamedArgs{"people": people, "today": string(c.Today()), "now": c.Now}))
	if len(clients) > 0 {
		queueMany(b, &covered, coverageQuery, s.args(pgx.NamedArgs{"people": clients, "days": crm.TouchDays}))
		s.queueQuietCounts(b, &quiet, clients)
	}
	if talk == nil {
		queueAuthorTalk(b, &talk, people, crm.Weeks(c, 1))
	}
	if err := b.send(ctx, s.db); err != nil {
		return translate(err)
	}
	byUser := make(map[uuid.UUID]*crm.Workload, len(t.People))
	for i := range t.People {
		t.People[i].Talk = map[crm.Channel]int{}
		byUser[t.People[i].UserID] = &t.People[i]
	}
	for _, f := range tasks {
		w := byUser[f.UserID]
		w.FollowUps, w.Overdue, w.MoreOpen = min(f.FollowUps, maxTasks), f.Overdue, f.FollowUps > maxTasks
	}
	for _, f := range covered {
		w := byUser[f.UserID]
		w.Clients, w.InTouch = f.Clients, f.InTouch
	}
	for _, q := range quiet {
		byUser[q.UserID].Quiet = q
	}
	for _, n := range talk {
		if w := byUser[n.UserID.UUID]; w != nil {
			w.Talk[n.Channel] = n.N
		}
	}
	for author, looked := range lookedAt(talk) {
		if w := byUser[author]; w != nil {
			w.MoreTalk = s.cut(looked)
		}
	}
	return nil
}

// maxTasks is where a person's open follow-ups are no longer counted.
const maxTasks = 500

// tasksQuery counts the open follow-ups in reach for each of @people, those due first before the others.
func (s *Store) tasksQuery() string {
	return `SELECT u.id AS user_id, f.open::int AS follow_ups, f.overdue::int FROM unnest(@people::uuid[]) u(id) CROSS JOIN LATERAL (
			SELECT count(*) AS open, count(*) FILTER (WHERE f.due_on < @today::date OR f.due_at < @now) AS overdue
			FROM (SELECT f.due_on, f.due_at FROM follow_ups f WHERE f.user_id = u.id AND f.state = 'open' AND ` + s.followUpScope(authz.ViewInteraction, "f") + `
				ORDER BY ` + dueKey + `, f.id LIMIT ` + strconv.Itoa(maxTasks+1) + `) f) f`
}

// coverageQuery counts the active organizations of each of @people, all and those in touch within @days, from what
// 00018_counts.sql keeps by the day: the clients of the day on which @days end are counted themselves.
var coverageQuery = strings.ReplaceAll(`SELECT t.owner_user_id AS user_id, sum(t.n)::int AS clients, sum(t.touched)::int AS in_touch FROM (
		SELECT t.owner_user_id, t.n, 0 AS touched FROM client_totals t WHERE t.owner_user_id = ANY(@people::uuid[])
		UNION ALL
		SELECT d.owner_user_id, d.n, CASE WHEN d.day > %day THEN d.n ELSE 0 END FROM client_deltas d WHERE d.owner_user_id = ANY(@people)
		UNION ALL
		SELECT u.id, 0, d.n FROM unnest(@people::uuid[]) u(id) CROSS JOIN LATERAL (SELECT d.n FROM client_days d WHERE d.owner_user_id = u.id AND d.day > %day OFFSET 0) d
		UNION ALL
		SELECT u.id, 0, 1 FROM unnest(@people::uuid[]) u(id) CROSS JOIN LATERAL (SELECT FROM organization_activity a
			WHERE a.owner_user_id = u.id AND a.is_active AND a.last_contact_at >= now() - make_interval(days => @days)
				AND a.last_contact_at < (%day + 1)::timestamp AT TIME ZONE 'UTC' OFFSET 0) a) t
	GROUP BY 1`, "%day", `((now() - make_interval(days => @days)) AT TIME ZONE 'UTC')::date`)

// queueStaff reads the people and what was talked by all of them, week by week.
func (s *Store) queueStaff(b *batch, t *crm.Staff, talk *[]tally, weeks []crm.Week) {
	s.queuePeople(b, t, uuid.NullUUID{}, teamToday)
	if s.actor.Reach(authz.ViewInteraction) == authz.All {
		queueMany(b, talk, firmTalk, spanArgs(weeks, time.Hour))
		return
	}
	s.queueReachedTalk(b, talk, weeks)
	b.Queue(`SELECT team_id FROM users WHERE id = @me`, s.args(nil)).QueryRow(func(row pgx.Row) error { return row.Scan(&t.TeamID) })
}

// finishStaff takes what queueStaff read, and reads the rest in one round trip.
func (s *Store) finishStaff(ctx context.Context, t *crm.Staff, weeks []crm.Week, talk []tally, c crm.Clock) error {
	t.Talk = weekTalk(weeks, talk)
	if s.actor.Reach(authz.ViewInteraction) == authz.All {
		return s.readFigures(ctx, t, nil, teamToday, c)
	}
	t.Talk = t.Talk[s.wholeFrom(talk, len(weeks)):]
	talk = slices.DeleteFunc(talk, func(n tally) bool { return n.Span != len(weeks)-1 })
	return s.readFigures(ctx, t, talk, teamToday, c)
}

// queueAuthorTalk counts the interactions by each author in some weeks, for reach all or the actor's own.
func queueAuthorTalk(b *batch, into *[]tally, authors []uuid.UUID, weeks []crm.Week) {
	args := spanArgs(weeks, utcDay)
	args["authors"] = authors
	queueMany(b, into, authorTalk, args)
}

// What is looked at for reach team, one by one at 4 us: of all authors together, and of each at least.
const (
	lookedAtOfAll  = 3000
	lookedAtOfEach = 15
)

// authors are the people within a reach of own or team, and how many interactions of each are looked at.
func (s *Store) authors() ([]uuid.UUID, int) {
	authors := s.actor.Owners
	if s.actor.Reach(authz.ViewInteraction) == authz.Own {
		authors = []uuid.UUID{s.actor.UserID}
	}
	return authors, max(lookedAtOfEach, lookedAtOfAll/max(1, len(authors)))
}

// queueReachedTalk counts the interactions in reach by each author in it, in some weeks, the latest first until there were
// too many. What is counted beforehand does not do for a team: an author may have talked to a client outside it, of
// which nobody in the team is told, not even the number.
func (s *Store) queueReachedTalk(b *batch, into *[]tally, weeks []crm.Week) {
	authors, most := s.authors()
	args := spanArgs(weeks, utcDay)
	maps.Copy(args, pgx.NamedArgs{"authors": authors, "first": weeks[0].From, "last": weeks[len(weeks)-1].To})
	queueMany(b, into, `SELECT i.user_id, (w.n - 1)::int AS span, i.channel, count(*) FILTER (WHERE i.reached)::int AS n, count(*)::int AS looked
		FROM unnest(@authors::uuid[]) u(id) CROSS JOIN LATERAL (
			SELECT i.user_id, i.channel, i.happened_at, `+s.interactionScope(authz.ViewInteraction, "i")+` AS reached FROM (
				SELECT i.id, i.user_id, i.organization_id, i.contact_id, i.channel, i.happened_at FROM interactions i WHERE i.user_id = u.id AND i.happened_at >= @first AND i.happened_at < @last
				ORDER BY i.happened_at DESC, i.id DESC LIMIT `+strconv.Itoa(most)+`) i) i
		JOIN `+spans+` ON i.happened_at >= w.starts AND i.happened_at < w.ends GROUP BY 1, 2, 3`, s.args(args))
}

// wholeFrom returns the week from which on all weeks are counted whole: the first one unless somebody had more than is
// looked at, for then the week where that ended is not.
func (s *Store) wholeFrom(talk []tally, weeks int) int {
	from := 0
	for author, looked := range lookedAt(talk) {
		if !s.cut(looked) {
			continue
		}
		ended := weeks
		for _, n := range talk {
			if n.UserID.UUID == author {
				ended = min(ended, n.Span)
			}
		}
		from = max(from, ended+1)
	}
	return from
}

// lookedAt is how many interactions of each author were looked at.
func lookedAt(talk []tally) map[uuid.UUID]int {
	looked := map[uuid.UUID]int{}
	for _, n := range talk {
		looked[n.UserID.UUID] += n.Looked
	}
	return looked
}

// cut reports whether an author of whom so many interactions were looked at may have more.
func (s *Store) cut(looked int) bool {
	_, most := s.authors()
	return looked >= most
}
