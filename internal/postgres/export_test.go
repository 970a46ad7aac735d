package postgres

import "maps"

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
