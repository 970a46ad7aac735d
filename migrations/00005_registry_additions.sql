-- What the product adds beside the canonical registry: versions against lost updates, folded text for
-- search, the indexes its lists walk, and the past of relationships.

-- +goose Up
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;

-- unaccent() itself is only STABLE, because its dictionary could change; ours does not, and indexes and
-- generated columns need IMMUTABLE. Names are qualified so that a restore finds them. It costs about 8 us, so
-- the planner must not think of calling it for ten million rows instead of asking the index.
-- +goose StatementBegin
CREATE FUNCTION fold(text) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE COST 1000
RETURN lower(public.unaccent('public.unaccent'::regdictionary, $1));
-- +goose StatementEnd

ALTER TABLE organizations
  ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN search_text TEXT NOT NULL GENERATED ALWAYS AS
    (fold(display_name || ' ' || legal_name || ' ' || coalesce(website, '') || ' ' || coalesce(tax_id, ''))) STORED;
ALTER TABLE contacts
  ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN search_text TEXT NOT NULL GENERATED ALWAYS AS
    (fold(first_name || ' ' || last_name || ' ' || coalesce(email, ''))) STORED,
  ADD CONSTRAINT contacts_email_lower CHECK (email = lower(email));
ALTER TABLE organization_contact
  ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE interactions
  ADD COLUMN version INTEGER NOT NULL DEFAULT 1,
  ADD COLUMN words TSVECTOR NOT NULL GENERATED ALWAYS AS (to_tsvector('simple', fold(subject || ' ' || coalesce(body, '')))) STORED,
  ADD CONSTRAINT interactions_channel CHECK (channel IN ('call', 'email', 'meeting', 'note'));
-- No check that an interaction belongs to something: the canonical ON DELETE SET NULL may leave it alone.

-- Names sort as people sort them: the ICU root collation, in index, ORDER BY and keyset alike.
CREATE INDEX organizations_active_name ON organizations(display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_archived_name ON organizations(display_name COLLATE "und-x-icu", id) WHERE NOT is_active;
CREATE INDEX organizations_name ON organizations(display_name COLLATE "und-x-icu", id);
CREATE INDEX organizations_owner_name ON organizations(owner_user_id, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_owner_sector_name ON organizations(owner_user_id, sector, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_sector_name ON organizations(sector, display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_newest ON organizations(created_at DESC, id DESC);
CREATE INDEX organizations_owner_newest ON organizations(owner_user_id, created_at DESC, id DESC);
CREATE INDEX organizations_tax_id ON organizations(tax_id) WHERE tax_id IS NOT NULL;
CREATE INDEX organizations_search ON organizations USING gin (search_text gin_trgm_ops);

CREATE INDEX contacts_active_name ON contacts(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX contacts_archived_name ON contacts(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE NOT is_active;
CREATE INDEX contacts_name ON contacts(last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id);
CREATE INDEX contacts_owner_name ON contacts(owner_user_id, last_name COLLATE "und-x-icu", first_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX contacts_newest ON contacts(created_at DESC, id DESC);
CREATE INDEX contacts_owner_newest ON contacts(owner_user_id, created_at DESC, id DESC);
CREATE INDEX contacts_search ON contacts USING gin (search_text gin_trgm_ops);

-- The canonical primary key starts with the organization; without this a contact's organizations cost 1.5 s at scale.
CREATE INDEX organization_contact_contact ON organization_contact(contact_id);

CREATE INDEX interactions_organization_newest ON interactions(organization_id, happened_at DESC, id DESC);
CREATE INDEX interactions_contact_newest ON interactions(contact_id, happened_at DESC, id DESC);
CREATE INDEX interactions_newest ON interactions(happened_at DESC, id DESC);
CREATE INDEX interactions_author_newest ON interactions(user_id, happened_at DESC, id DESC);
CREATE INDEX interactions_words ON interactions USING gin (words);

-- Index-only walks need the visibility map.
ALTER TABLE organizations SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);
ALTER TABLE contacts SET (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.02);

-- Relationships keep their past. The canonical link holds the present; each change of it closes the
-- present period and opens the next, in the same transaction, whoever writes.
CREATE TABLE relationship_periods (
  id                  BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  organization_id     UUID NOT NULL REFERENCES organizations(id) ON DELETE CASCADE,
  contact_id          UUID NOT NULL REFERENCES contacts(id) ON DELETE CASCADE,
  role_label          VARCHAR(120),
  relationship_status VARCHAR(40),
  "from"              TIMESTAMPTZ NOT NULL,
  "to"                TIMESTAMPTZ,             -- NULL while it lasts
  CONSTRAINT relationship_periods_order CHECK ("to" >= "from")
);
CREATE UNIQUE INDEX relationship_periods_present ON relationship_periods(organization_id, contact_id) WHERE "to" IS NULL;
CREATE INDEX relationship_periods_organization ON relationship_periods(organization_id, "from");
CREATE INDEX relationship_periods_contact ON relationship_periods(contact_id, "from");

-- +goose StatementBegin
CREATE FUNCTION keep_relationship_periods() RETURNS trigger LANGUAGE plpgsql AS $$
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
CREATE TRIGGER keep_periods AFTER INSERT OR UPDATE OR DELETE ON organization_contact
  FOR EACH ROW EXECUTE FUNCTION keep_relationship_periods();

-- +goose Down
DROP TABLE relationship_periods;
DROP TRIGGER keep_periods ON organization_contact;
DROP FUNCTION keep_relationship_periods;
