package crm

import "time"

// MailKind says what a mail is about. A kind with a link names the link's purpose too.
type MailKind string

// The kinds of mail.
const (
	MailInvitation MailKind = "invitation"       // with a link to choose a password and come in
	MailReset      MailKind = "reset"            // with a link to choose another password
	MailPassword   MailKind = "notice_password"  // the password was changed
	MailMFAOn      MailKind = "notice_mfa_on"    // the second factor was switched on
	MailMFAOff     MailKind = "notice_mfa_off"   // switched off
	MailMFAReset   MailKind = "notice_mfa_reset" // taken away by an administrator
	MailToken      MailKind = "notice_token"     // an API token was made
	MailCalendar   MailKind = "notice_calendar"  // an address of the calendar was made
	MailDigest     MailKind = "digest"           // what there is to do, in the morning
	MailNotices    MailKind = "notices"          // what was told in the inbox as well
)

// MailKinds lists every kind, for the test that each has a letter.
var MailKinds = []MailKind{MailInvitation, MailReset, MailPassword, MailMFAOn, MailMFAOff, MailMFAReset, MailToken, MailCalendar, MailDigest, MailNotices}

// HasLink reports whether mail of this kind carries a link.
func (k MailKind) HasLink() bool { return k == MailInvitation || k == MailReset }

// Once reports whether mail of this kind is rather lost than sent twice: the inbox holds what it says.
func (k MailKind) Once() bool { return k == MailDigest || k == MailNotices }

// Lasts is how long a mail of this kind is worth sending, and how long the link in it works.
func (k MailKind) Lasts() time.Duration {
	switch k {
	case MailInvitation:
		return 72 * time.Hour
	case MailReset:
		return time.Hour
	}
	return 24 * time.Hour
}

// Delivery is how far the latest mail to a user has come. It is read only; the zero Delivery is none.
type Delivery struct {
	MailKind    MailKind
	MailSentAt  time.Time // zero while it waits
	MailFault   string    // what the last try failed with, "" when none did
	MailDropped bool      // given up, or no longer wanted
}
