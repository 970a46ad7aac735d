// Crm is ArchPilot CRM, the client register, as one program: the server and the commands around it.
//
// This package only wires: each file reads its flags, opens what it needs, calls the package that does the
// work and says in words how it went. A fault is one sentence on standard error and a status other than 0.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/archpilot/crm/internal/config"
)

// grammar is the command line: the shared settings, then the commands, as --help lists them.
type grammar struct {
	config.Settings `embed:"" group:"Settings, each also a variable of the environment:"`

	Serve      serveCmd   `cmd:"" default:"withargs" help:"Serve the pages (the default)."`
	Migrate    migrateCmd `cmd:"" help:"Bring the database schema up to date, or show its state."`
	User       userCmd    `cmd:"" help:"Add users, list them, help those who cannot sign in."`
	Demo       demoCmd    `cmd:"" help:"A made-up firm to try the product with."`
	Import     importCmd  `cmd:"" help:"Load files that other programs export."`
	Audit      auditCmd   `cmd:"" help:"The audit log."`
	Backup     backupCmd  `cmd:"" help:"Write the whole database to a file."`
	Restore    restoreCmd `cmd:"" help:"Read a backup into an empty database."`
	ShowConfig configCmd  `cmd:"" name:"config" help:"Show every setting and where its value comes from; secrets are masked."`
	Version    versionCmd `cmd:"" help:"Show the version."`
}

// app is what every command is given beside its own flags.
type app struct {
	*config.Settings
	in  io.Reader
	out io.Writer
	log *slog.Logger
}

// say prints one or more lines of a command's result.
func (a *app) say(format string, args ...any) {
	_, _ = fmt.Fprintf(a.out, format+"\n", args...) // nobody reads it: nobody to tell
}

// Statuses of the program.
const (
	statusFault       = 1
	statusInterrupted = 128 + int(syscall.SIGINT) // as shells report it
)

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		<-signals
		cancel()
		<-signals // somebody is in a hurry; a private PostgreSQL stops by itself
		os.Exit(statusInterrupted)
	}()
	os.Exit(run(ctx, os.Args[1:], os.Environ()))
}

// run is main without the process around it; it returns the status.
func run(ctx context.Context, args, env []string) int {
	err := command(ctx, args, env)
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil && errors.Is(err, context.Canceled):
		fmt.Fprintln(os.Stderr, "crm: Interrupted.")
		return statusInterrupted
	}
	fmt.Fprintln(os.Stderr, "crm: "+sentence(err))
	return statusFault
}

func command(ctx context.Context, args, env []string) error {
	var g grammar
	parsed, err := config.Load(&g, &g.Settings, args, env,
		kong.Name("crm"), kong.Description("The client register."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, FlagsLast: true}),
		kong.BindTo(ctx, (*context.Context)(nil)))
	if err != nil {
		return err
	}
	serving := parsed.Command() == "serve"
	return parsed.Run(&app{Settings: &g.Settings, in: os.Stdin, out: os.Stdout, log: logger(&g.Settings, serving)})
}

// logger writes to standard error. What is worth telling about a server is noise beside a command's own
// words, so that commands begin with warnings unless another level was asked for.
func logger(s *config.Settings, serving bool) *slog.Logger {
	options := &slog.HandlerOptions{Level: s.LogLevel}
	if !serving && s.LogLevel == slog.LevelInfo {
		options.Level = slog.LevelWarn
	}
	if s.LogFormat == config.LogJSON {
		return slog.New(slog.NewJSONHandler(os.Stderr, options))
	}
	return slog.New(slog.NewTextHandler(os.Stderr, options))
}

// sentence puts an error on one line that ends like a sentence.
func sentence(err error) string {
	text := strings.Join(strings.FieldsFunc(err.Error(), func(r rune) bool { return r == '\n' || r == '\r' }), "; ")
	if text = strings.TrimSpace(text); !strings.HasSuffix(text, ".") && !strings.HasSuffix(text, "?") {
		text += "."
	}
	return text
}
