package postgres

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"

	"github.com/jackc/pgx/v5"
)

// pgx can read rows into structs by the names of their columns, too. It looks the columns up anew for every row, though,
// and with lists of fifty that is as much work as reading them.

// structFields finds the fields of each struct by the names that columns have, without case and underscores. Fields of
// embedded structs count as its own, and a later one hides an earlier of the same name.
var structFields sync.Map // reflect.Type to map[string][]int

func fieldsByName(t reflect.Type) map[string][]int {
	if known, ok := structFields.Load(t); ok {
		return known.(map[string][]int) //nolint:forcetypeassert // nothing else is stored
	}
	fields := map[string][]int{}
	for _, f := range reflect.VisibleFields(t) {
		if f.IsExported() && !f.Anonymous {
			fields[strings.ToLower(f.Name)] = f.Index
		}
	}
	structFields.Store(t, fields)
	return fields
}

// structRows reads all rows of a query into structs. A column that no field is called like is an error, a field without
// a column keeps its zero value.
func structRows[T any](rows pgx.Rows) ([]T, error) {
	defer rows.Close()
	var found []T
	var paths [][]int
	var targets []any
	for rows.Next() {
		if paths == nil {
			var err error
			if paths, err = columnPaths[T](rows); err != nil {
				return nil, err
			}
			targets = make([]any, len(paths))
		}
		if len(found) == cap(found) { // a few, or as many as a page of a list: in between each step copies all
			found = slices.Grow(found, max(4, 15*len(found)))
		}
		var zero T
		found = append(found, zero)
		v := reflect.ValueOf(&found[len(found)-1]).Elem()
		for i, path := range paths {
			targets[i] = v.FieldByIndex(path).Addr().Interface()
		}
		if err := rows.Scan(targets...); err != nil {
			return nil, err
		}
	}
	return found, rows.Err()
}

func columnPaths[T any](rows pgx.Rows) ([][]int, error) {
	fields := fieldsByName(reflect.TypeFor[T]())
	columns := rows.FieldDescriptions()
	paths := make([][]int, len(columns))
	for i, c := range columns {
		path, known := fields[strings.ReplaceAll(c.Name, "_", "")]
		if !known {
			return nil, fmt.Errorf("column %s has no field in %s", c.Name, reflect.TypeFor[T]())
		}
		paths[i] = path
	}
	return paths, nil
}

// structRow reads the single row of a query; none is pgx.ErrNoRows.
func structRow[T any](rows pgx.Rows) (T, error) {
	found, err := structRows[T](rows)
	var row T
	switch {
	case err != nil:
	case len(found) == 0:
		err = pgx.ErrNoRows
	case len(found) > 1:
		err = pgx.ErrTooManyRows
	default:
		row = found[0]
	}
	return row, err
}
