// Package e2e holds the tests that drive the built program with a real browser: whole journeys of a person,
// and every page looked at by axe-core. They are run by `make test`, or with
//
//	go test -tags e2e ./internal/e2e
//
// and need a PostgreSQL (see postgrestest) and a Chromium. What a rule of one package does is tested there,
// without a browser; here is only what takes all parts together.
package e2e
