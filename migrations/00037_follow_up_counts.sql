-- How much somebody has to do, and how much of it is overdue, is asked for twenty people at once on the day's first page:
-- answered from the index alone, with what decides who may count it.

-- +goose Up
DROP INDEX follow_ups_user_due;
CREATE INDEX follow_ups_user_due ON follow_ups(user_id, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id)
  INCLUDE (due_on, due_at, organization_id, contact_id, created_by);

-- +goose Down
DROP INDEX follow_ups_user_due;
CREATE INDEX follow_ups_user_due ON follow_ups(user_id, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
