-- Organizations are sorted by their website and tax id as well, for whoever shows these columns.

-- +goose Up
CREATE INDEX organizations_website_name ON organizations((coalesce(website, '')), display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;
CREATE INDEX organizations_owner_website_name ON organizations(owner_user_id, (coalesce(website, '')), display_name COLLATE "und-x-icu", id) WHERE is_active;
CREATE INDEX organizations_tax_name ON organizations((coalesce(tax_id, '')), display_name COLLATE "und-x-icu", id) INCLUDE (owner_user_id) WHERE is_active;
CREATE INDEX organizations_owner_tax_name ON organizations(owner_user_id, (coalesce(tax_id, '')), display_name COLLATE "und-x-icu", id) WHERE is_active;

-- +goose Down
DROP INDEX organizations_website_name, organizations_owner_website_name, organizations_tax_name, organizations_owner_tax_name;
