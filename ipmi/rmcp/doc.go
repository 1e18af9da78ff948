// Package rmcp holds the packets of IPMI over LAN and their cryptography, for both
// ends: package ipmi is a client on top of it, package bmc a server.
//
// A datagram is an RMCP header and then an ASF message ([ParseASF]) or a session packet:
// [Packet.Parse] reads those of IPMI 1.5 and of 2.0 (RMCP+) into a [Packet]. Before a session its
// payload is taken as it is; inside one, [Channel.Open] believes nothing that it has not
// verified, and [Channel.Seal] makes what goes out. Most payloads are a [Message];
// the others set a session up ([OpenRequest], [RAKP1] and so on, [Exchange] for the
// keys) or carry a serial console ([SOL]).
//
// Parsers give slices of what they were given, appenders add to what they were given,
// and neither keeps it: the owner of the buffers decides how long they live. What
// is wrong with a packet is a [Fault], which costs no memory however many there are.
//
// Start at [Packet.Parse] to read what comes, and at [Channel] for a session.
//
// Sections named in comments are those of the IPMI specification, v2.0, revision 1.1.
package rmcp
