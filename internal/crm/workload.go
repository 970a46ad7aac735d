package crm

import "github.com/google/uuid"

// TouchDays is within how many days a client must have been in touch to count as covered.
const TouchDays = 90

// Workload is what one person has to do, and does. Each figure is the length of a list.
type Workload struct {
	UserID    uuid.UUID
	Name      string
	FollowUps int             // open ones for them
	Overdue   int             // of these
	MoreOpen  bool            // there are more: counting stopped there
	Talk      map[Channel]int // interactions by them in the week that it is, planned ones included
	MoreTalk  bool            // there may be more: not all were looked at

	// Of their active organizations, for who may know their last contact.
	SeesClients bool
	Clients     int
	InTouch     int // within TouchDays, planned interactions included
	Quiet       QuietCount
}

// Coverage returns the share of the clients who are in touch, in whole percent: 100 only when all are.
func (w Workload) Coverage() int {
	if w.Clients == 0 {
		return 0
	}
	return 100 * w.InTouch / w.Clients
}

// Staff are the people within somebody's reach, and how they are doing.
type Staff struct {
	People []Workload // active users by name
	More   bool       // there are more people after these

	Talk   []WeekTalk    // by all of them, deactivated ones included; fewer weeks than asked for where one of them had too much to count
	TeamID uuid.NullUUID // the team whose people they are, with those of the teams below it; none for the whole firm
}
