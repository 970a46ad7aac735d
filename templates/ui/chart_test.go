package ui

import (
	"strconv"
	"testing"
)

func TestBarsEndBelowARoundNumber(t *testing.T) {
	t.Parallel()
	for highest, want := range map[int]int{0: 1, 1: 1, 3: 5, 5: 5, 6: 10, 11: 20, 49: 50, 51: 100, 1204: 2000} {
		c := Bars{Bars: []Bar{{Parts: []int{highest / 2, highest - highest/2}}, {Parts: []int{0, 0}}}}
		if got := c.top(); got != want {
			t.Errorf("the scale of a bar of %d ends at %d, want %d", highest, got, want)
		}
	}
}

// TestEveryPartIsSeen that is not 0, and stays within the drawing.
func TestEveryPartIsSeen(t *testing.T) {
	t.Parallel()
	c := Bars{Bars: []Bar{{Parts: []int{1, 0, 100_000, 1}}, {Parts: []int{0, 0, 0, 0}}}}
	parts := c.parts()
	if len(parts) != 3 {
		t.Fatalf("%d parts are drawn, want 3", len(parts))
	}
	for _, p := range parts {
		y, _ := strconv.ParseFloat(p.y, 64)
		height, _ := strconv.ParseFloat(p.height, 64)
		if height < 1 || y < 0 || y+height > chartHeight {
			t.Errorf("%s is drawn at %s, %s high", p.class, p.y, p.height)
		}
	}
}
