package postgres

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// quietKind is where the overdue clients of one kind are found: by the index of a table of activity on its due
// moments, owner by owner.
type quietKind struct{ table, id string }

var (
	quietOrganizations = quietKind{"organization_activity a", "a.organization_id"}
	quietContacts      = quietKind{"contact_activity a", "a.contact_id"}
	quietReached       = quietKind{"contact_reach a", "a.contact_id"} // people of organizations in reach
)

// quietArms are the ways to the overdue clients of one kind in reach and of the people asked for.
func (s *Store) quietArms(k quietKind, f crm.OwnerFilter) []arm {
	const p = authz.ViewClient
	within := "a.next_touch_at <= now() AND " + s.ownerWithin(p, "a.owner_user_id")
	one := arm{from: k.table, where: within}
	switch {
	case f.Nobody:
		one.where += " AND a.owner_user_id IS NULL"
	case f.UserID.Valid:
		one.where += " AND a.owner_user_id = @owner::uuid"
	case f.TeamID.Valid:
		one.each, one.where = members, within+" AND a.owner_user_id = u.id"
	case s.actor.Reach(p) == authz.Team:
		one.each, one.where = everyOwner, "a.next_touch_at <= now() AND a.owner_user_id = u.id"
	}
	if k != quietContacts || f != (crm.OwnerFilter{}) || s.actor.Reach(p) == authz.All {
		return []arm{one}
	}
	reached := s.quietArms(quietReached, f)[0]
	reached.twice = true
	return []arm{one, reached}
}

// quietKeys returns the SQL of the most overdue clients of one kind, quietSize that of how many there are, up to one
// more than QuietCap.
func (s *Store) quietKeys(k quietKind, f crm.OwnerFilter, limit int) string {
	const sorted = " ORDER BY next_touch_at, id LIMIT "
	return s.quiet(k, f, k.id+" AS id, a.next_touch_at", " ORDER BY a.next_touch_at, "+k.id, limit) + sorted + strconv.Itoa(limit)
}

func (s *Store) quietSize(k quietKind, f crm.OwnerFilter) string {
	return "(SELECT count(*) FROM (" + s.quiet(k, f, k.id+" AS id", "", crm.QuietCap+1) + " LIMIT " + strconv.Itoa(crm.QuietCap+1) + ") n)"
}

func (s *Store) quiet(k quietKind, f crm.OwnerFilter, columns, order string, limit int) string {
	var parts []string
	for _, a := range s.quietArms(k, f) {
		parts = append(parts, a.of("t.*", "SELECT "+columns+" FROM "+a.from+" WHERE "+a.where+order+" LIMIT "+strconv.Itoa(limit)))
	}
	return "SELECT * FROM ((" + strings.Join(parts, ") UNION (") + ")) k"
}

// quietRow is a client as read, with how many of its kind there are. A last contact that never was is NULL.
type quietRow struct {
	crm.QuietClient
	LastContact *time.Time
	Total       int
}

// Quiet returns the clients with whom contact is overdue, most overdue first, at most limit: those in reach, or of
// them those whose owner f names. To who may not see interactions of their clients there are none.
func (s *Store) Quiet(ctx context.Context, f crm.OwnerFilter, limit int) (crm.Quiet, error) {
	if err := s.require(authz.ViewClient); err != nil || !s.actor.SeesLastContact() {
		return crm.Quiet{}, err
	}
	b := &batch{}
	var rows quietRows
	s.queueQuiet(b, &rows, f, limit)
	if err := b.send(ctx, s.db); err != nil {
		return crm.Quiet{}, translate(err)
	}
	return rows.list(limit), nil
}

// quietRows are the overdue clients as read, of both kinds.
type quietRows struct{ organizations, contacts []quietRow }

// queueQuiet reads what Quiet returns, for who may see it.
func (s *Store) queueQuiet(b *batch, into *quietRows, f crm.OwnerFilter, limit int) {
	args := s.args(ownerArgs(f))
	queueMany(b, &into.organizations, `SELECT o.id, FALSE AS is_contact, o.display_name AS name, '' AS organization, o.owner_user_id, coalesce(u.name, '') AS owner_name,
			nullif(a.last_contact_at, '-infinity') AS last_contact, k.next_touch_at, `+s.quietSize(quietOrganizations, f)+` AS total
		FROM (`+s.quietKeys(quietOrganizations, f, limit)+`) k JOIN organizations o ON o.id = k.id JOIN organization_activity a ON a.organization_id = k.id
		LEFT JOIN users u ON u.id = o.owner_user_id ORDER BY k.next_touch_at, k.id`, args)
	queueMany(b, &into.contacts, `SELECT c.id, TRUE AS is_contact, c.first_name || ' ' || c.last_name AS name, coalesce(p.display_name, '') AS organization, c.owner_user_id,
			coalesce(u.name, '') AS owner_name, nullif(a.last_contact_at, '-infinity') AS last_contact, k.next_touch_at, `+s.quietSize(quietContacts, f)+` AS total
		FROM (`+s.quietKeys(quietContacts, f, limit)+`) k JOIN contacts c ON c.id = k.id JOIN contact_activity a ON a.contact_id = k.id
		LEFT JOIN users u ON u.id = c.owner_user_id
		LEFT JOIN LATERAL (SELECT o.display_name FROM organization_contact l JOIN organizations o ON o.id = l.organization_id
			WHERE l.contact_id = c.id AND `+s.organizationScope(authz.ViewClient, "o")+`
			ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id LIMIT 1) p ON TRUE
		ORDER BY k.next_touch_at, k.id`, args)
}

// list puts both kinds together, the most overdue first.
func (r quietRows) list(limit int) crm.Quiet {
	var q crm.Quiet
	q.Organizations, q.Contacts, q.More = quietTotal(r.organizations), quietTotal(r.contacts), quietMore(r.organizations) || quietMore(r.contacts)
	for _, r := range slices.Concat(r.organizations, r.contacts) {
		r.LastContactAt = moment(r.LastContact)
		q.Clients = append(q.Clients, r.QuietClient)
	}
	slices.SortStableFunc(q.Clients, func(a, b crm.QuietClient) int { return a.NextTouchAt.Compare(b.NextTouchAt) })
	q.Clients = q.Clients[:min(limit, len(q.Clients))]
	return q
}

func quietTotal(rows []quietRow) int {
	if len(rows) == 0 {
		return 0
	}
	return min(rows[0].Total, crm.QuietCap)
}

func quietMore(rows []quietRow) bool { return len(rows) > 0 && rows[0].Total > crm.QuietCap }

// maxQuietPeople bounds for how many people clients are counted at once.
const maxQuietPeople = 500

// QuietCounts returns how many clients of each of the given people are overdue, by name: of those among them who own
// clients in reach, and of every active user in reach where none is given. To who may not see interactions of
// their clients there are none.
func (s *Store) QuietCounts(ctx context.Context, people []uuid.UUID) ([]crm.QuietCount, error) {
	if err := s.require(authz.ViewClient); err != nil || !s.actor.SeesLastContact() {
		return nil, err
	}
	b := &batch{}
	var counts []crm.QuietCount
	s.queueQuietCounts(b, &counts, people)
	return counts, translate(b.send(ctx, s.db))
}

// queueQuietCounts reads what QuietCounts returns, for who may see it.
func (s *Store) queueQuietCounts(b *batch, into *[]crm.QuietCount, people []uuid.UUID) {
	who := "u.id = ANY(@people::uuid[])"
	if people == nil {
		who = "u.is_active"
	}
	size := func(table string) string {
		return "(SELECT count(*) FROM (SELECT 1 FROM " + table + " a WHERE a.owner_user_id = u.id AND a.next_touch_at <= now() LIMIT " + strconv.Itoa(crm.QuietCap+1) + ") n)"
	}
	b.Queue(`SELECT u.id AS user_id, `+size("organization_activity")+` AS organizations, `+size("contact_activity")+` AS contacts
		FROM users u WHERE `+who+` AND `+s.ownerWithin(authz.ViewClient, "u.id")+` ORDER BY u.name`+icu+`, u.id LIMIT `+strconv.Itoa(maxQuietPeople),
		s.args(pgx.NamedArgs{"people": people})).Query(func(rows pgx.Rows) (err error) {
		*into, err = pgx.CollectRows(rows, pgx.RowToStructByNameLax[crm.QuietCount])
		for i := range *into {
			c := &(*into)[i]
			c.More = c.Organizations > crm.QuietCap || c.Contacts > crm.QuietCap
			c.Organizations, c.Contacts = min(c.Organizations, crm.QuietCap), min(c.Contacts, crm.QuietCap)
		}
		return err
	})
}
