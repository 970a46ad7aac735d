package crm

import (
	"strconv"
	"strings"
)

// noMinutes is what a text that is no duration is read as; Validate refuses it.
const noMinutes = -1

// ParseMinutes reads a duration as people type it: "15", "15 min", "1:30", "1h", "1 h 30". It returns nil for an empty
// text, and a negative number, which Validate refuses at the field, for one that it cannot read.
func ParseMinutes(s string) *int {
	s = strings.ToLower(strings.Join(strings.Fields(s), ""))
	if s == "" {
		return nil
	}
	n := readMinutes(s)
	return &n
}

// readMinutes is ParseMinutes for a text in lower case without blanks.
func readMinutes(s string) int {
	for _, unit := range []string{"minutes", "minute", "mins", "min", "m", "\u2032", "'"} {
		if rest, cut := strings.CutSuffix(s, unit); cut {
			s = rest
			break
		}
	}
	for _, parting := range []string{"hours", "hour", "hrs", "hr", "h", ":"} {
		hours, minutes, parted := strings.Cut(s, parting)
		if !parted {
			continue
		}
		if minutes == "" && parting != ":" {
			minutes = "0"
		}
		h, m := smallNumber(hours), smallNumber(minutes)
		if h == noMinutes || m == noMinutes || m > 59 {
			return noMinutes
		}
		return 60*h + m
	}
	return smallNumber(s)
}

// smallNumber reads up to four digits, and nothing else that strconv takes: no sign, no underscore.
func smallNumber(s string) int {
	if len(s) == 0 || len(s) > 4 || strings.Trim(s, "0123456789") != "" {
		return noMinutes
	}
	n, _ := strconv.Atoi(s) // four digits are a number
	return n
}
