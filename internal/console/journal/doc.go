// Package journal holds the logs of consoles: it writes what a console says with
// the time of each line, sets full logs aside, and reads them back: a span of
// time as text, or played again as it was.
//
// It exists apart from the consoles so that a client can play a log that it got
// from a daemon. Start at [Open], [Read] and [Play].
//
// A log is text, one line for each line of the console:
//
//	2026-03-01T12:00:00.123Z | login: root
//	2026-03-01T12:00:04.500Z * ann attached
//	2026-03-01T12:00:09.001Z + goes on
//
// Behind the bar stands what the console wrote, byte for byte but for a carriage
// return before the end of the line. A star marks what is said of the console. A plus
// sign goes on with the line before, which was cut.
package journal
