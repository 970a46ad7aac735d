package postgres

import (
	"context"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// mailRows is how many follow-ups or notices a mail lists of each sort; how many more there are it says.
const mailRows = 10

// Look returns a mail with what it tells, as its reader may see it at this moment and wants to be told, by their clock. Where
// that is nothing the mail is done with, and the answer is ErrUnwanted.
func (o Outbox) Look(ctx context.Context, m Mail, c crm.Clock) (Mail, error) {
	type row struct {
		ID     uuid.UUID
		Grants []string
		Owners []uuid.UUID
	}
	r, err := one[row](ctx, o.db.pool, `SELECT u.id, `+rightsColumns+` FROM outbox o JOIN users u ON u.id = o.user_id WHERE o.id = @id`, pgx.NamedArgs{"id": m.ID})
	if err != nil {
		return m, err
	}
	s := o.db.As(authz.Actor{UserID: r.ID, Name: m.Name, Email: m.Email, Zone: m.Zone, Owners: r.Owners}.WithGrants(parseGrants(r.Grants)...), Origin{})
	wanted, err := s.NotificationSettings(ctx)
	if err != nil {
		return m, err
	}
	nothing := true
	switch {
	case m.Kind == crm.MailDigest && wanted.Digest != crm.DigestOff:
		m.Digest, err = s.digest(ctx, m.ID, c)
		nothing = m.Digest.Empty()
	case m.Kind == crm.MailNotices:
		m.Notices, m.Told, err = s.noticesToMail(ctx, m.ID, wanted)
		nothing = len(m.Notices) == 0
	}
	if err == nil && nothing {
		if _, err = o.db.pool.Exec(ctx, dropMail, m.ID); err == nil {
			err = ErrUnwanted
		}
	}
	return m, err
}

// digest reads what the actor has to do and was told since the digest before this one, nothing without ViewInteraction.
func (s *Store) digest(ctx context.Context, mail uuid.UUID, c crm.Clock) (crm.Digest, error) {
	var d crm.Digest
	if !s.actor.May(authz.ViewInteraction) {
		return d, nil
	}
	for span, into := range map[crm.DueSpan]*crm.Listing[crm.FollowUp]{crm.DueOverdue: &d.Overdue, crm.DueToday: &d.Today, crm.DueWeek: &d.Week} {
		var err error
		*into, err = s.FollowUps(ctx, crm.FollowUpFilter{For: crm.OwnerFilter{UserID: s.userID()}, Due: span, Clock: c, Page: crm.Page{Size: mailRows}})
		if err != nil {
			return d, err
		}
	}
	if s.actor.May(authz.ViewClient) && s.actor.SeesLastContact() {
		var err error
		d.Quiet, err = s.Organizations(ctx, crm.OrganizationFilter{
			Owner: crm.OwnerFilter{UserID: s.userID()}, Touch: crm.TouchOverdue, Sort: crm.Sort{By: crm.ByTouch}, Page: crm.Page{Size: mailRows},
		})
		if err != nil {
			return d, err
		}
	}
	var err error
	d.Unread, err = scalar[int](ctx, s.db.pool, `SELECT count(*) FROM (SELECT FROM notices n WHERE n.user_id = @me AND n.read_at IS NULL AND n.created_at > coalesce(
			(SELECT max(o.created_at) FROM outbox o WHERE o.user_id = @me AND o.kind = @kind AND o.id <> @mail), now() - interval '1 day') LIMIT @limit) n`,
		s.args(pgx.NamedArgs{"kind": crm.MailDigest, "mail": mail, "limit": crm.UnreadCap + 1}))
	return d, err
}

// noticesToMail reads what a mail tells of: what is unread, within reach, still to be done, and of a kind that its reader
// wants by mail. It returns the latest, and how many there are.
func (s *Store) noticesToMail(ctx context.Context, mail uuid.UUID, wanted crm.NotificationSettings) ([]crm.Notice, int, error) {
	var kinds []crm.NoticeKind
	for kind, telling := range map[crm.NoticeKind]crm.Telling{crm.NoticeDue: wanted.Due, crm.NoticeAssigned: wanted.Assigned} {
		if telling == crm.TellByMail {
			kinds = append(kinds, kind)
		}
	}
	rows, err := many[noticeRow](ctx, s.db.pool, `SELECT `+noticeColumns+` FROM notices n`+noticeJoins+`
		WHERE n.mail_id = @mail AND n.user_id = @me AND n.read_at IS NULL AND n.kind = ANY(@kinds::text[]) ORDER BY n.created_at DESC, n.id DESC LIMIT @limit`,
		s.args(pgx.NamedArgs{"mail": mail, "kinds": kinds, "limit": tellBatch}))
	if err != nil {
		return nil, 0, err
	}
	all := make([]crm.Notice, len(rows))
	for i, r := range rows {
		all[i] = r.notice()
	}
	if err := s.lookUp(ctx, all); err != nil {
		return nil, 0, err
	}
	seen := all[:0]
	for _, n := range all {
		if n.Seen && n.FollowUp.Open() {
			seen = append(seen, n)
		}
	}
	return seen[:min(len(seen), mailRows)], len(seen), nil
}
