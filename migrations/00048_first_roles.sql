-- What a person's list shows as their role, kept so that the list sorts by it: that of their first organization, which is
-- one they have not left, and active, before others, by name; where it has none, or there is none, their job title. This is what
-- whoever reaches all sees. Within a narrower reach another organization may be the first, and the list is sorted from the
-- records.
--
-- Derived, in a table of its own, as main_contacts (00040): a call moves none of its indexes. The main contact's role stands
-- beside their name now: lists looked at the link of each organization for it, a fifth of what a page of them cost.

-- +goose Up
SET LOCAL maintenance_work_mem = '512MB';

CREATE TABLE first_roles (
  contact_id    UUID PRIMARY KEY REFERENCES contacts(id) ON DELETE CASCADE,
  owner_user_id UUID,                             -- of the contact
  role          VARCHAR(120) NOT NULL DEFAULT '', -- '' where there is nothing to show
  last_name     VARCHAR(80) NOT NULL,
  first_name    VARCHAR(80) NOT NULL
);

-- What the table should hold, from the records.
CREATE VIEW first_role_of AS
  SELECT c.id AS contact_id, c.owner_user_id, coalesce(nullif(f.role_label, ''), c.job_title, '') AS role, c.last_name, c.first_name
  FROM contacts c LEFT JOIN LATERAL (
    SELECT l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id
    ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id LIMIT 1) f ON TRUE;

-- Looked up again, not compared with what was written. The activity of the person is locked first, as by whoever links or
-- renames them, then the row, by id, and the records are read by the next statement: who comes second to a person finds what
-- the first one left. Before main_contacts, for all writers.
-- +goose StatementBegin
CREATE FUNCTION settle_first_role(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  PERFORM 1 FROM first_roles WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE first_roles a SET owner_user_id = n.owner_user_id, role = n.role, last_name = n.last_name, first_name = n.first_name
  FROM first_role_of n
  WHERE a.contact_id = ANY(touched) AND n.contact_id = a.contact_id
    AND (a.owner_user_id, a.role, a.last_name, a.first_name) IS DISTINCT FROM (n.owner_user_id, n.role, n.last_name, n.first_name);
END $$;

CREATE FUNCTION keep_first_role() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    PERFORM settle_first_role((SELECT array_agg(DISTINCT contact_id) FROM new_rows));
  WHEN 'DELETE' THEN
    PERFORM settle_first_role((SELECT array_agg(DISTINCT contact_id) FROM old_rows));
  ELSE
    PERFORM settle_first_role((SELECT array_agg(DISTINCT m.contact_id) FROM (
      SELECT organization_id, contact_id, role_label, relationship_status FROM new_rows EXCEPT
      SELECT organization_id, contact_id, role_label, relationship_status FROM old_rows) m));
  END CASE;
  RETURN NULL;
END $$;

-- A new owner, of which there may be thousands at once, moves nothing else.
CREATE FUNCTION keep_first_role_person() RETURNS trigger LANGUAGE plpgsql
  SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO first_roles (contact_id, owner_user_id, role, last_name, first_name) SELECT id, owner_user_id, coalesce(job_title, ''), last_name, first_name FROM new_rows;
    RETURN NULL;
  END IF;
  PERFORM settle_first_role((SELECT array_agg(m.id) FROM (
    SELECT id, last_name, first_name, job_title FROM new_rows EXCEPT SELECT id, last_name, first_name, job_title FROM old_rows) m));
  PERFORM 1 FROM first_roles a JOIN new_rows n ON n.id = a.contact_id WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id ORDER BY a.contact_id FOR NO KEY UPDATE OF a;
  UPDATE first_roles a SET owner_user_id = n.owner_user_id FROM new_rows n WHERE a.contact_id = n.id AND a.owner_user_id IS DISTINCT FROM n.owner_user_id;
  RETURN NULL;
END $$;

-- The name and the status of an organization decide which is first of several. Its activity is locked as by whoever links
-- somebody to it, so that a link and a name cannot change past each other.
CREATE FUNCTION keep_first_role_organization() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  moved uuid[];
BEGIN
  SELECT array_agg(m.id) INTO moved FROM (SELECT id, display_name, is_active FROM new_rows EXCEPT SELECT id, display_name, is_active FROM old_rows) m;
  IF moved IS NOT NULL THEN
    PERFORM 1 FROM organization_activity WHERE organization_id = ANY(moved) ORDER BY organization_id FOR NO KEY UPDATE;
    PERFORM settle_first_role((SELECT array_agg(DISTINCT l.contact_id) FROM organization_contact l
      WHERE l.organization_id = ANY(moved) AND EXISTS (SELECT 1 FROM organization_contact x WHERE x.contact_id = l.contact_id AND x.organization_id <> l.organization_id OFFSET 0)));
  END IF;
  RETURN NULL;
END $$;

-- Fills the table, or puts it right: for this migration, and for a bulk load that switches the triggers off.
CREATE FUNCTION rebuild_first_roles() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO first_roles AS a (contact_id, owner_user_id, role, last_name, first_name)
  SELECT c.id, c.owner_user_id, coalesce(nullif(f.role_label, ''), c.job_title, ''), c.last_name, c.first_name
  FROM contacts c LEFT JOIN (
    SELECT DISTINCT ON (l.contact_id) l.contact_id, l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
    ORDER BY l.contact_id, l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id) f ON f.contact_id = c.id
  ON CONFLICT (contact_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, role = EXCLUDED.role, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name
    WHERE (a.owner_user_id, a.role, a.last_name, a.first_name) IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.role, EXCLUDED.last_name, EXCLUDED.first_name);
$$;
-- +goose StatementEnd

-- Triggers of one event run by their names: after keep_activity, before keep_main.
CREATE TRIGGER keep_first_role_insert AFTER INSERT ON contacts REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role_person();
CREATE TRIGGER keep_first_role_update AFTER UPDATE ON contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role_person();
CREATE TRIGGER keep_first_role_update AFTER UPDATE ON organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role_organization();
CREATE TRIGGER keep_first_role_insert AFTER INSERT ON organization_contact REFERENCING NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role();
CREATE TRIGGER keep_first_role_update AFTER UPDATE ON organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role();
CREATE TRIGGER keep_first_role_delete AFTER DELETE ON organization_contact REFERENCING OLD TABLE AS old_rows
  FOR EACH STATEMENT EXECUTE FUNCTION keep_first_role();

SELECT rebuild_first_roles();

CREATE INDEX first_roles_name ON first_roles(role COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id) INCLUDE (owner_user_id);
CREATE INDEX first_roles_owner_name ON first_roles(owner_user_id, role COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id);
ALTER TABLE first_roles SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ANALYZE first_roles;

ALTER TABLE main_contacts ADD COLUMN role_label VARCHAR(120) NOT NULL DEFAULT '';

-- As in 00040, with the role.
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION settle_main_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM main_contacts WHERE organization_id = ANY(touched) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE main_contacts a SET contact_id = n.contact_id, last_name = n.last_name, first_name = n.first_name, role_label = n.role_label
  FROM (SELECT t.id, m.id AS contact_id, coalesce(m.last_name, '') AS last_name, coalesce(m.first_name, '') AS first_name, coalesce(m.role_label, '') AS role_label
        FROM unnest(touched) t(id) LEFT JOIN LATERAL (
          SELECT c.id, c.last_name, c.first_name, l.role_label FROM organization_contact l JOIN contacts c ON c.id = l.contact_id
          WHERE l.organization_id = t.id AND c.is_active
          ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', l.role_label IS NULL, c.last_name, c.id LIMIT 1) m ON TRUE) n
  WHERE a.organization_id = n.id AND (a.contact_id, a.last_name, a.first_name, a.role_label) IS DISTINCT FROM (n.contact_id, n.last_name, n.first_name, n.role_label);
END $$;

CREATE OR REPLACE FUNCTION rebuild_main_contacts() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
  INSERT INTO main_contacts AS a (organization_id, owner_user_id, contact_id, last_name, first_name, role_label)
  SELECT o.id, o.owner_user_id, m.id, coalesce(m.last_name, ''), coalesce(m.first_name, ''), coalesce(m.role_label, '')
  FROM organizations o LEFT JOIN (
    SELECT DISTINCT ON (l.organization_id) l.organization_id, c.id, c.last_name, c.first_name, l.role_label
    FROM organization_contact l JOIN contacts c ON c.id = l.contact_id WHERE c.is_active
    ORDER BY l.organization_id, l.relationship_status IS NOT DISTINCT FROM 'Former', l.role_label IS NULL, c.last_name, c.id) m ON m.organization_id = o.id
  ON CONFLICT (organization_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, contact_id = EXCLUDED.contact_id, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    role_label = EXCLUDED.role_label
    WHERE (a.owner_user_id, a.contact_id, a.last_name, a.first_name, a.role_label)
      IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.contact_id, EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.role_label);
$$;
-- +goose StatementEnd
-- Made anew, not updated: each row twice would stay in the table and its indexes.
DROP INDEX main_contacts_name, main_contacts_owner_name;
TRUNCATE main_contacts;
SELECT rebuild_main_contacts();
CREATE INDEX main_contacts_name ON main_contacts(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id) INCLUDE (owner_user_id);
CREATE INDEX main_contacts_owner_name ON main_contacts(owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id);
ANALYZE main_contacts;

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION settle_main_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
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

CREATE OR REPLACE FUNCTION rebuild_main_contacts() RETURNS void LANGUAGE sql SET search_path = public, pg_temp AS $$
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
ALTER TABLE main_contacts DROP COLUMN role_label;
DROP TRIGGER keep_first_role_insert ON contacts;
DROP TRIGGER keep_first_role_update ON contacts;
DROP TRIGGER keep_first_role_update ON organizations;
DROP TRIGGER keep_first_role_insert ON organization_contact;
DROP TRIGGER keep_first_role_update ON organization_contact;
DROP TRIGGER keep_first_role_delete ON organization_contact;
DROP FUNCTION keep_first_role(), keep_first_role_person(), keep_first_role_organization(), settle_first_role(uuid[]), rebuild_first_roles();
DROP VIEW first_role_of;
DROP TABLE first_roles;
