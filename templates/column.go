package templates

import (
	"slices"
	"strings"
	"time"

	"github.com/a-h/templ"
)

// Column is one column of a list: its name in addresses and in saved views, its head, and its cell in a row.
type Column[T any] struct {
	Name  string
	Label func(Page) string
	Usual bool   // shown to whoever has not chosen
	Talks bool   // tells of interactions: who may not see those of their clients has no such column
	by    string // the order by this column
	class string
	text  func(Page, T) string          // what the cell says, in a file and, unless there is more to show, on the page
	at    func(T) time.Time             // of a column of moments, the moment
	due   func(T) *time.Time            // when the next contact is due: the column warns when that is past, and shows it where there is no moment
	cell  func(Page, T) templ.Component // what there is to show besides a text, nil for nothing
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

// Sheet is a list as a file: the heads of the named columns, or of the usual ones where none is named, and the texts
// of a row in them.
func Sheet[T any](p Page, all []Column[T], shown []string) (heads []string, texts func(T) []string) {
	columns := pick(p, all, ColumnsFor(p, all, shown))
	for _, c := range columns {
		heads = append(heads, c.Label(p))
	}
	return heads, func(row T) []string {
		cells := make([]string, len(columns))
		for i, c := range columns {
			cells[i] = c.text(p, row)
		}
		return cells
	}
}

// dayText and timeText are a day and a moment as spreadsheets read them, in the reader's zone; "" for never.
func dayText(p Page, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(p.L.Zone()).Format("2006-01-02")
}

func timeText(p Page, at time.Time) string {
	if at.IsZero() {
		return ""
	}
	return at.In(p.L.Zone()).Format("2006-01-02 15:04")
}

// joined is the parts that are not empty.
func joined(by string, parts ...string) string {
	return strings.Join(slices.DeleteFunc(parts, func(s string) bool { return s == "" }), by)
}

func activityText(p Page, active bool) string {
	if active {
		return p.T("Active")
	}
	return p.T("Archived")
}

// minor reports whether the column gives way where a window is narrow.
func (c Column[T]) minor() bool { return strings.Contains(c.class, "minor") }
