// Package password hashes passwords with argon2id, decides which are too weak, and makes one-time
// ones. It does not count guesses or lock accounts: that is the database's work, done before a
// hash is checked.
package password
