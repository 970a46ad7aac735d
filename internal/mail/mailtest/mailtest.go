// Package mailtest gives a test a mail server of its own, in the process, that keeps what it is sent. It delivers
// nothing.
package mailtest

import (
	"bytes"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/netip"
	"regexp"
	"sync"
	"testing"
	"time"

	gomail "github.com/emersion/go-message/mail"
	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
)

// Server is a mail server on this machine.
type Server struct {
	Port uint16

	t        testing.TB
	tls      *tls.Config
	implicit bool
	mu       sync.Mutex
	listener net.Listener
	running  *smtp.Server
	received []Letter
	refusal  error
	noData   error
	onData   func()
	signIns  []string
}

// Letter is a mail as it arrived.
type Letter struct {
	From, To string // of the envelope
	Header   gomail.Header
	Subject  string
	Text     string
	Signed   bool // the sender had signed in
	Private  bool // it came over TLS
}

// Link returns the last path of this site in the letter, such as /reset/X; "" without one.
func (l Letter) Link() string {
	if all := link.FindAllStringSubmatch(l.Text, -1); len(all) > 0 {
		return all[len(all)-1][1]
	}
	return ""
}

var link = regexp.MustCompile(`https?://[^/\s]+(/[a-z]+/[A-Z2-7]{26})\s`)

// Start starts a server without TLS.
func Start(t testing.TB) *Server { return StartTLS(t, nil, false) }

// StartTLS starts a server that offers TLS: after STARTTLS, or from the first byte when implicit.
func StartTLS(t testing.TB, config *tls.Config, implicit bool) *Server {
	t.Helper()
	s := &Server{t: t, tls: config, implicit: implicit}
	s.Up()
	t.Cleanup(s.Down)
	return s
}

// Up listens, on the same port as before.
func (s *Server) Up() {
	s.t.Helper()
	listener, err := net.ListenTCP("tcp", net.TCPAddrFromAddrPort(netip.AddrPortFrom(netip.MustParseAddr("127.0.0.1"), s.Port)))
	if err != nil {
		s.t.Fatal(err)
	}
	s.Port = uint16(listener.Addr().(*net.TCPAddr).Port) //nolint:gosec,forcetypeassert // a port of TCP
	server := smtp.NewServer(smtp.BackendFunc(func(c *smtp.Conn) (smtp.Session, error) { return &session{server: s, conn: c}, nil }))
	server.Domain, server.AllowInsecureAuth, server.ErrorLog = "localhost", true, quiet{}
	server.ReadTimeout, server.WriteTimeout = 10*time.Second, 10*time.Second
	var l net.Listener = listener
	if s.implicit {
		l = tls.NewListener(listener, s.tls)
	} else {
		server.TLSConfig = s.tls
	}
	s.listener, s.running = l, server
	go func() { _ = server.Serve(l) }() // ends with Down
}

// Down stops listening and cuts every connection.
func (s *Server) Down() {
	_ = s.listener.Close() // it may be down already, and the server may not have begun to serve
	_ = s.running.Close()
}

// Refuse makes the server answer every recipient with err; nil takes them again.
func (s *Server) Refuse(err *smtp.SMTPError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.refusal = nil
	if err != nil {
		s.refusal = err
	}
}

// RefuseData makes the server answer every letter with err, after it was given whole; nil takes them again.
func (s *Server) RefuseData(err *smtp.SMTPError) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.noData = nil
	if err != nil {
		s.noData = err
	}
}

// OnData calls do with each letter that arrived, before it is answered for.
func (s *Server) OnData(do func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.onData = do
}

// Letters returns what has arrived, in order.
func (s *Server) Letters() []Letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]Letter{}, s.received...)
}

// SignIns returns the user names that signed in.
func (s *Server) SignIns() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]string{}, s.signIns...)
}

type quiet struct{}

func (quiet) Printf(string, ...any) {}
func (quiet) Println(...any)        {}

// session is one connection.
type session struct {
	server   *Server
	conn     *smtp.Conn
	from, to string
	signed   bool
}

// Password is the one that opens the server, for any user.
const Password = "post horn gallop"

// AuthMechanisms offers one way to sign in.
func (*session) AuthMechanisms() []string { return []string{sasl.Plain} }

// Auth takes the Password.
func (s *session) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if password != Password {
			return smtp.ErrAuthFailed
		}
		s.signed = true
		s.server.mu.Lock()
		defer s.server.mu.Unlock()
		s.server.signIns = append(s.server.signIns, user)
		return nil
	}), nil
}

// Mail takes any sender.
func (s *session) Mail(from string, _ *smtp.MailOptions) error {
	s.from = from
	return nil
}

// Rcpt takes one recipient, unless they are refused.
func (s *session) Rcpt(to string, _ *smtp.RcptOptions) error {
	s.server.mu.Lock()
	defer s.server.mu.Unlock()
	if s.to != "" {
		return errors.New("one recipient at a time")
	}
	s.to = to
	return s.server.refusal
}

// Data keeps a letter.
func (s *session) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err
	}
	l, err := read(raw)
	if err != nil {
		return err
	}
	l.From, l.To, l.Signed = s.from, s.to, s.signed
	_, l.Private = s.conn.TLSConnectionState()
	s.server.mu.Lock()
	do, refused := s.server.onData, s.server.noData
	if refused == nil {
		s.server.received = append(s.server.received, l)
	}
	s.server.mu.Unlock()
	if refused != nil {
		return refused
	}
	if do != nil {
		do()
	}
	return nil
}

func read(raw []byte) (Letter, error) {
	m, err := gomail.CreateReader(bytes.NewReader(raw))
	if err != nil {
		return Letter{}, err
	}
	part, err := m.NextPart()
	if err != nil {
		return Letter{}, err
	}
	text, err := io.ReadAll(part.Body)
	if err != nil {
		return Letter{}, err
	}
	subject, err := m.Header.Subject()
	return Letter{Header: m.Header, Subject: subject, Text: string(bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n")))}, err
}

// Reset forgets a letter that was begun.
func (s *session) Reset() { s.from, s.to = "", "" }

// Logout ends the connection.
func (*session) Logout() error { return nil }
