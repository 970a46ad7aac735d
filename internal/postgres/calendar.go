package postgres

import (
	"context"
	"crypto/sha256"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// The secret in the address of a calendar is made, and kept, as that of a token is: a prefix that scanners of leaked
// secrets can look for, 160 random bits, and of these only the SHA-256.
const calendarPrefix = "crm_cal_"

// calendarHash returns the hash of what looks like the secret of a calendar, false for anything else: that costs no query.
func calendarHash(secret string) ([]byte, bool) {
	text, is := strings.CutPrefix(secret, calendarPrefix)
	if raw, err := tokenEncoding.DecodeString(text); !is || err != nil || len(raw) != tokenBytes {
		return nil, false
	}
	sum := sha256.Sum256([]byte(secret))
	return sum[:], true
}

// calendarQuery loads a live address, whose it is, and their rights. Who has something else to do before anything, such
// as changing a one-time password, has no calendar until then.
const calendarQuery = `
	SELECT f.id, f.last_used_at IS NULL OR f.last_used_at < now() - interval '1 minute' AS stale, u.id AS user_id, u.name, u.email, coalesce(u.zone, '') AS zone,
		` + rightsColumns + `
	FROM calendar_feeds f JOIN users u ON u.id = f.user_id LEFT JOIN user_credentials c ON c.user_id = u.id
	WHERE f.hash = @hash AND f.revoked_at IS NULL AND u.is_active AND NOT coalesce(c.must_change, FALSE)
		AND (c.totp_secret IS NOT NULL OR NOT EXISTS (SELECT 1 FROM user_roles ur JOIN roles r ON r.id = ur.role_id WHERE ur.user_id = u.id AND r.requires_mfa))`

// FindCalendar returns whose calendar stands at an address, with no more than their rights to see clients and
// interactions; false for an address that is unknown or revoked, or whose owner is deactivated, all alike. It moves the
// time of last use at most once a minute, so that reading does not write.
func (db *DB) FindCalendar(ctx context.Context, secret string, origin Origin) (authz.Actor, bool, error) {
	hash, is := calendarHash(secret)
	if !is {
		return authz.Actor{}, false, nil
	}
	type row struct {
		ID, UserID        uuid.UUID
		Stale             bool
		Name, Email, Zone string
		Grants            []string
		Owners            []uuid.UUID
	}
	r, err := one[row](ctx, db.pool, calendarQuery, pgx.NamedArgs{"hash": hash})
	if noRows(err) {
		return authz.Actor{}, false, nil
	}
	if err != nil {
		return authz.Actor{}, false, err
	}
	if r.Stale {
		if _, err := db.pool.Exec(ctx, `UPDATE calendar_feeds SET last_used_at = now(), last_ip = @ip WHERE id = @id AND revoked_at IS NULL`,
			pgx.NamedArgs{"id": r.ID, "ip": db.As(authz.Actor{}, origin).ip()}); err != nil {
			return authz.Actor{}, false, err
		}
	}
	grants := slices.DeleteFunc(parseGrants(r.Grants), func(g authz.Grant) bool {
		return g.Permission != authz.ViewClient && g.Permission != authz.ViewInteraction
	})
	return authz.Actor{UserID: r.UserID, Name: r.Name, Email: r.Email, Zone: r.Zone, Owners: r.Owners}.WithGrants(grants...), true, nil
}

// MyCalendarFeed returns the actor's live address, or the zero CalendarFeed.
func (s *Store) MyCalendarFeed(ctx context.Context) (crm.CalendarFeed, error) {
	if !s.actor.SignedIn() {
		return crm.CalendarFeed{}, crm.ErrNotFound
	}
	f, err := one[crm.CalendarFeed](ctx, s.db.pool, `SELECT f.id, f.created_at, coalesce(f.last_used_at, '0001-01-01Z') AS last_used_at, coalesce(host(f.last_ip), '') AS last_ip
		FROM calendar_feeds f WHERE f.user_id = @me AND f.revoked_at IS NULL`, s.args(nil))
	if noRows(err) {
		return crm.CalendarFeed{}, nil
	}
	return f, err
}

// MakeCalendarFeed makes an address of the actor's calendar and returns the secret in it, which is kept nowhere. The
// address they had before ends.
func (s *Store) MakeCalendarFeed(ctx context.Context) (string, error) {
	if !s.actor.SignedIn() {
		return "", crm.ErrNotFound
	}
	secret := calendarPrefix + strings.TrimPrefix(newToken(), tokenPrefix)
	hash, _ := calendarHash(secret)
	id := newID()
	change := audit.Change{Action: audit.MakeCalendar, TargetType: audit.User, TargetID: s.actor.UserID, Metadata: map[string]any{"calendar_id": id}}
	return secret, s.event(ctx, change, func(ctx context.Context, w *work) error {
		me, err := s.lockUser(ctx, w, s.actor.UserID) // two made at once wait for each other, and for a deactivation
		if err != nil {
			return err
		}
		if !me.Record.IsActive {
			return crm.ErrNotFound
		}
		if _, err := endCalendar(ctx, w, s.actor.UserID); err != nil {
			return err
		}
		if _, err := w.Exec(ctx, `INSERT INTO calendar_feeds (id, user_id, hash) VALUES (@id, @user, @hash)`,
			pgx.NamedArgs{"id": id, "user": s.actor.UserID, "hash": hash}); err != nil {
			return err
		}
		return s.notify(ctx, w, crm.MailCalendar, s.actor.UserID)
	})
}

// RevokeCalendarFeed ends the actor's address; ErrUnchanged when they have none.
func (s *Store) RevokeCalendarFeed(ctx context.Context) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	change := audit.Change{Action: audit.RevokeCalendar, TargetType: audit.User, TargetID: s.actor.UserID}
	return s.event(ctx, change, func(ctx context.Context, w *work) error {
		ended, err := endCalendar(ctx, w, s.actor.UserID)
		if err == nil && !ended {
			err = crm.ErrUnchanged
		}
		return err
	})
}

func endCalendar(ctx context.Context, w *work, user uuid.UUID) (bool, error) {
	tag, err := w.Exec(ctx, `UPDATE calendar_feeds SET revoked_at = now() WHERE user_id = @user AND revoked_at IS NULL`, pgx.NamedArgs{"user": user})
	return tag.RowsAffected() > 0, err
}

// What a calendar shows at most, of each kind, and how far back.
const (
	maxInCalendar = 1000
	calendarPast  = 90 * 24 * time.Hour
)

// talkChanged is when interaction i was last changed: its row does not say, its audit rows do. One that was loaded in bulk
// has none.
const talkChanged = `coalesce((SELECT a.created_at FROM audit_logs a WHERE a.target_id = i.id AND a.table_name IS NOT NULL ORDER BY a.id DESC LIMIT 1), i.created_at)`

// MyCalendar returns what the actor's calendar shows at now: their open follow-ups, and the interactions they logged that
// have a place in one, of the last 90 days and of all time to come; at most 1,000 of each. Without ViewInteraction it is empty.
func (s *Store) MyCalendar(ctx context.Context, now time.Time) (crm.Calendar, error) {
	if !s.actor.SignedIn() {
		return crm.Calendar{}, crm.ErrNotFound
	}
	if !s.actor.May(authz.ViewInteraction) {
		return crm.Calendar{}, nil
	}
	type due struct {
		crm.FollowUp
		Changed time.Time
	}
	type talk struct {
		crm.Interaction
		Changed time.Time
	}
	var dues []due
	var talks []talk
	b := &batch{}
	args := s.args(pgx.NamedArgs{"since": now.Add(-calendarPast)})
	queueMany(b, &dues, s.followUpSelect()+`, f.updated_at AS changed FROM follow_ups f`+s.followUpJoins()+`
		WHERE f.user_id = @me AND f.state = 'open' AND `+s.followUpScope(authz.ViewInteraction, "f")+`
		ORDER BY `+dueKey+`, f.id LIMIT `+strconv.Itoa(maxInCalendar), args)
	queueMany(b, &talks, `SELECT `+interactionColumns+s.interactionNames()+`, `+talkChanged+` AS changed FROM interactions i`+s.interactionJoins()+`
		WHERE i.user_id = @me AND i.happened_at >= @since AND (i.channel = 'meeting' OR i.channel = 'call' AND i.duration_minutes IS NOT NULL)
			AND `+s.interactionScope(authz.ViewInteraction, "i")+`
		ORDER BY i.happened_at DESC, i.id DESC LIMIT `+strconv.Itoa(maxInCalendar), args)
	if err := b.send(ctx, s.db); err != nil {
		return crm.Calendar{}, err
	}
	var c crm.Calendar
	for _, d := range dues {
		c.FollowUps = append(c.FollowUps, crm.Dated[crm.FollowUp]{Record: d.FollowUp, ModifiedAt: d.Changed})
	}
	for _, t := range talks {
		c.Talks = append(c.Talks, crm.Dated[crm.Interaction]{Record: t.Interaction, ModifiedAt: t.Changed})
	}
	return c, nil
}

// TalkForCalendar returns an interaction in reach with when it was last changed; ErrNotFound for one that has no place in
// a calendar.
func (s *Store) TalkForCalendar(ctx context.Context, id uuid.UUID) (crm.Dated[crm.Interaction], error) {
	var d crm.Dated[crm.Interaction]
	if err := s.require(authz.ViewInteraction); err != nil {
		return d, err
	}
	b := &batch{}
	args := s.args(pgx.NamedArgs{"id": id})
	var changed []time.Time
	queueOne(b, &d.Record, s.interactionQuery(), args)
	queueColumn(b, &changed, `SELECT `+talkChanged+` FROM interactions i WHERE i.id = @id AND `+s.interactionScope(authz.ViewInteraction, "i"), args)
	if err := b.send(ctx, s.db); err != nil {
		return d, notFound(err)
	}
	if !d.Record.InCalendar() || len(changed) == 0 {
		return crm.Dated[crm.Interaction]{}, crm.ErrNotFound
	}
	d.ModifiedAt = changed[0]
	return d, nil
}
