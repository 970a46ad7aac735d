package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"html"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"regexp"
	"strings"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/paths"
)

// visitor is somebody signed in, with addresses of what they may open.
type visitor struct {
	reach         string
	address       string
	user          uuid.UUID
	cookies       string
	organizations []uuid.UUID
	contacts      []uuid.UUID
	largest       uuid.UUID // the organization with the most interactions
	names         []string  // of organizations, to search for
	deep          string    // a page of the list, far down
}

// reaches are who signs in: of each reach, those with the most records. The team's is two thirds of all, the own
// one a twentieth.
var reaches = []struct{ reach, role, team string }{
	{"all", "manager", "South"},
	{"team", "regional_manager", "North"},
	{"own", "consultant", "South"},
}

// signIn gives each of them a password, comes in by the form, and looks up what they may open.
func (r *register) signIn(ctx context.Context, app *process) ([]*visitor, error) {
	var people []*visitor
	for _, k := range reaches {
		v := &visitor{reach: k.reach, address: app.address}
		var email string
		var owners []uuid.UUID
		err := r.db.QueryRow(ctx, `SELECT u.id, u.email, CASE r.reach WHEN 'own' THEN ARRAY[u.id] WHEN 'team' THEN ARRAY(
				WITH RECURSIVE t AS (SELECT u.team_id AS id UNION ALL SELECT c.id FROM teams c JOIN t ON c.parent_id = t.id)
				SELECT m.id FROM users m JOIN t ON m.team_id = t.id) END
			FROM users u JOIN user_roles ur ON ur.user_id = u.id JOIN roles r ON r.id = ur.role_id JOIN teams t ON t.id = u.team_id
			WHERE r.slug = @role AND t.name = @team ORDER BY u.created_at DESC LIMIT 1`,
			pgx.NamedArgs{"role": k.role, "team": k.team}).Scan(&v.user, &email, &owners)
		if err != nil {
			return nil, fmt.Errorf("nobody is a %s of %s: %w", k.role, k.team, err)
		}
		if err := v.enter(ctx, r, email); err != nil {
			return nil, err
		}
		if err := v.lookAround(ctx, r, owners); err != nil {
			return nil, err
		}
		people = append(people, v)
	}
	return people, nil
}

func (v *visitor) enter(ctx context.Context, r *register, email string) error {
	password := rand.Text()
	if err := r.crm(ctx, password+"\n", "user", "reset-password", email, "--password-stdin"); err != nil {
		return err
	}
	jar, err := cookiejar.New(nil)
	if err != nil {
		return err
	}
	form := url.Values{"email": {email}, "password": {password}}
	request, err := post(ctx, v.address+paths.Login, form)
	if err != nil {
		return err
	}
	client := &http.Client{Jar: jar, CheckRedirect: noRedirect}
	if _, err := fetch(client, request, http.StatusSeeOther); err != nil {
		return fmt.Errorf("sign in as %s: %w", email, err)
	}
	var cookies []string
	for _, c := range jar.Cookies(request.URL) {
		cookies = append(cookies, c.Name+"="+c.Value)
	}
	v.cookies = strings.Join(cookies, "; ")
	return nil
}

// sample is how many records of a kind are opened in turn: enough that none is always in a cache alone.
const sample = 500

// lookAround finds records within reach; owners is nil for all.
func (v *visitor) lookAround(ctx context.Context, r *register, owners []uuid.UUID) error {
	args := pgx.NamedArgs{"owners": owners, "n": sample}
	const within = `(@owners::uuid[] IS NULL OR owner_user_id = ANY(@owners))`
	// Ids are hashes, so their order draws lots.
	rows, err := r.db.Query(ctx, `SELECT id, display_name FROM organizations WHERE is_active AND `+within+` ORDER BY id LIMIT @n`, args)
	if err != nil {
		return err
	}
	var id uuid.UUID
	var name string
	if _, err = pgx.ForEachRow(rows, []any{&id, &name}, func() error {
		v.organizations, v.names = append(v.organizations, id), append(v.names, name)
		return nil
	}); err != nil {
		return err
	}
	if rows, err = r.db.Query(ctx, `SELECT id FROM contacts WHERE is_active AND `+within+` ORDER BY id LIMIT @n`, args); err != nil {
		return err
	}
	if v.contacts, err = pgx.CollectRows(rows, pgx.RowTo[uuid.UUID]); err != nil {
		return err
	}
	err = r.db.QueryRow(ctx, `SELECT o.id FROM organizations o JOIN (SELECT organization_id, count(*) FROM interactions GROUP BY 1 ORDER BY 2 DESC LIMIT 10000) n
		ON n.organization_id = o.id WHERE `+within+` ORDER BY n.count DESC, o.id LIMIT 1`, args).Scan(&v.largest)
	if err == nil && (len(v.organizations) == 0 || len(v.contacts) == 0) {
		err = errors.New("reach " + v.reach + " holds no record to open")
	}
	if err == nil {
		v.deep, err = v.walk(ctx)
	}
	return err
}

var nextPage = regexp.MustCompile(`<a [^>]*rel="next"[^>]*>`)

var hrefOf = regexp.MustCompile(`href="([^"]*)"`)

// walk follows the list's own links a few thousand rows down: what a link carries is the program's affair.
func (v *visitor) walk(ctx context.Context) (string, error) {
	const steps, most = 40, "200"
	at := paths.Organizations + "?limit=" + most
	for range steps {
		request, err := v.get(ctx, at)
		if err != nil {
			return "", err
		}
		body, err := fetch(browser, request, http.StatusOK)
		if err != nil {
			return "", err
		}
		link := hrefOf.FindSubmatch(nextPage.Find(body))
		if link == nil {
			break
		}
		at = html.UnescapeString(string(link[1]))
	}
	u, err := url.Parse(at)
	if err != nil {
		return "", err
	}
	query := u.Query()
	query.Del("limit") // as large a page as the first
	return u.Path + "?" + query.Encode(), nil
}

func (v *visitor) get(ctx context.Context, path string) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, v.address+path, nil)
	if err == nil {
		request.Header.Set("Cookie", v.cookies)
	}
	return request, err
}

// post makes the request that a browser would make of a form of this site.
func post(ctx context.Context, address string, form url.Values) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, address, strings.NewReader(form.Encode()))
	if err == nil {
		request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		request.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	return request, err
}

// browser asks one request at a time and stays where it is sent.
var browser = &http.Client{CheckRedirect: noRedirect}

func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// fetch returns the body of an answer that has the status.
func fetch(client *http.Client, request *http.Request, status int) ([]byte, error) {
	answer, err := client.Do(request)
	if err != nil {
		return nil, err
	}
	defer func() { _ = answer.Body.Close() }() // read to its end
	body, err := io.ReadAll(answer.Body)
	if err == nil && answer.StatusCode != status {
		err = fmt.Errorf("%s %s answers %s, not %d", request.Method, request.URL, answer.Status, status)
	}
	return body, err
}
