package postgres

import (
	"context"
	"encoding/json"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// viewPermission is what seeing a list takes, and so every view of it.
func viewPermission(l crm.List) authz.Permission {
	if l == crm.InteractionList {
		return authz.ViewInteraction
	}
	return authz.ViewClient
}

// viewOffered is whether view v is offered to user u: their own, or shared with everyone, with their team, or
// with a team above theirs.
const viewOffered = `(v.owner_user_id = u.id OR v.shared = 'everyone' OR v.shared = 'team' AND v.team_id IN (
		WITH RECURSIVE above AS (SELECT u.team_id AS id UNION SELECT t.parent_id FROM teams t JOIN above a ON t.id = a.id)
		SELECT a.id FROM above a WHERE a.id IS NOT NULL))`

// viewEditable is whether the actor may change view v, whose fields an expression for each names: it is theirs,
// or shared, and they manage users.
func (s *Store) viewEditable(owner, shared string) string {
	if s.actor.May(authz.ManageUsers) {
		return "(" + owner + " = @me::uuid OR " + shared + " <> 'private')"
	}
	return "(" + owner + " = @me::uuid)"
}

// viewReached is whether the actor comes upon view v at all. One of somebody else's that is not shared with them
// is not found, like one that does not exist.
func (s *Store) viewReached() string {
	return "(" + viewOffered + " OR " + s.viewEditable("v.owner_user_id", "v.shared") + ")"
}

func (s *Store) viewsQuery(where string) string {
	return `SELECT v.id, v.list, v.name, v.query, v.columns, v.owner_user_id, v.shared, v.team_id, v.version, v.created_at, v.updated_at,
			o.name AS owner_name, coalesce(t.name, '') AS team_name, v.owner_user_id = @me::uuid AS mine,
			` + s.viewEditable("v.owner_user_id", "v.shared") + ` AS may_edit,
			coalesce(v.id = ANY(l.pinned), FALSE) AS pinned, coalesce(v.id = l.default_view, FALSE) AS is_default
		FROM saved_views v JOIN users o ON o.id = v.owner_user_id LEFT JOIN teams t ON t.id = v.team_id
		LEFT JOIN users u ON u.id = @me::uuid LEFT JOIN user_lists l ON l.user_id = u.id AND l.list = v.list
		WHERE ` + where
}

// FrameQuery is what is asked of the frame of a list.
type FrameQuery struct {
	Named   uuid.NullUUID   // a view to look up besides those offered
	Person  crm.OwnerFilter // who is filtered by, to be called by their name
	Choices bool            // what the filters offer, too
}

// ListFrame is what surrounds the rows of a list: what its filters offer where that was asked for, the views of it, and
// how the actor likes it.
type ListFrame struct {
	Choices
	Person  string          // the name of the user or team that the address, or else the view, filters by; "" for none
	Views   []crm.SavedView // the actor's own and those shared with them, by name
	Named   *crm.SavedView  // the view that was asked for, nil when there is none within reach
	Columns string          // as the actor last chose them, "" for the usual ones
}

// personQuery finds the name of whoever is filtered by. A view holds its filters as an address does.
const personQuery = `WITH f AS (SELECT coalesce(@owner::uuid, @team::uuid) AS asked, (SELECT substring(v.query FROM '(?:^|&)(?:owner|author)=(?:team%3A)?([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})')::uuid
			FROM saved_views v WHERE v.id = @named::uuid AND v.list = @list) AS saved), who AS (SELECT coalesce(asked, saved) AS id FROM f)
	SELECT u.name FROM users u WHERE u.id = (SELECT id FROM who) UNION ALL SELECT t.name FROM teams t WHERE t.id = (SELECT id FROM who)`

// ListFrame returns the frame of a list in one round trip.
func (s *Store) ListFrame(ctx context.Context, list crm.List, q FrameQuery) (ListFrame, error) {
	var f ListFrame
	b := &batch{}
	err := s.queueFrame(b, list, q, &f)
	if err == nil {
		err = b.send(ctx, s.db)
	}
	return f, err
}

// framing is the frame that comes with a list.
type framing struct {
	list crm.List
	q    FrameQuery
	into *ListFrame
}

// Framed returns a Store that reads a list together with its frame, which goes into the last parameter: in one round
// trip, unless the list needs a plan of its own. It does so for every list that it is asked for.
func (s *Store) Framed(list crm.List, q FrameQuery, into *ListFrame) *Store {
	bound := *s
	bound.frame = &framing{list, q, into}
	return &bound
}

// queueFrame adds what a frame is made of to a batch.
func (s *Store) queueFrame(b *batch, list crm.List, q FrameQuery, f *ListFrame) error {
	if err := s.require(viewPermission(list)); err != nil {
		return err
	}
	args := s.args(ownerArgs(q.Person))
	args["list"], args["named"], args["limit"] = list, q.Named, 2*crm.MaxViews
	if q.Choices {
		s.queueChoices(b, &f.Choices)
	}
	if q.Person.UserID.Valid || q.Person.TeamID.Valid || q.Named.Valid {
		queueText(b, &f.Person, personQuery, args)
	}
	queueMany(b, &f.Views, s.viewsQuery(`v.list = @list AND `+viewOffered+` ORDER BY v.owner_user_id <> @me::uuid, v.name`+icu+`, v.id LIMIT @limit`), args)
	queueText(b, &f.Columns, `SELECT columns FROM user_lists WHERE user_id = @me AND list = @list`, args)
	if q.Named.Valid {
		b.Queue(s.viewsQuery(`v.id = @named AND v.list = @list AND `+s.viewReached()), named(args)).Query(func(rows pgx.Rows) error {
			found, err := structRows[crm.SavedView](rows)
			if len(found) > 0 {
				f.Named = &found[0]
			}
			return err
		})
	}
	return nil
}

// queueText reads the one text that a query of the batch finds into into, which stays as it is where there is none.
func queueText(b *batch, into *string, sql string, args pgx.NamedArgs) {
	b.Queue(sql, named(args)).Query(func(rows pgx.Rows) error {
		_, err := pgx.ForEachRow(rows, []any{into}, func() error { return nil })
		return err
	})
}

// View returns a view that the actor comes upon. Without the permission that its list takes it is Forbidden.
func (s *Store) View(ctx context.Context, id uuid.UUID) (crm.SavedView, error) {
	if err := s.require(); err != nil {
		return crm.SavedView{}, err
	}
	v, err := one[crm.SavedView](ctx, s.db.pool, s.viewsQuery(`v.id = @id AND `+s.viewReached()), s.args(pgx.NamedArgs{"id": id}))
	if err != nil {
		return crm.SavedView{}, notFound(err)
	}
	if err := s.require(viewPermission(v.List)); err != nil {
		return crm.SavedView{}, err
	}
	return v, nil
}

// ViewToEdit is View for somebody who may change it; others, though it is shared with them, are Forbidden. With
// it come the teams that the actor may share it with.
func (s *Store) ViewToEdit(ctx context.Context, id uuid.UUID) (crm.SavedView, []crm.Team, error) {
	v, err := s.View(ctx, id)
	if err != nil {
		return crm.SavedView{}, nil, err
	}
	if !v.MayEdit {
		return crm.SavedView{}, nil, Forbidden{authz.ManageUsers}
	}
	teams, err := s.ViewTeams(ctx, v.List)
	return v, teams, err
}

// ViewTeams returns the teams that the actor may share a view of a list with: their own, or with ManageUsers any.
func (s *Store) ViewTeams(ctx context.Context, list crm.List) ([]crm.Team, error) {
	if err := s.require(viewPermission(list)); err != nil {
		return nil, err
	}
	return many[crm.Team](ctx, s.db.pool, `SELECT t.id, t.name FROM teams t WHERE `+s.teamOpen()+` ORDER BY t.name`+icu+`, t.id LIMIT 200`, s.args(nil))
}

// teamOpen is whether the actor may share a view with team t.
func (s *Store) teamOpen() string {
	if s.actor.May(authz.ManageUsers) {
		return "TRUE"
	}
	return "t.id = (SELECT m.team_id FROM users m WHERE m.id = @me::uuid)"
}

func viewArgs(v crm.SavedView) pgx.NamedArgs {
	return pgx.NamedArgs{
		"id": v.ID, "list": v.List, "name": v.Name, "query": v.Query, "columns": v.Columns, "owner": v.OwnerUserID, "shared": v.Shared, "team": v.TeamID,
	}
}

func viewChange(a audit.Action, id uuid.UUID, before, after json.RawMessage) audit.Change {
	return audit.Change{Action: a, TargetType: audit.View, TargetID: id, Table: "saved_views", Before: before, After: after}
}

// CreateView saves a new view of the actor's own, once per form token, and pins it to their rail if asked.
func (s *Store) CreateView(ctx context.Context, v crm.SavedView, pin bool, token uuid.NullUUID) (Saved, error) {
	if err := s.require(viewPermission(v.List)); err != nil {
		return Saved{}, err
	}
	if !s.actor.SignedIn() {
		return Saved{}, crm.ErrNotFound // a view is somebody's
	}
	v.Clean()
	if err := v.Validate(); err != nil {
		return Saved{}, err
	}
	v.ID, v.OwnerUserID = newID(), s.actor.UserID
	return s.create(ctx, audit.CreateView, token, v.ID, func(ctx context.Context, w *work) ([]audit.Change, error) {
		full, err := scalar[bool](ctx, w, `SELECT count(*) >= @max FROM saved_views WHERE owner_user_id = @owner AND list = @list`,
			pgx.NamedArgs{"max": crm.MaxViews, "owner": v.OwnerUserID, "list": v.List})
		if err != nil {
			return nil, err
		}
		if full {
			return nil, crm.Fault("", "You have %d views of this list: delete one first.", crm.MaxViews)
		}
		if err := s.checkViewTeam(ctx, w, v.TeamID); err != nil {
			return nil, err
		}
		after, err := scalar[json.RawMessage](ctx, w, `
			INSERT INTO saved_views AS v (id, list, name, query, columns, owner_user_id, shared, team_id)
			VALUES (@id, @list, @name, @query, @columns, @owner, @shared, @team) RETURNING audit_image(to_jsonb(v))`, viewArgs(v))
		if err == nil && pin {
			err = s.pin(ctx, w, v.List, v.ID)
		}
		return []audit.Change{viewChange(audit.CreateView, v.ID, nil, after)}, err
	})
}

// checkViewTeam refuses a team that the actor may not share a view with.
func (s *Store) checkViewTeam(ctx context.Context, w *work, team uuid.NullUUID) error {
	if !team.Valid {
		return nil
	}
	open, err := scalar[bool](ctx, w, `SELECT EXISTS (SELECT 1 FROM teams t WHERE t.id = @team AND `+s.teamOpen()+`)`, s.args(pgx.NamedArgs{"team": team}))
	if err == nil && !open {
		err = crm.Fault("team_id", "A view is shared with your own team.")
	}
	return err
}

// lockView locks a view that the actor may change. One that they only see is Forbidden.
func (s *Store) lockView(ctx context.Context, w *work, id uuid.UUID) (imaged[crm.SavedView], error) {
	type row struct {
		crm.SavedView
		Image json.RawMessage
	}
	r, err := one[row](ctx, w, `SELECT v.id, v.list, v.owner_user_id, v.shared, v.team_id, v.version, v.owner_user_id = @me::uuid AS mine,
			`+s.viewEditable("v.owner_user_id", "v.shared")+` AS may_edit, audit_image(to_jsonb(v)) AS image
		FROM saved_views v LEFT JOIN users u ON u.id = @me::uuid WHERE v.id = @id AND `+s.viewReached()+` FOR UPDATE OF v`, s.args(pgx.NamedArgs{"id": id}))
	if err != nil {
		return imaged[crm.SavedView]{}, notFound(err)
	}
	if err := s.require(viewPermission(r.List)); err != nil {
		return imaged[crm.SavedView]{}, err
	}
	if !r.MayEdit {
		return imaged[crm.SavedView]{}, Forbidden{authz.ManageUsers}
	}
	return imaged[crm.SavedView]{r.SavedView, r.Image}, nil
}

// UpdateView saves name, query, columns and sharing of a view that was read at v.Version; owner and list stay.
// ErrConflict when it was changed since, ErrUnchanged when there is nothing to save.
func (s *Store) UpdateView(ctx context.Context, v crm.SavedView) (Saved, error) {
	if err := s.require(); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.UpdateView, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockView(ctx, w, v.ID)
		if err != nil {
			return nil, err
		}
		v.List = was.Record.List
		v.Clean()
		if err := v.Validate(); err != nil {
			return nil, err
		}
		if was.Record.Version != v.Version {
			return nil, crm.ErrConflict
		}
		if v.Shared == crm.Private && !was.Record.Mine {
			return nil, crm.Fault("shared", "Only its owner can keep a view to themselves.")
		}
		if v.TeamID != was.Record.TeamID {
			if err := s.checkViewTeam(ctx, w, v.TeamID); err != nil {
				return nil, err
			}
		}
		after, err := scalar[json.RawMessage](ctx, w, `
			UPDATE saved_views v SET name = @name, query = @query, columns = @columns, shared = @shared, team_id = @team,
				version = version + 1, updated_at = now()
			WHERE id = @id RETURNING audit_image(to_jsonb(v))`, viewArgs(v))
		if err == nil {
			err = unchanged(was.Image, after)
		}
		return []audit.Change{viewChange(audit.UpdateView, v.ID, was.Image, after)}, err
	})
	return Saved{v.ID, cs}, err
}

// DeleteView deletes a view; Undo brings it back, and with it its place in everybody's rail.
func (s *Store) DeleteView(ctx context.Context, id uuid.UUID) (Saved, error) {
	if err := s.require(); err != nil {
		return Saved{}, err
	}
	cs, err := s.write(ctx, audit.DeleteView, func(ctx context.Context, w *work) ([]audit.Change, error) {
		was, err := s.lockView(ctx, w, id)
		if err != nil {
			return nil, err
		}
		_, err = w.Exec(ctx, `DELETE FROM saved_views WHERE id = @id`, pgx.NamedArgs{"id": id})
		return []audit.Change{viewChange(audit.DeleteView, id, was.Image, nil)}, err
	})
	return Saved{id, cs}, err
}

// PinView puts a view into the actor's rail, or takes it out.
func (s *Store) PinView(ctx context.Context, id uuid.UUID, pinned bool) error {
	v, err := s.viewOfMine(ctx, id)
	if err != nil {
		return err
	}
	if pinned {
		return s.pin(ctx, s.db.pool, v.List, id)
	}
	_, err = s.db.pool.Exec(ctx, `UPDATE user_lists SET pinned = array_remove(pinned, @id) WHERE user_id = @me AND list = @list`,
		s.args(pgx.NamedArgs{"id": id, "list": v.List}))
	return err
}

// viewOfMine is View for a user who wants to keep something about it.
func (s *Store) viewOfMine(ctx context.Context, id uuid.UUID) (crm.SavedView, error) {
	if !s.actor.SignedIn() {
		return crm.SavedView{}, crm.ErrNotFound
	}
	return s.View(ctx, id)
}

// pin adds a view to the actor's rail. Pins of views that are gone or shared no longer stay, in case they come back,
// and do not count against the limit.
func (s *Store) pin(ctx context.Context, q querier, list crm.List, id uuid.UUID) error {
	kept, err := column[uuid.UUID](ctx, q, `
		INSERT INTO user_lists AS l (user_id, list, pinned) VALUES (@me, @list, ARRAY[@id::uuid])
		ON CONFLICT (user_id, list) DO UPDATE SET pinned = array_append(array_remove(l.pinned, @id::uuid), @id::uuid)
			WHERE @id::uuid = ANY(l.pinned) OR (SELECT count(*) < @max FROM saved_views v JOIN users u ON u.id = @me WHERE v.id = ANY(l.pinned) AND `+viewOffered+`)
		RETURNING user_id`, s.args(pgx.NamedArgs{"list": list, "id": id, "max": crm.MaxPins}))
	if err == nil && len(kept) == 0 {
		err = crm.Fault("pinned", "The rail holds %d views of a list: unpin one first.", crm.MaxPins)
	}
	return err
}

// DefaultView lets the actor's list open with a view, or with all records again.
func (s *Store) DefaultView(ctx context.Context, id uuid.UUID, is bool) error {
	v, err := s.viewOfMine(ctx, id)
	if err != nil {
		return err
	}
	args := s.args(pgx.NamedArgs{"id": id, "list": v.List})
	if !is {
		_, err = s.db.pool.Exec(ctx, `UPDATE user_lists SET default_view = NULL WHERE user_id = @me AND list = @list AND default_view = @id`, args)
		return err
	}
	_, err = s.db.pool.Exec(ctx, `INSERT INTO user_lists (user_id, list, default_view) VALUES (@me, @list, @id)
		ON CONFLICT (user_id, list) DO UPDATE SET default_view = EXCLUDED.default_view`, args)
	return err
}

// SetColumns remembers the columns that the actor wants to see of a list, "" for the usual ones.
func (s *Store) SetColumns(ctx context.Context, list crm.List, columns string) error {
	if err := s.require(viewPermission(list)); err != nil {
		return err
	}
	if !s.actor.SignedIn() {
		return crm.ErrNotFound
	}
	if err := crm.CheckColumns(columns); err != nil {
		return err
	}
	_, err := s.db.pool.Exec(ctx, `INSERT INTO user_lists (user_id, list, columns) VALUES (@me, @list, @columns)
		ON CONFLICT (user_id, list) DO UPDATE SET columns = EXCLUDED.columns`, s.args(pgx.NamedArgs{"list": list, "columns": columns}))
	return err
}

// pinsColumn is the rail of user u: so short that the session brings it along, and no page asks for it.
const pinsColumn = `ARRAY(SELECT concat_ws(' ', v.id, v.list, v.owner_user_id = u.id, v.name)
			FROM user_lists l CROSS JOIN LATERAL unnest(l.pinned) WITH ORDINALITY p(id, n) JOIN saved_views v ON v.id = p.id AND v.list = l.list
			WHERE l.user_id = u.id AND ` + viewOffered + ` ORDER BY v.list, p.n LIMIT 36) AS pins`

func parsePins(texts []string) []crm.Pin {
	pins := make([]crm.Pin, 0, len(texts))
	for _, t := range texts {
		parts := strings.SplitN(t, " ", 4)
		if len(parts) != 4 {
			continue // not of pinsColumn
		}
		id, err := uuid.Parse(parts[0])
		if err == nil {
			pins = append(pins, crm.Pin{ID: id, List: crm.List(parts[1]), Mine: parts[2] == "t", Name: parts[3]})
		}
	}
	return pins
}

// viewChangeScope is the scope of an audit row a of a view: what may change the view may read its past, and no
// row in which it was private reaches anyone but its owner. Editing takes no more than seeing.
func (s *Store) viewChangeScope() string {
	const image = "coalesce(a.after, a.before)"
	lists := []string{"''"}
	for _, l := range crm.Lists {
		if s.actor.May(viewPermission(l)) {
			lists = append(lists, "'"+string(l)+"'")
		}
	}
	shared := "CASE WHEN 'private' IN (a.before->>'shared', a.after->>'shared') THEN 'private' ELSE 'shared' END"
	return image + "->>'list' IN (" + strings.Join(lists, ", ") + ") AND " + s.viewEditable("("+image+"->>'owner_user_id')::uuid", shared)
}
