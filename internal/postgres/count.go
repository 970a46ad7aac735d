package postgres

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// Counting a list up to its cap is a third of what its first page costs the database: 1 ms, where the rows take 1.
// So what was counted is remembered, with the snapshot it was counted in. While no transaction has written anything
// since, by whatever program, the snapshot is the same and so is the count. And of a list that had more than twice
// the cap half a minute ago, "more" is still true, unless ten thousand records went in that time by commits of less
// than manyAtOnce: those of more make this process forget.
const (
	countTo    = 2*crm.CountCap + 1
	moreLasts  = 30 * time.Second
	manyAtOnce = 50
	maxCounts  = 1000 // beyond it the counts begin anew
)

// counts are the counts that are remembered, by statement and arguments.
type counts struct {
	mu    sync.Mutex
	known map[string]counted
}

// counted is what a list had, as far as it was counted.
type counted struct {
	total    int
	snapshot string
	at       time.Time
}

// of returns what is remembered of a list.
func (c *counts) of(key string) counted {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.known[key]
}

func (c *counts) keep(key string, n counted) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil || len(c.known) >= maxCounts {
		c.known = map[string]counted{}
	}
	c.known[key] = n
}

func (c *counts) forget() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = nil
}

// counting is how the size of a list comes with its first page.
type counting struct {
	key string // "" where nothing is remembered
	sql string // of the column total
}

// countSnapshot is the snapshot that a count was made in. It stands in a sub-select so that it is asked for once, not
// for each row.
const countSnapshot = `(SELECT pg_current_snapshot()::text)`

// counting chooses how to count l. The arguments of what is remembered go into args.
func (db *DB) counting(l list, args pgx.NamedArgs) counting {
	size := l.size()
	if strings.Contains(size, "now()") { // time changes it, too
		return counting{sql: size}
	}
	c := counting{key: countKey(size, args)}
	known := db.counts.of(c.key)
	if known.total == countTo && time.Since(known.at) < moreLasts && !strings.Contains(size, "@team") { // whom to move does not move records
		return counting{sql: fmt.Sprint(crm.CountCap + 1)}
	}
	args["countedIn"], args["counted"] = known.snapshot, known.total
	c.sql = `CASE WHEN ` + countSnapshot + ` = @countedIn THEN @counted::bigint ELSE ` + size + ` END`
	return c
}

// countKey names a list by what its size depends on.
func countKey(size string, args pgx.NamedArgs) string {
	var key strings.Builder
	key.WriteString(size)
	for _, name := range slices.Sorted(maps.Keys(args)) {
		if strings.Contains(size, "@"+name) {
			fmt.Fprintf(&key, "\x00%s=%v", name, args[name])
		}
	}
	return key.String()
}
