// Package migrations holds the database schema as goose SQL files, embedded in the binary.
// schema.sql beside them is a dump for readers; a test keeps it current.
package migrations

import "embed"

// FS holds the migrations, in the order of their names, and nothing else.
//
//go:embed 0*.sql
var FS embed.FS
