package postgres

import (
	"fmt"
	"maps"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

const (
	// timelineSize is how many interactions a stretch of a timeline holds, and changesSize how many changes: those are
	// folded, or short.
	timelineSize = 20
	changesSize  = 30

	// timelineWalk bounds how many interactions are looked through for those of one channel, which no index knows: one of
	// a client's common channel is found among the first few dozen, for a rare one the reader is led on.
	timelineWalk = 2000

	// historySize is how many changes stand beside a record's facts.
	historySize = 10
)

// timelineRead is a timeline about to be read: its rows, one more than shown, and where a walk that found too few ended.
type timelineRead struct {
	view         crm.TimelineView
	interactions []crm.Interaction
	changes      []crm.Change
	end          []timelineEnd
}

type timelineEnd struct {
	HappenedAt time.Time
	ID         uuid.UUID
}

// queueTimeline adds a stretch of the timeline of record @id to a batch. Who may not see interactions is shown the
// changes, and asks for a channel in vain.
func (s *Store) queueTimeline(b *batch, view crm.TimelineView, targetType string, args pgx.NamedArgs) (*timelineRead, error) {
	if view.Kind.Channel() != "" {
		if err := s.require(authz.ViewInteraction); err != nil {
			return nil, err
		}
	}
	r := &timelineRead{view: view}
	all := pgx.NamedArgs{"at": view.From.At, "atID": view.From.ID, "beforeChange": view.From.Change, "channel": view.Kind.Channel()}
	maps.Copy(all, args)
	if view.Kind.HasInteractions() && s.actor.May(authz.ViewInteraction) {
		keys := s.timelineKeys(targetType, view, timelineSize+1)
		queueMany(b, &r.interactions, s.timelineQuery(keys), all)
		if view.Kind.Channel() != "" {
			queueMany(b, &r.end, s.timelineEnd(targetType, view), all)
		}
	}
	if view.Kind.HasChanges() {
		beyond := ""
		if view.From.Change > 0 {
			beyond = " AND a.id < @beforeChange"
		}
		queueChanges(b, &r.changes, s.historyQuery(targetType)+beyond, changesSize+1, all)
	}
	return r, nil
}

// timelineQuery reads the interactions whose keys are given.
func (s *Store) timelineQuery(keys string) string {
	return `SELECT ` + interactionColumns + s.interactionNames() + `
		FROM (` + keys + `) k JOIN interactions i ON i.id = k.id` + s.interactionJoins() + `
		ORDER BY i.happened_at DESC, i.id DESC`
}

// latestInteractions reads the 20 latest interactions of record @id; future ones are included.
func (s *Store) latestInteractions(targetType string) string {
	return s.timelineQuery(s.timelineKeys(targetType, crm.TimelineView{}, timelineSize))
}

// timelineKeys returns the SQL of the ids of a stretch. Those of a channel are looked for among timelineWalk, of which
// no more are read than it takes to fill the stretch: each way to them has an index in the order of time.
func (s *Store) timelineKeys(targetType string, view crm.TimelineView, size int) string {
	if view.Kind.Channel() == "" {
		return s.timelineWalk(targetType, view.From, size)
	}
	return `SELECT w.id FROM (` + s.timelineWalk(targetType, view.From, timelineWalk) + fmt.Sprintf(`) w
		WHERE w.channel = @channel ORDER BY w.happened_at DESC, w.id DESC LIMIT %d`, size)
}

// timelineEnd returns the SQL of the last interaction of a walk that was cut off before it filled the stretch; no row
// otherwise, for which next to nothing is read.
func (s *Store) timelineEnd(targetType string, view crm.TimelineView) string {
	return `SELECT e.happened_at, e.id FROM (` + s.timelineWalk(targetType, view.From, timelineWalk) + `) e
		WHERE (SELECT count(*) FROM (` + s.timelineKeys(targetType, view, timelineSize+1) + fmt.Sprintf(`) f) <= %d
		ORDER BY e.happened_at DESC, e.id DESC OFFSET %d LIMIT 1`, timelineSize, timelineWalk-1)
}

// timelineWalk returns the SQL of the interactions of record @id in the order of time, from a place on. Those of a
// contact are the ones with them and the ones at which they were besides: an index for each way. Who attended does not
// bring an interaction into anybody's reach. The id stands in a sub-select, so that no value of it looks cheaper than
// another to the planner: it would plan this anew, a millisecond and more, for every page.
func (s *Store) timelineWalk(targetType string, from crm.TimelinePlace, limit int) string {
	scope := s.interactionScope(authz.ViewInteraction, "i")
	way := func(table, where, at, id string) string {
		if !from.First() {
			where += fmt.Sprintf(" AND (%s, %s) < (@at::timestamptz, @atID::uuid)", at, id)
		}
		return fmt.Sprintf(`SELECT %s AS id, %s AS happened_at, i.channel FROM %s WHERE %s AND %s ORDER BY %s DESC, %s DESC LIMIT %d`, id, at, table, where, scope, at, id, limit)
	}
	if targetType == audit.Organization {
		return way("interactions i", "i.organization_id = (SELECT @id::uuid)", "i.happened_at", "i.id")
	}
	return `SELECT * FROM ((` + way("interactions i", "i.contact_id = (SELECT @id::uuid)", "i.happened_at", "i.id") + `)
		UNION ALL (` + way("interaction_contacts x JOIN interactions i ON i.id = x.interaction_id",
		"x.contact_id = (SELECT @id::uuid) AND i.contact_id IS DISTINCT FROM x.contact_id", "x.met_at", "x.interaction_id") + `)) a
		ORDER BY a.happened_at DESC, a.id DESC` + fmt.Sprintf(" LIMIT %d", limit)
}

// timeline cuts what was read to a stretch, and says where it goes on.
func (r *timelineRead) timeline() crm.Timeline {
	t := crm.Timeline{Interactions: r.interactions, Changes: r.changes}
	next, more := r.view.From, false
	if next.First() {
		next.ID = uuid.Max
	}
	if len(t.Interactions) > timelineSize {
		t.Interactions, more = t.Interactions[:timelineSize], true
	}
	if n := len(t.Interactions); n > 0 {
		next.At, next.ID = t.Interactions[n-1].HappenedAt, t.Interactions[n-1].ID
	}
	if len(r.end) > 0 {
		next.At, next.ID, t.Walked, more = r.end[0].HappenedAt, r.end[0].ID, timelineWalk, true
	}
	if more && r.view.Kind == crm.TimelineAll { // older changes stand among the older interactions
		for n, c := range t.Changes {
			if c.CreatedAt.Before(next.At) {
				t.Changes = t.Changes[:n]
				break
			}
		}
	}
	if len(t.Changes) > changesSize {
		t.Changes, more = t.Changes[:changesSize], true
	}
	if n := len(t.Changes); n > 0 {
		next.Change = t.Changes[n-1].ID
	}
	if more {
		t.Next = next
	}
	return t
}

// history is the latest changes, where the timeline has read them.
func (r *timelineRead) history() []crm.Change { return r.changes[:min(len(r.changes), historySize)] }
