//go:build e2e

package e2e

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/chromedp"
)

const (
	repository  = "../.."
	chromiumEnv = "CRM_TEST_CHROMIUM" // a program to use instead of those in PATH
	patience    = 20 * time.Second    // for one step, on a machine with other work to do
)

// program is the built crm.
var program string

func TestMain(m *testing.M) {
	status, err := run(m)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		status = 1
	}
	os.Exit(status)
}

func run(m *testing.M) (int, error) {
	dir, err := os.MkdirTemp("", "crm-e2e-")
	if err != nil {
		return 1, err
	}
	program = filepath.Join(dir, "crm")
	build := exec.Command("go", "build", "-o", program, "./cmd/crm")
	build.Dir, build.Stderr = repository, os.Stderr
	if err := build.Run(); err != nil {
		return 1, errors.Join(fmt.Errorf("building crm: %w", err), os.RemoveAll(dir))
	}
	status := m.Run()
	closeBrowser()
	return status, errors.Join(migrated.Drop(), demo.Drop(), os.RemoveAll(dir))
}

// closeBrowser ends the browser, if one was started.
var closeBrowser = func() {}

var errNoChromium = errors.New("no Chromium found: install chromium, or name one with " + chromiumEnv)

// browser returns the one browser of all tests, which each test enters with a profile of its own. Without a
// Chromium the test is skipped, or fails in CI.
func browser(t testing.TB) context.Context {
	t.Helper()
	ctx, err := started()
	switch {
	case errors.Is(err, errNoChromium) && os.Getenv("CI") == "":
		t.Skip(err)
	case err != nil:
		t.Fatal(err)
	}
	return ctx
}

var started = sync.OnceValues(func() (context.Context, error) {
	path, err := chromium()
	if err != nil {
		return nil, err
	}
	options := append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path),
		// Root may not use the sandbox, and a container has often no other user; all pages are our own.
		chromedp.NoSandbox,
		chromedp.DisableGPU,
		chromedp.Flag("disable-quic", true),
		chromedp.Flag("disable-component-update", true),
		// For each window a whole browser draws the list below its address bar, which nobody sees.
		chromedp.Flag("disable-features", "Translate,BlinkGenPropertyTrees,WebUIOmniboxPopup,WebUIOmniboxAimPopup"),
		// Nothing leaves this machine, whatever a page asks for.
		chromedp.Flag("no-proxy-server", true),
		chromedp.Flag("host-resolver-rules", "MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"),
	)
	allocator, stopAllocator := chromedp.NewExecAllocator(context.Background(), options...)
	ctx, stop := chromedp.NewContext(allocator)
	closeBrowser = func() { stop(); stopAllocator() }
	if err := chromedp.Do(ctx); err != nil {
		return nil, fmt.Errorf("starting %s: %w", path, err)
	}
	return ctx, nil
})

func chromium() (string, error) {
	// The headless shells come first: the same engine without windows of its own to draw, at half the cost.
	names := []string{"chromium-headless-shell", "headless-shell", "headless_shell", "chromium", "chromium-browser", "google-chrome"}
	if chosen := os.Getenv(chromiumEnv); chosen != "" {
		names = []string{chosen}
	}
	for _, name := range names {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", errNoChromium
}
