package config

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"
)

// maxFile bounds the configuration file and each secret's file, in bytes: nobody writes more by
// hand, and a device file must not be read for ever.
const maxFile = 1 << 20

// entry is a value of the configuration file with the line it stands on.
type entry struct {
	value string
	line  int
}

// parseFile reads KEY=VALUE lines. Blank lines and lines that begin with # are skipped, "export "
// before a name is allowed, a value may stand in single or double quotes. Nothing is expanded:
// a password may hold any character.
func parseFile(text string) (map[string]entry, error) {
	entries := map[string]entry{}
	line := 0
	for raw := range strings.Lines(strings.TrimPrefix(text, "\ufeff")) {
		line++
		trimmed := strings.TrimSpace(raw)
		if trimmed == "" || trimmed[0] == '#' {
			continue
		}
		name, value, err := parseLine(trimmed)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line, err)
		}
		if before, has := entries[name]; has {
			return nil, fmt.Errorf("line %d: %s was set on line %d already", line, name, before.line)
		}
		entries[name] = entry{value, line}
	}
	return entries, nil
}

func parseLine(line string) (name, value string, err error) {
	name, value, found := strings.Cut(strings.TrimPrefix(line, "export "), "=")
	name, value = strings.TrimSpace(name), strings.TrimSpace(value)
	if !found || !isName(name) {
		// The line is not repeated: it may be half of a secret.
		return "", "", faultf("write NAME=VALUE")
	}
	if !utf8.ValidString(value) || strings.ContainsRune(value, 0) {
		return "", "", faultf("the value of %s is not UTF-8 text", name)
	}
	if value != "" && (value[0] == '"' || value[0] == '\'') {
		if len(value) < 2 || value[len(value)-1] != value[0] {
			return "", "", faultf("the quote before the value of %s is not closed", name)
		}
		value = value[1 : len(value)-1]
	}
	return name, value, nil
}

// isName reports whether s looks like the name of an environment variable.
func isName(s string) bool {
	for i, r := range s {
		letter := r == '_' || 'A' <= r && r <= 'Z' || 'a' <= r && r <= 'z'
		if !letter && (i == 0 || r < '0' || r > '9') {
			return false
		}
	}
	return s != ""
}

// readFile returns the text of a file of at most maxFile bytes.
func readFile(path string) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }() // read only: nothing to lose
	text, err := io.ReadAll(io.LimitReader(f, maxFile+1))
	if err != nil {
		return "", err
	}
	if len(text) > maxFile {
		return "", faultf("%s is larger than %d bytes", path, maxFile)
	}
	return string(text), nil
}
