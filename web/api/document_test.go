package api_test

import (
	"encoding/json"
	"flag"
	"maps"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/google/go-cmp/cmp"

	"github.com/archpilot/crm/web/api"
)

var update = flag.Bool("update", false, "rewrite docs/openapi.json")

// published is a copy of the document that lies in the repository, so that every change of the API is a line in a
// diff, and programs can be written without a server.
const published = "../../docs/openapi.json"

func newServer() *api.Server {
	return api.New(api.Options{Zone: time.UTC, Now: time.Now})
}

func TestDocumentIsPublished(t *testing.T) {
	t.Parallel()
	got := newServer().Document()
	if *update {
		if err := os.WriteFile(published, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(published)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(string(want), "\n"), strings.Split(string(got), "\n")); diff != "" {
		t.Errorf("the API has changed (- docs/openapi.json, + now); when each line is meant, run go test ./web/api -run TestDocument -update:\n%s", diff)
	}
}

// TestOnlyTheTableIsServed holds the table of operations against the router and the document.
func TestOnlyTheTableIsServed(t *testing.T) {
	t.Parallel()
	s := newServer()
	var want, routed, documented []string
	for _, op := range s.Operations() {
		want = append(want, op.Method+" "+op.Path+" "+op.ID)
	}
	for path, item := range readDocument(t).Paths {
		for method, op := range item {
			documented = append(documented, strings.ToUpper(method)+" /api/crm"+path+" "+op.OperationID)
		}
	}
	err := chi.Walk(s.Router(), func(method, pattern string, _ http.Handler, _ ...func(http.Handler) http.Handler) error {
		if pattern != "/crm/openapi.json" {
			routed = append(routed, method+" "+api.Root+pattern)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(want)
	slices.Sort(routed)
	slices.Sort(documented)
	if diff := cmp.Diff(want, documented); diff != "" {
		t.Errorf("the document (+) lists something else than the table (-):\n%s", diff)
	}
	for i := range want {
		want[i] = want[i][:strings.LastIndex(want[i], " ")]
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, routed); diff != "" {
		t.Errorf("the router (+) serves something else than the table (-):\n%s", diff)
	}
}

type document struct {
	OpenAPI    string
	Info       map[string]any
	Servers    []map[string]any
	Security   []map[string][]string
	Tags       []struct{ Name, Description string }
	Paths      map[string]map[string]described
	Components struct {
		Schemas         map[string]any
		SecuritySchemes map[string]any
	}
}

type described struct {
	OperationID, Summary, Description string
	Tags                              []string
	Parameters                        []struct {
		Name, In, Description string
		Required              bool
		Schema                map[string]any
	}
	RequestBody struct {
		Required bool
		Content  map[string]struct{ Schema map[string]any }
	}
	Responses map[string]struct {
		Description string
		Content     map[string]struct{ Schema map[string]any }
		Headers     map[string]any
	}
}

func readDocument(t *testing.T) document {
	t.Helper()
	var d document
	if err := json.Unmarshal(newServer().Document(), &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// TestDocumentIsWhole checks what a linter would, without one.
func TestDocumentIsWhole(t *testing.T) {
	t.Parallel()
	d := readDocument(t)
	if !strings.HasPrefix(d.OpenAPI, "3.1.") || d.Info["title"] == "" || d.Info["license"] == nil || len(d.Servers) != 1 || d.Servers[0]["url"] != "/api/crm" {
		t.Errorf("OpenAPI %s, info %v, servers %v", d.OpenAPI, d.Info, d.Servers)
	}
	if len(d.Security) != 1 || len(d.Components.SecuritySchemes) != 1 {
		t.Errorf("security %v, schemes %v", d.Security, d.Components.SecuritySchemes)
	}
	var tags, ids []string
	for _, tag := range d.Tags {
		tags = append(tags, tag.Name)
	}
	for path, item := range d.Paths {
		for method, op := range item {
			what := method + " " + path
			if ids = append(ids, op.OperationID); op.OperationID == "" || op.Summary == "" || op.Description == "" || len(op.Tags) != 1 || !slices.Contains(tags, op.Tags[0]) {
				t.Errorf("%s: id %q, summary %q, description %q, tags %v", what, op.OperationID, op.Summary, op.Description, op.Tags)
			}
			for _, status := range []string{"401", "403", "422", "429", "500", "503"} {
				if op.Responses[status].Content["application/problem+json"].Schema["$ref"] != "#/components/schemas/Problem" {
					t.Errorf("%s does not describe its %s as a problem", what, status)
				}
			}
			for _, p := range op.Parameters {
				if p.Description == "" && p.Schema["enum"] == nil {
					t.Errorf("%s: nothing tells of parameter %s", what, p.Name)
				}
				if in := strings.Contains(path, "{"+p.Name+"}"); in != (p.In == "path") || in != p.Required {
					t.Errorf("%s: parameter %s is said to be in the %s", what, p.Name, p.In)
				}
			}
			body := op.RequestBody.Content["application/json"].Schema
			if takes := op.Responses["415"].Description != ""; takes != (body != nil) || takes && (!op.RequestBody.Required || body["additionalProperties"] != false || body["type"] != "object") {
				t.Errorf("%s: body %v", what, body)
			}
			success := slices.DeleteFunc(slices.Collect(maps.Keys(op.Responses)), func(s string) bool { return s[0] != '2' })
			if len(success) != 1 || (success[0] == "204") != (op.Responses[success[0]].Content == nil) || success[0] == "201" && op.Responses["201"].Headers["Location"] == nil {
				t.Errorf("%s: answers %v", what, success)
			}
		}
	}
	slices.Sort(ids)
	if len(slices.Compact(slices.Clone(ids))) != len(ids) {
		t.Errorf("an operationId is there twice: %v", ids)
	}
}

// TestNoReferenceDangles follows every $ref, and sees that every schema is referred to.
func TestNoReferenceDangles(t *testing.T) {
	t.Parallel()
	var all any
	if err := json.Unmarshal(newServer().Document(), &all); err != nil {
		t.Fatal(err)
	}
	used := map[string]bool{}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case map[string]any:
			if ref, is := v["$ref"].(string); is {
				used[ref] = true
			}
			if v["$schema"] != nil {
				t.Error("there is a $schema link, which would stand in every body")
			}
			for _, child := range v {
				walk(child)
			}
		case []any:
			for _, child := range v {
				walk(child)
			}
		}
	}
	walk(all)
	for name := range readDocument(t).Components.Schemas {
		if ref := "#/components/schemas/" + name; !used[ref] {
			t.Errorf("nothing refers to schema %s", name)
		} else {
			delete(used, ref)
		}
	}
	for ref := range used {
		t.Errorf("%s refers to nothing", ref)
	}
}
