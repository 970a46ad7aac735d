package api

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

// fields are what a body says: each field it names is a text, or a whole number, as its schema has it, or null to empty
// it. Fields it does not name stay as they are.
type fields struct {
	given  map[string]string // texts, and numbers as they were written
	faults crm.Invalid
}

// syntax is the error of a body that is not one JSON object, in words that show nothing of it.
type syntax struct{ what string }

func (s syntax) Error() string { return s.what }

// readFields reads a flat JSON object. It is stricter than encoding/json, which takes keys in any case and twice:
// two readers of one body must not see different things.
func readFields(raw []byte, schema *huma.Schema) (*fields, error) {
	if !utf8.Valid(raw) {
		return nil, syntax{"it is not UTF-8"}
	}
	f := &fields{given: map[string]string{}, faults: crm.Invalid{}}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber() // a number of any size is only a wrong type
	if start, err := d.Token(); err != nil {
		return nil, syntax{"it cannot be read"}
	} else if start != json.Delim('{') {
		return nil, syntax{"it begins with something else"}
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return nil, syntax{fmt.Sprintf("it cannot be read after %d bytes", d.InputOffset())}
		}
		if err := f.read(d, name.(string), schema); err != nil {
			return nil, err
		}
	}
	if _, err := d.Token(); err != nil {
		return nil, syntax{"it does not end"}
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, syntax{"something follows it"}
	}
	f.refuseHalves(raw)
	return f, f.faults.Err()
}

// read reads the value of one field.
func (f *fields) read(d *json.Decoder, name string, schema *huma.Schema) error {
	_, twice := f.given[name]
	known := schema.Properties[name] != nil
	value, err := d.Token()
	if err != nil {
		return syntax{fmt.Sprintf("it cannot be read after %d bytes", d.InputOffset())}
	}
	if nested, is := value.(json.Delim); is {
		if err := skip(d, nested); err != nil {
			return err
		}
	}
	wanted := huma.TypeString
	if known {
		wanted = schema.Properties[name].Type
	}
	number, isNumber := value.(json.Number)
	switch text, isText := value.(string); {
	case !known && crm.Storable(name) && utf8.RuneCountInString(name) <= 80:
		f.faults.Add(name, "There is no such field, or it cannot be set.")
	case !known:
		f.faults.Add("", "There is a field that does not exist.")
	case twice:
		f.faults.Add(name, "This field is given twice.")
	case wanted == huma.TypeInteger && isNumber:
		f.given[name] = number.String()
	case wanted == huma.TypeInteger && value != nil:
		f.faults.Add(name, "Send a whole number, or null to empty the field.")
	case !isText && value != nil:
		f.faults.Add(name, "Send a text, or null to empty the field.")
	case isText && !crm.Storable(text):
		f.faults.Add(name, "This text has characters that cannot be stored.")
	default:
		f.given[name] = text
	}
	return nil
}

// skip reads to the end of a value that began with a bracket, however deep, without recursion.
func skip(d *json.Decoder, start json.Delim) error {
	for depth := 1; depth > 0; {
		token, err := d.Token()
		if err != nil {
			return syntax{"it does not end"}
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
	}
	return nil
}

// refuseHalves refuses half of a surrogate pair, which the decoder turns into the replacement character without a
// word: the caller would read back something else than they sent.
func (f *fields) refuseHalves(raw []byte) {
	if bytes.Contains(raw, []byte("\uFFFD")) || bytes.Contains(bytes.ToLower(raw), []byte(`\ufffd`)) {
		return
	}
	for name, text := range f.given {
		if strings.ContainsRune(text, utf8.RuneError) {
			f.faults.Add(name, "This text has characters that cannot be stored.")
		}
	}
}

// text puts a field that was given into its place.
func (f *fields) text(name string, into *string) {
	if text, given := f.given[name]; given {
		*into = text
	}
}

// reference is text for a field that names a record.
func (f *fields) reference(name, sentence string, into *uuid.NullUUID) {
	text, given := f.given[name]
	if !given {
		return
	}
	if *into = (uuid.NullUUID{}); strings.TrimSpace(text) == "" {
		return
	}
	id, ok := parseID(strings.TrimSpace(text))
	if !ok {
		f.faults.Add(name, sentence)
		return
	}
	*into = uuid.NullUUID{UUID: id, Valid: true}
}

// moment is text for a time; an empty one takes instead.
func (f *fields) moment(name string, zone *time.Location, instead time.Time, into *time.Time) {
	text, given := f.given[name]
	switch {
	case !given:
	case strings.TrimSpace(text) == "":
		*into = instead
	default:
		*into = crm.ParseTime(strings.TrimSpace(text), zone)
	}
}

// parseID reads an id as we write it, and in no other form that a UUID may have.
func parseID(text string) (uuid.UUID, bool) {
	id, err := uuid.Parse(text)
	return id, err == nil && len(text) == 36
}
