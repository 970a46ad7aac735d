package quicklog

import (
	"strconv"
	"strings"
)

// longest is the longest duration, in minutes: a day.
const longest = 24 * 60

// duration reads how long something took, in minutes, from token i. It returns how many tokens that takes, 0 for none
// or one of more than a day.
func (r *reader) duration(i, end int) (minutes, n int) {
	skip := 0
	if fors[r.word(i, end)] {
		skip = 1
	}
	for _, read := range []func(i, end int) (int, int){r.spoken, r.counted, r.compact} {
		if minutes, n := read(i+skip, end); n > 0 && minutes > 0 && minutes <= longest {
			return minutes, n + skip
		}
	}
	return 0, 0
}

// spoken reads half an hour, mezz'ora.
func (r *reader) spoken(i, end int) (minutes, n int) { return lookup(r, durations, 5, i, end) }

// compact reads 15m, 15min, 90', 1h, 1h30, 1.5h.
func (r *reader) compact(i, end int) (minutes, n int) {
	key := r.word(i, end)
	hours, rest, isHours := strings.Cut(key, "h")
	if !isHours {
		return inMinutes(key)
	}
	if fraction, err := strconv.ParseFloat(strings.Replace(hours, ",", ".", 1), 64); err == nil && rest == "" && plainNumber(hours) && fraction <= longest/60 {
		return int(fraction*60 + 0.5), 1
	}
	whole, left := leadingInt(hours)
	if whole < 0 || left != "" || whole > longest/60 {
		return 0, 0
	}
	if more, left := leadingInt(rest); left == "" && more >= 0 && more < 60 {
		return whole*60 + more, 1
	}
	if more, n := inMinutes(rest); n > 0 && more < 60 {
		return whole*60 + more, 1
	}
	return 0, 0
}

// inMinutes reads 15m, 15min, 15'.
func inMinutes(s string) (minutes, n int) {
	figures, rest := leadingInt(s)
	if u, is := units[rest]; !is || u != minute || figures < 0 {
		return 0, 0
	}
	return figures, 1
}

// plainNumber reports whether s is digits with at most one sign among them: no exponent, no sign before it.
func plainNumber(s string) bool {
	return s != "" && len(s) <= 5 && strings.Trim(s, "0123456789.,") == "" && strings.Trim(s, ".,") == s
}

// counted reads 15 minutes, 2 ore, 1 hour and a half, 1 ora e 20 minuti.
func (r *reader) counted(i, end int) (minutes, n int) {
	count, u, n := r.amount(i, end)
	switch {
	case n == 0 || count > longest || u != minute && u != hour:
		return 0, 0
	case u == minute:
		return count, n
	}
	minutes = count * 60
	if half, m := lookup(r, halves, 3, i+n, end); m > 0 {
		return minutes + half, n + m
	}
	skip := 0
	if and := r.word(i+n, end); and == "and" || and == "e" {
		skip = 1
	}
	if more, u, m := r.amount(i+n+skip, end); m > 0 && u == minute && more < 60 {
		return minutes + more, n + skip + m
	}
	return minutes, n
}
