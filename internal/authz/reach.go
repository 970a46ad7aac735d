package authz

// Reach is how far a permission goes: over no record, my own, my team's (and the teams below it), or all.
type Reach int

// Reaches, narrowest first, so that the wider of two is the larger.
const (
	None Reach = iota
	Own
	Team
	All
)

// ParseReach returns the reach named own, team or all, and None for anything else.
func ParseReach(s string) Reach {
	switch s {
	case "own":
		return Own
	case "team":
		return Team
	case "all":
		return All
	}
	return None
}

// String returns own, team, all, or "" for None.
func (r Reach) String() string {
	return [...]string{"", "own", "team", "all"}[r]
}
