package ui

import "strconv"

// Bars is a chart of stacked bars, drawn for the eye: whoever does not see it reads its title and description, and the
// table that stands with it has the numbers. Colours are the style sheet's, by class; nothing is drawn where all is 0.
type Bars struct {
	ID          string   // of the element, for its label
	Title       string   // what is shown
	Description string   // what it says, in a sentence
	Series      []string // names of the parts of a bar, the lowest first
	Bars        []Bar
}

// Bar is one bar with the sizes of its parts.
type Bar struct {
	Label string
	Parts []int
}

// The drawing's measures, in its own units: it grows and shrinks with the page.
const (
	chartHeight = 118
	chartFoot   = 20 // for the labels
	chartStep   = 46 // from one bar to the next
	chartWidth  = 24 // of a bar
	chartGap    = 2  // between parts
	chartLeft   = 30 // for the scale
)

// chartPart is a part of a bar as it is drawn.
type chartPart struct{ class, x, y, height string }

func (c Bars) viewBox() string {
	return "0 0 " + strconv.Itoa(chartLeft+chartStep*len(c.Bars)) + " " + strconv.Itoa(chartHeight+chartFoot)
}

// top is the highest bar, rounded up to what people count in: 1, 2 or 5 and noughts.
func (c Bars) top() int {
	highest := 1
	for _, b := range c.Bars {
		sum := 0
		for _, n := range b.Parts {
			sum += n
		}
		highest = max(highest, sum)
	}
	for unit := 1; ; unit *= 10 {
		for _, n := range []int{1, 2, 5} {
			if n*unit >= highest {
				return n * unit
			}
		}
	}
}

// parts are the drawn parts of all bars. One that is not 0 is seen, however small.
func (c Bars) parts() []chartPart {
	var parts []chartPart
	scale := float64(chartHeight-8) / float64(c.top())
	for i, b := range c.Bars {
		y := float64(chartHeight)
		for n, size := range b.Parts {
			if size <= 0 {
				continue
			}
			height := max(float64(size)*scale, 1.5)
			y -= height
			parts = append(parts, chartPart{"part-" + strconv.Itoa(n), coordinate(float64(c.x(i))), coordinate(y), coordinate(max(height-chartGap/2, 1))})
		}
	}
	return parts
}

func (c Bars) x(bar int) int { return chartLeft + chartStep*bar + (chartStep-chartWidth)/2 }

// middle is where the label of a bar stands.
func (c Bars) middle(bar int) string { return strconv.Itoa(c.x(bar) + chartWidth/2) }

func coordinate(v float64) string { return strconv.FormatFloat(v, 'f', 1, 64) }
