package main

import (
	"context"
	"fmt"
	"log/slog"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/archpilot/crm/internal/privatepg"
)

// register is the data set and the PostgreSQL that holds it.
type register struct {
	options
	server     *privatepg.Server
	db         *pgxpool.Pool // as the owner
	statements *pgx.Conn     // where pg_stat_statements is asked, nil where it is not installed
	postmaster int           // process id
}

// openRegister starts the register's PostgreSQL, with the program's own settings, and loads the firm unless an
// earlier run has.
func openRegister(ctx context.Context, o options) (*register, error) {
	r := &register{options: o}
	settings := map[string]string{"max_wal_size": "12GB", "checkpoint_timeout": "30min"} // else a load writes each page many times over
	counting, err := canCount(o.binaries)
	if err != nil {
		return nil, err
	}
	if counting {
		settings["shared_preload_libraries"] = "pg_stat_statements"
	}
	if r.server, err = privatepg.Start(ctx, privatepg.Options{
		DataDir: o.dir, Binaries: o.binaries, Settings: settings, Log: slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn})),
	}); err != nil {
		return nil, err
	}
	if err := r.prepare(ctx, counting); err != nil {
		_ = r.close() // the first error tells more
		return nil, err
	}
	return r, nil
}

func (r *register) prepare(ctx context.Context, counting bool) error {
	var err error
	if r.postmaster, err = readPostmaster(filepath.Join(r.dir, "postgres", "postmaster.pid")); err != nil {
		return err
	}
	if r.db, err = pgxpool.New(ctx, r.server.OwnerURL()); err != nil {
		return err
	}
	if err := r.crm(ctx, "", "migrate", "up"); err != nil {
		return err
	}
	var organizations int
	if err := r.db.QueryRow(ctx, `SELECT count(*) FROM (SELECT 1 FROM organizations LIMIT 1) o`).Scan(&organizations); err != nil {
		return err
	}
	if organizations == 0 {
		if err := r.crm(ctx, "", "demo", "load", "--organizations", strconv.Itoa(r.organizations)); err != nil {
			return err
		}
	}
	if counting {
		return r.prepareCounting(ctx)
	}
	return nil
}

// crm runs a command of the program on this register; what it says goes to standard error.
func (r *register) crm(ctx context.Context, input string, args ...string) error {
	cmd := r.command(ctx, args...)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = strings.NewReader(input), os.Stderr, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("crm %s: %w", strings.Join(args, " "), err)
	}
	return nil
}

// command has nothing of the surroundings' settings in it: they are those of somebody's own register.
func (r *register) command(ctx context.Context, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, r.program, args...) //nolint:gosec // the program to measure
	for _, v := range os.Environ() {
		if !strings.HasPrefix(v, "CRM_") || strings.HasPrefix(v, "CRM_PG_BIN=") {
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "CRM_DATA_DIR="+r.dir, "CRM_LOG_LEVEL=warn")
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	return cmd
}

func (r *register) close() error {
	ctx := context.Background()
	if r.statements != nil {
		_ = r.statements.Close(ctx) // the server ends with it
	}
	if r.db != nil {
		r.db.Close()
	}
	return r.server.Stop()
}

// describe says what was measured on.
func (r *register) describe() string {
	ctx := context.Background()
	var version, size string
	if err := r.db.QueryRow(ctx, `SELECT current_setting('server_version'), pg_size_pretty(pg_database_size(current_database()))`).Scan(&version, &size); err != nil {
		version, size = "?", "?"
	}
	return fmt.Sprintf("%d organizations, PostgreSQL %s, database of %s, %d rounds of %s per line; the last columns compare with the bare handler.",
		r.organizations, version, size, r.rounds, r.seconds)
}

// readPostmaster returns the process id that the server wrote into its data directory.
func readPostmaster(file string) (int, error) {
	text, err := os.ReadFile(file)
	if err != nil {
		return 0, err
	}
	first, _, _ := strings.Cut(string(text), "\n")
	return strconv.Atoi(first)
}

// canCount reports whether the server can load pg_stat_statements, which some packages leave out. It lies where
// pg_config says, or beside the programs.
func canCount(override string) (bool, error) {
	binaries, err := privatepg.FindBinaries(override)
	if err != nil {
		return false, err
	}
	libraries := filepath.Join(filepath.Dir(binaries), "lib")
	if said, err := exec.Command(filepath.Join(binaries, "pg_config"), "--pkglibdir").Output(); err == nil { //nolint:gosec // PostgreSQL's own
		libraries = strings.TrimSpace(string(said))
	}
	found, err := filepath.Glob(filepath.Join(libraries, "pg_stat_statements.*"))
	return len(found) > 0, err
}

// inDatabase returns the URL of another database of the same server.
func inDatabase(address, name string) (string, error) {
	u, err := url.Parse(address)
	if err != nil {
		return "", err
	}
	u.Path = "/" + name
	return u.String(), nil
}
