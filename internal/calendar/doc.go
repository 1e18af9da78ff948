// Package calendar says when a schedule is due: by days, months and times of a
// time zone, or by the five fields of cron, with holidays on which it is skipped
// or moved. It only reckons; who calls it waits and acts.
//
// Times are those of the clocks on the wall, to the minute:
//
//   - A time that the clocks leave out (02:30 when they go forward at 02:00) is
//     due at the next minute there is, 03:00. Several such are due once.
//   - A time that they show twice is due once, the first time.
//   - A day on which clocks change is therefore as any other: "at 22:00" is due
//     once on each day, "every 15m" once for each quarter of an hour that the
//     clocks show for the first time.
//
// Time zones are read from the system (the Debian package tzdata), and are not
// built in.
//
// Start at [Spec], [Parse] and [Schedule.Next]; schedule.go is the reckoning,
// parse.go, cron.go and holidays.go are the text.
package calendar
