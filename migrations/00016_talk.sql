-- How long a call took and who began it, who else was there, and a calendar that shows what is planned.

-- +goose Up
ALTER TABLE interactions
  ADD COLUMN duration_minutes INTEGER,
  ADD COLUMN direction        VARCHAR(3), -- who called or wrote
  ADD CONSTRAINT interactions_duration CHECK (duration_minutes BETWEEN 0 AND 1440),
  ADD CONSTRAINT interactions_direction CHECK (direction IN ('in', 'out'));

-- What a person's calendar shows of their talks, asked for every hour by every calendar program.
CREATE INDEX interactions_author_calendar ON interactions(user_id, happened_at DESC, id DESC)
  WHERE channel = 'meeting' OR channel = 'call' AND duration_minutes IS NOT NULL;

-- The people at an interaction besides its contact, who stays the main one. Rows are part of the interaction: they come,
-- go and return with it, each with its audit row; a cascade without one is refused at commit like any other change.
CREATE TABLE interaction_contacts (
  interaction_id UUID NOT NULL REFERENCES interactions(id) ON DELETE CASCADE,
  contact_id     UUID NOT NULL REFERENCES contacts(id) ON DELETE CASCADE,
  met_at         TIMESTAMPTZ NOT NULL, -- derived: the interaction's happened_at, so that one index walks a person's meetings
  PRIMARY KEY (interaction_id, contact_id)
);
CREATE INDEX interaction_contacts_contact ON interaction_contacts(contact_id, met_at DESC, interaction_id DESC);
CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON interaction_contacts
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard('interaction_id');
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON interaction_contacts
  FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();

-- +goose StatementBegin
CREATE OR REPLACE FUNCTION audit_image(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $1 - '{version,updated_at,search_text,words,met_at}'::text[];

-- Read under a lock: whoever moves the interaction meanwhile is waited for, or finds the row that is coming.
CREATE FUNCTION keep_met_at() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  SELECT i.happened_at INTO NEW.met_at FROM interactions i WHERE i.id = NEW.interaction_id FOR SHARE;
  NEW.met_at := coalesce(NEW.met_at, '-infinity'); -- there is none: the foreign key says so better
  RETURN NEW;
END $$;

-- A person was last in touch when they were last the contact of an interaction, or at one. Looked up again, not compared
-- with what was written, as in 00009; the rows are locked first and read by the next statement.
CREATE FUNCTION settle_last_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce(greatest((SELECT max(i.happened_at) FROM interactions i WHERE i.contact_id = t.id),
          (SELECT max(x.met_at) FROM interaction_contacts x WHERE x.contact_id = t.id)), '-infinity') AS last
        FROM unnest(touched) t(id)) n
  WHERE a.contact_id = n.id AND a.last_contact_at <> n.last;
END $$;

-- As in 00009, and with the people who were there where an interaction moves in time. Its attendees come and go by
-- statements of their own, which keep_attendance follows: who writes both in one transaction takes the locks of both
-- beforehand, in the order of 00009, or two of them could meet the other way round.
CREATE OR REPLACE FUNCTION keep_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  touched_organizations uuid[];
  touched_contacts uuid[];
  moved uuid[];
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched_organizations, touched_contacts FROM new_rows;
  WHEN 'DELETE' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched_organizations, touched_contacts FROM old_rows;
  ELSE
    SELECT array_agg(DISTINCT id), array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO moved, touched_organizations, touched_contacts FROM (
      (SELECT id, organization_id, contact_id, happened_at FROM old_rows EXCEPT SELECT id, organization_id, contact_id, happened_at FROM new_rows)
      UNION ALL
      (SELECT id, organization_id, contact_id, happened_at FROM new_rows EXCEPT SELECT id, organization_id, contact_id, happened_at FROM old_rows)) m;
    IF moved IS NOT NULL THEN
      UPDATE interaction_contacts x SET met_at = n.happened_at FROM new_rows n WHERE x.interaction_id = n.id AND x.met_at <> n.happened_at;
      touched_contacts := touched_contacts || ARRAY(SELECT x.contact_id FROM interaction_contacts x WHERE x.interaction_id = ANY(moved));
    END IF;
  END CASE;
  PERFORM 1 FROM organization_activity WHERE organization_id = ANY(touched_organizations) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE organization_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce((SELECT max(i.happened_at) FROM interactions i WHERE i.organization_id = t.id), '-infinity') AS last
        FROM unnest(touched_organizations) t(id)) n
  WHERE a.organization_id = n.id AND a.last_contact_at <> n.last;
  PERFORM settle_last_contact(touched_contacts);
  RETURN NULL;
END $$;

CREATE FUNCTION keep_attendance() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM settle_last_contact((SELECT array_agg(DISTINCT contact_id) FROM new_rows));
  ELSE
    PERFORM settle_last_contact((SELECT array_agg(DISTINCT contact_id) FROM old_rows));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rebuild_activity() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  UPDATE interaction_contacts x SET met_at = i.happened_at FROM interactions i WHERE i.id = x.interaction_id AND x.met_at <> i.happened_at;
  INSERT INTO organization_activity AS a (organization_id, owner_user_id, is_active, has_contact, last_contact_at)
  SELECT o.id, o.owner_user_id, o.is_active, EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = o.id), coalesce(i.last, '-infinity')
  FROM organizations o LEFT JOIN
    (SELECT organization_id, max(happened_at) AS last FROM interactions WHERE organization_id IS NOT NULL GROUP BY 1) i ON i.organization_id = o.id
  ON CONFLICT (organization_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, is_active = EXCLUDED.is_active, has_contact = EXCLUDED.has_contact,
    last_contact_at = EXCLUDED.last_contact_at
    WHERE (a.owner_user_id, a.is_active, a.has_contact, a.last_contact_at)
      IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.is_active, EXCLUDED.has_contact, EXCLUDED.last_contact_at);
  INSERT INTO contact_activity AS a (contact_id, owner_user_id, is_active, last_contact_at)
  SELECT c.id, c.owner_user_id, c.is_active, coalesce(greatest(i.last, x.last), '-infinity')
  FROM contacts c LEFT JOIN
    (SELECT contact_id, max(happened_at) AS last FROM interactions WHERE contact_id IS NOT NULL GROUP BY 1) i ON i.contact_id = c.id
    LEFT JOIN (SELECT contact_id, max(met_at) AS last FROM interaction_contacts GROUP BY 1) x ON x.contact_id = c.id
  ON CONFLICT (contact_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at
    WHERE (a.owner_user_id, a.is_active, a.last_contact_at) IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.is_active, EXCLUDED.last_contact_at);
$$;
-- +goose StatementEnd

CREATE TRIGGER keep_met_at BEFORE INSERT ON interaction_contacts FOR EACH ROW EXECUTE FUNCTION keep_met_at();
CREATE TRIGGER keep_attendance_insert AFTER INSERT ON interaction_contacts REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_attendance(); -- a row comes and goes; nothing moves one to another person
CREATE TRIGGER keep_attendance_delete AFTER DELETE ON interaction_contacts REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_attendance();

-- Addresses under which calendar programs read somebody's follow-ups and meetings, with the rights that the person has
-- at that moment. At most one is live for each; the past ones tell the person when they were used.
CREATE TABLE calendar_feeds (
  id           UUID PRIMARY KEY,
  user_id      UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  hash         BYTEA NOT NULL,              -- SHA-256 of the secret in the address
  created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  last_used_at TIMESTAMPTZ,                 -- moved at most once a minute
  last_ip      INET,
  revoked_at   TIMESTAMPTZ,
  CONSTRAINT calendar_feeds_hash_key UNIQUE (hash)
);
CREATE UNIQUE INDEX calendar_feeds_live ON calendar_feeds(user_id) WHERE revoked_at IS NULL;

-- An account that goes ends its address for good, whichever way it goes: reactivated, it begins without one.
-- +goose StatementBegin
CREATE FUNCTION users_end_calendar() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  UPDATE calendar_feeds SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER end_calendar AFTER UPDATE OF is_active ON users FOR EACH ROW
  WHEN (OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION users_end_calendar();

-- +goose Down
DROP TRIGGER end_calendar ON users;
DROP FUNCTION users_end_calendar();
DROP TABLE calendar_feeds, interaction_contacts;
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  touched_organizations uuid[];
  touched_contacts uuid[];
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched_organizations, touched_contacts FROM new_rows;
  WHEN 'DELETE' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched_organizations, touched_contacts FROM old_rows;
  ELSE
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched_organizations, touched_contacts FROM (
      (SELECT id, organization_id, contact_id, happened_at FROM old_rows EXCEPT SELECT id, organization_id, contact_id, happened_at FROM new_rows)
      UNION ALL
      (SELECT id, organization_id, contact_id, happened_at FROM new_rows EXCEPT SELECT id, organization_id, contact_id, happened_at FROM old_rows)) moved;
  END CASE;
  PERFORM 1 FROM organization_activity WHERE organization_id = ANY(touched_organizations) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE organization_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce((SELECT max(i.happened_at) FROM interactions i WHERE i.organization_id = t.id), '-infinity') AS last
        FROM unnest(touched_organizations) t(id)) n
  WHERE a.organization_id = n.id AND a.last_contact_at <> n.last;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched_contacts) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce((SELECT max(i.happened_at) FROM interactions i WHERE i.contact_id = t.id), '-infinity') AS last
        FROM unnest(touched_contacts) t(id)) n
  WHERE a.contact_id = n.id AND a.last_contact_at <> n.last;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION rebuild_activity() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO organization_activity AS a (organization_id, owner_user_id, is_active, has_contact, last_contact_at)
  SELECT o.id, o.owner_user_id, o.is_active, EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = o.id), coalesce(i.last, '-infinity')
  FROM organizations o LEFT JOIN
    (SELECT organization_id, max(happened_at) AS last FROM interactions WHERE organization_id IS NOT NULL GROUP BY 1) i ON i.organization_id = o.id
  ON CONFLICT (organization_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, is_active = EXCLUDED.is_active, has_contact = EXCLUDED.has_contact,
    last_contact_at = EXCLUDED.last_contact_at
    WHERE (a.owner_user_id, a.is_active, a.has_contact, a.last_contact_at)
      IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.is_active, EXCLUDED.has_contact, EXCLUDED.last_contact_at);
  INSERT INTO contact_activity AS a (contact_id, owner_user_id, is_active, last_contact_at)
  SELECT c.id, c.owner_user_id, c.is_active, coalesce(i.last, '-infinity')
  FROM contacts c LEFT JOIN
    (SELECT contact_id, max(happened_at) AS last FROM interactions WHERE contact_id IS NOT NULL GROUP BY 1) i ON i.contact_id = c.id
  ON CONFLICT (contact_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at
    WHERE (a.owner_user_id, a.is_active, a.last_contact_at) IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.is_active, EXCLUDED.last_contact_at);
$$;
CREATE OR REPLACE FUNCTION audit_image(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $1 - '{version,updated_at,search_text,words}'::text[];
-- +goose StatementEnd
DROP FUNCTION settle_last_contact(uuid[]), keep_attendance(), keep_met_at();
DROP INDEX interactions_author_calendar;
ALTER TABLE interactions DROP COLUMN duration_minutes, DROP COLUMN direction;
SELECT rebuild_activity();
