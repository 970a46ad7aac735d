package web

import (
	"context"
	"errors"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/audit"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

// touching is a record whose rhythm is set or snoozed: an organization, or a contact at one.
type touching struct {
	target    crm.Target // none for a link
	name      string     // of the organization, or of the contact
	at        string     // of the contact's organization
	back      string
	set       string // where each form goes
	snooze    string
	touch     crm.Touch
	version   int
	setDays   func(version int, days *int) (postgres.Saved, error)
	setSnooze func(version int, until crm.Day, reason string) (postgres.Saved, error)
}

// organizationTouching is the organization that the path names.
func organizationTouching(ctx context.Context, v *visit) (touching, error) {
	id, err := v.id("id")
	if err != nil {
		return touching{}, err
	}
	o, err := v.store.Organization(ctx, id)
	if err == nil && !o.MayEdit {
		err = crm.ErrNotFound
	}
	return touching{
		target: crm.Target{Type: audit.Organization, ID: id}, name: o.DisplayName, touch: o.Touch, version: o.Version,
		back: paths.Organization(id), set: paths.TouchOrganization(id), snooze: paths.SnoozeOrganization(id),
		setDays: func(version int, days *int) (postgres.Saved, error) {
			return v.store.SetOrganizationTouch(ctx, id, version, days)
		},
		setSnooze: func(version int, until crm.Day, reason string) (postgres.Saved, error) {
			return v.store.SnoozeOrganization(ctx, id, version, until, reason, v.clock())
		},
	}, err
}

// linkTouching is the contact at an organization that the path names.
func linkTouching(ctx context.Context, v *visit) (touching, error) {
	organization, contact, err := v.link()
	if err != nil {
		return touching{}, err
	}
	r, err := v.store.Relationship(ctx, organization, contact)
	return touching{
		name: r.ContactName, at: r.OrganizationName, touch: r.Touch, version: r.Version,
		back: paths.Organization(organization), set: paths.TouchLink(organization, contact), snooze: paths.SnoozeLink(organization, contact),
		setDays: func(version int, days *int) (postgres.Saved, error) {
			return v.store.SetLinkTouch(ctx, organization, contact, version, days)
		},
		setSnooze: func(version int, until crm.Day, reason string) (postgres.Saved, error) {
			return v.store.SnoozeLink(ctx, organization, contact, version, until, reason, v.clock())
		},
	}, err
}

// page shows both forms; the one that was refused as it was typed.
func (t touching) page(v *visit, set, snooze templates.Form) (response, error) {
	for _, f := range []*templates.Form{&set, &snooze} {
		if f.Version == 0 {
			f.Version = t.version
		}
	}
	set.Action, snooze.Action = t.set, t.snooze
	if set.Values == nil {
		set.Values = templates.TouchValues(t.touch)
	}
	if snooze.Values == nil {
		snooze.Values = templates.SnoozeValues(t.touch)
	}
	body := templates.Touch(templates.TouchPage{Page: v.page, Name: t.name, At: t.at, BackURL: t.back, Touch: t.touch, Set: set, Snooze: snooze})
	if set.Errors != nil || snooze.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

type findTouching func(context.Context, *visit) (touching, error)

func showTouch(find findTouching) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		t, err := find(ctx, v)
		if err != nil {
			return nil, err
		}
		return t.page(v, templates.Form{}, templates.Form{})
	}
}

// everyDays reads how often to be in touch: a number of days, "other" for the number beside it, or nothing.
func (v *visit) everyDays() *int {
	field := "touch_every_days"
	if v.form.Get(field) == templates.OtherTouch {
		field = "touch_other_days"
	}
	text := strings.TrimSpace(v.form.Get(field))
	if text == "" && field == "touch_every_days" {
		return nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		v.faults.Add(field, "Enter a number of days from %d to %d.", 1, crm.MaxTouchDays)
		return nil
	}
	return &n
}

// touchFields are the choice of a rhythm, and the number beside it.
var touchFields = []string{"touch_every_days", "touch_other_days"}

// besideTouch moves the fault of a rhythm to where it was typed: beside the choice, where that was "other".
func (v *visit) besideTouch(errs crm.Invalid) crm.Invalid {
	if m, wrong := errs["touch_every_days"]; wrong && v.form.Get("touch_every_days") == templates.OtherTouch {
		delete(errs, "touch_every_days")
		errs["touch_other_days"] = m
	}
	return errs
}

// setTouch says how often to be in touch.
func setTouch(find findTouching) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		t, err := find(ctx, v)
		if err != nil {
			return nil, err
		}
		days, version := v.everyDays(), v.version()
		resp, err := v.save(
			func() (postgres.Saved, error) { return t.setDays(version, days) },
			func(errs crm.Invalid) (response, error) {
				return t.page(v, templates.Form{Version: version, Values: v.typed(touchFields...), Errors: v.besideTouch(errs)}, templates.Form{})
			}, t.back,
			func(r postgres.Saved) response { return saved(t.back, v.t("Keeping in touch: saved."), r) })
		if errors.Is(err, crm.ErrConflict) {
			mine := ""
			if days != nil {
				mine = strconv.Itoa(*days)
			}
			v.form.Set("touch_every_days", mine)
			return t.conflict(ctx, v, t.set, map[string]string{"touch_every_days": templates.TouchDays(t.touch)}, "touch_every_days")
		}
		return resp, err
	}
}

// snoozeTouch says until when not to be in touch, and why; without a day, that it is over.
func snoozeTouch(find findTouching) handler {
	return func(ctx context.Context, v *visit) (response, error) {
		t, err := find(ctx, v)
		if err != nil {
			return nil, err
		}
		until, reason, version := crm.Day(strings.TrimSpace(v.form.Get("touch_snoozed_until"))), v.form.Get("touch_snooze_reason"), v.version()
		done := v.t("Snoozed.")
		if until == "" {
			done = v.t("No longer snoozed.")
		}
		resp, err := v.save(
			func() (postgres.Saved, error) { return t.setSnooze(version, until, reason) },
			func(errs crm.Invalid) (response, error) {
				return t.page(v, templates.Form{}, templates.Form{Version: version, Values: v.typed("touch_snoozed_until", "touch_snooze_reason"), Errors: errs})
			}, t.back,
			func(r postgres.Saved) response { return saved(t.back, done, r) })
		if errors.Is(err, crm.ErrConflict) {
			return t.conflict(ctx, v, t.snooze, templates.SnoozeValues(t.touch), "touch_snoozed_until", "touch_snooze_reason")
		}
		return resp, err
	}
}

func (t touching) conflict(ctx context.Context, v *visit, action string, theirs map[string]string, fields ...string) (response, error) {
	return conflict(ctx, v, conflicting{target: t.target, name: t.name, back: t.back, action: action, version: t.version, theirs: theirs, fields: fields})
}

func listTouchDefaults(ctx context.Context, v *visit) (response, error) {
	return touchDefaultsPage(ctx, v, templates.Form{Token: uuid.NewString()}, uuid.Nil, templates.Form{})
}

// touchDefaultsPage shows what is usual in each role: with the form that adds one, and that of one role which was
// refused.
func touchDefaultsPage(ctx context.Context, v *visit, add templates.Form, of uuid.UUID, edit templates.Form) (response, error) {
	all, err := v.store.TouchDefaults(ctx)
	if err != nil {
		return nil, err
	}
	add.Action = paths.TouchDefaults
	body := templates.TouchDefaults(templates.TouchDefaultsPage{Page: v.page, Defaults: all, Form: add, Of: of, Edit: edit})
	if add.Errors != nil || edit.Errors != nil {
		return refuse(body), nil
	}
	return show(body), nil
}

// usualDays reads the days of a default.
func (v *visit) usualDays() int {
	n, err := strconv.Atoi(strings.TrimSpace(v.form.Get("every_days")))
	if err != nil {
		v.faults.Add("every_days", "Enter a number of days from %d to %d.", 1, crm.MaxTouchDays)
	}
	return n
}

func createTouchDefault(ctx context.Context, v *visit) (response, error) {
	d := crm.TouchDefault{RoleLabel: v.form.Get("role_label"), EveryDays: v.usualDays()}
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateTouchDefault(ctx, d, v.token()) },
		func(errs crm.Invalid) (response, error) {
			return touchDefaultsPage(ctx, v, templates.Form{Token: v.formToken(), Values: v.typed("role_label", "every_days"), Errors: errs}, uuid.Nil, templates.Form{})
		}, "",
		func(r postgres.Saved) response {
			return saved(paths.TouchDefaults, v.t("Keeping in touch: saved."), r)
		})
}

func updateTouchDefault(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	d := crm.TouchDefault{ID: id, EveryDays: v.usualDays(), Version: v.version()}
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateTouchDefault(ctx, d) },
		func(errs crm.Invalid) (response, error) {
			return touchDefaultsPage(ctx, v, templates.Form{Token: uuid.NewString()}, id, templates.Form{Version: d.Version, Values: v.typed("every_days"), Errors: errs})
		}, paths.TouchDefaults,
		func(r postgres.Saved) response {
			return saved(paths.TouchDefaults, v.t("Keeping in touch: saved."), r)
		})
	if errors.Is(err, crm.ErrConflict) {
		return touchDefaultConflict(ctx, v, id)
	}
	return resp, err
}

func touchDefaultConflict(ctx context.Context, v *visit, id uuid.UUID) (response, error) {
	all, err := v.store.TouchDefaults(ctx)
	if err != nil {
		return nil, err
	}
	for _, d := range all {
		if d.ID == id {
			return conflict(ctx, v, conflicting{
				name: d.RoleLabel, back: paths.TouchDefaults, action: paths.TouchDefault(id), version: d.Version,
				theirs: map[string]string{"every_days": strconv.Itoa(d.EveryDays)}, fields: []string{"every_days"},
			})
		}
	}
	return nil, crm.ErrNotFound
}

func deleteTouchDefault(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	return v.save(
		func() (postgres.Saved, error) { return v.store.DeleteTouchDefault(ctx, id) },
		refused, paths.TouchDefaults,
		func(r postgres.Saved) response { return saved(paths.TouchDefaults, v.t("Removed."), r) })
}
