package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
)

// How names that are written alike are found: one wrong letter leaves one half of a name whole, and most of its trigrams. To count
// trigrams finds the most and is the dearest question there is: 100 to 300 ms, the more the narrower the reach. So the halves are asked
// first, and trigrams only where no name has all the words typed but for a letter in each.

// similarNames is how many names written alike are shown.
const similarNames = 10

// similar fills f with organizations and contacts that are written like query.
func (s *Store) similar(ctx context.Context, f *Found, q crm.Query, args pgx.NamedArgs) error {
	like := likeness(q)
	if like == "" {
		return nil
	}
	args["like"], args["limit"] = like, similarNames
	f.Similar = true
	narrow, err := s.comparesReach(ctx)
	if err != nil {
		return err
	}
	// Words that interactions hold are mostly no names: the halves would be asked in vain.
	if halves := byHalves(q, args); halves.index != "" && !narrow && len(f.Interactions) == 0 {
		b := comparing()
		s.queueOrganizationsByHalves(b, halves, &f.Organizations, args)
		s.queueContactsByHalves(b, halves, &f.Contacts, args)
		if err := b.send(ctx, s.db); err != nil || f.nearly(q) {
			return err
		}
		f.Organizations, f.Contacts = nil, nil
	}
	b := comparing()
	s.queueSimilarOrganizations(b, narrow, &f.Organizations, args)
	s.queueSimilarContacts(b, narrow, &f.Contacts, args)
	return b.send(ctx, s.db)
}

// nearly reports whether f has a name that has every word of q but for one letter each.
func (f *Found) nearly(q crm.Query) bool {
	return slices.ContainsFunc(f.Organizations, func(o crm.Organization) bool { return q.Nearly(o.DisplayName) || q.Nearly(o.LegalName) }) ||
		slices.ContainsFunc(f.Contacts, func(c crm.ContactRow) bool { return q.Nearly(c.Name()) })
}

// halves are conditions on x.search_text: that it holds one half of each word, of the longest ones for the index, of all.
type halves struct{ index, all string }

// A word that is cut in two for the index has three letters in either half; the two longest do.
const (
	cutLetters  = 6
	cutWords    = 2
	cutCompared = 2500 // rows with such halves that are looked at
)

// byHalves returns the halves of q's words, and adds them to args: with one letter missing, added or wrong, or two exchanged, a
// word still begins as the one meant or ends as it does. Where the two letters in the very middle are exchanged, it is the one
// with these exchanged back.
func byHalves(q crm.Query, args pgx.NamedArgs) halves {
	var all, index []string
	words := slices.Clone(q.Firm())
	slices.SortStableFunc(words, func(a, b crm.Word) int {
		return utf8.RuneCountInString(b.Spellings[0]) - utf8.RuneCountInString(a.Spellings[0])
	})
	for i, w := range words {
		letters := []rune(w.Spellings[0])
		n, half := len(letters), len(letters)/2
		if half < 2 {
			continue
		}
		patterns := []string{"% " + literal.Replace(string(letters[:half])) + "%", "%" + literal.Replace(string(letters[n-half:])) + "%"}
		if n == 2*half {
			letters[half-1], letters[half] = letters[half], letters[half-1]
			patterns = append(patterns, "% "+literal.Replace(string(letters))+"%")
		}
		column := func(text string) string {
			parts := make([]string, len(patterns))
			for j, pattern := range patterns {
				arg := fmt.Sprintf("half%d_%d", i, j)
				args[arg] = pattern
				parts[j] = text + " LIKE searchable(@" + arg + ")"
			}
			return "(" + strings.Join(parts, " OR ") + ")"
		}
		if n >= cutLetters && len(index) < cutWords {
			index = append(index, column("x.search_text"))
		}
		all = append(all, column("x.search_text"))
	}
	return halves{strings.Join(index, " AND "), strings.Join(all, " AND ")}
}

// sql returns the SQL of the rows x of table within the scope that hold the halves and whose names are written like @like, with how far
// they are from it, for a batch of comparing. MATERIALIZED: see found.
func (h halves) sql(table, scope string) string {
	const names = `split_part(x.search_text, E'\n', 1) || split_part(x.search_text, E'\n', 2)`
	return `WITH holding AS MATERIALIZED (SELECT x.* FROM ` + table + ` WHERE ` + h.index + `)
		SELECT x.*, searchable(@like) <<-> (` + names + `) AS distance FROM (SELECT x.* FROM holding x LIMIT ` + strconv.Itoa(cutCompared) + `) x
		WHERE ` + h.all + ` AND ` + scope + ` AND searchable(@like) <% (` + names + `) LIMIT 1000`
}

func (s *Store) queueOrganizationsByHalves(b *batch, h halves, into *[]crm.Organization, args pgx.NamedArgs) {
	queueMany(b, into, `SELECT `+organizationColumns+`, coalesce(u.name, '') AS owner_name
		FROM (`+h.sql("organizations x", s.organizationScope(authz.ViewClient, "x"))+`) o LEFT JOIN users u ON u.id = o.owner_user_id
		ORDER BY NOT o.is_active, o.distance, o.display_name`+icu+`, o.id LIMIT @limit`, args)
}

func (s *Store) queueContactsByHalves(b *batch, h halves, into *[]crm.ContactRow, args pgx.NamedArgs) {
	queueMany(b, into, `SELECT `+contactColumns+` FROM (SELECT * FROM (`+h.sql("contacts x", s.contactReached(authz.ViewClient, "x"))+`) c
			ORDER BY NOT c.is_active, c.distance, c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT @limit) c
		WHERE `+s.contactScope(authz.ViewClient, "c")+` ORDER BY NOT c.is_active, c.distance, c.last_name`+icu+`, c.first_name`+icu+`, c.id`, args)
}

// comparesReach reports whether names are compared among the clients in reach: where these are few that is less than
// what is written alike in the whole register, and leaves nothing out.
func (s *Store) comparesReach(ctx context.Context) (bool, error) {
	if r := s.actor.Reach(authz.ViewClient); r == authz.All || r == authz.None {
		return false, nil
	}
	e, err := s.extent(ctx, authz.ViewClient)
	if err != nil || e.organizations <= fewReach || e.organizations > smallReach {
		return e.organizations <= fewReach, err
	}
	count, err := scalar[int](ctx, s.db.pool, "SELECT count(*) FROM (SELECT FROM organization_activity a WHERE "+s.ownerWithin(authz.ViewClient, "a.owner_user_id")+
		" LIMIT "+strconv.Itoa(fewReach+1)+") n", s.args(nil)) // the planner knows no small owner from another
	return count <= fewReach, err
}

// queueSimilarOrganizations reads the organizations written like @like into into, in a batch of comparing.
func (s *Store) queueSimilarOrganizations(b *batch, narrow bool, into *[]crm.Organization, args pgx.NamedArgs) {
	scope, among := s.organizationScope(authz.ViewClient, "x"), "TRUE"
	if narrow {
		among = scope
	}
	queueMany(b, into, `SELECT `+organizationColumns+`, coalesce(u.name, '') AS owner_name
		FROM (`+alike("organizations x", among, scope)+`) o LEFT JOIN users u ON u.id = o.owner_user_id
		ORDER BY NOT o.is_active, searchable(@like) <<-> o.search_text, o.display_name`+icu+`, o.id LIMIT @limit`, args)
}

// queueSimilarContacts does so with contacts.
func (s *Store) queueSimilarContacts(b *batch, narrow bool, into *[]crm.ContactRow, args pgx.NamedArgs) {
	scope, among := s.contactScope(authz.ViewClient, "x"), "TRUE"
	if narrow {
		_, contacts := s.reachedClients(authz.ViewClient)
		among = "x.id = ANY(ARRAY(" + contacts + "))"
	}
	queueMany(b, into, `SELECT `+contactColumns+` FROM (`+alike("contacts x", among, scope)+`) c
		ORDER BY NOT c.is_active, searchable(@like) <<-> c.search_text, c.last_name`+icu+`, c.first_name`+icu+`, c.id LIMIT @limit`, args)
}

// likeness is what of a query is compared with names, "" when they cannot be: the shorter, the more is like it;
// the longer, the more trigrams there are to count.
func likeness(q crm.Query) string {
	like := joined(q.Firm())
	if len(like) < 4 || len(like) > 60 {
		return ""
	}
	return like
}

// compared is how many names that are written alike are looked at, at most: comparing one takes as long as reading a
// hundred, and to a common first name with a wrong letter one contact in twenty is alike.
const compared = 5000

// alike returns the SQL of the rows x in scope whose name is written like @like, for a batch of comparing: of those among
// which it is looked for the first ones that the index comes upon.
func alike(table, among, scope string) string {
	return `WITH alike AS MATERIALIZED (SELECT x.* FROM ` + table + ` WHERE ` + among + ` AND searchable(@like) <% x.search_text LIMIT ` + fmt.Sprint(compared) + `)
		SELECT x.* FROM alike x WHERE ` + scope + ` LIMIT 1000`
}

// comparing opens a batch of searching that finds what is written alike, by index only.
func comparing() *batch {
	b := searching()
	b.Queue("SET LOCAL pg_trgm.word_similarity_threshold = 0.5")
	b.byIndex(true)
	return b
}
