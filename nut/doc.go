// Package nut speaks the protocol of Network UPS Tools, both ends of it: the
// line protocol by which programs ask a daemon how its uninterruptible power
// supplies stand, and tell it to command them.
//
// It is a library of its own, so that a program can ask a upsd ([Dial],
// [Client]) or stand in for one ([Server], with the work done by a [Handler];
// a [Bank] is one in memory, for simulations and tests). It knows nothing of
// nodes or policies.
//
// Start with words.go (how a line is cut into words), client.go and ask.go (the
// client), reading.go (what the variables of a UPS mean); handler.go, server.go
// and session.go are the server.
//
// # The protocol
//
// Lines of text over TCP, usually port 3493 ([Port]). A client asks with one
// line of words; the answer is one line, or a list between "BEGIN LIST ..." and
// "END LIST ...", or "ERR CODE" ([Code]). Words with blanks stand in double
// quotes, in which a backslash stands before a quote and before itself. STARTTLS
// turns the connection into TLS. The source is RFC 9271, and the behaviour of
// upsd 2.8 where the two differ (upsd says LOGIN and LOGOUT for what the RFC
// also calls ATTACH and DETACH; our server understands both).
//
// # Where our server differs from upsd 2.8, on purpose
//
//   - A quote that is not closed is an invalid argument; upsd takes the lines
//     that follow into the word and answers no more.
//   - What waits in clear behind STARTTLS ends the connection: somebody in
//     between could have put it there.
//   - Commands and settings are not tracked: SET TRACKING ON is refused.
package nut
