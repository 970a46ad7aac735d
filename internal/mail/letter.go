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
	BaseURL string         // under which people open the product; the request that caused a mail has no say in its links
	Zone    *time.Location // for people who chose none
}

// Write returns the letter of a mail. It is plain text: there is nothing to show but sentences and a link, and
// plain text can hide neither.
func (w Writer) Write(m postgres.Mail) Letter {
	l := l10n.New(l10n.Zone(m.Zone, w.Zone), time.Now()).In(l10n.Match(m.Language, ""))
	subject, lines := w.words(l, m)
	lines = append([]string{l.T("Hello %s,", oneLine(m.Name))}, lines...)
	return Letter{ID: m.ID, To: m.Email, Subject: subject, Text: strings.Join(lines, "\n\n") + "\n\n" + oneLine(w.Firm) + "\n" + w.BaseURL + "\n"}
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
