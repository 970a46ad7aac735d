// Package config holds the settings that all commands share, and where each one came from:
// a flag, the CRM_* environment, a KEY=VALUE file, or the default, in this order.
//
// It opens no database and knows no command: package main embeds Settings in its own kong grammar
// and calls Load.
package config
