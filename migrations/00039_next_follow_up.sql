-- When the next follow-up of a client is due: lists sort by it, and look for its text only where there is one. A fact that the
-- database keeps in the transaction that changes a follow-up, whoever writes, beside last contact (00009) and for the same
-- reasons outside images, guards and undo. It is that of the first open follow-up, as lists of follow-ups go by it (00015);
-- who sees a client and its interactions sees all follow-ups about it, so that it is the same for every reader.
--
-- Most clients have none: they come last, longest silent first, on the walk that goes by last contact. The indexes are of
-- those that have one, and cost nothing where a client has none.

-- +goose Up
ALTER TABLE organization_activity ADD COLUMN next_follow_up_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity'; -- none
ALTER TABLE contact_activity ADD COLUMN next_follow_up_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity';
ALTER TABLE contact_reach ADD COLUMN next_follow_up_at TIMESTAMPTZ NOT NULL DEFAULT 'infinity';

CREATE OR REPLACE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at, a.next_touch_at, c.created_at, a.next_follow_up_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;

-- As in 00020 and 00017, with the follow-up.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION settle_contact_reach(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  DELETE FROM contact_reach r WHERE r.contact_id = ANY(touched) AND NOT EXISTS ( -- OFFSET 0: row by row, not by a hash of all links
    SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = r.contact_id AND o.owner_user_id = r.owner_user_id OFFSET 0);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at, created_at, next_follow_up_at)
  SELECT * FROM contact_reaches v WHERE v.contact_id = ANY(touched)
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at, created_at = EXCLUDED.created_at,
    next_follow_up_at = EXCLUDED.next_follow_up_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at, r.created_at, r.next_follow_up_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at, EXCLUDED.created_at, EXCLUDED.next_follow_up_at);
END $$;

CREATE OR REPLACE FUNCTION rebuild_contact_reach() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at, created_at, next_follow_up_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at, created_at = EXCLUDED.created_at,
    next_follow_up_at = EXCLUDED.next_follow_up_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at, r.created_at, r.next_follow_up_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at, EXCLUDED.created_at, EXCLUDED.next_follow_up_at);
$$;

CREATE OR REPLACE FUNCTION keep_contact_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE contact_reach r SET last_contact_at = n.last_contact_at, next_touch_at = n.next_touch_at, next_follow_up_at = n.next_follow_up_at FROM new_rows n
  WHERE r.contact_id = n.contact_id AND (r.last_contact_at <> n.last_contact_at OR r.next_touch_at <> n.next_touch_at
    OR r.next_follow_up_at <> n.next_follow_up_at);
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- Looked up again, not compared with what was written; locked first, in the order of 00009, and read by the next statement.
-- +goose StatementBegin
CREATE FUNCTION settle_next_follow_up(organizations uuid[], contacts uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM organization_activity WHERE organization_id = ANY(organizations) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE organization_activity a SET next_follow_up_at = n.due
  FROM (SELECT t.id, coalesce((SELECT min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')) FROM follow_ups f WHERE f.organization_id = t.id AND f.state = 'open'), 'infinity') AS due
        FROM unnest(organizations) t(id)) n
  WHERE a.organization_id = n.id AND a.next_follow_up_at <> n.due;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(contacts) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET next_follow_up_at = n.due
  FROM (SELECT t.id, coalesce((SELECT min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')) FROM follow_ups f WHERE f.contact_id = t.id AND f.state = 'open'), 'infinity') AS due
        FROM unnest(contacts) t(id)) n
  WHERE a.contact_id = n.id AND a.next_follow_up_at <> n.due;
END $$;

CREATE FUNCTION keep_next_follow_up() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  organizations uuid[];
  contacts uuid[];
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO organizations, contacts FROM new_rows WHERE state = 'open';
  WHEN 'DELETE' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO organizations, contacts FROM old_rows WHERE state = 'open';
  ELSE
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO organizations, contacts FROM (
      (SELECT id, organization_id, contact_id, due_on, due_at FROM old_rows WHERE state = 'open' EXCEPT SELECT id, organization_id, contact_id, due_on, due_at FROM new_rows WHERE state = 'open')
      UNION ALL
      (SELECT id, organization_id, contact_id, due_on, due_at FROM new_rows WHERE state = 'open' EXCEPT SELECT id, organization_id, contact_id, due_on, due_at FROM old_rows WHERE state = 'open')) moved;
  END CASE;
  IF organizations IS NOT NULL THEN
    PERFORM settle_next_follow_up(organizations, contacts);
  END IF;
  RETURN NULL;
END $$;

-- Puts all right after the triggers were off.
CREATE FUNCTION rebuild_next_follow_up() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  UPDATE organization_activity a SET next_follow_up_at = n.due
  FROM (SELECT b.organization_id, coalesce(min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')), 'infinity') AS due
        FROM organization_activity b LEFT JOIN follow_ups f ON f.organization_id = b.organization_id AND f.state = 'open' GROUP BY 1) n
  WHERE a.organization_id = n.organization_id AND a.next_follow_up_at <> n.due;
  UPDATE contact_activity a SET next_follow_up_at = n.due
  FROM (SELECT b.contact_id, coalesce(min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')), 'infinity') AS due
        FROM contact_activity b LEFT JOIN follow_ups f ON f.contact_id = b.contact_id AND f.state = 'open' GROUP BY 1) n
  WHERE a.contact_id = n.contact_id AND a.next_follow_up_at <> n.due;
$$;
-- +goose StatementEnd
CREATE TRIGGER keep_next_insert AFTER INSERT ON follow_ups REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_next_follow_up();
CREATE TRIGGER keep_next_update AFTER UPDATE ON follow_ups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_next_follow_up();
CREATE TRIGGER keep_next_delete AFTER DELETE ON follow_ups REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_next_follow_up();

SELECT rebuild_next_follow_up();

CREATE INDEX organization_activity_next ON organization_activity(next_follow_up_at, last_contact_at, organization_id) INCLUDE (owner_user_id, is_active) WHERE next_follow_up_at < 'infinity';
CREATE INDEX organization_activity_owner_next ON organization_activity(owner_user_id, next_follow_up_at, last_contact_at, organization_id) INCLUDE (is_active) WHERE next_follow_up_at < 'infinity';
CREATE INDEX contact_activity_next ON contact_activity(next_follow_up_at, last_contact_at, contact_id) INCLUDE (owner_user_id, is_active) WHERE next_follow_up_at < 'infinity';
CREATE INDEX contact_activity_owner_next ON contact_activity(owner_user_id, next_follow_up_at, last_contact_at, contact_id) INCLUDE (is_active) WHERE next_follow_up_at < 'infinity';
CREATE INDEX contact_reach_next ON contact_reach(owner_user_id, next_follow_up_at, last_contact_at, contact_id) WHERE next_follow_up_at < 'infinity';
ANALYZE organization_activity;
ANALYZE contact_activity;
ANALYZE contact_reach;

-- +goose Down
DROP TRIGGER keep_next_insert ON follow_ups;
DROP TRIGGER keep_next_update ON follow_ups;
DROP TRIGGER keep_next_delete ON follow_ups;
DROP FUNCTION keep_next_follow_up(), settle_next_follow_up(uuid[], uuid[]), rebuild_next_follow_up();
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION settle_contact_reach(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  DELETE FROM contact_reach r WHERE r.contact_id = ANY(touched) AND NOT EXISTS ( -- OFFSET 0: row by row, not by a hash of all links
    SELECT 1 FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = r.contact_id AND o.owner_user_id = r.owner_user_id OFFSET 0);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at, created_at)
  SELECT * FROM contact_reaches v WHERE v.contact_id = ANY(touched)
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at, created_at = EXCLUDED.created_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at, r.created_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at, EXCLUDED.created_at);
END $$;

CREATE OR REPLACE FUNCTION rebuild_contact_reach() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at, created_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at, created_at = EXCLUDED.created_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at, r.created_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at, EXCLUDED.created_at);
$$;

CREATE OR REPLACE FUNCTION keep_contact_reach() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE contact_reach r SET last_contact_at = n.last_contact_at, next_touch_at = n.next_touch_at FROM new_rows n
  WHERE r.contact_id = n.contact_id AND (r.last_contact_at <> n.last_contact_at OR r.next_touch_at <> n.next_touch_at);
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP VIEW contact_reaches;
ALTER TABLE contact_reach DROP COLUMN next_follow_up_at;
ALTER TABLE contact_activity DROP COLUMN next_follow_up_at;
ALTER TABLE organization_activity DROP COLUMN next_follow_up_at;
CREATE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at, a.next_touch_at, c.created_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;
