package postgres

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/puddle/v2"

	"github.com/archpilot/crm/internal/crm"
)

// SQLSTATE codes used by name.
const (
	codeUniqueViolation     = "23505"
	codeForeignKeyViolation = "23503"
	codeSerialization       = "40001"
	codeDeadlock            = "40P01"
	codeLockTimeout         = "55P03"
	codeInvalidText         = "22P02"
	codeUntranslatable      = "22P05"
	codeAuditGuard          = "AU001"
)

// constraintFaults says, per constraint, which field is wrong and what to tell the person. Uniqueness is
// decided by the constraint, never checked first: two could save at once.
var constraintFaults = map[string]struct{ field, text string }{
	"idx_contacts_email_unique":                 {"email", "This e-mail address is already in use."},
	"contacts_email_lower":                      {"email", "Enter an e-mail address like name@example.com."},
	"users_email_key":                           {"email", "This e-mail address is already in use."},
	"users_email_lower":                         {"email", "Enter an e-mail address like name@example.com."},
	"roles_slug_key":                            {"slug", "A role with this short name exists already."},
	"teams_name_key":                            {"name", "A team with this name exists already."},
	"organizations_owner_user_id_fkey":          {"owner_user_id", "There is no such user."},
	"contacts_owner_user_id_fkey":               {"owner_user_id", "There is no such user."},
	"organization_contact_pkey":                 {"contact_id", "This person is already linked to the organization."},
	"organization_contact_contact_id_fkey":      {"contact_id", "There is no such contact."},
	"organization_contact_organization_id_fkey": {"organization_id", "There is no such organization."},
	"interactions_contact_id_fkey":              {"contact_id", "There is no such contact."},
	"interactions_organization_id_fkey":         {"organization_id", "There is no such organization."},
	"follow_ups_user_id_fkey":                   {"user_id", "There is no such user."},
	"follow_ups_contact_id_fkey":                {"contact_id", "There is no such contact."},
	"follow_ups_organization_id_fkey":           {"organization_id", "There is no such organization."},
	"users_team_id_fkey":                        {"team_id", "There is no such team."},
	"teams_parent_id_fkey":                      {"parent_id", "There is no such team."},
	"saved_views_name_key":                      {"name", "You have a view of this name already."},
	"saved_views_team_id_fkey":                  {"team_id", "There is no such team."},
	"touch_defaults_role_key":                   {"role_label", "This role has a default already."},
	"user_roles_role_id_fkey":                   {"role_ids", "There is no such role."},
}

// translate turns a violated constraint into the Invalid that names its field; other errors pass.
func translate(err error) error {
	var pg *pgconn.PgError
	if !errors.As(err, &pg) {
		return err
	}
	if pg.ConstraintName == "change_sets_undoes_fkey" {
		return crm.ErrNotFound // an undo of a change set that does not exist
	}
	if f, known := constraintFaults[pg.ConstraintName]; known {
		return crm.Fault(f.field, f.text)
	}
	if strings.HasPrefix(pg.Code, "22") {
		return crm.Fault("", "Something in this form cannot be stored as it is.")
	}
	return err
}

// retryable reports whether running the whole transaction again may succeed.
func retryable(err error) bool {
	var pg *pgconn.PgError
	return errors.As(err, &pg) && (pg.Code == codeSerialization || pg.Code == codeDeadlock)
}

// Unavailable reports whether err means that the database cannot answer now, so that trying again later
// may help: down, restarting, cut off, out of slots, disk full, locked for too long, or over a time limit.
func Unavailable(err error) bool {
	var pg *pgconn.PgError
	var connect *pgconn.ConnectError
	if errors.As(err, &connect) { // whatever the reason: a database that lets nobody in cannot answer
		return true
	}
	if errors.As(err, &pg) {
		switch pg.Code[:2] {
		case "08", "53", "57", "58", "55", "40", "25":
			return true
		}
		return false
	}
	var network net.Error
	return errors.As(err, &network) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, net.ErrClosed) ||
		errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, pgconn.ErrConnClosed) || errors.Is(err, puddle.ErrClosedPool) || pgconn.SafeToRetry(err)
}
