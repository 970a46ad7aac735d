// Package importer turns files that people export elsewhere into records, and says row by row what
// it could not take and why. It is pure parsing: it writes nothing and knows no user; whether a file
// with rejected rows is loaded at all is the caller's decision.
package importer
