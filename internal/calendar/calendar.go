// Package calendar writes iCalendar files (RFC 5545): what calendar programs subscribe to, and one event to add.
//
// It adds to go-ical what programs stumble over and that leaves to its caller: lines folded at 75 octets between
// characters, texts without control characters, and a calendar that has nothing to show. Every moment is in UTC, so
// that no zone has to be described; a day has no zone at all. It is not for what belongs into a calendar: that is for
// package postgres, and its words for package web.
package calendar

import (
	"bytes"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/emersion/go-ical"
)

// Event is something at a moment, or on a day.
type Event struct {
	UID         string
	Summary     string
	Description string
	URL         string
	Day         string        // like 2026-12-04: the whole day, wherever it is read; else "" and
	Start       time.Time     // from this moment on
	Length      time.Duration // with Start
	Sequence    int           // counts the changes
	Modified    time.Time     // when it was last changed: nothing in the file depends on when it is written
}

// Calendar is a file of events.
type Calendar struct {
	Name   string
	Method string // "PUBLISH" for a file to be added to a calendar, "" for one to be subscribed to
	Events []Event
}

// product names what wrote a file.
const product = "-//ArchPilot//CRM//EN"

// refresh is how often a program should ask again.
const refresh = "PT1H"

// Bytes returns the file. The same events give the same bytes. It fails for an event whose day is none.
func (c Calendar) Bytes() ([]byte, error) {
	file := ical.NewCalendar()
	set(file.Component, ical.PropVersion, "2.0")
	set(file.Component, ical.PropProductID, product)
	set(file.Component, ical.PropCalendarScale, "GREGORIAN")
	if c.Method != "" {
		set(file.Component, ical.PropMethod, c.Method)
	} else {
		set(file.Component, "X-PUBLISHED-TTL", refresh)
		ttl := ical.NewProp(ical.PropRefreshInterval)
		ttl.SetValueType(ical.ValueDuration)
		ttl.Value = refresh
		file.Props.Set(ttl)
	}
	if c.Name != "" {
		text(file.Component, ical.PropName, c.Name)
		text(file.Component, "X-WR-CALNAME", c.Name)
	}
	for _, e := range c.Events {
		event, err := e.component()
		if err != nil {
			return nil, err
		}
		file.Children = append(file.Children, event)
	}
	if len(file.Children) == 0 {
		file.Children = append(file.Children, nothing())
	}
	var out bytes.Buffer
	if err := ical.NewEncoder(&out).Encode(file); err != nil {
		return nil, err
	}
	return fold(out.Bytes()), nil
}

func (e Event) component() (*ical.Component, error) {
	event := ical.NewComponent(ical.CompEvent)
	text(event, ical.PropUID, e.UID)
	moment(event, ical.PropDateTimeStamp, e.Modified)
	moment(event, ical.PropLastModified, e.Modified)
	set(event, ical.PropSequence, strconv.Itoa(e.Sequence))
	text(event, ical.PropSummary, e.Summary)
	if e.Description != "" {
		text(event, ical.PropDescription, e.Description)
	}
	if e.URL != "" {
		uri := ical.NewProp(ical.PropURL)
		uri.Value = e.URL
		event.Props.Set(uri)
	}
	if e.Day == "" {
		moment(event, ical.PropDateTimeStart, e.Start)
		moment(event, ical.PropDateTimeEnd, e.Start.Add(e.Length))
		return event, nil
	}
	day, err := time.Parse(time.DateOnly, e.Day)
	if err != nil {
		return nil, err
	}
	for name, on := range map[string]time.Time{ical.PropDateTimeStart: day, ical.PropDateTimeEnd: day.AddDate(0, 0, 1)} { // the end is the first day after
		prop := ical.NewProp(name)
		prop.SetDate(on)
		event.Props.Set(prop)
	}
	set(event, ical.PropTransparency, "TRANSPARENT") // something to be done on a day takes nobody's time that day
	return event, nil
}

// nothing is what a calendar without events has: the format asks for a component, and this one shows nothing.
func nothing() *ical.Component {
	standard := ical.NewComponent(ical.CompTimezoneStandard)
	set(standard, ical.PropDateTimeStart, "19700101T000000")
	set(standard, ical.PropTimezoneOffsetFrom, "+0000")
	set(standard, ical.PropTimezoneOffsetTo, "+0000")
	zone := ical.NewComponent(ical.CompTimezone)
	set(zone, ical.PropTimezoneID, "UTC")
	zone.Children = append(zone.Children, standard)
	return zone
}

func set(c *ical.Component, name, value string) {
	prop := ical.NewProp(name)
	prop.Value = value
	c.Props.Set(prop)
}

func moment(c *ical.Component, name string, at time.Time) {
	prop := ical.NewProp(name)
	prop.SetDateTime(at.UTC().Truncate(time.Second))
	c.Props.Set(prop)
}

// text sets a text as it was typed, but for control characters, which no calendar shows and some refuse a file for.
func text(c *ical.Component, name, value string) {
	value = strings.ToValidUTF8(strings.ReplaceAll(value, "\r\n", "\n"), "\uFFFD")
	value = strings.Map(func(r rune) rune {
		switch {
		case r == '\r', r == '\u0085', r == '\u2028', r == '\u2029':
			return '\n'
		case unicode.IsControl(r) && r != '\n' && r != '\t':
			return -1
		}
		return r
	}, value)
	prop := ical.NewProp(name)
	prop.SetText(value)
	prop.Params.Del(ical.ParamValue) // a text is what these are anyway
	c.Props.Set(prop)
}

// lineOctets is how long a line may be; a longer one goes on in the next, which begins with a blank.
const lineOctets = 75

// fold breaks long lines, never within a character.
func fold(file []byte) []byte {
	var out bytes.Buffer
	for line := range bytes.SplitAfterSeq(file, []byte("\r\n")) {
		line = bytes.TrimSuffix(line, []byte("\r\n"))
		if len(line) == 0 {
			continue // after the last one
		}
		room := lineOctets
		for len(line) > room {
			cut := room
			for cut > 1 && !utf8.RuneStart(line[cut]) {
				cut--
			}
			out.Write(line[:cut])
			out.WriteString("\r\n ")
			line, room = line[cut:], lineOctets-1
		}
		out.Write(line)
		out.WriteString("\r\n")
	}
	return out.Bytes()
}
