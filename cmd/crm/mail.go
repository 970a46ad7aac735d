package main

import (
	"context"
	"fmt"
	"log/slog"

	"github.com/archpilot/crm/internal/mail"
	"github.com/archpilot/crm/internal/postgres"
)

// postOffice is what sends mail beside the server; nil where no mail is sent.
type postOffice struct {
	sender *mail.Sender
	writer mail.Writer
	bell   chan struct{}
	log    *slog.Logger
}

// postOffice returns one for the settings, nil where they name no mail server.
func (a *app) postOffice() (*postOffice, error) {
	if !a.SMTP.Enabled() {
		return nil, nil //nolint:nilnil // no mail is no fault
	}
	sender, err := mail.NewSender(mail.Options{
		Host: a.SMTP.Host, Port: a.SMTP.Port, User: a.SMTP.User, Password: a.SMTP.Password.Reveal(), From: string(a.SMTP.From),
		TLS: mail.TLS(a.SMTP.TLS), Hello: a.BaseURL.Host(),
	})
	if err != nil {
		return nil, fmt.Errorf("mail server CRM_SMTP_HOST=%s: %w", a.SMTP.Host, err)
	}
	writer := mail.Writer{Firm: a.Firm, BaseURL: string(a.BaseURL), Zone: a.Zone.Location()}
	return &postOffice{sender, writer, make(chan struct{}, 1), a.log}, nil
}

// leavesMail lets a command leave mail for the server to send; nil where no mail is sent.
func (a *app) leavesMail() func() {
	if !a.SMTP.Enabled() {
		return nil
	}
	return func() {}
}

// ring returns what tells that mail was left, nil without a post office. It never waits: one ring is enough for
// any number of mails.
func (p *postOffice) ring() func() {
	if p == nil {
		return nil
	}
	return func() {
		select {
		case p.bell <- struct{}{}:
		default:
		}
	}
}

// deliver starts a courier and returns a function that waits until it has stopped, which it does when ctx ends and
// the letter under way is sent.
func (p *postOffice) deliver(ctx context.Context, db *postgres.DB) (wait func()) {
	if p == nil {
		return func() {}
	}
	courier := mail.Courier{Outbox: db.Outbox(), Sender: p.sender, Writer: p.writer, Log: p.log, Bell: p.bell}
	done := make(chan struct{})
	ctx, stop := context.WithCancel(ctx)
	go func() {
		defer close(done)
		courier.Run(ctx)
	}()
	return func() {
		stop()
		<-done
	}
}
