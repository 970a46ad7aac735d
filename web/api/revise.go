package api

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/postgres"
)

// maxAttempts is how often a change without If-Match is made of the newest version before it is given up.
const maxAttempts = 3

// revise changes a record: it reads it with its version, has it saved, and reads it again. With If-Match a record at
// another version is stale; without one, a record changed meanwhile is read again and the change made of that.
func revise[T any](ifMatch string, read func() (T, int, error), save func(T) (postgres.Saved, error)) (T, error) {
	for attempt := 1; ; attempt++ {
		now, version, err := read()
		if err != nil {
			return now, err
		}
		if !matches(ifMatch, version) {
			return now, errStale
		}
		switch _, err = save(now); {
		case err == nil:
			now, _, err = read()
			return now, err
		case errors.Is(err, crm.ErrUnchanged):
			return now, nil
		case !errors.Is(err, crm.ErrConflict), attempt == maxAttempts:
			return now, err
		case ifMatch != "":
			return now, errStale
		}
	}
}

// at returns the store for taking something away: with If-Match only at the version that was compared with it, so
// that a change between the two is not lost.
func (c *call) at(ifMatch string, version int) *postgres.Store {
	if ifMatch == "" {
		return c.store
	}
	return c.store.At(version)
}

// stale tells what If-Match ruled out from other errors.
func stale(err error) error {
	if errors.Is(err, crm.ErrConflict) {
		return errStale
	}
	return err
}

// editable turns a record that may be seen but not edited into one that is not there, as its edit page does.
func editable(may bool, err error) error {
	if err == nil && !may {
		return crm.ErrNotFound
	}
	return err
}

// ownerMade is the owner that the store gives a record without one.
func (c *call) ownerMade(sent uuid.NullUUID) uuid.NullUUID {
	if !sent.Valid && c.actor.Granted(authz.EditClient) != authz.All {
		return uuid.NullUUID{UUID: c.actor.UserID, Valid: true}
	}
	return sent
}

// madeAt is when a record was made, by its id: exact to the millisecond, and by our clock rather than the database's.
func madeAt(id uuid.UUID) time.Time {
	sec, nsec := id.Time().UnixTime()
	return time.Unix(sec, nsec)
}

func orNull(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}

func orNullID(id uuid.NullUUID) *uuid.UUID {
	if !id.Valid {
		return nil
	}
	return &id.UUID
}

// shown is the answer that shows a record.
type shown[T any] struct {
	ETag string `header:"ETag" doc:"The version, for If-Match" example:"\"3\""`
	Body T
}

// made is the answer to a call that made a record.
type made[T any] struct {
	Location string `header:"Location" doc:"The path of what was made" example:"/api/crm/organizations/0190a3c4-7b1e-7c2f-9d3a-5e6f7a8b9c0d"`
	ETag     string `header:"ETag" doc:"The version, for If-Match" example:"\"1\""`
	Body     T
}

// nothing is the answer after which there is nothing to show.
type nothing struct{}

// Creation is the input of an operation that makes a record.
type Creation struct {
	Sent
	Keyed
}

// Keyed is the header that makes a repeated request harmless.
type Keyed struct {
	IdempotencyKey string `header:"Idempotency-Key" minLength:"1" maxLength:"255" doc:"1 to 255 visible ASCII characters of your choice, for two days: the same request again answers with the same record, another request under the key is refused" example:"order-4711"`
}
