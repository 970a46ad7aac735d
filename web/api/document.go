package api

import (
	"bytes"
	"cmp"
	"encoding/json"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/paths"
)

const documentPath = "/openapi.json"

// version is the API's own: it grows when something is added, and its first number when something is taken away.
const version = "1.2.0"

// about stands at the head of the document.
const about = `The register of a firm's clients, for programs. Each call acts as the user of its token, with the rights that
both have, and leaves the same audit rows as that user's own hand would.

Lists are bare arrays; the Link header leads to the next page. Empty columns are null. Times are RFC 3339 in UTC. A record out
of the user's reach answers 404, like one that does not exist. A PATCH changes the fields that it names; null empties one.
If-Match makes a change depend on the version it was made of, and Idempotency-Key makes it safe to send a creating request again.`

// config is huma's without its pages, its links to schemas in every body, and its own paths for the document.
func config() huma.Config {
	c := huma.DefaultConfig("ArchPilot CRM", version)
	c.OpenAPIPath, c.DocsPath, c.SchemasPath, c.CreateHooks = "", "", "", nil
	c.Info.Description = about
	c.Info.License = &huma.License{Name: "Proprietary", Identifier: "LicenseRef-Proprietary"}
	c.Info.Contact = &huma.Contact{Name: "The administrator of this register"}
	c.Servers = []*huma.Server{{URL: paths.API, Description: "This very server"}}
	c.Components.SecuritySchemes = map[string]*huma.SecurityScheme{
		"token": {Type: "http", Scheme: "bearer", BearerFormat: "crm_pat_…", Description: "An API token, made under My account"},
	}
	c.Security = []map[string][]string{{"token": {}}}
	c.Tags = []*huma.Tag{
		{Name: "Organizations", Description: "The clients, who works there, and what was talked about"},
		{Name: "Contacts", Description: "The people"},
		{Name: "Interactions", Description: "Calls, meetings, e-mails and notes"},
		{Name: "Follow-ups", Description: "What is to be done"},
		{Name: "Me", Description: "The caller"},
	}
	return c
}

// described returns the words of an operation for huma, with every answer it can give.
func (s *Server) described(op operation, status int) huma.Operation {
	if op.method == http.MethodDelete {
		status = http.StatusNoContent
	}
	tag, _, _ := strings.Cut(strings.TrimPrefix(op.path, "/"), "/")
	failures := []int{
		http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusTooManyRequests,
		http.StatusInternalServerError, http.StatusServiceUnavailable,
	}
	if strings.Contains(op.path, "{") {
		failures = append(failures, http.StatusNotFound)
	}
	if op.method != http.MethodGet && status != http.StatusCreated {
		failures = append(failures, http.StatusConflict, http.StatusPreconditionFailed)
	}
	return huma.Operation{
		Method: op.method, Path: op.path, OperationID: op.id, Summary: op.summary, Description: op.summary + ". " + op.needs.words(),
		Tags: []string{strings.ToUpper(tag[:1]) + tag[1:]}, DefaultStatus: status, Errors: failures, SkipValidateParams: true,
		Middlewares: huma.Middlewares{func(ctx huma.Context, next func(huma.Context)) { s.admit(op, ctx, next) }},
	}
}

// words says what an operation takes.
func (a *access) words() string {
	if len(a.permissions) == 0 {
		return "Needs no permission but a live token."
	}
	names := make([]string, len(a.permissions))
	for i, p := range a.permissions {
		names[i] = string(p)
	}
	return "Needs " + strings.Join(names, " and ") + "."
}

// bodySchema describes the fields of B; those that a new record must have are required in one that makes it.
func bodySchema[B any](a huma.API, making bool) *huma.Schema {
	s := huma.SchemaFromType(a.OpenAPI().Components.Schemas, reflect.TypeFor[B]())
	if !making {
		s.Required = nil
	}
	return s
}

// describe finishes the document once all operations are in it, and returns it as it is served.
func describe(o *huma.OpenAPI) []byte {
	for _, item := range o.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Post, item.Patch, item.Delete} {
			if op == nil {
				continue
			}
			for _, p := range op.Parameters {
				if p.In == "path" { // told, not checked: what is no id is simply not found
					told := *p.Schema
					told.Format = "uuid"
					p.Schema = &told
				}
			}
			for status, r := range op.Responses {
				r.Description = cmp.Or(r.Description, status)
			}
		}
	}
	raw, err := json.Marshal(o)
	if err != nil {
		panic("api: " + err.Error())
	}
	var out bytes.Buffer
	if err := json.Indent(&out, raw, "", "  "); err != nil {
		panic("api: " + err.Error())
	}
	out.WriteByte('\n')
	return out.Bytes()
}

// serveDocument answers with the OpenAPI document, to anyone: it says nothing of any record.
func (s *Server) serveDocument(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=300")
	_, _ = w.Write(s.document) // the client may be gone
}

// Document returns the OpenAPI document as it is served.
func (s *Server) Document() []byte { return s.document }

// Operation is one line of the table, for tests that hold it against what is served.
type Operation struct {
	Method, Path, ID string
	Needs            []authz.Permission
}

// Operations returns the table.
func (s *Server) Operations() []Operation {
	all := make([]Operation, len(s.operations))
	for i, op := range s.operations {
		all[i] = Operation{op.method, paths.API + op.path, op.id, slices.Clone(op.needs.permissions)}
	}
	return all
}
