// Package ups watches uninterruptible power supplies through their daemons and
// says how each stands, in words that can be trusted: what flaps does not count
// until it has held, what is lost on battery is assumed to go on emptying.
//
// It decides nothing about nodes by itself. What should be done on battery is
// worked out by [Policy.Decide] and, when power is back, by [Policy.Return]: pure
// functions from standings and forecasts to what is due, with the proof that it
// fits into the minutes there are. Whoever calls them starts the runs.
//
// Start at [Source] and [Watcher]; tracker.go is what counts and when, battery.go
// and comeback.go are the policy.
package ups
