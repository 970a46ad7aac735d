package web_test

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// boxes are the ids of the rows that can be picked on a list's page, ticked ones only if so asked.
func (a *answer) boxes(selector string) []string {
	a.b.t.Helper()
	var ids []string
	for _, n := range a.doc.Find(`#selection tbody input[name="id"]` + selector).Nodes {
		for _, at := range n.Attr {
			if at.Key == "value" {
				ids = append(ids, at.Val)
			}
		}
	}
	return ids
}

// act sends the form below a list with some more fields, as a browser without a script would.
func (a *answer) act(action string, fields ...string) *answer {
	a.b.t.Helper()
	form := a.doc.Find("form#selection")
	sent := []string{"list", a.value("list"), "action", action}
	if form.Find(`[name="all"]`).Length() > 0 {
		sent = append(sent, "all", "1")
	}
	return a.b.post(form.AttrOr("action", ""), append(sent, fields...)...)
}

func ids(picked []string) []string {
	var fields []string
	for _, id := range picked {
		fields = append(fields, "id", id)
	}
	return fields
}

func TestRowsArePickedWithoutAScript(t *testing.T) {
	t.Parallel()
	_, mia := clients(t)
	list := mia.get("/organizations?sort=-name")
	picked := list.boxes("")
	if len(picked) != 3 || len(list.boxes("[checked]")) != 0 {
		t.Fatalf("the list offers %d rows and picks %d, want 3 and none", len(picked), len(list.boxes("[checked]")))
	}
	done := list.act("archive", ids(picked[:2])...)
	if done.to() != "/organizations?sort=-name" {
		t.Errorf("archiving led to %q, want the same page of the list", done.to())
	}
	after := done.follow()
	after.has("2 records archived.")
	if got := after.names(); got != "Alba" {
		t.Errorf("the list now shows %q", got)
	}
	undone := mia.post(after.doc.Find(".toast form").AttrOr("action", ""))
	undone.wants(http.StatusSeeOther)
	if got := mia.get("/organizations").names(); got != "Alba Brenta Calder" {
		t.Errorf("after the one Undo the list shows %q", got)
	}

	for status, want := range map[string]string{"": "Assign… Archive", "archived": "Assign… Restore", "all": "Assign… Archive Restore"} {
		mia.post("/organizations/bulk", "action", "archive", "list", "", "id", picked[0])
		if got := strings.Join(mia.get("/organizations?status="+status).doc.Find("form#selection button").Map(textOf), " "); got != want {
			t.Errorf("a list of status %q offers %q, want %q", status, got, want)
		}
		mia.post("/organizations/bulk", "action", "restore", "list", "", "id", picked[0])
	}

	page := mia.get(mia.get("/organizations?sector=Energy").href("form#selection", "Select this page"))
	if got := page.boxes("[checked]"); len(got) != 2 {
		t.Errorf("the page picks %d of its 2 rows", len(got))
	}
	page.act("assign", append(ids(page.boxes("")), "owner_user_id", "nobody")...).follow().has("2 records have a new owner.")
	page.act("archive", append(ids(page.boxes("")), "id", uuid.NewString())...).follow().has("2 records archived. Left as they were: 1 is not there any more.")
}

func TestAllThatAListFindsIsConfirmedFirst(t *testing.T) {
	t.Parallel()
	_, mia := clients(t)
	all := mia.get(mia.get("/organizations?sector=Energy").href("form#selection", "Select all: 2 organizations"))
	all.has("All are selected: 2 organizations.")
	if got := all.boxes(":not([disabled])"); len(got) != 0 {
		t.Errorf("with all picked %d boxes would be sent, too", len(got))
	}
	asked := all.act("archive").wants(http.StatusOK)
	asked.has("Archive 2 organizations?")
	if got := mia.get("/organizations").names(); got != "Alba Brenta Calder" {
		t.Fatalf("before it is confirmed the list shows %q", got)
	}
	var sent []string
	for _, name := range []string{"action", "all", "list", "owner_user_id", "confirmed", "form_token"} {
		sent = append(sent, name, asked.value(name))
	}
	done := mia.post("/organizations/bulk", sent...)
	done.follow().has("2 records archived.")
	if got := mia.get("/organizations").names(); got != "Calder" {
		t.Errorf("the list shows %q, want what its filter did not find", got)
	}
	if done.to() != "/organizations?sector=Energy" {
		t.Errorf("it led to %q", done.to())
	}
}

// TestMuchIsDoneInTheBackground: the page of the job is seen by whoever left it, whatever became of their window.
func TestMuchIsDoneInTheBackground(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	var organizations []crm.Organization
	for i := range 250 {
		name := fmt.Sprintf("Client %d", i)
		organizations = append(organizations, crm.Organization{LegalName: name, DisplayName: name, Sector: "Tourism"})
	}
	_, err := postgrestest.System(s.db).ImportOrganizations(context.Background(), organizations, "clients.csv")
	fatal(t, err)
	form := []string{"action", "archive", "all", "1", "list", "sector=Tourism", "confirmed", "250", "form_token", uuid.NewString()}
	left := mia.post("/organizations/bulk", form...)
	if again := mia.post("/organizations/bulk", form...); again.to() != left.to() {
		t.Errorf("the form sent twice led to %q and %q", left.to(), again.to())
	}
	waiting := left.follow().wants(http.StatusOK)
	waiting.has("This is about to begin")
	if got := waiting.href("main", "Look again"); got != left.to() {
		t.Errorf("without a script the page is looked at again by %q", got)
	}
	tom := s.role(t, "admin")
	tom.get(left.to()).wants(http.StatusNotFound)
	queue := s.db.Jobs()
	jobs, err := queue.Waiting(context.Background())
	fatal(t, err)
	for _, id := range jobs {
		fatal(t, queue.Do(context.Background(), id))
	}
	done := mia.get(left.to()).wants(http.StatusOK)
	done.has("250 records archived.")
	mia.post(done.doc.Find("main .bar form").AttrOr("action", "")).wants(http.StatusSeeOther)
	if n := strings.Count(mia.get("/organizations?sector=Tourism&status=archived").names(), "Client"); n != 0 {
		t.Errorf("%d stay archived after the Undo", n)
	}
}

func TestWhatNobodyCouldHavePickedIsRefused(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	id := mia.get("/organizations").boxes("")[0]
	tooMany := []string{"action", "archive", "list", ""}
	for range crm.MaxPicked + 1 {
		tooMany = append(tooMany, "id", uuid.NewString())
	}
	for name, form := range map[string][]string{
		"nothing":                     {},
		"no action":                   {"list", "", "id", id},
		"an unknown action":           {"list", "", "id", id, "action", "delete"},
		"no id":                       {"list", "", "action", "archive"},
		"an id that is none":          {"list", "", "action", "archive", "id", "1 OR 1=1"},
		"both ids and all":            {"list", "", "action", "archive", "id", id, "all", "1"},
		"all of no list":              {"action", "archive", "all", "1"},
		"a list of another kind":      {"list", "channel=call", "action", "archive", "all", "1"},
		"a filter that cannot be":     {"list", "status=gone", "action", "archive", "all", "1"},
		"an order that cannot be":     {"list", "sort=password", "action", "archive", "all", "1"},
		"a filter twice":              {"list", "sector=Food&sector=Energy", "action", "archive", "all", "1"},
		"columns that cannot be":      {"list", "cols=a%27b", "action", "archive", "id", id},
		"too many ids":                tooMany,
		"no owner":                    {"list", "", "action", "assign", "id", id, "owner_user_id", ""},
		"an owner that is none":       {"list", "", "action", "assign", "id", id, "owner_user_id", "me"},
		"an owner who does not exist": {"list", "", "action", "assign", "id", id, "owner_user_id", uuid.NewString()},
	} {
		a := mia.post("/organizations/bulk", form...)
		if a.status != http.StatusUnprocessableEntity || a.href("main", "Back to the list")+a.href("main", "Cancel") == "" {
			t.Errorf("%s: got status %d, want 422 and a way back\n%s", name, a.status, a.text())
		}
	}
	huge := url.Values{"action": {"archive"}, "list": {""}}
	for range 100_000 {
		huge.Add("id", id)
	}
	req := mia.request(http.MethodPost, "/organizations/bulk", strings.NewReader(huge.Encode()))
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if a := mia.do(req); a.status != http.StatusRequestEntityTooLarge && a.status != http.StatusUnprocessableEntity {
		t.Errorf("100,000 ids: got status %d", a.status)
	}
	if got := mia.get("/organizations").names(); got != "Alba Brenta Calder" {
		t.Errorf("something was changed: the list shows %q", got)
	}
	// a filter by last contact does not exist for who may not see interactions: it must not be dropped unseen
	blind := s.as(t, "blind", uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", authz.ViewClient, authz.EditClient))
	blind.post("/organizations/bulk", "list", "last=never", "action", "archive", "all", "1", "confirmed", "1").wants(http.StatusUnprocessableEntity)
}

func TestEachActionTakesItsPermissions(t *testing.T) {
	t.Parallel()
	s, mia := clients(t)
	id := mia.get("/organizations").boxes("")[0]
	for _, c := range []struct {
		holds  []authz.Permission
		list   string
		action string
		want   string
	}{
		{[]authz.Permission{authz.ViewClient}, "organizations", "archive", "EditClient"},
		{[]authz.Permission{authz.ViewClient, authz.ExportClient}, "organizations", "assign", "EditClient"},
		{[]authz.Permission{authz.ViewClient, authz.EditClient}, "organizations", "export", "ExportClient"},
		{[]authz.Permission{authz.ViewClient, authz.EditClient}, "contacts", "export", "ExportClient"},
		{[]authz.Permission{authz.ViewClient, authz.ExportClient}, "interactions", "export", "ViewInteraction"},
		{[]authz.Permission{authz.EditClient, authz.ExportClient}, "organizations", "export", "ViewClient"},
	} {
		b := s.as(t, uuid.NewString()[:8], uuid.NullUUID{}, postgrestest.Role(t, s.db, "all", c.holds...))
		b.post("/"+c.list+"/bulk", "action", c.action, "list", "", "id", id).wants(http.StatusForbidden).has("Missing permission: " + c.want)
	}
	viewer := s.role(t, "viewer").get("/organizations")
	if len(viewer.boxes("")) != 0 || viewer.doc.Find("form#selection").Length() != 0 {
		t.Error("somebody who may neither edit nor export is offered to pick rows")
	}
}
