-- Interactions are sorted by whom they were with: from organization to organization by name, and then from person to person,
-- on indexes that are there. This one holds those with neither, of which the application makes none.

-- +goose Up
CREATE INDEX interactions_with_nobody ON interactions(happened_at, id) WHERE organization_id IS NULL AND contact_id IS NULL;

-- +goose Down
DROP INDEX interactions_with_nobody;
