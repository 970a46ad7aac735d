package arch

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestTemplatesAndGeneratedCodeBelongTogether finds what `make check-generated` cannot: that target compares
// bytes with a fresh run of the generator, which says nothing about a template that went away.
func TestTemplatesAndGeneratedCodeBelongTogether(t *testing.T) {
	t.Parallel()
	templates := 0
	for _, dir := range ourDirs(t) {
		for _, name := range glob(t, dir, "*.templ") {
			templates++
			if generated := strings.TrimSuffix(name, ".templ") + "_templ.go"; !exists(generated) {
				t.Errorf("%s is missing: run make generate and commit it", generated)
			}
		}
		for _, name := range glob(t, dir, "*_templ.go") {
			if source := strings.TrimSuffix(name, "_templ.go") + ".templ"; !exists(source) {
				t.Errorf("%s was generated from a file that is gone: remove it", name)
			}
		}
	}
	if templates == 0 {
		t.Error("no .templ file found: is this still the way to the root?")
	}
}

func TestCIProvesGeneratedCodeCurrent(t *testing.T) {
	t.Parallel()
	makefile, err := os.ReadFile(filepath.Join(root, "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"\ntest: deps check ", "\ncheck: check-generated "} {
		if !strings.Contains(string(makefile), line) {
			t.Errorf("the Makefile lacks the line %q: make test must regenerate every template in a copy and compare", strings.TrimSpace(line))
		}
	}
}

func glob(t *testing.T, dir, pattern string) []string {
	t.Helper()
	names, err := filepath.Glob(filepath.Join(root, dir, pattern))
	if err != nil {
		t.Fatal(err)
	}
	return names
}

func exists(name string) bool {
	_, err := os.Stat(name)
	return err == nil
}
