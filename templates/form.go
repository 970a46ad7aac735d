package templates

import (
	"slices"
	"strings"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/templates/ui"
)

// Form is the state of a form: what was typed, or what the record holds, and what is wrong with it.
type Form struct {
	Action  string              // the path it is sent to
	Values  map[string]string   // by field name
	Many    map[string][]string // values of fields that repeat: role_ids, permissions
	Errors  crm.Invalid         // by field name; nil on a fresh form
	Token   string              // form_token of a form that creates, "" leaves it out
	Version int                 // version the record was read at, 0 leaves it out
	Field   string              // the one field that was asked for, which takes the focus; "" for the whole form
}

// Value returns what a field holds. Bytes that are not UTF-8 come back as replacement characters.
func (f Form) Value(name string) string { return strings.ToValidUTF8(f.Values[name], "\uFFFD") }

// has reports whether a repeated field holds value.
func (f Form) has(name, value string) bool { return slices.Contains(f.Many[name], value) }

// or returns f with a value for a field that has none.
func (f Form) or(name, value string) Form {
	if _, typed := f.Values[name]; typed {
		return f
	}
	values := map[string]string{name: value}
	for k, v := range f.Values {
		values[k] = v
	}
	f.Values = values
	return f
}

// field is a control for the named field of f.
func (p Page) field(f Form, name, label string) ui.Field {
	field := ui.Field{ID: fieldID(name), Name: name, Label: label, Value: p.Word(name, f.Value(name))}
	field.Autofocus = f.Field == name
	if fault, bad := f.Errors[name]; bad {
		field.Error = p.M(fault)
	}
	return field
}

// password is field for a password, which can be shown; fill is what a password manager shall put there.
func (p Page) password(f Form, name, label, fill string) ui.Field {
	return p.field(f, name, label).As("password").Fill(fill).Revealing(p.T("Show"), p.T("Hide"))
}

// required is field for one that must not stay empty.
func (p Page) required(f Form, name, label string) ui.Field {
	return p.field(f, name, label).Required(p.T("required"))
}

func fieldID(name string) string { return "f-" + name }

// faults lists what is wrong with f: the form's fields in their order, then anything else.
func (p Page) faults(f Form, order ...string) []ui.Fault {
	var faults []ui.Fault
	for _, name := range order {
		if m, bad := f.Errors[name]; bad {
			faults = append(faults, ui.Fault{ID: fieldID(name), Text: p.M(m)})
		}
	}
	var rest []string
	for name := range f.Errors {
		if !slices.Contains(order, name) {
			rest = append(rest, name)
		}
	}
	slices.Sort(rest)
	for _, name := range rest {
		faults = append(faults, ui.Fault{Text: p.M(f.Errors[name])})
	}
	return faults
}

// owners are the choices of an owner field: nobody first.
func (p Page) owners(f ui.Field, users []Option) ui.Field {
	return f.Choices(users, Option{Label: p.T("Nobody")})
}
