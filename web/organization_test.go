package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

func TestAManagerLogsACall(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")

	form := b.get("/organizations/new").wants(http.StatusOK)
	created := b.post("/organizations", "legal_name", "Granvik Robotics AB", "display_name", "Granvik Robotics", "sector", "Robotics",
		"form_token", form.value("form_token"))
	org := created.to()
	created.follow().wants(http.StatusOK).has("Granvik Robotics").has("Organization created.")

	if again := b.post("/organizations", "legal_name", "Granvik Robotics AB", "display_name", "Granvik Robotics", "form_token", form.value("form_token")); again.to() != org {
		t.Errorf("the form sent twice led to %q, want %q", again.to(), org)
	}

	b.post("/contacts", "first_name", "Lars", "last_name", "Granvik", "email", "Lars@Granvik.example").follow().has("lars@granvik.example")
	found := b.get(org + "/contacts?q_contact=lars").wants(http.StatusOK)
	b.post(org+"/contacts", "contact_id", found.value("contact_id"), "role_label", "CFO", "relationship_status", "Active").follow().has("CFO")

	page := b.post(org+"/interactions", "channel", "call", "subject", "Renewal agreed", "contact_id", found.value("contact_id")).follow()
	page.has("Interaction logged.").has("Renewal agreed")
	undo, _ := page.doc.Find(`form[action^="/changes/"]`).First().Attr("action")
	if !strings.HasSuffix(undo, "/undo") {
		t.Fatalf("the flash offers no undo:\n%s", page.body)
	}
	b.post(undo).follow().has("Taken back.").lacks("Renewal agreed")
}

func TestBadInputComesBackAsTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	long := strings.Repeat("x", 201)
	for name, fields := range map[string][]string{
		"empty":         {"legal_name", "", "display_name", ""},
		"over-long":     {"legal_name", long, "display_name", "A"},
		"NUL":           {"legal_name", "A\x00B", "display_name", "A"},
		"not UTF-8":     {"legal_name", "A\xffB", "display_name", "A"},
		"script link":   {"legal_name", "A", "display_name", "A", "website", "javascript:alert(1)"},
		"foreign owner": {"legal_name", "A", "display_name", "A", "owner_user_id", "6ba7b810-9dad-11d1-80b4-00c04fd430c8"},
		"no id":         {"legal_name", "A", "display_name", "A", "owner_user_id", "nobody"},
	} {
		a := b.post("/organizations", append(fields, "sector", "Typed & kept")...)
		if a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: status %d, want 422\n%s", name, a.status, a.text())
			continue
		}
		if got := a.value("sector"); got != "Typed & kept" {
			t.Errorf("%s: sector came back as %q", name, got)
		}
		if a.doc.Find(`[role="alert"]`).Length() == 0 {
			t.Errorf("%s: no summary of what is wrong", name)
		}
	}
	b.get("/organizations").has("0 organizations")
}

func TestAStaleSaveKeepsWhatItDidNotTouch(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := b.post("/organizations", "legal_name", "Granvik AB", "display_name", "Granvik", "sector", "Metal", "size_band", "1-10").to()
	fields := func(version, sector, size string) []string {
		return []string{"legal_name", "Granvik AB", "display_name", "Granvik", "sector", sector, "size_band", size, "version", version}
	}
	b.post(org, fields("1", "Robotics", "1-10")...).wants(http.StatusSeeOther)
	a := b.post(org, fields("1", "Metal", "51-200")...).wants(http.StatusConflict)
	if got := a.value("sector"); got != "Robotics" {
		t.Errorf("the sector that was not touched would be saved as %q, want theirs, Robotics", got)
	}
	if got := a.value("size_band"); got != "51-200" {
		t.Errorf("the size that was typed came back as %q, want 51-200", got)
	}
	b.post(org, fields(a.value("version"), a.value("sector"), a.value("size_band"))...).follow().has("Robotics").has("51-200")
}

func TestViewingFurtherThanEditing(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	views := postgrestest.Role(t, s.db, "all", authz.ViewClient, authz.ViewInteraction)
	edits := postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.EditClient)
	b := s.as(t, "ada", uuid.NullUUID{}, views, edits)
	theirs := "/organizations/" + postgrestest.Organization(t, s.db, "Theirs", uuid.NullUUID{}).String()
	mine := b.post("/organizations", "legal_name", "Mine", "display_name", "Mine").to()
	b.get(mine + "/edit").wants(http.StatusOK)
	if b.get(mine).doc.Find(`a[href="`+mine+`/edit"]`).Length() == 0 {
		t.Error("my own record offers no edit")
	}
	page := b.get(theirs).wants(http.StatusOK)
	if page.doc.Find(`a[href="`+theirs+`/edit"], form[action="`+theirs+`/archive"]`).Length() > 0 {
		t.Error("a record beyond my reach for editing offers to edit it")
	}
	b.get(theirs + "/edit").wants(http.StatusNotFound)
	b.post(theirs, "legal_name", "X", "display_name", "X", "version", "1").wants(http.StatusNotFound)
}
