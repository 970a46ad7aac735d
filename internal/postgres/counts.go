package postgres

import (
	"context"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// How many interactions there were, from what the triggers of 00018_counts.sql keep. Each statement below adds what is
// folded and what is not yet, which one snapshot sees once and only once, and counts the ends of each stretch of time,
// less than an hour or a day, where the interactions themselves lie. Each stretch is a short range of an index: rowByRow
// keeps the planner from one long look at everything instead.

// Counts is the work of folding what writers left beside their changes. Several may be at it, in one process or many:
// one folds, the others pass.
type Counts struct{ db *DB }

// Counts returns the figures that wait to be folded.
func (db *DB) Counts() Counts { return Counts{db} }

// foldAtOnce keeps a fold to a fraction of a second: all that is written at once on a busy day, or by one undo.
const foldAtOnce = 20_000

// Fold folds what is left and returns how many rows that were; 0 also where somebody else is at it. Cut off, it has
// folded some of them, each as a whole.
func (c Counts) Fold(ctx context.Context) (int, error) {
	all := 0
	for {
		n, err := scalar[*int](ctx, c.db.pool, `SELECT fold_counts($1)`, foldAtOnce)
		if err != nil || n == nil {
			return all, err
		}
		if all += *n; *n < foldAtOnce {
			return all, nil
		}
	}
}

// tally is how many interactions fall into one of the spans that were asked for, counted from 0.
type tally struct {
	UserID  uuid.NullUUID // the author, where the statement tells them apart
	Span    int
	Channel crm.Channel
	N       int
	Looked  int // where each one is looked at: how many were, in reach or not
}

// spans are the stretches asked for, with the whole units in each: w.
const spans = `unnest(@starts::timestamptz[], @wholes::timestamptz[], @rests::timestamptz[], @ends::timestamptz[])
	WITH ORDINALITY AS w(starts, whole, rest, ends, n)`

// spanEnds are what is left of each span before its first whole unit and after its last: e. A span without one is left whole.
const spanEnds = `(SELECT w.n, w.starts, least(w.whole, w.ends) AS ends FROM ` + spans + ` UNION ALL
	SELECT w.n, greatest(w.whole, w.rest), w.ends FROM ` + spans + `) e`

// utcDay is the unit of what is counted by the day.
const utcDay = 24 * time.Hour

// spanArgs are the arguments of spans, whose whole units are hours or days in UTC.
func spanArgs(of []crm.Week, unit time.Duration) pgx.NamedArgs {
	var starts, wholes, rests, ends []time.Time
	for _, s := range of {
		whole := s.From.UTC().Truncate(unit)
		if whole.Before(s.From) {
			whole = whole.Add(unit)
		}
		starts, wholes, rests, ends = append(starts, s.From), append(wholes, whole), append(rests, s.To.UTC().Truncate(unit)), append(ends, s.To)
	}
	return pgx.NamedArgs{"starts": starts, "wholes": wholes, "rests": rests, "ends": ends}
}

const summed = `SELECT t.user_id, (t.n - 1)::int AS span, t.channel, sum(t.times)::int AS n FROM (%all) t GROUP BY 1, 2, 3 HAVING sum(t.times) <> 0`

// firmTalk counts all interactions of the firm, whoever wrote them: for reach all. The spans are of whole hours.
var firmTalk = strings.Replace(summed, "%all", `
	SELECT NULL::uuid AS user_id, w.n, c.channel, c.times FROM `+spans+` CROSS JOIN LATERAL (
		SELECT h.channel, h.n AS times FROM interaction_hours h WHERE h.hour >= w.whole AND h.hour < w.rest
		UNION ALL SELECT d.channel, d.n FROM interaction_deltas d WHERE d.hour >= w.whole AND d.hour < w.rest`+rowByRow+`) c
	UNION ALL
	SELECT NULL, e.n, i.channel, 1 FROM `+spanEnds+` CROSS JOIN LATERAL (
		SELECT i.channel FROM interactions i WHERE i.happened_at >= e.starts AND i.happened_at < e.ends`+rowByRow+`) i`, 1)

// authorTalk counts the interactions by each author of @authors: of the actor's own, or for reach all. The spans are of
// whole days.
var authorTalk = strings.Replace(summed, "%all", `
	SELECT u.id AS user_id, w.n, d.channel, d.n AS times FROM unnest(@authors::uuid[]) u(id) CROSS JOIN `+spans+` CROSS JOIN LATERAL (
		SELECT d.channel, d.n FROM interaction_days d
		WHERE d.user_id = u.id AND d.day >= (w.whole AT TIME ZONE 'UTC')::date AND d.day < (w.rest AT TIME ZONE 'UTC')::date`+rowByRow+`) d
	UNION ALL
	SELECT d.user_id, w.n, d.channel, d.n FROM interaction_deltas d JOIN `+spans+` ON d.hour >= w.whole AND d.hour < w.rest WHERE d.user_id = ANY(@authors)
	UNION ALL
	SELECT u.id, e.n, i.channel, 1 FROM unnest(@authors::uuid[]) u(id) CROSS JOIN `+spanEnds+` CROSS JOIN LATERAL (
		SELECT i.channel FROM interactions i WHERE i.user_id = u.id AND i.happened_at >= e.starts AND i.happened_at < e.ends`+rowByRow+`) i`, 1)
