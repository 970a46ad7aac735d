package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/demo"
	"github.com/archpilot/crm/internal/password"
	"github.com/archpilot/crm/internal/postgres"
)

type demoCmd struct {
	Load demoLoadCmd `cmd:"" help:"Load the firm into an empty register and print its sign-ins."`
}

type demoLoadCmd struct {
	Organizations int `placeholder:"N" help:"Grow the firm to N organizations, 1000 to 1000000, each with 3 contacts and 10 interactions; without history, to try how fast the product is."`
}

// The sizes of a grown firm. Below the least, the firm itself is the better demo.
const (
	leastOrganizations = 1_000
	mostOrganizations  = 1_000_000
)

// Validate is called by kong.
func (c demoLoadCmd) Validate() error {
	if c.Organizations != 0 && (c.Organizations < leastOrganizations || c.Organizations > mostOrganizations) {
		return fmt.Errorf("--organizations has to lie between %d and %d", leastOrganizations, mostOrganizations)
	}
	return nil
}

// Run refuses a register that holds anything.
func (c demoLoadCmd) Run(ctx context.Context, a *app) error {
	if c.Organizations == 0 {
		return a.onRegister(ctx, func(db *postgres.DB) error { return a.loadDemo(ctx, db) })
	}
	return a.onDatabase(ctx, 0, func(d *database) error { return c.loadScaled(ctx, a, d) })
}

// demoActor loads.
var demoActor = authz.SystemActor("crm demo", authz.ManageUsers, authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction)

// loadDemo loads the firm as of now and prints its sign-ins, whose passwords nobody sees again.
func (a *app) loadDemo(ctx context.Context, db *postgres.DB) error {
	firm := demo.Firm(time.Now())
	r := postgres.Register{
		Teams: firm.Teams, Roles: firm.Roles, Organizations: firm.Organizations, Contacts: firm.Contacts,
		Relationships: firm.Relationships, Interactions: firm.Interactions, FollowUps: firm.FollowUps, TouchDefaults: firm.TouchDefaults,
	}
	passwords, err := a.signIns(ctx, &r, firm.Users, len(firm.Users))
	if err != nil {
		return err
	}
	if _, err := db.As(demoActor, postgres.Origin{}).Load(ctx, r); err != nil {
		return err
	}
	a.say("Loaded the demo firm, %s: %d organizations, %d contacts, %d interactions.",
		firm.Name, len(firm.Organizations), len(firm.Contacts), len(firm.Interactions))
	a.tellSignIns(firm.Users, passwords)
	return nil
}

// loadScaled loads the grown firm as the role that owns the tables: only it may take their indexes off.
func (c demoLoadCmd) loadScaled(ctx context.Context, a *app, d *database) error {
	owner := *d
	owner.url = d.ownerURL
	db, err := owner.register(ctx)
	if err != nil {
		return err
	}
	defer db.Close()
	begun := time.Now()
	firm := demo.Scale(begun, c.Organizations)
	r := postgres.LargeRegister{
		People:        postgres.Register{Teams: firm.Teams, Roles: firm.Roles},
		Organizations: firm.Organizations(), Contacts: firm.Contacts(), Relationships: firm.Relationships(), Interactions: firm.Interactions(),
		FollowUps: firm.FollowUps(),
	}
	passwords, err := a.signIns(ctx, &r.People, firm.Users, demo.SignIns)
	if err != nil {
		return err
	}
	if _, err := db.As(demoActor, postgres.Origin{}).LoadLarge(ctx, r, a.tellProgress(begun)); err != nil {
		return ownersOnly(err)
	}
	organizations, contacts, _, interactions := firm.Counts()
	a.say("Loaded the demo firm, %s, grown: %d organizations, %d contacts, %d interactions, %d users, in %s.",
		firm.Name, organizations, contacts, interactions, len(firm.Users), time.Since(begun).Round(time.Second))
	a.tellSignIns(firm.Users, passwords)
	return nil
}

// tellProgress returns what prints a line as soon as something has been done or begins.
func (a *app) tellProgress(begun time.Time) postgres.Progress {
	return func(what string, rows int) {
		at := time.Since(begun).Round(time.Second)
		if rows == 0 {
			a.say("%6s  %s", at, what)
			return
		}
		a.say("%6s  %s: %d rows", at, what, rows)
	}
}

// ownersOnly says in words that a load as large needs more than the serving role may do.
func ownersOnly(err error) error {
	var pg *pgconn.PgError
	if errors.As(err, &pg) && pg.Code == codeForbidden {
		return fmt.Errorf("%s: CRM_MIGRATE_DATABASE_URL has to name a sign-in that owns the tables", pg.Message)
	}
	return err
}

// signIns adds the users to a register, the first n of them with random passwords, which it returns.
func (a *app) signIns(ctx context.Context, r *postgres.Register, users []demo.User, n int) ([]string, error) {
	passwords := make([]string, n)
	for i := range passwords {
		passwords[i] = password.OneTime()
	}
	hashes, err := a.hashAll(ctx, passwords)
	if err != nil {
		return nil, err
	}
	for i, u := range users {
		user := postgres.RegisterUser{User: u.User, RoleSlugs: u.RoleSlugs}
		if i < n {
			user.PasswordHash = hashes[i]
		}
		r.Users = append(r.Users, user)
	}
	return passwords, nil
}

// tellSignIns prints a line for each user who has a password.
func (a *app) tellSignIns(users []demo.User, passwords []string) {
	a.say("Sign in as any of these; the passwords are shown only now:\n")
	table := a.table()
	for i, pw := range passwords {
		u := users[i]
		table.row("  "+u.Email, pw, strings.Join(u.RoleSlugs, ", "), u.TeamName)
	}
	table.flush()
	a.say("")
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
