package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// unknown is a figure that this machine does not give.
const unknown = -1

// printTable prints a line for each cell, all rounds taken together; ratios are the middle one of the rounds.
func printTable(out io.Writer, cells []*cell) {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	_, _ = fmt.Fprintf(w, "%-20s\treach\tconn.\treq/s\tp50 ms\tp95 ms\tp99 ms\tCPU ms app\tCPU ms db\tKB\tqueries\tbare req/s\tbare CPU ms\tratio req/s\tratio CPU\t\n", "page")
	for _, c := range cells {
		if c.fault != nil {
			_, _ = fmt.Fprintf(w, "%-20s\t%s\t%d\tfailed\t\t\t\t\t\t\t\t\t\t\t\t\n", c.page.name, c.visitor.reach, c.connections)
			continue
		}
		m := together(c.app)
		_, _ = fmt.Fprintf(w, "%-20s\t%s\t%d\t%.0f\t%s\t%s\t%s\t%s\t%s\t%.1f\t%s\t", c.page.name, c.visitor.reach, c.connections, m.perSecond(),
			milliseconds(m.percentile(50)), milliseconds(m.percentile(95)), milliseconds(m.percentile(99)),
			milliseconds(perRequest(m.app, m.requests)), milliseconds(perRequest(m.database, m.requests)),
			float64(m.bytes)/float64(max(1, m.requests))/1024, figure("%.1f", c.statements))
		if len(c.bare) == 0 {
			_, _ = fmt.Fprintln(w, "\t\t\t\t")
			continue
		}
		b := together(c.bare)
		_, _ = fmt.Fprintf(w, "%.0f\t%s\t%s\t%s\t\n", b.perSecond(), milliseconds(b.cpu()),
			figure("%.2f", c.ratio(func(app, bare measurement) float64 { return app.perSecond() / bare.perSecond() })),
			figure("%.2f", c.ratio(func(app, bare measurement) float64 {
				if app.cpu() == 0 {
					return unknown
				}
				return bare.cpu().Seconds() / app.cpu().Seconds()
			})))
	}
	_ = w.Flush()
}

// ratio is the middle of the rounds' ratios: 1 is as good as bare.
func (c *cell) ratio(of func(app, bare measurement) float64) float64 {
	all := make([]float64, len(c.bare))
	for i := range c.bare {
		all[i] = of(c.app[i], c.bare[i])
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func together(rounds []measurement) measurement {
	var all measurement
	for _, m := range rounds {
		all.requests, all.took, all.bytes = all.requests+m.requests, all.took+m.took, all.bytes+m.bytes
		all.app, all.database = all.app+m.app, all.database+m.database
		all.latencies = append(all.latencies, m.latencies...)
	}
	slices.Sort(all.latencies)
	return all
}

// percentile returns the latency that p of 100 requests did not exceed.
func (m measurement) percentile(p int) time.Duration {
	if len(m.latencies) == 0 {
		return 0
	}
	return m.latencies[min(len(m.latencies)-1, len(m.latencies)*p/100)]
}

func perRequest(d time.Duration, requests int) time.Duration {
	return d / time.Duration(max(1, requests))
}

func milliseconds(d time.Duration) string {
	if d == 0 {
		return "–"
	}
	return fmt.Sprintf("%.2f", float64(d)/float64(time.Millisecond))
}

func figure(format string, v float64) string {
	if v == unknown {
		return "–"
	}
	return fmt.Sprintf(format, v)
}

func megabytes(n int) string {
	if n == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f MB", float64(n)/(1<<20))
}
