package importer

import (
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/encoding/charmap"
	"golang.org/x/text/encoding/unicode"
)

// sample opens one of the files that stand beside the checkout; they are not part of it.
func sample(t *testing.T, name string) *os.File {
	t.Helper()
	path := filepath.Join("..", "..", "..", "shared", "data", filepath.FromSlash(name))
	f, err := os.Open(path)
	if err != nil {
		t.Skipf("sample data is absent: %v", err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func read(t *testing.T, text string, opts Options) *File {
	t.Helper()
	f, err := Organizations(strings.NewReader(text), opts)
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	return f
}

func TestSameRowsInEveryEncoding(t *testing.T) {
	t.Parallel()
	var want []Row
	for _, tt := range []struct {
		name   string
		format Format
	}{
		{"csv/unix-utf8-comma-lf.csv", Format{UTF8, ','}},
		{"csv/excel-it-windows1252-semicolon.csv", Format{Windows1252, ';'}},
		{"csv/excel-unicode-text-utf16le-tab.txt", Format{UTF16LE, '\t'}},
	} {
		f, err := Organizations(sample(t, tt.name), Options{})
		if err != nil {
			t.Fatalf("%s: %v", tt.name, err)
		}
		if f.Format != tt.format || len(f.Rejected) != 0 || len(f.Rows) < 3 {
			t.Errorf("%s: format %v, %d rows, rejected %v", tt.name, f.Format, len(f.Rows), f.Rejected)
		}
		if want == nil {
			want = f.Rows
			continue
		}
		if diff := cmp.Diff(want, f.Rows); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tt.name, diff)
		}
	}
	if got := want[0]; got.DisplayName != "Caffè Perù S.r.l." || got.LegalName != got.DisplayName || got.TaxID != "12345678903" || got.Line != 2 {
		t.Errorf("first row %+v", got)
	}
}

func TestRealCompanies(t *testing.T) {
	t.Parallel()
	for _, opts := range []Options{{}, {Map: map[string]string{"Security": "display_name", "gics_sector": "sector"}}} {
		f, err := Organizations(sample(t, "companies/sp500-constituents.csv"), opts)
		if err != nil {
			t.Fatal(err)
		}
		if len(f.Rows) != 503 || len(f.Rejected) != 0 || f.Rows[0].DisplayName != "3M" || f.Rows[0].Sector != "Industrials" {
			t.Errorf("%v: %d rows, %d rejected, first %+v", opts.Map, len(f.Rows), len(f.Rejected), f.Rows[0])
		}
		if !cmp.Equal(f.Ignored, []string{"Symbol", "GICS Sub-Industry", "Headquarters Location", "Date added", "CIK", "Founded"}) {
			t.Errorf("ignored %q", f.Ignored)
		}
	}
}

func TestRaggedFile(t *testing.T) {
	t.Parallel()
	f, err := Organizations(sample(t, "csv/broken-ragged-rows.csv"), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if len(f.Rows) != 1 || f.Rows[0].DisplayName != "Gamma" || f.Rows[0].Line != 6 {
		t.Errorf("rows %+v", f.Rows)
	}
	want := []Rejected{
		{2, []string{"Acme", "a@x.example"}, []string{"The row has 2 cells; the header has 3."}},
		{3, []string{"Beta", "b@x.example", "1", "EXTRA"}, []string{"The row has 4 cells; the header has 3."}},
	}
	if diff := cmp.Diff(want, f.Rejected); diff != "" {
		t.Errorf("rejected (-want +got):\n%s", diff)
	}
}

func TestGoogleContactsHaveOrganizationNames(t *testing.T) {
	t.Parallel()
	f, err := Organizations(sample(t, "csv/google-contacts-2024-layout.csv"), Options{})
	if err != nil || len(f.Rows)+len(f.Rejected) == 0 {
		t.Errorf("got %+v, %v", f, err)
	}
}

func TestSniff(t *testing.T) {
	t.Parallel()
	utf16 := func(e unicode.Endianness, bom unicode.BOMPolicy, s string) string {
		out, err := unicode.UTF16(e, bom).NewEncoder().String(s)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	latin, err := charmap.Windows1252.NewEncoder().String("Name;Città\nPerù;Forlì €")
	if err != nil {
		t.Fatal(err)
	}
	for in, want := range map[string]Format{
		"":                          {UTF8, ','},
		"name":                      {UTF8, ','},
		"a;b,c;d":                   {UTF8, ';'},
		"a\tb":                      {UTF8, '\t'},
		`"a,b,c";d`:                 {UTF8, ';'},
		"a,b\n1;2;3;4":              {UTF8, ','},
		"\xef\xbb\xbfname;città":    {UTF8BOM, ';'},
		"\xef\xbb\xbfname,citt\xe0": {Windows1252, ','},
		latin:                       {Windows1252, ';'},
		utf16(unicode.LittleEndian, unicode.ExpectBOM, "name\tcittà"):   {UTF16LE, '\t'},
		utf16(unicode.BigEndian, unicode.ExpectBOM, "name\tcittà"):      {UTF16BE, '\t'},
		utf16(unicode.LittleEndian, unicode.IgnoreBOM, "name;città\na"): {UTF16LE, ';'},
		utf16(unicode.BigEndian, unicode.IgnoreBOM, "name,città"):       {UTF16BE, ','},
	} {
		if got := Sniff([]byte(in)); got != want {
			t.Errorf("%q: got %v, want %v", in, got, want)
		}
	}
}

func TestColumnsByRule(t *testing.T) {
	t.Parallel()
	tests := map[string][]string{
		"Company;WEB site;Industry;Employees band;VAT number": {"display_name", "website", "sector", "size_band", "tax_id"},
		"Name;Legal_Name;URL;Settore;size;P.IVA":              {"display_name", "legal_name", "website", "sector", "size_band", "tax_id"},
		"Name;Display name;Domain;Website":                    {"", "display_name", "", "website"},
		"Legal name":                                          {"legal_name"},
		"Ragione Sociale;Partita IVA;Attività":                {"display_name", "tax_id", "sector"},
		"name;NAME;;":                                         {"display_name", "", "", ""},
	}
	for header, want := range tests {
		f := read(t, header, Options{})
		if diff := cmp.Diff(want, f.Fields); diff != "" {
			t.Errorf("%s (-want +got):\n%s", header, diff)
		}
	}
}

func TestMapping(t *testing.T) {
	t.Parallel()
	f := read(t, "Name,Trading as,Web\nAcme Ltd,Acme,acme.example\n", Options{Map: map[string]string{"trading_AS": "display_name", "Name": "legal_name"}})
	want := []Row{{2, crm.Organization{DisplayName: "Acme", LegalName: "Acme Ltd", Website: "acme.example", IsActive: true}}}
	if diff := cmp.Diff(want, f.Rows); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
}

func TestFaultsOfTheFile(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, text, want string
		opts             Options
	}{
		{name: "empty", want: "file: The file is empty."},
		{name: "no name", text: "colour,size\nred,1", want: "No column holds the name; the columns are: colour, size."},
		{name: "map to nothing", text: "name\nx", opts: Options{Map: map[string]string{"Nome": "display_name"}}, want: `map: The file has no column "Nome"; the columns are: name.`},
		{name: "map to an unknown field", text: "name\nx", opts: Options{Map: map[string]string{"name": "is_active"}}, want: `"is_active" is not a field; use one of display_name`},
		{name: "two columns for a field", text: "a,b\nx,y", opts: Options{Map: map[string]string{"a": "display_name", "b": "display_name"}}, want: "Two columns are mapped to display_name"},
		{name: "a column for two fields", text: "a,b\nx,y", opts: Options{Map: map[string]string{"a": "display_name", "A ": "legal_name"}}, want: `The column "a" is mapped twice`},
		{name: "quote in the header", text: "na\"me\nx", want: "stray quote"},
		{name: "unclosed quote", text: "name,url\nx,y\n\"open,1\nz,2\n", want: "A quote opens on line 3"},
		{name: "too wide", text: strings.Repeat("name,", MaxColumns) + "x", want: "201 columns"},
		{name: "long header", text: strings.Repeat("n", MaxCell+1), want: "more than 10000 characters"},
		{name: "too many rows", text: "name\n" + strings.Repeat("x\n", MaxRows+1), want: "more than 200000 rows"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := Organizations(strings.NewReader(tt.text), tt.opts)
			var invalid crm.Invalid
			if !errors.As(err, &invalid) || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("got %v, want %q", err, tt.want)
			}
		})
	}
}

// endless is a file without an end.
type endless struct{}

func (endless) Read(p []byte) (int, error) { return copy(p, bytes.Repeat([]byte("name\n"), 1000)), nil }

func TestTooLargeIsRefusedBeforeItIsParsed(t *testing.T) {
	t.Parallel()
	if _, err := Organizations(endless{}, Options{}); err == nil || !strings.Contains(err.Error(), "larger than 64 MiB") {
		t.Errorf("got %v", err)
	}
}

type broken struct{}

var errBroken = errors.New("cable cut")

func (broken) Read([]byte) (int, error) { return 0, errBroken }

func TestErrorsOfTheReaderPass(t *testing.T) {
	t.Parallel()
	if _, err := Organizations(broken{}, Options{}); !errors.Is(err, errBroken) {
		t.Errorf("got %v", err)
	}
}

func TestRejectedRows(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 161)
	tests := []struct {
		name, row, want string
	}{
		{"no name", ",example.com,1", "The name is missing."},
		{"website", "A,javascript:alert(1),1", "website: Enter a web address"},
		{"long name", long + ",,", "display_name: At most 160 characters; this has 161."},
		{"two faults", long + ",no web,", "website: Enter a web address"},
		{"NUL", "a\x00b,,", "display_name: This text has characters that cannot be stored."},
		{"long cell", "A,," + strings.Repeat("é", MaxCell+1), "VAT: At most 10000 characters."},
		{"quote", `A "B" C,,`, "A double quote is out of place"},
		{"quote over two lines", "\"A\nB\" C,,", "Lines 3 to 4 were read as one row."},
		{"duplicate", "first,,7", "The same name and tax id stand on line 2."},
		{"too long", "A,,,B", "The row has 4 cells; the header has 3."},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			f := read(t, "name,url,VAT\nFirst,,7\n"+tt.row+"\nlast,,\n", Options{})
			if len(f.Rejected) != 1 || len(f.Rows) != 2 || f.Rejected[0].Line != 3 {
				t.Fatalf("%d rows, rejected %+v", len(f.Rows), f.Rejected)
			}
			if got := strings.Join(f.Rejected[0].Reasons, " "); !strings.Contains(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestToleratedLayouts(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{
		"blank rows":        "name,url\n\n , \nA,\n,,\nB,\n",
		"spare cells":       "name,url\nA,,,\nB,,\n",
		"carriage returns":  "name,url\rA,\rB,\r",
		"Excel's delimiter": "sep=;\r\nname;url\r\nA;\r\nB;\r\n",
		"no end of line":    "name,url\nA,\nB,",
	} {
		f := read(t, text, Options{})
		if len(f.Rows) != 2 || len(f.Rejected) != 0 || f.Rows[1].DisplayName != "B" {
			t.Errorf("%s: rows %+v, rejected %+v", name, f.Rows, f.Rejected)
		}
	}
}

func TestSameNameWithAnotherTaxIDIsNoDuplicate(t *testing.T) {
	t.Parallel()
	if f := read(t, "name,vat\nA,1\nA,2\nA,\n", Options{}); len(f.Rows) != 3 {
		t.Errorf("rejected %+v", f.Rejected)
	}
}

func TestNeutralise(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{
		"=1+1", "+1", "-1", "@SUM(A1)", "|calc", "%0", " =1", "\t=1", "\r\n=1", "\u00a0=1", "\ufeff=1", "\u200b=1", "\x00=1",
		"＝1", "＋1", "－1", "＠x", "｜x", "％x", "\u3000＝1",
	} {
		if got := Neutralise(bad); got != "'"+bad {
			t.Errorf("%q: got %q", bad, got)
		}
	}
	for _, good := range []string{"", " ", "a=b", "'=1", "3-1", "O'Hara", "\xff=", "é"} {
		if got := Neutralise(good); got != good {
			t.Errorf("%q: got %q", good, got)
		}
	}
}

func TestWriteRejectedCanBeMendedAndReadAgain(t *testing.T) {
	t.Parallel()
	f := read(t, "\ufeffname;url\n=cmd|x;no web\nA;b;c\nshort\n", Options{})
	var out bytes.Buffer
	if err := WriteRejected(&out, f); err != nil {
		t.Fatal(err)
	}
	want := "\ufeffname;url;Reason\n" +
		"'=cmd|x;no web;website: Enter a web address like example.com or https://example.com.\n" +
		"A;b;c;The row has 3 cells; the header has 2.\n" +
		"short;;The row has 1 cells; the header has 2.\n"
	want = strings.ReplaceAll(want, "The row has 3 cells; the header has 2.", `"The row has 3 cells; the header has 2."`)
	want = strings.ReplaceAll(want, "The row has 1 cells; the header has 2.", `"The row has 1 cells; the header has 2."`)
	if diff := cmp.Diff(want, out.String()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	again := read(t, strings.ReplaceAll(out.String(), "no web", "web.example"), Options{})
	if len(again.Rows) != 2 || again.Rows[0].DisplayName != "=cmd|x" || !cmp.Equal(again.Ignored, []string{"Reason"}) {
		t.Errorf("again: %+v, rejected %+v, ignored %q", again.Rows, again.Rejected, again.Ignored)
	}
}

func FuzzOrganizations(f *testing.F) {
	for _, seed := range []string{
		"name,url\nA,b.example\n", "sep=;\nname;url\n\"A\nB\";=1\n", "\xff\xfen\x00a\x00m\x00e\x00\n\x00", "name\n\"", "name\r\rA\"B\"", "\xef\xbb\xbfname\n\xff",
	} {
		f.Add([]byte(seed), rune(0))
	}
	f.Fuzz(func(t *testing.T, data []byte, delimiter rune) {
		file, err := Organizations(bytes.NewReader(data), Options{Delimiter: delimiter})
		if err != nil {
			return
		}
		for _, row := range file.Rows {
			if err := row.Validate(); err != nil {
				t.Errorf("row %+v: %v", row, err)
			}
		}
		for _, row := range file.Rejected {
			if len(row.Reasons) == 0 || row.Line < 2 {
				t.Errorf("rejected %+v", row)
			}
		}
		var out bytes.Buffer
		if err := WriteRejected(&out, file); err != nil {
			t.Fatalf("write: %v", err)
		}
		checkNeutral(t, out.Bytes(), file.Format.Delimiter)
	})
}

func checkNeutral(t *testing.T, text []byte, delimiter rune) {
	t.Helper()
	r := csv.NewReader(bytes.NewReader(bytes.TrimPrefix(text, []byte("\ufeff"))))
	r.Comma, r.FieldsPerRecord = delimiter, -1
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatalf("%q: %v", text, err)
	}
	for _, row := range rows {
		for _, cell := range row {
			if Neutralise(cell) != cell {
				t.Errorf("cell %q would run", cell)
			}
		}
	}
}

func FuzzNeutralise(f *testing.F) {
	f.Add("=1")
	f.Fuzz(func(t *testing.T, s string) {
		out := Neutralise(s)
		if Neutralise(out) != out || utf8.ValidString(out) != utf8.ValidString(s) || out != s && denature(out) != s {
			t.Errorf("%q: %q", s, out)
		}
	})
}

func BenchmarkOrganizations(b *testing.B) {
	var text strings.Builder
	text.WriteString("name,url,sector,vat\n")
	for i := range 50_000 {
		fmt.Fprintf(&text, "Company %d,c%d.example,Food,%d\n", i, i, i)
	}
	for b.Loop() {
		if _, err := Organizations(strings.NewReader(text.String()), Options{}); err != nil {
			b.Fatal(err)
		}
	}
}
