-- The whole schema after all migrations, for readers: nothing reads this file. A test keeps it current;
-- go test ./migrations -update rewrites it (with PostgreSQL 15).

CREATE COLLATION public.natural_order (provider = icu, locale = 'und-u-kn-true');

CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;

CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

CREATE FUNCTION public.append_only() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'AU001', MESSAGE = format('audit: %s is append-only, %s refused', TG_TABLE_NAME, TG_OP);
END $$;

CREATE FUNCTION public.audit_guard() RETURNS trigger
    LANGUAGE plpgsql
    SET "TimeZone" TO 'UTC'
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  old_image jsonb := CASE WHEN TG_OP <> 'INSERT' THEN audit_image(to_jsonb(OLD)) END;
  new_image jsonb := CASE WHEN TG_OP <> 'DELETE' THEN audit_image(to_jsonb(NEW)) END;
  target    uuid  := (coalesce(new_image, old_image) ->> TG_ARGV[0])::uuid;
BEGIN
  IF old_image = new_image THEN
    RETURN NULL; -- nothing but derived columns
  END IF;
  PERFORM 1 FROM audit_logs a
    WHERE a.xid = pg_current_xact_id() AND a.target_id = target AND a.tx_at = transaction_timestamp()
      AND audit_image(a.before) IS NOT DISTINCT FROM old_image
      AND audit_image(a.after) IS NOT DISTINCT FROM new_image;
  IF NOT FOUND THEN
    RAISE EXCEPTION USING ERRCODE = 'AU001',
      MESSAGE = format('audit: %s of %s %s has no audit row with its images in this transaction', TG_OP, TG_TABLE_NAME, target);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.audit_image(jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN ($1 - '{version,updated_at,search_text,words,met_at}'::text[]);

CREATE FUNCTION public.audit_no_truncate() RETURNS trigger
    LANGUAGE plpgsql
    AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'AU001', MESSAGE = format('audit: %s is never truncated', TG_TABLE_NAME);
END $$;

CREATE FUNCTION public.contact_touch_due(contact uuid, active boolean, last timestamp with time zone) RETURNS timestamp with time zone
    LANGUAGE plpgsql STABLE PARALLEL SAFE
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
  RETURN (SELECT coalesce(min(touch_due(active, last, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity')
    FROM relationship_touches t JOIN contacts c ON c.id = t.contact_id WHERE t.contact_id = contact);
END $$;

CREATE FUNCTION public.end_links(who uuid) RETURNS bigint
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
  WITH links AS (UPDATE user_secrets SET used_at = now() WHERE user_id = who AND used_at IS NULL AND expires_at > now() RETURNING 1),
    mails AS (UPDATE outbox SET dropped_at = now()
      WHERE user_id = who AND sent_at IS NULL AND dropped_at IS NULL AND kind IN ('invitation', 'reset') RETURNING 1)
  SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM mails)
$$;

CREATE FUNCTION public.fold(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT COST 1000 PARALLEL SAFE
    RETURN lower(public.unaccent('public.unaccent'::regdictionary, $1));

CREATE FUNCTION public.fold_counts(most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_activity() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.keep_attendance() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM settle_last_contact((SELECT array_agg(DISTINCT contact_id) FROM new_rows));
  ELSE
    PERFORM settle_last_contact((SELECT array_agg(DISTINCT contact_id) FROM old_rows));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_client_counts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_contact_activity() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.keep_contact_reach() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  UPDATE contact_reach r SET last_contact_at = n.last_contact_at, next_touch_at = n.next_touch_at, next_follow_up_at = n.next_follow_up_at FROM new_rows n
  WHERE r.contact_id = n.contact_id AND (r.last_contact_at <> n.last_contact_at OR r.next_touch_at <> n.next_touch_at
    OR r.next_follow_up_at <> n.next_follow_up_at);
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_contact_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  NEW.next_touch_at := contact_touch_due(NEW.contact_id, NEW.is_active, NEW.last_contact_at);
  RETURN NEW;
END $$;

CREATE FUNCTION public.keep_first_attendee() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  IF TG_OP = 'INSERT' THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT interaction_id) FROM new_rows));
  ELSE
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT interaction_id) FROM old_rows));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_first_attendee_name() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  renamed uuid[];
BEGIN
  SELECT array_agg(m.id) INTO renamed FROM (SELECT id, last_name, first_name FROM new_rows EXCEPT SELECT id, last_name, first_name FROM old_rows) m;
  IF renamed IS NOT NULL THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT x.interaction_id) FROM interaction_contacts x WHERE x.contact_id = ANY(renamed)));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_first_attendee_talk() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  moved uuid[];
BEGIN
  SELECT array_agg(m.id) INTO moved FROM (SELECT id, channel, happened_at, contact_id FROM new_rows EXCEPT SELECT id, channel, happened_at, contact_id FROM old_rows) m;
  IF moved IS NOT NULL THEN
    PERFORM settle_first_attendee((SELECT array_agg(DISTINCT x.interaction_id) FROM interaction_contacts x WHERE x.interaction_id = ANY(moved)));
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_first_role() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_first_role_organization() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.keep_first_role_person() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.keep_has_contact() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
DECLARE
  touched uuid[];
  people uuid[];
BEGIN
  IF TG_OP = 'INSERT' THEN
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched, people FROM new_rows;
  ELSE
    SELECT array_agg(DISTINCT organization_id), array_agg(DISTINCT contact_id) INTO touched, people FROM old_rows;
  END IF;
  PERFORM 1 FROM organization_activity WHERE organization_id = ANY(touched) ORDER BY organization_id FOR NO KEY UPDATE;
  UPDATE organization_activity a SET has_contact = n.has
  FROM (SELECT t.id, EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = t.id) AS has FROM unnest(touched) t(id)) n
  WHERE a.organization_id = n.id AND a.has_contact <> n.has;
  PERFORM settle_contact_reach(people);
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_interaction_counts() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_link_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_main_contact() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_main_contact_name() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.keep_main_contact_owner() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.keep_met_at() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  SELECT i.happened_at INTO NEW.met_at FROM interactions i WHERE i.id = NEW.interaction_id FOR SHARE;
  NEW.met_at := coalesce(NEW.met_at, '-infinity'); -- there is none: the foreign key says so better
  RETURN NEW;
END $$;

CREATE FUNCTION public.keep_new_contact_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  UPDATE contact_activity a SET next_touch_at = t.due
  FROM (SELECT n.contact_id, min(touch_due(n.is_active, n.last_contact_at, c.created_at, r.every_days, r.touch_snoozed_until)) AS due
        FROM new_rows n JOIN relationship_touches r ON r.contact_id = n.contact_id JOIN contacts c ON c.id = n.contact_id WHERE n.is_active GROUP BY 1) t
  WHERE a.contact_id = t.contact_id;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_new_organization_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
BEGIN
  UPDATE organization_activity a SET next_touch_at = touch_due(a.is_active, a.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until)
  FROM new_rows n JOIN organizations o ON o.id = n.organization_id
  WHERE a.organization_id = n.organization_id AND n.is_active AND o.touch_every_days IS NOT NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_next_follow_up() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.keep_organization_activity() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.keep_organization_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  NEW.next_touch_at := coalesce((SELECT touch_due(NEW.is_active, NEW.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until)
    FROM organizations o WHERE o.id = NEW.organization_id), 'infinity');
  RETURN NEW;
END $$;

CREATE FUNCTION public.keep_relationship_periods() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  link organization_contact;
  latest TIMESTAMPTZ;
  at TIMESTAMPTZ := transaction_timestamp();
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.role_label, OLD.relationship_status) IS NOT DISTINCT FROM (NEW.role_label, NEW.relationship_status) THEN
    RETURN NULL;
  END IF;
  link := coalesce(NEW, OLD);
  SELECT max(greatest("from", "to")) INTO latest FROM relationship_periods WHERE organization_id = link.organization_id AND contact_id = link.contact_id;
  IF latest > clock_timestamp() THEN
    at := greatest(at, latest + interval '1 microsecond');
  ELSIF latest > at THEN
    RAISE EXCEPTION 'somebody else changed this relationship in the same moment' USING ERRCODE = 'serialization_failure';
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE relationship_periods SET "to" = at
     WHERE organization_id = OLD.organization_id AND contact_id = OLD.contact_id AND "to" IS NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO relationship_periods (organization_id, contact_id, role_label, relationship_status, "from")
    VALUES (NEW.organization_id, NEW.contact_id, NEW.role_label, NEW.relationship_status, at);
  END IF;
  RETURN NULL;
END $$;

CREATE FUNCTION public.keep_role_touch() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  key text;
  few uuid[];
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.role_key, OLD.every_days) = (NEW.role_key, NEW.every_days) THEN
    RETURN NULL;
  END IF;
  FOR key IN SELECT DISTINCT k FROM unnest(ARRAY[CASE WHEN TG_OP <> 'INSERT' THEN OLD.role_key END, CASE WHEN TG_OP <> 'DELETE' THEN NEW.role_key END]) k
      WHERE k IS NOT NULL ORDER BY k LOOP
    INSERT INTO touch_unsettled AS u (role_key) VALUES (key) ON CONFLICT (role_key) DO UPDATE SET xid = EXCLUDED.xid, changed_at = EXCLUDED.changed_at, after = NULL;
    SELECT array_agg(DISTINCT l.contact_id) INTO few FROM (SELECT contact_id FROM organization_contact WHERE role_key(role_label) = key LIMIT 501) l;
    IF cardinality(few) <= 500 THEN
      PERFORM settle_contact_touch(few);
    END IF;
  END LOOP;
  RETURN NULL;
END $$;

CREATE FUNCTION public.move_contact_reach(people uuid[], organizations uuid[], befores uuid[], afters uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    SET enable_hashjoin TO 'off'
    SET enable_mergejoin TO 'off'
    AS $$
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

CREATE FUNCTION public.notice_assigned() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  INSERT INTO notices (id, user_id, kind, follow_up_id, change_set_id, key, by_mail)
    SELECT gen_random_uuid(), NEW.user_id, 'assigned', NEW.id, a.change_set_id, 'assigned:' || NEW.id || ':' || a.change_set_id, coalesce(s.assigned, 'mail') = 'mail'
    FROM audit_logs a JOIN users u ON u.id = NEW.user_id AND u.is_active LEFT JOIN notification_settings s ON s.user_id = NEW.user_id
    WHERE a.xid = pg_current_xact_id() AND a.target_id = NEW.id AND a.tx_at = transaction_timestamp() AND a.table_name = 'follow_ups'
      AND a.change_set_id IS NOT NULL AND a.user_id <> NEW.user_id AND coalesce(s.assigned, 'mail') <> 'off'
    LIMIT 1
    ON CONFLICT DO NOTHING;
  RETURN NULL;
END $$;

CREATE FUNCTION public.notice_settled() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  UPDATE notices n SET read_at = now() WHERE n.follow_up_id = OLD.id AND n.read_at IS NULL
    AND (TG_OP = 'DELETE' OR NEW.state <> 'open' OR n.user_id IS DISTINCT FROM NEW.user_id
      OR n.kind = 'due' AND (OLD.due_on, OLD.due_at) IS DISTINCT FROM (NEW.due_on, NEW.due_at));
  RETURN NULL;
END $$;

CREATE FUNCTION public.rebuild_activity() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.rebuild_contact_reach() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
  DELETE FROM contact_reach r WHERE NOT EXISTS (SELECT 1 FROM contact_reaches v WHERE v.contact_id = r.contact_id AND v.owner_user_id = r.owner_user_id);
  INSERT INTO contact_reach AS r (contact_id, owner_user_id, last_name, first_name, is_active, last_contact_at, next_touch_at, created_at, next_follow_up_at)
  SELECT * FROM contact_reaches
  ON CONFLICT (contact_id, owner_user_id) DO UPDATE SET last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name,
    is_active = EXCLUDED.is_active, last_contact_at = EXCLUDED.last_contact_at, next_touch_at = EXCLUDED.next_touch_at, created_at = EXCLUDED.created_at,
    next_follow_up_at = EXCLUDED.next_follow_up_at
    WHERE (r.last_name, r.first_name, r.is_active, r.last_contact_at, r.next_touch_at, r.created_at, r.next_follow_up_at)
      IS DISTINCT FROM (EXCLUDED.last_name, EXCLUDED.first_name, EXCLUDED.is_active, EXCLUDED.last_contact_at, EXCLUDED.next_touch_at, EXCLUDED.created_at, EXCLUDED.next_follow_up_at);
$$;

CREATE FUNCTION public.rebuild_counts() RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.rebuild_first_attendees() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.rebuild_first_roles() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
  INSERT INTO first_roles AS a (contact_id, owner_user_id, role, last_name, first_name)
  SELECT c.id, c.owner_user_id, coalesce(nullif(f.role_label, ''), c.job_title, ''), c.last_name, c.first_name
  FROM contacts c LEFT JOIN (
    SELECT DISTINCT ON (l.contact_id) l.contact_id, l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
    ORDER BY l.contact_id, l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id) f ON f.contact_id = c.id
  ON CONFLICT (contact_id) DO UPDATE SET owner_user_id = EXCLUDED.owner_user_id, role = EXCLUDED.role, last_name = EXCLUDED.last_name, first_name = EXCLUDED.first_name
    WHERE (a.owner_user_id, a.role, a.last_name, a.first_name) IS DISTINCT FROM (EXCLUDED.owner_user_id, EXCLUDED.role, EXCLUDED.last_name, EXCLUDED.first_name);
$$;

CREATE FUNCTION public.rebuild_main_contacts() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
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

CREATE FUNCTION public.rebuild_next_follow_up() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE organization_activity a SET next_follow_up_at = n.due
  FROM (SELECT b.organization_id, coalesce(min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')), 'infinity') AS due
        FROM organization_activity b LEFT JOIN follow_ups f ON f.organization_id = b.organization_id AND f.state = 'open' GROUP BY 1) n
  WHERE a.organization_id = n.organization_id AND a.next_follow_up_at <> n.due;
  UPDATE contact_activity a SET next_follow_up_at = n.due
  FROM (SELECT b.contact_id, coalesce(min(coalesce(f.due_at, f.due_on::timestamp AT TIME ZONE 'UTC')), 'infinity') AS due
        FROM contact_activity b LEFT JOIN follow_ups f ON f.contact_id = b.contact_id AND f.state = 'open' GROUP BY 1) n
  WHERE a.contact_id = n.contact_id AND a.next_follow_up_at <> n.due;
$$;

CREATE FUNCTION public.rebuild_touch() RETURNS void
    LANGUAGE sql
    SET search_path TO 'public', 'pg_temp'
    AS $$
  UPDATE organization_activity a SET next_touch_at = n.due
  FROM (SELECT o.id, touch_due(b.is_active, b.last_contact_at, o.created_at, o.touch_every_days, o.touch_snoozed_until) AS due
        FROM organizations o JOIN organization_activity b ON b.organization_id = o.id) n
  WHERE a.organization_id = n.id AND a.next_touch_at <> n.due;
  UPDATE contact_activity a SET next_touch_at = n.due
  FROM (SELECT b.contact_id, coalesce(min(touch_due(b.is_active, b.last_contact_at, c.created_at, t.every_days, t.touch_snoozed_until)), 'infinity') AS due
        FROM contact_activity b JOIN contacts c ON c.id = b.contact_id LEFT JOIN relationship_touches t ON t.contact_id = b.contact_id GROUP BY 1) n
  WHERE a.contact_id = n.contact_id AND a.next_touch_at <> n.due;
$$;

CREATE FUNCTION public.role_key(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
    RETURN lower(btrim(regexp_replace($1, '\s+'::text, ' '::text, 'g'::text)));

CREATE FUNCTION public.searchable(text) RETURNS text
    LANGUAGE sql IMMUTABLE STRICT COST 1000 PARALLEL SAFE
    RETURN translate(public.fold($1), '-/,;:@()[]{}<>|"	.''`'::text, '                 '::text);

CREATE FUNCTION public.settle_contact_reach(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_contact_touch(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
BEGIN
  IF touched IS NULL THEN
    RETURN;
  END IF;
  PERFORM 1 FROM contact_activity WHERE contact_id = ANY(touched) ORDER BY contact_id FOR NO KEY UPDATE;
  UPDATE contact_activity a SET next_touch_at = n.due
  FROM (SELECT b.contact_id, contact_touch_due(b.contact_id, b.is_active, b.last_contact_at) AS due FROM contact_activity b WHERE b.contact_id = ANY(touched) OFFSET 0) n
  WHERE a.contact_id = n.contact_id AND a.next_touch_at <> n.due;
END $$;

CREATE FUNCTION public.settle_first_attendee(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_first_role(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_last_contact(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_main_contact(touched uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_next_follow_up(organizations uuid[], contacts uuid[]) RETURNS void
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    SET plan_cache_mode TO 'force_generic_plan'
    AS $$
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

CREATE FUNCTION public.settle_role_touch(most integer) RETURNS integer
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
DECLARE
  role touch_unsettled;
  next uuid[];
BEGIN
  SELECT * INTO role FROM touch_unsettled u WHERE u.xid < pg_snapshot_xmin(pg_current_snapshot()) OR u.changed_at < now() - interval '1 hour'
    ORDER BY u.role_key LIMIT 1 FOR UPDATE SKIP LOCKED;
  IF NOT FOUND THEN
    RETURN NULL;
  END IF;
  SELECT array_agg(l.contact_id) INTO next FROM (SELECT DISTINCT contact_id FROM organization_contact
    WHERE role_key(role_label) = role.role_key AND contact_id > coalesce(role.after, '00000000-0000-0000-0000-000000000000') ORDER BY contact_id LIMIT most) l;
  PERFORM settle_contact_touch(next);
  IF coalesce(cardinality(next), 0) < most THEN
    DELETE FROM touch_unsettled u WHERE u.role_key = role.role_key;
  ELSE
    UPDATE touch_unsettled u SET after = next[most] WHERE u.role_key = role.role_key;
  END IF;
  RETURN coalesce(cardinality(next), 0);
END $$;

CREATE FUNCTION public.touch_due(active boolean, last timestamp with time zone, born timestamp with time zone, every integer, snoozed date) RETURNS timestamp with time zone
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN CASE WHEN (active AND (every > 0)) THEN GREATEST((CASE WHEN (last = '-infinity'::timestamp with time zone) THEN born ELSE last END + make_interval(hours => (24 * every))), ((snoozed)::timestamp without time zone AT TIME ZONE 'UTC'::text)) ELSE 'infinity'::timestamp with time zone END;

CREATE FUNCTION public.users_end_calendar() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  UPDATE calendar_feeds SET revoked_at = now() WHERE user_id = NEW.id AND revoked_at IS NULL;
  RETURN NULL;
END $$;

CREATE FUNCTION public.users_end_doors() RETURNS trigger
    LANGUAGE plpgsql
    SET search_path TO 'public', 'pg_temp'
    AS $$
BEGIN
  PERFORM end_links(NEW.id);
  IF NOT NEW.is_active THEN
    UPDATE sessions SET revoked_at = now(), data = '' WHERE user_id = NEW.id AND revoked_at IS NULL;
  END IF;
  RETURN NULL;
END $$;

CREATE TABLE public.api_tokens (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    name character varying(80) NOT NULL,
    hash bytea NOT NULL,
    hint character varying(12) NOT NULL,
    scopes text[] NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone,
    last_used_at timestamp with time zone,
    last_ip inet,
    revoked_at timestamp with time zone
);

CREATE TABLE public.audit_logs (
    id bigint NOT NULL,
    change_set_id uuid,
    user_id uuid,
    action character varying(40) NOT NULL,
    target_type character varying(20),
    target_id uuid,
    parent_id uuid,
    table_name character varying(40),
    metadata jsonb DEFAULT '{}'::jsonb NOT NULL,
    before jsonb,
    after jsonb,
    ip inet,
    ua character varying(400),
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    tx_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.audit_logs ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.audit_logs_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.calendar_feeds (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_used_at timestamp with time zone,
    last_ip inet,
    revoked_at timestamp with time zone
);

CREATE TABLE public.change_sets (
    id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    user_id uuid,
    undoes uuid,
    reason character varying(200),
    ip inet,
    ua character varying(400),
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    tx_at timestamp with time zone DEFAULT transaction_timestamp() NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

CREATE TABLE public.client_days (
    owner_user_id uuid NOT NULL,
    day date NOT NULL,
    n integer NOT NULL
);

CREATE TABLE public.client_deltas (
    owner_user_id uuid NOT NULL,
    day date NOT NULL,
    n integer NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='500');

CREATE TABLE public.client_totals (
    owner_user_id uuid NOT NULL,
    n integer NOT NULL
);

CREATE TABLE public.contact_activity (
    contact_id uuid NOT NULL,
    owner_user_id uuid,
    is_active boolean NOT NULL,
    last_contact_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    next_touch_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    next_follow_up_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.contact_reach (
    contact_id uuid NOT NULL,
    owner_user_id uuid NOT NULL,
    last_name character varying(80) NOT NULL,
    first_name character varying(80) NOT NULL,
    is_active boolean NOT NULL,
    last_contact_at timestamp with time zone NOT NULL,
    next_touch_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    next_follow_up_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.contacts (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    first_name character varying(80) NOT NULL,
    last_name character varying(80) NOT NULL,
    email character varying(190),
    phone character varying(40),
    mobile character varying(40),
    job_title character varying(120),
    owner_user_id uuid,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    search_text text GENERATED ALWAYS AS ("left"((((((public.searchable((((((((((' '::text || (first_name)::text) || ' '::text) || (last_name)::text) || '
 '::text) || (last_name)::text) || ' '::text) || (first_name)::text) || '
 '::text) || (COALESCE(email, ''::character varying))::text)) || '
 '::text) || regexp_replace((COALESCE(phone, ''::character varying))::text, '[^0-9]'::text, ''::text, 'g'::text)) || '
 '::text) || regexp_replace((COALESCE(mobile, ''::character varying))::text, '[^0-9]'::text, ''::text, 'g'::text)) || '
'::text), 600)) STORED NOT NULL,
    CONSTRAINT contacts_email_lower CHECK (((email)::text = lower((email)::text)))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.organization_contact (
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    role_label character varying(120),
    relationship_status character varying(40),
    version integer DEFAULT 1 NOT NULL,
    touch_every_days integer,
    touch_snoozed_until date,
    touch_snooze_reason character varying(200),
    CONSTRAINT organization_contact_touch CHECK (((touch_every_days >= 0) AND (touch_every_days <= 1095)))
);

CREATE TABLE public.organizations (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    legal_name character varying(200) NOT NULL,
    display_name character varying(160) NOT NULL,
    website character varying(200),
    sector character varying(80),
    size_band character varying(40),
    tax_id character varying(50),
    owner_user_id uuid,
    is_active boolean DEFAULT true NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    search_text text GENERATED ALWAYS AS ("left"((((public.searchable((((((' '::text || (display_name)::text) || '
 '::text) || (legal_name)::text) || '
 '::text) || regexp_replace((COALESCE(website, ''::character varying))::text, '^(https?://)?(www\.)?'::text, ''::text, 'i'::text))) || '
 '::text) || translate(lower((COALESCE(tax_id, ''::character varying))::text), ' .-/_'::text, ''::text)) || '
'::text), 600)) STORED NOT NULL,
    touch_every_days integer,
    touch_snoozed_until date,
    touch_snooze_reason character varying(200),
    CONSTRAINT organizations_touch CHECK (((touch_every_days >= 1) AND (touch_every_days <= 1095)))
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE VIEW public.contact_reaches AS
 SELECT DISTINCT l.contact_id,
    o.owner_user_id,
    c.last_name,
    c.first_name,
    c.is_active,
    a.last_contact_at,
    a.next_touch_at,
    c.created_at,
    a.next_follow_up_at
   FROM (((public.organization_contact l
     JOIN public.organizations o ON ((o.id = l.organization_id)))
     JOIN public.contacts c ON ((c.id = l.contact_id)))
     JOIN public.contact_activity a ON ((a.contact_id = l.contact_id)))
  WHERE (o.owner_user_id IS NOT NULL);

CREATE TABLE public.interaction_contacts (
    interaction_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    met_at timestamp with time zone NOT NULL
);

CREATE TABLE public.interactions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    organization_id uuid,
    contact_id uuid,
    user_id uuid,
    channel character varying(40) NOT NULL,
    subject character varying(200) NOT NULL,
    body text,
    outcome character varying(80),
    happened_at timestamp with time zone NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    words tsvector GENERATED ALWAYS AS (to_tsvector('simple'::regconfig, public.fold((((subject)::text || ' '::text) || COALESCE(body, ''::text))))) STORED NOT NULL,
    duration_minutes integer,
    direction character varying(3),
    CONSTRAINT interactions_channel CHECK (((channel)::text = ANY ((ARRAY['call'::character varying, 'email'::character varying, 'meeting'::character varying, 'note'::character varying])::text[]))),
    CONSTRAINT interactions_direction CHECK (((direction)::text = ANY ((ARRAY['in'::character varying, 'out'::character varying])::text[]))),
    CONSTRAINT interactions_duration CHECK (((duration_minutes >= 0) AND (duration_minutes <= 1440)))
);

CREATE VIEW public.first_attendee_of AS
 SELECT i.id AS interaction_id,
    i.channel,
    i.happened_at,
    f.last_name,
    f.first_name
   FROM (public.interactions i
     CROSS JOIN LATERAL ( SELECT c.last_name,
            c.first_name
           FROM (public.interaction_contacts x
             JOIN public.contacts c ON ((c.id = x.contact_id)))
          WHERE ((x.interaction_id = i.id) AND (x.contact_id IS DISTINCT FROM i.contact_id))
          ORDER BY (c.last_name COLLATE "und-x-icu"), (c.first_name COLLATE "und-x-icu"), c.id
         LIMIT 1) f);

CREATE TABLE public.first_attendees (
    interaction_id uuid NOT NULL,
    channel character varying(40) NOT NULL,
    happened_at timestamp with time zone NOT NULL,
    last_name character varying(80) NOT NULL,
    first_name character varying(80) NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE VIEW public.first_role_of AS
 SELECT c.id AS contact_id,
    c.owner_user_id,
    COALESCE(NULLIF((f.role_label)::text, ''::text), (c.job_title)::text, ''::text) AS role,
    c.last_name,
    c.first_name
   FROM (public.contacts c
     LEFT JOIN LATERAL ( SELECT l.role_label
           FROM (public.organization_contact l
             JOIN public.organizations o ON ((o.id = l.organization_id)))
          WHERE (l.contact_id = c.id)
          ORDER BY (NOT ((l.relationship_status)::text IS DISTINCT FROM 'Former'::text)), (NOT o.is_active), o.display_name, o.id
         LIMIT 1) f ON (true));

CREATE TABLE public.first_roles (
    contact_id uuid NOT NULL,
    owner_user_id uuid,
    role character varying(120) DEFAULT ''::character varying NOT NULL,
    last_name character varying(80) NOT NULL,
    first_name character varying(80) NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.follow_ups (
    id uuid NOT NULL,
    title character varying(200) NOT NULL,
    due_on date,
    due_at timestamp with time zone,
    user_id uuid,
    organization_id uuid,
    contact_id uuid,
    interaction_id uuid,
    state character varying(10) DEFAULT 'open'::character varying NOT NULL,
    outcome character varying(80),
    done_at timestamp with time zone,
    done_by uuid,
    done_interaction_id uuid,
    created_by uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT follow_ups_about CHECK ((num_nonnulls(organization_id, contact_id) > 0)),
    CONSTRAINT follow_ups_done CHECK ((((state)::text = 'open'::text) = (done_at IS NULL))),
    CONSTRAINT follow_ups_due CHECK ((num_nonnulls(due_on, due_at) = 1)),
    CONSTRAINT follow_ups_state CHECK (((state)::text = ANY ((ARRAY['open'::character varying, 'done'::character varying, 'cancelled'::character varying])::text[])))
);

CREATE TABLE public.form_tokens (
    user_id uuid NOT NULL,
    token uuid NOT NULL,
    record_id uuid NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    fingerprint bytea
);

CREATE TABLE public.interaction_days (
    user_id uuid NOT NULL,
    day date NOT NULL,
    channel character varying(40) NOT NULL,
    n integer NOT NULL
);

CREATE TABLE public.interaction_deltas (
    hour timestamp with time zone NOT NULL,
    user_id uuid,
    channel character varying(40) NOT NULL,
    n integer NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0', autovacuum_vacuum_threshold='500');

CREATE TABLE public.interaction_hours (
    hour timestamp with time zone NOT NULL,
    channel character varying(40) NOT NULL,
    n integer NOT NULL
);

CREATE TABLE public.jobs (
    id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    user_id uuid NOT NULL,
    task jsonb NOT NULL,
    ip inet,
    ua character varying(400),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    started_at timestamp with time zone,
    done integer DEFAULT 0 NOT NULL,
    total integer DEFAULT 0 NOT NULL,
    finished_at timestamp with time zone,
    change_set_id uuid,
    result jsonb
);

CREATE TABLE public.main_contacts (
    organization_id uuid NOT NULL,
    owner_user_id uuid,
    contact_id uuid,
    last_name character varying(80) DEFAULT ''::character varying NOT NULL,
    first_name character varying(80) DEFAULT ''::character varying NOT NULL,
    role_label character varying(120) DEFAULT ''::character varying NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.notices (
    id uuid NOT NULL,
    user_id uuid NOT NULL,
    kind character varying(10) NOT NULL,
    follow_up_id uuid NOT NULL,
    change_set_id uuid,
    key character varying(120) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    read_at timestamp with time zone,
    by_mail boolean DEFAULT false NOT NULL,
    mail_id uuid,
    CONSTRAINT notices_assigned CHECK ((((kind)::text = 'assigned'::text) = (change_set_id IS NOT NULL))),
    CONSTRAINT notices_kind CHECK (((kind)::text = ANY ((ARRAY['assigned'::character varying, 'due'::character varying])::text[])))
);

CREATE TABLE public.notification_settings (
    user_id uuid NOT NULL,
    digest character varying(10) NOT NULL,
    digest_hour smallint NOT NULL,
    due character varying(10) NOT NULL,
    assigned character varying(10) NOT NULL,
    CONSTRAINT notification_settings_digest CHECK ((((digest)::text = ANY ((ARRAY['off'::character varying, 'daily'::character varying, 'weekdays'::character varying])::text[])) AND ((digest_hour >= 5) AND (digest_hour <= 10)))),
    CONSTRAINT notification_settings_kinds CHECK ((((due)::text = ANY ((ARRAY['off'::character varying, 'inbox'::character varying, 'mail'::character varying])::text[])) AND ((assigned)::text = ANY ((ARRAY['off'::character varying, 'inbox'::character varying, 'mail'::character varying])::text[]))))
);

CREATE TABLE public.organization_activity (
    organization_id uuid NOT NULL,
    owner_user_id uuid,
    is_active boolean NOT NULL,
    has_contact boolean DEFAULT false NOT NULL,
    last_contact_at timestamp with time zone DEFAULT '-infinity'::timestamp with time zone NOT NULL,
    next_touch_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL,
    next_follow_up_at timestamp with time zone DEFAULT 'infinity'::timestamp with time zone NOT NULL
)
WITH (autovacuum_vacuum_scale_factor='0.02', autovacuum_vacuum_insert_scale_factor='0.02');

CREATE TABLE public.outbox (
    id uuid NOT NULL,
    kind character varying(40) NOT NULL,
    user_id uuid,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    due_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    attempts integer DEFAULT 0 NOT NULL,
    sent_at timestamp with time zone,
    dropped_at timestamp with time zone,
    fault character varying(400),
    key character varying(40),
    handed_at timestamp with time zone
);

CREATE TABLE public.permissions (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug character varying(60) NOT NULL
);

CREATE TABLE public.recovery_codes (
    user_id uuid NOT NULL,
    hash bytea NOT NULL,
    used_at timestamp with time zone
);

CREATE TABLE public.relationship_periods (
    id bigint NOT NULL,
    organization_id uuid NOT NULL,
    contact_id uuid NOT NULL,
    role_label character varying(120),
    relationship_status character varying(40),
    "from" timestamp with time zone NOT NULL,
    "to" timestamp with time zone,
    CONSTRAINT relationship_periods_order CHECK (("to" >= "from"))
);

ALTER TABLE public.relationship_periods ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.relationship_periods_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.touch_defaults (
    id uuid NOT NULL,
    role_label character varying(120) NOT NULL,
    role_key text NOT NULL,
    every_days integer NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    CONSTRAINT touch_defaults_days CHECK (((every_days >= 1) AND (every_days <= 1095))),
    CONSTRAINT touch_defaults_role CHECK (((role_key = public.role_key((role_label)::text)) AND (role_key <> ''::text)))
);

CREATE VIEW public.relationship_touches AS
 SELECT l.organization_id,
    l.contact_id,
    COALESCE(l.touch_every_days, d.every_days) AS every_days,
    l.touch_snoozed_until
   FROM ((public.organization_contact l
     JOIN public.organizations o ON ((o.id = l.organization_id)))
     LEFT JOIN public.touch_defaults d ON ((d.role_key = public.role_key((l.role_label)::text))))
  WHERE (o.is_active AND (lower((l.relationship_status)::text) IS DISTINCT FROM 'former'::text) AND (COALESCE(l.touch_every_days, d.every_days) > 0));

CREATE TABLE public.reminder_clock (
    only_row boolean DEFAULT true NOT NULL,
    reached_at timestamp with time zone NOT NULL,
    CONSTRAINT reminder_clock_only_row_check CHECK (only_row)
);

CREATE TABLE public.role_permissions (
    role_id uuid NOT NULL,
    permission_id uuid NOT NULL
);

CREATE TABLE public.roles (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    slug character varying(60) NOT NULL,
    name character varying(120) NOT NULL,
    reach character varying(10) DEFAULT 'all'::character varying NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    requires_mfa boolean DEFAULT false NOT NULL,
    CONSTRAINT roles_reach CHECK (((reach)::text = ANY ((ARRAY['own'::character varying, 'team'::character varying, 'all'::character varying])::text[])))
);

CREATE TABLE public.saved_views (
    id uuid NOT NULL,
    list character varying(20) NOT NULL,
    name character varying(80) NOT NULL,
    query character varying(4000) DEFAULT ''::character varying NOT NULL,
    columns character varying(400) DEFAULT ''::character varying NOT NULL,
    owner_user_id uuid NOT NULL,
    shared character varying(10) DEFAULT 'private'::character varying NOT NULL,
    team_id uuid,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    CONSTRAINT saved_views_list CHECK (((list)::text = ANY ((ARRAY['organizations'::character varying, 'contacts'::character varying, 'interactions'::character varying])::text[]))),
    CONSTRAINT saved_views_shared CHECK (((shared)::text = ANY ((ARRAY['private'::character varying, 'team'::character varying, 'everyone'::character varying])::text[])))
);

CREATE TABLE public.sessions (
    token text NOT NULL,
    user_id uuid,
    data bytea NOT NULL,
    ip inet,
    ua character varying(400),
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    last_seen_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    revoked_at timestamp with time zone,
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    half boolean DEFAULT false NOT NULL
);

CREATE TABLE public.sign_in_attempts (
    id bigint NOT NULL,
    account bytea NOT NULL,
    address inet NOT NULL,
    known boolean NOT NULL,
    evaluated boolean NOT NULL,
    succeeded boolean DEFAULT false NOT NULL,
    created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL
);

ALTER TABLE public.sign_in_attempts ALTER COLUMN id ADD GENERATED ALWAYS AS IDENTITY (
    SEQUENCE NAME public.sign_in_attempts_id_seq
    START WITH 1
    INCREMENT BY 1
    NO MINVALUE
    NO MAXVALUE
    CACHE 1
);

CREATE TABLE public.teams (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    name character varying(120) NOT NULL,
    parent_id uuid,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.touch_unsettled (
    role_key text NOT NULL,
    xid xid8 DEFAULT pg_current_xact_id() NOT NULL,
    changed_at timestamp with time zone DEFAULT now() NOT NULL,
    after uuid
);

CREATE TABLE public.user_addresses (
    user_id uuid NOT NULL,
    address inet NOT NULL,
    last_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.user_credentials (
    user_id uuid NOT NULL,
    password_hash text NOT NULL,
    must_change boolean DEFAULT false NOT NULL,
    password_changed_at timestamp with time zone DEFAULT now() NOT NULL,
    totp_secret text,
    totp_pending text,
    totp_step bigint DEFAULT 0 NOT NULL,
    totp_since timestamp with time zone
);

CREATE TABLE public.user_lists (
    user_id uuid NOT NULL,
    list character varying(20) NOT NULL,
    columns character varying(400) DEFAULT ''::character varying NOT NULL,
    default_view uuid,
    pinned uuid[] DEFAULT '{}'::uuid[] NOT NULL,
    CONSTRAINT user_lists_list CHECK (((list)::text = ANY ((ARRAY['organizations'::character varying, 'contacts'::character varying, 'interactions'::character varying])::text[])))
);

CREATE TABLE public.user_roles (
    user_id uuid NOT NULL,
    role_id uuid NOT NULL
);

CREATE TABLE public.user_secrets (
    hash bytea NOT NULL,
    user_id uuid NOT NULL,
    purpose character varying(20) NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    used_at timestamp with time zone,
    CONSTRAINT user_secrets_purpose CHECK (((purpose)::text = ANY ((ARRAY['invitation'::character varying, 'reset'::character varying])::text[])))
);

CREATE TABLE public.user_welcomes (
    user_id uuid NOT NULL,
    done_at timestamp with time zone DEFAULT now() NOT NULL
);

CREATE TABLE public.users (
    id uuid DEFAULT gen_random_uuid() NOT NULL,
    email character varying(190) NOT NULL,
    name character varying(120) DEFAULT ''::character varying NOT NULL,
    team_id uuid,
    zone character varying(60),
    theme character varying(10),
    is_active boolean DEFAULT true NOT NULL,
    version integer DEFAULT 1 NOT NULL,
    created_at timestamp with time zone DEFAULT now() NOT NULL,
    updated_at timestamp with time zone DEFAULT now() NOT NULL,
    language character varying(10),
    keys_off boolean DEFAULT false NOT NULL,
    density character varying(10),
    CONSTRAINT users_email_lower CHECK (((email)::text = lower((email)::text)))
);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.audit_logs
    ADD CONSTRAINT audit_logs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.calendar_feeds
    ADD CONSTRAINT calendar_feeds_hash_key UNIQUE (hash);

ALTER TABLE ONLY public.calendar_feeds
    ADD CONSTRAINT calendar_feeds_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.change_sets
    ADD CONSTRAINT change_sets_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.client_days
    ADD CONSTRAINT client_days_pkey PRIMARY KEY (owner_user_id, day);

ALTER TABLE ONLY public.client_totals
    ADD CONSTRAINT client_totals_pkey PRIMARY KEY (owner_user_id);

ALTER TABLE ONLY public.contact_activity
    ADD CONSTRAINT contact_activity_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY public.contact_reach
    ADD CONSTRAINT contact_reach_pkey PRIMARY KEY (contact_id, owner_user_id);

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.first_attendees
    ADD CONSTRAINT first_attendees_pkey PRIMARY KEY (interaction_id);

ALTER TABLE ONLY public.first_roles
    ADD CONSTRAINT first_roles_pkey PRIMARY KEY (contact_id);

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.form_tokens
    ADD CONSTRAINT form_tokens_pkey PRIMARY KEY (user_id, token);

ALTER TABLE ONLY public.interaction_contacts
    ADD CONSTRAINT interaction_contacts_pkey PRIMARY KEY (interaction_id, contact_id);

ALTER TABLE ONLY public.interaction_days
    ADD CONSTRAINT interaction_days_pkey PRIMARY KEY (user_id, day, channel);

ALTER TABLE ONLY public.interaction_hours
    ADD CONSTRAINT interaction_hours_pkey PRIMARY KEY (hour, channel);

ALTER TABLE ONLY public.interactions
    ADD CONSTRAINT interactions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.main_contacts
    ADD CONSTRAINT main_contacts_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_key UNIQUE (user_id, key);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.notification_settings
    ADD CONSTRAINT notification_settings_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.organization_activity
    ADD CONSTRAINT organization_activity_pkey PRIMARY KEY (organization_id);

ALTER TABLE ONLY public.organization_contact
    ADD CONSTRAINT organization_contact_pkey PRIMARY KEY (organization_id, contact_id);

ALTER TABLE ONLY public.organizations
    ADD CONSTRAINT organizations_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.permissions
    ADD CONSTRAINT permissions_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_pkey PRIMARY KEY (user_id, hash);

ALTER TABLE ONLY public.relationship_periods
    ADD CONSTRAINT relationship_periods_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.reminder_clock
    ADD CONSTRAINT reminder_clock_pkey PRIMARY KEY (only_row);

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_pkey PRIMARY KEY (role_id, permission_id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.roles
    ADD CONSTRAINT roles_slug_key UNIQUE (slug);

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_name_key UNIQUE (owner_user_id, list, name);

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_pkey PRIMARY KEY (token);

ALTER TABLE ONLY public.sign_in_attempts
    ADD CONSTRAINT sign_in_attempts_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_name_key UNIQUE (name);

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.touch_defaults
    ADD CONSTRAINT touch_defaults_pkey PRIMARY KEY (id);

ALTER TABLE ONLY public.touch_defaults
    ADD CONSTRAINT touch_defaults_role_key UNIQUE (role_key);

ALTER TABLE ONLY public.touch_unsettled
    ADD CONSTRAINT touch_unsettled_pkey PRIMARY KEY (role_key);

ALTER TABLE ONLY public.user_addresses
    ADD CONSTRAINT user_addresses_pkey PRIMARY KEY (user_id, address);

ALTER TABLE ONLY public.user_credentials
    ADD CONSTRAINT user_credentials_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.user_lists
    ADD CONSTRAINT user_lists_pkey PRIMARY KEY (user_id, list);

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_pkey PRIMARY KEY (user_id, role_id);

ALTER TABLE ONLY public.user_secrets
    ADD CONSTRAINT user_secrets_pkey PRIMARY KEY (hash);

ALTER TABLE ONLY public.user_welcomes
    ADD CONSTRAINT user_welcomes_pkey PRIMARY KEY (user_id);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_email_key UNIQUE (email);

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_pkey PRIMARY KEY (id);

CREATE INDEX api_tokens_user ON public.api_tokens USING btree (user_id, created_at);

CREATE INDEX audit_logs_action ON public.audit_logs USING btree (action, id DESC);

CREATE INDEX audit_logs_change_set ON public.audit_logs USING btree (change_set_id, id);

CREATE INDEX audit_logs_follow_ups ON public.audit_logs USING btree (parent_id, id DESC) WHERE ((target_type)::text = 'follow_up'::text);

CREATE INDEX audit_logs_parent ON public.audit_logs USING btree (parent_id, id DESC) WHERE (parent_id IS NOT NULL);

CREATE INDEX audit_logs_target ON public.audit_logs USING btree (target_id, id DESC);

CREATE INDEX audit_logs_user ON public.audit_logs USING btree (user_id, id DESC);

CREATE INDEX audit_logs_xid ON public.audit_logs USING btree (xid, target_id);

CREATE UNIQUE INDEX calendar_feeds_live ON public.calendar_feeds USING btree (user_id) WHERE (revoked_at IS NULL);

CREATE INDEX change_sets_undoes ON public.change_sets USING btree (undoes) WHERE (undoes IS NOT NULL);

CREATE INDEX change_sets_user ON public.change_sets USING btree (user_id);

CREATE INDEX contact_activity_last ON public.contact_activity USING btree (last_contact_at, contact_id) INCLUDE (owner_user_id, is_active);

CREATE INDEX contact_activity_next ON public.contact_activity USING btree (next_follow_up_at, last_contact_at, contact_id) INCLUDE (owner_user_id, is_active) WHERE (next_follow_up_at < 'infinity'::timestamp with time zone);

CREATE INDEX contact_activity_owner_last ON public.contact_activity USING btree (owner_user_id, last_contact_at, contact_id) INCLUDE (is_active);

CREATE INDEX contact_activity_owner_next ON public.contact_activity USING btree (owner_user_id, next_follow_up_at, last_contact_at, contact_id) INCLUDE (is_active) WHERE (next_follow_up_at < 'infinity'::timestamp with time zone);

CREATE INDEX contact_activity_owner_touch ON public.contact_activity USING btree (owner_user_id, next_touch_at, contact_id) INCLUDE (is_active);

CREATE INDEX contact_activity_touch ON public.contact_activity USING btree (next_touch_at, contact_id) INCLUDE (owner_user_id, is_active);

CREATE INDEX contact_reach_last ON public.contact_reach USING btree (owner_user_id, last_contact_at, contact_id);

CREATE INDEX contact_reach_name ON public.contact_reach USING btree (owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id) WHERE is_active;

CREATE INDEX contact_reach_newest ON public.contact_reach USING btree (owner_user_id, created_at DESC, contact_id DESC) INCLUDE (is_active);

CREATE INDEX contact_reach_next ON public.contact_reach USING btree (owner_user_id, next_follow_up_at, last_contact_at, contact_id) WHERE (next_follow_up_at < 'infinity'::timestamp with time zone);

CREATE INDEX contact_reach_touch ON public.contact_reach USING btree (owner_user_id, next_touch_at, contact_id);

CREATE INDEX contacts_active_name ON public.contacts USING btree (last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX contacts_archived_name ON public.contacts USING btree (last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE (NOT is_active);

CREATE INDEX contacts_email_order ON public.contacts USING btree (COALESCE(email, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_mobile_order ON public.contacts USING btree (COALESCE(mobile, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_name ON public.contacts USING btree (last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id);

CREATE INDEX contacts_newest ON public.contacts USING btree (created_at DESC, id DESC);

CREATE INDEX contacts_no_email ON public.contacts USING btree (id) WHERE (email IS NULL);

CREATE INDEX contacts_no_phone ON public.contacts USING btree (id) WHERE ((phone IS NULL) AND (mobile IS NULL));

CREATE INDEX contacts_owner_email_order ON public.contacts USING btree (owner_user_id, COALESCE(email, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_owner_mobile_order ON public.contacts USING btree (owner_user_id, COALESCE(mobile, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_owner_name ON public.contacts USING btree (owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX contacts_owner_newest ON public.contacts USING btree (owner_user_id, created_at DESC, id DESC);

CREATE INDEX contacts_owner_phone_order ON public.contacts USING btree (owner_user_id, COALESCE(phone, mobile, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_owner_title_name ON public.contacts USING btree (owner_user_id, COALESCE(job_title, ''::character varying) COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX contacts_phone_order ON public.contacts USING btree (COALESCE(phone, mobile, ''::character varying), id) WHERE is_active;

CREATE INDEX contacts_search ON public.contacts USING gin (search_text public.gin_trgm_ops);

CREATE INDEX contacts_search_family ON public.contacts USING btree ("left"(substr(search_text, (strpos(search_text, '
'::text) + 1)), 40) text_pattern_ops);

CREATE INDEX contacts_search_start ON public.contacts USING btree ("left"(search_text, 40) text_pattern_ops);

CREATE INDEX contacts_title_name ON public.contacts USING btree (COALESCE(job_title, ''::character varying) COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX first_attendees_channel_name ON public.first_attendees USING btree (channel, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", happened_at, interaction_id);

CREATE INDEX first_attendees_name ON public.first_attendees USING btree (last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", happened_at, interaction_id);

CREATE INDEX first_roles_name ON public.first_roles USING btree (role COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id) INCLUDE (owner_user_id);

CREATE INDEX first_roles_owner_name ON public.first_roles USING btree (owner_user_id, role COLLATE "und-x-icu", last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", contact_id);

CREATE INDEX follow_ups_contact ON public.follow_ups USING btree (contact_id, state, COALESCE(due_at, ((due_on)::timestamp without time zone AT TIME ZONE 'UTC'::text)), id);

CREATE INDEX follow_ups_creator ON public.follow_ups USING btree (created_by, state, COALESCE(due_at, ((due_on)::timestamp without time zone AT TIME ZONE 'UTC'::text)), id);

CREATE INDEX follow_ups_done_by ON public.follow_ups USING btree (done_by) WHERE (done_by IS NOT NULL);

CREATE INDEX follow_ups_done_order ON public.follow_ups USING btree (state, done_at, id) WHERE ((state)::text <> 'open'::text);

CREATE INDEX follow_ups_due_order ON public.follow_ups USING btree (state, COALESCE(due_at, ((due_on)::timestamp without time zone AT TIME ZONE 'UTC'::text)), id);

CREATE INDEX follow_ups_interaction ON public.follow_ups USING btree (interaction_id) WHERE (interaction_id IS NOT NULL);

CREATE INDEX follow_ups_moment ON public.follow_ups USING btree (due_at, id) WHERE (((state)::text = 'open'::text) AND (due_at IS NOT NULL));

CREATE INDEX follow_ups_organization ON public.follow_ups USING btree (organization_id, state, COALESCE(due_at, ((due_on)::timestamp without time zone AT TIME ZONE 'UTC'::text)), id);

CREATE INDEX follow_ups_user_done ON public.follow_ups USING btree (user_id, state, done_at, id) WHERE ((state)::text <> 'open'::text);

CREATE INDEX follow_ups_user_due ON public.follow_ups USING btree (user_id, state, COALESCE(due_at, ((due_on)::timestamp without time zone AT TIME ZONE 'UTC'::text)), id) INCLUDE (due_on, due_at, organization_id, contact_id, created_by);

CREATE INDEX form_tokens_created ON public.form_tokens USING btree (created_at);

CREATE UNIQUE INDEX idx_contacts_email_unique ON public.contacts USING btree (email) WHERE (email IS NOT NULL);

CREATE INDEX idx_interactions_contact ON public.interactions USING btree (contact_id);

CREATE INDEX idx_interactions_happened_at ON public.interactions USING btree (happened_at);

CREATE INDEX idx_interactions_org ON public.interactions USING btree (organization_id);

CREATE INDEX idx_organizations_display_name ON public.organizations USING btree (display_name);

CREATE INDEX idx_organizations_sector ON public.organizations USING btree (sector);

CREATE INDEX interaction_contacts_contact ON public.interaction_contacts USING btree (contact_id, met_at DESC, interaction_id DESC);

CREATE INDEX interactions_author_calendar ON public.interactions USING btree (user_id, happened_at DESC, id DESC) WHERE (((channel)::text = 'meeting'::text) OR (((channel)::text = 'call'::text) AND (duration_minutes IS NOT NULL)));

CREATE INDEX interactions_author_newest ON public.interactions USING btree (user_id, happened_at DESC, id DESC) INCLUDE (organization_id, contact_id, channel, direction, duration_minutes, created_at);

CREATE INDEX interactions_author_outcome ON public.interactions USING btree (user_id, COALESCE(outcome, ''::character varying) COLLATE "und-x-icu", happened_at, id);

CREATE INDEX interactions_author_subject ON public.interactions USING btree (user_id, subject COLLATE "und-x-icu", happened_at, id);

CREATE INDEX interactions_channel_order ON public.interactions USING btree (channel, COALESCE(direction, ''::character varying), happened_at, id);

CREATE INDEX interactions_contact_newest ON public.interactions USING btree (contact_id, happened_at DESC, id DESC);

CREATE INDEX interactions_logged_order ON public.interactions USING btree (created_at DESC, id DESC);

CREATE INDEX interactions_minutes_order ON public.interactions USING btree (channel, COALESCE(duration_minutes, '-1'::integer), happened_at, id);

CREATE INDEX interactions_newest ON public.interactions USING btree (happened_at DESC, id DESC) INCLUDE (organization_id, contact_id, user_id);

CREATE INDEX interactions_organization_newest ON public.interactions USING btree (organization_id, happened_at DESC, id DESC);

CREATE INDEX interactions_outcome ON public.interactions USING btree (COALESCE(outcome, ''::character varying) COLLATE "und-x-icu", happened_at, id) INCLUDE (outcome);

CREATE INDEX interactions_subject ON public.interactions USING btree (subject COLLATE "und-x-icu", happened_at, id);

CREATE INDEX interactions_with_nobody ON public.interactions USING btree (happened_at, id) WHERE ((organization_id IS NULL) AND (contact_id IS NULL));

CREATE INDEX interactions_words ON public.interactions USING gin (words);

CREATE INDEX jobs_user ON public.jobs USING btree (user_id, created_at);

CREATE INDEX jobs_waiting ON public.jobs USING btree (due_at) WHERE (finished_at IS NULL);

CREATE INDEX main_contacts_name ON public.main_contacts USING btree (last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id) INCLUDE (owner_user_id);

CREATE INDEX main_contacts_owner_name ON public.main_contacts USING btree (owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", organization_id);

CREATE INDEX notices_mail ON public.notices USING btree (mail_id) WHERE (mail_id IS NOT NULL);

CREATE INDEX notices_old ON public.notices USING btree (read_at) WHERE (read_at IS NOT NULL);

CREATE INDEX notices_open ON public.notices USING btree (follow_up_id) WHERE (read_at IS NULL);

CREATE INDEX notices_read ON public.notices USING btree (user_id, created_at DESC, id DESC) WHERE (read_at IS NOT NULL);

CREATE INDEX notices_to_mail ON public.notices USING btree (created_at) WHERE (by_mail AND (mail_id IS NULL));

CREATE INDEX notices_unread ON public.notices USING btree (user_id, created_at DESC, id DESC) WHERE (read_at IS NULL);

CREATE INDEX organization_activity_last ON public.organization_activity USING btree (last_contact_at, organization_id) INCLUDE (owner_user_id, is_active);

CREATE INDEX organization_activity_next ON public.organization_activity USING btree (next_follow_up_at, last_contact_at, organization_id) INCLUDE (owner_user_id, is_active) WHERE (next_follow_up_at < 'infinity'::timestamp with time zone);

CREATE INDEX organization_activity_no_contact ON public.organization_activity USING btree (organization_id) WHERE (NOT has_contact);

CREATE INDEX organization_activity_owner_last ON public.organization_activity USING btree (owner_user_id, last_contact_at, organization_id) INCLUDE (is_active);

CREATE INDEX organization_activity_owner_next ON public.organization_activity USING btree (owner_user_id, next_follow_up_at, last_contact_at, organization_id) INCLUDE (is_active) WHERE (next_follow_up_at < 'infinity'::timestamp with time zone);

CREATE INDEX organization_activity_owner_touch ON public.organization_activity USING btree (owner_user_id, next_touch_at, organization_id) INCLUDE (is_active);

CREATE INDEX organization_activity_touch ON public.organization_activity USING btree (next_touch_at, organization_id) INCLUDE (owner_user_id, is_active);

CREATE INDEX organization_contact_contact ON public.organization_contact USING btree (contact_id);

CREATE INDEX organization_contact_role ON public.organization_contact USING btree (role_label, contact_id) WHERE (role_label IS NOT NULL);

CREATE INDEX organization_contact_role_key ON public.organization_contact USING btree (public.role_key((role_label)::text), contact_id) WHERE (role_label IS NOT NULL);

CREATE INDEX organization_contact_status ON public.organization_contact USING btree (relationship_status, contact_id) WHERE (relationship_status IS NOT NULL);

CREATE INDEX organizations_active_name ON public.organizations USING btree (display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

CREATE INDEX organizations_archived_name ON public.organizations USING btree (display_name COLLATE "und-x-icu", id) WHERE (NOT is_active);

CREATE INDEX organizations_name ON public.organizations USING btree (display_name COLLATE "und-x-icu", id);

CREATE INDEX organizations_newest ON public.organizations USING btree (created_at DESC, id DESC);

CREATE INDEX organizations_owner_name ON public.organizations USING btree (owner_user_id, display_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX organizations_owner_newest ON public.organizations USING btree (owner_user_id, created_at DESC, id DESC);

CREATE INDEX organizations_owner_search ON public.organizations USING btree (owner_user_id, search_text text_pattern_ops) INCLUDE (id);

CREATE INDEX organizations_owner_sector_name ON public.organizations USING btree (owner_user_id, COALESCE(sector, ''::character varying) COLLATE "und-x-icu", display_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX organizations_owner_size_name ON public.organizations USING btree (owner_user_id, COALESCE(size_band, ''::character varying) COLLATE public.natural_order, display_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX organizations_owner_tax_name ON public.organizations USING btree (owner_user_id, COALESCE(tax_id, ''::character varying), display_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX organizations_owner_website_name ON public.organizations USING btree (owner_user_id, COALESCE(website, ''::character varying), display_name COLLATE "und-x-icu", id) WHERE is_active;

CREATE INDEX organizations_search ON public.organizations USING gin (search_text public.gin_trgm_ops);

CREATE INDEX organizations_search_start ON public.organizations USING btree ("left"(search_text, 40) text_pattern_ops);

CREATE INDEX organizations_sector_name ON public.organizations USING btree (COALESCE(sector, ''::character varying) COLLATE "und-x-icu", display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

CREATE INDEX organizations_size_name ON public.organizations USING btree (COALESCE(size_band, ''::character varying) COLLATE public.natural_order, display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

CREATE INDEX organizations_tax_id ON public.organizations USING btree (tax_id) WHERE (tax_id IS NOT NULL);

CREATE INDEX organizations_tax_name ON public.organizations USING btree (COALESCE(tax_id, ''::character varying), display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

CREATE INDEX organizations_website_name ON public.organizations USING btree (COALESCE(website, ''::character varying), display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;

CREATE INDEX outbox_due ON public.outbox USING btree (due_at) WHERE ((sent_at IS NULL) AND (dropped_at IS NULL));

CREATE UNIQUE INDEX outbox_key ON public.outbox USING btree (user_id, key) WHERE (key IS NOT NULL);

CREATE INDEX outbox_user ON public.outbox USING btree (user_id, created_at);

CREATE INDEX relationship_periods_contact ON public.relationship_periods USING btree (contact_id, "from");

CREATE INDEX relationship_periods_organization ON public.relationship_periods USING btree (organization_id, "from");

CREATE UNIQUE INDEX relationship_periods_present ON public.relationship_periods USING btree (organization_id, contact_id) WHERE ("to" IS NULL);

CREATE INDEX saved_views_everyone ON public.saved_views USING btree (list, name) WHERE ((shared)::text = 'everyone'::text);

CREATE INDEX saved_views_of_team ON public.saved_views USING btree (team_id) WHERE (team_id IS NOT NULL);

CREATE INDEX sessions_expires ON public.sessions USING btree (expires_at);

CREATE UNIQUE INDEX sessions_id ON public.sessions USING btree (id);

CREATE INDEX sessions_user ON public.sessions USING btree (user_id);

CREATE INDEX sign_in_attempts_account ON public.sign_in_attempts USING btree (account, created_at);

CREATE INDEX sign_in_attempts_address ON public.sign_in_attempts USING btree (address, created_at);

CREATE INDEX sign_in_attempts_created ON public.sign_in_attempts USING btree (created_at);

CREATE INDEX teams_parent ON public.teams USING btree (parent_id);

CREATE INDEX user_roles_role ON public.user_roles USING btree (role_id);

CREATE INDEX user_secrets_expires ON public.user_secrets USING btree (expires_at);

CREATE INDEX user_secrets_user ON public.user_secrets USING btree (user_id, purpose);

CREATE INDEX users_name ON public.users USING btree (name COLLATE "und-x-icu", id);

CREATE INDEX users_team ON public.users USING btree (team_id);

CREATE STATISTICS public.organizations_sectors ON COALESCE(sector, ''::character varying) FROM public.organizations;

CREATE STATISTICS public.organizations_sizes ON COALESCE(size_band, ''::character varying) FROM public.organizations;

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.audit_logs FOR EACH STATEMENT EXECUTE FUNCTION public.append_only();

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON public.change_sets FOR EACH STATEMENT EXECUTE FUNCTION public.append_only();

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.contacts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.follow_ups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.interaction_contacts DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('interaction_id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.interactions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.organization_contact DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('organization_id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.organizations DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.role_permissions DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('role_id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.roles DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.saved_views DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.teams DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.touch_defaults DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.user_roles DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('user_id');

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR DELETE OR UPDATE ON public.users DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION public.audit_guard('id');

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.contacts FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.follow_ups FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.interaction_contacts FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.interactions FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.organization_contact FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.organizations FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.role_permissions FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.roles FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.saved_views FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.teams FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.touch_defaults FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.user_roles FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON public.users FOR EACH STATEMENT EXECUTE FUNCTION public.audit_no_truncate();

CREATE TRIGGER end_calendar AFTER UPDATE OF is_active ON public.users FOR EACH ROW WHEN ((old.is_active AND (NOT new.is_active))) EXECUTE FUNCTION public.users_end_calendar();

CREATE TRIGGER end_doors AFTER UPDATE OF email, is_active ON public.users FOR EACH ROW WHEN ((((old.email)::text <> (new.email)::text) OR (old.is_active AND (NOT new.is_active)))) EXECUTE FUNCTION public.users_end_doors();

CREATE TRIGGER keep_activity_delete AFTER DELETE ON public.interactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_activity();

CREATE TRIGGER keep_activity_delete AFTER DELETE ON public.organization_contact REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_has_contact();

CREATE TRIGGER keep_activity_insert AFTER INSERT ON public.contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_contact_activity();

CREATE TRIGGER keep_activity_insert AFTER INSERT ON public.interactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_activity();

CREATE TRIGGER keep_activity_insert AFTER INSERT ON public.organization_contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_has_contact();

CREATE TRIGGER keep_activity_insert AFTER INSERT ON public.organizations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_organization_activity();

CREATE TRIGGER keep_activity_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_contact_activity();

CREATE TRIGGER keep_activity_update AFTER UPDATE ON public.interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_activity();

CREATE TRIGGER keep_activity_update AFTER UPDATE ON public.organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_organization_activity();

CREATE TRIGGER keep_attendance_delete AFTER DELETE ON public.interaction_contacts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_attendance();

CREATE TRIGGER keep_attendance_insert AFTER INSERT ON public.interaction_contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_attendance();

CREATE TRIGGER keep_contact_reach AFTER UPDATE ON public.contact_activity REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_contact_reach();

CREATE TRIGGER keep_counts_delete AFTER DELETE ON public.interactions REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_interaction_counts();

CREATE TRIGGER keep_counts_delete AFTER DELETE ON public.organization_activity REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_client_counts();

CREATE TRIGGER keep_counts_insert AFTER INSERT ON public.interactions REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_interaction_counts();

CREATE TRIGGER keep_counts_insert AFTER INSERT ON public.organization_activity REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_client_counts();

CREATE TRIGGER keep_counts_update AFTER UPDATE ON public.interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_interaction_counts();

CREATE TRIGGER keep_counts_update AFTER UPDATE ON public.organization_activity REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_client_counts();

CREATE TRIGGER keep_first_attendee_delete AFTER DELETE ON public.interaction_contacts REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_attendee();

CREATE TRIGGER keep_first_attendee_insert AFTER INSERT ON public.interaction_contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_attendee();

CREATE TRIGGER keep_first_attendee_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_attendee_name();

CREATE TRIGGER keep_first_attendee_update AFTER UPDATE ON public.interactions REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_attendee_talk();

CREATE TRIGGER keep_first_role_delete AFTER DELETE ON public.organization_contact REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role();

CREATE TRIGGER keep_first_role_insert AFTER INSERT ON public.contacts REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role_person();

CREATE TRIGGER keep_first_role_insert AFTER INSERT ON public.organization_contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role();

CREATE TRIGGER keep_first_role_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role_person();

CREATE TRIGGER keep_first_role_update AFTER UPDATE ON public.organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role();

CREATE TRIGGER keep_first_role_update AFTER UPDATE ON public.organizations REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_first_role_organization();

CREATE TRIGGER keep_main_delete AFTER DELETE ON public.organization_contact REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact();

CREATE TRIGGER keep_main_insert AFTER INSERT ON public.organization_contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact();

CREATE TRIGGER keep_main_insert AFTER INSERT ON public.organizations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact_owner();

CREATE TRIGGER keep_main_update AFTER UPDATE ON public.contacts REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact_name();

CREATE TRIGGER keep_main_update AFTER UPDATE ON public.organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact();

CREATE TRIGGER keep_main_update AFTER UPDATE ON public.organizations REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_main_contact_owner();

CREATE TRIGGER keep_met_at BEFORE INSERT ON public.interaction_contacts FOR EACH ROW EXECUTE FUNCTION public.keep_met_at();

CREATE TRIGGER keep_next_delete AFTER DELETE ON public.follow_ups REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_next_follow_up();

CREATE TRIGGER keep_next_insert AFTER INSERT ON public.follow_ups REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_next_follow_up();

CREATE TRIGGER keep_next_update AFTER UPDATE ON public.follow_ups REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_next_follow_up();

CREATE TRIGGER keep_periods AFTER INSERT OR DELETE OR UPDATE ON public.organization_contact FOR EACH ROW EXECUTE FUNCTION public.keep_relationship_periods();

CREATE TRIGGER keep_role_touch AFTER INSERT OR DELETE OR UPDATE ON public.touch_defaults FOR EACH ROW EXECUTE FUNCTION public.keep_role_touch();

CREATE TRIGGER keep_touch BEFORE UPDATE ON public.contact_activity FOR EACH ROW WHEN (((old.last_contact_at IS DISTINCT FROM new.last_contact_at) OR (old.is_active IS DISTINCT FROM new.is_active))) EXECUTE FUNCTION public.keep_contact_touch();

CREATE TRIGGER keep_touch BEFORE UPDATE ON public.organization_activity FOR EACH ROW WHEN (((old.last_contact_at IS DISTINCT FROM new.last_contact_at) OR (old.is_active IS DISTINCT FROM new.is_active))) EXECUTE FUNCTION public.keep_organization_touch();

CREATE TRIGGER keep_touch_delete AFTER DELETE ON public.organization_contact REFERENCING OLD TABLE AS old_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_link_touch();

CREATE TRIGGER keep_touch_insert AFTER INSERT ON public.contact_activity REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_new_contact_touch();

CREATE TRIGGER keep_touch_insert AFTER INSERT ON public.organization_activity REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_new_organization_touch();

CREATE TRIGGER keep_touch_insert AFTER INSERT ON public.organization_contact REFERENCING NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_link_touch();

CREATE TRIGGER keep_touch_update AFTER UPDATE ON public.organization_contact REFERENCING OLD TABLE AS old_rows NEW TABLE AS new_rows FOR EACH STATEMENT EXECUTE FUNCTION public.keep_link_touch();

CREATE CONSTRAINT TRIGGER notice_assigned AFTER INSERT ON public.follow_ups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((((new.state)::text = 'open'::text) AND (new.user_id IS NOT NULL))) EXECUTE FUNCTION public.notice_assigned();

CREATE TRIGGER notice_gone AFTER DELETE ON public.follow_ups FOR EACH ROW EXECUTE FUNCTION public.notice_settled();

CREATE CONSTRAINT TRIGGER notice_reassigned AFTER UPDATE ON public.follow_ups DEFERRABLE INITIALLY DEFERRED FOR EACH ROW WHEN ((((new.state)::text = 'open'::text) AND (new.user_id IS NOT NULL) AND (old.user_id IS DISTINCT FROM new.user_id))) EXECUTE FUNCTION public.notice_assigned();

CREATE TRIGGER notice_settled AFTER UPDATE ON public.follow_ups FOR EACH ROW WHEN ((((new.state)::text <> (old.state)::text) OR (old.user_id IS DISTINCT FROM new.user_id) OR ((old.due_on IS DISTINCT FROM new.due_on) OR (old.due_at IS DISTINCT FROM new.due_at)))) EXECUTE FUNCTION public.notice_settled();

ALTER TABLE ONLY public.api_tokens
    ADD CONSTRAINT api_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.audit_logs
    ADD CONSTRAINT audit_logs_change_set_id_fkey FOREIGN KEY (change_set_id) REFERENCES public.change_sets(id);

ALTER TABLE ONLY public.calendar_feeds
    ADD CONSTRAINT calendar_feeds_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.change_sets
    ADD CONSTRAINT change_sets_undoes_fkey FOREIGN KEY (undoes) REFERENCES public.change_sets(id);

ALTER TABLE ONLY public.change_sets
    ADD CONSTRAINT change_sets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.contact_activity
    ADD CONSTRAINT contact_activity_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.contacts
    ADD CONSTRAINT contacts_owner_user_id_fkey FOREIGN KEY (owner_user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.first_attendees
    ADD CONSTRAINT first_attendees_interaction_id_fkey FOREIGN KEY (interaction_id) REFERENCES public.interactions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.first_roles
    ADD CONSTRAINT first_roles_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id);

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_created_by_fkey FOREIGN KEY (created_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_done_by_fkey FOREIGN KEY (done_by) REFERENCES public.users(id);

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id);

ALTER TABLE ONLY public.follow_ups
    ADD CONSTRAINT follow_ups_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.form_tokens
    ADD CONSTRAINT form_tokens_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.interaction_contacts
    ADD CONSTRAINT interaction_contacts_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.interaction_contacts
    ADD CONSTRAINT interaction_contacts_interaction_id_fkey FOREIGN KEY (interaction_id) REFERENCES public.interactions(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.interactions
    ADD CONSTRAINT interactions_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.interactions
    ADD CONSTRAINT interactions_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.interactions
    ADD CONSTRAINT interactions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_change_set_id_fkey FOREIGN KEY (change_set_id) REFERENCES public.change_sets(id);

ALTER TABLE ONLY public.jobs
    ADD CONSTRAINT jobs_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.main_contacts
    ADD CONSTRAINT main_contacts_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_change_set_id_fkey FOREIGN KEY (change_set_id) REFERENCES public.change_sets(id);

ALTER TABLE ONLY public.notices
    ADD CONSTRAINT notices_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.notification_settings
    ADD CONSTRAINT notification_settings_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.organization_activity
    ADD CONSTRAINT organization_activity_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.organization_contact
    ADD CONSTRAINT organization_contact_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.organization_contact
    ADD CONSTRAINT organization_contact_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.organizations
    ADD CONSTRAINT organizations_owner_user_id_fkey FOREIGN KEY (owner_user_id) REFERENCES public.users(id) ON DELETE SET NULL;

ALTER TABLE ONLY public.outbox
    ADD CONSTRAINT outbox_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.recovery_codes
    ADD CONSTRAINT recovery_codes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.relationship_periods
    ADD CONSTRAINT relationship_periods_contact_id_fkey FOREIGN KEY (contact_id) REFERENCES public.contacts(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.relationship_periods
    ADD CONSTRAINT relationship_periods_organization_id_fkey FOREIGN KEY (organization_id) REFERENCES public.organizations(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_permission_id_fkey FOREIGN KEY (permission_id) REFERENCES public.permissions(id);

ALTER TABLE ONLY public.role_permissions
    ADD CONSTRAINT role_permissions_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.roles(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_owner_user_id_fkey FOREIGN KEY (owner_user_id) REFERENCES public.users(id);

ALTER TABLE ONLY public.saved_views
    ADD CONSTRAINT saved_views_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.sessions
    ADD CONSTRAINT sessions_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.teams
    ADD CONSTRAINT teams_parent_id_fkey FOREIGN KEY (parent_id) REFERENCES public.teams(id);

ALTER TABLE ONLY public.user_addresses
    ADD CONSTRAINT user_addresses_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_credentials
    ADD CONSTRAINT user_credentials_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_lists
    ADD CONSTRAINT user_lists_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_role_id_fkey FOREIGN KEY (role_id) REFERENCES public.roles(id);

ALTER TABLE ONLY public.user_roles
    ADD CONSTRAINT user_roles_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_secrets
    ADD CONSTRAINT user_secrets_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.user_welcomes
    ADD CONSTRAINT user_welcomes_user_id_fkey FOREIGN KEY (user_id) REFERENCES public.users(id) ON DELETE CASCADE;

ALTER TABLE ONLY public.users
    ADD CONSTRAINT users_team_id_fkey FOREIGN KEY (team_id) REFERENCES public.teams(id);
