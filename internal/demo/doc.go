// Package demo keeps the demo room running: a simulated machine room
// ("millwright sim") and a daemon that looks after it ("millwright serve"), each a
// process of its own in the background, with all they need in one folder that is
// made anew each time.
//
// It runs the program's own commands and nothing that a user could not run, so
// that the demo is also an example. What it shows on the terminal, and bringing the
// room up, is done by the command line in package cli.
//
// A process is known to live by a lock on a file that it inherits and never closes,
// not by its number alone, which could be another's by now.
//
// Start at [Start]; [Find] gives one that runs, [Demo.Stop] ends it. [Demo.Kill] and
// [Demo.Revive] show that its work outlives the daemon.
package demo
