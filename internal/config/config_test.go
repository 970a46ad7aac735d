package config

import (
	"bytes"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
)

type testGrammar struct {
	Settings

	Serve  struct{} `cmd:"" default:"1"`
	Config struct{} `cmd:""` // beside the flag of the same name
	User   struct {
		Email string
	} `cmd:""`
}

func load(args, env []string) (*Settings, error) {
	var g testGrammar
	_, err := Load(&g, &g.Settings, args, env, kong.Name("crm"))
	return &g.Settings, err
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "crm.env")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	s, err := load(nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	got := []any{
		s.Listen, s.BaseURL, s.MetricsListen, s.Firm, s.Zone.Location(), s.SessionIdle, s.SessionMax,
		s.LogLevel, s.LogFormat, s.Argon2MemoryKiB, s.Argon2Time, s.SMTP.Port, s.SMTP.Enabled(), len(s.TrustedProxies),
	}
	want := []any{
		Address("127.0.0.1:8080"), BaseURL("http://localhost:8080"), Address(""), "ArchPilot", time.UTC, 2 * time.Hour, 12 * time.Hour,
		slog.LevelInfo, LogText, uint32(65536), uint32(3), uint16(587), false, 0,
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("defaults: got %v, want %v", got, want)
	}
}

// Every name that registry.md promises, so that none is renamed by renaming a field.
func TestNames(t *testing.T) {
	t.Parallel()
	want := map[string]bool{}
	for n := range strings.FieldsSeq(`CONFIG DATABASE_URL MIGRATE_DATABASE_URL APP_ROLE DATA_DIR PG_BIN LISTEN BASE_URL
		TRUSTED_PROXIES METRICS_LISTEN FIRM ZONE SMTP_HOST SMTP_PORT SMTP_USER SMTP_PASSWORD SMTP_FROM SMTP_TLS SESSION_IDLE
		SESSION_MAX LOG_LEVEL LOG_FORMAT DEVELOPMENT ARGON2_MEMORY_KIB ARGON2_TIME`) {
		want["CRM_"+n] = true
	}
	if diff := cmp.Diff(want, settingNames()); diff != "" {
		t.Errorf("names (-want +got):\n%s", diff)
	}
}

func TestFlagWinsOverEnvironmentOverFileOverDefault(t *testing.T) {
	t.Parallel()
	file := write(t, "# comment\nexport CRM_FIRM='File & Co.'\nCRM_ZONE=Europe/Rome\n\nCRM_LISTEN=:1\nCRM_LOG_LEVEL=\n")
	s, err := load([]string{"--listen=:3", "--config", file}, []string{"CRM_LISTEN=:2", "CRM_ZONE=Asia/Tokyo", "CRM_TEST_ANY=x", "PATH=x", "CRM_APP_ROLE="})
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]Value{}
	for _, v := range s.Describe() {
		got[v.Name] = v
	}
	for _, want := range []Value{
		{"CRM_LISTEN", ":3", FromFlag},
		{"CRM_ZONE", "Asia/Tokyo", FromEnvironment},
		{"CRM_FIRM", "File & Co.", FromFile},
		{"CRM_LOG_LEVEL", "INFO", FromDefault},
		{"CRM_APP_ROLE", "", FromDefault},
		{"CRM_CONFIG", file, FromFlag},
	} {
		if got[want.Name] != want {
			t.Errorf("got %+v, want %+v", got[want.Name], want)
		}
	}
	if s.Firm != "File & Co." || s.Zone != "Asia/Tokyo" || s.Listen != ":3" {
		t.Errorf("settings: %q %q %q", s.Firm, s.Zone, s.Listen)
	}
}

func TestConfigFileNamedByTheEnvironment(t *testing.T) {
	t.Parallel()
	s, err := load(nil, []string{"CRM_CONFIG=" + write(t, "\ufeffCRM_FIRM = \"A=B\"\r\n")})
	if err != nil || s.Firm != "A=B" {
		t.Errorf("got %q, %v", s.Firm, err)
	}
	s, err = load([]string{"config", "--config", write(t, "CRM_FIRM=C")}, []string{"CRM_CONFIG=/nowhere"})
	if err != nil || s.Firm != "C" || s.Config == "" {
		t.Errorf("the flag loses: got %q, %v", s.Firm, err)
	}
}

func TestSecretsFromFiles(t *testing.T) {
	t.Parallel()
	dsn, pw := write(t, "postgres://u:p@h/d\n"), write(t, " spaces count \r\n")
	s, err := load(nil, []string{"CRM_DATABASE_URL_FILE=" + dsn, "CRM_CONFIG=" + write(t, "CRM_SMTP_PASSWORD_FILE="+pw)})
	if err != nil {
		t.Fatal(err)
	}
	if s.DatabaseURL.Reveal() != "postgres://u:p@h/d" || s.SMTP.Password.Reveal() != " spaces count " {
		t.Errorf("got %q and %q", s.DatabaseURL.Reveal(), s.SMTP.Password.Reveal())
	}
	if s.MigrationURL() != s.DatabaseURL {
		t.Error("migrations do not fall back to the database URL")
	}
}

func TestFaultsNameTheSetting(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, file string
		args, env  []string
		want       string
	}{
		{name: "unknown variable", env: []string{"CRM_LISTN=x"}, want: "CRM_LISTN in the environment is not a setting"},
		{name: "unknown variable, empty", env: []string{"CRM_NOPE="}, want: "CRM_NOPE in the environment"},
		{name: "not every setting has a file", env: []string{"CRM_FIRM_FILE=x"}, want: "CRM_FIRM_FILE in the environment"},
		{name: "unknown key", file: "\nCRM_X=1", want: "CRM_X on line 2 of "},
		{name: "key of a command's flag", file: "CRM_EMAIL=1", want: "CRM_EMAIL on line 1 of "},
		{name: "file naming a file", file: "CRM_CONFIG=x", want: "CRM_CONFIG on line 1"},
		{name: "unknown flag", args: []string{"--nope"}, want: "--nope"},
		{name: "file missing", args: []string{"--config=/nowhere/at/all"}, want: "The configuration file cannot be read: open /nowhere/at/all"},
		{name: "no pair", file: "hello", want: "line 1: write NAME=VALUE"},
		{name: "twice", file: "CRM_FIRM=a\nCRM_FIRM=b", want: "line 2: CRM_FIRM was set on line 1 already"},
		{name: "open quote", file: `CRM_FIRM="a`, want: "line 1: the quote before the value of CRM_FIRM"},
		{name: "bytes", file: "CRM_FIRM=\xff", want: "line 1: the value of CRM_FIRM is not UTF-8"},
		{name: "secret twice", env: []string{"CRM_SMTP_PASSWORD=a", "CRM_SMTP_PASSWORD_FILE=b"}, want: "CRM_SMTP_PASSWORD and CRM_SMTP_PASSWORD_FILE are both set"},
		{name: "secret missing", env: []string{"CRM_DATABASE_URL_FILE=/nowhere"}, want: "CRM_DATABASE_URL_FILE in the environment cannot be read"},
		{name: "bad value in the environment", env: []string{"CRM_LISTEN=8080"}, want: `CRM_LISTEN in the environment: "8080" is not an address`},
		{name: "bad value in the file", file: "CRM_ZONE=Mars", want: "CRM_ZONE on line 1 of "},
		{name: "bad value of a flag", args: []string{"--base-url=ftp://x"}, want: "--base-url: "},
		{name: "port", env: []string{"CRM_LISTEN=:99999"}, want: "CRM_LISTEN in the environment"},
		{name: "base with path", env: []string{"CRM_BASE_URL=http://x/y"}, want: "CRM_BASE_URL in the environment: enter no more than"},
		{name: "proxies", env: []string{"CRM_TRUSTED_PROXIES=10.0.0.0/8, x"}, want: `"x" is neither a network`},
		{name: "local zone", env: []string{"CRM_ZONE=Local"}, want: "CRM_ZONE"},
		{name: "duration", env: []string{"CRM_SESSION_IDLE=2"}, want: "CRM_SESSION_IDLE in the environment"},
		{name: "level", env: []string{"CRM_LOG_LEVEL=loud"}, want: "CRM_LOG_LEVEL in the environment"},
		{name: "format", env: []string{"CRM_LOG_FORMAT=xml"}, want: `"xml" is neither text nor json`},
		{name: "sender", env: []string{"CRM_SMTP_FROM=me"}, want: "CRM_SMTP_FROM"},
		{name: "smtp port", env: []string{"CRM_SMTP_PORT=70000"}, want: "CRM_SMTP_PORT in the environment"},
		{name: "database", env: []string{"CRM_DATABASE_URL=mysql://x"}, want: "CRM_DATABASE_URL in the environment: enter an address like postgres://"},
		{name: "session shorter than idle", env: []string{"CRM_SESSION_MAX=1h"}, want: "CRM_SESSION_MAX is 1h0m0s, shorter"},
		{name: "idle", env: []string{"CRM_SESSION_IDLE=1s"}, want: "CRM_SESSION_IDLE is 1s"},
		{name: "firm", args: []string{"--firm="}, want: "CRM_FIRM is empty"},
		{name: "memory", env: []string{"CRM_ARGON2_MEMORY_KIB=1"}, want: "CRM_ARGON2_MEMORY_KIB is 1"},
		{name: "time", env: []string{"CRM_ARGON2_TIME=0"}, want: "CRM_ARGON2_TIME is 0"},
		{name: "smtp tls", env: []string{"CRM_SMTP_TLS=ssl"}, want: `CRM_SMTP_TLS in the environment: "ssl" is none of auto, starttls, tls, none`},
		{name: "mail in clear", env: []string{"CRM_SMTP_HOST=mail", "CRM_SMTP_FROM=a@b.example", "CRM_SMTP_USER=u", "CRM_SMTP_TLS=none"}, want: "would send the password"},
		{name: "mail password alone", env: []string{"CRM_SMTP_HOST=mail", "CRM_SMTP_FROM=a@b.example", "CRM_SMTP_PASSWORD=p"}, want: "CRM_SMTP_USER is not"},
		{name: "mail without sender", env: []string{"CRM_SMTP_HOST=mail"}, want: "CRM_SMTP_FROM is not"},
		{name: "owner without database", env: []string{"CRM_MIGRATE_DATABASE_URL=postgres:///x"}, want: "CRM_DATABASE_URL is not"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			if tt.file != "" {
				tt.args = append(tt.args, "--config", write(t, tt.file))
			}
			_, err := load(tt.args, tt.env)
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("args %q, env %q: got %v, want a sentence with %q", tt.args, tt.env, err, tt.want)
			}
		})
	}
}

func TestProxies(t *testing.T) {
	t.Parallel()
	s, err := load(nil, []string{"CRM_TRUSTED_PROXIES=10.1.2.3/8, ::1,192.0.2.7 ,::ffff:10.0.0.1,"})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := s.TrustedProxies.String(), "10.0.0.0/8,::1/128,192.0.2.7/32,10.0.0.1/32"; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestPasswordsAreMasked(t *testing.T) {
	t.Parallel()
	const secret = "s3cr3t"
	for dsn, want := range map[string]string{
		"postgres://u:s3cr3t@h:5432/d?sslmode=require": "postgres://u:********@h:5432/d?sslmode=require",
		"postgres://u:s3cr3t@h1:1,h2:2/d":              "postgres://u:********@h1:1,h2:2/d",
		"postgres://u:s3cr3t%zz@h/d":                   "postgres://u:********@h/d",
		"postgres://u:a@s3cr3t@h/d":                    "postgres://u:********@h/d",
		"postgres://u@h/d?password=s3cr3t&x=1":         "postgres://u@h/d?password=********&x=1",
		"host=h user=u password=s3cr3t dbname=d":       "host=h user=u password=******** dbname=d",
		`host=h password = 'a \' s3cr3t' dbname=d`:     "host=h password = ******** dbname=d",
		`host=h sslpassword=a\ s3cr3t dbname=d`:        "host=h sslpassword=******** dbname=d",
		"postgres:///crm?host=/run/postgresql":         "postgres:///crm?host=/run/postgresql",
		"":                                             "",
	} {
		if got := fmt.Sprint(DSN(dsn)); got != want {
			t.Errorf("%s: got %s, want %s", dsn, got, want)
		}
	}
	s, err := load(nil, []string{"CRM_SMTP_PASSWORD=" + secret, "CRM_DATABASE_URL=postgres://u:" + secret + "@h/d"})
	if err != nil {
		t.Fatal(err)
	}
	var log bytes.Buffer
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "password", s.SMTP.Password.String(), "all", fmt.Sprintf("%v %+v %#v", s, *s, *s))
	if out := log.String() + fmt.Sprint(s.Describe()); strings.Contains(out, secret) {
		t.Errorf("the secret shows: %s", out)
	}
}

func TestHelpShowsTheNamesAndNeedsNoSettings(t *testing.T) {
	t.Parallel()
	var g testGrammar
	var out bytes.Buffer
	exited := false
	_, _ = Load(&g, &g.Settings, []string{"--help"}, []string{"CRM_NOPE=1"}, kong.Name("crm"),
		kong.Writers(&out, &out), kong.Exit(func(int) { exited = true }))
	if !exited || !strings.Contains(out.String(), "$CRM_SMTP_PASSWORD") {
		t.Errorf("exited %v, help:\n%s", exited, out.String())
	}
}

func FuzzParseFile(f *testing.F) {
	for _, seed := range []string{"CRM_FIRM=x", "export A='b'\n#c\n", "=", "A=\"", "\ufeff A = b", "A=\x00"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		entries, err := parseFile(text)
		for name, e := range entries {
			if err != nil || !isName(name) || e.line < 1 {
				t.Errorf("%q: %q on line %d, error %v", text, name, e.line, err)
			}
		}
	})
}

func FuzzMaskPasswords(f *testing.F) {
	f.Add("s3cr3t", "postgres://u:", "@h/d")
	f.Add("s3cr3t", "password=", " host=h")
	f.Fuzz(func(t *testing.T, _, before, after string) {
		_ = maskPasswords(before + "s3cr3t" + after) // must not panic
		got := maskPasswords("postgres://u:s3cr3t" + after)
		if strings.Contains(after, "@") && strings.Contains(got, "s3cr3t") && !strings.Contains(after, "s3cr3t") && !strings.ContainsAny(after, "\n/?#") {
			t.Errorf("%q: got %q", after, got)
		}
	})
}
