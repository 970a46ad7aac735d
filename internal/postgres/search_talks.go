package postgres

import (
	"context"
	"math"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
)

// How a search finds the interactions that hold some words: see Search.

// talks is what is searched of interactions.
type talks struct {
	words  string // tsquery, "" when there is nothing to ask for
	scope  string
	within string      // the scope as it is asked of candidates: see talkReached
	newest []uuid.UUID // what the newest interactions hold of it
	reach  int         // how many organizations or contacts are in reach, roughly, where that is not all
	share  float64     // the part of all organizations that is in reach, roughly
	ownerShares
	frequency
}

func (s *Store) searchedInteractions(ctx context.Context, query string, args pgx.NamedArgs) (talks, error) {
	t := talks{words: wordQuery(query), scope: s.interactionScope(authz.ViewInteraction, "i"), within: s.talkReached(authz.ViewInteraction, "i"), share: 1, reach: math.MaxInt32}
	args["words"] = t.words
	var err error
	if t.ownerShares, err = s.db.sizes.read(ctx, s.db); err != nil {
		return t, err
	}
	if r := s.actor.Reach(authz.ViewInteraction); r == authz.Own || r == authz.Team {
		reach, err := s.extent(ctx, authz.ViewInteraction)
		if err != nil {
			return t, err
		}
		t.reach, t.share = int(reach.organizations), reach.share
	}
	return t, nil
}

// queueNewest asks what the newest interactions hold of t's words, and how many records are in a reach that is not known
// to be large: somebody may own contacts only.
func (s *Store) queueNewest(b *batch, t *talks, args pgx.NamedArgs) {
	reach := "@reach::int"
	if t.reach <= smallReach {
		few := func(from string) string { return "(SELECT count(*) FROM (SELECT FROM " + from + " LIMIT @small) n)" }
		reach = "greatest(" + few("organizations o WHERE "+s.organizationScope(authz.ViewInteraction, "o")) + ", " + few("contacts c WHERE "+s.ownerWithin(authz.ViewInteraction, "c.owner_user_id")) + ")"
	}
	args["small"], args["reach"] = smallReach+1, t.reach
	b.Queue(`WITH near AS MATERIALIZED (SELECT i.* FROM (`+newestTalks+`) i WHERE `+eachWords+`)
		SELECT ARRAY(SELECT i.id FROM near i WHERE `+t.within+` LIMIT @limit), (SELECT count(*) FROM near), `+allTalks+`, `+reach,
		args).QueryRow(func(row pgx.Row) error {
		if err := row.Scan(&t.newest, &t.near, &t.all, &t.reach); err != nil {
			return err
		}
		if t.reach <= smallReach && t.total > 0 { // the planner knows no small owner from another
			t.share = min(t.share, float64(t.reach)/t.total)
		}
		return nil
	})
}

// talksFound returns the SQL of the ids of the newest interactions that hold the words. All ways give the same
// rows; which is asked is a matter of cost, and a dearer one only where the one before it does not fill the page.
func (s *Store) talksFound(t talks, args pgx.NamedArgs) string {
	const page = ` ORDER BY i.happened_at DESC, i.id DESC LIMIT @limit`
	after := func(moment time.Time, known bool) string {
		if !known {
			return ""
		}
		args["since"] = moment
		return " AND i.happened_at >= @since"
	}
	// OFFSET 0: gathered by the words' index and sorted, and only then held against the reach, up to a page.
	gather := func(since string) string {
		return `SELECT i.id FROM (SELECT i.* FROM (SELECT i.id, i.happened_at, i.user_id, i.organization_id, i.contact_id
				FROM interactions i WHERE ` + t.gathered(t.words) + since + ` OFFSET 0) i
			ORDER BY i.happened_at DESC, i.id DESC OFFSET 0) i WHERE ` + t.within + page
	}
	var near string
	switch {
	case len(t.newest) > MaxFound:
		return `SELECT unnest(@seen::uuid[]) AS id`
	case t.common() && t.soonWalked():
		near = `SELECT i.id FROM interactions i WHERE ` + eachWords + after(t.talkedSince(walked/t.all)) + ` AND ` + t.within + page
	case t.common() && t.reach <= smallReach:
	default:
		if since, some := t.talkedSince(window / max(1, t.with*t.share)); some && !t.soonGathered() {
			near = gather(after(since, some))
		}
	}
	all := gather("")
	if t.common() && t.reach <= smallReach {
		all = s.talksInReach(page)
	}
	if near == "" {
		return all
	}
	return `WITH near AS MATERIALIZED (` + near + `)
		SELECT id FROM near UNION (SELECT g.id FROM (` + all + `) g WHERE (SELECT count(*) FROM near) < @limit)`
}

// common reports whether so many interactions hold the words that to gather them all, even of some weeks, takes long.
func (t talks) common() bool { return t.with*300 > t.all && !t.rare() }

// soonWalked reports whether a walk from the newest is likely to find a page within the actor's reach.
func (t talks) soonWalked() bool { return MaxFound*t.all < walked*t.with*t.share }

// soonGathered reports whether all matches, 5 us each to read and sort, are gathered sooner than the times of all interactions,
// 0.1 us each, in a stretch long enough to hold a page of them in reach. Of a few thousand the planner knows no more than that
// they are few: there are mostly fewer.
func (t talks) soonGathered() bool {
	const few = 6000
	return t.with <= few || t.with*t.with*t.share < window/50*t.all
}

// talksInReach asks record by record: for a short reach nearly all that the words' index gives, and all that a walk
// from the newest meets, is somebody else's.
func (s *Store) talksInReach(page string) string {
	owners := s.ownersWithin(authz.ViewInteraction)
	of := func(records, column string) string {
		return `(SELECT t.id, t.happened_at FROM (` + records + `) r CROSS JOIN LATERAL (
			SELECT i.id, i.happened_at FROM (SELECT i.id, i.happened_at, i.words FROM interactions i WHERE i.` + column + ` = r.id OFFSET 0) i WHERE ` + eachWords + page + `) t)`
	}
	return `SELECT i.id FROM (` + of(`SELECT @me::uuid AS id`, "user_id") +
		` UNION ` + of(`SELECT o.id FROM unnest(`+owners+`) u(id) JOIN organizations o ON o.owner_user_id = u.id`, "organization_id") +
		` UNION ` + of(`SELECT c.id FROM unnest(`+owners+`) u(id) JOIN contacts c ON c.owner_user_id = u.id
			UNION SELECT l.contact_id FROM unnest(`+owners+`) u(id) JOIN organizations o ON o.owner_user_id = u.id JOIN organization_contact l ON l.organization_id = o.id`, "contact_id") +
		`) i` + page
}
