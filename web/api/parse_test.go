package api

import (
	"errors"
	"net/url"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
)

func schemaOf[B any]() *huma.Schema {
	return huma.SchemaFromType(huma.NewMapRegistry("#/", huma.DefaultSchemaNamer), reflect.TypeFor[B]())
}

func TestReadFields(t *testing.T) {
	t.Parallel()
	schema := schemaOf[newOrganization]()
	for body, want := range map[string]string{
		`{}`:                                  "",
		` {"legal_name":"A\u0020B"} ` + "\n":  "",
		`{"legal_name":null}`:                 "",
		`{"legal_name":"\uD83D\uDE00"}`:       "",
		`{"legal_name":"` + "\uFFFD" + `"}`:   "",
		``:                                    "syntax",
		`null`:                                "syntax",
		`[]`:                                  "syntax",
		`"x"`:                                 "syntax",
		`{`:                                   "syntax",
		`{"legal_name"}`:                      "syntax",
		`{"legal_name":"A",}`:                 "syntax",
		`{"legal_name":"A"}{}`:                "syntax",
		`{"legal_name":"A"} x`:                "syntax",
		`{"legal_name":"A`:                    "syntax",
		`{'legal_name':'A'}`:                  "syntax",
		`{"legal_name":{"a":[}`:               "syntax",
		"{\"legal_name\":\"\xff\"}":           "syntax",
		"\ufeff{}":                            "syntax",
		`{"legal_name":NaN}`:                  "syntax",
		`{"Legal_Name":"A"}`:                  "Legal_Name",
		`{"id":"A"}`:                          "id",
		`{"version":7}`:                       "version",
		`{"is_active":false}`:                 "is_active",
		`{"created_at":"2020-01-01"}`:         "created_at",
		`{"legal_name":"A","legal_name":"B"}`: "legal_name",
		`{"legal_name":"A","legal_n\u0061me":"B"}`: "legal_name",
		`{"legal_name":1}`:                         "legal_name",
		`{"legal_name":1e999999999}`:               "legal_name",
		`{"legal_name":true}`:                      "legal_name",
		`{"legal_name":["A"]}`:                     "legal_name",
		`{"legal_name":{"legal_name":"A"}}`:        "legal_name",
		`{"legal_name":"\u0000"}`:                  "legal_name",
		`{"legal_name":"\ud800"}`:                  "legal_name",
		`{"\u0000":"A"}`:                           "",
		`{"` + strings.Repeat("x", 100) + `":"A"}`: "",
		`{"legal_name":` + strings.Repeat("[", 9000) + strings.Repeat("]", 9000) + `}`: "legal_name",
		`{"legal_name":` + strings.Repeat("[", 200_000):                                "syntax",
	} {
		f, err := readFields([]byte(body), schema)
		got := ""
		var broken syntax
		var invalid crm.Invalid
		switch {
		case errors.As(err, &broken):
			got = "syntax"
		case errors.As(err, &invalid):
			for field := range invalid {
				got = field
			}
		case err != nil || f == nil:
			got = "error"
		}
		if len(body) > 60 {
			body = body[:60] + "…"
		}
		if got != want {
			t.Errorf("%s: at fault is %q (%v), want %q", body, got, err, want)
		}
	}
}

// FuzzFields reads any body: it is taken only whole, as known fields with storable text.
func FuzzFields(f *testing.F) {
	for _, body := range []string{`{"legal_name":"A","owner_user_id":null}`, `{"a":[{}],"b":1e9}`, `{"legal_name":"\ud83d\ude00"}`, `{"x":"\ud800"}`, `[`, `{"legal_name":"A"}x`} {
		f.Add([]byte(body))
	}
	schema := schemaOf[newOrganization]()
	f.Fuzz(func(t *testing.T, body []byte) {
		got, err := readFields(body, schema)
		var invalid crm.Invalid
		var broken syntax
		if err != nil {
			if !errors.As(err, &invalid) && !errors.As(err, &broken) {
				t.Fatalf("%q: %v", body, err)
			}
			if p := problemOf(err); p.Status != 400 && p.Status != 422 {
				t.Fatalf("%q: %d", body, p.Status)
			}
			return
		}
		for name, text := range got.given {
			if schema.Properties[name] == nil || !crm.Storable(text) {
				t.Errorf("%q: field %q is taken as %q", body, name, text)
			}
		}
		var o crm.Organization
		newOrganization{}.apply(got, &call{zone: time.UTC}, &o)
		o.Clean()
		_ = o.Validate()
	})
}

// FuzzCursor reads any cursor: it is refused, or it is one that we make.
func FuzzCursor(f *testing.F) {
	c := &call{path: "/api/crm/organizations", query: url.Values{"q": {"x"}}}
	for _, key := range []string{"Granvik", "", "2026-11-22T15:04:05Z", "a\x1fb"} {
		f.Add(c.cursor(crm.Page{Key: key, ID: uuid.New()}))
	}
	f.Add("AAAA")
	f.Fuzz(func(t *testing.T, text string) {
		p, err := c.page(Place{Limit: 50, Cursor: text})
		var invalid crm.Invalid
		if err != nil && !errors.As(err, &invalid) {
			t.Fatalf("%q: %v", text, err)
		}
		if err == nil && text != "" && (c.cursor(p) != text || p.First() || !utf8.ValidString(p.Key)) {
			t.Errorf("%q is taken as %v", text, p)
		}
	})
}

func TestCursorBelongsToItsList(t *testing.T) {
	t.Parallel()
	at := crm.Page{Key: "Granvik", ID: uuid.New()}
	list := func(path, query string) *call {
		q, err := url.ParseQuery(query)
		if err != nil {
			t.Fatal(err)
		}
		return &call{path: path, query: q}
	}
	made := list("/api/crm/organizations", "q=x&limit=50").cursor(at)
	for _, same := range []string{"q=x&limit=50", "q=x", "q=x&limit=7&cursor=y", "q=x&owner="} {
		if p, err := list("/api/crm/organizations", same).page(Place{Limit: 7, Cursor: made}); err != nil || p.ID != at.ID || p.Key != at.Key || p.Size != 7 {
			t.Errorf("%s: %v, %v", same, p, err)
		}
	}
	for path, query := range map[string]string{"/api/crm/contacts": "q=x", "/api/crm/organizations": "q=y"} {
		if _, err := list(path, query).page(Place{Limit: 50, Cursor: made}); err == nil {
			t.Errorf("%s?%s takes the cursor of another list", path, query)
		}
	}
	for i := range made {
		if other := made[:i] + string(made[i]^1) + made[i+1:]; true {
			if _, err := list("/api/crm/organizations", "q=x").page(Place{Limit: 50, Cursor: other}); err == nil {
				t.Errorf("a cursor with character %d changed is taken", i)
			}
		}
	}
}

func TestMatches(t *testing.T) {
	t.Parallel()
	for header, want := range map[string]bool{
		"": true, "*": true, `"3"`: true, `"2", "3"`: true, `"2","3"`: true,
		`"2"`: false, "3": false, `W/"3"`: false, `"03"`: false, `"3`: false, ",": false, `"-3"`: false,
	} {
		if got := matches(header, 3); got != want {
			t.Errorf("If-Match: %s lets version 3 through: %v, want %v", header, got, want)
		}
	}
}
