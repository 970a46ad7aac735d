package ui

import "testing"

func TestADateControlNeverHidesWhatWasTyped(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, value, want string }{
		{"", "x", "text"},
		{"email", "x", "email"},
		{"date", "", "date"},
		{"date", "2026-11-22", "date"},
		{"date", "22/11/2026", "text"},
		{"datetime-local", "", "datetime-local"},
		{"datetime-local", "2026-11-22T15:04", "datetime-local"},
		{"datetime-local", "2026-11-22T15:04:05", "datetime-local"},
		{"datetime-local", "2026-11-22T15:04:05Z", "text"},
	} {
		if got := (Field{Type: c.kind, Value: c.value}).inputType(); got != c.want {
			t.Errorf("%s holding %q is shown as %s, want %s", c.kind, c.value, got, c.want)
		}
	}
}

func TestASelectShowsAValueItDoesNotOffer(t *testing.T) {
	t.Parallel()
	f := Field{Value: "gone"}.Choices([]Option{{Value: "a", Label: "A"}}, Option{Label: "Nobody"})
	if got := f.options(); len(got) != 3 || got[2].Value != "gone" {
		t.Errorf("got %v", got)
	}
	f.Value = "a"
	if got := f.options(); len(got) != 2 {
		t.Errorf("got %v", got)
	}
}

func TestAFieldIsDescribedByItsHintAndItsFault(t *testing.T) {
	t.Parallel()
	f := Field{ID: "f-x"}
	for want, f := range map[string]Field{
		"":                   f,
		"f-x-hint":           f.Help("h"),
		"f-x-error":          {ID: "f-x", Error: "e"},
		"f-x-hint f-x-error": Field{ID: "f-x", Error: "e"}.Help("h"),
	} {
		if got := f.describedBy(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
