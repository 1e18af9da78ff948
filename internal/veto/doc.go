// Package veto asks hooks whether nodes may be switched: a batch system that has a
// job on them, a person's page, whatever a site has. A hook is a program that reads
// the question as JSON on its stdin and answers on its stdout, or an address that
// is asked the same by HTTP POST.
//
// All hooks that a question concerns are asked at once, and all must allow it. A
// hook may refuse, for all nodes or for some by name; it may ask that the wish be
// confirmed; and if it hangs, dies or talks nonsense, the room says whether that
// counts as a refusal (fail closed, as it is if nothing is said) or not. What comes
// of it is a [Verdict]; package desk acts upon it.
//
// What hooks say is text from elsewhere: it is bounded, cleaned, masked, and shown,
// never interpreted.
//
// Start at [New] and [Panel.Ask].
package veto
