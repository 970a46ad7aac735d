package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// NotificationSettings returns how the actor wants to be told, the defaults where they never chose.
func (s *Store) NotificationSettings(ctx context.Context) (crm.NotificationSettings, error) {
	if !s.actor.SignedIn() {
		return crm.NotificationSettings{}, crm.ErrNotFound
	}
	n, err := one[crm.NotificationSettings](ctx, s.db.pool, `SELECT digest, digest_hour, due, assigned FROM notification_settings WHERE user_id = @me`, s.args(nil))
	if noRows(err) {
		return crm.DefaultNotifications(), nil
	}
	return n, err
}

// SaveNotificationSettings saves how the actor wants to be told. It is kept beside the records, without a history.
func (s *Store) SaveNotificationSettings(ctx context.Context, n crm.NotificationSettings) error {
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	if err := n.Validate(); err != nil {
		return err
	}
	_, err := s.db.pool.Exec(ctx, `INSERT INTO notification_settings (user_id, digest, digest_hour, due, assigned) VALUES (@me, @digest, @hour, @due, @assigned)
		ON CONFLICT (user_id) DO UPDATE SET digest = EXCLUDED.digest, digest_hour = EXCLUDED.digest_hour, due = EXCLUDED.due, assigned = EXCLUDED.assigned`,
		s.args(pgx.NamedArgs{"digest": n.Digest, "hour": n.DigestHour, "due": n.Due, "assigned": n.Assigned}))
	return err
}
