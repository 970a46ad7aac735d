package main

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// table is aligned text for people; programs read the database.
type table struct{ w *tabwriter.Writer }

func (a *app) table(header ...string) table {
	t := table{tabwriter.NewWriter(a.out, 0, 0, 2, ' ', 0)}
	if len(header) > 0 {
		t.row(header...)
	}
	return t
}

func (t table) row(cells ...string) {
	_, _ = fmt.Fprintln(t.w, strings.Join(cells, "\t")) // shows when flushed
}

func (t table) flush() { _ = t.w.Flush() } // nobody reads it: nobody to tell
