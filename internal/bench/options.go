package main

import (
	"cmp"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/archpilot/crm/internal/privatepg"
)

// options come from the environment, so that make passes them through.
type options struct {
	organizations int           // BENCH_ORGANIZATIONS: how large the register is
	seconds       time.Duration // BENCH_SECONDS: how long each line's page is asked for, per round
	rounds        int           // BENCH_ROUNDS: how often the whole is gone through
	connections   []int         // BENCH_CONNECTIONS: how many ask at once, comma separated
	pages         []string      // BENCH_PAGES: names of pages, comma separated; empty for all
	dir           string        // BENCH_DATA_DIR: where registers are kept, one for each size
	program       string        // BENCH_PROGRAM: the program to measure
	binaries      string        // CRM_PG_BIN, as for the program itself
}

func readOptions(env func(string) string) (options, error) {
	var organizations, rounds []int
	o := options{dir: env("BENCH_DATA_DIR"), program: env("BENCH_PROGRAM"), binaries: env("CRM_PG_BIN")}
	for _, v := range []struct {
		name, standard string
		into           *[]int
	}{{"BENCH_ORGANIZATIONS", "1000000", &organizations}, {"BENCH_ROUNDS", "3", &rounds}, {"BENCH_CONNECTIONS", "1,16,64", &o.connections}} {
		var err error
		if *v.into, err = numbers(cmp.Or(env(v.name), v.standard)); err != nil {
			return o, fmt.Errorf("%s: %w", v.name, err)
		}
	}
	o.organizations, o.rounds = organizations[0], rounds[0]
	seconds := 2.0
	if text := env("BENCH_SECONDS"); text != "" {
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil || !(seconds > 0 && seconds <= 3600) {
			return o, fmt.Errorf("BENCH_SECONDS is %q and should be a number above 0", text)
		}
	}
	o.seconds = time.Duration(seconds * float64(time.Second))
	if o.dir == "" {
		o.dir = privatepg.DefaultDataDir() + "-bench"
	}
	o.dir = filepath.Join(o.dir, strconv.Itoa(o.organizations))
	if o.program == "" {
		o.program = filepath.Join("bin", "crm")
	}
	if names := env("BENCH_PAGES"); names != "" {
		o.pages = strings.Split(names, ",")
	}
	return o, o.checkPages()
}

// numbers reads numbers from 1 up, comma separated.
func numbers(text string) ([]int, error) {
	var all []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(part)
		if err != nil || n < 1 {
			return nil, fmt.Errorf("%q should be a number from 1 up", part)
		}
		all = append(all, n)
	}
	return all, nil
}

// checkPages tells a slip of the pen before anything is loaded.
func (o options) checkPages() error {
	var known []string
	for _, p := range pages {
		known = append(known, p.name)
	}
	for _, name := range o.pages {
		if !slices.Contains(known, name) {
			return fmt.Errorf("BENCH_PAGES names no page %q; the pages are %s", name, strings.Join(known, ", "))
		}
	}
	return nil
}
