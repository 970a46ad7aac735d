package api

import (
	"context"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
)

type meOutput struct {
	Body Identity
}

// Identity is who calls, and how far.
type Identity struct {
	User        Caller    `json:"user"`
	Permissions []Grant   `json:"permissions" nullable:"false" maxItems:"50" doc:"What the user and the token have in common"`
	Token       TokenInfo `json:"token"`
}

type Caller struct {
	ID    uuid.UUID `json:"id" format:"uuid" example:"0190a3c4-0000-7c2f-9d3a-5e6f7a8b9c0d"`
	Email string    `json:"email" example:"mia@northgate.example"`
	Name  string    `json:"name" example:"Mia Berg"`
	Zone  string    `json:"zone" doc:"In which times without an offset are read" example:"Europe/Rome"`
}

type Grant struct {
	Permission string `json:"permission" example:"ViewClient"`
	Reach      string `json:"reach" enum:"own,team,all" example:"team"`
}

type TokenInfo struct {
	Name      string     `json:"name" example:"Nightly sync"`
	Scopes    []string   `json:"scopes" nullable:"false" maxItems:"50" doc:"What the token may do at most" example:"[\"ViewClient\"]"`
	ExpiresAt *time.Time `json:"expires_at" doc:"null: until it is revoked" example:"2027-11-22T00:00:00Z"`
}

func me(_ context.Context, c *call, _ *struct{}) (*meOutput, error) {
	out := &meOutput{Body: Identity{
		User:        Caller{c.actor.UserID, c.actor.Email, c.actor.Name, c.zone.String()},
		Permissions: []Grant{}, Token: TokenInfo{Name: c.token.Name, Scopes: c.token.Scopes},
	}}
	for _, p := range authz.Permissions {
		if reach := c.actor.Reach(p); reach > authz.None {
			out.Body.Permissions = append(out.Body.Permissions, Grant{string(p), reach.String()})
		}
	}
	if !c.token.ExpiresAt.IsZero() {
		at := c.token.ExpiresAt.UTC()
		out.Body.Token.ExpiresAt = &at
	}
	return out, nil
}
