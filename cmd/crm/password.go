package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/ccojocar/zxcvbn-go/frequency"

	"github.com/archpilot/crm/internal/password"
)

// readPassword reads the password that somebody else chose, less the line break that echo leaves.
func readPassword(ctx context.Context, in io.Reader) (string, error) {
	type read struct {
		text []byte
		err  error
	}
	done := make(chan read, 1)
	go func() { // a read from a terminal does not end with the context
		text, err := io.ReadAll(io.LimitReader(in, password.MaxBytes+3))
		done <- read{text, err}
	}()
	select {
	case <-ctx.Done():
		return "", context.Cause(ctx)
	case r := <-done:
		if r.err != nil {
			return "", fmt.Errorf("the password cannot be read from standard input: %w", r.err)
		}
		text := string(bytes.TrimSuffix(bytes.TrimSuffix(r.text, []byte("\n")), []byte("\r")))
		return text, checkGiven(text)
	}
}

// checkGiven refuses less than the sign-in pages do: whoever sets passwords from a script has a policy of
// their own. What no browser could send is refused as well.
func checkGiven(pw string) error {
	switch n := len(pw); {
	case n < password.MinBytes:
		return fmt.Errorf("the password has %d bytes; use at least %d", n, password.MinBytes)
	case n > password.MaxBytes:
		return fmt.Errorf("the password has more than %d bytes", password.MaxBytes)
	case !utf8.ValidString(pw) || strings.ContainsAny(pw, "\x00\r\n"):
		return errors.New("the password holds a line break or something that is no text, which nobody could type")
	case slices.Contains(frequency.Lists["Passwords"].List, strings.ToLower(pw)):
		return errors.New("the password is one of the commonest; choose another")
	}
	return nil
}
