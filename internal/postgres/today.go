package postgres

import (
	"context"
	"fmt"
	"maps"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Today is everything the page of that name shows, within what the actor may see.
type Today struct {
	Recent
	Due []DueList // what is to be done, for the actor: overdue, today, in the seven days after

	SeesQuiet bool       // the actor may know when clients were last in touch
	Quiet     crm.Quiet  // the actor's clients with whom contact is overdue
	Rhythm    bool       // for some of their clients it is said how often to be in touch
	Silent    SilentList // where it is for none: those silent for long

	Talk  []crm.WeekTalk // by the actor, week by week
	Leads bool           // the actor's reach goes beyond their own
	Staff crm.Staff
}

// DueList are the follow-ups due in a span, the first ones of them.
type DueList struct {
	Span  crm.DueSpan
	Rows  []crm.FollowUp
	Count int  // how many there are
	More  bool // there are more than Count: counting stopped there
}

// SilentList are organizations that were in touch more than crm.TouchDays ago, the longest silent first.
type SilentList struct {
	Rows  []crm.QuietClient
	Count int
	More  bool // there are more than Count: counting stopped there
}

const (
	dueShown   = 10  // of each span
	quietShown = 8   // clients
	todayCap   = 500 // where counting stops
	talkWeeks  = 8   // the week that it is, and those before
)

// Today returns the page as it is at c, in two round trips.
func (s *Store) Today(ctx context.Context, c crm.Clock) (Today, error) {
	var t Today
	if err := s.require(); err != nil {
		return t, err
	}
	b := planned()
	s.queueRecent(b, &t.Recent)
	if !s.actor.May(authz.ViewInteraction) {
		return t, b.send(ctx, s.db)
	}
	weeks := crm.Weeks(c, talkWeeks)
	var mine, all []tally
	var due []dueRow
	var quiet quietRows
	s.queueDue(b, &due, c)
	queueAuthorTalk(b, &mine, []uuid.UUID{s.actor.UserID}, weeks)
	if t.SeesQuiet = s.actor.May(authz.ViewClient) && s.actor.SeesLastContact(); t.SeesQuiet {
		s.queueQuiet(b, &quiet, crm.OwnerFilter{UserID: s.userID()}, quietShown)
		s.queueSilent(b, &t)
	}
	if t.Leads = s.leads(); t.Leads {
		s.queueStaff(b, &t.Staff, &all, weeks)
	}
	if err := b.send(ctx, s.db); err != nil {
		return t, translate(err)
	}
	t.Due, t.Talk, t.Quiet = dueLists(due), weekTalk(weeks, mine), quiet.list(quietShown)
	if !t.Leads {
		return t, nil
	}
	return t, s.finishStaff(ctx, &t.Staff, weeks, all, c)
}

// dueRow is a follow-up with the span in which it is due, and how many are in it.
type dueRow struct {
	crm.FollowUp
	Span  int
	Total int
}

// todaySpans are the spans that Today shows.
var todaySpans = []crm.DueSpan{crm.DueOverdue, crm.DueToday, crm.DueWeek}

// queueDue reads the actor's open follow-ups of each span, the first ones due. What is for somebody is in their reach.
func (s *Store) queueDue(b *batch, into *[]dueRow, c crm.Clock) {
	args := s.args(nil)
	var parts []string
	for n, span := range todaySpans {
		conditions, more := dueWithin(span, c, strconv.Itoa(n))
		maps.Copy(args, more)
		from := "FROM follow_ups f WHERE f.user_id = @me::uuid AND f.state = 'open' AND " + strings.Join(conditions, " AND ")
		parts = append(parts, fmt.Sprintf("SELECT %d AS span, k.id, (SELECT count(*) FROM (SELECT 1 %s LIMIT %d) n) AS total FROM (SELECT f.id %s ORDER BY %s, f.id LIMIT %d) k",
			n, from, todayCap+1, from, dueKey, dueShown))
	}
	queueMany(b, into, s.followUpSelect()+`, d.span, d.total::int FROM (`+strings.Join(parts, " UNION ALL ")+`) d JOIN follow_ups f ON f.id = d.id`+s.followUpJoins()+`
		ORDER BY d.span, `+dueKey+`, f.id`, args)
}

func dueLists(rows []dueRow) []DueList {
	lists := make([]DueList, len(todaySpans))
	for n, span := range todaySpans {
		lists[n].Span = span
	}
	for _, r := range rows {
		l := &lists[r.Span]
		l.Rows, l.Count, l.More = append(l.Rows, r.FollowUp), min(r.Total, todayCap), r.Total > todayCap
	}
	return lists
}

// queueSilent reads the longest silent of the actor's active organizations, where it is said for none of their clients
// how often to be in touch: then nothing is ever overdue.
func (s *Store) queueSilent(b *batch, t *Today) {
	const rhythm = `EXISTS (SELECT 1 FROM organization_activity a WHERE a.owner_user_id = @me::uuid AND a.next_touch_at < 'infinity')
		OR EXISTS (SELECT 1 FROM contact_activity a WHERE a.owner_user_id = @me::uuid AND a.next_touch_at < 'infinity')`
	const silentOnes = `FROM organization_activity a WHERE a.owner_user_id = @me::uuid AND a.is_active
		AND a.last_contact_at > '-infinity' AND a.last_contact_at < now() - make_interval(days => @days) AND NOT (` + rhythm + `)`
	args := s.args(pgx.NamedArgs{"days": crm.TouchDays})
	type answer struct {
		Rhythm bool
		Total  int
	}
	b.Queue(`SELECT `+rhythm+` AS rhythm, (SELECT count(*) FROM (SELECT 1 `+silentOnes+` LIMIT `+strconv.Itoa(todayCap+1)+`) n)::int AS total`, args).
		Query(func(rows pgx.Rows) error {
			a, err := pgx.CollectExactlyOneRow(rows, pgx.RowToStructByName[answer])
			t.Rhythm, t.Silent.Count, t.Silent.More = a.Rhythm, min(a.Total, todayCap), a.Total > todayCap
			return err
		})
	queueMany(b, &t.Silent.Rows, `SELECT o.id, o.display_name AS name, k.last_contact_at FROM
			(SELECT a.organization_id, a.last_contact_at `+silentOnes+` ORDER BY a.last_contact_at, a.organization_id LIMIT `+strconv.Itoa(quietShown)+`) k
		JOIN organizations o ON o.id = k.organization_id ORDER BY k.last_contact_at, o.id`, args)
}

// weekTalk is what was counted, week by week.
func weekTalk(weeks []crm.Week, counted []tally) []crm.WeekTalk {
	talk := make([]crm.WeekTalk, len(weeks))
	for i, w := range weeks {
		talk[i] = crm.WeekTalk{Week: w, Counts: map[crm.Channel]int{}}
	}
	for _, n := range counted {
		talk[n.Span].Counts[n.Channel] += n.N
	}
	return talk
}
