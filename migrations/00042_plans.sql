-- What a change touches is handed about in arrays. The planner took each for a case of its own and planned every
-- statement with it anew: a third of what logging a call cost the database, two thirds of linking a contact. One plan
-- serves all, since whatever an array holds is looked up by key.
--
-- A function in SQL is planned anew for each statement that calls it, one in PL/pgSQL once for a connection.

-- +goose Up
ALTER FUNCTION keep_activity() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_contact_activity() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_organization_activity() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION keep_has_contact() SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_contact_reach(uuid[]) SET plan_cache_mode = force_generic_plan;
ALTER FUNCTION settle_contact_touch(uuid[]) SET plan_cache_mode = force_generic_plan;

-- +goose StatementBegin
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
-- +goose StatementEnd
ALTER FUNCTION settle_contact_touch(uuid[]) RESET plan_cache_mode;
ALTER FUNCTION settle_contact_reach(uuid[]) RESET plan_cache_mode;
ALTER FUNCTION keep_has_contact() RESET plan_cache_mode;
ALTER FUNCTION keep_organization_activity() RESET plan_cache_mode;
ALTER FUNCTION keep_contact_activity() RESET plan_cache_mode;
ALTER FUNCTION keep_activity() RESET plan_cache_mode;
