package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"sync"
	"time"
)

// measurement is what some seconds of one page at a time gave.
type measurement struct {
	requests      int
	took          time.Duration
	latencies     []time.Duration // sorted
	app, database time.Duration   // CPU
	bytes         int
}

// perSecond is the rate of requests.
func (m measurement) perSecond() float64 { return float64(m.requests) / m.took.Seconds() }

// cpu is the CPU of server and database for one request.
func (m measurement) cpu() time.Duration {
	return (m.app + m.database) / time.Duration(max(1, m.requests))
}

// runner goes through the cells.
type runner struct {
	options
	app, bare  *process
	postmaster int
}

// warm is how long a page is asked for before it counts: plans, types and buffers are the same for all then.
const warm = 300 * time.Millisecond

// run measures every cell once a round, the program and the bare handler in turns, so that what else the machine
// is at meets both.
func (r *runner) run(ctx context.Context, cells []*cell) error {
	for round := range r.rounds {
		for n, c := range cells {
			if n == 0 || cells[n-1].page.name != c.page.name {
				fmt.Fprintf(os.Stderr, "Round %d of %d: %s\n", round+1, r.rounds, c.page.name)
			}
			if c.fault == nil {
				c.fault = r.compare(ctx, c)
			}
			if ctx.Err() != nil {
				return context.Cause(ctx)
			}
		}
	}
	return nil
}

// compare measures a cell once.
func (r *runner) compare(ctx context.Context, c *cell) error {
	m, err := r.measure(ctx, r.app, c, c.request, c.page.want())
	if err != nil {
		return err
	}
	c.app = append(c.app, m)
	if c.page.bare == nil || c.visitor.reach != measuredAgainst {
		return nil
	}
	if m, err = r.measure(ctx, r.bare, c, r.bareRequest(c), http.StatusOK); err != nil {
		return fmt.Errorf("bare handler: %w", err)
	}
	c.bare = append(c.bare, m)
	return nil
}

// bareRequest returns what asks the bare handler for its counterpart of a cell's page.
func (r *runner) bareRequest(c *cell) asking {
	return func(ctx context.Context, draw *rand.Rand) (*http.Request, error) {
		return http.NewRequestWithContext(ctx, http.MethodGet, r.bare.address+c.page.bare(c.visitor, draw), nil)
	}
}

func (r *runner) measure(ctx context.Context, server *process, c *cell, ask asking, want int) (measurement, error) {
	transport := &http.Transport{MaxIdleConnsPerHost: c.connections, DisableCompression: true}
	defer transport.CloseIdleConnections()
	d := driver{client: &http.Client{Transport: transport, CheckRedirect: noRedirect}, ask: ask, want: want}
	if _, err := d.drive(ctx, c.connections, min(warm, r.seconds)); err != nil {
		return measurement{}, err
	}
	appBefore, databaseBefore := server.cpu(), databaseCPU(r.postmaster)
	m, err := d.drive(ctx, c.connections, r.seconds)
	m.app, m.database = server.cpu()-appBefore, databaseCPU(r.postmaster)-databaseBefore
	return m, err
}

// asking makes the next request for a page.
type asking func(context.Context, *rand.Rand) (*http.Request, error)

// driver asks for a page over and over.
type driver struct {
	client *http.Client
	ask    asking
	want   int
}

// drive keeps n requests under way until the time is over. The first answer not in order ends it.
func (d driver) drive(ctx context.Context, n int, length time.Duration) (measurement, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	parts := make([]measurement, n)
	begun := time.Now()
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			draw := rand.New(rand.NewPCG(uint64(i), 2)) //nolint:gosec // the same requests for both servers
			for ctx.Err() == nil && time.Since(begun) < length {
				if err := d.once(ctx, draw, &parts[i]); err != nil {
					cancel(err)
					return
				}
			}
		})
	}
	wg.Wait()
	whole := measurement{took: time.Since(begun)}
	for _, p := range parts {
		whole.latencies, whole.bytes = append(whole.latencies, p.latencies...), whole.bytes+p.bytes
	}
	whole.requests = len(whole.latencies)
	slices.Sort(whole.latencies)
	return whole, context.Cause(ctx)
}

// once asks once and notes what came.
func (d driver) once(ctx context.Context, draw *rand.Rand, m *measurement) error {
	request, err := d.ask(ctx, draw)
	if err != nil {
		return err
	}
	asked := time.Now()
	body, err := fetch(d.client, request, d.want)
	m.latencies, m.bytes = append(m.latencies, time.Since(asked)), m.bytes+len(body)
	return err
}
