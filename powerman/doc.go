// Package powerman speaks the PowerMan network protocol, both ends of it: the
// line protocol of numbered replies with which the programs powerman and pm,
// the C library libpowerman, and through them fence agents and provisioning
// stacks, ask a power daemon to switch machines.
//
// It is a library of its own, so that a program can stand in for powermand
// ([Server], with the work done by a [Handler]) or ask one ([Dial], [Client])
// without the rest of Millwright. It knows nothing of devices or
// configuration: it turns bytes into requests and answers into bytes.
//
// Start with proto.go (codes and texts) and request.go (what a client may
// ask); handler.go is the contract with whoever does the work; server.go,
// conn.go and outbox.go are the server, reply.go is how its answers look, and
// client.go with parse.go is the client.
//
// # The protocol
//
// Lines of text over TCP, usually port 10101. The server greets with
// "001 VERSION" and the prompt "powerman> " (no line end). The client sends
// one request per line; the reply is a run of lines "NNN text" ended by CR LF,
// of which 3xx say that more is to come, 1xx ends well and 2xx ends badly;
// then the prompt again. The source is the behaviour of PowerMan 2.4
// (powermand(8), powerman(1), libpowerman(3)) as programs see it.
//
// # Where the server differs from powermand 2.4, on purpose
//
//   - Requests match whole words. The reference takes any word that begins
//     with "status" in any case as a query of everything, so that "Status t0"
//     asks every device; here it is "201 Unknown command". Words without
//     targets still match in any case ("QUIT").
//   - Blanks between targets separate them, as in every host list. The
//     reference drops all that follows the first blank without a word.
//   - "temp" never prints "(null)". A node without a value is named only in
//     the closing line "303 LIST: unknown" (which the reference prints too);
//     with exprange on, that line is one line per node.
//   - A reply goes out in one write with Nagle's delay off; the reference
//     loses about 40 ms whenever its ring buffer wraps.
//   - A reply that cannot be computed is "204 Internal powermand error: text"
//     with a cause instead of a source line.
//   - A client that leaves a line half-written for a minute, or does not read
//     its answers, loses its own connection and nothing else happens.
package powerman
