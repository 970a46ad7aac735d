package audit

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// Image is a row as JSON, column by column, without derived and secret columns.
type Image map[string]json.RawMessage

// ParseImage reads an image; nil or "null" gives a nil Image.
func ParseImage(raw json.RawMessage) (Image, error) {
	var img Image
	if len(raw) == 0 {
		return nil, nil //nolint:nilnil // no row is a valid image
	}
	if err := json.Unmarshal(raw, &img); err != nil {
		return nil, err
	}
	return img, nil
}

// Merge is how an update is taken back field by field.
type Merge struct {
	Patch Image    // columns to put back, with their earlier values
	Kept  []string // columns that the change set and somebody since both changed, sorted
}

// MergeBack compares what a change did (before, after) with the row as it is now: a column that still
// has the value the change gave it goes back; one changed since is kept.
func MergeBack(before, after, now Image) Merge {
	m := Merge{Patch: Image{}}
	for _, column := range slices.Sorted(maps.Keys(before)) {
		switch {
		case equal(before[column], after[column]):
		case equal(now[column], after[column]):
			m.Patch[column] = before[column]
		case !equal(now[column], before[column]):
			m.Kept = append(m.Kept, column)
		}
	}
	return m
}

// Together puts columns back all or none: where one is kept, the others, which mean nothing without it, are kept too.
func (m *Merge) Together(columns ...string) {
	if !slices.ContainsFunc(columns, func(c string) bool { return slices.Contains(m.Kept, c) }) {
		return
	}
	for _, c := range columns {
		if _, patched := m.Patch[c]; patched {
			delete(m.Patch, c)
			m.Kept = append(m.Kept, c)
		}
	}
	slices.Sort(m.Kept)
}

// Same reports whether two images hold the same values in the columns both have. Columns that only one
// has were added to the table in between.
func Same(a, b Image) bool {
	for column, value := range a {
		if other, both := b[column]; both && !equal(value, other) {
			return false
		}
	}
	return true
}

// Field is one changed column, its values as text ("" for null).
type Field struct {
	Column        string
	Before, After string
}

// Diff lists the columns that differ, sorted by name. A nil image stands for no row.
func Diff(before, after Image) []Field {
	columns := map[string]bool{}
	for c := range before {
		columns[c] = true
	}
	for c := range after {
		columns[c] = true
	}
	var out []Field
	for _, c := range slices.Sorted(maps.Keys(columns)) {
		if b, a := text(before[c]), text(after[c]); b != a {
			out = append(out, Field{c, b, a})
		}
	}
	return out
}

func equal(a, b json.RawMessage) bool {
	null := []byte("null")
	if len(a) == 0 {
		a = null
	}
	if len(b) == 0 {
		b = null
	}
	return bytes.Equal(a, b)
}

// Texts returns every column as text, "" for null.
func (img Image) Texts() map[string]string {
	out := make(map[string]string, len(img))
	for column, raw := range img {
		out[column] = text(raw)
	}
	return out
}

// text returns a JSON scalar as display text.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	if equal(raw, nil) {
		return ""
	}
	return string(raw)
}
