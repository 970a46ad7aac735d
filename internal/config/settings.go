package config

import (
	"log/slog"
	"time"
	_ "time/tzdata" // zones must be known where there are no zone files, as in a container
)

// Settings are the settings that all commands share. Embed it at the root of the kong grammar.
// A setting's name in the environment and in the file is its flag's: --data-dir is CRM_DATA_DIR.
// Everything is checked by Load; a zero Settings is not a usable one.
type Settings struct {
	Config string `placeholder:"FILE" help:"File of KEY=VALUE lines with the same names as the environment."`

	DatabaseURL        DSN    `placeholder:"URL" help:"PostgreSQL to use; without it the product runs its own under the data directory."`
	MigrateDatabaseURL DSN    `placeholder:"URL" help:"PostgreSQL sign-in that owns the tables, for migrations; --database-url when left out."`
	AppRole            string `placeholder:"ROLE" help:"Database role that 'migrate up' grants what the application needs."`
	DataDir            string `placeholder:"DIR" help:"Where the private PostgreSQL keeps its data."`
	PgBin              string `placeholder:"DIR" help:"Directory of the PostgreSQL server programs."`

	Listen         Address  `default:"127.0.0.1:8080" help:"Address to serve on."`
	BaseURL        BaseURL  `default:"http://localhost:8080" help:"Address under which people open the product."`
	TrustedProxies Prefixes `placeholder:"CIDR,…" help:"Proxies whose X-Forwarded-For counts."`
	MetricsListen  Address  `placeholder:"ADDRESS" help:"Address for Prometheus metrics; off when left out."`

	Firm string `default:"ArchPilot" help:"Name of the firm, as pages show it."`
	Zone Zone   `default:"UTC" help:"Time zone for people who chose none, such as Europe/Rome."`

	SMTP SMTP `embed:"" prefix:"smtp-"`

	SessionIdle time.Duration `default:"2h" help:"A session ends after this long without a request."`
	SessionMax  time.Duration `default:"12h" help:"A session ends after this long in any case."`

	LogLevel  slog.Level `default:"info" help:"debug, info, warn or error."`
	LogFormat LogFormat  `default:"text" help:"text or json."`

	Development bool `help:"Show pages for developers, such as /ui with every control."`

	Argon2MemoryKiB uint32 `name:"argon2-memory-kib" default:"65536" help:"Memory of a password hash; less is for tests only."`
	Argon2Time      uint32 `name:"argon2-time" default:"3" help:"Passes of a password hash; fewer are for tests only."`

	values []Value // what Describe tells, filled by Load
}

// SMTP is how mail leaves; without a host none does.
type SMTP struct {
	Host     string  `placeholder:"HOST" help:"Mail server; no mail is sent when left out."`
	Port     uint16  `default:"587" help:"Port of the mail server."`
	User     string  `placeholder:"USER" help:"Sign-in at the mail server."`
	Password Secret  `placeholder:"SECRET" help:"Password at the mail server."`
	From     Sender  `placeholder:"ADDRESS" help:"Sender of the product's mail."`
	TLS      MailTLS `name:"tls" default:"auto" help:"auto, starttls, tls or none: how the way to the mail server is kept private."`
}

// Enabled reports whether mail can be sent at all.
func (s SMTP) Enabled() bool { return s.Host != "" }

// MigrationURL returns the sign-in to migrate with: the owner's where one is set, else the usual one.
func (s *Settings) MigrationURL() DSN {
	if s.MigrateDatabaseURL != "" {
		return s.MigrateDatabaseURL
	}
	return s.DatabaseURL
}

// check tells the first fault that only shows when settings are seen together, or out of bounds.
func (s *Settings) check() error {
	switch {
	case s.Firm == "":
		return faultf("CRM_FIRM is empty; enter the firm's name.")
	case s.SessionIdle < time.Minute:
		return faultf("CRM_SESSION_IDLE is %s; enter one minute or more.", s.SessionIdle)
	case s.SessionMax < s.SessionIdle:
		return faultf("CRM_SESSION_MAX is %s, shorter than CRM_SESSION_IDLE, %s.", s.SessionMax, s.SessionIdle)
	case s.Argon2MemoryKiB < 8 || s.Argon2MemoryKiB > 4<<20:
		return faultf("CRM_ARGON2_MEMORY_KIB is %d; enter a number from 8 to 4194304.", s.Argon2MemoryKiB)
	case s.Argon2Time < 1 || s.Argon2Time > 100:
		return faultf("CRM_ARGON2_TIME is %d; enter a number from 1 to 100.", s.Argon2Time)
	case s.MigrateDatabaseURL != "" && s.DatabaseURL == "":
		return faultf("CRM_MIGRATE_DATABASE_URL is set but CRM_DATABASE_URL is not; set both or neither.")
	case s.SMTP.Enabled() && s.SMTP.Port == 0:
		return faultf("CRM_SMTP_PORT is 0; enter a number from 1 to 65535.")
	case s.SMTP.Enabled() && s.SMTP.From == "":
		return faultf("CRM_SMTP_HOST is set but CRM_SMTP_FROM is not; enter the sender's address.")
	case s.SMTP.Enabled() && s.SMTP.Password != "" && s.SMTP.User == "":
		return faultf("CRM_SMTP_PASSWORD is set but CRM_SMTP_USER is not; set both or neither.")
	case s.SMTP.Enabled() && s.SMTP.TLS == MailTLSNone && s.SMTP.User != "":
		return faultf("CRM_SMTP_TLS is none, which would send the password of CRM_SMTP_USER in clear; choose starttls or tls.")
	}
	return nil
}
