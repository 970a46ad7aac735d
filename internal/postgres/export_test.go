package postgres

import (
	"context"
	"maps"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

// ImagedTable is what tests may know of a table with images.
type ImagedTable struct {
	Key, Columns       []string
	Target             string
	Versioned, Stamped bool
}

// ImagedTables returns the list that undo and verification walk, by name.
func ImagedTables() map[string]ImagedTable {
	all := make(map[string]ImagedTable, len(imagedTables))
	for _, t := range imagedTables {
		all[t.name] = ImagedTable{t.key, t.columns, t.target, t.versioned, t.stamped}
	}
	return all
}

// SilentColumns returns the columns that histories never show.
func SilentColumns() map[string]bool { return maps.Clone(silentColumns) }

// LoadedTriggers returns the triggers that a large load does without, by table.
func LoadedTriggers() map[string][]string {
	all := make(map[string][]string, len(loadedTables))
	for _, t := range loadedTables {
		all[t.name] = t.replace
	}
	return all
}

// UndoPart is how many records a large undo holds at a time.
const UndoPart = undoPart

// Tally is how many interactions fall into a span.
type Tally = tally

// FirmTalk counts everybody's interactions in each span.
func FirmTalk(ctx context.Context, db *DB, spans []crm.Week) ([]Tally, error) {
	return many[tally](ctx, db.pool, firmTalk, spanArgs(spans, time.Hour))
}

// AuthorTalk counts the interactions of each author in each span.
func AuthorTalk(ctx context.Context, db *DB, authors []uuid.UUID, spans []crm.Week) ([]Tally, error) {
	args := spanArgs(spans, utcDay)
	args["authors"] = authors
	return many[tally](ctx, db.pool, authorTalk, args)
}
