// Package crm holds the records of the client registry and the rules they obey:
// what a field may contain, what is missing, what a person is told about it.
//
// It is pure: no database, no HTTP, no clock of its own. Who may do what lives in
// package authz; how records are stored lives in package postgres.
package crm
