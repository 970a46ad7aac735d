package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/archpilot/crm/internal/backup"
)

type backupCmd struct {
	File string `arg:"" help:"File to write; one that exists is left alone."`
}

// Run writes the database while it is in use, as it stands at one moment.
func (c backupCmd) Run(ctx context.Context, a *app) error {
	return a.onDatabase(ctx, 0, func(d *database) error {
		if err := backup.Backup(ctx, d.ownerURL, d.binaries, c.File); err != nil {
			return err
		}
		info, err := os.Stat(c.File)
		if err != nil {
			return err
		}
		a.say("Wrote %s, %.1f MB. It holds everything, password hashes too: keep it safe.", c.File, float64(info.Size())/1e6)
		return nil
	})
}

type restoreCmd struct {
	File string `arg:"" help:"File that crm backup wrote."`
}

// Run fills an empty database, then brings the schema of an older backup up to date. It must not migrate
// first: then the database would not be empty.
func (c restoreCmd) Run(ctx context.Context, a *app) error {
	return a.onDatabase(ctx, startPatience, func(d *database) error {
		err := backup.Restore(ctx, d.ownerURL, d.binaries, c.File)
		if errors.Is(err, backup.ErrNotEmpty) && d.private != nil {
			return fmt.Errorf("%w; name a new directory in CRM_DATA_DIR", err)
		}
		if err != nil {
			return err
		}
		applied, err := d.migrate(ctx)
		if err != nil {
			return fmt.Errorf("%s was restored, but: %w", c.File, err)
		}
		a.say("Restored %s.", c.File)
		for _, name := range applied {
			a.say("Applied %s.", name)
		}
		return nil
	})
}
