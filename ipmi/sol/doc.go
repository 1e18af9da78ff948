// Package sol is serial over LAN: a machine's serial console inside an IPMI session
// (section 15), for both ends.
//
// [Open] gives the console of a machine over a session, as a stream. [Link] is the
// protocol itself, without sockets, clocks and goroutines: the numbering,
// acknowledging and sending again that both ends have in common; package bmc uses
// it for the other end.
package sol
