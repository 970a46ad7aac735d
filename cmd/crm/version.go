package main

import (
	"runtime"
	"runtime/debug"
)

// version is set by the build: -ldflags "-X main.version=…".
var version = "dev"

type versionCmd struct{}

// Run prints what a report of a fault should name.
func (versionCmd) Run(a *app) error {
	a.say("crm %s (commit %s, %s, %s/%s, schema %d)", version, commit(), runtime.Version(), runtime.GOOS, runtime.GOARCH, newestSchema())
	return nil
}

// commit is what the program was built from, as far as the Go tool knew.
func commit() string {
	revision, dirty := "unknown", ""
	info, _ := debug.ReadBuildInfo()
	if info == nil {
		return revision
	}
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "-dirty"
		}
	}
	return revision + dirty
}
