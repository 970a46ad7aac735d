-- Single letters act on a page: g o goes, e edits. Who dictates, or has a hand that slips, switches them off.

-- +goose Up
ALTER TABLE users ADD COLUMN keys_off BOOLEAN NOT NULL DEFAULT FALSE;

-- +goose Down
ALTER TABLE users DROP COLUMN keys_off;
