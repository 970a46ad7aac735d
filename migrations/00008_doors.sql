-- How people and programs come in: invitations and resets by single-use links, mail, a second factor, tokens.
-- Every secret is stored as a hash only, but for TOTP secrets, which must be computed with.

-- +goose Up

-- A session is named by its id on pages; the token, hashed or not, never leaves this table.
ALTER TABLE sessions
  ADD COLUMN id   UUID NOT NULL DEFAULT gen_random_uuid(),
  ADD COLUMN half BOOLEAN NOT NULL DEFAULT FALSE; -- the password was right, the second factor is still to come
CREATE UNIQUE INDEX sessions_id ON sessions(id);

-- The second factor. A secret counts once it was confirmed by a code; until then it is pending.
ALTER TABLE user_credentials
  ADD COLUMN totp_secret  TEXT,
  ADD COLUMN totp_pending TEXT,
  ADD COLUMN totp_step    BIGINT NOT NULL DEFAULT 0, -- the last step whose code was taken: each code works once
  ADD COLUMN totp_since   TIMESTAMPTZ;
CREATE TABLE recovery_codes (
  user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  hash    BYTEA NOT NULL,                     -- SHA-256: the codes are random, a slow hash would add nothing
  used_at TIMESTAMPTZ,
  PRIMARY KEY (user_id, hash)
);
-- A role may ask for a second factor: who has it and none set up can do nothing else before.
ALTER TABLE roles ADD COLUMN requires_mfa BOOLEAN NOT NULL DEFAULT FALSE;

-- Links sent to people: invitations, password resets. Single use; all of one purpose die together.
CREATE TABLE user_secrets (
  hash       BYTEA PRIMARY KEY,               -- SHA-256 of at least 128 random bits
  user_id    UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  purpose    VARCHAR(20) NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at TIMESTAMPTZ NOT NULL,
  used_at    TIMESTAMPTZ,                     -- used, or ended
  CONSTRAINT user_secrets_purpose CHECK (purpose IN ('invitation', 'reset'))
);
CREATE INDEX user_secrets_user ON user_secrets(user_id, purpose);
CREATE INDEX user_secrets_expires ON user_secrets(expires_at);

-- Mail to be sent, written in the transaction of whatever it tells of. A row holds no secret and no text:
-- the link in a mail is made when it is sent.
CREATE TABLE outbox (
  id          UUID PRIMARY KEY,
  kind        VARCHAR(40) NOT NULL,
  user_id     UUID REFERENCES users(id) ON DELETE CASCADE, -- NULL: a reset for an address nobody has; sent to no one
  created_at  TIMESTAMPTZ NOT NULL DEFAULT now(),
  due_at      TIMESTAMPTZ NOT NULL DEFAULT now(),          -- next try; moved ahead while one is under way
  expires_at  TIMESTAMPTZ NOT NULL,                        -- not worth sending after this
  attempts    INTEGER NOT NULL DEFAULT 0,
  sent_at     TIMESTAMPTZ,
  dropped_at  TIMESTAMPTZ,                                 -- given up, or no longer wanted
  fault       VARCHAR(400)                                 -- what the last try failed with
);
CREATE INDEX outbox_due ON outbox(due_at) WHERE sent_at IS NULL AND dropped_at IS NULL;
CREATE INDEX outbox_user ON outbox(user_id, created_at);

-- end_links ends every link sent to a user, and the mails that would make another; it returns how many there were.
-- Whoever makes or ends links locks the user's row first. An address or an account that goes takes its links along,
-- whichever way it goes: by an edit, a deactivation or an undo.
-- +goose StatementBegin
CREATE FUNCTION end_links(who UUID) RETURNS BIGINT LANGUAGE sql SET search_path = public, pg_temp AS $$
  WITH links AS (UPDATE user_secrets SET used_at = now() WHERE user_id = who AND used_at IS NULL AND expires_at > now() RETURNING 1),
    mails AS (UPDATE outbox SET dropped_at = now()
      WHERE user_id = who AND sent_at IS NULL AND dropped_at IS NULL AND kind IN ('invitation', 'reset') RETURNING 1)
  SELECT (SELECT count(*) FROM links) + (SELECT count(*) FROM mails)
$$;
-- An account that goes ends its sessions, too: reactivated, or with the deactivation undone, it begins without any.
CREATE FUNCTION users_end_doors() RETURNS trigger LANGUAGE plpgsql SET search_path = public, pg_temp AS $$
BEGIN
  PERFORM end_links(NEW.id);
  IF NOT NEW.is_active THEN
    UPDATE sessions SET revoked_at = now(), data = '' WHERE user_id = NEW.id AND revoked_at IS NULL;
  END IF;
  RETURN NULL;
END $$;
-- +goose StatementEnd
CREATE TRIGGER end_doors AFTER UPDATE OF email, is_active ON users FOR EACH ROW
  WHEN (OLD.email <> NEW.email OR OLD.is_active AND NOT NEW.is_active) EXECUTE FUNCTION users_end_doors();

-- Programs act as a user, with at most that user's rights.
CREATE TABLE api_tokens (
  id           UUID PRIMARY KEY,
  user_id      UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  name         VARCHAR(80) NOT NULL,
  hash         BYTEA NOT NULL,                -- SHA-256 of the token
  hint         VARCHAR(12) NOT NULL,          -- its last characters, to tell one from another
  scopes       TEXT[] NOT NULL,               -- permission slugs; what the user no longer holds counts for nothing
  created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  expires_at   TIMESTAMPTZ,                   -- NULL: until it is revoked
  last_used_at TIMESTAMPTZ,                   -- moved at most once a minute
  last_ip      INET,
  revoked_at   TIMESTAMPTZ,
  CONSTRAINT api_tokens_hash_key UNIQUE (hash)
);
CREATE INDEX api_tokens_user ON api_tokens(user_id, created_at);

-- An Idempotency-Key is a form token; the fingerprint tells a repeated request from another one under the same key.
ALTER TABLE form_tokens ADD COLUMN fingerprint BYTEA;

-- Who has put the first steps aside, or taken them all.
CREATE TABLE user_welcomes (
  user_id UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  done_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

-- +goose Down
DROP TRIGGER end_doors ON users;
DROP FUNCTION users_end_doors(), end_links(UUID);
DROP TABLE user_welcomes, api_tokens, outbox, user_secrets, recovery_codes;
ALTER TABLE form_tokens DROP COLUMN fingerprint;
ALTER TABLE roles DROP COLUMN requires_mfa;
ALTER TABLE user_credentials DROP COLUMN totp_secret, DROP COLUMN totp_pending, DROP COLUMN totp_step, DROP COLUMN totp_since;
ALTER TABLE sessions DROP COLUMN id, DROP COLUMN half;
