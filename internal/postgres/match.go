package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"

	"github.com/jackc/pgx/v5"

	"github.com/archpilot/crm/internal/crm"
)

// What search and the lists' boxes ask of a text: conditions on stored search columns, and how frequent words are.

// joined returns words as they stand in a name.
func joined(words []crm.Word) string {
	spelt := make([]string, len(words))
	for i, w := range words {
		spelt[i] = w.Spellings[0]
	}
	return strings.Join(spelt, " ")
}

// words returns the condition that column holds every one of words in any of its spellings, in any order, and adds
// their patterns to args under name. One LIKE a word: LIKE ALL has no index.
func words(column, name string, words []crm.Word, starts bool, args pgx.NamedArgs) string {
	all := make([]string, len(words))
	for i, w := range words {
		spellings := make([]string, len(w.Spellings))
		for j, spelling := range w.Spellings {
			arg, before := fmt.Sprintf("%s%d_%d", name, i, j), "%"
			if starts || w.Short {
				before = "% "
			}
			args[arg] = before + literal.Replace(spelling) + "%"
			spellings[j] = column + " LIKE searchable(@" + arg + ")"
		}
		all[i] = "(" + strings.Join(spellings, " OR ") + ")"
	}
	if len(all) == 0 {
		return "FALSE"
	}
	return strings.Join(all, " AND ")
}

// matchOrganizations returns the condition that an organization's searchable text holds what q asks for, and adds
// its patterns to args: the words that are no legal form, or the number without its signs.
func matchOrganizations(column string, q crm.Query, args pgx.NamedArgs) string {
	match := words(column, "orgWord", q.Firm(), false, args)
	if q.Number == "" {
		return match
	}
	args["orgNumber"] = "%" + q.Number + "%"
	return "(" + match + " OR " + column + " LIKE searchable(@orgNumber))"
}

// matchContacts returns the condition that a contact's searchable text holds what q asks for, and adds its patterns
// to args: the words, or the digits of a telephone number.
func matchContacts(column string, q crm.Query, args pgx.NamedArgs) string {
	anywhere, end := q.Phones()
	if anywhere == "" {
		return words(column, "conWord", q.Words, false, args)
	}
	args["phone"], args["phoneEnd"] = "%"+anywhere+"%", "%"+end+"\n%"
	if len(anywhere) <= telling {
		return column + " LIKE @phone"
	}
	args["phoneTelling"] = "%" + anywhere[len(anywhere)-telling:] + "%"
	hidden := "(" + column + " || '')"
	match := hidden + " LIKE @phone"
	if end != "" {
		match = "(" + match + " OR " + hidden + " LIKE @phoneEnd)"
	}
	return "(" + column + " LIKE @phoneTelling AND " + match + ")"
}

// telling is how many digits the index is asked for: a few numbers in a million have the same six somewhere, and each further
// digit takes as long as all before it. The numbers themselves are held against what was typed.
const telling = 6

// What is asked of an interaction's subject and body.
const (
	typedWords       = `to_tsquery('simple', fold(@words))`
	interactionWords = `i.words @@ ` + typedWords
	// The same without the index, which knows the operator and not its function: for a walk.
	eachWords = `ts_match_vq(i.words, ` + typedWords + `)`
	// What the index is asked first where that is rare: all but the beginnings of three letters or fewer that stand beside
	// other words, and of compounds the parts without their order. For "de…" the index puts together all that begins so, 100 to 300 ms.
	leadingWords = `i.words @@ regexp_replace(regexp_replace(replace(` + typedWords + `::text, ' <-> ', ' & '),
		' & ''[^'']{1,3}'':\*', '', 'g'), '''[^'']{1,3}'':\* & ', '', 'g')::tsquery`
)

// inWords are signs that may stand inside a word of PostgreSQL's parser: of an address, a decimal, a compound.
const inWords = "-_./@:"

// likeQuotes are the letters that fold would make quotes of.
var likeQuotes = strings.NewReplacer("ŉ", "n", "ʹ", "", "ʺ", "", "ʻ", "", "ʼ", "", "ʽ", "", "ˈ", "")

// wordQuery turns typed text into a tsquery for interactionWords, "" when it has no word: every word typed, the
// last as the beginning of one. A word is quoted and holds letters, digits and inWords only, so that nothing in it
// is an operator.
func wordQuery(typed string) string {
	var all []string
	sign := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) }
	fields := strings.FieldsFunc(likeQuotes.Replace(typed), func(r rune) bool { return sign(r) && !strings.ContainsRune(inWords, r) })
	for _, field := range fields {
		if field = strings.TrimFunc(field, sign); field != "" && len(all) < 8 {
			all = append(all, field)
		}
	}
	for i, field := range all {
		end := "'"
		if i == len(all)-1 {
			end = "':*"
		}
		parts := strings.FieldsFunc(field, sign)
		all[i] = "'" + strings.Join(parts, "' & '") + end
		if len(parts) > 1 { // the parser may have kept it whole
			all[i] = "(" + all[i] + " | '" + field + end + ")"
		}
	}
	return strings.Join(all, " & ")
}

// rareWords reports whether few interactions hold the words asked for, as far as the planner knows. It picks a plan,
// never a right, and regardless of reach.
func (s *Store) rareWords(ctx context.Context, words string) (bool, error) {
	var f frequency
	b := searching()
	args := pgx.NamedArgs{"words": words}
	b.queuePlanned(&f, args)
	b.Queue(`SELECT (SELECT count(*) FROM (`+newestTalks+`) i WHERE `+interactionWords+`), `+allTalks, args).
		QueryRow(func(row pgx.Row) error { return row.Scan(&f.near, &f.all) })
	err := b.send(ctx, s.db)
	return f.rare(), translate(err)
}

// frequency is how common the words of a query are among interactions.
type frequency struct {
	with, all float64 // how many hold them, and how many there are, as the planner sees it: it knows the commonest words
	leading   float64 // how many hold the leading ones
	near      int     // how many of the newest hold them
}

// gathered returns the conditions of interactions that the words' index gathers.
func (f frequency) gathered(words string) string {
	if strings.Contains(words, " & ") && f.leading*500 < f.all {
		return leadingWords + " AND " + eachWords
	}
	return interactionWords
}

// rare reports whether the words' index is to be asked, and what it gives sorted. Of words that more than one
// interaction in five hundred holds, walking from the newest soon finds a page. The planner takes a word it does not know
// for half as common as the rarest it knows, which may be a lot; then the newest have a say.
func (f frequency) rare() bool {
	return f.with <= rareTerm || f.with*500 < f.all || f.with*100 < f.all && f.near == 0
}

// newestTalks are the interactions that are looked at first, allTalks how many there are, as the planner sees it.
const (
	newestTalks = `SELECT i.id, i.user_id, i.organization_id, i.contact_id, i.words FROM interactions i ORDER BY i.happened_at DESC, i.id DESC LIMIT 1000`
	allTalks    = `(SELECT reltuples FROM pg_class WHERE oid = 'interactions'::regclass)::float8`
)

// queuePlanned asks the planner how many interactions hold the words, and the leading ones.
func (b *batch) queuePlanned(f *frequency, args pgx.NamedArgs) {
	b.Queue(`EXPLAIN (FORMAT JSON) SELECT FROM interactions i WHERE `+interactionWords+` UNION ALL SELECT FROM interactions i WHERE `+leadingWords, args).QueryRow(func(row pgx.Row) error {
		var answer []byte
		if err := row.Scan(&answer); err != nil {
			return err
		}
		type plan struct {
			Rows float64 `json:"Plan Rows"`
		}
		var plans []struct{ Plan struct{ Plans []plan } }
		if err := json.Unmarshal(answer, &plans); err != nil {
			return fmt.Errorf("the planner's answer: %w", err)
		}
		for _, p := range plans {
			if both := p.Plan.Plans; len(both) == 2 {
				f.with, f.leading = both[0].Rows, both[1].Rows
			}
		}
		return nil
	})
}

// literal escapes LIKE's wildcards, and the letters that fold would make into one.
var literal = strings.NewReplacer(
	`\`, `\\`, "∖", `\\`, "﹨", `\\`, "＼", `\\`,
	"%", `\%`, "﹪", `\%`, "％", `\%`,
	"_", `\_`, "＿", `\_`,
)
