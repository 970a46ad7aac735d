package postgres

import (
	"context"
	"fmt"
	"iter"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// LargeRegister is a firm too large to hold in memory. Its streams are read once or twice each, from the start.
type LargeRegister struct {
	People        Register // teams, roles and users
	Organizations iter.Seq[crm.Organization]
	Contacts      iter.Seq[crm.Contact]
	Relationships iter.Seq[crm.Relationship]
	Interactions  iter.Seq[crm.Interaction]
	FollowUps     iter.Seq[crm.FollowUp]
}

// Progress hears how many rows of a table have been loaded, or what is being done after that (rows is 0).
type Progress func(what string, rows int)

// loadedTable is a table that LoadLarge fills by COPY, with the triggers whose work the load does itself.
type loadedTable struct {
	name    string
	replace []string
}

// A guard's look-up, a period and a last contact for each row would take hours for millions. Each trigger is
// named: those of a later migration go on working, slowly, until somebody decides here.
var loadedTables = []loadedTable{
	{"organizations", []string{"audit_guard", "keep_activity_insert", "keep_main_insert"}},
	{"contacts", []string{"audit_guard", "keep_activity_insert", "keep_first_role_insert"}},
	{"organization_contact", []string{"audit_guard", "keep_activity_insert", "keep_first_role_insert", "keep_main_insert", "keep_periods", "keep_touch_insert"}},
	{"relationship_periods", nil},
	{"interactions", []string{"audit_guard", "keep_activity_insert", "keep_counts_insert"}},
	{"interaction_contacts", []string{"audit_guard", "keep_attendance_insert", "keep_first_attendee_insert", "keep_met_at"}},
	{"follow_ups", []string{"audit_guard", "keep_next_insert", "notice_assigned"}},
}

// derivedTables are filled from the loaded ones by rebuild_activity, rebuild_next_follow_up, rebuild_contact_reach,
// rebuild_first_attendees, rebuild_first_roles, rebuild_main_contacts and rebuild_counts, through their keys.
var derivedTables = []string{
	"organization_activity", "contact_activity", "contact_reach", "first_attendees", "first_roles", "main_contacts", "interaction_deltas", "interaction_hours", "interaction_days", "client_deltas", "client_days", "client_totals",
}

// LoadLarge fills an empty register with any number of records, in one transaction. The connection has to own
// the tables: indexes and foreign keys are taken off and made anew, so that the database checks them all at once, and
// the guards are off, by name, inside this transaction only, whose locks keep every other writer out. People
// have audit rows with images as ever; the records have none: the change set's kind tells verification that
// each is its own baseline. It returns ErrNotEmpty when there is a user, a team or a client already.
func (s *Store) LoadLarge(ctx context.Context, r LargeRegister, progress Progress) (Saved, error) {
	if err := s.require(authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.BulkLoad, func(ctx context.Context, w *work) ([]audit.Change, error) {
		if err := refuseUnlessEmpty(ctx, w); err != nil {
			return nil, err
		}
		if err := s.loadPeople(ctx, w, r.People); err != nil {
			return nil, err
		}
		l := &load{work: w, progress: progress, counts: map[string]any{}}
		if err := l.run(ctx, r); err != nil {
			return nil, err
		}
		return []audit.Change{{Action: audit.BulkLoad, Metadata: l.counts}}, nil
	})
	if err != nil {
		return Saved{}, err
	}
	progress("gathering statistics", 0)
	return Saved{ChangeSet: cs}, s.settle(ctx)
}

// settle lets the planner know what is there, and index-only walks trust the visibility map, without waiting
// for autovacuum.
func (s *Store) settle(ctx context.Context) error {
	for _, table := range slices.Concat(loadedNames(), derivedTables, []string{"users"}) {
		if _, err := s.db.pool.Exec(ctx, `VACUUM (ANALYZE) `+table); err != nil {
			return fmt.Errorf("everything is loaded, but statistics could not be gathered: %w", err)
		}
	}
	return nil
}

func loadedNames() []string {
	names := make([]string, len(loadedTables))
	for i, t := range loadedTables {
		names[i] = t.name
	}
	return names
}

// load is one LoadLarge under way.
type load struct {
	*work
	progress Progress
	counts   map[string]any
}

func (l *load) run(ctx context.Context, r LargeRegister) error {
	// The guards of people speak now: no table can be altered with their events pending.
	if err := l.exec(ctx, `SET CONSTRAINTS ALL IMMEDIATE`, `SET CONSTRAINTS ALL DEFERRED`,
		`SET LOCAL statement_timeout = 0`, `SET LOCAL maintenance_work_mem = '512MB'`, `SET LOCAL work_mem = '128MB'`); err != nil {
		return err
	}
	stripped, err := l.strip(ctx)
	if err != nil {
		return err
	}
	if err := l.copyAll(ctx, r); err != nil {
		return err
	}
	for _, kind := range []string{indexes, keys} {
		if err := l.putBack(ctx, kind, stripped[kind]); err != nil {
			return err
		}
	}
	l.progress("last contacts", 0)
	if err := l.exec(ctx, `SELECT rebuild_activity()`, `SELECT rebuild_next_follow_up()`, `ANALYZE contact_activity`, `SELECT rebuild_contact_reach()`,
		`SELECT rebuild_first_attendees()`, `SELECT rebuild_first_roles()`, `SELECT rebuild_main_contacts()`); err != nil { // look things up by key
		return err
	}
	l.progress("counts", 0)
	if err := l.exec(ctx, `SELECT rebuild_counts()`); err != nil {
		return err
	}
	for _, kind := range []string{derivedIndexes, foreignKeys} {
		if err := l.putBack(ctx, kind, stripped[kind]); err != nil {
			return err
		}
	}
	return l.switchTriggers(ctx, "ENABLE")
}

func (l *load) exec(ctx context.Context, statements ...string) error {
	for _, sql := range statements {
		if _, err := l.Exec(ctx, sql); err != nil {
			return fmt.Errorf("%s: %w", sql, err)
		}
	}
	return nil
}

// Kinds of what is taken off, in the order in which it goes back.
const (
	indexes        = "indexes"
	keys           = "keys"
	derivedIndexes = "derived indexes"
	foreignKeys    = "foreign keys"
)

// dressing is an index or a constraint as the catalogue has it: how to take it off, how to put it back.
type dressing struct{ Of, Off, Back string }

// strip disables the triggers that the load replaces, takes off foreign keys, keys and indexes, and returns, by
// kind, what has to go back.
func (l *load) strip(ctx context.Context) (map[string][]dressing, error) {
	if err := l.switchTriggers(ctx, "DISABLE"); err != nil {
		return nil, err
	}
	const constraint = `SELECT conrelid::regclass::text AS of, format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname) AS off,
		format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname, pg_get_constraintdef(oid)) AS back FROM pg_constraint WHERE `
	const index = `SELECT indrelid::regclass::text AS of, format('DROP INDEX %s', indexrelid::regclass) AS off, pg_get_indexdef(indexrelid) AS back FROM pg_index
		WHERE indexrelid NOT IN (SELECT conindid FROM pg_constraint WHERE contype IN ('p', 'u', 'x')) AND `
	args := pgx.NamedArgs{"loaded": loadedNames(), "derived": derivedTables}
	stripped := map[string][]dressing{}
	for _, step := range []struct{ kind, sql string }{
		{foreignKeys, constraint + `contype = 'f' AND (conrelid = ANY(@loaded::regclass[]) OR confrelid = ANY(@loaded::regclass[]))`},
		{keys, constraint + `contype IN ('p', 'u') AND conrelid = ANY(@loaded::regclass[])`},
		{indexes, index + `indrelid = ANY(@loaded::regclass[])`},
		{derivedIndexes, index + `indrelid = ANY(@derived::regclass[])`},
	} {
		found, err := many[dressing](ctx, l, step.sql+` ORDER BY of, off`, args)
		if err != nil {
			return nil, err
		}
		for _, d := range found {
			if err := l.exec(ctx, d.Off); err != nil {
				return nil, err
			}
		}
		stripped[step.kind] = found
	}
	return stripped, nil
}

func (l *load) putBack(ctx context.Context, kind string, all []dressing) error {
	table := ""
	for _, d := range all {
		if d.Of != table {
			table = d.Of
			l.progress(kind+" of "+table, 0)
		}
		if err := l.exec(ctx, d.Back); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) switchTriggers(ctx context.Context, how string) error {
	for _, t := range loadedTables {
		for _, trigger := range t.replace {
			if err := l.exec(ctx, `ALTER TABLE `+t.name+` `+how+` TRIGGER `+trigger); err != nil {
				return err
			}
		}
	}
	return nil
}

func (l *load) copyAll(ctx context.Context, r LargeRegister) error {
	if err := copyRows(ctx, l, "organizations", []string{
		"id", "legal_name", "display_name", "website", "sector", "size_band", "tax_id", "owner_user_id", "is_active", "created_at", "updated_at", "touch_every_days",
	}, r.Organizations, func(o crm.Organization) []any {
		return []any{
			o.ID, o.LegalName, o.DisplayName, emptyNull(o.Website), emptyNull(o.Sector), emptyNull(o.SizeBand), emptyNull(o.TaxID),
			o.OwnerUserID, o.IsActive, o.CreatedAt, o.CreatedAt, o.TouchEveryDays,
		}
	}); err != nil {
		return err
	}
	if err := copyRows(ctx, l, "contacts", []string{
		"id", "first_name", "last_name", "email", "phone", "mobile", "job_title", "owner_user_id", "is_active", "created_at", "updated_at",
	}, r.Contacts, func(c crm.Contact) []any {
		return []any{
			c.ID, c.FirstName, c.LastName, emptyNull(c.Email), emptyNull(c.Phone), emptyNull(c.Mobile), emptyNull(c.JobTitle),
			c.OwnerUserID, c.IsActive, c.CreatedAt, c.CreatedAt,
		}
	}); err != nil {
		return err
	}
	if err := copyRows(ctx, l, "organization_contact", []string{"organization_id", "contact_id", "role_label", "relationship_status", "touch_every_days"},
		r.Relationships, func(c crm.Relationship) []any {
			return []any{c.OrganizationID, c.ContactID, emptyNull(c.RoleLabel), emptyNull(c.RelationshipStatus), c.TouchEveryDays}
		}); err != nil {
		return err
	}
	if err := copyRows(ctx, l, "relationship_periods", []string{"organization_id", "contact_id", "role_label", "relationship_status", "from"},
		r.Relationships, func(c crm.Relationship) []any {
			return []any{c.OrganizationID, c.ContactID, emptyNull(c.RoleLabel), emptyNull(c.RelationshipStatus), c.Since}
		}); err != nil {
		return err
	}
	if err := copyTalk(ctx, l, r.Interactions); err != nil {
		return err
	}
	return copyRows(ctx, l, "follow_ups", []string{
		"id", "title", "due_on", "due_at", "user_id", "organization_id", "contact_id", "state", "outcome", "done_at", "done_by", "created_by", "created_at", "updated_at",
	}, r.FollowUps, func(f crm.FollowUp) []any {
		return []any{
			f.ID, f.Title, nullTime(f.Due.Day.Start(time.UTC)), nullTime(f.Due.At), f.UserID, f.OrganizationID, f.ContactID, string(f.State), emptyNull(f.Outcome), nullTime(f.DoneAt), f.DoneBy, f.CreatedBy,
			f.CreatedAt, f.CreatedAt,
		}
	})
}

// attended is one attendee about to be loaded.
type attended struct {
	interaction, contact uuid.UUID
	at                   time.Time
}

// copyTalk streams interactions, and then their attendees, which are few: those wait in memory.
func copyTalk(ctx context.Context, l *load, interactions iter.Seq[crm.Interaction]) error {
	var attendees []attended
	if err := copyRows(ctx, l, "interactions", []string{
		"id", "organization_id", "contact_id", "user_id", "channel", "subject", "body", "outcome", "happened_at", "created_at", "duration_minutes", "direction",
	}, interactions, func(i crm.Interaction) []any {
		for _, a := range i.Attendees {
			attendees = append(attendees, attended{i.ID, a.ContactID, i.HappenedAt})
		}
		return []any{
			i.ID, i.OrganizationID, i.ContactID, i.UserID, string(i.Channel), i.Subject,
			emptyNull(i.Body), emptyNull(i.Outcome), i.HappenedAt, i.CreatedAt, i.DurationMinutes, emptyNull(string(i.Direction)),
		}
	}); err != nil {
		return err
	}
	return copyRows(ctx, l, "interaction_contacts", []string{"interaction_id", "contact_id", "met_at"}, slices.Values(attendees), func(a attended) []any {
		return []any{a.interaction, a.contact, a.at}
	})
}

// stride is how many rows are loaded between two words of progress.
const stride = 1_000_000

// copyRows streams records into a table.
func copyRows[T any](ctx context.Context, l *load, table string, columns []string, records iter.Seq[T], row func(T) []any) error {
	next, stop := iter.Pull(records)
	defer stop()
	n := 0
	copied, err := l.conn.CopyFrom(ctx, pgx.Identifier{table}, columns, pgx.CopyFromFunc(func() ([]any, error) {
		record, more := next()
		if !more {
			return nil, nil
		}
		if n++; n%stride == 0 {
			l.progress(table, n)
		}
		return row(record), nil
	}))
	if err != nil {
		return fmt.Errorf("copy to %s: %w", table, err)
	}
	if n%stride != 0 {
		l.progress(table, n)
	}
	l.counts[table] = copied
	return nil
}
