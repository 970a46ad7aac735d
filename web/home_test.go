package web_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// steps returns the checklist on Today, "+" before what is done.
func (b *browser) steps() string {
	b.t.Helper()
	var steps []string
	for _, li := range b.get("/").wants(http.StatusOK).doc.Find(".first-steps li").EachIter() {
		step := strings.Fields(li.Text())[0]
		if li.HasClass("done") {
			step = "+" + step
		}
		steps = append(steps, step)
	}
	return strings.Join(steps, " ")
}

func TestFirstStepsKnowWhatIsDone(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b := s.role(t, "manager")
	saw := func(when, want string) {
		t.Helper()
		if got := b.steps(); got != want {
			t.Errorf("%s: %q, want %q", when, got, want)
		}
	}
	saw("new", "Choose Protect Add Log")
	b.post("/account", "name", "Mia", "zone", "Europe/Rome").wants(http.StatusSeeOther)
	saw("zone", "+Choose Protect Add Log")
	org := b.post("/organizations", "legal_name", "A", "display_name", "A").wants(http.StatusSeeOther).to()
	saw("client", "+Choose Protect +Add Log")
	b.post(org+"/interactions", "channel", "call", "subject", "Hello").wants(http.StatusSeeOther)
	saw("call", "+Choose Protect +Add +Log")
	alter(t, s, `UPDATE user_credentials SET totp_secret = 'x' WHERE user_id = $1`, b.user.ID)
	saw("all", "")
	if got := s.role(t, "manager").steps(); got != "Choose Protect Add Log" {
		t.Errorf("what another did counts: %q", got)
	}
	owner := s.as(t, "owner", uuid.NullUUID{}, postgrestest.Role(t, s.db, "own", authz.ViewClient, authz.EditClient))
	postgrestest.Contact(t, s.db, "Lars", "L", postgrestest.ID(owner.user.ID)) // given by somebody else
	if got := owner.steps(); got != "Choose Protect +Add" {
		t.Errorf("somebody with a client of theirs who may not log: %q", got)
	}
	if got := s.role(t, "viewer").steps(); got != "Choose Protect" {
		t.Errorf("a viewer is asked for %q", got)
	}
}

func TestFirstStepsArePutAside(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	b, other := s.role(t, "manager"), s.role(t, "viewer")
	b.post("/account/welcome").wants(http.StatusSeeOther)
	b.post("/account/welcome").follow().lacks("First steps")
	other.get("/").has("First steps")
	if n := query[int](t, s, `SELECT count(*) FROM user_welcomes`); n != 1 {
		t.Errorf("%d rows, want 1", n)
	}
}
