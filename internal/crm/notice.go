package crm

import (
	"time"

	"github.com/google/uuid"
)

// NoticeKind says what a notice tells of.
type NoticeKind string

// The kinds of notice.
const (
	NoticeAssigned NoticeKind = "assigned" // somebody else gave the reader a follow-up
	NoticeDue      NoticeKind = "due"      // a follow-up of the reader's has come due
)

// Notice is something the reader is told in their inbox. It holds no client data: what it is about is looked up when it is
// read.
type Notice struct {
	ID        uuid.UUID
	Kind      NoticeKind
	CreatedAt time.Time
	ReadAt    time.Time // zero while it is unread

	GivenBy  string   // who gave the follow-up
	Seen     bool     // the follow-up is there, and the reader may see it
	FollowUp FollowUp // as the reader may see it; zero unless Seen
}

// Unread reports whether the reader has not been there yet.
func (n Notice) Unread() bool { return n.ReadAt.IsZero() }

// UnreadCap is where the count of unread notices stops: above it the navigation says "99+".
const UnreadCap = 99

// Telling is how somebody wants to be told of one kind of notice.
type Telling string

// The ways.
const (
	TellNever  Telling = "off"
	TellInbox  Telling = "inbox"
	TellByMail Telling = "mail" // and in the inbox
)

// Tellings lists the ways in the order in which forms offer them.
var Tellings = []Telling{TellInbox, TellByMail, TellNever}

// DigestDays says on which days somebody gets a digest.
type DigestDays string

// The choices.
const (
	DigestOff      DigestDays = "off"
	DigestDaily    DigestDays = "daily"
	DigestWeekdays DigestDays = "weekdays"
)

// DigestChoices lists the choices in the order in which forms offer them.
var DigestChoices = []DigestDays{DigestWeekdays, DigestDaily, DigestOff}

// The hours at which a digest may be sent, and the first at which none is any more.
const (
	EarliestDigest = 5
	LatestDigest   = 10
	digestEnd      = 12
)

// NotificationSettings is how somebody wants to be told of what is theirs to do.
type NotificationSettings struct {
	Digest     DigestDays
	DigestHour int // of the morning, in the reader's zone
	Due        Telling
	Assigned   Telling
}

// DefaultNotifications holds for who never chose: the morning's digest, a mail for what somebody else hands over, and no
// mail for what is due, which the digest tells already. It is the same where no mail is sent yet, so that who saves one
// of them there has the others once it is. The statements of package postgres and the trigger notice_assigned know the same.
func DefaultNotifications() NotificationSettings {
	return NotificationSettings{Digest: DigestWeekdays, DigestHour: 7, Due: TellInbox, Assigned: TellByMail}
}

// Validate returns an Invalid naming each field that cannot be saved, or nil.
func (s NotificationSettings) Validate() error {
	v := Invalid{}
	if s.Digest != DigestOff && s.Digest != DigestDaily && s.Digest != DigestWeekdays {
		v.Add("digest", "Choose on which days the digest comes.")
	}
	if s.DigestHour < EarliestDigest || s.DigestHour > LatestDigest {
		v.Add("digest_hour", "Choose an hour from %d to %d.", EarliestDigest, LatestDigest)
	}
	for field, telling := range map[string]Telling{"due": s.Due, "assigned": s.Assigned} {
		if telling != TellNever && telling != TellInbox && telling != TellByMail {
			v.Add(field, "Choose how you want to be told.")
		}
	}
	return v.Err()
}

// Digest is what somebody has to do, as they may see it when it is written.
type Digest struct {
	Overdue, Today, Week Listing[FollowUp]        // the first few of each
	Quiet                Listing[OrganizationRow] // the reader's clients that they were to be in touch with, the most overdue first
	Unread               int                      // notices that came since the last digest and were not read
}

// Empty reports whether there is nothing to say.
func (d Digest) Empty() bool {
	return len(d.Overdue.Rows)+len(d.Today.Rows)+len(d.Week.Rows)+len(d.Quiet.Rows)+d.Unread == 0
}
