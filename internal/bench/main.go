// Bench measures the program that people run, on a register as large as it is meant for:
//
//	make bench
//
// It loads a grown demo firm into a private PostgreSQL of its own, or finds it there from an earlier run,
// starts bin/crm on it, signs people of every reach in, and asks for pages over HTTP. Beside each page it asks a
// bare handler, a process of its own that runs the page's main query and renders its rows and does nothing
// else, in turns, so that a busy machine slows both; see bare.go. The table says what a page costs and how near it comes to
// the bare handler.
//
// It is not a test: it asserts no time and fails only where a page does not answer as it should. CPU is read
// from /proc, so those columns are empty elsewhere than on Linux.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"syscall"
)

// bareArgument makes this program the bare handler.
const bareArgument = "bare"

func main() {
	ctx, cancel := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer cancel()
	work := bench
	if len(os.Args) == 2 && os.Args[1] == bareArgument {
		work = serveBare
	}
	if err := work(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1) //nolint:gocritic // the signals end with the process
	}
}

func bench(ctx context.Context) (err error) {
	o, err := readOptions(os.Getenv)
	if err != nil {
		return err
	}
	r, err := openRegister(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.close()) }()
	app, err := r.startApp(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, app.stop()) }()
	bare, err := r.startBare(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, bare.stop()) }()
	people, err := r.signIn(ctx, app)
	if err != nil {
		return err
	}
	cells := plan(o, people)
	if err := r.countStatements(ctx, cells); err != nil {
		return err
	}
	if err := (&runner{options: o, app: app, bare: bare, postmaster: r.postmaster}).run(ctx, cells); err != nil {
		return err
	}
	fmt.Printf("\n%s\n\n", r.describe())
	printTable(os.Stdout, cells)
	own, mapped := app.memory()
	fmt.Printf("\nMemory of the program after all this: %s, and %s of its file mapped.\n", megabytes(own), megabytes(mapped))
	return faults(cells)
}

// faults names each page that did not answer as it should: with so many lines the others are still worth having.
func faults(cells []*cell) error {
	var all []error
	for _, c := range cells {
		if c.fault != nil {
			all = append(all, fmt.Errorf("%s, reach %s, %d connections: %w", c.page.name, c.visitor.reach, c.connections, c.fault))
		}
	}
	return errors.Join(all...)
}
