-- Who is named first of those who attended an interaction besides its contact, kept so that lists sort by them: by name, as
-- lists show them all. This is whom somebody who reaches all clients sees. Within a narrower reach another may be the first,
-- and the list is sorted from the records.
--
-- Few interactions have attendees, and only those have a row: a call with one person writes nothing here.

-- +goose Up
CREATE TABLE first_attendees (
  interaction_id UUID PRIMARY KEY REFERENCES interactions(id) ON DELETE CASCADE,
  channel        VARCHAR(40) NOT NULL, -- of the interaction, as happened_at: some channels have hardly any attendees
  happened_at    TIMESTAMPTZ NOT NULL,
  last_name      VARCHAR(80) NOT NULL,
  first_name     VARCHAR(80) NOT NULL
);

-- What the table should hold, from the records.
CREATE VIEW first_attendee_of AS
  SELECT i.id AS interaction_id, i.channel, i.happened_at, f.last_name, f.first_name
  FROM interactions i CROSS JOIN LATERAL (
    SELECT c.last_name, c.first_name FROM interaction_contacts x JOIN contacts c ON c.id = x.contact_id
    WHERE x.interaction_id = i.id AND x.contact_id IS DISTINCT FROM i.contact_id
    ORDER BY c.last_name COLLATE "und-x-icu", c.first_name COLLATE "und-x-icu", c.id LIMIT 1) f;

-- Looked up again, not compared with what was written. Who changes an interaction or its attendees holds its row, and who
-- renames a person or makes them an attendee the person's activity; two who rename two of the same meeting meet at the row here.
-- Its rows are locked after all activities, by id, and the records read by the next statement.
-- +goose StatementBegin
CREATE FUNCTION settle_first_attendee(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM first_attendees WHERE interaction_id = ANY(touched) ORDER BY interaction_id FOR NO KEY UPDATE;
  DELETE FROM first_attendees a WHERE a.interaction_id = ANY(touched) AND NOT EXISTS (SELECT 1 FROM first_attendee_of v WHERE v.interaction_id = a.interaction_id OFFSET 0);
  INSERT INTO first_attendees AS a (interaction_id, channel, happened_at, last_name, first_name)
  SELECT v.interaction_id, v.channel, v.happened_at, v.last_name, v.first_name FROM first_attendee_of v WHERE v.interaction_id = ANY(touched)
  ON CONFLICT (interaction_id) DO UPDATE SET channel = EXCLUDED.channel, happened_at = EXCLUDED.happened_at, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name
    WHERE (a.channel, a.happened_at, a.last_name, a.first_name) IS DISTINCT FROM (EXCLUDED.channel, EXCLUDED.happened_at, EXCLUDED.last_name, EXCLUDED.first_name);
END $$;

CREATE FUNCTION keep_first_attendee() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT interaction_id) FROM new_rows));
  ELSE
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT interaction_id) FROM old_rows));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_first_attendee_talk() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moved uuid[];
BEGIN
  SELECT array_agg(m.id) INTO moved FROM (SELECT id, channel, happened_at, contact_id FROM new_rows EXCEPT SELECT id, channel, happened_at, contact_id FROM old_rows) m;
  IF moved IS NOT NULL THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT x.interaction_id) FROM interaction_contacts x WHERE x.interaction_id = ANY(moved)));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_first_attendee_name() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  renamed uuid[];
BEGIN
  SELECT array_agg(m.id) INTO renamed FROM (SELECT id, last_name, first_name FROM new_rows EXCEPT SELECT id, last_name, first_name FROM old_rows) m;
  IF renamed IS NOT NULL THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT x.interaction_id) FROM interaction_contacts x WHERE x.contact_id = ANY(renamed)));
  END IF;
  RETURN NULL;
END $$;

-- Fills the table, or puts it right: for this migration, and for a bulk load that switches the triggers off.
CREATE FUNCTION rebuild_first_attendees() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  DELETE FROM first_attendees a WHERE NOT EXISTS (
    SELECT 1 FROM interaction_contacts x JOIN interactions i ON i.id = x.interaction_id WHERE x.interaction_id = a.interaction_id AND x.contact_id IS DISTINCT FROM i.contact_id);
  INSERT INTO first_attendees AS a (interaction_id, channel, happened_at, last_name, first_name)
  SELECT DISTINCT ON (i.id) i.id, i.channel, i.happened_at, c.last_name, c.first_name
  FROM interaction_contacts x JOIN interactions i ON i.id = x.interaction_id JOIN contacts c ON c.id = x.contact_id
  WHERE x.contact_id IS DISTINCT FROM i.contact_id
  ORDER BY i.id, c.last_name COLLATE "und-x-icu", c.first_name COLLATE "und-x-icu", c.id
  ON CONFLICT (interaction_id) DO UPDATE SET channel = EXCLUDED.channel, happened_at = EXCLUDED.happened_at, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name
    WHERE (a.channel, a.happened_at, a.last_name, a.first_name) IS DISTINCT FROM (EXCLUDED.channel, EXCLUDED.happened_at, EXCLUDED.last_name, EXCLUDED.first_name);
$$;
-- +goose StatementEnd

-- Triggers of one event run by their names: after keep_activity and keep_attendance, before keep_first_role and keep_main.
CREATE TRIGGER keep_first_attendee_insert AFTER INSERT ON interaction_contacts REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_attendee();
CREATE TRIGGER keep_first_attendee_delete AFTER DELETE ON interaction_contacts REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_attendee();
CREATE TRIGGER keep_first_attendee_update AFTER UPDATE ON interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_attendee_talk();
CREATE TRIGGER keep_first_attendee_update AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_attendee_name();

SELECT rebuild_first_attendees();

CREATE INDEX first_attendees_name ON first_attendees(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", happened_at, interaction_id);
CREATE INDEX first_attendees_channel_name ON first_attendees(channel, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", happened_at, interaction_id);
ALTER TABLE first_attendees SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ANALYZE first_attendees;

-- +goose Down
DROP TRIGGER keep_first_attendee_insert ON interaction_contacts;
DROP TRIGGER keep_first_attendee_delete ON interaction_contacts;
DROP TRIGGER keep_first_attendee_update ON interactions;
DROP TRIGGER keep_first_attendee_update ON contacts;
DROP FUNCTION keep_first_attendee(), keep_first_attendee_talk(), keep_first_attendee_name(), settle_first_attendee(uuid[]), rebuild_first_attendees();
DROP VIEW first_attendee_of;
DROP TABLE first_attendees;
