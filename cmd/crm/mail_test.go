package main

import (
	"context"
	"log/slog"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/uuid"

	"github.com/archpilot/crm/internal/config"
	"github.com/archpilot/crm/internal/crm"
	"github.com/archpilot/crm/internal/mail/mailtest"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/internal/postgres/postgrestest"
)

// The settings lead to a courier that is told of mail as it is left, and that ends with the server.
func TestMailLeavesAsTheSettingsSay(t *testing.T) {
	t.Parallel()
	inbox := mailtest.Start(t)
	var g grammar
	_, err := config.Load(&g, &g.Settings, nil, []string{
		"CRM_SMTP_HOST=127.0.0.1", "CRM_SMTP_PORT=" + strconv.Itoa(int(inbox.Port)), "CRM_SMTP_FROM=crm@northgate.example",
		"CRM_BASE_URL=https://crm.northgate.example", "CRM_FIRM=Northgate",
	}, kong.BindTo(background, (*context.Context)(nil)))
	if err != nil {
		t.Fatal(err)
	}
	a := &app{Settings: &g.Settings, log: slog.New(slog.DiscardHandler)}
	post, err := a.postOffice()
	if err != nil {
		t.Fatal(err)
	}
	arrived := make(chan struct{}, 1)
	inbox.OnData(func() { arrived <- struct{}{} })
	db := postgrestest.OpenURL(t, postgrestest.URL(t), postgres.Options{Mail: post.ring()})
	wait := post.deliver(background, db)
	if _, err := postgrestest.System(db).CreateInvited(background, crm.User{Name: "Mia", Email: "mia@example.test"}, uuid.NullUUID{}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-arrived:
	case <-time.After(20 * time.Second):
		t.Fatal("no letter came")
	}
	wait()
	l := inbox.Letters()[0]
	if !strings.Contains(l.Text, "https://crm.northgate.example/invitations/") || l.Subject != "Your account at Northgate" {
		t.Errorf("%q\n%s", l.Subject, l.Text)
	}
}

func TestWithoutAServerNothingIsLeft(t *testing.T) {
	t.Parallel()
	a := &app{Settings: &config.Settings{}}
	post, err := a.postOffice()
	if post != nil || err != nil || post.ring() != nil || a.leavesMail() != nil {
		t.Errorf("got %v %v, want no post office", post, err)
	}
	post.deliver(background, nil)()
}
