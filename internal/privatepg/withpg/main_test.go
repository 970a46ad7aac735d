package main

import (
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/archpilot/crm/internal/privatepg"
)

// asItself makes the test binary be withpg.
const asItself = "WITHPG_TEST_AS_ITSELF"

func TestMain(m *testing.M) {
	if os.Getenv(asItself) != "" {
		main()
	}
	os.Exit(m.Run())
}

func TestCommandGetsADatabase(t *testing.T) {
	t.Parallel()
	if _, err := privatepg.FindBinaries(os.Getenv("CRM_PG_BIN")); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(err)
		}
		t.Skip(err)
	}
	script := `cat; echo "$` + urlName + `"; exit 7`
	out, status := withpg(t, "some input ", nil, "--", "sh", "-c", script)
	if status != 7 {
		t.Errorf("status %d, want the command's, 7", status)
	}
	url, ok := strings.CutPrefix(out, "some input ")
	if !ok || !strings.HasPrefix(url, "postgres://crm_owner@/crm?host=") {
		t.Errorf("output %q, want the input and a URL", out)
	}
	_, dir, _ := strings.Cut(url, "host=")
	dir, _, _ = strings.Cut(strings.ReplaceAll(dir, "%2F", "/"), "/run")
	if _, err := os.Stat(dir); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v, want it removed", dir, err)
	}
}

func TestNamedDatabaseIsLeftAlone(t *testing.T) {
	t.Parallel()
	out, status := withpg(t, "", []string{urlName + "=mine"}, "sh", "-c", `echo "$`+urlName+`"; kill -9 $$`)
	if out != "mine\n" || status != -1 {
		t.Errorf("got %q, status %d; want the given URL, and the command's own death", out, status)
	}
}

func TestNothingToRun(t *testing.T) {
	t.Parallel()
	if out, status := withpg(t, "", nil); status != 2 || !strings.Contains(out, "usage:") {
		t.Errorf("got %q, status %d", out, status)
	}
}

func withpg(t *testing.T, input string, env []string, args ...string) (string, int) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
	cmd.Env = slices.DeleteFunc(os.Environ(), func(v string) bool { return strings.HasPrefix(v, urlName+"=") })
	cmd.Env = append(append(cmd.Env, asItself+"=1"), env...)
	cmd.Stdin = strings.NewReader(input)
	out, err := cmd.CombinedOutput()
	if _, failed := errors.AsType[*exec.ExitError](err); err != nil && !failed {
		t.Fatal(err)
	}
	return string(out), cmd.ProcessState.ExitCode()
}
