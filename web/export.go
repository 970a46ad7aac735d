package web

import (
	"bufio"
	"context"
	"encoding/csv"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/importer"
	"github.com/archpilot/crm/templates"
)

// Limits of exports under way in one process: each keeps the database busy for as long as it lasts.
const (
	exportsPerUser = 2
	exportsAtOnce  = 8
)

// exports counts the exports under way.
type exports struct {
	mu  sync.Mutex
	by  map[uuid.UUID]int
	all int
}

// begin returns a function that ends an export of a user's, or what to answer where too many are under way.
func (e *exports) begin(user uuid.UUID) (end func(), refused response) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.by[user] >= exportsPerUser || e.all >= exportsAtOnce {
		return nil, tooMany{seconds: 30}
	}
	if e.by == nil {
		e.by = map[uuid.UUID]int{}
	}
	e.by[user]++
	e.all++
	return sync.OnceFunc(func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.all--
		if e.by[user]--; e.by[user] == 0 {
			delete(e.by, user)
		}
	}), nil
}

// export answers with what the list shows as a file: its rows in its order, its columns in theirs.
func (s *Server) export(_ context.Context, v *visit, sel selection) (response, error) {
	end, refused := s.exports.begin(v.actor.UserID)
	if refused != nil {
		return refused, nil
	}
	d := stream{name: string(sel.list) + "-" + v.now.In(v.zone()).Format(time.DateOnly) + ".csv", contentType: "text/csv; charset=utf-8", end: end}
	query := sel.query.Encode()
	switch sel.list {
	case crm.ContactList:
		sel.contacted.Picked = sel.picked
		d.write = func(ctx context.Context, w io.Writer) error {
			return v.store.ExportContacts(ctx, sel.contacted, query, sheet(w, v.page, templates.ContactColumns, sel.columns))
		}
	case crm.InteractionList:
		d.write = func(ctx context.Context, w io.Writer) error {
			return v.store.ExportInteractions(ctx, sel.talked, query, sheet(w, v.page, templates.InteractionColumns, sel.columns))
		}
	default:
		sel.organized.Picked = sel.picked
		d.write = func(ctx context.Context, w io.Writer) error {
			return v.store.ExportOrganizations(ctx, sel.organized, query, sheet(w, v.page, templates.OrganizationColumns, sel.columns))
		}
	}
	return d, nil
}

// sheet writes pages of rows as CSV (RFC 4180, UTF-8 with a byte order mark, without which Excel garbles accents).
// Nothing in it can run in a spreadsheet. Nothing is written before the first page is there: until then an error can
// still be told.
func sheet[T any](w io.Writer, p templates.Page, columns []templates.Column[T], shown []string) func([]T) error {
	heads, texts := templates.Sheet(p, columns, shown)
	buffer := bufio.NewWriterSize(w, 64<<10)
	out := csv.NewWriter(buffer)
	out.UseCRLF = true
	begun := false
	write := func(cells []string) {
		for i := range cells {
			cells[i] = importer.Neutralise(cells[i])
		}
		_ = out.Write(cells) // the writer keeps its first error: Error below
	}
	return func(rows []T) error {
		if !begun {
			begun = true
			_, _ = buffer.WriteString("\ufeff") // kept, too
			write(heads)
		}
		for _, row := range rows {
			write(texts(row))
		}
		out.Flush()
		if err := out.Error(); err != nil {
			return err
		}
		return buffer.Flush()
	}
}

// streamPatience is how long a download may take as a whole, and stall how long its reader may take for a piece.
const (
	streamPatience = 15 * time.Minute
	stall          = 30 * time.Second
)

// send writes a stream. It is longer than the patience for pages; it ends when its reader is gone, which shows in
// writing. One that fails half-way is cut off, so that nobody takes it for the whole.
func (s *Server) send(w http.ResponseWriter, r *http.Request, d stream) {
	defer d.end()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.Context()), streamPatience)
	defer cancel()
	out := &download{stream: d, to: w, control: http.NewResponseController(w)}
	err := d.write(ctx, out)
	switch {
	case err == nil:
	case !out.begun:
		s.fail(w, r, err)
	default:
		if !out.gone {
			s.Log.ErrorContext(ctx, "a download was cut off", "error", err, "file", d.name)
		}
		panic(http.ErrAbortHandler)
	}
}

// download is a stream on its way. Its headers go with its first byte.
type download struct {
	stream
	to          http.ResponseWriter
	control     *http.ResponseController
	begun, gone bool
}

func (d *download) Write(piece []byte) (int, error) {
	if !d.begun {
		d.begun = true
		h := d.to.Header()
		h.Set("Content-Type", d.contentType)
		h.Set("Content-Disposition", `attachment; filename="`+d.name+`"`)
		h.Set("Cache-Control", "no-store")
	}
	if err := d.control.SetWriteDeadline(time.Now().Add(stall)); err != nil {
		return 0, err
	}
	n, err := d.to.Write(piece)
	if err == nil {
		err = d.control.Flush()
	}
	d.gone = err != nil
	return n, err
}
