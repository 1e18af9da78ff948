// Package console owns the consoles of nodes. A [Hub] has one owner for each console
// that is open: it reaches the console and comes back to it when it is lost, keeps what
// came last for whoever attaches, writes the log, lets any number watch and one type.
//
// Who watches slowly slows nobody: each reads what is kept at their own pace, and is
// told how much they have missed if they fall too far behind. What is typed goes to
// the console in order, and waits for a console that is slow.
//
// The package decides nothing about who may: package desk does. Start at [New],
// [Hub.Apply] and [Hub.Attach].
package console
