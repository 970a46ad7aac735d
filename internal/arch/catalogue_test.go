package arch

import (
	"bytes"
	"flag"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "rewrite internal/l10n/catalogue/en.txt")

// catalogue lists every sentence a person can be shown, one per line, quoted as in Go and sorted. It is what
// a translator works from, and its diff shows each change of wording.
const catalogue = root + "/internal/l10n/catalogue/en.txt"

// speaker is a function or a method whose arguments are sentences, by its bare name.
type speaker struct {
	args   []int    // which arguments are sentences
	in     []string // the packages where the name means this function; nil for all
	min    int      // arguments at least, where others have the same name
	method bool     // never a function or a variable of that name
}

var speakers = map[string]speaker{
	"T":         {args: []int{0}},
	"N":         {args: []int{1, 2}},
	"Msg":       {args: []int{0}},
	"Fault":     {args: []int{1}},
	"Add":       {args: []int{1}, min: 2},                                          // Invalid's; time's and counters' take one argument
	"t":         {args: []int{0}, in: []string{"web"}},                             // visit's
	"reference": {args: []int{1}, in: []string{"web", "web/api"}},                  // of visit and of fields
	"record":    {args: []int{2}, method: true, in: []string{"web/api"}},           // of filters
	"require":   {args: []int{2}, in: []string{"internal/crm"}},                    // Invalid's
	"keep":      {args: []int{2}, method: true, in: []string{"internal/postgres"}}, // undo's: why it kept something
	"stays":     {args: []int{2}, in: []string{"internal/postgres"}},               // undo's
	"without":   {args: []int{1}, in: []string{"internal/postgres"}},               // in undo.insertable
}

// tellers are struct types of which one field is a sentence: its name, and its place in a literal without names.
var tellers = map[string]struct {
	field string
	place int
}{
	"Weak":    {"Text", 0}, // why a password is weak
	"Message": {"Text", 0},
}

// tables are variables whose literal holds structs with a sentence, by its place.
var tables = map[string]int{"constraintFaults": 1}

// forwarders pass on a sentence that they were given; the test looks at who calls them instead.
var forwarders = []string{
	"internal/crm.Fault", "internal/crm.Invalid.Add", "internal/crm.Invalid.require", "internal/crm.Msg",
	"internal/postgres.translate", // from constraintFaults
	"internal/postgres.undo.insertable", "internal/postgres.undo.keep", "internal/postgres.undo.stays",
	"templates.Page.M", "templates.Page.T",
	"web.Server.chosenPassword", // from password.Weak
	"web/api.fields.reference", "web/api.filters.record",
	"web.visit.reference", "web.visit.t",
}

func TestCatalogueIsCurrent(t *testing.T) {
	t.Parallel()
	found := sentencesOf(t)
	for _, f := range forwarders {
		if !found.forwarded[f] {
			t.Errorf("%s is listed as a forwarder of sentences but forwards none: remove it from forwarders", f)
		}
	}
	if len(found.keys) < 200 {
		t.Fatalf("found only %d sentences: are the speakers still called what this test thinks?", len(found.keys))
	}
	var want bytes.Buffer
	for _, key := range slices.Sorted(maps.Keys(found.keys)) {
		fmt.Fprintln(&want, strconv.Quote(key))
	}
	if *update {
		if err := os.WriteFile(catalogue, want.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := os.ReadFile(catalogue)
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Equal(got, want.Bytes()) {
		return
	}
	listed := strings.Split(strings.TrimSpace(string(got)), "\n")
	for key, where := range found.keys {
		if !slices.Contains(listed, strconv.Quote(key)) {
			t.Errorf("%s: %q is not in the catalogue", where, key)
		}
	}
	for _, line := range listed {
		if key, err := strconv.Unquote(line); err != nil || found.keys[key] == "" {
			t.Errorf("the catalogue lists %s, which nobody says", line)
		}
	}
	t.Error("the catalogue is not current: run go test ./internal/arch -update and look at the diff")
}

// sentences are what the sources say to people.
type sentences struct {
	t         *testing.T
	keys      map[string]string // sentence to a place where it is said
	forwarded map[string]bool
	files     *token.FileSet
	dir       string // the package being read
	function  string // the function being read, "" outside
}

func sentencesOf(t *testing.T) *sentences {
	t.Helper()
	s := &sentences{t: t, keys: map[string]string{}, forwarded: map[string]bool{}, files: token.NewFileSet()}
	for _, s.dir = range ourDirs(t) {
		for _, name := range glob(t, s.dir, "*.go") {
			if strings.HasSuffix(name, "_test.go") {
				continue
			}
			file, err := parser.ParseFile(s.files, name, nil, parser.SkipObjectResolution)
			if err != nil {
				t.Fatal(err)
			}
			for _, d := range file.Decls {
				s.read(d)
			}
		}
	}
	return s
}

// read collects the sentences of one declaration.
func (s *sentences) read(d ast.Decl) {
	s.function = ""
	if f, is := d.(*ast.FuncDecl); is {
		s.function = s.dir + "." + receiver(f) + f.Name.Name
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.CallExpr:
			s.call(n)
		case *ast.CompositeLit:
			s.literal(n)
		case *ast.ValueSpec:
			s.table(n)
		}
		return true
	})
}

func (s *sentences) call(c *ast.CallExpr) {
	speaker, known := speakers[lastName(c.Fun)]
	if _, selected := c.Fun.(*ast.SelectorExpr); speaker.method && !selected {
		return
	}
	if !known || len(c.Args) < speaker.min || speaker.in != nil && !slices.Contains(speaker.in, s.dir) {
		return
	}
	for _, i := range speaker.args {
		if i < len(c.Args) {
			s.say(c.Args[i])
		}
	}
}

// literal reads Weak{…}, Message{…} and the elements of []Weak{{…}}.
func (s *sentences) literal(c *ast.CompositeLit) {
	elements := []ast.Expr{c}
	typ := c.Type
	if a, is := typ.(*ast.ArrayType); is {
		elements, typ = c.Elts, a.Elt
	}
	teller, known := tellers[lastName(typ)]
	if !known {
		return
	}
	for _, e := range elements {
		if lit, is := e.(*ast.CompositeLit); is {
			s.field(lit, teller.field, teller.place)
		}
	}
}

// table reads the sentences of a variable such as constraintFaults.
func (s *sentences) table(v *ast.ValueSpec) {
	place, known := tables[v.Names[0].Name]
	if !known || len(v.Values) != 1 {
		return
	}
	all, is := v.Values[0].(*ast.CompositeLit)
	if !is {
		return
	}
	for _, e := range all.Elts {
		if pair, is := e.(*ast.KeyValueExpr); is {
			e = pair.Value
		}
		if lit, is := e.(*ast.CompositeLit); is {
			s.field(lit, "text", place)
		}
	}
}

func (s *sentences) field(lit *ast.CompositeLit, name string, place int) {
	for i, e := range lit.Elts {
		pair, named := e.(*ast.KeyValueExpr)
		switch {
		case !named && i == place:
			s.say(e)
		case named && lastName(pair.Key) == name:
			s.say(pair.Value)
		}
	}
}

// say notes a sentence; one that is no literal is at fault, unless its function forwards what it was given.
func (s *sentences) say(e ast.Expr) {
	where := s.files.Position(e.Pos())
	key, literal := stringOf(e)
	switch {
	case !literal && slices.Contains(forwarders, s.function):
		s.forwarded[s.function] = true
	case !literal:
		s.t.Errorf("%s:%d: a sentence for people must be a string literal, so that the catalogue has it; a function that only passes one on is listed in forwarders",
			where.Filename, where.Line)
	case s.keys[key] == "":
		s.keys[key] = fmt.Sprintf("%s:%d", where.Filename, where.Line)
	}
}

// stringOf returns the value of a string literal or of literals added up.
func stringOf(e ast.Expr) (string, bool) {
	switch e := e.(type) {
	case *ast.BasicLit:
		value, err := strconv.Unquote(e.Value)
		return value, err == nil && e.Kind == token.STRING
	case *ast.BinaryExpr:
		left, okLeft := stringOf(e.X)
		right, okRight := stringOf(e.Y)
		return left + right, okLeft && okRight && e.Op == token.ADD
	}
	return "", false
}

// lastName is the last name of an expression: T of p.L.T.
func lastName(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.Ident:
		return e.Name
	case *ast.SelectorExpr:
		return e.Sel.Name
	}
	return ""
}

// receiver returns "Page." for a method of Page or *Page, "" for a function.
func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return ""
	}
	typ := f.Recv.List[0].Type
	if star, is := typ.(*ast.StarExpr); is {
		typ = star.X
	}
	return lastName(typ) + "."
}
