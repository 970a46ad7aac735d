package web

import (
	"context"
	"time"

	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/templates"
)

func showInbox(ctx context.Context, v *visit) (response, error) {
	place, err := v.place()
	if err != nil {
		return nil, err
	}
	list, err := v.store.Notices(ctx, place)
	if err != nil {
		return nil, err
	}
	p := templates.InboxPage{Page: v.page, Notices: list.Rows, Until: v.now, NoneYet: len(list.Rows) == 0 && place.First()}
	p.PrevURL, p.NextURL = v.pagerURLs(paths.Inbox, list.Prev, list.Next)
	return show(templates.Inbox(p)), nil
}

// readNotice marks a notice as read.
func readNotice(ctx context.Context, v *visit) (response, error) { return markNotice(ctx, v, true) }

// unreadNotice marks it as unread again.
func unreadNotice(ctx context.Context, v *visit) (response, error) { return markNotice(ctx, v, false) }

// markNotice leads back to the page of the inbox that it was sent from. It says nothing: the notice shows it.
func markNotice(ctx context.Context, v *visit, read bool) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	back := paths.Inbox
	if v.referrer != nil && v.referrer.Path == paths.Inbox {
		back = paths.WithRaw(paths.Inbox, v.referrer.RawQuery)
	}
	return redirect{to: back}, v.store.ReadNotice(ctx, id, read)
}

// readNotices marks as read what the page showed, or would have on its other pages: what came since nobody has seen.
func readNotices(ctx context.Context, v *visit) (response, error) {
	until, err := time.Parse(time.RFC3339Nano, v.form.Get("until"))
	if err != nil || until.After(v.now) {
		until = v.now
	}
	n, err := v.store.ReadNotices(ctx, until)
	if err != nil {
		return nil, err
	}
	flash := v.t("Nothing changed")
	if n > 0 {
		flash = v.page.L.N(n, "%d notice marked as read.", "%d notices marked as read.")
	}
	return redirect{to: paths.Inbox, flash: templates.Flash{Text: flash}}, nil
}
