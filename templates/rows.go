package templates

import (
	"context"
	"io"
	"time"

	"github.com/a-h/templ"
)

// recordRows are the rows of a list. They are most of what a page of a list costs, and a component for each cell cost
// twice as much again: so what is the same in every row is written here by hand, and only what is more than a text or a
// moment is a component. Box is what picks a row, nil where none can be picked.
func recordRows[T any](p Page, columns []Column[T], rows []T, k Picker, box func(T) (id, name string)) templ.Component {
	return templ.ComponentFunc(func(ctx context.Context, to io.Writer) error {
		w := &rowWriter{to: to}
		open := make([]string, len(columns))
		for i, c := range columns {
			if open[i] = "<td>"; c.class != "" {
				open[i] = `<td class="` + templ.EscapeString(c.class) + `">`
			}
		}
		picks := box != nil && k.Offered()
		for _, r := range rows {
			w.raw("<tr>")
			for i, c := range columns {
				w.raw(open[i])
				if i == 0 && picks {
					id, name := box(r)
					w.box(p, k, id, name)
				}
				writeCell(ctx, w, p, c, r)
				w.raw("</td>")
			}
			w.raw("</tr>")
		}
		return w.err
	})
}

// writeCell writes what a column shows of a row.
func writeCell[T any](ctx context.Context, w *rowWriter, p Page, c Column[T], r T) {
	switch {
	case c.cell != nil:
		w.component(ctx, c.cell(p, r))
	case c.at != nil:
		late := c.due != nil && p.overdue(c.due(r))
		if late {
			w.raw(`<span class="dot warn" title="`, templ.EscapeString(touchWords(p, c.due(r))), `">`)
		}
		w.moment(p, c.at(r))
		if late {
			w.raw(`</span><span class="sr">, `, templ.EscapeString(touchWords(p, c.due(r))), `</span>`)
		}
	case c.due != nil && c.due(r) != nil:
		w.component(ctx, dueMark(p, c.due(r)))
	case c.due != nil:
		w.none(p)
	default:
		text := c.text(p, r)
		if text == "" {
			w.none(p)
			return
		}
		w.raw(templ.EscapeString(text))
	}
}

// rowWriter writes markup and keeps the first error.
type rowWriter struct {
	to  io.Writer
	err error
}

// raw writes parts as they are: markup of ours, and text that has been escaped.
func (w *rowWriter) raw(parts ...string) {
	for _, part := range parts {
		if w.err == nil {
			_, w.err = io.WriteString(w.to, part)
		}
	}
}

// moment writes when something was, or that it never was. The exact time is written by the script, where the pointer
// rests: with it a page of a list would be half a kilobyte more on the wire.
func (w *rowWriter) moment(p Page, at time.Time) {
	if at.IsZero() {
		w.raw(`<span class="soft">`, templ.EscapeString(p.T("Never")), `</span>`)
		return
	}
	fresh := `"`
	if p.fresh(at) {
		fresh = `" data-ago`
	}
	w.raw(`<time datetime="`, p.L.Machine(at), fresh, `>`, templ.EscapeString(p.L.Relative(at)), `</time>`)
}

// none writes a dash that is read as "none", as orDash does.
func (w *rowWriter) none(p Page) {
	w.raw(`<span class="none" aria-hidden="true">—</span> <span class="sr">`, templ.EscapeString(p.T("none")), `</span>`)
}

func (w *rowWriter) component(ctx context.Context, c templ.Component) {
	if w.err == nil {
		w.err = c.Render(ctx, w.to)
	}
}

// box writes the box that picks a row.
func (w *rowWriter) box(p Page, k Picker, id, name string) {
	w.raw(`<input type="checkbox" name="id" value="`, templ.EscapeString(id), `" aria-label="`, templ.EscapeString(p.T("Select %s", name)), `"`)
	if k.Ticked || k.All {
		w.raw(` checked`)
	}
	if k.All {
		w.raw(` disabled`)
	}
	w.raw(`>`)
}
