package crm

import "time"

// reminderHour is when who has something to do on a day is reminded of it, in their zone.
const reminderHour = 8

// RemindedDay returns the day of which people in zone are reminded at a moment after from and not after to: the latest
// one, where several are; "" where none is. A clock that is put forward or back makes no second one of a day.
func RemindedDay(from, to time.Time, zone *time.Location) Day {
	day := DayOf(to, zone)
	if day.at(reminderHour, zone).After(to) {
		day = day.Plus(-1)
	}
	if !day.at(reminderHour, zone).After(from) {
		return ""
	}
	return day
}

// DigestDay returns the day whose digest is due now for people in zone who want one at an hour on these days, and when
// that day ends, after which it is not worth sending; "" where none is due. None is before the hour, nor from noon on: who
// was not told in the morning has begun the day without.
func DigestDay(now time.Time, zone *time.Location, days DigestDays, hour int) (Day, time.Time) {
	local := now.In(zone)
	weekend := local.Weekday() == time.Saturday || local.Weekday() == time.Sunday
	if local.Hour() < hour || local.Hour() >= digestEnd || days != DigestDaily && (days != DigestWeekdays || weekend) {
		return "", time.Time{}
	}
	day := DayOf(now, zone)
	return day, day.Plus(1).Start(zone)
}

// at returns the moment at which the day has come to an hour in zone. Where a clock is put forward over that hour it is
// the one after.
func (d Day) at(hour int, zone *time.Location) time.Time {
	t := d.Start(time.UTC)
	return time.Date(t.Year(), t.Month(), t.Day(), hour, 0, 0, 0, zone)
}
