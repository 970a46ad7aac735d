package config

import (
	"fmt"

	"github.com/alecthomas/kong"
)

// Source says where a setting's value came from.
type Source string

// The four sources, in the order in which they win.
const (
	FromFlag        Source = "flag"
	FromEnvironment Source = "environment"
	FromFile        Source = "file"
	FromDefault     Source = "default"
)

// Value is one setting as `crm config` prints it.
type Value struct {
	Name   string // as in the environment and the file
	Value  string // secrets, and passwords inside addresses, are masked
	Source Source
}

// Describe returns every setting with its value and source, in the order of the struct.
// It is empty before Load.
func (s *Settings) Describe() []Value { return s.values }

func (l *loader) describe(ctx *kong.Context) []Value {
	source := l.source
	for _, step := range ctx.Path {
		if step.Flag != nil && !step.Resolved {
			source[envName(step.Flag.Name)] = FromFlag
		}
	}
	var values []Value
	for _, flag := range ctx.Model.Flags {
		name := envName(flag.Name)
		if !l.names[name] {
			continue
		}
		v := Value{Name: name, Value: fmt.Sprint(ctx.FlagValue(flag)), Source: FromDefault}
		if s := source[name]; s != "" {
			v.Source = s
		}
		values = append(values, v)
	}
	return values
}
