package main

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"os"
	"time"

	"github.com/a-h/templ"
	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// The bare handler is what a page would cost if it were nothing but its main query and its template: the same rows are
// read by the same statement and rendered into the same page. There is no session and no permission around it, no reach,
// no count, no saved view, no list one came from, and no log.

// Its surroundings.
const (
	bareListen   = "BENCH_BARE_LISTEN"
	bareDatabase = "BENCH_BARE_DATABASE"
)

// bareConns is as many connections to the database as the program has.
const bareConns = 12

// bareRecord returns the path of one record's bare page.
func bareRecord(path string) func(uuid.UUID) string {
	return func(id uuid.UUID) string { return path + "?id=" + id.String() }
}

// bareSite is the register as somebody sees it who may do everything.
type bareSite struct {
	store *postgres.Store
	frame templates.Page
}

// reading reads what a page shows, of the record where it is one's.
type reading func(context.Context, uuid.UUID) (templ.Component, error)

// uncounted is how lists are read: they are not counted.
var uncounted = crm.Page{Uncounted: true}

func (b bareSite) organizations(f crm.OrganizationFilter) reading {
	return func(ctx context.Context, _ uuid.UUID) (templ.Component, error) {
		list, err := b.store.Organizations(ctx, f)
		return templates.Organizations(templates.OrganizationsPage{Page: b.frame, List: list}), err
	}
}

func (b bareSite) contacts(ctx context.Context, _ uuid.UUID) (templ.Component, error) {
	list, err := b.store.Contacts(ctx, crm.ContactFilter{Page: uncounted})
	return templates.Contacts(templates.ContactsPage{Page: b.frame, List: list}), err
}

func (b bareSite) interactions(ctx context.Context, _ uuid.UUID) (templ.Component, error) {
	list, err := b.store.Interactions(ctx, crm.InteractionFilter{Page: uncounted})
	return templates.Interactions(templates.InteractionsPage{Page: b.frame, List: list}), err
}

func (b bareSite) organization(ctx context.Context, id uuid.UUID) (templ.Component, error) {
	o, err := b.store.OrganizationPage(ctx, id, crm.TimelineView{})
	return templates.Organization(templates.OrganizationPage{
		Page: b.frame, Organization: o.Organization, People: o.People, Former: o.Past, Timeline: templates.Timeline{Timeline: o.Timeline}, History: o.History,
	}), err
}

func (b bareSite) contact(ctx context.Context, id uuid.UUID) (templ.Component, error) {
	c, err := b.store.ContactPage(ctx, id, crm.TimelineView{})
	return templates.Contact(templates.ContactPage{
		Page: b.frame, Contact: c.Contact, Organizations: c.Organizations, Former: c.Past, Timeline: templates.Timeline{Timeline: c.Timeline}, History: c.History,
	}), err
}

// pages are the counterparts by their paths.
func (b bareSite) pages() map[string]reading {
	deep := uncounted
	deep.Key, deep.ID = "Lombardi", uuid.UUID{15: 1}
	return map[string]reading{
		"/list": b.organizations(crm.OrganizationFilter{Page: uncounted}), "/list-deep": b.organizations(crm.OrganizationFilter{Page: deep}),
		"/list-sector": b.organizations(crm.OrganizationFilter{Page: uncounted, Sector: "Logistics"}),
		"/contacts":    b.contacts, "/interactions": b.interactions, "/organization": b.organization, "/contact": b.contact,
	}
}

// bareLog writes what the program's write leaves behind, in one statement: the guard asks for the audit row.
const bareLog = `WITH cs AS (INSERT INTO change_sets (id, kind) VALUES ($1, 'create_interaction')),
	i AS (INSERT INTO interactions (id, organization_id, channel, subject, body, outcome, happened_at)
		VALUES ($2, $3, 'call', 'Call about the spring delivery plan', $4, 'Information sent', now()) RETURNING *)
	INSERT INTO audit_logs (change_set_id, action, target_type, target_id, parent_id, table_name, metadata, after)
	SELECT $1, 'create_interaction', 'interaction', i.id, i.organization_id, 'interactions',
		jsonb_build_object('organization_id', i.organization_id, 'contact_id', i.contact_id, 'channel', i.channel), audit_image(to_jsonb(i)) FROM i`

func serveBare(ctx context.Context) error {
	address := os.Getenv(bareDatabase)
	db, err := postgres.Open(address, postgres.Options{MaxConns: bareConns})
	if err != nil {
		return err
	}
	defer db.Close()
	pool, err := pgxpool.New(ctx, address)
	if err != nil {
		return err
	}
	defer pool.Close()
	b := bareSite{
		store: db.As(authz.SystemActor("bench", authz.ViewClient, authz.EditClient, authz.ViewInteraction, authz.EditInteraction), postgres.Origin{}),
		frame: templates.Page{
			L: l10n.New(time.UTC, time.Now()), UserID: uuid.NewString(), UserName: "Bench",
			CanViewClients: true, CanEditClients: true, CanViewInteractions: true, SeesLastContact: true, CanEditInteractions: true,
		},
	}
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) { answer(w, nil, pool.Ping(r.Context())) })
	for path, read := range b.pages() {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			id, _ := uuid.Parse(r.FormValue("id")) // lists have none
			page, err := read(r.Context(), id)
			var body bytes.Buffer
			if err == nil {
				err = page.Render(r.Context(), &body)
			}
			answer(w, body.Bytes(), err)
		})
	}
	mux.HandleFunc("/log", func(w http.ResponseWriter, r *http.Request) {
		_, err := pool.Exec(r.Context(), bareLog, uuid.Must(uuid.NewV7()), uuid.Must(uuid.NewV7()), r.FormValue("id"), said[0])
		answer(w, []byte("Logged."), err)
	})
	server := &http.Server{Addr: os.Getenv(bareListen), Handler: mux, ReadHeaderTimeout: 5 * time.Second}
	go func() {
		<-ctx.Done()
		_ = server.Close() // requests under way belong to a bench that is over
	}()
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

func answer(w http.ResponseWriter, body []byte, err error) {
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write(body) // nobody there: nobody to tell
}
