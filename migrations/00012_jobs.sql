-- Work that takes longer than anybody wants to look at a loading page: it is left here and done in the background,
-- as the user who asked for it.

-- +goose Up
-- A job is done in one transaction, which also marks it done: one that is cut off half-way leaves nothing behind and
-- is done again, one that is done is never done twice. Whoever works on it holds an advisory lock, not the row, so
-- that progress can be written beside the transaction and read by anyone.
CREATE TABLE jobs (
  id            UUID PRIMARY KEY,
  kind          VARCHAR(40) NOT NULL,                 -- the action that its change set will have, such as archive_clients
  user_id       UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  task          JSONB NOT NULL,                       -- what to do, in full; run again as that user, who may have lost rights
  ip            INET,                                 -- where it was asked for: audit rows tell it
  ua            VARCHAR(400),
  created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  due_at        TIMESTAMPTZ NOT NULL DEFAULT now(),   -- next try
  attempts      INTEGER NOT NULL DEFAULT 0,
  started_at    TIMESTAMPTZ,                          -- of the latest try
  done          INTEGER NOT NULL DEFAULT 0,           -- rows gone through in the latest try
  total         INTEGER NOT NULL DEFAULT 0,
  finished_at   TIMESTAMPTZ,
  change_set_id UUID REFERENCES change_sets(id),      -- NULL where nothing was changed
  result        JSONB                                 -- what was done and skipped, or why nothing was
);
CREATE INDEX jobs_waiting ON jobs(due_at) WHERE finished_at IS NULL;
CREATE INDEX jobs_user ON jobs(user_id, created_at);

-- +goose Down
DROP TABLE jobs;
