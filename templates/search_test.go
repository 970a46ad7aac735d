package templates

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/archpilot/crm/internal/crm"
)

// TestASearchMarksWhatMatched holds that a name reads as it is written, with what was looked for marked and nothing in it markup.
func TestASearchMarksWhatMatched(t *testing.T) {
	t.Parallel()
	o := sampleOrganization
	o.DisplayName, o.TaxID = "Società <b>Granvik</b>", "IT 123.456"
	c := sampleContact
	c.Phone, c.Email, c.IsActive = "+39 (02) 123", "", false
	i := crm.Interaction{Subject: "Renewal", Body: "They said: granvik <i>again</i>"}
	for query, want := range map[string]string{
		"vik":     "Società &lt;b&gt;Gran<mark>vik</mark>&lt;/b&gt;</a>",
		"societa": "<mark>Società</mark> &lt;b&gt;Granvik",
		"123456":  "<mark>123.456</mark>",
		"02 123":  "+39 (<mark>02) 123</mark>",
		"granvik": "They said: <mark>granvik</mark> &lt;i&gt;again&lt;/i&gt;",
	} {
		var b bytes.Buffer
		p := SearchPage{Page: samplePage(), Query: query, Organizations: []crm.Organization{o}, Contacts: []crm.ContactRow{{Contact: c}}, Interactions: []crm.Interaction{i}, MoreContacts: true}
		if err := Search(p).Render(context.Background(), &b); err != nil {
			t.Fatal(err)
		}
		for _, part := range []string{want, "Archived", "The first 1 of many", `href="/contacts?q=`, `href="#interactions"`} {
			if !strings.Contains(b.String(), part) {
				t.Errorf("the page for %q has no %s", query, part)
			}
		}
	}
}
