-- Two who change one relationship in the same moment: whoever got it second may have begun first. Its period would begin
-- before the one it ends, or among others. A transaction that comes too early for the past it finds is refused as one that
-- cannot be serialized: run again it begins later, and its periods are dated as its change set is, which undo goes by.
--
-- Where that cannot help, because the clock went back since, the period begins right after the past.

-- +goose Up
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_relationship_periods() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
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
-- +goose StatementEnd

-- +goose Down
-- +goose StatementBegin
CREATE OR REPLACE FUNCTION keep_relationship_periods() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF TG_OP = 'UPDATE' AND (OLD.role_label, OLD.relationship_status) IS NOT DISTINCT FROM (NEW.role_label, NEW.relationship_status) THEN
    RETURN NULL;
  END IF;
  IF TG_OP <> 'INSERT' THEN
    UPDATE relationship_periods SET "to" = transaction_timestamp()
     WHERE organization_id = OLD.organization_id AND contact_id = OLD.contact_id AND "to" IS NULL;
  END IF;
  IF TG_OP <> 'DELETE' THEN
    INSERT INTO relationship_periods (organization_id, contact_id, role_label, relationship_status, "from")
    VALUES (NEW.organization_id, NEW.contact_id, NEW.role_label, NEW.relationship_status, transaction_timestamp());
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
