-- What a restricted reach looks through for a list in one of two orders, measured at three million contacts and ten
-- million interactions.
--
-- "The newest contacts within my reach" had no order to be walked in: for 3,700 organizations all their people were
-- looked up and sorted, 100 ms. contact_reach has the day now, and an index by it.
--
-- "What a colleague logged, of what I may see" is a walk through the colleague's interactions that keeps those with a
-- client in reach. It had to fetch each interaction to know its client, 300 ms; the index tells it now.

-- +goose Up
SET LOCAL maintenance_work_mem = '512MB';

DROP INDEX interactions_author_newest;
CREATE INDEX interactions_author_newest ON interactions(user_id, happened_at DESC, id DESC) INCLUDE (organization_id, contact_id);
DROP INDEX interactions_newest;
CREATE INDEX interactions_newest ON interactions(happened_at DESC, id DESC) INCLUDE (organization_id, contact_id, user_id);

-- Filled anew instead of changed row by row: every row would be written twice, and its indexes, too.
DROP INDEX contact_reach_name, contact_reach_last, contact_reach_touch;
TRUNCATE contact_reach;
ALTER TABLE contact_reach ADD COLUMN created_at TIMESTAMPTZ NOT NULL;

CREATE OR REPLACE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at, a.next_touch_at, c.created_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;

-- As in 00017, with the day.
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
-- +goose StatementEnd
SELECT rebuild_contact_reach();

CREATE INDEX contact_reach_name ON contact_reach(owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id) WHERE is_active;
CREATE INDEX contact_reach_last ON contact_reach(owner_user_id, last_contact_at, contact_id);
CREATE INDEX contact_reach_touch ON contact_reach(owner_user_id, next_touch_at, contact_id);
CREATE INDEX contact_reach_newest ON contact_reach(owner_user_id, created_at DESC, contact_id DESC) INCLUDE (is_active);
ANALYZE contact_reach;

-- +goose Down
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

CREATE OR REPLACE FUNCTION rebuild_contact_reach() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at);
$$;
-- +goose StatementEnd
DROP VIEW contact_reaches;
ALTER TABLE contact_reach DROP COLUMN created_at;
CREATE VIEW contact_reaches AS
  SELECT DISTINCT l.contact_id, o.owner_user_id, c.last_name, c.first_name, c.is_active, a.last_contact_at, a.next_touch_at
  FROM organization_contact l JOIN organizations o ON o.id = l.organization_id JOIN contacts c ON c.id = l.contact_id
    JOIN contact_activity a ON a.contact_id = l.contact_id
  WHERE o.owner_user_id IS NOT NULL;
DROP INDEX interactions_author_newest;
CREATE INDEX interactions_author_newest ON interactions(user_id, happened_at DESC, id DESC);
DROP INDEX interactions_newest;
CREATE INDEX interactions_newest ON interactions(happened_at DESC, id DESC);
