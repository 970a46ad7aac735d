-- What follows from a change is planned once for a connection, and so that it fits whatever changes next.
--
-- What a change touches is handed about in arrays. The planner took each for a case of its own and planned every
-- statement with it anew: a third of what logging a call cost the database, two thirds of linking a contact. One plan
-- serves all, since whatever an array holds is looked up by key.
--
-- The rows of a statement are another matter: a plan made when ten thousand had changed reads a whole table, and was
-- kept for the next change of one, half a second each. So nothing but nested loops joins them, which is right for one
-- and for many, and which of them changed is told by EXCEPT, not by a join of old and new.
--
-- A function in SQL is planned anew for each statement that calls it, one in PL/pgSQL once for a connection.

-- +goose Up
ALTER FUNCTION keep_activity() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_activity() SET enable_hashjoin = off;
ALTER FUNCTION keep_activity() SET enable_mergejoin = off;
ALTER FUNCTION settle_contact_reach(uuid[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_contact_touch(uuid[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_main_contact(uuid[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_next_follow_up(uuid[], uuid[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_has_contact() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_contact_reach() SET enable_hashjoin = off;
ALTER FUNCTION keep_contact_reach() SET enable_mergejoin = off;
ALTER FUNCTION keep_main_contact_owner() SET enable_hashjoin = off;
ALTER FUNCTION keep_main_contact_owner() SET enable_mergejoin = off;
ALTER FUNCTION keep_new_contact_touch() SET enable_hashjoin = off;
ALTER FUNCTION keep_new_contact_touch() SET enable_mergejoin = off;
ALTER FUNCTION keep_new_organization_touch() SET enable_hashjoin = off;
ALTER FUNCTION keep_new_organization_touch() SET enable_mergejoin = off;

-- +goose StatementBegin
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

CREATE OR REPLACE FUNCTION keep_link_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
    SELECT array_agg(DISTINCT m.contact_id) INTO touched FROM (
      SELECT organization_id, contact_id, role_label, relationship_status, touch_every_days, touch_snoozed_until FROM new_rows EXCEPT
      SELECT organization_id, contact_id, role_label, relationship_status, touch_every_days, touch_snoozed_until FROM old_rows) m;
  END CASE;
  PERFORM settle_contact_touch(touched);
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_main_contact() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  CASE TG_OP
  WHEN 'INSERT' THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT organization_id) FROM new_rows));
  WHEN 'DELETE' THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT organization_id) FROM old_rows));
  ELSE
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT m.organization_id) FROM (
      SELECT organization_id, contact_id, role_label, relationship_status FROM new_rows EXCEPT
      SELECT organization_id, contact_id, role_label, relationship_status FROM old_rows) m));
  END CASE;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION keep_main_contact_name() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
DECLARE
  renamed uuid[];
BEGIN
  SELECT array_agg(m.id) INTO renamed FROM (
    SELECT id, last_name, first_name, is_active FROM new_rows EXCEPT SELECT id, last_name, first_name, is_active FROM old_rows) m;
  IF renamed IS NOT NULL THEN
    PERFORM settle_main_contact((SELECT array_agg(DISTINCT l.organization_id) FROM organization_contact l WHERE l.contact_id = ANY(renamed)));
  END IF;
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION settle_last_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql
  SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce(greatest((SELECT max(i.happened_at) FROM interactions i WHERE i.contact_id = t.id),
          (SELECT max(x.met_at) FROM interaction_contacts x WHERE x.contact_id = t.id)), '-infinity') AS last
        FROM unnest(touched) t(id)) n
  WHERE a.contact_id = n.id AND a.last_contact_at <> n.last;
END $$;

CREATE OR REPLACE FUNCTION contact_touch_due(contact uuid, active boolean, last timestamptz) RETURNS timestamptz LANGUAGE plpgsql STABLE PARALLEL SAFE
  SET search_path = public, pg_temp SET plan_cache_mode = force_generic_plan AS $$
BEGIN
  RETURN (SELECT coalesce(min(touch_due(active, last, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity')
    FROM relationship_touches t JOIN contacts c ON c.id = t.contact_id WHERE t.contact_id = contact);
END $$;
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION contact_touch_due(contact uuid, active boolean, last timestamptz) RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
  SET search_path = public, pg_temp AS $$
  SELECT coalesce(min(touch_due(active, last, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity')
  FROM relationship_touches t JOIN contacts c ON c.id = t.contact_id WHERE t.contact_id = contact;
$$;

CREATE OR REPLACE FUNCTION settle_last_contact(touched uuid[]) RETURNS void LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET last_contact_at = n.last
  FROM (SELECT t.id, coalesce(greatest((SELECT max(i.happened_at) FROM interactions i WHERE i.contact_id = t.id),
          (SELECT max(x.met_at) FROM interaction_contacts x WHERE x.contact_id = t.id)), '-infinity') AS last
        FROM unnest(touched) t(id)) n
  WHERE a.contact_id = n.id AND a.last_contact_at <> n.last;
END $$;

CREATE OR REPLACE FUNCTION keep_contact_activity() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
DECLARE
  renamed uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    INSERT INTO contact_activity (contact_id, owner_user_id, is_active) SELECT id, owner_user_id, is_active FROM new_rows;
    RETURN NULL;
  END IF;
  SELECT array_agg(n.id) INTO renamed FROM new_rows n JOIN old_rows o USING (id)
    WHERE (o.last_name, o.first_name, o.is_active) IS DISTINCT FROM (n.last_name, n.first_name, n.is_active);
  PERFORM 1 FROM contact_activity a JOIN new_rows n ON n.id = a.contact_id
    WHERE (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active) OR n.id = ANY(renamed) ORDER BY a.contact_id FOR NO KEY UPDATE OF a;
  UPDATE contact_activity a SET owner_user_id = n.owner_user_id, is_active = n.is_active
  FROM new_rows n WHERE a.contact_id = n.id AND (a.owner_user_id, a.is_active) IS DISTINCT FROM (n.owner_user_id, n.is_active);
  IF renamed IS NOT NULL THEN
    PERFORM settle_contact_reach(renamed);
  END IF;
  RETURN NULL;
END $$;

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

CREATE OR REPLACE FUNCTION keep_link_touch() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION keep_main_contact() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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

CREATE OR REPLACE FUNCTION keep_main_contact_name() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
-- +goose StatementEnd
ALTER FUNCTION keep_activity() RESET enable_mergejoin;
ALTER FUNCTION keep_activity() RESET enable_hashjoin;
ALTER FUNCTION keep_contact_reach() RESET enable_mergejoin;
ALTER FUNCTION keep_contact_reach() RESET enable_hashjoin;
ALTER FUNCTION keep_main_contact_owner() RESET enable_mergejoin;
ALTER FUNCTION keep_main_contact_owner() RESET enable_hashjoin;
ALTER FUNCTION keep_new_contact_touch() RESET enable_mergejoin;
ALTER FUNCTION keep_new_contact_touch() RESET enable_hashjoin;
ALTER FUNCTION keep_new_organization_touch() RESET enable_mergejoin;
ALTER FUNCTION keep_new_organization_touch() RESET enable_hashjoin;
ALTER FUNCTION keep_activity() RESET plan_cache_mode;
ALTER FUNCTION settle_contact_reach(uuid[]) RESET plan_cache_mode;
ALTER FUNCTION settle_contact_touch(uuid[]) RESET plan_cache_mode;
ALTER FUNCTION settle_main_contact(uuid[]) RESET plan_cache_mode;
ALTER FUNCTION settle_next_follow_up(uuid[], uuid[]) RESET plan_cache_mode;
ALTER FUNCTION keep_has_contact() RESET plan_cache_mode;
