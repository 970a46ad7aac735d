package mail

import (
	"strings"
	"time"

	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/l10n"
	"github.com/archpilot/crm/internal/paths"
	"github.com/archpilot/crm/internal/postgres"
)

// Writer writes letters in the firm's name.
type Writer struct {
	Firm    string
	BaseURL string           // under which people open the product; the request that caused a mail has no say in its links
	Zone    *time.Location   // for people who chose none
	Now     func() time.Time // the clock; nil for time.Now
}

// clock returns the moment and the zone that a mail is written in.
func (w Writer) clock(m postgres.Mail) crm.Clock {
	now := time.Now
	if w.Now != nil {
		now = w.Now
	}
	return crm.Clock{Now: now(), Zone: l10n.Zone(m.Zone, w.Zone)}
}

// Write returns the letter of a mail. It is plain text: there is nothing to show but sentences and links, and
// plain text can hide neither.
func (w Writer) Write(m postgres.Mail) Letter {
	c := w.clock(m)
	l := l10n.New(c.Zone, c.Now).In(l10n.Match(m.Language, ""))
	letter := Letter{ID: m.ID, To: m.Email}
	var lines []string
	switch {
	case m.Kind.Once():
		t := tidings{w, l, c}
		letter.Subject, lines = t.words(m)
		letter.Leave = w.BaseURL + paths.Notifications
	default:
		letter.Subject, lines = w.words(l, m)
	}
	lines = append([]string{l.T("Hello %s,", oneLine(m.Name))}, lines...)
	letter.Text = strings.Join(lines, "\n\n") + "\n\n" + oneLine(w.Firm) + "\n" + w.BaseURL + "\n"
	return letter
}

// words returns the subject, and the paragraphs after the greeting.
func (w Writer) words(l *l10n.Localizer, m postgres.Mail) (subject string, lines []string) {
	firm := oneLine(w.Firm)
	notYou := l.T("If that was not you, tell an administrator at once.")
	switch m.Kind {
	case crm.MailInvitation:
		return l.T("Your account at %s", firm), []string{
			l.T("You are invited to the client register of %s. Open this link to choose a password and come in:", firm),
			w.BaseURL + paths.Invitation(m.Secret),
			l.T("It works once, until %s. If you do not know what this is about, do nothing.", l.DateTime(m.ExpiresAt)),
		}
	case crm.MailReset:
		return l.T("A new password for %s", firm), []string{
			l.T("Somebody asked for a new password for your account. Open this link to choose one:"),
			w.BaseURL + paths.Reset(m.Secret),
			l.T("It works once, until %s. If you did not ask for it, do nothing: your password stays as it is.", l.DateTime(m.ExpiresAt)),
		}
	case crm.MailPassword:
		return l.T("Your password was changed"), []string{l.T("The password of your account was changed, and you are signed out everywhere else."), notYou}
	case crm.MailMFAOn:
		return l.T("Your second factor is on"), []string{l.T("Signing in to your account now takes a code besides the password."), notYou}
	case crm.MailMFAOff:
		return l.T("Your second factor is off"), []string{l.T("Signing in to your account now takes the password alone."), notYou}
	case crm.MailMFAReset:
		return l.T("Your second factor was reset"), []string{l.T("An administrator took the second factor off your account. Signing in takes the password alone until you set it up again."), notYou}
	case crm.MailToken:
		return l.T("A new API token"), []string{l.T("An API token was made for your account. Programs that hold it act in your name."), notYou}
	case crm.MailCalendar:
		return l.T("A new calendar address"), []string{l.T("A secret address was made under which calendar programs read your follow-ups and meetings."), notYou}
	}
	return "", nil
}
