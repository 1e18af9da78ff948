// Package telnet filters the Telnet protocol out of a byte stream, for both
// ends: the program that logs in to a power strip's menu, and the program that
// pretends to be that power strip.
//
// It exists because a power strip's telnet port mixes its menu with option
// requests, and a script that looks for a prompt must see the menu only. It is
// no terminal: it keeps no screen, translates no line ends and offers nothing
// by itself.
//
// Start with [NewConn] for the client end and [NewServer] for the server end;
// both wrap any io.ReadWriteCloser and return a [Conn], whose Read gives plain
// data. [PowerMan] gives the options with which a Conn behaves, to the byte, as
// the daemon powermand does towards its devices.
//
// # What is understood
//
//   - RFC 854: commands, IAC doubling; the two-byte commands (GA, NOP, AYT, ...)
//     are removed and have no effect.
//   - RFC 855: WILL, WONT, DO, DONT and sub-negotiation, with the loop rules of
//     RFC 1143 in the [Standard] dialect.
//   - RFC 856 binary, RFC 857 echo, RFC 858 suppress go ahead, RFC 860 timing
//     mark, RFC 1073 window size, RFC 1091 terminal type.
//
// Input may be cut anywhere: a command whose bytes arrive in several reads is
// the same command. Everything kept for the peer is bounded, see
// [MaxSubnegotiation] and [MaxPendingReplies].
//
// Carriage returns pass untouched in both directions: devices are told "\r" or
// "\r\n" by their scripts, and many break on the "\r\0" that RFC 854 asks for.
package telnet
