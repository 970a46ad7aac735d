package web

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/authz"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/templates"
)

func permissionSlugs() []string {
	slugs := make([]string, len(authz.Permissions))
	for i, p := range authz.Permissions {
		slugs[i] = string(p)
	}
	return slugs
}

func listRoles(ctx context.Context, v *visit) (response, error) {
	roles, err := v.store.Roles(ctx)
	if err != nil {
		return nil, err
	}
	return show(templates.Roles(templates.RolesPage{Page: v.page, Roles: roles, Permissions: permissionSlugs()})), nil
}

// roleForm shows the form: new, edit, or again after something was wrong with it.
func roleForm(v *visit, r crm.Role, form templates.Form) response {
	body := templates.RoleForm(templates.RoleFormPage{Page: v.page, Role: r, Permissions: permissionSlugs(), Form: form, IsNew: r.ID == uuid.Nil})
	if form.Errors != nil {
		return refuse(body)
	}
	return show(body)
}

func newRole(_ context.Context, v *visit) (response, error) {
	return roleForm(v, crm.Role{}, templates.Form{Action: paths.Roles, Token: uuid.NewString(), Values: map[string]string{"reach": "all"}}), nil
}

// readRole reads the fields of the form.
func readRole(v *visit) crm.Role {
	return crm.Role{Slug: v.form.Get("slug"), Name: v.form.Get("name"), Reach: v.form.Get("reach"), Permissions: v.form["permissions"], RequiresMFA: v.form.Get("requires_mfa") == "true"}
}

func typedRole(v *visit, action string, errs crm.Invalid) templates.Form {
	return templates.Form{
		Action: action, Values: v.typed("slug", "name", "reach", "requires_mfa"), Many: map[string][]string{"permissions": v.form["permissions"]}, Errors: errs,
	}
}

func createRole(ctx context.Context, v *visit) (response, error) {
	return v.save(
		func() (postgres.Saved, error) { return v.store.CreateRole(ctx, readRole(v), v.token()) },
		func(errs crm.Invalid) (response, error) {
			form := typedRole(v, paths.Roles, errs)
			form.Token = v.formToken()
			return roleForm(v, crm.Role{}, form), nil
		}, "",
		func(r postgres.Saved) response { return saved(paths.Role(r.ID), v.t("Role created."), r) })
}

func editRole(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	r, err := v.store.Role(ctx, id)
	if err != nil {
		return nil, err
	}
	return roleForm(v, r, templates.Form{
		Action: paths.Role(id), Version: r.Version, Many: map[string][]string{"permissions": r.Permissions},
		Values: map[string]string{"slug": r.Slug, "name": r.Name, "reach": r.Reach, "requires_mfa": strconv.FormatBool(r.RequiresMFA)},
	}), nil
}

func updateRole(ctx context.Context, v *visit) (response, error) {
	id, err := v.id("id")
	if err != nil {
		return nil, err
	}
	now, err := v.store.Role(ctx, id)
	if err != nil {
		return nil, err
	}
	r := readRole(v)
	r.ID, r.Version, r.Slug = id, v.version(), now.Slug
	resp, err := v.save(
		func() (postgres.Saved, error) { return v.store.UpdateRole(ctx, r) },
		func(errs crm.Invalid) (response, error) {
			form := typedRole(v, paths.Role(id), errs)
			form.Version = r.Version
			return roleForm(v, now, form), nil
		}, paths.Role(id),
		func(r postgres.Saved) response { return saved(paths.Role(id), v.t("Role saved."), r) })
	if errors.Is(err, crm.ErrConflict) {
		form := typedRole(v, paths.Role(id), crm.Invalid{"": crm.Msg("Someone changed this role while you were editing: now %s, reach %s, with %s, second factor required: %s. Saving again overwrites that with what stands below.",
			now.Name, now.Reach, strings.Join(now.Permissions, ", "), yesNo(v, now.RequiresMFA))})
		form.Version = now.Version
		return withStatus(roleForm(v, now, form), http.StatusConflict), nil
	}
	return resp, err
}

func yesNo(v *visit, b bool) string {
	if b {
		return v.t("yes")
	}
	return v.t("no")
}
