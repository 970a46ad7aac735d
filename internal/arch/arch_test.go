package arch

import (
	"errors"
	"go/build"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

const (
	module = "github.com/archpilot/crm"
	root   = "../.." // of the repository, from here
)

// anything but the named packages may be imported; only the wiring may say so.
func anythingBut(packages ...string) rule { return rule{except: packages} }

func only(packages ...string) rule { return rule{allowed: packages} }

type rule struct{ allowed, except []string }

func (r rule) allows(p string) bool {
	if r.except != nil {
		return !slices.Contains(r.except, p)
	}
	return slices.Contains(r.allowed, p)
}

// mayImport is the import table: for each package, which of ours it may import outside its tests. A leaf
// stands with none. It is the shape of the house; think before adding to it.
var mayImport = map[string]rule{
	// leaves: they know nothing of ours, so anyone may use them
	"internal/arch":             only(),
	"internal/audit":            only(),
	"internal/authz":            only(),
	"internal/backup":           only(),
	"internal/config":           only(),
	"internal/crm":              only(),
	"internal/e2e":              only(), // tests alone: the built program in a browser
	"internal/l10n":             only(),
	"internal/mfa":              only(),
	"internal/password":         only(),
	"internal/paths":            only(),
	"internal/privatepg":        only(),
	"internal/privatepg/withpg": only("internal/privatepg"), // a command for make test
	"migrations":                only(),
	"static":                    only(),
	"templates/ui":              only("static"), // controls that know no CRM

	// what the records of a firm look like in a file, or invented
	"internal/demo":     only("internal/crm"),
	"internal/importer": only("internal/crm"),

	// a line of text as the fields of an interaction
	"internal/quicklog": only("internal/crm"),

	// all SQL
	"internal/postgres":              only("internal/audit", "internal/authz", "internal/crm", "migrations"),
	"internal/postgres/postgrestest": only("internal/authz", "internal/crm", "internal/postgres", "migrations"),

	// what was left to be done in the background
	"internal/jobs": only("internal/postgres"),

	// what waits in the outbox, to a mail server
	"internal/mail":          only("internal/crm", "internal/l10n", "internal/paths", "internal/postgres"),
	"internal/mail/mailtest": only(),

	// iCalendar files, of events and nothing else
	"internal/calendar": only(),

	// pages know no database, requests know no SQL
	"templates": only("internal/crm", "internal/l10n", "internal/paths", "internal/quicklog", "static", "templates/ui"),
	"web/api":   only("internal/audit", "internal/authz", "internal/crm", "internal/paths", "internal/postgres"), // what programs get
	"web": only("internal/audit", "internal/authz", "internal/calendar", "internal/crm", "internal/importer", "internal/l10n", "internal/mfa", "internal/password",
		"internal/paths", "internal/postgres", "internal/quicklog", "static", "templates", "web/api"),

	// a command for make bench: the built program over HTTP, and beside it its pages with nothing around them
	"internal/bench": only("internal/authz", "internal/crm", "internal/l10n", "internal/paths", "internal/postgres", "internal/privatepg", "templates"),

	// the wiring
	"cmd/crm": anythingBut("internal/arch", "internal/bench", "internal/e2e", "internal/mail/mailtest", "internal/postgres/postgrestest", "internal/privatepg/withpg", "templates/ui"),
}

// outsiders are packages of others that only some of ours may use outside their tests.
var outsiders = map[string][]string{
	"github.com/jackc/pgx/v5": { // PostgreSQL
		"cmd/crm", "internal/backup", "internal/bench", "internal/postgres", "internal/postgres/postgrestest", "internal/privatepg",
	},
	"github.com/wneessen/go-mail":      {"internal/mail"},
	"github.com/emersion/go-ical":      {"internal/calendar"},
	"net/http":                         {"cmd/crm", "internal/bench", "static", "web", "web/api"},
	"github.com/go-chi/chi/v5":         {"web", "web/api"},
	"github.com/danielgtaylor/huma/v2": {"web/api"},
	"github.com/alexedwards/scs/v2":    {"web"},
	"database/sql":                     {"internal/postgres"}, // goose asks for it
	"testing":                          {"internal/mail/mailtest", "internal/postgres/postgrestest"},
}

func TestImportsFollowTheTable(t *testing.T) {
	t.Parallel()
	packages := ourPackages(t)
	for name, p := range packages {
		rule, known := mayImport[name]
		if !known {
			t.Errorf("package %s has no row in the import table: add one to mayImport in internal/arch/arch_test.go", name)
			continue
		}
		for _, imported := range ours(p.Imports) {
			if !rule.allows(imported) {
				t.Errorf("%s imports %s, which the import table does not allow: move the code to where it belongs, or change mayImport and say why", name, imported)
			}
		}
	}
	for name := range mayImport {
		if packages[name] == nil {
			t.Errorf("the import table has a row for %s, which does not exist: remove it from mayImport", name)
		}
	}
}

func TestOutsidersStayWhereTheyBelong(t *testing.T) {
	t.Parallel()
	for name, p := range ourPackages(t) {
		for _, imported := range p.Imports {
			for outsider, allowed := range outsiders {
				if (imported == outsider || strings.HasPrefix(imported, outsider+"/")) && !slices.Contains(allowed, name) {
					t.Errorf("%s imports %s, which is for %s only", name, imported, strings.Join(allowed, ", "))
				}
			}
		}
	}
}

func TestNothingImportsACommand(t *testing.T) {
	t.Parallel()
	for name, p := range ourPackages(t) {
		for _, imported := range ours(slices.Concat(p.Imports, p.TestImports, p.XTestImports)) {
			if strings.HasPrefix(imported, "cmd/") {
				t.Errorf("%s imports %s: a command is wiring only; move what both need into a package under internal/", name, imported)
			}
		}
	}
}

func TestPackageNamesSayWhatTheyProvide(t *testing.T) {
	t.Parallel()
	banned := []string{"util", "utils", "helper", "helpers", "common", "model", "models", "type", "types", "misc", "shared", "base"}
	for name, p := range ourPackages(t) {
		if slices.Contains(banned, p.Name) || slices.Contains(banned, path.Base(name)) {
			t.Errorf("package %s: name it for what it provides, not %q", name, p.Name)
		}
	}
}

func TestEveryPackageHasADoc(t *testing.T) {
	t.Parallel()
	for name, p := range ourPackages(t) {
		if p.Doc == "" {
			t.Errorf("package %s has no package comment: say what it is for, and what it is not for", name)
		}
	}
}

// ourPackages returns every package of the repository that has Go code, by its path below the root.
func ourPackages(t *testing.T) map[string]*build.Package {
	t.Helper()
	packages := map[string]*build.Package{}
	for _, dir := range ourDirs(t) {
		p, err := build.ImportDir(filepath.Join(root, dir), 0)
		var none *build.NoGoError
		if errors.As(err, &none) {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		packages[dir] = p
	}
	if len(packages) < 15 {
		t.Fatalf("found %d packages from %s: is this still the way to the root?", len(packages), root)
	}
	return packages
}

// ourDirs returns the directories of the repository that may hold packages, with forward slashes.
func ourDirs(t *testing.T) []string {
	t.Helper()
	var dirs []string
	err := filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil || !d.IsDir() {
			return err
		}
		name := d.Name()
		if p != root && (strings.HasPrefix(name, ".") || strings.HasPrefix(name, "_") || name == "testdata" || name == "bin" || name == "tools") {
			return filepath.SkipDir
		}
		rel, err := filepath.Rel(root, p)
		dirs = append(dirs, filepath.ToSlash(rel))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return dirs
}

// ours returns which of the imports are packages of this module, without its path.
func ours(imports []string) []string {
	var out []string
	for _, i := range imports {
		if rest, is := strings.CutPrefix(i, module+"/"); is {
			out = append(out, rest)
		}
	}
	return out
}
