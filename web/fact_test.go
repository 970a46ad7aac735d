package web_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/PuerkitoBio/goquery"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// piece gets what a script of a page asks for.
func (b *browser) piece(path string) *answer {
	b.t.Helper()
	res := b.ask(path, "HX-Request", "true")
	body, err := io.ReadAll(res.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	doc, err := goquery.NewDocumentFromReader(strings.NewReader(string(body)))
	if err != nil {
		b.t.Fatal(err)
	}
	return &answer{b, path, res.StatusCode, res.Header, string(body), doc}
}

// TestAFactIsEditedInItsPlace sends one field of a record: the others stay, and the save is like any other.
func TestAFactIsEditedInItsPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := b.post("/organizations", "legal_name", "Granvik AB", "display_name", "Granvik", "sector", "Metal", "tax_id", "SE-7").to()

	whole := b.get(org + "/edit?field=sector").wants(http.StatusOK)
	if whole.doc.Find("[autofocus]").AttrOr("name", "") != "sector" || whole.value("legal_name") != "Granvik AB" {
		t.Errorf("without a script the whole form begins at the sector:\n%s", whole.body)
	}
	fact := b.piece(org + "/edit?field=sector").wants(http.StatusOK)
	if fact.doc.Find("#fact-sector form").Length() != 1 || fact.value("sector") != "Metal" || fact.doc.Find("main, [name=legal_name]").Length() != 0 {
		t.Errorf("a script gets the form of the one fact:\n%s", fact.body)
	}
	for _, path := range []string{"/edit", "/edit?field=created_at", "/edit?field=version"} {
		if b.piece(org+path).doc.Find("main").Length() == 0 {
			t.Errorf("%s is not the whole form", path)
		}
	}

	b.post(org, "only", "sector", "sector", "Robotics", "version", fact.value("version")).follow().has("Robotics").has("Organization saved.").has("Granvik AB").has("SE-7").has("Undo")
	if got := query[string](t, s, `SELECT string_agg(key || '=' || value, ' ' ORDER BY key) FROM audit_logs a, jsonb_each_text(a.after) WHERE a.action = 'update_org' AND a.before ->> key IS DISTINCT FROM value`); got != "sector=Robotics" {
		t.Errorf("the audit log tells of %s", got)
	}
	b.post(org, "only", "sector", "sector", "Robotics", "version", "2", "legal_name", "").follow().has("Nothing changed").has("Granvik AB")
	if mine := b.post(org, "only", "sector", "sector", "Textiles", "version", "1").wants(http.StatusConflict).has("Robotics").value("sector"); mine != "Textiles" {
		t.Errorf("a stale save lost what was typed: %q", mine)
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action = 'update_org'`); n != 1 {
		t.Errorf("%d changes are in the audit log, want 1", n)
	}
}

// TestAPartOfARecordIsNamed refuses what could empty a record by mistake.
func TestAPartOfARecordIsNamed(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	org := b.post("/organizations", "legal_name", "Granvik AB", "display_name", "Granvik").to()
	con := b.post("/contacts", "first_name", "Lars", "last_name", "Granvik", "email", "lars@granvik.example", "phone", "1").to()
	for name, c := range map[string]struct {
		path   string
		fields []string
	}{
		"unknown":        {org, []string{"only", "is_active", "is_active", "false"}},
		"of another":     {org, []string{"only", "email", "email", "a@b.example"}},
		"derived":        {con, []string{"only", "version"}},
		"none":           {org, []string{"only", ""}},
		"two":            {org, []string{"only", "sector", "only", "legal_name", "sector", "a", "legal_name", "b"}},
		"not sent":       {org, []string{"only", "legal_name"}},
		"sent twice":     {org, []string{"only", "sector", "sector", "a", "sector", "b"}},
		"empty required": {org, []string{"only", "legal_name", "legal_name", ""}},
		"over-long":      {con, []string{"only", "phone", "phone", strings.Repeat("1", 41)}},
		"not storable":   {con, []string{"only", "job_title", "job_title", "a\x00b"}},
		"no version":     {con, []string{"only", "phone", "phone", "2", "version", ""}},
	} {
		fields := c.fields
		if name != "no version" {
			fields = append(fields, "version", "1")
		}
		if a := b.post(c.path, fields...); a.status != http.StatusUnprocessableEntity {
			t.Errorf("%s: %d\n%s", name, a.status, a.text())
		}
	}
	if n := query[int](t, s, `SELECT count(*) FROM audit_logs WHERE action IN ('update_org', 'update_contact')`); n != 0 {
		t.Errorf("%d of them are in the audit log", n)
	}
	req := b.request(http.MethodPost, con, strings.NewReader("only=phone&version=1&phone="+strings.Repeat("1", 41)))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("HX-Request", "true")
	a := b.do(req).wants(http.StatusUnprocessableEntity)
	if a.doc.Find("#fact-phone .error").Length() != 1 || len(a.value("phone")) != 41 || a.doc.Find("main").Length() != 0 {
		t.Errorf("a script gets the fact again, as typed:\n%s", a.body)
	}
}

// TestAFactNeedsWhatTheFormNeeds asks as somebody who may not edit, and from out of reach.
func TestAFactNeedsWhatTheFormNeeds(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	theirs := "/organizations/" + postgrestest.Organization(t, s.db, "Theirs", uuid.NullUUID{}).String()
	viewer := s.role(t, "viewer")
	if a := viewer.get(theirs).wants(http.StatusOK); a.doc.Find("#details a").Length() != 0 {
		t.Errorf("a viewer is offered to edit:\n%s", a.body)
	}
	viewer.piece(theirs + "/edit?field=sector").wants(http.StatusForbidden).has("EditClient")
	viewer.post(theirs, "only", "sector", "sector", "X", "version", "1").wants(http.StatusForbidden)
	own := s.as(t, "own", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.EditClient))
	own.piece(theirs + "/edit?field=sector").wants(http.StatusNotFound).lacks("Theirs")
	own.post(theirs, "only", "sector", "sector", "X", "version", "1").wants(http.StatusNotFound).lacks("Theirs")
	own.post(theirs, "only", "nothing", "version", "1").wants(http.StatusUnprocessableEntity).lacks("Theirs")
}
