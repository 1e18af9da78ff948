// Package run drives plans to their end. A run belongs to its [Runner], not to whoever
// asked for it: it goes on when the submitter goes away, can be followed from any door
// from its first update on, paused, resumed and cancelled by name, and it outlives the
// daemon: one that is stopped or killed goes on at the next start where it stood.
//
// One goroutine owns a run and works in turns: it takes in what devices, controls and
// checks have answered, finds out what that frees, writes both down in one transaction,
// and only then touches anything. So an intent is on the disk before a device acts, and
// a result before what depends on it begins. No branch of the plan waits for another.
// What a run tells ([Update]) and its log are the same thing, so followers miss nothing
// over a restart. A step that was cut off in the act is read back first and then goes on,
// since everything a step does may be done twice.
//
// Each run has an epoch, which grows whenever somebody takes it over, and is checked in
// the transaction of each write and before each effect: whoever drives a run with an
// older one has been replaced and must not act.
//
// Start at [New], [Runner.Submit] and [Runner.Follow]; drive.go holds the turns, up.go
// and down.go what is done to one node, log.go what is kept, resume.go how a run goes on.
package run
