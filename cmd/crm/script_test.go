package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/rogpeppe/go-internal/testscript"

	"github.com/archpilot/crm/internal/postgres/postgrestest"
	"github.com/archpilot/crm/internal/privatepg"
)

// The scripts run crm itself: the test binary becomes it, or one of the small programs below.
func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){
		"crm":    main,
		"sql":    program(runSQL),
		"digest": program(runDigest),
		"get":    program(runGet),
		"hold":   program(runHold),
	})
}

func TestScripts(t *testing.T) {
	t.Parallel()
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireExplicitExec: true,
		RequireUniqueNames:  true,
		Setup:               setUp,
		Condition:           func(name string) (bool, error) { return condition(t, name) },
		Cmds: map[string]func(*testscript.TestScript, bool, []string){
			"emptydb":  func(ts *testscript.TestScript, _ bool, _ []string) { setURL(ts, postgrestest.Empty(t)) },
			"database": func(ts *testscript.TestScript, _ bool, _ []string) { setURL(ts, postgrestest.URL(t)) },
			"datadir":  setDataDir,
			"freeport": setFreePort,
		},
	})
}

func setUp(env *testscript.Env) error {
	data, err := filepath.Abs(sharedData)
	env.Setenv("SP500", data)
	env.Setenv("CRM_ARGON2_MEMORY_KIB", "64") // the real costs would take most of the time
	env.Setenv("CRM_ARGON2_TIME", "1")
	env.Setenv("CRM_PG_BIN", os.Getenv("CRM_PG_BIN"))
	return err
}

// sharedData lies beside the checkout where the project is developed, and nowhere else.
const sharedData = "../../../shared/data/companies/sp500-constituents.csv"

// condition decides [database], [postgres] and [sp500]; the first two must hold in CI.
func condition(t *testing.T, name string) (bool, error) {
	var err error
	switch name {
	case "database":
		if os.Getenv(postgrestest.Env) == "" {
			err = errors.New(postgrestest.Env + " is not set")
		}
	case "postgres":
		_, err = privatepg.FindBinaries(os.Getenv("CRM_PG_BIN"))
	case "sp500":
		_, err := os.Stat(sharedData)
		return err == nil, nil
	default:
		return false, fmt.Errorf("unknown condition %q", name)
	}
	if err != nil && os.Getenv("CI") != "" {
		t.Errorf("in CI nothing is skipped: %v", err)
	}
	return err == nil, nil
}

func setURL(ts *testscript.TestScript, url string) { ts.Setenv("CRM_DATABASE_URL", url) }

// setDataDir makes a directory that the server's account can enter when root runs the tests, with a path
// that is short enough for a socket.
func setDataDir(ts *testscript.TestScript, _ bool, _ []string) {
	dir, err := os.MkdirTemp("", "crm-cmd-")
	ts.Check(err)
	ts.Check(os.Chmod(dir, 0o711)) //nolint:gosec // to pass through, not to look around
	ts.Defer(func() { ts.Check(os.RemoveAll(dir)) })
	ts.Setenv("CRM_DATA_DIR", dir)
	ts.Setenv("CRM_DATABASE_URL", "")
}

// setFreePort sets the variable to an address that nobody listens on; it may be taken again at once, but
// the kernel goes through all others first.
func setFreePort(ts *testscript.TestScript, _ bool, args []string) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	ts.Check(err)
	ts.Check(l.Close())
	ts.Setenv(args[0], l.Addr().String())
}

func program(run func(args []string) error) func() {
	return func() {
		if err := run(os.Args[1:]); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
}

func connect() (*pgx.Conn, error) { return pgx.Connect(background, os.Getenv("CRM_DATABASE_URL")) }

// runSQL prints the rows of a query, or of a file with -f, as a superuser behind the product's back.
func runSQL(args []string) error {
	conn, err := connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(background) }()
	query := strings.Join(args, " ")
	if args[0] == "-f" {
		text, err := os.ReadFile(args[1])
		if err != nil {
			return err
		}
		query = string(text)
	}
	results, err := conn.PgConn().Exec(background, query).ReadAll()
	for _, r := range results {
		for _, row := range r.Rows {
			fmt.Println(string(joinCells(row)))
		}
	}
	return err
}

func joinCells(row [][]byte) []byte {
	var line []byte
	for i, cell := range row {
		if i > 0 {
			line = append(line, '\t')
		}
		line = append(line, cell...)
	}
	return line
}

// runDigest prints every table with its rows' number and the digest of their contents.
func runDigest([]string) error {
	conn, err := connect()
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(background) }()
	rows, _ := conn.Query(background, `SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`)
	tables, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return err
	}
	for _, table := range tables {
		var count int
		var digest string
		err := conn.QueryRow(background, `SELECT count(*), md5(coalesce(string_agg(t::text, E'\n' ORDER BY t::text), ''))
			FROM `+pgx.Identifier{table}.Sanitize()+` t`).Scan(&count, &digest)
		if err != nil {
			return err
		}
		fmt.Println(table, count, digest)
	}
	return nil
}

// runGet prints status and body of a URL, as soon as somebody answers.
func runGet(args []string) error {
	var last error
	for end := time.Now().Add(20 * time.Second); time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		answer, err := http.Get(args[0])
		if err != nil {
			last = err
			continue
		}
		body, err := io.ReadAll(answer.Body)
		fmt.Println(answer.StatusCode, string(body))
		return errors.Join(err, answer.Body.Close())
	}
	return last
}

// runHold sends half a form to an address and waits for the connection to end.
func runHold(args []string) error {
	conn, err := net.Dial("tcp", args[0])
	if err != nil {
		return err
	}
	_, err = io.WriteString(conn, "POST /login HTTP/1.1\r\nHost: x\r\nSec-Fetch-Site: same-origin\r\n"+
		"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 100\r\n\r\nemail=")
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, conn) // reset or closed, both will do
	return conn.Close()
}
