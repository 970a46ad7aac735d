package web

import (
	"slices"

	"github.com/archpilot/crm/internal/crm"
)

// A fact of a record can be edited where it stands. A script asks the form's own address for one field of it, and sends
// that field to the form's own address, with only=FIELD: the rest of the record is not the request's to change.
// Without a script field=FIELD is the whole form, the focus on that field.

// askedField returns which of a form's fields the address asks for, "" for none.
func (v *visit) askedField(fields []string) string {
	if name := v.query.Get("field"); slices.Contains(fields, name) {
		return name
	}
	return ""
}

// only returns the one field that was sent, "" for a whole form. A name that is no field of the form, a field named but
// not sent, and two names are refused: what was meant is not to be guessed where a wrong guess empties the rest.
func (v *visit) only(fields []string) (string, error) {
	names, given := v.form["only"]
	if !given {
		return "", nil
	}
	if len(names) != 1 || !slices.Contains(fields, names[0]) || len(v.form[names[0]]) != 1 {
		errs := crm.Invalid{}
		errs.Add("only", "There is no such field to edit on its own.")
		return "", errs
	}
	return names[0], nil
}

// fill completes a form of one field with what the record holds, so that it is read, checked and saved like any other.
func (v *visit) fill(only string, fields []string, record map[string]string) {
	for _, f := range fields {
		if f != only {
			v.form.Set(f, record[f])
			delete(v.faults, f)
		}
	}
}
