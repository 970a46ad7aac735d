package templates

import (
	"strings"

	"github.com/archpilot/crm/internal/l10n"
)

// Outcomes, roles and statuses of relationships are free text, of which we suggest a few words. Those are stored as we
// write them in English, whoever chose them, so that all readers' filters, and the rules that know "Former", find them;
// they are shown, offered and understood in the reader's own language. Any other text is shown and stored as typed.

var (
	outcomeWords = map[string]func(Page) string{
		"Follow-up scheduled":  func(p Page) string { return p.T("Follow-up scheduled") },
		"Information sent":     func(p Page) string { return p.T("Information sent") },
		"Meeting booked":       func(p Page) string { return p.T("Meeting booked") },
		"Waiting for customer": func(p Page) string { return p.T("Waiting for customer") },
		"No answer":            func(p Page) string { return p.T("No answer") },
		"Resolved":             func(p Page) string { return p.T("Resolved") },
		"Closed won":           func(p Page) string { return p.T("Closed won") },
		"Closed lost":          func(p Page) string { return p.T("Closed lost") },
	}
	roleWords = map[string]func(Page) string{ // CEO and its like are the same everywhere
		"Owner":             func(p Page) string { return p.T("Owner (of a firm)") },
		"Partner":           func(p Page) string { return p.T("Partner (in a firm)") },
		"Decision maker":    func(p Page) string { return p.T("Decision maker") },
		"Billing contact":   func(p Page) string { return p.T("Billing contact") },
		"Technical contact": func(p Page) string { return p.T("Technical contact") },
		"Procurement":       func(p Page) string { return p.T("Procurement") },
		"Legal":             func(p Page) string { return p.T("Legal") },
		"Board member":      func(p Page) string { return p.T("Board member") },
		"Advisor":           func(p Page) string { return p.T("Advisor") },
		"Assistant":         func(p Page) string { return p.T("Assistant") },
	}
	statusWords = map[string]func(Page) string{
		"Active":   func(p Page) string { return p.T("Active (relationship)") },
		"Prospect": func(p Page) string { return p.T("Prospect") },
		"Former":   func(p Page) string { return p.T("Former") },
	}
	// suggested are the words of a field, or of a filter, by its name.
	suggested = map[string]map[string]func(Page) string{
		"outcome": outcomeWords, "role_label": roleWords, "role": roleWords, "relationship_status": statusWords, "relationship": statusWords,
	}
)

// Word is a value of a field as the reader reads it.
func (p Page) Word(field, value string) string {
	if said, ours := suggested[field][value]; ours && p.L.Language() != string(l10n.English) {
		return said(p)
	}
	return value
}

// wordChoice is a value as the one choice of a filter, for its chip.
func (p Page) wordChoice(field, value string) []Option {
	return []Option{{Value: value, Label: p.Word(field, value)}}
}

// words are suggestions as the reader reads them.
func (p Page) words(field string, values []string) []string {
	out := make([]string, len(values))
	for i, v := range values {
		out[i] = p.Word(field, v)
	}
	return out
}

// Stored is what is stored for a text that the reader typed or chose: of one of our words the English one.
func (p Page) Stored(field, text string) string {
	typed := strings.TrimSpace(text)
	for value := range suggested[field] {
		if p.Word(field, value) == typed {
			return value
		}
	}
	return text
}

// StoredAnywhere is Stored for an address, which may have been made by a reader of any language.
func (p Page) StoredAnywhere(field, text string) string {
	for _, language := range l10n.Languages {
		reader := p
		reader.L = p.L.In(language)
		if stored := reader.Stored(field, text); stored != text {
			return stored
		}
	}
	return text
}
