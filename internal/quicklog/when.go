package quicklog

import (
	"strconv"
	"strings"
	"time"
	"unicode"
)

// sense says which of several days is meant: one that has been, or one to come.
type sense int

const (
	past sense = iota
	ahead
)

// when is a day, a time of day, both, or a moment.
type when struct {
	day   time.Time // at noon: a day has one in every zone, but not always a midnight
	clock *clock
	exact time.Time // so many hours or minutes from now
	week  bool      // the day is today, for its weekday
}

func (w when) timed() bool { return w.clock != nil || !w.exact.IsZero() }

// moment returns when w is. A day in the past without a time is noon, today now.
func (w when) moment(now time.Time, s sense) time.Time {
	if !w.exact.IsZero() {
		return w.exact.Truncate(time.Minute)
	}
	if w.clock == nil {
		if s == past && sameDay(w.day, now) {
			return now.Truncate(time.Minute)
		}
		return w.day
	}
	if w.day.IsZero() {
		return w.clock.nearest(now, s)
	}
	t := w.clock.on(w.day)
	if w.week && s == past && t.After(now) {
		t = w.clock.on(w.day.AddDate(0, 0, -7))
	}
	return t
}

// noon returns noon of the day so many days from t.
func noon(t time.Time, days int) time.Time {
	return time.Date(t.Year(), t.Month(), t.Day()+days, 12, 0, 0, 0, t.Location())
}

func sameDay(a, b time.Time) bool { return a.Year() == b.Year() && a.YearDay() == b.YearDay() }

// when reads a day and a time, in either order, or one of them, from token i. It returns how many tokens that takes.
func (r *reader) when(i, end int, s sense) (when, int) {
	if w, n := r.distance(i, end, s); n > 0 {
		if w.exact.IsZero() {
			c, m := r.clock(i+n, end)
			w.clock, n = c, n+m
		}
		return w, n
	}
	if w, n := r.day(i, end, s); n > 0 {
		c, m := r.clock(i+n, end)
		w.clock = c
		return w, n + m
	}
	c, n := r.clock(i, end)
	if n == 0 {
		return when{}, 0
	}
	w, m := r.day(i+n, end, s)
	w.clock = c
	return w, n + m
}

// distance reads "3 days ago", "tra 2 ore" and the like.
func (r *reader) distance(i, end int, s sense) (when, int) {
	to := ins[r.word(i, end)]
	from := i
	if to {
		from++
	}
	count, u, n := r.amount(from, end)
	if n == 0 {
		count, n = r.spoken(from, end) // half an hour ago
		u = minute
	}
	if n == 0 {
		return when{}, 0
	}
	n += from - i
	if !to {
		if s == ahead || !agos[r.word(i+n, end)] {
			return when{}, 0
		}
		count, n = -count, n+1
	}
	switch u {
	case minute:
		return when{exact: r.now.Add(time.Duration(count) * time.Minute)}, n
	case hour:
		return when{exact: r.now.Add(time.Duration(count) * time.Hour)}, n
	case week:
		return when{day: noon(r.now, 7*count)}, n
	case month:
		return when{day: monthsFrom(r.now, count)}, n
	}
	return when{day: noon(r.now, count)}, n
}

// monthsFrom returns the same day of another month, or its last day if it is shorter.
func monthsFrom(t time.Time, months int) time.Time {
	first := time.Date(t.Year(), t.Month()+time.Month(months), 1, 12, 0, 0, 0, t.Location())
	last := first.AddDate(0, 1, -1)
	return first.AddDate(0, 0, min(t.Day(), last.Day())-1)
}

// amount reads a count and a unit: "3 days", "un'ora", "2h".
func (r *reader) amount(i, end int) (count int, u unit, n int) {
	key := r.word(i, end)
	if rest, is := strings.CutPrefix(key, "un'"); is && rest != "" { // un'ora
		if u, is := units[rest]; is {
			return 1, u, 1
		}
	}
	if figures, rest := leadingInt(key); rest != "" && figures > 0 && figures < 10_000 { // 3d is none, 2h is one
		if u, is := units[rest]; is {
			return figures, u, 1
		}
	}
	count = r.number(i, end)
	name := r.word(i+1, end)
	u, is := units[name]
	if _, inWords := numbers[key]; count <= 0 || !is || inWords && len(name) == 1 { // "a m" are initials
		return 0, 0, 0
	}
	return count, u, 2
}

// number reads a count up to four digits, 0 for none.
func (r *reader) number(i, end int) int {
	key := r.word(i, end)
	if n := numbers[strings.TrimSuffix(key, "'")]; n > 0 {
		return n
	}
	n, rest := leadingInt(key)
	if rest != "" || n > 9999 {
		return 0
	}
	return n
}

// leadingInt returns the number that s begins with, and the rest; -1 where there is none or it is too long.
func leadingInt(s string) (int, string) {
	end := strings.IndexFunc(s, func(r rune) bool { return r < '0' || r > '9' })
	if end < 0 {
		end = len(s)
	}
	n, err := strconv.Atoi(s[:end])
	if err != nil || end > 6 {
		return -1, s
	}
	return n, s[end:]
}

// day reads a day: a word for one, a weekday, a date.
func (r *reader) day(i, end int, s sense) (when, int) {
	skip := 0
	if ons[r.word(i, end)] {
		skip = 1
	}
	for _, read := range []func(i, end int, s sense) (when, int){r.nearDay, r.weekday, r.nextPeriod, r.date} {
		if w, n := read(i+skip, end, s); n > 0 {
			return w, n + skip
		}
	}
	return when{}, 0
}

func (r *reader) nearDay(i, end int, s sense) (when, int) {
	days, n := lookup(r, near, 4, i, end)
	if n == 0 || s == ahead && days < 0 {
		return when{}, 0
	}
	return when{day: noon(r.now, days)}, n
}

// weekday reads fri, last friday, venerdì scorso, prossimo venerdì.
func (r *reader) weekday(i, end int, s sense) (when, int) {
	at, n := i, 1
	last, next := lasts[r.word(i, end)], nexts[r.word(i, end)]
	if last || next {
		at, n = i+1, 2
	}
	d, is := weekdays[r.word(at, end)]
	if !is {
		return when{}, 0
	}
	if after := r.word(at+1, end); n == 1 && (lasts[after] || nexts[after]) {
		last, next, n = lasts[after], nexts[after], 2
	}
	back := (int(r.now.Weekday()) - int(d) + 7) % 7
	switch {
	case s == ahead && last:
		return when{}, 0
	case s == ahead, next:
		return when{day: noon(r.now, 7-back)}, n
	case last && back == 0:
		back = 7
	}
	return when{day: noon(r.now, -back), week: back == 0}, n
}

// nextPeriod reads next week, its Monday, and next month, its first day.
func (r *reader) nextPeriod(i, end int, _ sense) (when, int) {
	a, b := r.word(i, end), r.word(i+1, end)
	if nexts[b] {
		a, b = b, a
	}
	u, is := units[b]
	switch {
	case !nexts[a] || !is:
	case u == week:
		return when{day: noon(r.now, 7-(int(r.now.Weekday())+6)%7)}, 2
	case u == month:
		return when{day: time.Date(r.now.Year(), r.now.Month()+1, 1, 12, 0, 0, 0, r.now.Location())}, 2
	}
	return when{}, 0
}

// date reads 2026-11-22, 22/11, 22.11.2026, 22 nov 2026, march 22.
func (r *reader) date(i, end int, s sense) (when, int) {
	key := r.word(i, end)
	if d, is := numericDate(key); is {
		return r.dated(d, s, 1)
	}
	number := func(i int) int { // 22, 22nd
		n, rest := leadingInt(r.word(i, end))
		if rest != "" && rest != "st" && rest != "nd" && rest != "rd" && rest != "th" && rest != "°" && rest != "º" {
			return 0
		}
		return n
	}
	d, n := calendarDay{}, 2
	if m, is := months[r.word(i+1, end)]; is && number(i) > 0 {
		d = calendarDay{month: int(m), day: number(i)}
	} else if m, is := months[key]; is && number(i+1) > 0 && weekdays[key] == 0 {
		d = calendarDay{month: int(m), day: number(i + 1)}
	} else {
		return when{}, 0
	}
	if year, rest := leadingInt(r.word(i+2, end)); rest == "" && year >= 1900 && year <= 2200 {
		d.year, n = year, 3
	}
	return r.dated(d, s, n)
}

// calendarDay is a date as written; year 0 for none.
type calendarDay struct{ year, month, day int }

// numericDate reads 2026-11-22, 22/11, 22/11/26, 22-11-2026, 22.11. and 22.11.2026. 22.11 is a time, and 22-11 a range.
func numericDate(s string) (calendarDay, bool) {
	for _, sign := range []string{"-", "/", "."} {
		fields := strings.Split(s, sign)
		if len(fields) == 1 || len(fields) > 3 {
			continue
		}
		dotted := sign == "." && len(fields) == 3 && fields[2] == ""
		if dotted || len(fields) == 2 && sign == "/" {
			fields = []string{fields[0], fields[1], "0"}
		}
		if len(fields) != 3 {
			return calendarDay{}, false
		}
		return parsedDate(fields)
	}
	return calendarDay{}, false
}

func parsedDate(fields []string) (calendarDay, bool) {
	var n [3]int
	for i, f := range fields {
		if len(f) > 4 || f == "" || strings.ContainsFunc(f, func(r rune) bool { return !unicode.IsDigit(r) || r > '9' }) {
			return calendarDay{}, false
		}
		n[i], _ = strconv.Atoi(f) // digits alone
	}
	d := calendarDay{n[2], n[1], n[0]}
	switch {
	case len(fields[0]) == 4:
		d = calendarDay{n[0], n[1], n[2]}
	case len(fields[2]) == 2:
		d.year += 2000
	}
	return d, d.month >= 1 && d.month <= 12 && d.day >= 1 && d.day <= 31 && (d.year == 0 || d.year >= 1900 && d.year <= 2200)
}

// dated returns the day that a date means: without a year the last such day or, of what is to come, the next. The 29th
// of February may be years away.
func (r *reader) dated(d calendarDay, s sense, n int) (when, int) {
	years, step := []int{d.year, d.year}, 1
	if d.year == 0 {
		years, step = []int{r.now.Year(), r.now.Year() - 8}, -1
		if s == ahead {
			years, step = []int{r.now.Year(), r.now.Year() + 8}, 1
		}
	}
	for year := years[0]; year != years[1]+step; year += step {
		t := time.Date(year, time.Month(d.month), d.day, 12, 0, 0, 0, r.now.Location())
		today := noon(r.now, 0)
		if t.Day() != d.day || d.year == 0 && (s == past && t.After(today) || s == ahead && t.Before(today)) {
			continue
		}
		return when{day: t}, n
	}
	return when{}, 0
}
