package web_test

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// called logs a call with an organization, and with a contact where one is given, days ago.
func (s *site) called(t testing.TB, organization uuid.UUID, contact uuid.NullUUID, days int) {
	t.Helper()
	_, err := postgrestest.System(s.db).LogInteraction(context.Background(), crm.Interaction{
		OrganizationID: postgrestest.ID(organization), ContactID: contact, Channel: crm.Call, Subject: "Call", HappenedAt: time.Now().AddDate(0, 0, -days),
	}, audit.Organization, uuid.NullUUID{})
	fatal(t.(*testing.T), err)
}

// line is what a page says of the rhythm of its record.
func (a *answer) line() string {
	return strings.Join(strings.Fields(a.doc.Find("main #touch p").First().Text()), " ")
}

// TestARhythmIsSetInPlace sets, follows, snoozes and takes back a rhythm on the page of an organization.
func TestARhythmIsSetInPlace(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	id := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{})
	org := "/organizations/" + id.String()
	s.called(t, id, uuid.NullUUID{}, 40)
	page := b.get(org).wants(http.StatusOK)
	if got := page.line(); got != "No rhythm" {
		t.Errorf("before: %q", got)
	}
	form := page.doc.Find(`form[action="` + org + `/touch"]`)
	if form.Length() != 1 || page.doc.Find(`form[action="`+org+`/touch/snooze"]`).Length() != 0 {
		t.Error("the page should offer to set a rhythm, and nothing to snooze")
	}
	version := form.Find(`input[name="version"]`).AttrOr("value", "")
	page = b.post(org+"/touch", "touch_every_days", "30", "touch_other_days", "", "version", version).follow().has("Keeping in touch: saved.")
	if got := page.line(); got != "every 30 days 10 days overdue" {
		t.Errorf("overdue: %q", got)
	}
	page = b.post(org+"/touch/snooze", "touch_snoozed_until", time.Now().UTC().AddDate(0, 0, 9).Format(time.DateOnly), "touch_snooze_reason", "On <leave>", "version", "2").follow().has("Snoozed.").has("On <leave>")
	if got := page.line(); !strings.Contains(got, "every 30 days due in 9 days snoozed until") && !strings.Contains(got, "due in 8 days") {
		t.Errorf("snoozed: %q", got)
	}
	b.post(org+"/interactions", "channel", "call", "subject", "Agreed").wants(http.StatusSeeOther)
	if got := b.get(org).line(); !strings.HasPrefix(got, "every 30 days due in 30 days") {
		t.Errorf("after a call: %q", got)
	}
	page = b.post(org+"/touch/snooze", "touch_snoozed_until", "", "version", "3").follow().has("No longer snoozed.")
	undo, _ := page.doc.Find(`form[action^="/changes/"]`).First().Attr("action")
	b.post(undo).follow().has("Taken back.").has("snoozed until")
	b.post(org+"/touch", "touch_every_days", "30", "version", "5").follow().has("Nothing changed")
	page = b.post(org+"/touch", "touch_every_days", "other", "touch_other_days", " 45 ", "version", "5").follow()
	if got := page.doc.Find(`#touch input[name="touch_other_days"]`).AttrOr("value", ""); got != "45" {
		t.Errorf("a rhythm that is none of the usual is shown as %q", got)
	}
	b.get(org + "/history").has("every 30 days").has("every 45 days").has("Snoozed until")
}

// TestABadRhythmComesBackAsTyped: each fault stands at its field, and nothing is written.
func TestABadRhythmComesBackAsTyped(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	id, ada := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	_, err := postgrestest.System(s.db).LinkContact(context.Background(), crm.Relationship{OrganizationID: id, ContactID: ada, RoleLabel: "CFO", Touch: crm.Touch{TouchEveryDays: new(30)}}, uuid.NullUUID{})
	fatal(t, err)
	org := "/organizations/" + id.String()
	link := org + "/contacts/" + ada.String()
	b.post(org+"/touch", "touch_every_days", "30", "version", "1").wants(http.StatusSeeOther)
	const all = `SELECT (SELECT string_agg(o::text, ',') FROM organizations o) || (SELECT string_agg(l::text, ',') FROM organization_contact l)`
	before := query[string](t, s, all)
	for _, at := range []struct{ path, version string }{{org, "2"}, {link, "1"}} {
		for _, tt := range []struct {
			what, form, at string
			fields         []string
		}{
			{"a word", "/touch", "touch_every_days", []string{"touch_every_days", "often"}},
			{"too many days", "/touch", "touch_every_days", []string{"touch_every_days", "1096"}},
			{"days back", "/touch", "touch_every_days", []string{"touch_every_days", "-3"}},
			{"no number", "/touch", "touch_other_days", []string{"touch_every_days", "other", "touch_other_days", ""}},
			{"a fraction", "/touch", "touch_other_days", []string{"touch_every_days", "other", "touch_other_days", "1.5"}},
			{"a large number", "/touch", "touch_other_days", []string{"touch_every_days", "other", "touch_other_days", "99999999999999999999"}},
			{"too many other days", "/touch", "touch_other_days", []string{"touch_every_days", "other", "touch_other_days", "4000"}},
			{"a past day", "/touch/snooze", "touch_snoozed_until", []string{"touch_snoozed_until", "2020-01-01", "touch_snooze_reason", "kept as typed"}},
			{"a far day", "/touch/snooze", "touch_snoozed_until", []string{"touch_snoozed_until", "2190-01-01"}},
			{"no day", "/touch/snooze", "touch_snoozed_until", []string{"touch_snoozed_until", "31/12/2027"}},
			{"NUL", "/touch/snooze", "touch_snooze_reason", []string{"touch_snoozed_until", "2027-06-01", "touch_snooze_reason", "a\x00b"}},
			{"a long reason", "/touch/snooze", "touch_snooze_reason", []string{"touch_snoozed_until", time.Now().AddDate(0, 3, 0).Format(time.DateOnly), "touch_snooze_reason", strings.Repeat("x", 201)}},
		} {
			a := b.post(at.path+tt.form, append(tt.fields, "version", at.version)...)
			if a.status != http.StatusUnprocessableEntity {
				t.Errorf("%s: status %d, want 422\n%s", tt.what, a.status, a.text())
				continue
			}
			if bad := a.doc.Find(`main [aria-invalid="true"]`); bad.Length() != 1 || bad.AttrOr("name", "") != tt.at {
				t.Errorf("%s: the fault stands at %d fields, the first %q, want %q", tt.what, bad.Length(), bad.AttrOr("name", ""), tt.at)
			}
			if a.doc.Find(`main .summary a[href="#f-`+tt.at+`"]`).Length() != 1 {
				t.Errorf("%s: the summary does not lead to the field", tt.what)
			}
			for n := 0; n < len(tt.fields); n += 2 {
				if got := a.typed(tt.fields[n]); got != strings.ReplaceAll(tt.fields[n+1], "\x00", "\uFFFD") {
					t.Errorf("%s: %s came back as %q", tt.what, tt.fields[n], got)
				}
			}
		}
		b.post(at.path+"/touch", "touch_every_days", "30").wants(http.StatusUnprocessableEntity).has("has lost its version")
	}
	b.post(org+"/touch", "touch_every_days", "0", "version", "2").wants(http.StatusUnprocessableEntity) // an organization has no role
	if after := query[string](t, s, all); after != before {
		t.Errorf("something was written:\n%s\n%s", before, after)
	}
}

// TestAStaleRhythmMeetsAConflict shows theirs beside mine.
func TestAStaleRhythmMeetsAConflict(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	id, ada := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	_, err := postgrestest.System(s.db).LinkContact(context.Background(), crm.Relationship{OrganizationID: id, ContactID: ada}, uuid.NullUUID{})
	fatal(t, err)
	org := "/organizations/" + id.String()
	for _, path := range []string{org, org + "/contacts/" + ada.String()} {
		b.post(path+"/touch", "touch_every_days", "30", "version", "1").wants(http.StatusSeeOther)
		a := b.post(path+"/touch", "touch_every_days", "other", "touch_other_days", "77", "version", "1").wants(http.StatusConflict).has("30")
		if got := a.value("touch_every_days"); got != "77" {
			t.Errorf("%s: mine came back as %q", path, got)
		}
		b.post(path+"/touch", "touch_every_days", a.value("touch_every_days"), "version", a.value("version")).wants(http.StatusSeeOther)
		until := time.Now().AddDate(0, 0, 20).Format(time.DateOnly)
		a = b.post(path+"/touch/snooze", "touch_snoozed_until", until, "version", "2").wants(http.StatusConflict)
		if got := a.value("touch_snoozed_until"); got != until {
			t.Errorf("%s: my day came back as %q", path, got)
		}
	}
}

// TestARhythmOfSomebodyElse: who may not edit, or does not reach the client, sets nothing.
func TestARhythmOfSomebodyElse(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	own := s.as(t, "own", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.EditClient))
	ann := s.as(t, "ann", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient, authz.EditClient)) // and no interactions
	reader := s.role(t, "viewer")
	id, ada := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	_, err := postgrestest.System(s.db).LinkContact(context.Background(), crm.Relationship{OrganizationID: id, ContactID: ada}, uuid.NullUUID{})
	fatal(t, err)
	s.called(t, id, uuid.NullUUID{}, 40)
	org := "/organizations/" + id.String()
	for _, path := range []string{org, org + "/contacts/" + ada.String()} {
		own.get(path + "/touch").wants(http.StatusNotFound)
		for _, form := range []string{"/touch", "/touch/snooze"} {
			own.post(path+form, "touch_every_days", "30", "version", "1").wants(http.StatusNotFound)
			reader.post(path+form, "touch_every_days", "30", "version", "1").wants(http.StatusForbidden).has("EditClient")
		}
	}
	ann.post(org+"/touch", "touch_every_days", "30", "version", "1").wants(http.StatusSeeOther)
	if got := ann.get(org).line(); got != "every 30 days" {
		t.Errorf("without interactions: %q", got)
	}
	page := reader.get(org).has("10 days overdue")
	if page.doc.Find(`form[action*="/touch"]`).Length() > 0 {
		t.Error("a reader is offered to change the rhythm")
	}
}

// TestListsOfWhoIsOverdue filters, sorts, shows and exports by the next contact.
func TestListsOfWhoIsOverdue(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	system := postgrestest.System(s.db)
	firm := func(name string, days, every int) uuid.UUID {
		id, ada := postgrestest.Organization(t, s.db, name, uuid.NullUUID{}), postgrestest.Contact(t, s.db, "At", name, uuid.NullUUID{})
		r := crm.Relationship{OrganizationID: id, ContactID: ada}
		if every > 0 {
			r.TouchEveryDays = &every
			_, err := system.SetOrganizationTouch(context.Background(), id, 1, &every)
			fatal(t, err)
		}
		_, err := system.LinkContact(context.Background(), r, uuid.NullUUID{})
		fatal(t, err)
		s.called(t, id, postgrestest.ID(ada), days)
		return id
	}
	firm("Late", 40, 30)
	firm("Later", 100, 30)
	firm("Soon", 25, 30)
	firm("Far", 1, 365)
	firm("None", 400, 0)
	for _, list := range []string{"/organizations", "/contacts"} {
		for path, want := range map[string]string{
			"?touch=overdue": "Late Later", "?touch=overdue&sort=touch": "Later Late", "?touch=week": "Soon", "?touch=none": "None", "?touch=any&sort=-touch": "Far Soon Late Later",
			"?sort=touch": "Later Late Soon Far None", "?touch=overdue&last=within-60": "Late",
		} {
			if got := strings.NewReplacer("At ", "", ",", "").Replace(b.get(list + path).wants(http.StatusOK).rows()); got != want {
				t.Errorf("%s%s shows %q, want %q", list, path, got, want)
			}
		}
		page := b.get(list + "?touch=overdue&cols=name,last,touch").has("Keep in touch: Overdue").has("10 days overdue").has("70 days overdue")
		if n := page.doc.Find(`td .dot.warn`).Length(); n != 4 {
			t.Errorf("%s warns in %d cells, want 4: last and next contact of two", list, n)
		}
		b.get(list + "?touch=soon").wants(http.StatusUnprocessableEntity)
		if list == "/contacts" {
			continue
		}
		saved := b.post("/views", "list", "organizations", "query", "touch=overdue&sort=touch", "columns", "name,touch", "name", "Overdue ones").to()
		if got := b.get(saved).onwards().rows(); got != "Later, Late" {
			t.Errorf("the saved view %s shows %q", saved, got)
		}
	}
	blind := s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient))
	for _, list := range []string{"/organizations", "/contacts"} {
		if a := blind.get(list + "?touch=overdue&cols=name,touch").wants(http.StatusOK).lacks("Keep in touch").lacks("days overdue"); strings.Count(a.rows(), " ") < 4 {
			t.Errorf("%s: the filter has narrowed the list to %q", list, a.rows())
		}
		blind.get(list + "?sort=touch").wants(http.StatusUnprocessableEntity)
	}
}

// typed is what a form would send of a field: the choice of a select, the value of anything else.
func (a *answer) typed(name string) string {
	if choice := a.doc.Find(`main select[name="` + name + `"] option[selected]`); choice.Length() > 0 {
		return choice.AttrOr("value", "")
	}
	return a.value(name)
}

// onwards follows a redirect where there is one.
func (a *answer) onwards() *answer {
	if a.status == http.StatusSeeOther {
		return a.follow()
	}
	return a
}

// TestWhatIsUsualInARole is set, changed, refused, taken away and taken back by an administrator.
func TestWhatIsUsualInARole(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	admin := s.role(t, "admin")
	id, ada := postgrestest.Organization(t, s.db, "Granvik", uuid.NullUUID{}), postgrestest.Contact(t, s.db, "Ada", "Lind", uuid.NullUUID{})
	_, err := postgrestest.System(s.db).LinkContact(context.Background(), crm.Relationship{OrganizationID: id, ContactID: ada, RoleLabel: "Billing contact"}, uuid.NullUUID{})
	fatal(t, err)
	s.called(t, id, postgrestest.ID(ada), 40)
	const page = "/admin/keeping-in-touch"
	form := admin.get(page).wants(http.StatusOK).has("No role has a rhythm yet")
	for what, fields := range map[string][]string{
		"no role": {"role_label", " ", "every_days", "30"}, "no days": {"role_label", "CFO", "every_days", ""}, "many days": {"role_label", "CFO", "every_days", "1096"}, "long": {"role_label", strings.Repeat("x", 121), "every_days", "30"},
	} {
		a := admin.post(page, fields...)
		if a.status != http.StatusUnprocessableEntity || a.value("role_label") != fields[1] || a.value("every_days") != fields[3] {
			t.Errorf("%s: status %d, role %q, days %q", what, a.status, a.value("role_label"), a.value("every_days"))
		}
	}
	add := func() *answer {
		return admin.post(page, "role_label", "BILLING contact", "every_days", "30", "form_token", form.value("form_token"))
	}
	add().follow().has("BILLING contact")
	add().wants(http.StatusSeeOther) // sent twice, made once
	admin.post(page, "role_label", "billing  Contact", "every_days", "60").wants(http.StatusUnprocessableEntity).has("This role has a default already.")
	contact := "/contacts/" + ada.String()
	admin.get(contact).has("every 30 days").has("10 days overdue")
	admin.get(fmt.Sprintf("/organizations/%s/contacts/%s/touch", id, ada)).has("As usual in the role: every 30 days")
	one := page + "/" + query[string](t, s, `SELECT id::text FROM touch_defaults`)
	bad := admin.post(one, "every_days", "often", "version", "1").wants(http.StatusUnprocessableEntity)
	if got := bad.doc.Find(`form[action="` + one + `"] input[name="every_days"]`); got.AttrOr("value", "") != "often" || got.AttrOr("aria-invalid", "") != "true" {
		t.Error("the refused days are not shown as typed")
	}
	admin.post(one, "every_days", "60", "version", "1").follow().has("Keeping in touch: saved.")
	admin.post(one, "every_days", "90", "version", "1").wants(http.StatusConflict).has("60")
	admin.get(contact).has("every 60 days").has("due in 20 days")
	gone := admin.post(one + "/delete").follow().has("Removed.")
	admin.get(contact).lacks("every 60 days")
	undo, _ := gone.doc.Find(`form[action^="/changes/"]`).First().Attr("action")
	admin.post(undo).follow().has("Taken back.").has("BILLING contact")
	admin.get(contact).has("every 60 days")
	admin.get("/admin/audit").has("Said how often to be in touch with a role").has("Dropped how often to be in touch with a role")
}

// TestARhythmIsSavedWithItsOrganization: in the one form, change set and Undo, without what that form does not show.
func TestARhythmIsSavedWithItsOrganization(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	made := b.post("/organizations", "legal_name", "Granvik AB", "display_name", "Granvik", "touch_every_days", "30", "form_token", uuid.NewString())
	org := made.wants(http.StatusSeeOther).to()
	if got := made.follow().line(); !strings.HasPrefix(got, "every 30 days") {
		t.Errorf("made: %q", got)
	}
	until := time.Now().UTC().AddDate(0, 0, 9).Format(time.DateOnly)
	b.post(org+"/touch/snooze", "touch_snoozed_until", until, "touch_snooze_reason", "On leave", "version", "1").wants(http.StatusSeeOther)
	form := b.get(org + "/edit").wants(http.StatusOK)
	if got := form.doc.Find(`[name="touch_every_days"] [selected]`).AttrOr("value", ""); got != "30" {
		t.Errorf("the form shows a rhythm of %q days", got)
	}
	fields := func(version, every, other string) []string {
		return []string{"legal_name", "Granvik AB", "display_name", "Granvik Shipping", "website", "", "sector", "", "size_band", "", "tax_id", "", "owner_user_id", b.user.ID.String(), "version", version, "touch_every_days", every, "touch_other_days", other}
	}
	for field, typed := range map[string][2]string{"touch_every_days": {"often", ""}, "touch_other_days": {"other", "1096"}} {
		a := b.post(org, fields("2", typed[0], typed[1])...).wants(http.StatusUnprocessableEntity)
		if a.doc.Find(`[name="`+field+`"][aria-invalid="true"]`).Length() != 1 || a.value("touch_other_days") != typed[1] {
			t.Errorf("%s of %v: the fault is not beside what was typed", field, typed)
		}
	}
	after := b.post(org, fields("2", "other", "45")...).follow().has("Organization saved.").has("Granvik Shipping")
	if got := after.line(); !strings.HasPrefix(got, "every 45 days") || !strings.Contains(got, "snoozed until") {
		t.Errorf("saved: %q, want the new rhythm and the snooze as it was", got)
	}
	if n := query[int](t, s, `SELECT count(*)::int FROM audit_logs WHERE change_set_id = (SELECT id FROM change_sets ORDER BY created_at DESC LIMIT 1)
		AND before->>'touch_every_days' = '30' AND after->>'touch_every_days' = '45' AND after->>'display_name' = 'Granvik Shipping'`); n != 1 {
		t.Errorf("%d audit rows have both, want 1", n)
	}
	stale := b.post(org, fields("2", "90", "")...).wants(http.StatusConflict)
	if stale.value("touch_every_days") != "90" {
		t.Errorf("the conflict carries %q, want mine", stale.value("touch_every_days"))
	}
	b.post(after.doc.Find(".toast form").AttrOr("action", "")).follow().has("Taken back.")
	if got := b.get(org).line(); !strings.HasPrefix(got, "every 30 days") {
		t.Errorf("taken back: %q", got)
	}
	// a form without the field, as it was before, leaves the rhythm alone; so does one fact that is edited in place
	b.post(org, fields("4", "", "")[:16]...).wants(http.StatusSeeOther)
	b.post(org, "only", "sector", "sector", "Robotics", "version", "5").wants(http.StatusSeeOther)
	if got := b.get(org).line(); !strings.HasPrefix(got, "every 30 days") || !strings.Contains(got, "snoozed until") {
		t.Errorf("after forms without a rhythm: %q", got)
	}
}
