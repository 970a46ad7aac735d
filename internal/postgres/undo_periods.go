package postgres

import (
	"context"
	"time"
)

// rewindPeriods makes the past of relationships as if the change set had not been: the periods it opened are
// forgotten, the one it closed goes on. Where it was itself an undo, the past is again as what it took back had
// left it: dated then, not today. Where somebody changed the link in between, the past stays as it was.
func (u *undo) rewindPeriods(ctx context.Context) error {
	links := u.records["organization_contact"]
	if len(links) == 0 {
		return nil
	}
	table, _ := tableNamed("organization_contact")
	args := keyArgs(table, links)
	args["root"] = u.root.TxAt
	args["at"] = []time.Time{u.at}
	if u.root.Depth%2 == 0 {
		args["at"] = []time.Time{u.at, u.root.TxAt} // made again, its periods are dated when it was first made
	}
	steps := []string{
		// opened by the change set and closed by this undo: it never was
		`DELETE FROM relationship_periods t USING ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."from" = ANY(@at) AND t."to" = now()`,
		// closed by the change set, and the link is again as it was then: it went on
		`WITH reopened AS (
			SELECT t.id, n.id AS opened FROM relationship_periods t JOIN ` + table.keysFrom() + ` ON ` + table.matches() + `
			JOIN relationship_periods n ON n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL AND n."from" = now()
			WHERE t."to" = ANY(@at) AND (t.role_label, t.relationship_status) IS NOT DISTINCT FROM (n.role_label, n.relationship_status)),
		gone AS (DELETE FROM relationship_periods t USING reopened r WHERE t.id = r.opened RETURNING r.id)
		SELECT count(*) FROM gone`,
		`UPDATE relationship_periods t SET "to" = NULL FROM ` + table.keysFrom() + ` WHERE ` + table.matches() + ` AND t."to" = ANY(@at)
			AND NOT EXISTS (SELECT 1 FROM relationship_periods n WHERE n.organization_id = t.organization_id AND n.contact_id = t.contact_id AND n."to" IS NULL)
			AND EXISTS (SELECT 1 FROM organization_contact l WHERE l.organization_id = t.organization_id AND l.contact_id = t.contact_id)`,
	}
	if u.root.Depth%2 == 1 {
		// closed or opened by this undo, which makes an old change again: dated when that was made
		steps = append(steps, `UPDATE relationship_periods t SET "from" = CASE t."from" WHEN now() THEN @root ELSE t."from" END,
				"to" = CASE t."to" WHEN now() THEN @root ELSE t."to" END
			FROM `+table.keysFrom()+` WHERE `+table.matches()+` AND (t."from" = now() OR t."to" = now() AND t."from" <= @root)
			AND NOT EXISTS (SELECT 1 FROM relationship_periods o WHERE o.organization_id = t.organization_id AND o.contact_id = t.contact_id
				AND (o."from" > @root AND o."from" < now() OR o."to" > @root AND o."to" < now()))`)
	}
	for _, sql := range steps {
		if _, err := u.work.Exec(ctx, sql, args); err != nil {
			return err
		}
	}
	return nil
}
