-- The client registry, exactly as the canonical schema has it: tables, columns, types, nullability,
-- defaults, foreign keys and index names are a contract with other implementations. Later migrations
-- may add to these tables; none may rename, retype, drop or loosen what stands here.

-- +goose Up
CREATE TABLE organizations (
  id             UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  legal_name     VARCHAR(200) NOT NULL,
  display_name   VARCHAR(160) NOT NULL,
  website        VARCHAR(200),
  sector         VARCHAR(80),
  size_band      VARCHAR(40),
  tax_id         VARCHAR(50),
  owner_user_id  UUID,
  is_active      BOOLEAN NOT NULL DEFAULT TRUE,
  created_at     TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at     TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  FOREIGN KEY (owner_user_id) REFERENCES users(id) ON DELETE SET NULL
);
CREATE INDEX idx_organizations_display_name ON organizations(display_name);
CREATE INDEX idx_organizations_sector ON organizations(sector);

CREATE TABLE contacts (
  id             UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  first_name     VARCHAR(80) NOT NULL,
  last_name      VARCHAR(80) NOT NULL,
  email          VARCHAR(190),
  phone          VARCHAR(40),
  mobile         VARCHAR(40),
  job_title      VARCHAR(120),
  owner_user_id  UUID,
  is_active      BOOLEAN NOT NULL DEFAULT TRUE,
  created_at     TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  updated_at     TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  FOREIGN KEY (owner_user_id) REFERENCES users(id) ON DELETE SET NULL
);
CREATE UNIQUE INDEX idx_contacts_email_unique ON contacts(email) WHERE email IS NOT NULL;

CREATE TABLE organization_contact (
  organization_id     UUID NOT NULL,
  contact_id          UUID NOT NULL,
  role_label          VARCHAR(120),
  relationship_status VARCHAR(40),
  PRIMARY KEY (organization_id, contact_id),
  FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE CASCADE,
  FOREIGN KEY (contact_id)      REFERENCES contacts(id)      ON DELETE CASCADE
);

CREATE TABLE interactions (
  id              UUID PRIMARY KEY DEFAULT gen_random_uuid(),
  organization_id UUID,
  contact_id      UUID,
  user_id         UUID,
  channel         VARCHAR(40) NOT NULL,
  subject         VARCHAR(200) NOT NULL,
  body            TEXT,
  outcome         VARCHAR(80),
  happened_at     TIMESTAMP WITH TIME ZONE NOT NULL,
  created_at      TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT NOW(),
  FOREIGN KEY (organization_id) REFERENCES organizations(id) ON DELETE SET NULL,
  FOREIGN KEY (contact_id)      REFERENCES contacts(id)      ON DELETE SET NULL,
  FOREIGN KEY (user_id)         REFERENCES users(id)         ON DELETE SET NULL
);
CREATE INDEX idx_interactions_org ON interactions(organization_id);
CREATE INDEX idx_interactions_contact ON interactions(contact_id);
CREATE INDEX idx_interactions_happened_at ON interactions(happened_at);

-- +goose Down
DROP TABLE interactions, organization_contact, contacts, organizations;
