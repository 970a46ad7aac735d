-- When a client was last in touch: a fact that the lists sort and filter by, kept by the database in the
-- transaction that changes an interaction, whoever writes. Last contact is the newest happened_at of the
-- record's interactions, planned ones included: a fact of the register must not change with the clock.
--
-- It stands in narrow tables of its own, not on the records: there each call would rewrite every index of the
-- record's row, count as a change of it for the audit guard, and get in the way of its undo. Owner and status
-- ride along, so that one index answers "mine, longest silent first"; so does whether an organization has any
-- contact, which a list of a million cannot ask of each.

-- +goose Up
CREATE TABLE organization_activity (
  organization_id UUID PRIMARY KEY REFERENCES organizations(id) ON DELETE CASCADE,
  owner_user_id   UUID,
  is_active       BOOLEAN NOT NULL,
  has_contact     BOOLEAN NOT NULL DEFAULT FALSE,
  last_contact_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity' -- never; not NULL, which a keyset cannot walk past
);
CREATE TABLE contact_activity (
  contact_id      UUID PRIMARY KEY REFERENCES contacts(id) ON DELETE CASCADE,
  owner_user_id   UUID,
  is_active       BOOLEAN NOT NULL,
  last_contact_at TIMESTAMPTZ NOT NULL DEFAULT '-infinity'
);

-- Fills both tables, or puts them right: for this migration, and for a bulk load that switches the triggers off.
-- Two passes over the interactions, no row by row work: about a minute for ten million of them.
-- +goose StatementBegin
CREATE FUNCTION rebuild_activity() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
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
-- +goose StatementEnd

-- The triggers run once per statement. Their locks come after the foreign keys' on the records, which row
-- triggers take, and always in one order: organizations before contacts, each by id; so writers wait for each
-- other at the record they share, and not in a circle.

-- The newest interaction is looked up again, not compared with the one written: this serves insert, edit, move
-- and delete alike. The row is locked first and read by the next statement, which sees what the writer waited
-- for; one statement for both would miss it.
-- +goose StatementBegin
CREATE FUNCTION keep_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

CREATE FUNCTION keep_has_contact() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  touched uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT organization_id) INTO touched FROM new_rows;
  ELSE
    SELECT array_agg(DISTINCT organization_id) INTO touched FROM old_rows;
  END IF;
  PERFORM 1 FROM organization_activity WHERE organization_id = ANY(touched) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE organization_activity a SET has_contact = n.has
  FROM (SELECT t.id, EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = t.id) AS has FROM unnest(touched) t(id)) n
  WHERE a.organization_id = n.id AND a.has_contact <> n.has;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_organization_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organization_activity (organization_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
  ELSE
    PERFORM 1 FROM organization_activity a JOIN new_rows n ON n.id = a.organization_id
      WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
    UPDATE organization_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
    FROM new_rows n WHERE a.organization_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_contact_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO contact_activity (contact_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
  ELSE
    PERFORM 1 FROM contact_activity a JOIN new_rows n ON n.id = a.contact_id
      WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) ORDER BY a.contact_id FOR NO KEY UPDATE OF a;
    UPDATE contact_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
    FROM new_rows n WHERE a.contact_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd

CREATE TRIGGER keep_activity_insert AFTER INSERT ON interactions REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_activity();
CREATE TRIGGER keep_activity_update AFTER UPDATE ON interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_activity();
CREATE TRIGGER keep_activity_delete AFTER DELETE ON interactions REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_activity();
CREATE TRIGGER keep_activity_insert AFTER INSERT ON organization_contact REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_has_contact(); -- a link is made and removed; nothing moves one
CREATE TRIGGER keep_activity_delete AFTER DELETE ON organization_contact REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_has_contact();
CREATE TRIGGER keep_activity_insert AFTER INSERT ON organizations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_organization_activity();
CREATE TRIGGER keep_activity_update AFTER UPDATE ON organizations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_organization_activity();
CREATE TRIGGER keep_activity_insert AFTER INSERT ON contacts REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_contact_activity();
CREATE TRIGGER keep_activity_update AFTER UPDATE ON contacts REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_contact_activity();

SELECT rebuild_activity();

CREATE INDEX organization_activity_last ON organization_activity(last_contact_at, organization_id) INCLUDE (owner_user_id, is_active);
CREATE INDEX organization_activity_owner_last ON organization_activity(owner_user_id, last_contact_at, organization_id) INCLUDE (is_active);
CREATE INDEX organization_activity_no_contact ON organization_activity(organization_id) WHERE NOT has_contact;
CREATE INDEX contact_activity_last ON contact_activity(last_contact_at, contact_id) INCLUDE (owner_user_id, is_active);
CREATE INDEX contact_activity_owner_last ON contact_activity(owner_user_id, last_contact_at, contact_id) INCLUDE (is_active);
ALTER TABLE organization_activity SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE contact_activity SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- Sorts by columns that may be empty walk an expression that is not; the same indexes serve the filters. The
-- ones they replace told NULL from ''. Sizes sort as people count: 11-50 before 201-1000.
CREATE COLLATION natural_order (provider = icu, locale = 'und-u-kn-true');
DROP INDEX organizations_sector_name, organizations_owner_sector_name;
CREATE INDEX organizations_sector_name ON organizations((coalesce(sector, '')) COLLATE "und-x-icu", display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;
CREATE INDEX organizations_owner_sector_name ON organizations(owner_user_id, (coalesce(sector, '')) COLLATE "und-x-icu", display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_size_name ON organizations((coalesce(size_band, '')) COLLATE natural_order, display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;
CREATE INDEX organizations_owner_size_name ON organizations(owner_user_id, (coalesce(size_band, '')) COLLATE natural_order, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX contacts_email_order ON contacts((coalesce(email, '')), id) WHERE is_active;
CREATE INDEX contacts_owner_email_order ON contacts(owner_user_id, (coalesce(email, '')), id) WHERE is_active;

-- Filters that may find next to nothing among millions.
CREATE INDEX contacts_no_email ON contacts(id) WHERE email IS NULL;
CREATE INDEX contacts_no_phone ON contacts(id) WHERE phone IS NULL AND mobile IS NULL;
CREATE INDEX organization_contact_role ON organization_contact(role_label, contact_id) WHERE role_label IS NOT NULL;
CREATE INDEX organization_contact_status ON organization_contact(relationship_status, contact_id) WHERE relationship_status IS NOT NULL;
CREATE INDEX interactions_outcome_newest ON interactions(outcome, happened_at DESC, id DESC) WHERE outcome IS NOT NULL;

-- A wide team's list walks the names and asks the index alone whose each is.
DROP INDEX organizations_active_name;
CREATE INDEX organizations_active_name ON organizations(display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

-- How common the value of an expression is the planner does not learn from a partial index, but from these.
CREATE STATISTICS organizations_sectors ON (coalesce(sector, '')) FROM organizations;
CREATE STATISTICS organizations_sizes ON (coalesce(size_band, '')) FROM organizations;
ANALYZE organizations;
ANALYZE contacts;
ANALYZE organization_activity;
ANALYZE contact_activity;

-- +goose Down
DROP TRIGGER keep_activity_insert ON interactions;
DROP TRIGGER keep_activity_update ON interactions;
DROP TRIGGER keep_activity_delete ON interactions;
DROP TRIGGER keep_activity_insert ON organization_contact;
DROP TRIGGER keep_activity_delete ON organization_contact;
DROP TRIGGER keep_activity_insert ON organizations;
DROP TRIGGER keep_activity_update ON organizations;
DROP TRIGGER keep_activity_insert ON contacts;
DROP TRIGGER keep_activity_update ON contacts;
DROP FUNCTION keep_activity(), keep_organization_activity(), keep_contact_activity(), keep_has_contact(), rebuild_activity();
DROP TABLE organization_activity, contact_activity;
DROP INDEX organizations_sector_name, organizations_owner_sector_name, organizations_size_name, organizations_owner_size_name,
  contacts_email_order, contacts_owner_email_order, contacts_no_email, contacts_no_phone, organization_contact_role, organization_contact_status,
  interactions_outcome_newest, organizations_active_name;
DROP STATISTICS organizations_sectors, organizations_sizes;
DROP COLLATION natural_order;
CREATE INDEX organizations_sector_name ON organizations(sector, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_owner_sector_name ON organizations(owner_user_id, sector, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_active_name ON organizations(display_name COLLATE "und-x-icu", id) WHERE is_active;
