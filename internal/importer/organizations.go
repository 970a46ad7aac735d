package importer

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/archpilot/crm/internal/crm"
)

// Limits of one file. They bound memory and time, not what a firm may have: a longer list is split.
const (
	MaxBytes   = 64 << 20
	MaxRows    = 200_000
	MaxColumns = 200
	MaxCell    = 10_000 // characters
)

// Options say what the file does not.
type Options struct {
	Encoding  Encoding          // "" to sniff
	Delimiter rune              // 0 to sniff
	Map       map[string]string // header → field of Fields; the rest goes by rule
}

// File is a file as read: what can be loaded, and what cannot.
type File struct {
	Format   Format
	Header   []string
	Fields   []string // field of each column, "" for those that are not taken
	Ignored  []string // headers of the columns that are not taken
	Rows     []Row
	Rejected []Rejected
}

// Row is a valid organization, without id and owner, and the line of the file it begins on.
type Row struct {
	Line int
	crm.Organization
}

// Rejected is a row that cannot be loaded, as it stands in the file, and every reason.
type Rejected struct {
	Line    int
	Cells   []string
	Reasons []string
}

// Organizations reads a delimited text file of organizations. Faults of a row are in File.Rejected;
// an error means that nothing can be made of the file as a whole: a crm.Invalid with the field "file"
// or "map", or r's own error. Blank rows are passed over.
func Organizations(r io.Reader, opts Options) (*File, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxBytes+1))
	if err != nil {
		return nil, err
	}
	if len(data) > MaxBytes {
		return nil, crm.Fault("file", "The file is larger than %d MiB; split it.", MaxBytes>>20)
	}
	p := newParser(data, opts)
	if err := p.header(opts.Map); err != nil {
		return nil, err
	}
	if err := p.rows(); err != nil {
		return nil, err
	}
	return p.file, nil
}

// parser is the state of one reading.
type parser struct {
	text  string
	skip  int // lines before the header
	csv   *csv.Reader
	start int64          // where the present record begins in text
	seen  map[string]int // line by identity, for duplicates within the file
	file  *File
}

func newParser(data []byte, opts Options) *parser {
	format := Format{opts.Encoding, opts.Delimiter}
	if format.Encoding == "" {
		format.Encoding = sniffEncoding(data)
	}
	text := decode(data, format.Encoding)
	if !strings.Contains(text, "\n") { // the line ends of old Macs
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	p := &parser{seen: map[string]int{}, file: &File{}}
	// Excel's own way to name the delimiter.
	if line := firstLine(text); strings.HasPrefix(line, "sep=") && len(line) == 5 && strings.Contains(",;\t", line[4:]) {
		_, text, _ = strings.Cut(text, "\n")
		p.skip = 1
		if format.Delimiter == 0 {
			format.Delimiter = rune(line[4])
		}
	}
	if !validDelimiter(format.Delimiter) {
		format.Delimiter = sniffDelimiter(firstLine(text))
	}
	p.text, p.file.Format = text, format
	p.csv = csv.NewReader(strings.NewReader(text))
	p.csv.Comma = format.Delimiter
	p.csv.FieldsPerRecord = -1
	return p
}

// validDelimiter mirrors what encoding/csv accepts; 0 means none was given.
func validDelimiter(r rune) bool {
	return r != 0 && r != '"' && r != '\r' && r != '\n' && utf8.ValidRune(r) && r != utf8.RuneError
}

// header reads the first record and maps its columns.
func (p *parser) header(mapping map[string]string) error {
	header, err := p.csv.Read()
	if errors.Is(err, io.EOF) {
		return crm.Fault("file", "The file is empty.")
	}
	if err != nil {
		return crm.Fault("file", "The first line, with the names of the columns, has a stray quote.")
	}
	if len(header) > MaxColumns {
		return crm.Fault("file", "The file has %d columns; at most %d are read.", len(header), MaxColumns)
	}
	for i, h := range header {
		header[i] = crm.Clean(h)
		if utf8.RuneCountInString(h) > MaxCell {
			return crm.Fault("file", "The name of column %d has more than %d characters.", i+1, MaxCell)
		}
	}
	p.file.Header = header
	p.file.Fields, err = mapColumns(header, mapping)
	for i, h := range header {
		if err == nil && p.file.Fields[i] == "" {
			p.file.Ignored = append(p.file.Ignored, h)
		}
	}
	p.start = p.csv.InputOffset()
	return err
}

// rows reads all records after the header.
func (p *parser) rows() error {
	for n := 0; ; n++ {
		cells, err := p.csv.Read()
		raw := p.text[p.start:p.csv.InputOffset()]
		p.start = p.csv.InputOffset()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if n >= MaxRows {
			return crm.Fault("file", "The file has more than %d rows; split it.", MaxRows)
		}
		if err != nil {
			err = p.stray(raw, err)
		} else {
			line, _ := p.csv.FieldPos(0)
			p.row(line+p.skip, cells)
		}
		if err != nil {
			return err
		}
	}
}

// stray rejects a row with a quote out of place. A quote that never closes has swallowed all rows
// behind it, which is a fault of the file.
func (p *parser) stray(raw string, err error) error {
	var fault *csv.ParseError
	if !errors.As(err, &fault) {
		return err
	}
	raw = strings.Trim(raw, "\r\n")
	first, more := fault.StartLine+p.skip, strings.Count(raw, "\n")
	if more > 0 && p.start >= int64(len(p.text)) {
		return crm.Fault("file", "A quote opens on line %d and does not close properly.", first)
	}
	reason := "A double quote is out of place; write it twice inside a quoted cell."
	if more > 0 {
		reason += fmt.Sprintf(" Lines %d to %d were read as one row.", first, first+more)
	}
	p.reject(first, strings.Split(raw, string(p.file.Format.Delimiter)), reason)
	return nil
}

func (p *parser) reject(line int, cells []string, reasons ...string) {
	p.file.Rejected = append(p.file.Rejected, Rejected{line, slices.Clone(cells), reasons})
}

// row takes or rejects one record.
func (p *parser) row(line int, cells []string) {
	cells = trimSpare(cells, len(p.file.Header))
	switch n := len(cells); {
	case blank(cells):
		return
	case n != len(p.file.Header):
		p.reject(line, cells, fmt.Sprintf("The row has %d cells; the header has %d.", n, len(p.file.Header)))
		return
	}
	for i, c := range cells {
		if len(c) > MaxCell && utf8.RuneCountInString(c) > MaxCell {
			p.reject(line, cells, fmt.Sprintf("%s: At most %d characters.", p.file.Header[i], MaxCell))
			return
		}
	}
	o := p.organization(cells)
	if reasons := p.reasons(o, line); len(reasons) > 0 {
		p.reject(line, cells, reasons...)
		return
	}
	p.file.Rows = append(p.file.Rows, Row{line, o})
}

// trimSpare drops empty cells beyond the header: spreadsheets write them where a stray format sits.
func trimSpare(cells []string, width int) []string {
	for len(cells) > width && strings.TrimSpace(cells[len(cells)-1]) == "" {
		cells = cells[:len(cells)-1]
	}
	return cells
}

func blank(cells []string) bool {
	return !slices.ContainsFunc(cells, func(c string) bool { return strings.TrimSpace(c) != "" })
}

// organization builds the record; one name stands in for the other.
func (p *parser) organization(cells []string) crm.Organization {
	o := crm.Organization{IsActive: true}
	targets := map[string]*string{
		"display_name": &o.DisplayName, "legal_name": &o.LegalName, "website": &o.Website,
		"sector": &o.Sector, "size_band": &o.SizeBand, "tax_id": &o.TaxID,
	}
	for i, field := range p.file.Fields {
		if field != "" {
			*targets[field] = strings.Clone(denature(cells[i])) // else the record holds the row's other cells in memory
		}
	}
	o.Clean()
	if o.LegalName == "" {
		o.LegalName = o.DisplayName
	}
	if o.DisplayName == "" {
		o.DisplayName = o.LegalName
	}
	return o
}

// reasons returns what speaks against o, by field, or that the file has it already.
func (p *parser) reasons(o crm.Organization, line int) []string {
	if o.DisplayName == "" { // both names are missing; one sentence will do
		return []string{"The name is missing."}
	}
	var faults crm.Invalid
	if errors.As(o.Validate(), &faults) {
		var out []string
		for _, field := range Fields {
			if m, has := faults[field]; has {
				out = append(out, field+": "+m.String())
			}
		}
		return out
	}
	key := strings.ToLower(o.DisplayName) + "\x00" + strings.ToLower(o.TaxID)
	if before, has := p.seen[key]; has {
		return []string{fmt.Sprintf("The same name and tax id stand on line %d.", before)}
	}
	p.seen[key] = line
	return nil
}
