package templates

import (
	"slices"
	"testing"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
)

// Each word of ours is one word in each language, and comes back as what is stored.
func TestWordsComeBack(t *testing.T) {
	t.Parallel()
	for _, language := range l10n.Languages {
		p := zeroPage()
		p.L = p.L.In(language)
		for field, words := range map[string][]string{"outcome": crm.Outcomes, "role_label": crm.Roles, "relationship_status": crm.RelationshipStatuses} {
			for n, shown := range p.words(field, words) {
				if got := p.Stored(field, " "+shown); got != words[n] && got != " "+words[n] {
					t.Errorf("%s: %q is shown as %q, which is stored as %q", language, words[n], shown, got)
				}
			}
			for word := range suggested[field] {
				if p.Word(field, word) == "" || !slices.Contains(words, word) {
					t.Errorf("%s: %q is not suggested any more", field, word)
				}
			}
		}
		if got := p.Stored("outcome", "Forse"); got != "Forse" {
			t.Errorf("%s: another word is stored as %q", language, got)
		}
	}
}
