package web

import (
	"context"
	"strconv"
	"strings"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

var notificationFields = []string{"digest", "digest_hour", "due", "assigned"}

func showNotifications(ctx context.Context, v *visit) (response, error) {
	n, err := v.store.NotificationSettings(ctx)
	if err != nil {
		return nil, err
	}
	return show(notificationsPage(v, templates.Form{Values: map[string]string{
		"digest": string(n.Digest), "digest_hour": strconv.Itoa(n.DigestHour), "due": string(n.Due), "assigned": string(n.Assigned),
	}})), nil
}

func notificationsPage(v *visit, form templates.Form) templ.Component {
	form.Action = paths.Notifications
	return templates.Notifications(templates.NotificationsPage{Page: v.page, SendsMail: v.sendsMail, Form: form})
}

func saveNotifications(ctx context.Context, v *visit) (response, error) {
	return v.save(
		func() (postgres.Saved, error) {
			hour, _ := strconv.Atoi(strings.TrimSpace(v.form.Get("digest_hour"))) // 0, which is none of the hours, for anything else
			return postgres.Saved{}, v.store.SaveNotificationSettings(ctx, crm.NotificationSettings{
				Digest: crm.DigestDays(v.form.Get("digest")), DigestHour: hour, Due: crm.Telling(v.form.Get("due")), Assigned: crm.Telling(v.form.Get("assigned")),
			})
		},
		func(errs crm.Invalid) (response, error) {
			return refuse(notificationsPage(v, templates.Form{Values: v.typed(notificationFields...), Errors: errs})), nil
		}, paths.Notifications,
		func(postgres.Saved) response {
			return redirect{to: paths.Notifications, flash: templates.Flash{Text: v.t("Notifications saved.")}}
		})
}
