-- What to do next: a follow-up is due on a day or at a moment, for somebody, about an organization, a contact, or both.
--
-- A day has no zone: "on Friday" is Friday for whoever reads it. A moment is one everywhere. Lists order the two by one
-- expression that is never NULL, a day counting from its midnight UTC; what is overdue they ask of each kind by itself.

-- +goose Up
CREATE TABLE follow_ups (
  id              UUID PRIMARY KEY,
  title           VARCHAR(200) NOT NULL,
  due_on          DATE,                        -- one of the two
  due_at          TIMESTAMPTZ,
  user_id         UUID REFERENCES users(id),   -- for whom; NULL for nobody in particular
  organization_id UUID REFERENCES organizations(id),
  contact_id      UUID REFERENCES contacts(id),
  interaction_id  UUID,                        -- that it was born from. No foreign key: deleted, the interaction may come back by Undo
  state           VARCHAR(10) NOT NULL DEFAULT 'open',
  outcome         VARCHAR(80),                 -- of a done one
  done_at         TIMESTAMPTZ,                 -- when it was done or cancelled
  done_by         UUID REFERENCES users(id),
  done_interaction_id UUID,                    -- that it led to; no foreign key, as above
  created_by      UUID REFERENCES users(id),
  created_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at      TIMESTAMPTZ NOT NULL DEFAULT now(),
  version         INTEGER NOT NULL DEFAULT 1,
  CONSTRAINT follow_ups_due CHECK (num_nonnulls(due_on, due_at) = 1),
  CONSTRAINT follow_ups_about CHECK (num_nonnulls(organization_id, contact_id) > 0),
  CONSTRAINT follow_ups_state CHECK (state IN ('open', 'done', 'cancelled')),
  CONSTRAINT follow_ups_done CHECK ((state = 'open') = (done_at IS NULL))
);

-- Each way to follow-ups has its index, for one state at a time: open ones are few for each person and record, however
-- many are done. Lists of open ones go by when they are due, of the others by when they were done, the latest first.
CREATE INDEX follow_ups_user_due ON follow_ups(user_id, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
CREATE INDEX follow_ups_due_order ON follow_ups(state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
CREATE INDEX follow_ups_organization ON follow_ups(organization_id, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
CREATE INDEX follow_ups_contact ON follow_ups(contact_id, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
CREATE INDEX follow_ups_creator ON follow_ups(created_by, state, (coalesce(due_at, due_on::timestamp AT TIME ZONE 'UTC')), id);
CREATE INDEX follow_ups_user_done ON follow_ups(user_id, state, done_at, id) WHERE state <> 'open';
CREATE INDEX follow_ups_done_order ON follow_ups(state, done_at, id) WHERE state <> 'open';
CREATE INDEX follow_ups_done_by ON follow_ups(done_by) WHERE done_by IS NOT NULL;
CREATE INDEX follow_ups_interaction ON follow_ups(interaction_id) WHERE interaction_id IS NOT NULL;

-- The history of a client shows what became of its follow-ups: among the changes of its interactions they are few.
CREATE INDEX audit_logs_follow_ups ON audit_logs(parent_id, id DESC) WHERE target_type = 'follow_up';

CREATE CONSTRAINT TRIGGER audit_guard AFTER INSERT OR UPDATE OR DELETE ON follow_ups
  DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION audit_guard('id');
CREATE TRIGGER audit_no_truncate BEFORE TRUNCATE ON follow_ups FOR EACH STATEMENT EXECUTE FUNCTION audit_no_truncate();

-- +goose Down
DROP INDEX audit_logs_follow_ups;
DROP TABLE follow_ups;
