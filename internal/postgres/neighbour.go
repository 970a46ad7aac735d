package postgres

import (
	"context"
	"errors"
	"maps"
	"slices"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// Neighbour is the record beside another in a list, with the page of the list that it stands on.
type Neighbour struct {
	ID   uuid.UUID // Nil where the list ends
	Page crm.Page
}

// Neighbours are the records before and after one in a list.
type Neighbours struct{ Prev, Next Neighbour }

// among is a record's place in a list: the page of it that the reader came from. It asks for the keys of that one
// page, which the list has just walked: a record's own sort key would have to be found first, for each order in its
// own way.
type among struct {
	page   crm.Page
	sql    string
	args   pgx.NamedArgs
	alone  bool // not in a batch
	places []place
}

func amongList(l list, p crm.Page, args pgx.NamedArgs) (*among, error) {
	paging, err := l.args(p)
	if err != nil {
		return nil, err
	}
	keys, err := l.keys(p)
	if err != nil {
		return nil, err
	}
	maps.Copy(paging, args)
	return &among{
		page: p, args: paging, alone: l.custom,
		sql: "SELECT k.id AS place_id, " + l.sortKey() + " AS sort_key, 0 AS total FROM (" + keys + ") k ORDER BY " + l.placed(p.Before),
	}, nil
}

// queueAmong adds the keys of a page of a prepared list to a batch. A list that must be planned with its values is
// read by itself, by readAmong: a batch cannot. A list that was refused has no neighbours.
func queueAmong(s *Store, b *batch, l list, p crm.Page, args pgx.NamedArgs, err error) (*among, error) {
	var refused crm.Invalid
	if err == nil {
		var a *among
		if a, err = amongList(l, p, args); err == nil {
			if !l.custom {
				queueMany(b, &a.places, a.sql, s.args(a.args))
			}
			return a, nil
		}
	}
	if errors.As(err, &refused) {
		return nil, nil //nolint:nilnil // as from no list
	}
	return nil, err
}

// readAmong returns the neighbours of a record, none where it is not on the page any more.
func (s *Store) readAmong(ctx context.Context, a *among, id uuid.UUID) (Neighbours, error) {
	if a == nil {
		return Neighbours{}, nil
	}
	if a.alone {
		var err error
		if a.places, err = many[place](ctx, s.db.pool, a.sql, pgx.QueryExecModeCacheDescribe, s.args(a.args)); err != nil {
			return Neighbours{}, translate(err)
		}
	}
	return neighboursOf(a.places, a.page, id), nil
}

// neighboursOf finds what stands beside id on a page, or at the edge of the pages beside it: places holds one more
// than the page when the list goes on, and the page's own key names the record on its other side.
func neighboursOf(places []place, p crm.Page, id uuid.UUID) Neighbours {
	at := func(before bool, pl place) crm.Page {
		return crm.Page{Size: p.Size, Before: before, Key: pl.SortKey, ID: pl.PlaceID, Known: p.Known}
	}
	var beyond uuid.UUID // the one row too many, on the far side
	if len(places) > p.Limit() {
		beyond, places = places[p.Limit()].PlaceID, places[:p.Limit()]
	}
	first, last := p.ID, beyond // beside the page's first and last row
	if p.Before {
		places = slices.Clone(places)
		slices.Reverse(places)
		first, last = beyond, p.ID
	}
	i := slices.IndexFunc(places, func(pl place) bool { return pl.PlaceID == id })
	if i < 0 {
		return Neighbours{}
	}
	n := Neighbours{Prev: Neighbour{first, at(true, places[0])}, Next: Neighbour{last, at(false, places[len(places)-1])}}
	if i > 0 {
		n.Prev = Neighbour{places[i-1].PlaceID, p}
	}
	if i < len(places)-1 {
		n.Next = Neighbour{places[i+1].PlaceID, p}
	}
	return n
}
