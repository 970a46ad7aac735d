package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"html"
	"net/http"
	"os"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
)

// The bare handler is what the program would be if it did nothing but its main query: no session, no
// permission, no reach, no count, no filters, no navigation. It renders as many rows as the page it stands
// beside.

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

const organizationRow = `SELECT o.id::text, o.display_name, coalesce(o.sector, ''), coalesce(o.size_band, ''), coalesce(u.name, ''), coalesce(m.name, ''), coalesce(m.role_label, ''), a.last_contact_at::text
	FROM organizations o LEFT JOIN users u ON u.id = o.owner_user_id JOIN organization_activity a ON a.organization_id = o.id
	LEFT JOIN LATERAL (SELECT c.first_name || ' ' || c.last_name AS name, l.role_label FROM organization_contact l JOIN contacts c ON c.id = l.contact_id
		WHERE l.organization_id = o.id AND c.is_active
		ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', l.role_label IS NULL, c.last_name, c.id LIMIT 1) m ON TRUE `

// Queries of pages with rows, in the order of the program's own lists. A placeholder is the record's id.
var bareQueries = map[string][]string{
	"/list": {organizationRow + `WHERE o.is_active ORDER BY o.display_name COLLATE "und-x-icu", o.id LIMIT 50`},
	"/list-deep": {organizationRow + `WHERE o.is_active AND (o.display_name COLLATE "und-x-icu", o.id) > ('Lombardi', '00000000-0000-0000-0000-000000000000')
		ORDER BY o.display_name COLLATE "und-x-icu", o.id LIMIT 50`},
	"/list-sector": {organizationRow + `WHERE o.is_active AND coalesce(o.sector, '') COLLATE "und-x-icu" = 'Logistics' ORDER BY o.display_name COLLATE "und-x-icu", o.id LIMIT 50`},
	"/contacts": {`SELECT c.id::text, c.first_name, c.last_name, coalesce(c.email, ''), coalesce(c.phone, ''), coalesce(u.name, ''), coalesce(p.display_name, ''), coalesce(p.role_label, ''), a.last_contact_at::text
		FROM contacts c LEFT JOIN users u ON u.id = c.owner_user_id JOIN contact_activity a ON a.contact_id = c.id
		LEFT JOIN LATERAL (SELECT o.display_name, l.role_label FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = c.id
			ORDER BY l.relationship_status IS NOT DISTINCT FROM 'Former', NOT o.is_active, o.display_name, o.id LIMIT 1) p ON TRUE
		WHERE c.is_active ORDER BY c.last_name COLLATE "und-x-icu", c.first_name COLLATE "und-x-icu", c.id LIMIT 50`},
	"/interactions": {`SELECT i.id::text, i.channel, i.subject, i.happened_at::text, coalesce(o.display_name, ''), coalesce(c.first_name || ' ' || c.last_name, ''), coalesce(u.name, '')
		FROM (SELECT * FROM interactions ORDER BY happened_at DESC, id DESC LIMIT 50) i LEFT JOIN organizations o ON o.id = i.organization_id
			LEFT JOIN contacts c ON c.id = i.contact_id LEFT JOIN users u ON u.id = i.user_id
		ORDER BY i.happened_at DESC, i.id DESC`},
	"/organization": {
		`SELECT o.id::text, o.display_name, o.legal_name, coalesce(o.website, ''), coalesce(o.sector, ''), coalesce(o.tax_id, ''), coalesce(u.name, '')
			FROM organizations o LEFT JOIN users u ON u.id = o.owner_user_id WHERE o.id = $1`,
		`SELECT c.id::text, c.first_name, c.last_name, coalesce(c.email, ''), coalesce(c.phone, ''), coalesce(l.role_label, ''), coalesce(l.relationship_status, '')
			FROM organization_contact l JOIN contacts c ON c.id = l.contact_id WHERE l.organization_id = $1 ORDER BY c.last_name COLLATE "und-x-icu", c.id LIMIT 50`,
		timeline + `i.organization_id = $1 ORDER BY i.happened_at DESC, i.id DESC LIMIT 20`,
	},
	"/contact": {
		`SELECT c.id::text, c.first_name, c.last_name, coalesce(c.email, ''), coalesce(c.phone, ''), coalesce(c.mobile, ''), coalesce(u.name, '')
			FROM contacts c LEFT JOIN users u ON u.id = c.owner_user_id WHERE c.id = $1`,
		`SELECT o.id::text, o.display_name, coalesce(l.role_label, ''), coalesce(l.relationship_status, '')
			FROM organization_contact l JOIN organizations o ON o.id = l.organization_id WHERE l.contact_id = $1 ORDER BY o.display_name COLLATE "und-x-icu", o.id LIMIT 50`,
		timeline + `i.contact_id = $1 ORDER BY i.happened_at DESC, i.id DESC LIMIT 20`,
	},
}

const timeline = `SELECT i.id::text, i.channel, i.subject, coalesce(i.body, ''), coalesce(i.outcome, ''), i.happened_at::text, coalesce(u.name, ''),
	coalesce(c.first_name || ' ' || c.last_name, '') FROM interactions i LEFT JOIN users u ON u.id = i.user_id LEFT JOIN contacts c ON c.id = i.contact_id WHERE `

// bareLog writes what the program's write leaves behind, in one statement: the guard asks for the audit row.
const bareLog = `WITH cs AS (INSERT INTO change_sets (id, kind) VALUES ($1, 'create_interaction')),
	i AS (INSERT INTO interactions (id, organization_id, channel, subject, body, outcome, happened_at)
		VALUES ($2, $3, 'call', 'Call about the spring delivery plan', $4, 'Information sent', now()) RETURNING *)
	INSERT INTO audit_logs (change_set_id, action, target_type, target_id, parent_id, table_name, metadata, after)
	SELECT $1, 'create_interaction', 'interaction', i.id, i.organization_id, 'interactions',
		jsonb_build_object('organization_id', i.organization_id, 'contact_id', i.contact_id, 'channel', i.channel), audit_image(to_jsonb(i)) FROM i`

func serveBare(ctx context.Context) error {
	cfg, err := pgxpool.ParseConfig(os.Getenv(bareDatabase))
	if err != nil {
		return err
	}
	cfg.MaxConns = bareConns
	cfg.ConnConfig.RuntimeParams["timezone"] = "UTC" // images are taken in it
	pool, err := pgxpool.NewWithConfig(ctx, cfg)
	if err != nil {
		return err
	}
	defer pool.Close()
	mux := http.NewServeMux()
	mux.HandleFunc("/ready", func(w http.ResponseWriter, r *http.Request) { answer(w, nil, pool.Ping(r.Context())) })
	for path, queries := range bareQueries {
		mux.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
			body, err := bareRows(r.Context(), pool, queries, r.FormValue("id"))
			answer(w, body, err)
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

// bareRows runs the queries in one round trip and renders their rows as tables.
func bareRows(ctx context.Context, pool *pgxpool.Pool, queries []string, id string) ([]byte, error) {
	var page bytes.Buffer
	page.WriteString("<!doctype html><title>Bare</title>")
	b := &pgx.Batch{}
	for _, sql := range queries {
		var args []any
		if id != "" {
			args = []any{id}
		}
		b.Queue(sql, args...).Query(func(rows pgx.Rows) error { return renderRows(&page, rows) })
	}
	err := pool.SendBatch(ctx, b).Close()
	return page.Bytes(), err
}

func renderRows(page *bytes.Buffer, rows pgx.Rows) error {
	cells := make([]string, len(rows.FieldDescriptions()))
	into := make([]any, len(cells))
	for i := range cells {
		into[i] = &cells[i]
	}
	page.WriteString("<table>")
	_, err := pgx.ForEachRow(rows, into, func() error {
		page.WriteString("<tr>")
		for _, cell := range cells {
			fmt.Fprintf(page, "<td>%s</td>", html.EscapeString(cell))
		}
		page.WriteString("</tr>\n")
		return nil
	})
	page.WriteString("</table>")
	return err
}
