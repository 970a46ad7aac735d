package web_test

import "testing"

// TestSingleKeysAreSwitchedOff in the profile, and on again by its Undo.
func TestSingleKeysAreSwitchedOff(t *testing.T) {
	t.Parallel()
	b := newSite(t).role(t, "viewer")
	off := func(a *answer) bool { return a.doc.Find("crm-keys[data-off]").Length() == 1 }
	if off(b.get("/account")) {
		t.Error("they are off from the start")
	}
	saved := b.post("/account", "name", "V", "keys_off", "1").follow()
	if _, ticked := saved.doc.Find("[name=keys_off]").Attr("checked"); !ticked || !off(saved) {
		t.Error("they are still on")
	}
	undo, _ := saved.doc.Find(`form[action^="/changes/"]`).First().Attr("action")
	if off(b.post(undo).follow()) {
		t.Error("they are still off")
	}
}
