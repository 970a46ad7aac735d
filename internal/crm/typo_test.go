package crm_test

import (
	"testing"

	"github.com/archpilot/crm/internal/crm"
)

func TestOneLetterIsATypo(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		typed, name string
		want        bool
	}{
		{"thalbrg", "Thalberg Optik", true},
		{"thalberrg", "Thalberg Optik", true},
		{"thalbarg", "Thalberg Optik", true},
		{"thalebrg", "Thalberg Optik", true},
		{"thalbreg", "Thalberg Optik", true},
		{"halberg", "Thalberg Optik", true},
		{"thalberg", "Thalberg Optik", true},
		{"thalbge", "Thalberg Optik", false},
		{"tahlebrg", "Thalberg Optik", false},
		{"thalbrg gmbh", "Thalberg Optik", true}, // a legal form tells nothing
		{"thalbrg optic", "Thalberg Optik", true},
		{"optic thalbrg", "Thalberg Optik", true},
		{"thalbrg wien", "Thalberg Optik", false},
		{"sozietà", "Società Italiana", true},
		{"mulller", "Müller", true},
		{"", "Müller", false},
	} {
		if got := crm.ParseQuery(c.typed).Nearly(c.name); got != c.want {
			t.Errorf("%q is %q but for a letter: %v, want %v", c.typed, c.name, got, c.want)
		}
	}
}
