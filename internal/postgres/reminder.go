package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// Reminders finds out who is to be told of something because of the time: that a follow-up has come due, that the day
// begins. No actor stands behind it, and it reads no client data: it leaves notices and mails that name a follow-up or
// nothing, and what these say is looked up for their reader. Several may look at once, in one process or many: one of
// them does, and what it told nobody tells again.
type Reminders struct {
	db   *DB
	zone func(name string) *time.Location
}

// Reminders returns what reminds people, each by the clock of the zone that they chose: zone returns it by its name, and the
// firm's for "".
func (db *DB) Reminders(zone func(name string) *time.Location) Reminders { return Reminders{db, zone} }

// Told is what one look came to.
type Told struct {
	Notices int // that something is due
	Digests int // begun
	Mails   int // of notices
	More    bool
}

const (
	// tellBatch is how many notices of a kind, or mails, one look leaves; the next goes on.
	tellBatch = 1000
	// tellBack is how far back a look goes after a pause: what came due before is overdue, and no news.
	tellBack = 7 * 24 * time.Hour
	// tellAgain is how far each look goes back behind the one before: a follow-up may be saved a little later than it is
	// due. What was told is known by its key.
	tellAgain = 3 * time.Minute
)

// Tell leaves notices of what has come due since the last look, the digests that are due now, and mails of notices. Where
// another instance looks at this very moment it does nothing. More says that there was more to tell than one look takes.
func (r Reminders) Tell(ctx context.Context, now time.Time) (Told, error) {
	var told Told
	tx, err := r.db.pool.Begin(ctx)
	if err != nil {
		return told, err
	}
	defer rollback(ctx, tx)
	mine, err := scalar[bool](ctx, tx, `SELECT pg_try_advisory_xact_lock(7, 0)`)
	if err != nil || !mine {
		return told, err
	}
	if err := r.due(ctx, tx, now, &told); err != nil {
		return told, err
	}
	if r.db.SendsMail() {
		if err := r.digests(ctx, tx, now, &told); err != nil {
			return told, err
		}
		if err := r.mails(ctx, tx, &told); err != nil {
			return told, err
		}
	}
	if err := tx.Commit(ctx); err != nil {
		return Told{}, err
	}
	if told.Digests+told.Mails > 0 {
		r.db.mail()
	}
	return told, nil
}

// dueNotice inserts notices for follow-ups f of active users u, with their settings s. The condition leaves out what was
// told: a batch of it would hide what was not.
func dueNotice(moment, which string) string {
	key := `'due:' || f.id || ':' || ` + moment
	return `INSERT INTO notices (id, user_id, kind, follow_up_id, key, by_mail)
		SELECT gen_random_uuid(), f.user_id, 'due', f.id, ` + key + `, coalesce(s.due, 'inbox') = 'mail'
		FROM ` + which + ` AND f.state = 'open' AND u.is_active AND coalesce(s.due, 'inbox') <> 'off'
			AND NOT EXISTS (SELECT FROM notices n WHERE n.user_id = f.user_id AND n.key = ` + key + `)
		LIMIT @batch ON CONFLICT DO NOTHING`
}

var (
	// insertMoments tells of moments that came.
	insertMoments = dueNotice(`extract(epoch FROM f.due_at)::bigint`, `follow_ups f JOIN users u ON u.id = f.user_id
			LEFT JOIN notification_settings s ON s.user_id = u.id WHERE f.due_at > @from AND f.due_at <= @now`)
	// insertDays tells of days that have begun where the people are. The order of follow_ups_user_due finds them person by
	// person.
	insertDays = dueNotice(`f.due_on`, `unnest(@zones::text[], @days::date[]) z(zone, day) JOIN users u ON coalesce(u.zone, '') = z.zone
			JOIN follow_ups f ON f.user_id = u.id AND f.due_on = z.day AND coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC') = z.day::timestamp AT TIME ZONE 'UTC'
			LEFT JOIN notification_settings s ON s.user_id = u.id WHERE TRUE`)
)

// due tells of what has come due since the last look. The first look of all tells of nothing: it begins here.
func (r Reminders) due(ctx context.Context, tx pgx.Tx, now time.Time, told *Told) error {
	from, err := scalar[time.Time](ctx, tx, `INSERT INTO reminder_clock (reached_at) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET reached_at = reminder_clock.reached_at RETURNING reached_at`, now)
	if err != nil {
		return err
	}
	if from.After(now.Add(time.Hour)) { // a clock that was wrong must not keep everybody waiting
		from = now
	}
	from = from.Add(-tellAgain)
	if oldest := now.Add(-tellBack); from.Before(oldest) {
		from = oldest
	}
	zones, err := column[string](ctx, tx, `SELECT DISTINCT coalesce(zone, '') FROM users WHERE is_active`)
	if err != nil {
		return err
	}
	var there, days []string
	for _, zone := range zones {
		if day := crm.RemindedDay(from, now, r.zone(zone)); day != "" {
			there, days = append(there, zone), append(days, string(day))
		}
	}
	args := pgx.NamedArgs{"from": from, "now": now, "zones": there, "days": days, "batch": tellBatch}
	statements := []string{insertMoments}
	if len(there) > 0 {
		statements = append(statements, insertDays)
	}
	for _, sql := range statements {
		tag, err := tx.Exec(ctx, sql, args)
		if err != nil {
			return err
		}
		told.Notices += int(tag.RowsAffected())
		told.More = told.More || tag.RowsAffected() >= tellBatch
	}
	if told.More { // the next look goes over the same stretch of time
		return nil
	}
	_, err = tx.Exec(ctx, `UPDATE reminder_clock SET reached_at = $1`, now)
	return err
}

// digests leaves the digests that are due now, one a day for each person: whoever has had the day's gets no other, what
// else they choose meanwhile. Who has not come in yet gets none.
func (r Reminders) digests(ctx context.Context, tx pgx.Tx, now time.Time, told *Told) error {
	type wish struct {
		Zone   string
		Digest crm.DigestDays
		Hour   int
	}
	usual := crm.DefaultNotifications()
	args := pgx.NamedArgs{"usual": usual.Digest, "usualHour": usual.DigestHour, "batch": tellBatch}
	wishes, err := many[wish](ctx, tx, `SELECT DISTINCT coalesce(u.zone, '') AS zone, coalesce(s.digest, @usual) AS digest, coalesce(s.digest_hour, @usualHour) AS hour
		FROM users u LEFT JOIN notification_settings s ON s.user_id = u.id WHERE u.is_active`, args)
	if err != nil {
		return err
	}
	var zones, digests, days []string
	var hours []int
	var ends []time.Time
	for _, w := range wishes {
		if day, end := crm.DigestDay(now, r.zone(w.Zone), w.Digest, w.Hour); day != "" {
			zones, digests, hours = append(zones, w.Zone), append(digests, string(w.Digest)), append(hours, w.Hour)
			days, ends = append(days, string(day)), append(ends, end)
		}
	}
	if len(zones) == 0 {
		return nil
	}
	args["zones"], args["digests"], args["hours"], args["days"], args["ends"], args["kind"] = zones, digests, hours, days, ends, crm.MailDigest
	tag, err := tx.Exec(ctx, `INSERT INTO outbox (id, kind, user_id, key, expires_at)
		SELECT gen_random_uuid(), @kind, u.id, 'digest:' || d.day, d.ends
		FROM unnest(@zones::text[], @digests::text[], @hours::int[], @days::date[], @ends::timestamptz[]) d(zone, digest, hour, day, ends)
			JOIN users u ON coalesce(u.zone, '') = d.zone AND u.is_active LEFT JOIN notification_settings s ON s.user_id = u.id
		WHERE coalesce(s.digest, @usual) = d.digest AND coalesce(s.digest_hour, @usualHour) = d.hour
			AND EXISTS (SELECT FROM user_credentials c WHERE c.user_id = u.id)
			AND NOT EXISTS (SELECT FROM outbox o WHERE o.user_id = u.id AND o.key = 'digest:' || d.day)
		LIMIT @batch ON CONFLICT DO NOTHING`, args)
	told.Digests = int(tag.RowsAffected())
	told.More = told.More || told.Digests >= tellBatch
	return err
}

// mails leaves one mail to each person who wants to be mailed what came into their inbox and has not looked: also where
// somebody gave them thousands of follow-ups at once. It is no longer worth a mail after a day.
func (r Reminders) mails(ctx context.Context, tx pgx.Tx, told *Told) error {
	if _, err := tx.Exec(ctx, `UPDATE notices SET by_mail = FALSE WHERE id IN (SELECT n.id FROM notices n WHERE n.by_mail AND n.mail_id IS NULL
		AND (n.read_at IS NOT NULL OR n.created_at < now() - interval '1 day') FOR UPDATE SKIP LOCKED)`); err != nil {
		return err
	}
	mails, err := scalar[int](ctx, tx, `WITH told AS (
			SELECT n.id, n.user_id FROM notices n JOIN users u ON u.id = n.user_id AND u.is_active
			WHERE n.by_mail AND n.mail_id IS NULL AND n.read_at IS NULL AND EXISTS (SELECT FROM user_credentials c WHERE c.user_id = u.id)
				AND n.user_id IN (SELECT f.user_id FROM (SELECT user_id FROM notices WHERE by_mail AND mail_id IS NULL AND read_at IS NULL ORDER BY created_at LIMIT @batch) f)
			FOR UPDATE OF n SKIP LOCKED),
		mails AS (INSERT INTO outbox (id, kind, user_id, expires_at)
			SELECT gen_random_uuid(), @kind, user_id, now() + @lasts::interval FROM (SELECT DISTINCT user_id FROM told) t RETURNING id, user_id),
		noted AS (UPDATE notices n SET mail_id = m.id FROM told t JOIN mails m ON m.user_id = t.user_id WHERE n.id = t.id)
		SELECT count(*) FROM mails`, pgx.NamedArgs{"kind": crm.MailNotices, "lasts": crm.MailNotices.Lasts(), "batch": tellBatch})
	told.Mails = mails
	return err
}
