-- How close together a person likes rows to stand: compact; NULL for comfortable.

-- +goose Up
ALTER TABLE users ADD COLUMN density VARCHAR(10);

-- +goose Down
ALTER TABLE users DROP COLUMN density;
