package postgres_test

import (
	"errors"
	"testing"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// What is taken away at a version stays when somebody has changed it since, however shortly before.
func TestNothingIsTakenAwayAtAnotherVersion(t *testing.T) {
	t.Parallel()
	f := newFirm(t)
	ada := f.contact(t, "Ada", none)
	call := f.log(t, f.all(f.mia), idOf(f.hers), idOf(ada), "Call")
	_, err := f.all(f.mia).LinkContact(ctx, crm.Relationship{OrganizationID: f.hers, ContactID: ada}, none)
	fatal(t, err)
	for what, take := range map[string]func(*postgres.Store) (postgres.Saved, error){
		"archived organization": func(s *postgres.Store) (postgres.Saved, error) { return s.SetOrganizationActive(ctx, f.hers, false) },
		"archived contact":      func(s *postgres.Store) (postgres.Saved, error) { return s.SetContactActive(ctx, ada, false) },
		"unlinked":              func(s *postgres.Store) (postgres.Saved, error) { return s.UnlinkContact(ctx, f.hers, ada) },
		"deleted":               func(s *postgres.Store) (postgres.Saved, error) { return s.DeleteInteraction(ctx, call.ID) },
	} {
		if _, err := take(f.all(f.mia).At(7)); !errors.Is(err, crm.ErrConflict) {
			t.Errorf("%s at another version: %v, want ErrConflict", what, err)
		}
		if _, err := take(f.all(f.mia).At(1)); err != nil {
			t.Errorf("%s at its version: %v", what, err)
		}
	}
}
