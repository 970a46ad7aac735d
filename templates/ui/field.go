// Package ui holds the controls that pages are made of: fields, buttons, tabs, chips, messages.
// It knows nothing of the CRM, and every word it shows is given to it.
package ui

import "time"

// Option is one choice of a select or a group of radio buttons.
type Option struct {
	Value string
	Label string
}

// Field is one control of a form with its label, what was typed, and what is wrong with it.
type Field struct {
	Name    string
	ID      string
	Label   string
	Value   string
	Hint    string
	Error   string
	Mark    string // the word for "required" beside the label; "" when it may stay empty
	Type    string // of an input; "" is text
	Options []Option
	Suggest []string // offered values; others may be typed
	Rows    int      // of a text area; 0 is 4

	Autocomplete string
	InputMode    string
	Autofocus    bool
	Placeholder  string

	Show, Hide string // words of the button that shows a password; "" leaves it out
}

// Required marks the field, with the word for it in the reader's language.
func (f Field) Required(word string) Field { f.Mark = word; return f }

// Help adds a hint below the label.
func (f Field) Help(text string) Field { f.Hint = text; return f }

// As sets the input's type.
func (f Field) As(inputType string) Field { f.Type = inputType; return f }

// Keys sets which keyboard a phone shows.
func (f Field) Keys(mode string) Field { f.InputMode = mode; return f }

// Fill sets what a browser may fill in.
func (f Field) Fill(autocomplete string) Field { f.Autocomplete = autocomplete; return f }

// Choices sets the options of a select, led by any given first.
func (f Field) Choices(options []Option, first ...Option) Field {
	f.Options = append(append([]Option{}, first...), options...)
	return f
}

// Offer sets suggested values.
func (f Field) Offer(values []string) Field { f.Suggest = values; return f }

// Tall sets the rows of a text area.
func (f Field) Tall(rows int) Field { f.Rows = rows; return f }

// Revealing adds a button that shows and hides what was typed, with its two words. It needs JavaScript and is not
// there without.
func (f Field) Revealing(show, hide string) Field { f.Show, f.Hide = show, hide; return f }

// Holding sets the text an empty field shows.
func (f Field) Holding(text string) Field { f.Placeholder = text; return f }

func (f Field) hintID() string  { return f.ID + "-hint" }
func (f Field) errorID() string { return f.ID + "-error" }
func (f Field) listID() string  { return f.ID + "-list" }

// describedBy names the elements that a screen reader reads after the label.
func (f Field) describedBy() string {
	switch {
	case f.Hint != "" && f.Error != "":
		return f.hintID() + " " + f.errorID()
	case f.Hint != "":
		return f.hintID()
	case f.Error != "":
		return f.errorID()
	}
	return ""
}

// inputType is the type shown: a date control would hide a value it cannot read, so such a value gets a text box.
func (f Field) inputType() string {
	layouts := map[string][]string{
		"":               nil,
		"date":           {"2006-01-02"},
		"datetime-local": {"2006-01-02T15:04", "2006-01-02T15:04:05"},
	}
	for _, layout := range layouts[f.Type] {
		if _, err := time.Parse(layout, f.Value); err == nil {
			return f.Type
		}
	}
	switch {
	case f.Type == "", len(layouts[f.Type]) > 0 && f.Value != "":
		return "text"
	}
	return f.Type
}

// options are the choices, with the present value added when it is none of them: what was typed is shown again.
func (f Field) options() []Option {
	if f.Value == "" {
		return f.Options
	}
	for _, o := range f.Options {
		if o.Value == f.Value {
			return f.Options
		}
	}
	return append(append([]Option{}, f.Options...), Option{Value: f.Value, Label: f.Value})
}

func (f Field) rows() int {
	if f.Rows == 0 {
		return 4
	}
	return f.Rows
}
