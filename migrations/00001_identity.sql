-- Who can sign in, what they may do, and how far.
-- Identity comes before the registry because the registry's owners and authors refer to users.

-- +goose Up
CREATE TABLE teams (
  id         UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  name       VARCHAR(120) NOT NULL,
  parent_id  UUID REFERENCES teams(id), -- a region is a parent team; cycles are refused by the application
  version    INTEGER NOT NULL DEFAULT 1,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT teams_name_key UNIQUE (name)
);
CREATE INDEX teams_parent ON teams(parent_id);

CREATE TABLE users (
  id         UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  email      VARCHAR(190) NOT NULL,
  name       VARCHAR(120) NOT NULL DEFAULT '',
  team_id    UUID REFERENCES teams(id),
  zone       VARCHAR(60), -- IANA name; NULL for the firm's
  theme      VARCHAR(10), -- light, dark; NULL for the system's
  is_active  BOOLEAN NOT NULL DEFAULT TRUE,
  version    INTEGER NOT NULL DEFAULT 1,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  updated_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT users_email_key UNIQUE (email),
  CONSTRAINT users_email_lower CHECK (email = lower(email))
);
CREATE INDEX users_team ON users(team_id);
CREATE INDEX users_name ON users(name COLLATE "und-x-icu", id);

-- Secrets live apart from the user: no image, no history, no undo ever sees them.
CREATE TABLE user_credentials (
  user_id             UUID PRIMARY KEY REFERENCES users(id) ON DELETE CASCADE,
  password_hash       TEXT NOT NULL,           -- argon2id, PHC string
  must_change         BOOLEAN NOT NULL DEFAULT FALSE, -- a one-time password: nothing else opens before it is changed
  password_changed_at TIMESTAMPTZ NOT NULL DEFAULT now()
);

CREATE TABLE roles (
  id         UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  slug       VARCHAR(60) NOT NULL,
  name       VARCHAR(120) NOT NULL,
  reach      VARCHAR(10) NOT NULL DEFAULT 'all',
  version    INTEGER NOT NULL DEFAULT 1,
  created_at TIMESTAMPTZ NOT NULL DEFAULT now(),
  CONSTRAINT roles_slug_key UNIQUE (slug),
  CONSTRAINT roles_reach CHECK (reach IN ('own', 'team', 'all'))
);

CREATE TABLE permissions (
  id   UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  slug VARCHAR(60) NOT NULL,
  CONSTRAINT permissions_slug_key UNIQUE (slug)
);

CREATE TABLE role_permissions (
  role_id       UUID NOT NULL REFERENCES roles(id) ON DELETE CASCADE,
  permission_id UUID NOT NULL REFERENCES permissions(id),
  PRIMARY KEY (role_id, permission_id)
);

CREATE TABLE user_roles (
  user_id UUID NOT NULL REFERENCES users(id) ON DELETE CASCADE,
  role_id UUID NOT NULL REFERENCES roles(id),
  PRIMARY KEY (user_id, role_id)
);
CREATE INDEX user_roles_role ON user_roles(role_id);

-- +goose Down
DROP TABLE user_roles, role_permissions, permissions, roles, user_credentials, users, teams;
