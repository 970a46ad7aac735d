package importer

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/archpilot/crm/internal/crm"
	"golang.org/x/text/unicode/norm"
)

// Fields are the fields that a column can be mapped to, in the order of the form.
var Fields = []string{"display_name", "legal_name", "website", "sector", "size_band", "tax_id"}

// rules name, for each field, the headers that stand for it, in folded form, the surest first: a file
// with both "Sector" and "Industry" gives its sector from the first.
var rules = map[string][]string{
	"display_name": {
		"displayname", "name", "company", "companyname", "organization", "organizationname", "organisation", "organisationname",
		"account", "accountname", "customer", "customername", "client", "clientname", "security", "ragionesociale", "azienda", "nome", "cliente",
		"denominazione", "firma", "firmenname",
	},
	"legal_name": {"legalname", "registeredname", "officialname", "denominazionelegale", "ragionesocialelegale"},
	"website":    {"website", "web", "url", "websiteurl", "homepage", "domain", "companydomainname", "sitoweb", "sito", "webseite", "website1value"},
	"sector":     {"sector", "gicssector", "industry", "settore", "branche", "attivita"},
	"size_band":  {"size", "sizeband", "employees", "employeesband", "employeeband", "companysize", "numberofemployees", "headcount", "dimensione", "dipendenti", "mitarbeiter"},
	"tax_id":     {"taxid", "taxnumber", "vat", "vatid", "vatnumber", "vatno", "partitaiva", "piva", "codicefiscale", "ustid", "ustidnr", "ein", "tin"},
}

// fold makes headers comparable: without case, accents, blanks and signs. "P. IVA" and "p_iva" are one.
func fold(s string) string {
	var b strings.Builder
	for _, r := range norm.NFKD.String(s) {
		if unicode.IsLetter(r) || unicode.IsDigit(r) {
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// mapColumns returns the field of each column, "" for those that are not taken. The caller's mapping
// comes first, then the rules; a column holds one field and a field comes from one column.
func mapColumns(header []string, mapping map[string]string) ([]string, error) {
	fields := make([]string, len(header))
	taken := map[string]bool{}
	named := map[int]bool{}
	for _, name := range slices.Sorted(maps.Keys(mapping)) {
		column, err := findColumn(header, name)
		if err != nil {
			return nil, err
		}
		field := mapping[name]
		if !slices.Contains(Fields, field) {
			return nil, crm.Fault("map", "%q is not a field; use one of %s.", field, strings.Join(Fields, ", "))
		}
		if taken[field] {
			return nil, crm.Fault("map", "Two columns are mapped to %s; keep one.", field)
		}
		if named[column] {
			return nil, crm.Fault("map", "The column %q is mapped twice; keep one.", header[column])
		}
		fields[column], taken[field], named[column] = field, true, true
	}
	for _, field := range Fields {
		if taken[field] {
			continue
		}
		if column := columnByRule(header, fields, field); column >= 0 {
			fields[column] = field
		}
	}
	if !slices.Contains(fields, "display_name") && !slices.Contains(fields, "legal_name") {
		return nil, crm.Fault("file", "No column holds the name; the columns are: %s. Map one to display_name.", list(header))
	}
	return fields, nil
}

// findColumn prefers the header as it is written to one that is the same when folded.
func findColumn(header []string, name string) (int, error) {
	if i := slices.Index(header, name); i >= 0 {
		return i, nil
	}
	for i, h := range header {
		if f := fold(h); f != "" && f == fold(name) {
			return i, nil
		}
	}
	return -1, crm.Fault("map", "The file has no column %q; the columns are: %s.", name, list(header))
}

func columnByRule(header, fields []string, field string) int {
	for _, rule := range rules[field] {
		for i, h := range header {
			if fields[i] == "" && fold(h) == rule {
				return i
			}
		}
	}
	return -1
}

// list shows the headers in a sentence, cut short when there are many.
func list(header []string) string {
	const most = 20
	shown := make([]string, 0, most)
	for _, h := range header[:min(len(header), most)] {
		if r := []rune(h); len(r) > 40 {
			h = string(r[:40]) + "…"
		}
		shown = append(shown, h)
	}
	if len(header) > most {
		shown = append(shown, "…")
	}
	return strings.Join(shown, ", ")
}
