package templates

import (
	"slices"
	"strings"

	"github.com/a-h/templ"
)

// Column is one column of a list: its name in addresses and in saved views, its head, and its cell in a row.
type Column[T any] struct {
	Name  string
	Label func(Page) string
	Usual bool   // shown to whoever has not chosen
	Talks bool   // tells of interactions: who may not see those of their clients has no such column
	by    string // the order by this column, "" where there is none
	class string
	cell  func(Page, T) templ.Component
}

// ColumnsFor are the columns of a list that p's reader may see, the shown ones first and in the order of their
// names. Unknown names are passed over. The first column is always shown, and first; no name stands for the usual ones.
func ColumnsFor[T any](p Page, all []Column[T], shown []string) []ListColumn {
	open := slices.DeleteFunc(slices.Clone(all), func(c Column[T]) bool { return c.Talks && !p.SeesLastContact })
	place := func(c Column[T]) int {
		n := slices.Index(shown, c.Name)
		switch {
		case c.Name == all[0].Name:
			return -1
		case len(shown) == 0 && c.Usual:
			return 0
		case n < 0:
			return len(shown) + 1
		}
		return n
	}
	slices.SortStableFunc(open, func(a, b Column[T]) int { return place(a) - place(b) })
	columns := make([]ListColumn, len(open))
	for i, c := range open {
		columns[i] = ListColumn{Name: c.Name, Label: c.Label(p), Shown: place(c) <= len(shown), Fixed: c.Name == all[0].Name}
	}
	return columns
}

// pick returns the columns that are shown; those usual where a page says nothing.
func pick[T any](p Page, all []Column[T], chosen []ListColumn) []Column[T] {
	if chosen == nil {
		chosen = ColumnsFor(p, all, nil)
	}
	var out []Column[T]
	for _, c := range chosen {
		i := slices.IndexFunc(all, func(a Column[T]) bool { return a.Name == c.Name })
		if c.Shown && i >= 0 {
			out = append(out, all[i])
		}
	}
	return out
}

// minor reports whether the column gives way where a window is narrow.
func (c Column[T]) minor() bool { return strings.Contains(c.class, "minor") }
