package config

import (
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

// Fault is what a person can mend in the settings: one sentence that names the setting.
type Fault struct{ sentence string }

// Error returns the sentence.
func (f *Fault) Error() string { return f.sentence }

func faultf(format string, args ...any) error { return &Fault{fmt.Sprintf(format, args...)} }

// envPrefix is what the names of our settings begin with; testPrefix is left to the test suite.
const (
	envPrefix  = "CRM_"
	testPrefix = "CRM_TEST_"
)

// secretFiles are the settings that may instead be read from a file named by NAME_FILE, as
// container platforms hand out secrets.
var secretFiles = []string{"CRM_DATABASE_URL", "CRM_SMTP_PASSWORD"}

// Load parses args into grammar, a pointer to a kong grammar that embeds *settings at its root,
// and fills what the flags leave open from env (as os.Environ gives it), the file named by
// --config or CRM_CONFIG, and the defaults. An empty value in env or file counts as not set.
//
// It returns the parsed context, to Run, or an error that is one sentence for the person who
// started the program. Options are kong's own: a name, a description, bindings.
func Load(grammar any, settings *Settings, args, env []string, options ...kong.Option) (*kong.Context, error) {
	l := &loader{names: settingNames(), env: env}
	parser, err := kong.New(grammar, append(options,
		kong.WithBeforeResolve(l.beforeResolve),
		kong.ValueFormatter(l.help),
	)...)
	if err != nil {
		return nil, fmt.Errorf("command line grammar: %w", err)
	}
	ctx, err := parser.Parse(args)
	if err != nil {
		return nil, plain(err)
	}
	if err := settings.check(); err != nil {
		return nil, err
	}
	settings.values = l.describe(ctx)
	return ctx, nil
}

// plain strips kong's wrapping from our own sentences, which already name the setting.
func plain(err error) error {
	if fault, ok := errors.AsType[*Fault](err); ok {
		return fault
	}
	return err
}

// envName returns a flag's name in the environment and in the file.
func envName(flag string) string {
	return envPrefix + strings.ToUpper(strings.ReplaceAll(flag, "-", "_"))
}

// settingNames asks kong for the flags of Settings, so that the struct stays the only list of them.
func settingNames() map[string]bool {
	names := map[string]bool{}
	for _, flag := range kong.Must(&Settings{}, kong.NoDefaultHelp()).Model.Flags {
		names[envName(flag.Name)] = true
	}
	return names
}

// origin is where a value that is no flag was found.
type origin struct {
	source Source
	place  string // for errors: "in the environment", "on line 3 of crm.env"
	value  string
}

// loader holds what one Load knows beside the flags.
type loader struct {
	names  map[string]bool
	env    []string
	found  map[string]origin // by name of the setting
	source map[string]Source // by name, of the values that were used
}

// beforeResolve reads environment and file. It runs after kong has served --help, so that help
// works however broken they are.
func (l *loader) beforeResolve(ctx *kong.Context) error {
	l.found, l.source = map[string]origin{}, map[string]Source{}
	fromEnv, err := l.environment()
	if err != nil {
		return err
	}
	path := fromEnv["CRM_CONFIG"].value
	for _, step := range ctx.Path {
		if step.Flag != nil && step.Flag.Name == "config" {
			path = fmt.Sprint(ctx.FlagValue(step.Flag))
		}
	}
	if err := l.file(path); err != nil {
		return err
	}
	for name, o := range fromEnv { // after the file: the environment wins
		l.found[name] = o
	}
	ctx.AddResolver(kong.ResolverFunc(l.resolve))
	return nil
}

// environment returns the CRM_* variables, or a fault naming the first, by name, that is no setting.
func (l *loader) environment() (map[string]origin, error) {
	given := map[string]origin{}
	for _, word := range slices.Sorted(slices.Values(l.env)) {
		name, value, _ := strings.Cut(word, "=")
		if !strings.HasPrefix(name, envPrefix) || strings.HasPrefix(name, testPrefix) {
			continue
		}
		if !l.known(name) {
			return nil, faultf("%s in the environment is not a setting of this program.", name)
		}
		if value != "" {
			given[name] = origin{FromEnvironment, "in the environment", value}
		}
	}
	return given, openSecrets(given)
}

// file adds the values of the configuration file, if one is named.
func (l *loader) file(path string) error {
	if path == "" {
		return nil
	}
	text, err := readFile(path)
	if err != nil {
		return faultf("The configuration file cannot be read: %v.", err)
	}
	entries, err := parseFile(text)
	if err != nil {
		return faultf("%s, %v.", path, err)
	}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		e := entries[name]
		if name == "CRM_CONFIG" || !l.known(name) {
			return faultf("%s on line %d of %s is not a setting of this program.", name, e.line, path)
		}
		if e.value != "" {
			l.found[name] = origin{FromFile, fmt.Sprintf("on line %d of %s", e.line, path), e.value}
		}
	}
	return openSecrets(l.found)
}

// known reports whether name is a setting, or names the file of a secret.
func (l *loader) known(name string) bool {
	base, isFile := strings.CutSuffix(name, "_FILE")
	return l.names[name] || isFile && slices.Contains(secretFiles, base)
}

// openSecrets replaces each NAME_FILE in given by NAME with the file's text, less the line break
// that editors leave at its end.
func openSecrets(given map[string]origin) error {
	for _, name := range secretFiles {
		o, has := given[name+"_FILE"]
		if !has {
			continue
		}
		if _, twice := given[name]; twice {
			return faultf("%s and %s_FILE are both set %s; keep one.", name, name, o.place)
		}
		text, err := readFile(o.value)
		if err != nil {
			return faultf("%s_FILE %s cannot be read: %v.", name, o.place, err)
		}
		delete(given, name+"_FILE")
		o.value = strings.TrimRight(text, "\r\n")
		given[name] = o
	}
	return nil
}

// resolve hands kong the value of a flag that was not given. The value is tried here first: only
// here is it known where it stood.
func (l *loader) resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	name := envName(flag.Name)
	o, has := l.found[name]
	if !has {
		return nil, nil //nolint:nilnil // kong's way to say "not here"
	}
	scratch := reflect.New(flag.Target.Type()).Elem()
	if err := flag.Parse(kong.Scan().PushTyped(o.value, kong.FlagValueToken), scratch); err != nil {
		reason := strings.TrimPrefix(err.Error(), flag.ShortSummary()+": ")
		return nil, faultf("%s %s: %s.", name, o.place, reason)
	}
	l.source[name] = o.source
	return o.value, nil
}

// help appends a setting's name in the environment to its line of --help.
func (l *loader) help(v *kong.Value) string {
	name := envName(v.Name)
	if v.Flag == nil || !l.names[name] {
		return v.Help
	}
	return strings.TrimSpace(v.Help + " ($" + name + ")")
}
