package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/importer"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

type importCmd struct {
	Organizations importOrganizationsCmd `cmd:"" help:"Load organizations from a CSV file, all of them or none."`
}

type importOrganizationsCmd struct {
	File         string            `arg:"" help:"CSV file with a line of column names."`
	Map          map[string]string `mapsep:"none" placeholder:"COLUMN=FIELD" help:"Take a field from this column; give it again for more. The rest goes by the columns' names."`
	DryRun       bool              `help:"Read the file and say what would be loaded; change nothing."`
	SkipRejected bool              `help:"Load the good rows even if others are rejected."`
	Rejected     string            `placeholder:"FILE" help:"Where rejected rows and their reasons go; FILE-rejected.csv in this directory when left out."`
}

// Run loads the file in one change set. A rejected row is a fault of the whole file unless it may be skipped.
func (c importOrganizationsCmd) Run(ctx context.Context, a *app) error {
	f, err := c.read()
	if err != nil {
		return err
	}
	a.tellColumns(f)
	if len(f.Rejected) > 0 {
		if err := c.reject(a, f); err != nil {
			return err
		}
	}
	switch {
	case len(f.Rows) == 0:
		return fmt.Errorf("%s has no row to load", c.File)
	case c.DryRun:
		a.say("%d organizations would be loaded; nothing was changed.", len(f.Rows))
		return nil
	}
	return a.onRegister(ctx, func(db *postgres.DB) error { return c.load(ctx, a, db, f) })
}

func (c importOrganizationsCmd) read() (*importer.File, error) {
	in, err := os.Open(c.File)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	defer func() { _ = in.Close() }() // only read
	f, err := importer.Organizations(in, importer.Options{Map: c.Map})
	return f, c.plain(err)
}

// plain leaves out the names of form fields, which mean nothing here.
func (c importOrganizationsCmd) plain(err error) error {
	var faults crm.Invalid
	if !errors.As(err, &faults) {
		return err
	}
	var texts []string
	for _, m := range faults {
		texts = append(texts, m.String())
	}
	return fmt.Errorf("%s: %s", c.File, strings.Join(texts, " "))
}

func (a *app) tellColumns(f *importer.File) {
	for i, field := range f.Fields {
		if field != "" {
			a.say("%s is taken from the column %q.", field, f.Header[i])
		}
	}
	if len(f.Ignored) > 0 {
		a.say("Ignored columns: %s.", strings.Join(f.Ignored, ", "))
	}
}

// reject writes the rejected rows to a file; its error ends the import.
func (c importOrganizationsCmd) reject(a *app, f *importer.File) error {
	name, err := c.writeRejected(f)
	if err != nil {
		return fmt.Errorf("the rejected rows cannot be written, and nothing was imported: %w", err)
	}
	if !c.SkipRejected {
		return fmt.Errorf("%d of %d rows are rejected and nothing was imported; the reasons are in %s (--skip-rejected loads the rest)",
			len(f.Rejected), len(f.Rejected)+len(f.Rows), name)
	}
	a.say("Skipped %d of %d rows; the reasons are in %s.", len(f.Rejected), len(f.Rejected)+len(f.Rows), name)
	return nil
}

func (c importOrganizationsCmd) writeRejected(f *importer.File) (string, error) {
	out, err := c.createRejected()
	if err != nil {
		return "", err
	}
	return out.Name(), errors.Join(importer.WriteRejected(out, f), out.Close())
}

// createRejected overwrites only what --rejected names: somebody may be mending the rows of an earlier try.
func (c importOrganizationsCmd) createRejected() (*os.File, error) {
	const private = 0o600 // clients' data
	if c.Rejected != "" {
		if same(c.Rejected, c.File) {
			return nil, errors.New("--rejected names the file that is imported")
		}
		return os.OpenFile(c.Rejected, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, private)
	}
	stem := strings.TrimSuffix(filepath.Base(c.File), filepath.Ext(c.File)) + "-rejected"
	name := stem + ".csv"
	for n := 2; ; n++ {
		out, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, private)
		if !errors.Is(err, fs.ErrExist) {
			return out, err
		}
		name = fmt.Sprintf("%s-%d.csv", stem, n)
	}
}

func same(a, b string) bool {
	infoA, errA := os.Stat(a)
	infoB, errB := os.Stat(b)
	return errA == nil && errB == nil && os.SameFile(infoA, infoB)
}

func (c importOrganizationsCmd) load(ctx context.Context, a *app, db *postgres.DB, f *importer.File) error {
	organizations := make([]crm.Organization, len(f.Rows))
	for i, row := range f.Rows {
		organizations[i] = row.Organization
	}
	actor := authz.SystemActor("crm import", authz.ViewClient, authz.EditClient, authz.ImportClient)
	saved, err := db.As(actor, postgres.Origin{}).ImportOrganizations(ctx, organizations, filepath.Base(c.File))
	if err != nil {
		return c.plain(err)
	}
	a.say("Imported %d organizations as change set %s.", len(organizations), saved.ChangeSet)
	a.say("To take it back, use Undo on %s%s.", a.BaseURL, paths.Change(saved.ChangeSet))
	return nil
}
