package mail

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"strings"
	"time"

	"github.com/archpilot/crm/internal/postgres"
)

// pollInterval is how often a courier looks into the outbox by itself: for mail that another instance or a command
// left, and for what is to be tried again.
const pollInterval = 3 * time.Second

// Courier takes mail out of the outbox and hands it to the sender, one after the other.
type Courier struct {
	Outbox postgres.Outbox
	Sender *Sender
	Writer Writer
	Log    *slog.Logger
	Bell   <-chan struct{} // rings when mail was left in this process
}

// Run delivers until ctx ends. A letter under way is finished first.
func (c *Courier) Run(ctx context.Context) {
	tick := time.NewTicker(pollInterval)
	defer tick.Stop()
	for {
		c.Deliver(ctx)
		select {
		case <-ctx.Done():
			return
		case <-c.Bell:
		case <-tick.C:
		}
	}
}

// Deliver hands over everything that is due.
func (c *Courier) Deliver(ctx context.Context) {
	for ctx.Err() == nil {
		m, found, err := c.Outbox.Next(ctx)
		if err != nil && ctx.Err() == nil {
			c.Log.WarnContext(ctx, "the outbox cannot be read and is tried again", "error", err)
		}
		if err != nil || !found {
			return
		}
		c.deliver(context.WithoutCancel(ctx), m) // it has a deadline of its own
	}
}

// deliver hands over one mail and notes how that went. Where that cannot be noted the mail comes again when its
// lease ends, unless it must not arrive twice.
func (c *Courier) deliver(ctx context.Context, m postgres.Mail) {
	err := c.send(ctx, m)
	if errors.Is(err, postgres.ErrUnwanted) {
		c.Log.DebugContext(ctx, "mail not wanted any more", "mail", m.ID, "kind", m.Kind)
		return
	}
	if err == nil {
		err = c.Outbox.Sent(ctx, m.ID)
		c.Log.InfoContext(ctx, "mail sent", "mail", m.ID, "kind", m.Kind, "noted", err == nil)
		return
	}
	fault := oneLine(err.Error())
	if m.Secret != "" {
		fault = strings.ReplaceAll(fault, m.Secret, "…")
	}
	var refused *Refused
	var unclear *Unclear
	final := errors.As(err, &refused) || m.Kind.Once() && errors.As(err, &unclear)
	c.Log.WarnContext(ctx, "mail not sent", "mail", m.ID, "kind", m.Kind, "error", fault, "final", final)
	if err := c.Outbox.Failed(ctx, m, strings.ToValidUTF8(fault, "\uFFFD"), final); err != nil {
		c.Log.WarnContext(ctx, "the failure of a mail could not be noted; it is tried again", "mail", m.ID, "error", err)
	}
}

// send turns a panic into an error: a mail that cannot be written must not take the server down.
func (c *Courier) send(ctx context.Context, m postgres.Mail) (err error) {
	defer func() {
		if fault := recover(); fault != nil {
			c.Log.ErrorContext(ctx, "panic", "fault", fault, "mail", m.ID, "stack", string(debug.Stack()))
			err = fmt.Errorf("internal fault: %v", fault)
		}
	}()
	if !m.Kind.Once() {
		return c.Sender.Send(ctx, c.Writer.Write(m), nil)
	}
	if m, err = c.Outbox.Look(ctx, m, c.Writer.clock(m)); err != nil {
		return err
	}
	return c.Sender.Send(ctx, c.Writer.Write(m), func(ctx context.Context) error { return c.Outbox.HandOver(ctx, m) })
}
