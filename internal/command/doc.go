// Package command runs a program to its end, or to ours: as the leader of a process
// group of its own, which is killed as a whole when the context ends, with output
// that is kept up to a bound only. The exec driver and veto hooks run programs this
// way; coprocesses, which are talked with, are package transport's.
//
// Start at [Run].
package command
