// Package bmc is the server end of IPMI over LAN: a BMC as a library, for programs that
// stand in for one (a power strip's outlet, a virtual machine) and for tests.
//
// A [Machine] is one BMC with all that it remembers: users, sensors, logs, inventory,
// settings. It is made from a [Config], which [ReadConfig] reads from data files, and what
// it does to real things goes through a [Host]. [Serve] lets it answer at a socket;
// [ServeMany] answers for thousands at one socket. Without a network, a Machine does
// requests as any [ipmi.Doer] does: see [Machine.As].
//
// Every packet is verified before it is believed, whatever comes in a session without
// its code is dropped in silence, each command has the lowest privilege that the
// specification gives it (appendix G), and handshakes cost their source tokens, failed ones
// many. What real BMCs do wrong can be had too: see [Faults].
//
// Start at [New].
package bmc
