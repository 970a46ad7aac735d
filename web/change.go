package web

import (
	"context"
	"errors"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// numbered reads a place in a list whose rows are named by their number alone.
func (v *visit) numbered() crm.Page {
	if before := v.query.Get("before"); before != "" {
		return crm.Page{Before: true, Key: before, ID: uuid.Max}
	}
	if after := v.query.Get("after"); after != "" {
		return crm.Page{Key: after, ID: uuid.Max}
	}
	return crm.Page{}
}

// numberedURLs is pagerURLs for such a list.
func (v *visit) numberedURLs(path string, prev, next crm.Page, keep ...string) (string, string) {
	at := func(name string, p crm.Page) string {
		if p.First() {
			return ""
		}
		q := map[string][]string{name: {p.Key}}
		for _, k := range keep {
			q[k] = []string{v.query.Get(k)}
		}
		return paths.With(path, q)
	}
	return at("before", prev), at("after", next)
}

// history shows every change of one record, newest first.
func history(ctx context.Context, v *visit, target crm.Target, name, path string) (response, error) {
	list, err := v.store.History(ctx, target.Type, target.ID, v.numbered())
	if err != nil {
		return nil, err
	}
	p := templates.HistoryPage{Page: v.page, Target: target, Name: name, Changes: list.Rows}
	p.PrevURL, p.NextURL = v.numberedURLs(path, list.Prev, list.Next)
	return show(templates.History(p)), nil
}

func showChange(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	set, err := v.store.ChangeSet(ctx, id)
	if err != nil {
		return nil, err
	}
	return show(templates.Change(templates.ChangePage{Page: v.page, Set: set})), nil
}

// undoChange takes a change set back. Where that can give somebody rights, as an edit of users and roles can, it asks
// for the password as they do.
func (s *Server) undoChange(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	sensitive, err := v.store.UndoGivesRights(ctx, id)
	if err != nil {
		return nil, err
	}
	undo := func(ctx context.Context, v *visit) (response, error) { return takeBack(ctx, v, id) }
	if sensitive {
		undo = s.asking(undo)
	}
	return undo(ctx, v)
}

func takeBack(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	result, err := v.store.Undo(ctx, id)
	if errors.Is(err, postgres.ErrLarge) {
		job, err := v.store.EnqueueUndo(ctx, id)
		return redirect{to: paths.Job(job)}, err
	}
	if err != nil {
		return nil, err
	}
	r := redirect{to: v.landing(result, id), flash: templates.Flash{Text: v.undone(result), Error: result.Undone == 0}}
	if result.ChangeSetID != uuid.Nil {
		r.flash.UndoPath = paths.Undo(result.ChangeSetID)
	}
	return r, nil
}

// landing is the page to show after an undo: the record it put back, else the change set itself.
func (v *visit) landing(r crm.UndoResult, undone uuid.UUID) string {
	switch {
	case r.Undone > 1 && r.ChangeSetID != uuid.Nil:
		return paths.Change(r.ChangeSetID)
	case r.Target.Type == audit.Organization:
		return paths.Organization(r.Target.ID)
	case r.Target.Type == audit.Contact:
		return paths.Contact(r.Target.ID)
	case r.Target.Type == audit.Interaction:
		return paths.Interaction(r.Target.ID)
	case r.Target.Type == audit.FollowUp:
		return paths.FollowUp(r.Target.ID)
	case r.Target.Type == audit.View:
		return paths.View(r.Target.ID)
	case r.Target.Type == audit.TouchDefault:
		return paths.TouchDefaults
	case r.Target.Type == audit.User && r.Target.ID == v.actor.UserID:
		return paths.Account // one's own profile takes no permission, its change set does
	case r.ChangeSetID != uuid.Nil:
		return paths.Change(r.ChangeSetID)
	}
	return paths.Change(undone)
}

// keptShown is how many kept records a flash names; the session holds it, so it stays short.
const keptShown = 5

// undone says in words what an undo did and what it kept.
func (v *visit) undone(r crm.UndoResult) string {
	text := v.page.L.N(r.Undone, "Taken back: %d change.", "Taken back: %d changes.")
	switch {
	case r.Undone == 0:
		text = v.t("Nothing was taken back.")
	case r.Undone == 1:
		text = v.t("Taken back.")
	}
	if len(r.Kept) == 0 {
		return text
	}
	var kept []string
	for _, k := range r.Kept[:min(len(r.Kept), keptShown)] {
		kept = append(kept, v.kept(k))
	}
	text += " " + v.t("Kept: %s", strings.Join(kept, "; "))
	if more := len(r.Kept) - keptShown; more > 0 {
		text += " " + v.page.L.N(more, "and %d more", "and %d more")
	}
	return text + "."
}

func (v *visit) kept(k crm.Kept) string {
	name := k.Name
	if len([]rune(name)) > 60 {
		name = string([]rune(name)[:60]) + "…"
	}
	if len(k.Fields) > 0 {
		labels := make([]string, len(k.Fields))
		for i, f := range k.Fields {
			labels[i] = f
			if label, known := templates.FieldLabels[f]; known {
				labels[i] = label(v.page)
			}
		}
		name = strings.TrimSpace(name + " (" + strings.Join(labels, ", ") + ")")
	}
	reason := strings.TrimSuffix(v.page.M(k.Reason), ".")
	if name == "" {
		return reason
	}
	return name + ": " + reason
}
