// Package privatepg runs a PostgreSQL of the product's own, for firms that
// name no database: it finds the server's programs, makes a cluster under the
// data directory, serves it on a unix socket that only this account and root
// can reach, keeps it running and stops it in good order. There is no password
// and no network port anywhere.
//
// It is not a PostgreSQL installer, knows nothing of the register's tables and
// grants nothing: migrations do that. It never deletes or upgrades data. It
// needs a Unix; on Windows a database has to be named.
package privatepg
