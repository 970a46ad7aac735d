-- What follows from a change of very many organizations, as when 50,000 of them are given to somebody, is done once through
-- each table, in the order in which its indexes stand.
--
-- A person goes over with their organization: the row of the owner before is given the new one. It was taken away and put
-- together anew, from four tables that were all read at random. So it still is where several organizations of theirs move
-- at once, or another one is of either owner: the row of the one stays then, or that of the other is there.
--
-- The rows of a statement come in the order in which the statement found them. Followed by id, each page of what hangs on
-- the ids is come upon once; a million clients do not fit into the memory of a small database, and a page that is
-- come upon again is read, and written, again.

-- +goose Up
-- +goose StatementBegin
-- Whoever calls holds the activities of the people, as settle_contact_reach does.
CREATE FUNCTION move_contact_reach(people uuid[], organizations uuid[], befores uuid[], afters uuid[]) RETURNS void LANGUAGE plpgsql
  SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  others uuid[];
BEGIN
  WITH links AS (
    SELECT l.contact_id, m.id, m.before, m.after, count(*) OVER (PARTITION BY l.contact_id) AS n
    FROM unnest(organizations, befores, afters) m(id, before, after) JOIN organization_contact l ON l.organization_id = m.id),
  alone AS MATERIALIZED (
    SELECT l.contact_id, l.before, l.after FROM links l WHERE l.n = 1 AND l.before IS NOT NULL AND l.after IS NOT NULL
      AND ((SELECT count(*) FROM (SELECT 1 FROM organization_contact x WHERE x.contact_id = l.contact_id LIMIT 2) x) = 1 -- in the index alone
        OR NOT EXISTS (SELECT 1 FROM organization_contact x JOIN organizations o ON o.id = x.organization_id
          WHERE x.contact_id = l.contact_id AND x.organization_id <> l.id AND o.owner_user_id IN (l.before, l.after)))
    ORDER BY l.after, l.contact_id),
  gone AS (
    UPDATE contact_reach r SET owner_user_id = a.after FROM alone a WHERE r.contact_id = a.contact_id AND r.owner_user_id = a.before
      AND NOT EXISTS (SELECT 1 FROM contact_reach x WHERE x.contact_id = a.contact_id AND x.owner_user_id = a.after)
    RETURNING r.contact_id)
  SELECT array_agg(o.id) INTO others FROM (SELECT p.id FROM unnest(people) p(id) EXCEPT SELECT contact_id FROM gone) o;
  IF others IS NOT NULL THEN
    PERFORM settle_contact_reach(others);
  END IF;
END $$;

CREATE OR REPLACE FUNCTION keep_organization_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  retimed uuid[];
  moved uuid[];
  switched uuid[];
  people uuid[];
  rhythmic uuid[];
  befores uuid[];
  afters uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO organization_activity (organization_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  SELECT array_agg(m.id) INTO retimed FROM (
    SELECT id, touch_every_days, touch_snoozed_until FROM new_rows EXCEPT SELECT id, touch_every_days, touch_snoozed_until FROM old_rows) m;
  PERFORM 1 FROM (SELECT id, owner_user_id, is_active FROM new_rows ORDER BY id) n JOIN organization_activity a ON a.organization_id = n.id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) OR n.id = ANY(retimed) ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  SELECT array_agg(n.id) FILTER (WHERE n.moved), array_agg(n.before) FILTER (WHERE n.moved), array_agg(n.after) FILTER (WHERE n.moved),
      array_agg(n.id) FILTER (WHERE n.switched)
    INTO moved, befores, afters, switched
    FROM (SELECT n.id, a.owner_user_id AS before, n.owner_user_id AS after, a.owner_user_id IS DISTINCT FROM n.owner_user_id AS moved, a.is_active <> n.is_active AS switched
      FROM (SELECT id, owner_user_id, is_active FROM new_rows ORDER BY id) n JOIN organization_activity a ON a.organization_id = n.id) n;
  UPDATE organization_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM (SELECT id, owner_user_id, is_active FROM new_rows ORDER BY id) n WHERE a.organization_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
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
  IF people IS NOT NULL THEN
    PERFORM 1 FROM contact_activity WHERE contact_id = ANY(people || rhythmic) ORDER BY contact_id FOR NO KEY UPDATE;
    PERFORM move_contact_reach(people, moved, befores, afters);
  END IF;
  PERFORM settle_contact_touch(rhythmic);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_contact_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  renamed uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO contact_activity (contact_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  SELECT array_agg(m.id) INTO renamed FROM (
    SELECT id, last_name, first_name, is_active FROM new_rows EXCEPT SELECT id, last_name, first_name, is_active FROM old_rows) m;
  PERFORM 1 FROM (SELECT id, owner_user_id, is_active FROM new_rows ORDER BY id) n JOIN contact_activity a ON a.contact_id = n.id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) OR n.id = ANY(renamed) ORDER BY a.contact_id FOR NO KEY UPDATE OF a;
  UPDATE contact_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM (SELECT id, owner_user_id, is_active FROM new_rows ORDER BY id) n WHERE a.contact_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  IF renamed IS NOT NULL THEN
    PERFORM settle_contact_reach(renamed);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_main_contact_owner() RETURNS trigger LANGUAGE plpgsql
  SET search_path = public, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO main_contacts (organization_id, owner_user_id) SELECT id, owner_user_id FROM new_rows;
    RETURN NULL;
  END IF;
  PERFORM 1 FROM (SELECT id, owner_user_id FROM new_rows ORDER BY id) n JOIN main_contacts a ON a.organization_id = n.id WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  UPDATE main_contacts a SET owner_user_id = n.owner_user_id FROM (SELECT id, owner_user_id FROM new_rows ORDER BY id) n
  WHERE a.organization_id = n.id AND a.owner_user_id IS DISTINCT FROM n.owner_user_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_organization_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
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
  SELECT array_agg(m.id) INTO retimed FROM (
    SELECT id, touch_every_days, touch_snoozed_until FROM new_rows EXCEPT SELECT id, touch_every_days, touch_snoozed_until FROM old_rows) m;
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

CREATE OR REPLACE FUNCTION keep_contact_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
  renamed uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO contact_activity (contact_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  SELECT array_agg(m.id) INTO renamed FROM (
    SELECT id, last_name, first_name, is_active FROM new_rows EXCEPT SELECT id, last_name, first_name, is_active FROM old_rows) m;
  PERFORM 1 FROM contact_activity a JOIN new_rows n ON n.id = a.contact_id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) OR n.id = ANY(renamed) ORDER BY a.contact_id FOR NO KEY UPDATE OF a;
  UPDATE contact_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM new_rows n WHERE a.contact_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  IF renamed IS NOT NULL THEN
    PERFORM settle_contact_reach(renamed);
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_main_contact_owner() RETURNS trigger LANGUAGE plpgsql
  SET search_path = public, pg_temp SET enable_hashjoin = off SET enable_mergejoin = off AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO main_contacts (organization_id, owner_user_id) SELECT id, owner_user_id FROM new_rows;
    RETURN NULL;
  END IF;
  PERFORM 1 FROM main_contacts a JOIN new_rows n ON n.id = a.organization_id WHERE a.owner_user_id IS DISTINCT FROM n.owner_user_id ORDER BY a.organization_id FOR NO KEY UPDATE OF a;
  UPDATE main_contacts a SET owner_user_id = n.owner_user_id FROM new_rows n WHERE a.organization_id = n.id AND a.owner_user_id IS DISTINCT FROM n.owner_user_id;
  RETURN NULL;
END $$;
-- +goose StatementEnd
DROP FUNCTION move_contact_reach(uuid[], uuid[], uuid[], uuid[]);
