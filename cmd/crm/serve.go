package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"syscall"
	"time"

	"github.com/archpilot/crm/internal/config"
	"github.com/archpilot/crm/internal/postgres"
	"github.com/archpilot/crm/web"
)

const (
	// drainMoment is how long readiness refuses before the listener closes, for a proxy to look.
	drainMoment      = 200 * time.Millisecond
	shutdownPatience = 20 * time.Second
	sweepInterval    = time.Hour
)

type serveCmd struct {
	Demo bool `help:"Load the demo firm if the register is empty."`
}

// Run serves until a signal comes.
func (c serveCmd) Run(ctx context.Context, a *app) error {
	return a.onDatabase(ctx, startPatience, func(d *database) error {
		applied, err := d.migrate(ctx)
		if err != nil {
			return err
		}
		if n := len(applied); n > 0 {
			a.log.Info("brought the schema up to date", "migrations", n, "last", applied[n-1])
		}
		post, err := a.postOffice()
		if err != nil {
			return err
		}
		db, err := postgres.Open(d.url, postgres.Options{Mail: post.ring()})
		if err != nil {
			return err
		}
		defer db.Close()
		return c.serve(ctx, a, d, db, post)
	})
}

// serve listens before it loads the demo firm, so that passwords are not made for a port that is taken.
func (c serveCmd) serve(ctx context.Context, a *app, d *database, db *postgres.DB, post *postOffice) error {
	listener, err := listen(a.Listen, "CRM_LISTEN")
	if err != nil {
		return err
	}
	defer func() { _ = listener.Close() }() // the server has closed it already, unless it never ran
	metrics := newMetrics()
	stopMetrics, err := metrics.serve(a)
	if err != nil {
		return err
	}
	defer stopMetrics()
	if err := c.welcome(ctx, a, d, db); err != nil {
		return err
	}
	a.say("%s is at %s; Ctrl-C stops it.", a.Firm, a.address(listener))
	go sweep(ctx, db, a.log)
	defer post.deliver(ctx, db)()
	defer a.remind(ctx, db)()
	stopJobs, err := a.workOff(ctx, d)
	if err != nil {
		return err
	}
	defer stopJobs()
	return a.handle(ctx, listener, web.New(a.site(db, metrics.observe)))
}

// welcome sees to it that somebody can sign in, or says how.
func (c serveCmd) welcome(ctx context.Context, a *app, d *database, db *postgres.DB) error {
	inhabited, err := db.HasUsers(ctx)
	switch {
	case err != nil:
		return err
	case inhabited && c.Demo:
		a.say("The register has users already. Who lost a password: crm user reset-password E-MAIL")
		return nil
	case inhabited:
		return nil
	case c.Demo:
		return c.loadDemo(ctx, a, d)
	}
	a.say("Nobody can sign in yet. Add the first admin: crm user add --email E-MAIL --name NAME --role admin")
	return nil
}

// loadDemo passes over a register that holds something, or that somebody else fills at this moment. It needs
// more time for a statement than the pages have.
func (serveCmd) loadDemo(ctx context.Context, a *app, d *database) error {
	db, err := d.openPool()
	if err != nil {
		return err
	}
	defer db.Close()
	if err := a.loadDemo(ctx, db); !errors.Is(err, postgres.ErrNotEmpty) {
		return err
	}
	a.say("The register is not empty; the demo firm was not loaded.")
	return nil
}

func (a *app) site(db *postgres.DB, observe web.Observer) web.Options {
	return web.Options{
		DB: db, Hasher: a.hasher(), Log: a.log, Observe: observe,
		Firm: a.Firm, BaseURL: string(a.BaseURL), Zone: a.Zone.Location(),
		Secure: a.BaseURL.Secure(), TrustedProxies: a.TrustedProxies,
		SessionIdle: a.SessionIdle, SessionMax: a.SessionMax,
		NewestSchema: newestSchema(), Development: a.Development,
	}
}

// handle answers requests until the context ends, then lets those under way finish.
func (a *app) handle(ctx context.Context, listener net.Listener, site *web.Server) error {
	server := &http.Server{
		Handler:           closing(ctx, site.Handler()),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       15 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       60 * time.Second,
		MaxHeaderBytes:    32 << 10,
		ErrorLog:          slog.NewLogLogger(a.log.Handler(), slog.LevelWarn),
	}
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	go debug.FreeOSMemory() // starting takes twice what an idle program needs, a demo firm ten times what pages do
	select {
	case err := <-failed:
		return fmt.Errorf("serving: %w", err)
	case <-ctx.Done():
	}
	a.log.Info("stopping: requests under way may finish")
	site.Drain()
	time.Sleep(drainMoment)
	patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), shutdownPatience)
	defer cancel()
	if err := server.Shutdown(patience); err != nil {
		a.log.Warn("some requests did not finish and are cut off", "error", err)
		return server.Close()
	}
	return nil
}

// closing ends each connection after its answer once the server is about to stop: a proxy that would send
// another request over it could not know whether a cut connection means that it was handled.
func closing(ctx context.Context, next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if ctx.Err() != nil {
			w.Header().Set("Connection", "close")
		}
		next.ServeHTTP(w, r)
	})
}

func listen(address config.Address, setting string) (net.Listener, error) {
	listener, err := net.Listen("tcp", string(address))
	switch {
	case errors.Is(err, syscall.EADDRINUSE):
		return nil, fmt.Errorf("another program listens on %s already: stop it, or choose another address with %s", address, setting)
	case errors.Is(err, syscall.EACCES):
		return nil, fmt.Errorf("this user may not listen on %s: choose a port from 1024 up with %s", address, setting)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", setting, err)
	}
	return listener, nil
}

// address is where to point a browser. Who chose another port but no base URL is told the port.
func (a *app) address(listener net.Listener) string {
	chosen := map[string]bool{}
	for _, v := range a.Describe() {
		chosen[v.Name] = v.Source != config.FromDefault
	}
	if chosen["CRM_BASE_URL"] || !chosen["CRM_LISTEN"] {
		return string(a.BaseURL)
	}
	host, port, err := net.SplitHostPort(listener.Addr().String())
	if ip := net.ParseIP(host); err != nil || ip.IsUnspecified() || ip.IsLoopback() {
		host = "localhost"
	}
	return "http://" + net.JoinHostPort(host, port)
}

// sweep clears away what has expired, now and every hour.
func sweep(ctx context.Context, db *postgres.DB, log *slog.Logger) {
	tick := time.NewTicker(sweepInterval)
	defer tick.Stop()
	for {
		if err := db.Sweep(ctx, time.Now()); err != nil && ctx.Err() == nil {
			log.Warn("expired rows were not cleared away and are tried again in an hour", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}
