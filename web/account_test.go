package web_test

import (
	"net/http"
	"testing"
)

// TestPreferencesAreTheirOwners: what somebody chose for themselves is on all their pages, stays when an administrator
// saves them, and goes with an Undo.
func TestPreferencesAreTheirOwners(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, admin := s.role(t, "viewer"), s.role(t, "admin")
	b.post("/account", "name", "V", "density", "cosy").wants(http.StatusUnprocessableEntity)
	saved := b.post("/account", "name", "V", "theme", "dark", "density", "compact", "language", "it").follow()
	undo, _ := saved.doc.Find(`form[action^="/changes/"]`).First().Attr("action")

	user := "/admin/users/" + b.user.ID.String()
	form := admin.get(user).doc.Find(`form[action="` + user + `"]`)
	version, _ := form.Find("[name=version]").Attr("value")
	admin.post(user, "name", "Vera", "email", b.user.Email, "version", version).wants(http.StatusSeeOther)

	look := func() string {
		html := b.get("/organizations").doc.Find("html")
		return html.AttrOr("data-theme", "system") + " " + html.AttrOr("data-density", "comfortable") + " " + html.AttrOr("lang", "")
	}
	if got := look(); got != "dark compact it" {
		t.Errorf("their pages are %q", got)
	}
	b.post(undo).wants(http.StatusSeeOther)
	if got := look(); got != "system comfortable en" {
		t.Errorf("after an undo their pages are %q", got)
	}
}
