-- The language that a person chose; NULL follows their browser.

-- +goose Up
ALTER TABLE users ADD COLUMN language VARCHAR(10);

-- +goose Down
ALTER TABLE users DROP COLUMN language;
