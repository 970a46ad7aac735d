package l10n

import (
	"testing"
	"time"
)

func TestRelative(t *testing.T) {
	t.Parallel()
	rome, err := time.LoadLocation("Europe/Rome")
	if err != nil {
		t.Fatal(err)
	}
	now := time.Date(2026, 11, 22, 9, 0, 0, 0, rome)
	l := New(rome, now)
	for _, tc := range []struct {
		at   time.Time
		want string
	}{
		{now, "just now"},
		{now.Add(-time.Minute), "1 minute ago"},
		{now.Add(-8 * time.Hour), "8 hours ago"},
		{now.Add(-10 * time.Hour), "yesterday"}, // before midnight, though less than a day ago
		{now.AddDate(0, 0, -3), "3 days ago"},
		{now.AddDate(0, 0, -21), "3 weeks ago"},
		{now.AddDate(-2, 0, 0), "22 Nov 2024"},
		{now.Add(16 * time.Hour), "tomorrow"},
		{now.AddDate(0, 0, 5), "in 5 days"},
	} {
		if got := l.Relative(tc.at); got != tc.want {
			t.Errorf("Relative(%v) = %q, want %q", tc.at, got, tc.want)
		}
	}
}

func TestNumber(t *testing.T) {
	t.Parallel()
	l := New(time.UTC, time.Now())
	for n, want := range map[int]string{0: "0", 999: "999", 1000: "1,000", 1234567: "1,234,567", -1234: "-1,234", -123: "-123"} {
		if got := l.Number(n); got != want {
			t.Errorf("Number(%d) = %q, want %q", n, got, want)
		}
	}
}
