package mail

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/mail"
	"net/netip"
	"strings"
	"time"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"
)

// TLS says how the connection to the mail server is kept private.
type TLS string

// The ways.
const (
	TLSAuto     TLS = "auto"     // as TLSImplicit on port 465, else as TLSStart; on this machine itself only where it is offered
	TLSStart    TLS = "starttls" // begin in clear, and refuse to go on so
	TLSImplicit TLS = "tls"      // from the first byte
	TLSNone     TLS = "none"
)

// sendTimeout bounds one try, whatever the server does. A courier holds a mail for longer than this.
const sendTimeout = time.Minute

// Options are what a Sender needs to know.
type Options struct {
	Host     string
	Port     uint16
	User     string // "" signs in nowhere
	Password string
	From     string // an address, with or without a name
	TLS      TLS
	Hello    string      // how to introduce this machine, whose own name is nobody's business
	Roots    *tls.Config // nil for the system's certificates; tests have their own
}

// Sender hands letters to one mail server. It keeps no connection open.
type Sender struct {
	o       Options
	from    *mail.Address
	options []gomail.Option
}

// NewSender returns a Sender, or an error that names the setting at fault. It does not connect.
func NewSender(o Options) (*Sender, error) {
	from, err := mail.ParseAddress(o.From)
	if err != nil {
		return nil, fmt.Errorf("sender %q: %w", o.From, err)
	}
	s := &Sender{o: o, from: from, options: []gomail.Option{
		gomail.WithPort(int(o.Port)), gomail.WithTimeout(sendTimeout / 3), gomail.WithHELO(o.Hello),
	}}
	if o.Roots != nil {
		s.options = append(s.options, gomail.WithTLSConfig(o.Roots))
	}
	s.options = append(s.options, o.privacy())
	if o.User != "" {
		s.options = append(s.options, gomail.WithSMTPAuth(gomail.SMTPAuthAutoDiscover), gomail.WithUsername(o.User), gomail.WithPassword(o.Password))
	}
	_, err = gomail.NewClient(o.Host, s.options...)
	return s, err
}

func (o Options) privacy() gomail.Option {
	switch {
	case o.TLS == TLSImplicit, o.TLS == TLSAuto && o.Port == 465:
		return gomail.WithSSL()
	case o.TLS == TLSNone:
		return gomail.WithTLSPolicy(gomail.NoTLS)
	case o.TLS == TLSAuto && Local(o.Host):
		return gomail.WithTLSPolicy(gomail.TLSOpportunistic)
	}
	return gomail.WithTLSPolicy(gomail.TLSMandatory)
}

// Local reports whether host is this very machine: what is sent there passes no wire.
func Local(host string) bool {
	ip, err := netip.ParseAddr(host)
	return strings.EqualFold(host, "localhost") || err == nil && ip.IsLoopback()
}

// Letter is a mail as a person reads it.
type Letter struct {
	ID      uuid.UUID // of the mail; every try has the same, and so the same Message-ID
	To      string
	Subject string
	Text    string
	Leave   string // address of the page where one ends letters like this, "" for those that come whatever one wants
}

// Send hands a letter to the server. Unless it is nil, note is called once the server answers, just before the letter goes:
// its error stops it. The error is a *Refused when the server will never take the letter, and an *Unclear when nobody can
// tell whether it did; after any other the server does not have it.
func (s *Sender) Send(ctx context.Context, l Letter, note func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, sendTimeout)
	defer cancel()
	m, err := s.message(l)
	if err != nil {
		return &Refused{err}
	}
	client, err := gomail.NewClient(s.o.Host, s.options...)
	if err != nil {
		return err
	}
	if err := client.DialWithContext(ctx); err != nil {
		return s.hushed(err)
	}
	defer func() { _ = client.Close() }() // the letter is there or not, whether the server says good-bye or not
	if note != nil {
		if err := note(ctx); err != nil {
			return err
		}
	}
	if err = client.Send(m); m.IsDelivered() { // what follows it tells nothing of the letter
		return nil
	}
	var fault *gomail.SendError
	switch {
	case !errors.As(err, &fault):
		return s.hushed(err)
	case fault.Reason == gomail.ErrSMTPRcptTo && !fault.IsTemp():
		return &Refused{s.hushed(err)}
	case fault.Reason == gomail.ErrSMTPDataClose && fault.ErrorCode() == 0: // cut off after the last line, before the answer
		return &Unclear{s.hushed(err)}
	}
	return s.hushed(err)
}

// message builds the mail. Nothing in it that a person typed stands in a header but the address, which go-mail
// parses and writes anew.
func (s *Sender) message(l Letter) (*gomail.Msg, error) {
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent())
	m.FromMailAddress(s.from)
	if err := m.To(l.To); err != nil {
		return nil, err
	}
	m.Subject(oneLine(l.Subject))
	m.SetMessageIDWithValue(l.ID.String() + s.from.Address[strings.LastIndexByte(s.from.Address, '@'):])
	m.SetDate()
	m.SetGenHeader("Auto-Submitted", "auto-generated") // no absence note shall answer
	if l.Leave != "" {
		m.SetGenHeader("List-Unsubscribe", "<"+oneLine(l.Leave)+">")
	}
	m.SetBodyString(gomail.TypeTextPlain, l.Text)
	return m, nil
}

// Refused is the error of a letter that trying again will not help: the server knows no such recipient.
type Refused struct{ err error }

// Error says why.
func (r *Refused) Error() string { return r.err.Error() }

// Unwrap returns what the server said.
func (r *Refused) Unwrap() error { return r.err }

// Unclear is the error of a letter that the server was given whole, and has not answered for.
type Unclear struct{ err error }

// Error says what happened instead of an answer.
func (u *Unclear) Error() string { return "it may have arrived: " + u.err.Error() }

// Unwrap returns what happened.
func (u *Unclear) Unwrap() error { return u.err }

// hushed takes the password out of an error: nothing says that a server does not repeat what it was told.
func (s *Sender) hushed(err error) error {
	if err == nil || s.o.Password == "" || !strings.Contains(err.Error(), s.o.Password) {
		return err
	}
	return errors.New(strings.ReplaceAll(err.Error(), s.o.Password, "…"))
}

// oneLine returns text without line breaks or other control characters, which a header must not have.
func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f || r == ' ' }), " ")
}
