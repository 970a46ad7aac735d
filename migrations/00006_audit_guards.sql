-- The database refuses a commit that changes a record without its audit row, whoever connects.
-- Deferred to commit, so that the application may write record and audit row in either order.

-- +goose Up

-- Images leave out what is derived: these columns follow from others, or count saves. Undo neither
-- compares nor restores them.
-- +goose StatementBegin
CREATE FUNCTION audit_image(jsonb) RETURNS jsonb LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN $1 - '{version,updated_at,search_text,words}'::text[];
-- +goose StatementEnd

-- Each changed row state needs an audit row of this very transaction with its true images: a stale or a
-- borrowed image does not pass. tx_at is compared besides xid because after a dump and restore old xids
-- lie ahead of the new cluster's. Images are taken in UTC, whatever zone the session has.
-- +goose StatementBegin
CREATE FUNCTION audit_guard() RETURNS trigger LANGUAGE plpgsql SET timezone = 'UTC' SET search_path = public, pg_temp AS $$
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

CREATE FUNCTION audit_no_truncate() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION USING ERRCODE = 'AU001', MESSAGE = format('audit: %s is never truncated', TG_TABLE_NAME);
END $$;

-- The argument names the column that is the audit row's target_id.
DO $$
DECLARE
  guarded text[][] := ARRAY[
    ['organizations', 'id'], ['contacts', 'id'], ['organization_contact', 'organization_id'], ['interactions', 'id'],
    ['users', 'id'], ['teams', 'id'], ['roles', 'id'], ['role_permissions', 'role_id'], ['user_roles', 'user_id']];
  g text[];
BEGIN
  FOREACH g SLICE 1 IN ARRAY guarded LOOP
    EXECUTE format('CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON %I
      DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard(%L)', g[1], g[2]);
    EXECUTE format('CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON %I
      FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate()', g[1]);
  END LOOP;
END $$;
-- +goose StatementEnd

-- +goose Down
DROP FUNCTION audit_guard() CASCADE;
DROP FUNCTION audit_no_truncate() CASCADE;
DROP FUNCTION audit_image(jsonb);
