-- Keeping in touch: a client, or a person at one, is to be spoken to every so many days. When the next time is due is
-- derived, kept by the database in the transaction that moves it, and stands beside last contact (00009): outside
-- images, guards and undo.
--
-- Due is a moment, not a day: "every 30 days" is 30 times 24 hours after the last contact, the same for every reader,
-- and no change of clocks moves it. A record that was never in touch counts from when it was made. Snoozed "until
-- 4 December" it is due again as that day begins in UTC, the one zone that all readers of a record share.

-- +goose Up
ALTER TABLE organizations
  ADD COLUMN touch_every_days INTEGER, -- NULL for no rhythm
  ADD COLUMN touch_snoozed_until DATE,
  ADD COLUMN touch_snooze_reason VARCHAR(200),
  ADD CONSTRAINT organizations_touch CHECK (touch_every_days BETWEEN 1 AND 1095);
ALTER TABLE organization_contact
  ADD COLUMN touch_every_days INTEGER, -- NULL for what is usual in the role, 0 for never, whatever is usual
  ADD COLUMN touch_snoozed_until DATE,
  ADD COLUMN touch_snooze_reason VARCHAR(200),
  ADD CONSTRAINT organization_contact_touch CHECK (touch_every_days BETWEEN 0 AND 1095);

-- A role's name as it is compared: people write "CFO", "cfo" and "Billing  contact".
-- +goose StatementBegin
CREATE FUNCTION role_key(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
RETURN lower(btrim(regexp_replace($1, '\s+', ' ', 'g')));
-- +goose StatementEnd

-- What is usual for people in a role. The key is a column, so that undo can tell a role that somebody has named again.
CREATE TABLE touch_defaults (
  id         UUID PRIMARY KEY,
  role_label VARCHAR(120) NOT NULL,
  role_key   TEXT NOT NULL,
  every_days INTEGER NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  version    INTEGER NOT NULL DEFAULT 1,
  CONSTRAINT touch_defaults_role_key UNIQUE (role_key),
  CONSTRAINT touch_defaults_role CHECK (role_key = role_key(role_label) AND role_key <> ''),
  CONSTRAINT touch_defaults_days CHECK (every_days BETWEEN 1 AND 1095)
);
CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON touch_defaults
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard('id');
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON touch_defaults FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();

CREATE INDEX organization_contact_role_key ON organization_contact(role_key(role_label), contact_id) WHERE role_label IS NOT NULL;

ALTER TABLE organization_activity ADD COLUMN next_touch_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity'; -- without a rhythm, and archived
ALTER TABLE contact_activity ADD COLUMN next_touch_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity';
ALTER TABLE contact_reach ADD COLUMN next_touch_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity';

-- When the next contact is due: so many days after the last one, or after the record was made where there was none,
-- and not while it is snoozed. Hours, not days: adding days would depend on the session's zone.
-- +goose StatementBegin
CREATE FUNCTION touch_due(active boolean, last timestamptz, born timestamptz, every integer, snoozed date) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
RETURN CASE WHEN active AND every > 0 THEN
    greatest(CASE WHEN last = '-infinity' THEN born ELSE last END + make_interval(hours => 24 * every), snoozed::timestamp AT TIME ZONE 'UTC')
  ELSE 'infinity'::timestamptz END;
-- +goose StatementEnd

-- The present relationships that have a rhythm, their own or their role's. A former one has none, nor has one with an
-- organization that is archived: its people are not to be called for its sake.
CREATE VIEW relationship_touches AS
  SELECT l.organization_id, l.contact_id, coalesce(l.touch_every_days, d.every_days) AS every_days, l.touch_snoozed_until
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id LEFT JOIN touch_defaults d ON d.role_key = role_key(l.role_label)
  WHERE o.is_active AND lower(l.relationship_status) IS DISTINCT FROM 'former' AND coalesce(l.touch_every_days, d.every_days) > 0;

-- A person is due when the first of their relationships is.
-- +goose StatementBegin
CREATE FUNCTION contact_touch_due(contact uuid, active boolean, last timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE SET search_path = public, pg_temp AS $$
  SELECT coalesce(min(touch_due(active, last, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity')
  FROM relationship_touches t JOIN contacts c ON c.id = t.contact_id WHERE t.contact_id = contact;
$$;

-- A last contact or a status that moves takes the due moment along, in the same version of the row. Whoever moves it
-- has locked the row by a statement before, so that these reads see what they waited for (see 00009).
CREATE FUNCTION keep_organization_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.next_touch_at := coalesce((SELECT touch_due(NEW.is_active, NEW.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until)
    FROM organizations o WHERE o.id = NEW.organization_id), 'infinity');
  RETURN NEW;
END $$;

CREATE FUNCTION keep_contact_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  NEW.next_touch_at := contact_touch_due(NEW.contact_id, NEW.is_active, NEW.last_contact_at);
  RETURN NEW;
END $$;

-- New rows, one or millions, are put right set by set, and only those that have a rhythm.
CREATE FUNCTION keep_new_organization_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE organization_activity a SET next_touch_at = touch_due(a.is_active, a.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until)
  FROM new_rows n JOIN organizations o ON o.id = n.organization_id
  WHERE a.organization_id = n.organization_id AND n.is_active AND o.touch_every_days IS NOT NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_new_contact_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE contact_activity a SET next_touch_at = t.due
  FROM (SELECT n.contact_id, min(touch_due(n.is_active, n.last_contact_at, c.created_at, r.every_days, r.touch_snoozed_until)) AS due
        FROM new_rows n JOIN relationship_touches r ON r.contact_id = n.contact_id JOIN contacts c ON c.id = n.contact_id WHERE n.is_active GROUP BY 1) t
  WHERE a.contact_id = t.contact_id;
  RETURN NULL;
END $$;

-- Puts some contacts right, row by row: OFFSET 0 keeps the planner from a hash of all links.
CREATE FUNCTION settle_contact_touch(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET next_touch_at = n.due
  FROM (SELECT b.contact_id, contact_touch_due(b.contact_id, b.is_active, b.last_contact_at) AS due FROM contact_activity b WHERE b.contact_id = ANY(touched) OFFSET 0) n
  WHERE a.contact_id = n.contact_id AND a.next_touch_at <> n.due;
END $$;

-- A link that comes, goes or changes moves its person's due moment, where it has or had a rhythm.
CREATE FUNCTION keep_link_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  touched uuid[];
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    SELECT array_agg(DISTINCT n.contact_id) INTO touched FROM new_rows n LEFT JOIN touch_defaults d ON d.role_key = role_key(n.role_label)
      WHERE coalesce(n.touch_every_days, d.every_days) > 0;
  WHEN 'DELETE' THEN
    SELECT array_agg(DISTINCT n.contact_id) INTO touched FROM old_rows n LEFT JOIN touch_defaults d ON d.role_key = role_key(n.role_label)
      WHERE coalesce(n.touch_every_days, d.every_days) > 0;
  ELSE
    SELECT array_agg(DISTINCT n.contact_id) INTO touched FROM new_rows n JOIN old_rows o USING (organization_id, contact_id)
      WHERE (o.role_label, o.relationship_status, o.touch_every_days, o.touch_snoozed_until)
        IS DISTINCT FROM (n.role_label, n.relationship_status, n.touch_every_days, n.touch_snoozed_until);
  END CASE;
  PERFORM settle_contact_touch(touched);
  RETURN NULL;
END $$;

-- As in 00014, and with the rhythm: an organization's own, and its people's when it is archived or restored. All
-- contacts are locked at once, in their order, before either function settles its part of them.
CREATE OR REPLACE FUNCTION keep_organization_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  retimed uuid[];
  moved uuid[];
  switched uuid[];
  people uuid[];
  rhythmic uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organization_activity (organization_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  SELECT array_agg(n.id) INTO retimed FROM new_rows n JOIN old_rows o USING (id)
    WHERE (o.touch_every_days, o.touch_snoozed_until) IS DISTINCT FROM (n.touch_every_days, n.touch_snoozed_until);
  PERFORM 1 FROM organization_activity a JOIN new_rows n ON n.id = a.organization_id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) OR n.id = ANY(retimed) ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  SELECT array_agg(n.id) FILTER (WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id), array_agg(n.id) FILTER (WHERE a.is_active <> n.is_active)
    INTO moved, switched FROM new_rows n JOIN organization_activity a ON a.organization_id = n.id;
  UPDATE organization_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM new_rows n WHERE a.organization_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  IF retimed IS NOT NULL THEN
    UPDATE organization_activity a SET next_touch_at = touch_due(n.is_active, a.last_contact_at, n.created_at, n.touch_every_days, n.touch_snoozed_until)
    FROM new_rows n WHERE a.organization_id = n.id AND n.id = ANY(retimed);
  END IF;
  IF moved IS NOT NULL THEN
    SELECT array_agg(DISTINCT l.contact_id) INTO people FROM organization_contact l WHERE l.organization_id = ANY(moved);
  END IF;
  IF switched IS NOT NULL THEN
    SELECT array_agg(DISTINCT l.contact_id) INTO rhythmic FROM organization_contact l LEFT JOIN touch_defaults d ON d.role_key = role_key(l.role_label)
      WHERE l.organization_id = ANY(switched) AND coalesce(l.touch_every_days, d.every_days) > 0;
  END IF;
  IF people IS NOT NULL AND rhythmic IS NOT NULL THEN
    PERFORM 1 FROM contact_activity WHERE contact_id = ANY(people || rhythmic) ORDER BY contact_id FOR NO KEY UPDATE;
  END IF;
  IF moved IS NOT NULL THEN
    PERFORM settle_contact_reach(people);
  END IF;
  PERFORM settle_contact_touch(rhythmic);
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP TRIGGER keep_activity_update ON organizations;
CREATE TRIGGER keep_activity_update AFTER UPDATE ON organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_organization_activity();
CREATE TRIGGER keep_touch BEFORE UPDATE ON organization_activity FOR EACH ROW
  WHEN ((OLD.last_contact_at, OLD.is_active) IS DISTINCT FROM (NEW.last_contact_at, NEW.is_active)) EXECUTE FUNCTION keep_organization_touch();
CREATE TRIGGER keep_touch BEFORE UPDATE ON contact_activity FOR EACH ROW
  WHEN ((OLD.last_contact_at, OLD.is_active) IS DISTINCT FROM (NEW.last_contact_at, NEW.is_active)) EXECUTE FUNCTION keep_contact_touch();
CREATE TRIGGER keep_touch_insert AFTER INSERT ON organization_activity REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_new_organization_touch();
CREATE TRIGGER keep_touch_insert AFTER INSERT ON contact_activity REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_new_contact_touch();
CREATE TRIGGER keep_touch_insert AFTER INSERT ON organization_contact REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_link_touch();
CREATE TRIGGER keep_touch_update AFTER UPDATE ON organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_link_touch();
CREATE TRIGGER keep_touch_delete AFTER DELETE ON organization_contact REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_link_touch();

-- What is usual in a role may concern every tenth contact of a large register: seconds of work, and as many locks.
-- A few are put right at once; all are then gone through in the background, part by part. That begins when every
-- transaction has ended that may not have seen the new default, so that none can leave its person by the old one.
CREATE TABLE touch_unsettled (
  role_key   TEXT PRIMARY KEY,
  xid        XID8 NOT NULL DEFAULT pg_current_xact_id(), -- that changed the default
  changed_at TIMESTAMPTZ NOT NULL DEFAULT now(),         -- after a dump and restore xids lie ahead of the new cluster's
  after      UUID                                        -- the last contact that is settled
);
-- +goose StatementBegin
CREATE FUNCTION keep_role_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  key text;
  few uuid[];
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.role_key, OLD.every_days) = (NEW.role_key, NEW.every_days) THEN
    RETURN NULL;
  END IF;
  FOR key IN SELECT DISTINCT k FROM unnest(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.role_key END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.role_key END]) k
      WHERE k IS NOT NULL ORDER BY k LOOP
    INSERT INTO touch_unsettled AS u (role_key) VALUES (key) ON CONFLICT (role_key) DO UPDATE SET xid = EXCLUDED.xid, changed_at = EXCLUDED.changed_at, after = NULL;
    SELECT array_agg(DISTINCT l.contact_id) INTO few FROM (SELECT contact_id FROM organization_contact WHERE role_key(role_label) = key LIMIT 501) l;
    IF cardinality(few) <= 500 THEN
      PERFORM settle_contact_touch(few);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

-- Settles the next contacts of one role, at most so many, and returns how many; NULL when there is nothing to do.
-- Two at once take turns at the row.
CREATE FUNCTION settle_role_touch(most integer) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  role touch_unsettled;
  next uuid[];
BEGIN
  SELECT * INTO role FROM touch_unsettled u WHERE u.xid < pg_snapshot_xmin(pg_current_snapshot()) OR u.changed_at < now() - interval '1 hour'
    ORDER BY u.role_key LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(l.contact_id) INTO next FROM (SELECT DISTINCT contact_id FROM organization_contact
    WHERE role_key(role_label) = role.role_key AND contact_id > coalesce(role.after, '00000000-0000-0000-0000-000000000000') ORDER BY contact_id LIMIT most) l;
  PERFORM settle_contact_touch(next);
  IF coalesce(cardinality(next), 0) < most THEN
    DELETE FROM touch_unsettled u WHERE u.role_key = role.role_key;
  ELSE
    UPDATE touch_unsettled u SET after = next[most] WHERE u.role_key = role.role_key;
  END IF;
  RETURN coalesce(cardinality(next), 0);
END $$;
-- +goose StatementEnd
CREATE TRIGGER keep_role_touch AFTER INSERT OR UPDATE OR DELETE ON touch_defaults FOR EACH ROW EXECUTE FUNCTION keep_role_touch();

-- Whose people are due is asked by the owners of their organizations too: contact_reach (00014) has it along.
CREATE OR REPLACE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at, a.next_touch_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION settle_contact_reach(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  DELETE FROM contact_reach r WHERE r.contact_id = ANY(touched) AND NOT EXISTS ( -- OFFSET 0: row by row, not by a hash of all links
    SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = r.contact_id AND o.owner_user_id = r.owner_user_id OFFSET 0);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at)
  SELECT * FROM contact_reaches v WHERE v.contact_id = ANY(touched)
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at);
END $$;

CREATE OR REPLACE FUNCTION keep_contact_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE contact_reach r SET last_contact_at = n.last_contact_at, next_touch_at = n.next_touch_at FROM new_rows n
  WHERE r.contact_id = n.contact_id AND (r.last_contact_at <> n.last_contact_at OR r.next_touch_at <> n.next_touch_at);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rebuild_contact_reach() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at);
$$;

-- Puts every due moment right, after the triggers were off. rebuild_activity does it for the rows that it makes and moves.
CREATE FUNCTION rebuild_touch() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  UPDATE organization_activity a SET next_touch_at = n.due
  FROM (SELECT o.id, touch_due(b.is_active, b.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until) AS due
        FROM organizations o JOIN organization_activity b ON b.organization_id = o.id) n
  WHERE a.organization_id = n.id AND a.next_touch_at <> n.due;
  UPDATE contact_activity a SET next_touch_at = n.due
  FROM (SELECT b.contact_id, coalesce(min(touch_due(b.is_active, b.last_contact_at, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity') AS due
        FROM contact_activity b JOIN contacts c ON c.id = b.contact_id LEFT JOIN relationship_touches t ON t.contact_id = b.contact_id GROUP BY 1) n
  WHERE a.contact_id = n.contact_id AND a.next_touch_at <> n.due;
$$;
-- +goose StatementEnd

-- Most overdue first, and all without a rhythm last: as for last contact, for everybody and by owner.
CREATE INDEX organization_activity_touch ON organization_activity(next_touch_at, organization_id) INCLUDE (owner_user_id, is_active);
CREATE INDEX organization_activity_owner_touch ON organization_activity(owner_user_id, next_touch_at, organization_id) INCLUDE (is_active);
CREATE INDEX contact_activity_touch ON contact_activity(next_touch_at, contact_id) INCLUDE (owner_user_id, is_active);
CREATE INDEX contact_activity_owner_touch ON contact_activity(owner_user_id, next_touch_at, contact_id) INCLUDE (is_active);
CREATE INDEX contact_reach_touch ON contact_reach(owner_user_id, next_touch_at, contact_id);
ANALYZE organization_contact;
ANALYZE organization_activity;
ANALYZE contact_activity;
ANALYZE contact_reach;

-- +goose Down
DROP TRIGGER keep_touch ON organization_activity;
DROP TRIGGER keep_touch ON contact_activity;
DROP TRIGGER keep_touch_insert ON organization_activity;
DROP TRIGGER keep_touch_insert ON contact_activity;
DROP TRIGGER keep_touch_insert ON organization_contact;
DROP TRIGGER keep_touch_update ON organization_contact;
DROP TRIGGER keep_touch_delete ON organization_contact;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_organization_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  moved uuid[];
  people uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organization_activity (organization_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  PERFORM 1 FROM organization_activity a JOIN new_rows n ON n.id = a.organization_id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  SELECT array_agg(n.id) INTO moved FROM new_rows n JOIN organization_activity a ON a.organization_id = n.id
    WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id;
  UPDATE organization_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM new_rows n WHERE a.organization_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  IF moved IS NOT NULL THEN
    SELECT array_agg(DISTINCT l.contact_id) INTO people FROM organization_contact l WHERE l.organization_id = ANY(moved);
    PERFORM settle_contact_reach(people);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION settle_contact_reach(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  DELETE FROM contact_reach r WHERE r.contact_id = ANY(touched) AND NOT EXISTS ( -- OFFSET 0: row by row, not by a hash of all links
    SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = r.contact_id AND o.owner_user_id = r.owner_user_id OFFSET 0);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at)
  SELECT * FROM contact_reaches v WHERE v.contact_id = ANY(touched)
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at);
END $$;

CREATE OR REPLACE FUNCTION keep_contact_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE contact_reach r SET last_contact_at = n.last_contact_at FROM new_rows n WHERE r.contact_id = n.contact_id AND r.last_contact_at <> n.last_contact_at;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rebuild_contact_reach() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at);
$$;
-- +goose StatementEnd
DROP TRIGGER keep_activity_update ON organizations;
CREATE TRIGGER keep_activity_update AFTER UPDATE ON organizations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_organization_activity();
DROP VIEW contact_reaches;
CREATE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;
DROP FUNCTION keep_link_touch(), keep_organization_touch(), keep_contact_touch(), keep_new_organization_touch(), keep_new_contact_touch(), settle_contact_touch(uuid[]),
  rebuild_touch(), settle_role_touch(integer), contact_touch_due(uuid, boolean, timestamptz);
DROP VIEW relationship_touches;
DROP TABLE touch_unsettled, touch_defaults;
DROP FUNCTION keep_role_touch(), touch_due(boolean, timestamptz, timestamptz, integer, date);
DROP INDEX organization_contact_role_key;
ALTER TABLE contact_reach DROP COLUMN next_touch_at;
ALTER TABLE contact_activity DROP COLUMN next_touch_at;
ALTER TABLE organization_activity DROP COLUMN next_touch_at;
ALTER TABLE organization_contact DROP COLUMN touch_every_days, DROP COLUMN touch_snoozed_until, DROP COLUMN touch_snooze_reason;
ALTER TABLE organizations DROP COLUMN touch_every_days, DROP COLUMN touch_snoozed_until, DROP COLUMN touch_snooze_reason;
DROP FUNCTION role_key(text);
