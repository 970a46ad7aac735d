package templates

import (
	"strings"
	"testing"
	"time"

	"github.com/a-h/templ"

	"github.com/archpilot/crm/internal/crm"
)

func sampleNotices() []crm.Notice {
	mine := crm.FollowUp{
		ID: id(81), Title: "Send the revised quote", Due: crm.Due{Day: "2026-11-22"}, UserID: some(9), State: crm.FollowUpOpen, OrganizationID: some(1),
		OrganizationName: "Granvik Robotics", ContactID: some(3), ContactName: "Åsa Lind", MayEdit: true,
	}
	at, given, done, theirs := mine, mine, mine, mine
	at.ID, at.Due = id(82), crm.Due{At: now}
	given.ID, given.OrganizationName, given.ContactName = id(83), "", ""
	done.ID, done.State = id(84), crm.FollowUpDone
	theirs.ID, theirs.UserID = id(85), some(10)
	return []crm.Notice{
		{ID: id(91), Kind: crm.NoticeDue, CreatedAt: ago(time.Minute), Seen: true, FollowUp: mine},
		{ID: id(92), Kind: crm.NoticeDue, CreatedAt: ago(time.Hour), Seen: true, FollowUp: at},
		{ID: id(93), Kind: crm.NoticeAssigned, CreatedAt: ago(2 * time.Hour), GivenBy: "Marco Testa", Seen: true, FollowUp: given},
		{ID: id(94), Kind: crm.NoticeAssigned, CreatedAt: ago(3 * time.Hour), FollowUp: crm.FollowUp{ID: id(86)}},
		{ID: id(95), Kind: crm.NoticeDue, CreatedAt: ago(30 * time.Hour), ReadAt: now, Seen: true, FollowUp: done},
		{ID: id(96), Kind: crm.NoticeAssigned, CreatedAt: ago(40 * time.Hour), ReadAt: now, GivenBy: "Marco Testa", Seen: true, FollowUp: theirs},
	}
}

func noticeSamples() map[string]templ.Component {
	p, busy := samplePage(), samplePage()
	busy.Unread, busy.UserID = 4, id(9).String()
	refused := Form{Values: map[string]string{"digest": "hourly", "digest_hour": "4", "due": "off", "assigned": "inbox"}, Errors: crm.Invalid{"digest": crm.Msg("Choose on which days the digest comes."), "digest_hour": crm.Msg("Choose an hour from %d to %d.", 5, 10)}}
	return map[string]templ.Component{
		"inbox":                 Inbox(InboxPage{Page: busy, Notices: sampleNotices(), Until: now, NextURL: "/inbox?after=x"}),
		"inbox-empty":           Inbox(InboxPage{Page: p, NoneYet: true}),
		"notifications":         Notifications(NotificationsPage{Page: p, SendsMail: true, Form: Form{Values: map[string]string{"digest": "daily", "digest_hour": "7", "due": "inbox", "assigned": "mail"}}}),
		"notifications-refused": Notifications(NotificationsPage{Page: p, Form: refused}),
	}
}

func TestAnInboxOffersWhatIsToDo(t *testing.T) {
	t.Parallel()
	doc := render(t, noticeSamples()["inbox"])
	if done := doc.Find(".told form[action$='/done']").Length(); done != 3 {
		t.Errorf("%d notices offer Done, want those three that are open and the reader's", done)
	}
	if links := doc.Find(".told .grow > a").Length(); links != 5 {
		t.Errorf("%d links, want none to what the reader cannot see", links)
	}
	if reads := doc.Find(".told a[data-reads]").Length(); reads != 3 {
		t.Errorf("%d links mark as read, want the three that are not", reads)
	}
	for selector, want := range map[string]string{".rail .badge": "4 unread", ".top .badge": "4", ".told:nth-child(1) small": "Done", ".told:nth-child(2) small": "Not yours any more", ".told:nth-child(3) small": "due"} {
		if got := doc.Find(selector).Last().Text(); !strings.Contains(got, want) {
			t.Errorf("%s says %q, want %q", selector, got, want)
		}
	}
}

func TestTheCountOfTheInbox(t *testing.T) {
	t.Parallel()
	for n, want := range map[int]string{0: "", 1: "1", 99: "99", 100: "99+"} {
		p := zeroPage()
		p.Unread = n
		if got := p.unreadCount(); got != want {
			t.Errorf("%d: got %q, want %q", n, got, want)
		}
	}
}
