-- The four roles every register starts with, all with reach all, written like any other change: with a
-- change set and images, so that history, undo and verify know them from the start.

-- +goose Up
SET LOCAL timezone = 'UTC';

INSERT INTO permissions (slug) VALUES
  ('ViewClient'), ('EditClient'), ('ViewInteraction'), ('EditInteraction'),
  ('ImportClient'), ('ExportClient'), ('ViewAudit'), ('ManageUsers');

INSERT INTO roles (slug, name) VALUES
  ('admin', 'Administrator'), ('manager', 'Manager'), ('account_manager', 'Account manager'), ('viewer', 'Viewer');

INSERT INTO role_permissions (role_id, permission_id)
SELECT r.id, p.id FROM roles r JOIN permissions p ON
  r.slug = 'admin'
  OR r.slug = 'manager' AND p.slug IN ('ViewClient', 'EditClient', 'ViewInteraction', 'EditInteraction', 'ImportClient', 'ExportClient')
  OR r.slug = 'account_manager' AND p.slug IN ('ViewClient', 'EditClient', 'ViewInteraction', 'EditInteraction')
  OR r.slug = 'viewer' AND p.slug IN ('ViewClient', 'ViewInteraction');

WITH cs AS (INSERT INTO change_sets (id, kind) VALUES (gen_random_uuid(), 'install') RETURNING id)
INSERT INTO audit_logs (change_set_id, action, target_type, target_id, table_name, after)
SELECT cs.id, 'create_role', 'role', r.id, 'roles', audit_image(to_jsonb(r)) FROM cs, roles r
UNION ALL
SELECT cs.id, 'create_role', 'role', rp.role_id, 'role_permissions', audit_image(to_jsonb(rp)) FROM cs, role_permissions rp;

-- +goose Down
SELECT 1;
