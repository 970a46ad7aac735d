-- How people like their lists: saved views, and what each keeps per list.
--
-- A view is a record: it has images, a history and Undo, since a shared one is other people's tool. It holds a
-- query, never rows: whoever opens it runs the query as themselves.

-- +goose Up
CREATE TABLE saved_views (
  id            UUID PRIMARY KEY,
  list          VARCHAR(20) NOT NULL,
  name          VARCHAR(80) NOT NULL,
  query         VARCHAR(4000) NOT NULL DEFAULT '', -- the list's address after the ?, without a place in it
  columns       VARCHAR(400) NOT NULL DEFAULT '',  -- their names in order, by commas; '' for the reader's own
  owner_user_id UUID NOT NULL REFERENCES users(id),
  shared        VARCHAR(10) NOT NULL DEFAULT 'private',
  team_id       UUID REFERENCES teams(id),         -- that team and those below it, while shared is team; an undo may
                                                   -- put back one of the two and keep the other
  version       INTEGER NOT NULL DEFAULT 1,
  created_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT saved_views_list CHECK (list IN ('organizations', 'contacts', 'interactions')),
  CONSTRAINT saved_views_shared CHECK (shared IN ('private', 'team', 'everyone')),
  CONSTRAINT saved_views_name_key UNIQUE (owner_user_id, list, name)
);
CREATE INDEX saved_views_everyone ON saved_views(list, name) WHERE shared = 'everyone';
CREATE INDEX saved_views_of_team ON saved_views(team_id) WHERE team_id IS NOT NULL;

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON saved_views
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard('id');
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON saved_views FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();

-- What one person keeps for one list. Views are named without a foreign key: one that was deleted is passed over,
-- and stands where it stood when Undo brings it back.
CREATE TABLE user_lists (
  user_id      UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  list         VARCHAR(20) NOT NULL,
  columns      VARCHAR(400) NOT NULL DEFAULT '',   -- '' for the usual ones
  default_view UUID,
  pinned       UUID[] NOT NULL DEFAULT '{}',
  PRIMARY KEY (user_id, list),
  CONSTRAINT user_lists_list CHECK (list IN ('organizations', 'contacts', 'interactions'))
);

-- +goose Down
DROP TABLE user_lists, saved_views;
