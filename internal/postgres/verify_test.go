package postgres_test

import (
	"strings"
	"testing"
)

// Whoever owns the database can switch triggers off; verification tells what they did.
func TestVerifyFindsTampering(t *testing.T) {
	t.Parallel()
	const update = `(SELECT max(id) FROM audit_logs WHERE action = 'update_org')`
	for name, tt := range map[string]struct{ sql, want string }{
		"record edited":        {`UPDATE organizations SET tax_id = 'forged' WHERE display_name = 'Hers'`, "is not as its last change left it"},
		"record deleted":       {`DELETE FROM organizations WHERE display_name = 'His'`, "is gone without a change"},
		"record slipped in":    {`INSERT INTO organizations (legal_name, display_name) VALUES ('x', 'x')`, "has no image"},
		"rights slipped in":    {`INSERT INTO role_permissions SELECT r.id, p.id FROM roles r, permissions p WHERE r.slug = 'viewer' AND p.slug = 'ManageUsers'`, "has no image"},
		"first row deleted":    {`DELETE FROM audit_logs WHERE action = 'create_org' AND after->>'display_name' = 'Hers'`, "was not as this change found it"},
		"middle row deleted":   {`DELETE FROM audit_logs WHERE id = (SELECT min(id) FROM audit_logs WHERE action = 'update_org')`, "was not as this change found it"},
		"last row deleted":     {`DELETE FROM audit_logs WHERE id = ` + update, "is not as its last change left it"},
		"before image altered": {`UPDATE audit_logs SET before = before || '{"sector": "forged"}' WHERE id = ` + update, "was not as this change found it"},
		"after image altered":  {`UPDATE audit_logs SET after = after || '{"sector": "forged"}' WHERE id = ` + update, "is not as its last change left it"},
		"image without key":    {`UPDATE audit_logs SET before = before - 'id', after = after - 'id' WHERE id = ` + update, "names no record"},
		"change set emptied":   {`DELETE FROM audit_logs WHERE change_set_id = (SELECT change_set_id FROM audit_logs WHERE id = ` + update + `)`, "has no audit rows"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newFirm(t)
			furnish(t, f)
			for _, sector := range []string{"a", "b"} {
				o := must(f.sys.Organization(ctx, f.hers))(t)
				o.Sector = sector
				must(f.sys.UpdateOrganization(ctx, o))(t)
			}
			verify(t, f.sys)
			run(t, f.conn, `SET session_replication_role = replica`)
			run(t, f.conn, tt.sql)
			v := must(f.sys.Verify(ctx))(t)
			if !strings.Contains(strings.Join(v.Problems, "\n"), tt.want) {
				t.Errorf("got problems %q, want one that says %q", v.Problems, tt.want)
			}
		})
	}
}
