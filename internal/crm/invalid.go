package crm

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Errors that every layer understands. package web maps each to one status.
var (
	// ErrNotFound says that no such record exists within the actor's reach.
	// A record that exists out of reach gives the same error, on purpose.
	ErrNotFound = errors.New("not found")
	// ErrConflict says that the record was changed after the version a form was read at.
	ErrConflict = errors.New("changed by someone else meanwhile")
	// ErrUnchanged says that a write would not have changed anything; nothing was written.
	ErrUnchanged = errors.New("nothing changed")
)

// Message is a sentence for a person: the English text is the key of the message
// catalogue, Args fill its verbs (as in fmt) after translation.
type Message struct {
	Text string
	Args []any
}

// Msg builds a Message.
func Msg(text string, args ...any) Message { return Message{Text: text, Args: args} }

// String returns the message in English.
func (m Message) String() string {
	if len(m.Args) == 0 {
		return m.Text
	}
	return fmt.Sprintf(m.Text, m.Args...)
}

// Invalid maps a field of a form, an API body or an import row to what is wrong with it.
// The empty field name stands for the record as a whole.
type Invalid map[string]Message

// Error lists the faults by field, for logs and command lines.
func (v Invalid) Error() string {
	fields := make([]string, 0, len(v))
	for f := range v {
		fields = append(fields, f)
	}
	slices.Sort(fields)
	for i, f := range fields {
		fields[i] = strings.TrimPrefix(f+": "+v[f].String(), ": ")
	}
	return strings.Join(fields, "; ")
}

// Add records a fault unless the field already has one: the first is the one to mend first.
func (v Invalid) Add(field, text string, args ...any) {
	if _, has := v[field]; !has {
		v[field] = Msg(text, args...)
	}
}

// Join records the faults of err, which may be nil, under field names that begin with prefix. An error that is no
// Invalid comes back.
func (v Invalid) Join(prefix string, err error) error {
	var more Invalid
	if err != nil && !errors.As(err, &more) {
		return err
	}
	for field, fault := range more {
		if _, has := v[prefix+field]; !has {
			v[prefix+field] = fault
		}
	}
	return nil
}

// Err returns v as an error, or nil when there is no fault.
func (v Invalid) Err() error {
	if len(v) == 0 {
		return nil
	}
	return v
}

// Fault is an Invalid with one field.
func Fault(field, text string, args ...any) error {
	return Invalid{field: Msg(text, args...)}
}
