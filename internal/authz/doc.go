// Package authz says who may do what, and how far: permissions, reach, and the actor they
// belong to. It decides nothing about a single record; the storage layer turns an actor's reach
// into the one scope predicate that every statement carries.
package authz
