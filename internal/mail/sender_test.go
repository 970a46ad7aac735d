package mail_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/emersion/go-smtp"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/mail"
	"github.com/archpilot/crm/internal/mail/mailtest"
)

func letter(to string) mail.Letter {
	return mail.Letter{ID: uuid.New(), To: to, Subject: "Grüße", Text: "Hello Mia,\n\nà bientôt\n"}
}

func options(s *mailtest.Server) mail.Options {
	return mail.Options{Host: "127.0.0.1", Port: s.Port, From: "Northgate <crm@northgate.example>", TLS: mail.TLSAuto, Hello: "crm.northgate.example"}
}

func sender(t *testing.T, o mail.Options) *mail.Sender {
	t.Helper()
	s, err := mail.NewSender(o)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// certificates returns what a server for 127.0.0.1 shows, and what its callers trust.
func certificates(t *testing.T) (server, client *tls.Config) {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	t.Cleanup(s.Close)
	pool := x509.NewCertPool()
	pool.AddCert(s.Certificate())
	return &tls.Config{Certificates: s.TLS.Certificates, MinVersion: tls.VersionTLS12},
		&tls.Config{RootCAs: pool, ServerName: "127.0.0.1", MinVersion: tls.VersionTLS12}
}

func TestALetterArrivesAsWritten(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	l := letter("mia@example.test")
	if err := sender(t, options(server)).Send(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	got := server.Letters()[0]
	if got.From != "crm@northgate.example" || got.To != l.To || got.Subject != l.Subject || strings.TrimRight(got.Text, "\n") != strings.TrimRight(l.Text, "\n") {
		t.Errorf("got %+v", got)
	}
	for header, want := range map[string]string{
		"Message-Id": "<" + l.ID.String() + "@northgate.example>", "Auto-Submitted": "auto-generated", "To": "<mia@example.test>",
		"From": `"Northgate" <crm@northgate.example>`, "X-Mailer": "", "User-Agent": "",
	} {
		if got := got.Header.Get(header); got != want {
			t.Errorf("%s: got %q, want %q", header, got, want)
		}
	}
}

// What people type never makes a header: names stand in the text only, addresses are parsed, subjects folded.
func TestNobodyWritesHeaders(t *testing.T) {
	t.Parallel()
	server := mailtest.Start(t)
	s := sender(t, options(server))
	for _, to := range []string{
		"a@example.test\r\nBcc: evil@example.test", "a@example.test, evil@example.test", "a@example.test>\r\nX-Evil: 1\r\n<b@example.test", "\r\n", "", "a\x00@example.test",
	} {
		err := s.Send(t.Context(), letter(to), nil)
		var refused *mail.Refused
		if err != nil && !errors.As(err, &refused) {
			t.Errorf("%q: %v, want it refused for good", to, err)
		}
	}
	l := letter("mia@example.test")
	l.Subject = "Hi\r\nBcc: evil@example.test\r\n\r\nbody"
	l.Text = "Hello Mia\r\n.\r\nMAIL FROM:<x>\r\nBcc: evil@example.test\n"
	if err := s.Send(t.Context(), l, nil); err != nil {
		t.Fatal(err)
	}
	for _, got := range server.Letters() {
		if strings.Contains(got.To, "evil") || got.Header.Has("Bcc") || got.Header.Has("X-Evil") {
			t.Errorf("a header was written: %+v", got)
		}
		if got.To != "mia@example.test" || got.Subject != "Hi Bcc: evil@example.test body" {
			t.Errorf("a letter to %q: %q", got.To, got.Subject)
		}
	}
	if n := len(server.Letters()); n != 1 {
		t.Errorf("%d letters, want 1", n)
	}
}

func TestTheWayIsPrivateOrNotTaken(t *testing.T) {
	t.Parallel()
	shown, trusted := certificates(t)
	_, stranger := certificates(t)
	stranger.RootCAs = x509.NewCertPool()
	plain, start, implicit := mailtest.Start(t), mailtest.StartTLS(t, shown, false), mailtest.StartTLS(t, shown, true)
	for name, tt := range map[string]struct {
		server  *mailtest.Server
		mode    mail.TLS
		roots   *tls.Config
		arrives bool
		private bool
	}{
		"auto, this machine, none offered": {plain, mail.TLSAuto, trusted, true, false},
		"auto, this machine, offered":      {start, mail.TLSAuto, trusted, true, true},
		"starttls, none offered":           {plain, mail.TLSStart, trusted, false, false},
		"starttls, offered":                {start, mail.TLSStart, trusted, true, true},
		"starttls, unknown certificate":    {start, mail.TLSStart, stranger, false, false},
		"auto, unknown certificate":        {start, mail.TLSAuto, stranger, false, false},
		"tls":                              {implicit, mail.TLSImplicit, trusted, true, true},
		"tls, none offered":                {plain, mail.TLSImplicit, trusted, false, false},
		"tls, unknown certificate":         {implicit, mail.TLSImplicit, stranger, false, false},
		"none":                             {start, mail.TLSNone, trusted, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := options(tt.server)
			o.TLS, o.Roots = tt.mode, tt.roots
			l := letter("mia@example.test")
			err := sender(t, o).Send(t.Context(), l, nil)
			if (err == nil) != tt.arrives {
				t.Fatalf("got error %v, want arrival %v", err, tt.arrives)
			}
			for _, got := range tt.server.Letters() {
				if strings.Contains(got.Header.Get("Message-Id"), l.ID.String()) && (!tt.arrives || got.Private != tt.private) {
					t.Errorf("arrived with TLS %v, want %v", got.Private, tt.private)
				}
			}
		})
	}
}

// A server elsewhere must offer TLS, whatever it says.
func TestAutoTrustsOnlyThisMachine(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]bool{
		"localhost": true, "LOCALHOST": true, "127.0.0.1": true, "127.8.8.8": true, "::1": true,
		"mail.example.com": false, "localhost.example.com": false, "10.0.0.1": false, "0.0.0.0": false, "": false,
	} {
		if got := mail.Local(host); got != want {
			t.Errorf("Local(%q) = %v", host, got)
		}
	}
}

func TestThePasswordTravelsOverTLSOnlyAndIsNeverTold(t *testing.T) {
	t.Parallel()
	shown, trusted := certificates(t)
	private, plain := mailtest.StartTLS(t, shown, false), mailtest.Start(t)
	try := func(server *mailtest.Server, mode mail.TLS, password string) error {
		o := options(server)
		o.TLS, o.Roots, o.User, o.Password = mode, trusted, "crm", password
		return sender(t, o).Send(t.Context(), letter("mia@example.test"), nil)
	}
	if err := try(private, mail.TLSStart, mailtest.Password); err != nil || !private.Letters()[0].Signed {
		t.Errorf("sign-in over TLS: %v", err)
	}
	if err := try(plain, mail.TLSNone, mailtest.Password); err == nil || len(plain.SignIns()) > 0 {
		t.Errorf("the password went over the wire in clear: %v", err)
	}
	wrong := "a secret nobody may read"
	if err := try(private, mail.TLSStart, wrong); err == nil || strings.Contains(err.Error(), wrong) {
		t.Errorf("a wrong password: %v", err)
	}
}

func TestARefusedRecipientIsToldFromAnyOtherFailure(t *testing.T) {
	t.Parallel()
	for code, final := range map[int]bool{550: true, 553: true, 450: false, 451: false} {
		server := mailtest.Start(t)
		server.Refuse(&smtp.SMTPError{Code: code, EnhancedCode: smtp.EnhancedCode{code / 100, 1, 1}, Message: "not today"})
		err := sender(t, options(server)).Send(t.Context(), letter("mia@example.test"), nil)
		var refused *mail.Refused
		if err == nil || errors.As(err, &refused) != final || !strings.Contains(err.Error(), "not today") {
			t.Errorf("%d: got %v, want it final: %v", code, err, final)
		}
	}
	server := mailtest.Start(t)
	server.Down()
	var refused *mail.Refused
	if err := sender(t, options(server)).Send(t.Context(), letter("mia@example.test"), nil); err == nil || errors.As(err, &refused) {
		t.Errorf("a server that is down: %v", err)
	}
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	if err := sender(t, options(mailtest.Start(t))).Send(gone, letter("mia@example.test"), nil); err == nil {
		t.Error("sent after the context ended")
	}
}
