// Package run drives plans to their end. A run belongs to its [Runner], not to
// whoever asked for it: it goes on when the submitter goes away, can be followed
// from any door from its first update on, and is cancelled by name.
//
// What a run does, in short: the intent is an event on the disk before anything is
// touched. The nodes of a wave are switched by one request to the fleet, read
// back, and given time to settle where a later wave needs them. A node that does
// not come to its goal blocks all that depends on it, which is said at once and by
// name; the rest of its wave, and every later node that does not depend on it,
// goes on, and the run ends partial. The result is an event on the disk before the
// end is told.
//
// This is the first form: runs live in memory, and one that the daemon's death
// cuts off leaves an intent without a result. Callers submit, follow and cancel,
// and know nothing of that, so a durable engine can take the place of drive.go.
// What belongs to it is here from the first day: each run has an epoch, checked
// before each effect.
//
// Start at [New], [Runner.Submit] and [Runner.Follow]; drive.go holds the waves, act.go
// what is done to their nodes, report.go how a run ends.
package run
