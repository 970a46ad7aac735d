package main

import (
	"context"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/demo"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres"
)

type demoCmd struct {
	Load demoLoadCmd `cmd:"" help:"Load the firm into an empty register and print its sign-ins."`
}

type demoLoadCmd struct{}

// Run refuses a register that holds anything.
func (demoLoadCmd) Run(ctx context.Context, a *app) error {
	return a.onRegister(ctx, func(db *postgres.DB) error { return a.loadDemo(ctx, db) })
}

// loadDemo loads the firm as of now and prints its sign-ins, whose passwords nobody sees again.
func (a *app) loadDemo(ctx context.Context, db *postgres.DB) error {
	firm := demo.Firm(time.Now())
	passwords := make([]string, len(firm.Users))
	for i := range passwords {
		passwords[i] = password.OneTime()
	}
	hashes, err := a.hashAll(ctx, passwords)
	if err != nil {
		return err
	}
	actor := authz.SystemActor("crm demo", authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction)
	if _, err := db.As(actor, postgres.Origin{}).Load(ctx, demoRegister(firm, hashes)); err != nil {
		return err
	}
	a.say("Loaded the demo firm, %s: %d organizations, %d contacts, %d interactions.",
		firm.Name, len(firm.Organizations), len(firm.Contacts), len(firm.Interactions))
	a.say("Sign in as any of these; the passwords are shown only now:\n")
	table := a.table()
	for i, u := range firm.Users {
		table.row("  "+u.Email, passwords[i], strings.Join(u.RoleSlugs, ", "), u.TeamName)
	}
	table.flush()
	a.say("")
	return nil
}

// hashAll hashes on all cores: one after the other the costs add up to seconds.
func (a *app) hashAll(ctx context.Context, passwords []string) ([]string, error) {
	hasher := a.hasher()
	hashes, errs := make([]string, len(passwords)), make([]error, len(passwords))
	var wg sync.WaitGroup
	for i, pw := range passwords {
		wg.Go(func() { hashes[i], errs[i] = hasher.Hash(ctx, pw) })
	}
	wg.Wait()
	return hashes, errors.Join(errs...)
}

func demoRegister(firm demo.Data, hashes []string) postgres.Register {
	r := postgres.Register{
		Teams: firm.Teams, Roles: firm.Roles, Organizations: firm.Organizations, Contacts: firm.Contacts,
		Relationships: firm.Relationships, Interactions: firm.Interactions,
	}
	for i, u := range firm.Users {
		r.Users = append(r.Users, postgres.RegisterUser{User: u.User, RoleSlugs: u.RoleSlugs, PasswordHash: hashes[i]})
	}
	return r
}
