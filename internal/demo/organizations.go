package demo

import (
	"maps"
	"slices"
	"strings"
	"unicode"

	"github.com/archpilot/crm/internal/crm"
	"golang.org/x/text/unicode/norm"
)

// bandWeights follow crm.SizeBands: most clients are small.
var bandWeights = []float64{17, 34, 27, 14, 6, 2}

// organizations makes the clients, each with a name and a website that no other has.
func (g *generator) organizations() {
	sectors := slices.Sorted(maps.Keys(sectorWords))
	sectorWeights, weights := make([]float64, len(sectors)), make([]float64, len(countries))
	for i := range sectors {
		sectorWeights[i] = 1 / float64(3+(i*7)%len(sectors)) // some sectors are larger, in no order
	}
	for i, c := range countries {
		weights[i] = c.weight
	}
	taken := map[string]bool{}
	for i := range organizationCount {
		sector := sectors[i%len(sectors)]
		if i >= 2*len(sectors) { // every sector has two at least
			sector = sectors[g.weighted(sectorWeights)]
		}
		c := countries[g.weighted(weights)]
		name := g.companyName(c, sector)
		for taken[slug(name)] {
			name = g.companyName(c, sector)
		}
		taken[slug(name)] = true
		g.countries = append(g.countries, c)
		g.data.Organizations = append(g.data.Organizations, g.organization(i, c, name, sector))
	}
}

func (g *generator) organization(i int, c *country, name, sector string) crm.Organization {
	o := crm.Organization{
		ID: id("organization", i), DisplayName: name, LegalName: name + " " + pick(g, c.forms),
		Website: "https://" + slug(name) + ".example", Sector: sector, SizeBand: crm.SizeBands[g.weighted(bandWeights)],
		TaxID: g.fill(c.tax), OwnerUserID: g.owner(), IsActive: i%20 != 7, Version: 1,
	}
	if g.chance(0.05) {
		o.Website = ""
	}
	if g.chance(0.1) {
		o.TaxID = ""
	}
	return o
}

// companyName returns a name as firms of the country and sector bear them.
func (g *generator) companyName(c *country, sector string) string {
	family, trade := pick(g, c.surnames), pick(g, strings.Split(sectorWords[sector][c.column], ","))
	switch n := g.IntN(10); {
	case n == 0:
		return family + " & " + pick(g, c.surnames) + " " + trade
	case n == 1:
		return trade + " " + pick(g, c.cities)
	case n <= 4 && c.trailing:
		return trade + " " + family
	}
	return family + " " + trade
}

// fill replaces each "#n" in a pattern by n random digits.
func (g *generator) fill(pattern string) string {
	head, rest, found := strings.Cut(pattern, "#")
	if !found {
		return pattern
	}
	n := strings.IndexFunc(rest, func(r rune) bool { return !unicode.IsDigit(r) })
	if n < 0 {
		n = len(rest)
	}
	count := 0
	for _, d := range rest[:n] {
		count = count*10 + int(d-'0')
	}
	return head + g.digits(count) + g.fill(rest[n:])
}

// unaccented maps the letters that decomposition leaves alone.
var unaccented = strings.NewReplacer("ł", "l", "ø", "o", "ß", "ss", "æ", "ae", "đ", "d")

// slug returns a name as the label of a domain: lower-case ASCII, digits and single hyphens.
func slug(name string) string {
	var b strings.Builder
	for _, r := range norm.NFD.String(unaccented.Replace(strings.ToLower(name))) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case unicode.Is(unicode.Mn, r):
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	return strings.TrimSuffix(b.String(), "-")
}
