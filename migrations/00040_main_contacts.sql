-- Whom an organization's list shows as its main contact: the first active one who has not left, those with a role before
-- those without. Lists sort by the name, and had to look through all people of each organization they showed, of whom there
-- may be a thousand. Whoever sees an organization sees its people, so that it is the same for every reader.
--
-- Derived, in a table of its own: beside last contact (00009) every call would have to move its indexes. The database keeps
-- it in the transaction that changes a link, a person or an owner.

-- +goose Up
SET LOCAL maintenance_work_mem = '512MB';

CREATE TABLE main_contacts (
  organization_id UUID PRIMARY KEY REFERENCES organizations(id) ON DELETE CASCADE,
  owner_user_id   UUID,                            -- of the organization
  contact_id      UUID,                            -- no foreign key, as in contact_reach (00014)
  last_name       VARCHAR(80) NOT NULL DEFAULT '', -- '' where there is nobody
  first_name      VARCHAR(80) NOT NULL DEFAULT ''
);

-- Looked up again, not compared with what was written. The rows are locked after all activities (00009), by id, and the
-- people read by the next statement: who comes second to an organization finds what the first one left. Who makes a link
-- holds the person's activity by then, and so does who renames or archives a person: neither misses the other.
-- +goose StatementBegin
CREATE FUNCTION settle_main_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM main_contacts WHERE organization_id = ANY(touched) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE main_contacts a SET contact_id = n.contact_id, last_name = n.last_name, first_name = n.first_name
  FROM (SELECT t.id, m.id AS contact_id, coalesce(m.last_name, '') AS last_name, coalesce(m.first_name, '') AS first_name
        FROM unnest(touched) t(id) LEFT JOIN LATERAL (
          SELECT c.id, c.last_name, c.first_name FROM organization_contact l JOIN contacts c ON c.id = l.contact_id
          WHERE l.organization_id = t.id AND c.is_active
          ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', l.role_label IS NULL, c.last_name, c.id LIMIT 1) m ON TRUE) n
  WHERE a.organization_id = n.id AND (a.contact_id, a.last_name, a.first_name) IS DISTINCT FROM (n.contact_id, n.last_name, n.first_name);
END $$;

-- +goose StatementEnd
-- +goose StatementBegin
CREATE FUNCTION keep_main_contact() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT organization_id) FROM new_rows));
  WHEN 'DELETE' THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT organization_id) FROM old_rows));
  ELSE
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT n.organization_id) FROM new_rows n JOIN old_rows o USING (organization_id, contact_id)
      WHERE (o.role_label, o.relationship_status) IS DISTINCT FROM (n.role_label, n.relationship_status)));
  END CASE;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_main_contact_name() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  renamed uuid[];
BEGIN
  SELECT array_agg(n.id) INTO renamed FROM new_rows n JOIN old_rows o USING (id)
    WHERE (o.last_name, o.first_name, o.is_active) IS DISTINCT FROM (n.last_name, n.first_name, n.is_active);
  IF renamed IS NOT NULL THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT l.organization_id) FROM organization_contact l WHERE l.contact_id = ANY(renamed)));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION keep_main_contact_owner() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO main_contacts (organization_id, owner_user_id) SELECT id, owner_user_id FROM new_rows;
    RETURN NULL;
  END IF;
  PERFORM 1 FROM main_contacts a JOIN new_rows n ON n.id = a.organization_id WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  UPDATE main_contacts a SET owner_user_id = n.owner_user_id FROM new_rows n WHERE a.organization_id = n.id AND a.owner_user_id IS DISTINCT FROM n.owner_user_id;
  RETURN NULL;
END $$;

-- Fills the table, or puts it right: for this migration, and for a bulk load that switches the triggers off.
CREATE FUNCTION rebuild_main_contacts() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO main_contacts AS a (organization_id, owner_user_id, contact_id, last_name, first_name)
  SELECT o.id, o.owner_user_id, m.id, coalesce(m.last_name, ''), coalesce(m.first_name, '')
  FROM organizations o LEFT JOIN (
    SELECT DISTINCT ON (l.organization_id) l.organization_id, c.id, c.last_name, c.first_name
    FROM organization_contact l JOIN contacts c ON c.id = l.contact_id WHERE c.is_active
    ORDER BY l.organization_id, l.relationship_status IS NOT DISTINCT FROM 'Former', l.role_label IS NULL, c.last_name, c.id) m ON m.organization_id = o.id
  ON CONFLICT (organization_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, contact_id = EXCLUDED.contact_id, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name
    WHERE (a.owner_user_id, a.contact_id, a.last_name, a.first_name) IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.contact_id, EXCLUDED.last_name, EXCLUDED.first_name);
$$;
-- +goose StatementEnd

-- Triggers of one event run by their names: after keep_activity, which takes the locks.
CREATE TRIGGER keep_main_insert AFTER INSERT ON organizations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact_owner();
CREATE TRIGGER keep_main_update AFTER UPDATE ON organizations REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact_owner();
CREATE TRIGGER keep_main_update AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact_name();
CREATE TRIGGER keep_main_insert AFTER INSERT ON organization_contact REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact();
CREATE TRIGGER keep_main_update AFTER UPDATE ON organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact();
CREATE TRIGGER keep_main_delete AFTER DELETE ON organization_contact REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_main_contact();

SELECT rebuild_main_contacts();

CREATE INDEX main_contacts_name ON main_contacts(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id) INCLUDE (owner_user_id);
CREATE INDEX main_contacts_owner_name ON main_contacts(owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id);
ALTER TABLE main_contacts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ANALYZE main_contacts;

-- +goose Down
DROP TRIGGER keep_main_insert ON organizations;
DROP TRIGGER keep_main_update ON organizations;
DROP TRIGGER keep_main_update ON contacts;
DROP TRIGGER keep_main_insert ON organization_contact;
DROP TRIGGER keep_main_update ON organization_contact;
DROP TRIGGER keep_main_delete ON organization_contact;
DROP FUNCTION keep_main_contact(), keep_main_contact_name(), keep_main_contact_owner(), settle_main_contact(uuid[]), rebuild_main_contacts();
DROP TABLE main_contacts;
