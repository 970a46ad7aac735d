package audit_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/internal/audit"
)

func image(t testing.TB, raw string) audit.Image {
	t.Helper()
	img, err := audit.ParseImage(json.RawMessage(raw))
	if err != nil {
		t.Fatal(err)
	}
	return img
}

func TestMergeBack(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		before, after, now string
		patch              string
		kept               []string
	}{
		"as left":                {`{"a": 1, "b": 2}`, `{"a": 9, "b": 2}`, `{"a": 9, "b": 2}`, `{"a": 1}`, nil},
		"another field changed":  {`{"a": 1, "b": 2}`, `{"a": 9, "b": 2}`, `{"a": 9, "b": 7}`, `{"a": 1}`, nil},
		"the same field changed": {`{"a": 1, "b": 2}`, `{"a": 9, "b": 8}`, `{"a": 5, "b": 8}`, `{"b": 2}`, []string{"a"}},
		"back already":           {`{"a": 1}`, `{"a": 9}`, `{"a": 1}`, `{}`, nil},
		"from nothing":           {`{"a": null}`, `{"a": 9}`, `{"a": 9}`, `{"a": null}`, nil},
		"nothing is missing":     {`{"a": null}`, `{}`, `{"a": 4}`, `{}`, nil},
		"a column added since":   {`{"a": 1}`, `{"a": 9}`, `{"a": 9, "new": 3}`, `{"a": 1}`, nil},
	} {
		m := audit.MergeBack(image(t, tt.before), image(t, tt.after), image(t, tt.now))
		if diff := cmp.Diff(image(t, tt.patch), m.Patch); diff != "" || !slices.Equal(m.Kept, tt.kept) {
			t.Errorf("%s: patch (-want +got)\n%s kept %v, want %v", name, diff, m.Kept, tt.kept)
		}
	}
}

func TestSameAndDiff(t *testing.T) {
	t.Parallel()
	a, b := image(t, `{"n": "x", "e": null, "t": true}`), image(t, `{"n": "y", "e": "", "t": true, "new": 1}`)
	if audit.Same(a, b) || !audit.Same(a, image(t, `{"n": "x", "more": 1}`)) {
		t.Error("Same compares the columns both have")
	}
	want := []audit.Field{{Column: "n", Before: "x", After: "y"}, {Column: "new", Before: "", After: "1"}}
	if diff := cmp.Diff(want, audit.Diff(a, b)); diff != "" {
		t.Error(diff)
	}
	if img, err := audit.ParseImage(nil); img != nil || err != nil {
		t.Errorf("no row: %v %v", img, err)
	}
	if _, err := audit.ParseImage(json.RawMessage(`[]`)); err == nil {
		t.Error("an array is no image")
	}
}

// What MergeBack gives, laid over what is now, leaves nothing of the change but what it kept.
func FuzzMergeBack(f *testing.F) {
	f.Add([]byte(`{"a":1}`), []byte(`{"a":2}`), []byte(`{"a":2}`))
	f.Add([]byte(`{"a":null,"b":"x"}`), []byte(`{"b":"y"}`), []byte(`{}`))
	f.Fuzz(func(t *testing.T, before, after, now []byte) {
		var images [3]audit.Image
		for i, raw := range [][]byte{before, after, now} {
			img, err := audit.ParseImage(raw)
			if err != nil {
				return
			}
			images[i] = img
		}
		m := audit.MergeBack(images[0], images[1], images[2])
		for column, value := range m.Patch {
			if slices.Contains(m.Kept, column) {
				t.Errorf("%s is both put back and kept", column)
			}
			if string(value) != string(images[0][column]) {
				t.Errorf("%s goes back to %s, it was %s", column, value, images[0][column])
			}
		}
		audit.Diff(images[0], images[1])
	})
}

func TestColumnsGoBackTogetherOrNotAtAll(t *testing.T) {
	t.Parallel()
	before, after := image(t, `{"due_on": "2026-12-04", "due_at": null}`), image(t, `{"due_on": null, "due_at": "2026-12-05T09:00:00Z"}`)
	m := audit.MergeBack(before, after, image(t, `{"due_on": null, "due_at": "2026-12-06T09:00:00Z"}`))
	if m.Together("due_on", "due_at"); len(m.Patch) != 0 || !slices.Equal(m.Kept, []string{"due_at", "due_on"}) {
		t.Errorf("one changed since: got patch %v and kept %q, want both kept", m.Patch, m.Kept)
	}
	m = audit.MergeBack(before, after, after)
	if m.Together("due_on", "due_at"); len(m.Patch) != 2 || len(m.Kept) != 0 {
		t.Errorf("neither changed since: got patch %v and kept %q, want both back", m.Patch, m.Kept)
	}
}
