package config_test

import (
	"fmt"
	"os"

	"github.com/alecthomas/kong"

	"github.com/archpilot/crm/internal/config"
)

// The grammar of a program: the shared settings at its root, then its commands.
type grammar struct {
	config.Settings

	Serve serveCmd `cmd:"" default:"1" help:"Serve the pages (the default)."`
}

type serveCmd struct{}

// Run is called by kong with what was bound.
func (serveCmd) Run(s *config.Settings) error {
	fmt.Println("serving", s.Firm, "on", s.Listen, "for", s.BaseURL)
	return nil
}

func ExampleLoad() {
	args, env := []string{"--firm", "Northgate"}, []string{"CRM_LISTEN=127.0.0.1:9000", "HOME=/root"}

	var g grammar
	ctx, err := config.Load(&g, &g.Settings, args, env, kong.Name("crm"), kong.Description("The client register."))
	if err != nil {
		fmt.Fprintln(os.Stderr, "crm:", err)
		os.Exit(1)
	}
	if err := ctx.Run(&g.Settings); err != nil {
		fmt.Fprintln(os.Stderr, "crm:", err)
		os.Exit(1)
	}
	for _, v := range g.Describe()[8:12] {
		fmt.Printf("%s=%s (%s)\n", v.Name, v.Value, v.Source)
	}
	// Output:
	// serving Northgate on 127.0.0.1:9000 for http://localhost:8080
	// CRM_TRUSTED_PROXIES= (default)
	// CRM_METRICS_LISTEN= (default)
	// CRM_FIRM=Northgate (flag)
	// CRM_ZONE=UTC (default)
}
