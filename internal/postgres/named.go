package postgres

import (
	"context"
	"sync"

	"github.com/jackc/pgx/v5"
)

// named are arguments by name whose statement is taken apart once, not at each call: statements are constant, and those
// of a list are two thousand characters.
type named pgx.NamedArgs

// statement is a statement with numbers for the names of its arguments, and these names in order.
type statement struct {
	sql   string
	names []string
}

// statements are the ones that have been taken apart. There are as many as lists have filters and orders, so that there
// is a limit, and beyond it a fresh start.
var statements struct {
	sync.RWMutex
	known map[string]statement
}

const maxStatements = 2000

// RewriteQuery implements pgx.QueryRewriter.
func (n named) RewriteQuery(ctx context.Context, conn *pgx.Conn, sql string, args []any) (string, []any, error) {
	statements.RLock()
	s, known := statements.known[sql]
	statements.RUnlock()
	if !known {
		self := make(pgx.NamedArgs, len(n))
		for name := range n {
			self[name] = name
		}
		rewritten, names, err := self.RewriteQuery(ctx, conn, sql, args)
		if err != nil {
			return "", nil, err
		}
		if s, known = newStatement(rewritten, names); !known { // an argument is left out this time
			return pgx.NamedArgs(n).RewriteQuery(ctx, conn, sql, args)
		}
		s.keep(sql)
	}
	values := make([]any, len(s.names))
	for i, name := range s.names {
		values[i] = n[name] // nil where it is left out, as in pgx
	}
	return s.sql, values, nil
}

// newStatement returns a statement whose every argument has a name, or false.
func newStatement(sql string, names []any) (statement, bool) {
	s := statement{sql: sql, names: make([]string, len(names))}
	for i, name := range names {
		text, given := name.(string)
		if !given {
			return s, false
		}
		s.names[i] = text
	}
	return s, true
}

func (s statement) keep(sql string) {
	statements.Lock()
	defer statements.Unlock()
	if statements.known == nil || len(statements.known) >= maxStatements {
		statements.known = map[string]statement{}
	}
	statements.known[sql] = s
}

// byName lets pgx take named arguments from a statement that is known.
func byName(args []any) []any {
	for i, a := range args {
		if n, is := a.(pgx.NamedArgs); is {
			args[i] = named(n)
		}
	}
	return args
}
