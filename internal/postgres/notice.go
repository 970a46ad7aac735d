package postgres

import (
	"context"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// Notices are operational, as read marks are: they have no images and no Undo. Each is its reader's own, and holds no more
// than which follow-up it is about. Who writes them: the triggers of 00019_notices.sql and reminder.go.

const noticeColumns = `n.id, n.kind, n.follow_up_id, n.created_at, coalesce(n.read_at, '0001-01-01 00:00:00+00') AS read_at, coalesce(g.name, '') AS given_by`

const noticeJoins = ` LEFT JOIN change_sets s ON s.id = n.change_set_id LEFT JOIN users g ON g.id = s.user_id`

type noticeRow struct {
	ID                uuid.UUID
	Kind              crm.NoticeKind
	FollowUpID        uuid.UUID
	CreatedAt, ReadAt time.Time
	GivenBy           string
	place
}

func (r noticeRow) notice() crm.Notice {
	return crm.Notice{ID: r.ID, Kind: r.Kind, CreatedAt: r.CreatedAt, ReadAt: r.ReadAt, GivenBy: r.GivenBy, FollowUp: crm.FollowUp{ID: r.FollowUpID}}
}

var noticesByTime = order{columns: []string{"n.created_at", "n.id"}, types: []string{"timestamptz"}, desc: true}

// Notices returns a page of what the actor was told: what is unread, then what is read, the latest first. A malformed place
// is Invalid.
func (s *Store) Notices(ctx context.Context, p crm.Page) (crm.Listing[crm.Notice], error) {
	if !s.actor.SignedIn() {
		return crm.Listing[crm.Notice]{}, crm.ErrNotFound
	}
	l := list{
		table: "notices n", id: "n.id", scope: "n.user_id = @me::uuid", arms: []arm{{where: "n.user_id = @me::uuid"}},
		order: noticesByTime, groups: []group{{where: "n.read_at IS NULL"}, {where: "n.read_at IS NOT NULL"}}, uncounted: true,
		outer: `SELECT ` + noticeColumns + `, %place FROM (%keys) k JOIN notices n ON n.id = k.id` + noticeJoins,
	}
	found, err := readList(ctx, s, l, p, false, nil, func(r noticeRow) (crm.Notice, place) { return r.notice(), r.place })
	if err != nil {
		return found, err
	}
	return found, s.lookUp(ctx, found.Rows)
}

// lookUp fills in what notices are about, as far as the actor may see it.
func (s *Store) lookUp(ctx context.Context, notices []crm.Notice) error {
	if len(notices) == 0 || !s.actor.May(authz.ViewInteraction) {
		return nil
	}
	ids := make([]uuid.UUID, len(notices))
	for i, n := range notices {
		ids[i] = n.FollowUp.ID
	}
	found, err := many[crm.FollowUp](ctx, s.db.pool, `SELECT `+followUpColumns+followUpNames+`, coalesce(`+s.followUpScope(authz.EditInteraction, "f")+`, FALSE) AS may_edit
		FROM follow_ups f`+s.followUpJoins()+` WHERE f.id = ANY(@ids::uuid[]) AND `+s.followUpScope(authz.ViewInteraction, "f"), s.args(pgx.NamedArgs{"ids": ids}))
	byID := make(map[uuid.UUID]crm.FollowUp, len(found))
	for _, f := range found {
		byID[f.ID] = f
	}
	for i := range notices {
		if f, seen := byID[notices[i].FollowUp.ID]; seen {
			notices[i].Seen, notices[i].FollowUp = true, f
		}
	}
	return err
}

// ReadNotice marks a notice of the actor's as read, or as unread again.
func (s *Store) ReadNotice(ctx context.Context, id uuid.UUID, read bool) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	tag, err := s.db.pool.Exec(ctx, `UPDATE notices SET read_at = CASE WHEN @read THEN coalesce(read_at, now()) END WHERE id = @id AND user_id = @me`,
		s.args(pgx.NamedArgs{"id": id, "read": read}))
	if err == nil && tag.RowsAffected() == 0 {
		err = crm.ErrNotFound
	}
	return err
}

// ReadNotices marks as read what the actor was told until a moment, when they looked: what came since they have not seen. It
// returns how many notices there were. One that is being settled at this moment is passed over, not waited for.
func (s *Store) ReadNotices(ctx context.Context, until time.Time) (int, error) {
	if !s.actor.SignedIn() {
		return 0, crm.ErrNotFound
	}
	tag, err := s.db.pool.Exec(ctx, `UPDATE notices SET read_at = now() WHERE id IN
		(SELECT n.id FROM notices n WHERE n.user_id = @me AND n.read_at IS NULL AND n.created_at <= @until FOR UPDATE SKIP LOCKED)`, s.args(pgx.NamedArgs{"until": until}))
	return int(tag.RowsAffected()), err
}

// unreadColumn is how many notices user u has not read: so short that the session brings it along. It stops beyond the cap.
const unreadColumn = `(SELECT count(*) FROM (SELECT FROM notices n WHERE n.user_id = u.id AND n.read_at IS NULL LIMIT 100) n) AS unread`
