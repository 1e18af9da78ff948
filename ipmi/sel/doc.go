// Package sel reads and writes the system event log of a BMC (chapters 31 and 32 of
// IPMI 2.0): what happened to the machine, when, and how bad it is.
//
// [Record] is one entry, the same type at both ends. [Read] gives a whole log,
// [ReadAndClear] empties it without losing what comes in meanwhile, [Follower] tells
// of new entries as they come. [Describe] puts an entry into words. BMCs keep time badly: [Log.Times]
// works out when things really happened, as far as the log itself proves it. [Save] and
// [Load] keep raw logs as text.
//
// Start at Read in read.go.
package sel
