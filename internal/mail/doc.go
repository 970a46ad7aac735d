// Package mail sends what waits in the outbox: letter.go says what a mail about an account says, tidings.go what one about
// things to do says, sender.go hands it to a mail server, courier.go takes one after the other and tries again.
//
// There is no job queue beside the register. A mail is a row of one table, written in the transaction of what it
// tells of, and a goroutine is enough to work through it: a lease on the row keeps two instances from sending it
// twice, and a pause that grows keeps a server that is down from being hammered. A queue such as river would bring a
// schema, migrations and a leader election of its own for some dozens of mails a day. What it costs: one mail at a
// time per instance, and a mail whose delivery was not noted, because the process was killed in that very moment, is
// sent again, under the same Message-ID. A mail that tells what the inbox holds anyway is not: its try is noted before it
// is handed over.
//
// It is not for deciding who gets mail: whoever changes an account does, in package postgres.
package mail
