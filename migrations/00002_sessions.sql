-- Sign-in: live sessions, guesses counted before they are evaluated, addresses a user is known at,
-- and the answers of forms already taken.

-- +goose Up
CREATE TABLE sessions (
  token        TEXT PRIMARY KEY,             -- SHA-256 of the cookie's token
  user_id      UUID REFERENCES users(id) ON DELETE CASCADE,
  data         BYTEA NOT NULL,
  ip           INET,
  ua           VARCHAR(400),
  created_at   TIMESTAMPTZ NOT NULL DEFAULT now(),
  last_seen_at TIMESTAMPTZ NOT NULL DEFAULT now(), -- moved at most once a minute
  expires_at   TIMESTAMPTZ NOT NULL,
  revoked_at   TIMESTAMPTZ                   -- kept until it expires, so that a slow request cannot revive it
);
CREATE INDEX sessions_user ON sessions(user_id);
CREATE INDEX sessions_expires ON sessions(expires_at);

-- One row per password guess, written before the hash is looked at: parallel bursts cannot outrun it.
CREATE TABLE sign_in_attempts (
  id         BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  account    BYTEA NOT NULL,                 -- SHA-256 of the lower-case address typed; it need not exist
  address    INET NOT NULL,                  -- IPv6 as its /64
  known      BOOLEAN NOT NULL,               -- from an address this account signed in from before: its own budget
  evaluated  BOOLEAN NOT NULL,               -- false when refused by a budget: counts for the address only
  succeeded  BOOLEAN NOT NULL DEFAULT FALSE,
  created_at TIMESTAMPTZ NOT NULL DEFAULT clock_timestamp()
);
CREATE INDEX sign_in_attempts_account ON sign_in_attempts(account, created_at);
CREATE INDEX sign_in_attempts_address ON sign_in_attempts(address, created_at);
CREATE INDEX sign_in_attempts_created ON sign_in_attempts(created_at);

CREATE TABLE user_addresses (
  user_id    UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  address    INET NOT NULL,
  last_at    TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, address)
);

-- A form sent twice makes one record: the first submit leaves its answer here, in the same transaction.
CREATE TABLE form_tokens (
  user_id    UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  token      UUID NOT NULL,
  record_id  UUID NOT NULL,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  PRIMARY KEY (user_id, token)
);
CREATE INDEX form_tokens_created ON form_tokens(created_at);

-- +goose Down
DROP TABLE form_tokens, user_addresses, sign_in_attempts, sessions;
