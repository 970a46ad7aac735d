package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"time"

	"github.com/jackc/pgx/v5"
)

// counted is how many requests of a page its statements are counted over.
const counted = 5

// prepareCounting installs pg_stat_statements beside the register, not in it, and leaves it switched off: it
// would cost the statements that are measured.
func (r *register) prepareCounting(ctx context.Context) error {
	address, err := inDatabase(r.server.OwnerURL(), "postgres")
	if err != nil {
		return err
	}
	if r.statements, err = pgx.Connect(ctx, address); err != nil {
		return err
	}
	if _, err := r.statements.Exec(ctx, `CREATE EXTENSION IF NOT EXISTS pg_stat_statements`); err != nil {
		return err
	}
	return r.track(ctx, "none")
}

func (r *register) track(ctx context.Context, what string) error {
	for _, sql := range []string{`ALTER SYSTEM SET pg_stat_statements.track = ` + what, `SELECT pg_reload_conf()`} {
		if _, err := r.statements.Exec(ctx, sql); err != nil {
			return err
		}
	}
	time.Sleep(300 * time.Millisecond) // until every backend has heard of it: nobody says when
	return nil
}

// countStatements asks for each page a few times and has the database count what that took, transactions'
// begin and end included. Without pg_stat_statements it leaves the column empty.
func (r *register) countStatements(ctx context.Context, cells []*cell) error {
	if r.statements == nil {
		return nil
	}
	fmt.Fprintln(os.Stderr, "Counting statements")
	if err := r.track(ctx, "top"); err != nil {
		return err
	}
	for i, c := range cells {
		if before := cells[max(0, i-1)]; i > 0 && before.page.name == c.page.name && before.visitor == c.visitor {
			c.statements, c.fault = before.statements, before.fault
			continue
		}
		if c.statements, c.fault = r.statementsOf(ctx, c); ctx.Err() != nil {
			return context.Cause(ctx)
		}
	}
	return r.track(ctx, "none")
}

func (r *register) statementsOf(ctx context.Context, c *cell) (float64, error) {
	draw := rand.New(rand.NewPCG(1, 1)) //nolint:gosec // the same pages every time
	ask := func() error {
		request, err := c.request(ctx, draw)
		if err == nil {
			_, err = fetch(browser, request, c.page.want())
		}
		return err
	}
	if err := ask(); err != nil { // plans and types are known to the connections from then on
		return 0, err
	}
	if _, err := r.statements.Exec(ctx, `SELECT pg_stat_statements_reset()`); err != nil {
		return 0, err
	}
	for range counted {
		if err := ask(); err != nil {
			return 0, err
		}
	}
	var calls float64
	err := r.statements.QueryRow(ctx, `SELECT coalesce(sum(calls), 0)::float8 FROM pg_stat_statements
		WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'crm')`).Scan(&calls)
	return calls / counted, err
}
