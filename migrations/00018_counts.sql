-- How much was talked, and how many clients are in touch: figures for a page that is opened every morning, which
-- cannot count ten million interactions and a million clients each time.
--
-- A counter that every writer updates makes them wait for each other: all who log a call now share one row. So a writer
-- only adds a row that says what became more or less, in its own transaction, whoever writes; in the background
-- these are folded into the tables that are read. Who reads adds what is not folded yet, in the same statement, and has
-- exact figures at any moment.

-- +goose Up
CREATE TABLE interaction_deltas (  -- not folded yet; no index: it holds what was written in the last seconds
  hour    TIMESTAMPTZ NOT NULL,    -- the beginning of a whole hour in UTC
  user_id UUID,                    -- the author. No foreign keys here: the interactions have them, and a check would lock the user
  channel VARCHAR(40) NOT NULL,
  n       INTEGER NOT NULL         -- more, or less when negative
);
-- By the hour for the whole firm, whose weeks begin at another hour in each zone; by the day in UTC for each author, where
-- the hours at both ends of a week are few enough to be counted.
CREATE TABLE interaction_hours (
  hour    TIMESTAMPTZ NOT NULL,
  channel VARCHAR(40) NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (hour, channel)
);
CREATE TABLE interaction_days (
  user_id UUID NOT NULL,
  day     DATE NOT NULL,           -- in UTC
  channel VARCHAR(40) NOT NULL,
  n       INTEGER NOT NULL,
  PRIMARY KEY (user_id, day, channel)
);

-- The active organizations of each owner, all and by the day of their last contact, in the same way.
CREATE TABLE client_deltas (
  owner_user_id UUID NOT NULL,
  day           DATE NOT NULL,     -- of the last contact, in UTC; -infinity for never
  n             INTEGER NOT NULL
);
CREATE TABLE client_days (
  owner_user_id UUID NOT NULL,
  day           DATE NOT NULL,
  n             INTEGER NOT NULL,
  PRIMARY KEY (owner_user_id, day)
);
CREATE TABLE client_totals (
  owner_user_id UUID PRIMARY KEY,
  n             INTEGER NOT NULL
);

-- What is folded is gone: the rows left behind are cleared away before they are many.
ALTER TABLE interaction_deltas SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);
ALTER TABLE client_deltas SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 500);

-- An edit that moves nothing adds nothing, and many rows at once add one for each hour, author and channel.
-- +goose StatementBegin
CREATE FUNCTION keep_interaction_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    INSERT INTO interaction_deltas (hour, user_id, channel, n)
    SELECT date_trunc('hour', happened_at, 'UTC'), user_id, channel, count(*) FROM new_rows GROUP BY 1, 2, 3;
  WHEN 'DELETE' THEN
    INSERT INTO interaction_deltas (hour, user_id, channel, n)
    SELECT date_trunc('hour', happened_at, 'UTC'), user_id, channel, -count(*) FROM old_rows GROUP BY 1, 2, 3;
  ELSE
    INSERT INTO interaction_deltas (hour, user_id, channel, n)
    SELECT date_trunc('hour', happened_at, 'UTC'), user_id, channel, sum(n) FROM (
      SELECT happened_at, user_id, channel, 1 AS n FROM new_rows UNION ALL SELECT happened_at, user_id, channel, -1 FROM old_rows) c
    GROUP BY 1, 2, 3 HAVING sum(n) <> 0;
  END CASE;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_client_counts() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    INSERT INTO client_deltas (owner_user_id, day, n)
    SELECT owner_user_id, (last_contact_at AT TIME ZONE 'UTC')::date, count(*) FROM new_rows WHERE is_active AND owner_user_id IS NOT NULL GROUP BY 1, 2;
  WHEN 'DELETE' THEN
    INSERT INTO client_deltas (owner_user_id, day, n)
    SELECT owner_user_id, (last_contact_at AT TIME ZONE 'UTC')::date, -count(*) FROM old_rows WHERE is_active AND owner_user_id IS NOT NULL GROUP BY 1, 2;
  ELSE
    INSERT INTO client_deltas (owner_user_id, day, n)
    SELECT owner_user_id, (last_contact_at AT TIME ZONE 'UTC')::date, sum(n) FROM (
      SELECT owner_user_id, last_contact_at, 1 AS n FROM new_rows WHERE is_active
      UNION ALL SELECT owner_user_id, last_contact_at, -1 FROM old_rows WHERE is_active) c
    WHERE owner_user_id IS NOT NULL GROUP BY 1, 2 HAVING sum(n) <> 0;
  END CASE;
  RETURN NULL;
END $$;

-- Adds up to so many rows of each kind to the tables and takes them away, in one transaction: cut off, it has done nothing.
-- Returns how many there were, or NULL where somebody else is at it: both would wait for each other's rows.
CREATE FUNCTION fold_counts(most integer) RETURNS integer LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  talked integer;
  moved integer;
BEGIN
  IF NOT pg_try_advisory_xact_lock(18, 0) THEN
    RETURN NULL;
  END IF;
  WITH gone AS (
    DELETE FROM interaction_deltas WHERE ctid = ANY(ARRAY(SELECT ctid FROM interaction_deltas LIMIT most)) RETURNING hour, user_id, channel, n),
  by_hour AS (
    INSERT INTO interaction_hours AS h (hour, channel, n) SELECT hour, channel, sum(n) FROM gone GROUP BY 1, 2
    ON CONFLICT (hour, channel) DO UPDATE SET n = h.n + EXCLUDED.n),
  by_day AS (
    INSERT INTO interaction_days AS d (user_id, day, channel, n)
    SELECT user_id, (hour AT TIME ZONE 'UTC')::date, channel, sum(n) FROM gone WHERE user_id IS NOT NULL GROUP BY 1, 2, 3
    ON CONFLICT (user_id, day, channel) DO UPDATE SET n = d.n + EXCLUDED.n)
  SELECT count(*) INTO talked FROM gone;
  WITH gone AS (
    DELETE FROM client_deltas WHERE ctid = ANY(ARRAY(SELECT ctid FROM client_deltas LIMIT most)) RETURNING owner_user_id, day, n),
  by_day AS (
    INSERT INTO client_days AS d (owner_user_id, day, n) SELECT owner_user_id, day, sum(n) FROM gone GROUP BY 1, 2
    ON CONFLICT (owner_user_id, day) DO UPDATE SET n = d.n + EXCLUDED.n),
  in_all AS (
    INSERT INTO client_totals AS t (owner_user_id, n) SELECT owner_user_id, sum(n) FROM gone GROUP BY 1
    ON CONFLICT (owner_user_id) DO UPDATE SET n = t.n + EXCLUDED.n)
  SELECT count(*) INTO moved FROM gone;
  RETURN talked + moved;
END $$;

-- Fills the tables, or puts them right: for this migration, and for a bulk load that switches the triggers off. Writers
-- and folders wait meanwhile; a minute or two for ten million interactions.
CREATE FUNCTION rebuild_counts() RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM pg_advisory_xact_lock(18, 0);
  LOCK TABLE interactions, organization_activity IN SHARE ROW EXCLUSIVE MODE;
  DELETE FROM interaction_deltas;
  DELETE FROM interaction_hours;
  DELETE FROM interaction_days;
  DELETE FROM client_deltas;
  DELETE FROM client_days;
  DELETE FROM client_totals;
  INSERT INTO interaction_hours (hour, channel, n)
  SELECT date_trunc('hour', happened_at, 'UTC'), channel, count(*) FROM interactions GROUP BY 1, 2 ORDER BY 1, 2;
  INSERT INTO interaction_days (user_id, day, channel, n)
  SELECT user_id, (happened_at AT TIME ZONE 'UTC')::date, channel, count(*) FROM interactions WHERE user_id IS NOT NULL GROUP BY 1, 2, 3 ORDER BY 1, 2, 3;
  INSERT INTO client_days (owner_user_id, day, n)
  SELECT owner_user_id, (last_contact_at AT TIME ZONE 'UTC')::date, count(*) FROM organization_activity
  WHERE is_active AND owner_user_id IS NOT NULL GROUP BY 1, 2 ORDER BY 1, 2;
  INSERT INTO client_totals (owner_user_id, n) SELECT owner_user_id, sum(n) FROM client_days GROUP BY 1;
END $$;
-- +goose StatementEnd

CREATE TRIGGER keep_counts_insert AFTER INSERT ON interactions REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_interaction_counts();
CREATE TRIGGER keep_counts_update AFTER UPDATE ON interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_interaction_counts();
CREATE TRIGGER keep_counts_delete AFTER DELETE ON interactions REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_interaction_counts();
CREATE TRIGGER keep_counts_insert AFTER INSERT ON organization_activity REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_client_counts();
CREATE TRIGGER keep_counts_update AFTER UPDATE ON organization_activity REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_client_counts();
CREATE TRIGGER keep_counts_delete AFTER DELETE ON organization_activity REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_client_counts();

SELECT rebuild_counts();
ANALYZE interaction_hours;
ANALYZE interaction_days;
ANALYZE client_days;
ANALYZE client_totals;

-- +goose Down
DROP TRIGGER keep_counts_insert ON interactions;
DROP TRIGGER keep_counts_update ON interactions;
DROP TRIGGER keep_counts_delete ON interactions;
DROP TRIGGER keep_counts_insert ON organization_activity;
DROP TRIGGER keep_counts_update ON organization_activity;
DROP TRIGGER keep_counts_delete ON organization_activity;
DROP FUNCTION keep_interaction_counts(), keep_client_counts(), fold_counts(integer), rebuild_counts();
DROP TABLE interaction_deltas, interaction_hours, interaction_days, client_deltas, client_days, client_totals;
