-- What somebody is told: that a follow-up was given to them, that one is due. A notice holds no client data: what it is
-- about is looked up when it is shown, as its reader may see it then.
--
-- The key says what a notice is about. It is there once for each person, so that nobody is told the same thing twice,
-- whoever looks for it, however often.

-- +goose Up
CREATE TABLE notices (
  id            UUID PRIMARY KEY,
  user_id       UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  kind          VARCHAR(10) NOT NULL,
  follow_up_id  UUID NOT NULL,               -- no foreign key: taken away by Undo it may come back, and is not told of again
  change_set_id UUID REFERENCES change_sets(id), -- of an assignment
  key           VARCHAR(120) NOT NULL,
  created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  read_at       TIMESTAMPTZ,                 -- read, or settled: done, moved, given to somebody else
  by_mail       BOOLEAN NOT NULL DEFAULT FALSE, -- to be mailed as well
  mail_id       UUID,                        -- the mail that tells of it, once there is one; no foreign key, mails are swept
  CONSTRAINT notices_key UNIQUE (user_id, key),
  CONSTRAINT notices_kind CHECK (kind IN ('assigned', 'due')),
  CONSTRAINT notices_assigned CHECK ((kind = 'assigned') = (change_set_id IS NOT NULL))
);
CREATE INDEX notices_unread ON notices(user_id, created_at DESC, id DESC) WHERE read_at IS NULL;
CREATE INDEX notices_read ON notices(user_id, created_at DESC, id DESC) WHERE read_at IS NOT NULL;
CREATE INDEX notices_old ON notices(read_at) WHERE read_at IS NOT NULL;
CREATE INDEX notices_open ON notices(follow_up_id) WHERE read_at IS NULL;
CREATE INDEX notices_to_mail ON notices(created_at) WHERE by_mail AND mail_id IS NULL;
CREATE INDEX notices_mail ON notices(mail_id) WHERE mail_id IS NOT NULL;

-- How somebody wants to be told. Who never said so has no row, and what package crm says.
CREATE TABLE notification_settings (
  user_id     UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  digest      VARCHAR(10) NOT NULL,
  digest_hour SMALLINT NOT NULL,
  due         VARCHAR(10) NOT NULL,
  assigned    VARCHAR(10) NOT NULL,
  CONSTRAINT notification_settings_digest CHECK (digest IN ('off', 'daily', 'weekdays') AND digest_hour BETWEEN 5 AND 10),
  CONSTRAINT notification_settings_kinds CHECK (due IN ('off', 'inbox', 'mail') AND assigned IN ('off', 'inbox', 'mail'))
);

-- Up to which moment due follow-ups have been told of: what came due before a reminder was switched on, before a user was
-- reactivated or before this table was there is no news.
CREATE TABLE reminder_clock (
  only_row   BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (only_row),
  reached_at TIMESTAMPTZ NOT NULL
);
CREATE INDEX follow_ups_moment ON follow_ups(due_at, id) WHERE state = 'open' AND due_at IS NOT NULL;

-- A mail that must not arrive twice is noted before it is handed over: a courier killed in that moment leaves it noted,
-- and nobody sends it again. The key is there once for each person, whoever leaves the mail: the digest of a day.
ALTER TABLE outbox
  ADD COLUMN key       VARCHAR(40),
  ADD COLUMN handed_at TIMESTAMPTZ;
CREATE UNIQUE INDEX outbox_key ON outbox(user_id, key) WHERE key IS NOT NULL;

-- A follow-up that is given to somebody by another is told of in the same transaction, whatever gave it: a form, an action
-- on many, the API, an undo. Who gave it stands in the audit row, which is there when the transaction commits; nobody is
-- told what they did themselves, nor what no user did, as a load of the demo firm.
-- +goose StatementBegin
CREATE FUNCTION notice_assigned() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  INSERT INTO notices (id, user_id, kind, follow_up_id, change_set_id, key, by_mail)
    SELECT gen_random_uuid(), NEW.user_id, 'assigned', NEW.id, a.change_set_id, 'assigned:' || NEW.id || ':' || a.change_set_id, coalesce(s.assigned, 'mail') = 'mail'
    FROM audit_logs a JOIN users u ON u.id = NEW.user_id AND u.is_active LEFT JOIN notification_settings s ON s.user_id = NEW.user_id
    WHERE a.xid = pg_current_xact_id() AND a.target_id = NEW.id AND a.tx_at = transaction_timestamp() AND a.table_name = 'follow_ups'
      AND a.change_set_id IS NOT NULL AND a.user_id <> NEW.user_id AND coalesce(s.assigned, 'mail') <> 'off'
    LIMIT 1
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

-- What a notice tells of may be settled before anybody reads it: done, cancelled, taken away, given to somebody else, or
-- due at another time.
CREATE FUNCTION notice_settled() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE notices n SET read_at = now() WHERE n.follow_up_id = OLD.id AND n.read_at IS NULL
    AND (TG_OP = 'DELETE' OR NEW.state <> 'open' OR n.user_id IS DISTINCT FROM NEW.user_id
      OR n.kind = 'due' AND (OLD.due_on, OLD.due_at) IS DISTINCT FROM (NEW.due_on, NEW.due_at));
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE CONSTRAINT TRIGGER notice_assigned AFTER INSERT ON follow_ups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'open' AND NEW.user_id IS NOT NULL) EXECUTE FUNCTION notice_assigned();
CREATE CONSTRAINT TRIGGER notice_reassigned AFTER UPDATE ON follow_ups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW
  WHEN (NEW.state = 'open' AND NEW.user_id IS NOT NULL AND OLD.user_id IS DISTINCT FROM NEW.user_id) EXECUTE FUNCTION notice_assigned();
CREATE TRIGGER notice_settled AFTER UPDATE ON follow_ups FOR EACH ROW
  WHEN (NEW.state <> OLD.state OR OLD.user_id IS DISTINCT FROM NEW.user_id OR (OLD.due_on, OLD.due_at) IS DISTINCT FROM (NEW.due_on, NEW.due_at))
  EXECUTE FUNCTION notice_settled();
CREATE TRIGGER notice_gone AFTER DELETE ON follow_ups FOR EACH ROW EXECUTE FUNCTION notice_settled();

-- +goose Down
DROP TRIGGER notice_gone ON follow_ups;
DROP TRIGGER notice_settled ON follow_ups;
DROP TRIGGER notice_reassigned ON follow_ups;
DROP TRIGGER notice_assigned ON follow_ups;
DROP FUNCTION notice_settled(), notice_assigned();
DROP INDEX outbox_key, follow_ups_moment;
ALTER TABLE outbox DROP COLUMN key, DROP COLUMN handed_at;
DROP TABLE reminder_clock, notification_settings, notices;
